//! What every control namespace has: project `default`, `argocd-cm`, `argocd-secret`. Created where absent,
//! never changed.

use std::time::Duration;

use bridgehead_api::{ObjectKey, annotations};
use bridgehead_engine::manifest::Manifest;
use bridgehead_kubernetes::write::{WriteOptions, create};
use bridgehead_kubernetes::{ApiErrorKind, Connection, Resource};
use serde_json::{Value, json};

/// Creates what is absent; tries again until it is there, since nothing can be done without it.
pub(super) async fn create_all(connection: &Connection, namespace: &str) -> Result<(), String> {
    for (resource, object) in objects(namespace) {
        let manifest = Manifest::new(object);
        let key: ObjectKey = manifest.key();
        match create(connection, &resource, &key, &manifest, &WriteOptions::default()).await {
            Ok(_) => tracing::info!(object = %key, "created a default"),
            Err(error) if error.kind == ApiErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{}: {}", error.operation, error.message)),
        }
    }
    Ok(())
}

/// Creates what is absent, and does not return before it is there.
pub(super) async fn create_until_there(connection: &Connection, namespace: &str) {
    let mut pause = Duration::from_millis(500);
    while let Err(problem) = create_all(connection, namespace).await {
        tracing::warn!(
            problem,
            "failed to create a default and try again: are the CustomResourceDefinitions installed?"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

fn objects(namespace: &str) -> Vec<(Resource, Value)> {
    let part_of = json!({annotations::PART_OF: "argocd"});
    let labelled = |name: &str| json!({"name": name, "namespace": namespace, "labels": part_of});
    vec![
        (
            Resource::known(bridgehead_api::API_VERSION, "AppProject", "appprojects", true),
            json!({
                "apiVersion": bridgehead_api::API_VERSION,
                "kind": "AppProject",
                "metadata": {"name": bridgehead_api::project::DEFAULT_PROJECT, "namespace": namespace},
                "spec": {
                    "sourceRepos": ["*"],
                    "destinations": [{"server": "*", "namespace": "*"}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                },
            }),
        ),
        (
            Resource::known("v1", "ConfigMap", "configmaps", true),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": labelled("argocd-cm")}),
        ),
        (
            Resource::known("v1", "Secret", "secrets", true),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": labelled("argocd-secret"), "type": "Opaque"}),
        ),
    ]
}
