//! Manifests that cannot be used as they are.

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use serde_json::json;

use super::Case;

#[tokio::test]
async fn broken_yaml_is_told_with_file_and_line() -> Result<()> {
    let mut case = Case::start("yaml").await?;
    let mut repository = case.stage.git.create("yaml")?;
    repository.write("app/good.yaml", config_map("good", "1"))?;
    let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\n data:\n  value: [1\n";
    repository.write("app/broken.yaml", broken)?;
    repository.commit("broken")?;
    case.application(repository.url()).await?;
    case.is_told(&["app/broken.yaml:5"]).await?;
    assert!(case.stage.config_maps(&case.name).get_opt("good").await?.is_none(), "half a render was applied");

    repository.write("app/broken.yaml", config_map("broken", "no more"))?;
    let commit = repository.commit("mended")?;
    case.heals(&commit).await
}

#[tokio::test]
async fn the_same_object_twice_is_a_warning_and_the_last_counts() -> Result<()> {
    let mut case = Case::start("twice").await?;
    let mut repository = case.stage.git.create("twice")?;
    repository.write("app/a.yaml", config_map("one", "first"))?;
    repository.write("app/b.yaml", config_map("one", "second"))?;
    let commit = repository.commit("twice")?;
    case.application(repository.url()).await?;
    let status = case.is_told(&["is declared twice", "app/a.yaml", "app/b.yaml"]).await?;
    assert_eq!(status["conditions"][0]["type"], "RepeatedResourceWarning");
    case.stage.wait_synced(&case.name, &commit).await?;
    let live = case.stage.config_maps(&case.name).get("one").await?;
    assert_eq!(live.data["data"]["value"], "second");

    repository.remove("app/a.yaml")?;
    let commit = repository.commit("once")?;
    case.heals(&commit).await
}

#[tokio::test]
async fn a_key_that_stands_twice_in_a_manifest_is_a_warning() -> Result<()> {
    let mut case = Case::start("key-twice").await?;
    let mut repository = case.stage.git.create("key-twice")?;
    let twice = format!("{}  value: \"2\"\n", config_map("one", "1"));
    repository.write("app/one.yaml", twice)?;
    let commit = repository.commit("twice")?;
    case.application(repository.url()).await?;
    let status = case.is_told(&["app/one.yaml:", "`value`"]).await?;
    assert_eq!(status["conditions"][0]["type"], "InvalidSettingWarning");
    case.stage.wait_synced(&case.name, &commit).await?;
    let live = case.stage.config_maps(&case.name).get("one").await?;
    assert_eq!(live.data["data"]["value"], "2");

    repository.write("app/one.yaml", config_map("one", "2"))?;
    let commit = repository.commit("once")?;
    case.heals(&commit).await
}

#[tokio::test]
async fn an_unknown_kind_is_synced_once_its_definition_is_installed() -> Result<()> {
    let mut case = Case::start("kind").await?;
    let mut repository = case.stage.git.create("kind")?;
    let widget = "apiVersion: bad-kind.example/v1\nkind: Widget\nmetadata:\n  name: one\nspec:\n  size: 1\n";
    repository.write("app/widget.yaml", widget)?;
    let commit = repository.commit("a widget")?;
    case.application(repository.url()).await?;
    case.is_told(&["does not know the kind Widget", "install its CustomResourceDefinition"]).await?;

    case.stage
        .apply(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.bad-kind.example"},
            "spec": {
                "group": "bad-kind.example", "scope": "Namespaced",
                "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                    }},
                }],
            },
        }))
        .await?;
    case.heals(&commit).await
}

#[tokio::test]
async fn an_object_that_is_too_large() -> Result<()> {
    let mut case = Case::start("large").await?;
    let mut repository = case.stage.git.create("large")?;
    repository.write("app/one.yaml", config_map("one", &"x".repeat(1_100_000)))?;
    repository.commit("too large")?;
    case.application(repository.url()).await?;
    case.is_told(&["ConfigMap", "one", "may not be more than 1048576 bytes"]).await?;

    repository.write("app/one.yaml", config_map("one", "small"))?;
    let commit = repository.commit("small")?;
    case.heals(&commit).await
}

/// What the API server would say of it quotes the value.
#[tokio::test]
async fn plain_text_in_a_secrets_data_is_told_without_the_text() -> Result<()> {
    let mut case = Case::start("secret").await?;
    let mut repository = case.stage.git.create("secret")?;
    let secret = |field: &str, password: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: login\n{field}:\n  password: {password}\n")
    };
    repository.write("app/login.yaml", secret("stringData", "first"))?;
    let commit = repository.commit("well")?;
    case.application(repository.url()).await?;
    case.stage.wait_synced(&case.name, &commit).await?;

    repository.write("app/login.yaml", secret("data", "correct-horse!"))?;
    repository.commit("in the wrong field")?;
    let status = case.is_told(&["`data.password` is not base64", "stringData"]).await?;
    assert!(!status.to_string().contains("correct-horse"), "{status}");

    repository.write("app/login.yaml", secret("stringData", "correct-horse!"))?;
    let commit = repository.commit("in the right one")?;
    case.heals(&commit).await?;
    let whole = case.stage.read(&case.name).await?;
    assert!(!serde_json::to_string(&whole)?.contains("correct-horse"));
    Ok(())
}

#[tokio::test]
async fn force_deletes_nothing_for_the_sake_of_what_cannot_be() -> Result<()> {
    let mut case = Case::start("force").await?;
    let mut repository = case.stage.git.create("force")?;
    let job = |image: &str, policy: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: work\n  annotations:\n    \
             argocd.argoproj.io/sync-options: Force=true\nspec:\n  template:\n    spec:\n      \
             restartPolicy: {policy}\n      containers:\n      - name: main\n        image: {image}\n"
        )
    };
    repository.write("app/work.yaml", job("registry.example/work:1", "Never"))?;
    let commit = repository.commit("first")?;
    case.application(repository.url()).await?;
    case.stage.wait_synced(&case.name, &commit).await?;
    let jobs = case.stage.objects("batch", "v1", "Job", &case.name);
    let first = jobs.get("work").await?.metadata.uid;

    repository.write("app/work.yaml", job("registry.example/work:2", "Whenever"))?;
    repository.commit("a policy that there is not")?;
    case.is_told(&["restartPolicy"]).await?;
    assert_eq!(jobs.get("work").await?.metadata.uid, first, "it was deleted in vain");

    repository.write("app/work.yaml", job("registry.example/work:2", "Never"))?;
    let commit = repository.commit("an image that cannot be changed")?;
    case.heals(&commit).await?;
    let second = jobs.get("work").await?;
    assert_ne!(second.metadata.uid, first, "it was not made anew");
    assert_eq!(
        second.data.pointer("/spec/template/spec/containers/0/image"),
        Some(&json!("registry.example/work:2"))
    );
    Ok(())
}
