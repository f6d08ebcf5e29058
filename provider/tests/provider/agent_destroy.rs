//! What a destroy of `bridgehead_agent` leaves where it is.

use bridgehead_test_harness::agent::{apply, dynamic, kind};
use serde_json::{Value as Json, json};

use crate::agent::{agent, cluster, definitions, in_argocd, namespaces};
use crate::cluster_objects::{get, uid};
use crate::terraform::Terraform;

/// Something that a controller has made for its owner.
fn owned(kind: &str, name: &str, uid: &str) -> Json {
    json!([{"apiVersion": "v1", "kind": kind, "name": name, "uid": uid}])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_an_owner_keeps_its_definition_and_what_is_owned_from_outside_its_namespace() {
    let (cluster, client) = cluster("agent-owned").await;
    let terraform = Terraform::with(&cluster, &agent(""));
    terraform.apply();
    let config_map = |namespace: &str, name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}});
    apply(&client, &[config_map("default", "owner")]).await.unwrap();
    let elsewhere = dynamic(&client, &kind("", "v1", "ConfigMap"), Some("default"));
    let owner = uid(&get(&elsewhere, "owner").await);
    let generated = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "generated", "namespace": "default", "ownerReferences": owned("ConfigMap", "owner", &owner),
        },
        "spec": {"project": "default", "destination": {}, "source": {"repoURL": "x"}},
    });
    let outside = uid(&get(&namespaces(&client), "default").await);
    let mut tenant = config_map("argocd", "tenant");
    tenant["metadata"]["ownerReferences"] = owned("Namespace", "default", &outside);
    apply(&client, &[generated, tenant]).await.unwrap();
    let inside = in_argocd(&client, "", "v1", "ConfigMap");
    let mut below = config_map("argocd", "below");
    below["metadata"]["ownerReferences"] = owned("ConfigMap", "tenant", &uid(&get(&inside, "tenant").await));
    apply(&client, &[below]).await.unwrap();

    let told = terraform.destroy();
    assert!(told.contains("CustomResourceDefinition applications.argoproj.io was kept"), "{told}");
    assert!(told.contains("Application default/generated"), "{told}");
    let applications = dynamic(&client, &kind("argoproj.io", "v1alpha1", "Application"), Some("default"));
    assert!(get(&applications, "generated").await.is_object());
    assert!(get(&definitions(&client), "appprojects.argoproj.io").await.is_null());
    assert!(told.contains("Namespace argocd was kept") && told.contains("ConfigMap tenant"), "{told}");
    assert!(!told.contains("ConfigMap below"), "what goes with what is named: {told}");
    assert!(get(&inside, "tenant").await.is_object());
}
