//! Writes, and each refusal that has to be told from the others.

use anyhow::Result;
use bridgehead_api::ObjectKey;
use bridgehead_engine::manifest::Manifest;
use bridgehead_kubernetes::write::{
    ApplyOptions, Conflicts, DeleteOptions, DryRun, EventType, FieldValidation, Happening, Lease, LeaseSpec,
    Patch, Propagation, WriteOptions, apply, create, create_lease, delete, get, get_lease, patch,
    record_event, remove_finalizer, replace, update_lease,
};
use bridgehead_kubernetes::{ApiErrorKind, Resource};
use jiff::Timestamp;
use serde_json::json;

use super::support::{config_map, config_maps, deployments, object, place, secrets};

fn options() -> WriteOptions {
    WriteOptions::default()
}

fn deployment(namespace: &str, replicas: i32, extra: &serde_json::Value) -> (ObjectKey, Manifest) {
    let mut manifest = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
    });
    for (name, value) in extra.as_object().into_iter().flatten() {
        manifest["spec"][name] = value.clone();
    }
    object(manifest)
}

#[tokio::test]
async fn what_was_created_is_read_back_without_managed_fields() -> Result<()> {
    let (connection, namespace) = place("create").await?;
    let (key, manifest) = config_map(&namespace, "one", &json!({"a": "b"}));
    let created = create(&connection, &config_maps(), &key, &manifest, &options()).await?;
    assert_eq!(created.key, key);
    assert!(created.manifest.value()["metadata"].get("managedFields").is_none());
    assert_eq!(get(&connection, &config_maps(), &key).await?.as_ref(), Some(&created));
    let again =
        create(&connection, &config_maps(), &key, &manifest, &options()).await.expect_err("it exists");
    assert_eq!(again.kind, ApiErrorKind::AlreadyExists);
    let (absent, _) = config_map(&namespace, "two", &json!({}));
    assert_eq!(get(&connection, &config_maps(), &absent).await?, None);
    Ok(())
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name_unless_validation_is_off() -> Result<()> {
    let (connection, namespace) = place("strict").await?;
    let (key, manifest) = deployment(&namespace, 1, &json!({"replica": 3, "template.spec": 1}));
    let error =
        create(&connection, &deployments(), &key, &manifest, &options()).await.expect_err("unknown field");
    let ApiErrorKind::Invalid { fields } = &error.kind else { panic!("{error:?}") };
    assert!(
        fields.iter().any(|field| field.field == "spec.replica" && field.reason == "UnknownField"),
        "{error:?}"
    );

    let lax = WriteOptions { validation: FieldValidation::Ignore, ..options() };
    let created = create(&connection, &deployments(), &key, &manifest, &lax).await?;
    assert!(created.manifest.value()["spec"].get("replica").is_none());
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_not_acceptable_is_named_with_its_field() -> Result<()> {
    let (connection, namespace) = place("invalid").await?;
    let (key, manifest) = deployment(&namespace, -1, &json!({}));
    let error = create(&connection, &deployments(), &key, &manifest, &options()).await.expect_err("invalid");
    let ApiErrorKind::Invalid { fields } = &error.kind else { panic!("{error:?}") };
    assert!(fields.iter().any(|field| field.field == "spec.replicas"), "{error:?}");
    assert!(error.message.contains("spec.replicas"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_is_missing_or_going_is_told() -> Result<()> {
    let (connection, namespace) = place("going").await?;
    let (key, manifest) = config_map("no-such-namespace", "one", &json!({}));
    let error =
        create(&connection, &config_maps(), &key, &manifest, &options()).await.expect_err("no namespace");
    assert_eq!(error.kind, ApiErrorKind::NamespaceNotFound);

    // A finalizer keeps the namespace from being gone before we look.
    let (held, mut manifest) = config_map(&namespace, "held", &json!({}));
    manifest.value_mut()["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let live = create(&connection, &config_maps(), &held, &manifest, &options()).await?;
    let namespaces = Resource::known("v1", "Namespace", "namespaces", false);
    let namespace_key = ObjectKey::new(namespaces.gvk.group_kind.clone(), "", namespace.as_str());
    assert!(delete(&connection, &namespaces, &namespace_key, &DeleteOptions::default()).await?);
    let (key, manifest) = config_map(&namespace, "two", &json!({}));
    let error = create(&connection, &config_maps(), &key, &manifest, &options()).await.expect_err("going");
    assert_eq!(error.kind, ApiErrorKind::NamespaceTerminating);

    assert!(remove_finalizer(&connection, &config_maps(), &live, "example.com/other").await?.is_none());
    remove_finalizer(&connection, &config_maps(), &live, "example.com/hold").await?;
    Ok(())
}

#[tokio::test]
async fn server_side_apply_names_the_fields_that_others_own() -> Result<()> {
    let (connection, namespace) = place("apply").await?;
    let (key, first) = deployment(&namespace, 1, &json!({}));
    let ours = ApplyOptions::forced(FieldValidation::Strict);
    apply(&connection, &deployments(), &key, &first, &ours).await?;

    let (_, second) = deployment(&namespace, 2, &json!({}));
    let mut theirs = ApplyOptions::forced(FieldValidation::Strict).managed_by("somebody-else");
    theirs.conflicts = Conflicts::Refuse;
    let error = apply(&connection, &deployments(), &key, &second, &theirs).await.expect_err("a conflict");
    let ApiErrorKind::Conflict { fields } = &error.kind else { panic!("{error:?}") };
    let found: Vec<_> = fields.iter().map(|field| (&*field.field, &*field.manager)).collect();
    assert_eq!(found, [(".spec.replicas", "argocd-controller")]);

    theirs.conflicts = Conflicts::Take;
    let taken = apply(&connection, &deployments(), &key, &second, &theirs).await?;
    assert_eq!(taken.manifest.value()["spec"]["replicas"], 2);
    let dry = ApplyOptions { write: WriteOptions { dry_run: DryRun::Server, ..options() }, ..ours };
    let predicted = apply(&connection, &deployments(), &key, &first, &dry).await?;
    assert_eq!(predicted.manifest.value()["spec"]["replicas"], 1);
    let live = get(&connection, &deployments(), &key).await?.expect("it is there");
    assert_eq!(live.manifest.value()["spec"]["replicas"], 2);
    Ok(())
}

#[tokio::test]
async fn server_side_apply_refuses_unknown_fields_too() -> Result<()> {
    let (connection, namespace) = place("apply-strict").await?;
    let (key, manifest) = deployment(&namespace, 1, &json!({"replica": 3, "pausd": true}));
    let ours = ApplyOptions::forced(FieldValidation::Strict);
    let error = apply(&connection, &deployments(), &key, &manifest, &ours).await.expect_err("unknown field");
    let ApiErrorKind::Invalid { fields } = &error.kind else { panic!("{error:?}") };
    // The server stops at the first one that it finds.
    assert!(fields.iter().any(|field| ["spec.pausd", "spec.replica"].contains(&&*field.field)), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn each_patch_does_what_its_form_says() -> Result<()> {
    let (connection, namespace) = place("patch").await?;
    let (key, manifest) = config_map(&namespace, "one", &json!({"a": "1", "b": "2"}));
    let created = create(&connection, &config_maps(), &key, &manifest, &options()).await?;

    let merge = Patch::Merge(json!({"data": {"a": null, "c": "3"}}));
    let merged = patch(&connection, &config_maps(), &key, &merge, &options()).await?;
    assert_eq!(merged.manifest.value()["data"], json!({"b": "2", "c": "3"}));

    let stale = Patch::Json(json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": created.resource_version.as_str()},
        {"op": "replace", "path": "/data/b", "value": "x"},
    ]));
    let error =
        patch(&connection, &config_maps(), &key, &stale, &options()).await.expect_err("the test fails");
    assert!(matches!(error.kind, ApiErrorKind::Invalid { .. }), "{error:?}");

    let (key, manifest) = deployment(&namespace, 1, &json!({}));
    create(&connection, &deployments(), &key, &manifest, &options()).await?;
    let sidecar =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:1"}]}}}});
    let patched = patch(&connection, &deployments(), &key, &Patch::Strategic(sidecar), &options()).await?;
    let containers =
        patched.manifest.value().pointer("/spec/template/spec/containers").and_then(|list| list.as_array());
    assert_eq!(containers.map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn a_replacement_of_what_has_changed_is_a_conflict() -> Result<()> {
    let (connection, namespace) = place("replace").await?;
    let (key, manifest) = config_map(&namespace, "one", &json!({"a": "1"}));
    let first = create(&connection, &config_maps(), &key, &manifest, &options()).await?;
    let second = replace(
        &connection,
        &config_maps(),
        &key,
        &config_map(&namespace, "one", &json!({"a": "2"})).1,
        &options(),
    )
    .await?;
    assert_eq!(second.manifest.value()["data"]["a"], "2");
    let error =
        replace(&connection, &config_maps(), &key, &first.manifest, &options()).await.expect_err("stale");
    assert_eq!(error.kind, ApiErrorKind::Conflict { fields: Vec::new() });
    Ok(())
}

#[tokio::test]
async fn a_deletion_spares_what_has_changed_or_come_anew() -> Result<()> {
    let (connection, namespace) = place("delete").await?;
    let (key, manifest) = config_map(&namespace, "one", &json!({"a": "1"}));
    let seen = create(&connection, &config_maps(), &key, &manifest, &options()).await?;
    let change = Patch::Merge(json!({"data": {"a": "2"}}));
    let changed = patch(&connection, &config_maps(), &key, &change, &options()).await?;

    let stale = DeleteOptions::of(&seen, Propagation::Foreground);
    let error = delete(&connection, &config_maps(), &key, &stale).await.expect_err("it has changed");
    assert!(matches!(error.kind, ApiErrorKind::Conflict { .. }), "{error:?}");
    let other = DeleteOptions { uid: Some("another-uid".into()), ..DeleteOptions::default() };
    let error = delete(&connection, &config_maps(), &key, &other).await.expect_err("it is another one");
    assert!(matches!(error.kind, ApiErrorKind::Conflict { .. }), "{error:?}");

    assert!(
        delete(&connection, &config_maps(), &key, &DeleteOptions::of(&changed, Propagation::Background))
            .await?
    );
    assert!(!delete(&connection, &config_maps(), &key, &DeleteOptions::default()).await?);
    Ok(())
}

#[tokio::test]
async fn a_finalizer_is_taken_off_only_as_it_was_seen() -> Result<()> {
    let (connection, namespace) = place("finalizer").await?;
    let (key, mut manifest) = config_map(&namespace, "one", &json!({}));
    manifest.value_mut()["metadata"]["finalizers"] = json!(["example.com/a", "example.com/b"]);
    let seen = create(&connection, &config_maps(), &key, &manifest, &options()).await?;
    let left =
        remove_finalizer(&connection, &config_maps(), &seen, "example.com/b").await?.expect("it was there");
    assert_eq!(left.finalizers().collect::<Vec<_>>(), ["example.com/a"]);
    let error =
        remove_finalizer(&connection, &config_maps(), &seen, "example.com/b").await.expect_err("stale");
    assert!(matches!(error.kind, ApiErrorKind::Conflict { .. }), "{error:?}");
    remove_finalizer(&connection, &config_maps(), &left, "example.com/a").await?;
    Ok(())
}

#[tokio::test]
async fn an_object_larger_than_etcd_takes_is_too_large() -> Result<()> {
    let (connection, namespace) = place("large").await?;
    for size in [900_000, 1_700_000, 4_000_000] {
        let (key, manifest) =
            object(json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "x".repeat(size)},
            "metadata": {"name": format!("of-{size}"), "namespace": namespace}}));
        let outcome = create(&connection, &secrets(), &key, &manifest, &options()).await;
        match (size, outcome) {
            (900_000, outcome) => assert!(outcome.is_ok(), "{outcome:?}"),
            // A Secret has a limit of its own, below etcd's.
            (1_700_000, Err(error)) => assert!(matches!(error.kind, ApiErrorKind::Invalid { .. }), "{error}"),
            (_, Err(error)) => assert_eq!(error.kind, ApiErrorKind::TooLarge, "{error}"),
            (size, Ok(_)) => panic!("{size} bytes were taken"),
        }
    }
    let note = "x".repeat(1_700_000);
    let (key, manifest) = deployment(
        &namespace,
        1,
        &json!({"template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "args": [note]}]}}}),
    );
    let error =
        create(&connection, &deployments(), &key, &manifest, &options()).await.expect_err("too large");
    assert_eq!(error.kind, ApiErrorKind::TooLarge, "{error}");
    Ok(())
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_no_missing_object() -> Result<()> {
    let (connection, namespace) = place("kind").await?;
    let resource = Resource::known("nowhere.example.com/v1", "Thing", "things", true);
    let key = ObjectKey::new(resource.gvk.group_kind.clone(), &namespace, "one");
    let error = get(&connection, &resource, &key).await.expect_err("not served");
    assert_eq!(error.kind, ApiErrorKind::KindNotServed);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_refuses_is_named() -> Result<()> {
    let (connection, namespace) = place("policy").await?;
    let name = format!("refuse-{namespace}");
    let policies = Resource::known(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        false,
    );
    let (key, policy) = object(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]},
            "validations": [{"expression": "object.metadata.name != 'refused'", "message": "not this one"}]},
    }));
    create(&connection, &policies, &key, &policy, &options()).await?;
    let bindings = Resource::known(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        false,
    );
    let (binding_key, binding) = object(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector":
            {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}},
    }));
    create(&connection, &bindings, &binding_key, &binding, &options()).await?;

    // Policies take a moment to be in force.
    let (refused, manifest) = config_map(&namespace, "refused", &json!({}));
    let dry = WriteOptions { dry_run: DryRun::Server, ..options() };
    let error = loop {
        if let Err(error) = create(&connection, &config_maps(), &refused, &manifest, &dry).await {
            break error;
        }
    };
    delete(&connection, &bindings, &binding_key, &DeleteOptions::default()).await?;
    delete(&connection, &policies, &key, &DeleteOptions::default()).await?;
    assert_eq!(error.kind, ApiErrorKind::AdmissionDenied { by: name }, "{error}");
    assert!(error.message.contains("not this one"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_cannot_be_asked_is_named() -> Result<()> {
    let (connection, namespace) = place("webhook").await?;
    let webhooks = Resource::known(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    );
    let (key, configuration) = object(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("gone-{namespace}")},
        "webhooks": [{"name": "gone.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://127.0.0.1:1/"}, "failurePolicy": "Fail",
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]}],
    }));
    create(&connection, &webhooks, &key, &configuration, &options()).await?;
    let (asked, manifest) = config_map(&namespace, "asked", &json!({}));
    let dry = WriteOptions { dry_run: DryRun::Server, ..options() };
    let error = loop {
        if let Err(error) = create(&connection, &config_maps(), &asked, &manifest, &dry).await {
            break error;
        }
    };
    delete(&connection, &webhooks, &key, &DeleteOptions::default()).await?;
    assert_eq!(
        error.kind,
        ApiErrorKind::AdmissionUnavailable { webhook: "gone.example.com".to_owned() },
        "{error}"
    );
    assert!(error.is_transient());
    Ok(())
}

#[tokio::test]
async fn a_lease_has_one_winner() -> Result<()> {
    let (connection, namespace) = place("lease").await?;
    assert_eq!(get_lease(&connection, &namespace, "leader").await?, None);
    let now = Timestamp::now();
    let wanted = Lease {
        namespace: namespace.clone(),
        name: "leader".to_owned(),
        resource_version: String::new(),
        labels: [("app.kubernetes.io/part-of".to_owned(), "argocd".to_owned())].into(),
        spec: LeaseSpec {
            holder_identity: Some("one".to_owned()),
            lease_duration_seconds: Some(15),
            acquire_time: Some(now),
            renew_time: Some(now),
            lease_transitions: Some(0),
        },
    };
    let created = create_lease(&connection, &wanted).await?;
    let error = create_lease(&connection, &wanted).await.expect_err("it exists");
    assert_eq!(error.kind, ApiErrorKind::AlreadyExists);
    let mut renewed = created.clone();
    renewed.spec.renew_time = Some(now + jiff::SignedDuration::from_secs(5));
    let renewed = update_lease(&connection, &renewed).await?;
    let error = update_lease(&connection, &created).await.expect_err("another was faster");
    assert!(matches!(error.kind, ApiErrorKind::Conflict { .. }), "{error:?}");
    let read = get_lease(&connection, &namespace, "leader").await?.expect("it is there");
    assert_eq!(read, renewed);
    assert_eq!(read.labels, wanted.labels);
    Ok(())
}

#[tokio::test]
async fn an_event_is_there_once_however_often_it_is_recorded() -> Result<()> {
    let (connection, namespace) = place("event").await?;
    let message = "ü".repeat(2000);
    let event = Happening {
        api_version: "argoproj.io/v1alpha1",
        kind: "Application",
        namespace: &namespace,
        name: "shop",
        uid: "uid",
        resource_version: "1",
        reason: "OperationStarted",
        message: &message,
        event_type: EventType::Normal,
        component: "argocd-application-controller",
        at: Timestamp::now(),
    };
    record_event(&connection, &event).await?;
    let error = record_event(&connection, &event).await.expect_err("it is there");
    assert_eq!(error.kind, ApiErrorKind::AlreadyExists);
    Ok(())
}
