//! ReplicaSet.

use super::Health;
use super::read::Reader;

pub(super) fn health(replica_set: Reader<'_>) -> Health {
    if replica_set.is_behind() {
        return Health::progressing("waiting for the controller to see the new specification");
    }
    if let Some(failure) = replica_set.condition("ReplicaFailure")
        && failure.text("/status") == "True"
    {
        return Health::degraded(failure.text("/message"));
    }
    let available = replica_set.count("/status/availableReplicas");
    match replica_set.number("/spec/replicas") {
        Some(wanted) if available < wanted => {
            Health::progressing(format!("{available} of {wanted} replicas are available"))
        }
        _ => Health::healthy(""),
    }
}
