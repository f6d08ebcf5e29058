//! What Git wants and what is live, worked out here by the code that the agent runs.
//!
//! ```text
//! application ─┬─ sources (resolve, render) ─ normalise ─► desired, hooks ─┐
//!              └─ destination (discovery, reads) ─► live ──────────────────┴─► Comparison
//! ```

mod destination;
mod sources;

use std::collections::BTreeMap;

use bridgehead_api::application::{Application, SyncOptions, normalise_spec};
use bridgehead_api::config_map::SETTINGS_NAME;
use bridgehead_api::{GroupKind, Namespace, ObjectKey};
use bridgehead_engine::compare::{CompareOptions, Comparison, DiffMemo, LiveLookup, compare_application};
use bridgehead_engine::diff::DiffRules;
use bridgehead_engine::health::HealthRules;
use bridgehead_engine::manifest::{
    Desired, Destination as Place, Disposition, Live, Problem, disposition, normalise_desired, tracking_id,
};

pub(crate) use destination::Destination;

use crate::cli::error::CliError;
use crate::cli::session::Session;

/// What Git wants of an application.
pub(crate) struct Target {
    /// Objects to be.
    pub(crate) desired: Vec<Desired>,
    /// Hooks.
    pub(crate) hooks: Vec<Desired>,
    /// What is odd about the manifests.
    pub(crate) warnings: Vec<String>,
}

/// The target of an application, at the given revisions or at those that it follows.
pub(crate) async fn target(
    session: &Session,
    destination: &Destination,
    application: &Application,
    revisions: &[String],
) -> Result<Target, CliError> {
    let rendered = sources::rendered(session, application, revisions).await?;
    let spec = &application.spec;
    let instance = instance(session, application);
    let is_namespaced = |kind: &GroupKind| destination.kinds.is_namespaced(kind);
    let policy = spec.sync_policy.as_ref();
    let options = policy.map(|policy| SyncOptions::parse(&policy.sync_options)).unwrap_or_default();
    let place = Place {
        application: &instance,
        namespace: &spec.destination.namespace,
        is_namespaced: &is_namespaced,
        installation_id: None,
        options: &options,
    };
    let (objects, problems) = normalise_desired(rendered, &place);
    let (fatal, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_fatal);
    if !fatal.is_empty() {
        let texts: Vec<String> = fatal.iter().map(ToString::to_string).collect();
        return Err(CliError::refused(format!(
            "the manifests of application `{}` cannot be used: {}",
            application.metadata.name,
            texts.join("; ")
        )));
    }
    let mut target = Target {
        desired: Vec::new(),
        hooks: Vec::new(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
    };
    for object in objects {
        match disposition(&object.manifest) {
            Disposition::Managed => target.desired.push(object),
            Disposition::Hook => target.hooks.push(object),
            Disposition::Skipped | Disposition::Ignored => {}
        }
    }
    Ok(target)
}

/// Compares a target with the cluster, as the agent does. What the application has had is known from its
/// status.
pub(crate) async fn compare(
    session: &Session,
    destination: &Destination,
    application: &Application,
    target: &Target,
) -> Result<Comparison, CliError> {
    let wanted = target.desired.iter().map(|object| object.key.clone());
    let live = destination.read(wanted.chain(known(application)).collect()).await?;
    let instance = instance(session, application);
    let owned: Vec<Live> = live
        .values()
        .filter(|live| tracking_id(&live.manifest).is_some_and(|id| id.application == instance))
        .cloned()
        .collect();
    let settings = session.config_map(SETTINGS_NAME).await?;
    let spec = normalise_spec(application.spec.clone());
    let (rules, _) = DiffRules::of(&spec, &settings);
    let options = CompareOptions::of(&spec, &instance, HealthRules::default());
    let lookup = |key: &ObjectKey| live.get(key).cloned().map_or(LiveLookup::Absent, LiveLookup::Live);
    Ok(compare_application(&target.desired, &lookup, &owned, &rules, &options, &mut DiffMemo::default()))
}

/// The rules by which fields of this application may differ.
pub(crate) async fn rules(session: &Session, application: &Application) -> Result<DiffRules, CliError> {
    let settings = session.config_map(SETTINGS_NAME).await?;
    Ok(DiffRules::of(&normalise_spec(application.spec.clone()), &settings).0)
}

/// The live objects that status lists.
pub(crate) async fn live(
    destination: &Destination,
    application: &Application,
) -> Result<BTreeMap<ObjectKey, Live>, CliError> {
    destination.read(known(application)).await
}

/// Objects that status lists.
fn known(application: &Application) -> Vec<ObjectKey> {
    let resources = application.status.resources.iter();
    resources
        .map(|it| {
            ObjectKey::new(
                GroupKind::new(it.group.as_str(), it.kind.as_str()),
                &it.namespace,
                it.name.as_str(),
            )
        })
        .collect()
}

fn instance(session: &Session, application: &Application) -> String {
    application.key().instance_name(&Namespace::from(session.namespace.as_str()))
}
