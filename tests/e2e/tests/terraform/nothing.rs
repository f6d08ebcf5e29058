//! From nothing to a running app-of-apps in one apply of which nothing is known when it is planned, and back.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bridgehead_e2e::deployed::Deployed;
use bridgehead_e2e::inventory;
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_test_harness::agent::{applications, apply, dynamic, kind};
use bridgehead_test_harness::git::GitServer;
use bridgehead_test_harness::terraform::Terraform;
use bridgehead_test_harness::{Cluster, Options, Probe, binary, wait_for};
use serde_json::{Value, json};

fn configuration(cluster: &Cluster, url: &str) -> String {
    format!(
        r#"
resource "terraform_data" "cluster" {{
  input = {{
    path      = {path:?}
    url       = "{url}"
    namespace = "argocd"
    project   = "bootstrap"
    root      = "root"
  }}
}}
locals {{
  late = terraform_data.cluster.output
}}
provider "bridgehead" {{
  kubernetes = {{ config_path = local.late.path }}
}}
resource "bridgehead_agent" "this" {{
  namespace       = local.late.namespace
  poll_interval   = "1s"
  extra_arguments = ["--poll-jitter=0s"]
}}
resource "bridgehead_project" "bootstrap" {{
  name         = local.late.project
  namespace    = local.late.namespace
  source_repos = [local.late.url]
  destinations = [{{ server = "https://kubernetes.default.svc", namespace = local.late.namespace }}]
  cluster_resource_whitelist = []
}}
resource "bridgehead_repository" "config" {{
  name      = "config"
  namespace = local.late.namespace
  url       = local.late.url
}}
resource "bridgehead_application" "root" {{
  name        = local.late.root
  namespace   = local.late.namespace
  project     = bridgehead_project.bootstrap.name
  source      = {{ repo_url = local.late.url, path = "root", target_revision = "HEAD" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = local.late.namespace }}
  sync_policy = {{ automated = {{ prune = true, self_heal = true }} }}
  on_destroy  = "cascade"
}}
resource "bridgehead_application_wait" "root" {{
  name      = local.late.root
  namespace = local.late.namespace
  recursive = true
  timeout   = "5m"
}}
"#,
        path = cluster.kubeconfig().display().to_string(),
    )
}

fn project() -> String {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {
            "name": "shop", "namespace": "argocd", "annotations": {"argocd.argoproj.io/sync-wave": "-1"},
        },
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "shop"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        },
    })
    .to_string()
}

fn application(name: &str, wave: &str, url: &str) -> String {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": name, "namespace": "argocd", "annotations": {"argocd.argoproj.io/sync-wave": wave},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "shop", "source": {"repoURL": url, "path": name, "targetRevision": "HEAD"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        },
    })
    .to_string()
}

/// What somebody else has in the cluster.
fn theirs() -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "theirs"}}),
        json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "theirs"}, "value": 1}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_apply_of_which_nothing_is_known_at_plan_and_one_destroy_that_leaves_nothing() -> Result<()> {
    let cluster = Arc::new(Cluster::start(Options::named("tf-nothing"))?);
    let client = cluster.client().await?;
    let git = GitServer::start()?;
    let mut repository = git.create("config")?;
    let url = repository.url().to_owned();
    repository.write("root/project.yaml", project())?;
    repository.write("root/infrastructure.yaml", application("infrastructure", "0", &url))?;
    repository.write("root/web.yaml", application("web", "1", &url))?;
    repository.write(
        "infrastructure/namespace.yaml",
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}).to_string(),
    )?;
    repository.write("web/settings.yaml", config_map("settings", "1"))?;
    repository.write("web/web.yaml", deployment("web", "", &[]))?;
    let commit = repository.commit("app of apps")?;
    apply(&client, &theirs()).await?;
    let before = inventory::list(&client).await?;

    let deployed = Deployed::follow(cluster.clone(), "argocd").await?;
    let terraform =
        Terraform::new(&binary("terraform-provider-bridgehead")?, &configuration(&cluster, &url))?;
    let plan = terraform.plan()?;
    ensure!(plan.contains("6 to add, 0 to change, 0 to destroy"), "{plan}");
    let told = terraform.apply()?;
    ensure!(told.contains("6 added, 0 changed, 0 destroyed"), "{told}");
    let waited = terraform.values("bridgehead_application_wait.root")?;
    ensure!(waited["observed_revision"] == commit, "{waited}");
    ensure!(waited["applications"].as_array().is_some_and(|all| all.len() == 3), "{waited}");
    let maps = dynamic(&client, &kind("", "v1", "ConfigMap"), Some("shop"));
    let first = maps.get("settings").await?.metadata.uid;

    // The agent goes on without Terraform.
    repository.write("web/settings.yaml", config_map("settings", "2"))?;
    repository.commit("another value")?;
    wait_for("the commit to be live", async || {
        let value = maps.get("settings").await?.data["data"]["value"].clone();
        Ok(Probe::when(value == "2", value.to_string()))
    })
    .await?;
    terraform.nothing_to_do()?;

    // Another agent in its place: what it works on stays, and it goes on.
    let told = terraform.succeed(&["apply", "-auto-approve", "-replace=bridgehead_agent.this"])?;
    ensure!(told.contains("1 added, 0 changed, 1 destroyed"), "{told}");
    repository.write("web/settings.yaml", config_map("settings", "3"))?;
    repository.commit("a third value")?;
    wait_for("the new agent to sync", async || {
        let live = maps.get("settings").await?;
        Ok(Probe::when(live.data["data"]["value"] == "3" && live.metadata.uid == first, format!("{live:?}")))
    })
    .await?;
    terraform.nothing_to_do()?;

    let told = terraform.destroy()?;
    ensure!(told.contains("6 destroyed"), "{told}");
    drop(deployed);
    wait_for("everything of this configuration to be gone", async || {
        let after = inventory::list(&client).await?;
        let left: Vec<&String> = after.difference(&before).collect();
        Ok(Probe::when(left.is_empty(), format!("left: {left:?}; {told}")))
    })
    .await?;
    let after = inventory::list(&client).await?;
    let missing: Vec<&String> = before.difference(&after).collect();
    ensure!(missing.is_empty(), "taken along: {missing:?}");
    ensure!(applications(&client, "argocd").list(&kube::api::ListParams::default()).await.is_err());
    Ok(())
}
