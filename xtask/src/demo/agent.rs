//! The agent as its Deployment says, as a process of this machine: the nodes of a cluster of
//! the demo's own run no containers, and those of the user's may have no way to an image or to
//! a Git server on loopback.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use bridgehead_test_harness::Process;
use bridgehead_test_harness::agent::SERVICE_ACCOUNT;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::config::{AuthInfo, Kubeconfig, NamedAuthInfo};

use super::NAMESPACE;
use super::stage::Stage;

/// A demo that is kept longer than this has to be started again.
const TOKEN_SECONDS: i64 = 86_400;

/// Starts the agent if its Deployment is there.
pub(super) async fn start(stage: &Stage, program: &Path, folder: &Path) -> Result<Option<Process>> {
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), NAMESPACE);
    match deployments.get_opt(SERVICE_ACCOUNT).await.context("failed to look for the agent's Deployment")? {
        Some(deployment) => run(stage, program, folder, &deployment).await.map(Some),
        None => Ok(None),
    }
}

/// Its arguments and environment are the Deployment's; a folder stands for the cache's volume, a
/// port of loopback for the Pod's, and a kubeconfig with a token of the Deployment's
/// ServiceAccount for the mounted one.
async fn run(stage: &Stage, program: &Path, folder: &Path, deployment: &Deployment) -> Result<Process> {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let pod = pod.context("the agent's Deployment has no Pod")?;
    let container = pod.containers.first().context("the agent's Deployment has no container")?;
    let account =
        pod.service_account_name.as_deref().context("the agent's Deployment has no ServiceAccount")?;
    std::fs::create_dir_all(folder).context("failed to create the agent's folder")?;
    let address = TcpListener::bind("127.0.0.1:0").context("failed to find a port")?.local_addr()?;
    let kubeconfig = access(stage, account, folder).await?;
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
    command.arg("--kubeconfig").arg(kubeconfig).env_remove("KUBECONFIG");
    for variable in container.env.iter().flatten() {
        match &variable.value {
            Some(value) => command.env(&variable.name, value),
            // The only field that it refers to is the Pod's name.
            None => command.env(&variable.name, format!("{SERVICE_ACCOUNT}-demo")),
        };
    }
    let process = Process::spawn("agent", &mut command, &folder.join("log"))?;
    println!("   the agent runs, as ServiceAccount {NAMESPACE}/{account}");
    Ok(process)
}

/// The administrator's kubeconfig with another user: the ServiceAccount.
async fn access(stage: &Stage, account: &str, folder: &Path) -> Result<PathBuf> {
    let accounts: Api<ServiceAccount> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let request = TokenRequest {
        metadata: ObjectMeta::default(),
        spec: TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() },
        status: None,
    };
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .with_context(|| format!("failed to get a token for ServiceAccount `{NAMESPACE}/{account}`"))?;
    let token = folder.join("token");
    let text = answer.status.context("the API server returned no token")?.token;
    std::fs::write(&token, text).context("failed to write the agent's token")?;
    let mut content = Kubeconfig::read_from(&stage.kubeconfig)
        .with_context(|| format!("failed to read the kubeconfig `{}`", stage.kubeconfig.display()))?;
    let user = AuthInfo { token_file: Some(token.display().to_string()), ..AuthInfo::default() };
    content.auth_infos =
        vec![NamedAuthInfo { name: account.to_owned(), auth_info: Some(user), ..Default::default() }];
    for context in content.contexts.iter_mut().filter_map(|named| named.context.as_mut()) {
        context.user = Some(account.to_owned());
    }
    let kubeconfig = folder.join("kubeconfig.yaml");
    // JSON is YAML too.
    let text = serde_json::to_vec(&content).context("failed to write the agent's kubeconfig")?;
    std::fs::write(&kubeconfig, text).context("failed to write the agent's kubeconfig")?;
    Ok(kubeconfig)
}
