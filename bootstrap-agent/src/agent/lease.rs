//! One agent at a time: a Lease, taken before anything is written and given back at the end.
//!
//! The holder renews it every two seconds and stops, by the monotonic clock, before others may think that
//! it is gone. Its connections are behind a [`Fence`] that opens for as long as the last renewal holds, so that
//! nothing is sent after that either where the whole process was stopped for a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bridgehead_kubernetes::connect::Fence;
use bridgehead_kubernetes::write::{Lease, LeaseSpec, create_lease, get_lease, update_lease};
use bridgehead_kubernetes::{ApiError, ApiErrorKind, Connection};
use jiff::Timestamp;

/// Name of the Lease.
const NAME: &str = "bridgehead-agent";
/// What others wait after the last renewal.
const DURATION: Duration = Duration::from_secs(15);
/// How long the holder goes on without having renewed it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between renewals, and between looks while another holds it.
const PERIOD: Duration = Duration::from_secs(2);

/// The held Lease.
pub(super) struct Held {
    connection: Connection,
    lease: Lease,
    renewed: Instant,
    fence: Fence,
}

/// Waits until the Lease is ours.
pub(super) async fn acquire(connection: &Connection, namespace: &str, identity: &str) -> Held {
    let mut seen: Option<(LeaseSpec, Instant)> = None;
    let mut told = false;
    loop {
        let started = Instant::now();
        match attempt(connection, namespace, identity, &mut seen).await {
            Ok(Some(lease)) => {
                tracing::info!(identity, "this agent holds the lease");
                let fence = Fence::new(started + PATIENCE);
                return Held { connection: connection.clone(), lease, renewed: started, fence };
            }
            Ok(None) => {
                if !told {
                    let holder =
                        seen.as_ref().and_then(|(spec, _)| spec.holder_identity.clone()).unwrap_or_default();
                    tracing::info!(identity, holder, "another agent holds the lease; waiting");
                    told = true;
                }
            }
            Err(error) => tracing::warn!(error = %error, "failed to take the lease and try again"),
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// One try. None: somebody else holds it.
async fn attempt(
    connection: &Connection,
    namespace: &str,
    identity: &str,
    seen: &mut Option<(LeaseSpec, Instant)>,
) -> Result<Option<Lease>, ApiError> {
    let now = Timestamp::now();
    let Some(mut lease) = get_lease(connection, namespace, NAME).await? else {
        let lease = Lease {
            namespace: namespace.to_owned(),
            name: NAME.to_owned(),
            resource_version: String::new(),
            labels: BTreeMap::from([(bridgehead_api::annotations::PART_OF.to_owned(), "argocd".to_owned())]),
            spec: held_by(identity, now, 0),
        };
        return match create_lease(connection, &lease).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.kind == ApiErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        };
    };
    let holder = lease.spec.holder_identity.clone().unwrap_or_default();
    if !holder.is_empty() && holder != identity {
        // Its clock may differ from ours: what counts is how long we have seen it stand still.
        match seen {
            Some((spec, since)) if *spec == lease.spec => {
                let duration = u64::try_from(lease.spec.lease_duration_seconds.unwrap_or(15)).unwrap_or(15);
                if since.elapsed() < Duration::from_secs(duration) {
                    return Ok(None);
                }
            }
            _ => {
                *seen = Some((lease.spec.clone(), Instant::now()));
                return Ok(None);
            }
        }
    }
    lease.spec = held_by(identity, now, lease.spec.lease_transitions.unwrap_or(0) + 1);
    match update_lease(connection, &lease).await {
        Ok(lease) => Ok(Some(lease)),
        Err(error) if matches!(error.kind, ApiErrorKind::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Held {
    /// What keeps the holder's connections from writing once the Lease may be somebody else's, whatever the
    /// holder is doing then.
    pub(super) fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Renews for as long as it can, and returns why it no longer can. Whoever awaits this stops writing
    /// when it returns, which is before anybody else begins.
    pub(super) async fn keep(&mut self) -> String {
        let reason = loop {
            tokio::time::sleep(PERIOD).await;
            let rest = PATIENCE.saturating_sub(self.renewed.elapsed());
            if let Ok(Some(reason)) = tokio::time::timeout(rest, self.renew()).await {
                break reason;
            }
            if self.renewed.elapsed() >= PATIENCE {
                break format!("the lease could not be renewed for {} seconds", PATIENCE.as_secs());
            }
        };
        self.fence.move_to(Instant::now());
        reason
    }

    /// Renews once, and returns why nobody can any more.
    async fn renew(&mut self) -> Option<String> {
        let started = Instant::now();
        let mut next = self.lease.clone();
        next.spec.renew_time = Some(Timestamp::now());
        match update_lease(&self.connection, &next).await {
            Ok(lease) => {
                self.lease = lease;
                self.renewed = started;
                self.fence.move_to(started + PATIENCE);
            }
            Err(error) if matches!(error.kind, ApiErrorKind::Conflict { .. }) => {
                // Our own renewal whose answer was lost looks the same as somebody else's.
                match get_lease(&self.connection, &self.lease.namespace, NAME).await {
                    Ok(Some(lease)) if lease.spec.holder_identity == self.lease.spec.holder_identity => {
                        self.lease = lease;
                    }
                    Ok(_) => return Some("another agent holds the lease".to_owned()),
                    Err(error) => tracing::warn!(error = %error, "failed to read the lease"),
                }
            }
            Err(error) => tracing::warn!(error = %error, "failed to renew the lease"),
        }
        None
    }

    /// Gives the Lease back, so that the next agent need not wait.
    pub(super) async fn release(mut self) {
        self.lease.spec.holder_identity = Some(String::new());
        if let Err(error) = update_lease(&self.connection, &self.lease).await {
            tracing::debug!(error = %error, "failed to give the lease back");
        }
    }
}

fn held_by(identity: &str, now: Timestamp, transitions: i32) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: Some(now),
        renew_time: Some(now),
        lease_transitions: Some(transitions),
    }
}
