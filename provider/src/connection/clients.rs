//! Connections, made when something needs one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use bridgehead_kubernetes::connect::{ExecCommand, ExecEnvironment};
use bridgehead_kubernetes::{ApiError, Connection, ConnectionSettings, Credentials, connect};
use tfplug::prelude::{Context, Diagnostic, Diagnostics, Maybe};
use tokio::sync::Mutex;

use super::{Exec, Kubernetes, OwnKubernetes, eks};
use crate::application::{Deployments, PlannedDeployments};
use crate::object::Slots;
use crate::project::PlannedProjects;

/// What resources work with: the provider's cluster, and those that resources name.
pub(crate) struct Clients {
    user_agent: String,
    default: Maybe<Option<Kubernetes>>,
    /// By what was asked for, so that a hundred resources share one connection.
    made: Mutex<BTreeMap<String, Connection>>,
    /// Clusters that did not answer a plan.
    silent: Mutex<BTreeSet<String>>,
    /// Projects that were planned in this process.
    pub(crate) planned_projects: PlannedProjects,
    /// What applications were planned to deploy in this process.
    pub(crate) planned_deployments: PlannedDeployments,
    /// What applications deploy.
    pub(crate) deployments: Deployments,
    /// What waits in Terraform's slots.
    pub(crate) slots: Slots,
    /// What agents had created that are replaced, by their place: Terraform has no way from the one object
    /// to the other.
    replaced: std::sync::Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Clients {
    pub(crate) fn new(terraform: &str, default: Maybe<Option<Kubernetes>>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let user_agent = format!("terraform-provider-bridgehead/{version} (Terraform {terraform})");
        Self {
            user_agent,
            default,
            made: Mutex::default(),
            silent: Mutex::default(),
            planned_projects: PlannedProjects::default(),
            planned_deployments: PlannedDeployments::default(),
            deployments: Deployments::default(),
            slots: Slots::default(),
            replaced: std::sync::Mutex::default(),
        }
    }

    /// Leaves to the successor of an agent what that one had created.
    pub(crate) fn hand_over(&self, place: String, created: BTreeSet<String>) {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner).insert(place, created);
    }

    /// What the predecessor of an agent had created, if there was one.
    pub(crate) fn take_over(&self, place: &str) -> Option<BTreeSet<String>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner).remove(place)
    }

    /// The connection for a resource, or nothing while the provider's configuration is not known: what is
    /// read then stays as it is.
    pub(crate) async fn known(&self, own: Option<&OwnKubernetes>) -> Result<Option<Connection>, Diagnostics> {
        let kubernetes = match own {
            Some(own) => Some(Kubernetes::from(own.clone())),
            None => match &self.default {
                Maybe::Known(kubernetes) => kubernetes.clone(),
                Maybe::Unknown(_) => return Ok(None),
            },
        };
        // Two secrets of one length look alike here; a provider block has one of them.
        let key = format!("{kubernetes:?}");
        let mut made = self.made.lock().await;
        if let Some(connection) = made.get(&key) {
            return Ok(Some(connection.clone()));
        }
        let settings = settings(kubernetes.unwrap_or_default()).await?;
        let connection = connect(&ConnectionSettings { user_agent: self.user_agent.clone(), ..settings })?;
        made.insert(key, connection.clone());
        Ok(Some(connection))
    }

    /// What a look at a cluster finds that a plan can do without. One that once has not answered in time is
    /// not asked again: a plan of many resources must not take minutes because there is no cluster.
    pub(crate) async fn look<T, F>(
        &self,
        own: Option<&OwnKubernetes>,
        within: Duration,
        look: impl FnOnce(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let key = format!("{own:?}");
        if self.silent.lock().await.contains(&key) {
            return None;
        }
        let work = async {
            match self.known(own).await {
                Ok(Some(connection)) => look(connection).await.map_err(|error| error.is_transient()),
                Ok(None) => Err(false),
                Err(_) => Err(true),
            }
        };
        match tokio::time::timeout(within, work).await {
            Ok(Ok(found)) => Some(found),
            // It answers, if only with a refusal.
            Ok(Err(false)) => None,
            Ok(Err(true)) | Err(_) => {
                self.silent.lock().await.insert(key);
                None
            }
        }
    }

    /// The connection for a resource, needed now.
    pub(crate) async fn required(&self, own: Option<&OwnKubernetes>) -> Result<Connection, Diagnostics> {
        match self.known(own).await? {
            Some(connection) => Ok(connection),
            None => Err(not_known()),
        }
    }
}

fn not_known() -> Diagnostics {
    Diagnostic::error("The provider's cluster is not known yet")
        .detail(
            "`kubernetes` in the provider block depends on something that is only known after apply, and the \
             cluster is needed now. Name an EKS cluster by `eks`, whose name is known when planning; or apply \
             first what the provider block depends on, with -target.",
        )
        .into()
}

/// The connection that an operation of a resource needs now.
pub(crate) async fn connection(
    context: &Context<Clients>,
    own: Option<&OwnKubernetes>,
) -> Result<Connection, Diagnostics> {
    context.client()?.required(own).await
}

async fn settings(kubernetes: Kubernetes) -> Result<ConnectionSettings, Diagnostics> {
    let mut settings = match (&kubernetes.eks, &kubernetes.host) {
        (Some(eks), _) => eks::settings(eks).await?,
        (None, Some(host)) => {
            let mut settings = ConnectionSettings::server(host).with_credentials(credentials(&kubernetes));
            settings.certificate_authority =
                kubernetes.cluster_ca_certificate.as_ref().map(|pem| pem.clone().into_bytes());
            settings
        }
        (None, None) => from_kubeconfig(&kubernetes)?,
    };
    settings.insecure |= kubernetes.insecure.unwrap_or(false);
    settings.server_name = kubernetes.tls_server_name.or(settings.server_name);
    settings.proxy = kubernetes.proxy_url.or(settings.proxy);
    Ok(settings)
}

fn from_kubeconfig(kubernetes: &Kubernetes) -> Result<ConnectionSettings, Diagnostics> {
    let path = kubernetes.config_path.as_deref().map(expanded);
    let context = kubernetes.config_context.as_deref();
    if path.is_none()
        && context.is_none()
        && !has_kubeconfig()
        && let Ok(settings) = ConnectionSettings::in_cluster()
    {
        return Ok(settings);
    }
    Ok(ConnectionSettings::kubeconfig(path.as_deref(), context)?)
}

fn has_kubeconfig() -> bool {
    std::env::var_os("KUBECONFIG").is_some_and(|list| !list.is_empty())
        || home().is_some_and(|home| home.join(".kube/config").exists())
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

/// The path with `~` as the home folder.
fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix('~'), home()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => Path::new(path).to_owned(),
    }
}

fn credentials(kubernetes: &Kubernetes) -> Credentials {
    if let Some(token) = &kubernetes.token {
        return Credentials::token(token.expose());
    }
    if let (Some(certificate), Some(key)) = (&kubernetes.client_certificate, &kubernetes.client_key) {
        return Credentials::client_certificate(certificate.as_bytes(), key.expose());
    }
    kubernetes.exec.as_ref().map_or_else(Credentials::none, |exec| Credentials::exec(command(exec)))
}

fn command(exec: &Exec) -> ExecCommand {
    let env = exec.env.iter().flatten();
    ExecCommand {
        api_version: exec.api_version.clone(),
        command: exec.command.clone(),
        args: exec.args.clone().unwrap_or_default(),
        env: env.map(|(name, value)| ExecEnvironment { name: name.clone(), value: value.clone() }).collect(),
        install_hint: None,
        provide_cluster_info: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_and_nothing_else() {
        let home = home().unwrap();
        assert_eq!(expanded("~/.kube/config"), home.join(".kube/config"));
        assert_eq!(expanded("~other/x"), Path::new("~other/x"));
        assert_eq!(expanded("/a/~/b"), Path::new("/a/~/b"));
    }
}
