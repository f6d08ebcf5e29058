//! RPCs that go wrong, are large, or are to end.

use tfplug::proto::tfplugin6::provider_client::ProviderClient;
use tfplug::proto::tfplugin6::{
    DynamicValue, apply_resource_change, get_provider_schema, get_states, invoke_action,
    plan_resource_change, stop_provider,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::Channel;

use crate::host::{Plugin, host_environment};

/// A `wire_note` in msgpack.
pub(crate) fn note(cells: &[(&str, &str)]) -> DynamicValue {
    let mut msgpack = Vec::new();
    rmp::encode::write_map_len(&mut msgpack, u32::try_from(cells.len()).unwrap()).unwrap();
    for (name, text) in cells {
        rmp::encode::write_str(&mut msgpack, name).unwrap();
        rmp::encode::write_str(&mut msgpack, text).unwrap();
    }
    DynamicValue { msgpack, json: Vec::new() }
}

pub(crate) fn plan_of(cells: &[(&str, &str)]) -> plan_resource_change::Request {
    plan_resource_change::Request {
        type_name: "wire_note".to_owned(),
        proposed_new_state: Some(note(cells)),
        ..Default::default()
    }
}

fn provider(channel: Channel) -> ProviderClient<Channel> {
    const LIMIT: usize = 256 << 20;
    ProviderClient::new(channel).max_decoding_message_size(LIMIT).max_encoding_message_size(LIMIT)
}

#[tokio::test]
async fn a_panic_fails_its_rpc_alone() {
    let plugin = Plugin::start(&[], &host_environment());
    let mut provider = provider(plugin.connect_plainly());
    for _ in 0..2 {
        let error = provider.plan_resource_change(plan_of(&[("behaviour", "panic")])).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(error.message().contains("panicked in PlanResourceChange: asked to"), "{error}");
    }
    provider.get_provider_schema(get_provider_schema::Request {}).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_the_stream_with_what_came_before() {
    let plugin = Plugin::start(&[], &host_environment());
    let mut provider = provider(plugin.connect_plainly());
    let request = invoke_action::Request { action_type: "wire_panic".to_owned(), ..Default::default() };
    let mut events = provider.invoke_action(request).await.unwrap().into_inner();
    assert!(events.message().await.unwrap().is_some());
    let error = events.message().await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(error.message().contains("panicked in InvokeAction: asked to, in a stream"), "{error}");
    provider.get_provider_schema(get_provider_schema::Request {}).await.unwrap();
}

#[tokio::test]
async fn an_rpc_that_the_provider_lacks_is_unimplemented() {
    let plugin = Plugin::start(&[], &host_environment());
    let mut provider = provider(plugin.connect_plainly());
    let error = provider.get_states(get_states::Request::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
}

#[tokio::test]
async fn messages_of_tens_of_megabytes_pass() {
    let plugin = Plugin::start(&[], &host_environment());
    let mut provider = provider(plugin.connect_plainly());
    let text = "x".repeat(40 << 20);
    let planned = provider.plan_resource_change(plan_of(&[("text", &text)])).await.unwrap().into_inner();
    assert!(planned.planned_state.unwrap().msgpack.len() > text.len());
}

#[tokio::test]
async fn a_stop_ends_running_work_and_the_server_goes_on() {
    let plugin = Plugin::start(&[], &host_environment());
    let mut provider = provider(plugin.connect_plainly());
    // Twice: the stop of one is not the stop of the next.
    for _ in 0..2 {
        let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = endpoint.local_addr().unwrap().to_string();
        let cells = [("behaviour", "wait"), ("endpoint", &address), ("id", "i"), ("text", "t")];
        let request = apply_resource_change::Request {
            type_name: "wire_note".to_owned(),
            planned_state: Some(note(&cells)),
            ..Default::default()
        };
        let mut applying = provider.clone();
        let applied = tokio::spawn(async move { applying.apply_resource_change(request).await });
        let (mut waiting, _) = endpoint.accept().await.unwrap();
        waiting.read_u8().await.unwrap();

        provider.stop_provider(stop_provider::Request {}).await.unwrap();
        let response = applied.await.unwrap().unwrap().into_inner();
        assert_eq!(response.diagnostics[0].summary, "interrupted while waiting");
        assert_eq!(response.new_state.unwrap(), note(&cells));
    }
}
