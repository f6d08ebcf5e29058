//! UpgradeResourceState, UpgradeResourceIdentity.

use super::{Server, convert};
use crate::codec::json::{self, Objects};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::Provider;
use crate::proto::tfplugin6 as wire;

impl<P: Provider> Server<P> {
    pub(super) fn upgrade_resource_state(
        &self,
        request: &wire::upgrade_resource_state::Request,
    ) -> Result<wire::DynamicValue, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let raw = raw_json(request.raw_state.as_ref())?;
        let state = resource.upgrade(request.version, raw)?;
        convert::dynamic(&state, resource.ty())
    }

    pub(super) fn upgrade_resource_identity(
        &self,
        request: &wire::upgrade_resource_identity::Request,
    ) -> Result<wire::ResourceIdentityData, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let ty = resource.schema().identity_type();
        let raw = raw_json(request.raw_identity.as_ref())?;
        let identity = json::decode(raw, &ty, Objects::Lenient)?;
        Ok(wire::ResourceIdentityData { identity_data: Some(convert::dynamic(&identity, &ty)?) })
    }
}

pub(super) fn raw_json(raw: Option<&wire::RawState>) -> Result<&[u8], Diagnostics> {
    match raw {
        Some(raw) if !raw.json.is_empty() => Ok(&raw.json),
        _ => Err(Diagnostic::error("The state has no JSON")
            .detail("It was written by Terraform 0.11 or older, which this provider doesn't read.")
            .into()),
    }
}
