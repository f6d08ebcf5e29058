//! `bridgehead_application`: an Application.
//!
//! ```text
//! model ─manifest→ server-side apply ─→ the agent: status, operation   (these never enter the state)
//! model ←project_of─ spec, labels, annotations ←─ read
//! destroy: refuse | cascade (finalizer) | orphan
//! ```

mod data;
mod deployments;
mod destroy;
mod manifest;
mod model;
mod planned;
mod policy;
mod rules;
mod source;

use bridgehead_api::annotations::WAIT_FOR_APPLICATIONS;
use tfplug::check;
use tfplug::model::Model as _;
use tfplug::prelude::*;
use tfplug::value::Value;

use crate::connection::{Clients, check_own};
use crate::object::{
    Found, Kind, Prune, Target, codec, completed, create_timeout, imported_entries, read_raw, text,
    update_timeout,
};
pub(crate) use data::ReadApplication;
pub(crate) use deployments::Deployments;
use deployments::{Deployment, place};
use manifest::{SPEC, application_of, has_cascade, manifest};
pub use model::Application;
use model::ApplicationComputed;
pub(crate) use planned::PlannedDeployments;

/// The resource.
pub(crate) struct Applications;

impl Resource for Applications {
    type Model = Application<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Application<Config>, problems: &mut Diagnostics) {
        check_own(&config.kubernetes, problems);
        check::exactly_one(
            problems,
            &[
                ("source", config.source.presence()),
                ("sources", config.sources.presence()),
                ("source_hydrator", config.source_hydrator.presence()),
            ],
        );
        if let Maybe::Known(Some(annotations)) = &config.annotations
            && annotations.contains_key(WAIT_FOR_APPLICATIONS)
        {
            problems.push(
                Diagnostic::error(format!("{WAIT_FOR_APPLICATIONS} has an attribute of its own"))
                    .detail("Set wait_for_applications instead.")
                    .at(Path::of("annotations").key(WAIT_FOR_APPLICATIONS)),
            );
        }
        let value = config.to_value();
        let destination = value.attribute("destination");
        if let Some(entries) = destination.entries() {
            let presence = |name: &str| match entries.get(name) {
                Some(value) if value.is_unknown() => check::Presence::Unknown,
                Some(value) if !value.is_null() => check::Presence::Present,
                _ => check::Presence::Absent,
            };
            check::exactly_one(
                problems,
                &[("destination.server", presence("server")), ("destination.name", presence("name"))],
            );
        }
        let attributes = Application::<Config>::schema().attributes;
        let spec = codec::encode(&attributes, SPEC, &value);
        let known = |name: &Maybe<String>| name.known().cloned().unwrap_or_else(|| "unknown".to_owned());
        let (name, namespace) = (known(&config.name), known(&config.namespace));
        crate::object::check::check(Kind::Application, &attributes, &name, &namespace, &spec, problems);
    }

    async fn plan(
        &self,
        context: &Context<Clients>,
        plan: &mut Plan<Self::Model>,
    ) -> Result<(), Diagnostics> {
        if let Maybe::Known(None) = plan.config.wait_for_applications {
            plan.planned.wait_for_applications = Maybe::Known(match &plan.prior {
                None => Some(true),
                Some(prior) => prior.wait_for_applications.flatten(),
            });
        }
        note_deployment(context, plan)?;
        Box::pin(rules::at_plan(context, plan)).await
    }

    async fn plan_destroy(
        &self,
        context: &Context<Clients>,
        prior: Application<Partial>,
    ) -> Result<(), Diagnostics> {
        destroy::announce(context, &prior).await
    }

    async fn create(
        &self,
        context: &Context<Clients>,
        planned: Application<Applying>,
    ) -> Outcome<Self::Model> {
        let manifest = manifest(&planned)?;
        let target = target(context, &planned).await?;
        let within = create_timeout(planned.timeouts.as_ref());
        rules::at_apply(context, &target, None, &planned, within).await?;
        let live = target.create(&manifest, within).await?;
        context.client()?.deployments.forget().await;
        let uid = text(&live, "/metadata/uid").to_owned();
        Ok(stored(planned, uid))
    }

    async fn read(&self, context: &Context<Clients>, prior: Application<Partial>) -> ReadResult<Self::Model> {
        let Some(connection) = context.client()?.known(prior.kubernetes.as_ref()).await? else {
            return Ok(Live::Unchanged);
        };
        let key = Kind::Application.key(&prior.namespace, &prior.name);
        let live = read_raw(&connection, &Kind::Application.resource(), &key).await?;
        let Some(live) = live else { return Ok(Live::Gone) };
        Ok(Live::Present(application_of(&prior, &live)?))
    }

    async fn update(
        &self,
        context: &Context<Clients>,
        prior: Application<Partial>,
        planned: Application<Applying>,
    ) -> Outcome<Self::Model> {
        let manifest = manifest(&planned)?;
        let target = target(context, &planned).await?;
        let declared = |name: &str| planned.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        let within = update_timeout(planned.timeouts.as_ref());
        rules::at_apply(context, &target, Some(&prior), &planned, within).await?;
        let uid = match target.update(manifest, prior.uid.as_deref(), declared, Prune::Spec).await? {
            Found::Written(live) => {
                if planned.on_destroy != "cascade" {
                    destroy::without_cascade(&target, &live).await?;
                }
                text(&live, "/metadata/uid").to_owned()
            }
            Found::LeftTo => prior.uid.unwrap_or_default(),
        };
        Ok(stored(planned, uid))
    }

    async fn delete(
        &self,
        context: &Context<Clients>,
        prior: Application<Partial>,
    ) -> Result<(), Diagnostics> {
        destroy::destroy(context, &prior).await
    }

    async fn import(&self, context: &Context<Clients>, import: &Import) -> Outcome<Self::Model> {
        let (namespace, name): (String, String) = (import.get("namespace")?, import.get("name")?);
        let target = Target::new(context, None, Kind::Application, &namespace, &name).await?;
        let live = target
            .read()
            .await?
            .ok_or_else(|| Diagnostic::error(format!("There is no Application {namespace}/{name}")))?;
        let known = Value::map([("namespace", Value::string(namespace)), ("name", Value::string(name))]);
        let blank = completed::<Application<Partial>>(known);
        let mut prior = Application::<Partial>::from_value(&blank, &Path::root())?;
        prior.labels = imported_entries(&live["metadata"]["labels"]);
        prior.annotations = imported_entries(&live["metadata"]["annotations"]);
        if has_cascade(&live) {
            "cascade".clone_into(&mut prior.on_destroy);
        }
        // What is imported is read whole, whoever declares it.
        manifest::imported(&prior, &live)
    }
}

/// Tells the destroys of this plan of an application that takes a place.
fn note_deployment(context: &Context<Clients>, plan: &Plan<Application<Stored>>) -> Result<(), Diagnostics> {
    let planned = &plan.planned;
    let (Some(own), Some(namespace)) = (planned.kubernetes.known(), planned.namespace.known()) else {
        return Ok(());
    };
    let Some(deployment) = Deployment::planned(planned) else { return Ok(()) };
    let before = plan.prior.as_ref().and_then(Deployment::of_state);
    if before.is_some_and(|before| before.is_the_same(&deployment)) {
        return Ok(());
    }
    let name = deployment.name.clone();
    let place = place(own.as_ref(), namespace);
    let Some(late) = context.client()?.planned_deployments.note(&place, deployment) else { return Ok(()) };
    Err(Diagnostic::error(format!("Application `{name}` takes the place of one that this plan destroys"))
        .detail(format!(
            "Application `{late}` has the same source and destination, and `on_destroy = \"cascade\"`: its destroy, \
             which was planned before this was seen, would delete what both deploy. If the one becomes the other, \
             say so by a `moved` block from the address of `{late}` to the address of `{name}`: then it is replaced, \
             and what it has deployed stays. Or set `on_destroy = \"orphan\"` for `{late}`, apply that, and plan again."
        ))
        .at("name")
        .into())
}

fn stored(planned: Application<Applying>, uid: String) -> Application<Stored> {
    let wait_for_applications = planned.wait_for_applications.unwrap_or_default();
    planned.store(ApplicationComputed { wait_for_applications, uid })
}

async fn target<'c>(
    context: &'c Context<Clients>,
    planned: &Application<Applying>,
) -> Result<Target<'c>, Diagnostics> {
    let own = planned.kubernetes.as_ref();
    Target::new(context, own, Kind::Application, &planned.namespace, &planned.name).await
}
