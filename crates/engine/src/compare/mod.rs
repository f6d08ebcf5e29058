//! All of an application's objects: what Git wants, what is live, and how the two stand to each other.
//!
//! ```text
//! desired ─────────────┐
//! live, by key ────────┼─ compare_application ─► Comparison: each object's sync status and health,
//! live, by tracking id ┘        (DiffMemo)        and the application's
//! ```

mod memo;
mod options;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use bridgehead_api::application::{ConditionType, Confirmable, HealthStatusCode, SyncStatusCode};
use bridgehead_api::{ObjectKey, annotations};

use crate::diff::DiffRules;
use crate::health::{Counted, Health, application_health};
use crate::manifest::{
    Desired, Disposition, Live, Manifest, Problem, disposition, is_self_referencing, sync_wave, tracking_id,
};

pub use memo::DiffMemo;
pub use options::CompareOptions;

/// What the live cache says of a key.
#[derive(Clone, Debug)]
pub enum LiveLookup {
    /// The object as last seen.
    Live(Live),
    /// There is none.
    Absent,
}

/// Outcome of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Every object, sorted by `group/Kind/namespace/name`. Hooks that are live are among them; hooks that
    /// only Git has are not.
    pub resources: Vec<ResourceComparison>,
    /// Whether the cluster is as Git says.
    pub sync: SyncStatusCode,
    /// The worst object's health.
    pub health: Health,
    /// Warnings: objects that belong to another application too.
    pub problems: Vec<Problem>,
}

/// One object.
#[derive(Clone, Debug)]
pub struct ResourceComparison {
    /// The object.
    pub key: ObjectKey,
    /// API version, as Git says it, or else as it was read.
    pub version: Arc<str>,
    /// What Git wants.
    pub desired: Option<Desired>,
    /// What the cluster has.
    pub live: Option<Live>,
    /// Whether the two are the same. Means nothing for hooks.
    pub status: SyncStatusCode,
    /// Its health; none for kinds without one and for objects whose health is ignored.
    pub health: Option<Health>,
    /// True for what a sync does not apply: hooks, and manifests whose only hook type is `Skip`.
    pub hook: bool,
    /// True if Git no longer has it and it is ours.
    pub requires_pruning: bool,
    /// Its wave.
    pub wave: i64,
    /// True if it is pruned or deleted only once somebody has approved.
    pub requires_deletion_confirmation: bool,
}

/// Compares an application with the cluster.
///
/// `live` tells of the keys that Git wants; `owned` are the live objects whose tracking id names the
/// application. Of those, the ones whose id names another object (a copied annotation) and the ones that
/// belong to another object (ownerReferences) are left alone.
pub fn compare_application(
    desired: &[Desired],
    live: &dyn Fn(&ObjectKey) -> LiveLookup,
    owned: &[Live],
    rules: &DiffRules,
    options: &CompareOptions,
    memo: &mut DiffMemo,
) -> Comparison {
    let mut problems = Vec::new();
    let mut resources = Vec::with_capacity(desired.len());
    let mut wanted: HashSet<&ObjectKey> = HashSet::with_capacity(desired.len());
    for desired in desired {
        let skipped = match disposition(&desired.manifest) {
            Disposition::Managed => false,
            Disposition::Skipped => true,
            Disposition::Hook | Disposition::Ignored => continue,
        };
        wanted.insert(&desired.key);
        let live = match live(&desired.key) {
            LiveLookup::Live(live) => Some(live),
            LiveLookup::Absent => None,
        };
        problems.extend(live.as_ref().and_then(|live| shared(live, &options.application)));
        resources.push(wanted_object(desired, live, skipped, rules, options, memo));
    }
    for live in owned.iter().filter(|live| !wanted.contains(&live.key) && is_extraneous(live, options)) {
        resources.push(extraneous_object(live.clone(), options));
    }
    resources.sort_by_cached_key(|resource| resource.key.to_string());
    let sync = if resources.iter().any(counts_as_out_of_sync) {
        SyncStatusCode::OutOfSync
    } else {
        SyncStatusCode::Synced
    };
    let health = application_health(resources.iter().map(|resource| Counted {
        key: &resource.key,
        health: resource.health.as_ref(),
        counts: !resource.hook,
    }));
    Comparison { resources, sync, health, problems }
}

fn wanted_object(
    desired: &Desired,
    live: Option<Live>,
    skipped: bool,
    rules: &DiffRules,
    options: &CompareOptions,
    memo: &mut DiffMemo,
) -> ResourceComparison {
    let same = skipped || live.as_ref().is_some_and(|live| memo.is_same(desired, live, rules));
    let health = match &live {
        _ if skipped => None,
        None => Some(Health::new(HealthStatusCode::Missing, "")),
        Some(live) => object_health(live, options),
    };
    ResourceComparison {
        key: desired.key.clone(),
        version: desired.manifest.gvk().version,
        status: if same { SyncStatusCode::Synced } else { SyncStatusCode::OutOfSync },
        health,
        hook: skipped,
        requires_pruning: false,
        wave: sync_wave(&desired.manifest),
        requires_deletion_confirmation: needs_confirmation(&desired.manifest, options),
        desired: Some(desired.clone()),
        live,
    }
}

fn extraneous_object(live: Live, options: &CompareOptions) -> ResourceComparison {
    let hook = disposition(&live.manifest) == Disposition::Hook;
    ResourceComparison {
        key: live.key.clone(),
        version: live.manifest.gvk().version,
        desired: None,
        status: if hook { SyncStatusCode::Synced } else { SyncStatusCode::OutOfSync },
        health: object_health(&live, options),
        hook,
        requires_pruning: !hook,
        wave: sync_wave(&live.manifest),
        requires_deletion_confirmation: needs_confirmation(&live.manifest, options),
        live: Some(live),
    }
}

/// True if a live object that Git does not want is the application's to show and to prune.
fn is_extraneous(live: &Live, options: &CompareOptions) -> bool {
    let manifest = &live.manifest;
    let is_ours = tracking_id(manifest).is_some_and(|id| id.application == options.application);
    let is_managed_namespace = live.key.group_kind.is("", "Namespace")
        && options.managed_namespace.as_deref().is_some_and(|namespace| namespace == &*live.key.name);
    is_ours
        && is_self_referencing(manifest, None)
        && !has_owner(live)
        && !manifest.is_crd()
        && !is_managed_namespace
        && disposition(manifest) != Disposition::Ignored
}

/// True for an object that goes when another one goes (ownerReferences): not ours to delete.
pub fn has_owner(live: &Live) -> bool {
    let owners = live.manifest.value().pointer("/metadata/ownerReferences");
    owners.and_then(serde_json::Value::as_array).is_some_and(|owners| !owners.is_empty())
}

fn counts_as_out_of_sync(resource: &ResourceComparison) -> bool {
    let ignores_extraneous = || {
        resource.live.as_ref().is_some_and(|live| {
            live.manifest.annotation_lists(annotations::COMPARE_OPTIONS, "IgnoreExtraneous")
        })
    };
    resource.status == SyncStatusCode::OutOfSync
        && !resource.hook
        && !(resource.requires_pruning && ignores_extraneous())
}

/// An Application that manages itself says nothing of its own health here: it could never become healthy.
fn object_health(live: &Live, options: &CompareOptions) -> Option<Health> {
    if live.manifest.annotation(annotations::IGNORE_HEALTHCHECK) == Some("true") {
        return None;
    }
    if live.key.group_kind.is(bridgehead_api::GROUP, "Application")
        && options.is_itself(&live.key)
        && !live.is_terminating()
    {
        return None;
    }
    options.health.assess(&live.manifest)
}

fn needs_confirmation(manifest: &Manifest, options: &CompareOptions) -> bool {
    let options = options.sync.for_resource(manifest.annotation(annotations::SYNC_OPTIONS));
    options.prune == Confirmable::NeedsConfirmation || options.delete == Confirmable::NeedsConfirmation
}

/// A warning where the live object's tracking id names another application.
fn shared(live: &Live, application: &str) -> Option<Problem> {
    let id = tracking_id(&live.manifest)?;
    if id.application == application || !is_self_referencing(&live.manifest, None) {
        return None;
    }
    let message = format!(
        "{}/{} is part of applications {application} and {}; a sync takes it over",
        live.key.group_kind.kind, live.key.name, id.application
    );
    Some(Problem::warning(ConditionType::SharedResourceWarning, Some(live.key.clone()), message))
}
