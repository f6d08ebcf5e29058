//! `bridgehead_agent`. Each test has a cluster of its own: definitions belong to a whole cluster.

use bridgehead_test_harness::agent::{apply, dynamic, kind};
use bridgehead_test_harness::{Cluster, Options, Probe, wait_for};
use kube::api::{Api, DynamicObject};
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, delete, edit, edit_as, get, uid};
use crate::terraform::Terraform;

/// Name of what the agent has outside of namespaces.
const ROLE: &str = "bridgehead-agent-argocd";

pub(crate) fn agent(body: &str) -> String {
    format!("resource \"bridgehead_agent\" \"this\" {{\n{body}\n}}\n")
}

pub(crate) async fn cluster(name: &str) -> (Cluster, kube::Client) {
    let cluster = Cluster::start(Options::named(name)).unwrap();
    let client = cluster.client().await.unwrap();
    (cluster, client)
}

/// The present second.
fn now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    jiff::Timestamp::from_second(now).unwrap().to_string()
}

pub(crate) fn definitions(client: &kube::Client) -> Api<DynamicObject> {
    dynamic(client, &kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"), None)
}

pub(crate) fn namespaces(client: &kube::Client) -> Api<DynamicObject> {
    dynamic(client, &kind("", "v1", "Namespace"), None)
}

pub(crate) fn in_argocd(client: &kube::Client, group: &str, version: &str, name: &str) -> Api<DynamicObject> {
    dynamic(client, &kind(group, version, name), Some("argocd"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_lives_through_its_life_and_leaves_nothing() {
    let (cluster, client) = cluster("agent-life").await;
    let terraform = Terraform::with(&cluster, &agent("  replicas = 2"));
    terraform.apply();
    let deployments = in_argocd(&client, "apps", "v1", "Deployment");
    let live = get(&deployments, "bridgehead-agent").await;
    assert_eq!(live["spec"]["replicas"], 2);
    let first = uid(&live);
    let crd = get(&definitions(&client), "applications.argoproj.io").await;
    assert!(crd["metadata"]["annotations"]["bridgehead.dev/version"].is_string());
    let roles = dynamic(&client, &kind("rbac.authorization.k8s.io", "v1", "ClusterRole"), None);
    assert!(get(&roles, ROLE).await.is_object());
    // A form that the API server writes differently is no difference.
    let body = "  replicas = 1\n  network_policy = false\n  environment = { HTTPS_PROXY = \"http://proxy:3128\" }\n  \
                resources = { requests = { cpu = \"1000m\" }, limits = { memory = \"0.5Gi\" } }\n  \
                tolerations = [{ key = \"a\", operator = \"Exists\" }]\n  labels = { team = \"platform\" }\n  \
                affinity = jsonencode({ nodeAffinity = {} })\n  \
                topology_spread = [{ topology_key = \"topology.kubernetes.io/zone\" }]";
    terraform.configure(&agent(body));
    terraform.apply();
    let live = get(&deployments, "bridgehead-agent").await;
    assert_eq!((uid(&live), &live["metadata"]["labels"]["team"]), (first, &json!("platform")));
    let policies = in_argocd(&client, "networking.k8s.io", "v1", "NetworkPolicy");
    let left: Vec<_> = policies.list(&kube::api::ListParams::default()).await.unwrap().items;
    assert!(left.is_empty(), "{left:?}");

    edit(&deployments, "bridgehead-agent", &json!({"spec": {"replicas": 5}})).await;
    let plan = terraform.plan();
    assert!(plan.contains("Deployment argocd/bridgehead-agent"), "{plan}");
    terraform.apply();
    assert_eq!(get(&deployments, "bridgehead-agent").await["spec"]["replicas"], 1);
    delete(&deployments, "bridgehead-agent").await;
    terraform.apply();

    terraform.destroy();
    assert_eq!(get(&namespaces(&client), "argocd").await, Json::Null);
    assert_eq!(get(&definitions(&client), "applications.argoproj.io").await, Json::Null);
    assert_eq!(get(&roles, ROLE).await, Json::Null);

    // An imported agent may have come to a cluster that had its definitions: they stay.
    terraform.configure(&agent(""));
    terraform.apply();
    terraform.assert_imports("bridgehead_agent.this", "argocd");
    let told = terraform.destroy();
    assert!(told.contains("CustomResourceDefinition applications.argoproj.io was kept"), "{told}");
    assert_eq!(get(&roles, ROLE).await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_and_what_others_added_outlives_the_agent() {
    let (cluster, client) = cluster("agent-kept").await;
    let mut theirs = bridgehead_install::custom_resource_definitions()[0].clone();
    theirs["metadata"]["annotations"] = json!({"owner": "somebody"});
    apply(&client, &[theirs]).await.unwrap();
    let name = get(&definitions(&client), "applications.argoproj.io").await;
    let terraform = Terraform::with(&cluster, &agent(""));
    let told = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(told.contains("is left as it is"), "{told}");
    let set = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "fleet", "namespace": "argocd"},
        "spec": {"generators": [], "template": {"metadata": {"name": "x"}, "spec": {
            "project": "default", "destination": {"name": "in-cluster"}}}},
    });
    apply(&client, &[set]).await.unwrap();
    let told = terraform.destroy();
    assert!(told.contains("ApplicationSet fleet"), "{told}");
    let after = get(&definitions(&client), "applications.argoproj.io").await;
    assert_eq!(uid(&after), uid(&name));
    assert!(get(&definitions(&client), "applicationsets.argoproj.io").await.is_object());
    assert!(get(&definitions(&client), "appprojects.argoproj.io").await.is_null());
    assert!(get(&namespaces(&client), "argocd").await.is_object());
}

/// Argo CD's controller, as far as anybody can see it.
pub(crate) fn controller() -> Vec<Json> {
    let labels = json!({"app.kubernetes.io/name": "argocd-application-controller"});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}}),
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "argocd-application-controller", "namespace": "argocd", "labels": labels},
            "spec": {
                "replicas": 2, "serviceName": "none", "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels},
                             "spec": {"containers": [{"name": "controller", "image": "argocd"}]}},
            },
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn another_engine_stops_the_installation_until_it_is_taken_over_from_and_comes_back() {
    let (cluster, client) = cluster("agent-takeover").await;
    apply(&client, &controller()).await.unwrap();
    let pods = in_argocd(&client, "", "v1", "Pod");
    let first = "argocd-application-controller-0";
    wait_for("the controller to run", async || {
        Ok(Probe::when(get(&pods, first).await["status"]["phase"] == "Running", "not running"))
    })
    .await
    .unwrap();
    let terraform = Terraform::with(&cluster, &agent(""));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("application-controller is running") && told.contains("takeover"), "{told}");
    assert_eq!(
        get(&definitions(&client), "applications.argoproj.io").await,
        Json::Null,
        "nothing was written"
    );

    // One elsewhere that serves this namespace is not taken over from.
    let mut elsewhere = controller()[1].clone();
    elsewhere["metadata"]["namespace"] = json!("default");
    elsewhere["spec"]["replicas"] = json!(1);
    elsewhere["spec"]["template"]["spec"]["containers"][0]["args"] =
        json!(["--application-namespaces=argo*"]);
    apply(&client, &[elsewhere]).await.unwrap();
    let there = dynamic(&client, &kind("", "v1", "Pod"), Some("default"));
    wait_for("the other controller to run", async || {
        Ok(Probe::when(get(&there, first).await["status"]["phase"] == "Running", "not running"))
    })
    .await
    .unwrap();
    terraform.configure(&agent("  takeover = \"argocd\""));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("Pod default/argocd-application-controller-0 works on"), "{told}");
    let others = dynamic(&client, &kind("apps", "v1", "StatefulSet"), Some("default"));
    delete(&others, "argocd-application-controller").await;
    wait_for("the other controller to be gone", async || {
        Ok(Probe::when(get(&there, first).await.is_null(), "it runs"))
    })
    .await
    .unwrap();
    terraform.apply();
    let sets = in_argocd(&client, "apps", "v1", "StatefulSet");
    assert_eq!(get(&sets, "argocd-application-controller").await["spec"]["replicas"], 0);
    assert_eq!(get(&pods, first).await, Json::Null);

    terraform.destroy();
    assert_eq!(get(&sets, "argocd-application-controller").await["spec"]["replicas"], 2);
    assert!(get(&namespaces(&client), "argocd").await.is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_has_no_pod_stops_the_installation_by_the_statuses_that_it_writes() {
    let stage = Stage::new("managed").await;
    let theirs = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "theirs", "namespace": stage.namespace},
        "spec": {"project": "default", "destination": {}, "source": {"repoURL": "x"}},
    });
    apply(&stage.client, &[theirs]).await.unwrap();
    let compared = json!({"destination": {}, "source": {"repoURL": "x"}});
    let status =
        json!({"status": {"reconciledAt": now(), "sync": {"status": "Synced", "comparedTo": compared}}});
    edit_as(&stage.applications(), "argocd-application-controller", "theirs", &status).await;
    let configuration = agent(&format!("  namespace = {:?}", stage.namespace));
    let told = Terraform::with(stage.cluster, &configuration).fail(&["apply", "-auto-approve"]);
    let words = format!("`argocd-application-controller` compared application {}/theirs", stage.namespace);
    assert!(told.contains(&words), "{told}");
    let deployments = stage.objects("apps", "v1", "Deployment");
    assert_eq!(get(&deployments, "bridgehead-agent").await, Json::Null, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_apply_and_one_destroy_without_dependencies() {
    let (cluster, client) = cluster("agent-parallel").await;
    let all = r#"
resource "bridgehead_agent" "this" {}
resource "bridgehead_project" "this" {
  name         = "shop"
  source_repos = ["https://git.example.com/*"]
  destinations = [{ server = "https://kubernetes.default.svc", namespace = "shop" }]
}
resource "bridgehead_repository" "this" {
  name = "config"
  url  = "https://git.example.com/config.git"
}
resource "bridgehead_application" "this" {
  name        = "web"
  project     = "shop"
  source      = { repo_url = "https://git.example.com/config.git", path = "web" }
  destination = { server = "https://kubernetes.default.svc", namespace = "shop" }
}
"#;
    let terraform = Terraform::with(&cluster, all);
    terraform.apply();
    assert!(get(&in_argocd(&client, "argoproj.io", "v1alpha1", "Application"), "web").await.is_object());
    terraform.destroy();
    assert_eq!(get(&namespaces(&client), "argocd").await, Json::Null);
    assert_eq!(get(&definitions(&client), "appprojects.argoproj.io").await, Json::Null);
}
