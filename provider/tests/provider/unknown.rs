//! A provider whose cluster is only known after apply.

use crate::cluster_objects::{Stage, get};
use crate::terraform::Terraform;

fn configuration(stage: &Stage) -> String {
    format!(
        r#"
resource "terraform_data" "cluster" {{
  input = {path:?}
}}
resource "bridgehead_project" "this" {{
  name      = "shop"
  namespace = "{namespace}"
}}
resource "bridgehead_application" "this" {{
  name        = "web"
  namespace   = "{namespace}"
  source      = {{ repo_url = "https://git.example.com/${{terraform_data.cluster.id}}.git", path = "web" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "shop" }}
  on_destroy  = "orphan"
}}
"#,
        path = stage.cluster.kubeconfig().display().to_string(),
        namespace = stage.namespace,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_planned_and_applied_with_a_cluster_that_is_not_known_yet() {
    let stage = Stage::new("unknown").await;
    let provider =
        "provider \"bridgehead\" {\n  kubernetes = { config_path = terraform_data.cluster.output }\n}\n";
    let terraform = Terraform::with_provider(provider, &configuration(&stage));
    assert!(terraform.plan().contains("3 to add"));
    terraform.apply();
    assert_eq!(get(&stage.projects(), "shop").await["metadata"]["name"], "shop");
    // The cluster is not known again: what is in the state stays as it is.
    terraform.succeed(&["plan", "-replace=terraform_data.cluster"]);
    terraform.destroy();
}
