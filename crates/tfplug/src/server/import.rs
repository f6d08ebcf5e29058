//! ImportResourceState.

use tokio_util::sync::CancellationToken;

use super::{Server, convert};
use crate::diagnostic::Diagnostics;
use crate::framework::{Private, Provider, identity_of, import_of};
use crate::proto::tfplugin6 as wire;

type Response = wire::import_resource_state::Response;

impl<P: Provider> Server<P> {
    pub(super) async fn import_resource_state(
        &self,
        request: wire::import_resource_state::Request,
        stop: CancellationToken,
    ) -> Response {
        let context = self.context(stop, Private::default());
        let imported = async {
            let resource = self.resource(&request.type_name)?;
            let (ty, schema) = (resource.ty(), resource.schema());
            let identity =
                match request.identity.as_ref().and_then(|identity| identity.identity_data.as_ref()) {
                    Some(identity) => Some(convert::value(Some(identity), &schema.identity_type())?),
                    None => None,
                };
            let import = import_of(schema, request.id.clone(), identity)?;
            let found = resource.import(&context, import).await?;
            Ok(wire::import_resource_state::ImportedResource {
                type_name: request.type_name.clone(),
                state: Some(convert::dynamic(&found.state, ty)?),
                private: context.notes().private.to_bytes(),
                identity: convert::identity(identity_of(schema, &found.state).as_ref(), schema)?,
            })
        };
        let imported: Result<_, Diagnostics> = imported.await;
        let mut problems = std::mem::take(&mut context.notes().warnings);
        let imported_resources = match imported {
            Ok(imported) => vec![imported],
            Err(errors) => {
                problems.extend(errors);
                Vec::new()
            }
        };
        Response { imported_resources, diagnostics: convert::diagnostics(problems), deferred: None }
    }
}
