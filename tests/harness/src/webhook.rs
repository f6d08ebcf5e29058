//! An admission webhook that says what a test has it say.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::http_server::HttpServer;

/// What the webhook does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Lets it pass.
    Allow,
    /// Refuses it with this message.
    Deny(String),
    /// Leaves it without an answer until the verdict changes.
    Hang,
}

/// A validating webhook over HTTPS. Dropping it closes its port.
#[derive(Debug)]
pub struct AdmissionWebhook {
    server: HttpServer,
    verdict: watch::Sender<Verdict>,
}

impl AdmissionWebhook {
    /// Starts a webhook on loopback that begins with this verdict.
    pub fn start(verdict: Verdict) -> Result<Self> {
        let verdict = watch::Sender::new(verdict);
        let verdicts = verdict.clone();
        let server = HttpServer::start("webhook", true, move |request| {
            let mut verdicts = verdicts.subscribe();
            async move {
                let body = request.into_body().collect().await.context("failed to read a review")?.to_bytes();
                let review: Value = serde_json::from_slice(&body).context("failed to read a review")?;
                let reached = verdicts.wait_for(|verdict| *verdict != Verdict::Hang).await;
                let verdict = reached.context("the webhook ends")?.clone();
                let answer = serde_json::to_vec(&answer(&review, &verdict))?;
                Response::builder()
                    .header(http::header::CONTENT_TYPE, "application/json")
                    .body(Full::from(answer).map_err(|never| match never {}).boxed_unsync())
                    .context("failed to write a response")
            }
        })?;
        Ok(Self { server, verdict })
    }

    /// What it does from now on, also with what it has kept waiting.
    pub fn set(&self, verdict: Verdict) {
        self.verdict.send_replace(verdict);
    }

    /// The configuration that has the API server ask it, and refuse where no answer comes in time, about
    /// what is created or changed of a resource in namespaces with the label `webhook: NAME`.
    pub fn configuration(&self, name: &str, group: &str, resource: &str, patience: Duration) -> Value {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": format!("{name}.test.bridgehead.dev"),
                "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
                "timeoutSeconds": patience.as_secs(),
                "clientConfig": {
                    "url": format!("{}/review", self.server.base),
                    "caBundle": STANDARD.encode(self.server.authority.as_deref().unwrap_or_default()),
                },
                "namespaceSelector": {"matchLabels": {"webhook": name}},
                "rules": [{
                    "apiGroups": [group], "apiVersions": ["*"], "resources": [resource],
                    "operations": ["CREATE", "UPDATE"],
                }],
            }],
        })
    }
}

fn answer(review: &Value, verdict: &Verdict) -> Value {
    let mut response = json!({"uid": review["request"]["uid"], "allowed": *verdict == Verdict::Allow});
    if let Verdict::Deny(message) = verdict {
        response["status"] = json!({"message": message});
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}
