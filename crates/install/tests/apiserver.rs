//! A real API server takes the objects as they are.

use anyhow::{Context, Result};
use bridgehead_install::{FIELD_MANAGER, InstallOptions, METRICS_PORT, NAME, install};
use bridgehead_test_harness::{Probe, test_cluster, wait_for_object};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::discovery::{ApiCapabilities, ApiResource, Scope, pinned_kind};
use serde_json::{Value, json};

async fn apply(client: &kube::Client, object: &Value) -> Result<DynamicObject> {
    let what = format!("{} {}", object["kind"], object["metadata"]["name"]);
    let object: DynamicObject = serde_json::from_value(object.clone())?;
    let types = object.types.clone().context("an object without a kind")?;
    let (resource, ApiCapabilities { scope, .. }): (ApiResource, _) =
        pinned_kind(client, &types.try_into()?).await.with_context(|| format!("{what} has no kind"))?;
    let api: Api<DynamicObject> = match (scope, &object.metadata.namespace) {
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), namespace, &resource),
        _ => Api::all_with(client.clone(), &resource),
    };
    let name = object.metadata.name.clone().context("an object without a name")?;
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.field_validation = Some(kube::api::ValidationDirective::Strict);
    api.patch(&name, &parameters, &Patch::Apply(&object))
        .await
        .with_context(|| format!("the API server refuses {what}"))
}

#[tokio::test]
async fn an_installation_is_taken_strictly_and_its_deployment_becomes_available() -> Result<()> {
    let client = test_cluster().client().await?;
    let mut options =
        InstallOptions { namespace: "bridgehead-install".to_owned(), replicas: 2, ..Default::default() };
    options.tolerations = vec![json!({"key": "CriticalAddonsOnly", "operator": "Exists"})];
    let installation = install(&options)?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in &installation.custom_resource_definitions {
        let name = apply(&client, definition).await?.metadata.name.unwrap_or_default();
        wait_for_object(&definitions, &name, "the definition to be Established", |definition| {
            let conditions = definition
                .and_then(|definition| definition.status.clone())
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let problem =
                conditions.iter().find(|it| it.type_ == "NonStructuralSchema" && it.status == "True");
            assert!(problem.is_none(), "{problem:?}");
            let established = conditions.iter().any(|it| it.type_ == "Established" && it.status == "True");
            Probe::when(established, format!("{conditions:?}"))
        })
        .await?;
    }
    let objects = installation.into_objects();
    for object in &objects {
        apply(&client, object).await?;
    }
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &options.namespace);
    wait_for_object(&deployments, NAME, "both replicas to be available", |deployment| {
        let status = deployment.and_then(|deployment| deployment.status.clone());
        let available = status.as_ref().and_then(|status| status.available_replicas);
        Probe::when(available == Some(2), format!("{status:?}"))
    })
    .await?;

    for object in &objects {
        let kind = object["kind"].as_str().unwrap_or_default();
        let before = apply(&client, object).await?.metadata.resource_version;
        let after = apply(&client, object).await?.metadata.resource_version;
        assert_eq!(before, after, "applying {kind} once more changes it");
    }

    let pods: Api<Pod> = Api::namespaced(client.clone(), &options.namespace);
    let pod = pods.list(&ListParams::default()).await?.items.into_iter().next().context("no Pod")?;
    let container = &pod.spec.context("a Pod without a spec")?.containers[0];
    let ports = container.ports.clone().unwrap_or_default();
    assert_eq!(ports[0].container_port, i32::from(METRICS_PORT));
    Ok(())
}
