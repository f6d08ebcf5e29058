//! The tree of an application's objects: those that Git names, and below them what belongs to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bridgehead_api::application::Application;
use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::health::assess;
use bridgehead_engine::manifest::Live;
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::discovery::Resource;
use bridgehead_kubernetes::{ApiError, ApiErrorKind};
use futures::stream::{self, StreamExt};
use serde::Deserialize;

use super::selection::Selection;
use super::state::{self, Destination};
use crate::cli::error::CliError;
use crate::cli::output::resources;
use crate::cli::output::tree::Node;
use crate::cli::session::Session;

/// Lists at once.
const LISTS: usize = 16;
/// Names, owners and nothing else: an object of any size costs a few hundred bytes.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

#[derive(Deserialize)]
struct MetadataList {
    /// Null where there are none.
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    uid: String,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    uid: String,
}

/// The tree, its roots by kind and name.
pub(super) async fn tree(session: &Session, application: &Application) -> Result<Vec<Node>, CliError> {
    let destination = Destination::of(session, application).await?;
    let live = state::live(&destination, application).await?;
    let namespaces: BTreeSet<&str> =
        live.keys().map(ObjectKey::namespace).filter(|namespace| !namespace.is_empty()).collect();
    let mut children: HashMap<String, Vec<(ObjectKey, String)>> = HashMap::new();
    for (key, uid, owner) in dependents(&destination, &namespaces).await? {
        children.entry(owner).or_default().push((key, uid));
    }

    // What belongs to what belongs to a root, all the way down.
    let mut wanted = Vec::new();
    let mut reached: BTreeSet<String> = live.values().map(|live| live.uid.to_string()).collect();
    let mut next: Vec<String> = reached.iter().cloned().collect();
    while let Some(uid) = next.pop() {
        for (key, child) in children.get(&uid).into_iter().flatten() {
            if reached.insert(child.clone()) {
                wanted.push(key.clone());
                next.push(child.clone());
            }
        }
    }
    let below = destination.read(wanted).await?;

    let states = resources::states(application, &Selection::default());
    let states: BTreeMap<_, _> =
        states.into_iter().filter(|state| state.hook.is_empty()).map(|state| (state.key(), state)).collect();
    let roots = application.status.resources.iter().map(|resource| {
        let key = ObjectKey::new(
            GroupKind::new(resource.group.as_str(), resource.kind.as_str()),
            &resource.namespace,
            resource.name.as_str(),
        );
        let mut node = match live.get(&key) {
            Some(live) => node(&key, live, &children, &below),
            None => Node { name: format!("{}/{}", key.group_kind.kind, key.name), ..Node::default() },
        };
        let state = (
            resource.group.clone(),
            resource.kind.clone(),
            resource.namespace.clone(),
            resource.name.clone(),
        );
        if let Some(state) = states.get(&state) {
            node.status.clone_from(&state.status);
            node.health.clone_from(&state.health);
            node.message.clone_from(&state.message);
        }
        node
    });
    let mut roots: Vec<Node> = roots.collect();
    roots.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(roots)
}

fn node(
    key: &ObjectKey,
    live: &Live,
    children: &HashMap<String, Vec<(ObjectKey, String)>>,
    below: &BTreeMap<ObjectKey, Live>,
) -> Node {
    let health = assess(&live.manifest);
    let created = live.manifest.value().pointer("/metadata/creationTimestamp");
    let mut nodes: Vec<Node> = children
        .get(live.uid.as_str())
        .into_iter()
        .flatten()
        .filter_map(|(key, uid)| {
            let child = below.get(key).filter(|child| child.uid.as_str() == uid)?;
            Some(node(key, child, children, below))
        })
        .collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    Node {
        name: format!("{}/{}", key.group_kind.kind, key.name),
        status: String::new(),
        health: health.as_ref().map_or("", |health| health.status.as_str()).to_owned(),
        message: String::new(),
        reason: health.map(|health| health.message).unwrap_or_default(),
        created: created.and_then(|created| created.as_str()?.parse().ok()),
        children: nodes,
    }
}

/// Every object with an owner in these namespaces: its key, its UID, its first owner's UID. Kinds that may
/// not be listed are left out.
async fn dependents(
    destination: &Destination,
    namespaces: &BTreeSet<&str>,
) -> Result<Vec<(ObjectKey, String, String)>, CliError> {
    let resources: Vec<&Resource> = destination
        .kinds
        .watchable()
        .filter(|resource| resource.namespaced && &*resource.gvk.group_kind.kind != "Event")
        .collect();
    let lists = namespaces
        .iter()
        .flat_map(|namespace| resources.iter().map(move |resource| (*namespace, *resource)))
        .map(|(namespace, resource)| async move {
            let request = RequestBuilder::get(
                resource.collection(Some(namespace)),
                format!("list {}", resource.plural),
            )
            .accept(METADATA);
            let answer = destination.connection.send(request).await?;
            Ok::<_, ApiError>((resource, answer.json::<MetadataList>()?))
        });
    let mut found = Vec::new();
    let mut lists = stream::iter(lists).buffer_unordered(LISTS);
    while let Some(list) = lists.next().await {
        let (resource, list) = match list {
            Ok(list) => list,
            Err(error) if matches!(error.kind, ApiErrorKind::Forbidden | ApiErrorKind::KindNotServed) => {
                continue;
            }
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        for Item { metadata } in list.items.unwrap_or_default() {
            if let Some(owner) = metadata.owner_references.into_iter().next() {
                let key = ObjectKey::new(
                    resource.gvk.group_kind.clone(),
                    &metadata.namespace,
                    metadata.name.as_str(),
                );
                found.push((key, metadata.uid, owner.uid));
            }
        }
    }
    Ok(found)
}
