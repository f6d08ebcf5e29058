//! Benchmarks: the agent on a real API server, beside a floor of the same objects written by a bare client.
//!
//! Figures of one run are comparable with each other and with nothing else: the machine, the API server and
//! the load are the same only within it. Counts (requests, writes) do not depend on the machine.

mod floor;
mod repository;
mod requests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bridgehead_test_harness::agent::{Agent, AgentOptions, applications, install_agent, start_agent, usage};
use bridgehead_test_harness::git::{GitServer, Repository};
use bridgehead_test_harness::{Cluster, Options, Probe, wait_for_every};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::Client;
use kube::api::{Api, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// How much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) applications: usize,
    pub(crate) objects: usize,
    pub(crate) foreign_secrets: usize,
}

/// Namespaces that the objects are spread over.
pub(crate) const NAMESPACES: usize = 20;
const CONTROL: &str = "argocd";
/// Repetitions of the scenarios that measure a latency.
const ROUNDS: usize = 15;

struct Stage {
    cluster: Cluster,
    client: Client,
    agent: Agent,
    repository: Repository,
    scale: Scale,
    _git: GitServer,
}

/// All scenarios, as one JSON value.
pub(crate) async fn run(binary: &Path, scale: Scale) -> Result<Value> {
    ensure!(
        scale.applications > ROUNDS && scale.objects > 0,
        "the scenarios need more than {ROUNDS} applications (`--applications`) with one object or more (`--objects`)"
    );
    let floor = floor::run(scale).await.context("scenario floor")?;
    let mut options = Options::named("bench");
    options.audit_log = true;
    let cluster = Cluster::start(options)?;
    let client = cluster.client().await?;
    install_agent(&cluster, CONTROL).await?;
    namespaces(&client).await?;
    foreign_secrets(&client, scale.foreign_secrets).await?;
    let git = GitServer::start()?;
    let mut repository = git.create("fleet")?;
    repository::fill(&repository, scale)?;
    repository.commit("everything")?;
    let agent = start(&cluster, binary).await?;
    let mut stage = Stage { cluster, client, agent, repository, scale, _git: git };

    let cold = cold(&stage).await.context("scenario cold")?;
    let commit = commit(&mut stage).await.context("scenario commit")?;
    let drift = drift(&stage).await.context("scenario drift")?;
    let restart = restart(&mut stage, binary).await.context("scenario restart")?;
    Ok(json!({
        "scale": {
            "applications": scale.applications, "objects_per_application": scale.objects,
            "foreign_secrets_of_10_kb": scale.foreign_secrets,
        },
        "floor": floor, "cold": cold, "commit_to_live": commit, "drift_to_healed": drift, "restart": restart,
    }))
}

async fn start(cluster: &Cluster, binary: &Path) -> Result<Agent> {
    let options = AgentOptions {
        namespace: CONTROL.into(),
        arguments: vec!["--log-level".into(), "warn".into()],
        binary: Some(binary.to_owned()),
    };
    let mut agent = start_agent(cluster, &options).await?;
    agent.ready().await?;
    Ok(agent)
}

/// From the creation of all applications to all of them Synced and Healthy.
async fn cold(stage: &Stage) -> Result<Value> {
    let audit = stage.cluster.audit_log()?;
    let mark = audit.mark()?;
    let cpu_before = cpu_by_process(stage)?;
    let begun = Instant::now();
    let api = applications(&stage.client, CONTROL);
    futures::stream::iter(0..stage.scale.applications)
        .map(|number| {
            let api = api.clone();
            let object = application(number, stage.repository.url());
            async move {
                let object = serde_json::from_value(object)?;
                api.create(&PostParams::default(), &object).await.context("failed to create an Application")
            }
        })
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await?;
    all_synced(stage, None).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let (_, peak) = usage(stage.agent.process.pid())?;
    let cpu: BTreeMap<String, f64> = cpu_by_process(stage)?
        .into_iter()
        .map(|(name, after)| {
            let before = cpu_before.get(&name).copied().unwrap_or_default();
            (name, after - before)
        })
        .collect();
    let requests = audit.requests_since(mark)?;
    Ok(json!({
        "seconds": seconds, "cpu_seconds": cpu["agent"], "peak_rss_bytes": peak,
        "cpu_seconds_by_process": cpu,
        "requests": requests::by_verb(&requests, CONTROL),
    }))
}

/// CPU seconds so far of the agent, of every process of the control plane, and of this one, which creates
/// the Applications, looks at them, and serves Git.
fn cpu_by_process(stage: &Stage) -> Result<BTreeMap<String, f64>> {
    let agent = ("agent".to_owned(), stage.agent.process.pid());
    let bench = ("bench".to_owned(), std::process::id());
    let all = stage.cluster.pids().into_iter().chain([agent, bench]);
    all.map(|(name, pid)| Ok((name, usage(pid)?.0))).collect()
}

async fn all_synced(stage: &Stage, revision: Option<&str>) -> Result<()> {
    let api = applications(&stage.client, CONTROL);
    wait_for_every(Duration::from_millis(200), "all applications to be Synced and Healthy", async || {
        let list = api.list(&ListParams::default()).await?;
        let done = list
            .items
            .iter()
            .filter(|item| {
                item.data["status"]["sync"]["status"] == "Synced"
                    && item.data["status"]["health"]["status"] == "Healthy"
                    && revision.is_none_or(|revision| item.data["status"]["sync"]["revision"] == revision)
            })
            .count();
        Ok(Probe::when(done == stage.scale.applications, format!("{done} of {}", stage.scale.applications)))
    })
    .await
}

/// From a refresh annotation after a push to the changed object in the cluster, with everything at rest
/// before. The commit is new to all applications: each compares itself and stores the revision meanwhile.
async fn commit(stage: &mut Stage) -> Result<Value> {
    let mut times = Vec::new();
    let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), &repository::namespace(0));
    for round in 0..ROUNDS {
        let value = format!("commit-{round}");
        repository::change(&stage.repository, 0, &value)?;
        let commit = stage.repository.commit(&value)?;
        let begun = Instant::now();
        refresh(stage, 0).await?;
        live_value(&maps, &value).await?;
        times.push(begun.elapsed());
        all_synced(stage, Some(&commit)).await?;
    }
    Ok(spread(times))
}

/// From an edit by hand to the object as it was.
async fn drift(stage: &Stage) -> Result<Value> {
    let mut times = Vec::new();
    let name = repository::object_name(1, 0);
    let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), &repository::namespace(1));
    let wanted = maps.get(&name).await?.data.unwrap_or_default()["value"].clone();
    for round in 0..ROUNDS {
        // Each self-heal of a revision waits longer than the one before; a new revision begins anew.
        let edit = json!({"data": {"value": format!("drift-{round}")}});
        let number = 1 + round;
        let name = repository::object_name(number, 0);
        let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), &repository::namespace(number));
        maps.patch(&name, &PatchParams::default(), &Patch::Merge(edit)).await?;
        let begun = Instant::now();
        wait_value(&maps, &name, &wanted).await?;
        times.push(begun.elapsed());
    }
    Ok(spread(times))
}

/// A restart with everything in place: until the agent is ready and every application is as before.
async fn restart(stage: &mut Stage, binary: &Path) -> Result<Value> {
    stage.agent.process.stop(Duration::from_secs(30))?;
    let audit = stage.cluster.audit_log()?;
    let mark = audit.mark()?;
    let begun = Instant::now();
    stage.agent = start(&stage.cluster, binary).await?;
    let ready = begun.elapsed().as_secs_f64();
    // A commit that is seen afterwards proves that the agent is at work again.
    repository::change(&stage.repository, 0, "after-restart")?;
    stage.repository.commit("after the restart")?;
    refresh(stage, 0).await?;
    let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), &repository::namespace(0));
    live_value(&maps, "after-restart").await?;
    let (cpu, peak) = usage(stage.agent.process.pid())?;
    Ok(json!({
        "seconds_to_ready": ready, "seconds_to_next_commit_live": begun.elapsed().as_secs_f64(),
        "cpu_seconds": cpu, "peak_rss_bytes": peak,
        "requests": requests::by_verb(&audit.requests_since(mark)?, CONTROL),
    }))
}

async fn refresh(stage: &Stage, number: usize) -> Result<()> {
    let annotation = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
    let name = repository::application_name(number);
    applications(&stage.client, CONTROL)
        .patch(&name, &PatchParams::default(), &Patch::Merge(annotation))
        .await?;
    Ok(())
}

async fn live_value(maps: &Api<ConfigMap>, value: &str) -> Result<()> {
    wait_value(maps, &repository::object_name(0, 0), value).await
}

async fn wait_value(maps: &Api<ConfigMap>, name: &str, value: &str) -> Result<()> {
    wait_for_every(Duration::from_millis(2), &format!("ConfigMap {name} to say {value}"), async || {
        let seen = maps.get(name).await?.data.unwrap_or_default()["value"].clone();
        Ok(Probe::when(seen == value, seen))
    })
    .await
}

fn spread(mut times: Vec<Duration>) -> Value {
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).map(Duration::as_secs_f64);
    json!({"rounds": times.len(), "p50_seconds": at(50), "p90_seconds": at(90), "max_seconds": times.last().map(Duration::as_secs_f64)})
}

fn application(number: usize, url: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": repository::application_name(number), "namespace": CONTROL},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "path": repository::folder(number), "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": repository::namespace(number)},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        },
    })
}

async fn namespaces(client: &Client) -> Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    for number in 0..NAMESPACES {
        let metadata = ObjectMeta { name: Some(repository::namespace(number)), ..ObjectMeta::default() };
        api.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    }
    Ok(())
}

async fn foreign_secrets(client: &Client, count: usize) -> Result<()> {
    let api: Api<Secret> = Api::namespaced(client.clone(), "default");
    futures::stream::iter(0..count)
        .map(|number| {
            let api = api.clone();
            async move {
                let secret = Secret {
                    metadata: ObjectMeta { name: Some(format!("foreign-{number}")), ..ObjectMeta::default() },
                    string_data: Some([("data".to_owned(), "x".repeat(10 << 10))].into()),
                    ..Secret::default()
                };
                api.create(&PostParams::default(), &secret).await.context("failed to create a foreign Secret")
            }
        })
        .buffer_unordered(32)
        .try_for_each(|_| async { Ok(()) })
        .await
}
