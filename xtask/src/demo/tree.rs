//! The applications as a tree with their waves: each change as it comes, and the whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use bridgehead_test_harness::agent::applications;
use futures::TryStreamExt;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{LOOK, NAMESPACE};

const TRACKING: &str = "argocd.argoproj.io/tracking-id";
const WAVE: &str = "argocd.argoproj.io/sync-wave";

/// Prints what changes until it is dropped.
pub(super) struct Tree {
    client: Client,
    shown: Arc<Mutex<Shown>>,
    _follower: JoinSet<()>,
}

impl Tree {
    pub(super) fn follow(client: &Client) -> Self {
        let shown = Arc::new(Mutex::new(Shown::new()));
        let mut follower = JoinSet::new();
        follower.spawn(follow(client.clone(), shown.clone()));
        Self { client: client.clone(), shown, _follower: follower }
    }

    /// Prints all of it.
    pub(super) async fn print(&self) -> Result<()> {
        let all = applications(&self.client, NAMESPACE)
            .list(&ListParams::default())
            .await
            .context("failed to list the applications")?
            .items;
        let mut shown = lock(&self.shown);
        // Events that are still on their way have nothing new to say.
        for application in &all {
            shown.remember(application);
        }
        println!();
        for line in whole(&all) {
            println!("   {line}");
        }
        println!();
        Ok(())
    }
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    // Each change leaves it whole.
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow(client: Client, shown: Arc<Mutex<Shown>>) {
    let api = applications(&client, NAMESPACE);
    loop {
        // An error until the kind is defined. After the end of a watch the next one begins with
        // all there is, of which only what changed meanwhile is shown.
        if let Ok(events) = api.watch(&WatchParams::default(), "0").await {
            let mut events = std::pin::pin!(events);
            while let Ok(Some(event)) = events.try_next().await {
                match event {
                    WatchEvent::Added(application) | WatchEvent::Modified(application) => {
                        lock(&shown).changed(&application);
                    }
                    WatchEvent::Deleted(application) => lock(&shown).gone(&application),
                    WatchEvent::Bookmark(_) => {}
                    WatchEvent::Error(_) => break,
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was printed of each application.
struct Shown {
    since: Instant,
    parents: BTreeMap<String, String>,
    lines: BTreeMap<String, String>,
}

impl Shown {
    fn new() -> Self {
        Self { since: Instant::now(), parents: BTreeMap::new(), lines: BTreeMap::new() }
    }

    /// Returns the line if it is another than before.
    fn remember(&mut self, application: &DynamicObject) -> Option<String> {
        let name = application.name_any();
        if let Some(parent) = parent(application) {
            self.parents.insert(name.clone(), parent.to_owned());
        }
        let line = format!("{}{}", self.begin(application), state(application).join("  "));
        (self.lines.insert(name, line.clone()).as_ref() != Some(&line)).then_some(line)
    }

    fn changed(&mut self, application: &DynamicObject) {
        if self.lines.is_empty() {
            println!("    seconds  wave  application");
        }
        if let Some(line) = self.remember(application) {
            self.print(line.trim_end());
        }
    }

    fn gone(&mut self, application: &DynamicObject) {
        self.lines.remove(&application.name_any());
        self.print(&format!("{}deleted", self.begin(application)));
    }

    fn print(&self, line: &str) {
        println!("   {:>8.1}  {line}", self.since.elapsed().as_secs_f64());
    }

    /// Wave and name, further to the right the deeper it is.
    fn begin(&self, application: &DynamicObject) -> String {
        let mut name = application.name_any();
        let mut depth = 0;
        let mut above = self.parents.get(&name);
        // An application that contains itself has no end.
        while let Some(next) = above.filter(|_| depth < 8) {
            depth += 1;
            above = self.parents.get(next).filter(|further| *further != next);
        }
        name.insert_str(0, &"  ".repeat(depth));
        let wave = application.annotations().get(WAVE).map_or("", String::as_str);
        format!("{wave:>4}  {name:<20}  ")
    }
}

/// The application that an application belongs to.
fn parent(application: &DynamicObject) -> Option<&str> {
    let (parent, _) = application.annotations().get(TRACKING)?.split_once(':')?;
    Some(parent)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Sync, health and what the operation does.
fn state(application: &DynamicObject) -> [String; 3] {
    let status = &application.data["status"];
    let phase = text(status, "/operationState/phase");
    let operation = match phase {
        "" | "Succeeded" => String::new(),
        _ => format!("{phase}: {}", text(status, "/operationState/message")),
    };
    let deleting = if application.metadata.deletion_timestamp.is_some() { "is being deleted" } else { "" };
    [
        format!("{:<9}", text(status, "/sync/status")),
        format!("{:<11}", text(status, "/health/status")),
        if deleting.is_empty() { operation } else { deleting.to_owned() },
    ]
}

/// The tree, a line for each wave and for each application.
fn whole(all: &[DynamicObject]) -> Vec<String> {
    let mut lines = Vec::new();
    let known = |name: &str| all.iter().find(|application| application.name_any() == name);
    let has_parent = |application: &DynamicObject| {
        parent(application).is_some_and(|name| name != application.name_any() && known(name).is_some())
    };
    for root in all.iter().filter(|application| !has_parent(application)) {
        lines.push(title(root));
        branches(root, &known, "", &mut lines);
    }
    lines
}

fn title(application: &DynamicObject) -> String {
    let [sync, health, operation] = state(application).map(|text| text.trim().to_owned());
    let parts: Vec<String> = [sync, health, operation].into_iter().filter(|part| !part.is_empty()).collect();
    format!("Application {}: {}", application.name_any(), parts.join(", "))
}

fn branches<'a>(
    application: &DynamicObject,
    known: &impl Fn(&str) -> Option<&'a DynamicObject>,
    indent: &str,
    lines: &mut Vec<String>,
) {
    let mut rows = Vec::new();
    for ((_, label), members) in entries(application) {
        let mut plain = Vec::new();
        let mut children = Vec::new();
        for (kind, name) in members {
            let is_child = kind == "Application" && name != application.name_any();
            match known(&name).filter(|_| is_child) {
                Some(child) => children.push((label.clone(), title(child), Some(child))),
                None => plain.push(format!("{kind} {name}")),
            }
        }
        if !plain.is_empty() {
            rows.push((label, plain.join(", "), None));
        }
        rows.append(&mut children);
    }
    let count = rows.len();
    for (index, (label, text, child)) in rows.into_iter().enumerate() {
        let (corner, below) = if index + 1 == count { ("└─", "  ") } else { ("├─", "│ ") };
        lines.push(format!("{indent}{corner} {label:>8}  {text}"));
        if let Some(child) = child {
            branches(child, known, &format!("{indent}{below}           "), lines);
        }
    }
}

/// Kinds and names by their place in the order: hooks before, waves, hooks after.
type Entries = BTreeMap<(i64, String), Vec<(String, String)>>;

fn entries(application: &DynamicObject) -> Entries {
    let status = &application.data["status"];
    let list = |pointer: &str| status.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let of = |entry: &Value| (text(entry, "/kind").to_owned(), text(entry, "/name").to_owned());
    let mut entries = Entries::new();
    for entry in list("/resources").filter(|entry| entry["hook"] != true) {
        let wave = entry["syncWave"].as_i64().unwrap_or(0);
        entries.entry((wave, format!("wave {wave}"))).or_default().push(of(entry));
    }
    for entry in list("/operationState/syncResult/resources") {
        let hook = text(entry, "/hookType");
        let place = match hook {
            "" => continue,
            "PreSync" => i64::MIN,
            _ => i64::MAX,
        };
        entries.entry((place, hook.to_owned())).or_default().push(of(entry));
    }
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn application(name: &str, parent: Option<&str>, status: &Value) -> DynamicObject {
        let annotations =
            parent.map(|parent| json!({TRACKING: format!("{parent}:argoproj.io/Application:a/b")}));
        serde_json::from_value(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "annotations": annotations}, "status": status,
        }))
        .expect("this is an object")
    }

    #[test]
    fn waves_are_in_order_with_hooks_around_them_and_children_below() {
        let synced = json!({"status": "Synced"});
        let root = json!({
            "sync": synced, "health": {"status": "Healthy"},
            "resources": [
                {"kind": "Application", "name": "shop", "syncWave": 5},
                {"kind": "AppProject", "name": "team", "syncWave": -10},
            ],
        });
        let shop = json!({
            "sync": synced,
            "resources": [
                {"kind": "Service", "name": "web"}, {"kind": "Deployment", "name": "web"},
                {"kind": "Job", "name": "migrate", "hook": true},
            ],
            "operationState": {"phase": "Running", "message": "waiting", "syncResult": {"resources": [
                {"kind": "Job", "name": "migrate", "hookType": "PreSync"},
                {"kind": "Service", "name": "web"},
                {"kind": "Job", "name": "smoke", "hookType": "PostSync"},
            ]}},
        });
        let all = [application("root", None, &root), application("shop", Some("root"), &shop)];
        assert_eq!(
            whole(&all),
            [
                "Application root: Synced, Healthy",
                "├─ wave -10  AppProject team",
                "└─   wave 5  Application shop: Synced, Running: waiting",
                "             ├─  PreSync  Job migrate",
                "             ├─   wave 0  Service web, Deployment web",
                "             └─ PostSync  Job smoke",
            ]
        );
    }

    #[test]
    fn an_application_that_contains_itself_is_shown() {
        let own = application("root", Some("root"), &Value::Null);
        assert!(Shown::new().remember(&own).expect("it is new").contains("root"));
    }
}
