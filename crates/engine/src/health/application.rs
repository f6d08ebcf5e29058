//! Application: the gate between the waves of an app-of-apps.
//!
//! A child lets the next wave pass when what it was compared with is what it now asks for, nothing is
//! running, it is Synced, and it is Healthy. A child without automated sync never becomes Synced by itself:
//! its health alone counts, and the message says so.

use bridgehead_api::application::{
    Application, ApplicationSpec, ComparedTo, HealthStatusCode, OperationPhase, SyncStatusCode,
    normalise_spec,
};

use super::Health;
use super::read::Reader;

pub(super) fn health(object: Reader<'_>) -> Health {
    let application = match Application::from_value(object.value().clone()) {
        Ok(application) => application,
        Err(error) => return Health::unknown(format!("the Application cannot be read: {error}")),
    };
    let spec = normalise_spec(application.spec);
    let status = application.status;
    if status.sync.status.is_none() || status.sync.compared_to != compared_to(&spec) {
        return Health::progressing("waiting for its specification to be compared with the cluster");
    }
    let phase = status.operation_state.as_ref().map(|state| state.phase);
    if application.operation.is_some() || phase.is_some_and(OperationPhase::is_running) {
        return Health::progressing("a sync is running");
    }
    let automated = spec
        .sync_policy
        .as_ref()
        .and_then(|policy| policy.automated.as_ref())
        .is_some_and(bridgehead_api::application::SyncPolicyAutomated::is_enabled);
    let message = status.health.message;
    let own = status.health.status.unwrap_or(HealthStatusCode::Unknown);
    match (status.sync.status, own) {
        (_, HealthStatusCode::Degraded) => Health::degraded(message),
        (Some(SyncStatusCode::Synced), own) => Health::new(own, message),
        (Some(SyncStatusCode::OutOfSync), HealthStatusCode::Healthy) if !automated => {
            Health::healthy("is out of sync; it has no automated sync, so that only its health counts")
        }
        (Some(SyncStatusCode::OutOfSync), _) => {
            let failed = status
                .operation_state
                .filter(|state| matches!(state.phase, OperationPhase::Failed | OperationPhase::Error));
            match failed {
                Some(state) => Health::degraded(format!("its last sync failed: {}", state.message)),
                None => Health::progressing("is out of sync"),
            }
        }
        _ => {
            let errors: Vec<&str> = status
                .conditions
                .iter()
                .filter(|condition| condition.r#type.is_error())
                .map(|condition| condition.message.as_str())
                .collect();
            Health::unknown(errors.join("; "))
        }
    }
}

/// What `status.sync.comparedTo` holds once this specification has been compared.
fn compared_to(spec: &ApplicationSpec) -> ComparedTo {
    let several = spec.has_multiple_sources();
    let sources = spec.effective_sources();
    ComparedTo {
        source: if several { None } else { sources.first().cloned() }.unwrap_or_default(),
        destination: spec.destination.clone(),
        sources: if several { sources.into_owned() } else { Vec::new() },
        ignore_differences: spec.ignore_differences.clone(),
    }
}
