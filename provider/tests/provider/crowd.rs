//! More resources than Terraform makes at once, in a cluster that has nothing.

use bridgehead_test_harness::agent::{dynamic, kind};
use bridgehead_test_harness::{Cluster, Options};

use crate::terraform::Terraform;

const MANY: usize = 15;

fn projects(namespace: &str) -> String {
    format!(
        "resource \"bridgehead_project\" \"this\" {{\n  count = {MANY}\n  name = \"team-${{count.index}}\"\n  \
         namespace = {namespace}\n}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn more_creates_than_terraform_has_slots_are_told_to_refer_to_the_agent() {
    let cluster = Cluster::start(Options::named("crowd")).unwrap();
    let client = cluster.client().await.unwrap();
    let count = async || {
        let projects = dynamic(&client, &kind("argoproj.io", "v1alpha1", "AppProject"), Some("argocd"));
        projects
            .list(&kube::api::ListParams::default())
            .await
            .map(|list| list.items.len())
            .unwrap_or_default()
    };
    let agent = "resource \"bridgehead_agent\" \"this\" {}\n";
    let words = "can't be created before the agent";

    // Nobody brings what they need: none of them waits until its time is up.
    let terraform = Terraform::with(&cluster, &projects("\"argocd\""));
    let told = terraform.fail(&["apply", "-auto-approve"]);
    assert_eq!(told.matches(words).count(), MANY, "{told}");
    assert!(told.contains("bridgehead_agent.this.namespace"), "{told}");

    // The agent has its turn, whenever Terraform comes to it: whoever had to make room is made later.
    terraform.configure(&format!("{agent}{}", projects("\"argocd\"")));
    let (code, told) = terraform.start(&["apply", "-auto-approve"]).end().unwrap();
    let crowded_out = told.matches(words).count();
    assert_eq!(code == Some(0), crowded_out == 0, "{told}");
    assert!(!told.contains("can't be created yet"), "{told}");
    assert_eq!(count().await, MANY - crowded_out, "{told}");
    terraform.apply();
    assert_eq!(count().await, MANY);
    terraform.destroy();

    // With the reference one apply does it.
    terraform.configure(&format!("{agent}{}", projects("bridgehead_agent.this.namespace")));
    terraform.apply();
    assert_eq!(count().await, MANY);
    terraform.destroy();
}
