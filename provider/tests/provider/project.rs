//! `bridgehead_project`.

use serde_json::json;

use crate::cluster_objects::{Stage, delete, edit, edit_as, get, uid};
use crate::terraform::Terraform;

fn project(namespace: &str, body: &str) -> String {
    format!(
        "resource \"bridgehead_project\" \"this\" {{\n  name = \"shop\"\n  namespace = \"{namespace}\"\n{body}\n}}\n"
    )
}

const RULES: &str = r#"
  description  = "The shop"
  source_repos = ["https://git.example.com/shop.git"]
  destinations = [{ server = "https://kubernetes.default.svc", namespace = "shop-*" }]
  cluster_resource_whitelist   = []
  namespace_resource_whitelist = [{ group = "apps", kind = "Deployment" }]
  sync_windows = [{ kind = "deny", schedule = "0 22 * * *", duration = "8h", applications = ["*"], manual_sync = true }]
  roles = [{ name = "deployer", policies = ["p, proj:shop:deployer, applications, sync, shop/*, allow"] }]
  labels = { team = "shop" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_project_lives_through_create_update_import_drift_and_destroy() {
    let stage = Stage::new("project").await;
    let terraform = Terraform::with(stage.cluster, &project(&stage.namespace, RULES));
    terraform.apply();
    let live = get(&stage.projects(), "shop").await;
    assert_eq!(live["spec"]["destinations"][0]["namespace"], "shop-*");
    assert_eq!(live["spec"]["syncWindows"][0]["manualSync"], true);
    assert_eq!(live["metadata"]["labels"]["team"], "shop");
    assert_eq!(terraform.values("bridgehead_project.this")["uid"], uid(&live));

    terraform.configure(&project(&stage.namespace, "  source_repos = [\"*\"]"));
    terraform.apply();
    let live = get(&stage.projects(), "shop").await;
    assert_eq!(live["spec"], json!({"sourceRepos": ["*"]}));
    assert_eq!(live["metadata"]["labels"], json!(null));

    terraform.configure(&project(&stage.namespace, RULES));
    terraform.apply();
    terraform.assert_imports("bridgehead_project.this", &format!("{}/shop", stage.namespace));

    let change = json!({"spec": {"description": "mine", "sourceNamespaces": ["*"]}});
    edit(&stage.projects(), "shop", &change).await;
    let plan = terraform.plan();
    assert!(plan.contains("\"mine\" -> \"The shop\"") && plan.contains("source_namespaces"), "{plan}");
    terraform.apply();
    let live = get(&stage.projects(), "shop").await;
    assert_eq!(live["spec"]["description"], "The shop");
    assert_eq!(live["spec"]["sourceNamespaces"], json!(null));

    delete(&stage.projects(), "shop").await;
    assert!(terraform.plan().contains("will be created"));
    terraform.apply();

    terraform.destroy();
    assert_eq!(get(&stage.projects(), "shop").await, json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_somebody_else_created_is_not_touched() {
    let stage = Stage::new("foreign").await;
    let theirs = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": stage.namespace}, "spec": {"description": "theirs"},
    });
    bridgehead_test_harness::agent::apply(&stage.client, &[theirs]).await.unwrap();
    let terraform = Terraform::with(stage.cluster, &project(&stage.namespace, RULES));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("exists already") && told.contains("import"), "{told}");
    assert_eq!(get(&stage.projects(), "shop").await["spec"], json!({"description": "theirs"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_git_declares_keeps_an_empty_plan_and_outlives_the_destroy() {
    let stage = Stage::new("handed").await;
    let terraform = Terraform::with(stage.cluster, &project(&stage.namespace, RULES));
    terraform.apply();
    let id = format!("root:argoproj.io/AppProject:{}/shop", stage.namespace);
    let change = json!({
        "metadata": {"annotations": {"argocd.argoproj.io/tracking-id": id}},
        "spec": {"description": "as Git says"},
    });
    edit_as(&stage.projects(), "argocd-controller", "shop", &change).await;
    terraform.assert_nothing_to_do();
    let told = terraform.destroy();
    assert!(told.contains("declared in Git") && told.contains("root"), "{told}");
    assert_eq!(get(&stage.projects(), "shop").await["spec"]["description"], "as Git says");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_at_plan_with_its_place() {
    let stage = Stage::new("wrong").await;
    let terraform = Terraform::with(
        stage.cluster,
        &project(
            &stage.namespace,
            "  sync_windows = [{ kind = \"deny\", schedule = \"0 25 * * *\", duration = \"8h\" }]",
        ),
    );
    let told = terraform.fail(&["plan"]);
    assert!(told.contains("sync_windows"), "{told}");
    terraform.configure(&project(&stage.namespace, "").replace("\"shop\"", "\"The Shop\""));
    assert!(terraform.fail(&["plan"]).contains("not a name that Kubernetes takes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_not_taken_from_under_an_application_that_stays_but_may_be_replaced() {
    let stage = Stage::new("inuse").await;
    let theirs = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": stage.namespace},
        "spec": {"project": "shop", "destination": {}, "source": {"repoURL": "x"}},
    });
    bridgehead_test_harness::agent::apply(&stage.client, &[theirs]).await.unwrap();
    let quick = project(&stage.namespace, "  timeouts = { delete = \"2s\" }");
    let terraform = Terraform::with(stage.cluster, &quick);
    terraform.apply();
    let first = uid(&get(&stage.projects(), "shop").await);
    let told = terraform.fail(&["destroy", "-auto-approve"]);
    assert!(
        told.contains("Project `shop` is still in use") && told.contains("/web: it belongs to"),
        "{told}"
    );
    assert_eq!(uid(&get(&stage.projects(), "shop").await), first);
    terraform.succeed(&["apply", "-auto-approve", "-replace=bridgehead_project.this"]);
    assert_ne!(uid(&get(&stage.projects(), "shop").await), first);
    delete(&stage.applications(), "web").await;
    terraform.destroy();
}
