//! What people get wrong, one test each: the application says what is wrong and what to do, the one beside
//! it goes on, and once the cause is gone it heals without help.

mod destinations;
mod manifests;
mod repositories;
mod servers;

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::git::Repository;
use bridgehead_test_harness::test_cluster;
use serde_json::{Value, json};

/// A stage on which one application is well.
struct Case {
    stage: Stage,
    /// The name of the application that is not, and of its namespace.
    name: String,
    healthy: Repository,
    rounds: u32,
}

impl Case {
    async fn start(topic: &str) -> Result<Self> {
        Self::on(topic, Stage::start(test_cluster(), &format!("bad-{topic}"), &QUICK).await?).await
    }

    async fn on(topic: &str, stage: Stage) -> Result<Self> {
        let healthy = stage.git.create("healthy")?;
        let mut case = Self { stage, name: format!("{topic}-bad"), healthy, rounds: 0 };
        let spec = automated(case.healthy.url(), "app", &case.healthy_name());
        case.healthy.write("app/one.yaml", config_map("one", "0"))?;
        case.healthy.commit("begin")?;
        case.stage.application(&case.healthy_name(), spec).await?;
        case.others_go_on().await?;
        Ok(case)
    }

    fn healthy_name(&self) -> String {
        format!("{}-beside", self.name)
    }

    /// A commit of the healthy application arrives.
    async fn others_go_on(&mut self) -> Result<()> {
        self.rounds += 1;
        self.healthy.write("app/one.yaml", config_map("one", &self.rounds.to_string()))?;
        let commit = self.healthy.commit("go on")?;
        self.stage.wait_synced(&self.healthy_name(), &commit).await?;
        Ok(())
    }

    /// The application under test, synced automatically, each try once.
    async fn application(&self, url: &str) -> Result<()> {
        self.stage.application(&self.name, self.spec(url)).await
    }

    fn spec(&self, url: &str) -> Value {
        let mut spec = automated(url, "app", &self.name);
        spec["syncPolicy"]["retry"] = json!({"limit": 0});
        spec
    }

    /// The application says all these words, and the one beside it goes on meanwhile.
    async fn is_told(&mut self, words: &[&str]) -> Result<Value> {
        let status = self.stage.wait_told(&self.name, words).await?;
        self.others_go_on().await?;
        Ok(status)
    }

    /// The application is well now, with nothing left to complain about.
    async fn heals(&self, commit: &str) -> Result<()> {
        self.stage.wait_synced(&self.name, commit).await?;
        self.stage
            .wait_status(&self.name, "without a condition", |status| {
                status["conditions"].as_array().is_none_or(Vec::is_empty)
                    && status["operationState"]["phase"] == "Succeeded"
            })
            .await?;
        Ok(())
    }
}
