//! Identities, which the installed Terraform may be too old to ask for.

use tfplug::codec::msgpack;
use tfplug::proto::tfplugin6 as wire;
use tfplug::proto::tfplugin6::provider_server::Provider as _;
use tfplug::value::{Type, Value};
use tonic::Request;

use crate::provider::{apply, config, decode, dynamic, plan, server};

fn ty() -> Type {
    Type::object([("region", Type::String), ("number", Type::Number)])
}

fn identity(data: Option<&wire::ResourceIdentityData>) -> Value {
    msgpack::decode(&data.unwrap().identity_data.as_ref().unwrap().msgpack, &ty()).unwrap()
}

fn north(number: i64) -> Value {
    Value::map([("region", Value::from("north")), ("number", Value::from(number))])
}

async fn import(id: &str, identity: Option<Value>) -> wire::import_resource_state::Response {
    let identity = identity
        .map(|identity| wire::ResourceIdentityData { identity_data: Some(dynamic(&identity, &ty())) });
    let request = wire::import_resource_state::Request {
        type_name: "test_server".to_owned(),
        id: id.to_owned(),
        identity,
        client_capabilities: None,
    };
    server().import_resource_state(Request::new(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_identity_schema_names_what_an_import_needs() {
    let request = Request::new(wire::get_resource_identity_schemas::Request {});
    let response = server().get_resource_identity_schemas(request).await.unwrap().into_inner();
    let attributes = &response.identity_schemas["test_server"].identity_attributes;
    let facts: Vec<_> = attributes
        .iter()
        .map(|attribute| {
            (attribute.name.as_str(), attribute.required_for_import, attribute.optional_for_import)
        })
        .collect();
    assert_eq!(facts, [("region", true, false), ("number", false, true)]);
}

#[tokio::test]
async fn plan_and_apply_tell_the_identity() {
    let given = config(&[]);
    let planned = plan(&Value::Null, &given).await;
    assert_eq!(identity(planned.planned_identity.as_ref()), north(7));
    let applied = apply(&Value::Null, &decode(planned.planned_state.as_ref()), &given).await;
    assert_eq!(identity(applied.new_identity.as_ref()), north(7));
}

#[tokio::test]
async fn an_unknown_identity_is_not_told() {
    let planned = plan(&Value::Null, &config(&[("region", Value::unknown())])).await;
    assert_eq!(planned.planned_identity, None);
}

#[tokio::test]
async fn an_object_is_imported_by_identity_and_by_id() {
    let response = import("", Some(north(3))).await;
    assert_eq!(response.diagnostics, []);
    let imported = &response.imported_resources[0];
    assert_eq!(identity(imported.identity.as_ref()), north(3));
    assert_eq!(decode(imported.state.as_ref()).attribute("address"), &Value::from("by identity"));

    let response = import("north/4", None).await;
    let state = decode(response.imported_resources[0].state.as_ref());
    assert_eq!(
        (state.attribute("number"), state.attribute("address")),
        (&Value::from(4), &Value::from("north/4"))
    );
}

#[tokio::test]
async fn an_id_of_another_form_is_refused_with_the_right_one() {
    for wrong in ["north", "north/4/5", "/4", "north/four"] {
        let response = import(wrong, None).await;
        let told = &response.diagnostics[0];
        assert!(response.imported_resources.is_empty());
        assert!(told.detail.contains("region/number") || told.summary.contains("number"), "{told:?}");
    }
}
