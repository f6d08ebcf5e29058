//! How objects come up.

use serde_json::{Value, json};

use super::{BEHAVIOUR, Move};
use crate::api_server::{ApiServer, object};

/// The next move of an object that is not being deleted; `lives`: how many objects of this name there were.
pub(super) fn next_move(server: &ApiServer, object: &Value, lives: usize) -> Option<Move> {
    let behaviour = object::annotation(object, BEHAVIOUR).unwrap_or("works");
    let status = object.get("status");
    let next = match object::text(object, "/kind") {
        "Deployment" => {
            if let Some(created) = missing_replica_set(server, object) {
                return Some(Move::Create(created));
            }
            rollout(object, behaviour)
        }
        "StatefulSet" => stateful_set(object, behaviour),
        "DaemonSet" => daemon_set(object, behaviour),
        "Job" => job(object, behaviour, lives),
        "Pod" => pod(object, behaviour, lives),
        "PersistentVolumeClaim" => json!({"phase": "Bound"}),
        "Service" if object::text(object, "/spec/type") == "LoadBalancer" => {
            json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}})
        }
        "CustomResourceDefinition" => {
            let names = object.pointer("/spec/names").cloned().unwrap_or_default();
            let established = json!({
                "acceptedNames": names,
                "conditions": [
                    {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts"},
                    {"type": "Established", "status": "True", "reason": "InitialNamesAccepted"},
                ],
                "storedVersions": ["v1"],
            });
            return (status != Some(&established)).then_some(Move::Establish(established));
        }
        _ => return None,
    };
    (status != Some(&next)).then_some(Move::Status(next))
}

/// What was reached so far: 0 nothing of this generation, 1 seen, 2 and more: further.
fn reached(object: &Value) -> i64 {
    let seen = object::number(object, "/status/observedGeneration");
    if seen == object::number(object, "/metadata/generation") {
        object::number(object, "/status/reached")
    } else {
        0
    }
}

/// A rollout in steps: seen, new replicas there, new replicas available. One that fails exceeds its
/// deadline; one that is late does so and comes up all the same.
fn rollout(object: &Value, behaviour: &str) -> Value {
    let wanted = object::number(object, "/spec/replicas");
    let generation = object::number(object, "/metadata/generation");
    let exceeded = json!([
        {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "gave up"},
    ]);
    let step = reached(object) + 1;
    let status = |step: i64, updated: i64, available: i64, conditions: &Value| {
        json!({
            "observedGeneration": generation, "reached": step, "replicas": updated.max(1).min(wanted.max(updated)),
            "updatedReplicas": updated, "readyReplicas": available, "availableReplicas": available,
            "conditions": conditions,
        })
    };
    let progressing = json!([{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]);
    let available = json!([
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]);
    match (step, behaviour) {
        (1, _) => status(1, 0, 0, &progressing),
        (2, _) => status(2, wanted, 0, &progressing),
        (_, "fails") => status(3, wanted, 0, &exceeded),
        (3, "late") => status(3, wanted, 0, &exceeded),
        _ => status(4, wanted, wanted, &available),
    }
}

fn stateful_set(object: &Value, behaviour: &str) -> Value {
    let wanted = object::number(object, "/spec/replicas");
    let step = reached(object) + 1;
    let ready = if step >= 3 && behaviour != "fails" { wanted } else { 0 };
    let revision = format!(
        "{}-{}",
        object::text(object, "/metadata/name"),
        object::number(object, "/metadata/generation")
    );
    json!({
        "observedGeneration": object::number(object, "/metadata/generation"), "reached": step.min(3),
        "replicas": wanted, "updatedReplicas": wanted, "currentReplicas": wanted, "readyReplicas": ready,
        "availableReplicas": ready, "currentRevision": revision, "updateRevision": revision,
    })
}

fn daemon_set(object: &Value, behaviour: &str) -> Value {
    let step = reached(object) + 1;
    let ready = if step >= 2 && behaviour != "fails" { 3 } else { 0 };
    json!({
        "observedGeneration": object::number(object, "/metadata/generation"), "reached": step.min(2),
        "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3,
        "numberAvailable": ready, "numberReady": ready,
    })
}

fn fails(behaviour: &str, lives: usize) -> bool {
    behaviour == "fails" || (behaviour == "fails-once" && lives <= 1)
}

fn job(object: &Value, behaviour: &str, lives: usize) -> Value {
    if object.get("status").is_none() {
        return json!({"active": 1, "startTime": "2026-01-01T00:00:00Z"});
    }
    if fails(behaviour, lives) {
        json!({"failed": 1, "conditions": [{
            "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit",
        }]})
    } else {
        json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]})
    }
}

fn pod(object: &Value, behaviour: &str, lives: usize) -> Value {
    let container = |state: Value, ready: bool| json!([{"name": "main", "ready": ready, "restartCount": 0, "state": state}]);
    let runs_once = object::text(object, "/spec/restartPolicy") == "Never";
    if object::text(object, "/status/phase") == "Pending" {
        let running = container(json!({"running": {}}), true);
        return json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": running});
    }
    if !runs_once {
        return object.get("status").cloned().unwrap_or_default();
    }
    let (phase, code) = if fails(behaviour, lives) { ("Failed", 1) } else { ("Succeeded", 0) };
    json!({"phase": phase, "containerStatuses": container(json!({"terminated": {"exitCode": code}}), false)})
}

/// A Deployment makes a ReplicaSet for each template, and copies its annotations onto it, the tracking id
/// among them.
fn missing_replica_set(server: &ApiServer, deployment: &Value) -> Option<Value> {
    let name = object::text(deployment, "/metadata/name");
    let namespace = object::text(deployment, "/metadata/namespace");
    let version = deployment.pointer("/spec/template/metadata/labels/version")?.as_str()?;
    let name = format!("{name}-{version}");
    let kind = bridgehead_api::GroupKind::new("apps", "ReplicaSet");
    let key = bridgehead_api::ObjectKey::new(kind, namespace, name.as_str());
    if server.get(&key).is_some() {
        return None;
    }
    let mut annotations = deployment.pointer("/metadata/annotations").cloned().unwrap_or_else(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove(bridgehead_api::annotations::LAST_APPLIED);
    }
    Some(json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": namespace, "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": object::text(deployment, "/metadata/name"),
                "uid": object::text(deployment, "/metadata/uid"), "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {"replicas": deployment.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(1))},
    }))
}
