//! The Terraform provider: one folder per resource, each a [`tfplug`] model with the functions that make,
//! read, change and destroy it.
//!
//! ```text
//! provider block ─configure→ Clients ─connection→ kubernetes::Connection
//! model ─object::codec→ manifest ─object::Target→ API server
//! ```
//! Nothing that is planned for a create needs an API server: it may not exist yet.
#![allow(unreachable_pub, reason = "models are public within their folder; only `run` leaves the crate")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod agent;
mod application;
mod application_wait;
mod cluster;
mod connection;
mod object;
mod project;
mod repository;

use std::process::ExitCode;

use tfplug::prelude::*;

use connection::{Clients, Kubernetes};

/// The provider's address in a registry.
pub const ADDRESS: &str = "registry.terraform.io/bridgehead/bridgehead";

/// Bootstraps Kubernetes clusters for GitOps: installs the agent, registers clusters and repositories,
/// declares projects and applications, waits until they are Synced and Healthy, and takes them down in
/// the right order.
#[derive(Clone, Debug, tfplug::Model)]
#[provider]
pub struct Settings<S: Stage> {
    /// The cluster to work on, unless a resource names another. Any value may be known only after apply:
    /// nothing is asked of the cluster before something has to be. Without it, the usual kubeconfig is
    /// used (`KUBECONFIG`, else `~/.kube/config`), or the service account inside of a cluster.
    pub kubernetes: S::Input<Option<Kubernetes>>,
}

struct Bridgehead;

impl Provider for Bridgehead {
    type Model = Settings<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Settings<Config>, problems: &mut Diagnostics) {
        if let Some(Some(kubernetes)) = config.kubernetes.known() {
            kubernetes.check(problems);
        }
    }

    async fn configure(&self, host: &Host, config: Settings<Config>) -> Result<Clients, Diagnostics> {
        Ok(Clients::new(&host.version, config.kubernetes))
    }

    fn register(&self, registry: &mut Registry<Clients>) {
        registry
            .resource(agent::Agents)
            .resource(project::Projects)
            .resource(repository::Repositories)
            .resource(cluster::Clusters)
            .resource(application::Applications)
            .resource(application_wait::Waits)
            .data_source(application::ReadApplication)
            .data_source(cluster::ReadCluster);
    }
}

/// Serves the provider until Terraform ends it.
pub fn run() -> ExitCode {
    tfplug::server::run(Bridgehead, ADDRESS)
}
