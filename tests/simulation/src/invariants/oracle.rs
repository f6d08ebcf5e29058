//! What is right, told from Git and from single objects, and without the engine's help.

use std::collections::BTreeMap;

use bridgehead_api::{GroupKind, ObjectKey, annotations};
use serde_json::Value;

use crate::api_server::object;
use crate::git::Git;
use crate::scenario::ApplicationPlan;
use crate::scenario::manifests::is_cluster_scoped;
use crate::world::CONTROL_NAMESPACE;

/// Phase and wave; phases in the order of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) phase: usize,
    pub(super) wave: i64,
}

/// Phases in their order.
pub(super) const PHASES: [&str; 4] = ["PreSync", "Sync", "PostSync", "SyncFail"];
/// Place of the Sync phase.
pub(super) const SYNC: usize = 1;
/// Place of the phase after a failure.
pub(super) const SYNC_FAIL: usize = 3;

/// What Git wants of an application at one commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) objects: BTreeMap<ObjectKey, Value>,
    /// Hooks by kind and name, or prefix of it.
    pub(super) hooks: Vec<Hook>,
}

#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) kind: GroupKind,
    pub(super) name: String,
    pub(super) step: Step,
}

impl Hook {
    pub(super) fn is(&self, key: &ObjectKey) -> bool {
        self.kind == key.group_kind
            && (*key.name == *self.name || self.name.ends_with('-') && key.name.starts_with(&self.name))
    }
}

/// What Git wants; none where that commit cannot be rendered.
pub(super) fn wanted(git: &Git, plan: &ApplicationPlan, commit: &str) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    for manifest in git.manifests(commit, plan.path)? {
        let kind = object::text(&manifest, "/kind").to_owned();
        let wave = wave(&manifest);
        if let Some(types) = object::annotation(&manifest, annotations::HOOK) {
            let name = match object::text(&manifest, "/metadata/name") {
                "" => object::text(&manifest, "/metadata/generateName").to_owned(),
                name => name.to_owned(),
            };
            for word in types.split(',') {
                let Some(phase) = PHASES.iter().position(|phase| *phase == word) else { continue };
                wanted.hooks.push(Hook {
                    kind: object::gvk(&manifest).group_kind,
                    name: name.clone(),
                    step: Step { phase, wave },
                });
            }
            continue;
        }
        let namespace = match kind.as_str() {
            kind if is_cluster_scoped(kind) => "",
            "Application" => CONTROL_NAMESPACE,
            _ => plan.namespace,
        };
        let key = ObjectKey::new(
            object::gvk(&manifest).group_kind,
            namespace,
            object::text(&manifest, "/metadata/name"),
        );
        wanted.objects.insert(key, manifest);
    }
    Some(wanted)
}

impl Wanted {
    /// Where an object stands in the order. A definition goes before the first object of its kind.
    pub(super) fn step(&self, key: &ObjectKey) -> Option<Step> {
        let own = wave(self.objects.get(key)?);
        let is_definition = key.group_kind.is("apiextensions.k8s.io", "CustomResourceDefinition");
        let users = self.objects.iter().filter(|(key, _)| is_definition && &*key.group_kind.kind == "Widget");
        let wave = users.map(|(_, manifest)| wave(manifest)).chain([own]).min().unwrap_or(own);
        Some(Step { phase: SYNC, wave })
    }
}

/// The wave that an object's annotation gives.
pub(super) fn wave(object: &Value) -> i64 {
    object::annotation(object, annotations::SYNC_WAVE).and_then(|wave| wave.parse().ok()).unwrap_or(0)
}

/// True if the object carries this sync option.
pub(super) fn has_option(object: &Value, option: &str) -> bool {
    object::annotation(object, annotations::SYNC_OPTIONS)
        .is_some_and(|options| options.split(',').any(|word| word.trim() == option))
}

/// The application that an object's tracking id names, if the id speaks of this object.
pub(super) fn tracked_by(object: &Value) -> Option<String> {
    let id = object::annotation(object, annotations::TRACKING_ID)?;
    let (application, rest) = id.split_once(':')?;
    let key = object::key(object);
    let own = format!("{}/{}:", key.group_kind.group, key.group_kind.kind);
    let place = rest.strip_prefix(&own)?;
    let (namespace, name) = place.split_once('/')?;
    let same_place = key.namespace().is_empty() || namespace == key.namespace();
    (same_place && *key.name == *name).then(|| application.to_owned())
}

/// True for an object that was created as a hook.
pub(super) fn is_hook(object: &Value) -> bool {
    object::annotation(object, annotations::HOOK).is_some()
}

/// True if an owner takes care of the object.
pub(super) fn is_owned(object: &Value) -> bool {
    object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .is_some_and(|owners| !owners.is_empty())
}

/// How an object is, in the only words that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Works,
    Comes,
    Failed,
}

/// Whether an object works, by the rules of its kind.
pub(super) fn assess(object: &Value) -> State {
    let status = |pointer: &str| object::number(object, &format!("/status/{pointer}"));
    let condition = |name: &str| {
        let all = object.pointer("/status/conditions").and_then(Value::as_array);
        all.into_iter().flatten().find(|condition| object::text(condition, "/type") == name).cloned()
    };
    let holds = |name: &str| condition(name).is_some_and(|found| object::text(&found, "/status") == "True");
    let is_seen = status("observedGeneration") == object::number(object, "/metadata/generation");
    let choose = |works: bool| if works { State::Works } else { State::Comes };
    match object::text(object, "/kind") {
        "Deployment" => {
            let exceeded = condition("Progressing")
                .is_some_and(|found| object::text(&found, "/reason") == "ProgressDeadlineExceeded");
            let wanted = object::number(object, "/spec/replicas");
            match is_seen {
                true if exceeded => State::Failed,
                seen => choose(seen && status("availableReplicas") >= wanted),
            }
        }
        "StatefulSet" => {
            choose(is_seen && status("readyReplicas") >= object::number(object, "/spec/replicas"))
        }
        "DaemonSet" => choose(is_seen && status("numberReady") >= 3),
        "Job" if holds("Failed") => State::Failed,
        "Job" => choose(holds("Complete")),
        "Pod" => match object::text(object, "/status/phase") {
            "Failed" => State::Failed,
            phase => choose(
                phase == "Succeeded"
                    || phase == "Running" && object::text(object, "/spec/restartPolicy") != "Never",
            ),
        },
        "PersistentVolumeClaim" => choose(object::text(object, "/status/phase") == "Bound"),
        "Service" if object::text(object, "/spec/type") == "LoadBalancer" => {
            choose(object.pointer("/status/loadBalancer/ingress").is_some())
        }
        "CustomResourceDefinition" => choose(holds("Established")),
        "Application" => {
            let is_running = object.get("operation").is_some_and(|operation| !operation.is_null())
                || matches!(object::text(object, "/status/operationState/phase"), "Running" | "Terminating");
            let syncs_itself = object.pointer("/spec/syncPolicy/automated").is_some();
            let is_synced = object::text(object, "/status/sync/status") == "Synced";
            let is_healthy = object::text(object, "/status/health/status") == "Healthy";
            choose(is_healthy && !is_running && (is_synced || !syncs_itself))
        }
        _ => State::Works,
    }
}
