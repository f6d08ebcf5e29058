//! Credentials from a program that prints an `ExecCredential`.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::AsyncReadExt;

use super::ConnectionSettings;
use super::credentials::{ExecCommand, Identity, MintError, MintedToken};

/// A program that asks the user to log in may take a while; one that hangs must not hang us.
const TIMEOUT: Duration = Duration::from_mins(1);
/// A token is a few kilobytes at most.
const OUTPUT_LIMIT: u64 = 1 << 20;

#[derive(Debug, Error)]
enum ExecError {
    #[error("the program was not found{}", hint(.0.as_deref()))]
    NotFound(Option<String>),
    #[error("the program could not be started")]
    Start(#[source] std::io::Error),
    #[error("reading its output failed")]
    Output(#[source] std::io::Error),
    #[error("it did not end within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("it ended with {status}: {stderr}")]
    Failed { status: std::process::ExitStatus, stderr: String },
    #[error("its output is not an ExecCredential")]
    Format(#[source] serde_json::Error),
    #[error("it answers in `{found}`, `{asked}` was asked for")]
    Version { found: String, asked: String },
    #[error("its answer has neither a token nor a client certificate with its key")]
    Empty,
}

fn hint(hint: Option<&str>) -> String {
    hint.map(|hint| format!("; {}", hint.trim())).unwrap_or_default()
}

/// What a program gave.
pub(super) struct ExecAnswer {
    pub(super) token: Option<MintedToken>,
    pub(super) identity: Option<Identity>,
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    #[serde(default)]
    api_version: String,
    status: Option<ExecStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecStatus {
    expiration_timestamp: Option<Timestamp>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// The cluster as `KUBERNETES_EXEC_INFO` describes it.
pub(super) fn cluster_info(settings: &ConnectionSettings) -> Value {
    let mut cluster = json!({ "server": settings.server });
    if settings.insecure {
        cluster["insecure-skip-tls-verify"] = true.into();
    }
    if let Some(name) = &settings.server_name {
        cluster["tls-server-name"] = name.as_str().into();
    }
    if let Some(pem) = &settings.certificate_authority {
        cluster["certificate-authority-data"] = STANDARD.encode(pem).into();
    }
    cluster
}

/// Runs the program once.
pub(super) async fn run(command: &ExecCommand, cluster: &Value) -> Result<ExecAnswer, MintError> {
    let result = match tokio::time::timeout(TIMEOUT, answer(command, cluster)).await {
        Ok(result) => result,
        Err(_) => Err(ExecError::Timeout),
    };
    result.map_err(|error| MintError::new(format!("`{}`", command.command), error))
}

async fn answer(command: &ExecCommand, cluster: &Value) -> Result<ExecAnswer, ExecError> {
    let mut spec = json!({ "interactive": false });
    if command.provide_cluster_info {
        spec["cluster"] = cluster.clone();
    }
    let info = json!({ "apiVersion": command.api_version, "kind": "ExecCredential", "spec": spec });
    let mut child = tokio::process::Command::new(&command.command)
        .args(&command.args)
        .envs(command.env.iter().map(|entry| (&entry.name, &entry.value)))
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ExecError::NotFound(command.install_hint.clone()),
            _ => ExecError::Start(error),
        })?;

    let (mut output, mut complaint) = (Vec::new(), Vec::new());
    let stdout = child.stdout.take().map(|pipe| pipe.take(OUTPUT_LIMIT));
    let stderr = child.stderr.take().map(|pipe| pipe.take(OUTPUT_LIMIT));
    let read_output = async {
        if let Some(mut pipe) = stdout {
            pipe.read_to_end(&mut output).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    let read_complaint = async {
        if let Some(mut pipe) = stderr {
            pipe.read_to_end(&mut complaint).await?;
        }
        Ok(())
    };
    tokio::try_join!(read_output, read_complaint).map_err(ExecError::Output)?;
    let status = child.wait().await.map_err(ExecError::Output)?;
    if !status.success() {
        let text = String::from_utf8_lossy(&complaint);
        let tail: String =
            text.trim().chars().rev().take(2000).collect::<Vec<_>>().into_iter().rev().collect();
        return Err(ExecError::Failed { status, stderr: tail });
    }
    parse(&output, &command.api_version)
}

fn parse(output: &[u8], asked: &str) -> Result<ExecAnswer, ExecError> {
    let credential: ExecCredential = serde_json::from_slice(output).map_err(ExecError::Format)?;
    if credential.api_version != asked {
        return Err(ExecError::Version { found: credential.api_version, asked: asked.to_owned() });
    }
    let status = credential.status.ok_or(ExecError::Empty)?;
    let expires_at = status.expiration_timestamp;
    let identity = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) if !certificate.is_empty() && !key.is_empty() => {
            Some(Identity { certificate: certificate.into_bytes(), key: SecretString::from(key) })
        }
        _ => None,
    };
    let token =
        status.token.filter(|token| !token.is_empty()).map(|token| MintedToken::new(token, expires_at));
    if token.is_none() && identity.is_none() {
        return Err(ExecError::Empty);
    }
    Ok(ExecAnswer { token, identity, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ExecCommand {
        ExecCommand {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            command: "/bin/sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: Vec::new(),
            install_hint: None,
            provide_cluster_info: true,
        }
    }

    async fn chain(command: ExecCommand) -> String {
        let error = run(&command, &json!({"server": "https://x"})).await.err().expect("an error");
        format!("{error}: {}", error.source)
    }

    #[tokio::test]
    async fn a_program_is_told_the_cluster_and_its_token_is_taken() {
        let script = r#"case "$KUBERNETES_EXEC_INFO" in *https://x*) ;; *) exit 3;; esac
            printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2031-01-02T03:04:05Z"}}'"#;
        let answer = run(&shell(script), &json!({"server": "https://x"})).await.unwrap();
        assert_eq!(answer.token.unwrap().expose(), "t");
        assert_eq!(answer.expires_at.unwrap().to_string(), "2031-01-02T03:04:05Z");
    }

    #[tokio::test]
    async fn a_programs_complaint_is_part_of_the_error() {
        let text = chain(shell("echo 'sso session expired' >&2; exit 4")).await;
        assert!(text.contains("exit status: 4") && text.contains("sso session expired"), "{text}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named_with_how_to_get_it() {
        let mut command = shell("");
        command.command = "no-such-program-of-ours".to_owned();
        command.install_hint = Some("brew install it".to_owned());
        let text = chain(command).await;
        assert!(text.contains("no-such-program-of-ours") && text.contains("brew install it"), "{text}");
    }

    #[test]
    fn another_version_than_asked_for_is_refused() {
        let error =
            parse(br#"{"apiVersion":"client.authentication.k8s.io/v1alpha1","status":{"token":"t"}}"#, "v1");
        assert!(matches!(error, Err(ExecError::Version { .. })));
    }
}
