//! When a cluster is ready.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Node, ServiceAccount};
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use crate::process::Process;
use crate::wait::{Probe, wait_for_every};

const POLL: Duration = Duration::from_millis(25);

/// The API server answers that it is ready. An error as soon as one of the processes ends.
pub(super) async fn apiserver(client: &kube::Client, processes: &mut [&mut Process]) -> Result<()> {
    wait_for_every(POLL, "the API server to be ready", async || {
        must_run(processes)?;
        let request = http_get("/readyz")?;
        Ok(match client.request_text(request).await {
            Ok(answer) if answer == "ok" => Probe::Done(()),
            Ok(answer) => Probe::NotYet(answer),
            Err(error) => Probe::NotYet(chain(&error)),
        })
    })
    .await
    .inspect_err(|_| report(processes))
}

/// Creates the nodes and waits until Pods can run: nodes Ready and without taints, namespace
/// `default` with its ServiceAccount and the authority's certificate.
pub(super) async fn nodes(client: &kube::Client, count: u32, processes: &mut [&mut Process]) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    for index in 0..count {
        let name = format!("node-{index}");
        let node = serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
            },
        }))
        .context("failed to write a node")?;
        nodes
            .create(&PostParams::default(), &node)
            .await
            .with_context(|| format!("failed to create {name}"))?;
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    wait_for_every(POLL, "the nodes to be ready", async || {
        must_run(processes)?;
        let all = nodes.list(&ListParams::default()).await.context("failed to list the nodes")?;
        let waiting: Vec<String> = all.iter().filter_map(missing).collect();
        if !waiting.is_empty() {
            return Ok(Probe::NotYet(waiting.join(", ")));
        }
        if accounts.get_opt("default").await.context("failed to read a ServiceAccount")?.is_none() {
            return Ok(Probe::NotYet("namespace default has no ServiceAccount".to_owned()));
        }
        if maps.get_opt("kube-root-ca.crt").await.context("failed to read a ConfigMap")?.is_none() {
            return Ok(Probe::NotYet("namespace default has no kube-root-ca.crt".to_owned()));
        }
        Ok(Probe::Done(()))
    })
    .await
    .inspect_err(|_| report(processes))
}

fn missing(node: &Node) -> Option<String> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    if !ready {
        return Some(format!("{name} is not Ready"));
    }
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let taints: Vec<&str> = taints.into_iter().flatten().map(|taint| taint.key.as_str()).collect();
    (!taints.is_empty()).then(|| format!("{name} has the taints {}", taints.join(", ")))
}

fn must_run(processes: &mut [&mut Process]) -> Result<()> {
    processes.iter_mut().try_for_each(|process| process.must_run())
}

/// The logs go with the folder, so what explains the failure is told now.
fn report(processes: &[&mut Process]) {
    for process in processes {
        eprintln!("the end of the log of {}:\n{}\n", process.name(), process.log_tail());
    }
}

fn http_get(path: &str) -> Result<http::Request<Vec<u8>>> {
    http::Request::get(path).body(Vec::new()).context("failed to write a request")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
