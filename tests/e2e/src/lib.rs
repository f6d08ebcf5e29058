//! What end-to-end tests share: an agent on the test binary's cluster, Applications and what is seen of them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
pub mod deployed;
pub mod inventory;
pub mod manifests;
mod random;
mod recorder;

use bridgehead_test_harness::agent::{
    Agent, SERVICE_ACCOUNT, applications, apply, dynamic, install_agent, kind,
};
use bridgehead_test_harness::audit::{Mark, Request};
use bridgehead_test_harness::git::GitServer;
use bridgehead_test_harness::{Cluster, Probe, Process, binary, wait_for};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

pub use random::Random;
pub use recorder::{Recorder, Seen};

/// A cluster with a running agent, and a Git server.
pub struct Stage {
    /// The cluster.
    pub cluster: &'static Cluster,
    /// An administrator's client.
    pub client: Client,
    /// Serves repositories over HTTP.
    pub git: GitServer,
    /// The control namespace, of this stage alone.
    pub namespace: String,
    /// The agent.
    pub agent: Agent,
    arguments: Vec<String>,
    /// Folder of the agent's cache, which it finds again after a restart.
    cache: PathBuf,
}

/// Polls every second, so that a test need not ask for a refresh.
pub const QUICK: [&str; 6] = ["--poll-interval", "1s", "--poll-jitter", "0s", "--failed-sync-pause", "2s"];

impl Stage {
    /// Installs an agent into a control namespace of its own and starts it.
    pub async fn start(cluster: &'static Cluster, namespace: &str, arguments: &[&str]) -> Result<Self> {
        let mut stage = Self::start_unready(cluster, namespace, arguments).await?;
        stage.agent.ready().await?;
        Ok(stage)
    }

    /// The same, with the agent's cache in a folder that somebody else answers for.
    pub async fn start_on(
        cluster: &'static Cluster,
        namespace: &str,
        arguments: &[&str],
        cache: PathBuf,
    ) -> Result<Self> {
        let mut stage = Self::launch(cluster, namespace, arguments, cache).await?;
        stage.agent.ready().await?;
        Ok(stage)
    }

    /// The same, for an agent that may not become ready.
    pub async fn start_unready(
        cluster: &'static Cluster,
        namespace: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let cache = cluster.folder().join(format!("cache-{namespace}"));
        Self::launch(cluster, namespace, arguments, cache).await
    }

    async fn launch(
        cluster: &'static Cluster,
        namespace: &str,
        arguments: &[&str],
        cache: PathBuf,
    ) -> Result<Self> {
        let client = cluster.client().await?;
        install_agent(cluster, namespace).await?;
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let agent = start_agent(cluster, namespace, &arguments, &cache).await?;
        let git = GitServer::start()?;
        Ok(Self { cluster, client, git, namespace: namespace.into(), agent, arguments, cache })
    }

    /// Kills the agent and starts it again, on the cache that it leaves.
    pub async fn restart(&mut self) -> Result<()> {
        self.agent.process.kill()?;
        self.agent = start_agent(self.cluster, &self.namespace, &self.arguments, &self.cache).await?;
        Ok(())
    }

    /// The same, with other arguments from now on.
    pub async fn restart_with(&mut self, arguments: &[&str]) -> Result<()> {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.restart().await
    }

    /// One more agent beside the first, with the same arguments and a cache of its own.
    pub async fn another_agent(&self) -> Result<Agent> {
        // Two processes never share a cache.
        let cache = self.cache.with_extension(format!("beside-{}", self.agent.process.pid()));
        start_agent(self.cluster, &self.namespace, &self.arguments, &cache).await
    }

    /// The name by which the API server knows the agent.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{SERVICE_ACCOUNT}", self.namespace)
    }

    /// What the agent asked the API server for since the mark, except for its Lease.
    pub fn requests_since(&self, mark: Mark) -> Result<Vec<Request>> {
        let user = self.user();
        let all = self.cluster.audit_log()?.requests_since(mark)?;
        Ok(all.into_iter().filter(|request| request.user == user && request.resource != "leases").collect())
    }

    /// The agent's writes since the mark, except for its Lease.
    pub fn writes_since(&self, mark: Mark) -> Result<Vec<Request>> {
        let reads = ["get", "list", "watch"];
        let all = self.requests_since(mark)?;
        Ok(all.into_iter().filter(|request| !reads.contains(&request.verb.as_str())).collect())
    }

    /// The present end of the audit log.
    pub fn mark(&self) -> Result<Mark> {
        self.cluster.audit_log()?.mark()
    }

    /// Objects of the core group or another, in one namespace.
    pub fn objects(&self, group: &str, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        dynamic(&self.client, &self::kind(group, version, kind), Some(namespace))
    }

    /// ConfigMaps in one namespace.
    pub fn config_maps(&self, namespace: &str) -> Api<DynamicObject> {
        self.objects("", "v1", "ConfigMap", namespace)
    }

    /// Changes the Application by a merge patch.
    pub async fn change(&self, name: &str, patch: Value) -> Result<()> {
        let applications = applications(&self.client, &self.namespace);
        let patched = applications.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map(drop).with_context(|| format!("failed to change application `{name}`"))
    }

    /// Asks for an operation.
    pub async fn operate(&self, name: &str, operation: Value) -> Result<()> {
        self.change(name, json!({"operation": operation})).await
    }

    /// Waits until the last operation has ended in a phase.
    pub async fn wait_phase(&self, name: &str, phase: &str) -> Result<Value> {
        self.wait_status(name, &format!("{phase} in its last operation"), |status| {
            status["operationState"]["phase"] == phase
        })
        .await
    }

    /// Waits until something that the Application says to people (a condition, the last operation's
    /// message, a resource's) has all the words.
    pub async fn wait_told(&self, name: &str, words: &[&str]) -> Result<Value> {
        self.wait_status(name, &format!("saying {words:?}"), |status| {
            told(status).iter().any(|text| words.iter().all(|word| text.contains(word)))
        })
        .await
    }

    /// Waits until an object is there, or not.
    pub async fn wait_there(&self, objects: &Api<DynamicObject>, name: &str, there: bool) -> Result<()> {
        wait_for(&format!("{name} to be {}", if there { "there" } else { "gone" }), async || {
            let found = objects.get_opt(name).await?;
            Ok(Probe::when(found.is_some() == there, format!("{:?}", found.map(|found| found.metadata))))
        })
        .await
    }

    /// Applies an object as an administrator.
    pub async fn apply(&self, object: Value) -> Result<()> {
        apply(&self.client, &[object]).await
    }

    /// Creates an Application from its `spec`, with automated sync unless the specification says otherwise.
    pub async fn application(&self, name: &str, spec: Value) -> Result<()> {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        });
        apply(&self.client, &[object]).await
    }

    /// The Application as it is.
    pub async fn read(&self, name: &str) -> Result<DynamicObject> {
        let found = applications(&self.client, &self.namespace).get_opt(name).await?;
        found.with_context(|| format!("application `{name}` is gone"))
    }

    /// Waits until the Application's status satisfies a condition; what was seen last stands in the error.
    pub async fn wait_status(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        wait_for(&format!("application {name} to be {what}"), async || {
            let status = self.read(name).await?.data.get("status").cloned().unwrap_or_default();
            Ok(if holds(&status) { Probe::Done(status) } else { Probe::NotYet(shown(&status)) })
        })
        .await
    }

    /// Waits until the Application is Synced and Healthy at a commit.
    pub async fn wait_synced(&self, name: &str, revision: &str) -> Result<Value> {
        self.wait_status(name, "Synced and Healthy", |status| {
            status["sync"]["status"] == "Synced"
                && status["health"]["status"] == "Healthy"
                && status["sync"]["revision"] == revision
        })
        .await
    }
}

/// Starts an agent with a token of its ServiceAccount, on a cache that may be an earlier agent's, and waits
/// until it serves its health.
async fn start_agent(
    cluster: &Cluster,
    namespace: &str,
    arguments: &[String],
    cache: &Path,
) -> Result<Agent> {
    let access = cluster.service_account(namespace, SERVICE_ACCOUNT, 86_400).await?;
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?;
    let mut command = Command::new(binary("bridgehead")?);
    command
        .args(["agent", "--namespace", namespace, "--kubeconfig"])
        .arg(&access.kubeconfig)
        .args(["--metrics-address", &address.to_string(), "--cache-dir"])
        .arg(cache)
        .args(arguments);
    let log = cluster.folder().join(format!("agent-{namespace}-{}.log", address.port()));
    let mut agent = Agent { process: Process::spawn("agent", &mut command, &log)?, address };
    wait_for("the agent to serve its health", async || {
        agent.process.must_run()?;
        Ok(Probe::when(std::net::TcpStream::connect(address).is_ok(), "connection refused"))
    })
    .await?;
    Ok(agent)
}

/// An automated specification of a repository's path, into a namespace of this cluster.
pub fn automated(url: &str, path: &str, namespace: &str) -> Value {
    json!({
        "project": "default",
        "source": {"repoURL": url, "path": path, "targetRevision": "HEAD"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
        "syncPolicy": {
            "automated": {"prune": true, "selfHeal": true},
            "syncOptions": ["CreateNamespace=true"],
        },
    })
}

/// Everything that a status says to people: conditions, and messages of the operation and its resources.
pub fn told(status: &Value) -> Vec<String> {
    let list = |pointer: &str| status.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let messages = list("/conditions").into_iter().chain(list("/operationState/syncResult/resources"));
    let mut texts: Vec<String> =
        messages.filter_map(|item| item["message"].as_str().map(str::to_owned)).collect();
    texts.extend(status["operationState"]["message"].as_str().map(str::to_owned));
    texts
}

/// A status, short enough for an error.
pub fn shown(status: &Value) -> String {
    json!({
        "sync": status["sync"]["status"], "revision": status["sync"]["revision"],
        "health": status["health"], "conditions": status["conditions"],
        "operation": {
            "phase": status["operationState"]["phase"], "message": status["operationState"]["message"],
            "resources": status["operationState"]["syncResult"]["resources"],
        },
    })
    .to_string()
}
