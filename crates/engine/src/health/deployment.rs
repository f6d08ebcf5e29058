//! Deployment.

use super::Health;
use super::read::Reader;

pub(super) fn health(deployment: Reader<'_>) -> Health {
    if deployment.flag("/spec/paused") {
        return Health::suspended("the deployment is paused");
    }
    if deployment.is_behind() {
        return Health::progressing("waiting for the controller to see the new specification");
    }
    if let Some(progress) = deployment.condition("Progressing")
        && progress.text("/reason") == "ProgressDeadlineExceeded"
    {
        return Health::degraded(format!(
            "the rollout exceeded its progress deadline: {}",
            progress.text("/message")
        ));
    }
    let updated = deployment.count("/status/updatedReplicas");
    let all = deployment.count("/status/replicas");
    let available = deployment.count("/status/availableReplicas");
    match deployment.number("/spec/replicas") {
        Some(wanted) if updated < wanted => {
            return Health::progressing(format!(
                "waiting for the rollout: {updated} of {wanted} replicas are updated"
            ));
        }
        _ => {}
    }
    if all > updated {
        return Health::progressing(format!(
            "waiting for the rollout: {} old replicas are still there",
            all - updated
        ));
    }
    if available < updated {
        return Health::progressing(format!(
            "waiting for the rollout: {available} of {updated} updated replicas are available"
        ));
    }
    Health::healthy("")
}
