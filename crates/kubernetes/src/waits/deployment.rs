//! A Deployment that runs what it says.

use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_engine::manifest::Live;
use serde_json::Value;

use super::{Verdict, WaitError, condition, wait_for};
use crate::connect::Connection;
use crate::discovery::Resource;

/// Waits until all replicas of a Deployment are of its present template and available.
pub async fn rolled_out(
    connection: &Connection,
    namespace: &str,
    name: &str,
    within: Duration,
) -> Result<Live, WaitError> {
    let deployments = Resource::known("apps/v1", "Deployment", "deployments", true);
    let key = ObjectKey::new(deployments.gvk.group_kind.clone(), namespace, name);
    let what = format!("Deployment `{namespace}/{name}` to be rolled out");
    wait_for(connection, &deployments, &key, within, what, |live| match live {
        None => Verdict::NotYet("there is no such Deployment".to_owned()),
        Some(live) => match rollout(live) {
            Verdict::Done(()) => Verdict::Done(live.clone()),
            Verdict::NotYet(seen) => Verdict::NotYet(seen),
            Verdict::Never(seen) => Verdict::Never(seen),
        },
    })
    .await
}

/// How far a Deployment's rollout is.
pub fn rollout(deployment: &Live) -> Verdict<()> {
    let object = deployment.manifest.value();
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    if number("/status/observedGeneration") < number("/metadata/generation") {
        return Verdict::NotYet("its controller has not seen the last change".to_owned());
    }
    if let Some(("False", "ProgressDeadlineExceeded", message)) = condition(deployment, "Progressing") {
        return Verdict::Never(message.to_owned());
    }
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let (updated, all, available) =
        (number("/status/updatedReplicas"), number("/status/replicas"), number("/status/availableReplicas"));
    if updated == wanted && all == wanted && available == wanted {
        return Verdict::Done(());
    }
    let mut seen = format!("{updated} of {wanted} replicas updated, {available} available");
    if all > updated {
        seen = format!("{seen}, {} old ones left", all - updated);
    }
    if let Some(("True", reason, message)) = condition(deployment, "ReplicaFailure") {
        seen = format!("{seen}; {reason}: {message}");
    }
    Verdict::NotYet(seen)
}

#[cfg(test)]
mod tests {
    use bridgehead_engine::manifest::Manifest;
    use serde_json::json;

    use super::*;

    fn verdict(status: &Value) -> Verdict<()> {
        rollout(&Live::new(Manifest::new(json!({
            "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status,
        }))))
    }

    #[test]
    fn a_status_of_an_earlier_generation_says_nothing() {
        let full =
            json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert!(matches!(verdict(&full), Verdict::NotYet(_)));
    }

    #[test]
    fn old_replicas_that_are_left_are_waited_for() {
        let status =
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(
            verdict(&status),
            Verdict::NotYet("2 of 2 replicas updated, 2 available, 1 old ones left".to_owned())
        );
        let full =
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(verdict(&full), Verdict::Done(()));
    }

    #[test]
    fn a_rollout_past_its_deadline_is_not_waited_for() {
        let status = json!({"observedGeneration": 2, "conditions": [{"type": "Progressing", "status": "False",
            "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet \"web-1\" has timed out progressing."}]});
        assert!(matches!(verdict(&status), Verdict::Never(message) if message.contains("web-1")));
    }
}
