//! The ways to a cluster: each reads and writes, for the provider and for one resource.

use bridgehead_test_harness::agent::apply;
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, get, uid};
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

/// A repository, a project and an application in the stage's namespace, by this way to the cluster.
fn by(stage: &Stage, kubernetes: &str) -> String {
    let namespace = &stage.namespace;
    format!(
        r#"
locals {{
  kubernetes = {kubernetes}
}}
resource "bridgehead_project" "this" {{
  name         = "shop"
  namespace    = "{namespace}"
  source_repos = ["*"]
  destinations = [{{ server = "*", namespace = "*" }}]
  kubernetes   = local.kubernetes
}}
resource "bridgehead_repository" "this" {{
  name       = "config"
  namespace  = "{namespace}"
  url        = "https://git.example.com/shop.git"
  kubernetes = local.kubernetes
}}
resource "bridgehead_cluster" "this" {{
  name       = "spoke"
  namespace  = "{namespace}"
  server     = "https://10.0.0.1:6443"
  kubernetes = local.kubernetes
}}
resource "bridgehead_application" "this" {{
  name        = "web"
  namespace   = "{namespace}"
  project     = bridgehead_project.this.name
  source      = {{ repo_url = "https://git.example.com/shop.git", path = "web" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "shop" }}
  kubernetes  = local.kubernetes
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_to_the_same_cluster_replaces_nothing() {
    let stage = Stage::new("another-way").await;
    let subject = json!([{"kind": "ServiceAccount", "name": "another-way", "namespace": "kube-system"}]);
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "another-way"}, "roleRef": role, "subjects": subject,
    });
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "another-way", "namespace": "kube-system"},
    });
    apply(&stage.client, &[account, binding]).await.unwrap();
    let token = stage.cluster.service_account("kube-system", "another-way", 3600).await.unwrap().token;
    let folder = tempfile::tempdir().unwrap();
    let program = plugin(folder.path(), &token);
    let block = |authority: &str, args: &str, more: &str| {
        format!(
            "{{\n    host = {:?}\n    cluster_ca_certificate = {authority}\n    {more}\n    exec = {{\n      \
             command = {program:?}\n      args = {args}\n      env = {{ REGION = \"here\" }}\n    }}\n  }}\n",
            stage.cluster.server(),
        )
    };
    let pem = format!("locals {{\n  pem = <<-PEM\n{}\nPEM\n}}\n", stage.cluster.authority().trim());
    let configuration = |way: &str| format!("{pem}{}", by(&stage, way));
    let elsewhere =
        "provider \"bridgehead\" {\n  kubernetes = { host = \"https://127.0.0.1:9\", token = \"t\" }\n}\n";
    let first = configuration(&block("local.pem", "[\"get\"]", ""));
    let terraform = Terraform::with_provider(elsewhere, &first);
    terraform.apply();
    let uids = async || {
        let (applications, projects, secrets) = (stage.applications(), stage.projects(), stage.secrets());
        let objects = [
            get(&applications, "web").await,
            get(&projects, "shop").await,
            get(&secrets, "config").await,
            get(&secrets, "spoke").await,
        ];
        objects.map(|object| uid(&object))
    };
    let before = uids().await;

    // Other arguments, another certificate beside the first, and arguments that are known after apply only.
    let late = "resource \"terraform_data\" \"late\" {\n  input = \"get\"\n}\n";
    let others = [
        (block("local.pem", "[\"get\", \"quietly\"]", "insecure = false"), ""),
        (block("\"${local.pem}${local.pem}\"", "[\"get\"]", ""), ""),
        (block("local.pem", "[terraform_data.late.output]", ""), late),
    ];
    for (way, more) in others {
        terraform.configure(&format!("{more}{}", configuration(&way)));
        let plan = terraform.plan();
        assert!(plan.contains("0 to destroy") && !plan.contains("must be replaced"), "{plan}");
        let told = terraform.apply();
        assert!(told.contains("0 destroyed"), "{told}");
        assert_eq!(uids().await, before, "{told}");
    }
    // The provider's own cluster is another one.
    terraform.configure(&by(&stage, "null"));
    let plan = terraform.plan();
    assert!(plan.contains("Plan: 4 to add, 0 to change"), "{plan}");
    // A host that turns out to be another one stops the apply, before anything is written to either.
    let host = stage.cluster.server();
    let late = "resource \"terraform_data\" \"host\" {\n  input = \"https://127.0.0.1:9\"\n}\n";
    let unknown = first.replace(&format!("host = {host:?}"), "host = terraform_data.host.output");
    terraform.configure(&format!("{late}{unknown}"));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("inconsistent final plan"), "{told}");
    assert_eq!(uids().await, before, "{told}");
    assert!(terraform.plan().contains("Plan: 4 to add, 0 to change, 4 to destroy"));
    terraform.configure(&first);
    terraform.destroy();
}
