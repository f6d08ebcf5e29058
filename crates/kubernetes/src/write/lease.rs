//! Leases (coordination.k8s.io/v1): who is alive and who leads.
//!
//! Only the requests are here, each conditional on the resourceVersion that was read; what a lease
//! means is its user's business. They don't wait behind other requests.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::object::body;
use crate::connect::{Connection, RequestBuilder};
use crate::discovery::Resource;
use crate::error::ApiError;

/// A lease is worth nothing when it is late.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A Lease as it was read or is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// As it was read; empty for one that is to be created.
    pub resource_version: String,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// What it says.
    pub spec: LeaseSpec,
}

/// `spec` of a Lease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaseSpec {
    /// Who holds it; empty if released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_identity: Option<String>,
    /// Seconds after the last renewal that others wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_duration_seconds: Option<i32>,
    /// When the holder got it.
    #[serde(skip_serializing_if = "Option::is_none", with = "micro_time")]
    pub acquire_time: Option<Timestamp>,
    /// When the holder last said that it is alive.
    #[serde(skip_serializing_if = "Option::is_none", with = "micro_time")]
    pub renew_time: Option<Timestamp>,
    /// How often it has changed hands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_transitions: Option<i32>,
}

fn leases() -> Resource {
    Resource::known("coordination.k8s.io/v1", "Lease", "leases", true)
}

/// Reads a lease; `None` if there is none.
pub async fn get_lease(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<Lease>, ApiError> {
    let path = leases().object(namespace, name);
    let request =
        RequestBuilder::get(path, format!("read lease {namespace}/{name}")).unqueued().within(TIMEOUT);
    match connection.send(request).await {
        Ok(answer) => Ok(Some(read(answer.json()?))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a lease; [`crate::ApiErrorKind::AlreadyExists`] if another one was faster.
pub async fn create_lease(connection: &Connection, lease: &Lease) -> Result<Lease, ApiError> {
    let path = leases().collection(Some(&lease.namespace));
    write(connection, Method::POST, path, "create", lease).await
}

/// Writes a lease over the one that was read; [`crate::ApiErrorKind::Conflict`] if it changed since.
pub async fn update_lease(connection: &Connection, lease: &Lease) -> Result<Lease, ApiError> {
    let path = leases().object(&lease.namespace, &lease.name);
    write(connection, Method::PUT, path, "update", lease).await
}

async fn write(
    connection: &Connection,
    method: Method,
    path: String,
    verb: &str,
    lease: &Lease,
) -> Result<Lease, ApiError> {
    let mut document = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": lease.name, "namespace": lease.namespace},
        "spec": lease.spec,
    });
    if !lease.labels.is_empty() {
        document["metadata"]["labels"] = json!(lease.labels);
    }
    if !lease.resource_version.is_empty() {
        document["metadata"]["resourceVersion"] = lease.resource_version.as_str().into();
    }
    let operation = format!("{verb} lease {}/{}", lease.namespace, lease.name);
    let request = RequestBuilder::new(method, path, operation)
        .body("application/json", body(&document))
        .unqueued()
        .within(TIMEOUT);
    Ok(read(connection.send(request).await?.json()?))
}

#[derive(Deserialize)]
struct Document {
    metadata: Metadata,
    #[serde(default)]
    spec: LeaseSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

fn read(document: Document) -> Lease {
    Lease {
        namespace: document.metadata.namespace,
        name: document.metadata.name,
        resource_version: document.metadata.resource_version,
        labels: document.metadata.labels,
        spec: document.spec,
    }
}

/// `MicroTime`: exactly six digits of a second, or the API refuses it.
mod micro_time {
    use super::{Timestamp, Value};
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::ref_option)]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let value = Value::deserialize(deserializer)?;
        value.as_str().map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
