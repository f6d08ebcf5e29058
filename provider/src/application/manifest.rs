//! The model as a manifest, and back.

use bridgehead_api::annotations::{
    RESOURCES_FINALIZER, RESOURCES_FINALIZER_BACKGROUND, RESOURCES_FINALIZER_FOREGROUND,
    WAIT_FOR_APPLICATIONS,
};
use serde_json::{Value as Json, json};
use tfplug::model::Model as _;
use tfplug::prelude::*;
use tfplug::value::Value;

use super::Application;
use crate::object::{Kind, Owner, check, codec, declared_entries, is_handed_over, owner, settle, text};

/// The attributes that are the application's `spec`.
pub(super) const SPEC: &[&str] = &[
    "project",
    "source",
    "sources",
    "source_hydrator",
    "destination",
    "sync_policy",
    "ignore_differences",
    "info",
    "revision_history_limit",
];

/// The finalizers that take the workloads along.
pub(super) const CASCADING: &[&str] =
    &[RESOURCES_FINALIZER, RESOURCES_FINALIZER_FOREGROUND, RESOURCES_FINALIZER_BACKGROUND];

/// The manifest, or what is wrong with it.
pub(super) fn manifest(application: &Application<Applying>) -> Result<Json, Diagnostics> {
    let attributes = Application::<Applying>::schema().attributes;
    let spec = codec::encode(&attributes, SPEC, &application.to_value());
    let mut problems = Diagnostics::new();
    let (name, namespace) = (&application.name, &application.namespace);
    check::check(Kind::Application, &attributes, name, namespace, &spec, &mut problems);
    problems.into_result()?;
    let mut metadata = json!({"name": name, "namespace": namespace});
    for (field, map) in [("labels", &application.labels), ("annotations", &application.annotations)] {
        if let Some(map) = map {
            metadata[field] = json!(map);
        }
    }
    if let Some(Some(waits)) = application.wait_for_applications {
        metadata["annotations"][WAIT_FOR_APPLICATIONS] = json!(waits.to_string());
    }
    if application.on_destroy == "cascade" {
        metadata["finalizers"] = json!([RESOURCES_FINALIZER]);
    }
    Ok(json!({
        "apiVersion": bridgehead_api::API_VERSION,
        "kind": "Application",
        "metadata": metadata,
        "spec": spec.into_json(),
    }))
}

/// Whether deleting the application deletes its workloads.
pub(super) fn has_cascade(live: &Json) -> bool {
    finalizers(live).any(|finalizer| CASCADING.contains(&finalizer))
}

/// `metadata.finalizers`.
pub(super) fn finalizers(live: &Json) -> impl Iterator<Item = &str> {
    let list = live.pointer("/metadata/finalizers").and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str)
}

/// Whether this configuration itself sets the annotation.
pub(super) fn declares(application: &Application<Partial>, annotation: &str) -> bool {
    application.annotations.as_ref().is_some_and(|all| all.contains_key(annotation))
}

/// The application as it is, in the form of what is known of it. What Git has taken over keeps its prior
/// values.
pub(super) fn application_of(prior: &Application<Partial>, live: &Json) -> Outcome<Application<Stored>> {
    match owner(live, |name| declares(prior, name)) {
        Owner::Git(_) => filled(prior.to_value(), live),
        Owner::Terraform(handed_over) => {
            let mut value = read(prior, live, handed_over.as_ref());
            if let Some(entries) = value.entries_mut() {
                let cascades = has_cascade(live);
                let on_destroy = match prior.on_destroy.as_str() {
                    "cascade" if !cascades => "orphan",
                    "orphan" | "refuse" if cascades => "cascade",
                    same => same,
                };
                entries.insert("on_destroy".to_owned(), Value::string(on_destroy));
                if !is_handed_over(handed_over.as_ref(), &["metadata", "annotations", WAIT_FOR_APPLICATIONS])
                {
                    entries.insert("wait_for_applications".to_owned(), waits(live));
                }
            }
            filled(value, live)
        }
    }
}

/// The application as it is, whoever declares it.
pub(super) fn imported(blank: &Application<Partial>, live: &Json) -> Outcome<Application<Stored>> {
    let mut value = blank.to_value();
    if let Some(entries) = value.entries_mut() {
        entries.extend(codec::decode(&Application::<Stored>::schema().attributes, SPEC, &live["spec"]));
        entries.insert("wait_for_applications".to_owned(), waits(live));
    }
    filled(value, live)
}

/// What the application says of waves that wait for Applications.
fn waits(live: &Json) -> Value {
    match live["metadata"]["annotations"][WAIT_FOR_APPLICATIONS].as_str() {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        _ => Value::Null,
    }
}

fn read(prior: &Application<Partial>, live: &Json, handed_over: Option<&Json>) -> Value {
    let before = prior.to_value();
    let mut value = before.clone();
    let Some(entries) = value.entries_mut() else { return value };
    let attributes = Application::<Stored>::schema().attributes;
    let theirs = handed_over.and_then(|fields| fields.get("f:spec"));
    for (name, value) in codec::decode(&attributes, SPEC, &live["spec"]) {
        if let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name) {
            let settled = settle(attribute, before.attribute(&name), value, theirs);
            entries.insert(name, settled);
        }
    }
    for field in ["labels", "annotations"] {
        let declared = declared_entries(before.attribute(field), field, live, handed_over);
        entries.insert(field.to_owned(), declared);
    }
    value
}

fn filled(mut value: Value, live: &Json) -> Outcome<Application<Stored>> {
    if let Some(entries) = value.entries_mut() {
        entries.insert("uid".to_owned(), Value::string(text(live, "/metadata/uid")));
    }
    Ok(Application::<Stored>::from_value(&value, &Path::root())?)
}
