//! OpenEphemeralResource, RenewEphemeralResource, CloseEphemeralResource.

use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::{Server, convert, unknown_name};
use crate::diagnostic::Diagnostics;
use crate::framework::{ErasedEphemeral, Private, Provider};
use crate::proto::tfplugin6 as wire;

impl<P: Provider> Server<P> {
    fn ephemeral(&self, name: &str) -> Result<&dyn ErasedEphemeral<P::Client>, Diagnostics> {
        let found = self.registry.ephemeral.get(name).map(AsRef::as_ref);
        found.ok_or_else(|| unknown_name("ephemeral resource", name))
    }

    pub(super) async fn open_ephemeral_resource(
        &self,
        request: wire::open_ephemeral_resource::Request,
        stop: CancellationToken,
    ) -> wire::open_ephemeral_resource::Response {
        let context = self.context(stop, Private::default());
        let opened = async {
            let ephemeral = self.ephemeral(&request.type_name)?;
            let config = convert::value(request.config.as_ref(), ephemeral.ty())?;
            let (result, renew_at) = ephemeral.open(&context, config).await?;
            Ok((convert::dynamic(&result, ephemeral.ty())?, renew_at))
        };
        let opened: Result<_, Diagnostics> = opened.await;
        let mut notes = context.notes();
        let mut problems = std::mem::take(&mut notes.warnings);
        let (result, renew_at) = match opened {
            Ok((result, renew_at)) => (Some(result), renew_at),
            Err(errors) => {
                problems.extend(errors);
                (None, None)
            }
        };
        wire::open_ephemeral_resource::Response {
            diagnostics: convert::diagnostics(problems),
            renew_at: renew_at.map(timestamp),
            result,
            private: Some(notes.private.to_bytes()),
            deferred: None,
        }
    }

    pub(super) async fn renew_ephemeral_resource(
        &self,
        request: wire::renew_ephemeral_resource::Request,
        stop: CancellationToken,
    ) -> wire::renew_ephemeral_resource::Response {
        let context = self.context(stop, Private::from_bytes(request.private.as_deref().unwrap_or_default()));
        let renewed = match self.ephemeral(&request.type_name) {
            Ok(ephemeral) => ephemeral.renew(&context).await,
            Err(errors) => Err(errors),
        };
        let mut notes = context.notes();
        let mut problems = std::mem::take(&mut notes.warnings);
        let renew_at = renewed.unwrap_or_else(|errors| {
            problems.extend(errors);
            None
        });
        wire::renew_ephemeral_resource::Response {
            diagnostics: convert::diagnostics(problems),
            renew_at: renew_at.map(timestamp),
            private: Some(notes.private.to_bytes()),
        }
    }

    pub(super) async fn close_ephemeral_resource(
        &self,
        request: wire::close_ephemeral_resource::Request,
        stop: CancellationToken,
    ) -> Diagnostics {
        let context = self.context(stop, Private::from_bytes(request.private.as_deref().unwrap_or_default()));
        let closed = match self.ephemeral(&request.type_name) {
            Ok(ephemeral) => ephemeral.close(&context).await,
            Err(errors) => Err(errors),
        };
        let mut problems = std::mem::take(&mut context.notes().warnings);
        if let Err(errors) = closed {
            problems.extend(errors);
        }
        problems
    }
}

fn timestamp(time: SystemTime) -> prost_types::Timestamp {
    time.into()
}
