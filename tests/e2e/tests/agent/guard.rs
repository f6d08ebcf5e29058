//! Two engines never work on one application, and neither do two agents.

use anyhow::{Context, Result};
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::agent::{Agent, applications, apply, dynamic, install_agent, kind};
use bridgehead_test_harness::audit::Request;
use bridgehead_test_harness::{Probe, deadline, test_cluster, wait_for};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const LEASE: &str = "bridgehead-agent";

#[tokio::test]
async fn nothing_is_written_while_an_application_controller_runs() -> Result<()> {
    let stage = Stage::start(test_cluster(), "guard", &QUICK).await?;
    let mut repository = stage.git.create("guard")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("first")?;
    stage.application("guard", automated(repository.url(), "app", "guard-app")).await?;
    stage.wait_synced("guard", &first).await?;

    let pods = stage.objects("", "v1", "Pod", &stage.namespace);
    let accounts = stage.objects("", "v1", "ServiceAccount", &stage.namespace);
    stage.wait_there(&accounts, "default", true).await?;
    stage.apply(application_controller(&stage.namespace)).await?;
    readiness(&stage.agent, 503, "the application-controller of Argo CD is running").await?;
    // That it works is no news, and no reason to wait once it is gone.
    compares(&stage, "guard", Timestamp::now()).await?;

    let mark = stage.mark()?;
    repository.write("app/one.yaml", config_map("one", "2"))?;
    let second = repository.commit("second")?;
    let edit = Patch::Merge(json!({"data": {"value": "by hand"}}));
    stage.config_maps("guard-app").patch("one", &PatchParams::default(), &edit).await?;
    further(&stage.agent, "bridgehead_advertisements_total", 3).await?;
    let written: Vec<String> = stage.writes_since(mark)?.iter().map(Request::summary).collect();
    assert!(written.is_empty(), "written beside another engine: {written:?}");

    pods.delete("argocd-application-controller-0", &DeleteParams::default().grace_period(0)).await?;
    readiness(&stage.agent, 200, "ok").await?;
    stage.wait_synced("guard", &second).await?;
    let live = stage.config_maps("guard-app").get("one").await?;
    assert_eq!(live.data["data"]["value"], "2");
    Ok(())
}

#[tokio::test]
async fn an_agent_that_starts_beside_an_application_controller_creates_nothing() -> Result<()> {
    let (cluster, namespace) = (test_cluster(), "guard-start");
    install_agent(cluster, namespace).await?;
    let client = cluster.client().await?;
    let objects = |resource| dynamic(&client, &resource, Some(namespace));
    let accounts = objects(kind("", "v1", "ServiceAccount"));
    wait_for("the account that pods need", async || {
        Ok(Probe::when(accounts.get_opt("default").await?.is_some(), "absent"))
    })
    .await?;
    apply(&client, &[application_controller(namespace)]).await?;
    let mark = cluster.audit_log()?.mark()?;
    let stage = Stage::start_unready(cluster, namespace, &QUICK).await?;
    readiness(&stage.agent, 503, "the application-controller of Argo CD is running").await?;
    let written: Vec<String> = stage.writes_since(mark)?.iter().map(Request::summary).collect();
    assert!(written.is_empty(), "written beside another engine: {written:?}");

    let pods = objects(kind("", "v1", "Pod"));
    pods.delete("argocd-application-controller-0", &DeleteParams::default().grace_period(0)).await?;
    readiness(&stage.agent, 200, "ok").await?;
    for (group, version, name, object) in [
        ("argoproj.io", "v1alpha1", "AppProject", "default"),
        ("", "v1", "ConfigMap", "argocd-cm"),
        ("", "v1", "Secret", "argocd-secret"),
    ] {
        objects(kind(group, version, name)).get(object).await.with_context(|| format!("{name} {object}"))?;
    }
    Ok(())
}

/// Writes the status of an application as another engine does when it has compared it.
async fn compares(stage: &Stage, name: &str, at: Timestamp) -> Result<()> {
    let status = json!({"status": {
        "reconciledAt": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "sync": {"status": "OutOfSync", "comparedTo": {"destination": {}, "source": {"repoURL": "x"}}},
    }});
    let manager = PatchParams {
        field_manager: Some("argocd-application-controller".to_owned()),
        ..PatchParams::default()
    };
    applications(&stage.client, &stage.namespace).patch(name, &manager, &Patch::Merge(status)).await?;
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_while_an_engine_without_a_pod_writes_statuses() -> Result<()> {
    let stage = Stage::start(test_cluster(), "rival", &QUICK).await?;
    let mut repository = stage.git.create("rival")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("first")?;
    stage.application("rival", automated(repository.url(), "app", "rival-app")).await?;
    stage.wait_synced("rival", &first).await?;

    // Its clock may be a little behind ours: it is who wrote that counts.
    compares(&stage, "rival", "2026-01-01T00:00:00Z".parse()?).await?;
    readiness(&stage.agent, 503, "another engine (`argocd-application-controller`) writes the status")
        .await?;
    let mark = stage.mark()?;
    repository.write("app/one.yaml", config_map("one", "2"))?;
    repository.commit("second")?;
    let edit = Patch::Merge(json!({"data": {"value": "by hand"}}));
    stage.config_maps("rival-app").patch("one", &PatchParams::default(), &edit).await?;
    stage.operate("rival", json!({"sync": {"revision": first}})).await?;
    let applications = stage.objects("argoproj.io", "v1alpha1", "Application", &stage.namespace);
    let finalizer = json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}});
    stage.change("rival", finalizer).await?;
    applications.delete("rival", &DeleteParams::default()).await?;
    further(&stage.agent, "bridgehead_advertisements_total", 3).await?;
    let written: Vec<String> = stage.writes_since(mark)?.iter().map(Request::summary).collect();
    assert!(written.is_empty(), "written beside another engine: {written:?}");
    readiness(&stage.agent, 503, "rival/rival: stop it, or stop this agent").await?;
    stage.change("rival", json!({"metadata": {"finalizers": null}})).await
}

#[tokio::test]
async fn an_agent_that_finds_fresh_traces_of_an_engine_waits_unless_it_takes_over() -> Result<()> {
    let mut stage = Stage::start(test_cluster(), "traces", &QUICK).await?;
    let projects = stage.objects("argoproj.io", "v1alpha1", "AppProject", &stage.namespace);
    stage.wait_there(&projects, "default", true).await?;
    stage.agent.process.kill()?;
    let mut repository = stage.git.create("traces")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("first")?;
    stage.application("traces", automated(repository.url(), "app", "traces-app")).await?;
    compares(&stage, "traces", Timestamp::now()).await?;
    let mark = stage.mark()?;
    stage.restart().await?;
    readiness(&stage.agent, 503, "compared application traces/traces at").await?;
    readiness(&stage.agent, 503, "unless it does so again, this agent begins at").await?;
    further(&stage.agent, "bridgehead_advertisements_total", 3).await?;
    let written: Vec<String> = stage.writes_since(mark)?.iter().map(Request::summary).collect();
    assert!(written.is_empty(), "written beside another engine: {written:?}");

    // It is alive: it writes again before we ever had.
    compares(&stage, "traces", Timestamp::now().checked_add(jiff::SignedDuration::from_secs(2))?).await?;
    readiness(&stage.agent, 503, "writes the status of application traces/traces").await?;

    // Whoever takes over says that it was stopped.
    stage.restart_with(&[&QUICK[..], &["--takeover=argocd"]].concat()).await?;
    stage.wait_synced("traces", &first).await?;
    Ok(())
}

#[tokio::test]
async fn an_observer_writes_nothing_at_all() -> Result<()> {
    let cluster = test_cluster();
    let mark = cluster.audit_log()?.mark()?;
    let arguments = [&QUICK[..], &["--observe"]].concat();
    let stage = Stage::start_unready(cluster, "observe", &arguments).await?;
    stage
        .apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default", "namespace": stage.namespace},
            "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
        }))
        .await?;
    let mut repository = stage.git.create("observe")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("first")?;
    stage.application("observe", automated(repository.url(), "app", "observe-app")).await?;
    further(&stage.agent, "bridgehead_passes_total", 1).await?;
    further(&stage.agent, "bridgehead_advertisements_total", 3).await?;
    // An operation that somebody asks another engine for is none of its business either.
    let operation = json!({"sync": {"prune": true}, "initiatedBy": {"username": "somebody"}});
    let asked = stage.mark()?;
    stage.change("observe", json!({"operation": operation})).await?;
    further(&stage.agent, "bridgehead_advertisements_total", 2).await?;
    let tried = stage.writes_since(asked)?;
    assert!(tried.is_empty(), "an observer took up an operation: {tried:?}");

    let user = stage.user();
    let writes = |verb: &str| !matches!(verb, "get" | "list" | "watch");
    let all = cluster.audit_log()?.requests_since(mark)?;
    let written: Vec<String> = all
        .iter()
        .filter(|request| request.user == user && writes(&request.verb))
        .map(Request::summary)
        .collect();
    assert!(written.is_empty(), "an observer wrote {written:?}");
    assert_eq!(stage.read("observe").await?.data.get("status"), None);
    Ok(())
}

#[tokio::test]
async fn of_two_agents_one_works_and_the_other_takes_over() -> Result<()> {
    let mut stage = Stage::start(test_cluster(), "lease", &QUICK).await?;
    let mut repository = stage.git.create("lease")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let first = repository.commit("first")?;
    stage.application("lease", automated(repository.url(), "app", "lease-app")).await?;
    stage.wait_synced("lease", &first).await?;
    let leases: Api<Lease> = Api::namespaced(stage.client.clone(), &stage.namespace);
    assert_eq!(holder(&leases).await?, stage.agent.process.pid());

    let mut second = stage.another_agent().await?;
    readiness(&second, 200, "waiting for the lease").await?;
    repository.write("app/one.yaml", config_map("one", "2"))?;
    let commit = repository.commit("second")?;
    stage.wait_synced("lease", &commit).await?;
    assert_eq!(holder(&leases).await?, stage.agent.process.pid());
    readiness(&second, 200, "waiting for the lease").await?;

    stage.agent.process.kill()?;
    repository.write("app/one.yaml", config_map("one", "3"))?;
    let commit = repository.commit("third")?;
    stage.wait_synced("lease", &commit).await?;
    assert_eq!(holder(&leases).await?, second.process.pid());

    let third = stage.another_agent().await?;
    readiness(&third, 200, "waiting for the lease").await?;
    let asked = Timestamp::now();
    second.process.signal(Signal::SIGTERM)?;
    let status = second.process.wait(deadline())?;
    assert!(status.success(), "{status}");
    repository.write("app/one.yaml", config_map("one", "4"))?;
    let commit = repository.commit("fourth")?;
    stage.wait_synced("lease", &commit).await?;
    assert_eq!(holder(&leases).await?, third.process.pid());
    let spec = leases.get(LEASE).await?.spec.context("a lease without spec")?;
    let taken = serde_json::to_value(spec.acquire_time)?;
    let taken: Timestamp = taken.as_str().context("a lease that was never taken")?.parse()?;
    // It was given back: nobody waited for it to run out.
    let run_out = i64::from(spec.lease_duration_seconds.unwrap_or_default());
    assert!(taken.duration_since(asked).as_secs() < run_out, "asked to stop at {asked}, taken at {taken}");
    Ok(())
}

fn application_controller(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "argocd-application-controller-0", "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "argocd-application-controller"},
        },
        "spec": {
            // What the control namespace's Pod security asks for.
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "controller", "image": "registry.example/argocd:3",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

/// The process that holds the Lease.
async fn holder(leases: &Api<Lease>) -> Result<u32> {
    let identity = leases.get(LEASE).await?.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
    let (_, pid) = identity.rsplit_once('_').with_context(|| format!("holder `{identity}`"))?;
    Ok(pid.parse()?)
}

async fn readiness(agent: &Agent, status: u16, words: &str) -> Result<()> {
    wait_for(&format!("readiness {status} with `{words}`"), async || {
        let (found, body) = agent.get("/readyz")?;
        Ok(Probe::when(found == status && body.contains(words), format!("{found} {body}")))
    })
    .await
}

/// Waits until a counter has grown by so many.
pub(super) async fn further(agent: &Agent, counter: &str, by: u64) -> Result<()> {
    let read = || -> Result<u64> {
        let (_, metrics) = agent.get("/metrics")?;
        let prefix = format!("{counter} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&prefix));
        Ok(value.map_or(Ok(0), |value| value.trim().parse())?)
    };
    let before = read()?;
    wait_for(&format!("{counter} to grow by {by}"), async || {
        let now = read()?;
        Ok(Probe::when(now >= before + by, format!("{now} after {before}")))
    })
    .await
}
