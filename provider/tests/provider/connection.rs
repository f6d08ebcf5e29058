//! The ways to a cluster: each reads and writes, for the provider and for one resource.

use bridgehead_test_harness::agent::apply;
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, get};
use crate::terraform::Terraform;

/// Rights for projects in the stage's namespace, and a token that has them.
async fn token(stage: &Stage) -> String {
    let (namespace, name) = (&stage.namespace, "terraform");
    let subject = json!([{"kind": "ServiceAccount", "name": name, "namespace": namespace}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name});
    apply(
        &stage.client,
        &[
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                "metadata": {"name": name, "namespace": namespace},
                "rules": [{"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": ["*"]}],
            }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": name, "namespace": namespace}, "roleRef": role, "subjects": subject,
            }),
        ],
    )
    .await
    .unwrap();
    stage.cluster.service_account(namespace, name, 3600).await.unwrap().token
}

/// A program that prints a token as kubectl's credential plugins do.
fn plugin(folder: &std::path::Path, token: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("credentials.sh");
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
    });
    let script = format!("#!/bin/sh\n[ \"$1 $REGION\" = \"get here\" ] && echo '{credential}'\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

fn project(stage: &Stage, body: &str) -> String {
    format!(
        "resource \"bridgehead_project\" \"this\" {{\n  name = \"shop\"\n  namespace = \"{}\"\n{body}\n}}\n",
        stage.namespace
    )
}

async fn lives(stage: &Stage, terraform: &Terraform) {
    terraform.apply();
    assert_eq!(get(&stage.projects(), "shop").await["metadata"]["name"], "shop");
    terraform.destroy();
    assert_eq!(get(&stage.projects(), "shop").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_host_certificate_and_token() {
    let stage = Stage::new("by-token").await;
    let block = |token: &str| {
        format!(
            "provider \"bridgehead\" {{\n  kubernetes = {{\n    host = {:?}\n    token = {token:?}\n    \
             cluster_ca_certificate = <<-PEM\n{}\nPEM\n  }}\n}}\n",
            stage.cluster.server(),
            stage.cluster.authority().trim()
        )
    };
    let token = token(&stage).await;
    let terraform = Terraform::with_provider(&block(&token), &project(&stage, ""));
    lives(&stage, &terraform).await;
    assert!(!terraform.state_file().contains(&token));
    let refused = Terraform::with_provider(&block("no-token"), &project(&stage, ""));
    let told = refused.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("doesn't accept the credentials of the `kubernetes` block"), "{told}");
    // The API server's certificate is checked.
    let unsigned = format!(
        "provider \"bridgehead\" {{\n  kubernetes = {{\n    host = {:?}\n    token = {token:?}\n  }}\n}}\n",
        stage.cluster.server()
    );
    let configuration = project(&stage, "  timeouts = { create = \"1s\" }");
    let told = Terraform::with_provider(&unsigned, &configuration).fail(&["apply", "-auto-approve"]);
    assert!(told.contains("certificate"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_program_that_prints_credentials() {
    let stage = Stage::new("by-exec").await;
    let token = token(&stage).await;
    let folder = tempfile::tempdir().unwrap();
    let kubernetes = format!(
        "kubernetes = {{\n    host = {:?}\n    cluster_ca_certificate = <<-PEM\n{}\nPEM\n    exec = {{\n      command = \
         {:?}\n      args = [\"get\"]\n      env = {{ REGION = \"here\" }}\n    }}\n  }}\n",
        stage.cluster.server(),
        stage.cluster.authority().trim(),
        plugin(folder.path(), &token),
    );
    let terraform = Terraform::with_provider(
        &format!("provider \"bridgehead\" {{\n  {kubernetes}}}\n"),
        &project(&stage, ""),
    );
    lives(&stage, &terraform).await;

    // One resource's own cluster, while the provider's is another.
    let elsewhere =
        "provider \"bridgehead\" {\n  kubernetes = { host = \"https://127.0.0.1:9\", token = \"t\" }\n}\n";
    let terraform = Terraform::with_provider(elsewhere, &project(&stage, &format!("  {kubernetes}")));
    lives(&stage, &terraform).await;
    assert!(!terraform.state_file().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_context_of_a_kubeconfig() {
    let stage = Stage::new("by-context").await;
    let block = |context: &str| {
        let path = stage.cluster.kubeconfig().display().to_string();
        format!(
            "provider \"bridgehead\" {{\n  kubernetes = {{ config_path = {path:?}, config_context = {context:?} }}\n}}\n"
        )
    };
    let terraform = Terraform::with_provider(&block(stage.cluster.name()), &project(&stage, ""));
    lives(&stage, &terraform).await;
    let told =
        Terraform::with_provider(&block("nowhere"), &project(&stage, "")).fail(&["apply", "-auto-approve"]);
    assert!(told.contains("nowhere"), "{told}");
}
