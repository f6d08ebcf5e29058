//! The objects of an application, with what the last operation said of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bridgehead_api::application::{Application, HealthStatusCode};

use super::table;
use crate::cli::app::selection::Selection;

/// One object, in the words of status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceState {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) health: String,
    pub(crate) hook: String,
    pub(crate) message: String,
}

impl ResourceState {
    /// What stays the same while everything else changes.
    pub(crate) fn key(&self) -> (String, String, String, String) {
        (self.group.clone(), self.kind.clone(), self.namespace.clone(), self.name.clone())
    }

    /// Takes over what `newer` says; what it says nothing of stays. True if anything changed.
    pub(crate) fn merge(&mut self, newer: &Self) -> bool {
        let mut changed = false;
        for (old, new) in [
            (&mut self.status, &newer.status),
            (&mut self.health, &newer.health),
            (&mut self.hook, &newer.hook),
            (&mut self.message, &newer.message),
        ] {
            if !new.is_empty() && old != new {
                old.clone_from(new);
                changed = true;
            }
        }
        changed
    }

    pub(crate) fn is_degraded(&self) -> bool {
        self.health == HealthStatusCode::Degraded.as_str()
    }
}

/// The objects that `selection` chooses: those of the last operation in its order, then the others by name.
/// For a hook, its phase stands in place of the sync status, and its result in place of its health.
pub(crate) fn states(application: &Application, selection: &Selection) -> Vec<ResourceState> {
    let status = &application.status;
    let mut rest: BTreeMap<(&str, &str, &str, &str), _> = status
        .resources
        .iter()
        .map(|it| ((it.group.as_str(), it.kind.as_str(), it.namespace.as_str(), it.name.as_str()), it))
        .collect();
    let mut states = Vec::new();
    let results = status.operation_state.iter().filter_map(|state| state.sync_result.as_ref());
    for result in results.flat_map(|result| &result.resources) {
        let key =
            (result.group.as_str(), result.kind.as_str(), result.namespace.as_str(), result.name.as_str());
        let (sync, health) = match rest.remove(&key) {
            Some(resource) if result.hook_type.is_none() => {
                (resource.status.map_or("", |status| status.as_str()), health_of(resource.health.as_ref()))
            }
            _ => (
                result.hook_phase.map_or("", |phase| phase.as_str()),
                result.status.map_or("", |code| code.as_str()),
            ),
        };
        states.push(ResourceState {
            group: result.group.clone(),
            kind: result.kind.clone(),
            namespace: result.namespace.clone(),
            name: result.name.clone(),
            status: sync.to_owned(),
            health: health.to_owned(),
            hook: result.hook_type.map_or("", |hook| hook.as_str()).to_owned(),
            message: result.message.clone(),
        });
    }
    states.extend(rest.into_values().map(|resource| ResourceState {
        group: resource.group.clone(),
        kind: resource.kind.clone(),
        namespace: resource.namespace.clone(),
        name: resource.name.clone(),
        status: resource.status.map_or("", |status| status.as_str()).to_owned(),
        health: health_of(resource.health.as_ref()).to_owned(),
        ..ResourceState::default()
    }));
    states.retain(|state| selection.includes(&state.group, &state.kind, &state.namespace, &state.name));
    states
}

fn health_of(health: Option<&bridgehead_api::application::HealthStatus>) -> &'static str {
    health.and_then(|health| health.status).map_or("", |status| status.as_str())
}

/// The table of all objects; nothing where there are none.
pub(crate) fn write(out: &mut dyn Write, application: &Application) -> io::Result<()> {
    let states = states(application, &Selection::default());
    if application.status.resources.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table::write(
        out,
        ["GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"],
        states
            .into_iter()
            .map(|it| [it.group, it.kind, it.namespace, it.name, it.status, it.health, it.hook, it.message]),
    )
}

/// Header of the lines that appear while something is waited for.
pub(crate) fn write_progress_header(out: &mut dyn Write) -> io::Result<()> {
    let header = ["TIMESTAMP", "GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"];
    write_progress_line(out, header)
}

/// One such line.
pub(crate) fn write_progress(out: &mut dyn Write, now: &str, state: &ResourceState) -> io::Result<()> {
    write_progress_line(
        out,
        [
            now,
            &state.group,
            &state.kind,
            &state.namespace,
            &state.name,
            &state.status,
            &state.health,
            &state.hook,
            &state.message,
        ],
    )
}

fn write_progress_line(out: &mut dyn Write, cells: [&str; 9]) -> io::Result<()> {
    let [now, group, kind, namespace, name, status, health, hook, message] = cells;
    let line = format!(
        "{now:<25}  {group:>5}  {kind:>10}  {namespace:>10}  {name:>20}  {status:>8}  {health:>8}  {hook:>8}  {message}"
    );
    writeln!(out, "{}", line.replace('\n', " ").trim_end())
}
