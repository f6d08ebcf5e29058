//! Places where objects may not go, or cannot.

use std::time::Duration;

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use bridgehead_test_harness::webhook::{AdmissionWebhook, Verdict};
use bridgehead_test_harness::{Probe, wait_for};
use kube::api::PostParams;
use serde_json::json;

use super::Case;

#[tokio::test]
async fn an_object_outside_of_the_project() -> Result<()> {
    let mut case = Case::start("project").await?;
    let project = |namespaces: &[&str]| {
        let destinations: Vec<_> =
            namespaces.iter().map(|name| json!({"server": "*", "namespace": name})).collect();
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "narrow", "namespace": case.stage.namespace},
            "spec": {
                "sourceRepos": ["*"], "destinations": destinations,
                "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
            },
        })
    };
    let (narrow, wide) = (project(&["project-bad"]), project(&["project-bad", "project-bad-other"]));
    case.stage
        .apply(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "project-bad-other"},
        }))
        .await?;
    case.stage.apply(narrow).await?;
    let mut repository = case.stage.git.create("project")?;
    let elsewhere =
        config_map("two", "2").replace("metadata:\n", "metadata:\n  namespace: project-bad-other\n");
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.write("app/two.yaml", elsewhere)?;
    let commit = repository.commit("one too far")?;
    let mut spec = case.spec(repository.url());
    spec["project"] = json!("narrow");
    case.stage.application(&case.name, spec).await?;
    case.is_told(&["project-bad-other", "is not permitted in project `narrow`", "spec.destinations"]).await?;
    assert!(case.stage.config_maps("project-bad-other").get_opt("two").await?.is_none());

    case.stage.apply(wide).await?;
    case.heals(&commit).await
}

#[tokio::test]
async fn a_namespace_that_is_missing() -> Result<()> {
    let mut case = Case::start("namespace").await?;
    let mut repository = case.stage.git.create("namespace")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("nowhere to go")?;
    let mut spec = case.spec(repository.url());
    spec["syncPolicy"]["syncOptions"] = json!([]);
    case.stage.application(&case.name, spec).await?;
    case.is_told(&["namespaces \"namespace-bad\" not found", "CreateNamespace=true"]).await?;

    case.stage
        .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "namespace-bad"}}))
        .await?;
    case.heals(&commit).await
}

#[tokio::test]
async fn an_admission_policy_that_refuses() -> Result<()> {
    let mut case = Case::start("policy").await?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case.name, "labels": {"frozen": "yes"}}});
    case.stage.apply(namespace).await?;
    let group = "admissionregistration.k8s.io/v1";
    case.stage
        .apply(json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "frozen"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"],
                }]},
                "validations": [{"expression": "false", "message": "this namespace is frozen"}],
            },
        }))
        .await?;
    case.stage
        .apply(json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "frozen"},
            "spec": {
                "policyName": "frozen", "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {"matchLabels": {"frozen": "yes"}}},
            },
        }))
        .await?;
    is_in_force(&case).await?;
    let mut repository = case.stage.git.create("policy")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("refused")?;
    case.application(repository.url()).await?;
    case.is_told(&["ValidatingAdmissionPolicy 'frozen'", "this namespace is frozen"]).await?;

    case.stage
        .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case.name, "labels": {"frozen": "no"}}}))
        .await?;
    case.heals(&commit).await
}

#[tokio::test]
async fn an_admission_webhook_that_refuses() -> Result<()> {
    let webhook = AdmissionWebhook::start(Verdict::Deny("images of the month before are not let in".into()))?;
    let (mut case, commit) = behind(&webhook, "webhook-no").await?;
    case.is_told(&[
        "admission webhook \"webhook-no.test.bridgehead.dev\" denied the request",
        "images of the month before are not let in",
    ])
    .await?;

    webhook.set(Verdict::Allow);
    case.heals(&commit).await
}

#[tokio::test]
async fn an_admission_webhook_that_does_not_answer() -> Result<()> {
    let webhook = AdmissionWebhook::start(Verdict::Hang)?;
    let (mut case, commit) = behind(&webhook, "webhook-mute").await?;
    case.is_told(&["failed calling webhook \"webhook-mute.test.bridgehead.dev\""]).await?;

    webhook.set(Verdict::Allow);
    case.heals(&commit).await
}

/// An application whose ConfigMap the webhook has to let in, and its commit.
async fn behind(webhook: &AdmissionWebhook, topic: &str) -> Result<(Case, String)> {
    let case = Case::start(topic).await?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case.name, "labels": {"webhook": topic}}});
    case.stage.apply(namespace).await?;
    case.stage.apply(webhook.configuration(topic, "", "configmaps", Duration::from_secs(1))).await?;
    is_in_force(&case).await?;
    let mut repository = case.stage.git.create(topic)?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("behind a webhook")?;
    case.application(repository.url()).await?;
    Ok((case, commit))
}

/// Waits until the API server no longer lets a ConfigMap into the application's namespace.
async fn is_in_force(case: &Case) -> Result<()> {
    let config_maps = case.stage.config_maps(&case.name);
    wait_for("the rule to be in force", async || {
        let attempt = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "attempt"}});
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        let answer = config_maps.create(&dry_run, &serde_json::from_value(attempt)?).await;
        Ok(Probe::when(answer.is_err(), "an object was let in"))
    })
    .await
}
