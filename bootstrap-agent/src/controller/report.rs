//! What an observer tells: its own verdict beside the one that is stored.

use bridgehead_api::application::{ApplicationStatus, ResourceStatus, SyncStatusCode};

use super::registry::Entry;

/// Logs what a comparison came to. Where both agree, and nothing is out of sync, this agent would leave
/// the application as it is.
pub(super) fn compared(entry: &Entry, after: &ApplicationStatus) {
    let stored = &entry.application.status;
    let named = |resource: &ResourceStatus| {
        let slash = if resource.namespace.is_empty() { "" } else { "/" };
        format!("{} {}{slash}{}", resource.kind, resource.namespace, resource.name)
    };
    let out_of_sync = after.resources.iter().filter(|it| it.status == Some(SyncStatusCode::OutOfSync));
    let (prune, apply): (Vec<_>, Vec<_>) = out_of_sync.partition(|resource| resource.requires_pruning);
    let list = |resources: Vec<&ResourceStatus>| {
        resources.into_iter().map(named).collect::<Vec<String>>().join(", ")
    };
    let conditions: Vec<&str> = after.conditions.iter().map(|condition| condition.message.as_str()).collect();
    tracing::info!(
        application = %entry.application.key(),
        sync = after.sync.status.map_or("", SyncStatusCode::as_str),
        stored_sync = stored.sync.status.map_or("", SyncStatusCode::as_str),
        health = after.health.status.map_or("", |status| status.as_str()),
        stored_health = stored.health.status.map_or("", |status| status.as_str()),
        would_apply = list(apply),
        would_prune = list(prune),
        conditions = conditions.join("; "),
        "compared"
    );
}
