//! Validation of configurations.

use tfplug::proto::tfplugin6 as wire;
use tfplug::proto::tfplugin6::provider_server::Provider as _;
use tfplug::value::Value;
use tonic::Request;

use crate::provider::{config, dynamic, server, ty};

async fn validate(config: &Value, write_only_attributes_allowed: bool) -> Vec<wire::Diagnostic> {
    let capabilities =
        wire::ClientCapabilities { write_only_attributes_allowed, ..wire::ClientCapabilities::default() };
    let request = wire::validate_resource_config::Request {
        type_name: "test_server".to_owned(),
        config: Some(dynamic(config, &ty())),
        client_capabilities: Some(capabilities),
    };
    server().validate_resource_config(Request::new(request)).await.unwrap().into_inner().diagnostics
}

#[tokio::test]
async fn a_terraform_that_would_store_written_only_values_is_refused() {
    let disk = Value::map([("size", Value::from(1)), ("key_wo", Value::from("x"))]);
    let given = config(&[("password_wo", Value::from("x")), ("disks", Value::map([("a", disk)]))]);
    assert_eq!(validate(&given, true).await, []);
    let told = validate(&given, false).await;
    let summaries: Vec<&str> = told.iter().map(|told| told.summary.as_str()).collect();
    assert_eq!(
        summaries,
        ["`disks[\"a\"].key_wo` needs Terraform 1.11", "`password_wo` needs Terraform 1.11"]
    );
    assert_eq!(validate(&config(&[]), false).await, []);
}

#[tokio::test]
async fn unknown_values_are_not_checked() {
    let port = Value::map([("number", Value::unknown()), ("protocol", Value::Null)]);
    assert_eq!(validate(&config(&[("port", Value::Set(vec![port]))]), true).await, []);
    let port = Value::map([("number", Value::from(70000)), ("protocol", Value::unknown())]);
    let told = validate(&config(&[("port", Value::Set(vec![port]))]), true).await;
    assert!(told[0].detail.contains("70000 is not a whole number from 0 to 65535"), "{told:?}");
}

#[tokio::test]
async fn what_is_none_of_the_choices_is_told_them() {
    let told = validate(&config(&[("on_destroy", Value::from("burn"))]), true).await;
    assert_eq!(told[0].detail, "`burn` is none of `delete`, `keep_disks`, `sell!`.");
}

#[tokio::test]
async fn a_type_that_does_not_exist_is_told() {
    let request = wire::validate_resource_config::Request {
        type_name: "test_nothing".to_owned(),
        ..wire::validate_resource_config::Request::default()
    };
    let told =
        server().validate_resource_config(Request::new(request)).await.unwrap().into_inner().diagnostics;
    assert_eq!(told[0].summary, "The provider has no resource `test_nothing`");
}

#[tokio::test]
async fn what_the_crate_does_not_offer_is_unimplemented() {
    let request = Request::new(wire::generate_resource_config::Request::default());
    let status = server().generate_resource_config(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}
