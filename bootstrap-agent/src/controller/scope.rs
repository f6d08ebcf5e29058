//! What an application says, and where it leads: specification, project, destination.

use std::rc::Rc;

use bridgehead_api::application::{ConditionType, normalise_spec};

use bridgehead_engine::health::HealthRules;

use super::Controller;
use super::app_of_apps::waits_for_applications;
use super::pass::{Problem, Scope, Stop};
use super::permissions;
use super::registry::Entry;
use super::world::{ClusterId, World};

/// Resolves everything that needs no source and no cluster.
pub(super) fn resolve<W: World>(
    controller: &Controller<W>,
    entry: Rc<Entry>,
) -> Result<Scope<W::Cluster>, Stop> {
    let spec = normalise_spec(entry.application.spec.clone());
    let invalid = |message: String| Problem::lasting(ConditionType::InvalidSpecError, message);
    let sources =
        if spec.sources.is_empty() { spec.source.iter().cloned().collect() } else { spec.sources.clone() };
    if spec.source_hydrator.is_some() {
        return Err(invalid("`spec.sourceHydrator` is not supported by this release: sync from the hydrated branch with `spec.source`".into()).into());
    }
    if sources.is_empty() {
        return Err(
            invalid("the application has no source: set `spec.source` or `spec.sources`".into()).into()
        );
    }
    let state = controller.state.borrow();
    let project = state.registry.project(&spec.project).ok_or_else(|| {
        invalid(format!(
            "application references project `{}` which does not exist: create the AppProject in namespace `{}`, \
             or name another in `spec.project`",
            spec.project, controller.settings.namespace
        ))
    })?;
    let (id, secret) = state
        .registry
        .destination(&spec.destination)
        .map_err(|problem| invalid(format!("application destination is invalid: {problem}")))?;
    let health = HealthRules { applications: waits_for_applications(&state.registry, &entry.application) };
    drop(state);
    permissions::check_application(
        &project,
        &spec,
        &entry.application.metadata.namespace,
        &controller.settings.namespace,
        &secret,
    )?;
    let key = entry.application.key();
    controller.places(&key, &id);
    let cluster = controller.cluster(&id, &secret)?;
    Ok(Scope {
        instance: key.instance_name(&controller.settings.namespace),
        namespace: spec.destination.namespace.as_str().into(),
        key,
        entry,
        spec,
        sources,
        project,
        cluster,
        target: secret,
        health,
    })
}

/// True if the project and the cluster are still what they were when the scope was resolved: Git may have been
/// waited for in between.
pub(super) fn still_holds<W: World>(controller: &Controller<W>, scope: &Scope<W::Cluster>) -> bool {
    let state = controller.state.borrow();
    let project = state.registry.project(&scope.spec.project);
    let cluster = state.clusters.get(&ClusterId::of(&scope.target));
    project.is_some_and(|project| Rc::ptr_eq(&project, &scope.project) || *project == *scope.project)
        && cluster.is_some_and(|cluster| Rc::ptr_eq(cluster, &scope.cluster))
}

/// The same for an application that is being deleted: its project may be gone, and is looked up by who needs
/// it. None where its destination is not registered any more.
pub(super) fn resolve_for_deletion<W: World>(
    controller: &Controller<W>,
    entry: Rc<Entry>,
) -> Result<Option<Scope<W::Cluster>>, Stop> {
    let spec = normalise_spec(entry.application.spec.clone());
    let found = controller.state.borrow().registry.destination(&spec.destination);
    let Ok((id, secret)) = found else { return Ok(None) };
    let key = entry.application.key();
    controller.places(&key, &id);
    let cluster = controller.cluster(&id, &secret)?;
    Ok(Some(Scope {
        instance: key.instance_name(&controller.settings.namespace),
        namespace: spec.destination.namespace.as_str().into(),
        key,
        entry,
        sources: Vec::new(),
        spec,
        project: Rc::default(),
        health: HealthRules::default(),
        cluster,
        target: secret,
    }))
}
