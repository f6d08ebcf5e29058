//! One run: everything set up, time let pass, and what came of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use bridgehead::controller::Kept;
use bridgehead::controller::world::ClusterId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::agent::Supervisor;
use crate::api_server::Request;
use crate::api_server::audit::Actor;
use crate::cluster::Cluster;
use crate::executor::{Executor, Paused};
use crate::faults::Faults;
use crate::git::Git;
use crate::invariants;
use crate::random::Random;
use crate::scenario::{Scenario, manifests};
use crate::world::{CONTROL_NAMESPACE, OUTSIDE, Shared};
use crate::{actors, controllers};

/// When every run begins.
const BEGIN: &str = "2026-01-01T00:00:00Z";
/// Server URL of the second cluster.
pub use crate::scenario::REMOTE;
/// By then everything has come to its end: several rounds of the longest pauses.
const LONGEST: SignedDuration = SignedDuration::from_mins(90);
/// How long it may take from the end to stillness, and how long that is watched.
const SETTLING: SignedDuration = SignedDuration::from_mins(6);
const RESTING: SignedDuration = SignedDuration::from_mins(15);

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What did not hold.
    pub problems: Vec<String>,
    /// Writes that the agent has sent.
    pub writes: u32,
    /// Passes that the agent has made.
    pub passes: u64,
    /// Lives of the agent.
    pub lives: u32,
    /// What the agent keeps in memory in the end.
    pub kept: Kept,
    /// Everything that happened, line by line.
    pub trace: Vec<String>,
    /// Simulated seconds.
    pub seconds: i64,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(formatter, "{line}")?;
        }
        for problem in &self.problems {
            writeln!(formatter, "PROBLEM: {problem}")?;
        }
        Ok(())
    }
}

/// Runs a script.
pub fn run(scenario: Scenario) -> Report {
    let scenario = Rc::new(scenario);
    let begin: Timestamp = BEGIN.parse().unwrap_or_default();
    let at = |offset: SignedDuration| begin.saturating_add(offset).unwrap_or(begin);
    let seed = scenario.seed;
    let executor = Executor::new(begin, Random::new(seed, "order"));
    let shared = set_up(&scenario, &executor, at(scenario.calm));
    let supervisor = Supervisor::new(&shared, Random::new(seed, "agent"));
    actors::start(&shared, &supervisor, &scenario, begin);
    supervisor.start();
    let mut problems = Vec::new();

    let mut paused = executor.run(at(scenario.calm), || false);
    let end = executor.after(LONGEST);
    let mut missing = invariants::what_is_missing(&shared, &scenario);
    while !missing.is_empty() && executor.now() < end && paused == Paused::Deadline {
        paused = executor.run(executor.after(SignedDuration::from_secs(10)), || false);
        missing = invariants::what_is_missing(&shared, &scenario);
    }
    if missing.is_empty() && paused == Paused::Deadline {
        paused = executor.run(executor.after(SETTLING), || false);
        let resting = executor.now();
        if paused == Paused::Deadline {
            paused = executor.run(executor.after(RESTING), || false);
        }
        problems.extend(invariants::check_rest(&shared, resting));
        problems.extend(invariants::what_is_missing(&shared, &scenario));
    } else {
        problems.extend(missing);
        problems.extend(invariants::check_rest(&shared, Timestamp::MAX));
    }
    // Where every application is gone there is nothing to wait for.
    if !matches!(paused, Paused::Deadline | Paused::Idle) {
        problems.push(format!("time stands still at {}: {paused:?}", executor.now()));
    }
    problems.extend(invariants::check_writes(&shared, &scenario));
    let broken = shared
        .notes
        .borrow()
        .iter()
        .filter(|(_, note)| note.starts_with("PROBLEM"))
        .cloned()
        .collect::<Vec<_>>();
    problems.extend(broken.into_iter().map(|(_, note)| note));
    let (passes, kept) = (supervisor.passes(), supervisor.kept());
    executor.end();
    Report {
        problems,
        writes: shared.faults.writes(),
        passes,
        kept,
        lives: shared.life.get(),
        seconds: executor.now().duration_since(begin).as_secs(),
        trace: trace(&shared),
    }
}

fn set_up(scenario: &Rc<Scenario>, executor: &Executor, calm: Timestamp) -> Rc<Shared> {
    let names = [(ClusterId::IN_CLUSTER, "one"), (REMOTE, "two")];
    let used = names.into_iter().filter(|(url, _)| {
        *url == ClusterId::IN_CLUSTER
            || scenario.applications.iter().any(|application| application.server == *url)
    });
    let audit = Rc::default();
    let clusters: BTreeMap<&'static str, Rc<Cluster>> = used
        .map(|(url, name)| (url, Rc::new(Cluster::new(url, name, executor.clone(), Rc::clone(&audit)))))
        .collect();
    let shared = Rc::new(Shared {
        executor: executor.clone(),
        clusters,
        audit,
        git: Git::default(),
        faults: Faults::new(Random::new(scenario.seed, "faults"), scenario.rates, calm, scenario.crash_at),
        life: Cell::new(0),
        crash: RefCell::default(),
        announcements: RefCell::default(),
        advertisements: RefCell::default(),
        notes: RefCell::default(),
    });
    if let Some((_, tree)) = scenario.commits.first() {
        shared.git.commit(tree.clone());
    }
    let create = |cluster: &Cluster, object: Value| {
        let created = cluster.handle(Actor::Setup, Request::Create { object, dry_run: false });
        assert!(created.is_ok(), "an empty cluster takes what the scenario begins with: {created:?}");
    };
    for cluster in shared.clusters.values() {
        for name in scenario.namespaces.iter().copied().chain([CONTROL_NAMESPACE]) {
            create(cluster, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        }
    }
    let control = shared.control();
    create(control, manifests::default_project());
    if shared.clusters.contains_key(REMOTE) {
        create(control, manifests::cluster_secret("remote", REMOTE));
    }
    for application in scenario.applications.iter().filter(|application| !application.is_child) {
        create(control, manifests::application(application));
    }
    for (number, cluster) in shared.clusters.values().enumerate() {
        let random = Random::new(scenario.seed, if number == 0 { "controllers" } else { "more controllers" });
        executor.spawn(OUTSIDE, controllers::run(Rc::clone(cluster), OUTSIDE, random));
    }
    shared
}

/// Everything in one list, in the order in which it happened.
fn trace(shared: &Shared) -> Vec<String> {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for (at, note) in &*shared.notes.borrow() {
        lines.push((*at, format!("{at:.3} * {note}")));
    }
    for (at, said) in &*shared.announcements.borrow() {
        lines.push((*at, format!("{at:.3} ! {} {}: {}", said.object, said.reason, said.message)));
    }
    for (cluster, entry) in shared.audit() {
        let place = if cluster == ClusterId::IN_CLUSTER { "" } else { " (remote)" };
        lines.push((entry.at, format!("{entry}{place}{}", summary(&entry))));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// What of an entry's object helps to understand a run.
fn summary(entry: &crate::api_server::audit::Audited) -> String {
    use crate::api_server::object::text;
    let Some(after) = entry.after.as_ref().filter(|_| entry.has_changed_something()) else {
        return if entry.has_changed_something() { " => gone".into() } else { String::new() };
    };
    let is_going = if crate::api_server::object::is_terminating(after) { " terminating" } else { "" };
    let finalizers = crate::api_server::object::finalizers(after).join(",");
    let version = crate::api_server::object::annotation(after, manifests::VERSION).unwrap_or("");
    if text(after, "/kind") != "Application" {
        let status = after.get("status").map(short).unwrap_or_default();
        return format!(" => {version}{is_going} [{finalizers}] {status}");
    }
    let operation = after.get("operation").map(|operation| {
        let selected = operation.pointer("/sync/resources").map(Value::to_string).unwrap_or_default();
        format!(" .operation({selected})")
    });
    let results = after.pointer("/status/operationState/syncResult/resources").and_then(Value::as_array);
    let results = results.into_iter().flatten().map(|result| {
        format!("{}:{}/{}", text(result, "/name"), text(result, "/status"), text(result, "/hookPhase"))
    });
    let results = results.collect::<Vec<_>>().join(" ");
    let changed = entry.before.as_ref().map(|before| changes(before, after).join(" ")).unwrap_or_default();
    format!(
        " => {}{is_going} sync={} health={} op={} start={} retry={} {:?}{} [{results}] {{{changed}}}",
        text(after, "/status/sync/revision").trim_start_matches('0'),
        text(after, "/status/sync/status"),
        text(after, "/status/health/status"),
        text(after, "/status/operationState/phase"),
        text(after, "/status/operationState/startedAt"),
        crate::api_server::object::number(after, "/status/operationState/retryCount"),
        text(after, "/status/operationState/message"),
        operation.unwrap_or_default(),
    )
}

/// Places of an object that a write has changed, its own version apart.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    fn gather(before: &Value, after: &Value, place: &str, changes: &mut Vec<String>) {
        match (before, after) {
            _ if before == after => {}
            (Value::Object(left), Value::Object(right)) => {
                let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
                for name in names {
                    let at = |side: &Map<String, Value>| side.get(name).cloned().unwrap_or_default();
                    gather(&at(left), &at(right), &format!("{place}/{name}"), changes);
                }
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                for (number, (left, right)) in left.iter().zip(right).enumerate() {
                    gather(left, right, &format!("{place}/{number}"), changes);
                }
            }
            _ => changes.push(place.to_owned()),
        }
    }
    let mut changes = Vec::new();
    gather(before, after, "", &mut changes);
    changes.retain(|place| !matches!(place.as_str(), "/metadata/resourceVersion" | "/metadata/generation"));
    changes
}

fn short(status: &Value) -> String {
    let text = status.to_string();
    let end = text.char_indices().nth(160).map_or(text.len(), |(end, _)| end);
    text[..end].to_owned()
}
