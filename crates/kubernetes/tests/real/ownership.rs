//! What an apply on the server's side takes away, told beforehand from the fields that we own.

use anyhow::Result;
use bridgehead_api::ObjectKey;
use bridgehead_api::application::{ApplicationSpec, SyncPolicy};
use bridgehead_engine::diff::{DiffRules, compare};
use bridgehead_engine::manifest::{Desired, Manifest, Origin};
use bridgehead_kubernetes::write::{ApplyOptions, FieldValidation, apply, get};
use bridgehead_kubernetes::{Connection, Resource};
use serde_json::{Value, json};

use super::support::{Following, deployments, object, place};

fn services() -> Resource {
    Resource::known("v1", "Service", "services", true)
}

/// The places where an apply would change the live object, by the comparison.
async fn differences(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    wanted: &Value,
) -> Result<Vec<String>> {
    let live = get(connection, resource, key).await?.expect("it was applied");
    let spec = ApplicationSpec {
        sync_policy: Some(SyncPolicy {
            sync_options: vec!["ServerSideApply=true".into()],
            ..SyncPolicy::default()
        }),
        ..ApplicationSpec::default()
    };
    let rules = DiffRules::of(&spec, &std::collections::BTreeMap::new()).0;
    let desired =
        Desired { key: key.clone(), manifest: Manifest::new(wanted.clone()), origin: Origin::default() };
    let verdict = compare(&desired, &live, &rules);
    Ok(verdict.differences().iter().map(|difference| difference.path.clone()).collect())
}

/// Applies one manifest, then one with less in it: what has to go is told, goes, and is told no more. What
/// somebody else has added stays, and is never told.
async fn check(resource: &Resource, before: Value, after: Value, theirs: Value, goes: &[&str]) -> Result<()> {
    let (connection, namespace) = place("owned").await?;
    let placed = |mut manifest: Value| {
        manifest["metadata"]["namespace"] = json!(namespace);
        manifest
    };
    let (before, after, theirs) = (placed(before), placed(after), placed(theirs));
    let ours = ApplyOptions::forced(FieldValidation::Strict);
    let others = ApplyOptions::forced(FieldValidation::Strict).managed_by("somebody-else");
    let (key, manifest) = object(before.clone());
    apply(&connection, resource, &key, &manifest, &ours).await?;
    assert_eq!(differences(&connection, resource, &key, &before).await?, [""; 0]);
    apply(&connection, resource, &key, &object(theirs).1, &others).await?;
    assert_eq!(differences(&connection, resource, &key, &before).await?, [""; 0], "what others add");
    assert_eq!(differences(&connection, resource, &key, &after).await?, goes);
    apply(&connection, resource, &key, &object(after.clone()).1, &ours).await?;
    assert_eq!(differences(&connection, resource, &key, &after).await?, [""; 0], "after it was applied");
    Ok(())
}

#[tokio::test]
async fn what_leaves_a_deployment_in_git_is_a_difference_until_it_is_gone() -> Result<()> {
    let deployment = |containers: Value, more: &Value| {
        let mut manifest = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"team": "shop"}},
            "spec": {"replicas": 2, "strategy": {}, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": containers, "volumes": [{"name": "scratch", "emptyDir": {}}]},
            }},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            manifest[name] = value.clone();
        }
        manifest
    };
    let container = |env: Value| {
        json!({"name": "web", "image": "web:1", "env": env, "ports": [{"containerPort": 8080}],
            "resources": {"limits": {"cpu": "1"}}, "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}]})
    };
    let both = json!([{"name": "MODE", "value": "production"}, {"name": "LEVEL", "value": "info"}]);
    let one = json!([{"name": "MODE", "value": "production"}]);
    let proxy = json!({"name": "proxy", "image": "proxy:1"});
    let before = deployment(json!([container(both), proxy]), &json!({}));
    let mut after = deployment(json!([container(one)]), &json!({}));
    after["metadata"]["annotations"] = json!({});
    after["spec"].as_object_mut().expect("an object").remove("replicas");
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"theirs": "yes"}, "finalizers": ["example.com/theirs"]},
        "spec": {"template": {"spec": {"containers": [
            {"name": "sidecar", "image": "sidecar:1"},
            {"name": "web", "env": [{"name": "TRACE", "value": "on"}]},
        ]}}},
    });
    let goes = [
        "metadata.annotations.team",
        "spec.template.spec.containers[name=web].env[name=LEVEL]",
        "spec.template.spec.containers[name=proxy]",
        "spec.replicas",
    ];
    check(&deployments(), before, after, theirs, &goes).await
}

#[tokio::test]
async fn what_leaves_a_service_in_git_is_a_difference_until_it_is_gone() -> Result<()> {
    let service = |ports: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": ports}})
    };
    let http = json!({"name": "http", "port": 80, "targetPort": 8080});
    let before = service(json!([http, {"name": "metrics", "port": 9090}]));
    let theirs = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"theirs": "yes"}}});
    check(&services(), before, service(json!([http])), theirs, &["spec.ports[port=9090,protocol=TCP]"]).await
}

#[tokio::test]
async fn the_cache_keeps_what_we_applied_of_the_managed_fields() -> Result<()> {
    let (connection, namespace) = place("held").await?;
    let (key, manifest) = super::support::tracked_config_map(&namespace, "one", "shop");
    let maps = super::support::config_maps();
    apply(&connection, &maps, &key, &manifest, &ApplyOptions::forced(FieldValidation::Strict)).await?;
    let mut following = Following::new(&connection, [maps]);
    let held = |following: &Following| match following.cache.lookup(&key) {
        bridgehead_kubernetes::cache::Lookup::Live(held) => Some(held.live()),
        _ => None,
    };
    following.until("the object", |following| held(following).is_some()).await?;
    let live = held(&following).expect("it was waited for");
    let own = bridgehead_engine::manifest::own_fields(live.manifest.value());
    assert_eq!(own.and_then(|own| own.pointer("/f:data/f:from")), Some(&json!({})));
    Ok(())
}
