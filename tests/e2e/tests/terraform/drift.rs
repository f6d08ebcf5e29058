//! Edits behind Terraform's back, while an agent works on what is edited.

use anyhow::{Result, ensure};
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage};
use bridgehead_test_harness::test_cluster;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::configuration::{Application, terraform, workloads};

/// Edits an object as `kubectl edit` does.
async fn edit(objects: &Api<DynamicObject>, name: &str, change: Value) -> Result<()> {
    let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    objects.patch(name, &params, &Patch::Merge(change)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_by_hand_are_seen_by_a_plan_and_healed_by_an_apply() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-drift", &QUICK).await?;
    let mut repository = stage.git.create("drift")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.write("other/settings.yaml", config_map("settings", "2"))?;
    let commit = repository.commit("first")?;
    let application = Application {
        stage: &stage,
        address: "web",
        name: "drift-web",
        url: repository.url(),
        path: "app",
        destination: "tf-drift-app",
        on_destroy: "cascade",
        more: "project = bridgehead_project.team.name",
    };
    let configuration = format!(
        r#"
resource "bridgehead_project" "team" {{
  name         = "team"
  namespace    = "{control}"
  source_repos = ["*"]
  destinations = [{{ server = "*", namespace = "tf-drift-app" }}]
  cluster_resource_whitelist = [{{ group = "", kind = "Namespace" }}]
}}
resource "bridgehead_repository" "config" {{
  name                = "config"
  namespace           = "{control}"
  url                 = "{url}"
  username            = "ci"
  password_wo         = "from-terraform"
  password_wo_version = 1
}}
resource "bridgehead_cluster" "spoke" {{
  name      = "spoke"
  namespace = "{control}"
  server    = "https://127.0.0.1:9"
  labels    = {{ tier = "test" }}
}}
{application}
"#,
        control = stage.namespace,
        url = repository.url(),
        application = application.awaited("timeout = \"5m\""),
    );
    let terraform = terraform(stage.cluster, &configuration)?;
    terraform.apply()?;
    let before = workloads(&stage, "tf-drift-app").await?;
    let argo = |kind: &str| stage.objects("argoproj.io", "v1alpha1", kind, &stage.namespace);
    let secrets = stage.objects("", "v1", "Secret", &stage.namespace);

    edit(&argo("Application"), "drift-web", json!({"spec": {"source": {"path": "other"}}})).await?;
    // The agent follows the edit; Terraform brings it back.
    let second = |status: &Value| status["sync"]["comparedTo"]["source"]["path"] == "other";
    stage.wait_status("drift-web", "compared to the edit", second).await?;
    let plan = terraform.plan()?;
    ensure!(plan.contains("\"other\" -> \"app\""), "{plan}");
    terraform.apply()?;
    let first = |status: &Value| {
        status["sync"]["comparedTo"]["source"]["path"] == "app" && status["sync"]["status"] == "Synced"
    };
    stage.wait_status("drift-web", "compared to Terraform's source", first).await?;
    stage.wait_synced("drift-web", &commit).await?;
    ensure!(stage.config_maps("tf-drift-app").get("settings").await?.data["data"]["value"] == "1");
    ensure!(workloads(&stage, "tf-drift-app").await? == before);

    edit(&argo("AppProject"), "team", json!({"spec": {"sourceRepos": [], "description": "mine"}})).await?;
    let refused = |status: &Value| status["conditions"][0]["type"] == "InvalidSpecError";
    stage.wait_status("drift-web", "refused by its project", refused).await?;
    let plan = terraform.plan()?;
    ensure!(plan.contains("source_repos") && plan.contains("\"mine\" -> null"), "{plan}");
    terraform.apply()?;
    stage.wait_synced("drift-web", &commit).await?;

    edit(&secrets, "config", json!({"stringData": {"password": "mine", "username": "me"}})).await?;
    edit(&secrets, "spoke", json!({"metadata": {"labels": {"tier": "mine"}}})).await?;
    let plan = terraform.plan()?;
    ensure!(plan.contains("\"me\" -> \"ci\"") && plan.contains("\"mine\" -> \"test\""), "{plan}");
    ensure!(plan.contains("password_wo_version"), "{plan}");
    terraform.apply()?;
    let data = secrets.get("config").await?.data["data"]["password"].clone();
    ensure!(data == "ZnJvbS10ZXJyYWZvcm0=", "{data}");

    // An object that somebody deleted is made again, and what it had deployed is not.
    edit(&argo("Application"), "drift-web", json!({"metadata": {"finalizers": null}})).await?;
    argo("Application").delete("drift-web", &kube::api::DeleteParams::default()).await?;
    stage.wait_there(&argo("Application"), "drift-web", false).await?;
    terraform.succeed(&["apply", "-auto-approve"])?;
    stage.wait_synced("drift-web", &commit).await?;
    terraform.nothing_to_do()?;
    ensure!(workloads(&stage, "tf-drift-app").await? == before);

    // Each is imported as it is, and nothing is to be done.
    for (address, name) in [
        ("bridgehead_application.web", "drift-web"),
        ("bridgehead_project.team", "team"),
        ("bridgehead_cluster.spoke", "spoke"),
    ] {
        terraform.imports(address, &format!("{}/{name}", stage.namespace))?;
    }
    terraform.destroy()?;
    Ok(())
}
