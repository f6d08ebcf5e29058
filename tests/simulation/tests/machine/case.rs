//! What a run begins with.

use bridgehead_api::annotations;
use bridgehead_engine::manifest::{Desired, Manifest, Origin};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// Name of the application in tracking ids.
pub(crate) const APPLICATION: &str = "shop";
/// How an object ends up.
pub(crate) const OUTCOME: &str = "test/outcome";
/// Tells a state of an object from another.
pub(crate) const STATE: &str = "test/state";

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) objects: Vec<Object>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) prunes: Vec<Prune>,
    pub(crate) out_of_sync_only: bool,
    pub(crate) prune_last: bool,
    /// Which of the things that can move on does so next.
    pub(crate) pace: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) wave: i64,
    pub(crate) fails: bool,
    pub(crate) before: Before,
}

/// What is there of an object before the sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Absent,
    Different,
    Same,
}

#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) types: Vec<&'static str>,
    pub(crate) policies: Vec<&'static str>,
    pub(crate) wave: i64,
    pub(crate) fails: bool,
    pub(crate) generates_name: bool,
    /// One of an earlier attempt is still there.
    pub(crate) left_over: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Prune {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) wave: i64,
    pub(crate) last: bool,
    pub(crate) kept: bool,
}

fn wave() -> impl Strategy<Value = i64> {
    select(vec![-1_i64, 0, 0, 1, 2])
}

fn kind() -> impl Strategy<Value = &'static str> {
    select(vec!["ConfigMap", "ConfigMap", "Deployment", "Deployment", "Service"])
}

fn rarely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.1)
}

fn object() -> impl Strategy<Value = Object> {
    let before = select(vec![Before::Absent, Before::Absent, Before::Different, Before::Same]);
    (kind(), wave(), rarely(), before).prop_map(|(kind, wave, fails, before)| Object {
        name: String::new(),
        kind,
        wave,
        fails: fails && kind == "Deployment",
        before,
    })
}

fn hook() -> impl Strategy<Value = Hook> {
    let types = subsequence(vec!["PreSync", "Sync", "PostSync", "SyncFail"], 1..=2);
    let policies = subsequence(vec!["BeforeHookCreation", "HookSucceeded", "HookFailed"], 0..=2);
    (types, policies, wave(), rarely(), any::<bool>(), any::<bool>()).prop_map(
        |(types, policies, wave, fails, generates_name, left_over)| {
            // Without this policy what is left of an earlier attempt is taken as it is.
            let clears = policies.is_empty() || policies.contains(&"BeforeHookCreation");
            Hook {
                name: String::new(),
                types,
                policies,
                wave,
                fails,
                generates_name,
                left_over: left_over && clears && !generates_name,
            }
        },
    )
}

fn prune() -> impl Strategy<Value = Prune> {
    (kind(), wave(), rarely(), rarely()).prop_map(|(kind, wave, last, kept)| Prune {
        name: String::new(),
        kind,
        wave,
        last,
        kept,
    })
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let objects = prop::collection::vec(object(), 0..5);
    let hooks = prop::collection::vec(hook(), 0..4);
    let prunes = prop::collection::vec(prune(), 0..5);
    let pace = prop::collection::vec(0_usize..8, 1..6);
    (objects, hooks, prunes, rarely(), rarely(), pace).prop_map(
        |(mut objects, mut hooks, mut prunes, out_of_sync_only, prune_last, pace)| {
            for (number, object) in objects.iter_mut().enumerate() {
                object.name = format!("object-{number}");
            }
            for (number, hook) in hooks.iter_mut().enumerate() {
                hook.name = format!("hook-{number}");
            }
            for (number, prune) in prunes.iter_mut().enumerate() {
                prune.name = format!("prune-{number}");
            }
            Case { objects, hooks, prunes, out_of_sync_only, prune_last, pace }
        },
    )
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" => "apps/v1",
        "Job" => "batch/v1",
        _ => "v1",
    }
}

fn manifest(kind: &str, name: &str, wave: i64, state: &str) -> Value {
    let group = api_version(kind).rsplit_once('/').map_or("", |(group, _)| group);
    let mut object = json!({
        "apiVersion": api_version(kind), "kind": kind,
        "metadata": {"name": name, "namespace": "default", "annotations": {
            annotations::SYNC_WAVE: wave.to_string(),
            annotations::TRACKING_ID: format!("{APPLICATION}:{group}/{kind}:default/{name}"),
            STATE: state,
        }},
    });
    if kind == "Deployment" {
        object["spec"] = json!({"replicas": 1, "version": state, "selector": {}, "template": {}});
    }
    object
}

fn annotate(object: &mut Value, name: &str, value: &str) {
    object["metadata"]["annotations"][name] = json!(value);
}

fn desired(object: Value) -> Desired {
    let manifest = Manifest::new(object);
    Desired { key: manifest.key(), manifest, origin: Origin::default() }
}

impl Object {
    pub(crate) fn desired(&self) -> Desired {
        desired(self.at("new"))
    }

    /// The object before the sync.
    pub(crate) fn live(&self) -> Option<Value> {
        match self.before {
            Before::Absent => None,
            Before::Different => Some(self.at("old")),
            Before::Same => Some(self.at("new")),
        }
    }

    fn at(&self, state: &str) -> Value {
        let mut object = manifest(self.kind, &self.name, self.wave, state);
        annotate(&mut object, OUTCOME, if self.fails { "fails" } else { "works" });
        object
    }
}

impl Hook {
    fn manifest(&self) -> Value {
        let mut object = manifest("Job", &self.name, self.wave, "new");
        annotate(&mut object, annotations::HOOK, &self.types.join(","));
        annotate(&mut object, OUTCOME, if self.fails { "fails" } else { "works" });
        if !self.policies.is_empty() {
            annotate(&mut object, annotations::HOOK_DELETE_POLICY, &self.policies.join(","));
        }
        object
    }

    pub(crate) fn desired(&self) -> Desired {
        let mut object = self.manifest();
        if self.generates_name {
            let metadata = object["metadata"].as_object_mut().expect("written above");
            metadata.remove("name");
            metadata.insert("generateName".into(), format!("{}-", self.name).into());
        }
        desired(object)
    }

    /// What an earlier attempt left.
    pub(crate) fn live(&self) -> Option<Value> {
        let mut object = self.manifest();
        annotate(&mut object, annotations::HOOK_ATTEMPT, "an/earlier/one");
        object["metadata"]["finalizers"] = json!([annotations::HOOK_FINALIZER]);
        self.left_over.then_some(object)
    }
}

impl Prune {
    pub(crate) fn live(&self) -> Value {
        let mut object = manifest(self.kind, &self.name, self.wave, "old");
        let options = match (self.last, self.kept) {
            (_, true) => "Prune=false",
            (true, _) => "PruneLast=true",
            _ => "",
        };
        annotate(&mut object, annotations::SYNC_OPTIONS, options);
        object
    }
}
