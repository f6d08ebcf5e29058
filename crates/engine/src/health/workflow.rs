//! Argo Workflows' Workflow.

use super::Health;
use super::read::Reader;

pub(super) fn health(workflow: Reader<'_>) -> Health {
    let message = workflow.text("/status/message");
    match workflow.text("/status/phase") {
        "" | "Pending" | "Running" => Health::progressing(message),
        "Succeeded" => Health::healthy(message),
        "Failed" | "Error" => Health::degraded(message),
        _ => Health::unknown(message),
    }
}
