//! Every object of a kind that ever was, from one unbroken watch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use kube::api::{Api, DynamicObject, WatchEvent, WatchParams};

/// One object over its life.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Annotations as last seen.
    pub annotations: BTreeMap<String, String>,
    /// Whether its end was seen.
    pub deleted: bool,
}

/// Watches a kind until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<String, Seen>,
    broken: Option<String>,
}

impl Recorder {
    /// Begins with what is there now.
    pub async fn start(objects: Api<DynamicObject>) -> Result<Self> {
        let list = objects.list(&kube::api::ListParams::default()).await.context("failed to list")?;
        let mut version = list.metadata.resource_version.clone().unwrap_or_default();
        let state = Arc::new(Mutex::new(State::default()));
        for object in &list.items {
            note(&state, object, false);
        }
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = follow(&objects, &mut version, &shared).await {
                    lock(&shared).broken = Some(format!("{error:#}"));
                    return;
                }
            }
        });
        Ok(Self { state, task })
    }

    /// Every object that was seen, by UID.
    pub fn seen(&self) -> Result<BTreeMap<String, Seen>> {
        let state = lock(&self.state);
        match &state.broken {
            Some(error) => {
                bail!("the watch of the test broke, so that something may have been missed: {error}")
            }
            None => Ok(state.seen.clone()),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One watch. It may end; the next goes on where it ended.
async fn follow(objects: &Api<DynamicObject>, version: &mut String, state: &Mutex<State>) -> Result<()> {
    let events = objects.watch(&WatchParams::default().timeout(280), version).await?;
    let mut events = std::pin::pin!(events);
    loop {
        match events.try_next().await {
            Ok(Some(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                *version = object.metadata.resource_version.clone().unwrap_or_default();
                note(state, &object, false);
            }
            Ok(Some(WatchEvent::Deleted(object))) => {
                *version = object.metadata.resource_version.clone().unwrap_or_default();
                note(state, &object, true);
            }
            Ok(Some(WatchEvent::Bookmark(bookmark))) => {
                version.clone_from(&bookmark.metadata.resource_version);
            }
            Ok(Some(WatchEvent::Error(status))) => bail!("{status:?}"),
            // A connection that broke: what it had not brought comes again.
            Ok(None) | Err(_) => return Ok(()),
        }
    }
}

fn note(state: &Mutex<State>, object: &DynamicObject, deleted: bool) {
    let metadata = &object.metadata;
    let seen = Seen {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        deleted,
    };
    lock(state).seen.insert(metadata.uid.clone().unwrap_or_default(), seen);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
