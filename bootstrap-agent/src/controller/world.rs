//! Everything that the controller touches outside itself.
//!
//! The agent implements these traits over tokio, a Kubernetes client and Git; the simulator over an
//! in-memory API server, a list of commits and a clock of its own. Futures need not be `Send`: the
//! controller runs on one thread, and what is behind the traits may use others.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{GroupKind, GroupVersionKind, ObjectKey, ResourceVersion, Uid};
use bridgehead_engine::manifest::Manifest;
use bridgehead_engine::source::RefAdvertisement;
use bridgehead_kubernetes::cache::Frame;
use bridgehead_kubernetes::discovery::{Discovery, Resource};
use bridgehead_sources::{RenderRequest, Rendered, RepoAccess, SourceError};
use jiff::Timestamp;
use serde_json::Value;

/// The outside.
pub trait World: 'static {
    /// A cluster: the one with the Applications, or a destination.
    type Cluster: Cluster;

    /// The present.
    fn now(&self) -> Timestamp;

    /// Returns once the clock has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()>;

    /// A random number, for jitter and names.
    fn random(&self) -> u64;

    /// The next thing that happened in any cluster. Cancelling loses nothing.
    fn next_event(&self) -> impl Future<Output = Event>;

    /// The cluster with the Applications.
    fn control_cluster(&self) -> Rc<Self::Cluster>;

    /// Opens a destination, and begins to read what it serves: an [`Event::Kinds`] will tell.
    fn connect(&self, target: &ClusterTarget) -> Result<Rc<Self::Cluster>, String>;

    /// Asks a repository for its refs: one request.
    fn advertise(
        &self,
        repository: &RepoAccess,
    ) -> impl Future<Output = Result<Arc<RefAdvertisement>, SourceError>>;

    /// Renders a path at a commit; fetches the commit first if it is not there.
    fn render(&self, request: &RenderRequest) -> impl Future<Output = Result<Arc<Rendered>, SourceError>>;

    /// Tells people and machines what happened: an event on the object, best effort.
    fn announce(&self, announcement: Announcement);
}

/// How a destination is reached: its cluster Secret.
#[derive(Clone, Debug)]
pub struct ClusterTarget {
    /// Its id inside the agent.
    pub id: ClusterId,
    /// The cluster's entry.
    pub cluster: Arc<bridgehead_api::secret::Cluster>,
}

/// A cluster's place in the agent: its server URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub Arc<str>);

impl ClusterId {
    /// The cluster that the agent itself runs in.
    pub const IN_CLUSTER: &'static str = "https://kubernetes.default.svc";

    /// The cluster of a Secret.
    pub fn of(secret: &bridgehead_api::secret::Cluster) -> Self {
        Self(secret.server.trim_end_matches('/').into())
    }

    /// The cluster that the agent itself runs in.
    pub fn in_cluster() -> Self {
        Self(Arc::from(Self::IN_CLUSTER))
    }
}

impl std::fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One cluster.
pub trait Cluster: 'static {
    /// What the API server serves, as last read. None before the first answer.
    fn kinds(&self) -> Option<Arc<Discovery>>;

    /// Reads again what the API server serves.
    fn refresh_kinds(&self) -> impl Future<Output = Result<(), CallError>>;

    /// Sends the kind's objects, in all namespaces, as [`Event`]s from now on. A second call changes nothing; one
    /// with another version of the kind begins anew with that, and ends the watch before.
    fn watch(&self, resource: &Resource);

    /// Ends the watch of a kind. Events that are under way may still come.
    fn unwatch(&self, kind: &GroupKind);

    /// One request.
    fn call(&self, call: Call) -> impl Future<Output = Result<Reply, CallError>>;
}

/// One request to an API server.
#[derive(Clone, Debug)]
pub enum Call {
    /// GET.
    Read {
        /// Kind and version.
        kind: GroupVersionKind,
        /// The object.
        key: ObjectKey,
    },
    /// POST.
    Create {
        /// The object.
        object: Manifest,
        /// Strict field validation.
        strict: bool,
        /// Keep nothing.
        dry_run: bool,
    },
    /// PATCH.
    Patch {
        /// Kind and version.
        kind: GroupVersionKind,
        /// The object.
        key: ObjectKey,
        /// What to send.
        patch: Patch,
        /// Strict field validation.
        strict: bool,
        /// Keep nothing.
        dry_run: bool,
    },
    /// PUT.
    Replace {
        /// The object, with the resourceVersion that it replaces.
        object: Manifest,
        /// Strict field validation.
        strict: bool,
        /// Keep nothing.
        dry_run: bool,
    },
    /// DELETE.
    Delete {
        /// Kind and version.
        kind: GroupVersionKind,
        /// The object.
        key: ObjectKey,
        /// Only this one.
        uid: Uid,
        /// Only in this state.
        resource_version: Option<ResourceVersion>,
        /// What happens to its dependants.
        propagation: PropagationPolicy,
    },
}

/// The body of a PATCH.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 6902.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' strategic merge patch.
    StrategicMerge(Value),
    /// Server-side apply, taking over conflicting fields.
    Apply(Value),
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The object as it is now; of a deletion: as it is while it is going.
    Object(Manifest),
    /// Nothing there, or nothing there any more.
    Gone,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// The reason.
    pub kind: CallErrorKind,
    /// The API server's own words, or what happened on the way.
    pub message: String,
}

/// The reasons that make a difference to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// An object of that name exists.
    AlreadyExists,
    /// The object is not there.
    NotFound,
    /// The kind is not served.
    KindNotServed,
    /// A precondition does not hold, or the object has changed.
    Conflict,
    /// The namespace is not there.
    NamespaceMissing,
    /// The object may not be like that, or not become so: a field that cannot be changed (status 422).
    Invalid,
    /// Refused for another reason: forbidden, too large, unknown fields, denied by an admission webhook.
    Refused,
    /// No answer, or none in time; it may or may not have been carried out.
    Unreachable,
    /// Too many requests.
    Throttled,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A watch brought something.
    Frame {
        /// Where.
        cluster: ClusterId,
        /// Of which kind, in the version that is watched.
        kind: GroupVersionKind,
        /// What.
        frame: Frame,
    },
    /// A watch over the control namespace brought something. These four watches run from the start.
    Control {
        /// Of what.
        kind: ControlKind,
        /// What.
        frame: Frame,
    },
    /// A watch over the control namespace cannot go on for now; it keeps trying.
    ControlFailed {
        /// Of what.
        kind: ControlKind,
        /// Why, for people.
        message: String,
    },
    /// A watch over the control namespace that had failed goes on.
    ControlResumed {
        /// Of what.
        kind: ControlKind,
    },
    /// What a cluster serves has been read, or cannot be read.
    Kinds {
        /// Where.
        cluster: ClusterId,
        /// Why not.
        trouble: Option<String>,
    },
    /// A watch cannot go on for now (no permission, no answer); it keeps trying.
    WatchFailed {
        /// Where.
        cluster: ClusterId,
        /// Of which kind, in the version that is watched.
        kind: GroupVersionKind,
        /// Why, for people.
        message: String,
        /// Why.
        reason: WatchFailure,
    },
    /// A watch that had failed goes on.
    WatchResumed {
        /// Where.
        cluster: ClusterId,
        /// Of which kind, in the version that is watched.
        kind: GroupVersionKind,
    },
    /// A commit may have arrived at this repository (a webhook).
    Pushed {
        /// The repository.
        repository: String,
    },
    /// The agent is to end.
    Shutdown,
}

/// Why a watch does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFailure {
    /// No answer, or none that makes sense.
    Interrupted,
    /// The API server does not let us list or watch this.
    Refused,
    /// The kind is not served, or not in this version any more. Told again as long as it is so.
    NotServed,
}

/// What the control namespace is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlKind {
    /// Applications.
    Application,
    /// AppProjects.
    Project,
    /// Secrets that carry the label `argocd.argoproj.io/secret-type`.
    Secret,
    /// ConfigMaps that carry the label `app.kubernetes.io/part-of=argocd`.
    ConfigMap,
}

impl ControlKind {
    /// As the API server and RBAC have it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Project => "appprojects",
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }

    /// All of them.
    pub const ALL: [ControlKind; 4] =
        [ControlKind::Application, ControlKind::Project, ControlKind::Secret, ControlKind::ConfigMap];
}

/// Something worth an Event object.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The object that it is about.
    pub object: bridgehead_api::ApplicationKey,
    /// Its UID.
    pub uid: Uid,
    /// `OperationStarted`, `OperationCompleted`, `ResourceUpdated`, …
    pub reason: &'static str,
    /// Normal or Warning.
    pub is_warning: bool,
    /// For people.
    pub message: String,
}
