//! One cluster for all tests of a binary, and a namespace for each.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, ObjectMeta, PostParams};

use super::{Cluster, Options};
use crate::wait::{Probe, wait_for_object};

/// The cluster of this test process: started at the first call, with an audit log, ended with
/// the process.
///
/// # Panics
/// If it cannot be started, which every test that needs it reports.
pub fn test_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| match Cluster::start(Options { audit_log: true, ..Options::default() }) {
        Ok(cluster) => cluster,
        Err(error) => panic!("failed to start the cluster of these tests: {error:?}"),
    })
}

/// A fresh namespace `<prefix>-…` in which Pods can be created: its ServiceAccount is there.
pub async fn namespace(client: &kube::Client, prefix: &str) -> Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let wanted = Namespace {
        metadata: ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    let created = namespaces
        .create(&PostParams::default(), &wanted)
        .await
        .with_context(|| format!("failed to create a namespace for `{prefix}`"))?;
    let name = created.metadata.name.context("the API server returned a namespace without a name")?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &name);
    wait_for_object(&accounts, "default", "the namespace's ServiceAccount", |account| {
        Probe::when(account.is_some(), "none")
    })
    .await?;
    Ok(name)
}
