//! CustomResourceDefinition.

use super::Health;
use super::read::Reader;

pub(super) fn health(crd: Reader<'_>) -> Health {
    let status = |condition_type: &str| {
        crd.condition(condition_type).map(|condition| (condition.text("/status"), condition))
    };
    if crd.items("/status/conditions").next().is_none() {
        return Health::progressing("waiting for the definition to be processed");
    }
    if let Some(("True", terminating)) = status("Terminating") {
        return Health::progressing(format!("is being deleted: {}", terminating.text("/message")));
    }
    if let Some(("False", names)) = status("NamesAccepted") {
        return Health::degraded(format!("its names are not accepted: {}", names.text("/message")));
    }
    match status("Established") {
        Some(("True", _)) => {}
        other => {
            let message = other.map_or("", |(_, condition)| condition.text("/message"));
            // The API server sets both conditions within one pass; between them is no failure.
            return if status("NamesAccepted").is_some_and(|(value, _)| value == "True") {
                Health::progressing(format!("waiting to be established: {message}"))
            } else {
                Health::degraded(format!("is not established: {message}"))
            };
        }
    }
    if let Some(("True", schema)) = status("NonStructuralSchema") {
        return Health::degraded(format!("its schema is not structural: {}", schema.text("/message")));
    }
    Health::healthy("")
}
