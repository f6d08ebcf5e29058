//! The rules for one write.

use bridgehead_api::ObjectKey;
use bridgehead_api::annotations;
use jiff::SignedDuration;
use serde_json::Value;

use super::oracle::{self, SYNC, SYNC_FAIL, Step, Wanted, has_option, is_hook, is_owned, tracked_by, wave};
use super::state::{Application, Object, Operation, State};
use crate::api_server::audit::{Actor, Audited, Verb};
use crate::api_server::object;
use crate::git::Git;
use crate::scenario::manifests::is_as_desired;
use crate::world::CONTROL_NAMESPACE;

/// How long what a stranger did excuses: a watch may be late by so much.
const EXCUSED: SignedDuration = SignedDuration::from_secs(90);

/// The problems with a write, by the state before it.
pub(super) fn check(state: &State, git: &Git, cluster: &'static str, entry: &Audited) -> Vec<String> {
    if !matches!(entry.actor, Actor::Agent(_)) {
        return Vec::new();
    }
    let mut problems = preconditions(entry);
    if !entry.has_changed_something() {
        return problems;
    }
    if is_application(&entry.key) && is_status_write(entry) {
        problems.extend(status_write(entry));
        return problems;
    }
    let Some((name, application)) = state.application_of(git, entry) else {
        if !is_created_namespace(state, entry) && !is_definition(&entry.key) {
            problems.push("the agent wrote an object that belongs to no application".into());
        }
        return problems;
    };
    let writer = Writer { state, git, cluster, entry, name, application };
    problems.extend(writer.check());
    problems
}

/// Every deletion names the object that it means.
fn preconditions(entry: &Audited) -> Vec<String> {
    match entry.verb {
        Verb::Delete if entry.uid_precondition.is_none() => vec!["a deletion without a UID".into()],
        _ => Vec::new(),
    }
}

/// True if the write is about an Application's status, operation, refresh annotation or finalizer.
fn is_status_write(entry: &Audited) -> bool {
    let (Some(before), after) = (&entry.before, &entry.after) else { return false };
    let Some(after) = after else { return entry.verb != Verb::Delete };
    before.get("spec") == after.get("spec")
        && object::annotation(before, annotations::TRACKING_ID)
            == object::annotation(after, annotations::TRACKING_ID)
        && entry.verb == Verb::Patch
        && object::is_terminating(before) == object::is_terminating(after)
        && object::annotation(before, annotations::LAST_APPLIED)
            == object::annotation(after, annotations::LAST_APPLIED)
}

/// What a user said of a running operation stays said.
fn status_write(entry: &Audited) -> Vec<String> {
    let mut problems = Vec::new();
    let (Some(before), Some(after)) = (&entry.before, &entry.after) else { return problems };
    let at = |object: &Value, part: &str| {
        object::text(object, &format!("/status/operationState/{part}")).to_owned()
    };
    let same = at(before, "startedAt") == at(after, "startedAt");
    if same && at(before, "phase") == "Terminating" && at(after, "phase") == "Running" {
        problems.push("a termination was undone".into());
    }
    let is_over = |object: &Value| !matches!(at(object, "phase").as_str(), "Running" | "Terminating" | "");
    if same && is_over(before) && !is_over(after) {
        problems.push("an operation that had ended goes on".into());
    }
    if same
        && object::number(after, "/status/operationState/retryCount")
            < object::number(before, "/status/operationState/retryCount")
    {
        problems.push("an earlier try is taken up again".into());
    }
    problems
}

fn is_created_namespace(state: &State, entry: &Audited) -> bool {
    entry.verb == Verb::Create
        && entry.key.group_kind.is("", "Namespace")
        && state.applications.values().any(|application| application.plan.namespace == &*entry.key.name)
}

fn is_definition(key: &ObjectKey) -> bool {
    key.group_kind.is("apiextensions.k8s.io", "CustomResourceDefinition")
}

fn is_application(key: &ObjectKey) -> bool {
    key.group_kind.is("argoproj.io", "Application")
}

/// One write of the agent's for one application.
struct Writer<'a> {
    state: &'a State,
    git: &'a Git,
    cluster: &'static str,
    entry: &'a Audited,
    name: &'a str,
    application: &'a Application,
}

impl Writer<'_> {
    fn check(&self) -> Vec<String> {
        let object = self.entry.before.as_ref().or(self.entry.after.as_ref());
        if self.lets_go_of_a_past_hook() {
            return Vec::new();
        }
        if self.application.is_deleting {
            return self.cascade();
        }
        let Some(operation) = self.application.operation.as_ref().filter(|operation| operation.is_active())
        else {
            return vec![format!(
                "a write for `{}` while no operation of it is recorded as running",
                self.name
            )];
        };
        let Some(wanted) = oracle::wanted(self.git, &self.application.plan, &operation.revision) else {
            return vec![format!("a write for `{}` at a revision that cannot be rendered", self.name)];
        };
        // What stands in a hook's place is a hook's, whoever put it there: so does Argo CD have it.
        let is_hook = object.is_some_and(|object| is_hook(object))
            || wanted.hooks.iter().any(|hook| hook.is(&self.entry.key));
        match (self.entry.verb, is_hook) {
            (Verb::Delete, true) => self.hook_deletion(operation),
            (Verb::Delete, false) => self.deletion(operation, &wanted),
            (_, true) => self.hook_write(operation, &wanted),
            (_, false) => self.object_write(operation, &wanted),
        }
    }

    /// True if all that is done is to take our finalizer off a hook of an attempt that is over.
    fn lets_go_of_a_past_hook(&self) -> bool {
        let Some(before) = &self.entry.before else { return false };
        let attempt = object::annotation(before, annotations::HOOK_ATTEMPT).unwrap_or_default();
        let operation = self.application.operation.as_ref().filter(|operation| operation.is_active());
        let is_of_present = operation
            .is_some_and(|now| (0..oracle::PHASES.len()).any(|phase| self.attempt(now, phase) == attempt));
        let others = |object: &Value| {
            let mut object = object.clone();
            let held =
                object::finalizers(&object).into_iter().filter(|held| *held != annotations::HOOK_FINALIZER);
            let held = held.map(str::to_owned).collect();
            object::set_finalizers(&mut object, held);
            object::metadata(&mut object).remove("resourceVersion");
            object
        };
        self.entry.verb == Verb::Patch
            && !attempt.is_empty()
            && !is_of_present
            && object::finalizers(before).contains(&annotations::HOOK_FINALIZER)
            && match &self.entry.after {
                None => object::is_terminating(before),
                Some(after) => others(before) == others(after),
            }
    }

    fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.state.objects.get(&(self.cluster, key.clone()))
    }

    fn is_excused(&self, object: Option<&Object>, operation: &Operation) -> bool {
        let disturbed = object.and_then(|object| object.disturbed);
        disturbed.is_some_and(|at| operation.since.duration_since(at) < EXCUSED)
    }

    /// A write of an object that Git wants.
    fn object_write(&self, operation: &Operation, wanted: &Wanted) -> Vec<String> {
        let key = &self.entry.key;
        let Some(step) = wanted.step(key) else {
            return vec![format!(
                "`{}` writes an object that Git does not want at the synced revision",
                self.name
            )];
        };
        self.earlier_steps(operation, wanted, step)
    }

    /// Nothing of a step begins before the steps before it are done.
    fn earlier_steps(&self, operation: &Operation, wanted: &Wanted, step: Step) -> Vec<String> {
        let mut problems = Vec::new();
        let is_partial = self.application.plan.options.contains(&"ApplyOutOfSyncOnly=true");
        for (key, manifest) in &wanted.objects {
            // A partial sync leaves out what is in sync, and a definition goes before those of its objects that
            // the sync has.
            let own = Step { phase: SYNC, wave: wave(manifest) };
            let place = if is_partial && is_definition(key) { Some(own) } else { wanted.step(key) };
            let is_earlier = place.is_some_and(|earlier| earlier < step);
            if !is_earlier || !operation.selects(key) {
                continue;
            }
            let object = self.object(key);
            if self.is_excused(object, operation) {
                continue;
            }
            let unfinished = match object.filter(|object| object.is_there) {
                None => Some("is absent"),
                Some(object) if !is_as_desired(&object.value, manifest) => Some("is not applied"),
                Some(_) if is_application(key) && !self.application.plan.waits_for_applications => None,
                Some(object) if !object.has_worked && (!is_partial || operation.written.contains(key)) => {
                    Some("has not worked yet")
                }
                Some(_) => None,
            };
            if let Some(how) = unfinished {
                problems.push(format!("`{}` begins {step:?} while {key} of an earlier one {how}", self.name));
            }
        }
        if !operation.selected.is_empty() {
            return problems;
        }
        for hook in wanted.hooks.iter().filter(|hook| hook.step < step && hook.step.phase != SYNC_FAIL) {
            let attempt = self.attempt(operation, hook.step.phase);
            let is_done = self.state.done_hooks.iter().any(|(of, key)| *of == attempt && hook.is(key));
            if !is_done {
                problems.push(format!(
                    "`{}` begins {step:?} while hook {} of an earlier one has not ended well",
                    self.name, hook.name
                ));
            }
        }
        problems
    }

    fn attempt(&self, operation: &Operation, phase: usize) -> String {
        let started: Option<jiff::Timestamp> = operation.started_at.parse().ok();
        let second = started.map_or(0, jiff::Timestamp::as_second);
        format!("{}/{second}/{}/{}", self.application.uid, operation.retry, oracle::PHASES[phase])
    }

    fn hook_write(&self, operation: &Operation, wanted: &Wanted) -> Vec<String> {
        let mut problems = Vec::new();
        let Some(after) = &self.entry.after else { return problems };
        if self.entry.before.is_some() {
            // Finalizers come off; nothing else changes.
            return problems;
        }
        let Some(attempt) = object::annotation(after, annotations::HOOK_ATTEMPT) else {
            return vec!["a hook without the name of its attempt".into()];
        };
        if self.state.created_hooks.contains_key(&(attempt.to_owned(), self.entry.key.clone())) {
            problems.push("a hook is created for the second time in one attempt".into());
        }
        if !operation.selected.is_empty() {
            problems.push("a hook in a sync of selected objects".into());
        }
        if !object::finalizers(after).contains(&annotations::HOOK_FINALIZER) {
            problems.push("a hook without its finalizer".into());
        }
        let hook = wanted
            .hooks
            .iter()
            .find(|hook| hook.is(&self.entry.key) && self.attempt(operation, hook.step.phase) == attempt);
        match hook {
            None => problems.push("a hook that is not of the running attempt and revision".into()),
            Some(hook) if hook.step.phase != SYNC_FAIL => {
                problems.extend(self.earlier_steps(operation, wanted, hook.step));
            }
            Some(_) => {}
        }
        problems
    }

    /// A hook of the running attempt is deleted only once it has ended.
    fn hook_deletion(&self, operation: &Operation) -> Vec<String> {
        let Some(before) = &self.entry.before else { return Vec::new() };
        let attempt = object::annotation(before, annotations::HOOK_ATTEMPT).unwrap_or_default();
        let prefix = self.attempt(operation, SYNC);
        let prefix = prefix.rsplit_once('/').map_or("", |(prefix, _)| prefix);
        let is_present = !prefix.is_empty() && attempt.starts_with(&format!("{prefix}/"));
        let has_ended = oracle::assess(before) != oracle::State::Comes;
        if is_present && !has_ended && operation.phase != "Terminating" {
            return vec!["a hook of the running attempt is deleted while it runs".into()];
        }
        Vec::new()
    }

    /// A deletion of an object that is no hook: a prune, or the first half of a replacement.
    fn deletion(&self, operation: &Operation, wanted: &Wanted) -> Vec<String> {
        let Some(before) = &self.entry.before else { return Vec::new() };
        let mut problems = Vec::new();
        let key = &self.entry.key;
        if let Some(manifest) = wanted.objects.get(key) {
            if !has_option(manifest, "Force=true") {
                problems.push(format!("`{}` deletes an object that Git wants", self.name));
            }
            return problems;
        }
        if tracked_by(before).as_deref() != Some(self.name) {
            problems.push(format!("`{}` prunes what its tracking id does not give it", self.name));
        }
        if is_owned(before) {
            problems.push(format!("`{}` prunes what has an owner", self.name));
        }
        if !operation.prunes || !operation.selects(key) {
            problems.push(format!("`{}` prunes though its operation may not", self.name));
        }
        if has_option(before, "Prune=false") {
            problems.push(format!("`{}` prunes what is marked Prune=false", self.name));
        }
        if self.entry.version_precondition.is_none() {
            problems.push("a prune without a resourceVersion".into());
        }
        problems.extend(self.prune_order(operation, wanted, before));
        problems
    }

    /// Prunes go from the highest wave to the lowest, those marked to be last after everything.
    fn prune_order(&self, operation: &Operation, wanted: &Wanted, before: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        let is_last = |object: &Value| {
            self.application.plan.options.contains(&"PruneLast=true") || has_option(object, "PruneLast=true")
        };
        if is_last(before) {
            let behind = Step { phase: SYNC, wave: i64::MAX };
            let earlier = self.earlier_steps(operation, wanted, behind);
            return earlier.into_iter().filter(|problem| !problem.contains("SyncFail")).collect();
        }
        for ((cluster, key), object) in &self.state.objects {
            let is_candidate = *cluster == self.cluster
                && object.is_there
                && tracked_by(&object.value).as_deref() == Some(self.name)
                && !wanted.objects.contains_key(key)
                && !is_hook(&object.value)
                && !is_owned(&object.value)
                && !has_option(&object.value, "Prune=false")
                && !is_last(&object.value)
                && operation.selects(key);
            if is_candidate && wave(&object.value) > wave(before) && !self.is_excused(Some(object), operation)
            {
                problems.push(format!("`{}` prunes while {key} of a higher wave is still there", self.name));
            }
        }
        problems
    }

    /// True for a hook of the running attempt that has ended.
    fn has_ended_as_its_hook(&self, operation: &Operation, hook: &Value) -> bool {
        let attempt = object::annotation(hook, annotations::HOOK_ATTEMPT).unwrap_or_default();
        (0..oracle::PHASES.len()).any(|phase| self.attempt(operation, phase) == attempt)
            && oracle::assess(hook) != oracle::State::Comes
    }

    /// What goes with its application, highest wave first.
    fn cascade(&self) -> Vec<String> {
        if self.entry.verb != Verb::Delete {
            // Finalizers of hooks, and what an earlier request of the agent's still did.
            return Vec::new();
        }
        let Some(before) = &self.entry.before else { return Vec::new() };
        let operation = self.application.operation.as_ref().filter(|operation| operation.is_active());
        if operation.is_some_and(|operation| self.has_ended_as_its_hook(operation, before)) {
            // The deletion was asked for while the operation cleaned up behind itself.
            return Vec::new();
        }
        let mut problems = Vec::new();
        if tracked_by(before).as_deref() != Some(self.name) && !is_hook(before) {
            problems.push(format!("`{}` takes along what its tracking id does not give it", self.name));
        }
        if is_definition(&self.entry.key) {
            problems.push(format!("`{}` takes a definition along", self.name));
        }
        let is_of_a_sync = is_hook(before) || has_option(before, "Force=true");
        if self.entry.version_precondition.is_none() && !is_of_a_sync {
            problems.push(format!("`{}` takes this along without a resourceVersion", self.name));
        }
        for ((cluster, key), object) in &self.state.objects {
            let goes_first = *cluster == self.cluster
                && object.is_there
                && tracked_by(&object.value).as_deref() == Some(self.name)
                && !is_owned(&object.value)
                && !is_definition(key)
                && wave(&object.value) > wave(before);
            let is_recent = object.disturbed.is_some_and(|at| self.entry.at.duration_since(at) < EXCUSED);
            if goes_first && !is_recent && key.namespace() != CONTROL_NAMESPACE {
                problems.push(format!(
                    "`{}` takes this along while {key} of a higher wave is still there",
                    self.name
                ));
            }
        }
        problems
    }
}
