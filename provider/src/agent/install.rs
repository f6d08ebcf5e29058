//! Writing the objects of an installation, and looking at them.

use std::collections::BTreeSet;
use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_engine::manifest::Manifest;
use bridgehead_install::{FIELD_MANAGER, Installation, NAME};
use bridgehead_kubernetes::waits;
use bridgehead_kubernetes::write::{
    self, ApplyOptions, Conflicts, DeleteOptions, DryRun, FieldValidation, Propagation, WriteOptions,
};
use bridgehead_kubernetes::{ApiErrorKind, Connection, Resource};
use serde_json::Value;
use tfplug::prelude::*;

use super::definition::{VERSION, stays};
use super::marks::{self, Marks};
use super::{Agent, CREATED, MARKS};
use crate::connection::Clients;
use crate::object::{is_absence, read_raw, resource_of, text};

/// What a new agent puts into its namespace, where it is absent.
pub(super) const DEFAULTS: &[(&str, &str, &str)] = &[
    ("argoproj.io/v1alpha1", "AppProject", "default"),
    ("v1", "ConfigMap", "argocd-cm"),
    ("v1", "Secret", "argocd-secret"),
];

/// An object of an installation and where it is.
pub(super) struct Part<'a> {
    pub(super) object: &'a Value,
    pub(super) resource: Resource,
    pub(super) key: ObjectKey,
    /// As in `Deployment argocd/bridgehead-agent`.
    pub(super) name: String,
}

impl<'a> Part<'a> {
    fn of(object: &'a Value) -> Option<Self> {
        let resource = resource_of(object)?;
        let key = Manifest::new(object.clone()).key();
        Some(Self { object, resource, name: name_of(object), key })
    }
}

/// As in `Deployment argocd/bridgehead-agent`.
pub(super) fn name_of(object: &Value) -> String {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{} {namespace}{slash}{name}", text(object, "/kind"))
}

/// Everything but namespace and definitions, in the order to apply in.
pub(super) fn parts(installation: &Installation) -> Vec<Part<'_>> {
    installation.objects.iter().filter_map(Part::of).collect()
}

/// The definitions.
pub(super) fn definitions(installation: &Installation) -> Vec<Part<'_>> {
    installation.custom_resource_definitions.iter().filter_map(Part::of).collect()
}

/// The namespace.
pub(super) fn namespace(installation: &Installation) -> Option<Part<'_>> {
    installation.namespace.as_ref().and_then(Part::of)
}

/// Names of everything but namespace and definitions.
pub(super) fn names(installation: &Installation) -> BTreeSet<String> {
    installation.objects.iter().map(name_of).collect()
}

fn options(dry_run: DryRun) -> ApplyOptions {
    let write = WriteOptions {
        field_manager: FIELD_MANAGER.to_owned(),
        validation: FieldValidation::Strict,
        dry_run,
    };
    ApplyOptions { write, conflicts: Conflicts::Take }
}

/// Whether an installation of ours has written the object before.
pub(super) fn is_installed(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| entry["manager"] == FIELD_MANAGER)
}

/// Writes everything: namespace, definitions, and once they are in force, what is left. What was not there
/// before is remembered, and so is the agent as soon as something of it exists.
pub(super) async fn install(
    context: &Context<Clients>,
    connection: &Connection,
    installation: &Installation,
    state: &Agent<Partial>,
    before: &BTreeSet<String>,
    within: Duration,
) -> Result<(), Diagnostics> {
    let mut created: BTreeSet<String> = context.recall(CREATED).unwrap_or_default();
    let first = created.is_empty() && before.is_empty();
    if first {
        created = marks::inherited(connection, &state.namespace).await?;
    }
    if let Some(part) = namespace(installation) {
        let live = read_raw(connection, &part.resource, &part.key).await?;
        // A namespace of somebody else keeps its labels.
        if live.as_ref().is_none_or(is_installed) {
            write(context, connection, &part, live.is_none(), &mut created, state).await?;
        }
    }
    if first {
        for (version, kind, name) in DEFAULTS {
            let object = default_object(&state.namespace, version, kind, name);
            if let Some(part) = Part::of(&object)
                && read_raw(connection, &part.resource, &part.key).await?.is_none()
            {
                created.insert(part.name);
            }
        }
        context.remember(CREATED, &created)?;
    }
    let mut names = Vec::new();
    for part in definitions(installation) {
        names.push(part.key.name.to_string());
        let live = read_raw(connection, &part.resource, &part.key).await?;
        if let Some(live) = &live
            && let Some(why) = stays(live, part.object, state.takeover.is_some())
        {
            context.warn(Diagnostic::warning(format!("{} is left as it is", part.name)).detail(why));
            continue;
        }
        if live.as_ref().is_some_and(|live| !is_installed(live)) {
            let detail =
                "Something else has installed an older one. Whatever that serves this one serves too.";
            context.warn(Diagnostic::warning(format!("{} is brought up to date", part.name)).detail(detail));
        }
        let object = versioned(part.object);
        let part = Part { object: &object, ..part };
        write(context, connection, &part, live.is_none(), &mut created, state).await?;
    }
    let served = names.iter().map(|name| waits::crd_established(connection, name, within));
    for done in context.interruptible(futures::future::join_all(served)).await? {
        done?;
    }
    let marks = Marks::next(context.recall(MARKS), &created);
    context.remember(MARKS, &marks)?;
    let marked = marks.on(installation.clone());
    for part in parts(&marked) {
        let live = read_raw(connection, &part.resource, &part.key).await?;
        write(context, connection, &part, live.is_none(), &mut created, state).await?;
    }
    let wanted = super::install::names(installation);
    remove_unwanted(connection, before, &wanted, &mut created, state).await?;
    context.remember(CREATED, &created)
}

async fn write(
    context: &Context<Clients>,
    connection: &Connection,
    part: &Part<'_>,
    is_new: bool,
    created: &mut BTreeSet<String>,
    state: &Agent<Partial>,
) -> Result<(), Diagnostics> {
    let manifest = Manifest::new(part.object.clone());
    write::apply(connection, &part.resource, &part.key, &manifest, &options(DryRun::No)).await?;
    if is_new {
        created.insert(part.name.clone());
    }
    context.remember(CREATED, created)?;
    context.exists(state, IfItFails::Finish);
    Ok(())
}

/// Objects of the last apply that this one doesn't have: a NetworkPolicy that is turned off.
async fn remove_unwanted(
    connection: &Connection,
    before: &BTreeSet<String>,
    wanted: &BTreeSet<String>,
    created: &mut BTreeSet<String>,
    state: &Agent<Partial>,
) -> Result<(), Diagnostics> {
    for name in before.difference(wanted) {
        let Some((resource, key)) = place_of(name, &state.namespace) else { continue };
        let Some(live) = read_raw(connection, &resource, &key).await? else { continue };
        if is_installed(&live) {
            let options = DeleteOptions {
                propagation: Propagation::Background,
                uid: Some(text(&live, "/metadata/uid").into()),
                ..DeleteOptions::default()
            };
            write::delete(connection, &resource, &key, &options).await?;
        }
        created.remove(name);
    }
    Ok(())
}

/// The place of a name of [`name_of`].
fn place_of(name: &str, namespace: &str) -> Option<(Resource, ObjectKey)> {
    const VERSIONS: &[(&str, &str)] = &[
        ("ServiceAccount", "v1"),
        ("Service", "v1"),
        ("Deployment", "apps/v1"),
        ("PodDisruptionBudget", "policy/v1"),
        ("NetworkPolicy", "networking.k8s.io/v1"),
        ("ClusterRole", "rbac.authorization.k8s.io/v1"),
        ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1"),
        ("Role", "rbac.authorization.k8s.io/v1"),
        ("RoleBinding", "rbac.authorization.k8s.io/v1"),
    ];
    let (kind, rest) = name.split_once(' ')?;
    let (_, version) = VERSIONS.iter().find(|(known, _)| *known == kind)?;
    let (inside, plain) = rest.split_once('/').unwrap_or(("", rest));
    let object = default_object(if inside.is_empty() { namespace } else { inside }, version, kind, plain);
    let resource = resource_of(&object)?;
    let namespace = if resource.namespaced { inside } else { "" };
    let key = ObjectKey::new(resource.gvk.group_kind.clone(), namespace, plain);
    Some((resource, key))
}

/// Enough of an object to find it.
pub(super) fn default_object(namespace: &str, version: &str, kind: &str, name: &str) -> Value {
    serde_json::json!({
        "apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name},
    })
}

/// A definition with the version that writes it.
fn versioned(definition: &Value) -> Value {
    let mut manifest = Manifest::new(definition.clone());
    manifest.set_annotation(VERSION, env!("CARGO_PKG_VERSION"));
    manifest.value().clone()
}

/// Names of what is not as it was installed. `None` if nothing of the agent is there.
pub(super) async fn drifted(
    connection: &Connection,
    installation: &Installation,
    takeover: bool,
) -> Result<Option<Vec<String>>, Diagnostics> {
    let mut drifted = Vec::new();
    let mut present = false;
    let parts = parts(installation);
    for part in &parts {
        let live = read_raw(connection, &part.resource, &part.key).await?;
        present |= live.is_some();
        if !is_as_installed(connection, part, live.as_ref()).await? {
            drifted.push(part.name.clone());
        }
    }
    if !present {
        return Ok(None);
    }
    for part in definitions(installation) {
        let live = read_raw(connection, &part.resource, &part.key).await?;
        if live.as_ref().and_then(|live| stays(live, part.object, takeover)).is_some() {
            continue;
        }
        let object = versioned(part.object);
        let part = Part { object: &object, ..part };
        if !is_as_installed(connection, &part, live.as_ref()).await? {
            drifted.push(part.name);
        }
    }
    Ok(Some(drifted))
}

/// The API server says what an apply would make of it: it alone knows its defaults and forms.
async fn is_as_installed(
    connection: &Connection,
    part: &Part<'_>,
    live: Option<&Value>,
) -> Result<bool, Diagnostics> {
    let Some(live) = live else { return Ok(false) };
    let manifest = Manifest::new(part.object.clone());
    match write::apply(connection, &part.resource, &part.key, &manifest, &options(DryRun::Server)).await {
        Ok(would) => Ok(content(would.manifest.value()) == content(live)),
        // Whoever only plans may not be allowed to write, not even to pretend.
        Err(error) if error.kind == ApiErrorKind::Forbidden => Ok(true),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The object without what every write changes.
fn content(object: &Value) -> Value {
    let mut content = object.clone();
    if let Some(metadata) = content.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(field);
        }
    }
    if let Some(object) = content.as_object_mut() {
        object.remove("status");
    }
    content
}

/// Image of the agent that runs in the namespace, if one does, and the marks of its installation.
pub(super) async fn found(
    connection: &Connection,
    namespace: &str,
) -> Result<Option<(String, Marks)>, Diagnostics> {
    let object = default_object(namespace, "apps/v1", "Deployment", NAME);
    let Some(part) = Part::of(&object) else { return Ok(None) };
    let live = read_raw(connection, &part.resource, &part.key).await?;
    Ok(live.map(|live| {
        let image = text(&live, "/spec/template/spec/containers/0/image").to_owned();
        (image, Marks::of(&live))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_object() {
        let (resource, key) = place_of("NetworkPolicy argocd/bridgehead-agent", "argocd").unwrap();
        assert_eq!(
            resource.path_of(&key),
            "/apis/networking.k8s.io/v1/namespaces/argocd/networkpolicies/bridgehead-agent"
        );
        let (resource, key) = place_of("ClusterRole bridgehead-agent", "argocd").unwrap();
        assert_eq!(
            resource.path_of(&key),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/bridgehead-agent"
        );
    }
}
