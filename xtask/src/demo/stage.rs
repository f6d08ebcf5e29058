//! The cluster that the demo plays on: one of its own, or the user's.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bridgehead_test_harness::{self as harness, Cluster, Options};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::config::Kubeconfig;
use kube::{Api, Client};

/// The namespaces of the quickstart and of `examples/gitops-config`.
pub(super) const NAMESPACES: [&str; 3] = [super::NAMESPACE, "shop", "shop-data"];
/// The other objects of the example that are outside of all namespaces.
pub(super) const PRIORITY_CLASSES: [&str; 2] = ["shop-database", "shop-service"];

pub(super) struct Stage {
    /// An administrator's.
    pub(super) kubeconfig: PathBuf,
    pub(super) client: Client,
    /// The API server's address.
    pub(super) server: String,
    /// Ends with the value; `None` for the user's.
    own: Option<Cluster>,
}

impl Stage {
    /// Starts a cluster.
    pub(super) async fn raise() -> Result<Self> {
        let cluster = Cluster::start(Options::named("demo"))?;
        let client = cluster.client().await?;
        let (kubeconfig, server) = (cluster.kubeconfig().to_owned(), cluster.server());
        Ok(Self { kubeconfig, client, server, own: Some(cluster) })
    }

    /// The cluster of the file's current context. An error if the example would meet objects
    /// that are somebody's already: it would change them, and delete them at its end.
    pub(super) async fn of_user(kubeconfig: &Path) -> Result<Self> {
        let kubeconfig = std::path::absolute(kubeconfig)
            .with_context(|| format!("failed to find `{}`", kubeconfig.display()))?;
        let server = server(&kubeconfig)?;
        let client = harness::client(&kubeconfig).await?;
        client.apiserver_version().await.with_context(|| format!("failed to reach {server}"))?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let classes: Api<PriorityClass> = Api::all(client.clone());
        let mut present = Vec::new();
        for name in NAMESPACES {
            if namespaces.get_opt(name).await?.is_some() {
                present.push(format!("Namespace `{name}`"));
            }
        }
        for name in PRIORITY_CLASSES {
            if classes.get_opt(name).await?.is_some() {
                present.push(format!("PriorityClass `{name}`"));
            }
        }
        if !present.is_empty() {
            bail!(
                "{server} has {} already: the demo makes objects of these names and deletes them at its end, \
                 so it takes a cluster without them",
                present.join(", ")
            );
        }
        Ok(Self { kubeconfig, client, server, own: None })
    }

    /// Whether it goes on after the demo.
    pub(super) fn is_users(&self) -> bool {
        self.own.is_none()
    }
}

fn server(kubeconfig: &Path) -> Result<String> {
    let content = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("failed to read the kubeconfig `{}`", kubeconfig.display()))?;
    let context = content.current_context.context("the kubeconfig has no current context")?;
    let cluster = content
        .contexts
        .into_iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context)
        .with_context(|| format!("the kubeconfig has no context `{context}`"))?
        .cluster;
    let server = content.clusters.into_iter().find(|named| named.name == cluster);
    server
        .and_then(|named| named.cluster?.server)
        .with_context(|| format!("the kubeconfig has no server of a cluster `{cluster}`"))
}
