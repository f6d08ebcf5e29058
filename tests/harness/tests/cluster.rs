//! Clusters do what tests rely on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bridgehead_test_harness::{
    Cluster, Options, Probe, audit, client, namespace, test_cluster, wait_for, wait_for_object,
};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod, Secret, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

async fn create<K>(api: &Api<K>, object: Value) -> Result<K>
where
    K: Clone + serde::Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
{
    Ok(api.create(&PostParams::default(), &serde_json::from_value(object)?).await?)
}

fn pod_template(annotations: &Value, restart_policy: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {
            "restartPolicy": restart_policy,
            "initContainers": [{"name": "before", "image": "example.com/before"}],
            "containers": [{"name": "main", "image": "example.com/main"}],
        },
    })
}

#[tokio::test]
async fn a_deployment_becomes_available() -> Result<()> {
    let client = test_cluster().client().await?;
    let namespace = namespace(&client, "deployment").await?;
    let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
    let wanted = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": pod_template(&json!({}), "Always"),
        },
    });
    create(&deployments, wanted).await?;
    wait_for_object(&deployments, "web", "three Pods to be available", |deployment| {
        let status = deployment.and_then(|deployment| deployment.status.clone());
        let available = status.as_ref().and_then(|status| status.available_replicas);
        Probe::when(available == Some(3), format!("{status:?}"))
    })
    .await
}

#[tokio::test]
async fn a_pod_does_what_its_annotation_says() -> Result<()> {
    let client = test_cluster().client().await?;
    let namespace = namespace(&client, "pods").await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    for behaviour in ["unready", "pending", "running", "failed", "succeeds"] {
        let mut pod = pod_template(&json!({"test.bridgehead/pod": behaviour}), "Never");
        pod["metadata"]["name"] = behaviour.into();
        create(&pods, pod).await?;
    }
    let state = async |name: &str, wanted: (&str, bool)| {
        wait_for_object(&pods, name, &format!("Pod {name} to be {wanted:?}"), |pod| {
            let status = pod.and_then(|pod| pod.status.clone()).unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let ready = conditions.iter().any(|it| it.type_ == "Ready" && it.status == "True");
            let seen = (status.phase.unwrap_or_default(), ready);
            Probe::when((seen.0.as_str(), seen.1) == wanted, format!("{seen:?}"))
        })
        .await
    };
    state("unready", ("Running", false)).await?;
    state("pending", ("Pending", false)).await?;
    state("running", ("Running", true)).await?;
    state("failed", ("Failed", false)).await?;
    state("succeeds", ("Succeeded", false)).await?;
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"test.bridgehead/pod": null}}}));
    for name in ["unready", "pending", "running"] {
        pods.patch(name, &PatchParams::default(), &patch).await?;
        state(name, ("Succeeded", false)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_job_completes_and_one_that_fails_says_so() -> Result<()> {
    let client = test_cluster().client().await?;
    let namespace = namespace(&client, "jobs").await?;
    let jobs: Api<Job> = Api::namespaced(client, &namespace);
    let job = |name: &str, annotations: &Value| {
        json!({
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": pod_template(annotations, "Never")},
        })
    };
    create(&jobs, job("good", &json!({}))).await?;
    create(&jobs, job("bad", &json!({"test.bridgehead/pod": "failed"}))).await?;
    for (name, wanted) in [("good", "Complete"), ("bad", "Failed")] {
        wait_for_object(&jobs, name, &format!("Job {name} to be {wanted}"), |job| {
            let status = job.and_then(|job| job.status.clone());
            let conditions = status.and_then(|status| status.conditions).unwrap_or_default();
            let holds = conditions.iter().any(|it| it.type_ == wanted && it.status == "True");
            Probe::when(holds, format!("{conditions:?}"))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_deleted_namespace_goes_with_what_is_in_it() -> Result<()> {
    let client = test_cluster().client().await?;
    let name = namespace(&client, "short-lived").await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    let mut pod = pod_template(&json!({}), "Always");
    pod["metadata"]["name"] = "web".into();
    create(&pods, pod).await?;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(&name, &DeleteParams::default()).await?;
    wait_for_object(&namespaces, &name, "the namespace to be gone", |namespace| {
        Probe::when(namespace.is_none(), format!("{:?}", namespace.and_then(|it| it.status.clone())))
    })
    .await
}

#[tokio::test]
async fn clusters_stand_side_by_side_and_trust_only_their_own_authority() -> Result<()> {
    let one = test_cluster();
    let other = Cluster::start(Options { nodes: 1, ..Options::named("other") })?;
    assert_ne!(one.server(), other.server());
    let nodes: Api<Node> = Api::all(other.client().await?);
    assert_eq!(nodes.list(&ListParams::default()).await?.items.len(), 1);

    // The first cluster's credentials and authority at the second one's address.
    let content = std::fs::read_to_string(one.kubeconfig())?.replace(&one.server(), &other.server());
    let mixed = other.folder().join("mixed.yaml");
    std::fs::write(&mixed, content)?;
    let refused = client(&mixed).await?.apiserver_version().await.expect_err("another authority signed it");
    assert!(format!("{:?}", anyhow::Error::from(refused)).contains("UnknownIssuer"));

    let (pids, folder) = (other.pids(), other.folder().to_owned());
    assert_eq!(pids.len(), 5, "{pids:?}");
    other.stop()?;
    assert!(!folder.exists());
    one.client().await?.apiserver_version().await?;
    Ok(())
}

#[tokio::test]
async fn a_service_account_may_do_what_its_roles_say_and_no_more() -> Result<()> {
    let cluster = test_cluster();
    let admin = cluster.client().await?;
    let namespace = namespace(&admin, "accounts").await?;
    create(&Api::<ServiceAccount>::namespaced(admin, &namespace), json!({"metadata": {"name": "nobody"}}))
        .await?;
    let access = cluster.service_account(&namespace, "nobody", 600).await?;
    assert_eq!(std::fs::read_to_string(access.mount.join("namespace"))?, namespace);
    let nobody = client(&access.kubeconfig).await?;
    let secrets: Api<Secret> = Api::namespaced(nobody.clone(), &namespace);
    let refused = secrets.list(&ListParams::default()).await.expect_err("no role allows it");
    assert!(refused.to_string().contains(&format!("system:serviceaccount:{namespace}:nobody")), "{refused}");

    let requests = cluster.audit_log()?.requests()?;
    let user = format!("system:serviceaccount:{namespace}:nobody");
    let counts =
        audit::count(&requests, |request| (request.user == user).then(|| (request.summary(), request.code)));
    assert_eq!(counts, BTreeMap::from([(("list secrets".to_owned(), 403), 1)]));
    Ok(())
}

#[tokio::test]
async fn the_audit_log_lists_what_began_after_a_mark_and_once() -> Result<()> {
    let cluster = test_cluster();
    let client = cluster.client().await?;
    let namespace = namespace(&client, "audit").await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let log = cluster.audit_log()?;
    let watch = |seconds: u32| kube::api::WatchParams::default().timeout(seconds);
    let older = maps.watch(&watch(1), "0").await?;
    let mark = log.mark()?;
    // Both watches are ended by the API server, and both ends are in the log after the mark.
    let newer = maps.watch(&watch(1), "0").await?;
    let _events: (Vec<_>, Vec<_>) = futures::future::join(older.collect(), newer.collect()).await;
    for index in 0..5 {
        create(&maps, json!({"metadata": {"name": format!("map-{index}")}})).await?;
    }
    wait_for_object(&maps, "map-0", "an object that exists", |map| Probe::when(map.is_some(), "none"))
        .await?;
    wait_for("the audit log to have all lines", async || {
        let requests = log.requests_since(mark)?;
        let counts = audit::count(&requests, |request| {
            (request.namespace == namespace
                && request.resource == "configmaps"
                && request.user == "kubernetes-admin")
                .then(|| request.summary())
        });
        let wanted = [("create configmaps", 5), ("get configmaps", 1), ("watch configmaps", 1)];
        let wanted = BTreeMap::from(wanted.map(|(summary, count)| (summary.to_owned(), count)));
        Ok(Probe::when(counts == wanted, format!("{counts:?}")))
    })
    .await
}

#[tokio::test]
async fn a_restarted_api_server_keeps_its_address_and_its_objects() -> Result<()> {
    let mut cluster = Cluster::start(Options::named("restarted"))?;
    let server = cluster.server();
    let client = cluster.client().await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    create(&maps, json!({"metadata": {"name": "kept"}, "data": {"key": "value"}})).await?;
    cluster.stop_apiserver()?;
    maps.get("kept").await.expect_err("the API server is down");
    cluster.start_apiserver()?;
    assert_eq!(cluster.server(), server);
    let kept = maps.get("kept").await?;
    assert_eq!(kept.data.context("the object has lost its data")?["key"], "value");
    Ok(())
}
