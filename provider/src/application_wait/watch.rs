//! Following applications until all are where they are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bridgehead_api::annotations::REFRESH;
use bridgehead_api::application::Application;
use bridgehead_kubernetes::ApiErrorKind;
use bridgehead_kubernetes::Connection;
use bridgehead_kubernetes::cache::FrameKind;
use bridgehead_kubernetes::watch::{WatchNews, WatchTarget, Watches};
use bridgehead_kubernetes::write::{self, Patch, WriteOptions};
use serde_json::json;
use tfplug::prelude::*;
use tokio::time::Instant;

use super::Wait;
use super::judgement::{Judgement, Wanted, judge, lasting_error};
use crate::object::Kind;

/// Bytes of frames that wait to be looked at.
const BUDGET: usize = 8 << 20;
/// An error that another resource of the same apply may be about to put right is given this long.
const SETTLE: Duration = Duration::from_secs(30);
/// Not the manager of what Terraform declares: what is asked to be refreshed need not be declared here.
const FIELD_MANAGER: &str = "bridgehead-terraform-wait";

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
    /// Applications whose state is of after the wait began: they were seen without a failure, or have
    /// answered. A failure of before may have been put right in Git, where nobody has looked since.
    current: BTreeSet<Key>,
    /// When a look at Git was asked for.
    asked: BTreeMap<Key, Instant>,
    trouble: Option<String>,
}

/// Waits until the application is where it is wanted, and with `recursive` those that it declares.
pub(super) async fn wait(connection: &Connection, wait: &Wait<Applying>) -> Result<Reached, Diagnostics> {
    let wanted = Wanted { synced: wait.synced, healthy: wait.healthy, revision: wait.revision.clone() };
    let mut followed = Followed::new((wait.namespace.clone(), wait.name.clone()), wait.recursive, wanted);
    let within = wait.timeout.duration();
    match tokio::time::timeout(within, followed.follow(connection)).await {
        Ok(done) => done,
        Err(_) => Err(followed.timed_out(within)),
    }
}

impl Followed {
    fn new(root: Key, recursive: bool, wanted: Wanted) -> Self {
        Self {
            root,
            recursive,
            wanted,
            applications: BTreeMap::new(),
            listed: BTreeSet::new(),
            errors: BTreeMap::new(),
            current: BTreeSet::new(),
            asked: BTreeMap::new(),
            trouble: None,
        }
    }

    async fn follow(&mut self, connection: &Connection) -> Result<Reached, Diagnostics> {
        let (mut watches, mut events) = Watches::new(connection.clone(), BUDGET);
        loop {
            for namespace in self.namespaces() {
                // Does nothing where the namespace is watched already.
                watches.start(WatchTarget::all(Kind::Application.resource()).in_namespace(namespace));
            }
            let next = self.next_look();
            let event = tokio::select! {
                event = events.recv() => event,
                () = until(next) => None,
            };
            if let Some(event) = event {
                let namespace = event.target.namespace.clone().unwrap_or_default();
                self.take(&namespace, event.news);
            }
            for key in self.with_an_old_failure() {
                self.ask(connection, key).await;
            }
            if let Some(done) = self.look()? {
                return Ok(done);
            }
        }
    }

    /// When to look again without an event: when errors have settled, or an answer has not come.
    fn next_look(&mut self) -> Option<Instant> {
        let tree = self.tree();
        // One that is gone, or no longer below the root, doesn't answer any more.
        self.asked.retain(|key, _| tree.contains(key) && self.applications.contains_key(key));
        self.errors.retain(|key, _| tree.contains(key));
        self.errors.values().chain(self.asked.values()).min().map(|since| *since + SETTLE)
    }

    /// Applications that had failed before the wait began, and were not asked to look again.
    fn with_an_old_failure(&mut self) -> Vec<Key> {
        let mut old = Vec::new();
        let now = Instant::now();
        for key in self.tree() {
            let Some(application) = self.applications.get(&key).filter(|_| !self.current.contains(&key))
            else {
                continue;
            };
            let answered = self.asked.get(&key).is_some_and(|since| {
                application.metadata.annotation(REFRESH).is_none() || now >= *since + SETTLE
            });
            if answered || !matches!(self.judge(&key), Judgement::Failed(_)) {
                self.asked.remove(&key);
                self.current.insert(key);
            } else if !self.asked.contains_key(&key) {
                old.push(key);
            }
        }
        old
    }

    async fn ask(&mut self, connection: &Connection, key: Key) {
        let refresh = Patch::Merge(json!({"metadata": {"annotations": {REFRESH: "normal"}}}));
        let options = WriteOptions { field_manager: FIELD_MANAGER.to_owned(), ..WriteOptions::default() };
        let object = Kind::Application.key(&key.0, &key.1);
        let asked =
            write::patch(connection, &Kind::Application.resource(), &object, &refresh, &options).await;
        match asked {
            Ok(live) => {
                // What is known is of before the question.
                if let Ok(application) = Application::from_value(live.manifest.value().clone()) {
                    self.applications.insert(key.clone(), application);
                }
                self.asked.insert(key, Instant::now());
            }
            // Then what is known is all that there is.
            Err(_) => {
                self.current.insert(key);
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
                            if self.applications.get(&key).is_some_and(|known| is_older(&application, known))
                            {
                                continue;
                            }
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
                Judgement::Failed(why) if self.current.contains(key) => failures.push(named(key, &why)),
                Judgement::Pending(_) | Judgement::Failed(_) => {}
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

/// Of before what is known: it was on its way while we wrote.
fn is_older(application: &Application, known: &Application) -> bool {
    let version =
        |application: &Application| application.metadata.resource_version.as_str().parse::<u64>().ok();
    application.metadata.uid == known.metadata.uid
        && matches!((version(application), version(known)), (Some(new), Some(known)) if new < known)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn application(name: &str, children: &[&str]) -> Application {
        let child = |name: &&str| json!({"group": "argoproj.io", "kind": "Application", "namespace": "argocd", "name": name});
        let resources: Vec<_> = children.iter().map(child).collect();
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default", "destination": {}, "source": {"repoURL": "x"}},
            "status": {"resources": resources},
        });
        Application::from_value(object).unwrap()
    }

    fn key(name: &str) -> Key {
        ("argocd".to_owned(), name.to_owned())
    }

    #[test]
    fn one_that_was_asked_and_is_gone_is_no_reason_to_look_again() {
        let wanted = Wanted { synced: true, healthy: true, revision: None };
        let mut followed = Followed::new(key("root"), true, wanted);
        for (name, children) in [("root", &["kept", "deleted"][..]), ("kept", &[]), ("moved", &[])] {
            followed.applications.insert(key(name), application(name, children));
        }
        let asked = Instant::now();
        for (name, later) in [("moved", 0), ("deleted", 1), ("kept", 2)] {
            followed.asked.insert(key(name), asked + Duration::from_secs(later));
        }
        assert_eq!(followed.next_look(), Some(asked + Duration::from_secs(2) + SETTLE));
        followed.applications.clear();
        assert_eq!(followed.next_look(), None);
    }
}
