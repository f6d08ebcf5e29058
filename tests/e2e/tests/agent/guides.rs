//! What guides to GitOps put into one application, all of it at once, and what their readers do next.

use anyhow::{Context, Result};
use bridgehead_e2e::manifests::{DELETE_POLICY, HOOK, WAVE, config_map};
use bridgehead_e2e::{QUICK, Stage, automated};
use bridgehead_test_harness::git::Repository;
use bridgehead_test_harness::{Probe, test_cluster, wait_for};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// A kind that an operator brings, of which the agent knows nothing.
fn definition(group: &str, kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

fn object(api_version: &str, kind: &str, name: &str, annotations: Value, content: Value) -> Value {
    let mut object = content;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    object["metadata"] = json!({"name": name});
    object["metadata"]["annotations"] = annotations;
    object
}

fn pod(restart: &str) -> Value {
    json!({"restartPolicy": restart, "containers": [{"name": "main", "image": "registry.example/main:1"}]})
}

fn job(name: &str, annotations: Value) -> Value {
    let spec = json!({"backoffLimit": 1, "activeDeadlineSeconds": 120, "template": {"spec": pod("Never")}});
    object("batch/v1", "Job", name, annotations, json!({"spec": spec}))
}

fn rules(host: &str) -> Value {
    json!([{"host": host, "http": {"paths": [{
        "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 8080}}},
    }]}}])
}

/// One service with all that belongs to it; the second of each pair is when it comes.
fn service() -> Vec<(Value, u32)> {
    let wave = |number: &str| json!({WAVE: number});
    let labels = json!({"app": "web"});
    let hook = |hook: &str, wave: &str| json!({HOOK: hook, WAVE: wave, DELETE_POLICY: "BeforeHookCreation"});
    let deployment = json!({"spec": {
        "replicas": 1, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod("Always")},
    }});
    let autoscaler = json!({"spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2, "maxReplicas": 10,
        "metrics": [{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70},
        }}],
    }});
    let ingress = json!({"spec": {"rules": rules("web.example.com")}});
    let budget = json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}});
    let quota = json!({"spec": {"hard": {"pods": "20"}}});
    let ports = json!({"spec": {"selector": labels, "ports": [{"port": 8080, "targetPort": 8080}]}});
    let sealed = json!({"spec": {"encryptedData": {"url": "AgA2"}, "template": {"type": "Opaque"}}});
    let monitor = json!({"spec": {"selector": {"matchLabels": labels}, "endpoints": [{"port": "http"}]}});
    vec![
        (job("migrate", hook("PreSync", "-1")), 0),
        (job("seed", hook("PreSync", "0")), 1),
        (object("v1", "ResourceQuota", "quota", wave("-2"), quota), 2),
        (object("v1", "ServiceAccount", "web", wave("-2"), json!({})), 2),
        (object("sealed.example.com/v1", "SealedSecret", "credentials", wave("-2"), sealed), 2),
        (object("v1", "ConfigMap", "settings", wave("-1"), json!({"data": {"LOG_LEVEL": "info"}})), 3),
        (object("v1", "Service", "web", json!({}), ports), 4),
        (object("apps/v1", "Deployment", "web", wave("0"), deployment), 4),
        (job("warm-up", hook("Sync", "1")), 5),
        (object("autoscaling/v2", "HorizontalPodAutoscaler", "web", wave("1"), autoscaler), 5),
        (object("networking.k8s.io/v1", "Ingress", "web", wave("1"), ingress), 5),
        (object("policy/v1", "PodDisruptionBudget", "web", wave("1"), budget), 5),
        (object("monitoring.example.com/v1", "ServiceMonitor", "web", wave("2"), monitor), 6),
        (job("smoke-test", json!({HOOK: "PostSync", DELETE_POLICY: "HookSucceeded,BeforeHookCreation"})), 7),
        (job("alert", json!({HOOK: "SyncFail"})), NEVER),
        (job("example", json!({HOOK: "Skip"})), NEVER),
    ]
}

const NEVER: u32 = u32::MAX;

fn write(repository: &Repository, objects: &[(Value, u32)]) -> Result<()> {
    for (object, _) in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let file = format!("app/{}-{}.yaml", text("/kind").to_lowercase(), text("/metadata/name"));
        repository.write(&file, serde_json::to_string_pretty(object)?)?;
    }
    // A folder without manifests is still one.
    repository.write("app/README.md", "One service.\n")
}

fn application(stage: &Stage, url: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "guide", "namespace": stage.namespace,
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "targetRevision": "HEAD", "path": "app"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "guide-app"},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true, "allowEmpty": false},
                "syncOptions": [
                    "CreateNamespace=true", "PrunePropagationPolicy=foreground", "PruneLast=true",
                    "ServerSideApply=true", "ApplyOutOfSyncOnly=true", "SkipDryRunOnMissingResource=true",
                    "RespectIgnoreDifferences=true",
                ],
                "retry": {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m0s"}},
            },
            "ignoreDifferences": [
                {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
                {"group": "networking.k8s.io", "kind": "Ingress", "jqPathExpressions": [".spec.rules[].host"]},
            ],
            "revisionHistoryLimit": 2,
        },
    })
}

/// Creations by the agent, in their order, as `jobs migrate`.
fn created(stage: &Stage, mark: bridgehead_test_harness::audit::Mark) -> Result<Vec<String>> {
    let writes = stage.writes_since(mark)?.into_iter();
    Ok(writes
        .filter(|request| request.namespace == "guide-app" && request.subresource.is_empty())
        // Server-side apply creates by a patch.
        .filter(|request| request.code == 201)
        .map(|request| format!("{} {}", request.resource, request.name))
        .collect())
}

fn place(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let plural = if kind.ends_with("ss") { "es" } else { "s" };
    format!("{kind}{plural} {}", object["metadata"]["name"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_service_with_all_that_guides_teach_is_synced_in_order() -> Result<()> {
    let stage = Stage::start(test_cluster(), "guide", &QUICK).await?;
    stage.apply(definition("sealed.example.com", "SealedSecret", "sealedsecrets")).await?;
    stage.apply(definition("monitoring.example.com", "ServiceMonitor", "servicemonitors")).await?;
    let mut repository = stage.git.create("guide")?;
    let objects = service();
    write(&repository, &objects)?;
    repository.commit("a service")?;
    let mark = stage.mark()?;
    stage.apply(application(&stage, repository.url())).await?;

    // What an ingress controller would say.
    let ingresses = stage.objects("networking.k8s.io", "v1", "Ingress", "guide-app");
    stage.wait_there(&ingresses, "web", true).await?;
    let address = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
    ingresses.patch_status("web", &PatchParams::default(), &Patch::Merge(address)).await?;
    stage.wait_phase("guide", "Succeeded").await?;
    let order = created(&stage, mark)?;
    let at = |object: &Value| order.iter().position(|name| *name == place(object));
    for (object, turn) in &objects {
        assert_eq!(at(object).is_none(), *turn == NEVER, "{} in {order:?}", place(object));
    }
    for (earlier, first) in &objects {
        for (later, second) in objects.iter().filter(|(_, second)| second > first && *second != NEVER) {
            assert!(
                at(earlier) < at(later),
                "{} before {} ({first}, {second}): {order:?}",
                place(later),
                place(earlier)
            );
        }
    }

    // The autoscaler has its way, and so has whoever owns the ignored field; a commit that concerns neither
    // writes only what it changes.
    let deployments = stage.objects("apps", "v1", "Deployment", "guide-app");
    let scaled = async || {
        let replicas = deployments.get("web").await?.data["spec"]["replicas"].clone();
        Ok(Probe::when(replicas == 2, replicas.to_string()))
    };
    wait_for("the autoscaler's two replicas", scaled).await?;
    let host = json!({"spec": {"rules": rules("other.example.com")}});
    ingresses.patch("web", &PatchParams::default(), &Patch::Merge(host)).await?;
    let mark = stage.mark()?;
    repository.write("app/configmap-settings.yaml", config_map("settings", "debug"))?;
    let commit = repository.commit("a setting")?;
    let status = stage
        .wait_status("guide", "synced to the setting", |status| {
            status["operationState"]["phase"] == "Succeeded"
                && status["operationState"]["syncResult"]["revision"] == commit
                && status["sync"]["status"] == "Synced"
        })
        .await?;
    assert_eq!(deployments.get("web").await?.data["spec"]["replicas"], 2);
    assert_eq!(ingresses.get("web").await?.data["spec"]["rules"][0]["host"], "other.example.com");
    let touched: Vec<String> = stage
        .writes_since(mark)?
        .into_iter()
        .filter(|request| ["deployments", "ingresses", "services"].contains(&request.resource.as_str()))
        .map(|request| request.summary())
        .collect();
    assert_eq!(touched, Vec::<String>::new());
    assert_eq!(status["history"].as_array().context("a history")?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_repository_that_becomes_empty_prunes_nothing() -> Result<()> {
    let stage = Stage::start(test_cluster(), "empty", &QUICK).await?;
    let mut repository = stage.git.create("empty")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.write("app/README.md", "Settings.\n")?;
    let commit = repository.commit("one")?;
    let mut spec = automated(repository.url(), "app", "empty-app");
    spec["syncPolicy"]["automated"]["allowEmpty"] = json!(false);
    stage.application("empty", spec).await?;
    stage.wait_synced("empty", &commit).await?;

    repository.remove("app/one.yaml")?;
    repository.commit("nothing")?;
    stage.wait_told("empty", &["would wipe out all resources"]).await?;
    assert!(stage.config_maps("empty-app").get_opt("one").await?.is_some());

    stage.change("empty", json!({"spec": {"syncPolicy": {"automated": {"allowEmpty": true}}}})).await?;
    stage.wait_there(&stage.config_maps("empty-app"), "one", false).await
}

#[tokio::test]
async fn a_tag_that_is_moved_back_brings_back_what_it_named() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tag", &QUICK).await?;
    let mut repository = stage.git.create("tag")?;
    repository.write("app/one.yaml", config_map("one", "good"))?;
    let good = repository.commit("good")?;
    repository.tag("production", None)?;
    let mut spec = automated(repository.url(), "app", "tag-app");
    spec["source"]["targetRevision"] = json!("production");
    stage.application("tag", spec).await?;
    stage.wait_synced("tag", &good).await?;

    repository.write("app/one.yaml", config_map("one", "bad"))?;
    let bad = repository.commit("bad")?;
    repository.tag("production", None)?;
    stage.wait_synced("tag", &bad).await?;

    repository.rewind()?;
    repository.tag("production", None)?;
    stage.wait_synced("tag", &good).await?;
    assert_eq!(stage.config_maps("tag-app").get("one").await?.data["data"]["value"], "good");
    Ok(())
}

#[tokio::test]
async fn the_settings_say_how_often_a_repository_is_asked_and_metrics_what_came_of_it() -> Result<()> {
    let stage = Stage::start(test_cluster(), "interval", &[]).await?;
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "argocd-cm", "namespace": stage.namespace,
            "labels": {"app.kubernetes.io/part-of": "argocd"},
        },
        "data": {"timeout.reconciliation": "1s", "timeout.reconciliation.jitter": "0s"},
    });
    stage.apply(settings).await?;
    let mut repository = stage.git.create("interval")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("one")?;
    stage.application("interval", automated(repository.url(), "app", "interval-app")).await?;
    stage.wait_synced("interval", &commit).await?;
    // By the interval that holds where nothing is said, these would take longer than any test waits.
    let before = stage.git.exchanges().len();
    wait_for("five polls", async || {
        let polls = stage.git.exchanges().len() - before;
        Ok(Probe::when(polls >= 5, polls.to_string()))
    })
    .await?;

    let (_, metrics) = stage.agent.get("/metrics")?;
    let info = metrics.lines().find(|line| line.starts_with("argocd_app_info{")).unwrap_or_default();
    for label in ["name=\"interval\"", "sync_status=\"Synced\"", "health_status=\"Healthy\""] {
        assert!(info.contains(label), "{metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn an_observer_tells_for_each_application_what_it_would_do() -> Result<()> {
    let arguments = [&QUICK[..], &["--observe", "--log-format", "json"]].concat();
    let stage = Stage::start_unready(test_cluster(), "told", &arguments).await?;
    let mut repository = stage.git.create("told")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("one")?;
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": stage.namespace},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
    });
    stage.apply(project).await?;
    stage.application("told", automated(repository.url(), "app", "told-app")).await?;
    wait_for("the verdict in the observer's log", async || {
        let log = std::fs::read_to_string(stage.agent.process.log())?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told = lines.filter(|line| line["message"] == "compared").any(|line| {
            line["sync"] == "OutOfSync"
                && line["stored_sync"] == ""
                && line["would_apply"] == "ConfigMap told-app/one"
        });
        Ok(Probe::when(told, log))
    })
    .await
}
