//! Who may start the provider, and what it answers.

use std::path::Path;

use tfplug::proto::health::HealthCheckRequest;
use tfplug::proto::health::health_client::HealthClient;
use tfplug::serve::MAGIC_COOKIE_KEY;
use tonic::Code;
use tonic::transport::Channel;

use crate::host::{ClientCertificate, Plugin, host_environment};

pub(crate) async fn health(channel: Channel, service: &str) -> Result<i32, tonic::Status> {
    let request = HealthCheckRequest { service: service.to_owned() };
    Ok(HealthClient::new(channel).check(request).await?.into_inner().status)
}

#[test]
fn a_person_who_starts_it_is_told_what_it_is() {
    let mut wrong = host_environment();
    wrong.insert(MAGIC_COOKIE_KEY, "a guess".to_owned());
    let mut none = host_environment();
    none.remove(MAGIC_COOKIE_KEY);
    for environment in [wrong, none] {
        let mut plugin = Plugin::start(&[], &environment);
        let (status, stdout, stderr) = plugin.wait();
        assert_eq!(status.code(), Some(1));
        assert!(plugin.handshake.is_empty() && stdout.is_empty());
        assert!(stderr.contains("registry.terraform.io/example/wire"), "{stderr}");
        assert!(stderr.contains("terraform init"), "{stderr}");
    }
}

#[tokio::test]
async fn the_line_says_version_address_protocol_and_certificate() {
    let client = ClientCertificate::new();
    let plugin = Plugin::start_with(&client);
    let [core, version, network, address, protocol, certificate] = &plugin.handshake[..] else {
        panic!("not six fields: {:?}", plugin.handshake)
    };
    assert_eq!([core, version, network, protocol], ["1", "6", "unix", "grpc"]);
    assert!(Path::new(address).starts_with(plugin.temporary.path()));
    assert!(certificate.len() > 50 && !certificate.ends_with('='));
    assert_eq!(health(plugin.connect(Some(&client)), "plugin").await.unwrap(), 1);
}

#[tokio::test]
async fn a_port_of_the_hosts_range_serves_as_well() {
    let client = ClientCertificate::new();
    let mut environment = host_environment();
    environment.insert("PLUGIN_CLIENT_CERT", client.pem.clone());
    let plugin = Plugin::start(&["--tcp"], &environment);
    assert_eq!(plugin.handshake[2], "tcp");
    let port: u16 = plugin.handshake[3].strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    assert!((10_000..=25_000).contains(&port));
    assert_eq!(health(plugin.connect(Some(&client)), "plugin").await.unwrap(), 1);
}

#[tokio::test]
async fn health_is_told_of_the_plugin_and_of_nothing_unknown() {
    let plugin = Plugin::start(&[], &host_environment());
    assert_eq!(health(plugin.connect_plainly(), "plugin").await.unwrap(), 1);
    assert_eq!(health(plugin.connect_plainly(), "").await.unwrap(), 1);
    let unknown = health(plugin.connect_plainly(), "else").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[test]
fn a_host_without_our_version_gets_the_line_and_can_name_both() {
    let mut environment = host_environment();
    environment.insert("PLUGIN_PROTOCOL_VERSIONS", "5".to_owned());
    let plugin = Plugin::start(&[], &environment);
    assert_eq!(plugin.handshake[1], "6");
}

#[test]
fn a_host_that_asks_for_one_connection_is_told_no() {
    let mut environment = host_environment();
    environment.insert("PLUGIN_MULTIPLEX_GRPC", "true".to_owned());
    let plugin = Plugin::start(&[], &environment);
    assert_eq!(plugin.handshake.len(), 7);
    assert_eq!(plugin.handshake[6], "false");
}
