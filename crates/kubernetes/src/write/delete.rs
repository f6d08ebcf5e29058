//! Deleting, and letting go of what waits for us.

use bridgehead_api::{ObjectKey, ResourceVersion, Uid};
use bridgehead_engine::manifest::Live;
use http::Method;
use serde_json::{Map, Value, json};

use super::object::{body, live};
use super::{DryRun, Patch, WriteOptions, patch};
use crate::connect::{Connection, RequestBuilder};
use crate::discovery::Resource;
use crate::error::{ApiError, ApiErrorKind};

/// What happens to an object's dependents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go first, the object waits for them.
    #[default]
    Foreground,
    /// The object goes, they follow.
    Background,
    /// They stay.
    Orphan,
}

impl Propagation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
            Self::Orphan => "Orphan",
        }
    }
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// What happens to dependents.
    pub propagation: Propagation,
    /// Only the object with this UID, not one of the same name that came after it.
    pub uid: Option<Uid>,
    /// Only in this very state.
    pub resource_version: Option<ResourceVersion>,
    /// Whether the server only pretends.
    pub dry_run: DryRun,
}

impl DeleteOptions {
    /// Only this object, only as it was seen: a prune on what was decided, not on what came since.
    pub fn of(live: &Live, propagation: Propagation) -> Self {
        Self {
            propagation,
            uid: Some(live.uid.clone()),
            resource_version: Some(live.resource_version.clone()),
            dry_run: DryRun::No,
        }
    }
}

/// What became of an object whose deletion was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Deletion {
    /// There was no such object.
    Absent,
    /// It is gone.
    Gone,
    /// It goes when its finalizers, or its dependents, are done.
    Going(Live),
}

/// Asks for an object's deletion. `false` if there was no such object. A precondition that doesn't
/// hold is a [`ApiErrorKind::Conflict`].
pub async fn delete(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<bool, ApiError> {
    let deletion = begin_deletion(connection, resource, key, options).await?;
    Ok(deletion != Deletion::Absent)
}

/// Asks for an object's deletion, and tells whether it is gone with that. A precondition that doesn't
/// hold is a [`ApiErrorKind::Conflict`].
pub async fn begin_deletion(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<Deletion, ApiError> {
    let mut document = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": options.propagation.as_str(),
    });
    let mut preconditions = Map::new();
    if let Some(uid) = &options.uid {
        preconditions.insert("uid".to_owned(), Value::from(uid.as_str()));
    }
    if let Some(version) = &options.resource_version {
        preconditions.insert("resourceVersion".to_owned(), Value::from(version.as_str()));
    }
    if !preconditions.is_empty() {
        document["preconditions"] = Value::Object(preconditions);
    }
    if options.dry_run == DryRun::Server {
        document["dryRun"] = json!(["All"]);
    }
    let request = RequestBuilder::new(Method::DELETE, resource.path_of(key), format!("delete {key}"))
        .body("application/json", body(&document));
    match connection.send(request).await {
        // The answer is a `Status` where the object is gone, else the object as it is going.
        Ok(answer) => match live(&answer)? {
            object if object.is_terminating() => Ok(Deletion::Going(object)),
            _ => Ok(Deletion::Gone),
        },
        Err(error) if error.is_not_found() => Ok(Deletion::Absent),
        Err(error) => Err(error),
    }
}

/// Takes one finalizer off an object as it was last seen. Another writer in between makes it a
/// [`ApiErrorKind::Conflict`]: look again. `None` if the object is gone, or never had the finalizer.
pub async fn remove_finalizer(
    connection: &Connection,
    resource: &Resource,
    live: &Live,
    finalizer: &str,
) -> Result<Option<Live>, ApiError> {
    let Some(index) = live.finalizers().position(|entry| entry == finalizer) else { return Ok(None) };
    let place = format!("/metadata/finalizers/{index}");
    let change = Patch::Json(json!([
        {"op": "test", "path": "/metadata/uid", "value": live.uid.as_str()},
        {"op": "test", "path": place, "value": finalizer},
        {"op": "remove", "path": place},
    ]));
    match patch(connection, resource, &live.key, &change, &WriteOptions::default()).await {
        Ok(live) => Ok(Some(live)),
        Err(error) if error.is_not_found() => Ok(None),
        // A test that fails is 422 Invalid with wording of the patch library; it means that the object
        // is another one than was seen, which is a conflict to us.
        Err(error) if matches!(error.kind, ApiErrorKind::Invalid { .. }) => {
            Err(error.with_kind(ApiErrorKind::Conflict { fields: Vec::new() }))
        }
        Err(error) => Err(error),
    }
}
