//! Watches and the cache that they feed.

use anyhow::Result;
use bridgehead_api::{ObjectKey, ResourceVersion};
use bridgehead_kubernetes::cache::{KindState, Lookup};
use bridgehead_kubernetes::connect::{Impersonation, RequestBuilder};
use bridgehead_kubernetes::watch::WatchTarget;
use bridgehead_kubernetes::write::{DeleteOptions, Patch, WriteOptions, create, delete, patch};
use bridgehead_kubernetes::{ApiErrorKind, Connection};
use bridgehead_test_harness::{Cluster, Options};
use futures::StreamExt;
use serde_json::json;

use super::gate::{Gate, connection_through};
use super::support::{
    Following, administrator, config_map, config_maps, connection_to, object, place, secrets,
    tracked_config_map,
};

fn options() -> WriteOptions {
    WriteOptions::default()
}

fn version_of(following: &Following, key: &ObjectKey) -> Option<String> {
    match following.cache.lookup(key) {
        Lookup::Live(held) => Some(held.resource_version().to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn objects_are_known_by_whose_they_are() -> Result<()> {
    let (connection, namespace) = place("follow").await?;
    let (ours, manifest) = tracked_config_map(&namespace, "ours", &namespace);
    create(&connection, &config_maps(), &ours, &manifest, &options()).await?;
    let (theirs, manifest) = config_map(&namespace, "theirs", &json!({"a": "b"}));
    create(&connection, &config_maps(), &theirs, &manifest, &options()).await?;
    let absent = ObjectKey::new(config_maps().gvk.group_kind, &namespace, "absent");

    let mut following = Following::new(&connection, [config_maps()]);
    assert!(matches!(following.cache.lookup(&ours), Lookup::NotSynced));
    following.until("the list", |following| following.cache.kinds_synced()).await?;
    assert!(matches!(following.cache.lookup(&theirs), Lookup::Foreign));
    assert!(matches!(following.cache.lookup(&absent), Lookup::Absent));
    let Lookup::Live(held) = following.cache.lookup(&ours) else { panic!("it is not there") };
    let live = held.live();
    assert_eq!(live.manifest.value()["data"], json!({"from": "Git"}));
    assert_eq!(live.manifest.kind(), "ConfigMap");

    let change = Patch::Merge(json!({"data": {"from": "a hand"}}));
    let patched = patch(&connection, &config_maps(), &ours, &change, &options()).await?;
    following
        .until("the change", |following| {
            version_of(following, &ours).as_deref() == Some(patched.resource_version.as_str())
        })
        .await?;
    assert_eq!(following.cache.of_application(&namespace).count(), 1);
    delete(&connection, &config_maps(), &ours, &DeleteOptions::default()).await?;
    following
        .until("the deletion", |following| matches!(following.cache.lookup(&ours), Lookup::Absent))
        .await?;
    assert_eq!(following.cache.of_application(&namespace).count(), 0);
    assert_eq!(following.lists, 1);
    Ok(())
}

#[tokio::test]
async fn only_what_a_target_selects_comes() -> Result<()> {
    let (connection, namespace) = place("select").await?;
    for (name, labels) in [("one", json!({"team": "a"})), ("two", json!({"team": "b"}))] {
        let (key, manifest) = object(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "labels": labels}}));
        create(&connection, &config_maps(), &key, &manifest, &options()).await?;
    }
    let mut following = Following::new(&connection, []);
    following.cache.add_kind(&config_maps());
    following.watches.start(WatchTarget::all(config_maps()).in_namespace(&namespace).labelled("team=a"));
    following.until("the list", |following| following.cache.kinds_synced()).await?;
    let key = |name: &str| ObjectKey::new(config_maps().gvk.group_kind, &namespace, name);
    assert!(matches!(following.cache.lookup(&key("one")), Lookup::Foreign));
    assert!(matches!(following.cache.lookup(&key("two")), Lookup::Absent));
    Ok(())
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_is_reported_and_the_others_go_on() -> Result<()> {
    let (connection, namespace) = place("refused").await?;
    let roles = bridgehead_kubernetes::Resource::known("rbac.authorization.k8s.io/v1", "Role", "roles", true);
    let bindings = bridgehead_kubernetes::Resource::known(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
        true,
    );
    let (key, role) = object(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "reader", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]}));
    create(&connection, &roles, &key, &role, &options()).await?;
    let (key, binding) = object(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "reader", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "User", "name": "somebody", "apiGroup": "rbac.authorization.k8s.io"}]}));
    create(&connection, &bindings, &key, &binding, &options()).await?;

    let somebody =
        connection.impersonating(&Impersonation { user: "somebody".to_owned(), ..Default::default() })?;
    let mut following = Following::new(&somebody, []);
    for resource in [config_maps(), secrets()] {
        following.cache.add_kind(&resource);
        following.watches.start(WatchTarget::all(resource).in_namespace(&namespace));
    }
    following.until("an end of both", |following| following.cache.kinds_synced()).await?;
    assert_eq!(following.cache.state(&config_maps().gvk.group_kind), Some(&KindState::Current));
    let Some(KindState::Refused { message }) = following.cache.state(&secrets().gvk.group_kind) else {
        panic!("Secrets were listed: {:?}", following.told)
    };
    assert!(message.contains("\"somebody\" cannot watch resource \"secrets\""), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_where_it_was_after_the_server_was_away() -> Result<()> {
    let mut cluster = Cluster::start(Options { audit_log: true, ..Options::named("restart") })?;
    let connection = connection_to(&cluster)?;
    let (before, manifest) = tracked_config_map("default", "before", "shop");
    create(&connection, &config_maps(), &before, &manifest, &options()).await?;
    let mut following = Following::new(&connection, [config_maps()]);
    following.until("the list", |following| following.cache.kinds_synced()).await?;

    cluster.stop_apiserver()?;
    following.until("the interruption", |following| !following.told.is_empty()).await?;
    assert_eq!(following.cache.state(&config_maps().gvk.group_kind), Some(&KindState::Interrupted));
    cluster.start_apiserver()?;
    let (after, manifest) = tracked_config_map("default", "after", "shop");
    create(&connection, &config_maps(), &after, &manifest, &options()).await?;
    following
        .until("what came after", |following| matches!(following.cache.lookup(&after), Lookup::Live(_)))
        .await?;
    assert_eq!(following.cache.state(&config_maps().gvk.group_kind), Some(&KindState::Current));
    assert_eq!(following.lists, 1, "{:?}", following.told);
    // Nothing was listed in the old way either, before or after.
    let lists = cluster.audit_log()?.requests()?.into_iter().filter(|request| {
        request.verb == "list"
            && request.resource == "configmaps"
            && request.user_agent.starts_with("bridgehead/")
    });
    assert_eq!(lists.count(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_the_server_has_forgotten_lists_again_and_tells_what_went() -> Result<()> {
    let compaction = std::time::Duration::from_secs(1);
    let options_of_cluster = Options { compaction_interval: Some(compaction), ..Options::named("forgotten") };
    let mut cluster = Cluster::start(options_of_cluster)?;
    let direct = connection_to(&cluster)?;
    let gate = Gate::to(cluster.port()).await?;
    let through = connection_through(&cluster, &gate)?;

    let (gone, manifest) = tracked_config_map("default", "gone", "shop");
    create(&direct, &config_maps(), &gone, &manifest, &options()).await?;
    let mut following = Following::new(&through, [config_maps()]);
    following.until("the list", |following| following.cache.kinds_synced()).await?;
    let kind = config_maps().gvk.group_kind;
    let version = following.cache.resource_version(&kind).cloned().expect("it was listed");

    gate.close();
    following.until("the interruption", |following| !following.told.is_empty()).await?;
    delete(&direct, &config_maps(), &gone, &DeleteOptions::default()).await?;
    // A watch cache remembers events; a new API server only those after its start.
    cluster.restart_apiserver()?;
    until_forgotten(&direct, &version).await?;

    gate.open();
    following
        .until("the deletion", |following| matches!(following.cache.lookup(&gone), Lookup::Absent))
        .await?;
    assert_eq!(following.cache.of_application("shop").count(), 0);
    assert_eq!(following.lists, 2);
    Ok(())
}

/// Makes the server's history longer until it has forgotten a version.
async fn until_forgotten(connection: &Connection, version: &ResourceVersion) -> Result<()> {
    let (other, manifest) = config_map("default", "other", &json!({}));
    create(connection, &config_maps(), &other, &manifest, &options()).await?;
    loop {
        let request = RequestBuilder::get(config_maps().collection(None), "watch")
            .query("watch", "true")
            .query("timeoutSeconds", "1")
            .query("resourceVersion", version.as_str());
        match connection.open(request).await {
            Err(error) if error.kind == ApiErrorKind::Expired => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(mut stream) => {
                let first = stream.next().await?.unwrap_or_default();
                if String::from_utf8_lossy(&first).contains("\"code\":410") {
                    return Ok(());
                }
            }
        }
        let note = Patch::Merge(json!({"data": {"now": jiff::Timestamp::now().to_string()}}));
        patch(connection, &config_maps(), &other, &note, &options()).await?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_foreign_secrets_cost_a_few_hundred_kilobytes() -> Result<()> {
    const SECRETS: usize = 20_000;
    let cluster = Cluster::start(Options::named("foreign"))?;
    let connection = connection_to(&cluster)?;
    let value = "x".repeat(10 << 10);
    let writes = futures::stream::iter(0..SECRETS).map(|number| {
        let (key, manifest) =
            object(json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"value": value},
            "metadata": {"name": format!("foreign-{number}"), "namespace": "default"}}));
        let connection = &connection;
        async move { create(connection, &secrets(), &key, &manifest, &options()).await.map(|_| ()) }
    });
    let outcomes: Vec<_> = writes.buffer_unordered(32).collect().await;
    outcomes.into_iter().collect::<Result<(), _>>()?;

    let before = resident()?;
    let mut following = Following::new(&connection, [secrets()]);
    following.until("the list", |following| following.cache.kinds_synced()).await?;
    let statistics = following.cache.statistics();
    let grown = resident()?.saturating_sub(before);
    assert!(statistics.foreign >= SECRETS && statistics.held == 0);
    assert!(statistics.foreign_bytes < 600_000, "{statistics:?}");
    assert!(grown < 32 << 10, "resident memory has grown by {grown} KiB");
    Ok(())
}

/// KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}

#[tokio::test]
async fn more_watches_than_a_connection_carries_all_begin() -> Result<()> {
    let connection = administrator()?;
    let discovery = bridgehead_kubernetes::discovery::discover(&connection).await?;
    let mut following = Following::new(&connection, discovery.watchable().cloned());
    let targets: Vec<_> = following.watches.targets().cloned().collect();
    // The same kinds again, namespace by namespace, to exceed what one connection carries.
    for namespace in ["default", "kube-system", "kube-public"] {
        for target in targets.iter().filter(|target| target.resource.namespaced) {
            following.watches.start(target.clone().in_namespace(namespace));
        }
    }
    let started = following.watches.targets().count();
    assert!(started > 100, "{started} watches");
    following
        .until("all lists", |following| following.lists == started && following.cache.kinds_synced())
        .await
}
