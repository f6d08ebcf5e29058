//! PlanResourceChange.

use tokio_util::sync::CancellationToken;

use super::{Server, convert};
use crate::diagnostic::Diagnostics;
use crate::framework::{PlanChange, Private, Provider, identity_of};
use crate::proto::tfplugin6 as wire;

type Response = wire::plan_resource_change::Response;

impl<P: Provider> Server<P> {
    pub(super) async fn plan_resource_change(
        &self,
        request: wire::plan_resource_change::Request,
        stop: CancellationToken,
    ) -> Response {
        let context = self.context(stop, Private::from_bytes(&request.prior_private));
        let planned = async {
            let resource = self.resource(&request.type_name)?;
            let (ty, schema) = (resource.ty(), resource.schema());
            let proposed = convert::value(request.proposed_new_state.as_ref(), ty)?;
            let prior = convert::value(request.prior_state.as_ref(), ty)?;
            {
                let mut notes = context.notes();
                let private = std::mem::take(&mut notes.private);
                // The new object of a replacement comes with what was kept of the old one.
                notes.private = if prior.is_null() { private.of_create() } else { private.of_state() };
            }
            let config = convert::value(request.config.as_ref(), ty)?;
            let change = PlanChange { config, prior, destroy: proposed.is_null() };
            let plan = resource.plan(&context, change).await?;
            let identity = match identity_of(schema, &plan.planned) {
                Some(identity) => convert::identity(Some(&identity), schema)?,
                // What is destroyed keeps its identity to the end.
                None if plan.planned.is_null() => request.prior_identity.clone(),
                None => None,
            };
            Ok(Response {
                planned_state: Some(convert::dynamic(&plan.planned, ty)?),
                requires_replace: plan.replace.iter().filter_map(convert::path).collect(),
                planned_identity: identity,
                ..Response::default()
            })
        };
        let planned: Result<Response, Diagnostics> = planned.await;
        let mut notes = context.notes();
        let mut problems = std::mem::take(&mut notes.warnings);
        let mut response = planned.unwrap_or_else(|errors| {
            problems.extend(errors);
            // Terraform wants a value even beside an error.
            Response { planned_state: request.proposed_new_state.clone(), ..Response::default() }
        });
        if let Ok(resource) = self.resource(&request.type_name) {
            problems = convert::placed(problems, resource.schema());
        }
        response.diagnostics = convert::diagnostics(problems);
        response.planned_private = notes.private.to_bytes();
        response
    }
}
