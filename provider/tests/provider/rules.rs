//! What a project does not allow, told at plan where the project is known, at apply where it was not.

use bridgehead_test_harness::agent::apply;
use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, edit, edit_as, get};
use crate::terraform::Terraform;

/// An application of project `shop`.
fn application(stage: &Stage, project: &str, url: &str, namespace: &str) -> String {
    format!(
        r#"
resource "bridgehead_application" "this" {{
  name        = "web"
  namespace   = "{control}"
  project     = {project}
  source      = {{ repo_url = "{url}", path = "web" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "{namespace}" }}
}}
"#,
        control = stage.namespace,
    )
}

/// Project `shop` in Terraform.
fn project(stage: &Stage, repositories: &str) -> String {
    format!(
        r#"
resource "bridgehead_project" "shop" {{
  name         = "shop"
  namespace    = "{control}"
  source_repos = {repositories}
  destinations = [{{ server = "https://kubernetes.default.svc", namespace = "shop-*" }}]
}}
"#,
        control = stage.namespace,
    )
}

/// The same in the cluster, by somebody else.
fn live_project(stage: &Stage) -> Json {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": stage.namespace},
        "spec": {
            "sourceRepos": ["https://git.example.com/shop/*"],
            "destinations": [{"server": "https://kubernetes.default.svc", "namespace": "shop-*"}],
        },
    })
}

const RIGHT: &str = "https://git.example.com/shop/web.git";
const WRONG: &str = "https://git.example.com/other/web.git";
/// The agent's words.
const SOURCE: &str = "repository `https://git.example.com/other/web.git` is not permitted in project `shop`: add it \
                      to spec.sourceRepos of the project";
const DESTINATION: &str = "destination `https://kubernetes.default.svc` namespace `blog` is not permitted in project \
                           `shop`: add server (or name) and namespace to spec.destinations of the project";

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_there_refuses_at_plan_with_the_attribute() {
    let stage = Stage::new("rules-plan").await;
    apply(&stage.client, &[live_project(&stage)]).await.unwrap();
    let terraform = Terraform::with(stage.cluster, &application(&stage, "\"shop\"", WRONG, "shop-a"));
    let told = terraform.fail(&["plan"]);
    assert!(told.contains(SOURCE) && told.contains("At `source.repo_url`"), "{told}");
    assert!(told.contains("source = { repo_url ="), "{told}");
    terraform.configure(&application(&stage, "\"shop\"", RIGHT, "blog"));
    let told = terraform.fail(&["plan"]);
    assert!(told.contains(DESTINATION) && told.contains("destination = {"), "{told}");
    assert!(!told.contains("source = {"), "{told}");
    terraform.configure(&application(&stage, "\"shop\"", RIGHT, "shop-a"));
    terraform.apply();
    terraform.configure(&application(&stage, "\"shop\"", WRONG, "shop-a"));
    assert!(terraform.fail(&["plan"]).contains(SOURCE), "a change too");

    // Rules that come later are the agent's to tell: nothing is to be done here.
    terraform.configure(&application(&stage, "\"shop\"", RIGHT, "shop-a"));
    edit(&stage.projects(), "shop", &json!({"spec": {"sourceRepos": []}})).await;
    terraform.assert_nothing_to_do();
    terraform.configure(
        &application(&stage, "\"shop\"", RIGHT, "shop-a").replace("web\" }", "web\", name = \"x\" }"),
    );
    assert!(terraform.fail(&["plan"]).contains("is not permitted"), "a change of what is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_of_the_same_apply_counts_as_it_will_be() {
    let stage = Stage::new("rules-same").await;
    let reference = "bridgehead_project.shop.name";
    let both = |repositories: &str, project_name: &str, url: &str| {
        format!("{}{}", project(&stage, repositories), application(&stage, project_name, url, "shop-a"))
    };
    let shop = "[\"https://git.example.com/shop/*\"]";
    let all = "[\"https://git.example.com/**\"]";
    // Nothing is there yet, and what is planned refuses.
    let terraform = Terraform::with(stage.cluster, &both(shop, reference, WRONG));
    assert!(terraform.fail(&["plan"]).contains(SOURCE));
    // What is not known at plan is told at apply, in the same words, before anything is written.
    let late = format!(
        "resource \"terraform_data\" \"late\" {{ input = \"https://git.example.com/shop/*\" }}\n{}",
        both("[terraform_data.late.output]", reference, WRONG)
    );
    terraform.configure(&late);
    assert!(terraform.plan().contains("3 to add"));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert!(told.contains(SOURCE) && told.contains("source = { repo_url ="), "{told}");
    assert_eq!(get(&stage.applications(), "web").await, Json::Null);

    // The project and the application change together: the live rules are not the ones that count.
    terraform.configure(&both(shop, reference, RIGHT));
    terraform.apply();
    terraform.configure(&both(all, reference, WRONG));
    terraform.apply();
    // Also where neither refers to the other.
    terraform.configure(&both(shop, "\"shop\"", RIGHT));
    terraform.apply();
    terraform.configure(&both(all, "\"shop\"", WRONG));
    terraform.apply();
    terraform.destroy();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_git_took_over_count_as_they_are() {
    let stage = Stage::new("rules-git").await;
    let all = "[\"https://git.example.com/**\"]";
    let configuration = format!(
        "{}{}",
        project(&stage, all),
        application(&stage, "bridgehead_project.shop.name", RIGHT, "shop-a")
    );
    let terraform = Terraform::with(stage.cluster, &configuration);
    terraform.apply();
    let id = format!("root:argoproj.io/AppProject:{}/shop", stage.namespace);
    let change = json!({
        "metadata": {"annotations": {"argocd.argoproj.io/tracking-id": id}},
        "spec": {"sourceRepos": ["https://git.example.com/shop/*"]},
    });
    edit_as(&stage.projects(), "argocd-controller", "shop", &change).await;
    terraform.assert_nothing_to_do();
    terraform.configure(&configuration.replace(RIGHT, WRONG));
    assert!(terraform.fail(&["plan"]).contains(SOURCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_needs_no_cluster_and_an_application_no_project() {
    let stage = Stage::new("rules-none").await;
    let nowhere =
        "provider \"bridgehead\" {\n  kubernetes = { host = \"https://127.0.0.1:9\", token = \"t\" }\n}\n";
    let terraform = Terraform::with_provider(nowhere, &application(&stage, "\"shop\"", WRONG, "shop-a"));
    assert!(terraform.plan().contains("1 to add"));

    let terraform = Terraform::with(stage.cluster, &application(&stage, "\"shop\"", WRONG, "shop-a"));
    let told = terraform.apply();
    assert!(told.contains("There is no project `shop` yet"), "{told}");
    terraform.destroy();
}
