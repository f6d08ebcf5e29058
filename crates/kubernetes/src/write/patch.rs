//! Parts of objects: the three patches and server-side apply.

use bridgehead_api::ObjectKey;
use bridgehead_engine::manifest::{Live, Manifest};
use http::Method;
use serde_json::Value;

use super::object::{body, live};
use super::{DryRun, FIELD_MANAGER, FieldValidation, WriteOptions};
use crate::connect::{Connection, RequestBuilder};
use crate::discovery::Resource;
use crate::error::ApiError;

/// A change in one of the API's forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// RFC 6902: operations, in an array; `test` makes it conditional.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' own for built-in kinds: lists are merged by their keys.
    Strategic(Value),
}

/// Changes an object.
pub async fn patch(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    change: &Patch,
    options: &WriteOptions,
) -> Result<Live, ApiError> {
    send(connection, resource.path_of(key), format!("patch {key}"), change, options).await
}

/// Changes an object's `status` subresource.
pub async fn patch_status(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    change: &Patch,
    options: &WriteOptions,
) -> Result<Live, ApiError> {
    let path = format!("{}/status", resource.path_of(key));
    send(connection, path, format!("patch the status of {key}"), change, options).await
}

async fn send(
    connection: &Connection,
    path: String,
    operation: String,
    change: &Patch,
    options: &WriteOptions,
) -> Result<Live, ApiError> {
    let (content_type, value) = match change {
        Patch::Json(value) => ("application/json-patch+json", value),
        Patch::Merge(value) => ("application/merge-patch+json", value),
        Patch::Strategic(value) => ("application/strategic-merge-patch+json", value),
    };
    let request = RequestBuilder::new(Method::PATCH, path, operation).body(content_type, body(value));
    live(&connection.send(options.write(request)).await?)
}

/// Server-side apply. `force` takes fields over from other managers; without it they are a
/// [`crate::ApiErrorKind::Conflict`] that names them. Creates the object if it isn't there.
pub async fn apply(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    manifest: &Manifest,
    options: &ApplyOptions,
) -> Result<Live, ApiError> {
    let request = RequestBuilder::new(Method::PATCH, resource.path_of(key), format!("apply {key}"))
        .body("application/apply-patch+yaml", body(manifest.value()))
        .query("force", if options.conflicts == Conflicts::Take { "true" } else { "false" });
    live(&connection.send(options.write.write(request)).await?)
}

/// What server-side apply does with fields that other managers own and that it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// It takes them over.
    #[default]
    Take,
    /// It refuses.
    Refuse,
}

/// How to apply.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// As for other writes.
    pub write: WriteOptions,
    /// Fields of others.
    pub conflicts: Conflicts,
}

impl ApplyOptions {
    /// Takes conflicting fields over, as `argocd-controller`.
    pub fn forced(validation: FieldValidation) -> Self {
        Self {
            write: WriteOptions { field_manager: FIELD_MANAGER.to_owned(), validation, dry_run: DryRun::No },
            conflicts: Conflicts::Take,
        }
    }

    /// The same for another field manager.
    #[must_use]
    pub fn managed_by(mut self, field_manager: &str) -> Self {
        field_manager.clone_into(&mut self.write.field_manager);
        self
    }
}
