//! Every way to connect, and what is said when one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use bridgehead_kubernetes::connect::{ExecCommand, ExecEnvironment, Impersonation, MintedToken};
use bridgehead_kubernetes::write::get;
use bridgehead_kubernetes::{ApiError, ApiErrorKind, Connection, ConnectionSettings, Credentials, connect};
use bridgehead_test_harness::test_cluster;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use super::support::{administrator, config_map, config_maps, place};

fn settings() -> ConnectionSettings {
    let cluster = test_cluster();
    ConnectionSettings::server(cluster.server()).with_certificate_authority(cluster.authority())
}

async fn account(namespace: &str) -> Result<bridgehead_test_harness::ServiceAccountAccess> {
    let accounts: Api<ServiceAccount> = Api::namespaced(administrator()?.client(), namespace);
    accounts
        .create(&PostParams::default(), &serde_json::from_value(json!({"metadata": {"name": "me"}}))?)
        .await?;
    test_cluster().service_account(namespace, "me", 600).await
}

/// Whom the server takes us for.
async fn whoami(connection: &Connection) -> Result<String> {
    let reviews: Api<SelfSubjectReview> = Api::all(connection.client());
    let answer = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    Ok(answer.status.and_then(|status| status.user_info).and_then(|user| user.username).unwrap_or_default())
}

async fn failure(connection: &Connection) -> ApiError {
    get(connection, &config_maps(), &config_map("default", "x", &json!({})).0).await.expect_err("it failed")
}

#[tokio::test]
async fn a_service_account_is_known_by_its_mounted_files() -> Result<()> {
    let (_, namespace) = place("mounted").await?;
    let access = account(&namespace).await?;
    let cluster = test_cluster();
    let settings =
        ConnectionSettings::in_cluster_at(&access.mount, "127.0.0.1", &cluster.port().to_string())?;
    let connection = connect(&settings)?;
    assert_eq!(connection.default_namespace(), namespace);
    assert_eq!(whoami(&connection).await?, format!("system:serviceaccount:{namespace}:me"));
    Ok(())
}

#[tokio::test]
async fn a_token_from_a_program_is_taken() -> Result<()> {
    let (_, namespace) = place("exec").await?;
    let access = account(&namespace).await?;
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": access.token}});
    let command = ExecCommand {
        api_version: "client.authentication.k8s.io/v1".to_owned(),
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), "printf '%s' \"$CREDENTIAL\"".to_owned()],
        env: vec![ExecEnvironment { name: "CREDENTIAL".to_owned(), value: credential.to_string() }],
        install_hint: None,
        provide_cluster_info: false,
    };
    let connection = connect(&settings().with_credentials(Credentials::exec(command)))?;
    assert_eq!(whoami(&connection).await?, format!("system:serviceaccount:{namespace}:me"));
    Ok(())
}

#[tokio::test]
async fn a_kubeconfigs_client_certificate_serves_typed_requests_too() -> Result<()> {
    let (connection, namespace) = place("typed").await?;
    let maps: Api<ConfigMap> = Api::namespaced(connection.client(), &namespace);
    let created: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "one"}, "data": {"a": "b"}}))?;
    maps.create(&PostParams::default(), &created).await?;
    let listed = maps.list(&ListParams::default()).await?;
    assert!(listed.items.iter().any(|map| map.metadata.name.as_deref() == Some("one")));
    let absent = maps.get_opt("absent").await?;
    assert!(absent.is_none());
    Ok(())
}

/// A client certificate of the cluster's own authority, and its key.
fn client_certificate(user: &str) -> Result<(String, String)> {
    let cluster = test_cluster();
    let mut authority = rcgen::CertificateParams::default();
    authority.distinguished_name = rcgen::DistinguishedName::new();
    authority.distinguished_name.push(rcgen::DnType::CommonName, format!("{} CA", cluster.name()));
    let authority_key = rcgen::KeyPair::from_pem(&std::fs::read_to_string(cluster.folder().join("ca.key"))?)?;
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, user);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate()?;
    Ok((params.signed_by(&key, &issuer)?.pem(), key.serialize_pem()))
}

#[tokio::test]
async fn another_certificate_from_a_program_is_another_connection() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for user in ["one", "two"] {
        let (certificate, key) = client_certificate(user)?;
        // It is as good as over, so that the program is asked before each request.
        let status = json!({"clientCertificateData": certificate, "clientKeyData": key,
            "expirationTimestamp": jiff::Timestamp::now().to_string()});
        let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status});
        std::fs::write(folder.path().join(user), credential.to_string())?;
    }
    let script = "if [ -e asked ]; then cat two; else : > asked; cat one; fi";
    let command = ExecCommand {
        api_version: "client.authentication.k8s.io/v1".to_owned(),
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), format!("cd '{}' && {script}", folder.path().display())],
        env: Vec::new(),
        install_hint: None,
        provide_cluster_info: false,
    };
    let connection = connect(&settings().with_credentials(Credentials::exec(command)))?;
    assert_eq!(whoami(&connection).await?, "one");
    assert_eq!(whoami(&connection).await?, "two");
    Ok(())
}

#[tokio::test]
async fn a_client_certificate_that_is_refused_is_read_again_from_its_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let put = |pem: (String, String)| -> Result<()> {
        std::fs::write(&certificate, pem.0)?;
        Ok(std::fs::write(&key, pem.1)?)
    };
    let stranger = rcgen::generate_simple_self_signed(vec!["a stranger".to_owned()])?;
    put((stranger.cert.pem(), stranger.signing_key.serialize_pem()))?;
    let mut text: serde_json::Value = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": test_cluster().server()}}],
        "users": [{"name": "it", "user": {"client-certificate": certificate, "client-key": key}}],
    });
    let authority = folder.path().join("ca.crt");
    std::fs::write(&authority, test_cluster().authority())?;
    text["clusters"][0]["cluster"]["certificate-authority"] = json!(authority);
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, text.to_string())?;
    let connection = connect(&ConnectionSettings::kubeconfig(Some(&path), None)?)?;
    assert_eq!(failure(&connection).await.kind, ApiErrorKind::Unauthorized);

    put(client_certificate("somebody-known")?)?;
    assert_eq!(whoami(&connection).await?, "somebody-known");
    Ok(())
}

#[tokio::test]
async fn acting_on_behalf_of_somebody_takes_his_rights() -> Result<()> {
    let (connection, namespace) = place("behalf").await?;
    let user = format!("system:serviceaccount:{namespace}:nobody");
    let impersonated =
        connection.impersonating(&Impersonation { user: user.clone(), ..Default::default() })?;
    assert_eq!(whoami(&impersonated).await?, user);
    let error = failure(&impersonated).await;
    assert_eq!(error.kind, ApiErrorKind::Forbidden);
    assert!(error.message.contains("cannot get resource \"configmaps\""), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_ca_is_said_to_be_wrong() -> Result<()> {
    let other = rcgen::generate_simple_self_signed(vec!["somebody else".to_owned()])?;
    let connection = connect(&settings().with_certificate_authority(other.cert.pem()))?;
    let error = failure(&connection).await;
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert!(error.message.contains("not signed by the configured CA"), "{error}");
    assert!(error.message.contains(&test_cluster().server()), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_server_name_is_told_from_a_wrong_ca() -> Result<()> {
    let mut wrong = settings();
    wrong.server_name = Some("somewhere.example.com".to_owned());
    let error = failure(&connect(&wrong)?).await;
    assert!(error.message.contains("not valid for this host name"), "{error}");
    let mut right = settings();
    right.server_name = Some("kubernetes.default.svc".to_owned());
    assert_eq!(failure(&connect(&right)?).await.kind, ApiErrorKind::Forbidden);
    Ok(())
}

#[tokio::test]
async fn insecure_connects_whatever_the_certificate_says() -> Result<()> {
    let mut settings = ConnectionSettings::server(test_cluster().server());
    settings.insecure = true;
    settings.server_name = Some("somewhere.example.com".to_owned());
    assert_eq!(failure(&connect(&settings)?).await.kind, ApiErrorKind::Forbidden);
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_is_said_to_be_unauthorized() -> Result<()> {
    let connection = connect(&settings().with_credentials(Credentials::token("no such token")))?;
    assert_eq!(failure(&connection).await.kind, ApiErrorKind::Unauthorized);
    Ok(())
}

#[tokio::test]
async fn a_minted_token_that_is_refused_is_minted_anew() -> Result<()> {
    let (_, namespace) = place("minted").await?;
    let access = account(&namespace).await?;
    let mints = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&mints);
    let credentials = Credentials::minted_by(move || {
        let token = match counted.fetch_add(1, Ordering::SeqCst) {
            0 => "expired".to_owned(),
            _ => access.token.clone(),
        };
        async move { Ok(MintedToken::new(token, None)) }
    });
    let connection = connect(&settings().with_credentials(credentials))?;
    for _ in 0..3 {
        assert_eq!(whoami(&connection).await?, format!("system:serviceaccount:{namespace}:me"));
    }
    assert_eq!(mints.load(Ordering::SeqCst), 2);
    Ok(())
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_said_to_refuse() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = format!("https://{}", listener.local_addr()?);
    drop(listener);
    let mut settings = settings();
    settings.server = address.clone();
    let error = failure(&connect(&settings)?).await;
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert!(error.message.contains("connection refused") && error.message.contains(&address), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let mut settings = settings();
    settings.server = format!("https://{}", listener.local_addr()?);
    settings.connect_timeout = Duration::from_millis(200);
    settings.request_timeout = Duration::from_secs(2);
    let error = failure(&connect(&settings)?).await;
    assert!(matches!(error.kind, ApiErrorKind::Unreachable | ApiErrorKind::Timeout), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_a_kubeconfig_lacks_is_named() -> Result<()> {
    let path = test_cluster().kubeconfig();
    let error = ConnectionSettings::kubeconfig(Some(path), Some("elsewhere")).expect_err("no such context");
    assert_eq!(error.to_string(), "kubeconfig has no context named `elsewhere`");
    Ok(())
}

#[tokio::test]
async fn nothing_secret_is_printed() -> Result<()> {
    let settings =
        ConnectionSettings::server("https://x").with_credentials(Credentials::basic("me", "hunter2"));
    let text =
        format!("{settings:?} {:?}", Credentials::token("hunter2").with_client_certificate("c", "hunter2"));
    assert!(!text.contains("hunter2"), "{text}");
    Ok(())
}

#[tokio::test]
async fn namespaces_are_read_by_typed_watches() -> Result<()> {
    use futures::TryStreamExt;
    let (connection, namespace) = place("typed-watch").await?;
    let namespaces: Api<Namespace> = Api::all(connection.client());
    let selector = kube::api::WatchParams::default().fields(&format!("metadata.name={namespace}"));
    let mut events = std::pin::pin!(namespaces.watch(&selector, "0").await?);
    let first = events.try_next().await?;
    assert!(
        matches!(first, Some(kube::api::WatchEvent::Added(found)) if found.metadata.name == Some(namespace))
    );
    Ok(())
}
