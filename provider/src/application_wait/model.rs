//! The model.

use std::collections::BTreeMap;

use tfplug::prelude::*;

use crate::connection::OwnKubernetes;

/// Waits until an application is as Git says and works. It is a resource of its own, because Terraform
/// destroys a resource whose creation has failed: when this wait fails or is interrupted, the next apply
/// waits again and recreates nothing. Destroying it does nothing.
///
/// It ends early when a sync has failed and will not be tried again, and names the objects with their messages.
/// Where that was before the wait began, the agent is asked to look at Git again first.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("bridgehead_application_wait", version = 0, identity(namespace, name))]
pub struct Wait<S: Stage> {
    /// Name of the application.
    #[attr(replace = "Another application is another wait.")]
    pub name: S::Input<String>,
    /// Its namespace.
    #[attr(default = "argocd", replace = "Another application is another wait.", check = tfplug::check::dns_label)]
    pub namespace: S::Input<String>,
    /// Wait until it is Synced.
    #[attr(default = true)]
    pub synced: S::Input<bool>,
    /// Wait until it is Healthy.
    #[attr(default = true)]
    pub healthy: S::Input<bool>,
    /// Wait until this commit, chart version or digest is what it was compared to; a commit may be abbreviated
    /// to seven digits. For an application with several sources: one of them.
    #[attr(check = tfplug::check::length(1..=256))]
    pub revision: S::Input<Option<String>>,
    /// Wait for the applications that it declares too, and for those that they declare.
    #[attr(default = false)]
    pub recursive: S::Input<bool>,
    /// How long to wait.
    #[attr(default = "10m")]
    pub timeout: S::Input<Span>,
    /// Wait again whenever one of these values changes.
    pub triggers: S::Input<Option<BTreeMap<String, String>>>,
    /// Another cluster than the provider's.
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// Revision that was reached: the first one's, where there are several sources.
    #[attr(computed)]
    pub observed_revision: S::Output<String>,
    /// The applications that were waited for, as `namespace/name`.
    #[attr(computed)]
    pub applications: S::Output<Vec<String>>,
}
