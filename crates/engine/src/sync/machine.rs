//! The sync machine: from a plan, a record and what is live to the next effects.
//!
//! ```text
//! fold outcomes ─► watch running tasks ─► let go of ended hooks ─► wait? ─► failed? ─► next step ─► done
//! ```
//! It is called again after every batch of effects and whenever something live changed, and it may be
//! called at any time: with nothing new it asks for nothing new.

mod hooks;

use bridgehead_api::annotations;
use bridgehead_api::application::{
    HealthStatusCode, HookDeletePolicy, OperationPhase, PropagationPolicy, ResultCode, SyncPhase,
};
use jiff::Timestamp;

use super::effect::{ApplyEffect, DeleteEffect, DeleteReason, Done, Effect, Failure, Outcome};
use super::plan::Plan;
use super::record::{Record, TaskRecord, TaskState};
use super::task::{ApplyChoice, Task, TaskId, Work};
use super::waves;
use super::words::{and_more, kubectl_name, waiting_message};
pub use hooks::release_left_over;
use hooks::{hook_type, remove_finalizer};

use crate::manifest::{Desired, Live};

/// What is known of an object, as fresh as the last write of ours.
#[derive(Clone, Debug)]
pub enum Seen {
    /// This.
    Live(Live),
    /// There is none.
    Absent,
    /// It cannot be told yet: objects of its kind have not been listed.
    Unknown,
}

/// What is known of objects, by key.
pub type Observed<'a> = dyn Fn(&bridgehead_api::ObjectKey) -> Seen + 'a;

/// The next move.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The record as it is now.
    pub record: Record,
    /// Writes to run side by side; their outcomes come back with the next call. Empty: wait for an event.
    pub effects: Vec<Effect>,
    /// When the record has to be stored.
    pub persist: Persist,
}

/// When the record has to be stored, where it differs from what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    /// Before the effects run: they must not happen without it.
    Before,
    /// Now that an operation has ended or begun to wait.
    Now,
    /// With the next store that happens anyway; losing it costs only work.
    Lazy,
}

/// Takes the operation as far as it goes without waiting.
pub fn advance(
    plan: &Plan,
    record: &Record,
    observed: &Observed<'_>,
    outcomes: &[Outcome],
    now: Timestamp,
) -> Advance {
    let begins = record.tasks().is_empty() && outcomes.is_empty();
    let mut machine = Machine { plan, record: record.clone(), observed, refused: Vec::new() };
    for outcome in outcomes {
        machine.fold(outcome);
    }
    if machine.record.has_ended() {
        return Advance { record: machine.record, effects: Vec::new(), persist: Persist::Lazy };
    }
    let flow = if machine.record.phase == OperationPhase::Terminating {
        machine.terminate()
    } else {
        machine.go_on(begins)
    };
    let (effects, persist) = match flow {
        Flow::Run(effects, persist) => (effects, if begins { Persist::Before } else { persist }),
        Flow::Wait(message) => {
            machine.record.message = message;
            (Vec::new(), Persist::Now)
        }
        Flow::End(phase, message) => {
            machine.record.end(phase, message, now);
            (Vec::new(), Persist::Now)
        }
        Flow::Again => (Vec::new(), Persist::Now),
    };
    Advance { record: machine.record, effects, persist }
}

struct Machine<'a> {
    plan: &'a Plan,
    record: Record,
    observed: &'a Observed<'a>,
    /// Tasks one of whose clean-up effects was refused just now; asking again at once would not help.
    refused: Vec<TaskId>,
}

/// What a part of the machine decided.
enum Flow {
    Run(Vec<Effect>, Persist),
    Wait(String),
    End(OperationPhase, String),
    /// The record moved on without a write: decide again.
    Again,
}

impl Machine<'_> {
    fn go_on(&mut self, begins: bool) -> Flow {
        if begins {
            self.reject_open();
            if let Some(message) = self.rejection() {
                return Flow::End(OperationPhase::Failed, message);
            }
            self.note_what_may_vanish();
        }
        loop {
            self.watch_running();
            self.reject_open();
            let released = self.release_ended_hooks();
            if !released.is_empty() {
                return Flow::Run(released, Persist::Before);
            }
            match self.next() {
                Flow::Again => {}
                flow => return flow,
            }
        }
    }

    /// Fails what may not be synced and has not been synced yet. A project may become stricter at any time:
    /// what was written before that stays as it is.
    fn reject_open(&mut self) {
        let plan = self.plan;
        for (task, message) in plan.rejected() {
            if self.is_open(task) {
                self.set(task, Some(ResultCode::SyncFailed), TaskState::Failed, message);
            }
        }
    }

    /// Why the operation has no further step: an object that it was to write may not be synced.
    fn rejection(&self) -> Option<String> {
        let failed: Vec<_> = self
            .plan
            .rejected()
            .iter()
            .filter(|(task, _)| {
                let entry = self.record.task(&task.id);
                entry.is_some_and(|entry| {
                    entry.state == TaskState::Failed && entry.code == Some(ResultCode::SyncFailed)
                })
            })
            .collect();
        let (task, message) = failed.first()?;
        let more = and_more(failed.len());
        Some(format!("one or more synchronization tasks are not valid: {}: {message}{more}", task.id))
    }

    fn state(&self, task: &Task) -> TaskState {
        self.record.task(&task.id).map_or(TaskState::Pending, |entry| entry.state)
    }

    fn set(&mut self, task: &Task, code: Option<ResultCode>, state: TaskState, message: impl Into<String>) {
        let entry = TaskRecord {
            key: task.id.key.clone(),
            version: task.version.clone(),
            phase: task.id.phase,
            hook: task.is_hook().then(|| hook_type(task.id.phase)),
            code,
            state,
            message: message.into(),
            images: task.images(),
        };
        self.record.set(entry);
    }

    fn seen(&self, task: &Task) -> Seen {
        (self.observed)(&task.id.key)
    }

    fn live(&self, task: &Task) -> Option<Live> {
        match self.seen(task) {
            Seen::Live(live) => Some(live),
            Seen::Absent | Seen::Unknown => None,
        }
    }

    /// True for an object of this attempt that was a hook in an earlier phase, and whose end is recorded.
    fn has_run_earlier(&self, live: &Live, phase: SyncPhase) -> bool {
        self.plan.tasks().iter().any(|task| {
            task.is_hook()
                && task.id.key == live.key
                && task.id.phase < phase
                && self.is_of_attempt(live, task.id.phase)
                && self.state(task).has_ended()
        })
    }

    fn fold(&mut self, outcome: &Outcome) {
        let Some(task) = self.plan.task(outcome.effect.task()) else { return };
        match (&outcome.effect, &outcome.result) {
            (Effect::Apply(_), Ok(Done::Applied { message })) if self.plan.is_dry_run() => {
                self.set(
                    task,
                    Some(ResultCode::Synced),
                    TaskState::Succeeded,
                    format!("{message} (dry run)"),
                );
            }
            (Effect::Apply(_), Ok(Done::Applied { message })) => {
                self.set(task, Some(ResultCode::Synced), TaskState::Running, message);
            }
            (Effect::Delete(effect), Ok(_)) if effect.reason == DeleteReason::Prune => {
                self.set(task, Some(ResultCode::Pruned), TaskState::Succeeded, "pruned");
            }
            (_, Ok(_) | Err(Failure::Stale)) => {}
            (Effect::Delete(effect), Err(Failure::Refused { .. }))
                if matches!(effect.reason, DeleteReason::HookEnded | DeleteReason::Terminated) =>
            {
                self.refused.push(task.id.clone());
            }
            // What the hook has come to stands. Its finalizer comes off later, if need be after the operation.
            (Effect::RemoveFinalizer(_), Err(Failure::Refused { .. })) if self.state(task).has_ended() => {
                self.refused.push(task.id.clone());
            }
            (_, Err(Failure::Refused { message })) => {
                self.set(task, Some(ResultCode::SyncFailed), TaskState::Error, message);
            }
        }
    }

    /// Writes down what a later plan cannot know: where each prune stands in the order, as long as
    /// everything that decides it is there; and which objects a partial plan has begun with.
    fn note_what_may_vanish(&mut self) {
        if self.plan.is_dry_run() {
            return;
        }
        for task in self.plan.tasks() {
            if task.is_prune() {
                self.set(task, None, TaskState::Pending, waves::note(task.wave));
            } else if self.plan.is_partial() && matches!(task.work, Work::Apply { .. }) {
                self.set(task, None, TaskState::Pending, "waiting to be applied");
            }
        }
    }

    /// Moves running tasks on by what is live.
    fn watch_running(&mut self) {
        let running: Vec<TaskId> = self
            .record
            .tasks()
            .iter()
            .filter(|entry| entry.state == TaskState::Running && !entry.is_announced())
            .map(TaskRecord::id)
            .collect();
        for id in running {
            let Some(task) = self.plan.task(&id) else {
                self.forget(&id);
                continue;
            };
            if task.is_hook() { self.watch_hook(task) } else { self.watch_object(task) }
        }
        self.adopt_created();
    }

    /// A task that the plan no longer has cannot be waited for.
    fn forget(&mut self, id: &TaskId) {
        let Some(entry) = self.record.task(id) else { return };
        let mut entry = entry.clone();
        entry.state = TaskState::Succeeded;
        self.record.set(entry);
    }

    fn watch_object(&mut self, task: &Task) {
        let message = self.record.task(&task.id).map(|entry| entry.message.clone()).unwrap_or_default();
        let live = match self.seen(task) {
            Seen::Live(live) => live,
            Seen::Unknown => return,
            Seen::Absent => {
                self.set(task, Some(ResultCode::Synced), TaskState::Failed, VANISHED);
                return;
            }
        };
        let (state, message) = match self.plan.health(&live) {
            None => (TaskState::Succeeded, message),
            Some(health) => match health.status {
                HealthStatusCode::Healthy => (TaskState::Succeeded, message),
                // Whose health nothing waits for, by that nothing fails: it may have been so before.
                HealthStatusCode::Degraded if self.is_awaited(task) => (TaskState::Failed, health.message),
                _ => (TaskState::Running, message),
            },
        };
        if state != TaskState::Running {
            self.set(task, Some(ResultCode::Synced), state, message);
        }
    }

    /// One decision about the regular tasks, taken by steps of phase and wave.
    fn next(&mut self) -> Flow {
        let current = self.plan.regular().filter(|task| self.is_open(task)).map(Task::step).min();
        if self.rejection().is_some() || self.has_failed_and_tried_its_step() {
            let hooks = self.running(Task::is_hook);
            return if hooks.is_empty() { self.fail() } else { Flow::Wait(waiting_message(&hooks)) };
        }
        let is_behind = |task: &Task| current.is_none_or(|step| task.step() < step);
        let awaited = self.running(|task| is_behind(task) && self.is_awaited(task));
        if !awaited.is_empty() {
            return Flow::Wait(waiting_message(&awaited));
        }
        let Some(step) = current else { return self.succeed() };
        let going: Vec<&Task> = self
            .plan
            .regular()
            .filter(|task| task.is_prune() && task.step() < step)
            .filter(|task| self.live(task).is_some_and(|live| live.is_terminating()))
            .collect();
        if let Some(first) = going.first() {
            return Flow::Wait(format!("waiting for deletion of {}{}", first.id, and_more(going.len())));
        }
        let plan = self.plan;
        let open: Vec<&Task> =
            plan.regular().filter(|task| task.step() == step && self.is_open(task)).collect();
        self.run(&open)
    }

    /// Running tasks that were created and that the given rule picks.
    fn running(&self, picks: impl Fn(&Task) -> bool) -> Vec<&Task> {
        self.plan
            .regular()
            .filter(|task| {
                self.record
                    .task(&task.id)
                    .is_some_and(|entry| entry.state == TaskState::Running && !entry.is_announced())
            })
            .filter(|task| picks(task))
            .collect()
    }

    /// Hooks are always waited for. Objects are, where another step follows theirs, or where their step is
    /// the last one and has hooks; the health of a last step without hooks is left to the next comparison.
    fn is_awaited(&self, task: &Task) -> bool {
        task.is_hook()
            || (self.plan.has_several_steps()
                && (Some(task.step()) != self.plan.last_step() || self.plan.last_step_has_hooks()))
    }

    /// A step is tried whole before its failure ends the operation.
    fn has_failed_and_tried_its_step(&self) -> bool {
        let failed = self.plan.regular().filter(|task| self.state(task).has_failed()).map(Task::step).min();
        let Some(failed) = failed else { return false };
        let untried = |task: &&Task| {
            task.step() <= failed
                && self.is_open(task)
                && !matches!(task.work, Work::Prune { unconfirmed: true, .. })
        };
        !self.plan.regular().any(|task| untried(&task))
    }

    /// Pending, or announced without having been created.
    fn is_open(&self, task: &Task) -> bool {
        match self.record.task(&task.id) {
            None => true,
            Some(entry) => entry.state == TaskState::Pending || entry.is_announced(),
        }
    }

    /// Runs what is open in one step: prunes, then the removal of old hooks, then one kind after the other.
    fn run(&mut self, open: &[&Task]) -> Flow {
        if self.plan.is_dry_run() {
            return self.dry_run(open);
        }
        let mut effects = Vec::new();
        let mut unconfirmed = Vec::new();
        let mut moved = false;
        for task in open {
            match &task.work {
                Work::Keep { message } => {
                    self.set(task, Some(ResultCode::PruneSkipped), TaskState::Succeeded, message);
                    moved = true;
                }
                Work::Prune { unconfirmed: true, .. } => unconfirmed.push(*task),
                Work::Prune { propagation, tracking_id, .. } => match self.live(task) {
                    None => {
                        self.set(task, Some(ResultCode::Pruned), TaskState::Succeeded, "pruned");
                        moved = true;
                    }
                    Some(live)
                        if live.manifest.annotation(annotations::TRACKING_ID) != tracking_id.as_deref() =>
                    {
                        let message = "ignored (its tracking id names another owner now)";
                        self.set(task, Some(ResultCode::PruneSkipped), TaskState::Succeeded, message);
                        moved = true;
                    }
                    Some(live) => effects.push(delete(task, live, *propagation, DeleteReason::Prune)),
                },
                Work::Apply { .. } | Work::Hook(_) => {}
            }
        }
        if !effects.is_empty() {
            self.record.message = RUNNING.into();
            return Flow::Run(effects, Persist::Lazy);
        }
        let (old_hooks, is_waiting) = self.clear_old_hooks(open);
        if !old_hooks.is_empty() {
            return Flow::Run(old_hooks, Persist::Lazy);
        }
        if let Some(task) = is_waiting {
            return Flow::Wait(format!("waiting for deletion of {}", task.id));
        }
        let writes = |task: &&Task| matches!(task.work, Work::Apply { .. } | Work::Hook(_));
        if let Some(first) = open.iter().copied().find(|task| writes(task)) {
            let kind = &first.id.key.group_kind;
            let group = open.iter().copied().filter(|task| writes(task) && task.id.key.group_kind == *kind);
            return self.write(group.collect());
        }
        match unconfirmed.first() {
            Some(task) if !moved => Flow::Wait(format!(
                "waiting for pruning confirmation of {}{}",
                task.id,
                and_more(unconfirmed.len())
            )),
            _ => Flow::Again,
        }
    }

    fn write(&mut self, tasks: Vec<&Task>) -> Flow {
        let mut effects = Vec::new();
        let mut persist = Persist::Lazy;
        for task in tasks {
            match &task.work {
                Work::Apply { unchanged: true, desired, .. } => {
                    let message = format!("{} unchanged", kubectl_name(&desired.key));
                    self.set(task, Some(ResultCode::Synced), TaskState::Running, message);
                }
                Work::Apply { desired, choice, .. } => {
                    effects.push(self.apply(task, desired, *choice, Mode::Object));
                }
                Work::Hook(hook) => {
                    persist = Persist::Before;
                    self.set(task, None, TaskState::Running, "announced");
                    effects.push(self.apply(task, &hook.desired, hook.choice, Mode::Hook));
                }
                Work::Prune { .. } | Work::Keep { .. } => {}
            }
        }
        if effects.is_empty() {
            return Flow::Again;
        }
        self.record.message = RUNNING.into();
        Flow::Run(effects, persist)
    }

    fn apply(&self, task: &Task, desired: &Desired, choice: ApplyChoice, mode: Mode) -> Effect {
        Effect::Apply(ApplyEffect {
            task: task.id.clone(),
            desired: desired.clone(),
            live: self.live(task),
            choice,
            hook: mode == Mode::Hook,
            dry_run: mode == Mode::DryRun,
        })
    }

    fn dry_run(&mut self, open: &[&Task]) -> Flow {
        let mut effects = Vec::new();
        for task in open {
            let (code, message) = match &task.work {
                Work::Apply { desired, choice, .. } => {
                    effects.push(self.apply(task, desired, *choice, Mode::DryRun));
                    continue;
                }
                Work::Keep { message } => (ResultCode::PruneSkipped, message.as_str()),
                Work::Prune { .. } => (ResultCode::Pruned, "pruned (dry run)"),
                Work::Hook(_) => (ResultCode::Synced, "not run (dry run)"),
            };
            self.set(task, Some(code), TaskState::Succeeded, message);
        }
        if effects.is_empty() { Flow::Again } else { Flow::Run(effects, Persist::Lazy) }
    }

    fn succeed(&self) -> Flow {
        let effects = self.hook_deletions(HookDeletePolicy::HookSucceeded);
        if !effects.is_empty() {
            return Flow::Run(effects, Persist::Before);
        }
        let end = if self.plan.last_step_has_hooks() { "no more tasks" } else { "all tasks run" };
        Flow::End(OperationPhase::Succeeded, format!("successfully synced ({end})"))
    }

    fn fail(&mut self) -> Flow {
        let plan = self.plan;
        let open: Vec<&Task> = plan.on_failure().filter(|task| self.is_open(task)).collect();
        if !open.is_empty() {
            return self.run(&open);
        }
        let running: Vec<&Task> =
            plan.on_failure().filter(|task| self.state(task) == TaskState::Running).collect();
        if !running.is_empty() {
            return Flow::Wait(waiting_message(&running));
        }
        let effects = self.hook_deletions(HookDeletePolicy::HookFailed);
        if !effects.is_empty() {
            return Flow::Run(effects, Persist::Before);
        }
        Flow::End(OperationPhase::Failed, self.rejection().unwrap_or_else(|| self.failure_message()))
    }

    fn failure_message(&self) -> String {
        let failed: Vec<&Task> = self.plan.regular().filter(|task| self.state(task).has_failed()).collect();
        let refused = failed.iter().find(|task| self.state(task) == TaskState::Error);
        let what = match refused {
            Some(_) => "one or more objects failed to apply",
            None => "one or more synchronization tasks completed unsuccessfully",
        };
        let Some(first) = refused.or(failed.first()) else { return what.into() };
        let reason = self.record.task(&first.id).map_or("", |entry| entry.message.as_str());
        format!("{what}, reason: {}: {reason}{}", first.id, and_more(failed.len()))
    }

    /// Ends hooks that run, then the operation.
    fn terminate(&mut self) -> Flow {
        let mut effects = Vec::new();
        let mut interrupted = Vec::new();
        for task in self.plan.tasks().iter().filter(|task| task.is_hook()) {
            let Some(entry) = self.record.task(&task.id) else { continue };
            if !entry.state.has_ended() {
                interrupted.push(task);
            }
            let was_running = !entry.state.has_ended() || entry.message == TERMINATED;
            let Some(live) = self.own_hook(task).filter(|_| !self.refused.contains(&task.id)) else {
                continue;
            };
            if let Some(effect) = remove_finalizer(task.id.phase, live.clone()) {
                effects.push(effect);
            } else if was_running && !live.is_terminating() {
                effects.push(delete(task, live, PropagationPolicy::Background, DeleteReason::Terminated));
            }
        }
        for task in interrupted {
            self.set(task, Some(ResultCode::Synced), TaskState::Failed, TERMINATED);
        }
        if effects.is_empty() {
            Flow::End(OperationPhase::Failed, "Operation terminated".into())
        } else {
            Flow::Run(effects, Persist::Before)
        }
    }
}

/// What an apply is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Object,
    Hook,
    DryRun,
}

const RUNNING: &str = "one or more tasks are running";
const VANISHED: &str = "somebody deleted the object while its health was awaited";
const TERMINATED: &str = "terminated with its operation";

fn delete(task: &Task, live: Live, propagation: PropagationPolicy, reason: DeleteReason) -> Effect {
    Effect::Delete(DeleteEffect { task: task.id.clone(), live, propagation, reason })
}
