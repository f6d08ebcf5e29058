//! ApplyResourceChange.

use tokio_util::sync::CancellationToken;

use super::{Server, convert};
use crate::diagnostic::Diagnostics;
use crate::framework::{Apply, Private, Provider, identity_of};
use crate::proto::tfplugin6 as wire;

type Response = wire::apply_resource_change::Response;

impl<P: Provider> Server<P> {
    pub(super) async fn apply_resource_change(
        &self,
        request: wire::apply_resource_change::Request,
        stop: CancellationToken,
    ) -> Response {
        let private = Private::from_bytes(&request.planned_private);
        let context = self.context(stop, private.clone().of_state());
        let applied = async {
            let resource = self.resource(&request.type_name)?;
            let (ty, schema) = (resource.ty(), resource.schema());
            let apply = Apply {
                config: convert::value(request.config.as_ref(), ty)?,
                prior: convert::value(request.prior_state.as_ref(), ty)?,
                planned: convert::value(request.planned_state.as_ref(), ty)?,
            };
            if apply.planned.is_null() {
                context.notes().private = private.of_destroy();
            }
            let applied = resource.apply(&context, apply).await;
            let identity = convert::identity(identity_of(schema, &applied.state).as_ref(), schema)?;
            let state = convert::dynamic(&applied.state, ty)?;
            Ok((
                applied.problems,
                Response { new_state: Some(state), new_identity: identity, ..Response::default() },
            ))
        };
        let applied: Result<(Diagnostics, Response), Diagnostics> = applied.await;
        let mut notes = context.notes();
        let mut problems = std::mem::take(&mut notes.warnings);
        let mut response = match applied {
            Ok((told, response)) => {
                problems.extend(told);
                response
            }
            Err(errors) => {
                problems.extend(errors);
                Response {
                    new_state: request.prior_state.clone(),
                    new_identity: request.planned_identity.clone(),
                    ..Response::default()
                }
            }
        };
        if let Ok(resource) = self.resource(&request.type_name) {
            problems = convert::placed(problems, resource.schema());
        }
        response.diagnostics = convert::diagnostics(problems);
        response.private = std::mem::take(&mut notes.private).of_state().to_bytes();
        response
    }
}
