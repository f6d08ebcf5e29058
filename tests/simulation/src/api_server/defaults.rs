//! Fields that the API server fills in, of the kinds that scenarios use: what a client reads is more than
//! what it wrote.

use serde_json::{Map, Value, json};

use super::object::{section, text};

fn default(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.entry(name.to_owned()).or_insert(value);
}

/// Fills in what is missing.
pub(super) fn fill(object: &mut Value) {
    match text(object, "/kind") {
        "Namespace" => {
            let name = text(object, "/metadata/name").to_owned();
            section(object, &["metadata", "labels"])
                .insert("kubernetes.io/metadata.name".into(), name.into());
            default(section(object, &["spec"]), "finalizers", json!(["kubernetes"]));
            default(section(object, &["status"]), "phase", json!("Active"));
        }
        "Service" => {
            let spec = section(object, &["spec"]);
            default(spec, "type", json!("ClusterIP"));
            default(spec, "clusterIP", json!("10.0.0.1"));
            default(spec, "sessionAffinity", json!("None"));
            for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                default(section(port, &[]), "protocol", json!("TCP"));
            }
        }
        "Secret" => default(section(object, &[]), "type", json!("Opaque")),
        "Deployment" => {
            let spec = section(object, &["spec"]);
            default(spec, "replicas", json!(1));
            default(spec, "revisionHistoryLimit", json!(10));
            default(spec, "progressDeadlineSeconds", json!(600));
            default(spec, "strategy", json!({"type": "RollingUpdate"}));
            pod(object, "/spec/template");
        }
        "StatefulSet" => {
            let spec = section(object, &["spec"]);
            default(spec, "replicas", json!(1));
            default(spec, "podManagementPolicy", json!("OrderedReady"));
            default(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
            pod(object, "/spec/template");
        }
        "DaemonSet" => {
            default(section(object, &["spec"]), "updateStrategy", json!({"type": "RollingUpdate"}));
            pod(object, "/spec/template");
        }
        "Job" => {
            let uid = text(object, "/metadata/uid").to_owned();
            let spec = section(object, &["spec"]);
            default(spec, "backoffLimit", json!(6));
            default(spec, "completions", json!(1));
            default(spec, "parallelism", json!(1));
            default(spec, "suspend", json!(false));
            default(spec, "selector", json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
            let labels = section(object, &["spec", "template", "metadata", "labels"]);
            default(labels, "batch.kubernetes.io/controller-uid", json!(uid));
            pod(object, "/spec/template");
        }
        "Pod" => pod(object, ""),
        _ => {}
    }
}

fn pod(object: &mut Value, pointer: &str) {
    let Some(template) = object.pointer_mut(pointer) else { return };
    let spec = section(template, &["spec"]);
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    for container in spec.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
        let container = section(container, &[]);
        default(container, "imagePullPolicy", json!("IfNotPresent"));
        default(container, "terminationMessagePath", json!("/dev/termination-log"));
    }
}
