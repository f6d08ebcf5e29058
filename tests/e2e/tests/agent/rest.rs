//! At rest nothing is asked for but what tells of changes.

use anyhow::{Context, Result};
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::audit::Request;
use bridgehead_test_harness::git::Step;
use bridgehead_test_harness::{Probe, test_cluster, wait_for};

const APPLICATIONS: usize = 50;

#[tokio::test]
async fn fifty_applications_at_rest_cost_watches_and_one_advertisement_per_poll() -> Result<()> {
    let stage = Stage::start(test_cluster(), "rest", &QUICK).await?;
    let mut repository = stage.git.create("rest")?;
    for number in 0..APPLICATIONS {
        repository.write(&format!("app-{number}/one.yaml"), config_map(&format!("one-{number}"), "1"))?;
        repository.write(&format!("app-{number}/two.yaml"), config_map(&format!("two-{number}"), "2"))?;
    }
    repository.write("app-0/web.yaml", deployment("web", "", &[]))?;
    let commit = repository.commit("fifty applications")?;
    for number in 0..APPLICATIONS {
        let spec = automated(repository.url(), &format!("app-{number}"), "rest-apps");
        stage.application(&format!("rest-{number}"), spec).await?;
    }
    for number in 0..APPLICATIONS {
        stage.wait_synced(&format!("rest-{number}"), &commit).await?;
    }
    // What was under way when the last status was stored (events, a pass over what it changed) ends within
    // two polls that ask for nothing; only then is it at rest.
    let mut since = stage.mark()?;
    let mut quiet_from = polls(&stage)?;
    wait_for("two polls in a row without a request", async || {
        let requests = stage.requests_since(since)?;
        if requests.iter().any(|request| request.verb != "watch") {
            since = stage.mark()?;
            quiet_from = polls(&stage)?;
        }
        let shown: Vec<String> = requests.iter().map(Request::summary).collect();
        Ok(Probe::when(polls(&stage)? >= quiet_from + 2, format!("{shown:?}")))
    })
    .await?;

    let mark = stage.mark()?;
    let (polls_before, exchanges_before) = (polls(&stage)?, stage.git.exchanges().len());
    wait_for("four polls", async || {
        let now = polls(&stage)?;
        Ok(Probe::when(now >= polls_before + 4, format!("{now} after {polls_before}")))
    })
    .await?;
    let polled = polls(&stage)? - polls_before;
    let exchanges = stage.git.exchanges().split_off(exchanges_before);
    let requests = stage.requests_since(mark)?;

    let others: Vec<String> =
        requests.iter().filter(|request| request.verb != "watch").map(Request::summary).collect();
    assert!(others.is_empty(), "at rest the agent asked for {others:?}");
    // In protocol 2 the first advertisement says what the server can do; later ones list refs at once.
    let is_advertisement = |step| matches!(step, Step::Advertisement | Step::ListRefs);
    assert!(exchanges.iter().all(|exchange| is_advertisement(exchange.step)), "{exchanges:?}");
    // The agent counts a poll a moment before its request arrives.
    assert!(exchanges.len().abs_diff(polled) <= 1, "{polled} polls, {} exchanges", exchanges.len());
    Ok(())
}

/// How often the agent has asked a repository for its refs.
fn polls(stage: &Stage) -> Result<usize> {
    let (_, metrics) = stage.agent.get("/metrics")?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("bridgehead_advertisements_total "));
    Ok(line.context("no counter of advertisements")?.trim().parse()?)
}
