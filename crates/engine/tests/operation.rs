//! Single moves of an operation: what comes next, after what has happened.

use std::collections::BTreeMap;

use bridgehead_api::application::{OperationPhase, ResultCode, SyncPhase};
use bridgehead_api::{ObjectKey, annotations};
use bridgehead_engine::manifest::{Desired, Live, Manifest, Origin};
use bridgehead_engine::sync::{
    Attempt, DeleteReason, Done, Effect, Failure, Outcome, Plan, PlanInput, PlanSettings, Record, Seen,
    Target, TaskId, TaskState, advance, build, release_left_over,
};
use jiff::Timestamp;
use serde_json::{Value, json};

const TRACKED: &str = "shop:/ConfigMap:shop/";

/// An application, its cluster, and an operation that is as far as it is.
struct Shop {
    objects: Vec<Value>,
    hooks: Vec<Value>,
    live: BTreeMap<ObjectKey, Value>,
    rejected: Vec<(ObjectKey, String)>,
    record: Record,
}

impl Shop {
    fn new(objects: impl IntoIterator<Item = Value>, hooks: impl IntoIterator<Item = Value>) -> Self {
        Self {
            objects: objects.into_iter().collect(),
            hooks: hooks.into_iter().collect(),
            live: BTreeMap::new(),
            rejected: Vec::new(),
            record: Record::begin(Timestamp::UNIX_EPOCH),
        }
    }

    fn with_live(mut self, live: impl IntoIterator<Item = Value>) -> Self {
        for object in live {
            self.put(object);
        }
        self
    }

    fn put(&mut self, object: Value) {
        self.live.insert(key(&object), object);
    }

    fn seen(&self, key: &ObjectKey) -> Option<Live> {
        self.live.get(key).map(|object| Live::new(Manifest::new(object.clone())))
    }

    fn plan(&self) -> Plan {
        let wanted: Vec<Desired> = self.objects.iter().map(desired).collect();
        let hooks: Vec<Desired> = self.hooks.iter().map(desired).collect();
        let is_extraneous = |key: &&ObjectKey| {
            self.live[*key].pointer("/metadata/annotations/argocd.argoproj.io~1hook").is_none()
                && !wanted.iter().any(|desired| desired.key == **key)
        };
        let prunes = self.live.keys().filter(is_extraneous);
        let prunes = prunes.map(|key| Target { desired: None, live: self.seen(key), out_of_sync: true });
        let targets: Vec<Target> = wanted
            .iter()
            .map(|desired| Target {
                live: self.seen(&desired.key),
                out_of_sync: self.seen(&desired.key).is_none(),
                desired: Some(desired.clone()),
            })
            .chain(prunes)
            .collect();
        let attempt = Attempt { application: "uid".into(), started_at: self.record.started_at, retry: 0 };
        build(PlanInput {
            targets: &targets,
            hooks: &hooks,
            namespace: None,
            rejected: &self.rejected,
            settings: &PlanSettings { prune: true, ..PlanSettings::default() },
            attempt: &attempt,
            revision: "0123456789abcdef",
            record: Some(&self.record),
        })
    }

    /// Goes on until there is something to write or to wait for.
    fn go_on(&mut self, outcomes: &[Outcome]) -> Vec<Effect> {
        let observed = |key: &ObjectKey| self.seen(key).map_or(Seen::Absent, Seen::Live);
        let next = advance(&self.plan(), &self.record, &observed, outcomes, Timestamp::UNIX_EPOCH);
        self.record = next.record;
        next.effects
    }

    /// Carries effects out, and goes on.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        for effect in &effects {
            match effect {
                Effect::Apply(effect) => self.put(effect.desired.manifest.value().clone()),
                Effect::Delete(effect) => {
                    self.live.remove(&effect.live.key);
                }
                Effect::RemoveFinalizer(effect) => {
                    let object = self.live.get_mut(&effect.live.key).expect("it was seen");
                    object["metadata"]["finalizers"] = json!([]);
                }
            }
        }
        let done = |effect: &Effect| match effect {
            Effect::Apply(_) => Done::Applied { message: "applied".into() },
            Effect::Delete(effect) => Done::Deleted { uid: effect.live.uid.clone() },
            Effect::RemoveFinalizer(_) => Done::FinalizerRemoved,
        };
        let outcomes: Vec<Outcome> =
            effects.into_iter().map(|effect| Outcome { result: Ok(done(&effect)), effect }).collect();
        self.go_on(&outcomes)
    }

    fn refuse(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let refused = || Err(Failure::Refused { message: "not now".into() });
        let outcomes: Vec<Outcome> =
            effects.into_iter().map(|effect| Outcome { effect, result: refused() }).collect();
        self.go_on(&outcomes)
    }

    fn status(&mut self, of: &ObjectKey, status: Value) {
        self.live.get_mut(of).expect("it is live")["status"] = status;
    }

    fn result(&self, phase: SyncPhase, key: &ObjectKey) -> Option<(TaskState, Option<ResultCode>)> {
        let entry = self.record.task(&TaskId { phase, key: key.clone() })?;
        Some((entry.state, entry.code))
    }
}

fn key(object: &Value) -> ObjectKey {
    Manifest::new(object.clone()).key()
}

fn desired(object: &Value) -> Desired {
    let manifest = Manifest::new(object.clone());
    Desired { key: manifest.key(), manifest, origin: Origin::default() }
}

fn names(effects: &[Effect]) -> Vec<&str> {
    effects.iter().map(|effect| &*effect.task().key.name).collect()
}

fn setting(name: &str, wave: i64) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "annotations": {
        annotations::SYNC_WAVE: wave.to_string(), annotations::TRACKING_ID: format!("{TRACKED}{name}"),
    }}})
}

fn deployment(name: &str, wave: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "generation": 1, "annotations": {
            annotations::SYNC_WAVE: wave.to_string(),
        }},
        "spec": {"replicas": 1},
    })
}

fn hook(name: &str, types: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "shop",
        "annotations": {annotations::HOOK: types}}})
}

fn complete() -> Value {
    json!({"conditions": [{"type": "Complete", "status": "True"}]})
}

/// A Deployment comes up in wave 0, a setting follows in wave 1; the Deployment is applied.
fn half_way(hooks: impl IntoIterator<Item = Value>) -> Shop {
    let mut shop = Shop::new([deployment("web", 0), setting("later", 1)], hooks);
    let effects = shop.go_on(&[]);
    assert_eq!(names(&effects), ["web"]);
    assert!(shop.carry_out(effects).is_empty(), "its health is awaited");
    shop
}

#[test]
fn an_object_that_is_rejected_while_the_operation_runs_fails_it_before_the_next_write() {
    let mut shop = half_way([]);
    let later = key(&setting("later", 1));
    shop.rejected = vec![(later.clone(), "namespace shop is not permitted".into())];
    assert!(shop.go_on(&[]).is_empty());
    assert_eq!(shop.record.phase, OperationPhase::Failed, "{}", shop.record.message);
    assert_eq!(shop.result(SyncPhase::Sync, &later), Some((TaskState::Failed, Some(ResultCode::SyncFailed))));
    assert!(shop.record.message.contains("namespace shop is not permitted"), "{}", shop.record.message);
}

#[test]
fn an_object_that_was_applied_before_it_was_rejected_is_left_at_that() {
    let mut shop = half_way([]);
    let web = key(&deployment("web", 0));
    shop.rejected = vec![(web.clone(), "Deployments are not permitted".into())];
    assert!(shop.go_on(&[]).is_empty());
    assert_eq!(shop.record.phase, OperationPhase::Running);
    shop.status(
        &web,
        json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}),
    );
    let effects = shop.go_on(&[]);
    assert_eq!(names(&effects), ["later"]);
}

#[test]
fn what_is_rejected_while_a_hook_runs_ends_the_operation_once_the_hook_has_ended() {
    let mut shop = Shop::new([setting("later", 1)], [hook("migrate", "PreSync")]);
    let effects = shop.go_on(&[]);
    assert_eq!(names(&effects), ["migrate"]);
    assert!(shop.carry_out(effects).is_empty());
    let (migrate, later) = (key(&hook("migrate", "PreSync")), key(&setting("later", 1)));
    shop.rejected = vec![(later.clone(), "not permitted".into())];
    assert!(shop.go_on(&[]).is_empty());
    assert_eq!(shop.record.phase, OperationPhase::Running, "the hook is waited for");
    assert!(shop.record.message.contains("migrate"), "{}", shop.record.message);
    shop.status(&migrate, complete());
    let effects = shop.go_on(&[]);
    assert!(matches!(effects.as_slice(), [Effect::RemoveFinalizer(_)]), "{effects:?}");
    assert!(shop.carry_out(effects).is_empty());
    assert_eq!(shop.record.phase, OperationPhase::Failed);
    assert_eq!(
        shop.result(SyncPhase::PreSync, &migrate),
        Some((TaskState::Succeeded, Some(ResultCode::Synced)))
    );
}

#[test]
fn what_is_pruned_last_goes_behind_the_mirrored_waves_of_other_prunes() {
    let mut last = setting("last", 0);
    last["metadata"]["annotations"][annotations::SYNC_OPTIONS] = json!("PruneLast=true");
    let live = [setting("kept", 0), setting("low", -5), setting("high", 5), last];
    let mut shop = Shop::new([setting("kept", 0)], []).with_live(live);
    let mut order = Vec::new();
    let mut effects = shop.go_on(&[]);
    while !effects.is_empty() {
        let is_prune = |effect: &Effect| matches!(effect, Effect::Delete(delete) if delete.reason == DeleteReason::Prune);
        order.extend(
            effects.iter().filter(|effect| is_prune(effect)).map(|effect| effect.task().key.name.to_string()),
        );
        effects = shop.carry_out(effects);
    }
    assert_eq!(shop.record.phase, OperationPhase::Succeeded, "{}", shop.record.message);
    assert_eq!(order, ["high", "low", "last"]);
}

#[test]
fn a_finalizer_that_cannot_be_taken_off_does_not_undo_what_its_hook_has_done() {
    let mut shop = Shop::new([], [hook("smoke-test", "PostSync")]);
    let effects = shop.go_on(&[]);
    shop.carry_out(effects);
    let smoke_test = key(&hook("smoke-test", "PostSync"));
    shop.status(&smoke_test, complete());
    let effects = shop.go_on(&[]);
    assert!(matches!(effects.as_slice(), [Effect::RemoveFinalizer(_)]), "{effects:?}");
    assert!(shop.refuse(effects).is_empty());
    assert_eq!(shop.record.phase, OperationPhase::Succeeded, "{}", shop.record.message);
    assert_eq!(
        shop.result(SyncPhase::PostSync, &smoke_test),
        Some((TaskState::Succeeded, Some(ResultCode::Synced)))
    );
}

#[test]
fn a_hook_whose_creation_was_taken_for_a_failure_is_waited_for_once_it_is_seen() {
    let mut shop = Shop::new([], [hook("smoke-test", "PostSync")]);
    let effects = shop.go_on(&[]);
    let [Effect::Apply(created)] = effects.as_slice() else { panic!("{effects:?}") };
    // The answer was lost: the hook is there all the same.
    shop.put(created.desired.manifest.value().clone());
    assert!(shop.refuse(effects).is_empty());
    let smoke_test = key(&hook("smoke-test", "PostSync"));
    assert_eq!(shop.record.phase, OperationPhase::Running, "{}", shop.record.message);
    assert_eq!(
        shop.result(SyncPhase::PostSync, &smoke_test),
        Some((TaskState::Running, Some(ResultCode::Synced)))
    );
    shop.status(&smoke_test, complete());
    let effects = shop.go_on(&[]);
    shop.carry_out(effects);
    assert_eq!(shop.record.phase, OperationPhase::Succeeded, "{}", shop.record.message);
}

#[test]
fn hooks_of_attempts_that_are_over_lose_our_finalizer_and_those_of_the_running_one_keep_it() {
    let attempt = |retry| Attempt { application: "uid".into(), started_at: Timestamp::UNIX_EPOCH, retry };
    let hook = |name: &str, annotation: Option<String>| {
        let mut hook = hook(name, "PostSync");
        hook["metadata"]["finalizers"] = json!(["example.com/theirs", annotations::HOOK_FINALIZER]);
        if let Some(annotation) = annotation {
            hook["metadata"]["annotations"][annotations::HOOK_ATTEMPT] = json!(annotation);
        }
        Live::new(Manifest::new(hook))
    };
    let live = [
        hook("first", Some(format!("{}/PostSync", attempt(0)))),
        hook("second", Some(format!("{}/PostSync", attempt(1)))),
        hook("eleventh", Some(format!("{}/PostSync", attempt(10)))),
        hook("of-another-engine", None),
    ];
    let released = release_left_over(&live, Some(&attempt(1)));
    assert_eq!(names(&released), ["first", "eleventh"]);
    let released = release_left_over(&live, None);
    assert_eq!(names(&released), ["first", "second", "eleventh"]);
    assert!(
        matches!(&released[0], Effect::RemoveFinalizer(effect) if effect.finalizer == annotations::HOOK_FINALIZER)
    );
}
