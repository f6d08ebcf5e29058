//! A takeover that fails: Argo CD works on, since nothing else does.

use bridgehead_test_harness::agent::apply;
use bridgehead_test_harness::{Probe, wait_for};
use kube::api::{Api, DynamicObject};
use serde_json::{Value as Json, json};

use crate::agent::{agent, cluster, controller, definitions, in_argocd};
use crate::cluster_objects::{define, delete, edit, get};
use crate::terraform::Terraform;

const CONTROLLER: &str = "argocd-application-controller";

async fn runs(pods: &Api<DynamicObject>, name: &str) {
    wait_for(&format!("{name} to run"), async || {
        Ok(Probe::when(get(pods, name).await["status"]["phase"] == "Running", "not running"))
    })
    .await
    .unwrap();
}

/// Its replicas, and what a takeover has noted of them.
async fn replicas(sets: &Api<DynamicObject>) -> (Json, Json) {
    let live = get(sets, CONTROLLER).await;
    let noted = live["metadata"]["annotations"]["bridgehead.dev/replicas-before-takeover"].clone();
    (live["spec"]["replicas"].clone(), noted)
}

/// And a pod of it that no StatefulSet has made, so scaling down doesn't end it.
fn with_stubborn(mut controller: Vec<Json>) -> Vec<Json> {
    let mut stubborn = controller[1]["spec"]["template"].clone();
    stubborn["apiVersion"] = json!("v1");
    stubborn["kind"] = json!("Pod");
    stubborn["metadata"]["name"] = json!("stubborn");
    stubborn["metadata"]["namespace"] = json!("argocd");
    // The namespace of an agent takes no other.
    stubborn["spec"]["containers"][0]["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    controller.push(stubborn);
    controller
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_that_fails_leaves_the_controller_as_it_was() {
    let (cluster, client) = cluster("agent-failing").await;
    apply(&client, &with_stubborn(controller())).await.unwrap();
    let (pods, sets) = (in_argocd(&client, "", "v1", "Pod"), in_argocd(&client, "apps", "v1", "StatefulSet"));
    runs(&pods, "stubborn").await;
    runs(&pods, &format!("{CONTROLLER}-0")).await;
    let untouched = (json!(2), Json::Null);

    let quick = agent("  takeover = \"argocd\"\n  timeouts = { create = \"3s\" }");
    let terraform = Terraform::with(&cluster, &quick);
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("doesn't stop") && told.contains("Pod argocd/stubborn"), "{told}");
    assert_eq!(replicas(&sets).await, untouched);

    terraform.configure(&agent("  takeover = \"argocd\""));
    let running = terraform.start(&["apply", "-auto-approve"]);
    wait_for("the controller to be scaled down", async || {
        let (now, _) = replicas(&sets).await;
        Ok(Probe::when(now == 0, now.to_string()))
    })
    .await
    .unwrap();
    running.interrupt().unwrap();
    let (code, told) = running.end().unwrap();
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(replicas(&sets).await, untouched, "{told}");
    let name = "applications.argoproj.io";
    assert_eq!(get(&definitions(&client), name).await, Json::Null, "nothing was written");

    // It stops, and then nothing can be installed.
    delete(&pods, "stubborn").await;
    define(&client).await;
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full", "namespace": "argocd"},
        "spec": {"hard": {"count/serviceaccounts": "0"}},
    });
    apply(&client, &[quota]).await.unwrap();
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("quota"), "{told}");
    assert_eq!(replicas(&sets).await, untouched, "{told}");
    assert_eq!(terraform.values("bridgehead_agent.this"), Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_brings_older_definitions_up_to_date_and_leaves_newer_ones() {
    let (cluster, client) = cluster("agent-older").await;
    let specification = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let mut theirs = bridgehead_install::custom_resource_definitions();
    for definition in &mut theirs {
        let newer = definition["spec"]["names"]["kind"] == "ApplicationSet";
        let fields = definition.pointer_mut(specification).unwrap().as_object_mut().unwrap();
        if newer {
            fields.insert("later".to_owned(), json!({"type": "string"}));
        } else {
            fields.remove("revisionHistoryLimit");
        }
    }
    apply(&client, &theirs).await.unwrap();
    let fields = async |name: &str| {
        let live = get(&definitions(&client), name).await;
        live.pointer(specification).unwrap().clone()
    };
    let (applications, sets) = ("applications.argoproj.io", "applicationsets.argoproj.io");

    let terraform = Terraform::with(&cluster, &agent(""));
    let told = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(told.contains(&format!("{applications} is left as it is")), "{told}");
    assert_eq!(fields(applications).await["revisionHistoryLimit"], Json::Null);

    terraform.configure(&agent("  takeover = \"argocd\""));
    let told = terraform.apply();
    assert!(told.contains(&format!("{applications} is brought up to date")), "{told}");
    assert!(told.contains(&format!("{sets} is left as it is")), "{told}");
    assert!(fields(applications).await["revisionHistoryLimit"].is_object());
    assert!(fields(sets).await["later"].is_object());

    // Somebody makes it newer than ours.
    let mut newer = theirs[0].clone();
    let all = newer.pointer_mut(specification).unwrap().as_object_mut().unwrap();
    all.insert("revisionHistoryLimit".to_owned(), fields(applications).await["revisionHistoryLimit"].clone());
    all.insert("later".to_owned(), json!({"type": "string"}));
    edit(&definitions(&client), applications, &json!({"spec": newer["spec"]})).await;
    terraform.assert_nothing_to_do();
    terraform.configure(&agent("  takeover = \"argocd\"\n  replicas = 2"));
    terraform.apply();
    assert!(fields(applications).await["later"].is_object());

    // One that comes up beside the agent, and doesn't stop, is not scaled up again beside it.
    apply(&client, &with_stubborn(controller())).await.unwrap();
    let (pods, sets) = (in_argocd(&client, "", "v1", "Pod"), in_argocd(&client, "apps", "v1", "StatefulSet"));
    runs(&pods, "stubborn").await;
    let quick = "  takeover = \"argocd\"\n  timeouts = { update = \"3s\" }";
    terraform.configure(&agent(quick));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("doesn't stop") && told.contains("is scaled to zero"), "{told}");
    assert_eq!(replicas(&sets).await, (json!(0), json!("2")));
    delete(&pods, "stubborn").await;
    terraform.destroy();
    assert_eq!(replicas(&sets).await, (json!(2), Json::Null));
    assert!(get(&definitions(&client), applications).await.is_object());
}
