//! The agent as a process of its own, with the rights that its installation gives it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::{ApiResource, Discovery, Scope};
use serde_json::Value;

use crate::{Cluster, Probe, Process, binary, wait_for};

/// Manager of what the harness applies.
const MANAGER: &str = "bridgehead-tests";

/// How to run an agent.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Namespace of its Applications.
    pub namespace: String,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// The binary; this workspace's own if absent.
    pub binary: Option<PathBuf>,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self { namespace: "argocd".into(), arguments: Vec::new(), binary: None }
    }
}

/// A running agent. Ends with the value.
#[derive(Debug)]
pub struct Agent {
    /// The process.
    pub process: Process,
    /// Where health, readiness and metrics are.
    pub address: SocketAddr,
}

/// Applies everything of an installation but its Deployment, and waits until the definitions are served.
pub async fn install_agent(cluster: &Cluster, namespace: &str) -> Result<()> {
    let options = bridgehead_install::InstallOptions { namespace: namespace.into(), ..Default::default() };
    let objects =
        bridgehead_install::install(&options).context("failed to make the installation")?.into_objects();
    let client = cluster.client().await?;
    let (definitions, others): (Vec<Value>, Vec<Value>) =
        objects.into_iter().partition(|object| object["kind"] == "CustomResourceDefinition");
    apply(&client, &definitions).await?;
    for definition in &definitions {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let definitions =
            dynamic(&client, &kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"), None);
        wait_for(&format!("definition {name} to be served"), async || {
            let found = definitions.get_opt(&name).await?;
            let conditions =
                found.as_ref().and_then(|found| found.data.pointer("/status/conditions").cloned());
            let established = conditions
                .as_ref()
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
            Ok(Probe::when(established, format!("{conditions:?}")))
        })
        .await?;
    }
    let others: Vec<Value> = others.into_iter().filter(|object| object["kind"] != "Deployment").collect();
    apply(&client, &others).await
}

/// Starts an agent with a token of its ServiceAccount, and waits until it serves its health.
pub async fn start_agent(cluster: &Cluster, options: &AgentOptions) -> Result<Agent> {
    let access = cluster.service_account(&options.namespace, SERVICE_ACCOUNT, 86_400).await?;
    let address = free_address()?;
    let program = match &options.binary {
        Some(path) => path.clone(),
        None => binary("bridgehead")?,
    };
    let folder = cluster.folder().join(format!("agent-{}", address.port()));
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to create `{}`", folder.display()))?;
    let mut command = Command::new(program);
    command
        .args(["agent", "--namespace", &options.namespace, "--kubeconfig"])
        .arg(&access.kubeconfig)
        .args(["--metrics-address", &address.to_string(), "--cache-dir"])
        .arg(folder.join("cache"))
        .args(&options.arguments);
    let process = Process::spawn("agent", &mut command, &folder.join("log"))?;
    let mut agent = Agent { process, address };
    wait_for("the agent to serve its health", async || {
        agent.process.must_run()?;
        Ok(Probe::when(std::net::TcpStream::connect(address).is_ok(), "connection refused"))
    })
    .await?;
    Ok(agent)
}

/// Name of the agent's ServiceAccount and Deployment.
pub const SERVICE_ACCOUNT: &str = "bridgehead-agent";

impl Agent {
    /// Status and body of one of its pages, such as `/readyz`.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the agent's answer has no body")?;
        let status = head.split_whitespace().nth(1).context("the agent's answer has no status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// Waits until it may write.
    pub async fn ready(&mut self) -> Result<()> {
        wait_for("the agent to be ready", async || {
            self.process.must_run()?;
            let (status, body) = self.get("/readyz")?;
            Ok(Probe::when(status == 200, body))
        })
        .await
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a free port")?;
    listener.local_addr().context("failed to read a free port")
}

/// Applies objects on the server's side, in order, taking over what others own.
pub async fn apply(client: &Client, objects: &[Value]) -> Result<()> {
    let mut discovery: Option<Discovery> = None;
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = text("/apiVersion").rsplit_once('/').unwrap_or(("", text("/apiVersion")));
        let wanted = kube::api::GroupVersionKind::gvk(group, version, text("/kind"));
        if discovery.as_ref().is_none_or(|known| known.resolve_gvk(&wanted).is_none()) {
            discovery = Some(
                Discovery::new(client.clone())
                    .run_aggregated()
                    .await
                    .context("failed to discover the API")?,
            );
        }
        let Some((resource, capabilities)) = discovery.as_ref().and_then(|known| known.resolve_gvk(&wanted))
        else {
            bail!("the API server does not serve {wanted:?}");
        };
        let namespace = (capabilities.scope == Scope::Namespaced).then(|| text("/metadata/namespace"));
        dynamic(client, &resource, namespace)
            .patch(text("/metadata/name"), &PatchParams::apply(MANAGER).force(), &Patch::Apply(object))
            .await
            .with_context(|| format!("failed to apply {} `{}`", text("/kind"), text("/metadata/name")))?;
    }
    Ok(())
}

/// Objects of a kind, in one namespace or outside of all.
pub fn dynamic(client: &Client, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// A kind by its names; the plural is the kind's, in lower case, with an `s`.
pub fn kind(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(group, version, kind))
}

/// Argo CD's Applications.
pub fn applications(client: &Client, namespace: &str) -> Api<DynamicObject> {
    dynamic(client, &kind("argoproj.io", "v1alpha1", "Application"), Some(namespace))
}

/// What a process has used: CPU seconds, and its peak of resident memory in bytes.
pub fn usage(pid: u32) -> Result<(f64, u64)> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    // Fields after the parenthesised name; utime and stime are the 14th and 15th of the line.
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat has no name")?.1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("status has no VmHWM")?;
    let kibibytes: u64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    #[allow(clippy::cast_precision_loss, reason = "ticks of a process are far below 2^53")]
    // Linux counts in hundredths of a second on every platform that we build for.
    Ok((ticks as f64 / 100.0, kibibytes * 1024))
}
