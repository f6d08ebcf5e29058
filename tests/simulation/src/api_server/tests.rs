use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{GroupKind, ObjectKey};
use serde_json::json;

use super::*;

fn server() -> ApiServer {
    ApiServer::new("one", Timestamp::UNIX_EPOCH)
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data})
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}},
    })
}

fn create(server: &mut ApiServer, object: Value) -> Stored {
    server.handle(Actor::Setup, Request::Create { object, dry_run: false }).unwrap().unwrap()
}

fn patch(server: &mut ApiServer, object: &Value, patch: Patch) -> Answer {
    let request =
        Request::Patch { kind: object::gvk(object), key: object::key(object), patch, dry_run: false };
    server.handle(Actor::Setup, request)
}

fn delete(server: &mut ApiServer, object: &Value, propagation: PropagationPolicy) -> Answer {
    let request = Request::Delete {
        kind: object::gvk(object),
        key: object::key(object),
        uid: Some(object::uid(object)),
        resource_version: None,
        propagation,
    };
    server.handle(Actor::Setup, request)
}

fn reason(answer: Answer) -> Reason {
    answer.unwrap_err().reason
}

#[test]
fn generation_counts_changes_of_the_specification_alone() {
    let mut server = server();
    let web = create(&mut server, deployment("web", "web:1"));
    let generation = |object: &Value| object::number(object, "/metadata/generation");
    assert_eq!(generation(&web), 1);
    let mut healthy = Value::clone(&web);
    object::section(&mut healthy, &["status"]).insert("replicas".into(), 1.into());
    let update = Request::Update { object: healthy, status: true, dry_run: false };
    let web = server.handle(Actor::Setup, update).unwrap().unwrap();
    assert_eq!((generation(&web), object::number(&web, "/status/replicas")), (1, 1));
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "web:2"}]}}}});
    let web = patch(&mut server, &web, Patch::Strategic(image)).unwrap().unwrap();
    assert_eq!((generation(&web), object::number(&web, "/status/replicas")), (2, 1));
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let web = patch(&mut server, &web, Patch::Merge(label)).unwrap().unwrap();
    assert_eq!(generation(&web), 2);
}

#[test]
fn without_a_status_subresource_every_change_is_counted() {
    let mut server = server();
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "a", "namespace": "default"}, "spec": {}, "status": {"x": 1},
    });
    let application = create(&mut server, object);
    let status = json!({"status": {"x": 2}});
    let application = patch(&mut server, &application, Patch::Merge(status)).unwrap().unwrap();
    assert_eq!(object::number(&application, "/metadata/generation"), 2);
    let strategic = patch(&mut server, &application, Patch::Strategic(json!({})));
    assert_eq!(reason(strategic), Reason::UnsupportedPatch);
}

#[test]
fn a_write_that_changes_nothing_makes_no_event() {
    let mut server = server();
    let map = create(&mut server, config_map("a", &json!({"k": "v"})));
    let before = server.revision();
    patch(&mut server, &map, Patch::Merge(json!({"data": {"k": "v"}}))).unwrap();
    assert_eq!(server.revision(), before);
}

#[test]
fn preconditions_hold_or_the_write_is_refused() {
    let mut server = server();
    let map = create(&mut server, config_map("a", &json!({})));
    let changed = patch(&mut server, &map, Patch::Merge(json!({"data": {"k": "v"}}))).unwrap().unwrap();
    let stale = Request::Update { object: Value::clone(&map), status: false, dry_run: false };
    assert_eq!(reason(server.handle(Actor::Setup, stale)), Reason::Conflict);
    let other = Request::Delete {
        kind: object::gvk(&changed),
        key: object::key(&changed),
        uid: Some("another".into()),
        resource_version: None,
        propagation: PropagationPolicy::Background,
    };
    assert_eq!(reason(server.handle(Actor::Setup, other)), Reason::Conflict);
    let test = json!([{"op": "test", "path": "/metadata/uid", "value": "another"}]);
    assert_eq!(reason(patch(&mut server, &changed, Patch::Json(test))), Reason::Conflict);
    assert_eq!(
        reason(
            server.handle(
                Actor::Setup,
                Request::Create { object: config_map("a", &json!({})), dry_run: false }
            )
        ),
        Reason::AlreadyExists
    );
}

#[test]
fn finalizers_keep_an_object_until_they_are_gone() {
    let mut server = server();
    let mut object = config_map("a", &json!({}));
    object["metadata"]["finalizers"] = json!(["one"]);
    let map = create(&mut server, object);
    let going = delete(&mut server, &map, PropagationPolicy::Background).unwrap().unwrap();
    assert!(object::is_terminating(&going));
    let adding =
        patch(&mut server, &going, Patch::Merge(json!({"metadata": {"finalizers": ["one", "two"]}})));
    assert_eq!(reason(adding), Reason::Invalid);
    let gone = patch(&mut server, &going, Patch::Merge(json!({"metadata": {"finalizers": null}})));
    assert!(object::finalizers(&gone.unwrap().unwrap()).is_empty());
    assert!(server.get(&object::key(&going)).is_none());
    let last = server.history().since(&GroupKind::new("", "ConfigMap"), 0).unwrap().last().unwrap();
    assert_eq!((last.change, last.revision), (watch::Change::Deleted, server.revision()));
}

#[test]
fn foreground_deletion_leaves_the_object_to_the_collector() {
    let mut server = server();
    let web = create(&mut server, deployment("web", "web:1"));
    let going = delete(&mut server, &web, PropagationPolicy::Foreground).unwrap().unwrap();
    assert_eq!(object::finalizers(&going), [delete::FOREGROUND]);
}

#[test]
fn server_side_apply_takes_away_what_its_manager_no_longer_applies() {
    let mut server = server();
    let first = config_map("a", &json!({"a": "1", "b": "2"}));
    let apply = |object: &Value| Patch::Apply { object: object.clone(), manager: "one" };
    let map = patch(&mut server, &first, apply(&first)).unwrap().unwrap();
    patch(&mut server, &map, Patch::Merge(json!({"data": {"theirs": "3"}}))).unwrap();
    let second = config_map("a", &json!({"a": "1"}));
    let map = patch(&mut server, &second, apply(&second)).unwrap().unwrap();
    assert_eq!(map["data"], json!({"a": "1", "theirs": "3"}));
}

#[test]
fn namespaces_must_be_there_and_not_be_going() {
    let mut server = server();
    let mut object = config_map("a", &json!({}));
    object["metadata"]["namespace"] = json!("shop");
    let request = Request::Create { object: object.clone(), dry_run: false };
    assert_eq!(reason(server.handle(Actor::Setup, request.clone())), Reason::NamespaceMissing);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    let namespace = create(&mut server, namespace);
    assert!(server.handle(Actor::Setup, request).is_ok());
    delete(&mut server, &namespace, PropagationPolicy::Background).unwrap().unwrap();
    object["metadata"]["name"] = json!("b");
    let late = server.handle(Actor::Setup, Request::Create { object, dry_run: false });
    assert_eq!(reason(late), Reason::Forbidden);
}

#[test]
fn a_watch_from_before_the_compaction_is_refused() {
    let mut server = server();
    create(&mut server, config_map("a", &json!({})));
    let kind = GroupKind::new("", "ConfigMap");
    let revision = server.revision();
    create(&mut server, config_map("b", &json!({})));
    assert_eq!(server.history().since(&kind, revision).unwrap().len(), 1);
    server.compact(revision + 1);
    assert!(server.history().since(&kind, revision).is_none());
    assert!(server.history().since(&kind, revision + 1).unwrap().is_empty());
}

#[test]
fn a_dry_run_keeps_nothing() {
    let mut server = server();
    let request = Request::Create { object: config_map("a", &json!({})), dry_run: true };
    server.handle(Actor::Setup, request).unwrap();
    assert!(server.get(&ObjectKey::new(GroupKind::new("", "ConfigMap"), "default", "a")).is_none());
    assert!(!server.audit().last().unwrap().has_changed_something());
}
