//! From a commit to the cluster.

use anyhow::Result;
use bridgehead_e2e::manifests::config_map;
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::{Probe, test_cluster, wait_for};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

#[tokio::test]
async fn an_application_is_synced_changed_healed_pruned_and_deleted() -> Result<()> {
    let stage =
        Stage::start(test_cluster(), "argocd", &["--poll-interval", "1s", "--poll-jitter", "0s"]).await?;
    let mut repository = stage.git.create("web")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.write("app/two.yaml", config_map("two", "2"))?;
    let first = repository.commit("two config maps")?;
    stage.application("web", automated(repository.url(), "app", "web")).await?;
    let status = stage.wait_synced("web", &first).await?;
    assert_eq!(status["operationState"]["phase"], "Succeeded");
    assert_eq!(status["history"][0]["revision"], *first);
    assert_eq!(stage.read("web").await?.data.get("operation"), None, "the request is gone");
    let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), "web");
    let created = maps.get("one").await?;

    repository.write("app/one.yaml", config_map("one", "changed"))?;
    repository.remove("app/two.yaml")?;
    let second = repository.commit("change one, drop two")?;
    stage.wait_synced("web", &second).await?;
    let changed = maps.get("one").await?;
    assert_eq!(changed.data.unwrap_or_default()["value"], "changed");
    assert_eq!(changed.metadata.uid, created.metadata.uid, "changed in place");
    assert!(maps.get_opt("two").await?.is_none(), "pruned");

    let edit = json!({"data": {"value": "by hand"}});
    maps.patch("one", &PatchParams::default(), &Patch::Merge(edit)).await?;
    wait_for("the edit to be healed", async || {
        let value = maps.get("one").await?.data.unwrap_or_default()["value"].clone();
        Ok(Probe::when(value == "changed", value))
    })
    .await?;

    let finalizer = json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}});
    let applications = bridgehead_test_harness::agent::applications(&stage.client, "argocd");
    applications.patch("web", &PatchParams::default(), &Patch::Merge(finalizer)).await?;
    applications.delete("web", &DeleteParams::default()).await?;
    wait_for("the application to be gone", async || {
        let found = applications.get_opt("web").await?;
        Ok(Probe::when(found.is_none(), format!("{:?}", found.map(|found| found.data))))
    })
    .await?;
    assert!(maps.get_opt("one").await?.is_none(), "deleted with its application");
    Ok(())
}

#[tokio::test]
async fn drift_is_healed_where_git_has_another_version_than_the_cluster_prefers() -> Result<()> {
    let stage = Stage::start(test_cluster(), "versions", &QUICK).await?;
    for (name, options) in [("versions-client", ""), ("versions-server", "ServerSideApply=true")] {
        let mut repository = stage.git.create(name)?;
        let autoscaler = |most: u32| {
            format!(
                "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: web\nspec:\n  \
                 scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: web\n  \
                 minReplicas: 2\n  maxReplicas: {most}\n  targetCPUUtilizationPercentage: 60\n"
            )
        };
        repository.write("app/web.yaml", autoscaler(5))?;
        let commit = repository.commit("an autoscaler in v1")?;
        let mut spec = automated(repository.url(), "app", name);
        if !options.is_empty() {
            spec["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true", options]);
        }
        stage.application(name, spec).await?;
        // It has no Deployment, so it never works; that it is Synced is what counts here.
        let is_synced = |status: &Value, commit: &str| {
            status["sync"]["status"] == "Synced"
                && status["sync"]["revision"] == *commit
                && status["operationState"]["phase"] == "Succeeded"
        };
        stage.wait_status(name, "Synced", |status| is_synced(status, &commit)).await?;

        let autoscalers = stage.objects("autoscaling", "v2", "HorizontalPodAutoscaler", name);
        let by_hand = Patch::Merge(json!({"spec": {
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90},
            }}],
        }}));
        let changed = autoscalers.patch("web", &PatchParams::default(), &by_hand).await?;
        wait_for("the hand edit to be undone", async || {
            let spec = autoscalers.get("web").await?.data["spec"].clone();
            let now = spec["metrics"][0]["resource"]["target"]["averageUtilization"].clone();
            Ok(Probe::when(now == 60, now.to_string()))
        })
        .await?;
        assert_eq!(autoscalers.get("web").await?.metadata.uid, changed.metadata.uid);

        repository.write("app/web.yaml", autoscaler(7))?;
        let commit = repository.commit("more")?;
        stage.wait_status(name, "Synced again", |status| is_synced(status, &commit)).await?;
        assert_eq!(autoscalers.get("web").await?.data["spec"]["maxReplicas"], 7);
    }
    Ok(())
}
