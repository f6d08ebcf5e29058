//! `bridgehead_cluster`, resource and data source.

use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, delete, edit, get};
use crate::terraform::Terraform;

fn cluster(namespace: &str, body: &str) -> String {
    format!(
        r#"
resource "bridgehead_cluster" "this" {{
  name      = "spoke"
  namespace = "{namespace}"
  server    = "https://10.0.0.1:6443"
{body}
}}
data "bridgehead_cluster" "this" {{
  server    = bridgehead_cluster.this.server
  namespace = "{namespace}"
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_lives_through_its_life_and_its_token_is_in_no_state() {
    let stage = Stage::new("cluster").await;
    let first = r#"
  labels           = { tier = "production" }
  token_wo         = "very-secret-token"
  token_wo_version = 1
  insecure         = true
  namespaces       = ["shop", "blog"]
  project          = "shop"
"#;
    let terraform = Terraform::with(stage.cluster, &cluster(&stage.namespace, first));
    terraform.apply();
    let registered = async || {
        let live = get(&stage.secrets(), "spoke").await;
        let secret = bridgehead_api::secret::SecretObject::from_value(live).unwrap();
        bridgehead_api::secret::Cluster::from_secret(&secret).unwrap().0
    };
    let live = registered().await;
    assert_eq!(live.config.bearer_token.unwrap().expose(), "very-secret-token");
    assert_eq!((live.name.as_str(), live.namespaces.len()), ("spoke", 2));
    assert!(!terraform.state_file().contains("very-secret-token"));
    let found = terraform.values("data.bridgehead_cluster.this");
    assert_eq!((&found["name"], &found["labels"]["tier"]), (&json!("spoke"), &json!("production")));

    let second = r#"
  aws_auth = { cluster_name = "spoke", role_arn = "arn:aws:iam::123456789012:role/spoke" }
"#;
    terraform.configure(&cluster(&stage.namespace, second));
    terraform.apply();
    let live = registered().await;
    assert_eq!(live.config.bearer_token, None);
    assert_eq!(live.config.aws_auth.unwrap().cluster_name, "spoke");
    assert!(live.namespaces.is_empty() && live.project.is_empty());
    terraform.assert_imports("bridgehead_cluster.this", &format!("{}/spoke", stage.namespace));

    edit(&stage.secrets(), "spoke", &json!({"stringData": {"project": "mine"}})).await;
    assert!(terraform.plan().contains("\"mine\" -> null"));
    terraform.apply();
    assert_eq!(registered().await.project, "");

    delete(&stage.secrets(), "spoke").await;
    terraform.apply();
    terraform.destroy();
    assert_eq!(get(&stage.secrets(), "spoke").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ways_to_log_in_are_told_at_plan() {
    let stage = Stage::new("twoways").await;
    let both = "  token_wo = \"t\"\n  aws_auth = { cluster_name = \"a\" }\n";
    let terraform = Terraform::with(stage.cluster, &cluster(&stage.namespace, both));
    assert!(terraform.fail(&["plan"]).contains("exclude each other"));
}
