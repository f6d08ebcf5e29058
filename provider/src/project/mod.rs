//! `bridgehead_project`: an AppProject.

mod model;
mod planned;

use bridgehead_kubernetes::watch::WatchTarget;
use serde_json::{Value as Json, json};
use tfplug::model::Model as _;
use tfplug::prelude::*;
use tfplug::value::Value;

use crate::connection::{Clients, check_own};
use crate::object::{
    Block, Found, Kind, Owner, Prune, Target, check, codec, create_timeout, delete_timeout, left_to, owner,
    settle, text,
};
pub use model::Project;
use model::ProjectComputed;
pub(crate) use planned::{PlannedProject, PlannedProjects, ProjectKey};

/// The attributes that are the project's `spec`.
const SPEC: &[&str] = &[
    "source_repos",
    "destinations",
    "description",
    "roles",
    "cluster_resource_whitelist",
    "cluster_resource_blacklist",
    "namespace_resource_whitelist",
    "namespace_resource_blacklist",
    "orphaned_resources",
    "sync_windows",
    "signature_keys",
    "source_namespaces",
    "permit_only_project_scoped_clusters",
    "destination_service_accounts",
];

/// The resource.
pub(crate) struct Projects;

fn manifest(project: &Project<Applying>) -> Result<Json, Diagnostics> {
    let attributes = Project::<Applying>::schema().attributes;
    let spec = codec::encode(&attributes, SPEC, &project.to_value());
    let mut problems = Diagnostics::new();
    check::check(Kind::Project, &attributes, &project.name, &project.namespace, &spec, &mut problems);
    problems.into_result()?;
    let mut metadata = json!({"name": project.name, "namespace": project.namespace});
    for (field, map) in [("labels", &project.labels), ("annotations", &project.annotations)] {
        if let Some(map) = map {
            metadata[field] = json!(map);
        }
    }
    Ok(json!({
        "apiVersion": bridgehead_api::API_VERSION,
        "kind": "AppProject",
        "metadata": metadata,
        "spec": spec.into_json(),
    }))
}

/// The project as it is, in the form of what is known of it.
fn project_of(prior: &Project<Partial>, live: &Json) -> Outcome<Project<Stored>> {
    let before = prior.to_value();
    let declared = |name: &str| prior.annotations.as_ref().is_some_and(|all| all.contains_key(name));
    let handed_over = match owner(live, declared) {
        Owner::Git(_) => None,
        Owner::Terraform(handed_over) => Some(handed_over),
    };
    let mut value = before.clone();
    if let (Some(handed_over), Some(entries)) = (handed_over, value.entries_mut()) {
        let attributes = Project::<Stored>::schema().attributes;
        let theirs = handed_over.as_ref().and_then(|fields| fields.get("f:spec"));
        for (name, value) in codec::decode(&attributes, SPEC, &live["spec"]) {
            if let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name) {
                let settled = settle(attribute, before.attribute(&name), value, theirs);
                entries.insert(name, settled);
            }
        }
        for field in ["labels", "annotations"] {
            let theirs = handed_over.as_ref();
            let kept = crate::object::declared_entries(before.attribute(field), field, live, theirs);
            entries.insert(field.to_owned(), kept);
        }
    }
    if let Some(entries) = value.entries_mut() {
        entries.insert("uid".to_owned(), Value::string(text(live, "/metadata/uid")));
    }
    Ok(Project::<Stored>::from_value(&value, &Path::root())?)
}

impl Resource for Projects {
    type Model = Project<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Project<Config>, problems: &mut Diagnostics) {
        check_own(&config.kubernetes, problems);
        let attributes = Project::<Config>::schema().attributes;
        let spec = codec::encode(&attributes, SPEC, &config.to_value());
        let known = |name: &Maybe<String>| name.known().cloned().unwrap_or_else(|| "unknown".to_owned());
        check::check(
            Kind::Project,
            &attributes,
            &known(&config.name),
            &known(&config.namespace),
            &spec,
            problems,
        );
    }

    async fn plan(
        &self,
        context: &Context<Clients>,
        plan: &mut Plan<Self::Model>,
    ) -> Result<(), Diagnostics> {
        context.client()?.planned_projects.note_plan(&plan.planned);
        Ok(())
    }

    async fn plan_destroy(
        &self,
        context: &Context<Clients>,
        prior: Project<Partial>,
    ) -> Result<(), Diagnostics> {
        context.client()?.planned_projects.note_destroy(&prior);
        Ok(())
    }

    async fn create(&self, context: &Context<Clients>, planned: Project<Applying>) -> Outcome<Self::Model> {
        let manifest = manifest(&planned)?;
        let target = Target::new(
            context,
            planned.kubernetes.as_ref(),
            Kind::Project,
            &planned.namespace,
            &planned.name,
        )
        .await?;
        let live = target.create(&manifest, create_timeout(planned.timeouts.as_ref())).await?;
        let uid = text(&live, "/metadata/uid").to_owned();
        Ok(planned.store(ProjectComputed { uid }))
    }

    async fn read(&self, context: &Context<Clients>, prior: Project<Partial>) -> ReadResult<Self::Model> {
        let Some(connection) = context.client()?.known(prior.kubernetes.as_ref()).await? else {
            return Ok(Live::Unchanged);
        };
        let key = Kind::Project.key(&prior.namespace, &prior.name);
        let live = crate::object::read_raw(&connection, &Kind::Project.resource(), &key).await?;
        let Some(live) = live else { return Ok(Live::Gone) };
        Ok(Live::Present(project_of(&prior, &live)?))
    }

    async fn update(
        &self,
        context: &Context<Clients>,
        prior: Project<Partial>,
        planned: Project<Applying>,
    ) -> Outcome<Self::Model> {
        let manifest = manifest(&planned)?;
        let target = Target::new(
            context,
            planned.kubernetes.as_ref(),
            Kind::Project,
            &planned.namespace,
            &planned.name,
        )
        .await?;
        let declared = |name: &str| planned.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        let uid = match target.update(manifest, prior.uid.as_deref(), declared, Prune::Spec).await? {
            Found::Written(live) => text(&live, "/metadata/uid").to_owned(),
            Found::LeftTo => prior.uid.unwrap_or_default(),
        };
        Ok(planned.store(ProjectComputed { uid }))
    }

    async fn delete(&self, context: &Context<Clients>, prior: Project<Partial>) -> Result<(), Diagnostics> {
        let target =
            Target::new(context, prior.kubernetes.as_ref(), Kind::Project, &prior.namespace, &prior.name)
                .await?;
        let Some(live) = target.read().await? else { return Ok(()) };
        let declared = |name: &str| prior.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        if let Owner::Git(application) = owner(&live, declared) {
            let key = Kind::Project.key(&prior.namespace, &prior.name);
            context.warn(left_to(&key, &application, "it was left there"));
            return Ok(());
        }
        let within = delete_timeout(prior.timeouts.as_ref());
        let replaced = context.is_replaced();
        context.interruptible(without_applications(&target, &prior, replaced, within)).await??;
        target.delete(&live, within, |_| String::new()).await
    }

    async fn import(&self, context: &Context<Clients>, import: &Import) -> Outcome<Self::Model> {
        let (namespace, name): (String, String) = (import.get("namespace")?, import.get("name")?);
        let target = Target::new(context, None, Kind::Project, &namespace, &name).await?;
        let live = target
            .read()
            .await?
            .ok_or_else(|| Diagnostic::error(format!("There is no AppProject {namespace}/{name}")))?;
        let known = Value::map([("namespace", Value::string(namespace)), ("name", Value::string(name))]);
        let mut prior = Project::<Partial>::from_value(
            &crate::object::completed::<Project<Partial>>(known),
            &Path::root(),
        )?;
        prior.labels = crate::object::imported_entries(&live["metadata"]["labels"]);
        prior.annotations = crate::object::imported_entries(&live["metadata"]["annotations"]);
        let mut value = prior.to_value();
        if let Some(entries) = value.entries_mut() {
            entries.extend(codec::decode(&Project::<Stored>::schema().attributes, SPEC, &live["spec"]));
            entries.insert("uid".to_owned(), Value::string(text(&live, "/metadata/uid")));
        }
        Ok(Project::<Stored>::from_value(&value, &Path::root())?)
    }
}

/// Waits until no application of this project is being deleted: the agent needs the project's rules to take
/// down what the application deployed. Nor are rules taken from under an application that stays, unless
/// others come in their place.
async fn without_applications(
    target: &Target<'_>,
    prior: &Project<Partial>,
    replaced: bool,
    within: std::time::Duration,
) -> Result<(), Diagnostics> {
    crate::object::until_none(
        &target.connection,
        WatchTarget::all(Kind::Application.resource()).in_namespace(&prior.namespace),
        within,
        |application| {
            if text(application, "/spec/project") != prior.name {
                return None;
            }
            match application.pointer("/metadata/deletionTimestamp") {
                Some(_) => Some(Block::Moves("it is being deleted, which needs the project".to_owned())),
                None if replaced => None,
                None => Some(Block::Stands("it belongs to the project, and nobody has deleted it".to_owned())),
            }
        },
    )
    .await
    .map_err(|problem| {
        Diagnostic::error(format!("Project `{}` is still in use", prior.name))
            .detail(format!(
                "{problem}\n\nWithout its project an application is not valid. Delete the applications, or move \
                 them to another project; then destroy again. A `removed` block leaves the project where it is."
            ))
            .into()
    })
}
