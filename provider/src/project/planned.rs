//! Projects as this plan is going to make them, for the applications that are planned with them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bridgehead_api::project::AppProject;
use serde_json::json;
use tfplug::model::Model as _;
use tfplug::path::{Path, Step};
use tfplug::prelude::*;
use tokio::sync::Notify;

use super::{Project, SPEC};
use crate::connection::{OwnKubernetes, cluster_named_by};
use crate::object::codec;

/// The rules that hold for applications themselves.
const RULES: &[&str] =
    &["source_repos", "destinations", "source_namespaces", "permit_only_project_scoped_clusters"];

/// Which project: its cluster, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProjectKey(String, String, String);

impl ProjectKey {
    pub(crate) fn new(own: Option<&OwnKubernetes>, namespace: &str, name: &str) -> Self {
        Self(cluster_named_by(own), namespace.to_owned(), name.to_owned())
    }
}

/// What a plan says of a project.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlannedProject {
    /// These will be its rules.
    Rules(Box<AppProject>),
    /// It is destroyed, or its rules are known after apply.
    Open,
}

/// All projects that were planned in this process.
#[derive(Default)]
pub(crate) struct PlannedProjects {
    known: Mutex<BTreeMap<ProjectKey, PlannedProject>>,
    news: Notify,
}

impl PlannedProjects {
    fn known(&self) -> MutexGuard<'_, BTreeMap<ProjectKey, PlannedProject>> {
        // An insert leaves the map whole, whatever panics elsewhere.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, key: ProjectKey, planned: PlannedProject) {
        self.known().insert(key, planned);
        self.news.notify_waiters();
    }

    /// Takes in the plan of a project that is made or changed.
    pub(super) fn note_plan(&self, planned: &Project<Planned>) {
        let (Some(own), Some(namespace), Some(name)) =
            (planned.kubernetes.known(), planned.namespace.known(), planned.name.known())
        else {
            return;
        };
        self.note(ProjectKey::new(own.as_ref(), namespace, name), rules(planned, namespace, name));
    }

    /// Takes in the plan of a destroy.
    pub(super) fn note_destroy(&self, prior: &Project<Partial>) {
        let key = ProjectKey::new(prior.kubernetes.as_ref(), &prior.namespace, &prior.name);
        self.note(key, PlannedProject::Open);
    }

    /// What was planned so far.
    pub(crate) fn get(&self, key: &ProjectKey) -> Option<PlannedProject> {
        self.known().get(key).cloned()
    }

    /// What is planned within this time: Terraform plans what does not refer to each other in any order.
    pub(crate) async fn wait(&self, key: &ProjectKey, within: Duration) -> Option<PlannedProject> {
        let planned = async {
            loop {
                let news = self.news.notified();
                tokio::pin!(news);
                // Before the look, so that no news in between is lost.
                news.as_mut().enable();
                if let Some(planned) = self.get(key) {
                    return planned;
                }
                news.await;
            }
        };
        tokio::time::timeout(within, planned).await.ok()
    }
}

fn rules(planned: &Project<Planned>, namespace: &str, name: &str) -> PlannedProject {
    let spec = codec::encode(&Project::<Planned>::schema().attributes, SPEC, &planned.to_value());
    if spec.unknown.iter().any(is_rule) {
        return PlannedProject::Open;
    }
    let object = json!({
        "apiVersion": bridgehead_api::API_VERSION,
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec.into_json(),
    });
    AppProject::from_value(object)
        .map_or(PlannedProject::Open, |project| PlannedProject::Rules(Box::new(project)))
}

fn is_rule(path: &Path) -> bool {
    matches!(path.steps().first(), Some(Step::Attribute(name)) if RULES.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use tfplug::value::Value;

    use super::*;

    fn planned(source_repos: Value) -> Project<Planned> {
        let known = Value::map([
            ("name", Value::string("shop")),
            ("namespace", Value::string("argocd")),
            ("source_repos", source_repos),
            ("description", Value::unknown()),
            ("uid", Value::unknown()),
        ]);
        let whole = crate::object::completed::<Project<Planned>>(known);
        Project::from_value(&whole, &Path::root()).unwrap()
    }

    #[tokio::test]
    async fn an_application_that_is_planned_first_waits_for_its_project() {
        let projects = PlannedProjects::default();
        let key = ProjectKey::new(None, "argocd", "shop");
        let waiting = projects.wait(&key, Duration::from_mins(1));
        let noting = async {
            projects.note_plan(&planned(Value::List(vec![Value::string("*")])));
        };
        let (found, ()) = tokio::join!(waiting, noting);
        let Some(PlannedProject::Rules(project)) = found else { panic!("{found:?}") };
        assert_eq!(project.spec.source_repos, ["*"]);
    }

    #[test]
    fn rules_that_are_not_known_yet_are_open() {
        let projects = PlannedProjects::default();
        projects.note_plan(&planned(Value::unknown()));
        assert_eq!(projects.get(&ProjectKey::new(None, "argocd", "shop")), Some(PlannedProject::Open));
    }
}
