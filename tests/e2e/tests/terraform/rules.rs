//! What a project refuses is told by Terraform and by the agent in the same words.

use anyhow::{Context, Result, ensure};
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated, told};
use bridgehead_test_harness::test_cluster;
use serde_json::json;

use crate::configuration::{Application, terraform};

#[tokio::test(flavor = "multi_thread")]
async fn terraform_refuses_at_plan_what_the_agent_would_and_in_its_words() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-rules", &QUICK).await?;
    let mut repository = stage.git.create("rules")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.commit("first")?;
    stage
        .apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "team", "namespace": stage.namespace},
            "spec": {
                "sourceRepos": ["https://git.example.com/*"],
                "destinations": [{"name": "in-cluster", "namespace": "team-*"}],
            },
        }))
        .await?;
    let mut spec = automated(repository.url(), "app", "tf-rules-app");
    spec["project"] = json!("team");
    stage.application("rules-by-hand", spec).await?;
    let status = stage
        .wait_status("rules-by-hand", "refused", |status| {
            status["conditions"][0]["type"] == "InvalidSpecError"
        })
        .await?;
    let said = told(&status).into_iter().next().context("a condition has a message")?;
    let application = Application {
        stage: &stage,
        address: "web",
        name: "rules-web",
        url: repository.url(),
        path: "app",
        destination: "tf-rules-app",
        on_destroy: "cascade",
        more: "project = \"team\"",
    };
    let terraform = terraform(stage.cluster, &application.resource())?;
    let refused = terraform.fail(&["plan"])?;
    let parts: Vec<&str> = said.split("; ").collect();
    ensure!(parts.len() == 2, "{said}");
    for part in parts {
        ensure!(refused.contains(part), "the agent says {part:?}, Terraform {refused}");
    }
    for attribute in ["At `source.repo_url`", "source = {", "destination = {"] {
        ensure!(refused.contains(attribute), "{attribute}: {refused}");
    }
    Ok(())
}
