//! DaemonSet.

use super::Health;
use super::read::Reader;

pub(super) fn health(daemon_set: Reader<'_>) -> Health {
    if daemon_set.is_behind() {
        return Health::progressing("waiting for the controller to see the new specification");
    }
    let wanted = daemon_set.count("/status/desiredNumberScheduled");
    let updated = daemon_set.count("/status/updatedNumberScheduled");
    let available = daemon_set.count("/status/numberAvailable");
    if daemon_set.text("/spec/updateStrategy/type") == "OnDelete" {
        return Health::healthy(format!(
            "{updated} of {wanted} pods are updated; the others follow on deletion"
        ));
    }
    if updated < wanted {
        return Health::progressing(format!(
            "waiting for the rollout: {updated} of {wanted} pods are updated"
        ));
    }
    if available < wanted {
        return Health::progressing(format!(
            "waiting for the rollout: {available} of {wanted} updated pods are available"
        ));
    }
    Health::healthy("")
}
