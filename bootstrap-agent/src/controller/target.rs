//! What Git wants: revisions resolved, sources rendered, manifests brought into the form that is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bridgehead_api::application::{Application, ApplicationSource, ConditionType, SourceType, SyncOptions};
use bridgehead_api::{GroupKind, ObjectKey, annotations};
use bridgehead_engine::manifest::{
    Desired, Destination, Disposition, INVALID_SETTING_WARNING, ProblemKind, disposition, normalise_desired,
};
use bridgehead_engine::source;
use bridgehead_engine::status::Consumed;
use bridgehead_sources::{ErrorKind, ManifestProblem, RenderRequest, RepoAccess};
use futures::future::join_all;
use jiff::Timestamp;

use super::Controller;
use super::pass::{Problem, Scope, Stop};
use super::repositories::{Refs, RepositoryKey};
use super::scope::still_holds;
use super::world::{Cluster as _, World};
use super::{live, permissions, request};

/// The desired state at one set of revisions.
pub(super) struct Target {
    /// The commits, one for each source.
    pub revisions: Vec<String>,
    /// The sources that were rendered.
    pub sources: Vec<ApplicationSource>,
    /// Objects to be.
    pub desired: Vec<Desired>,
    /// Hooks, in no phase yet.
    pub hooks: Vec<Desired>,
    /// How each source was rendered.
    pub source_types: Vec<SourceType>,
    /// Warnings about the manifests.
    pub conditions: Vec<(ConditionType, String)>,
    /// Objects that may not be synced, and why.
    pub rejected: Vec<(ObjectKey, String)>,
    /// What the pass answers by its status.
    pub consumed: Consumed,
    /// Why the specification itself cannot be rendered. This is then the target of the operation that is under
    /// way, and says nothing of what the application should be.
    pub problem: Option<Problem>,
}

/// The target that the specification means.
pub(super) async fn of_spec<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
) -> Result<Target, Stop> {
    let refresh = scope.entry.application.metadata.annotation(annotations::REFRESH).map(str::to_owned);
    let newest = asks_for_newest(&scope.entry.application).then(|| "operation".to_owned());
    let since = refresh.clone().or(newest).map(|value| controller.refresh_seen(&scope.key, &value));
    let mut target = of_sources(controller, scope, &scope.sources, &[], since).await?;
    target.consumed.refresh = refresh;
    Ok(target)
}

/// True if somebody asks for a sync without saying of what: that is the newest commit, as of now.
fn asks_for_newest(application: &Application) -> bool {
    let is_running =
        application.status.operation_state.as_ref().is_some_and(|state| state.phase.is_running());
    let sync = application.operation.as_ref().and_then(|operation| operation.sync.as_ref());
    !is_running && sync.is_some_and(|sync| sync.requested_revisions().is_empty())
}

/// The target of `sources` at `pinned` revisions; a source without one is resolved by its refs.
pub(super) async fn of_sources<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    sources: &[ApplicationSource],
    pinned: &[String],
    since: Option<Timestamp>,
) -> Result<Target, Stop> {
    // An operation may be about other repositories than the specification: each is followed all the while.
    let under_way = request::sources_under_way(&scope.entry.application, controller.world.now());
    let all = sources.iter().chain(&scope.sources).chain(&under_way);
    let mut repositories: BTreeMap<RepositoryKey, BTreeSet<String>> = BTreeMap::new();
    for source in all {
        let refs = repositories.entry(repository_key(scope, source)).or_default();
        refs.extend(source::other_ref(&source.target_revision));
    }
    let asked_for = request::revisions_under_way(&scope.entry.application, controller.world.now());
    for revision in pinned.iter().chain(&asked_for) {
        let name = source::other_ref(revision);
        for refs in repositories.values_mut() {
            refs.extend(name.clone());
        }
    }
    controller.uses(&scope.key, repositories);
    let mut resolved = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        resolved.push(resolve(controller, scope, source, pinned.get(position), since)?);
    }
    let renders = join_all(resolved.iter().zip(sources).map(|(at, source)| async move {
        let request = RenderRequest {
            repository: RepoAccess::clone(&at.access),
            commit: at.sha.clone(),
            via_ref: at.reference.clone(),
            source: source.clone(),
            since,
        };
        controller.world.render(&request).await.map_err(|error| (source, error))
    }));
    let rendered = controller.aside(renders).await;
    if !still_holds(controller, scope) {
        return Err(Stop::Again);
    }
    let mut manifests = Vec::new();
    let mut source_types = Vec::new();
    let mut conditions = Vec::new();
    for outcome in rendered {
        let rendered = outcome.map_err(|(source, error)| source_problem(controller, source, &error))?;
        source_types.push(SourceType::Directory);
        manifests.extend(rendered.manifests.iter().cloned());
        let warning = |problem: &ManifestProblem| {
            (ConditionType::Other(INVALID_SETTING_WARNING.to_owned()), problem.to_string())
        };
        conditions.extend(rendered.warnings.iter().map(warning));
    }
    let kinds = scope.cluster.cluster.kinds().ok_or(Stop::Wait)?;
    live::check_groups_answer(
        controller,
        scope,
        manifests.iter().map(|(manifest, _)| manifest.gvk().group_kind),
    )?;
    let is_namespaced = |kind: &GroupKind| kinds.is_namespaced(kind);
    let options = sync_options(scope);
    let destination = Destination {
        application: &scope.instance,
        namespace: scope.namespace.as_str(),
        is_namespaced: &is_namespaced,
        installation_id: None,
        options: &options,
    };
    let (all, problems) = normalise_desired(manifests, &destination);
    let mut rejected = Vec::new();
    let mut incomplete = Vec::new();
    for problem in problems {
        match (&problem.kind, &problem.key) {
            (ProblemKind::Warning, _) => conditions.push((problem.condition(), problem.to_string())),
            (ProblemKind::Rejected, Some(key)) => rejected.push((key.clone(), problem.message.clone())),
            _ => incomplete.push(problem.to_string()),
        }
    }
    if !incomplete.is_empty() {
        return Err(Problem::lasting(ConditionType::ComparisonError, incomplete.join("; ")).into());
    }
    let mut desired = Vec::with_capacity(all.len());
    let mut hooks = Vec::new();
    for object in all {
        match disposition(&object.manifest) {
            Disposition::Managed => desired.push(object),
            Disposition::Hook => hooks.push(object),
            Disposition::Skipped | Disposition::Ignored => {}
        }
    }
    rejected.extend(permissions::rejected_objects(scope, &kinds, desired.iter().chain(&hooks)));
    Ok(Target {
        revisions: resolved.into_iter().map(|at| at.sha.to_string()).collect(),
        sources: sources.to_vec(),
        desired,
        hooks,
        source_types,
        conditions,
        rejected,
        consumed: Consumed::default(),
        problem: None,
    })
}

struct At {
    access: Arc<RepoAccess>,
    sha: bridgehead_api::CommitSha,
    reference: Option<String>,
}

fn resolve<W: World>(
    controller: &Controller<W>,
    scope: &Scope<W::Cluster>,
    source: &ApplicationSource,
    pinned: Option<&String>,
    since: Option<Timestamp>,
) -> Result<At, Stop> {
    if source.is_helm_chart() || source.is_oci() {
        return Err(Problem::lasting(
            ConditionType::ComparisonError,
            format!(
                "failed to render `{}`: this release renders plain manifests from Git only",
                source.repo_url
            ),
        )
        .into());
    }
    let key = repository_key(scope, source);
    let access = controller.access(&key);
    let revision = pinned.filter(|pinned| !pinned.is_empty()).unwrap_or(&source.target_revision);
    if let Some(sha) = source::full_sha(revision).filter(|_| since.is_none()) {
        return Ok(At { access, sha, reference: None });
    }
    match controller.refs(&key, since) {
        Refs::NotYet => Err(Stop::Wait),
        Refs::Failed(error) => Err(source_problem(controller, source, &error).into()),
        Refs::Known(refs) => {
            let resolved = match source::resolve(&revision.as_str().into(), &refs, &source.tag_prefix) {
                Ok(resolved) => resolved,
                // Refs beside branches and tags are told to who names them.
                Err(_) if source::other_ref(revision).is_some_and(|name| controller.ask_for(&key, &name)) => {
                    return Err(Stop::Wait);
                }
                Err(error) => {
                    let message =
                        format!("failed to resolve revision `{revision}` of `{}`: {error}", source.repo_url);
                    return Err(Problem::lasting(ConditionType::ComparisonError, message).into());
                }
            };
            Ok(At { access, sha: resolved.sha, reference: resolved.reference })
        }
    }
}

fn source_problem<W: World>(
    controller: &Controller<W>,
    source: &ApplicationSource,
    error: &bridgehead_sources::SourceError,
) -> Problem {
    let message = format!("failed to load target state from `{}`: {}", source.repo_url, explain(error));
    if matches!(error.kind(), ErrorKind::Upstream | ErrorKind::Internal) {
        // The repository's own turn comes again by itself; this is for what only a render can find out.
        Problem::passing(ConditionType::ComparisonError, message, controller.in_seconds(30))
    } else {
        Problem::lasting(ConditionType::ComparisonError, message)
    }
}

/// What went wrong, and what to do.
fn explain(error: &bridgehead_sources::SourceError) -> String {
    match error.hint() {
        Some(hint) => format!("{}; {hint}", error.report()),
        None => error.report(),
    }
}

fn repository_key<C>(scope: &Scope<C>, source: &ApplicationSource) -> RepositoryKey {
    RepositoryKey { url: source.repo_url.as_str().into(), project: scope.spec.project.as_str().into() }
}

/// The sync options of the application's policy.
pub(super) fn sync_options<C>(scope: &Scope<C>) -> SyncOptions {
    scope.spec.sync_policy.as_ref().map(|policy| SyncOptions::parse(&policy.sync_options)).unwrap_or_default()
}
