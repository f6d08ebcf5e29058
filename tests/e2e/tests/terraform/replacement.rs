//! Renames and replacements: no workload is deleted, and the plan is empty afterwards.

use anyhow::{Context, Result, ensure};
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_e2e::{QUICK, Stage};
use bridgehead_test_harness::agent::applications;
use bridgehead_test_harness::terraform::Terraform;
use bridgehead_test_harness::test_cluster;

use crate::configuration::{Application, provider, terraform, workloads};

const TRACKING: &str = "argocd.argoproj.io/tracking-id";

async fn tracked_by(stage: &Stage, namespace: &str) -> Result<String> {
    let live = stage.config_maps(namespace).get("settings").await?;
    Ok(live.metadata.annotations.unwrap_or_default().remove(TRACKING).unwrap_or_default())
}

async fn is_gone(stage: &Stage, name: &str) -> Result<bool> {
    Ok(applications(&stage.client, &stage.namespace).get_opt(name).await?.is_none())
}

/// Applies this; the workloads have to be the same ones before and after, and the second plan empty.
async fn keeps(stage: &Stage, terraform: &Terraform, namespace: &str, configuration: &str) -> Result<String> {
    let before = workloads(stage, namespace).await?;
    ensure!(before.len() == 2, "{before:?}");
    terraform.configure(&format!("{}{configuration}", provider(stage.cluster)))?;
    let told = terraform.apply()?;
    let after = workloads(stage, namespace).await?;
    ensure!(after == before, "{before:?} became {after:?}: {told}");
    Ok(told)
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_outlive_every_rename_and_replacement_of_their_application() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-replace", &QUICK).await?;
    let mut repository = stage.git.create("replace")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.write("app/web.yaml", deployment("web", "", &[]))?;
    let commit = repository.commit("first")?;
    for on_destroy in ["refuse", "cascade"] {
        let namespace = format!("tf-replace-{on_destroy}");
        let application = |address: &'static str, name: &'static str, more: &'static str| {
            Application {
                stage: &stage,
                address,
                name,
                url: repository.url(),
                path: "app",
                destination: &namespace,
                on_destroy,
                more,
            }
            .awaited("timeout = \"5m\"")
        };
        let terraform = terraform(stage.cluster, &application("web", "web", ""))?;
        terraform.apply()?;
        let first = stage.read("web").await?.metadata.uid;

        // Another address of the same object.
        let moved = "\nmoved {\n  from = bridgehead_application.web\n  to = bridgehead_application.site\n}\n\
                     moved {\n  from = bridgehead_application_wait.web\n  to = bridgehead_application_wait.site\n}\n";
        let configuration = application("site", "web", "") + moved;
        let told = keeps(&stage, &terraform, &namespace, &configuration).await?;
        ensure!(told.contains("0 added, 0 changed, 0 destroyed"), "{told}");
        ensure!(stage.read("web").await?.metadata.uid == first);

        // Another name: another object, which takes over.
        let configuration = application("site", "website", "");
        let told = keeps(&stage, &terraform, &namespace, &configuration).await?;
        ensure!(told.contains("What application `web` has deployed stays"), "{told}");
        ensure!(is_gone(&stage, "web").await?);
        ensure!(tracked_by(&stage, &namespace).await?.starts_with("website:"));

        // Another name at another address, and back: Terraform destroys and creates in any order.
        for (address, name) in [("portal", "portal"), ("site", "website")] {
            let told = keeps(&stage, &terraform, &namespace, &application(address, name, "")).await?;
            ensure!(told.contains(&format!("Application `{name}`, which has the same source")), "{told}");
            ensure!(tracked_by(&stage, &namespace).await?.starts_with(&format!("{name}:")));
        }

        // Another name again, and the new one comes before the old one goes. Not with a wait in between: two
        // that heal the same objects are not both Synced.
        let first = "lifecycle { create_before_destroy = true }";
        let (configuration, _) = application("site", "shop", first)
            .split_once("resource \"bridgehead_application_wait\"")
            .map(|(application, wait)| (application.to_owned(), wait.to_owned()))
            .context("a wait follows")?;
        let told = keeps(&stage, &terraform, &namespace, &configuration).await?;
        ensure!(told.contains("Application `shop`, which has the same source"), "{told}");
        ensure!(is_gone(&stage, "website").await?);
        stage.wait_synced("shop", &commit).await?;

        // The same name, by force.
        let before = workloads(&stage, &namespace).await?;
        let second = stage.read("shop").await?.metadata.uid;
        terraform.configure(&format!("{}{}", provider(stage.cluster), application("site", "shop", "")))?;
        let told = terraform.succeed(&["apply", "-auto-approve", "-replace=bridgehead_application.site"])?;
        ensure!(stage.read("shop").await?.metadata.uid != second, "{told}");
        stage.wait_synced("shop", &commit).await?;
        terraform.nothing_to_do()?;
        ensure!(workloads(&stage, &namespace).await? == before, "{told}");
        ensure!(tracked_by(&stage, &namespace).await?.starts_with("shop:"));
        terraform.configure(&provider(stage.cluster))?;
        if on_destroy == "refuse" {
            let told = terraform.fail(&["apply", "-auto-approve"])?;
            ensure!(told.contains("still has workloads"), "{told}");
            let applications = applications(&stage.client, &stage.namespace);
            applications.delete("shop", &kube::api::DeleteParams::default()).await?;
        } else {
            terraform.apply()?;
            ensure!(workloads(&stage, &namespace).await?.is_empty());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_outlive_the_rename_of_their_project_and_the_replacement_of_their_repository() -> Result<()>
{
    let stage = Stage::start(test_cluster(), "tf-project", &QUICK).await?;
    let mut repository = stage.git.create("project")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.write("app/web.yaml", deployment("web", "", &[]))?;
    let commit = repository.commit("first")?;
    let configuration = |project: &str| {
        let application = Application {
            stage: &stage,
            address: "web",
            name: "project-web",
            url: repository.url(),
            path: "app",
            destination: "tf-project-app",
            on_destroy: "cascade",
            more: "project = bridgehead_project.team.name",
        };
        format!(
            r#"
resource "bridgehead_project" "team" {{
  name         = "{project}"
  namespace    = "{control}"
  source_repos = [bridgehead_repository.config.url]
  destinations = [{{ server = "*", namespace = "tf-project-app" }}]
  cluster_resource_whitelist = [{{ group = "", kind = "Namespace" }}]
}}
resource "bridgehead_repository" "config" {{
  name      = "config"
  namespace = "{control}"
  url       = "{url}"
}}
{application}
"#,
            control = stage.namespace,
            url = repository.url(),
            application = application.awaited("timeout = \"5m\""),
        )
    };
    let terraform = terraform(stage.cluster, &configuration("team"))?;
    terraform.apply()?;
    let first = stage.read("project-web").await?.metadata.uid;
    keeps(&stage, &terraform, "tf-project-app", &configuration("crew")).await?;
    stage.wait_synced("project-web", &commit).await?;
    let before = workloads(&stage, "tf-project-app").await?;
    for address in ["bridgehead_project.team", "bridgehead_repository.config"] {
        terraform.succeed(&["apply", "-auto-approve", &format!("-replace={address}")])?;
        stage.wait_synced("project-web", &commit).await?;
        terraform.nothing_to_do()?;
    }
    ensure!(workloads(&stage, "tf-project-app").await? == before);
    ensure!(stage.read("project-web").await?.metadata.uid == first);
    terraform.destroy()?;
    ensure!(workloads(&stage, "tf-project-app").await?.is_empty());
    Ok(())
}
