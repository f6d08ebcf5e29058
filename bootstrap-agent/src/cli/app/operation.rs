//! Asking for an operation, as argocd does: `.operation` is set, and what is known of the one before goes.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::Operation;
use bridgehead_kubernetes::{ApiError, ApiErrorKind};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::objects::{StoredApplication, not_found};
use crate::cli::session::Session;

/// How often a change is made again because somebody else was faster.
const ATTEMPTS: u32 = 10;

/// Sets `.operation`, if there is none. `seen` is what the operation was made from.
pub(super) async fn start(
    session: &Session,
    key: &ObjectKey,
    seen: StoredApplication,
    operation: &Operation,
) -> Result<StoredApplication, CliError> {
    change(session, key, seen, |application| {
        if application.typed.metadata.is_deleting() {
            return Err(CliError::refused(format!("application `{}` is being deleted", key.name)));
        }
        if application.typed.operation.is_some() {
            return Err(CliError::Refused {
                message: format!("another operation of application `{}` is in progress", key.name),
                hint: Some(format!(
                    "wait for it with `bridgehead app wait {0} --operation`, or stop it with `bridgehead app terminate-op {0}`",
                    key.name
                )),
            });
        }
        let mut patch = json!({"operation": operation});
        if application.typed.status.operation_state.is_some() {
            patch["status"] = json!({"operationState": null});
        }
        Ok(patch)
    })
    .await
}

/// Makes a change on the application as it was last seen, and again on a newer state if it wasn't new enough.
pub(super) async fn change(
    session: &Session,
    key: &ObjectKey,
    seen: StoredApplication,
    patch: impl Fn(&StoredApplication) -> Result<Value, CliError>,
) -> Result<StoredApplication, CliError> {
    let mut application = seen;
    let mut attempt = 1;
    loop {
        let mut patch = patch(&application)?;
        patch["metadata"]["resourceVersion"] = application.resource_version().into();
        match session.patch_application(key, patch).await {
            Ok(changed) => return Ok(changed),
            Err(ApiError { kind: ApiErrorKind::Conflict { .. }, .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                application = session.application(key).await?;
            }
            Err(error) if error.is_not_found() => return Err(not_found("application", key)),
            Err(error) => return Err(error.into()),
        }
    }
}
