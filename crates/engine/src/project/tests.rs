use bridgehead_api::GroupKind;
use bridgehead_api::ObjectKey;
use bridgehead_api::application::{ApplicationSource, ApplicationSpec};
use bridgehead_api::project::{AppProject, OrphanedResourcesMonitorSettings};
use serde_json::{Value, json};

use super::*;

fn project(spec: Value) -> AppProject {
    AppProject::new("argocd", "team", serde_json::from_value(spec).expect("a project's spec"))
}

fn source(url: &str) -> ApplicationSource {
    ApplicationSource { repo_url: url.into(), ..ApplicationSource::default() }
}

fn at<'a>(server: &'a str, name: &'a str, namespace: &'a str) -> ProjectDestination<'a> {
    ProjectDestination { server, name, namespace, cluster_project: "" }
}

fn key(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new(group, kind), namespace, name)
}

#[test]
fn sources_match_by_glob_whatever_their_spelling() {
    let project = project(
        json!({"sourceRepos": ["https://git.example.com/team/*", "git@git.example.com:shared/base.git"]}),
    );
    for url in [
        "https://git.example.com/team/app.git",
        "https://GIT.example.com/team/app",
        "ssh://git@git.example.com/shared/base",
    ] {
        assert_eq!(check_source(&project, &source(url)), Ok(()), "{url}");
    }
    for url in ["https://git.example.com/team/deep/app", "https://git.example.com/other/app"] {
        let refusal = check_source(&project, &source(url)).expect_err(url);
        assert!(refusal.message.contains("spec.sourceRepos") && refusal.message.contains(url), "{refusal}");
    }
}

#[test]
fn a_denied_source_is_refused_whatever_else_matches() {
    let project = project(json!({"sourceRepos": ["*", "!https://git.example.com/secret/*"]}));
    assert_eq!(check_source(&project, &source("https://git.example.com/open/a")), Ok(()));
    let refusal = check_source(&project, &source("https://git.example.com/secret/a")).expect_err("denied");
    assert!(refusal.message.contains("denied"), "{refusal}");
}

#[test]
fn a_project_without_sources_permits_none() {
    assert!(check_source(&project(json!({})), &source("https://git.example.com/a")).is_err());
}

#[test]
fn destinations_match_by_server_or_name() {
    let project = project(json!({"destinations": [
        {"server": "https://prod.example.com", "namespace": "team-*"},
        {"name": "staging-*", "namespace": "*"},
    ]}));
    assert_eq!(check_destination(&project, at("https://prod.example.com", "prod", "team-a")), Ok(()));
    assert_eq!(check_destination(&project, at("https://s1", "staging-1", "anything")), Ok(()));
    let refusal = check_destination(&project, at("https://prod.example.com", "prod", "kube-system"))
        .expect_err("refused");
    assert!(
        refusal.message.contains("spec.destinations") && refusal.message.contains("kube-system"),
        "{refusal}"
    );
}

#[test]
fn denied_namespaces_and_servers_win() {
    let project = project(json!({"destinations": [
        {"server": "*", "namespace": "*"},
        {"server": "*", "namespace": "!kube-system"},
        {"server": "!https://forbidden", "namespace": "*"},
    ]}));
    assert_eq!(check_destination(&project, at("https://a", "a", "shop")), Ok(()));
    assert!(check_destination(&project, at("https://a", "a", "kube-system")).is_err());
    assert!(check_destination(&project, at("https://forbidden", "f", "shop")).is_err());
}

#[test]
fn only_clusters_of_the_project_may_be_used_where_it_says_so() {
    let project = project(
        json!({"destinations": [{"server": "*", "namespace": "*"}], "permitOnlyProjectScopedClusters": true}),
    );
    let own = ProjectDestination { cluster_project: "team", ..at("https://a", "a", "shop") };
    assert_eq!(check_destination(&project, own), Ok(()));
    let refusal = check_destination(&project, at("https://a", "a", "shop")).expect_err("refused");
    assert!(refusal.message.contains("permitOnlyProjectScopedClusters"), "{refusal}");
}

#[test]
fn an_empty_whitelist_permits_nothing_outside_namespaces() {
    let open = json!({"destinations": [{"server": "*", "namespace": "*"}]});
    let refusal =
        check_object(&project(open), &key("", "Namespace", "", "shop"), false, at("https://a", "a", ""))
            .expect_err("refused");
    assert!(refusal.message.contains("spec.clusterResourceWhitelist"), "{refusal}");
    assert!(refusal.message.contains("kind: \"Namespace\""), "{refusal}");
}

#[test]
fn cluster_scoped_objects_may_be_permitted_by_name() {
    let project =
        project(json!({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}],
        "clusterResourceBlacklist": [{"group": "", "kind": "Namespace", "name": "team-admin"}]}));
    let check =
        |name: &str| check_object(&project, &key("", "Namespace", "", name), false, at("https://a", "a", ""));
    assert!(check("team-a").is_ok());
    assert!(check("other").is_err());
    assert!(check("team-admin").is_err());
}

#[test]
fn namespaced_kinds_are_open_unless_listed() {
    let base = json!([{"server": "*", "namespace": "*"}]);
    let check = |spec: Value, kind: &str| {
        check_object(&project(spec), &key("", kind, "shop", "a"), true, at("https://a", "a", "")).is_ok()
    };
    assert!(check(json!({"destinations": base}), "Secret"));
    assert!(!check(json!({"destinations": base, "namespaceResourceWhitelist": []}), "Secret"));
    assert!(check(
        json!({"destinations": base, "namespaceResourceWhitelist": [{"group": "*", "kind": "*"}]}),
        "Secret"
    ));
    assert!(!check(
        json!({"destinations": base, "namespaceResourceBlacklist": [{"group": "", "kind": "Sec*"}]}),
        "Secret"
    ));
}

#[test]
fn an_object_in_a_namespace_of_its_own_needs_that_destination() {
    let project = project(json!({"destinations": [{"server": "*", "namespace": "shop"}]}));
    let check = |namespace: &str| {
        check_object(&project, &key("", "ConfigMap", namespace, "a"), true, at("https://a", "a", "shop"))
    };
    assert!(check("shop").is_ok());
    let refusal = check("kube-system").expect_err("refused");
    assert!(refusal.message.starts_with("ConfigMap/a: "), "{refusal}");
}

#[test]
fn applications_elsewhere_need_a_source_namespace() {
    let project = project(json!({"sourceNamespaces": ["team-*", "/^ops-[0-9]+$/"]}));
    for namespace in ["argocd", "team-a", "ops-7"] {
        assert_eq!(check_source_namespace(&project, namespace, "argocd"), Ok(()), "{namespace}");
    }
    let refusal = check_source_namespace(&project, "ops-x", "argocd").expect_err("refused");
    assert!(refusal.message.contains("spec.sourceNamespaces"), "{refusal}");
}

#[test]
fn objects_that_every_namespace_has_are_no_orphans() {
    let settings: OrphanedResourcesMonitorSettings = serde_json::from_value(
        json!({"ignore": [{"kind": "Secret", "name": "sh.helm.*"}, {"group": "cert-manager.io"}]}),
    )
    .expect("settings");
    assert!(is_ignored_orphan(&settings, &key("", "ConfigMap", "shop", "kube-root-ca.crt")));
    assert!(is_ignored_orphan(&settings, &key("", "ServiceAccount", "shop", "default")));
    assert!(is_ignored_orphan(&settings, &key("", "Secret", "shop", "sh.helm.release.v1.a")));
    assert!(is_ignored_orphan(&settings, &key("cert-manager.io", "Order", "shop", "a")));
    assert!(!is_ignored_orphan(&settings, &key("", "Secret", "shop", "mine")));
}

#[test]
fn an_application_is_refused_part_by_part() {
    let project = project(json!({
        "sourceRepos": ["https://git.example.com/team/*"],
        "destinations": [{"server": "https://prod.example.com", "namespace": "team-*"}],
    }));
    let spec = |value: Value| serde_json::from_value::<ApplicationSpec>(value).expect("a spec");
    let elsewhere = "https://git.example.com/other/app";
    let several = spec(json!({"sources": [
        {"repoURL": "https://git.example.com/team/app"}, {"repoURL": elsewhere}, {"repoURL": elsewhere},
    ]}));
    let place = at("https://prod.example.com", "prod", "shop");
    let refused = check_application(&project, &several, "team-a", "argocd", Some(place));
    let parts: Vec<RefusedPart> = refused.iter().map(|(part, _)| *part).collect();
    assert_eq!(parts, [RefusedPart::Namespace, RefusedPart::Source(1), RefusedPart::Destination]);
    assert_eq!(check_application(&project, &several, "argocd", "argocd", None).len(), 1);
    let hydrated = spec(json!({"sourceHydrator": {
        "drySource": {"repoURL": elsewhere},
        "syncSource": {"repoURL": "https://git.example.com/team/app", "targetBranch": "env"},
    }}));
    let refused = check_application(&project, &hydrated, "argocd", "argocd", None);
    assert_eq!(refused.iter().map(|(part, _)| *part).collect::<Vec<_>>(), [RefusedPart::DrySource]);
}
