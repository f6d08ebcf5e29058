//! What a destroy takes along: all that the application deployed, nothing, or no step at all.

use anyhow::{Result, ensure};
use bridgehead_e2e::manifests::{config_map, config_map_with, deployment};
use bridgehead_e2e::{QUICK, Stage};
use bridgehead_test_harness::agent::applications;
use bridgehead_test_harness::test_cluster;
use serde_json::json;

use crate::configuration::{Application, terraform, workloads};

#[tokio::test(flavor = "multi_thread")]
async fn a_destroy_refuses_orphans_or_cascades_as_it_was_told() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-destroy", &QUICK).await?;
    let mut repository = stage.git.create("destroy")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.write("app/web.yaml", deployment("web", "", &[]))?;
    repository.commit("first")?;
    let application = |on_destroy: &str| {
        let application = Application {
            stage: &stage,
            address: "web",
            name: "destroy-web",
            url: repository.url(),
            path: "app",
            destination: "tf-destroy-app",
            on_destroy,
            more: "",
        };
        application.awaited("timeout = \"5m\"")
    };
    let is_there = async || -> Result<bool> {
        Ok(applications(&stage.client, &stage.namespace).get_opt("destroy-web").await?.is_some())
    };
    let terraform = terraform(stage.cluster, &application("refuse"))?;
    let set = |on_destroy: &str| {
        terraform.configure(&format!(
            "{}{}",
            crate::configuration::provider(stage.cluster),
            application(on_destroy)
        ))
    };
    terraform.apply()?;
    let before = workloads(&stage, "tf-destroy-app").await?;
    ensure!(before.len() == 2, "{before:?}");

    let told = terraform.fail(&["destroy", "-auto-approve"])?;
    ensure!(told.contains("Application `destroy-web` still has workloads"), "{told}");
    ensure!(told.contains("Deployment tf-destroy-app/web") && told.contains("`orphan`"), "{told}");
    ensure!(is_there().await? && workloads(&stage, "tf-destroy-app").await? == before);

    set("orphan")?;
    terraform.apply()?;
    terraform.destroy()?;
    ensure!(!is_there().await? && workloads(&stage, "tf-destroy-app").await? == before);

    // What was left is taken up again, not made anew.
    set("cascade")?;
    terraform.apply()?;
    ensure!(workloads(&stage, "tf-destroy-app").await? == before);
    stage
        .apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "theirs", "namespace": "tf-destroy-app"}, "data": {"value": "not yours"},
        }))
        .await?;
    let plan = terraform.end_with(2, &["plan", "-destroy", "-detailed-exitcode"])?;
    ensure!(
        plan.contains("deletes what it has deployed") && plan.contains("ConfigMap tf-destroy-app/settings"),
        "{plan}"
    );
    terraform.destroy()?;
    let left: Vec<String> = workloads(&stage, "tf-destroy-app").await?.into_keys().collect();
    ensure!(!is_there().await? && left == ["ConfigMap/theirs"], "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cascade_through_an_app_of_apps_goes_against_the_waves_and_ends() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-cascade", &QUICK).await?;
    let mut repository = stage.git.create("cascade")?;
    for (wave, name) in ["cascade-early", "cascade-late"].into_iter().enumerate() {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": name, "namespace": stage.namespace,
                "annotations": {"argocd.argoproj.io/sync-wave": wave.to_string()},
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": {"repoURL": repository.url(), "path": name, "targetRevision": "HEAD"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "tf-cascade-app"},
                "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
            },
        });
        repository.write(&format!("root/{name}.yaml"), object.to_string())?;
    }
    // The early one's object outlives everything of the late one.
    repository.write("cascade-early/settings.yaml", config_map("settings", "1"))?;
    repository.write("cascade-late/web.yaml", deployment("web", "", &[]))?;
    let kept = config_map_with("kept", "1", &[("argocd.argoproj.io/sync-options", "Delete=false")]);
    repository.write("cascade-late/kept.yaml", kept)?;
    repository.commit("two waves of applications")?;
    let application = Application {
        stage: &stage,
        address: "root",
        name: "cascade-root",
        url: repository.url(),
        path: "root",
        destination: "tf-cascade-app",
        on_destroy: "cascade",
        more: "",
    };
    let terraform = terraform(stage.cluster, &application.awaited("recursive = true\n  timeout = \"5m\""))?;
    terraform.apply()?;
    let all: Vec<String> = workloads(&stage, "tf-cascade-app").await?.into_keys().collect();
    ensure!(all == ["ConfigMap/kept", "ConfigMap/settings", "Deployment/web"], "{all:?}");
    let mark = stage.mark()?;
    terraform.destroy()?;
    let left: Vec<String> = workloads(&stage, "tf-cascade-app").await?.into_keys().collect();
    ensure!(left == ["ConfigMap/kept"], "{left:?}");
    let living = applications(&stage.client, &stage.namespace);
    let living = living.list(&kube::api::ListParams::default()).await?.items;
    ensure!(living.is_empty(), "{living:?}");
    let deleted: Vec<String> = stage
        .writes_since(mark)?
        .iter()
        .filter(|request| request.verb == "delete")
        .map(|request| format!("{}/{}", request.resource, request.name))
        .collect();
    let place = |name: &str| deleted.iter().position(|deleted| deleted == name);
    let order = [
        place("applications/cascade-late"),
        place("deployments/web"),
        place("applications/cascade-early"),
        place("configmaps/settings"),
    ];
    ensure!(order.is_sorted() && order.iter().all(Option::is_some), "{deleted:?}");
    Ok(())
}
