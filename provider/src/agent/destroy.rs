//! Taking the agent down: nothing that needs it is left, and nothing that was there before is touched.

use std::collections::BTreeSet;
use std::time::Duration;

use bridgehead_api::ObjectKey;
use bridgehead_api::annotations::{POST_DELETE_FINALIZER, PRE_DELETE_FINALIZER, RESOURCES_FINALIZER};
use bridgehead_install::Installation;
use bridgehead_kubernetes::watch::WatchTarget;
use bridgehead_kubernetes::write::{self, DeleteOptions, Propagation};
use bridgehead_kubernetes::{Connection, Resource, waits};
use serde_json::Value;
use tfplug::prelude::*;

use super::install::{self, DEFAULTS, Part, default_object, is_installed, name_of};
use super::{Agent, CREATED, MARKS, Marks, PLACE, engine, left, options, place};
use crate::connection::{Clients, connection};
use crate::object::{Block, Kind, delete_timeout, is_ours, read_raw, resource_of, text, until_none};

/// Objects of this configuration that are destroyed at the same time are given this long to go first.
const SIBLINGS: Duration = Duration::from_mins(1);
/// How many objects a message names.
const NAMED: usize = 10;

pub(super) async fn destroy(context: &Context<Clients>, prior: &Agent<Partial>) -> Result<(), Diagnostics> {
    let within = delete_timeout(prior.timeouts.as_ref());
    let connection = connection(context, prior.kubernetes.as_ref()).await?;
    let installation = options::installation(prior)?;
    let created: BTreeSet<String> = context.recall(CREATED).unwrap_or_default();
    if has_successor(context, &connection, &installation).await? {
        // It was made before this one goes, under the same names. What both live in is the successor's.
        for part in install::parts(&installation).into_iter().rev() {
            remove(context, &connection, &part, within).await?;
        }
        let title = format!("The agent in namespace `{}` stays", prior.namespace);
        let detail = "Another installation has taken its place: only what that one doesn't have was deleted.";
        context.warn(Diagnostic::warning(title).detail(detail));
        return Ok(());
    }
    let place = place(&prior.namespace, prior.kubernetes.as_ref());
    if context.recall_of_successor::<String>(PLACE).as_ref() == Some(&place) {
        // The same applications get another agent in a moment: what they live in stays, and is the
        // successor's to take down.
        for part in install::parts(&installation).into_iter().rev() {
            remove(context, &connection, &part, within).await?;
        }
        context.client()?.hand_over(place, created);
        return Ok(());
    }
    context.interruptible(served(&connection, &prior.namespace, within)).await??;
    context.interruptible(without_siblings(&connection, &prior.namespace)).await?;
    for part in install::parts(&installation).into_iter().rev() {
        remove(context, &connection, &part, within).await?;
    }
    engine::restore(&connection, &prior.namespace).await?;
    remove_defaults(&connection, &prior.namespace, &created).await?;
    remove_definitions(context, &connection, &installation, &created, within).await?;
    remove_namespace(context, &connection, &installation, &created, within).await
}

/// A finalizer of the application that an agent serves, if it holds one.
pub(crate) fn served_finalizer(application: &Value) -> Option<&str> {
    let served = [RESOURCES_FINALIZER, PRE_DELETE_FINALIZER, POST_DELETE_FINALIZER];
    let finalizers = application.pointer("/metadata/finalizers").and_then(Value::as_array);
    let mut held = finalizers.into_iter().flatten().filter_map(Value::as_str);
    held.find(|finalizer| served.iter().any(|known| finalizer.starts_with(known)))
}

/// Waits until no application holds a finalizer that the agent serves: nobody else would.
async fn served(connection: &Connection, namespace: &str, within: Duration) -> Result<(), Diagnostics> {
    let target = WatchTarget::all(Kind::Application.resource()).in_namespace(namespace);
    let done = until_none(connection, target, within, |application| {
        let held = served_finalizer(application)?;
        Some(match application.pointer("/metadata/deletionTimestamp") {
            Some(_) => Block::Moves(format!("it is being deleted and waits for finalizer `{held}`")),
            None => Block::Stands(format!("it holds finalizer `{held}`, and nobody has deleted it")),
        })
    });
    done.await.map_err(|problem| {
        Diagnostic::error("Applications still need the agent")
            .detail(format!(
                "{problem}\n\nOnly the agent serves these finalizers, so it stays. Delete the applications, or take the \
                 finalizer off where what they deployed is to stay; then destroy again."
            ))
            .into()
    })
}

/// Gives what Terraform declares in the namespace, and destroys at the same time, a while to go. What stays
/// is kept with its definition, so this need not succeed.
async fn without_siblings(connection: &Connection, namespace: &str) {
    let ours = |object: &Value| is_ours(object).then(|| Block::Stands("Terraform declares it".to_owned()));
    let waits = [Kind::Application, Kind::Project].map(|kind| {
        until_none(connection, WatchTarget::all(kind.resource()).in_namespace(namespace), SIBLINGS, ours)
    });
    futures::future::join_all(waits).await;
}

/// Whether another installation has written anything of this one's name.
async fn has_successor(
    context: &Context<Clients>,
    connection: &Connection,
    installation: &Installation,
) -> Result<bool, Diagnostics> {
    for part in install::parts(installation) {
        let live = read_raw(connection, &part.resource, &part.key).await?;
        if live.is_some_and(|live| is_installed(&live) && is_of_another(context, &live)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether another installation wrote a part. Nobody knows who wrote one without a mark.
fn is_of_another(context: &Context<Clients>, live: &Value) -> bool {
    let ours: Marks = context.recall(MARKS).unwrap_or_default();
    match (ours.installation, Marks::of(live).installation) {
        (_, None) => false,
        (Some(ours), Some(mark)) => ours != mark,
        // Terraform forgets what was kept of a tainted object, whose successor comes after. Else a version
        // without marks has made this one, and another has written since.
        (None, Some(_)) => !context.is_replaced(),
    }
}

async fn remove(
    context: &Context<Clients>,
    connection: &Connection,
    part: &Part<'_>,
    within: Duration,
) -> Result<(), Diagnostics> {
    let Some(live) = read_raw(connection, &part.resource, &part.key).await? else { return Ok(()) };
    if !is_installed(&live) {
        context.warn(kept(&part.name, "another installation manages it"));
        return Ok(());
    }
    if is_of_another(context, &live) {
        return Ok(());
    }
    delete(context, connection, &part.resource, &part.key, &live, within).await
}

/// Deletes the very object that was read and waits until it is gone.
async fn delete(
    context: &Context<Clients>,
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    live: &Value,
    within: Duration,
) -> Result<(), Diagnostics> {
    let uid = bridgehead_api::Uid::from(text(live, "/metadata/uid"));
    let options = DeleteOptions {
        propagation: Propagation::Foreground,
        uid: Some(uid.clone()),
        ..DeleteOptions::default()
    };
    if write::delete(connection, resource, key, &options).await? {
        context.interruptible(waits::gone(connection, resource, key, Some(&uid), within)).await??;
    }
    Ok(())
}

/// What the agent put into its namespace and nobody has written to since.
async fn remove_defaults(
    connection: &Connection,
    namespace: &str,
    created: &BTreeSet<String>,
) -> Result<(), Diagnostics> {
    for (version, kind, name) in DEFAULTS {
        let object = default_object(namespace, version, kind, name);
        let Some(resource) = resource_of(&object).filter(|_| created.contains(&name_of(&object))) else {
            continue;
        };
        let key = ObjectKey::new(resource.gvk.group_kind.clone(), namespace, *name);
        let Some(live) = read_raw(connection, &resource, &key).await? else { continue };
        let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
        if entries.into_iter().flatten().all(|entry| entry["manager"] == write::FIELD_MANAGER) {
            let uid = Some(text(&live, "/metadata/uid").into());
            let options =
                DeleteOptions { propagation: Propagation::Background, uid, ..DeleteOptions::default() };
            write::delete(connection, &resource, &key, &options).await?;
        }
    }
    Ok(())
}

async fn remove_definitions(
    context: &Context<Clients>,
    connection: &Connection,
    installation: &Installation,
    created: &BTreeSet<String>,
    within: Duration,
) -> Result<(), Diagnostics> {
    let agents: Vec<String> =
        left::agents(connection).await?.iter().map(|agent| left::name_within("Deployment", agent)).collect();
    for part in install::definitions(installation) {
        let Some(live) = read_raw(connection, &part.resource, &part.key).await? else { continue };
        if !created.contains(&part.name) || !is_installed(&live) {
            context.warn(kept(&part.name, "it was there before the agent"));
            continue;
        }
        if !agents.is_empty() {
            context.warn(kept(&part.name, &format!("another agent works with it: {}", named(&agents))));
            continue;
        }
        let (kind, plural) = (text(part.object, "/spec/names/kind"), text(part.object, "/spec/names/plural"));
        let resource = Resource::known(bridgehead_api::API_VERSION, kind, plural, true);
        let left = left::of_kind(connection, &resource).await?;
        if left.is_empty() {
            delete(context, connection, &part.resource, &part.key, &live, within).await?;
        } else {
            let why = format!("it would take these along: {}", named(&left));
            context.warn(kept(&part.name, &why));
        }
    }
    Ok(())
}

async fn remove_namespace(
    context: &Context<Clients>,
    connection: &Connection,
    installation: &Installation,
    created: &BTreeSet<String>,
    within: Duration,
) -> Result<(), Diagnostics> {
    let Some(part) = install::namespace(installation) else { return Ok(()) };
    let Some(live) = read_raw(connection, &part.resource, &part.key).await? else { return Ok(()) };
    if !created.contains(&part.name) {
        return Ok(());
    }
    let left = left::in_namespace(connection, &part.key.name).await?;
    if left.is_empty() {
        return delete(context, connection, &part.resource, &part.key, &live, within).await;
    }
    context.warn(kept(&part.name, &format!("it holds what this resource did not create: {}", named(&left))));
    Ok(())
}

fn named(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn kept(name: &str, why: &str) -> Diagnostic {
    Diagnostic::warning(format!("{name} was kept")).detail(format!("It was not deleted: {why}."))
}
