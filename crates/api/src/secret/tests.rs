//! Codecs there and back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{
    AwsAuthConfig, AzureServicePrincipal, Cluster, ClusterConfig, Credentials, ExecProviderConfig, GithubApp,
    RepoCreds, Repository, RepositoryType, Secret, SecretObject, SecretProblem, TlsClientConfig,
    repository_secret_name,
};

fn cluster_secret(config: &str) -> SecretObject {
    SecretObject::from_value(json!({
        "metadata": {
            "name": "cluster-spoke", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "cluster", "environment": "production"},
            "annotations": {"managed-by": "argocd.argoproj.io", "team": "platform"}
        },
        "data": {"server": "aHR0cHM6Ly9zcG9rZS8="},
        "stringData": {"name": "spoke", "namespaces": "a, b,,", "shard": "2", "config": config}
    }))
    .expect("cluster Secret")
}

#[test]
fn a_cluster_secret_of_argo_cd_is_read() {
    let secret = cluster_secret(
        r#"{"bearerToken": "abc", "tlsClientConfig": {"insecure": false, "caData": "Y2E=\n", "keyData": null},
            "awsAuthConfig": {"clusterName": "spoke", "roleARN": "arn:aws:iam::1:role/r"}}"#,
    );
    let (cluster, problems) = Cluster::from_secret(&secret).expect("cluster");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(cluster.server, "https://spoke");
    assert_eq!(cluster.namespaces, ["a", "b"]);
    assert_eq!(cluster.shard, Some(2));
    assert_eq!(cluster.labels, BTreeMap::from([("environment".to_owned(), "production".to_owned())]));
    assert_eq!(cluster.annotations, BTreeMap::from([("team".to_owned(), "platform".to_owned())]));
    assert_eq!(cluster.config.bearer_token.as_ref().expect("token").expose(), "abc");
    assert_eq!(cluster.config.tls.ca_data, "ca");
    assert_eq!(cluster.config.aws_auth.expect("aws").role_arn, "arn:aws:iam::1:role/r");
}

#[test]
fn a_broken_configuration_is_told_without_showing_a_credential() {
    let secret = cluster_secret(r#"{"bearerToken": "hunter2" "x": 1}"#);
    let problem = Cluster::from_secret(&secret).expect_err("not JSON");
    assert!(!format!("{problem} {problem:?}").contains("hunter2"));
    let secret =
        cluster_secret(r#"{"bearertoken": "hunter2", "tlsClientConfig": {"caData": "not base64!"}}"#);
    assert!(matches!(Cluster::from_secret(&secret), Err(SecretProblem::ConfigNotBase64 { field: "caData" })));
}

#[test]
fn unknown_fields_of_a_configuration_are_named() {
    let (_, problems) = Cluster::from_secret(&cluster_secret(r#"{"bearer_token": "x"}"#)).expect("cluster");
    assert_eq!(problems[0].to_string(), "entry `config` has the unknown field `bearer_token`");
}

#[test]
fn a_shard_that_is_no_number_is_left_out() {
    let mut secret = cluster_secret("{}");
    secret.data.insert("shard", "first");
    let (cluster, problems) = Cluster::from_secret(&secret).expect("cluster");
    assert_eq!((cluster.shard, problems.len()), (None, 1));
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let repository = Repository {
        url: "https://h".into(),
        credentials: Credentials { password: Some(Secret::new("hunter2")), ..Credentials::default() },
        ..Repository::default()
    };
    let secret = repository.to_secret("argocd", "repo-1");
    assert!(!format!("{repository:?} {secret:?}").contains("hunter2"));
}

#[test]
fn a_repository_without_url_or_with_an_odd_type_is_refused() {
    let read = |entries: serde_json::Value| {
        Repository::from_secret(&SecretObject::from_value(json!({"stringData": entries})).expect("Secret"))
    };
    assert!(matches!(read(json!({})), Err(SecretProblem::Missing { key: "url" })));
    assert!(matches!(read(json!({"url": "u", "type": "svn"})), Err(SecretProblem::UnknownType { .. })));
    assert!(matches!(read(json!({"url": "u", "insecure": "yes"})), Err(SecretProblem::NotBoolean { .. })));
}

#[test]
fn secret_names_are_argo_cds() {
    // FNV-1a of the empty text is its offset basis.
    assert_eq!(repository_secret_name("repo", "", ""), "repo-2166136261");
    assert_eq!(repository_secret_name("repo", "a", ""), "repo-3826002220");
    assert_eq!(repository_secret_name("creds", "", "a"), "creds-3826002220");
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€\n]{0,12}"
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}"
}

fn secret() -> impl Strategy<Value = Option<Secret>> {
    proptest::option::of("[ -~ä€\n]{1,12}".prop_map(Secret::new))
}

prop_compose! {
    fn credentials()(
        (username, password, bearer_token, ssh_private_key) in (text(), secret(), secret(), secret()),
        (tls_client_cert_data, tls_client_cert_key) in (text(), secret()),
        (private_key, id, installation_id, enterprise_base_url) in (secret(), any::<i64>(), any::<i64>(), text()),
        gcp_service_account_key in secret(),
        (client_id, client_secret, tenant_id, active_directory_endpoint) in (text(), secret(), text(), text()),
        (force_http_basic_auth, use_azure_workload_identity) in any::<(bool, bool)>(),
    ) -> Credentials {
        Credentials {
            username, password, bearer_token, ssh_private_key, tls_client_cert_data, tls_client_cert_key,
            github_app: GithubApp { private_key, id, installation_id, enterprise_base_url },
            gcp_service_account_key,
            azure: AzureServicePrincipal { client_id, client_secret, tenant_id, active_directory_endpoint },
            force_http_basic_auth, use_azure_workload_identity,
        }
    }
}

fn repository_type() -> impl Strategy<Value = Option<RepositoryType>> {
    proptest::sample::select(vec![
        None,
        Some(RepositoryType::Git),
        Some(RepositoryType::Helm),
        Some(RepositoryType::Oci),
    ])
}

prop_compose! {
    fn repository()(
        (url, name, project, proxy, no_proxy) in (word(), text(), text(), text(), text()),
        repository_type in repository_type(),
        credentials in credentials(),
        (insecure, insecure_ignore_host_key, enable_lfs, enable_oci, insecure_oci_force_http)
            in any::<(bool, bool, bool, bool, bool)>(),
        (depth, webhook_manifest_cache_warm_disabled) in any::<(i64, bool)>(),
    ) -> Repository {
        Repository {
            url, repository_type, name, project, credentials, insecure, insecure_ignore_host_key, enable_lfs,
            enable_oci, insecure_oci_force_http, proxy, no_proxy, depth, webhook_manifest_cache_warm_disabled,
        }
    }
}

prop_compose! {
    fn cluster()(
        (server, name, project) in (word(), word(), text()),
        (username, password, bearer_token, proxy_url) in (text(), secret(), secret(), text()),
        (insecure, server_name, ca_data, cert_data, key_data) in (any::<bool>(), text(), text(), text(), secret()),
        aws in proptest::option::of((text(), text(), text())),
        exec in proptest::option::of((text(), proptest::collection::vec(text(), 0..3),
            proptest::collection::btree_map(word(), secret(), 0..3), any::<bool>())),
        namespaces in proptest::collection::vec(word(), 0..3),
        (cluster_resources, shard, disable_compression) in any::<(bool, Option<i64>, bool)>(),
        labels in proptest::collection::btree_map(word(), word(), 0..3),
    ) -> Cluster {
        Cluster {
            server, name, project, namespaces, cluster_resources, shard, labels,
            annotations: BTreeMap::new(),
            config: ClusterConfig {
                username, password, bearer_token, proxy_url, disable_compression,
                tls: TlsClientConfig { insecure, server_name, ca_data, cert_data, key_data },
                aws_auth: aws.map(|(cluster_name, role_arn, profile)| AwsAuthConfig { cluster_name, role_arn, profile }),
                exec: exec.map(|(command, args, env, provide_cluster_info)| ExecProviderConfig {
                    command, args, provide_cluster_info,
                    env: env.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect(),
                    ..ExecProviderConfig::default()
                }),
            },
        }
    }
}

fn there_and_back(secret: &SecretObject) -> SecretObject {
    SecretObject::from_value(secret.to_manifest()).expect("what was written is read")
}

proptest! {
    #[test]
    fn a_repository_is_read_as_it_was_written(repository in repository()) {
        let secret = repository.to_secret("argocd", "repo");
        prop_assert_eq!(Repository::from_secret(&there_and_back(&secret)).expect("repository"), repository);
    }

    #[test]
    fn repo_creds_are_read_as_they_were_written(
        url in word(), repository_type in repository_type(), credentials in credentials(), flags in any::<(bool, bool)>(),
    ) {
        let template = RepoCreds {
            url, repository_type, credentials, enable_oci: flags.0, insecure_oci_force_http: flags.1,
            ..RepoCreds::default()
        };
        let secret = template.to_secret("argocd", "creds");
        prop_assert_eq!(RepoCreds::from_secret(&there_and_back(&secret)).expect("credentials"), template);
    }

    #[test]
    fn a_cluster_is_read_as_it_was_written(cluster in cluster()) {
        let secret = cluster.to_secret("argocd", "cluster");
        let (read, problems) = Cluster::from_secret(&there_and_back(&secret)).expect("cluster");
        prop_assert!(problems.is_empty());
        prop_assert_eq!(read, cluster);
    }
}
