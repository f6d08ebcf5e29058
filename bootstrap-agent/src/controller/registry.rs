//! What the control namespace holds: Applications, projects, clusters, repositories and settings.
//!
//! Fed by watches, read by every pass. An Application is kept with what tells our own writes from those of
//! others, so that an echo does not make another pass.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use bridgehead_api::application::{Application, ApplicationDestination, ApplicationStatus};
use bridgehead_api::config_map::{SETTINGS_NAME, Settings};
use bridgehead_api::project::AppProject;
use bridgehead_api::secret::{
    Cluster, IN_CLUSTER_NAME, IN_CLUSTER_SERVER, RepoCreds, Repository, SecretObject, resolve_repository,
};
use bridgehead_api::{ApplicationKey, Namespace, annotations};
use bridgehead_engine::rival::{self, APPLICATION_MANAGER};
use jiff::Timestamp;
use serde_json::Value;

use super::world::{ClusterId, ControlKind};

/// An Application as last read.
#[derive(Debug)]
pub struct Entry {
    /// The object.
    pub application: Application,
    /// True if the stored status is, to the letter, what this program would write for it; then a change of
    /// it can be written as a difference.
    pub status_is_canonical: bool,
    /// Hash of what asks for a pass: spec, operation, annotations, finalizers, deletion.
    pub demand: u64,
    /// Who wrote `status.reconciledAt` last, by `metadata.managedFields`.
    pub status_writer: Option<String>,
}

impl Entry {
    /// Reads an object. One that does not fit the types is told by the error.
    pub fn read(object: &Value) -> Result<Self, String> {
        let application = Application::from_value(object.clone())
            .map_err(|error| format!("failed to read the Application: {error}"))?;
        let stored = object.get("status");
        let status_is_canonical = stored.is_some_and(|stored| {
            serde_json::to_value(&application.status).is_ok_and(|ours| ours == *stored)
        });
        let mut hasher = DefaultHasher::new();
        for part in ["/spec", "/operation", "/metadata/annotations", "/metadata/finalizers"] {
            object.pointer(part).map(Value::to_string).hash(&mut hasher);
        }
        application.metadata.is_deleting().hash(&mut hasher);
        let status_writer = rival::status_writer(object).map(str::to_owned);
        Ok(Self { application, status_is_canonical, demand: hasher.finish(), status_writer })
    }

    /// The status that a difference can be taken from.
    pub fn canonical_status(&self) -> Option<&ApplicationStatus> {
        self.status_is_canonical.then_some(&self.application.status)
    }
}

/// What a change in the control namespace asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing.
    Nothing,
    /// A pass over one application.
    Application(ApplicationKey),
    /// Another engine wrote the status of an application after this one had.
    Foreign(ApplicationKey, String),
    /// The application is gone.
    Gone(ApplicationKey),
    /// A pass over every application of a project.
    Project(String),
    /// Passes over whatever uses a cluster.
    Cluster(ClusterId),
    /// Passes over whatever uses repositories.
    Repositories,
    /// Everything: settings have changed.
    Everything,
}

/// Everything in the control namespace.
#[derive(Debug, Default)]
pub(super) struct Registry {
    control_namespace: Namespace,
    applications: BTreeMap<ApplicationKey, Rc<Entry>>,
    projects: BTreeMap<String, Rc<AppProject>>,
    clusters: BTreeMap<String, Arc<Cluster>>,
    repositories: BTreeMap<String, Repository>,
    credentials: BTreeMap<String, RepoCreds>,
    config_maps: HashMap<String, Rc<BTreeMap<String, String>>>,
    /// By `argocd-cm`.
    applications_have_health: bool,
    /// Secrets that cannot be read, and why.
    problems: BTreeMap<String, String>,
    /// Since when no other engine is seen to run; nothing while one is.
    alone_since: Option<Timestamp>,
    /// The engine that was caught writing since then.
    stranger: Option<String>,
}

/// Why a destination leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DestinationProblem {
    /// Both or neither of server and name.
    #[error("{0}")]
    Invalid(String),
    /// No cluster Secret has this name or server.
    #[error("there are no clusters with this {what}: `{value}`")]
    Unknown {
        /// `name` or `server`.
        what: &'static str,
        /// What was looked for.
        value: String,
    },
}

impl Registry {
    /// An empty registry for an agent in `control_namespace`.
    pub(super) fn new(control_namespace: Namespace) -> Self {
        Self { control_namespace, alone_since: Some(Timestamp::MIN), ..Self::default() }
    }

    /// Says since when no other engine is seen to run: what one wrote before is no sign of another.
    pub(super) fn set_alone_since(&mut self, since: Option<Timestamp>) {
        self.alone_since = since;
        self.stranger = None;
    }

    /// The application that another engine compared last of all, with the engine and the time.
    pub(super) fn last_stranger(&self) -> Option<(&ApplicationKey, &str, Timestamp)> {
        let strangers = self.applications.iter().filter_map(|(key, entry)| {
            let writer = entry.status_writer.as_deref().filter(|writer| rival::is_another(writer))?;
            Some((key, writer, entry.application.status.reconciled_at?.timestamp()))
        });
        strangers.max_by_key(|(_, _, at)| *at)
    }

    /// One application.
    pub(super) fn application(&self, key: &ApplicationKey) -> Option<Rc<Entry>> {
        self.applications.get(key).cloned()
    }

    /// The application that tracking ids call by this name.
    pub(super) fn instance(&self, name: &str) -> Option<Rc<Entry>> {
        let key = ApplicationKey::of_instance(name, &self.control_namespace);
        self.application(&key)
    }

    /// True if the settings say how an Application's health is told.
    pub(super) fn gives_applications_a_health(&self) -> bool {
        self.applications_have_health
    }

    /// All applications.
    pub(super) fn applications(&self) -> impl Iterator<Item = (&ApplicationKey, &Rc<Entry>)> {
        self.applications.iter()
    }

    /// One project.
    pub(super) fn project(&self, name: &str) -> Option<Rc<AppProject>> {
        self.projects.get(name).cloned()
    }

    /// The cluster that a destination means.
    pub(super) fn destination(
        &self,
        destination: &ApplicationDestination,
    ) -> Result<(ClusterId, Arc<Cluster>), DestinationProblem> {
        let by_name = !destination.name.is_empty();
        if by_name && !destination.server.is_empty() {
            return Err(DestinationProblem::Invalid(format!(
                "application destination can't have both name and server defined: {} {}",
                destination.name, destination.server
            )));
        }
        if !by_name && destination.server.is_empty() {
            return Err(DestinationProblem::Invalid(
                "application destination server or name must be set: neither `spec.destination.server` nor \
                 `spec.destination.name` is given"
                    .into(),
            ));
        }
        let wanted = if by_name { &destination.name } else { &destination.server };
        let found = self.clusters.values().find(|cluster| {
            if by_name {
                cluster.name == *wanted
            } else {
                cluster.server.trim_end_matches('/') == wanted.trim_end_matches('/')
            }
        });
        if let Some(cluster) = found {
            return Ok((ClusterId(cluster.server.trim_end_matches('/').into()), cluster.clone()));
        }
        if wanted == ClusterId::IN_CLUSTER || (by_name && wanted == "in-cluster") {
            return Ok((ClusterId::in_cluster(), Arc::new(in_cluster())));
        }
        Err(DestinationProblem::Unknown {
            what: if by_name { "name" } else { "server" },
            value: wanted.clone(),
        })
    }

    /// How a repository is reached, for applications of a project: its own Secret, or the credential template
    /// with the longest matching prefix, or nothing.
    pub(super) fn repository(&self, url: &str, project: &str) -> Repository {
        let repositories: Vec<Repository> = self.repositories.values().cloned().collect();
        let templates: Vec<RepoCreds> = self.credentials.values().cloned().collect();
        resolve_repository(&repositories, &templates, url, project)
    }

    /// One key of a settings ConfigMap.
    pub(super) fn setting(&self, config_map: &str, key: &str) -> Option<&str> {
        self.config_maps.get(config_map)?.get(key).map(String::as_str)
    }

    /// All keys of a settings ConfigMap.
    pub(super) fn config_map(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.config_maps.get(name).map(Rc::as_ref)
    }

    /// Namespaces whose Applications are served.
    pub(super) fn serves(&self, namespace: &Namespace) -> bool {
        *namespace == self.control_namespace
    }

    /// Why a Secret cannot be read, wholly or in part.
    pub(super) fn problem(&self, secret: &str) -> Option<&str> {
        self.problems.get(secret).map(String::as_str)
    }

    /// Puts in an Application as the API server gave it; `Err` tells why it cannot be read.
    pub(super) fn put_application(&mut self, object: &Value) -> Result<Demand, String> {
        let entry = Entry::read(object)?;
        let key = entry.application.key();
        if !self.serves(&key.namespace) {
            return Ok(Demand::Nothing);
        }
        let before = self.applications.get(&key);
        if before.is_some_and(|before| is_older(&entry.application, &before.application)) {
            return Ok(Demand::Nothing);
        }
        let foreign = before
            .and_then(|before| foreign_writer(before, &entry, self.alone_since?, self.stranger.as_deref()));
        let asks = before.is_none_or(|before| {
            before.demand != entry.demand
                || before.application.metadata.uid != entry.application.metadata.uid
                || foreign_phase(&before.application, &entry.application)
        });
        self.applications.insert(key.clone(), Rc::new(entry));
        if let Some(writer) = foreign {
            self.stranger = Some(writer.clone());
            return Ok(Demand::Foreign(key, writer));
        }
        Ok(if asks { Demand::Application(key) } else { Demand::Nothing })
    }

    /// Takes out an Application.
    pub(super) fn remove_application(&mut self, key: &ApplicationKey) -> Demand {
        match self.applications.remove(key) {
            Some(_) => Demand::Gone(key.clone()),
            None => Demand::Nothing,
        }
    }

    /// Names of everything of one kind.
    pub(super) fn names(&self, kind: ControlKind) -> Vec<String> {
        match kind {
            ControlKind::Application => self.applications.keys().map(|key| key.name.to_string()).collect(),
            ControlKind::Project => self.projects.keys().cloned().collect(),
            ControlKind::Secret => self
                .clusters
                .keys()
                .chain(self.repositories.keys())
                .chain(self.credentials.keys())
                .chain(self.problems.keys())
                .cloned()
                .collect(),
            ControlKind::ConfigMap => self.config_maps.keys().cloned().collect(),
        }
    }

    /// Puts in a project.
    pub(super) fn put_project(&mut self, object: &Value) -> Demand {
        let Ok(project) = AppProject::from_value(object.clone()) else { return Demand::Nothing };
        if project.metadata.namespace != self.control_namespace {
            return Demand::Nothing;
        }
        let name = project.metadata.name.clone();
        let same = self.projects.get(&name).is_some_and(|known| known.spec == project.spec);
        self.projects.insert(name.clone(), Rc::new(project));
        if same { Demand::Nothing } else { Demand::Project(name) }
    }

    /// Takes out a project.
    pub(super) fn remove_project(&mut self, name: &str) -> Demand {
        match self.projects.remove(name) {
            Some(_) => Demand::Project(name.to_owned()),
            None => Demand::Nothing,
        }
    }

    /// Puts in a Secret of the control namespace, of whatever type its label says.
    pub(super) fn put_secret(&mut self, object: &Value) -> Vec<Demand> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let cluster_before = self.clusters.get(&name).cloned();
        let mut demands = self.remove_secret(&name);
        let secret = match SecretObject::from_value(object.clone()) {
            Ok(secret) => secret,
            Err(problem) => {
                self.problems.insert(name, problem.to_string());
                return demands;
            }
        };
        let read = match secret.metadata.label(annotations::SECRET_TYPE) {
            Some("cluster") => Cluster::from_secret(&secret).map(|(cluster, problems)| {
                if let Some(problem) = problems.first() {
                    self.problems.insert(name.clone(), problem.to_string());
                }
                demands.push(Demand::Cluster(ClusterId(cluster.server.trim_end_matches('/').into())));
                self.clusters.insert(name.clone(), Arc::new(cluster));
            }),
            Some("repository") => Repository::from_secret(&secret).map(|repository| {
                demands.push(Demand::Repositories);
                self.repositories.insert(name.clone(), repository);
            }),
            Some("repo-creds") => RepoCreds::from_secret(&secret).map(|credentials| {
                demands.push(Demand::Repositories);
                self.credentials.insert(name.clone(), credentials);
            }),
            _ => Ok(()),
        };
        if let Err(problem) = read {
            self.problems.insert(name.clone(), problem.to_string());
        }
        demands.dedup();
        if let (Some(before), Some(after)) = (cluster_before, self.clusters.get(&name))
            && is_same_destination(&before, after)
        {
            demands.retain(|demand| !matches!(demand, Demand::Cluster(_)));
        }
        demands
    }

    /// Takes out a Secret.
    pub(super) fn remove_secret(&mut self, name: &str) -> Vec<Demand> {
        self.problems.remove(name);
        let mut demands = Vec::new();
        if let Some(cluster) = self.clusters.remove(name) {
            demands.push(Demand::Cluster(ClusterId(cluster.server.trim_end_matches('/').into())));
        }
        if self.repositories.remove(name).is_some() | self.credentials.remove(name).is_some() {
            demands.push(Demand::Repositories);
        }
        demands
    }

    /// Puts in a settings ConfigMap.
    pub(super) fn put_config_map(&mut self, object: &Value) -> Demand {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let data: BTreeMap<String, String> = object
            .get("data")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let same = self.config_maps.get(&name).is_some_and(|known| **known == data);
        let demand = if same { Demand::Nothing } else { demand_of_settings(&name) };
        if name == SETTINGS_NAME && !same {
            self.applications_have_health = gives_applications_a_health(&data);
        }
        self.config_maps.insert(name, Rc::new(data));
        demand
    }

    /// Takes out a settings ConfigMap.
    pub(super) fn remove_config_map(&mut self, name: &str) -> Demand {
        if name == SETTINGS_NAME {
            self.applications_have_health = false;
        }
        match self.config_maps.remove(name) {
            Some(_) => demand_of_settings(name),
            None => Demand::Nothing,
        }
    }
}

fn gives_applications_a_health(settings: &BTreeMap<String, String>) -> bool {
    let kind = format!("{}/Application", bridgehead_api::GROUP);
    let (settings, _) = Settings::read(settings);
    settings.overrides.get(&kind).is_some_and(|kind| !kind.health_lua.trim().is_empty())
}

fn demand_of_settings(name: &str) -> Demand {
    match name {
        SETTINGS_NAME => Demand::Everything,
        "argocd-ssh-known-hosts-cm" | "argocd-tls-certs-cm" => Demand::Repositories,
        _ => Demand::Nothing,
    }
}

/// True if applications find the same thing there, reached in the same way: generators alone look at labels and
/// annotations, and every list of Secrets brings all of them again.
fn is_same_destination(before: &Cluster, after: &Cluster) -> bool {
    let plain = |cluster: &Cluster| Cluster {
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        shard: None,
        ..cluster.clone()
    };
    plain(before) == plain(after)
}

/// True if `next` was read before `known`: a late frame. Versions that are no numbers are never older.
fn is_older(next: &Application, known: &Application) -> bool {
    let number =
        |application: &Application| application.metadata.resource_version.as_str().parse::<u64>().ok();
    next.metadata.uid == known.metadata.uid
        && matches!((number(next), number(known)), (Some(next), Some(known)) if next < known)
}

/// True if somebody else changed the phase of the operation: `terminate-op`, or a request that cleared it.
fn foreign_phase(before: &Application, after: &Application) -> bool {
    let phase =
        |application: &Application| application.status.operation_state.as_ref().map(|state| state.phase);
    phase(before) != phase(after)
}

/// The other engine that compared the application after we had, or since none is seen to run, or again after
/// it was caught: an object's fields remember who set them last. An answer to a write of ours comes without
/// that memory, and says nothing here.
fn foreign_writer(
    before: &Entry,
    after: &Entry,
    alone_since: Timestamp,
    caught: Option<&str>,
) -> Option<String> {
    let writer = after.status_writer.as_ref().filter(|writer| rival::is_another(writer))?;
    let was_ours = before.status_writer.as_ref().is_none_or(|before| before == APPLICATION_MANAGER);
    let at = after.application.status.reconciled_at;
    let is_news = before.application.status.reconciled_at != at;
    let is_late = at.is_some_and(|at| at.timestamp() > alone_since);
    let is_caught = caught == Some(writer.as_str());
    ((was_ours || is_late || is_caught)
        && is_news
        && before.application.metadata.uid == after.application.metadata.uid)
        .then(|| writer.clone())
}

fn in_cluster() -> Cluster {
    Cluster { server: IN_CLUSTER_SERVER.into(), name: IN_CLUSTER_NAME.into(), ..Cluster::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cluster_is_opened_anew_only_if_its_secret_says_something_else_of_it() {
        let secret = |label: &str, token: &str| {
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": "far", "namespace": "argocd",
                    "labels": {"argocd.argoproj.io/secret-type": "cluster", "tier": label},
                },
                "stringData": {
                    "name": "far", "server": "https://far.example",
                    "config": json!({"bearerToken": token}).to_string(),
                },
            })
        };
        let mut registry = Registry::new("argocd".into());
        let opens = [Demand::Cluster(ClusterId("https://far.example".into()))];
        assert_eq!(registry.put_secret(&secret("gold", "one")), opens);
        assert_eq!(registry.put_secret(&secret("gold", "one")), [], "listed again");
        assert_eq!(registry.put_secret(&secret("silver", "one")), [], "labelled");
        assert_eq!(registry.put_secret(&secret("silver", "two")), opens, "another token");
        assert_eq!(registry.remove_secret("far"), opens);
    }

    #[test]
    fn every_comparison_of_an_engine_that_was_caught_is_seen_whatever_its_clock_says() {
        let application = |version: u32, manager: &str, at: &str| {
            json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {
                    "name": "web", "namespace": "argocd", "uid": "u", "resourceVersion": version.to_string(),
                    "managedFields": [{"manager": manager, "fieldsV1": {"f:status": {"f:reconciledAt": {}}}}],
                },
                "spec": {"project": "default"}, "status": {"reconciledAt": at},
            })
        };
        let mut registry = Registry::new("argocd".into());
        let hour = |hour: u32| format!("2026-11-21T{hour:02}:00:00Z");
        registry.set_alone_since(hour(12).parse().ok());
        let put = |registry: &mut Registry, version, manager, at| {
            registry.put_application(&application(version, manager, &hour(at))).expect("an Application")
        };
        put(&mut registry, 1, APPLICATION_MANAGER, 12);
        for version in 2..5 {
            let demand = put(&mut registry, version, "argocd-application-controller", version);
            assert!(matches!(demand, Demand::Foreign(..)), "{version}: {demand:?}");
        }
        registry.set_alone_since(hour(13).parse().ok());
        let demand = put(&mut registry, 5, "argocd-application-controller", 6);
        assert!(!matches!(demand, Demand::Foreign(..)), "a late event of one that has stopped: {demand:?}");
    }
}
