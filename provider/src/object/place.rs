//! Where an object is to be: its kind has to be served, and its namespace to be there.

use std::time::Duration;

use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_kubernetes::Resource;
use bridgehead_kubernetes::waits::{self, Verdict};
use tfplug::prelude::*;

use super::Target;

/// How to make Terraform go in the right order.
const REFER: &str = "Let whatever lives in the agent's namespace refer to it, as in `namespace = \
                     bridgehead_agent.this.namespace`, or name the installation in `depends_on`: then Terraform \
                     makes that first.";

impl Target<'_> {
    /// Waits until the kind is served and the namespace is there, unless what brings them can't be begun.
    pub(crate) async fn wait_for_place(&self, within: Duration) -> Result<(), Diagnostics> {
        let slots = &self.context.client()?.slots;
        let held = slots.hold();
        let done = tokio::select! {
            biased;
            done = self.place_is_there(within) => done,
            () = slots.crowded_out(&self.cluster) => Err(self.crowded_out()),
        };
        drop(held);
        done
    }

    fn crowded_out(&self) -> Diagnostics {
        Diagnostic::error(format!("{} can't be created before the agent", self.key))
            .detail(format!(
                "It needs the custom resource definitions and the namespace that `bridgehead_agent` (or an \
                 installation of Argo CD) brings. Nothing brings them now, and Terraform can't begin it while \
                 ten creates wait as this one did: that is all that it does at once, unless `-parallelism` says \
                 otherwise, which a provider isn't told.\n\n{REFER} What has failed is made by the next apply."
            ))
            .at("namespace")
            .into()
    }

    async fn place_is_there(&self, within: Duration) -> Result<(), Diagnostics> {
        let explain = |error: waits::WaitError| {
            Diagnostic::error(format!("{} can't be created yet", self.key)).detail(format!(
                "{error}.\n\nIt needs the custom resource definitions and the namespace that `bridgehead_agent` \
                 (or an installation of Argo CD) brings: is it in this configuration, with the same namespace? \
                 {REFER}"
            ))
        };
        if let Some(definition) = self.kind.definition() {
            waits::crd_established(&self.connection, definition, within).await.map_err(explain)?;
        }
        let namespaces = Resource::known("v1", "Namespace", "namespaces", false);
        let namespace = ObjectKey::new(GroupKind::new("", "Namespace"), "", self.key.namespace());
        let what = format!("namespace `{}`", self.key.namespace());
        waits::wait_for(&self.connection, &namespaces, &namespace, within, what, |live| match live {
            Some(live) if !live.is_terminating() => Verdict::Done(()),
            Some(_) => Verdict::NotYet("it is being deleted".to_owned()),
            None => Verdict::NotYet("there is no such namespace".to_owned()),
        })
        .await
        .map_err(explain)?;
        Ok(())
    }
}
