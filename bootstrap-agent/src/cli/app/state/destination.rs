//! The cluster that an application goes to.

use std::collections::{BTreeMap, BTreeSet};

use bridgehead_api::ObjectKey;
use bridgehead_api::annotations::SECRET_TYPE_CLUSTER;
use bridgehead_api::application::Application;
use bridgehead_api::secret::{Cluster, IN_CLUSTER_NAME, IN_CLUSTER_SERVER};
use bridgehead_engine::manifest::Live;
use bridgehead_kubernetes::discovery::{Discovery, discover};
use bridgehead_kubernetes::{Connection, connect, write};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::agent::destination;
use crate::cli::error::CliError;
use crate::cli::session::Session;

/// Reads at once.
const READS: usize = 16;

/// A cluster, and what it serves.
pub(crate) struct Destination {
    pub(crate) connection: Connection,
    pub(crate) kinds: Discovery,
}

impl Destination {
    /// The destination of an application. The cluster of the kubeconfig stands for the agent's own.
    pub(crate) async fn of(session: &Session, application: &Application) -> Result<Self, CliError> {
        let wanted = &application.spec.destination;
        let server = wanted.server.trim_end_matches('/');
        let registered = session.typed_secrets(SECRET_TYPE_CLUSTER).await?;
        let registered = registered.iter().filter_map(|secret| Cluster::from_secret(secret).ok());
        let found = registered.map(|(cluster, _)| cluster).find(|cluster| {
            if wanted.name.is_empty() { cluster.server == server } else { cluster.name == wanted.name }
        });
        let is_own = match &found {
            Some(cluster) => cluster.server == IN_CLUSTER_SERVER,
            None => server == IN_CLUSTER_SERVER || wanted.name == IN_CLUSTER_NAME,
        };
        let connection = match found {
            _ if is_own => session.connection.clone(),
            Some(cluster) => remote(&cluster)?,
            None => {
                let name = if wanted.name.is_empty() { server } else { &wanted.name };
                return Err(CliError::Refused {
                    message: format!(
                        "application `{}` goes to cluster `{name}`, which is not registered",
                        application.metadata.name
                    ),
                    hint: Some("`bridgehead cluster list` shows those that are".to_owned()),
                });
            }
        };
        let kinds = discover(&connection).await?;
        Ok(Self { connection, kinds })
    }

    /// The objects with these keys that are there. A kind that isn't served has none.
    pub(crate) async fn read(&self, keys: Vec<ObjectKey>) -> Result<BTreeMap<ObjectKey, Live>, CliError> {
        let keys: BTreeSet<ObjectKey> = keys.into_iter().collect();
        let reads = keys.into_iter().filter_map(|key| {
            let resource = self.kinds.preferred(&key.group_kind)?;
            Some(async move {
                let live = write::get(&self.connection, resource, &key).await?;
                Ok::<_, CliError>(live.map(|live| (key, live)))
            })
        });
        stream::iter(reads)
            .buffer_unordered(READS)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }
}

/// A connection to a registered cluster, as the agent makes it.
fn remote(cluster: &Cluster) -> Result<Connection, CliError> {
    let settings = destination::settings(cluster).map_err(|reason| {
        CliError::refused(format!("cluster `{}` cannot be reached from here: {reason}", cluster.name))
    })?;
    Ok(connect(&settings)?)
}
