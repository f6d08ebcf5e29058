//! Kubernetes Events about objects (core/v1).

use http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::object::body;
use crate::connect::{Connection, RequestBuilder};
use crate::error::ApiError;

/// `type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// As expected.
    Normal,
    /// Somebody may have to look.
    Warning,
}

/// `reason` of an event, as in `OperationStarted`.
pub type EventReason = &'static str;

/// Something that happened to an object.
#[derive(Clone, Debug)]
pub struct Happening<'a> {
    /// `apiVersion` of the object.
    pub api_version: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace; events of cluster-scoped objects go to `default`.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its UID.
    pub uid: &'a str,
    /// Its resourceVersion.
    pub resource_version: &'a str,
    /// In one word.
    pub reason: EventReason,
    /// In a sentence; cut at 1024 bytes, the API's limit.
    pub message: &'a str,
    /// Normal or Warning.
    pub event_type: EventType,
    /// Who says so.
    pub component: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Records an event. Its name comes from `at`, so that the same event recorded twice is there once
/// (the second time is [`crate::ApiErrorKind::AlreadyExists`]).
pub async fn record_event(connection: &Connection, event: &Happening<'_>) -> Result<(), ApiError> {
    let namespace = if event.namespace.is_empty() { "default" } else { event.namespace };
    let mut message = event.message;
    if message.len() > 1024 {
        let cut = (0..=1024).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
        message = &message[..cut];
    }
    // Events are told apart by object and time, as client-go names them.
    let name = format!("{}.{:x}", event.name, event.at.as_nanosecond());
    let at = event.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let document = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": event.api_version, "kind": event.kind, "namespace": event.namespace,
            "name": event.name, "uid": event.uid, "resourceVersion": event.resource_version,
        },
        "reason": event.reason, "message": message,
        "type": match event.event_type { EventType::Normal => "Normal", EventType::Warning => "Warning" },
        "source": {"component": event.component},
        "firstTimestamp": at, "lastTimestamp": at, "count": 1,
    });
    let path = format!("/api/v1/namespaces/{}/events", crate::discovery::encode_segment(namespace));
    let operation = format!("record event {} of {}", event.reason, event.name);
    let request =
        RequestBuilder::new(Method::POST, path, operation).body("application/json", body(&document));
    connection.send(request).await.map(|_| ())
}
