//! What an installation says of itself in the cluster, for those that come after it.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};

use bridgehead_engine::manifest::Manifest;
use bridgehead_install::Installation;
use bridgehead_kubernetes::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tfplug::prelude::*;

use super::install::DEFAULTS;
use super::left;
use crate::object::text;

/// Which installation wrote a part. Another one of the same place, such as a successor that is made before its
/// predecessor goes, writes the same names.
const INSTALLATION: &str = "bridgehead.dev/installation";
/// On the Deployment: what was not there before the agent and is not a part of it, so that whoever takes its
/// place can take that down.
const CREATED: &str = "bridgehead.dev/created";

/// The annotations of an installation. Namespace and definitions have none: other agents write them too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Marks {
    /// No other installation has it. None has been written by a version that knew no marks.
    pub(super) installation: Option<String>,
    created: Option<String>,
}

impl Marks {
    /// Those of a live part.
    pub(super) fn of(live: &Value) -> Self {
        let annotation = |name: &str| live["metadata"]["annotations"][name].as_str().map(str::to_owned);
        Self { installation: annotation(INSTALLATION), created: annotation(CREATED) }
    }

    /// Those to write next, where these were written last. Who imported an agent doesn't know what it has created,
    /// and leaves what it says of that.
    pub(super) fn next(last: Option<Self>, created: &BTreeSet<String>) -> Self {
        let last = last.unwrap_or_default();
        let shared: Vec<&str> = created.iter().map(String::as_str).filter(|name| is_shared(name)).collect();
        let created = if shared.is_empty() { last.created } else { Some(shared.join(", ")) };
        Self { installation: last.installation.or_else(|| Some(unique())), created }
    }

    /// The installation with these.
    pub(super) fn on(&self, mut installation: Installation) -> Installation {
        for object in &mut installation.objects {
            let mut manifest = Manifest::new(object.take());
            let created = self.created.as_ref().filter(|_| manifest.value()["kind"] == "Deployment");
            for (name, text) in [(INSTALLATION, self.installation.as_ref()), (CREATED, created)] {
                if let Some(text) = text {
                    manifest.set_annotation(name, text.as_str());
                }
            }
            *object = manifest.value().clone();
        }
        installation
    }
}

/// A text that no other installation has.
fn unique() -> String {
    // Each has keys of its own, which begin with what the system has of chance.
    let chance = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", chance(), chance())
}

/// Whether the name is of what stays when an agent is replaced.
fn is_shared(name: &str) -> bool {
    let kind = name.split(' ').next().unwrap_or_default();
    matches!(kind, "Namespace" | "CustomResourceDefinition")
        || DEFAULTS.iter().any(|(_, default, _)| *default == kind)
}

/// What agents that are there have created: all of it from one in this namespace, whose place a new one takes, and
/// the definitions from any.
pub(super) async fn inherited(
    connection: &Connection,
    namespace: &str,
) -> Result<BTreeSet<String>, Diagnostics> {
    let mut created = BTreeSet::new();
    for agent in left::agents(connection).await? {
        let here = text(&agent, "/metadata/namespace") == namespace;
        let names = Marks::of(&agent).created.unwrap_or_default();
        let names = names.split(", ").filter(|name| is_shared(name));
        let names = names.filter(|name| here || name.starts_with("CustomResourceDefinition "));
        created.extend(names.map(str::to_owned));
    }
    Ok(created)
}

#[cfg(test)]
mod tests {
    use bridgehead_install::{InstallOptions, install};

    use super::*;

    #[test]
    fn what_was_created_is_on_the_deployment_and_the_mark_on_every_part() {
        let created: BTreeSet<String> =
            ["Namespace argocd", "ConfigMap argocd/argocd-cm", "Deployment argocd/bridgehead-agent"]
                .map(str::to_owned)
                .into();
        let marks = Marks::next(None, &created);
        assert_eq!(marks.created.as_deref(), Some("ConfigMap argocd/argocd-cm, Namespace argocd"));
        let installation = marks.on(install(&InstallOptions::default()).unwrap());
        for object in &installation.objects {
            let found = Marks::of(object);
            assert_eq!(found.installation, marks.installation, "{}", object["kind"]);
            assert_eq!(found.created.is_some(), object["kind"] == "Deployment");
        }
        assert_ne!(Marks::next(None, &created).installation, marks.installation);
        assert_eq!(Marks::next(Some(marks.clone()), &BTreeSet::new()), marks);
    }
}
