//! Kinds that are served in another version, or not at all any more, while the agent runs.

use anyhow::Result;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::agent::{dynamic, kind};
use bridgehead_test_harness::{Probe, test_cluster, wait_for};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

const GROUP: &str = "kinds.example";

/// Gadgets, in two versions with the same fields.
fn definition(served: &[&str]) -> Value {
    let version = |name: &str| {
        json!({
            "name": name, "served": served.contains(&name), "storage": name == "v1",
            "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }},
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.kinds.example"},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"},
            "versions": [version("v1"), version("v1beta1")],
        },
    })
}

fn gadget(version: &str, value: &str) -> String {
    format!("apiVersion: {GROUP}/{version}\nkind: Gadget\nmetadata:\n  name: one\nspec:\n  value: {value}\n")
}

#[tokio::test]
async fn a_kind_is_followed_into_the_version_that_is_served() -> Result<()> {
    let stage = Stage::start(test_cluster(), "kinds", &QUICK).await?;
    stage.apply(definition(&["v1beta1"])).await?;
    let mut repository = stage.git.create("kinds")?;
    repository.write("app/one.yaml", gadget("v1beta1", "first"))?;
    let commit = repository.commit("as it is served at first")?;
    stage.application("kinds", automated(repository.url(), "app", "kinds-app")).await?;
    stage.wait_synced("kinds", &commit).await?;

    let mark = stage.mark()?;
    stage.apply(definition(&["v1"])).await?;
    wait_for("a watch in the version that is served", async || {
        let asked = stage.requests_since(mark)?;
        let watched = asked.iter().filter(|request| request.verb == "watch" && request.group == GROUP);
        let paths: Vec<&str> = watched.map(|request| request.uri.as_str()).collect();
        let is_there = paths.iter().any(|path| path.starts_with("/apis/kinds.example/v1/gadgets"));
        Ok(Probe::when(is_there, format!("{paths:?}")))
    })
    .await?;
    repository.write("app/one.yaml", gadget("v1", "first"))?;
    let commit = repository.commit("as it is served now")?;
    stage.wait_synced("kinds", &commit).await?;

    // It is followed: what a hand has changed is seen, and put right.
    let gadgets = stage.objects(GROUP, "v1", "Gadget", "kinds-app");
    let edit = Patch::Merge(json!({"spec": {"value": "by hand"}}));
    gadgets.patch("one", &PatchParams::default(), &edit).await?;
    wait_for("the gadget to be as in Git again", async || {
        let found = gadgets.get("one").await?;
        Ok(Probe::when(found.data["spec"]["value"] == "first", found.data.to_string()))
    })
    .await?;

    // A kind that is gone holds nobody up, and one that comes back is followed anew.
    let definitions =
        dynamic(&stage.client, &kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"), None);
    definitions.delete("gadgets.kinds.example", &DeleteParams::default()).await?;
    stage.wait_there(&definitions, "gadgets.kinds.example", false).await?;
    stage.wait_told("kinds", &["does not know the kind Gadget"]).await?;
    stage.apply(definition(&["v1"])).await?;
    stage.wait_synced("kinds", &commit).await?;
    assert_eq!(gadgets.get("one").await?.data["spec"]["value"], "first");
    Ok(())
}
