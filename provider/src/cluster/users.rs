//! Applications that need a cluster to be known while they go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bridgehead_api::annotations::{SECRET_TYPE, SECRET_TYPE_CLUSTER};
use bridgehead_api::secret::{Cluster as Registered, IN_CLUSTER_NAME, IN_CLUSTER_SERVER, SecretObject};
use bridgehead_engine::manifest::{Manifest, tracking_id};
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::watch::WatchTarget;
use bridgehead_kubernetes::{ApiError, ApiErrorKind, Connection};
use serde_json::Value as Json;
use tfplug::prelude::*;
use tokio::time::Instant;

use super::Cluster;
use crate::agent::served_finalizer;
use crate::object::{Block, Kind, is_absence, text, until_none};

/// For the look that is taken again at the end of a wait.
const LOOK: Duration = Duration::from_secs(10);

/// Waits until no application needs the cluster to take down what it has deployed there: none that is being
/// deleted, and none whose finalizer asks for it, unless the cluster stays known by another name or Secret.
pub(super) async fn none_left(
    connection: &Connection,
    prior: &Cluster<Partial>,
    replaced: bool,
    within: Duration,
) -> Result<(), Diagnostics> {
    let begun = Instant::now();
    let known = Known::without(connection, prior).await?;
    let Err(problem) = none_left_but(connection, prior, &known, replaced, within).await? else {
        return Ok(());
    };
    // Where its name and address change together, its successor is made at the same time as this one goes.
    let since = Known::without(connection, prior).await?;
    let problem = if since.successors(prior) > known.successors(prior) {
        let left = within.saturating_sub(begun.elapsed()).max(LOOK);
        match none_left_but(connection, prior, &since, replaced, left).await? {
            Ok(()) => return Ok(()),
            Err(problem) => problem,
        }
    } else {
        problem
    };
    Err(Diagnostic::error(format!("Cluster `{}` is still in use", prior.name))
        .detail(format!(
            "{problem}\n\nNobody could take down what they have deployed once the cluster is not known any more, and \
             it would be left running. Delete the applications first, or take their finalizer off where what they \
             have deployed is to stay; then destroy again. A `removed` block leaves the cluster registered."
        ))
        .into())
}

/// Waits until only applications are left that these clusters are enough for. The inner error names the others.
async fn none_left_but(
    connection: &Connection,
    prior: &Cluster<Partial>,
    known: &Known,
    replaced: bool,
    within: Duration,
) -> Result<Result<(), String>, Diagnostics> {
    let namespace = &prior.namespace;
    let applications = list(connection, Kind::Application, namespace, "").await?;
    let above = above(&applications, |application| targets(prior, application));
    let target = WatchTarget::all(Kind::Application.resource()).in_namespace(namespace);
    let none = until_none(connection, target, within, |application| {
        let leaving = application.pointer("/metadata/deletionTimestamp").is_some();
        let here = targets(prior, application);
        if leaving && here {
            return Some(Block::Moves("it is being deleted, which needs the cluster".to_owned()));
        }
        if replaced {
            return None;
        }
        if let Some(finalizer) = served_finalizer(application)
            && here
            && !known.knows(application)
        {
            let why = format!(
                "it holds finalizer `{finalizer}` for what it has deployed there, and nobody has deleted it"
            );
            return Some(Block::Stands(why));
        }
        let why = "it is being deleted, and applications below it need the cluster";
        (leaving && above.contains(text(application, "/metadata/name"))).then(|| Block::Moves(why.to_owned()))
    });
    Ok(none.await)
}

fn targets(cluster: &Cluster<Partial>, application: &Json) -> bool {
    text(application, "/spec/destination/server").trim_end_matches('/') == cluster.server
        || text(application, "/spec/destination/name") == cluster.name
}

/// The clusters that are known when this one is gone.
struct Known(Vec<Registered>);

impl Known {
    async fn without(connection: &Connection, prior: &Cluster<Partial>) -> Result<Self, Diagnostics> {
        let selector = format!("{SECRET_TYPE}={SECRET_TYPE_CLUSTER}");
        let secrets = match list(connection, Kind::Secret, &prior.namespace, &selector).await {
            // Whoever may write single Secrets need not be allowed to list all.
            Err(error) if error.kind == ApiErrorKind::Forbidden => Vec::new(),
            found => found?,
        };
        let others = secrets.into_iter().filter(|secret| text(secret, "/metadata/name") != prior.name);
        let others = others.filter_map(|secret| SecretObject::from_value(secret).ok());
        let own = Registered {
            name: IN_CLUSTER_NAME.to_owned(),
            server: IN_CLUSTER_SERVER.to_owned(),
            ..Registered::default()
        };
        let others = others.filter_map(|secret| Some(Registered::from_secret(&secret).ok()?.0));
        Ok(Self(others.chain([own]).collect()))
    }

    /// How many of them stand for this one, by its server or its name.
    fn successors(&self, prior: &Cluster<Partial>) -> usize {
        let server = prior.server.trim_end_matches('/');
        let is_it =
            |other: &&Registered| other.server.trim_end_matches('/') == server || other.name == prior.name;
        self.0.iter().filter(is_it).count()
    }

    fn knows(&self, application: &Json) -> bool {
        let server = text(application, "/spec/destination/server").trim_end_matches('/');
        let name = text(application, "/spec/destination/name");
        self.0.iter().any(|cluster| {
            if server.is_empty() {
                cluster.name == name
            } else {
                cluster.server.trim_end_matches('/') == server
            }
        })
    }
}

/// Names of the applications that have one of these below them, however far: their deletion reaches these.
fn above(applications: &[Json], is_one: impl Fn(&Json) -> bool) -> BTreeSet<String> {
    let name = |application: &Json| text(application, "/metadata/name").to_owned();
    let parents: BTreeMap<String, String> = applications
        .iter()
        .filter_map(|application| {
            let manifest = Manifest::new(application.clone());
            Some((name(application), tracking_id(&manifest)?.application.to_owned()))
        })
        .collect();
    let mut above = BTreeSet::new();
    for application in applications.iter().filter(|application| is_one(application)) {
        let mut next = parents.get(&name(application));
        while let Some(parent) = next {
            if !above.insert(parent.clone()) {
                break;
            }
            next = parents.get(parent);
        }
    }
    above
}

async fn list(
    connection: &Connection,
    kind: Kind,
    namespace: &str,
    selector: &str,
) -> Result<Vec<Json>, ApiError> {
    let path = kind.resource().collection(Some(namespace));
    let mut request = RequestBuilder::get(path, format!("list {} in {namespace}", kind.name()));
    if !selector.is_empty() {
        request = request.query("labelSelector", selector);
    }
    let mut list: Json = match connection.send(request).await {
        Ok(answer) => answer.json()?,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    // The elements of a list don't say of what kind they are.
    let complete = |mut object: Json| {
        object["apiVersion"] = list["apiVersion"].clone();
        object["kind"] = kind.name().into();
        object
    };
    Ok(items.into_iter().map(complete).collect())
}

#[cfg(test)]
mod tests {
    use bridgehead_api::annotations::TRACKING_ID;
    use serde_json::json;

    use super::*;

    fn application(name: &str, parent: &str, server: &str) -> Json {
        let id = format!("{parent}:argoproj.io/Application:argocd/{name}");
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd", "annotations": {TRACKING_ID: id}},
            "spec": {"destination": {"server": server}},
        })
    }

    #[test]
    fn every_application_above_one_is_found_and_a_ring_ends() {
        let all = [
            application("root", "shops", "here"),
            application("shops", "root", "here"),
            application("web", "shops", "there"),
            application("other", "root", "here"),
            application("alone", "nobody", "here"),
        ];
        let found = above(&all, |application| text(application, "/spec/destination/server") == "there");
        assert_eq!(found, BTreeSet::from(["root".to_owned(), "shops".to_owned()]));
    }
}
