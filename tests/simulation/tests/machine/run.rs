//! One sync from its start to its end, as the agent would run it, with crashes.

use std::collections::BTreeMap;

use bridgehead_api::application::{OperationPhase, PropagationPolicy, SyncOptions};
use bridgehead_api::{ObjectKey, annotations};
use bridgehead_engine::health::HealthRules;
use bridgehead_engine::manifest::{Live, Manifest};
use bridgehead_engine::sync::{
    Advance, ApplyEffect, Attempt, DeleteReason, Done, Effect, Failure, Outcome, Persist, Plan, PlanInput,
    PlanSettings, Record, Seen, Step, Target, TaskId, advance, build,
};
use bridgehead_simulation::api_server::audit::Actor;
use bridgehead_simulation::api_server::{ApiServer, Patch, Reason, Refusal, Request, delete, object};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::case::{Case, OUTCOME, STATE};

/// More passes than any of these plans needs.
const MOST_PASSES: usize = 400;

/// What came of it.
pub(crate) struct History {
    pub(crate) end: Option<OperationPhase>,
    pub(crate) crash_points: usize,
    pub(crate) problems: Vec<String>,
    effects: Vec<String>,
    lines: Vec<String>,
}

impl History {
    /// Every effect that took place, sorted: what one batch runs side by side has no order.
    pub(crate) fn effects(&self) -> Vec<&str> {
        let mut effects: Vec<&str> = self.effects.iter().map(String::as_str).collect();
        effects.sort_unstable();
        effects
    }

    pub(crate) fn log(&self) -> String {
        self.lines.join("\n")
    }
}

struct Crash;

struct Run<'c> {
    case: &'c Case,
    server: ApiServer,
    stored: Record,
    crashes: &'c [usize],
    deletions: &'c [(usize, usize)],
    history: History,
    /// Where each task stands by the first plan.
    places: BTreeMap<TaskId, Step>,
    has_several_steps: bool,
    moves: usize,
    /// How often a stranger took away all that told of a hook's creation.
    untold: BTreeMap<ObjectKey, usize>,
}

/// Runs with crashes at the given points.
pub(crate) fn run(case: &Case, crashes: &[usize]) -> History {
    run_with(case, crashes, &[])
}

/// Runs while a stranger deletes objects: before which pass, and which of those that are there.
pub(crate) fn run_with(case: &Case, crashes: &[usize], deletions: &[(usize, usize)]) -> History {
    let now = Timestamp::from_second(1_000_000).expect("a time");
    let mut server = ApiServer::new("one", now);
    let before = case.objects.iter().filter_map(crate::case::Object::live);
    let left_over = case.hooks.iter().filter_map(crate::case::Hook::live);
    for object in before.chain(left_over).chain(case.prunes.iter().map(crate::case::Prune::live)) {
        server
            .handle(Actor::Setup, Request::Create { object, dry_run: false })
            .expect("nothing is there yet");
    }
    let mut run = Run {
        case,
        server,
        stored: Record::begin(now),
        crashes,
        deletions,
        history: History {
            end: None,
            crash_points: 0,
            problems: Vec::new(),
            effects: Vec::new(),
            lines: Vec::new(),
        },
        places: BTreeMap::new(),
        has_several_steps: false,
        moves: 0,
        untold: BTreeMap::new(),
    };
    // What was there before has settled.
    while run.progress() {}
    run.history.lines.clear();
    run.until_the_end();
    run.check_the_end();
    run.history
}

impl Run<'_> {
    fn until_the_end(&mut self) {
        let plan = self.plan();
        self.places = plan.tasks().iter().map(|task| (task.id.clone(), task.step())).collect();
        self.has_several_steps = plan.has_several_steps();
        for pass in 0..MOST_PASSES {
            self.delete_something(pass);
            let before = (self.stored.clone(), self.server.revision());
            if let Err(Crash) = self.pass() {
                self.note("crash".into());
                continue;
            }
            if self.stored.has_ended() {
                self.history.end = Some(self.stored.phase);
                self.note(format!("end: {:?} {}", self.stored.phase, self.stored.message));
                return;
            }
            if !self.progress() && before == (self.stored.clone(), self.server.revision()) {
                self.problem(format!("stuck: {}", self.stored.message));
                return;
            }
        }
        self.problem(format!("does not end: {}", self.stored.message));
    }

    /// What a stranger deletes before this pass, finalizers and all.
    fn delete_something(&mut self, pass: usize) {
        for (_, which) in self.deletions.iter().filter(|(before, _)| *before == pass) {
            let all: Vec<Value> = self
                .server
                .all()
                .filter(|object| object::annotation(object, STATE).is_some())
                .map(|object| Value::clone(object))
                .collect();
            let Some(object) = all.get(which % all.len().max(1)) else { continue };
            self.note(format!("a stranger deletes {}", object::key(object)));
            if self.tells_alone_of_its_creation(object) {
                *self.untold.entry(object::key(object)).or_default() += 1;
            }
            let release = Request::Patch {
                kind: object::gvk(object),
                key: object::key(object),
                patch: Patch::Merge(json!({"metadata": {"finalizers": null}})),
                dry_run: false,
            };
            let delete = Request::Delete {
                kind: object::gvk(object),
                key: object::key(object),
                uid: None,
                resource_version: None,
                propagation: PropagationPolicy::Background,
            };
            for request in [release, delete] {
                // One whose last finalizer goes is gone with it.
                let _ = self.server.handle(Actor::Stranger, request);
            }
        }
    }

    /// True for an object that the agent created, and died before that was stored: the record does not say that
    /// it was written (of a hook: it says that it is about to be), so that only the object itself tells.
    fn tells_alone_of_its_creation(&self, object: &Value) -> bool {
        let key = object::key(object);
        let mut recorded = self.stored.tasks().iter().filter(|task| task.key == key);
        match object::annotation(object, annotations::HOOK_ATTEMPT) {
            Some(attempt) => recorded.any(|task| {
                let second = self.stored.started_at.as_second();
                task.is_announced() && attempt == format!("uid/{second}/0/{}", task.phase.as_str())
            }),
            None => self.created(&key) > 0 && recorded.all(|task| task.code.is_none()),
        }
    }

    fn plan(&self) -> Plan {
        let mut targets: Vec<Target> = self
            .case
            .objects
            .iter()
            .map(|object| {
                let desired = object.desired();
                let live = live(&self.server, &desired.key);
                let state = |manifest: &Manifest| manifest.annotation(STATE).map(str::to_owned);
                let out_of_sync =
                    live.as_ref().is_none_or(|live| state(&live.manifest) != state(&desired.manifest));
                Target { desired: Some(desired), live, out_of_sync }
            })
            .collect();
        for prune in &self.case.prunes {
            let live = live(&self.server, &object::key(&prune.live()));
            targets.extend(live.map(|live| Target { desired: None, live: Some(live), out_of_sync: true }));
        }
        let hooks: Vec<_> = self.case.hooks.iter().map(crate::case::Hook::desired).collect();
        let settings = PlanSettings {
            prune: true,
            options: SyncOptions {
                apply_out_of_sync_only: self.case.out_of_sync_only,
                prune_last: self.case.prune_last,
                ..SyncOptions::default()
            },
            ..PlanSettings::default()
        };
        let attempt = Attempt { application: "uid".into(), started_at: self.stored.started_at, retry: 0 };
        build(PlanInput {
            targets: &targets,
            hooks: &hooks,
            namespace: None,
            rejected: &[],
            settings: &settings,
            attempt: &attempt,
            revision: "0123456789abcdef",
            record: Some(&self.stored),
        })
    }

    /// What the agent does when it is woken: plan, then go on until there is nothing but to wait.
    fn pass(&mut self) -> Result<(), Crash> {
        let plan = self.plan();
        let mut record = self.stored.clone();
        let mut outcomes = Vec::new();
        loop {
            let Advance { record: next, effects, persist } = {
                let server = &self.server;
                let observed = |key: &ObjectKey| live(server, key).map_or(Seen::Absent, Seen::Live);
                advance(&plan, &record, &observed, &outcomes, self.server.now())
            };
            record = next;
            if record.has_ended() || effects.is_empty() {
                self.crash_point()?;
                self.stored = record;
                return Ok(());
            }
            if persist == Persist::Before {
                self.crash_point()?;
                self.stored = record.clone();
            }
            outcomes = Vec::new();
            for effect in effects {
                self.crash_point()?;
                let result = self.execute(&plan, &effect);
                outcomes.push(Outcome { effect, result });
            }
            self.crash_point()?;
        }
    }

    fn crash_point(&mut self) -> Result<(), Crash> {
        let point = self.history.crash_points;
        self.history.crash_points += 1;
        if self.crashes.contains(&point) { Err(Crash) } else { Ok(()) }
    }

    fn execute(&mut self, plan: &Plan, effect: &Effect) -> Result<Done, Failure> {
        self.check_order(plan, effect);
        let before = self.server.revision();
        let (verb, result) = match effect {
            Effect::Apply(effect) => ("apply", self.apply(effect)),
            Effect::Delete(effect) => {
                let verb = match effect.reason {
                    DeleteReason::Prune => "prune",
                    DeleteReason::BeforeHookCreation => "clear",
                    _ => "delete",
                };
                let request = Request::Delete {
                    kind: effect.live.manifest.gvk(),
                    key: effect.live.key.clone(),
                    uid: Some(effect.live.uid.clone()),
                    resource_version: None,
                    propagation: effect.propagation,
                };
                (verb, self.send(request).map(|()| Done::Deleted { uid: effect.live.uid.clone() }))
            }
            Effect::RemoveFinalizer(effect) => {
                let kept: Vec<&str> =
                    effect.live.finalizers().filter(|held| *held != effect.finalizer).collect();
                let request = Request::Patch {
                    kind: effect.live.manifest.gvk(),
                    key: effect.live.key.clone(),
                    patch: Patch::Merge(json!({"metadata": {"finalizers": kept}})),
                    dry_run: false,
                };
                ("release", self.send(request).map(|()| Done::FinalizerRemoved))
            }
        };
        let line = format!("{verb} {:?} {}", effect.task().phase, effect.task());
        self.note(format!("{line} -> {:?}", result.as_ref().err()));
        // Asking twice for what took place once does no harm.
        if result.is_ok() && self.server.revision() != before {
            self.history.effects.push(line);
        }
        result
    }

    fn apply(&mut self, effect: &ApplyEffect) -> Result<Done, Failure> {
        let object = effect.desired.manifest.value().clone();
        let done = Ok(Done::Applied { message: "applied".into() });
        let Some(live) = live(&self.server, &effect.desired.key) else {
            return self.send(Request::Create { object, dry_run: false }).and(done);
        };
        let attempt = |manifest: &Manifest| manifest.annotation(annotations::HOOK_ATTEMPT).map(str::to_owned);
        if effect.hook && attempt(&live.manifest) == attempt(&effect.desired.manifest) {
            return done;
        }
        let request = Request::Patch {
            kind: effect.desired.manifest.gvk(),
            key: effect.desired.key.clone(),
            patch: Patch::Merge(object),
            dry_run: false,
        };
        self.send(request).and(done)
    }

    fn send(&mut self, request: Request) -> Result<(), Failure> {
        match self.server.handle(Actor::Agent(1), request) {
            Ok(_) | Err(Refusal { reason: Reason::NotFound, .. }) => Ok(()),
            Err(Refusal { reason: Reason::Conflict, .. }) => Err(Failure::Stale),
            Err(refusal) => Err(Failure::Refused { message: refusal.message }),
        }
    }

    /// Nothing of a step begins before the steps before it are done.
    fn check_order(&mut self, plan: &Plan, effect: &Effect) {
        let begins = match effect {
            Effect::Apply(_) => true,
            Effect::Delete(effect) => effect.reason == DeleteReason::Prune,
            Effect::RemoveFinalizer(_) => false,
        };
        let Some(step) = self.places.get(effect.task()).copied() else {
            self.problem(format!("{} was not in the first plan", effect.task()));
            return;
        };
        if !begins || effect.task().phase == bridgehead_api::application::SyncPhase::SyncFail {
            return;
        }
        if let Some(task) = plan.task(effect.task())
            && task.step() != step
        {
            self.problem(format!("{} moved from {step:?} to {:?}", effect.task(), task.step()));
        }
        let earlier: Vec<TaskId> =
            self.places.iter().filter(|(_, place)| **place < step).map(|(id, _)| id.clone()).collect();
        for id in earlier {
            if let Some(why) = self.is_unfinished(&id) {
                self.problem(format!("{} begins while {id} of an earlier step {why}", effect.task()));
            }
        }
    }

    /// Why a task is not done yet.
    fn is_unfinished(&self, id: &TaskId) -> Option<String> {
        let live = live(&self.server, &id.key);
        let name = &*id.key.name;
        if let Some(prune) = self.case.prunes.iter().find(|prune| prune.name == name) {
            return (live.is_some() && !prune.kept).then(|| "is still there".into());
        }
        if self.case.hooks.iter().any(|hook| name.starts_with(&hook.name)) {
            let created = self.created(&id.key);
            return (created == 0).then(|| "was never created".into());
        }
        let Some(live) = live else { return Some("is absent".into()) };
        if live.manifest.annotation(STATE) != Some("new") {
            return Some("was not applied".into());
        }
        if !self.has_several_steps {
            return None;
        }
        let health = HealthRules::default().assess(&live.manifest)?;
        (health.status != bridgehead_api::application::HealthStatusCode::Healthy)
            .then(|| format!("is {:?}", health.status))
    }

    fn created(&self, key: &ObjectKey) -> usize {
        self.server
            .audit()
            .iter()
            .filter(|entry| entry.actor == Actor::Agent(1) && entry.key == *key)
            .filter(|entry| entry.before.is_none() && entry.has_changed_something())
            .count()
    }

    fn check_the_end(&mut self) {
        let mut problems = Vec::new();
        for task in self.places.keys() {
            let phases = self.places.keys().filter(|other| other.key == task.key).count();
            let created = self.created(&task.key);
            // A creation whose record died with the agent, and whose object a stranger deleted before the
            // agent was back, has left no trace in the world. The agent has to take the object for one that
            // was never created (and a hook for one that was announced and no more): creating it is right,
            // and the only way to go on. Each such deletion excuses one creation, and nothing else does.
            let untold = self.untold.get(&task.key).copied().unwrap_or_default();
            if created > phases + untold {
                problems.push(format!("{task} was created {created} times"));
            }
        }
        for object in self.server.all() {
            let ours = object::annotation(object, annotations::HOOK_ATTEMPT)
                .is_some_and(|of| of.starts_with("uid/"));
            if ours && object::finalizers(object).contains(&annotations::HOOK_FINALIZER) {
                problems.push(format!("{} still has the hook finalizer", object::key(object)));
            }
        }
        if self.history.end == Some(OperationPhase::Succeeded) {
            for task in self.places.keys() {
                if task.phase == bridgehead_api::application::SyncPhase::SyncFail {
                    continue;
                }
                if task.key.group_kind.is("batch", "Job") && self.created(&task.key) == 0 {
                    problems.push(format!("{task} was never created"));
                }
            }
            for object in &self.case.objects {
                let live = live(&self.server, &object.desired().key);
                if live.is_none_or(|live| live.manifest.annotation(STATE) != Some("new")) {
                    problems.push(format!("{} is not as desired", object.name));
                }
            }
        }
        for problem in problems {
            self.problem(problem);
        }
    }

    /// Lets one thing in the cluster move on; `false` if all stands still.
    fn progress(&mut self) -> bool {
        let movable: Vec<Value> = self.server.all().filter_map(|object| moved(object)).collect();
        let choice = self.case.pace[self.moves % self.case.pace.len()];
        self.moves += 1;
        let Some(next) = movable.get(choice % movable.len().max(1)).cloned() else { return false };
        self.note(format!("moves on: {}", object::key(&next)));
        let status = object::is_terminating(&next);
        let request = Request::Update { object: next, status: !status, dry_run: false };
        self.server.handle(Actor::Controller("cluster"), request).is_ok()
    }

    fn note(&mut self, line: String) {
        self.history.lines.push(line);
    }

    fn problem(&mut self, problem: String) {
        self.note(format!("PROBLEM: {problem}"));
        self.history.problems.push(problem);
    }
}

fn live(server: &ApiServer, key: &ObjectKey) -> Option<Live> {
    server.get(key).map(|object| Live::new(Manifest::new(Value::clone(object))))
}

/// The object as its controller makes it next; none if it has settled.
fn moved(object: &Value) -> Option<Value> {
    let mut next = object.clone();
    if object::finalizers(object).contains(&delete::FOREGROUND) {
        let kept: Vec<String> = object::finalizers(object)
            .into_iter()
            .filter(|held| *held != delete::FOREGROUND)
            .map(str::to_owned)
            .collect();
        object::set_finalizers(&mut next, kept);
        return Some(next);
    }
    let fails = object::annotation(object, OUTCOME) == Some("fails");
    let generation = object::number(object, "/metadata/generation");
    next["status"] = match object::text(object, "/kind") {
        "Deployment" if fails => json!({
            "observedGeneration": generation,
            "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
        }),
        "Deployment" => json!({
            "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
        }),
        "Job" => {
            json!({"conditions": [{"type": if fails { "Failed" } else { "Complete" }, "status": "True"}]})
        }
        _ => return None,
    };
    (next != *object).then_some(next)
}
