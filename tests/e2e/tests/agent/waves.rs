//! Order: of what is applied, and of what is pruned.

use anyhow::Result;
use bridgehead_e2e::manifests::{SYNC_OPTIONS, WAVE, config_map, config_map_with, deployment};
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::{Probe, test_cluster, wait_for};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

#[tokio::test]
async fn a_wave_waits_until_the_one_before_is_healthy() -> Result<()> {
    let stage = Stage::start(test_cluster(), "waves", &QUICK).await?;
    let mut repository = stage.git.create("waves")?;
    repository.write("app/web.yaml", deployment("web", "unready", &[]))?;
    repository.write("app/late.yaml", config_map_with("late", "1", &[(WAVE, "1")]))?;
    let commit = repository.commit("two waves")?;
    stage.application("waves", automated(repository.url(), "app", "waves-app")).await?;
    stage.wait_told("waves", &["waiting for healthy state of", "web"]).await?;
    assert!(
        stage.config_maps("waves-app").get_opt("late").await?.is_none(),
        "the second wave came too early"
    );
    let_the_pod_be_ready(&stage, "waves-app").await?;
    stage.wait_synced("waves", &commit).await?;
    assert!(stage.config_maps("waves-app").get_opt("late").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn what_is_pruned_goes_from_the_last_wave_to_the_first() -> Result<()> {
    let objects = [("first", vec![(WAVE, "0")]), ("second", vec![(WAVE, "1")]), ("third", vec![(WAVE, "2")])];
    assert_eq!(pruned("prune", &objects).await?, ["third", "second", "first"]);
    Ok(())
}

#[tokio::test]
async fn what_is_marked_so_is_pruned_last() -> Result<()> {
    // By their names alone it would be the other way round.
    let objects = [("a", vec![(SYNC_OPTIONS, "PruneLast=true")]), ("b", vec![])];
    assert_eq!(pruned("prune-last", &objects).await?, ["b", "a"]);
    Ok(())
}

/// Takes these ConfigMaps out of Git, all but one that stays, and returns their names in the order of
/// their deletions.
async fn pruned(topic: &str, objects: &[(&str, Vec<(&str, &str)>)]) -> Result<Vec<String>> {
    let stage = Stage::start(test_cluster(), topic, &QUICK).await?;
    let namespace = format!("{topic}-app");
    let mut repository = stage.git.create(topic)?;
    for (name, annotations) in objects {
        repository.write(&format!("app/{name}.yaml"), config_map_with(name, "1", annotations))?;
    }
    repository.write("app/kept.yaml", config_map("kept", "1"))?;
    let commit = repository.commit("all")?;
    stage.application(topic, automated(repository.url(), "app", &namespace)).await?;
    stage.wait_synced(topic, &commit).await?;

    let mark = stage.mark()?;
    for (name, _) in objects {
        repository.remove(&format!("app/{name}.yaml"))?;
    }
    let commit = repository.commit("one")?;
    stage.wait_synced(topic, &commit).await?;
    assert!(stage.config_maps(&namespace).get_opt("kept").await?.is_some());
    let deleted = stage.writes_since(mark)?.into_iter();
    Ok(deleted
        .filter(|request| request.verb == "delete" && request.code == 200)
        .map(|request| request.name)
        .collect())
}

#[tokio::test]
async fn an_application_of_applications_brings_its_children_and_takes_them_away() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tree", &QUICK).await?;
    let mut repository = stage.git.create("tree")?;
    let url = repository.url().to_owned();
    for (child, wave) in [("tree-early", "0"), ("tree-late", "1")] {
        repository.write(&format!("{child}/one.yaml"), config_map("one", "1"))?;
        repository.write(
            &format!("root/{child}.yaml"),
            child_application(&stage, child, wave, &automated(&url, child, child))?,
        )?;
    }
    let commit = repository.commit("a tree")?;
    let namespace = stage.namespace.clone();
    stage.application("tree-root", automated(&url, "root", &namespace)).await?;
    for name in ["tree-root", "tree-early", "tree-late"] {
        stage.wait_synced(name, &commit).await?;
    }
    let early = stage.config_maps("tree-early").get("one").await?;

    repository.remove("root/tree-late.yaml")?;
    let commit = repository.commit("without the late one")?;
    stage.wait_synced("tree-root", &commit).await?;
    let children = stage.objects("argoproj.io", "v1alpha1", "Application", &namespace);
    stage.wait_there(&children, "tree-late", false).await?;
    assert!(stage.config_maps("tree-late").get_opt("one").await?.is_none(), "goes with its application");
    assert_eq!(stage.config_maps("tree-early").get("one").await?.metadata.uid, early.metadata.uid);
    Ok(())
}

#[tokio::test]
async fn waves_wait_for_applications_where_that_is_asked_for_somewhere_above() -> Result<()> {
    let stage = Stage::start(test_cluster(), "gates", &QUICK).await?;
    let mut repository = stage.git.create("gates")?;
    let url = repository.url().to_owned();
    for (children, early, late) in [("asked", "gates-a1", "gates-a2"), ("plain", "gates-p1", "gates-p2")] {
        repository.write(&format!("{early}/web.yaml"), deployment("web", "unready", &[]))?;
        repository.write(&format!("{late}/one.yaml"), config_map("one", "1"))?;
        for (name, wave) in [(early, "0"), (late, "1")] {
            let child = child_application(&stage, name, wave, &automated(&url, name, name))?;
            repository.write(&format!("{children}/{name}.yaml"), child)?;
        }
    }
    // What is asked of the topmost holds for the one between, whose children have the waves.
    let between = child_application(&stage, "gates-asked", "0", &automated(&url, "asked", &stage.namespace))?;
    repository.write("top/asked.yaml", between)?;
    let commit = repository.commit("two trees")?;
    stage.application("gates-plain", automated(&url, "plain", &stage.namespace)).await?;
    stage
        .apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "gates-top", "namespace": stage.namespace,
                "annotations": {"bridgehead.dev/wait-for-applications": "true"},
            },
            "spec": automated(&url, "top", &stage.namespace),
        }))
        .await?;

    // Argo CD's own way: a child that does not work holds nothing up, and says nothing of its parent.
    stage.wait_synced("gates-plain", &commit).await?;
    stage.wait_synced("gates-p2", &commit).await?;
    let children = stage.objects("argoproj.io", "v1alpha1", "Application", &stage.namespace);
    let early = stage.read("gates-p1").await?.data["status"]["health"]["status"].clone();
    assert_eq!(early, "Progressing");

    stage.wait_told("gates-asked", &["waiting for healthy state of", "gates-a1"]).await?;
    assert!(children.get_opt("gates-a2").await?.is_none(), "the second wave came too early");
    let_the_pod_be_ready(&stage, "gates-a1").await?;
    for name in ["gates-asked", "gates-a2", "gates-top"] {
        stage.wait_synced(name, &commit).await?;
    }
    Ok(())
}

/// A child of an application of applications, which takes its objects along.
fn child_application(stage: &Stage, name: &str, wave: &str, spec: &Value) -> Result<String> {
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": name, "namespace": stage.namespace,
            "annotations": {WAVE: wave},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": spec,
    });
    Ok(serde_json::to_string(&application)?)
}

/// Has the kubelet report the one Pod of Deployment `web` as ready.
async fn let_the_pod_be_ready(stage: &Stage, namespace: &str) -> Result<()> {
    let pods = stage.objects("", "v1", "Pod", namespace);
    let pod = wait_for("the Pod", async || {
        let found = pods.list(&ListParams::default().labels("app=web")).await?.items.pop();
        Ok(found.map_or_else(|| Probe::NotYet("none".into()), Probe::Done))
    })
    .await?;
    let ready = Patch::Merge(json!({"metadata": {"annotations": {"test.bridgehead/pod": null}}}));
    pods.patch(&pod.metadata.name.unwrap_or_default(), &PatchParams::default(), &ready).await?;
    Ok(())
}
