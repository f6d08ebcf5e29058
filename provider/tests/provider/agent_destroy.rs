//! What a destroy of `bridgehead_agent` leaves where it is.

use bridgehead_test_harness::agent::{apply, dynamic, kind};
use serde_json::{Value as Json, json};

use crate::agent::{agent, cluster, definitions, in_argocd, namespaces};
use crate::cluster_objects::{delete, edit, get, uid};
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

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_made_before_its_predecessor_goes_stays() {
    let (cluster, client) = cluster("agent-successor").await;
    let first = "  lifecycle { create_before_destroy = true }\n";
    let terraform = Terraform::with(&cluster, &agent(first));
    terraform.apply();
    // Only an agent would serve it: a destroy that doesn't know of the successor waits for this one.
    let held = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "held", "namespace": "argocd", "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {"project": "default", "destination": {}, "source": {"repoURL": "x"}},
    });
    apply(&client, &[held]).await.unwrap();
    let deployments = in_argocd(&client, "apps", "v1", "Deployment");
    let accounts = in_argocd(&client, "", "v1", "ServiceAccount");
    let policies = in_argocd(&client, "networking.k8s.io", "v1", "NetworkPolicy");
    let roles = dynamic(&client, &kind("rbac.authorization.k8s.io", "v1", "ClusterRole"), None);
    let uids = async || {
        let live = [get(&deployments, "bridgehead-agent").await, get(&accounts, "bridgehead-agent").await];
        live.map(|object| uid(&object))
    };
    let before = uids().await;
    terraform.configure(&agent(&format!("{first}  network_policy = false")));
    let told = terraform.succeed(&["apply", "-auto-approve", "-replace=bridgehead_agent.this"]);
    assert!(told.contains("1 added") && told.contains("1 destroyed"), "{told}");
    assert!(told.contains("The agent in namespace `argocd` stays"), "{told}");
    assert_eq!(uids().await, before);
    assert!(get(&roles, "bridgehead-agent-argocd").await.is_object());
    assert_eq!(get(&policies, "bridgehead-agent").await, Json::Null, "the successor has none");
    terraform.assert_nothing_to_do();
    // Another one in another namespace: the first goes, and the definitions stay for the second.
    let applications = in_argocd(&client, "argoproj.io", "v1alpha1", "Application");
    edit(&applications, "held", &json!({"metadata": {"finalizers": null}})).await;
    delete(&applications, "held").await;
    terraform.configure(&agent(&format!("{first}  namespace = \"gitops\"")));
    let told = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(told.contains("another agent works with it: Deployment gitops/bridgehead-agent"), "{told}");
    assert_eq!(get(&namespaces(&client), "argocd").await, Json::Null);
    assert!(get(&definitions(&client), "applications.argoproj.io").await.is_object());
    terraform.assert_nothing_to_do();
    // What the first of them created is the last one's to take down.
    let told = terraform.destroy();
    assert!(!told.contains("was kept"), "{told}");
    assert_eq!(get(&namespaces(&client), "gitops").await, Json::Null);
    assert_eq!(get(&definitions(&client), "applications.argoproj.io").await, Json::Null);
}
