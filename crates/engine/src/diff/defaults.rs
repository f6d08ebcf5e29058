//! Values that the API server leaves out, chooses or sets by itself.

use serde_json::Value;

use super::schema;

/// True if a value is as good as absent. In a built-in type these are the empty lists and maps, and the zero
/// values of fields that cannot tell zero from absent; elsewhere null alone.
pub(super) fn is_nothing(field: &str, value: &Value, native: bool) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => {
            native
                && fields.is_empty()
                && (schema::has_free_keys("spec", field) || schema::holds_quantities(field))
        }
        Value::Array(items) => native && items.is_empty(),
        Value::Bool(flag) => native && !flag && is_plain_flag(field),
        Value::Number(number) => native && number.as_i64() == Some(0) && is_plain_number(field),
        Value::String(text) => native && text.is_empty() && !is_optional_text(field),
    }
}

/// Flags that the API server leaves out where they are false. All others tell false from absent.
fn is_plain_flag(field: &str) -> bool {
    matches!(
        field,
        "hostNetwork"
            | "hostPID"
            | "hostIPC"
            | "paused"
            | "readOnly"
            | "stdin"
            | "stdinOnce"
            | "tty"
            | "publishNotReadyAddresses"
            | "unschedulable"
            | "globalDefault"
            | "insecureSkipTLSVerify"
            | "preserveUnknownFields"
            | "deprecated"
    )
}

/// Numbers that the API server leaves out, or replaces by a default, where they are zero.
fn is_plain_number(field: &str) -> bool {
    is_chosen_number(field) || matches!(field, "minReadySeconds" | "initialDelaySeconds" | "hostPort")
}

fn is_chosen_number(field: &str) -> bool {
    matches!(
        field,
        "nodePort"
            | "healthCheckNodePort"
            | "targetPort"
            | "periodSeconds"
            | "timeoutSeconds"
            | "successThreshold"
            | "failureThreshold"
    )
}

/// Texts that tell empty from absent.
fn is_optional_text(field: &str) -> bool {
    matches!(field, "storageClassName" | "volumeAttributesClassName")
}

/// True if a zero value in Git leaves the choice to the API server: it never stores the zero.
pub(super) fn is_servers_choice(field: &str, desired: &Value) -> bool {
    match desired {
        Value::String(text) => text.is_empty() && field != "value" && !is_optional_text(field),
        Value::Number(number) => number.as_i64() == Some(0) && is_chosen_number(field),
        _ => false,
    }
}

/// True if the API server would put this value back were the field taken away.
pub(super) fn is_default(field: &str, live: &Value) -> bool {
    match live {
        Value::Null => true,
        Value::Object(fields) if fields.is_empty() => matches!(
            field,
            "resources" | "securityContext" | "strategy" | "updateStrategy" | "rollingUpdate" | "emptyDir"
        ),
        Value::Object(fields) => fields.iter().all(|(name, value)| is_default(name, value)),
        Value::Array(_) => false,
        Value::String(text) => is_default_text(field, text),
        Value::Number(number) => number.as_i64().is_some_and(|number| is_default_number(field, number)),
        Value::Bool(flag) => match field {
            "enableServiceLinks" | "allocateLoadBalancerNodePorts" => *flag,
            "suspend" => !flag,
            _ => false,
        },
    }
}

fn is_default_text(field: &str, text: &str) -> bool {
    match field {
        "protocol" => text == "TCP",
        "imagePullPolicy" => matches!(text, "Always" | "IfNotPresent"),
        "restartPolicy" => text == "Always",
        "dnsPolicy" => text == "ClusterFirst",
        "terminationMessagePath" => text == "/dev/termination-log",
        "terminationMessagePolicy" => text == "File",
        "schedulerName" => text == "default-scheduler",
        "scheme" => text == "HTTP",
        "sessionAffinity" => text == "None",
        "internalTrafficPolicy" | "externalTrafficPolicy" => text == "Cluster",
        "ipFamilyPolicy" => text == "SingleStack",
        "podManagementPolicy" => text == "OrderedReady",
        "concurrencyPolicy" => text == "Allow",
        "completionMode" => text == "NonIndexed",
        "matchPolicy" => text == "Equivalent",
        "reinvocationPolicy" => text == "Never",
        "volumeMode" => text == "Filesystem",
        "volumeBindingMode" => text == "Immediate",
        "reclaimPolicy" => text == "Delete",
        "maxSurge" | "maxUnavailable" => text == "25%",
        "type" => matches!(text, "ClusterIP" | "RollingUpdate" | "Opaque"),
        "whenDeleted" | "whenScaled" => text == "Retain",
        "apiVersion" => text == "v1",
        _ => false,
    }
}

fn is_default_number(field: &str, number: i64) -> bool {
    match field {
        "replicas"
        | "parallelism"
        | "completions"
        | "successThreshold"
        | "maxUnavailable"
        | "minReplicas"
        | "failedJobsHistoryLimit" => number == 1,
        "terminationGracePeriodSeconds" => number == 30,
        "revisionHistoryLimit" | "periodSeconds" => number == 10,
        "progressDeadlineSeconds" => number == 600,
        "successfulJobsHistoryLimit" | "failureThreshold" => number == 3,
        "backoffLimit" => number == 6,
        // Probes wait one second, admission webhooks ten.
        "timeoutSeconds" => matches!(number, 1 | 10),
        "defaultMode" => number == 0o644,
        "expirationSeconds" => number == 3600,
        "maxSurge" | "partition" => number == 0,
        _ => false,
    }
}
