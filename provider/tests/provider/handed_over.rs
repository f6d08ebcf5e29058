//! Parts of an object that somebody else applies are left to them, and plans stay empty.

use bridgehead_api::secret::SecretData;
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, get, take_over};
use crate::terraform::Terraform;

const APPLICATION: (&str, &str) = ("argoproj.io/v1alpha1", "Application");
const PROJECT: (&str, &str) = ("argoproj.io/v1alpha1", "AppProject");
const SECRET: (&str, &str) = ("v1", "Secret");

fn configuration(namespace: &str, extra: &str) -> String {
    let common = format!(
        "  namespace = \"{namespace}\"\n  labels = {{ team = \"shop\", tier = \"one\"{extra} }}\n  \
         annotations = {{ owner = \"shop\" }}\n"
    );
    format!(
        r#"
resource "bridgehead_application" "this" {{
  name        = "web"
{common}
  source      = {{ repo_url = "https://git.example.com/shop.git", path = "web" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "shop" }}
}}
resource "bridgehead_project" "this" {{
  name = "shop"
{common}
}}
resource "bridgehead_repository" "this" {{
  name                = "config"
{common}
  url                 = "https://git.example.com/config.git"
  username            = "ci"
  password_wo         = "from-terraform"
  password_wo_version = 1
}}
resource "bridgehead_cluster" "this" {{
  name             = "spoke"
{common}
  server           = "https://127.0.0.1:9"
  project          = "shop"
  token_wo         = "from-terraform"
  token_wo_version = 1
}}
"#
    )
}

fn encoded(entries: &[(&str, &str)]) -> Json {
    let mut data = SecretData::default();
    for (name, text) in entries {
        data.insert(*name, *text);
    }
    json!(data.to_base64())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_applies_is_left_to_it_and_plans_are_empty() {
    let stage = Stage::new("theirs").await;
    let terraform = Terraform::with(stage.cluster, &configuration(&stage.namespace, ""));
    terraform.apply();
    let metadata = json!({"labels": {"team": "platform"}, "annotations": {"owner": "platform"}});
    let waits = "bridgehead.dev/wait-for-applications";
    let mut application = json!({"metadata": metadata});
    application["metadata"]["annotations"][waits] = json!("false");
    let (applications, projects, secrets) = (stage.applications(), stage.projects(), stage.secrets());
    take_over(&applications, APPLICATION, "web", &application).await;
    take_over(&projects, PROJECT, "shop", &json!({"metadata": metadata})).await;
    let proxy = "http://proxy.example.com";
    let entries = encoded(&[("username", "platform"), ("password", "theirs"), ("proxy", proxy)]);
    let repository = json!({"metadata": metadata, "data": entries});
    take_over(&secrets, SECRET, "config", &repository).await;
    let entries = encoded(&[("project", "platform"), ("config", "{\"bearerToken\":\"theirs\"}")]);
    take_over(&secrets, SECRET, "spoke", &json!({"metadata": metadata, "data": entries})).await;
    terraform.assert_nothing_to_do();

    // A change of something else goes past what is theirs.
    let before = get(&secrets, "config").await["data"].clone();
    let spoke = get(&secrets, "spoke").await["data"].clone();
    terraform.configure(&configuration(&stage.namespace, ", more = \"yes\""));
    let told = terraform.apply();
    assert!(told.contains("4 changed"), "{told}");
    for entry in ["metadata.labels.team", "metadata.annotations.owner", "data.username", "data.config"] {
        assert!(told.contains(&format!("{entry} (another-team)")), "{entry}: {told}");
    }
    assert!(!told.contains("metadata.labels.tier") && !told.contains("platform"), "{told}");
    let labels = json!({"team": "platform", "tier": "one", "more": "yes"});
    let has = |live: &Json| {
        let live = live["metadata"]["labels"].as_object().unwrap().clone();
        labels.as_object().unwrap().iter().all(|(name, value)| live.get(name) == Some(value))
    };
    for (api, name) in
        [(&applications, "web"), (&projects, "shop"), (&secrets, "config"), (&secrets, "spoke")]
    {
        let live = get(api, name).await;
        assert!(has(&live) && live["metadata"]["annotations"]["owner"] == "platform", "{live}");
    }
    assert_eq!(get(&applications, "web").await["metadata"]["annotations"][waits], "false");
    assert_eq!(get(&secrets, "config").await["data"], before);
    assert_eq!(get(&secrets, "spoke").await["data"], spoke);
    terraform.destroy();
}
