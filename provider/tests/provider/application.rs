//! `bridgehead_application`.

use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, delete, edit, edit_as, get, uid};
use crate::terraform::Terraform;

fn application(namespace: &str, body: &str) -> String {
    format!(
        "resource \"bridgehead_application\" \"this\" {{\n  name = \"web\"\n  namespace = \"{namespace}\"\n{body}\n}}\n"
    )
}

/// Says whether waves wait for Applications.
const GATING: &str = "bridgehead.dev/wait-for-applications";

const SIMPLE: &str = r#"
  source      = { repo_url = "https://git.example.com/shop.git", path = "web" }
  destination = { server = "https://kubernetes.default.svc", namespace = "shop" }
"#;

const EVERYTHING: &str = r#"
  labels      = { team = "shop" }
  annotations = { "argocd.argoproj.io/manifest-generate-paths" = "." }
  project     = "shop"
  sources = [
    {
      repo_url = "https://charts.example.com", chart = "web", target_revision = "1.2.3"
      helm = {
        release_name  = "web"
        value_files   = ["$values/web.yaml"]
        parameters    = [{ name = "image.tag", value = "v1", force_string = true }]
        values_object = jsonencode({ b = 1, a = { c = [true, null] } })
        skip_crds     = true
      }
    },
    { repo_url = "https://git.example.com/shop.git", target_revision = "main", ref = "values" },
    {
      repo_url = "https://git.example.com/shop.git", path = "base"
      kustomize = {
        images   = ["web:v2"]
        replicas = [{ name = "web", count = "3" }]
        patches  = [{ patch = "- op: remove\n  path: /a", target = { kind = "Deployment" }, options = { allowNameChange = true } }]
      }
    },
    {
      repo_url = "https://git.example.com/shop.git", path = "plain"
      directory = { recurse = true, exclude = "*.md", jsonnet = { tlas = [{ name = "x", value = "1", code = true }] } }
    },
    {
      repo_url = "https://git.example.com/shop.git", path = "cue"
      plugin = { name = "cue", env = [{ name = "A", value = "b" }], parameters = [{ name = "p", array = ["x"] }] }
    },
  ]
  destination = { name = "in-cluster", namespace = "shop" }
  sync_policy = {
    automated    = { prune = true, self_heal = true, allow_empty = false }
    sync_options = ["CreateNamespace=true", "ServerSideApply=true"]
    retry        = { limit = 5, backoff = { duration = "5s", factor = 2, max_duration = "3m" } }
    managed_namespace_metadata = { labels = { team = "shop" } }
  }
  ignore_differences = [
    { group = "apps", kind = "Deployment", json_pointers = ["/spec/replicas"] },
    { kind = "Secret", name = "ca", jq_path_expressions = [".data.x"], managed_fields_managers = ["cert-manager"] },
  ]
  info                   = [{ name = "url", value = "https://shop.example.com" }]
  revision_history_limit = 3
  on_destroy             = "orphan"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_application_with_everything_lives_through_its_life() {
    let stage = Stage::new("everything").await;
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, EVERYTHING));
    terraform.apply();
    let api = stage.applications();
    let live = get(&api, "web").await;
    let sources = live["spec"]["sources"].as_array().unwrap();
    assert_eq!(sources[0]["helm"]["valuesObject"], json!({"a": {"c": [true, null]}, "b": 1}));
    assert_eq!(sources[0]["repoURL"], "https://charts.example.com");
    assert_eq!(sources[2]["kustomize"]["replicas"], json!([{"name": "web", "count": 3}]));
    assert_eq!(
        live["spec"]["syncPolicy"]["automated"],
        json!({"prune": true, "selfHeal": true, "allowEmpty": false})
    );
    assert_eq!(live["spec"]["revisionHistoryLimit"], 3);
    let first = uid(&live);

    terraform.configure(&application(&stage.namespace, SIMPLE));
    terraform.apply();
    let live = get(&api, "web").await;
    assert_eq!(
        live["spec"],
        json!({
            "project": "default",
            "source": {"repoURL": "https://git.example.com/shop.git", "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        })
    );
    assert_eq!(uid(&live), first);

    terraform.configure(&application(&stage.namespace, &EVERYTHING.replace("orphan", "refuse")));
    terraform.apply();
    terraform.assert_imports("bridgehead_application.this", &format!("{}/web", stage.namespace));

    // What the agent and others write is no drift.
    let status = json!({
        "status": {"sync": {"status": "Synced", "comparedTo": {"destination": {}}}, "reconciledAt": "2026-01-01T00:00:00Z"},
        "operation": {"sync": {}},
        "metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}, "labels": {"seen": "yes"}},
    });
    edit_as(&api, "argocd-controller", "web", &status).await;
    terraform.assert_nothing_to_do();

    let change = json!({"spec": {"syncPolicy": {"automated": {"prune": false}}, "source": {"repoURL": "x"}, "project": "other"}});
    edit(&api, "web", &change).await;
    let plan = terraform.plan();
    assert!(plan.contains("\"other\" -> \"shop\"") && plan.contains("prune = false -> true"), "{plan}");
    terraform.apply();
    let live = get(&api, "web").await;
    assert_eq!(live["spec"]["source"], json!(null));
    assert_eq!(live["metadata"]["labels"]["seen"], "yes", "another's label stays");

    delete(&api, "web").await;
    terraform.apply();
    terraform.destroy();
    assert_eq!(get(&api, "web").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn waves_wait_for_applications_unless_told_otherwise() {
    let stage = Stage::new("gating").await;
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, SIMPLE));
    terraform.apply();
    let api = stage.applications();
    let waits = async || get(&api, "web").await["metadata"]["annotations"][GATING].clone();
    assert_eq!(waits().await, "true");

    edit(&api, "web", &json!({"metadata": {"annotations": {GATING: null}}})).await;
    let off = "  wait_for_applications = false\n";
    terraform.configure(&application(&stage.namespace, &format!("{SIMPLE}{off}")));
    terraform.apply();
    assert_eq!(waits().await, "false");
    // What was once chosen stays until it is chosen anew.
    terraform.configure(&application(&stage.namespace, SIMPLE));
    terraform.assert_nothing_to_do();
    assert_eq!(waits().await, "false");

    // One that came without keeps what it has when it is imported.
    edit(&api, "web", &json!({"metadata": {"annotations": {GATING: null}}})).await;
    terraform.assert_imports("bridgehead_application.this", &format!("{}/web", stage.namespace));

    let twice = format!("{SIMPLE}  annotations = {{ \"{GATING}\" = \"true\" }}\n");
    terraform.configure(&application(&stage.namespace, &twice));
    let told = terraform.fail(&["plan", "-no-color"]);
    assert!(told.contains("Set wait_for_applications instead"), "{told}");
    terraform.configure(&application(&stage.namespace, SIMPLE));
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_application_plans_empty_after_each_step() {
    let stage = Stage::new("simple").await;
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, SIMPLE));
    terraform.apply();
    // Empty is absent, however it is written.
    let empties =
        "  labels = {}\n  info = []\n  ignore_differences = []\n  sync_policy = { sync_options = [] }\n";
    terraform.configure(&application(&stage.namespace, &format!("{SIMPLE}{empties}")));
    terraform.apply();
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_between_plan_and_apply_is_told_and_made_by_the_next() {
    let stage = Stage::new("gone").await;
    let api = stage.applications();
    let terraform = Terraform::with(stage.cluster, &application(&stage.namespace, SIMPLE));
    terraform.apply();
    terraform
        .configure(&application(&stage.namespace, &format!("{SIMPLE}  labels = {{ team = \"shop\" }}\n")));
    terraform.succeed(&["plan", "-out=saved"]);
    let mut another = get(&api, "web").await;
    delete(&api, "web").await;
    let told = terraform.fail(&["apply", "saved"]);
    assert!(told.contains("/web is gone") && told.contains("plan again"), "{told}");
    assert_eq!(get(&api, "web").await, Json::Null, "nothing was made that was not planned");

    terraform.apply();
    // Another of the same name is none of the planned change's.
    terraform.configure(&application(&stage.namespace, SIMPLE));
    terraform.succeed(&["plan", "-out=saved"]);
    delete(&api, "web").await;
    another["metadata"] = json!({"name": "web", "namespace": stage.namespace, "labels": {"team": "other"}});
    bridgehead_test_harness::agent::apply(&stage.client, &[another]).await.unwrap();
    assert!(terraform.fail(&["apply", "saved"]).contains("/web is gone"));
    assert_eq!(get(&api, "web").await["metadata"]["labels"]["team"], "other");
    delete(&api, "web").await;
    terraform.apply();
    terraform.destroy();
}
