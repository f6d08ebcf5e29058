//! From a plan of an object to its manifest.

use bridgehead_api::annotations;
use bridgehead_api::secret::Cluster;
use bridgehead_api::{API_VERSION, GroupKind, ObjectKey};
use serde_json::{Map, Value, json};

use super::{ApplicationPlan, ObjectPlan, REPOSITORY};
use crate::api_server::object;
use crate::controllers::{BEHAVIOUR, SLOW_FINALIZER};
use crate::git::BRANCH;
use crate::world::CONTROL_NAMESPACE;

/// The version of an object's content.
pub const VERSION: &str = "simulation.example.com/version";

/// A key that every other version of a ConfigMap has.
pub const ODD: &str = "odd";

/// `apiVersion` of a kind.
pub fn api_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => "apps/v1",
        "Job" => "batch/v1",
        "Role" | "ClusterRole" => "rbac.authorization.k8s.io/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        "Widget" => "example.com/v1",
        "Application" => API_VERSION,
        _ => "v1",
    }
}

/// True if the kind's objects live outside of namespaces.
pub fn is_cluster_scoped(kind: &str) -> bool {
    matches!(kind, "Namespace" | "ClusterRole" | "CustomResourceDefinition")
}

/// The key of an object of the application.
pub fn key(application: &ApplicationPlan, plan: &ObjectPlan) -> ObjectKey {
    let group = api_version(plan.kind).rsplit_once('/').map_or("", |(group, _)| group);
    let namespace = match plan.kind {
        kind if is_cluster_scoped(kind) => "",
        "Application" => CONTROL_NAMESPACE,
        _ => application.namespace,
    };
    ObjectKey::new(GroupKind::new(group, plan.kind), namespace, plan.name.as_str())
}

/// The manifest as it stands in Git.
pub fn manifest(plan: &ObjectPlan) -> Value {
    let version = format!("v{}", plan.version);
    let mut notes = Map::new();
    let mut note = |name: &str, value: String| {
        notes.insert(name.to_owned(), value.into());
    };
    note(VERSION, version.clone());
    if plan.wave != 0 {
        note(annotations::SYNC_WAVE, plan.wave.to_string());
    }
    if plan.behaviour != "works" {
        note(BEHAVIOUR, plan.behaviour.to_owned());
    }
    if !plan.options.is_empty() {
        note(annotations::SYNC_OPTIONS, plan.options.join(","));
    }
    let mut metadata = json!({});
    if let Some(hook) = &plan.hook {
        note(annotations::HOOK, hook.types.join(","));
        if !hook.policies.is_empty() {
            note(annotations::HOOK_DELETE_POLICY, hook.policies.join(","));
        }
    }
    if plan.hook.as_ref().is_some_and(|hook| hook.generates_name) {
        metadata["generateName"] = json!(format!("{}-", plan.name));
    } else {
        metadata["name"] = json!(plan.name);
    }
    if plan.is_slow_to_go {
        metadata["finalizers"] = json!([SLOW_FINALIZER]);
    }
    metadata["annotations"] = Value::Object(notes);
    let mut object = json!({"apiVersion": api_version(plan.kind), "kind": plan.kind, "metadata": metadata});
    if let Some(child) = &plan.child {
        let application = application(child);
        object["spec"] = application["spec"].clone();
        object["metadata"]["namespace"] = json!(CONTROL_NAMESPACE);
        if let Some(finalizers) = application.pointer("/metadata/finalizers") {
            object["metadata"]["finalizers"] = finalizers.clone();
        }
        return object;
    }
    body(plan, &version, &mut object);
    object
}

fn body(plan: &ObjectPlan, version: &str, object: &mut Value) {
    let labels = json!({"app": plan.name});
    let containers = json!([{
        "name": "main", "image": format!("registry.example.com/app:{version}"),
        "env": [{"name": "VERSION", "value": version}],
    }]);
    let template = json!({
        "metadata": {"labels": {"app": plan.name, "version": version}}, "spec": {"containers": containers},
    });
    let once = json!({"spec": {"restartPolicy": "Never", "containers": containers}});
    match plan.kind {
        "ConfigMap" => {
            object["data"] = json!({"version": version, "same": "always"});
            if !plan.version.is_multiple_of(2) {
                object["data"][ODD] = json!("yes");
            }
        }
        "Secret" => object["data"] = json!({"version": "djE=", "length": format!("{:0>4}", plan.version)}),
        "Deployment" => {
            object["spec"] =
                json!({"replicas": 2, "selector": {"matchLabels": labels}, "template": template});
        }
        "StatefulSet" => {
            object["spec"] = json!({
                "replicas": 1, "serviceName": plan.name, "selector": {"matchLabels": labels}, "template": template,
            });
        }
        "DaemonSet" => object["spec"] = json!({"selector": {"matchLabels": labels}, "template": template}),
        "Job" => object["spec"] = json!({"template": once}),
        "Pod" => object["spec"] = once["spec"].clone(),
        "Service" => {
            let service_type = if plan.version.is_multiple_of(2) { "LoadBalancer" } else { "ClusterIP" };
            object["spec"] = json!({
                "type": service_type, "selector": labels, "ports": [{"port": 80, "targetPort": 8080}],
            });
        }
        "PersistentVolumeClaim" => {
            object["spec"] = json!({
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            });
        }
        "Role" | "ClusterRole" => {
            object["rules"] = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        }
        "Widget" => object["spec"] = json!({"version": version}),
        "CustomResourceDefinition" => {
            object["spec"] = json!({
                "group": "example.com", "scope": "Namespaced",
                "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }],
            });
        }
        _ => {}
    }
}

/// True if the live object is as this manifest wants it, as far as Git says something.
pub fn is_as_desired(live: &Value, desired: &Value) -> bool {
    let same_version = object::annotation(live, VERSION) == object::annotation(desired, VERSION);
    let same = |part: &str| match desired.get(part) {
        Some(wanted) => live.get(part).is_some_and(|live| contains(live, wanted)),
        None => true,
    };
    let has_odd = |object: &Value| object.get("data").is_some_and(|data| data.get(ODD).is_some());
    same_version && ["data", "spec", "rules"].into_iter().all(same) && (!has_odd(live) || has_odd(desired))
}

/// True if everything in `wanted` is in `live` too; lists item by item, by place.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| live.get(name).is_some_and(|live| contains(live, value)))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| contains(live, wanted))
        }
        _ => live == wanted,
    }
}

/// An Application as its user writes it.
pub fn application(plan: &ApplicationPlan) -> Value {
    let mut policy = json!({"syncOptions": plan.options});
    if let Some(automated) = plan.automated {
        policy["automated"] =
            json!({"prune": automated.prune, "selfHeal": automated.self_heal, "allowEmpty": true});
    }
    if let Some(limit) = plan.retries {
        policy["retry"] =
            json!({"limit": limit, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"}});
    }
    let mut application = json!({
        "apiVersion": API_VERSION, "kind": "Application",
        "metadata": {"name": plan.name, "namespace": CONTROL_NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": REPOSITORY, "targetRevision": BRANCH, "path": plan.path},
            "destination": {"server": plan.server, "namespace": plan.namespace},
            "syncPolicy": policy,
        },
    });
    if let Some(finalizer) = plan.finalizer {
        application["metadata"]["finalizers"] = json!([finalizer]);
    }
    if plan.waits_for_applications {
        application["metadata"]["annotations"] = json!({annotations::WAIT_FOR_APPLICATIONS: "true"});
    }
    application
}

/// The project that everything is allowed in.
pub fn default_project() -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "AppProject",
        "metadata": {"name": "default", "namespace": CONTROL_NAMESPACE},
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    })
}

/// The Secret that registers a second cluster.
pub fn cluster_secret(name: &str, server: &str) -> Value {
    let cluster = Cluster { name: name.to_owned(), server: server.to_owned(), ..Cluster::default() };
    cluster.to_secret(CONTROL_NAMESPACE, &format!("cluster-{name}")).to_manifest()
}
