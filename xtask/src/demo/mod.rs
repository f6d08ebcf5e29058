//! From an empty cluster to a running one and back, with what users have: a provider that is
//! installed, a repository behind a URL, and an agent with the rights of its ServiceAccount.

mod agent;
mod inventory;
mod terraform;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bridgehead_test_harness::agent::{applications, dynamic, kind};
use bridgehead_test_harness::git::{GitServer, Repository};
use bridgehead_test_harness::{Cluster, Options, Probe, Scratch, wait_for, workspace};
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use terraform::Terraform;

/// The URL that the example's manifests name.
const PLACEHOLDER: &str = "https://git.example.com/platform/gitops-config.git";
/// The namespace of the quickstart's agent.
const NAMESPACE: &str = "argocd";

/// What the demo runs.
pub(crate) struct Programs {
    pub(crate) agent: PathBuf,
    pub(crate) provider: PathBuf,
    pub(crate) terraform: PathBuf,
}

/// Runs all steps; an error if one of them was not seen.
pub(crate) async fn run(programs: &Programs, keep: bool) -> Result<()> {
    println!("1. A cluster and a Git server");
    let scratch = Scratch::new()?;
    let cluster = Cluster::start(Options::named("demo"))?;
    let client = cluster.client().await?;
    let server = GitServer::start()?;
    let mut repository = server.create("gitops-config")?;
    repository.copy_from(&workspace().join("examples/gitops-config"))?;
    replace(repository.tree(), repository.url())?;
    repository.commit("The example")?;
    println!("   {} serves {}", cluster.server(), repository.url());
    let before = inventory::list(&client).await?;

    println!("2. terraform init && terraform apply");
    let terraform = Terraform::new(programs, scratch.path(), cluster.kubeconfig(), repository.url())?;
    terraform.run(&["init", "-input=false", "-no-color"])?;
    let apply = terraform.start(&["apply", "-auto-approve", "-input=false", "-no-color"])?;
    let agent = agent::follow(&cluster, &client, &programs.agent, apply).await?;

    println!("3. A second plan");
    let code = terraform.code(&["plan", "-detailed-exitcode", "-input=false", "-no-color"])?;
    ensure!(code == Some(0), "the second plan is not empty:\n{}", terraform.tail());
    println!("   empty");

    println!("4. A commit");
    push(&client, &mut repository).await?;
    println!("5. An edit by hand");
    edit(&client).await?;

    if keep {
        println!("It runs until Ctrl-C. To look at it:");
        println!("   export KUBECONFIG={}", cluster.kubeconfig().display());
        println!("   {} app list", programs.agent.display());
        println!("   {} app get root -o tree", programs.agent.display());
        std::future::pending::<()>().await;
    }

    println!("6. terraform destroy");
    terraform.run(&["destroy", "-auto-approve", "-input=false", "-no-color"])?;
    drop(agent);
    wait_for("everything of this configuration to be gone", async || {
        let after = inventory::list(&client).await?;
        let left: Vec<&String> = after.difference(&before).collect();
        Ok(Probe::when(left.is_empty(), format!("left: {left:?}")))
    })
    .await?;
    println!("   nothing is left of it");
    Ok(())
}

/// Puts the repository's URL in the placeholder's place.
fn replace(folder: &Path, url: &str) -> Result<()> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?
    {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        if path.is_dir() {
            replace(&path, url)?;
        } else {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("failed to read `{}`", path.display()))?;
            std::fs::write(&path, text.replace(PLACEHOLDER, url))
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
    }
    Ok(())
}

async fn push(client: &Client, repository: &mut Repository) -> Result<()> {
    let path = "services/storefront/configmap.yaml";
    let text = std::fs::read_to_string(repository.tree().join(path)).context("failed to read the example")?;
    repository.write(path, text.replace("GREETING: Welcome", "GREETING: Welcome back"))?;
    let commit = repository.commit("Another greeting")?;
    println!("   pushed {commit}; asking for a refresh, as a webhook would");
    let refresh = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
    applications(client, NAMESPACE)
        .patch("storefront", &PatchParams::default(), &Patch::Merge(refresh))
        .await
        .context("failed to ask for a refresh")?;
    greeting(client, "Welcome back").await?;
    println!("   live: the greeting is `Welcome back`");
    Ok(())
}

async fn edit(client: &Client) -> Result<()> {
    let edited = json!({"data": {"GREETING": "Edited by hand"}});
    dynamic(client, &kind("", "v1", "ConfigMap"), Some("shop"))
        .patch("storefront", &PatchParams::default(), &Patch::Merge(edited))
        .await
        .context("failed to edit the greeting")?;
    println!("   the greeting was set to `Edited by hand`");
    greeting(client, "Welcome back").await?;
    println!("   healed: it is `Welcome back` again");
    Ok(())
}

async fn greeting(client: &Client, wanted: &str) -> Result<()> {
    let maps = dynamic(client, &kind("", "v1", "ConfigMap"), Some("shop"));
    wait_for(&format!("the greeting to be `{wanted}`"), async || {
        let seen = maps.get("storefront").await?.data["data"]["GREETING"].clone();
        Ok(Probe::when(seen == wanted, seen.to_string()))
    })
    .await
}
