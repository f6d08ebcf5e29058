//! What a destroy of an application does, and to whom it leaves what.

use bridgehead_test_harness::{Probe, wait_for};
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, edit_as, get, uid};
use crate::terraform::Terraform;

fn application(namespace: &str, on_destroy: &str) -> String {
    format!(
        r#"
resource "bridgehead_application" "this" {{
  name        = "web"
  namespace   = "{namespace}"
  source      = {{ repo_url = "https://git.example.com/shop.git", path = "web" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "shop" }}
  on_destroy  = "{on_destroy}"
}}
"#
    )
}

/// The status of an application that has deployed something.
fn deployed() -> Json {
    json!({"status": {"resources": [{"kind": "Deployment", "namespace": "shop", "name": "web", "group": "apps"}]}})
}

const AGENT: &str = "argocd-controller";

#[tokio::test(flavor = "multi_thread")]
async fn workloads_are_never_deleted_unless_asked() {
    let stage = Stage::new("refuse").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, "refuse"));
    terraform.apply();
    edit_as(&api, AGENT, "web", &deployed()).await;
    let first = uid(&get(&api, "web").await);
    let told = terraform.fail(&["destroy", "-auto-approve"]);
    assert!(told.contains("still has workloads") && told.contains("Deployment shop/web"), "{told}");
    assert_eq!(uid(&get(&api, "web").await), first);

    terraform.configure(&application(&stage.namespace, "orphan"));
    terraform.succeed(&["apply", "-auto-approve"]);
    terraform.destroy();
    assert_eq!(get(&api, "web").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deployed_is_left_to_an_application_that_takes_the_place() {
    let stage = Stage::new("replaced").await;
    let api = stage.applications();
    let finalizers = async |name: &str| get(&api, name).await["metadata"]["finalizers"].clone();
    // Nobody serves finalizers here: one that is left would keep the old application.
    for on_destroy in ["refuse", "cascade"] {
        let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, on_destroy));
        terraform.apply();
        edit_as(&api, AGENT, "web", &deployed()).await;
        let told = terraform.succeed(&["apply", "-auto-approve", "-replace=bridgehead_application.this"]);
        assert!(told.contains("has deployed stays") && told.contains("Deployment shop/web"), "{told}");
        assert_eq!(finalizers("web").await.is_array(), on_destroy == "cascade", "the successor has its own");

        edit_as(&api, AGENT, "web", &deployed()).await;
        let renamed =
            application(&stage.namespace, on_destroy).replace("name        = \"web\"", "name = \"website\"");
        terraform.configure(&renamed);
        assert!(terraform.apply().contains("has deployed stays"));
        assert_eq!(get(&api, "web").await, Json::Null);

        // The successor is there before.
        edit_as(&api, AGENT, "website", &deployed()).await;
        let first = "lifecycle { create_before_destroy = true }\n  on_destroy";
        terraform.configure(&application(&stage.namespace, on_destroy).replacen("on_destroy", first, 1));
        let told = terraform.apply();
        assert!(told.contains("Application `web`, which has the same source"), "{told}");
        assert_eq!(get(&api, "website").await, Json::Null);
        terraform.configure(&application(&stage.namespace, "orphan"));
        terraform.apply();
        terraform.destroy();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deployed_is_left_to_an_application_at_another_address() {
    let stage = Stage::new("moved").await;
    let api = stage.applications();
    let each = |keys: &str| {
        application(&stage.namespace, "cascade")
            .replace("name        = \"web\"", &format!("for_each = toset([{keys}])\n  name = each.key"))
            .replace("path = \"web\"", "path = length(each.key) == 5 ? \"web\" : \"api\"")
            .replace("on_destroy", "timeouts = { delete = \"10s\" }\n  on_destroy")
    };
    let terraform = Terraform::with(stage.cluster, &each("\"shops\", \"users\", \"api\""));
    terraform.apply();
    for name in ["shops", "users", "api"] {
        edit_as(&api, AGENT, name, &deployed()).await;
    }
    // Nobody serves finalizers here: one that is left would keep the old application. Of two that deploy the
    // same, one is enough to take over.
    terraform.configure(&each("\"store\", \"backend\""));
    let told = terraform.apply();
    assert!(told.contains("application `shops` has deployed stays"), "{told}");
    assert!(told.contains("application `users` has deployed stays"), "{told}");
    assert!(told.contains("Application `store`, which has the same source"), "{told}");
    assert!(told.contains("Application `backend`, which has the same source"), "{told}");
    for name in ["shops", "users", "api"] {
        assert_eq!(get(&api, name).await, Json::Null);
    }

    // The plan may be applied later, by another process; and the block may have another name too.
    edit_as(&api, AGENT, "store", &deployed()).await;
    let renamed = application(&stage.namespace, "refuse").replace("\"this\"", "\"other\"");
    terraform.configure(&(each("\"backend\"") + &renamed));
    terraform.succeed(&["plan", "-out=saved"]);
    let told = terraform.succeed(&["apply", "saved"]);
    assert!(told.contains("Application `web`, which has the same source"), "{told}");
    terraform.assert_nothing_to_do();
    terraform.configure(
        &(each("\"backend\"") + &renamed).replace("cascade", "orphan").replace("refuse", "orphan"),
    );
    terraform.apply();
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_is_planned_too_late_is_told_before_anything_is_deleted() {
    let stage = Stage::new("late").await;
    let api = stage.applications();
    let each = |keys: [&str; 3]| {
        application(&stage.namespace, "cascade")
            .replace("name        = \"web\"", &format!("for_each = toset({keys:?})\n  name = each.key"))
            .replace("path = \"web\"", "path = substr(each.key, 0, 1)")
            .replace("on_destroy", "timeouts = { delete = \"10s\" }\n  on_destroy")
    };
    let (old, new) = (["a", "b", "c"], ["a-new", "b-new", "c-new"]);
    let terraform = Terraform::with(stage.cluster, &each(old));
    terraform.apply();
    for name in old {
        edit_as(&api, AGENT, name, &deployed()).await;
    }
    terraform.configure(&each(new));
    // One at a time: a destroy that comes first can't wait for what it holds up.
    let (code, told) = terraform.start(&["apply", "-auto-approve", "-parallelism=1"]).end().unwrap();
    if code != Some(0) {
        assert!(told.contains("takes the place of one that this plan destroys"), "{told}");
        for name in old {
            let live = get(&api, name).await;
            assert!(live.is_object() && live["metadata"]["deletionTimestamp"].is_null(), "{live}");
        }
        let moved = old.iter().zip(new).map(|(from, to)| {
            let address = "bridgehead_application.this";
            format!("moved {{\n  from = {address}[{from:?}]\n  to = {address}[{to:?}]\n}}\n")
        });
        terraform.configure(&(each(new) + &moved.collect::<String>()));
        terraform.succeed(&["apply", "-auto-approve", "-parallelism=1"]);
    }
    terraform.assert_nothing_to_do();
    for (old, new) in old.iter().zip(new) {
        assert!(get(&api, old).await.is_null() && get(&api, new).await.is_object());
    }
    terraform.configure(&each(new).replace("cascade", "orphan"));
    terraform.apply();
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cascade_waits_for_the_finalizer_and_names_it() {
    let stage = Stage::new("cascade").await;
    let api = stage.applications();
    let quick = application(&stage.namespace, "cascade")
        .replace("on_destroy", "timeouts = { delete = \"2s\" }\n  on_destroy");
    let terraform = Terraform::with(stage.cluster, &quick);
    terraform.apply();
    edit_as(&api, AGENT, "web", &deployed()).await;
    let finalizers = get(&api, "web").await["metadata"]["finalizers"].clone();
    assert_eq!(finalizers, json!(["resources-finalizer.argocd.argoproj.io"]));
    let told = terraform.fail(&["destroy", "-auto-approve"]);
    assert!(
        told.contains("resources-finalizer.argocd.argoproj.io") && told.contains("Application"),
        "{told}"
    );
    // The agent, at last.
    let running = terraform.start(&["destroy", "-auto-approve"]);
    wait_for("the application to be gone", async || {
        let live = get(&api, "web").await;
        if live["metadata"]["deletionTimestamp"].is_string() {
            edit_as(&api, AGENT, "web", &json!({"metadata": {"finalizers": null}})).await;
        }
        Ok(Probe::when(get(&api, "web").await.is_null(), live.to_string()))
    })
    .await
    .unwrap();
    let (code, told) = running.end().unwrap();
    assert_eq!(code, Some(0), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_git_declares_is_left_to_git() {
    let stage = Stage::new("handover").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, "cascade"));
    terraform.apply();
    let id = format!("web:argoproj.io/Application:{}/web", stage.namespace);
    let change = json!({
        "metadata": {"annotations": {"argocd.argoproj.io/tracking-id": id}},
        "spec": {"source": {"path": "changed-in-git"}},
    });
    edit_as(&api, AGENT, "web", &change).await;
    edit_as(&api, AGENT, "web", &deployed()).await;
    terraform.assert_nothing_to_do();
    let told = terraform.destroy();
    assert!(told.contains("declared in Git"), "{told}");
    let live = get(&api, "web").await;
    assert_eq!(live["spec"]["source"]["path"], "changed-in-git");
    assert_eq!(live["metadata"]["deletionTimestamp"], Json::Null);
    edit_as(&api, AGENT, "web", &json!({"metadata": {"finalizers": null}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_that_somebody_took_off_is_put_back() {
    let stage = Stage::new("finalizer").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, "cascade"));
    terraform.apply();
    edit_as(&api, "kubectl-edit", "web", &json!({"metadata": {"finalizers": null}})).await;
    assert!(terraform.plan().contains("\"orphan\" -> \"cascade\""));
    terraform.apply();
    terraform.configure(&application(&stage.namespace, "refuse"));
    terraform.apply();
    assert_eq!(get(&api, "web").await["metadata"]["finalizers"], Json::Null);
    terraform.destroy();
}
