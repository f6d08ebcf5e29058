//! The agent as its Deployment says, for as long as the Deployment is there: the nodes of these clusters run
//! no containers.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bridgehead_test_harness::agent::SERVICE_ACCOUNT;
use bridgehead_test_harness::{Cluster, Process, binary};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;
use kube::api::Api;
use tokio::task::JoinHandle;

/// How often the Deployment is looked at. It only bounds how late an agent starts or ends.
const LOOK: Duration = Duration::from_millis(100);
/// How long an agent may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What a kubelet would do for the agents of one namespace. Ends with the value.
#[derive(Debug)]
pub struct Deployed(JoinHandle<()>);

impl Deployed {
    /// Runs what the agent's Deployment in the namespace says, as soon as there is one.
    pub async fn follow(cluster: Arc<Cluster>, namespace: &str) -> Result<Self> {
        let deployments: Api<Deployment> = Api::namespaced(cluster.client().await?, namespace);
        let namespace = namespace.to_owned();
        // Built before anybody waits for it.
        binary("bridgehead")?;
        Ok(Self(tokio::spawn(async move {
            let mut running: Option<(Container, Process)> = None;
            loop {
                if let Ok(found) = deployments.get_opt(SERVICE_ACCOUNT).await {
                    let wanted = found.and_then(container);
                    let is_as_wanted = match (&mut running, &wanted) {
                        (Some((container, process)), Some(wanted)) => {
                            container == wanted && matches!(process.exited(), Ok(None))
                        }
                        (None, None) => true,
                        _ => false,
                    };
                    if !is_as_wanted {
                        if let Some((_, mut process)) = running.take() {
                            let _ = process.stop(GRACE);
                        }
                        if let Some(wanted) = wanted {
                            // Its ServiceAccount may come a moment later.
                            let started = start(&cluster, &namespace, &wanted).await;
                            running = started.ok().map(|process| (wanted, process));
                        }
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        })))
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The container that is to run.
fn container(deployment: Deployment) -> Option<Container> {
    let leaving = deployment.metadata.deletion_timestamp.is_some();
    let spec = deployment.spec.filter(|spec| !leaving && spec.replicas != Some(0))?;
    spec.template.spec?.containers.into_iter().next()
}

/// Its arguments and environment are the container's; a folder of this machine stands for the cache's volume,
/// a port of loopback for the Pod's, and a kubeconfig for the mounted token.
async fn start(cluster: &Cluster, namespace: &str, container: &Container) -> Result<Process> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let folder = cluster.folder().join(format!("deployed-{namespace}-{}", address.port()));
    std::fs::create_dir_all(&folder).context("failed to make the agent's folder")?;
    let access = cluster.service_account(namespace, SERVICE_ACCOUNT, 86_400).await?;
    let mut command = Command::new(binary("bridgehead")?);
    for argument in container.args.iter().flatten() {
        if argument.starts_with("--metrics-address=") {
            command.arg(format!("--metrics-address={address}"));
        } else if argument.starts_with("--cache-dir=") {
            command.arg("--cache-dir").arg(folder.join("cache"));
        } else {
            command.arg(argument);
        }
    }
    command.arg("--kubeconfig").arg(&access.kubeconfig).env_remove("KUBECONFIG");
    for variable in container.env.iter().flatten() {
        // What refers to a field refers to the Pod's name.
        let value = variable.value.clone().unwrap_or_else(|| format!("{SERVICE_ACCOUNT}-{}", address.port()));
        command.env(&variable.name, value);
    }
    Process::spawn("agent", &mut command, &folder.join("log"))
}
