//! Whole operations of the sync machine, on objects that change only by its own writes.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::OperationPhase;
use bridgehead_engine::health::HealthRules;
use bridgehead_engine::manifest::{Desired, Live, Manifest, Origin};
use bridgehead_engine::sync::{
    Attempt, Done, Outcome, PlanInput, PlanSettings, Record, Seen, Target, advance, build,
};
use jiff::Timestamp;
use serde_json::{Value, json};

const WAVE: &str = "argocd.argoproj.io/sync-wave";

fn target(desired: &Value, live: &Value, out_of_sync: bool) -> Target {
    let manifest = Manifest::new(desired.clone());
    let desired = Desired { key: manifest.key(), manifest, origin: Origin::default() };
    Target { desired: Some(desired), live: Some(Live::new(Manifest::new(live.clone()))), out_of_sync }
}

/// A setting that changes, in wave 0, and a claim that was lost long ago.
fn setting_and_lost_claim(wave: &str) -> [Target; 2] {
    let setting = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "setting", "namespace": "shop"},
            "data": {"value": value}})
    };
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim", "namespace": "shop", "annotations": {WAVE: wave}}});
    let mut lost = claim.clone();
    lost["status"] = json!({"phase": "Lost"});
    [target(&setting("new"), &setting("old"), true), target(&claim, &lost, false)]
}

/// Runs a sync in which every write succeeds.
fn sync(targets: &[Target]) -> Record {
    sync_by(targets, HealthRules::default())
}

fn sync_by(targets: &[Target], health: HealthRules) -> Record {
    let now = Timestamp::UNIX_EPOCH;
    let attempt = Attempt { application: "uid".into(), started_at: now, retry: 0 };
    let plan = build(PlanInput {
        targets,
        hooks: &[],
        namespace: None,
        rejected: &[],
        settings: &PlanSettings { health, ..PlanSettings::default() },
        attempt: &attempt,
        revision: "0123456789abcdef",
        record: None,
    });
    let observed = |key: &ObjectKey| {
        let found = targets.iter().filter_map(|target| target.live.clone()).find(|live| live.key == *key);
        found.map_or(Seen::Absent, Seen::Live)
    };
    let mut record = Record::begin(now);
    let mut outcomes = Vec::new();
    loop {
        let next = advance(&plan, &record, &observed, &outcomes, now);
        record = next.record;
        if record.has_ended() || next.effects.is_empty() {
            return record;
        }
        let done = || Ok(Done::Applied { message: "configured".into() });
        outcomes = next.effects.into_iter().map(|effect| Outcome { effect, result: done() }).collect();
    }
}

#[test]
fn an_object_that_was_degraded_before_fails_no_sync_that_nothing_holds_up_for_it() {
    for wave in ["0", "1"] {
        let record = sync(&setting_and_lost_claim(wave));
        assert_eq!(record.phase, OperationPhase::Succeeded, "in wave {wave}: {}", record.message);
    }
}

#[test]
fn a_degraded_object_fails_the_sync_of_later_waves() {
    let record = sync(&setting_and_lost_claim("-1"));
    assert_eq!(record.phase, OperationPhase::Failed, "{}", record.message);
}

#[test]
fn applications_are_waited_for_where_that_is_asked_for_and_a_root_never_for_itself() {
    let root = |uid: &str| {
        let desired = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "root", "namespace": "argocd"}});
        let mut live = desired.clone();
        live["metadata"]["uid"] = uid.into();
        live["operation"] = json!({"sync": {}});
        live["status"] = json!({"health": {"status": "Progressing"}, "operationState": {"phase": "Running"}});
        target(&desired, &live, false)
    };
    let setting = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "late", "namespace": "shop", "annotations": {WAVE: "5"}}, "data": {"value": value}})
    };
    let late = || target(&setting("new"), &setting("old"), true);
    for (applications, uid, phase) in [
        (true, "uid", OperationPhase::Succeeded),
        (true, "of another", OperationPhase::Running),
        (false, "of another", OperationPhase::Succeeded),
    ] {
        let record = sync_by(&[root(uid), late()], HealthRules { applications });
        assert_eq!(record.phase, phase, "{applications} {uid}: {}", record.message);
    }
}
