//! `bridgehead_agent`: the agent and everything that it needs in a cluster.
//!
//! ```text
//! engine (nobody else works here) → namespace → definitions, Established → rights → Deployment
//! destroy: finalizers served → Deployment, rights → other engine restored → definitions, namespace if nothing is left
//! ```

mod definition;
mod destroy;
mod engine;
mod install;
mod left;
mod marks;
mod model;
mod options;

use std::collections::BTreeSet;

use bridgehead_install::DEFAULT_IMAGE;
use tfplug::prelude::*;

use crate::connection::{Clients, OwnKubernetes, check_own, cluster_named_by, connection};
use crate::object::{completed, create_timeout, update_timeout};
pub(crate) use destroy::served_finalizer;
use marks::Marks;
pub use model::Agent;
use model::AgentComputed;

/// Under which private data says what was not there before: names as in `Namespace argocd`.
const CREATED: &str = "created";
/// Under which private data has the marks of what this installation writes.
const MARKS: &str = "marks";
/// Under which a plan says where the agent is to be.
const PLACE: &str = "place";

/// The cluster and the namespace of an agent.
fn place(namespace: &str, own: Option<&OwnKubernetes>) -> String {
    format!("{namespace} {}", cluster_named_by(own))
}

/// The resource.
pub(crate) struct Agents;

impl Resource for Agents {
    type Model = Agent<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Agent<Config>, problems: &mut Diagnostics) {
        check_own(&config.kubernetes, problems);
        if let Some(Some(affinity)) = config.affinity.known()
            && !affinity.data().is_object()
        {
            let detail =
                "It is the JSON text of an object with `nodeAffinity`, `podAffinity` or `podAntiAffinity`.";
            problems.error("affinity", "This is no affinity", detail);
        }
    }

    async fn plan(
        &self,
        context: &Context<Clients>,
        plan: &mut Plan<Self::Model>,
    ) -> Result<(), Diagnostics> {
        let (namespace, own) = (plan.planned.namespace.known(), plan.planned.kubernetes.known());
        if let (true, Some(namespace), Some(own)) = (plan.is_create(), namespace, own) {
            context.remember(PLACE, &place(namespace, own.as_ref()))?;
        }
        if let Maybe::Known(None) = plan.config.image {
            plan.planned.image = Maybe::Known(DEFAULT_IMAGE.to_owned());
        }
        // What has drifted is put right by an apply, and this is what makes one necessary.
        plan.planned.drifted = Maybe::Known(Vec::new());
        Ok(())
    }

    async fn create(&self, context: &Context<Clients>, planned: Agent<Applying>) -> Outcome<Self::Model> {
        let within = create_timeout(planned.timeouts.as_ref());
        context.forget(PLACE);
        let place = place(&planned.namespace, planned.kubernetes.as_ref());
        if let Some(created) = context.client()?.take_over(&place) {
            context.remember(CREATED, &created)?;
        }
        Box::pin(apply(context, planned, BTreeSet::new(), within)).await
    }

    async fn read(&self, context: &Context<Clients>, prior: Agent<Partial>) -> ReadResult<Self::Model> {
        let Some(connection) = context.client()?.known(prior.kubernetes.as_ref()).await? else {
            return Ok(Live::Unchanged);
        };
        let marks: Marks = context.recall(MARKS).unwrap_or_default();
        let installation = marks.on(options::installation(&prior)?);
        let Some(drifted) = install::drifted(&connection, &installation, prior.takeover.is_some()).await?
        else {
            return Ok(Live::Gone);
        };
        let image = prior.image.clone().unwrap_or_else(|| DEFAULT_IMAGE.to_owned());
        Ok(Live::Present(prior.store(AgentComputed { image, drifted })))
    }

    async fn update(
        &self,
        context: &Context<Clients>,
        prior: Agent<Partial>,
        planned: Agent<Applying>,
    ) -> Outcome<Self::Model> {
        let before = install::names(&options::installation(&prior)?);
        let within = update_timeout(planned.timeouts.as_ref());
        Box::pin(apply(context, planned, before, within)).await
    }

    async fn delete(&self, context: &Context<Clients>, prior: Agent<Partial>) -> Result<(), Diagnostics> {
        destroy::destroy(context, &prior).await
    }

    async fn import(&self, context: &Context<Clients>, import: &Import) -> Outcome<Self::Model> {
        use tfplug::model::Model as _;
        let namespace: String = import.get("namespace")?;
        let connection = connection(context, None).await?;
        let (image, marks) = install::found(&connection, &namespace)
            .await?
            .ok_or_else(|| Diagnostic::error(format!("There is no agent in namespace `{namespace}`")))?;
        context.remember(MARKS, &marks)?;
        let known = tfplug::value::Value::map([("namespace", tfplug::value::Value::string(namespace))]);
        let blank = completed::<Agent<Partial>>(known);
        let prior = Agent::<Partial>::from_value(&blank, &Path::root())?;
        Ok(prior.store(AgentComputed { image, drifted: Vec::new() }))
    }
}

/// Installs the agent, or brings it to what is planned. `before` are the objects of the last apply: those
/// that are no longer wanted go.
async fn apply(
    context: &Context<Clients>,
    planned: Agent<Applying>,
    before: BTreeSet<String>,
    within: std::time::Duration,
) -> Outcome<Agent<Stored>> {
    let partial = planned.partial();
    let installation = options::installation(&partial)?;
    context.client()?.slots.agent_begins(planned.kubernetes.as_ref());
    let connection = connection(context, planned.kubernetes.as_ref()).await?;
    let (namespace, takeover) = (&planned.namespace, planned.takeover.is_some());
    let first = before.is_empty();
    let stopped = engine::none_else(context, &connection, namespace, takeover, first, within).await?;
    let state = Agent { drifted: Some(Vec::new()), ..partial };
    let done = install::install(context, &connection, &installation, &state, &before, within).await;
    if let Err(problems) = done {
        // From the first write on the state knows of the agent, and a destroy gives back what it took.
        if !first || context.is_known_to_exist() {
            return Err(problems);
        }
        return Err(stopped.start_again(&connection, namespace, problems).await);
    }
    let image = planned.image.clone().unwrap_or_else(|| DEFAULT_IMAGE.to_owned());
    Ok(planned.store(AgentComputed { image, drifted: Vec::new() }))
}
