//! The machine's hooks: announced, created, watched, let go of and deleted.

use bridgehead_api::annotations;
use bridgehead_api::application::{
    HealthStatusCode, HookDeletePolicy, HookType, PropagationPolicy, ResultCode, SyncPhase,
};

use super::{Machine, Seen, delete};
use crate::manifest::Live;
use crate::sync::attempt::Attempt;
use crate::sync::effect::{DeleteReason, Effect, FinalizerEffect};
use crate::sync::plan::hook_attempt;
use crate::sync::record::{TaskRecord, TaskState};
use crate::sync::task::{Task, TaskId, Work};

impl Machine<'_> {
    /// The live hook of this attempt and phase.
    pub(super) fn own_hook(&self, task: &Task) -> Option<Live> {
        self.live(task).filter(|live| self.is_of_attempt(live, task.id.phase))
    }

    pub(super) fn is_of_attempt(&self, live: &Live, phase: SyncPhase) -> bool {
        let wanted = hook_attempt(self.plan.attempt(), phase);
        live.manifest.annotation(annotations::HOOK_ATTEMPT) == Some(wanted.as_str())
    }

    /// Hooks that were announced before a restart, or whose creation was taken for a failure because its
    /// answer was lost, and that are live: their creation did take place.
    pub(super) fn adopt_created(&mut self) {
        let is_in_doubt = |entry: &TaskRecord| {
            entry.is_announced() || (entry.hook.is_some() && entry.state == TaskState::Error)
        };
        let in_doubt: Vec<&Task> = self
            .plan
            .tasks()
            .iter()
            .filter(|task| self.record.task(&task.id).is_some_and(is_in_doubt))
            .collect();
        for task in in_doubt {
            if self.own_hook(task).is_some() {
                self.set(task, Some(ResultCode::Synced), TaskState::Running, "created");
                self.watch_hook(task);
            }
        }
    }

    pub(super) fn watch_hook(&mut self, task: &Task) {
        let Some(live) = self.own_hook(task) else {
            if matches!(self.seen(task), Seen::Unknown) {
                return;
            }
            self.set(
                task,
                Some(ResultCode::Synced),
                TaskState::Failed,
                "the hook disappeared before its end was recorded; it is not run again",
            );
            return;
        };
        let (state, message) = match self.plan.health(&live) {
            None => (TaskState::Succeeded, format!("{} created", task.id.key.name)),
            Some(health) => {
                let state = match health.status {
                    HealthStatusCode::Healthy => TaskState::Succeeded,
                    HealthStatusCode::Progressing | HealthStatusCode::Suspended => TaskState::Running,
                    _ => TaskState::Failed,
                };
                (state, health.message)
            }
        };
        // A hook that is being deleted has ended for us: with whatever it had reached.
        let state = match state {
            TaskState::Running if live.is_terminating() => TaskState::Failed,
            other => other,
        };
        self.set(task, Some(ResultCode::Synced), state, message);
    }

    /// Hooks whose end is in the record lose our finalizer.
    pub(super) fn release_ended_hooks(&self) -> Vec<Effect> {
        self.plan
            .tasks()
            .iter()
            .filter(|task| task.is_hook() && self.state(task).has_ended())
            .filter(|task| !self.refused.contains(&task.id))
            .filter_map(|task| self.own_hook(task).and_then(|live| remove_finalizer(task.id.phase, live)))
            .collect()
    }

    /// Hooks of earlier attempts that stand where a hook of this one is to be created: finalizers off,
    /// deleted, waited for. A hook of this attempt is never touched here.
    pub(super) fn clear_old_hooks<'t>(&self, open: &[&'t Task]) -> (Vec<Effect>, Option<&'t Task>) {
        let mut effects = Vec::new();
        let mut waiting = None;
        for task in open {
            let Work::Hook(hook) = &task.work else { continue };
            let Some(live) = self.live(task).filter(|live| !self.is_of_attempt(live, task.id.phase)) else {
                continue;
            };
            let clears = hook.delete.contains(&HookDeletePolicy::BeforeHookCreation);
            if !clears && !self.has_run_earlier(&live, task.id.phase) {
                continue;
            }
            waiting = waiting.or(Some(*task));
            if let Some(effect) = remove_finalizer(task.id.phase, live.clone()) {
                effects.push(effect);
            } else if !live.is_terminating() {
                effects.push(delete(
                    task,
                    live,
                    PropagationPolicy::Background,
                    DeleteReason::BeforeHookCreation,
                ));
            }
        }
        (effects, waiting)
    }

    /// Live hooks of this attempt that go now: those that ended, and whose policies say so.
    pub(super) fn hook_deletions(&self, policy: HookDeletePolicy) -> Vec<Effect> {
        let goes = |task: &&Task| match &task.work {
            Work::Hook(hook) => hook.delete.contains(&policy) && self.state(task).has_ended(),
            _ => false,
        };
        self.plan
            .tasks()
            .iter()
            .filter(goes)
            .filter(|task| !self.refused.contains(&task.id))
            .filter_map(|task| self.own_hook(task).map(|live| (task, live)))
            .filter(|(_, live)| !live.is_terminating())
            .map(|(task, live)| delete(task, live, PropagationPolicy::Background, DeleteReason::HookEnded))
            .collect()
    }
}

/// Takes our finalizer off the hooks of attempts that are over: those whose end could not be told to the API
/// server while their operation ran, and those of an operation that was given up. Nobody waits for their end
/// any more, and whoever deletes them would wait for ever. `running` is the attempt that goes on, if one does.
pub fn release_left_over<'a>(
    live: impl IntoIterator<Item = &'a Live>,
    running: Option<&Attempt>,
) -> Vec<Effect> {
    let running = running.map(|attempt| format!("{attempt}/"));
    let release = |live: &Live| {
        let attempt = live.manifest.annotation(annotations::HOOK_ATTEMPT)?;
        let is_over = running.as_ref().is_none_or(|running| !attempt.starts_with(running.as_str()));
        is_over.then(|| remove_finalizer(phase_of(attempt), live.clone())).flatten()
    };
    live.into_iter().filter_map(release).collect()
}

/// The phase at the end of a hook's annotation.
fn phase_of(attempt: &str) -> SyncPhase {
    let phases = [SyncPhase::PreSync, SyncPhase::Sync, SyncPhase::SyncFail];
    let word = attempt.rsplit('/').next().unwrap_or_default();
    phases.into_iter().find(|phase| phase.as_str() == word).unwrap_or(SyncPhase::PostSync)
}

pub(super) fn hook_type(phase: SyncPhase) -> HookType {
    match phase {
        SyncPhase::PreSync => HookType::PreSync,
        SyncPhase::Sync => HookType::Sync,
        SyncPhase::PostSync => HookType::PostSync,
        SyncPhase::SyncFail => HookType::SyncFail,
        SyncPhase::PreDelete => HookType::PreDelete,
        SyncPhase::PostDelete => HookType::PostDelete,
    }
}

/// Takes our finalizer off, if it is on.
pub(super) fn remove_finalizer(phase: SyncPhase, live: Live) -> Option<Effect> {
    let held = live.finalizers().any(|finalizer| finalizer == annotations::HOOK_FINALIZER);
    held.then(|| {
        let finalizer = annotations::HOOK_FINALIZER.into();
        let task = TaskId { phase, key: live.key.clone() };
        Effect::RemoveFinalizer(FinalizerEffect { task, live, finalizer })
    })
}
