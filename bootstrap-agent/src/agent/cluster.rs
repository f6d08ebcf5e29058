//! A cluster over a real connection.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bridgehead_api::GroupKind;
use bridgehead_api::application::PropagationPolicy;
use bridgehead_engine::manifest::{Live, Manifest};
use bridgehead_kubernetes::discovery::{Discoverer, Discovery, Resource};
use bridgehead_kubernetes::watch::{WatchTarget, Watches};
use bridgehead_kubernetes::write::{self, ApplyOptions, Deletion, DryRun, FieldValidation, WriteOptions};
use bridgehead_kubernetes::{ApiError, ApiErrorKind, Connection};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::controller::world::{Call, CallError, CallErrorKind, Cluster, ClusterId, Event, Patch, Reply};
use crate::controller::{self, world::ControlKind};

/// The status of an object that is understood and cannot be.
const UNPROCESSABLE: u16 = 422;
/// Bytes of watch events that may wait for the controller, of one cluster.
const WATCH_BUDGET: usize = 16 << 20;

/// A cluster, its watches and what it serves.
pub(crate) struct LiveCluster {
    id: ClusterId,
    connection: Connection,
    discoverer: Arc<Discoverer>,
    watches: RefCell<Watches>,
    /// Asks what the cluster serves, until it answers or nobody needs to know any more.
    discovery: AbortHandle,
}

impl Drop for LiveCluster {
    fn drop(&mut self) {
        self.discovery.abort();
    }
}

/// What the watches of one cluster bring.
pub(super) type WatchReceiver = mpsc::Receiver<bridgehead_kubernetes::watch::WatchEvent>;

impl LiveCluster {
    /// A cluster on this connection, and the receiver of its watches. Begins to read what it serves, and
    /// tells `events` when that is known, or why it is not.
    pub(super) fn open(
        id: ClusterId,
        connection: Connection,
        events: mpsc::UnboundedSender<Event>,
    ) -> (Self, WatchReceiver) {
        let (watches, receiver) = Watches::new(connection.clone(), WATCH_BUDGET);
        let discoverer = Arc::new(Discoverer::new(connection.clone()));
        let discovery = tokio::spawn(discover(id.clone(), discoverer.clone(), events)).abort_handle();
        (Self { id, connection, discoverer, watches: RefCell::new(watches), discovery }, receiver)
    }

    /// Reads again what the cluster serves, and tells.
    pub(super) fn discover_again(&self, events: mpsc::UnboundedSender<Event>) {
        let (id, discoverer) = (self.id.clone(), self.discoverer.clone());
        tokio::spawn(async move {
            let trouble = discoverer.refresh().await.err().map(|error| error.to_string());
            let _ = events.send(Event::Kinds { cluster: id, trouble });
        });
    }

    fn resource(&self, kind: &bridgehead_api::GroupVersionKind) -> Result<Resource, CallError> {
        let control = ControlKind::ALL.map(controller::control_resource);
        if let Some(known) = control.into_iter().find(|resource| resource.gvk == *kind) {
            return Ok(known);
        }
        let served = self.discoverer.last();
        let resource = served.as_ref().and_then(|discovery| discovery.resource_for(kind).cloned());
        resource.ok_or_else(|| CallError {
            kind: CallErrorKind::KindNotServed,
            message: format!(
                "the server does not serve {} in version {}: is its CustomResourceDefinition installed?",
                kind.group_kind, kind.version
            ),
        })
    }
}

impl LiveCluster {
    /// What is served of the kind for a call that names no fields of it: in this version, or in the one that is
    /// preferred by now. What was read in a version that has gone can still be deleted.
    fn resource_in_any_version(
        &self,
        kind: &bridgehead_api::GroupVersionKind,
    ) -> Result<Resource, CallError> {
        self.resource(kind).or_else(|error| {
            let served = self.discoverer.last();
            let preferred = served.as_ref().and_then(|served| served.preferred(&kind.group_kind).cloned());
            preferred.ok_or(error)
        })
    }
}

/// Asks until there is an answer. Without one, nothing can be done in this cluster anyway.
async fn discover(id: ClusterId, discoverer: Arc<Discoverer>, events: mpsc::UnboundedSender<Event>) {
    let mut pause = Duration::from_millis(500);
    loop {
        let trouble = discoverer.get().await.err().map(|error| error.to_string());
        let is_known = trouble.is_none();
        if events.send(Event::Kinds { cluster: id.clone(), trouble }).is_err() || is_known {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

impl Cluster for LiveCluster {
    fn kinds(&self) -> Option<Arc<Discovery>> {
        self.discoverer.last()
    }

    async fn refresh_kinds(&self) -> Result<(), CallError> {
        self.discoverer.refresh().await.map(|_| ()).map_err(|error| call_error(&error))
    }

    fn watch(&self, resource: &Resource) {
        let mut watches = self.watches.borrow_mut();
        let kind = &resource.gvk.group_kind;
        let mut of_kind = watches.targets().filter(|target| target.kind() == kind);
        if of_kind.any(|target| target.resource.gvk == resource.gvk) {
            return;
        }
        drop(of_kind);
        watches.stop(kind);
        watches.start(WatchTarget::all(resource.clone()));
    }

    fn unwatch(&self, kind: &GroupKind) {
        self.watches.borrow_mut().stop(kind);
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let answer = match call {
            Call::Read { kind, key } => {
                return match write::get(&self.connection, &self.resource(&kind)?, &key).await {
                    Ok(Some(live)) => Ok(Reply::Object(live.manifest)),
                    Ok(None) => Ok(Reply::Gone),
                    Err(error) => Err(call_error(&error)),
                };
            }
            Call::Create { object, strict, dry_run } => {
                let resource = self.resource(&object.gvk())?;
                write::create(&self.connection, &resource, &object.key(), &object, &options(strict, dry_run))
                    .await
            }
            Call::Replace { object, strict, dry_run } => {
                let resource = self.resource(&object.gvk())?;
                write::replace(&self.connection, &resource, &object.key(), &object, &options(strict, dry_run))
                    .await
            }
            Call::Patch { kind, key, patch, strict, dry_run } => {
                // A JSON patch of ours is about metadata alone.
                let resource = match &patch {
                    Patch::Json(_) => self.resource_in_any_version(&kind)?,
                    _ => self.resource(&kind)?,
                };
                let mut how = options(strict, dry_run);
                if kind.group_kind.is(bridgehead_api::GROUP, "Application") && matches!(patch, Patch::Json(_))
                {
                    bridgehead_engine::rival::APPLICATION_MANAGER.clone_into(&mut how.field_manager);
                }
                let change = match patch {
                    Patch::Apply(body) => {
                        let apply = ApplyOptions { write: how, ..ApplyOptions::default() };
                        let answer =
                            write::apply(&self.connection, &resource, &key, &Manifest::new(body), &apply)
                                .await;
                        return object(answer);
                    }
                    Patch::Json(body) => write::Patch::Json(body),
                    Patch::Merge(body) => write::Patch::Merge(body),
                    Patch::StrategicMerge(body) => write::Patch::Strategic(body),
                };
                let is_conditional = matches!(change, write::Patch::Json(_));
                let answer = write::patch(&self.connection, &resource, &key, &change, &how).await;
                return object(answer).map_err(|error| failed_test(error, is_conditional));
            }
            Call::Delete { kind, key, uid, resource_version, propagation } => {
                let how = write::DeleteOptions {
                    propagation: match propagation {
                        PropagationPolicy::Foreground => write::Propagation::Foreground,
                        PropagationPolicy::Background => write::Propagation::Background,
                        PropagationPolicy::Orphan => write::Propagation::Orphan,
                    },
                    uid: Some(uid),
                    resource_version,
                    dry_run: DryRun::No,
                };
                let resource = self.resource_in_any_version(&kind)?;
                return match write::begin_deletion(&self.connection, &resource, &key, &how).await {
                    Ok(Deletion::Going(live)) => Ok(Reply::Object(live.manifest)),
                    Ok(Deletion::Gone | Deletion::Absent) => Ok(Reply::Gone),
                    Err(error) => Err(call_error(&error)),
                };
            }
        };
        object(answer)
    }
}

fn options(strict: bool, dry_run: bool) -> WriteOptions {
    WriteOptions {
        validation: if strict { FieldValidation::Strict } else { FieldValidation::Ignore },
        dry_run: if dry_run { DryRun::Server } else { DryRun::No },
        ..WriteOptions::default()
    }
}

fn object(answer: Result<Live, ApiError>) -> Result<Reply, CallError> {
    answer.map(|live| Reply::Object(live.manifest)).map_err(|error| call_error(&error))
}

/// A test of a JSON patch that does not hold is told as invalid; it means that the object has changed.
fn failed_test(error: CallError, is_conditional: bool) -> CallError {
    if is_conditional && error.kind == CallErrorKind::Invalid {
        CallError { kind: CallErrorKind::Conflict, ..error }
    } else {
        error
    }
}

fn call_error(error: &ApiError) -> CallError {
    let kind = match &error.kind {
        ApiErrorKind::AlreadyExists => CallErrorKind::AlreadyExists,
        ApiErrorKind::Conflict { .. } | ApiErrorKind::Expired => CallErrorKind::Conflict,
        ApiErrorKind::NotFound => CallErrorKind::NotFound,
        ApiErrorKind::KindNotServed => CallErrorKind::KindNotServed,
        ApiErrorKind::NamespaceNotFound => CallErrorKind::NamespaceMissing,
        ApiErrorKind::Throttled { .. } => CallErrorKind::Throttled,
        ApiErrorKind::Unreachable
        | ApiErrorKind::Timeout
        | ApiErrorKind::Server
        | ApiErrorKind::Credentials
        | ApiErrorKind::AdmissionUnavailable { .. }
        | ApiErrorKind::Protocol => CallErrorKind::Unreachable,
        ApiErrorKind::Invalid { .. } if error.status == UNPROCESSABLE => CallErrorKind::Invalid,
        ApiErrorKind::Invalid { .. }
        | ApiErrorKind::Forbidden
        | ApiErrorKind::Unauthorized
        | ApiErrorKind::TooLarge
        | ApiErrorKind::AdmissionDenied { .. }
        | ApiErrorKind::NamespaceTerminating => CallErrorKind::Refused,
    };
    CallError { kind, message: error.message.clone() }
}

#[cfg(test)]
mod tests {
    use bridgehead_kubernetes::{ConnectionSettings, connect};

    use super::*;

    #[tokio::test]
    async fn a_cluster_that_never_answered_is_not_asked_any_more_once_it_is_dropped() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let settings = ConnectionSettings::server(format!("http://{address}"));
        let connection = connect(&settings).expect("a connection, which nothing has used");
        let (send, mut events) = mpsc::unbounded_channel();
        let (cluster, _watches) = LiveCluster::open(ClusterId("far".into()), connection, send);
        assert!(matches!(events.recv().await, Some(Event::Kinds { trouble: Some(_), .. })));
        drop(cluster);
        let is_over = async { while events.recv().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(10), is_over).await.expect("nobody asks any more");
    }
}
