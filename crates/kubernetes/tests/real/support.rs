//! What the tests share.

use anyhow::Result;
use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::manifest::Manifest;
use bridgehead_kubernetes::cache::{Frame, LiveCache};
use bridgehead_kubernetes::watch::{WatchEvent, WatchNews, WatchTarget, Watches};
use bridgehead_kubernetes::{Connection, ConnectionSettings, Resource, connect};
use bridgehead_test_harness::{Cluster, deadline, namespace, test_cluster};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

/// An administrator's connection to the shared cluster.
pub(crate) fn administrator() -> Result<Connection> {
    connection_to(test_cluster())
}

pub(crate) fn connection_to(cluster: &Cluster) -> Result<Connection> {
    Ok(connect(&ConnectionSettings::kubeconfig(Some(cluster.kubeconfig()), None)?)?)
}

/// A connection and a namespace of the test's own.
pub(crate) async fn place(prefix: &str) -> Result<(Connection, String)> {
    let connection = administrator()?;
    let namespace = namespace(&connection.client(), prefix).await?;
    Ok((connection, namespace))
}

pub(crate) fn config_maps() -> Resource {
    Resource::known("v1", "ConfigMap", "configmaps", true)
}

pub(crate) fn secrets() -> Resource {
    Resource::known("v1", "Secret", "secrets", true)
}

pub(crate) fn deployments() -> Resource {
    Resource::known("apps/v1", "Deployment", "deployments", true)
}

pub(crate) fn config_map(namespace: &str, name: &str, data: &Value) -> (ObjectKey, Manifest) {
    let manifest = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {"name": name, "namespace": namespace},
    });
    object(manifest)
}

pub(crate) fn tracked_config_map(namespace: &str, name: &str, application: &str) -> (ObjectKey, Manifest) {
    let id = format!("{application}:/ConfigMap:{namespace}/{name}");
    let manifest = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"from": "Git"},
        "metadata": {"name": name, "namespace": namespace, "annotations": {"argocd.argoproj.io/tracking-id": id}},
    });
    object(manifest)
}

pub(crate) fn object(manifest: Value) -> (ObjectKey, Manifest) {
    let manifest = Manifest::new(manifest);
    (manifest.key(), manifest)
}

/// A cache with the watches that feed it.
pub(crate) struct Following {
    pub(crate) cache: LiveCache,
    pub(crate) watches: Watches,
    events: Receiver<WatchEvent>,
    /// Frames that began a list.
    pub(crate) lists: usize,
    /// What the watches told besides frames.
    pub(crate) told: Vec<String>,
}

impl Following {
    pub(crate) fn new(connection: &Connection, kinds: impl IntoIterator<Item = Resource>) -> Self {
        let (mut watches, events) = Watches::new(connection.clone(), 4 << 20);
        let mut cache = LiveCache::new(1);
        for resource in kinds {
            cache.add_kind(&resource);
            watches.start(WatchTarget::all(resource));
        }
        Self { cache, watches, events, lists: 0, told: Vec::new() }
    }

    /// Feeds the cache until the condition holds.
    pub(crate) async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<()> {
        let end = tokio::time::Instant::now() + deadline();
        while !holds(self) {
            let Ok(event) = tokio::time::timeout_at(end, self.events.recv()).await else {
                anyhow::bail!("{what} did not come; told: {:?}, {:?}", self.told, self.cache.statistics());
            };
            self.take(&event.expect("the watches are held"))?;
        }
        Ok(())
    }

    fn take(&mut self, event: &WatchEvent) -> Result<()> {
        let kind: &GroupKind = event.target.kind();
        match &event.news {
            WatchNews::Frames(frames) => {
                for frame in frames {
                    self.lists += usize::from(is_begin(frame));
                    self.cache.apply_frame(kind, frame)?;
                }
            }
            WatchNews::Interrupted { message } => {
                self.cache.set_interrupted(kind, true);
                self.told.push(format!("{kind} interrupted: {message}"));
            }
            WatchNews::Resumed => {
                self.cache.set_interrupted(kind, false);
                self.told.push(format!("{kind} resumed"));
            }
            WatchNews::Refused { message, .. } => {
                self.cache.set_refused(kind, message);
                self.told.push(format!("{kind} refused: {message}"));
            }
        }
        Ok(())
    }
}

fn is_begin(frame: &Frame) -> bool {
    frame.kind() == bridgehead_kubernetes::cache::FrameKind::ListBegins
}
