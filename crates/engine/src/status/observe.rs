//! From a comparison to the status that tells of it.

use std::collections::BTreeSet;

use bridgehead_api::Time;
use bridgehead_api::application::{
    AppHealthStatus, ApplicationSpec, ApplicationStatus, ApplicationSummary, ComparedTo, ConditionType,
    HealthStatus, HealthStatusCode, ResourceStatus, SourceType, SyncStatus, SyncStatusCode,
};
use jiff::Timestamp;
use serde_json::Value;

use super::conditions;
use crate::compare::{Comparison, ResourceComparison};
use crate::manifest::{self, INVALID_SETTING_WARNING};

/// What one pass found out.
#[derive(Debug)]
pub struct Observation<'a> {
    /// The normalised specification that was compared.
    pub spec: &'a ApplicationSpec,
    /// The revisions that were compared, one for each source; empty if they could not be told.
    pub revisions: &'a [String],
    /// The comparison, or how little can be said without one.
    pub verdict: Verdict<'a>,
    /// All errors and warnings that hold now.
    pub conditions: Vec<(ConditionType, String)>,
    /// How each source was rendered.
    pub source_types: Vec<SourceType>,
    /// The namespace of the agent.
    pub controller_namespace: &'a str,
}

/// How much a pass can say.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// Everything was compared.
    Compared(&'a Comparison),
    /// Something that passes (a server that does not answer) kept us from it: what was known stays.
    LastKnown,
    /// Nothing is known, and it is no passing matter.
    Unknown,
}

/// Condition types that a pass sets and clears.
fn owned() -> [ConditionType; 10] {
    [
        ConditionType::DeletionError,
        ConditionType::InvalidSpecError,
        ConditionType::ComparisonError,
        ConditionType::SyncError,
        ConditionType::UnknownError,
        ConditionType::SharedResourceWarning,
        ConditionType::RepeatedResourceWarning,
        ConditionType::ExcludedResourceWarning,
        ConditionType::OrphanedResourceWarning,
        ConditionType::Other(INVALID_SETTING_WARNING.to_owned()),
    ]
}

/// The status after the pass. `operationState` and `history` stay as they were.
pub fn observe(
    before: &ApplicationStatus,
    observation: Observation<'_>,
    now: Timestamp,
) -> ApplicationStatus {
    let now = Time::new(now);
    let mut after = before.clone();
    after.conditions = conditions::merge(&before.conditions, observation.conditions, &owned(), now);
    after.reconciled_at = Some(now);
    observation.controller_namespace.clone_into(&mut after.controller_namespace);
    // Health stands in `resources`: absent says so.
    after.resource_health_source = None;
    match observation.verdict {
        Verdict::LastKnown => return after,
        Verdict::Unknown => {
            after.sync.status = Some(SyncStatusCode::Unknown);
            set_health(&mut after.health, HealthStatusCode::Unknown, "", now);
            for resource in &mut after.resources {
                resource.status = resource.status.map(|_| SyncStatusCode::Unknown);
            }
        }
        Verdict::Compared(comparison) => {
            after.resources = comparison.resources.iter().map(resource_status).collect();
            after.sync.status = Some(comparison.sync);
            set_health(&mut after.health, comparison.health.status, &comparison.health.message, now);
            after.summary = summary(&comparison.resources);
        }
    }
    let several = !observation.spec.sources.is_empty();
    after.sync = SyncStatus {
        status: after.sync.status,
        compared_to: ComparedTo {
            source: observation.spec.source.clone().filter(|_| !several).unwrap_or_default(),
            sources: observation.spec.sources.clone(),
            destination: observation.spec.destination.clone(),
            ignore_differences: observation.spec.ignore_differences.clone(),
        },
        revision: if several {
            String::new()
        } else {
            observation.revisions.first().cloned().unwrap_or_default()
        },
        revisions: if several { observation.revisions.to_vec() } else { Vec::new() },
    };
    if several {
        after.source_type = None;
        after.source_types = observation.source_types;
    } else {
        after.source_type = observation.source_types.first().copied();
        after.source_types = Vec::new();
    }
    after
}

fn set_health(health: &mut AppHealthStatus, status: HealthStatusCode, message: &str, now: Time) {
    if health.status != Some(status) {
        health.last_transition_time = Some(now);
    }
    health.status = Some(status);
    message.clone_into(&mut health.message);
}

fn resource_status(resource: &ResourceComparison) -> ResourceStatus {
    ResourceStatus {
        group: resource.key.group_kind.group.to_string(),
        version: resource.version.to_string(),
        kind: resource.key.group_kind.kind.to_string(),
        namespace: resource.key.namespace().to_owned(),
        name: resource.key.name.to_string(),
        status: (!resource.hook).then_some(resource.status),
        health: resource
            .health
            .as_ref()
            .map(|health| HealthStatus::new(health.status, health.message.clone())),
        hook: resource.hook,
        requires_pruning: resource.requires_pruning,
        sync_wave: resource.wave,
        requires_deletion_confirmation: resource.requires_deletion_confirmation,
    }
}

/// Images, URLs and whether it is an app-of-apps: told by what is live, or wanted where nothing is.
fn summary(resources: &[ResourceComparison]) -> ApplicationSummary {
    let mut images = BTreeSet::new();
    let mut urls = BTreeSet::new();
    let mut is_app_of_apps = false;
    for resource in resources {
        let live = resource.live.as_ref().map(|live| &live.manifest);
        let object = live.or(resource.desired.as_ref().map(|desired| &desired.manifest));
        images.extend(object.into_iter().flat_map(manifest::images));
        is_app_of_apps |= resource.key.group_kind.is(bridgehead_api::GROUP, "Application");
        if let Some(live) = live {
            collect_urls(&resource.key.group_kind.kind, live.value(), &mut urls);
        }
    }
    ApplicationSummary {
        external_urls: urls.into_iter().collect(),
        images: images.into_iter().collect(),
        is_app_of_apps,
    }
}

/// Where an Ingress or a load balancer can be reached, and what `link.argocd.argoproj.io` annotations say.
fn collect_urls(kind: &str, live: &Value, urls: &mut BTreeSet<String>) {
    let annotations = live.pointer("/metadata/annotations").and_then(Value::as_object);
    for (name, link) in annotations.into_iter().flatten() {
        if name.starts_with("link.argocd.argoproj.io/") {
            urls.extend(link.as_str().and_then(|link| link.rsplit('|').next()).map(str::to_owned));
        }
    }
    if kind != "Ingress" {
        return;
    }
    let secured: BTreeSet<&str> = live
        .pointer("/spec/tls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("hosts")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let rules = live.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
    for rule in rules {
        let Some(host) = rule.get("host").and_then(Value::as_str) else { continue };
        let scheme = if secured.contains(host) { "https" } else { "http" };
        let paths = rule.pointer("/http/paths").and_then(Value::as_array).into_iter().flatten();
        for path in paths {
            let path = path.get("path").and_then(Value::as_str).unwrap_or("/").trim_end_matches('*');
            urls.insert(format!("{scheme}://{host}{path}"));
        }
    }
}
