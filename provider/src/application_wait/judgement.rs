//! How far one application is.

use std::fmt::Write as _;

use bridgehead_api::application::{
    Application, ConditionType, HealthStatusCode, OperationPhase, ResultCode, SyncPolicyAutomated,
    SyncStatusCode, normalise_spec,
};

/// How many objects a message names.
const NAMED: usize = 10;

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) synced: bool,
    pub(super) healthy: bool,
    pub(super) revision: Option<String>,
}

/// How far an application is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judgement {
    /// There.
    Reached,
    /// On the way, or waiting; the text says for what.
    Pending(String),
    /// It will not come without somebody doing something.
    Failed(String),
}

/// Judges an application by its status, which counts only if it was found of the present specification and
/// after the last operation.
pub(super) fn judge(application: &Application, wanted: &Wanted) -> Judgement {
    let status = &application.status;
    if application.metadata.is_deleting() {
        return Judgement::Pending("it is being deleted".to_owned());
    }
    if status.reconciled_at.is_none() {
        return Judgement::Pending(format!("it was not compared yet{}", conditions(application)));
    }
    if !is_of_present_specification(application) {
        return Judgement::Pending("its specification has changed since it was compared".to_owned());
    }
    if let Some(failure) = failure(application) {
        return Judgement::Failed(failure);
    }
    if application.operation.is_some() {
        return Judgement::Pending("a sync is to begin".to_owned());
    }
    if let Some(operation) = &status.operation_state {
        if operation.phase.is_running() {
            return Judgement::Pending(format!("its sync is running: {}", operation.message));
        }
        if operation.finished_at > status.reconciled_at {
            return Judgement::Pending("it was not compared since its sync ended".to_owned());
        }
    }
    if let Some(wanted) = &wanted.revision
        && !status.sync.compared_revisions().iter().any(|revision| is_revision(revision, wanted))
    {
        let found = status.sync.compared_revisions().join(", ");
        return Judgement::Pending(format!("it is at revision {found}, not at {wanted}"));
    }
    let synced = status.sync.status == Some(SyncStatusCode::Synced);
    let healthy = status.health.status == Some(HealthStatusCode::Healthy);
    if (wanted.synced && !synced) || (wanted.healthy && !healthy) {
        return Judgement::Pending(describe(application));
    }
    Judgement::Reached
}

/// Whether the comparison was made with what the specification says now.
fn is_of_present_specification(application: &Application) -> bool {
    let spec = normalise_spec(application.spec.clone());
    let compared = &application.status.sync.compared_to;
    let sources = spec.effective_sources();
    let same = if spec.has_multiple_sources() {
        *sources == *compared.sources
    } else {
        sources.first().is_none_or(|source| *source == compared.source)
    };
    same && spec.destination == compared.destination
}

/// What has failed for good: a sync of what Git has now, with no further try to come.
fn failure(application: &Application) -> Option<String> {
    let status = &application.status;
    let operation = status.operation_state.as_ref()?;
    if !matches!(operation.phase, OperationPhase::Failed | OperationPhase::Error)
        || application.operation.is_some()
    {
        return None;
    }
    // A newer revision brings a new sync by itself, where it is automated.
    let automated = application.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    if let Some(result) = &operation.sync_result
        && automated.is_some_and(SyncPolicyAutomated::is_enabled)
    {
        let tried = if result.revisions.is_empty() {
            std::slice::from_ref(&result.revision)
        } else {
            &result.revisions
        };
        let compared = status.sync.compared_revisions();
        if !compared.is_empty() && tried != compared {
            return None;
        }
    }
    // What failed before may have been put right since.
    if status.sync.status == Some(SyncStatusCode::Synced) {
        return None;
    }
    let mut text = format!("its sync has failed ({}): {}", operation.phase.as_str(), operation.message);
    let results =
        operation.sync_result.as_ref().map(|result| result.resources.as_slice()).unwrap_or_default();
    let bad = results.iter().filter(|result| {
        result.status == Some(ResultCode::SyncFailed)
            || result.hook_phase.is_some_and(|phase| matches!(phase.as_str(), "Failed" | "Error"))
    });
    for result in bad.take(NAMED) {
        let slash = if result.namespace.is_empty() { "" } else { "/" };
        let _ = write!(
            text,
            "\n  - {} {}{slash}{}: {}",
            result.kind, result.namespace, result.name, result.message
        );
    }
    text.push_str(&conditions(application));
    Some(text)
}

/// Sync, health and what is in the way.
fn describe(application: &Application) -> String {
    let status = &application.status;
    let sync = status.sync.status.map_or("not compared", |code| code.as_str());
    let health = status.health.status.map_or("unknown", |code| code.as_str());
    let mut text = format!("it is {sync} and {health}");
    if !status.health.message.is_empty() {
        let _ = write!(text, " ({})", status.health.message);
    }
    let late = status.resources.iter().filter(|resource| {
        let well = resource
            .health
            .as_ref()
            .is_none_or(|health| matches!(health.status, None | Some(HealthStatusCode::Healthy)));
        let same = matches!(resource.status, None | Some(SyncStatusCode::Synced));
        !(well && same)
    });
    for resource in late.take(NAMED) {
        let slash = if resource.namespace.is_empty() { "" } else { "/" };
        let sync = resource.status.map_or("", |code| code.as_str());
        let _ =
            write!(text, "\n  - {} {}{slash}{}: {sync}", resource.kind, resource.namespace, resource.name);
        if let Some(health) = &resource.health {
            let _ = write!(text, " {} {}", health.status.map_or("", |code| code.as_str()), health.message);
        }
    }
    text.push_str(&conditions(application));
    text
}

/// Errors that the application shows, and that it has to share an object: then another one takes back what
/// this one heals.
fn conditions(application: &Application) -> String {
    let mut text = String::new();
    let told = application.status.conditions.iter().filter(|condition| {
        condition.r#type.is_error() || condition.r#type == ConditionType::SharedResourceWarning
    });
    for condition in told {
        let _ = write!(text, "\n  - {}: {}", condition.r#type, condition.message);
    }
    text
}

/// Errors that an agent puts right by itself only if somebody changes something, and yet may be gone in a
/// moment: a project or a repository that is being created.
pub(super) fn lasting_error(application: &Application) -> Option<String> {
    let condition = application.status.condition(&ConditionType::InvalidSpecError)?;
    Some(format!("its specification is not valid: {}", condition.message))
}

/// Whether a revision is the one that is wanted: in full, or a commit by its first digits.
fn is_revision(revision: &str, wanted: &str) -> bool {
    let abbreviated = wanted.len() >= 7 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    revision == wanted
        || (abbreviated && revision.len() >= 40 && revision.starts_with(&wanted.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn application(change: impl FnOnce(&mut Value)) -> Application {
        let source = json!({"repoURL": "https://git.example.com/a.git", "path": "a"});
        let destination = json!({"server": "https://kubernetes.default.svc"});
        let mut object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd"},
            "spec": {"project": "default", "source": source, "destination": destination,
                     "syncPolicy": {"automated": {}}},
            "status": {
                "reconciledAt": "2026-01-01T00:00:10Z",
                "sync": {"status": "Synced", "revision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                         "comparedTo": {"source": source, "destination": destination}},
                "health": {"status": "Healthy"},
                "operationState": {
                    "phase": "Succeeded", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z",
                    "operation": {}, "syncResult": {"revision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "resources": [{"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "shop",
                                   "name": "a", "status": "SyncFailed", "message": "no"}]},
                },
            },
        });
        change(&mut object);
        Application::from_value(object).unwrap()
    }

    fn judged(change: impl FnOnce(&mut Value)) -> Judgement {
        judge(&application(change), &Wanted { synced: true, healthy: true, revision: None })
    }

    fn is_pending(change: impl FnOnce(&mut Value)) -> bool {
        matches!(judged(change), Judgement::Pending(_))
    }

    #[test]
    fn an_application_is_reached_only_by_a_fresh_status() {
        assert_eq!(judged(|_| {}), Judgement::Reached);
        assert!(is_pending(|object| object["spec"]["source"]["path"] = json!("b")));
        assert!(is_pending(|object| object["status"]["reconciledAt"] = json!("2026-01-01T00:00:01Z")));
        assert!(is_pending(|object| object["operation"] = json!({"sync": {}})));
        assert!(is_pending(|object| object["status"] = json!({})));
        assert!(is_pending(|object| object["status"]["health"]["status"] = json!("Progressing")));
    }

    #[test]
    fn a_sync_that_failed_ends_the_wait_and_names_the_object() {
        let failed = judged(|object| {
            object["status"]["sync"]["status"] = json!("OutOfSync");
            object["status"]["operationState"]["phase"] = json!("Failed");
        });
        assert!(
            matches!(&failed, Judgement::Failed(text) if text.contains("ConfigMap shop/a: no")),
            "{failed:?}"
        );
        // Running with an end: another try follows.
        assert!(is_pending(|object| {
            object["status"]["sync"]["status"] = json!("OutOfSync");
            object["status"]["operationState"]["phase"] = json!("Running");
        }));
        // Git has moved on: the next sync is on its way.
        assert!(is_pending(|object| {
            object["status"]["sync"]["status"] = json!("OutOfSync");
            object["status"]["sync"]["revision"] = json!("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
            object["status"]["operationState"]["phase"] = json!("Failed");
        }));
    }

    #[test]
    fn an_application_that_another_one_takes_objects_from_says_so() {
        let shared = judged(|object| {
            object["status"]["sync"]["status"] = json!("OutOfSync");
            object["status"]["conditions"] =
                json!([{"type": "SharedResourceWarning", "message": "Deployment/web is part of two"}]);
        });
        assert!(matches!(&shared, Judgement::Pending(text) if text.contains("is part of two")), "{shared:?}");
    }

    #[test]
    fn a_commit_may_be_abbreviated_and_a_version_may_not() {
        let full = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        assert!(is_revision(full, full) && is_revision(full, "aaaaaaa") && !is_revision(full, "aaaaaa"));
        assert!(is_revision("1.2.3", "1.2.3") && !is_revision("1.2.34", "1.2.3"));
    }
}
