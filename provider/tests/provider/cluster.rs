//! `bridgehead_cluster`, resource and data source.

use bridgehead_test_harness::agent::apply;
use bridgehead_test_harness::{Probe, wait_for};
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, delete, edit, get, uid};
use crate::terraform::Terraform;

fn cluster(namespace: &str, body: &str) -> String {
    format!(
        r#"
resource "bridgehead_cluster" "this" {{
  name      = "spoke"
  namespace = "{namespace}"
  server    = "https://10.0.0.1:6443"
{body}
}}
data "bridgehead_cluster" "this" {{
  server    = bridgehead_cluster.this.server
  namespace = "{namespace}"
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_lives_through_its_life_and_its_token_is_in_no_state() {
    let stage = Stage::new("cluster").await;
    let first = r#"
  labels           = { tier = "production" }
  token_wo         = "very-secret-token"
  token_wo_version = 1
  insecure         = true
  namespaces       = ["shop", "blog"]
  project          = "shop"
"#;
    let terraform = Terraform::with(stage.cluster, &cluster(&stage.namespace, first));
    terraform.apply();
    let registered = async || {
        let live = get(&stage.secrets(), "spoke").await;
        let secret = bridgehead_api::secret::SecretObject::from_value(live).unwrap();
        bridgehead_api::secret::Cluster::from_secret(&secret).unwrap().0
    };
    let live = registered().await;
    assert_eq!(live.config.bearer_token.unwrap().expose(), "very-secret-token");
    assert_eq!((live.name.as_str(), live.namespaces.len()), ("spoke", 2));
    assert!(!terraform.state_file().contains("very-secret-token"));
    let found = terraform.values("data.bridgehead_cluster.this");
    assert_eq!((&found["name"], &found["labels"]["tier"]), (&json!("spoke"), &json!("production")));

    let second = r#"
  aws_auth = { cluster_name = "spoke", role_arn = "arn:aws:iam::123456789012:role/spoke" }
"#;
    terraform.configure(&cluster(&stage.namespace, second));
    terraform.apply();
    let live = registered().await;
    assert_eq!(live.config.bearer_token, None);
    assert_eq!(live.config.aws_auth.unwrap().cluster_name, "spoke");
    assert!(live.namespaces.is_empty() && live.project.is_empty());
    terraform.assert_imports("bridgehead_cluster.this", &format!("{}/spoke", stage.namespace));

    edit(&stage.secrets(), "spoke", &json!({"stringData": {"project": "mine"}})).await;
    assert!(terraform.plan().contains("\"mine\" -> null"));
    terraform.apply();
    assert_eq!(registered().await.project, "");

    delete(&stage.secrets(), "spoke").await;
    terraform.apply();
    terraform.destroy();
    assert_eq!(get(&stage.secrets(), "spoke").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ways_to_log_in_are_told_at_plan() {
    let stage = Stage::new("twoways").await;
    let both = "  token_wo = \"t\"\n  aws_auth = { cluster_name = \"a\" }\n";
    let terraform = Terraform::with(stage.cluster, &cluster(&stage.namespace, both));
    assert!(terraform.fail(&["plan"]).contains("exclude each other"));
}

/// A cluster with an application whose workloads it holds, without a dependency between the two.
fn with_application(namespace: &str) -> String {
    let application = format!(
        r#"
resource "bridgehead_application" "this" {{
  name        = "web"
  namespace   = "{namespace}"
  source      = {{ repo_url = "https://git.example.com/shop.git", path = "web" }}
  destination = {{ name = "spoke", namespace = "shop" }}
  on_destroy  = "cascade"
}}
"#
    );
    cluster(namespace, "") + &application
}

/// Serves the finalizer of the application as an agent does, once somebody has deleted it. Returns whether the
/// cluster was still registered then.
async fn serve(stage: &Stage) -> bool {
    let applications = stage.applications();
    let registered = wait_for("the application to be deleted", async || {
        let leaving = get(&applications, "web").await["metadata"]["deletionTimestamp"].is_string();
        let registered = get(&stage.secrets(), "spoke").await.is_object();
        Ok(if leaving { Probe::Done(registered) } else { Probe::NotYet("it is not deleted".to_owned()) })
    })
    .await
    .unwrap();
    edit(&applications, "web", &json!({"metadata": {"finalizers": null}})).await;
    registered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_stays_registered_until_what_is_deployed_to_it_has_gone() {
    let stage = Stage::new("cluster-used").await;
    let terraform = Terraform::with(stage.cluster, &with_application(&stage.namespace));
    terraform.apply();

    // Another cluster's application, and one that leaves nothing behind, don't hold it.
    let other = |name: &str, destination: Json, finalizers: Json| {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": stage.namespace, "finalizers": finalizers},
            "spec": {"project": "default", "destination": destination, "source": {"repoURL": "x"}},
        })
    };
    let finalizer = json!(["resources-finalizer.argocd.argoproj.io"]);
    let elsewhere = other("elsewhere", json!({"server": "https://10.0.0.2:6443"}), finalizer.clone());
    let light = other("light", json!({"name": "spoke"}), json!([]));
    apply(&stage.client, &[elsewhere, light]).await.unwrap();

    // No dependency orders the two destroys.
    let running = terraform.start(&["destroy", "-auto-approve"]);
    assert!(serve(&stage).await, "the agent could not have deleted the workloads");
    let (code, told) = running.end().unwrap();
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(get(&stage.secrets(), "spoke").await, Json::Null);

    // One that nobody destroys is named, while the cluster stays.
    terraform.configure(&cluster(&stage.namespace, "  timeouts = { delete = \"5s\" }"));
    terraform.apply();
    let stays = other("stays", json!({"server": "https://10.0.0.1:6443"}), finalizer);
    apply(&stage.client, &[stays]).await.unwrap();
    let told = terraform.fail(&["destroy", "-auto-approve"]);
    assert!(told.contains("Cluster `spoke` is still in use"), "{told}");
    let names = [format!("Application {}/stays", stage.namespace), "resources-finalizer".to_owned()];
    assert!(names.iter().all(|name| told.contains(name)) && !told.contains("/light"), "{told}");
    assert!(get(&stage.secrets(), "spoke").await.is_object());

    // Under another name and address it is registered while this one waits.
    let resource = |address: &str, name: &str, namespace: &str| {
        format!(
            "resource \"bridgehead_cluster\" \"{address}\" {{\n  name = \"{name}\"\n  namespace = \"{namespace}\"\n  \
             server = \"https://10.0.0.1:6443\"\n  timeouts = {{ delete = \"5s\" }}\n}}\n"
        )
    };
    terraform.configure(&resource("other", "other", &stage.namespace));
    terraform.apply();
    assert_eq!(get(&stage.secrets(), "spoke").await, Json::Null);
    terraform.configure(&resource("this", "spoke", &stage.namespace));
    terraform.apply();
    assert_eq!(get(&stage.secrets(), "other").await, Json::Null);

    // Replaced, or known by another Secret too, it is known to the application all the time.
    terraform.succeed(&["apply", "-auto-approve", "-replace=bridgehead_cluster.this"]);
    let mut again = get(&stage.secrets(), "spoke").await;
    again["metadata"] = json!({
        "name": "again", "namespace": stage.namespace, "labels": {"argocd.argoproj.io/secret-type": "cluster"},
    });
    apply(&stage.client, &[again]).await.unwrap();
    terraform.destroy();
    assert_eq!(get(&stage.secrets(), "spoke").await, Json::Null);
    for name in ["elsewhere", "stays"] {
        edit(&stage.applications(), name, &json!({"metadata": {"finalizers": null}})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_no_cluster_any_more_is_told_and_written_anew() {
    let stage = Stage::new("cluster-broken").await;
    let body = "  token_wo = \"token\"\n  token_wo_version = 1\n  namespaces = [\"shop\"]\n";
    // Without the data source, which needs a cluster.
    let configuration = cluster(&stage.namespace, body);
    let (resource, _) = configuration.split_once("data \"bridgehead_cluster\"").unwrap();
    let terraform = Terraform::with(stage.cluster, resource);
    terraform.apply();
    let secrets = stage.secrets();
    let first = uid(&get(&secrets, "spoke").await);
    let changes = [
        json!({"metadata": {"labels": {"argocd.argoproj.io/secret-type": null}}}),
        json!({"stringData": {"config": "{ no JSON"}}),
        json!({"data": {"server": null}}),
    ];
    for change in changes {
        edit(&secrets, "spoke", &change).await;
        let plan = terraform.plan();
        assert!(plan.contains("is not registered as it was"), "{change}: {plan}");
        assert!(plan.contains("0 to add, 1 to change, 0 to destroy"), "{change}: {plan}");
        terraform.apply();
        let live = get(&secrets, "spoke").await;
        assert_eq!(uid(&live), first);
        let secret = bridgehead_api::secret::SecretObject::from_value(live).unwrap();
        let (registered, _) = bridgehead_api::secret::Cluster::from_secret(&secret).unwrap();
        assert_eq!(registered.config.bearer_token.unwrap().expose(), "token", "{change}");
    }
    edit(&secrets, "spoke", &json!({"metadata": {"labels": {"argocd.argoproj.io/secret-type": null}}})).await;
    terraform.destroy();
    assert_eq!(get(&secrets, "spoke").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_git_declares_is_imported_with_its_values() {
    let stage = Stage::new("cluster-git").await;
    let body = "  namespaces = [\"shop\"]\n";
    let configuration = cluster(&stage.namespace, body);
    let (resource, _) = configuration.split_once("data \"bridgehead_cluster\"").unwrap();
    let terraform = Terraform::with(stage.cluster, resource);
    terraform.apply();
    let id = format!("hub:/Secret:{}/spoke", stage.namespace);
    let tracked = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": id}}});
    edit(&stage.secrets(), "spoke", &tracked).await;
    terraform.assert_imports("bridgehead_cluster.this", &format!("{}/spoke", stage.namespace));
    assert_eq!(terraform.values("bridgehead_cluster.this")["server"], "https://10.0.0.1:6443");
}
