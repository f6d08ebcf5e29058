//! When the process ends, and what is left.

use nix::sys::signal::Signal;
use tfplug::proto::plugin::grpc_broker_client::GrpcBrokerClient;
use tfplug::proto::plugin::grpc_controller_client::GrpcControllerClient;
use tfplug::proto::plugin::grpc_stdio_client::GrpcStdioClient;
use tfplug::proto::plugin::{ConnInfo, Empty};
use tfplug::proto::tfplugin6::provider_client::ProviderClient;

use crate::handshake::health;
use crate::host::{ClientCertificate, Plugin, host_environment};
use crate::rpc::plan_of;

/// Nothing of the process is left in its temporary directory.
fn assert_nothing_left(plugin: &Plugin) {
    let left: Vec<_> = std::fs::read_dir(plugin.temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn shutdown_ends_it_with_its_streams_still_open() {
    let client = ClientCertificate::new();
    let mut plugin = Plugin::start_with(&client);
    let channel = plugin.connect(Some(&client));
    let mut stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    let silence = futures::stream::pending::<ConnInfo>();
    let mut broker = GrpcBrokerClient::new(channel.clone()).start_stream(silence).await.unwrap().into_inner();
    assert_eq!(health(channel.clone(), "plugin").await.unwrap(), 1);

    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    assert!(stdio.message().await.unwrap().is_none());
    assert!(broker.message().await.unwrap().is_none());
    let (status, rest, _) = plugin.wait();
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest, "");
    assert_nothing_left(&plugin);
}

#[tokio::test]
async fn an_interrupt_is_the_hosts_matter() {
    let mut plugin = Plugin::start(&[], &host_environment());
    for _ in 0..3 {
        plugin.signal(Signal::SIGINT);
        assert_eq!(health(plugin.connect_plainly(), "plugin").await.unwrap(), 1);
    }
    plugin.signal(Signal::SIGTERM);
    let (status, _, _) = plugin.wait();
    assert_eq!(status.code(), Some(0));
    assert_nothing_left(&plugin);
}

#[tokio::test]
async fn nothing_but_the_handshake_reaches_standard_output() {
    let mut plugin = Plugin::start(&[], &host_environment());
    let mut provider = ProviderClient::new(plugin.connect_plainly());
    provider.plan_resource_change(plan_of(&[("behaviour", "print")])).await.unwrap();
    plugin.signal(Signal::SIGTERM);
    let (_, rest, stderr) = plugin.wait();
    assert_eq!(rest, "");
    assert!(stderr.contains("printed by the provider"), "{stderr}");
}

#[tokio::test]
async fn started_with_debug_it_says_how_to_attach_and_ends_with_an_interrupt() {
    let mut plugin = Plugin::start(&["--debug"], &std::collections::BTreeMap::new());
    assert!(plugin.handshake[0].contains("registry.terraform.io/example/wire is running"));
    plugin.signal(Signal::SIGINT);
    let (status, rest, _) = plugin.wait();
    assert_eq!(status.code(), Some(0));
    assert!(rest.contains("TF_REATTACH_PROVIDERS='{"), "{rest}");
    assert_nothing_left(&plugin);
}
