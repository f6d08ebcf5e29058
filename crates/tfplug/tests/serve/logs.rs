//! Standard error as the host reads it.

use nix::sys::signal::Signal;
use serde_json::Value;
use tfplug::proto::tfplugin6::configure_provider;
use tfplug::proto::tfplugin6::provider_client::ProviderClient;

use crate::host::{ClientCertificate, Plugin, host_environment};
use crate::rpc::plan_of;

/// What go-plugin's host asks of a line: strings in the keys that it casts, and a timestamp of
/// the form `2006-01-02T15:04:05.000000Z07:00`.
fn parse(line: &str) -> Value {
    assert!(line.len() < 64 << 10);
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text = |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{key} in {line}")).to_owned();
    text("@message");
    assert!(["trace", "debug", "info", "warn", "error"].contains(&text("@level").as_str()));
    let timestamp = text("@timestamp");
    let form: String = timestamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000000Z");
    value
}

#[tokio::test]
async fn every_line_is_one_that_the_host_reads() {
    let client = ClientCertificate::new();
    let mut environment = host_environment();
    environment.insert("PLUGIN_CLIENT_CERT", client.pem.clone());
    environment.insert("TF_LOG", "TRACE".to_owned());
    let mut plugin = Plugin::start(&[], &environment);
    let mut provider = ProviderClient::new(plugin.connect(Some(&client)));
    let configure =
        configure_provider::Request { terraform_version: "1.2.3".to_owned(), ..Default::default() };
    provider.configure_provider(configure).await.unwrap();
    provider.plan_resource_change(plan_of(&[("behaviour", "panic")])).await.unwrap_err();
    plugin.signal(Signal::SIGTERM);
    let (_, _, stderr) = plugin.wait();
    let lines: Vec<Value> = stderr.lines().map(parse).collect();
    let find = |message: &str| {
        let found = lines.iter().find(|line| line["@message"] == message);
        found.unwrap_or_else(|| panic!("no `{message}` in {stderr}"))
    };

    assert_eq!(find("listening")["tls"], "true");
    let configured = find("configured");
    assert_eq!(configured["@level"], "info");
    assert_eq!(configured["terraform_version"], "1.2.3");
    assert_eq!(configured["tf_rpc"], "ConfigureProvider");
    assert_eq!(configured["tf_provider_addr"], "registry.terraform.io/example/wire");
    let panic = find("panic: asked to");
    assert_eq!(panic["@level"], "error");
    assert!(panic["location"].as_str().unwrap().contains("wire.rs"));
    assert_eq!(panic["tf_rpc"], "PlanResourceChange");
}

#[tokio::test]
async fn without_a_wish_for_logs_there_are_none() {
    let mut environment = host_environment();
    environment.insert("TF_LOG_PROVIDER_WIRE", "off".to_owned());
    environment.insert("TF_LOG", "TRACE".to_owned());
    for environment in [host_environment(), environment] {
        let mut plugin = Plugin::start(&[], &environment);
        let mut provider = ProviderClient::new(plugin.connect_plainly());
        provider.plan_resource_change(plan_of(&[("text", "t")])).await.unwrap();
        plugin.signal(Signal::SIGTERM);
        assert_eq!(plugin.wait().2, "");
    }
}
