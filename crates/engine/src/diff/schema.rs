//! What is known of the fields of Kubernetes' own kinds: which lists are maps, which values are quantities,
//! which maps have free keys.
//!
//! The API server has this from the tags of its types; here it is told by kind and by the names of a field
//! and of the field around it, which are unambiguous among the built-in kinds.

use bridgehead_api::GroupKind;
use serde_json::Value;

/// Groups that the API server itself serves with compiled-in types.
const NATIVE_GROUPS: &[&str] = &[
    "",
    "apps",
    "extensions",
    "batch",
    "autoscaling",
    "policy",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "certificates.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "resource.k8s.io",
];

/// Native groups that `kubectl` itself does not know the types of: it sends them JSON merge patches.
const MERGE_PATCH_GROUPS: &[&str] = &["apiextensions.k8s.io", "apiregistration.k8s.io"];

/// How much is known of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// Built in: strategic merge.
    Strategic,
    /// Built in, but patched with JSON merge patches.
    Native,
    /// A custom resource: JSON merge, lists as they stand.
    Custom,
}

impl Knowledge {
    /// What is known of a kind.
    pub(super) fn of(kind: &GroupKind) -> Self {
        let group = &*kind.group;
        if !NATIVE_GROUPS.contains(&group) {
            Self::Custom
        } else if MERGE_PATCH_GROUPS.contains(&group) {
            Self::Native
        } else {
            Self::Strategic
        }
    }

    /// True for built-in kinds.
    pub(super) fn is_native(self) -> bool {
        self != Self::Custom
    }
}

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListRule {
    /// As one value.
    Atomic,
    /// Element by element, found by these fields; the first is the strategic merge key.
    Map(&'static [&'static str]),
    /// As a set of texts.
    Set,
}

/// How the list `field` inside `parent` is merged.
pub(super) fn list_rule(kind: &str, parent: &str, field: &str) -> ListRule {
    let by_name = match field {
        "containers" | "initContainers" | "ephemeralContainers" => true,
        "env" => is_container_list(parent),
        "volumes" | "schedulingGates" | "resourceClaims" | "imagePullSecrets" => parent == "spec",
        "secrets" => kind == "ServiceAccount",
        "webhooks" => kind.ends_with("WebhookConfiguration"),
        "matchConditions" | "variables" => parent == "spec" || parent == "webhooks",
        _ => false,
    };
    match field {
        _ if by_name => ListRule::Map(&["name"]),
        "ports" if is_container_list(parent) => ListRule::Map(&["containerPort", "protocol"]),
        "ports" if kind == "Service" && parent == "spec" => ListRule::Map(&["port", "protocol"]),
        "volumeMounts" if is_container_list(parent) => ListRule::Map(&["mountPath"]),
        "volumeDevices" if is_container_list(parent) => ListRule::Map(&["devicePath"]),
        "hostAliases" => ListRule::Map(&["ip"]),
        "topologySpreadConstraints" => ListRule::Map(&["topologyKey", "whenUnsatisfiable"]),
        "ownerReferences" if parent == "metadata" => ListRule::Map(&["uid"]),
        "finalizers" if parent == "metadata" => ListRule::Set,
        _ => ListRule::Atomic,
    }
}

/// True for the lists of a pod's containers.
fn is_container_list(field: &str) -> bool {
    matches!(field, "containers" | "initContainers" | "ephemeralContainers")
}

/// The values of an element's key fields; a port without protocol is a TCP port.
fn identity<'v>(keys: &[&str], element: &'v Value) -> Vec<&'v Value> {
    const NULL: &Value = &Value::Null;
    keys.iter()
        .map(|key| element.get(*key).filter(|value| !is_default_key(key, value)).unwrap_or(NULL))
        .collect()
}

/// For each element, the live one that it stands for. Of several with the same keys the first goes with the
/// first, the second with the second.
pub(super) fn pair(keys: &[&str], desired: &[Value], live: &[Value]) -> Vec<Option<usize>> {
    let mut taken = vec![false; live.len()];
    desired
        .iter()
        .map(|element| {
            let own = identity(keys, element);
            let found =
                (0..live.len()).find(|index| !taken[*index] && identity(keys, &live[*index]) == own)?;
            taken[found] = true;
            Some(found)
        })
        .collect()
}

/// True if the live partners stand in the order of the elements.
pub(super) fn is_in_order(pairs: &[Option<usize>]) -> bool {
    let mut found = pairs.iter().flatten();
    let Some(mut before) = found.next() else { return true };
    found.all(|index| std::mem::replace(&mut before, index) < index)
}

/// The element with the same keys.
pub(super) fn find<'l>(keys: &[&str], list: &'l [Value], element: &Value) -> Option<&'l Value> {
    let own = identity(keys, element);
    list.iter().find(|item| identity(keys, item) == own)
}

fn is_default_key(key: &str, value: &Value) -> bool {
    key == "protocol" && value.as_str().is_some_and(|protocol| matches!(protocol, "TCP" | ""))
}

/// True for maps of which only the keys that Git gives are kept when it changes something: fields that
/// exclude each other.
pub(super) fn retains_keys(kind: &str, parent: &str, field: &str) -> bool {
    parent == "spec" && (field == "volumes" || (field == "strategy" && kind == "Deployment"))
}

/// True for maps whose keys are the user's: nothing is known of what is in them.
pub(super) fn has_free_keys(parent: &str, field: &str) -> bool {
    match field {
        "labels"
        | "annotations"
        | "matchLabels"
        | "nodeSelector"
        | "data"
        | "binaryData"
        | "stringData"
        | "parameters"
        | "deviceClassMappings"
        | "options"
        | "volumeAttributes" => true,
        // A Service's and a ReplicationController's selector is a plain map; others hold matchLabels.
        "selector" => parent == "spec",
        _ => false,
    }
}

/// True for maps of quantities, as in `resources.limits`.
pub(super) fn holds_quantities(field: &str) -> bool {
    matches!(
        field,
        "limits"
            | "requests"
            | "capacity"
            | "hard"
            | "default"
            | "defaultRequest"
            | "max"
            | "min"
            | "maxLimitRequestRatio"
            | "podFixed"
    )
}

/// True for a field that is a quantity itself.
pub(super) fn is_quantity(kind: &str, field: &str) -> bool {
    match field {
        "sizeLimit" | "divisor" | "averageValue" => true,
        "value" => kind == "HorizontalPodAutoscaler",
        _ => false,
    }
}

/// True for bytes in base64, in which white space means nothing.
pub(super) fn is_base64(kind: &str, parent: &str, field: &str) -> bool {
    field == "caBundle" || (kind == "Secret" && parent == "data") || parent == "binaryData"
}
