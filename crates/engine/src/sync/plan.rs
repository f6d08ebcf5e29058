//! Making the plan: which tasks, in which phase and wave, in which order.

use std::cmp::Ordering;
use std::collections::HashMap;

use bridgehead_api::application::{Confirmable, HookDeletePolicy, HookType, SyncOptions, SyncPhase};
use bridgehead_api::{ObjectKey, Uid, annotations};
use jiff::Timestamp;
use serde::Serialize;

use super::attempt::Attempt;
use super::record::Record;
use super::task::{ApplyChoice, HookTask, Strategy, Task, TaskId, Work};
use super::waves;
use crate::health::{Health, HealthRules};
use crate::manifest::{
    self, Desired, Live, Manifest, TrackingId, hook_delete_policies, hook_types, kind_order, sync_wave,
    tracking_id,
};

/// One object of the application: what Git wants, what is live, or both.
#[derive(Clone, Debug)]
pub struct Target {
    /// What Git wants.
    pub desired: Option<Desired>,
    /// What the cluster has.
    pub live: Option<Live>,
    /// True if the two differ, or one of them is absent.
    pub out_of_sync: bool,
}

/// All that a plan follows from.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The application's objects that are no hooks, prune candidates included. A candidate carries a
    /// tracking id that names this application and this object.
    pub targets: &'a [Target],
    /// The manifests with hook annotations.
    pub hooks: &'a [Desired],
    /// The namespace to create first, where that was asked for and it is absent.
    pub namespace: Option<&'a Desired>,
    /// Objects that may not be synced, and why; one of them ends the operation before its first write.
    pub rejected: &'a [(ObjectKey, String)],
    /// The sync's settings.
    pub settings: &'a PlanSettings,
    /// Which try this is.
    pub attempt: &'a Attempt,
    /// The revision that is synced; hooks with generateName carry its first seven characters.
    pub revision: &'a str,
    /// The record so far.
    pub record: Option<&'a Record>,
}

/// What the operation and the application's policy ask for, resolved.
#[derive(Clone, Debug, Default)]
pub struct PlanSettings {
    /// Delete what Git no longer has.
    pub prune: bool,
    /// Check, keep nothing.
    pub dry_run: bool,
    /// Leave hooks out (selective syncs, strategy `apply`).
    pub skip_hooks: bool,
    /// The sync options of the operation.
    pub options: SyncOptions,
    /// When deletions were approved.
    pub deletion_approved: Option<Timestamp>,
    /// What the objects' health depends on beside themselves.
    pub health: HealthRules,
}

/// Tasks in the order in which they run. Only [`build`] makes one.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    tasks: Vec<Task>,
    attempt: String,
    #[serde(skip)]
    application: Uid,
    #[serde(skip)]
    health: HealthRules,
    dry_run: bool,
    is_partial: bool,
    rejected: Vec<(Task, String)>,
    last_step_has_hooks: bool,
    #[serde(skip)]
    index: HashMap<TaskId, usize>,
}

/// Phase and wave: what runs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Phase.
    pub phase: SyncPhase,
    /// Wave within it.
    pub wave: i64,
}

impl Plan {
    /// All tasks, in order.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// One task.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.index.get(id).map(|position| &self.tasks[*position])
    }

    /// This attempt's text; hooks carry it with their phase, as `attempt/phase`.
    pub fn attempt(&self) -> &str {
        &self.attempt
    }

    /// Whether an object works, as far as the waves wait for it.
    pub(super) fn health(&self, live: &Live) -> Option<Health> {
        // A root may have its own manifest among its objects. The application is busy for as long as this
        // operation runs: to wait for it would be to wait for ourselves.
        if live.uid == self.application { None } else { self.health.assess(&live.manifest) }
    }

    /// Tasks that may not run, and why.
    pub fn rejected(&self) -> &[(Task, String)] {
        &self.rejected
    }

    /// True if a hook stands in the last phase and wave.
    pub fn last_step_has_hooks(&self) -> bool {
        self.last_step_has_hooks
    }

    /// True if nothing is to be kept.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// True if objects that are in sync have no task unless the record knows them.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// True if tasks stand in more than one phase and wave; then a step waits for the one before it.
    pub fn has_several_steps(&self) -> bool {
        let mut steps = self.regular().map(Task::step);
        steps.next().is_some_and(|first| steps.any(|step| step != first))
    }

    /// The last phase and wave, hooks for failures apart.
    pub fn last_step(&self) -> Option<Step> {
        self.regular().map(Task::step).max()
    }

    /// The tasks that run unless the sync fails.
    pub fn regular(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.id.phase != SyncPhase::SyncFail)
    }

    /// The hooks that run when the sync fails.
    pub fn on_failure(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.id.phase == SyncPhase::SyncFail)
    }
}

impl Task {
    /// The task's phase and wave.
    pub fn step(&self) -> Step {
        Step { phase: self.id.phase, wave: self.wave }
    }
}

/// Makes the plan. The same input gives the same plan.
pub fn build(input: PlanInput<'_>) -> Plan {
    let mut tasks: Vec<Task> = Vec::with_capacity(input.targets.len() + input.hooks.len() + 1);
    tasks.extend(input.namespace.map(|namespace| namespace_task(namespace, input.settings)));
    tasks.extend(input.targets.iter().filter_map(|target| target_task(target, &input)));
    if !input.settings.skip_hooks {
        tasks.extend(input.hooks.iter().flat_map(|hook| hook_tasks(hook, &input)));
    }
    place_prunes(&mut tasks, input.record);
    tasks.sort_by(compare);
    pull_before_dependants(&mut tasks);
    tasks.dedup_by(|later, earlier| later.id == earlier.id);
    let index = tasks.iter().enumerate().map(|(position, task)| (task.id.clone(), position)).collect();
    let rejected = tasks
        .iter()
        .filter_map(|task| {
            let (_, message) = input.rejected.iter().find(|(key, _)| *key == task.id.key)?;
            Some((task.clone(), message.clone()))
        })
        .collect();
    let mut plan = Plan {
        tasks,
        attempt: input.attempt.to_string(),
        application: input.attempt.application.clone(),
        health: input.settings.health,
        dry_run: input.settings.dry_run,
        is_partial: input.settings.options.apply_out_of_sync_only,
        rejected,
        last_step_has_hooks: false,
        index,
    };
    let last_step = plan.last_step();
    let has_hooks = plan.regular().any(|task| task.is_hook() && Some(task.step()) == last_step);
    plan.last_step_has_hooks = has_hooks;
    plan
}

fn namespace_task(namespace: &Desired, settings: &PlanSettings) -> Task {
    Task {
        id: TaskId { phase: SyncPhase::PreSync, key: namespace.key.clone() },
        version: "v1".into(),
        wave: 0,
        work: Work::Apply {
            desired: namespace.clone(),
            choice: apply_choice(&namespace.manifest, settings),
            unchanged: false,
        },
    }
}

fn target_task(target: &Target, input: &PlanInput<'_>) -> Option<Task> {
    let settings = input.settings;
    let key =
        target.desired.as_ref().map(|desired| &desired.key).or(target.live.as_ref().map(|live| &live.key))?;
    // What this attempt has applied is in sync, and its health is still awaited.
    let is_begun = input.record.is_some_and(|record| record.knows(key));
    if settings.options.apply_out_of_sync_only && !target.out_of_sync && !is_begun {
        return None;
    }
    if let Some(desired) = &target.desired {
        let choice = apply_choice(&desired.manifest, settings);
        return Some(Task {
            id: TaskId { phase: SyncPhase::Sync, key: desired.key.clone() },
            version: desired.manifest.gvk().version,
            wave: sync_wave(&desired.manifest),
            work: Work::Apply {
                desired: desired.clone(),
                choice,
                unchanged: !target.out_of_sync && choice.strategy != Strategy::Replace && !choice.force,
            },
        });
    }
    let live = target.live.as_ref()?;
    Some(Task {
        id: TaskId { phase: SyncPhase::Sync, key: live.key.clone() },
        version: live.manifest.gvk().version,
        wave: sync_wave(&live.manifest),
        work: prune_work(&live.manifest, input),
    })
}

fn prune_work(live: &Manifest, input: &PlanInput<'_>) -> Work {
    let settings = input.settings;
    let options = settings.options.for_resource(live.annotation(annotations::SYNC_OPTIONS));
    if !settings.prune {
        return Work::Keep { message: "ignored (requires pruning)".into() };
    }
    if options.prune == Confirmable::Refused {
        return Work::Keep { message: "ignored (no prune)".into() };
    }
    let approved = settings.deletion_approved.is_some_and(|at| at >= input.attempt.started_at);
    Work::Prune {
        propagation: settings.options.prune_propagation_policy,
        unconfirmed: options.prune == Confirmable::NeedsConfirmation && !approved,
        last: options.prune_last,
        tracking_id: live.annotation(annotations::TRACKING_ID).map(Into::into),
    }
}

/// The application's choice, changed by the object's own options.
fn apply_choice(manifest: &Manifest, settings: &PlanSettings) -> ApplyChoice {
    let options = settings.options.for_resource(manifest.annotation(annotations::SYNC_OPTIONS));
    let strategy = if options.replace {
        Strategy::Replace
    } else if options.server_side_apply {
        Strategy::ServerSide
    } else {
        Strategy::ClientSide
    };
    ApplyChoice { strategy, force: options.force, validate: options.validate }
}

fn hook_tasks(hook: &Desired, input: &PlanInput<'_>) -> Vec<Task> {
    let phases = hook_types(&hook.manifest).into_iter().filter_map(HookType::phase);
    phases
        .filter(|phase| *phase <= SyncPhase::SyncFail)
        .map(|phase| {
            let desired = hook_of_attempt(hook, phase, input);
            let mut delete = hook_delete_policies(&hook.manifest);
            if delete.is_empty() {
                delete.push(HookDeletePolicy::BeforeHookCreation);
            }
            Task {
                id: TaskId { phase, key: desired.key.clone() },
                version: desired.manifest.gvk().version,
                wave: sync_wave(&hook.manifest),
                work: Work::Hook(HookTask {
                    choice: apply_choice(&desired.manifest, input.settings),
                    desired,
                    delete,
                }),
            }
        })
        .collect()
}

/// The hook as this attempt creates it: a name of its own where it has only a prefix, the attempt's
/// annotation, and the finalizer that keeps it until its end is recorded.
fn hook_of_attempt(hook: &Desired, hook_phase: SyncPhase, input: &PlanInput<'_>) -> Desired {
    let mut desired = hook.clone();
    if desired.manifest.name().is_empty() {
        let prefix = desired.manifest.generate_name().to_owned();
        let revision: String = input.revision.chars().take(7).collect();
        let phase = hook_phase.as_str().to_lowercase();
        let start = input.attempt.started_at.as_second();
        let retry = match input.attempt.retry {
            0 => String::new(),
            retry => format!("-{retry}"),
        };
        let name = format!("{prefix}{revision}-{phase}-{start}{retry}");
        desired.manifest.set_name(&name);
        // The id has to name the very object that carries it, or nobody would tell us of its changes.
        let id = tracking_id(&desired.manifest).map(|id| TrackingId { name: &name, ..id }.to_string());
        if let Some(id) = id {
            desired.manifest.set_annotation(annotations::TRACKING_ID, id);
        }
        desired.key.name = name.into();
    }
    desired
        .manifest
        .set_annotation(annotations::HOOK_ATTEMPT, hook_attempt(&input.attempt.to_string(), hook_phase));
    desired.manifest.add_finalizer(annotations::HOOK_FINALIZER);
    desired
}

/// The text on a hook: one hook may run in several phases of one attempt, as several objects.
pub(super) fn hook_attempt(attempt: &str, phase: SyncPhase) -> String {
    format!("{attempt}/{}", phase.as_str())
}

/// Gives prunes their mirrored waves, or the place behind all others of the Sync phase.
fn place_prunes(tasks: &mut [Task], record: Option<&Record>) {
    let mirrored = waves::mirror(tasks.iter().filter(|task| task.is_prune()).map(|task| task.wave));
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        task.wave = mirrored.get(&task.wave).copied().unwrap_or(task.wave);
    }
    let behind_all = tasks
        .iter()
        .filter(|task| task.id.phase == SyncPhase::Sync)
        .map(|task| task.wave)
        .max()
        .map_or(0, |wave| wave.saturating_add(1));
    for task in tasks {
        let Work::Prune { last, .. } = &task.work else { continue };
        let noted = record
            .and_then(|record| record.task(&task.id))
            .and_then(|entry| waves::from_note(&entry.message));
        task.wave = noted.unwrap_or(if *last { behind_all } else { task.wave });
    }
}

/// Phase, wave, kind, name; hooks and prunes of one wave by the same rule.
fn compare(left: &Task, right: &Task) -> Ordering {
    left.step()
        .cmp(&right.step())
        .then_with(|| kind_order(&left.id.key.group_kind).cmp(&kind_order(&right.id.key.group_kind)))
        .then_with(|| left.id.key.group_kind.cmp(&right.id.key.group_kind))
        .then_with(|| left.id.key.scope.cmp(&right.id.key.scope))
        .then_with(|| left.id.key.name.cmp(&right.id.key.name))
}

/// A Namespace or CRD that stands behind the first object that needs it takes that object's place.
fn pull_before_dependants(tasks: &mut [Task]) {
    let mut moved = false;
    for position in 0..tasks.len() {
        let Work::Apply { desired, .. } = &tasks[position].work else { continue };
        let needed = Needed::of(desired);
        let Some(needed) = needed else { continue };
        let Some(first) = tasks[..position].iter().find(|task| needed.is_needed_by(task)).map(Task::step)
        else {
            continue;
        };
        tasks[position].id.phase = first.phase;
        tasks[position].wave = first.wave;
        moved = true;
    }
    if moved {
        tasks.sort_by(compare);
    }
}

enum Needed {
    Namespace(String),
    Kind(bridgehead_api::GroupKind),
}

impl Needed {
    fn of(desired: &Desired) -> Option<Self> {
        if desired.key.group_kind.is("", "Namespace") {
            return Some(Needed::Namespace(desired.key.name.to_string()));
        }
        manifest::defined_kind(&desired.manifest).map(Needed::Kind)
    }

    fn is_needed_by(&self, task: &Task) -> bool {
        if matches!(task.work, Work::Prune { .. } | Work::Keep { .. }) {
            return false;
        }
        match self {
            Needed::Namespace(name) => task.id.key.namespace() == name,
            Needed::Kind(kind) => task.id.key.group_kind == *kind,
        }
    }
}
