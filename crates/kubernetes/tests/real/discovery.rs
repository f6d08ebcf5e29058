//! What a real server says it serves.

use anyhow::Result;
use bridgehead_api::{GroupKind, GroupVersionKind};
use bridgehead_kubernetes::discovery::{Discoverer, Verb, discover};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

use super::support::administrator;

fn crd(plural: &str, kind: &str) -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": {"name": format!("{plural}.discovery.example.com")},
        "spec": {"group": "discovery.example.com", "scope": "Cluster",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    }))
    .expect("a CRD")
}

#[tokio::test]
async fn built_in_kinds_are_found_with_scope_and_paths() -> Result<()> {
    let discovery = discover(&administrator()?).await?;
    let deployment = GroupKind::new("apps", "Deployment");
    let found = discovery.preferred(&deployment).expect("Deployments are served");
    assert_eq!((&*found.plural, found.namespaced, found.has_status), ("deployments", true, true));
    assert!(found.verbs.has(Verb::Watch));
    assert_eq!(discovery.is_namespaced(&GroupKind::new("", "Namespace")), Some(false));
    assert_eq!(discovery.is_namespaced(&GroupKind::new("example.com", "Unknown")), None);
    let autoscaler = GroupKind::new("autoscaling", "HorizontalPodAutoscaler");
    assert_eq!(
        discovery.versions(&autoscaler).iter().map(|version| &**version).collect::<Vec<_>>(),
        ["v2", "v1"]
    );
    assert!(discovery.resource_for(&GroupVersionKind::parse("autoscaling/v1", &autoscaler.kind)).is_some());
    assert!(discovery.problems().is_empty());
    assert!(discovery.server_version().short().starts_with("1."));
    assert!(discovery.api_versions().iter().any(|version| version == "apps/v1/Deployment"));
    Ok(())
}

#[tokio::test]
async fn a_kind_that_is_installed_later_is_found_and_one_that_goes_is_forgotten() -> Result<()> {
    let connection = administrator()?;
    let discoverer = Discoverer::new(connection.clone());
    let kind = GroupKind::new("discovery.example.com", "Gadget");
    assert_eq!(discoverer.get().await?.is_namespaced(&kind), None);

    let crds: Api<CustomResourceDefinition> = Api::all(connection.client());
    crds.create(&PostParams::default(), &crd("gadgets", "Gadget")).await?;
    while discoverer.refresh().await?.is_namespaced(&kind) != Some(false) {}
    crds.delete("gadgets.discovery.example.com", &DeleteParams::default()).await?;
    while discoverer.refresh().await?.is_namespaced(&kind).is_some() {}
    Ok(())
}
