//! Whether an object works, told from the object alone.
//!
//! ```text
//! live object ─ assess ─► Health, or none for kinds that have no health
//! comparison of every object ─ application_health ─► Health of the application: its worst object's
//! ```
//! One file for each kind. A status that its controller has not brought up to date since the last change of
//! the specification never counts as healthy.

mod api_service;
mod application;
mod crd;
mod cron_job;
mod daemon_set;
mod deployment;
mod fold;
mod hpa;
mod ingress;
mod job;
mod pod;
mod pvc;
mod read;
mod replica_set;
mod service;
mod stateful_set;
mod workflow;

use bridgehead_api::annotations;
use bridgehead_api::application::HealthStatusCode;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use read::Reader;

pub use fold::{Counted, application_health};

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The verdict.
    pub status: HealthStatusCode,
    /// The reason, for people; empty where there is nothing to say.
    pub message: String,
}

impl Health {
    /// A verdict with its reason.
    pub fn new(status: HealthStatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn healthy(message: impl Into<String>) -> Self {
        Self::new(HealthStatusCode::Healthy, message)
    }

    fn progressing(message: impl Into<String>) -> Self {
        Self::new(HealthStatusCode::Progressing, message)
    }

    fn degraded(message: impl Into<String>) -> Self {
        Self::new(HealthStatusCode::Degraded, message)
    }

    fn suspended(message: impl Into<String>) -> Self {
        Self::new(HealthStatusCode::Suspended, message)
    }

    fn unknown(message: impl Into<String>) -> Self {
        Self::new(HealthStatusCode::Unknown, message)
    }
}

/// Whether a live object works; none for kinds that have no health of their own.
///
/// An object that is being deleted is progressing, whatever its kind, unless it is a hook that only waits
/// for its end to be recorded: that one keeps the verdict that it came to.
pub fn assess(live: &Manifest) -> Option<Health> {
    let reader = Reader::new(live.value());
    let terminating = !reader.at("/metadata/deletionTimestamp").is_null();
    if terminating && !reader.texts("/metadata/finalizers").any(|name| name == annotations::HOOK_FINALIZER) {
        return Some(Health::progressing("is being deleted"));
    }
    let gvk = live.gvk();
    let rule = rule(&gvk.group_kind.group, &gvk.group_kind.kind)?;
    Some(rule(reader))
}

/// What an application's verdicts depend on beside the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthRules {
    /// Whether child Applications have a health, which the waves of an app-of-apps then wait for. False is
    /// Argo CD's own behaviour.
    pub applications: bool,
}

impl HealthRules {
    /// Whether a live object works, as far as this application looks at it; else like [`assess`].
    pub fn assess(self, live: &Manifest) -> Option<Health> {
        let is_going = !live.value()["metadata"]["deletionTimestamp"].is_null();
        let is_application = live.gvk().group_kind.is(bridgehead_api::GROUP, "Application");
        if is_application && !self.applications && !is_going { None } else { assess(live) }
    }
}

/// True if objects of this kind have a health of their own.
pub fn has_rule(group: &str, kind: &str) -> bool {
    rule(group, kind).is_some()
}

type Rule = fn(Reader<'_>) -> Health;

fn rule(group: &str, kind: &str) -> Option<Rule> {
    let rule: Rule = match (group, kind) {
        ("", "Pod") => pod::health,
        ("", "Service") => service::health,
        ("", "PersistentVolumeClaim") => pvc::health,
        ("apps" | "extensions", "Deployment") => deployment::health,
        ("apps" | "extensions", "ReplicaSet") => replica_set::health,
        ("apps" | "extensions", "DaemonSet") => daemon_set::health,
        ("apps", "StatefulSet") => stateful_set::health,
        ("networking.k8s.io" | "extensions", "Ingress") => ingress::health,
        ("batch", "Job") => job::health,
        ("batch", "CronJob") => cron_job::health,
        ("autoscaling", "HorizontalPodAutoscaler") => hpa::health,
        ("apiregistration.k8s.io", "APIService") => api_service::health,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::health,
        ("argoproj.io", "Workflow") => workflow::health,
        ("argoproj.io", "Application") => application::health,
        _ => return None,
    };
    Some(rule)
}
