//! `bridgehead_application_wait`: nothing in the cluster, only time.
//!
//! ```text
//! watch frames → Applications by key → judge each (judgement.rs) → Reached | Pending | Failed
//! ```

mod judgement;
mod model;
mod watch;

use tfplug::prelude::*;

use crate::connection::{Clients, check_own, connection};
pub use model::Wait;
use model::WaitComputed;

/// The resource.
pub(crate) struct Waits;

impl Resource for Waits {
    type Model = Wait<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Wait<Config>, problems: &mut Diagnostics) {
        check_own(&config.kubernetes, problems);
        if config.synced.known() == Some(&false)
            && config.healthy.known() == Some(&false)
            && config.revision.known() == Some(&None)
        {
            let detail = "Set `synced`, `healthy` or `revision`.";
            problems.error("synced", "There is nothing to wait for", detail);
        }
    }

    async fn create(&self, context: &Context<Clients>, planned: Wait<Applying>) -> Outcome<Self::Model> {
        let connection = connection(context, planned.kubernetes.as_ref()).await?;
        let reached =
            context.interruptible(watch::wait(&connection, &planned)).await.map_err(|error| {
                Diagnostic::error(format!("Waiting for application `{}` was interrupted", planned.name))
                    .detail("Nothing was changed. The next apply waits again.")
                    .because(&error)
            })??;
        let computed =
            WaitComputed { observed_revision: reached.revision, applications: reached.applications };
        Ok(planned.store(computed))
    }

    /// What was reached once stays reached: how an application is now is for the data source to say.
    async fn read(&self, _context: &Context<Clients>, _prior: Wait<Partial>) -> ReadResult<Self::Model> {
        Ok(Live::Unchanged)
    }

    async fn update(
        &self,
        context: &Context<Clients>,
        _prior: Wait<Partial>,
        planned: Wait<Applying>,
    ) -> Outcome<Self::Model> {
        Box::pin(self.create(context, planned)).await
    }

    async fn delete(&self, _context: &Context<Clients>, _prior: Wait<Partial>) -> Result<(), Diagnostics> {
        Ok(())
    }
}
