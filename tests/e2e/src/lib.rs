//! What end-to-end tests share: an agent on the test binary's cluster, Applications and what is seen of them.

use anyhow::{Context, Result};
use bridgehead_test_harness::agent::{Agent, AgentOptions, apply, applications, install_agent, start_agent};
use bridgehead_test_harness::git::GitServer;
use bridgehead_test_harness::{Cluster, Probe, wait_for};
use kube::Client;
use kube::api::DynamicObject;
use serde_json::{Value, json};

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
}

impl Stage {
    /// Installs an agent into a control namespace of its own and starts it.
    pub async fn start(cluster: &'static Cluster, namespace: &str, arguments: &[&str]) -> Result<Self> {
        let client = cluster.client().await?;
        install_agent(cluster, namespace).await?;
        let options = AgentOptions {
            namespace: namespace.into(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            ..AgentOptions::default()
        };
        let mut agent = start_agent(cluster, &options).await?;
        agent.ready().await?;
        Ok(Self { cluster, client, git: GitServer::start()?, namespace: namespace.into(), agent })
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
    pub async fn wait_status(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
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

/// A ConfigMap's manifest.
pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n")
}

/// A status, short enough for an error.
pub fn shown(status: &Value) -> String {
    json!({
        "sync": status["sync"]["status"], "revision": status["sync"]["revision"],
        "health": status["health"], "conditions": status["conditions"],
        "operation": {
            "phase": status["operationState"]["phase"], "message": status["operationState"]["message"],
        },
    })
    .to_string()
}
