//! Data source `bridgehead_cluster`: a registered cluster, by name or by server.

use std::collections::BTreeMap;

use bridgehead_api::annotations::{SECRET_TYPE, SECRET_TYPE_CLUSTER};
use bridgehead_api::secret::{Cluster as Registered, IN_CLUSTER_NAME, IN_CLUSTER_SERVER, SecretObject};
use bridgehead_kubernetes::connect::RequestBuilder;
use serde_json::Value as Json;
use tfplug::check;
use tfplug::prelude::*;

use crate::connection::{Clients, OwnKubernetes, connection};
use crate::object::Kind;

/// A cluster that applications can be deployed to, found by its name or its server. The cluster that the agent
/// runs in is there without being registered.
#[derive(Clone, Debug, tfplug::Model)]
#[data("bridgehead_cluster")]
pub struct FoundCluster<S: Stage> {
    /// Name of the cluster.
    pub name: S::Either<String>,
    /// URL of its API server.
    pub server: S::Either<String>,
    /// Namespace of the agent.
    #[attr(default = "argocd")]
    pub namespace: S::Input<String>,
    /// Another cluster than the provider's, for the Secret.
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// Name of the Secret; empty for the agent's own cluster where it is not registered.
    pub secret_name: S::Output<String>,
    /// Labels, by which generators select it.
    pub labels: S::Output<BTreeMap<String, String>>,
    /// Annotations, which generators can use.
    pub annotations: S::Output<BTreeMap<String, String>>,
    /// The only namespaces that the agent looks at; empty for all.
    pub namespaces: S::Output<Vec<String>>,
    /// The only project that may use it; empty for all.
    pub project: S::Output<String>,
}

/// The data source.
pub(crate) struct ReadCluster;

impl DataSource for ReadCluster {
    type Model = FoundCluster<Stored>;
    type Client = Clients;

    fn validate(&self, config: &FoundCluster<Config>, problems: &mut Diagnostics) {
        let given = [("name", config.name.presence()), ("server", config.server.presence())];
        check::exactly_one(problems, &given);
    }

    async fn read(
        &self,
        context: &Context<Clients>,
        config: FoundCluster<Applying>,
    ) -> Result<FoundCluster<Stored>, Diagnostics> {
        let connection = connection(context, config.kubernetes.as_ref()).await?;
        let path = Kind::Secret.resource().collection(Some(&config.namespace));
        let request = RequestBuilder::get(path, format!("list clusters in {}", config.namespace))
            .query("labelSelector", &format!("{SECRET_TYPE}={SECRET_TYPE_CLUSTER}"));
        let list: Json = connection.send(request).await?.json()?;
        let server = config.server.as_deref().map(|server| server.trim_end_matches('/'));
        let is_it = |cluster: &Registered| {
            Some(cluster.name.as_str()) == config.name.as_deref() || Some(cluster.server.as_str()) == server
        };
        for object in list["items"].as_array().into_iter().flatten() {
            let Ok(secret) = SecretObject::from_value(object.clone()) else { continue };
            let Ok((cluster, _)) = Registered::from_secret(&secret) else { continue };
            if is_it(&cluster) {
                return Ok(config.store(FoundClusterComputed {
                    name: cluster.name,
                    server: cluster.server,
                    secret_name: secret.metadata.name,
                    labels: cluster.labels,
                    annotations: cluster.annotations,
                    namespaces: cluster.namespaces,
                    project: cluster.project,
                }));
            }
        }
        let own = Registered {
            name: IN_CLUSTER_NAME.to_owned(),
            server: IN_CLUSTER_SERVER.to_owned(),
            ..Registered::default()
        };
        if is_it(&own) {
            return Ok(config.store(FoundClusterComputed {
                name: own.name,
                server: own.server,
                secret_name: String::new(),
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
                namespaces: Vec::new(),
                project: String::new(),
            }));
        }
        let wanted = config.name.or(config.server).unwrap_or_default();
        Err(Diagnostic::error(format!(
            "No cluster `{wanted}` is registered in namespace `{}`",
            config.namespace
        ))
        .into())
    }
}
