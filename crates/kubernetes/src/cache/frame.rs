//! One message of a watch, or one item of a list, scanned but not decoded.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use bridgehead_api::ResourceVersion;
use bridgehead_api::annotations::TRACKING_ID;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::error::ApiStatus;

/// Why bytes are not a frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// They are no JSON, or not of the right shape.
    #[error("failed to read a watch frame of {length} bytes")]
    Shape {
        /// How many bytes.
        length: usize,
        /// Where it went wrong.
        source: serde_json::Error,
    },
    /// An event of a type that doesn't exist.
    #[error("failed to read a watch frame: unknown event type `{0}`")]
    Type(String),
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A complete list begins; what is not in it is gone when it ends.
    ListBegins,
    /// ADDED, MODIFIED, or an item of a list.
    Present,
    /// DELETED.
    Deleted,
    /// BOOKMARK: nothing but a newer resourceVersion.
    Bookmark,
    /// The list is complete, as of the frame's resourceVersion.
    ListEnds,
    /// ERROR: the object is a `Status`.
    Failed,
}

/// A frame. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Frame {
    pub(super) kind: FrameKind,
    pub(super) key: FrameKey,
    pub(super) resource_version: ResourceVersion,
    /// It carries a tracking id, of whatever object.
    pub(super) has_tracking_id: bool,
    line: Bytes,
    body: Body,
}

/// Where in the line the object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Event,
    Item,
    Nothing,
}

/// Namespace and name, as ranges of the line where they stand there as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameKey {
    pub(super) namespace: Bytes,
    pub(super) name: Bytes,
}

impl FrameKey {
    pub(super) fn identity(&self, seed: u64) -> u64 {
        identity(seed, &self.namespace, &self.name)
    }
}

/// What of 64 bits remains of an object that is none of ours.
pub(super) fn identity(seed: u64, namespace: &[u8], name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, namespace, name).hash(&mut hasher);
    hasher.finish()
}

#[derive(Deserialize)]
struct Event<'l> {
    #[serde(borrow, rename = "type")]
    event_type: Cow<'l, str>,
    #[serde(borrow)]
    object: Head<'l>,
}

#[derive(Deserialize, Default)]
struct Head<'l> {
    #[serde(borrow, default)]
    metadata: HeadMetadata<'l>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct HeadMetadata<'l> {
    #[serde(borrow)]
    name: Option<Cow<'l, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'l, str>>,
    #[serde(borrow)]
    resource_version: Option<Cow<'l, str>>,
    annotations: Option<HeadAnnotations>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HeadAnnotations {
    #[serde(rename = "argocd.argoproj.io/tracking-id")]
    tracking_id: Option<serde::de::IgnoredAny>,
    #[serde(rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<serde::de::IgnoredAny>,
}

/// The names above are literals because serde wants them so.
const _: () = assert!(TRACKING_ID.len() == "argocd.argoproj.io/tracking-id".len());

impl Frame {
    /// Reads one line of a watch.
    pub fn parse(line: Bytes) -> Result<Self, FrameError> {
        let shape = |source| FrameError::Shape { length: line.len(), source };
        let event: Event<'_> = serde_json::from_slice(&line).map_err(shape)?;
        let metadata = &event.object.metadata;
        let ends_list = metadata.annotations.as_ref().is_some_and(|all| all.initial_events_end.is_some());
        let kind = match &*event.event_type {
            "ADDED" | "MODIFIED" => FrameKind::Present,
            "DELETED" => FrameKind::Deleted,
            "BOOKMARK" if ends_list => FrameKind::ListEnds,
            "BOOKMARK" => FrameKind::Bookmark,
            "ERROR" => FrameKind::Failed,
            other => return Err(FrameError::Type(other.to_owned())),
        };
        let (key, resource_version, has_tracking_id) = read_head(&line, metadata);
        Ok(Self { kind, key, resource_version, has_tracking_id, body: Body::Event, line })
    }

    /// Reads one item of a list: an object, whose `apiVersion` and `kind` may be missing.
    pub fn item(object: Bytes) -> Result<Self, FrameError> {
        let shape = |source| FrameError::Shape { length: object.len(), source };
        let head: Head<'_> = serde_json::from_slice(&object).map_err(shape)?;
        let (key, resource_version, has_tracking_id) = read_head(&object, &head.metadata);
        Ok(Self {
            kind: FrameKind::Present,
            key,
            resource_version,
            has_tracking_id,
            body: Body::Item,
            line: object,
        })
    }

    /// A complete list begins.
    pub fn list_begins() -> Self {
        Self::mark(FrameKind::ListBegins, ResourceVersion::default())
    }

    /// The list is complete.
    pub fn list_ends(resource_version: ResourceVersion) -> Self {
        Self::mark(FrameKind::ListEnds, resource_version)
    }

    fn mark(kind: FrameKind, resource_version: ResourceVersion) -> Self {
        Self {
            kind,
            key: FrameKey::default(),
            resource_version,
            has_tracking_id: false,
            line: Bytes::new(),
            body: Body::Nothing,
        }
    }

    /// What it says.
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Where a watch goes on after this frame; empty if the frame doesn't say.
    pub fn resource_version(&self) -> &ResourceVersion {
        &self.resource_version
    }

    /// Bytes that it holds on to.
    pub fn size(&self) -> usize {
        self.line.len()
    }

    /// The whole object.
    pub fn object(&self) -> Result<Value, FrameError> {
        let shape = |source| FrameError::Shape { length: self.line.len(), source };
        match self.body {
            Body::Event => {
                #[derive(Deserialize)]
                struct Whole {
                    object: Value,
                }
                Ok(serde_json::from_slice::<Whole>(&self.line).map_err(shape)?.object)
            }
            Body::Item => serde_json::from_slice(&self.line).map_err(shape),
            Body::Nothing => Ok(Value::Object(Map::new())),
        }
    }

    /// The `Status` of a [`FrameKind::Failed`] frame.
    pub fn status(&self) -> Result<ApiStatus, FrameError> {
        let length = self.line.len();
        serde_json::from_value(self.object()?).map_err(|source| FrameError::Shape { length, source })
    }
}

/// A page of a list, each item a frame.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The items.
    pub frames: Vec<Frame>,
    /// What the next page is asked for with; empty on the last one.
    pub continue_token: String,
    /// As of when the whole list is.
    pub resource_version: ResourceVersion,
}

impl ListPage {
    /// Reads the body of a LIST.
    pub fn parse(body: &Bytes) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Page<'b> {
            #[serde(default)]
            metadata: PageMetadata,
            #[serde(borrow, default)]
            items: Option<Vec<&'b RawValue>>,
        }
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct PageMetadata {
            resource_version: String,
            r#continue: String,
        }
        let shape = |source| FrameError::Shape { length: body.len(), source };
        let page: Page<'_> = serde_json::from_slice(body).map_err(shape)?;
        let items = page.items.unwrap_or_default();
        let frames = items
            .iter()
            .map(|item| Frame::item(body.slice_ref(item.get().as_bytes())))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            frames,
            continue_token: page.metadata.r#continue,
            resource_version: page.metadata.resource_version.into(),
        })
    }
}

fn read_head(line: &Bytes, metadata: &HeadMetadata<'_>) -> (FrameKey, ResourceVersion, bool) {
    let slice = |text: &Option<Cow<'_, str>>| match text {
        None => Bytes::new(),
        Some(Cow::Borrowed(text)) => line.slice_ref(text.as_bytes()),
        Some(Cow::Owned(text)) => Bytes::copy_from_slice(text.as_bytes()),
    };
    let key = FrameKey { namespace: slice(&metadata.namespace), name: slice(&metadata.name) };
    let resource_version = metadata.resource_version.as_deref().unwrap_or_default().into();
    let has_tracking_id = metadata.annotations.as_ref().is_some_and(|all| all.tracking_id.is_some());
    (key, resource_version, has_tracking_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_scanned_for_its_head_and_decoded_only_when_asked() {
        let line = r#"{"type":"ADDED","object":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a","namespace":"n","resourceVersion":"7","annotations":{"argocd.argoproj.io/tracking-id":"x:/Secret:n/a"}},"data":{"k":"dg=="}}}"#;
        let frame = Frame::parse(Bytes::from_static(line.as_bytes())).unwrap();
        assert_eq!(
            (frame.kind, frame.resource_version.as_str(), frame.has_tracking_id),
            (FrameKind::Present, "7", true)
        );
        assert_eq!((&*frame.key.namespace, &*frame.key.name), (&b"n"[..], &b"a"[..]));
        assert_eq!(frame.object().unwrap()["data"]["k"], "dg==");
    }

    #[test]
    fn a_null_tracking_id_is_none() {
        let line = r#"{"type":"MODIFIED","object":{"metadata":{"name":"a","annotations":null}}}"#;
        assert!(!Frame::parse(Bytes::from_static(line.as_bytes())).unwrap().has_tracking_id);
    }

    #[test]
    fn the_bookmark_that_ends_the_initial_events_ends_a_list() {
        let line = r#"{"type":"BOOKMARK","object":{"kind":"Secret","apiVersion":"v1","metadata":{"resourceVersion":"12","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        let frame = Frame::parse(Bytes::from_static(line.as_bytes())).unwrap();
        assert_eq!((frame.kind, frame.resource_version.as_str()), (FrameKind::ListEnds, "12"));
    }

    #[test]
    fn a_pages_items_are_frames() {
        let body = r#"{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"more"},"items":[{"metadata":{"name":"a","namespace":"n","resourceVersion":"3"}}]}"#;
        let page = ListPage::parse(&Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(
            (page.frames.len(), &*page.continue_token, page.resource_version.as_str()),
            (1, "more", "9")
        );
    }

    #[test]
    fn half_a_line_is_an_error() {
        assert!(Frame::parse(Bytes::from_static(br#"{"type":"ADDED","object":{"metadata":{"na"#)).is_err());
    }
}
