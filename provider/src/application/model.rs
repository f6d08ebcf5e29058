//! The model.

use std::collections::BTreeMap;

use tfplug::prelude::*;

use super::policy::{IgnoreDifferences, Note, SyncPolicy};
use super::source::{Source, SourceHydrator};
use crate::connection::{OwnKubernetes, is_another_cluster};
use crate::object::check::object_name;

/// What becomes of the workloads when an application is destroyed.
pub(super) const ON_DESTROY: &[&str] = &["refuse", "cascade", "orphan"];

/// An application: what is deployed, from where, to where, and how. The agent keeps the cluster as the
/// repository says, without Terraform.
///
/// When Git comes to declare the application itself (another application tracks it), it belongs there:
/// plans stay empty, and a destroy leaves it to its new owner.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("bridgehead_application", version = 0, identity(namespace, name))]
pub struct Application<S: Stage> {
    /// Name of the application.
    #[attr(replace = "Kubernetes has no way to rename an object.", check = object_name)]
    pub name: S::Input<String>,
    /// Namespace of the agent. It reads applications there and nowhere else, also where a project lists other
    /// namespaces in `source_namespaces`.
    #[attr(default = "argocd", replace = "Kubernetes has no way to move an object.", check = tfplug::check::dns_label)]
    pub namespace: S::Input<String>,
    /// Labels. Those that others add are left alone.
    pub labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Annotations. Those that others add are left alone.
    pub annotations: S::Input<Option<BTreeMap<String, String>>>,
    /// Project that the application belongs to.
    #[attr(default = "default", check = object_name)]
    pub project: S::Input<String>,
    /// Where the manifests come from, if it is one place.
    pub source: S::Input<Option<Source>>,
    /// Where the manifests come from, if it is several places.
    pub sources: S::Input<Option<Vec<Source>>>,
    /// Renders into a branch and syncs from there, instead of `source` and `sources`.
    pub source_hydrator: S::Input<Option<SourceHydrator>>,
    /// Cluster and namespace.
    pub destination: S::Input<Destination>,
    /// When and how to sync.
    pub sync_policy: S::Input<Option<SyncPolicy>>,
    /// Fields that may differ without the application being out of sync.
    pub ignore_differences: S::Input<Option<Vec<IgnoreDifferences>>>,
    /// Notes, such as URLs and addresses, shown to people.
    pub info: S::Input<Option<Vec<Note>>>,
    /// How many past deployments are kept. 10 if absent.
    #[attr(check = tfplug::check::range(0..=1000))]
    pub revision_history_limit: S::Input<Option<i64>>,
    /// Whether the waves of an application of applications wait until those of the wave before are Synced and
    /// Healthy, here and further down; an application below may say otherwise by its annotation
    /// `bridgehead.dev/wait-for-applications`. True for an application that is created here; one that is
    /// imported keeps what it has, and null is as the application above has it. Argo CD doesn't know this
    /// annotation, and doesn't wait by itself.
    pub wait_for_applications: S::Either<Option<bool>>,
    /// What becomes of what the application has deployed when it is destroyed: `refuse` stops the destroy
    /// while there is anything, `cascade` deletes it too (by a finalizer, which holds for everybody who deletes
    /// the application), `orphan` leaves it running. A change takes effect when it has been applied.
    /// An application that is replaced (renamed, or by `-replace`) leaves it to its successor whatever is said
    /// here.
    #[attr(default = "refuse", check = tfplug::check::one_of(ON_DESTROY))]
    pub on_destroy: S::Input<String>,
    /// Another cluster than the provider's, for the application itself.
    #[attr(replace = "The object of the other cluster is another one.", another = is_another_cluster)]
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// How long operations may take.
    pub timeouts: S::Input<Option<Timeouts>>,
    /// UID of the object.
    #[attr(computed, keep)]
    pub uid: S::Output<String>,
}

/// A cluster, by URL or by name, and a namespace in it.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Destination {
    /// URL of the cluster's API server; `https://kubernetes.default.svc` is the one that the agent runs in.
    pub server: Option<String>,
    /// Name of the cluster, instead of its URL.
    pub name: Option<String>,
    /// Namespace of objects that name none themselves.
    pub namespace: Option<String>,
}
