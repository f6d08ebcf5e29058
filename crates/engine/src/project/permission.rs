//! The rules of a project, one by one.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::{ApplicationDestination, ApplicationSource, ApplicationSpec};
use bridgehead_api::project::{
    AppProject, ClusterResourceRestrictionItem, GroupKindPattern, OrphanedResourcesMonitorSettings,
};

use super::glob;
use super::repository_url::normalise_repository_url;

/// A project's refusal. The message names the field and what to add.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What is refused, by which field, and what to do.
    pub message: String,
}

impl Refusal {
    fn new(message: String) -> Self {
        Self { message }
    }
}

/// A cluster and a namespace in it, resolved: whichever the application names, both server and name are
/// known here, since the project may give either.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProjectDestination<'a> {
    /// URL of the API server.
    pub server: &'a str,
    /// Name of the cluster.
    pub name: &'a str,
    /// Namespace; empty for none.
    pub namespace: &'a str,
    /// The project that the cluster is registered for; empty for none.
    pub cluster_project: &'a str,
}

/// What of an application a project refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedPart {
    /// The namespace that the Application is in.
    Namespace,
    /// The repository of the source at this place among several; 0 where there is one.
    Source(usize),
    /// The repository that the hydrator renders from.
    DrySource,
    /// Cluster and namespace.
    Destination,
}

/// All rules that hold for the application itself: where it lives, its sources, and its destination, unless
/// that is not known.
pub fn check_application(
    project: &AppProject,
    spec: &ApplicationSpec,
    application_namespace: &str,
    control_namespace: &str,
    destination: Option<ProjectDestination<'_>>,
) -> Vec<(RefusedPart, Refusal)> {
    let mut refusals = Vec::new();
    let mut note = |part: RefusedPart, answer: Result<(), Refusal>| {
        refusals.extend(answer.err().map(|refusal| (part, refusal)));
    };
    note(RefusedPart::Namespace, check_source_namespace(project, application_namespace, control_namespace));
    for (position, source) in spec.effective_sources().iter().enumerate() {
        note(RefusedPart::Source(position), check_source(project, source));
    }
    if let Some(hydrator) = &spec.source_hydrator {
        note(RefusedPart::DrySource, check_repository(project, &hydrator.dry_source.repo_url));
    }
    if let Some(destination) = destination {
        note(RefusedPart::Destination, check_destination(project, destination));
    }
    // Two sources of one repository are refused once.
    refusals.dedup_by(|next, before| next.1 == before.1);
    refusals
}

/// `spec.sourceNamespaces`: may Applications of the project live in this namespace?
pub fn check_source_namespace(
    project: &AppProject,
    namespace: &str,
    control_namespace: &str,
) -> Result<(), Refusal> {
    if namespace.is_empty() || namespace == control_namespace {
        return Ok(());
    }
    let permits = |pattern: &String| match pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(expression) => regex::Regex::new(expression).is_ok_and(|regex| regex.is_match(namespace)),
        None => glob::matches(pattern, namespace, None),
    };
    if project.spec.source_namespaces.iter().any(permits) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "Applications in namespace `{namespace}` may not use project `{}`: add the namespace to \
         spec.sourceNamespaces of the project",
        project.metadata.name
    )))
}

/// `spec.sourceRepos`: may manifests come from here?
pub fn check_source(project: &AppProject, source: &ApplicationSource) -> Result<(), Refusal> {
    check_repository(project, &source.repo_url)
}

fn check_repository(project: &AppProject, url: &str) -> Result<(), Refusal> {
    let own = normalise_repository_url(url);
    let mut matched = false;
    for pattern in &project.spec.source_repos {
        let (denied, pattern) = split_denial(pattern);
        let hit = glob::matches(&normalise_pattern(pattern), &own, Some('/'));
        if denied && hit {
            return Err(Refusal::new(format!(
                "repository `{url}` is denied by `!{pattern}` in spec.sourceRepos of project `{}`",
                project.metadata.name
            )));
        }
        // A denial that does not hit permits, as in Argo CD.
        matched |= hit != denied;
    }
    if matched {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "repository `{url}` is not permitted in project `{}`: add it to spec.sourceRepos of the project",
        project.metadata.name
    )))
}

fn normalise_pattern(pattern: &str) -> String {
    if pattern == "*" { pattern.to_owned() } else { normalise_repository_url(pattern) }
}

fn split_denial(pattern: &str) -> (bool, &str) {
    pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest))
}

/// `spec.destinations` and `spec.permitOnlyProjectScopedClusters`: may objects go here?
pub fn check_destination(project: &AppProject, destination: ProjectDestination<'_>) -> Result<(), Refusal> {
    let name = &project.metadata.name;
    let shown = shown(destination);
    let mut matched = false;
    for item in &project.spec.destinations {
        match against(item, destination) {
            Match::Permitted => matched = true,
            Match::Denied(pattern) => {
                return Err(Refusal::new(format!(
                    "destination {shown} is denied by `{pattern}` in spec.destinations of project `{name}`"
                )));
            }
            Match::No => {}
        }
    }
    if !matched {
        return Err(Refusal::new(format!(
            "destination {shown} is not permitted in project `{name}`: add server (or name) and namespace to \
             spec.destinations of the project"
        )));
    }
    if project.spec.permit_only_project_scoped_clusters && destination.cluster_project != *name {
        return Err(Refusal::new(format!(
            "destination {shown} is not permitted in project `{name}`, whose \
             spec.permitOnlyProjectScopedClusters is set: register the cluster with `project: {name}` in its Secret"
        )));
    }
    Ok(())
}

enum Match<'p> {
    Permitted,
    Denied(&'p str),
    No,
}

fn against<'p>(item: &'p ApplicationDestination, destination: ProjectDestination<'_>) -> Match<'p> {
    let hits = |pattern: &str, value: &str| {
        let (denied, pattern) = split_denial(pattern);
        glob::matches(pattern, value, None) != denied
    };
    let by_name = !destination.name.is_empty() && hits(&item.name, destination.name);
    let by_server = !destination.server.is_empty() && hits(&item.server, destination.server);
    let by_namespace = hits(&item.namespace, destination.namespace);
    let denies = |pattern: &str| pattern.starts_with('!');
    if by_namespace {
        // An entry with a denied cluster permits all others; where it names this one, it denies.
        if denies(&item.server) && !destination.server.is_empty() && !by_server {
            return Match::Denied(&item.server);
        }
        if denies(&item.name) && !destination.name.is_empty() && !by_name {
            return Match::Denied(&item.name);
        }
        return if by_name || by_server { Match::Permitted } else { Match::No };
    }
    if denies(&item.namespace) && (by_name || by_server) {
        return Match::Denied(&item.namespace);
    }
    Match::No
}

fn shown(destination: ProjectDestination<'_>) -> String {
    let cluster = if destination.server.is_empty() { destination.name } else { destination.server };
    if destination.namespace.is_empty() {
        format!("`{cluster}`")
    } else {
        format!("`{cluster}` namespace `{}`", destination.namespace)
    }
}

/// Kinds, names and namespaces: may this object be synced? `destination` is the application's; its namespace
/// is replaced by the object's own.
pub fn check_object(
    project: &AppProject,
    key: &ObjectKey,
    namespaced: bool,
    destination: ProjectDestination<'_>,
) -> Result<(), Refusal> {
    if namespaced {
        check_namespaced_kind(project, key)?;
    } else {
        check_cluster_kind(project, key)?;
    }
    if key.namespace().is_empty() {
        return Ok(());
    }
    check_destination(project, ProjectDestination { namespace: key.namespace(), ..destination })
        .map_err(|refusal| Refusal::new(format!("{}/{}: {refusal}", key.group_kind.kind, key.name)))
}

fn check_cluster_kind(project: &AppProject, key: &ObjectKey) -> Result<(), Refusal> {
    let in_list = |list: &[ClusterResourceRestrictionItem]| {
        list.iter().any(|item| {
            matches_kind(&item.group, &item.kind, key)
                && (item.name.is_empty() || glob::matches(&item.name, &key.name, None))
        })
    };
    let (kind, project_name) = (&key.group_kind, &project.metadata.name);
    if in_list(&project.spec.cluster_resource_blacklist) {
        return Err(Refusal::new(format!(
            "cluster-scoped {} `{}` is in spec.clusterResourceBlacklist of project `{project_name}`",
            kind.kind, key.name
        )));
    }
    if in_list(&project.spec.cluster_resource_whitelist) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "cluster-scoped {} `{}` is not permitted in project `{project_name}`: add {{group: \"{}\", kind: \"{}\"}} to \
         spec.clusterResourceWhitelist of the project",
        kind.kind, key.name, kind.group, kind.kind
    )))
}

fn check_namespaced_kind(project: &AppProject, key: &ObjectKey) -> Result<(), Refusal> {
    let in_list =
        |list: &[GroupKindPattern]| list.iter().any(|item| matches_kind(&item.group, &item.kind, key));
    let (kind, project_name) = (&key.group_kind, &project.metadata.name);
    if in_list(&project.spec.namespace_resource_blacklist) {
        return Err(Refusal::new(format!(
            "{} `{}` is of a kind in spec.namespaceResourceBlacklist of project `{project_name}`",
            kind.kind, key.name
        )));
    }
    if project.spec.namespace_resource_whitelist.as_ref().is_none_or(|list| in_list(list)) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{} `{}` is not permitted in project `{project_name}`: add {{group: \"{}\", kind: \"{}\"}} to \
         spec.namespaceResourceWhitelist of the project",
        kind.kind, key.name, kind.group, kind.kind
    )))
}

fn matches_kind(group: &str, kind: &str, key: &ObjectKey) -> bool {
    glob::matches(group, &key.group_kind.group, None) && glob::matches(kind, &key.group_kind.kind, None)
}

/// True if an object that no application manages is not told of: those that every namespace has, and those
/// that the project ignores.
pub fn is_ignored_orphan(settings: &OrphanedResourcesMonitorSettings, key: &ObjectKey) -> bool {
    let (kind, name) = (&key.group_kind, &*key.name);
    let always = (kind.is("", "Service") && name == "kubernetes" && key.namespace() == "default")
        || (kind.is("", "ServiceAccount") && name == "default")
        || (kind.is("", "ConfigMap") && name == "kube-root-ca.crt");
    let or_any = |pattern: &str, value: &str| pattern.is_empty() || glob::matches(pattern, value, None);
    always
        || settings.ignore.iter().any(|item| {
            // The core group is empty, and so is a pattern that is left out: the group is compared as it is.
            glob::matches(&item.group, &kind.group, None)
                && or_any(&item.kind, &kind.kind)
                && or_any(&item.name, name)
        })
}
