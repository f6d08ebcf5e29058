//! Only the host gets in.

use rustls::version::{TLS12, TLS13};

use crate::handshake::health;
use crate::host::{ClientCertificate, Plugin, host_environment};

#[tokio::test]
async fn only_the_holder_of_the_hosts_certificate_gets_in() {
    let client = ClientCertificate::new();
    let other = ClientCertificate::new();
    let plugin = Plugin::start_with(&client);
    for version in [&TLS13, &TLS12] {
        health(plugin.connect_by(None, version), "plugin").await.unwrap_err();
        health(plugin.connect_by(Some(&other), version), "plugin").await.unwrap_err();
        assert_eq!(health(plugin.connect_by(Some(&client), version), "plugin").await.unwrap(), 1);
    }
    health(plugin.connect_plainly(), "plugin").await.unwrap_err();
}

#[tokio::test]
async fn the_hosts_certificate_is_no_use_without_its_key() {
    let client = ClientCertificate::new();
    let plugin = Plugin::start_with(&client);
    let thief = ClientCertificate::new().claiming(&client);
    for version in [&TLS13, &TLS12] {
        health(plugin.connect_by(Some(&thief), version), "plugin").await.unwrap_err();
    }
}

#[tokio::test]
async fn terraform_can_turn_tls_off() {
    let client = ClientCertificate::new();
    let mut environment = host_environment();
    environment.insert("PLUGIN_CLIENT_CERT", client.pem.clone());
    environment.insert("TF_DISABLE_PLUGIN_TLS", "1".to_owned());
    let plugin = Plugin::start(&[], &environment);
    assert_eq!(plugin.handshake[5], "");
    assert_eq!(health(plugin.connect_plainly(), "plugin").await.unwrap(), 1);
}

#[test]
fn a_broken_certificate_of_the_host_never_means_no_tls() {
    let mut environment = host_environment();
    environment.insert("PLUGIN_CLIENT_CERT", "broken".to_owned());
    let mut plugin = Plugin::start(&[], &environment);
    let (status, _, stderr) = plugin.wait();
    assert_eq!(status.code(), Some(1));
    assert!(plugin.handshake.is_empty());
    assert!(stderr.contains("PLUGIN_CLIENT_CERT"), "{stderr}");
    assert_eq!(std::fs::read_dir(plugin.temporary.path()).unwrap().count(), 0);
}
