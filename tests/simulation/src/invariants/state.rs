//! What every application and every object had come to, as the record of writes is read.

use std::collections::{BTreeMap, BTreeSet};

use bridgehead_api::{ObjectKey, annotations};
use jiff::Timestamp;
use serde_json::Value;

use super::oracle::{self, State as Health, tracked_by};
use crate::api_server::audit::{Actor, Audited};
use crate::api_server::{Stored, object};
use crate::git::Git;
use crate::scenario::{ApplicationPlan, Scenario};
use crate::world::CONTROL_NAMESPACE;

/// An object in a cluster.
pub(super) type Place = (&'static str, ObjectKey);

pub(super) struct State {
    pub(super) applications: BTreeMap<String, Application>,
    pub(super) objects: BTreeMap<Place, Object>,
    /// How often each hook was created: attempt and key.
    pub(super) created_hooks: BTreeMap<(String, ObjectKey), u32>,
    /// Attempts in which a hook was seen to have ended well.
    pub(super) done_hooks: BTreeSet<(String, ObjectKey)>,
}

/// An application, as its own object tells.
#[derive(Clone, Debug)]
pub(super) struct Application {
    pub(super) plan: ApplicationPlan,
    pub(super) uid: String,
    pub(super) is_deleting: bool,
    pub(super) operation: Option<Operation>,
    /// Commits that it was ever synced to, or was to be.
    pub(super) seen: BTreeSet<String>,
}

/// The try that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) started_at: String,
    pub(super) retry: i64,
    pub(super) phase: String,
    pub(super) is_waiting: bool,
    pub(super) revision: String,
    pub(super) prunes: bool,
    /// Objects that it is limited to: group, kind, name.
    pub(super) selected: Vec<(String, String, String)>,
    /// When the try began, by the record of writes.
    pub(super) since: Timestamp,
    /// What the agent wrote in this try.
    pub(super) written: BTreeSet<ObjectKey>,
}

impl Operation {
    pub(super) fn is_active(&self) -> bool {
        matches!(self.phase.as_str(), "Running" | "Terminating") && !self.is_waiting
    }

    pub(super) fn selects(&self, key: &ObjectKey) -> bool {
        self.selected.is_empty()
            || self.selected.iter().any(|(group, kind, name)| {
                key.group_kind.is(group, kind) && (name.is_empty() || *key.name == **name)
            })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) value: Stored,
    /// It has worked since its content was last changed.
    pub(super) has_worked: bool,
    /// When somebody who is neither the agent nor a controller last had a hand in it.
    pub(super) disturbed: Option<Timestamp>,
    pub(super) is_there: bool,
}

impl State {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let applications = scenario
            .applications
            .iter()
            .map(|plan| {
                let application = Application {
                    plan: plan.clone(),
                    uid: String::new(),
                    is_deleting: false,
                    operation: None,
                    seen: BTreeSet::new(),
                };
                (plan.name.to_owned(), application)
            })
            .collect();
        Self {
            applications,
            objects: BTreeMap::new(),
            created_hooks: BTreeMap::new(),
            done_hooks: BTreeSet::new(),
        }
    }

    /// The application that the write is about: by tracking id, by the attempt on a hook, or because it is
    /// at work and wants the object.
    pub(super) fn application_of(&self, git: &Git, entry: &Audited) -> Option<(&String, &Application)> {
        let object = entry.after.as_ref().or(entry.before.as_ref())?;
        let by_attempt = object::annotation(object, annotations::HOOK_ATTEMPT).and_then(|attempt| {
            let uid = attempt.split('/').next().unwrap_or_default().to_owned();
            self.applications.iter().find(|(_, application)| application.uid == uid)
        });
        let by_id = by_attempt.or_else(|| {
            let of = |object: &Stored| self.applications.get_key_value(&tracked_by(object)?);
            entry.before.as_ref().and_then(of).or_else(|| entry.after.as_ref().and_then(of))
        });
        by_id.or_else(|| {
            self.applications.iter().find(|(_, application)| {
                let operation = application.operation.as_ref().filter(|operation| operation.is_active());
                let wanted = operation.and_then(|now| oracle::wanted(git, &application.plan, &now.revision));
                wanted.is_some_and(|wanted| {
                    wanted.objects.contains_key(&entry.key)
                        || wanted.hooks.iter().any(|hook| hook.is(&entry.key))
                })
            })
        })
    }

    pub(super) fn take(&mut self, git: &Git, cluster: &'static str, entry: &Audited) {
        if !entry.has_changed_something() {
            return;
        }
        let written_for = matches!(entry.actor, Actor::Agent(_))
            .then(|| self.application_of(git, entry).map(|(name, _)| name.clone()))
            .flatten();
        if let Some(name) = written_for
            && let Some(operation) =
                self.applications.get_mut(&name).and_then(|application| application.operation.as_mut())
        {
            operation.written.insert(entry.key.clone());
        }
        self.take_object(cluster, entry);
        if entry.key.group_kind.is("argoproj.io", "Application") && entry.key.namespace() == CONTROL_NAMESPACE
        {
            self.take_application(entry);
        }
    }

    fn take_object(&mut self, cluster: &'static str, entry: &Audited) {
        let by_others = matches!(entry.actor, Actor::Stranger | Actor::User);
        let place = (cluster, entry.key.clone());
        let known = self.objects.get(&place);
        let disturbed = if by_others { Some(entry.at) } else { known.and_then(|known| known.disturbed) };
        let Some(after) = &entry.after else {
            if let Some(known) = self.objects.get_mut(&place) {
                known.is_there = false;
                known.has_worked = false;
                known.disturbed = disturbed;
            }
            return;
        };
        let works = oracle::assess(after) == Health::Works;
        let same = known.is_some_and(|known| known.is_there && is_same_content(&known.value, after));
        let has_worked = works || (same && known.is_some_and(|known| known.has_worked));
        if oracle::is_hook(after)
            && works
            && let Some(attempt) = object::annotation(after, annotations::HOOK_ATTEMPT)
        {
            self.done_hooks.insert((attempt.to_owned(), entry.key.clone()));
        }
        if entry.before.is_none()
            && matches!(entry.actor, Actor::Agent(_))
            && let Some(attempt) = object::annotation(after, annotations::HOOK_ATTEMPT)
        {
            *self.created_hooks.entry((attempt.to_owned(), entry.key.clone())).or_default() += 1;
        }
        let object = Object { value: Stored::clone(after), has_worked, disturbed, is_there: true };
        self.objects.insert(place, object);
    }

    fn take_application(&mut self, entry: &Audited) {
        let Some(application) = self.applications.get_mut(&*entry.key.name) else { return };
        let Some(after) = &entry.after else {
            application.is_deleting = false;
            application.operation = None;
            application.uid = String::new();
            return;
        };
        application.uid = object::text(after, "/metadata/uid").to_owned();
        application.is_deleting = object::is_terminating(after);
        let Some(state) = after.pointer("/status/operationState") else {
            application.operation = None;
            return;
        };
        let sync = state.pointer("/operation/sync").cloned().unwrap_or_default();
        let selected = sync.get("resources").and_then(Value::as_array).into_iter().flatten();
        let text = |value: &Value, pointer: &str| object::text(value, pointer).to_owned();
        let mut next = Operation {
            started_at: text(state, "/startedAt"),
            retry: object::number(state, "/retryCount"),
            phase: text(state, "/phase"),
            is_waiting: state.get("finishedAt").is_some_and(|at| !at.is_null()),
            revision: text(state, "/syncResult/revision"),
            prunes: sync.get("prune").and_then(Value::as_bool).unwrap_or(false),
            selected: selected
                .map(|chosen| (text(chosen, "/group"), text(chosen, "/kind"), text(chosen, "/name")))
                .collect(),
            since: entry.at,
            written: BTreeSet::new(),
        };
        if let Some(before) = &application.operation
            && before.started_at == next.started_at
            && before.retry == next.retry
        {
            next.since = before.since;
            next.written.clone_from(&before.written);
        }
        application.seen.insert(next.revision.clone());
        application.operation = Some(next);
    }
}

/// True if nothing was asked anew of the object. The generation of an Application tells nothing of that: its
/// status counts too.
fn is_same_content(before: &Value, after: &Value) -> bool {
    let version = |object: &Value| object::number(object, "/metadata/generation");
    let is_application = object::text(after, "/kind") == "Application";
    let same =
        if is_application { before["spec"] == after["spec"] } else { version(before) == version(after) };
    same && object::uid(before) == object::uid(after)
}
