//! What is planned, and what is asked for a replacement.

use tfplug::proto::tfplugin6 as wire;
use tfplug::value::Value;

use crate::provider::{apply, config, created, decode, plan, port};

/// The first steps of the paths, as text.
fn paths(paths: &[wire::AttributePath]) -> Vec<String> {
    use wire::attribute_path::step::Selector;
    let name = |path: &wire::AttributePath| match path.steps[0].selector.as_ref().unwrap() {
        Selector::AttributeName(name) => name.clone(),
        other => format!("{other:?}"),
    };
    paths.iter().map(name).collect()
}

#[tokio::test]
async fn a_create_fills_in_defaults_and_leaves_the_rest_unknown() {
    let response = plan(&Value::Null, &config(&[("password_wo", Value::from("secret"))])).await;
    let planned = decode(response.planned_state.as_ref());
    assert_eq!(planned.attribute("number"), &Value::from(7));
    assert_eq!(planned.attribute("port").elements().unwrap()[0].attribute("protocol"), &Value::from("tcp"));
    assert_eq!(planned.attribute("password_wo"), &Value::Null);
    for unknown in ["address", "serial", "failure"] {
        assert!(planned.attribute(unknown).is_unknown(), "{unknown}");
    }
}

#[tokio::test]
async fn a_change_keeps_what_is_to_be_kept_and_what_would_replace() {
    let state = created(&config(&[])).await;
    let response = plan(&state, &config(&[("type", Value::from("big"))])).await;
    let planned = decode(response.planned_state.as_ref());
    assert_eq!(planned.attribute("serial"), &Value::from("s-1"));
    assert_eq!(planned.attribute("address"), &Value::from("10.0.0.1"));
    assert!(planned.attribute("failure").is_unknown());
    assert_eq!(response.requires_replace, []);
}

#[tokio::test]
async fn nothing_changed_is_the_prior_state() {
    let given = config(&[("self", Value::from(true))]);
    let state = created(&given).await;
    assert_eq!(decode(plan(&state, &given).await.planned_state.as_ref()), state);
}

#[tokio::test]
async fn a_replacement_is_asked_for_and_told() {
    let state = created(&config(&[])).await;
    let response =
        plan(&state, &config(&[("region", Value::from("south")), ("number", Value::from(8))])).await;
    assert_eq!(paths(&response.requires_replace), ["region", "number"]);
    assert_eq!(response.diagnostics.len(), 1);
    assert_eq!(response.diagnostics[0].detail, "servers don't walk");
    let response = plan(&state, &config(&[("port", Value::Set(vec![port(81)]))])).await;
    assert_eq!(paths(&response.requires_replace), ["port"]);
}

#[tokio::test]
async fn what_an_older_version_did_not_store_is_made_up_anew() {
    let mut state = created(&config(&[])).await;
    state.entries_mut().unwrap().insert("serial".to_owned(), Value::Null);
    state.entries_mut().unwrap().insert("number".to_owned(), Value::Null);
    let response = plan(&state, &config(&[])).await;
    let planned = decode(response.planned_state.as_ref());
    assert!(planned.attribute("serial").is_unknown());
    let applied = apply(&state, &planned, &config(&[])).await;
    assert_eq!(applied.diagnostics, []);
    assert_eq!(decode(applied.new_state.as_ref()).attribute("serial"), &Value::from("s-1"));
}
