use serde_json::{Value, json};

use super::*;
use crate::health::HealthRules;
use crate::manifest::{Origin, stamp_tracking};

const APPLICATION: &str = "web";

fn manifest(kind: &str, name: &str, extra: &Value) -> Manifest {
    let api_version = match kind {
        "Deployment" => "apps/v1",
        "Job" => "batch/v1",
        "Application" => "argoproj.io/v1alpha1",
        _ => "v1",
    };
    let mut value =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}});
    for (field, content) in extra.as_object().expect("an object") {
        if ["annotations", "deletionTimestamp", "ownerReferences"].contains(&field.as_str()) {
            value["metadata"][field] = content.clone();
        } else {
            value[field] = content.clone();
        }
    }
    let mut manifest = Manifest::new(value);
    stamp_tracking(&mut manifest, APPLICATION, "shop");
    manifest
}

#[allow(clippy::needless_pass_by_value, reason = "tests pass literals")]
fn desired(kind: &str, name: &str, extra: Value) -> Desired {
    let manifest = manifest(kind, name, &extra);
    Desired { key: manifest.key(), manifest, origin: Origin::default() }
}

#[allow(clippy::needless_pass_by_value, reason = "tests pass literals")]
fn live(kind: &str, name: &str, extra: Value) -> Live {
    let mut manifest = manifest(kind, name, &extra);
    manifest.value_mut()["metadata"]["resourceVersion"] = json!("1");
    Live::new(manifest)
}

fn compared_with(desired: &[Desired], live: &[Live], options: &CompareOptions) -> Comparison {
    let lookup = |key: &ObjectKey| {
        live.iter()
            .find(|live| live.key == *key)
            .map_or(LiveLookup::Absent, |live| LiveLookup::Live(live.clone()))
    };
    compare_application(desired, &lookup, live, &DiffRules::default(), options, &mut DiffMemo::default())
}

fn compared(desired: &[Desired], live: &[Live]) -> Comparison {
    let options = CompareOptions {
        application: APPLICATION.into(),
        health: HealthRules { applications: true },
        ..CompareOptions::default()
    };
    compared_with(desired, live, &options)
}

fn names(comparison: &Comparison) -> Vec<String> {
    comparison.resources.iter().map(|resource| resource.key.to_string()).collect()
}

#[test]
fn objects_are_sorted_as_argo_cd_prints_them() {
    let all = [
        desired("Service", "a", json!({})),
        desired("Deployment", "a", json!({})),
        desired("ConfigMap", "b", json!({})),
        desired("ConfigMap", "a", json!({})),
    ];
    assert_eq!(
        names(&compared(&all, &[])),
        ["/ConfigMap/shop/a", "/ConfigMap/shop/b", "/Service/shop/a", "apps/Deployment/shop/a"]
    );
}

#[test]
fn missing_objects_are_out_of_sync_and_do_not_make_the_application_unhealthy() {
    let comparison = compared(&[desired("ConfigMap", "a", json!({}))], &[]);
    assert_eq!(comparison.sync, SyncStatusCode::OutOfSync);
    assert_eq!(
        comparison.resources[0].health.as_ref().map(|health| health.status),
        Some(HealthStatusCode::Missing)
    );
    assert_eq!(comparison.health.status, HealthStatusCode::Healthy);
}

#[test]
fn what_git_no_longer_has_requires_pruning() {
    let comparison = compared(&[], &[live("ConfigMap", "old", json!({}))]);
    assert_eq!(comparison.sync, SyncStatusCode::OutOfSync);
    assert!(comparison.resources[0].requires_pruning);
}

#[test]
fn copies_of_a_tracking_id_and_owned_objects_are_left_alone() {
    let mut copy = live("Endpoints", "web", json!({}));
    copy.manifest.set_annotation(annotations::TRACKING_ID, "web:/Service:shop/web");
    let child = live("ConfigMap", "child", json!({"ownerReferences": [{"uid": "1"}]}));
    let mut foreign = live("ConfigMap", "foreign", json!({}));
    foreign.manifest.set_annotation(annotations::TRACKING_ID, "other:/ConfigMap:shop/foreign");
    let comparison = compared(&[], &[copy, child, foreign]);
    assert_eq!(names(&comparison), Vec::<String>::new());
    assert_eq!(comparison.sync, SyncStatusCode::Synced);
}

#[test]
fn live_hooks_are_shown_and_neither_pruned_nor_counted() {
    let hook = json!({"annotations": {annotations::HOOK: "PreSync"},
        "status": {"conditions": [{"type": "Failed", "status": "True"}]}});
    let comparison = compared(&[desired("Job", "next", hook.clone())], &[live("Job", "migrate", hook)]);
    assert_eq!(names(&comparison), ["batch/Job/shop/migrate"]);
    assert!(comparison.resources[0].hook && !comparison.resources[0].requires_pruning);
    assert_eq!(comparison.sync, SyncStatusCode::Synced);
    assert_eq!(comparison.health.status, HealthStatusCode::Healthy);
}

#[test]
fn skipped_manifests_are_shown_without_being_compared_or_pruned() {
    let skip = json!({"annotations": {annotations::HOOK: "Skip"}});
    let comparison = compared(&[desired("ConfigMap", "a", skip.clone())], &[live("ConfigMap", "a", skip)]);
    assert_eq!(comparison.sync, SyncStatusCode::Synced);
    assert!(comparison.resources[0].hook && !comparison.resources[0].requires_pruning);
}

#[test]
fn extraneous_objects_that_may_be_ignored_keep_the_application_synced() {
    let ignored = json!({"annotations": {annotations::COMPARE_OPTIONS: "IgnoreExtraneous"}});
    let comparison = compared(&[], &[live("ConfigMap", "a", ignored)]);
    assert_eq!(comparison.sync, SyncStatusCode::Synced);
    assert_eq!(comparison.resources[0].status, SyncStatusCode::OutOfSync);
}

#[test]
fn an_object_of_another_application_is_told_of() {
    let mut taken = live("ConfigMap", "a", json!({}));
    taken.manifest.set_annotation(annotations::TRACKING_ID, "other:/ConfigMap:shop/a");
    let comparison = compared(&[desired("ConfigMap", "a", json!({}))], &[taken]);
    assert_eq!(comparison.problems[0].condition, ConditionType::SharedResourceWarning);
    assert_eq!(comparison.sync, SyncStatusCode::OutOfSync);
}

#[test]
fn health_that_is_ignored_does_not_count() {
    let failed = |annotations: Value| json!({"annotations": annotations, "status": {"conditions": [{"type": "Failed", "status": "True"}]}});
    let counted = compared(&[], &[live("Job", "a", failed(json!({})))]);
    assert_eq!(counted.health.status, HealthStatusCode::Degraded);
    let ignored =
        compared(&[], &[live("Job", "a", failed(json!({annotations::IGNORE_HEALTHCHECK: "true"})))]);
    assert_eq!(ignored.health.status, HealthStatusCode::Healthy);
}

#[test]
fn an_application_that_manages_itself_does_not_wait_for_itself() {
    let comparison = compared(
        &[desired("Application", "web", json!({})), desired("Application", "child", json!({}))],
        &[live("Application", "web", json!({"spec": {}})), live("Application", "child", json!({"spec": {}}))],
    );
    let healths: Vec<_> = comparison.resources.iter().map(|resource| resource.health.is_some()).collect();
    assert_eq!(healths, [true, false]);
    assert_eq!(comparison.health.status, HealthStatusCode::Progressing);
}

#[test]
fn applications_have_a_health_only_where_asked() {
    let child = live("Application", "child", json!({"spec": {}}));
    let wanted = [desired("Application", "child", json!({}))];
    let options = CompareOptions { application: APPLICATION.into(), ..CompareOptions::default() };
    let comparison = compared_with(&wanted, &[child], &options);
    assert_eq!(comparison.resources[0].health, None);
    assert_eq!(comparison.health.status, HealthStatusCode::Healthy);
    let going = live("Application", "child", json!({"deletionTimestamp": "2026-11-21T00:00:00Z"}));
    let comparison = compared_with(&wanted, &[going], &options);
    assert_eq!(comparison.health.status, HealthStatusCode::Progressing);
}

#[test]
fn the_managed_namespace_is_never_extraneous() {
    let mut namespace =
        Manifest::new(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
    stamp_tracking(&mut namespace, APPLICATION, "shop");
    let options = CompareOptions {
        application: APPLICATION.into(),
        managed_namespace: Some("shop".into()),
        ..CompareOptions::default()
    };
    assert!(compared_with(&[], &[Live::new(namespace)], &options).resources.is_empty());
}

#[test]
fn a_pair_that_was_compared_is_not_compared_again() {
    let desired = desired("ConfigMap", "a", json!({"data": {"k": "v"}}));
    let same = live("ConfigMap", "a", json!({"data": {"k": "v"}}));
    // Another content under the same resourceVersion cannot be; here it shows that the memo answers.
    let changed = live("ConfigMap", "a", json!({"data": {"k": "x"}}));
    let rules = DiffRules::default();
    let mut memo = DiffMemo::default();
    assert!(memo.is_same(&desired, &same, &rules));
    assert!(memo.is_same(&desired, &changed, &rules));
    let mut elsewhere = changed.clone();
    elsewhere.manifest.value_mut()["apiVersion"] = json!("v2");
    assert!(!memo.is_same(&desired, &elsewhere, &rules), "read in another version of its kind");
    let later = Live { resource_version: "2".into(), ..changed };
    assert!(!memo.is_same(&desired, &later, &rules));
    memo.retain(|_| false);
    assert!(memo.is_empty());
}

#[test]
fn confirmations_that_are_needed_are_shown() {
    let object = json!({"annotations": {annotations::SYNC_OPTIONS: "Prune=confirm"}});
    assert!(compared(&[desired("ConfigMap", "a", object)], &[]).resources[0].requires_deletion_confirmation);
}
