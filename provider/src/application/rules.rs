//! What the project allows, told at the attribute that it is about, in the words in which the agent tells it.
//!
//! ```text
//! plan:  the project as this plan makes it, else as it is in the cluster ─┐
//! apply: the project as it is in the cluster, before anything is written ─┴→ engine::project → diagnostics
//! ```
//! Whatever is not known at plan, or cannot be looked at, is not refused there.

use std::time::Duration;

use bridgehead_api::annotations::{SECRET_TYPE, SECRET_TYPE_CLUSTER};
use bridgehead_api::application::{ApplicationDestination, ApplicationSpec, normalise_spec};
use bridgehead_api::project::{AppProject, DEFAULT_PROJECT};
use bridgehead_api::secret::{Cluster, IN_CLUSTER_NAME, IN_CLUSTER_SERVER, SecretObject};
use bridgehead_engine::project::{ProjectDestination, RefusedPart, check_application};
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::waits::{self, Verdict, WaitEnd};
use bridgehead_kubernetes::{ApiError, Connection};
use serde_json::Value as Json;
use tfplug::model::Model;
use tfplug::prelude::*;
use tfplug::value::Value;

use super::Application;
use super::manifest::{SPEC, declares};
use crate::connection::Clients;
use crate::object::codec::Encoded;
use crate::object::{Kind, Owner, Target, codec, is_ours, owner, read_raw};
use crate::project::{PlannedProject, ProjectKey};

/// How long a plan waits for the cluster's answer: it has to work where there is no cluster yet.
const LOOK: Duration = Duration::from_secs(5);
/// What is in the same configuration without a reference between the two is planned, and made, at about the
/// same time.
const SIBLINGS: Duration = Duration::from_secs(5);

/// The attributes that a project has rules for.
const RULED: &[&str] =
    &["kubernetes", "namespace", "project", "source", "sources", "source_hydrator", "destination"];

/// An application, as far as a project has a say.
struct Asked {
    namespace: String,
    project: String,
    spec: ApplicationSpec,
    /// Attributes that are not known yet.
    unknown: Vec<Path>,
}

impl Asked {
    fn new(namespace: &str, project: &str, spec: Encoded) -> Option<Self> {
        let unknown = spec.unknown.clone();
        let spec = normalise_spec(serde_json::from_value(spec.into_json()).ok()?);
        Some(Self { namespace: namespace.to_owned(), project: project.to_owned(), spec, unknown })
    }

    /// What the project refuses, each at its attribute. `cluster` is the destination's, if it is known.
    fn refusals(&self, project: &AppProject, cluster: Option<&Cluster>) -> Vec<(Path, String)> {
        let destination = cluster.map(|cluster| ProjectDestination {
            server: &cluster.server,
            name: &cluster.name,
            namespace: &self.spec.destination.namespace,
            cluster_project: &cluster.project,
        });
        let control = project.metadata.namespace.as_str();
        check_application(project, &self.spec, &self.namespace, control, destination)
            .into_iter()
            .map(|(part, refusal)| (self.path(part), refusal.message))
            .filter(|(path, _)| {
                !self.unknown.iter().any(|unknown| unknown.starts_with(path) || path.starts_with(unknown))
            })
            .collect()
    }

    fn path(&self, part: RefusedPart) -> Path {
        match part {
            RefusedPart::Namespace => Path::of("namespace"),
            RefusedPart::Destination => Path::of("destination"),
            RefusedPart::DrySource => Path::from("source_hydrator.dry_source.repo_url"),
            RefusedPart::Source(_) if self.spec.source_hydrator.is_some() => {
                Path::from("source_hydrator.sync_source.repo_url")
            }
            RefusedPart::Source(position) if self.spec.has_multiple_sources() => {
                Path::of("sources").index(position).attribute("repo_url")
            }
            RefusedPart::Source(_) => Path::from("source.repo_url"),
        }
    }

    fn refused(&self, refusals: Vec<(Path, String)>, hint: &str) -> Diagnostics {
        let summary = format!("Project `{}` does not allow this application", self.project);
        let mut problems = Diagnostics::new();
        for (path, message) in refusals {
            problems.push(Diagnostic::error(&summary).detail(format!("{message}.{hint}")).at(path));
        }
        problems
    }
}

/// At plan: what the project refuses as it will be, as far as that is known.
pub(super) async fn at_plan(
    context: &Context<Clients>,
    plan: &Plan<Application<Stored>>,
) -> Result<(), Diagnostics> {
    let planned = &plan.planned;
    let (Some(own), Some(namespace), Some(project)) =
        (planned.kubernetes.known(), planned.namespace.known(), planned.project.known())
    else {
        return Ok(());
    };
    let value = planned.to_value();
    if plan.prior.as_ref().is_some_and(|prior| !concerns(&prior.to_value(), &value)) {
        return Ok(());
    }
    let spec = codec::encode(&Application::<Planned>::schema().attributes, SPEC, &value);
    let Some(asked) = Asked::new(namespace, project, spec) else { return Ok(()) };
    let clients = context.client()?;
    let answer = Box::pin(clients.look(own.as_ref(), LOOK, |connection| look(connection, &asked))).await;
    let Some((connection, live, mut cluster)) = answer else { return Ok(()) };
    if let Some((cluster, true)) = &mut cluster {
        // This very plan may register it for the project.
        cluster.project.clone_from(&asked.project);
    }
    let cluster = cluster.map(|(cluster, _)| cluster);
    let key = ProjectKey::new(own.as_ref(), namespace, project);
    let declared = live.as_ref().is_some_and(is_ours);
    let of_git = live.as_ref().is_some_and(|live| matches!(owner(live, |_| false), Owner::Git(_)));
    let refusals = |rules: Option<PlannedProject>| match rules {
        // What Git declares is as it is, whatever is planned here.
        Some(PlannedProject::Rules(project)) if !of_git => asked.refusals(&project, cluster.as_ref()),
        Some(PlannedProject::Open) if !of_git => Vec::new(),
        _ => {
            let project = live.as_ref().and_then(|live| AppProject::from_value(live.clone()).ok());
            project.map(|project| asked.refusals(&project, cluster.as_ref())).unwrap_or_default()
        }
    };
    let projects = &clients.planned_projects;
    let mut rules = projects.get(&key);
    let mut refused = refusals(rules.clone());
    if !refused.is_empty() && rules.is_none() && declared {
        rules = context.interruptible(projects.wait(&key, SIBLINGS)).await?;
        refused = refusals(rules.clone());
    }
    if refused.is_empty() || is_of_git(&connection, plan.prior.as_ref()).await {
        return Ok(());
    }
    let hint = if rules.is_none() && declared {
        "\n\nThat is the project as it is now. If this configuration is to change it, let the application refer \
         to it, as in `project = bridgehead_project.shop.name`: then it comes second, and the new rules count."
    } else {
        ""
    };
    Err(asked.refused(refused, hint))
}

/// At apply: what the project refuses as it is. One that is just being made or changed is given a moment.
pub(super) async fn at_apply(
    context: &Context<Clients>,
    target: &Target<'_>,
    prior: Option<&Application<Partial>>,
    planned: &Application<Applying>,
    within: Duration,
) -> Result<(), Diagnostics> {
    let value = planned.to_value();
    if prior.is_some_and(|prior| !concerns(&prior.to_value(), &value)) {
        return Ok(());
    }
    let spec = codec::encode(&Application::<Applying>::schema().attributes, SPEC, &value);
    let Some(asked) = Asked::new(&planned.namespace, &planned.project, spec) else { return Ok(()) };
    let key = Kind::Project.key(&asked.namespace, &asked.project);
    let connection = &target.connection;
    let projects = Kind::Project.resource();
    if matches!(read_raw(connection, &projects, &key).await, Ok(None)) {
        if asked.project == DEFAULT_PROJECT {
            // The agent makes it, and it allows everything.
            return Ok(());
        }
        context.interruptible(target.wait_for_place(within)).await??;
    }
    let cluster = find_cluster(connection, &asked).await.ok().flatten().map(|(cluster, _)| cluster);
    let mut refused = None;
    let what = format!("project `{}` to allow the application", asked.project);
    let wait = waits::wait_for(connection, &projects, &key, SIBLINGS, what, |live| {
        let project = live.and_then(|live| AppProject::from_value(live.manifest.value().clone()).ok());
        refused = project.map(|project| asked.refusals(&project, cluster.as_ref()));
        match &refused {
            Some(refused) if refused.is_empty() => Verdict::Done(()),
            Some(_) => Verdict::NotYet("it does not".to_owned()),
            None => Verdict::NotYet("there is no such project".to_owned()),
        }
    });
    let waited = context.interruptible(wait).await?;
    match (waited, refused) {
        // Without the right to look there is nothing to tell; the agent will.
        (Err(error), _) if error.why == WaitEnd::Refused => Ok(()),
        (Err(_), Some(refused)) if !refused.is_empty() => {
            if is_of_git(connection, prior).await {
                Ok(())
            } else {
                Err(asked.refused(refused, ""))
            }
        }
        (Err(_), None) => {
            context.warn(Diagnostic::warning(format!("There is no project `{}` yet", asked.project)).detail(
                format!(
                    "Namespace `{}` has no AppProject of this name. As long as that is so, nothing of the \
                     application is synced.",
                    asked.namespace
                ),
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether anything has changed that a project has rules for.
fn concerns(prior: &Value, planned: &Value) -> bool {
    RULED.iter().any(|name| prior.attribute(name) != planned.attribute(name))
}

/// The way to the cluster, the project, and the destination's cluster with whether Terraform declares it.
type Looked = (Connection, Option<Json>, Option<(Cluster, bool)>);

async fn look(connection: Connection, asked: &Asked) -> Result<Looked, ApiError> {
    let key = Kind::Project.key(&asked.namespace, &asked.project);
    let project = read_raw(&connection, &Kind::Project.resource(), &key).await?;
    // Whoever may not read Secrets still hears of the sources.
    let cluster = find_cluster(&connection, asked).await.unwrap_or_default();
    Ok((connection, project, cluster))
}

async fn find_cluster(connection: &Connection, asked: &Asked) -> Result<Option<(Cluster, bool)>, ApiError> {
    let path = Kind::Secret.resource().collection(Some(&asked.namespace));
    let request = RequestBuilder::get(path, format!("list clusters in {}", asked.namespace))
        .query("labelSelector", &format!("{SECRET_TYPE}={SECRET_TYPE_CLUSTER}"));
    let list: Json = connection.send(request).await?.json()?;
    let wanted = &asked.spec.destination;
    for object in list["items"].as_array().into_iter().flatten() {
        let Ok(secret) = SecretObject::from_value(object.clone()) else { continue };
        let Ok((cluster, _)) = Cluster::from_secret(&secret) else { continue };
        if means(wanted, &cluster.server, &cluster.name) {
            return Ok(Some((cluster, is_ours(object))));
        }
    }
    let own = Cluster {
        server: IN_CLUSTER_SERVER.to_owned(),
        name: IN_CLUSTER_NAME.to_owned(),
        ..Cluster::default()
    };
    Ok(means(wanted, &own.server, &own.name).then_some((own, false)))
}

fn means(destination: &ApplicationDestination, server: &str, name: &str) -> bool {
    if destination.name.is_empty() {
        !destination.server.is_empty() && destination.server.trim_end_matches('/') == server
    } else {
        destination.name == name
    }
}

/// Whether Git declares the application: then nothing that is planned here is written.
async fn is_of_git(connection: &Connection, prior: Option<&Application<Partial>>) -> bool {
    let Some(prior) = prior else { return false };
    let key = Kind::Application.key(&prior.namespace, &prior.name);
    let live = read_raw(connection, &Kind::Application.resource(), &key).await;
    matches!(live, Ok(Some(live)) if matches!(owner(&live, |name| declares(prior, name)), Owner::Git(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(spec: Json, unknown: &[&str]) -> Asked {
        let Json::Object(fields) = spec else { panic!("an object") };
        let unknown = unknown.iter().map(|path| Path::from(*path)).collect();
        Asked::new("argocd", "shop", Encoded { fields, unknown }).unwrap()
    }

    fn project() -> AppProject {
        let spec = json!({"sourceRepos": ["https://git.example.com/shop/*"],
                          "destinations": [{"name": "spoke", "namespace": "shop"}]});
        AppProject::new("argocd", "shop", serde_json::from_value(spec).unwrap())
    }

    fn places(asked: &Asked, cluster: Option<&Cluster>) -> Vec<String> {
        asked.refusals(&project(), cluster).into_iter().map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn each_refusal_stands_at_its_attribute() {
        let elsewhere = json!({"repoURL": "https://git.example.com/other/a"});
        let spoke = Cluster { name: "spoke".to_owned(), ..Cluster::default() };
        let one = asked(json!({"source": elsewhere, "destination": {"namespace": "shop"}}), &[]);
        assert_eq!(places(&one, Some(&spoke)), ["source.repo_url"]);
        let several = json!({
            "sources": [{"repoURL": "https://git.example.com/shop/a"}, elsewhere],
            "destination": {"namespace": "kube-system"},
        });
        assert_eq!(places(&asked(several, &[]), Some(&spoke)), ["sources[1].repo_url", "destination"]);
    }

    #[test]
    fn what_is_not_known_is_not_refused() {
        let unknown = asked(
            json!({"source": {"path": "a"}, "destination": {"name": "spoke"}}),
            &["source.repo_url", "destination.namespace"],
        );
        let spoke = Cluster { name: "spoke".to_owned(), ..Cluster::default() };
        assert!(places(&unknown, Some(&spoke)).is_empty());
        let no_cluster = asked(
            json!({"source": {"repoURL": "https://git.example.com/shop/a"}, "destination": {"name": "new"}}),
            &[],
        );
        assert!(places(&no_cluster, None).is_empty(), "it may be registered in the same apply");
    }
}
