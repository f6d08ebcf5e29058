//! `bridgehead_application_wait`.

use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, edit_as, get, uid};
use crate::terraform::Terraform;

const AGENT: &str = "argocd-controller";
const REFRESH: &str = "argocd.argoproj.io/refresh";
const REVISION: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn configuration(namespace: &str, wait: &str) -> String {
    format!(
        r#"
resource "bridgehead_application" "this" {{
  name        = "web"
  namespace   = "{namespace}"
  source      = {{ repo_url = "https://git.example.com/shop.git", path = "web" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "shop" }}
  on_destroy  = "orphan"
}}
resource "bridgehead_application_wait" "this" {{
  name      = bridgehead_application.this.name
  namespace = "{namespace}"
{wait}
}}
"#
    )
}

/// The status of an application whose specification is the one above.
fn status(sync: &str, health: &str, phase: &str, resources: &Json) -> Json {
    let results = json!([{"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "settings",
                          "status": "SyncFailed", "message": "the webhook says no"}]);
    json!({"status": {
        "reconciledAt": "2026-01-01T00:00:10Z",
        "resources": resources,
        "sync": {"status": sync, "revision": REVISION, "comparedTo": {
            "source": {"repoURL": "https://git.example.com/shop.git", "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        }},
        "health": {"status": health},
        "operationState": {
            "phase": phase, "message": "one or more objects failed to apply", "operation": {"sync": {}},
            "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z",
            "syncResult": {"revision": REVISION, "source": {"repoURL": "x"},
                           "resources": if phase == "Succeeded" { json!([]) } else { results }},
        },
    }})
}

/// Answers refreshes as an agent does, with this status if there is one.
struct Answers(tokio::task::JoinHandle<()>);

impl Answers {
    fn with(stage: &Stage, status: Option<Json>) -> Answers {
        let api = stage.applications();
        Answers(tokio::spawn(async move {
            loop {
                for application in api.list(&kube::api::ListParams::default()).await.unwrap() {
                    if application.metadata.annotations.iter().any(|all| all.contains_key(REFRESH)) {
                        let mut answer = status.clone().unwrap_or_else(|| json!({}));
                        answer["metadata"] = json!({"annotations": {REFRESH: null}});
                        edit_as(&api, AGENT, &application.metadata.name.unwrap(), &answer).await;
                    }
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }))
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_before_the_wait_is_looked_at_again() {
    let stage = Stage::new("oldfailure").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &configuration(&stage.namespace, "  timeout = \"1h\""));
    terraform.succeed(&["apply", "-auto-approve", "-target=bridgehead_application.this"]);
    edit_as(&api, AGENT, "web", &status("OutOfSync", "Missing", "Failed", &json!([]))).await;
    // Git has been put right since, and nobody had looked.
    let answers = Answers::with(&stage, Some(status("Synced", "Healthy", "Succeeded", &json!([]))));
    terraform.apply();
    drop(answers);
    assert_eq!(get(&api, "web").await["metadata"]["annotations"][REFRESH], Json::Null);
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_times_out_recreates_nothing() {
    let stage = Stage::new("timeout").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &configuration(&stage.namespace, "  timeout = \"2s\""));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("is not there after 2 s") && told.contains("not compared yet"), "{told}");
    let first = uid(&get(&api, "web").await);
    let plan = terraform.plan();
    assert!(plan.contains("1 to add, 0 to change, 0 to destroy"), "{plan}");

    edit_as(&api, AGENT, "web", &status("Synced", "Healthy", "Succeeded", &json!([]))).await;
    terraform.apply();
    assert_eq!(uid(&get(&api, "web").await), first);
    let values = terraform.values("bridgehead_application_wait.this");
    assert_eq!(values["observed_revision"], REVISION);
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_failed_ends_the_wait_at_once_with_its_objects() {
    let stage = Stage::new("failfast").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &configuration(&stage.namespace, "  timeout = \"1h\""));
    terraform.succeed(&["apply", "-auto-approve", "-target=bridgehead_application.this"]);
    edit_as(&api, AGENT, "web", &status("OutOfSync", "Missing", "Failed", &json!([]))).await;
    let answers = Answers::with(&stage, None);
    let told = terraform.fail(&["apply", "-auto-approve"]);
    drop(answers);
    assert!(told.contains("ConfigMap shop/settings: the webhook says no"), "{told}");
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recursive_wait_waits_for_the_applications_below() {
    let stage = Stage::new("recursive").await;
    let api = stage.applications();
    let child = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "child", "namespace": stage.namespace},
        "spec": get_spec(),
    });
    bridgehead_test_harness::agent::apply(&stage.client, &[child]).await.unwrap();
    let wait = "  timeout = \"1h\"\n  recursive = true";
    let terraform = Terraform::with(stage.cluster, &configuration(&stage.namespace, wait));
    terraform.succeed(&["apply", "-auto-approve", "-target=bridgehead_application.this"]);
    let children = json!([{"group": "argoproj.io", "version": "v1alpha1", "kind": "Application",
                           "namespace": stage.namespace, "name": "child", "status": "Synced"}]);
    edit_as(&api, AGENT, "web", &status("Synced", "Healthy", "Succeeded", &children)).await;
    // The root is there; the child fails.
    edit_as(&api, AGENT, "child", &status("OutOfSync", "Missing", "Failed", &json!([]))).await;
    let answers = Answers::with(&stage, None);
    let told = terraform.fail(&["apply", "-auto-approve"]);
    drop(answers);
    assert!(told.contains(&format!("application {}/child", stage.namespace)), "{told}");
    edit_as(&api, AGENT, "child", &status("Synced", "Healthy", "Succeeded", &json!([]))).await;
    terraform.apply();
    let waited = terraform.values("bridgehead_application_wait.this")["applications"].clone();
    assert_eq!(waited, json!([format!("{}/web", stage.namespace), format!("{}/child", stage.namespace)]));
    terraform.destroy();
}

fn get_spec() -> Json {
    json!({
        "project": "default",
        "source": {"repoURL": "https://git.example.com/shop.git", "path": "web"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_wait_ends_soon_and_recreates_nothing() {
    let stage = Stage::new("interrupted").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &configuration(&stage.namespace, "  timeout = \"1h\""));
    terraform.succeed(&["apply", "-auto-approve", "-target=bridgehead_application.this"]);
    let first = uid(&get(&api, "web").await);
    let mut running = terraform.start(&["apply", "-auto-approve"]);
    running.until("bridgehead_application_wait.this: Still creating").unwrap();
    running.interrupt().unwrap();
    let (code, told) = running.end().unwrap();
    assert!(code == Some(1) && told.contains("interrupted"), "{told}");
    edit_as(&api, AGENT, "web", &status("Synced", "Healthy", "Succeeded", &json!([]))).await;
    terraform.apply();
    assert_eq!(uid(&get(&api, "web").await), first);
    terraform.destroy();
}
