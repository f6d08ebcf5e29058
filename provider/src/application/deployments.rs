//! What the applications of a namespace deploy from where to where, to find two that deploy the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bridgehead_api::application::{
    ApplicationDestination, ApplicationSource, ApplicationSpec, normalise_spec,
};
use bridgehead_kubernetes::Connection;
use bridgehead_kubernetes::connect::RequestBuilder;
use serde_json::{Value as Json, json};
use tfplug::model::Model as _;
use tfplug::prelude::*;
use tfplug::value::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Application;
use crate::connection::{OwnKubernetes, cluster_named_by};
use crate::object::{Kind, codec, read_raw, text};

/// The attributes that say from where to where.
const PLACES: &[&str] = &["source", "sources", "source_hydrator", "destination"];

/// How long a list is good for. A destroy of hundreds of applications must not list all of them for each.
const FRESH: Duration = Duration::from_secs(30);

/// One application that is not being deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deployment {
    pub(super) name: String,
    uid: String,
    from: Vec<ApplicationSource>,
    to: ApplicationDestination,
}

impl Deployment {
    /// `None` where it deploys nothing, or cannot be read.
    pub(super) fn of(application: &Json) -> Option<Self> {
        let spec: ApplicationSpec = serde_json::from_value(application["spec"].clone()).ok()?;
        let spec = normalise_spec(spec);
        let from = spec.effective_sources().into_owned();
        (!from.is_empty()).then(|| Self {
            name: text(application, "/metadata/name").to_owned(),
            uid: text(application, "/metadata/uid").to_owned(),
            from,
            to: spec.destination,
        })
    }

    /// Of an application as it was read last.
    pub(super) fn of_state(application: &Application<Partial>) -> Option<Self> {
        Self::of_value(&application.name, &application.to_value())
    }

    /// Of an application as it is planned; `None` where what it deploys is known after apply.
    pub(super) fn planned(application: &Application<Planned>) -> Option<Self> {
        let name = application.name.known().map_or("(known after apply)", String::as_str);
        Self::of_value(name, &application.to_value())
    }

    fn of_value(name: &str, value: &Value) -> Option<Self> {
        let spec = codec::encode(&Application::<Stored>::schema().attributes, PLACES, value);
        if !spec.unknown.is_empty() {
            return None;
        }
        Self::of(&json!({"metadata": {"name": name}, "spec": spec.into_json()}))
    }

    /// Whether the same goes from the same place to the same place.
    pub(super) fn is_the_same(&self, other: &Self) -> bool {
        self.from == other.from && self.to == other.to
    }
}

/// Cluster and namespace.
pub(super) type Place = (String, String);

/// Where an application itself is.
pub(super) fn place(own: Option<&OwnKubernetes>, namespace: &str) -> Place {
    (cluster_named_by(own), namespace.to_owned())
}

/// A list, and when it was made.
type Listed = (Instant, Arc<Vec<Deployment>>);

/// The lists that were made in this process.
#[derive(Default)]
pub(crate) struct Deployments(Mutex<BTreeMap<Place, Listed>>);

impl Deployments {
    /// The name of another application that deploys the same.
    pub(super) async fn another(
        &self,
        connection: &Connection,
        own: Option<&OwnKubernetes>,
        namespace: &str,
        wanted: &Deployment,
    ) -> Option<String> {
        let all = self.list(connection, own, namespace).await?;
        let same = |other: &&Deployment| other.uid != wanted.uid && other.is_the_same(wanted);
        for other in all.iter().filter(same) {
            // It may be destroyed too, in this very apply.
            let key = Kind::Application.key(namespace, &other.name);
            let live = read_raw(connection, &Kind::Application.resource(), &key).await.ok().flatten();
            if live.is_some_and(|live| live.pointer("/metadata/deletionTimestamp").is_none()) {
                return Some(other.name.clone());
            }
        }
        None
    }

    async fn list(
        &self,
        connection: &Connection,
        own: Option<&OwnKubernetes>,
        namespace: &str,
    ) -> Option<Arc<Vec<Deployment>>> {
        // Held during the request: a list that began before a create is not kept beyond it.
        let mut known = self.0.lock().await;
        let place = place(own, namespace);
        if let Some((since, all)) = known.get(&place)
            && since.elapsed() < FRESH
        {
            return Some(Arc::clone(all));
        }
        let begun = Instant::now();
        let path = Kind::Application.resource().collection(Some(namespace));
        let request = RequestBuilder::get(path, format!("list applications in {namespace}"));
        let list: Json = connection.send(request).await.ok()?.json().ok()?;
        let living = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|application| application.pointer("/metadata/deletionTimestamp").is_none());
        let all: Arc<Vec<Deployment>> = Arc::new(living.filter_map(Deployment::of).collect());
        known.insert(place, (begun, Arc::clone(&all)));
        Some(all)
    }

    /// There is a new application: what was listed is not all any more.
    pub(super) async fn forget(&self) {
        self.0.lock().await.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_deploys_the_same() {
        let application = |spec: Json| json!({"metadata": {"name": "a", "uid": "u"}, "spec": spec});
        let source = json!({"repoURL": "https://git.example.com/a.git", "path": "a"});
        let to = json!({"server": "https://kubernetes.default.svc", "namespace": "a"});
        let plain = json!({"project": "default", "source": source, "destination": to});
        let other = json!({"source": source, "destination": to, "syncPolicy": {}, "info": []});
        assert_eq!(Deployment::of(&application(plain)), Deployment::of(&application(other)));
        assert_eq!(Deployment::of(&application(json!({"destination": to}))), None);
    }
}
