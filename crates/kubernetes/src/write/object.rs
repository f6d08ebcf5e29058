//! Whole objects: create, replace, read.

use bridgehead_api::ObjectKey;
use bridgehead_engine::manifest::{Live, Manifest, retain_own_fields};
use http::Method;
use serde_json::Value;

use super::{DryRun, FIELD_MANAGER, FieldValidation};
use crate::connect::{Answer, Connection, RequestBuilder};
use crate::discovery::Resource;
use crate::error::ApiError;

/// How to write.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Who owns what is written.
    pub field_manager: String,
    /// What to do with unknown fields.
    pub validation: FieldValidation,
    /// Whether the server only pretends.
    pub dry_run: DryRun,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            field_manager: FIELD_MANAGER.to_owned(),
            validation: FieldValidation::Strict,
            dry_run: DryRun::No,
        }
    }
}

impl WriteOptions {
    pub(super) fn write(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request
            .query("fieldManager", &self.field_manager)
            .query("fieldValidation", self.validation.as_str());
        match self.dry_run {
            DryRun::No => request,
            DryRun::Server => request.query("dryRun", "All"),
        }
    }
}

/// Creates an object. One that exists is [`crate::ApiErrorKind::AlreadyExists`].
///
/// `key` says where; the manifest's own namespace must not contradict it.
pub async fn create(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    manifest: &Manifest,
    options: &WriteOptions,
) -> Result<Live, ApiError> {
    let operation = format!("create {key}");
    let path = resource.collection(Some(key.namespace()));
    let request =
        RequestBuilder::new(Method::POST, path, operation).body("application/json", body(manifest.value()));
    live(&connection.send(options.write(request)).await?)
}

/// Writes an object over the one that is there (PUT). With a resourceVersion in the manifest, only over
/// that very one.
pub async fn replace(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    manifest: &Manifest,
    options: &WriteOptions,
) -> Result<Live, ApiError> {
    let operation = format!("replace {key}");
    let request = RequestBuilder::new(Method::PUT, resource.path_of(key), operation)
        .body("application/json", body(manifest.value()));
    live(&connection.send(options.write(request)).await?)
}

/// Reads one object. One that isn't there is `None`.
pub async fn get(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
) -> Result<Option<Live>, ApiError> {
    let request = RequestBuilder::get(resource.path_of(key), format!("read {key}"));
    match connection.send(request).await {
        Ok(answer) => Ok(Some(live(&answer)?)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// An answer's object; of its managedFields only our own part.
pub(super) fn live(answer: &Answer) -> Result<Live, ApiError> {
    let mut value: Value = answer.json()?;
    retain_own_fields(&mut value);
    Ok(Live::new(Manifest::new(value)))
}
