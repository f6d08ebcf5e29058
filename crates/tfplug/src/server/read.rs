//! ReadResource.

use tokio_util::sync::CancellationToken;

use super::{Server, convert};
use crate::diagnostic::Diagnostics;
use crate::framework::{Private, Provider, Reading, identity_of};
use crate::proto::tfplugin6 as wire;
use crate::value::Value;

type Response = wire::read_resource::Response;

impl<P: Provider> Server<P> {
    pub(super) async fn read_resource(
        &self,
        request: wire::read_resource::Request,
        stop: CancellationToken,
    ) -> Response {
        let context = self.context(stop, Private::from_bytes(&request.private));
        let read = async {
            let resource = self.resource(&request.type_name)?;
            let (ty, schema) = (resource.ty(), resource.schema());
            let prior = convert::value(request.current_state.as_ref(), ty)?;
            let state = match resource.read(&context, prior).await? {
                Reading::State(state) => state,
                Reading::Gone => Value::Null,
            };
            let identity = match identity_of(schema, &state) {
                Some(identity) => convert::identity(Some(&identity), schema)?,
                None => request.current_identity.clone(),
            };
            Ok(Response {
                new_state: Some(convert::dynamic(&state, ty)?),
                new_identity: identity,
                ..Response::default()
            })
        };
        let read: Result<Response, Diagnostics> = read.await;
        let mut notes = context.notes();
        let mut problems = std::mem::take(&mut notes.warnings);
        let mut response = read.unwrap_or_else(|errors| {
            problems.extend(errors);
            Response {
                new_state: request.current_state.clone(),
                new_identity: request.current_identity.clone(),
                ..Response::default()
            }
        });
        response.diagnostics = convert::diagnostics(problems);
        response.private = notes.private.to_bytes();
        response
    }
}
