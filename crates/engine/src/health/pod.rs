//! Pod.

use bridgehead_api::annotations;

use super::Health;
use super::read::Reader;

pub(super) fn health(pod: Reader<'_>) -> Health {
    let runs_for_ever = runs_for_ever(pod);
    if runs_for_ever && let Some(message) = stuck_containers(pod) {
        return Health::degraded(message);
    }
    let message = pod.text("/status/message");
    match pod.text("/status/phase") {
        "Succeeded" => Health::healthy(message),
        "Failed" if !message.is_empty() => Health::degraded(message),
        "Failed" => Health::degraded(failure(pod)),
        "Running" if runs_for_ever && is_ready(pod) => Health::healthy(message),
        // Not ready after a container has ended once: it crashed, and nothing says that it will not again.
        "Running" if runs_for_ever && has_crashed(pod) => Health::degraded(message),
        "Pending" | "Running" => Health::progressing(message),
        phase => Health::unknown(if phase.is_empty() { "the pod has no phase yet" } else { message }),
    }
}

/// A pod that is restarted on failure or never has an end: as a hook it must not fail for an image that is
/// merely late. One that an operator runs without restarts can say that its policy means nothing.
fn runs_for_ever(pod: Reader<'_>) -> bool {
    let annotated = pod.at("/metadata/annotations").get(annotations::IGNORE_RESTART_POLICY);
    annotated.and_then(serde_json::Value::as_str) == Some("true")
        || matches!(pod.text("/spec/restartPolicy"), "" | "Always")
}

fn stuck_containers(pod: Reader<'_>) -> Option<String> {
    let messages: Vec<String> = pod
        .items("/status/initContainerStatuses")
        .chain(pod.items("/status/containerStatuses"))
        .filter(|container| is_stuck(container.text("/state/waiting/reason")))
        .map(|container| {
            let (reason, message) =
                (container.text("/state/waiting/reason"), container.text("/state/waiting/message"));
            let name = container.text("/name");
            if message.is_empty() {
                format!("container {name}: {reason}")
            } else {
                format!("container {name}: {reason}: {message}")
            }
        })
        .collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}

/// Reasons of the kubelet such as `ErrImagePull`, `CreateContainerConfigError`, `CrashLoopBackOff`.
fn is_stuck(reason: &str) -> bool {
    reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff")
}

fn failure(pod: Reader<'_>) -> String {
    pod.items("/status/initContainerStatuses")
        .chain(pod.items("/status/containerStatuses"))
        .find_map(|container| {
            let (message, reason) =
                (container.text("/state/terminated/message"), container.text("/state/terminated/reason"));
            let name = container.text("/name");
            match container.count("/state/terminated/exitCode") {
                _ if !message.is_empty() => Some(message.to_owned()),
                _ if reason == "OOMKilled" => Some(format!("container {name} ran out of memory (OOMKilled)")),
                0 => None,
                code => Some(format!("container {name} ended with exit code {code}")),
            }
        })
        .unwrap_or_default()
}

fn is_ready(pod: Reader<'_>) -> bool {
    pod.condition("Ready").is_some_and(|condition| condition.text("/status") == "True")
}

fn has_crashed(pod: Reader<'_>) -> bool {
    pod.items("/status/containerStatuses").any(|container| !container.at("/lastState/terminated").is_null())
}
