//! Waits, and what they say when nothing comes.

use std::time::Duration;

use anyhow::Result;
use bridgehead_api::ObjectKey;
use bridgehead_kubernetes::Resource;
use bridgehead_kubernetes::connect::Impersonation;
use bridgehead_kubernetes::waits::{WaitEnd, crds_established, gone, rolled_out};
use bridgehead_kubernetes::write::{DeleteOptions, WriteOptions, create, delete, remove_finalizer};
use bridgehead_test_harness::deadline;
use serde_json::json;

use super::support::{config_map, config_maps, deployments, object, place};

/// Long enough to see something, short enough to wait for in vain.
const IN_VAIN: Duration = Duration::from_secs(2);

fn crd(plural: &str, kind: &str) -> serde_json::Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.waits.example.com")},
        "spec": {"group": "waits.example.com", "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    })
}

#[tokio::test]
async fn crds_are_waited_for_until_they_are_served() -> Result<()> {
    let (connection, _) = place("crds").await?;
    let crds = Resource::known(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    );
    let names = ["spoons.waits.example.com", "forks.waits.example.com"];
    let waiting = crds_established(&connection, &names, deadline());
    let creating = async {
        for (plural, kind) in [("spoons", "Spoon"), ("forks", "Fork")] {
            let (key, manifest) = object(crd(plural, kind));
            create(&connection, &crds, &key, &manifest, &WriteOptions::default()).await?;
        }
        Ok::<(), anyhow::Error>(())
    };
    let (waited, created) = tokio::join!(waiting, creating);
    created?;
    waited?;

    let error = crds_established(&connection, &["knives.waits.example.com"], IN_VAIN)
        .await
        .expect_err("there is none");
    assert_eq!((error.why, &*error.last_seen), (WaitEnd::Deadline(IN_VAIN), "there is no such CRD"));

    let (key, clash) = object(crd("ladles", "Spoon"));
    create(&connection, &crds, &key, &clash, &WriteOptions::default()).await?;
    let error =
        crds_established(&connection, &["ladles.waits.example.com"], deadline()).await.expect_err("a clash");
    assert_eq!(error.why, WaitEnd::Never);
    assert!(error.to_string().contains("is already in use"), "{error}");
    for name in ["ladles", "spoons", "forks"] {
        let key = ObjectKey::new(crds.gvk.group_kind.clone(), "", format!("{name}.waits.example.com"));
        delete(&connection, &crds, &key, &DeleteOptions::default()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_rollout_is_waited_for_and_a_stuck_one_described() -> Result<()> {
    let (connection, namespace) = place("rollout").await?;
    let deployment = |name: &str, annotations: serde_json::Value| {
        object(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}}),
        )
    };
    let (key, good) = deployment("good", json!({}));
    create(&connection, &deployments(), &key, &good, &WriteOptions::default()).await?;
    rolled_out(&connection, &namespace, "good", deadline()).await?;

    let (key, stuck) = deployment("stuck", json!({"test.bridgehead/pod": "unready"}));
    create(&connection, &deployments(), &key, &stuck, &WriteOptions::default()).await?;
    let error = rolled_out(&connection, &namespace, "stuck", IN_VAIN).await.expect_err("it never gets ready");
    assert!(error.to_string().contains("0 available"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_blocks_a_deletion_is_named() -> Result<()> {
    let (connection, namespace) = place("gone").await?;
    let (key, mut manifest) = config_map(&namespace, "held", &json!({}));
    manifest.value_mut()["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let live = create(&connection, &config_maps(), &key, &manifest, &WriteOptions::default()).await?;
    delete(&connection, &config_maps(), &key, &DeleteOptions::default()).await?;

    let error = gone(&connection, &config_maps(), &key, None, IN_VAIN).await.expect_err("it is held");
    assert!(error.to_string().contains("waits for its finalizer: example.com/hold"), "{error}");

    let resource = config_maps();
    let freeing = remove_finalizer(&connection, &resource, &live, "example.com/hold");
    let (waited, freed) = tokio::join!(gone(&connection, &resource, &key, None, deadline()), freeing);
    freed?;
    waited?;

    // Another object of the same name is another object.
    let (key, manifest) = config_map(&namespace, "held", &json!({}));
    create(&connection, &config_maps(), &key, &manifest, &WriteOptions::default()).await?;
    gone(&connection, &config_maps(), &key, Some(&live.uid), deadline()).await?;
    Ok(())
}

#[tokio::test]
async fn a_wait_without_permission_ends_at_once() -> Result<()> {
    let (connection, namespace) = place("wait-refused").await?;
    let nobody =
        connection.impersonating(&Impersonation { user: "nobody".to_owned(), ..Default::default() })?;
    let error = rolled_out(&nobody, &namespace, "web", deadline()).await.expect_err("it is refused");
    assert_eq!(error.why, WaitEnd::Refused);
    assert!(error.last_seen.contains("\"nobody\" cannot watch"), "{error}");
    Ok(())
}
