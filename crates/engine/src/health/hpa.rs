//! HorizontalPodAutoscaler.

use serde_json::Value;

use super::Health;
use super::read::Reader;

const DEGRADED: &[(&str, &str)] = &[
    ("AbleToScale", "FailedGetScale"),
    ("AbleToScale", "FailedUpdateScale"),
    ("ScalingActive", "FailedGetResourceMetric"),
    ("ScalingActive", "InvalidSelector"),
];
const HEALTHY: &[(&str, &str)] = &[
    ("AbleToScale", "SucceededRescale"),
    ("ScalingLimited", "DesiredWithinRange"),
    ("ScalingLimited", "TooFewReplicas"),
    ("ScalingLimited", "TooManyReplicas"),
];

/// The first condition that says something decides. In `autoscaling/v1` the conditions stand in an annotation.
pub(super) fn health(hpa: Reader<'_>) -> Health {
    let annotated;
    let conditions = if hpa.text("/apiVersion") == "autoscaling/v1" {
        let text = hpa
            .at("/metadata/annotations")
            .get("autoscaling.alpha.kubernetes.io/conditions")
            .and_then(Value::as_str)
            .unwrap_or("[]");
        match serde_json::from_str::<Value>(text) {
            Ok(conditions) => annotated = conditions,
            Err(error) => return Health::unknown(format!("its conditions annotation is no JSON: {error}")),
        }
        Reader::new(&annotated).items("")
    } else {
        hpa.items("/status/conditions")
    };
    for condition in conditions {
        let pair = (condition.text("/type"), condition.text("/reason"));
        if DEGRADED.contains(&pair) {
            return Health::degraded(condition.text("/message"));
        }
        if HEALTHY.contains(&pair) {
            return Health::healthy(condition.text("/message"));
        }
    }
    Health::progressing("waiting to scale")
}
