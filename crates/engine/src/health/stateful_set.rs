//! StatefulSet.

use super::Health;
use super::read::Reader;

pub(super) fn health(stateful_set: Reader<'_>) -> Health {
    if stateful_set.count("/status/observedGeneration") == 0 || stateful_set.is_behind() {
        return Health::progressing("waiting for the controller to see the new specification");
    }
    let wanted = stateful_set.number("/spec/replicas");
    let ready = stateful_set.count("/status/readyReplicas");
    let updated = stateful_set.count("/status/updatedReplicas");
    if let Some(wanted) = wanted
        && ready < wanted
    {
        return Health::progressing(format!("{ready} of {wanted} pods are ready"));
    }
    let strategy = stateful_set.text("/spec/updateStrategy/type");
    let rolling = stateful_set.at("/spec/updateStrategy/rollingUpdate");
    if strategy == "RollingUpdate" && !rolling.is_null() {
        let partition = stateful_set.number("/spec/updateStrategy/rollingUpdate/partition");
        if let (Some(wanted), Some(partition)) = (wanted, partition)
            && updated < wanted - partition
        {
            return Health::progressing(format!(
                "waiting for the partitioned rollout: {updated} of {} pods are updated",
                wanted - partition
            ));
        }
        return Health::healthy(format!("{updated} pods are updated"));
    }
    if strategy == "OnDelete" {
        return Health::healthy(format!("{ready} pods are ready; they are updated on deletion"));
    }
    let (update, current) =
        (stateful_set.text("/status/updateRevision"), stateful_set.text("/status/currentRevision"));
    if update != current {
        return Health::progressing(format!(
            "waiting for the rollout: {updated} pods are at revision {update}"
        ));
    }
    Health::healthy(format!(
        "{} pods are at revision {current}",
        stateful_set.count("/status/currentReplicas")
    ))
}
