//! Models from stage to stage.

use tfplug::model::Model;
use tfplug::prelude::*;
use tfplug::value::Value;

use crate::provider::{Box, BoxComputed, OnDestroy, Port, config};

fn applying() -> Box<Applying> {
    Box {
        region: "north".to_owned(),
        number: 1,
        r#type: None,
        on_destroy: OnDestroy::Sell,
        renamed: None,
        address: None,
        disks: None,
        port: [Port { number: 80, protocol: "tcp".to_owned() }].into_iter().collect(),
        password_wo: Some(Secret::new("x")),
        password_wo_version: None,
        serial: (),
        failure: (),
    }
}

#[test]
fn what_is_applied_is_stored_with_what_the_provider_adds() {
    let computed = BoxComputed { address: "a".to_owned(), serial: "s".to_owned(), failure: None };
    let stored = applying().store(computed);
    assert_eq!((stored.region.as_str(), stored.serial.as_str()), ("north", "s"));
    assert_eq!(stored.to_value().attribute("password_wo"), &Value::Null);
    let partial = stored.partial();
    assert_eq!(partial.serial.as_deref(), Some("s"));
    let unfinished = applying().partial();
    assert_eq!((unfinished.serial, unfinished.address), (None, None));
}

#[test]
fn a_stage_reads_what_it_writes() {
    let computed =
        BoxComputed { address: "a".to_owned(), serial: "s".to_owned(), failure: Some("f".to_owned()) };
    let stored = applying().store(computed).to_value();
    assert_eq!(Box::<Stored>::from_value(&stored, &Path::root()).unwrap().to_value(), stored);
    assert_eq!(Box::<Partial>::from_value(&stored, &Path::root()).unwrap().to_value(), stored);
    assert_eq!(Box::<Planned>::from_value(&stored, &Path::root()).unwrap().to_value(), stored);
}

#[test]
fn a_configuration_keeps_what_it_does_not_know_as_it_came() {
    let port = Value::map([("number", Value::unknown()), ("protocol", Value::from("udp"))]);
    let given = config(&[
        ("number", Value::from(1)),
        ("on_destroy", Value::from("sell!")),
        ("port", Value::Set(vec![port.clone()])),
    ]);
    let typed = Box::<Config>::from_value(&given, &Path::root()).unwrap();
    assert!(typed.port.is_unknown());
    assert_eq!(typed.on_destroy, Maybe::Known(OnDestroy::Sell));
    assert_eq!(typed.region.known().map(String::as_str), Some("north"));
    assert_eq!(typed.to_value().attribute("port"), &Value::Set(vec![port]));
}

#[test]
fn a_prior_state_that_lacks_what_is_required_is_an_error_with_its_path() {
    let state = config(&[("region", Value::Null), ("number", Value::from(1))]);
    let error = Box::<Partial>::from_value(&state, &Path::root()).unwrap_err();
    assert_eq!(error.to_string(), "`region`: a value is required");
}
