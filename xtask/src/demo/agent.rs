//! The agent as its Deployment says. The cluster's nodes run no containers, so it is a process here.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::agent::{SERVICE_ACCOUNT, applications};
use bridgehead_test_harness::{Cluster, Process};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::NAMESPACE;

const LOOK: Duration = Duration::from_millis(300);

/// Starts the agent when Terraform has made its Deployment, and prints what changes until
/// Terraform has ended well.
pub(super) async fn follow(
    cluster: &Cluster,
    client: &Client,
    program: &Path,
    mut apply: Process,
) -> Result<Process> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let mut agent: Option<Process> = None;
    let mut shown = BTreeMap::new();
    loop {
        match &mut agent {
            Some(agent) => agent.must_run()?,
            None => {
                if let Some(deployment) = deployments.get_opt(SERVICE_ACCOUNT).await? {
                    agent = Some(start(cluster, program, &deployment).await?);
                    println!("   the agent runs, as ServiceAccount {NAMESPACE}/{SERVICE_ACCOUNT}");
                }
            }
        }
        if agent.is_some() {
            show(client, &mut shown).await?;
        }
        if let Some(status) = apply.exited()? {
            if !status.success() {
                bail!("terraform apply failed ({status}); the end of its output:\n{}", apply.log_tail());
            }
            show(client, &mut shown).await?;
            return agent.context("terraform apply ended without a Deployment of the agent");
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn show(client: &Client, shown: &mut BTreeMap<String, String>) -> Result<()> {
    let list = match applications(client, NAMESPACE).list(&ListParams::default()).await {
        Ok(list) => list,
        // Not defined yet.
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for application in list {
        let text = |pointer: &str| {
            application.data.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("-").to_owned()
        };
        let wave = application.annotations().get("argocd.argoproj.io/sync-wave").map_or("0", String::as_str);
        let name = application.name_any();
        let line = format!(
            "{name:<16} wave {wave:>3}  {:<10} {}",
            text("/status/sync/status"),
            text("/status/health/status")
        );
        if shown.get(&name) != Some(&line) {
            println!("   {line}");
            shown.insert(name, line);
        }
    }
    Ok(())
}

/// Its arguments and environment are the Deployment's; a folder of this machine stands for the
/// cache's volume, a port of loopback for the Pod's, and a kubeconfig for the mounted token.
async fn start(cluster: &Cluster, program: &Path, deployment: &Deployment) -> Result<Process> {
    let container = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref())
        .and_then(|pod| pod.containers.first())
        .context("the agent's Deployment has no container")?;
    let folder = cluster.folder().join("agent");
    std::fs::create_dir_all(&folder).context("failed to create the agent's folder")?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let access = cluster.service_account(NAMESPACE, SERVICE_ACCOUNT, 86_400).await?;
    let mut command = Command::new(program);
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
        match &variable.value {
            Some(value) => command.env(&variable.name, value),
            // The only field that it refers to is the Pod's name.
            None => command.env(&variable.name, format!("{SERVICE_ACCOUNT}-demo")),
        };
    }
    Process::spawn("agent", &mut command, &folder.join("log"))
}
