//! What tests see and do in the cluster, past Terraform.

use bridgehead_test_harness::agent::{apply, dynamic, kind};
use bridgehead_test_harness::{Cluster, Probe, namespace, test_cluster, wait_for};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::Value as Json;
use tokio::sync::OnceCell;

/// The tests' cluster with the definitions, and a namespace for one test.
pub(crate) struct Stage {
    pub(crate) cluster: &'static Cluster,
    pub(crate) client: kube::Client,
    pub(crate) namespace: String,
}

/// Field manager of somebody else.
pub(crate) const SOMEBODY: &str = "kubectl-edit";

impl Stage {
    /// A namespace of the tests' cluster, which has the definitions.
    pub(crate) async fn new(prefix: &str) -> Stage {
        static DEFINED: OnceCell<()> = OnceCell::const_new();
        let cluster = test_cluster();
        let client = cluster.client().await.unwrap();
        DEFINED.get_or_init(|| async { define(&cluster.client().await.unwrap()).await }).await;
        let namespace = namespace(&client, prefix).await.unwrap();
        Stage { cluster, client, namespace }
    }

    pub(crate) fn objects(&self, group: &str, version: &str, name: &str) -> Api<DynamicObject> {
        dynamic(&self.client, &kind(group, version, name), Some(&self.namespace))
    }

    pub(crate) fn applications(&self) -> Api<DynamicObject> {
        self.objects("argoproj.io", "v1alpha1", "Application")
    }

    pub(crate) fn projects(&self) -> Api<DynamicObject> {
        self.objects("argoproj.io", "v1alpha1", "AppProject")
    }

    pub(crate) fn secrets(&self) -> Api<DynamicObject> {
        self.objects("", "v1", "Secret")
    }
}

/// Installs the definitions and waits until they are served.
pub(crate) async fn define(client: &kube::Client) {
    let definitions = bridgehead_install::custom_resource_definitions();
    apply(client, &definitions).await.unwrap();
    let api = dynamic(client, &kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"), None);
    for definition in &definitions {
        let name = definition["metadata"]["name"].as_str().unwrap();
        wait_for(&format!("{name} to be served"), async || {
            let found = get(&api, name).await;
            let established = found["status"]["conditions"].as_array().is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
            });
            Ok(Probe::when(established, found["status"].to_string()))
        })
        .await
        .unwrap();
    }
}

/// The object, or null.
pub(crate) async fn get(api: &Api<DynamicObject>, name: &str) -> Json {
    api.get_opt(name).await.unwrap().map_or(Json::Null, |object| serde_json::to_value(object).unwrap())
}

/// Changes an object as a person would.
pub(crate) async fn edit(api: &Api<DynamicObject>, name: &str, change: &Json) -> Json {
    edit_as(api, SOMEBODY, name, change).await
}

/// Changes an object under this field manager.
pub(crate) async fn edit_as(api: &Api<DynamicObject>, manager: &str, name: &str, change: &Json) -> Json {
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    serde_json::to_value(api.patch(name, &params, &Patch::Merge(change)).await.unwrap()).unwrap()
}

/// Applies a part of an object as another manager that takes what it wants.
pub(crate) async fn take_over(api: &Api<DynamicObject>, kind: (&str, &str), name: &str, part: &Json) {
    let mut manifest = part.clone();
    manifest["apiVersion"] = kind.0.into();
    manifest["kind"] = kind.1.into();
    manifest["metadata"]["name"] = name.into();
    let params = PatchParams::apply("another-team").force();
    api.patch(name, &params, &Patch::Apply(manifest)).await.unwrap();
}

/// Deletes an object behind Terraform's back.
pub(crate) async fn delete(api: &Api<DynamicObject>, name: &str) {
    api.delete(name, &DeleteParams::default()).await.unwrap();
    wait_for(&format!("{name} to be gone"), async || {
        Ok(Probe::when(api.get_opt(name).await?.is_none(), "it is there"))
    })
    .await
    .unwrap();
}

/// Metadata field `uid`.
pub(crate) fn uid(object: &Json) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}
