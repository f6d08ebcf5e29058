//! What a destroy does to the application and to what it has deployed.

use std::fmt::Write as _;

use bridgehead_kubernetes::write::Patch;
use bridgehead_kubernetes::{ApiErrorKind, Connection};
use serde_json::{Value as Json, json};
use tfplug::prelude::*;

use super::Application;
use super::deployments::{Deployment, place};
use super::manifest::{CASCADING, declares, finalizers};
use super::planned::Otherwise;
use crate::connection::Clients;
use crate::object::{Kind, Owner, Target, delete_timeout, left_to, owner, read_raw, text};

/// Under which the plan of a destroy keeps the name of the application that it makes in the place.
const SUCCESSOR: &str = "successor";
/// Tries of a change that somebody else's writes get in the way of: an agent at work writes a few times a second.
const TRIES: u32 = 20;
/// How many objects a message names.
const NAMED: usize = 20;

/// Says at plan what a destroy would do, and refuses there already, as far as the cluster can be asked. A
/// successor that this plan makes is remembered for the destroy.
pub(super) async fn announce(
    context: &Context<Clients>,
    prior: &Application<Partial>,
) -> Result<(), Diagnostics> {
    context.forget(SUCCESSOR);
    let own = prior.kubernetes.as_ref();
    let clients = context.client()?;
    let key = Kind::Application.key(&prior.namespace, &prior.name);
    let connection = clients.known(own).await.ok().flatten();
    let mut live = None;
    if let Some(connection) = &connection {
        match read_raw(connection, &Kind::Application.resource(), &key).await {
            Ok(Some(found)) if matches!(owner(&found, |name| declares(prior, name)), Owner::Git(_)) => {
                return Ok(());
            }
            Ok(Some(found)) => live = Some(found),
            Ok(None) => return Ok(()),
            Err(_) => {}
        }
    }
    if prior.on_destroy == "orphan" || live.as_ref().is_some_and(|live| workloads(live).is_empty()) {
        return Ok(());
    }
    let otherwise = if prior.on_destroy == "cascade" { Otherwise::TakenDown } else { Otherwise::Stays };
    let destroyed = live.as_ref().map_or_else(|| Deployment::of_state(prior), Deployment::of);
    if let Some(destroyed) = destroyed {
        // Before those that are there: they may be destroyed by this plan too.
        let place = place(own, &prior.namespace);
        let wait = clients.planned_deployments.successor(&place, &destroyed, otherwise);
        if let Some(name) = context.interruptible(wait).await? {
            return context.remember(SUCCESSOR, &name);
        }
    }
    let (Some(connection), Some(live)) = (connection, live) else { return Ok(()) };
    if successor(context, &connection, prior, &live).await.is_some() {
        return Ok(());
    }
    let count = workloads(&live).len();
    match prior.on_destroy.as_str() {
        "refuse" => refuse(prior, &live),
        "cascade" if count > 0 => {
            context.warn(
                Diagnostic::warning(format!(
                    "Destroying application `{}` deletes what it has deployed",
                    prior.name
                ))
                .detail(listed(&live)),
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Destroys the application as `on_destroy` says. One that is Git's by now is left there.
pub(super) async fn destroy(
    context: &Context<Clients>,
    prior: &Application<Partial>,
) -> Result<(), Diagnostics> {
    let own = prior.kubernetes.as_ref();
    let target = Target::new(context, own, Kind::Application, &prior.namespace, &prior.name).await?;
    let Some(mut live) = target.read().await? else { return Ok(()) };
    if let Owner::Git(application) = owner(&live, |name| declares(prior, name)) {
        let key = Kind::Application.key(&prior.namespace, &prior.name);
        context.warn(left_to(&key, &application, "it was left there"));
        return Ok(());
    }
    let planned: Option<String> = context.recall(SUCCESSOR);
    context.forget(SUCCESSOR);
    let successor = match planned {
        _ if context.is_replaced() => Some("The application that is made in its place".to_owned()),
        // It need not be there yet: to wait for it could keep Terraform from making it.
        Some(name) => Some(in_its_place(&name)),
        None => successor(context, &target.connection, prior, &live).await,
    };
    let leaving = live.pointer("/metadata/deletionTimestamp").is_some();
    match (prior.on_destroy.as_str(), &successor) {
        ("orphan", _) => live = without_cascade(&target, &live).await?.unwrap_or(live),
        (_, Some(successor)) => {
            if !workloads(&live).is_empty() {
                context.warn(
                    Diagnostic::warning(format!("What application `{}` has deployed stays", prior.name))
                        .detail(format!(
                            "{successor} takes over what it deploys too; what it doesn't is left running. {}",
                            listed(&live)
                        )),
                );
            }
            live = without_cascade(&target, &live).await?.unwrap_or(live);
        }
        ("refuse", None) if !leaving => refuse(prior, &live)?,
        ("cascade", None) if !leaving => live = with_cascade(&target, live).await?,
        _ => {}
    }
    target.delete(&live, delete_timeout(prior.timeouts.as_ref()), progress).await
}

/// Another application that deploys the very same: one that was renamed leaves it behind in whatever order
/// Terraform goes. To delete the objects would take them from that one.
async fn successor(
    context: &Context<Clients>,
    connection: &Connection,
    prior: &Application<Partial>,
    live: &Json,
) -> Option<String> {
    if prior.on_destroy == "orphan" || workloads(live).is_empty() {
        return None;
    }
    let wanted = Deployment::of(live)?;
    let deployments = &context.client().ok()?.deployments;
    let own = prior.kubernetes.as_ref();
    let name = deployments.another(connection, own, &prior.namespace, &wanted).await?;
    Some(in_its_place(&name))
}

fn in_its_place(name: &str) -> String {
    format!("Application `{name}`, which has the same source and destination,")
}

/// An error while there is anything that the application has deployed.
fn refuse(prior: &Application<Partial>, live: &Json) -> Result<(), Diagnostics> {
    if workloads(live).is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(format!("Application `{}` still has workloads", prior.name))
        .detail(format!(
            "{}\n\n`on_destroy` is `refuse`. Set it to `cascade` to delete them with the application, or to `orphan` \
             to leave them running, apply that, and destroy again.",
            listed(live)
        ))
        .at("on_destroy")
        .into())
}

fn workloads(live: &Json) -> Vec<&Json> {
    let resources = live.pointer("/status/resources").and_then(Json::as_array);
    resources.into_iter().flatten().filter(|resource| resource["hook"] != json!(true)).collect()
}

/// The deployed objects, by kind and name.
fn listed(live: &Json) -> String {
    let all = workloads(live);
    let mut text = format!("It has deployed {}:", objects(all.len()));
    for resource in all.iter().take(NAMED) {
        let part = |name: &str| resource[name].as_str().unwrap_or_default();
        let namespace = part("namespace");
        let slash = if namespace.is_empty() { "" } else { "/" };
        let _ = write!(text, "\n- {} {namespace}{slash}{}", part("kind"), part("name"));
    }
    if all.len() > NAMED {
        let _ = write!(text, "\n- and {} more", all.len() - NAMED);
    }
    text
}

fn objects(count: usize) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

/// The finalizer is there already, unless somebody took it off since.
async fn with_cascade(target: &Target<'_>, live: Json) -> Result<Json, Diagnostics> {
    let add = |live: &Json| {
        let has = finalizers(live).any(|finalizer| CASCADING.contains(&finalizer));
        (!has).then(|| finalizers(live).chain([CASCADING[0]]).map(str::to_owned).collect())
    };
    Ok(change_finalizers(target, &live, add).await?.unwrap_or(live))
}

/// Takes off the finalizers that would take the workloads along. `None` if there was none.
pub(super) async fn without_cascade(target: &Target<'_>, live: &Json) -> Result<Option<Json>, Diagnostics> {
    let take_off = |live: &Json| {
        let has = finalizers(live).any(|finalizer| CASCADING.contains(&finalizer));
        let kept = || finalizers(live).filter(|finalizer| !CASCADING.contains(finalizer)).map(str::to_owned);
        has.then(|| kept().collect())
    };
    change_finalizers(target, live, take_off).await
}

/// Changes the finalizers of the very object that was read, whatever its agent writes meanwhile. `None` if
/// there was nothing to change, or nothing is left to change it on.
async fn change_finalizers(
    target: &Target<'_>,
    live: &Json,
    change: impl Fn(&Json) -> Option<Vec<String>>,
) -> Result<Option<Json>, Diagnostics> {
    let uid = text(live, "/metadata/uid");
    let mut tries = 0;
    let mut known = live.clone();
    loop {
        let Some(wanted) = change(&known) else { return Ok((tries > 0).then_some(known)) };
        let error = match target.patch(&finalizer_patch(&known, &wanted)).await {
            Ok(changed) => return Ok(Some(changed)),
            Err(error) => error,
        };
        tries += 1;
        if !matches!(error.kind, ApiErrorKind::Conflict { .. }) || tries == TRIES {
            return Err(error.into());
        }
        match target.read().await? {
            Some(again) if text(&again, "/metadata/uid") == uid => known = again,
            _ => return Ok(None),
        }
    }
}

/// Only on the very object that was read.
fn finalizer_patch(live: &Json, finalizers: &[String]) -> Patch {
    let version = text(live, "/metadata/resourceVersion");
    Patch::Merge(json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}}))
}

/// What the agent says of a deletion that takes long.
fn progress(live: &Json) -> String {
    let conditions = live.pointer("/status/conditions").and_then(Json::as_array);
    let problems = conditions.into_iter().flatten().filter(|condition| condition["type"] == "DeletionError");
    let mut text = String::new();
    for problem in problems {
        let _ = write!(text, "; {}", problem["message"].as_str().unwrap_or_default());
    }
    let left = workloads(live).len();
    if left > 0 {
        let _ = write!(text, "; {} left", objects(left));
    }
    text
}
