//! MoveResourceState.

use super::upgrade::raw_json;
use super::{Server, convert};
use crate::codec::json;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::{MoveSource, Provider, identity_of};
use crate::proto::tfplugin6 as wire;

type Response = wire::move_resource_state::Response;

impl<P: Provider> Server<P> {
    pub(super) fn move_resource_state(
        &self,
        request: wire::move_resource_state::Request,
    ) -> Result<Response, Diagnostics> {
        let resource = self.resource(&request.target_type_name)?;
        let (_, state) = json::decode_untyped(raw_json(request.source_state.as_ref())?)?;
        let source = MoveSource {
            provider_address: request.source_provider_address,
            type_name: request.source_type_name,
            schema_version: request.source_schema_version,
            state,
        };
        let Some(taken) = resource.take_over(&source)? else {
            return Err(Diagnostic::error(format!("{} can't be moved here", source.type_name))
                .detail(format!(
                    "{} has no way to take an object over from {} of {}.",
                    request.target_type_name, source.type_name, source.provider_address
                ))
                .into());
        };
        let schema = resource.schema();
        Ok(Response {
            target_state: Some(convert::dynamic(&taken, resource.ty())?),
            target_identity: convert::identity(identity_of(schema, &taken).as_ref(), schema)?,
            ..Response::default()
        })
    }
}
