//! Requests of the agent, counted.

use bridgehead_test_harness::agent::SERVICE_ACCOUNT;
use bridgehead_test_harness::audit::{Request, count};
use serde_json::{Value, json};

/// By verb and by what they are about.
pub(super) fn by_verb(requests: &[Request], namespace: &str) -> Value {
    let user = format!("system:serviceaccount:{namespace}:{SERVICE_ACCOUNT}");
    let own: Vec<Request> = requests.iter().filter(|request| request.user == user).cloned().collect();
    json!({
        "total": own.len(),
        "by_verb": count(&own, |request| Some(request.verb.clone())),
        "by_resource": count(&own, |request| Some(request.summary())),
    })
}
