//! Following applications until all are where they are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bridgehead_api::application::Application;
use bridgehead_kubernetes::ApiErrorKind;
use bridgehead_kubernetes::Connection;
use bridgehead_kubernetes::cache::FrameKind;
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use tfplug::prelude::*;
use tokio::time::Instant;

use super::Wait;
use super::judgement::{Judgement, Wanted, judge, lasting_error};
use crate::object::Kind;

/// Bytes of frames that wait to be looked at.
const BUDGET: usize = 8 << 20;
/// An error that another resource of the same apply may be about to put right is given this long.
const SETTLE: Duration = Duration::from_secs(30);

/// What was reached.
pub(super) struct Reached {
    pub(super) revision: String,
    pub(super) applications: Vec<String>,
}

/// Namespace and name.
type Key = (String, String);

struct Followed {
    root: Key,
    recursive: bool,
    wanted: Wanted,
    applications: BTreeMap<Key, Application>,
    /// Namespaces whose list is complete.
    listed: BTreeSet<String>,
    /// Since when an application shows an error that may go by itself.
    errors: BTreeMap<Key, Instant>,
    trouble: Option<String>,
}

/// Waits until the application is where it is wanted, and with `recursive` those that it declares.
pub(super) async fn wait(connection: &Connection, wait: &Wait<Applying>) -> Result<Reached, Diagnostics> {
    let mut followed = Followed {
        root: (wait.namespace.clone(), wait.name.clone()),
        recursive: wait.recursive,
        wanted: Wanted { synced: wait.synced, healthy: wait.healthy, revision: wait.revision.clone() },
        applications: BTreeMap::new(),
        listed: BTreeSet::new(),
        errors: BTreeMap::new(),
        trouble: None,
    };
    let within = wait.timeout.duration();
    match tokio::time::timeout(within, followed.follow(connection)).await {
        Ok(done) => done,
        Err(_) => Err(followed.timed_out(within)),
    }
}

impl Followed {
    async fn follow(&mut self, connection: &Connection) -> Result<Reached, Diagnostics> {
        let (mut watches, mut events) = Watches::new(connection.clone(), BUDGET);
        loop {
            for namespace in self.namespaces() {
                // Does nothing where the namespace is watched already.
                watches.start(WatchTarget::all(Kind::Application.resource()).in_namespace(namespace));
            }
            // Besides events, the settling of errors is a reason to look again.
            let next = self.errors.values().min().map(|since| *since + SETTLE);
            let event = tokio::select! {
                event = events.recv() => event,
                () = until(next) => None,
            };
            if let Some(event) = event {
                let namespace = event.target.namespace.clone().unwrap_or_default();
                self.take(&namespace, event.news);
            }
            if let Some(done) = self.look()? {
                return Ok(done);
            }
        }
    }

    fn take(&mut self, namespace: &str, news: WatchNews) {
        match news {
            WatchNews::Frames(frames) => {
                self.trouble = None;
                for frame in frames {
                    match frame.kind() {
                        FrameKind::ListBegins => self.applications.retain(|key, _| key.0 != namespace),
                        FrameKind::ListEnds => {
                            self.listed.insert(namespace.to_owned());
                        }
                        FrameKind::Present | FrameKind::Deleted => {
                            let object =
                                frame.object().ok().and_then(|value| Application::from_value(value).ok());
                            let Some(application) = object else { continue };
                            let key = (namespace.to_owned(), application.metadata.name.clone());
                            if frame.kind() == FrameKind::Present {
                                self.applications.insert(key, application);
                            } else {
                                self.applications.remove(&key);
                            }
                        }
                        FrameKind::Bookmark | FrameKind::Failed => {}
                    }
                }
            }
            // The definition may come with the agent, in this very apply.
            WatchNews::Refused { kind: ApiErrorKind::KindNotServed, .. } => {
                self.trouble = Some("applications are not served there yet".to_owned());
            }
            WatchNews::Interrupted { message } | WatchNews::Refused { message, .. } => {
                self.trouble = Some(message);
            }
            WatchNews::Resumed => self.trouble = None,
        }
    }

    /// The application, and with `recursive` all below it, each once.
    fn tree(&self) -> Vec<Key> {
        let mut found = vec![self.root.clone()];
        let mut position = 0;
        while self.recursive && position < found.len() {
            if let Some(application) = self.applications.get(&found[position]) {
                let children = application.status.resources.iter().filter(|resource| {
                    resource.kind == "Application" && resource.group == bridgehead_api::GROUP
                });
                for child in children {
                    let key = (child.namespace.clone(), child.name.clone());
                    if !child.requires_pruning && !found.contains(&key) {
                        found.push(key);
                    }
                }
            }
            position += 1;
        }
        found
    }

    fn namespaces(&self) -> BTreeSet<String> {
        self.tree().into_iter().map(|(namespace, _)| namespace).collect()
    }

    fn judge(&self, key: &Key) -> Judgement {
        let Some(application) = self.applications.get(key) else {
            return Judgement::Pending("there is no such application yet".to_owned());
        };
        // The revision is the root's: others come from repositories of their own.
        if *key == self.root {
            judge(application, &self.wanted)
        } else {
            judge(application, &Wanted { revision: None, ..self.wanted.clone() })
        }
    }

    fn look(&mut self) -> Result<Option<Reached>, Diagnostics> {
        let tree = self.tree();
        self.errors.retain(|key, _| tree.contains(key));
        let mut all = true;
        let now = Instant::now();
        let mut failures = Vec::new();
        for key in &tree {
            if !self.listed.contains(&key.0) {
                all = false;
                continue;
            }
            match self.judge(key) {
                Judgement::Reached => {
                    self.errors.remove(key);
                    continue;
                }
                Judgement::Pending(_) => {}
                Judgement::Failed(why) => failures.push(named(key, &why)),
            }
            all = false;
            match self.applications.get(key).and_then(lasting_error) {
                Some(why) => {
                    let since = *self.errors.entry(key.clone()).or_insert(now);
                    if now >= since + SETTLE {
                        failures.push(named(key, &why));
                    }
                }
                None => {
                    self.errors.remove(key);
                }
            }
        }
        if !failures.is_empty() {
            return Err(Diagnostic::error(format!("Application `{}` has failed", self.root.1))
                .detail(format!(
                    "{}\n\nNothing was rolled back, and nothing will be recreated: put the cause right, then the next \
                     apply waits again.",
                    failures.join("\n")
                ))
                .into());
        }
        if !all {
            return Ok(None);
        }
        let root = self.applications.get(&self.root);
        let revisions = root.map(|root| root.status.sync.compared_revisions()).unwrap_or_default();
        let applications = tree.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
        Ok(Some(Reached { revision: revisions.first().cloned().unwrap_or_default(), applications }))
    }

    fn timed_out(&self, within: Duration) -> Diagnostics {
        let mut waiting = Vec::new();
        for key in self.tree() {
            if let Judgement::Pending(why) | Judgement::Failed(why) = self.judge(&key) {
                waiting.push(named(&key, &why));
            }
        }
        if let Some(trouble) = &self.trouble {
            waiting.push(format!("- the cluster can't be followed: {trouble}"));
        }
        Diagnostic::error(format!("Application `{}` is not there after {} s", self.root.1, within.as_secs()))
            .detail(format!(
                "{}\n\nNothing was changed, and nothing will be recreated: the next apply waits again.",
                waiting.join("\n")
            ))
            .into()
    }
}

fn named((namespace, name): &Key, why: &str) -> String {
    format!("- application {namespace}/{name}: {why}")
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
