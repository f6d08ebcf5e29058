//! The objects, as a person reads them.

use bridgehead_install::{
    AgentArguments, InstallError, InstallOptions, Installation, LogFormat, LogLevel, Takeover, install,
};
use serde_json::json;

fn objects(options: &InstallOptions) -> Vec<serde_json::Value> {
    let Installation { namespace, objects, .. } = install(options).expect("valid options");
    namespace.into_iter().chain(objects).collect()
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn one_agent_for_the_whole_cluster_by_default() {
    insta::assert_yaml_snapshot!(objects(&InstallOptions::default()));
}

#[test]
fn every_choice_reaches_the_objects() {
    let mut options = InstallOptions {
        namespace: "gitops".to_owned(),
        create_namespace: false,
        image: "registry.example.com/bridgehead@sha256:00".to_owned(),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        image_pull_secrets: vec!["registry".to_owned()],
        replicas: 2,
        cache_size: "10Gi".to_owned(),
        node_selector: texts([("pool", "system")]),
        tolerations: vec![json!({"key": "CriticalAddonsOnly", "operator": "Exists"})],
        affinity: Some(json!({"nodeAffinity": {}})),
        priority_class_name: Some("system-cluster-critical".to_owned()),
        labels: texts([("team", "platform"), ("app.kubernetes.io/name", "other")]),
        annotations: texts([("example.com/contact", "platform")]),
        service_account_annotations: texts([("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/agent")]),
        pod_labels: texts([("network", "open")]),
        pod_annotations: texts([("example.com/scrape", "true")]),
        environment: texts([("HTTPS_PROXY", "http://proxy:3128")]),
        network_policy: false,
        agent: AgentArguments {
            observe: true,
            takeover: Some(Takeover::ArgoCd),
            log_level: LogLevel::Debug,
            log_format: LogFormat::Text,
            poll_interval: Some("60s".to_owned()),
            concurrency: Some(8),
            extra: vec!["--failed-sync-pause=10s".to_owned()],
        },
        ..InstallOptions::default()
    };
    options.resources.limits.insert("cpu".to_owned(), "2".to_owned());
    insta::assert_yaml_snapshot!(objects(&options));
}

#[test]
fn options_that_make_no_installation_are_refused() {
    let check = |change: fn(&mut InstallOptions)| {
        let mut options = InstallOptions::default();
        change(&mut options);
        install(&options).expect_err("options that cannot be installed")
    };
    assert_eq!(
        check(|options| options.namespace = "Argo".to_owned()),
        InstallError::Namespace("Argo".to_owned())
    );
    assert_eq!(check(|options| options.image.clear()), InstallError::Image);
}

#[test]
fn taking_over_needs_the_right_to_scale_the_other_engine() {
    let mut options = InstallOptions::default();
    let scale = |options: &InstallOptions| {
        objects(options).iter().filter(|object| object["kind"] == "Role").any(|role| {
            role["rules"].as_array().is_some_and(|rules| {
                rules
                    .iter()
                    .any(|rule| rule["resources"] == json!(["deployments/scale", "statefulsets/scale"]))
            })
        })
    };
    assert!(!scale(&options));
    options.agent.takeover = Some(Takeover::ArgoCd);
    assert!(scale(&options));
}
