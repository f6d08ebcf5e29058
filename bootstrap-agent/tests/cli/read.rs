//! Commands that only look.

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::setting::{Setting, printed};

fn healthy() -> Value {
    json!({"status": {
        "sync": {"status": "Synced", "revision": "0123456789abcdef", "comparedTo": {"destination": {}, "source": {"repoURL": ""}}},
        "health": {"status": "Healthy"},
        "reconciledAt": "2026-11-21T08:00:00Z",
        "resources": [{"kind": "ConfigMap", "version": "v1", "namespace": "web", "name": "flags", "status": "Synced"}],
        "history": [{"id": 3, "deployedAt": "2026-11-21T08:00:00Z", "revision": "0123456789abcdef",
                     "source": {"repoURL": "https://git.example.com/config.git", "targetRevision": "main"}}],
    }})
}

#[tokio::test]
async fn list_filters_and_prints_as_asked() -> Result<()> {
    let setting = Setting::new("list").await?;
    setting.application("web", healthy()).await?;
    setting
        .application("api", json!({"metadata": {"labels": {"tier": "back"}}, "spec": {"project": "team"}}))
        .await?;
    let names = async |arguments: &[&str]| -> Result<Vec<String>> {
        let printed = setting.run(&[&["app", "list", "-o", "name"], arguments].concat()).await?;
        assert_eq!(printed.code, 0, "{printed:?}");
        let prefix = format!("{}/", setting.namespace);
        Ok(printed.out.lines().map(|line| line.replace(&prefix, "")).collect())
    };
    assert_eq!(names(&[]).await?, ["api", "web"]);
    assert_eq!(names(&["-l", "tier=back"]).await?, ["api"]);
    assert_eq!(names(&["-p", "default"]).await?, ["web"]);
    assert_eq!(names(&["--repo", "https://git.example.com/config"]).await?, ["api", "web"]);
    assert_eq!(names(&["--cluster", "elsewhere"]).await?, Vec::<String>::new());

    let table = setting.run(&["app", "list"]).await?.out;
    let header = table.lines().next().unwrap_or_default();
    let columns: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(
        columns,
        [
            "NAME",
            "CLUSTER",
            "NAMESPACE",
            "PROJECT",
            "STATUS",
            "HEALTH",
            "SYNCPOLICY",
            "CONDITIONS",
            "REPO",
            "PATH",
            "TARGET"
        ]
    );
    let json: Vec<Value> = serde_json::from_str(&setting.run(&["app", "list", "-o", "json"]).await?.out)?;
    let stored = setting.applications().get("web").await?;
    assert_eq!(json[1]["metadata"]["uid"].as_str(), stored.metadata.uid.as_deref());
    assert_eq!(json[1]["kind"], "Application");
    assert_eq!(json[1]["status"], stored.data["status"]);
    Ok(())
}

#[tokio::test]
async fn get_prints_a_summary_or_the_object_as_stored() -> Result<()> {
    let setting = Setting::new("get").await?;
    setting.application("web", healthy()).await?;
    let wide = setting.run(&["app", "get", "web"]).await?;
    assert!(wide.out.contains("Sync Status:        Synced to main (0123456)\n"), "{wide:?}");
    assert!(wide.out.contains("ConfigMap  web        flags  Synced\n"), "{wide:?}");
    let json: Value = serde_json::from_str(&setting.run(&["app", "get", "web", "-o", "json"]).await?.out)?;
    let yaml = setting.run(&["app", "get", "web", "-o", "yaml"]).await?.out;
    let from_yaml: Value = serde_saphyr::from_str(&yaml)?;
    assert_eq!(json, from_yaml);
    assert_eq!(json["metadata"].get("managedFields"), None);
    let qualified = format!("{}/web", setting.namespace);
    assert_eq!(setting.run(&["app", "get", &qualified]).await?.out, wide.out);
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_named_and_gives_code_20() -> Result<()> {
    let setting = Setting::new("missing").await?;
    for command in [&["app", "get", "web"][..], &["app", "sync", "web"], &["app", "history", "web"]] {
        let printed = setting.run(command).await?;
        assert_eq!(printed.code, 20, "{printed:?}");
        assert!(
            printed.err.starts_with("error: application `web` is not in namespace `missing-"),
            "{printed:?}"
        );
        assert_eq!(printed.out, "");
    }
    let usage = setting.run(&["app", "sync"]).await?;
    assert_eq!(usage.code, 1, "{usage:?}");
    Ok(())
}

#[tokio::test]
async fn history_prints_a_table_or_numbers() -> Result<()> {
    let setting = Setting::new("history").await?;
    setting.application("web", healthy()).await?;
    let table = setting.run(&["app", "history", "web"]).await?.out;
    assert!(table.contains("3   2026-11-21 08:00:00 +0000 UTC  main (0123456)\n"), "{table}");
    assert_eq!(setting.run(&["app", "history", "web", "-o", "id"]).await?.out, "3\n");
    Ok(())
}

#[tokio::test]
async fn a_refresh_is_asked_for_and_waited_for() -> Result<()> {
    let setting = Setting::new("refresh").await?;
    setting.application("web", json!({})).await?;
    let command = setting.start(&["app", "get", "web", "--hard-refresh", "-o", "json"])?;
    let annotation = "argocd.argoproj.io/refresh";
    let asked = setting
        .until("web", "the refresh to be asked for", |it| {
            it["metadata"]["annotations"]["argocd.argoproj.io/refresh"] == "hard"
        })
        .await?;
    assert!(asked["metadata"]["annotations"]["argocd.argoproj.io/refresh-timestamp"].is_string());
    let answer = json!({
        "metadata": {"annotations": {annotation: null}},
        "status": {"reconciledAt": "2026-11-21T09:00:00Z"},
    });
    setting.patch("web", answer).await?;
    let printed = printed(command).await?;
    assert_eq!(printed.code, 0, "{printed:?}");
    let shown: Value = serde_json::from_str(&printed.out)?;
    assert_eq!(shown["status"]["reconciledAt"], "2026-11-21T09:00:00Z");
    Ok(())
}

#[tokio::test]
async fn projects_are_listed_and_shown() -> Result<()> {
    let setting = Setting::new("projects").await?;
    let project = serde_json::from_value(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "team"},
        "spec": {
            "description": "One team",
            "sourceRepos": ["https://git.example.com/*"],
            "destinations": [{"server": "*", "namespace": "a"}, {"server": "*", "namespace": "b"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
            "namespaceResourceWhitelist": [],
            "orphanedResources": {"warn": true},
        },
    }))?;
    setting.projects().create(&PostParams::default(), &project).await?;
    insta::assert_snapshot!("project_list", setting.run(&["proj", "list"]).await?.out);
    insta::assert_snapshot!("project", setting.run(&["proj", "get", "team"]).await?.out);
    assert_eq!(setting.run(&["proj", "list", "-o", "name"]).await?.out, "team\n");
    let none = setting.run(&["proj", "get", "other"]).await?;
    assert_eq!(none.code, 20);
    assert!(none.err.starts_with("error: project `other` is not in namespace"), "{none:?}");
    Ok(())
}

#[tokio::test]
async fn clusters_and_repositories_are_listed_without_their_credentials() -> Result<()> {
    let setting = Setting::new("secrets").await?;
    let secrets: Api<Secret> = Api::namespaced(setting.client.clone(), &setting.namespace);
    for (name, secret_type, data) in [
        (
            "staging",
            "cluster",
            json!({"server": "https://staging.example.com", "name": "staging", "namespaces": "a,b",
                   "config": "{\"bearerToken\":\"hidden\",\"tlsClientConfig\":{\"insecure\":true}}"}),
        ),
        (
            "config",
            "repository",
            json!({"url": "https://me:hidden@git.example.com/config.git", "username": "me", "password": "hidden"}),
        ),
        (
            "charts",
            "repository",
            json!({"url": "https://charts.example.com/x", "type": "helm", "name": "charts"}),
        ),
        ("broken", "repository", json!({"password": "hidden"})),
        ("template", "repo-creds", json!({"url": "https://charts.example.com", "password": "hidden"})),
    ] {
        let secret = serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": secret_type}},
            "stringData": data,
        }))?;
        secrets.create(&PostParams::default(), &secret).await?;
    }
    let clusters = setting.run(&["cluster", "list"]).await?;
    let repositories = setting.run(&["repo", "list"]).await?;
    // The version is that of the API server that the tests run on.
    let rows: Vec<Vec<&str>> = clusters.out.lines().map(|line| line.split("  ").collect()).collect();
    assert_eq!(rows.len(), 3, "{clusters:?}");
    assert!(clusters.out.contains("https://staging.example.com (2 namespaces)"), "{clusters:?}");
    assert!(clusters.out.contains("in-cluster"), "{clusters:?}");
    insta::assert_snapshot!("repositories", repositories.out);
    for command in [["cluster", "list"], ["repo", "list"]] {
        for output in ["wide", "json", "yaml"] {
            let printed = setting.run(&[&command[..], &["-o", output]].concat()).await?;
            assert_eq!(printed.code, 0, "{printed:?}");
            assert!(!printed.out.contains("hidden"), "{printed:?}");
        }
    }
    assert_eq!(
        setting.run(&["cluster", "list", "-o", "server"]).await?.out,
        "https://kubernetes.default.svc\nhttps://staging.example.com\n"
    );
    Ok(())
}
