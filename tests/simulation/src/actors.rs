//! Everybody else: those who push commits, users of Applications, and strangers who edit objects.

use std::rc::Rc;

use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{GroupKind, ObjectKey, annotations};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::agent::Supervisor;
use crate::api_server::audit::Actor;
use crate::api_server::{Admission, Patch, Request, Stored, object};
use crate::cluster::Cluster;
use crate::random::Random;
use crate::scenario::manifests::ODD;
use crate::scenario::{ApplicationPlan, Mischief, REPOSITORY, Scenario, UserRequest};
use crate::world::{CONTROL_NAMESPACE, OUTSIDE, Shared};

/// Key of an Application.
pub fn application_key(name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new("argoproj.io", "Application"), CONTROL_NAMESPACE, name)
}

/// Sends everybody on their way.
pub fn start(shared: &Rc<Shared>, supervisor: &Rc<Supervisor>, scenario: &Rc<Scenario>, begin: Timestamp) {
    let at = |offset: SignedDuration| begin.saturating_add(offset).unwrap_or(begin);
    let random = Random::new(scenario.seed, "actors");
    for (offset, tree) in scenario.commits.iter().skip(1).cloned() {
        let (shared, supervisor) = (Rc::clone(shared), Rc::clone(supervisor));
        let has_webhook = random.chance(500);
        later(&shared.clone(), at(offset), move || {
            let commit = shared.git.commit(tree);
            shared.note(format!("commit {commit}"));
            if has_webhook {
                supervisor.pushed(REPOSITORY);
            }
        });
    }
    for offset in scenario.crashes.iter().copied() {
        let supervisor = Rc::clone(supervisor);
        later(shared, at(offset), move || supervisor.crash("by chance"));
    }
    for offset in scenario.shutdowns.iter().copied() {
        let supervisor = Rc::clone(supervisor);
        later(shared, at(offset), move || supervisor.shut_down());
    }
    for (offset, mischief) in scenario.mischief.iter().copied() {
        let (shared, random) = (Rc::clone(shared), random.clone());
        later(&shared.clone(), at(offset), move || do_mischief(&shared, &random, mischief));
    }
    for (offset, mischief, name) in scenario.aimed.iter().copied() {
        let (shared, random) = (Rc::clone(shared), random.clone());
        later(&shared.clone(), at(offset), move || aim(&shared, &random, mischief, name));
    }
    for (offset, kinds) in scenario.forbidden.iter().cloned() {
        let shared = Rc::clone(shared);
        later(&shared.clone(), at(offset), move || forbid(&shared, &kinds));
    }
    for (offset, number, request) in scenario.requests.iter().copied() {
        let (shared, scenario, random) = (Rc::clone(shared), Rc::clone(scenario), random.clone());
        later(&shared.clone(), at(offset), move || {
            let application = &scenario.applications[number];
            shared.note(format!("user asks {} for {request:?}", application.name));
            ask(&shared, application, &random, request);
        });
    }
    for application in scenario.applications.iter().filter(|application| needs_a_user(application)) {
        insist(shared, application, at(scenario.calm));
    }
}

/// Makes the project stricter, or not any more.
fn forbid(shared: &Shared, kinds: &[&str]) {
    shared.note(format!("the project forbids {kinds:?}"));
    let kinds: Vec<Value> = kinds.iter().map(|kind| json!({"group": "*", "kind": kind})).collect();
    let project = ObjectKey::new(GroupKind::new("argoproj.io", "AppProject"), CONTROL_NAMESPACE, "default");
    merge(shared.control(), Actor::User, &project, json!({"spec": {"namespaceResourceBlacklist": kinds}}));
}

/// True for an application that does not come to the state that Git wants by itself.
pub fn needs_a_user(application: &ApplicationPlan) -> bool {
    application.automated.is_none_or(|automated| !automated.prune || !automated.self_heal)
}

fn later(shared: &Rc<Shared>, at: Timestamp, act: impl FnOnce() + 'static) {
    let executor = shared.executor.clone();
    let inner = executor.clone();
    executor.spawn(OUTSIDE, async move {
        inner.sleep_until(at).await;
        act();
    });
}

fn merge(cluster: &Cluster, actor: Actor, key: &ObjectKey, patch: Value) {
    let Some(live) = cluster.get(key) else { return };
    let request = Request::Patch {
        kind: object::gvk(&live),
        key: key.clone(),
        patch: Patch::Merge(patch),
        dry_run: false,
    };
    // A refusal is the actor's bad luck.
    let _ = cluster.handle(actor, request);
}

fn delete(cluster: &Cluster, actor: Actor, live: &Value, propagation: PropagationPolicy) {
    let request = Request::Delete {
        kind: object::gvk(live),
        key: object::key(live),
        uid: None,
        resource_version: None,
        propagation,
    };
    let _ = cluster.handle(actor, request);
}

fn ask(shared: &Rc<Shared>, application: &ApplicationPlan, random: &Random, request: UserRequest) {
    let control = shared.control();
    let key = application_key(application.name);
    let Some(live) = control.get(&key) else { return };
    match request {
        UserRequest::Refresh | UserRequest::HardRefresh => {
            let how = if request == UserRequest::Refresh { "normal" } else { "hard" };
            merge(
                control,
                Actor::User,
                &key,
                json!({"metadata": {"annotations": {annotations::REFRESH: how}}}),
            );
        }
        UserRequest::Sync => {
            if live.get("operation").is_none() {
                request_sync(shared, application, &json!([]));
            }
        }
        UserRequest::SyncOne => {
            let resources =
                live.pointer("/status/resources").and_then(Value::as_array).cloned().unwrap_or_default();
            let chosen = random.pick(&resources).cloned();
            if let Some(chosen) = chosen.filter(|_| live.get("operation").is_none()) {
                let chosen = json!([{
                    "group": object::text(&chosen, "/group"), "kind": object::text(&chosen, "/kind"),
                    "name": object::text(&chosen, "/name"), "namespace": object::text(&chosen, "/namespace"),
                }]);
                request_sync(shared, application, &chosen);
            }
        }
        UserRequest::Terminate => {
            if object::text(&live, "/status/operationState/phase") == "Running"
                && live.get("operation").is_some()
            {
                let patch = json!({"status": {"operationState": {"phase": "Terminating"}}});
                merge(control, Actor::User, &key, patch);
            }
        }
        UserRequest::TogglePolicy => {
            if let Some(automated) = application.automated {
                let set =
                    |self_heal: bool| json!({"spec": {"syncPolicy": {"automated": {"selfHeal": self_heal}}}});
                merge(control, Actor::User, &key, set(!automated.self_heal));
                let shared = Rc::clone(shared);
                let back = shared.executor.after(random.milliseconds(5_000, 50_000));
                later(&shared.clone(), back, move || {
                    merge(shared.control(), Actor::User, &key, set(automated.self_heal));
                });
            }
        }
        UserRequest::Delete => delete(control, Actor::User, &live, PropagationPolicy::Background),
    }
}

/// Sets `.operation` as Argo CD's clients do: the state of the last operation goes with it.
fn request_sync(shared: &Shared, application: &ApplicationPlan, resources: &Value) {
    let key = application_key(application.name);
    let Some(live) = shared.control().get(&key) else { return };
    let mut next = Value::clone(&live);
    let mut sync = json!({"prune": true, "syncOptions": application.options});
    if resources.as_array().is_some_and(|resources| !resources.is_empty()) {
        sync["resources"] = resources.clone();
    }
    next["operation"] = json!({"initiatedBy": {"username": "user"}, "sync": sync});
    if let Some(status) = next.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("operationState");
    }
    let _ =
        shared.control().handle(Actor::User, Request::Update { object: next, status: false, dry_run: false });
}

/// True if the last operation took the whole application to this commit, and was allowed to prune. One that
/// began before all was calm may have met what a watch had not told yet, and without self-heal nothing else
/// mends what a stranger did meanwhile.
pub fn is_synced_on_request(application: &Value, commit: &str, calm: Timestamp) -> bool {
    let begun: Option<Timestamp> = object::text(application, "/status/operationState/startedAt").parse().ok();
    begun.is_some_and(|begun| begun >= calm)
        && object::text(application, "/status/operationState/syncResult/revision") == commit
        && object::text(application, "/status/operationState/phase") == "Succeeded"
        && application.pointer("/status/operationState/operation/sync/prune") == Some(&json!(true))
        && application.pointer("/status/operationState/operation/sync/resources").is_none()
}

/// A user who wants an application synced once all is calm, and asks until it is.
fn insist(shared: &Rc<Shared>, application: &ApplicationPlan, calm: Timestamp) {
    let (shared, application) = (Rc::clone(shared), application.clone());
    let executor = shared.executor.clone();
    executor.spawn(OUTSIDE, async move {
        let executor = shared.executor.clone();
        executor.sleep_until(calm).await;
        loop {
            executor.sleep(SignedDuration::from_secs(200)).await;
            let Some(live) = shared.control().get(&application_key(application.name)) else { continue };
            if object::is_terminating(&live) {
                return;
            }
            let is_done = is_synced_on_request(&live, shared.git.head().as_str(), calm);
            if !is_done && live.get("operation").is_none() {
                shared.note(format!("user asks {} for a sync", application.name));
                request_sync(&shared, &application, &json!([]));
            }
        }
    });
}

/// The kinds that strangers look for.
const KINDS: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "Secret"),
    ("apps", "Deployment"),
    ("apps", "Deployment"),
    ("", "Service"),
    ("batch", "Job"),
    ("apps", "StatefulSet"),
    ("argoproj.io", "Application"),
];

/// Objects in a cluster that strangers may find: tracked ones that nobody owns.
fn targets(cluster: &Cluster) -> Vec<Stored> {
    let of_kind = |(group, kind): &(&'static str, &'static str)| {
        cluster.read(|server| {
            let all = server.list(&GroupKind::new(*group, *kind));
            all.filter(|object| object::annotation(object, annotations::TRACKING_ID).is_some())
                .filter(|object| object.pointer("/metadata/ownerReferences").is_none())
                .cloned()
                .collect::<Vec<Stored>>()
        })
    };
    KINDS.iter().flat_map(of_kind).collect()
}

fn do_mischief(shared: &Rc<Shared>, random: &Random, mischief: Mischief) {
    let clusters: Vec<&Rc<Cluster>> = shared.clusters.values().collect();
    let Some(cluster) = random.pick(&clusters).copied() else { return };
    if let Some(live) = random.pick(&targets(cluster)) {
        carry_out(shared, random, cluster, live, mischief);
    }
}

/// Mischief at the first object of this name.
fn aim(shared: &Rc<Shared>, random: &Random, mischief: Mischief, name: &str) {
    for cluster in shared.clusters.values() {
        let found =
            targets(cluster).into_iter().find(|live| object::text(live, "/metadata/name").starts_with(name));
        if let Some(live) = found {
            return carry_out(shared, random, cluster, &live, mischief);
        }
    }
}

fn carry_out(shared: &Rc<Shared>, random: &Random, cluster: &Rc<Cluster>, live: &Stored, mischief: Mischief) {
    let key = object::key(live);
    let kind = object::text(live, "/kind").to_owned();
    let is_application = kind == "Application";
    shared.note(format!("stranger: {mischief:?} {key} in {}", cluster.url()));
    match mischief {
        Mischief::Edit => {
            let patch = match kind.as_str() {
                "ConfigMap" => json!({"data": {"version": "edited"}}),
                "Secret" => json!({"data": {"version": "ZWRpdGVk"}}),
                "Deployment" => json!({"spec": {"replicas": 7}}),
                "Service" => json!({"spec": {"selector": {"app": "edited"}}}),
                _ => return,
            };
            merge(cluster, Actor::Stranger, &key, patch);
        }
        Mischief::Decorate => {
            let patch =
                json!({"metadata": {"labels": {"decorated": "yes"}, "annotations": {"decorated": "yes"}}});
            merge(cluster, Actor::Stranger, &key, patch);
        }
        Mischief::Untrack if !is_application => {
            let patch = json!({"metadata": {"annotations": {annotations::TRACKING_ID: null}}});
            merge(cluster, Actor::Stranger, &key, patch);
        }
        Mischief::Delete if !is_application => {
            let policies = [PropagationPolicy::Background, PropagationPolicy::Foreground];
            let propagation = random.pick(&policies).copied().unwrap_or_default();
            delete(cluster, Actor::Stranger, live, propagation);
        }
        Mischief::Replace if !is_application => {
            delete(cluster, Actor::Stranger, live, PropagationPolicy::Background);
            let mut fresh = Value::clone(live);
            let metadata = object::metadata(&mut fresh);
            metadata.remove("finalizers");
            metadata.remove("annotations");
            // Nothing tells any more that Git once had this.
            if let Some(data) = fresh.get_mut("data").and_then(Value::as_object_mut) {
                data.remove(ODD);
            }
            // It may be on its way out still.
            let _ = cluster.handle(Actor::Stranger, Request::Create { object: fresh, dry_run: false });
        }
        Mischief::Refuse => {
            let until = shared.executor.after(random.milliseconds(10_000, 120_000));
            let name = object::text(live, "/metadata/name").to_owned();
            cluster.change(|server| server.refuse(Admission { kind, name, until }));
        }
        _ => {}
    }
}
