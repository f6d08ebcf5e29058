//! ValidateProviderConfig, ValidateResourceConfig, ValidateDataResourceConfig,
//! ValidateEphemeralResourceConfig.

use super::{Server, convert, unknown_name};
use crate::diagnostic::Diagnostics;
use crate::framework::{Provider, check_configuration, visit};
use crate::model::{At, Model};
use crate::path::Path;
use crate::proto::tfplugin6 as wire;
use crate::schema::Schema;
use crate::stage::Config;
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) fn validate_provider_config(
        &self,
        request: &wire::validate_provider_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let config = convert::value(request.config.as_ref(), &self.ty)?;
        let problems = check_configuration(&self.schema, &config, |config, problems| {
            let config = At::<P::Model, Config>::from_value(config, &Path::root())?;
            self.provider.validate(&config, problems);
            Ok(())
        });
        Ok(convert::placed(problems, &self.schema))
    }

    pub(super) fn validate_resource_config(
        &self,
        request: &wire::validate_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let config = convert::value(request.config.as_ref(), resource.ty())?;
        let allowed =
            request.client_capabilities.as_ref().is_some_and(|client| client.write_only_attributes_allowed);
        let mut problems = resource.validate(&config);
        if !allowed {
            refuse_write_only(resource.schema(), &config, &mut problems);
        }
        Ok(convert::placed(problems, resource.schema()))
    }

    pub(super) fn validate_data_resource_config(
        &self,
        request: &wire::validate_data_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let name = &request.type_name;
        let source = self.registry.data_sources.get(name).ok_or_else(|| unknown_name("data source", name))?;
        let config = convert::value(request.config.as_ref(), source.ty())?;
        Ok(convert::placed(source.validate(&config), source.schema()))
    }

    pub(super) fn validate_ephemeral_resource_config(
        &self,
        request: &wire::validate_ephemeral_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let name = &request.type_name;
        let ephemeral =
            self.registry.ephemeral.get(name).ok_or_else(|| unknown_name("ephemeral resource", name))?;
        let config = convert::value(request.config.as_ref(), ephemeral.ty())?;
        Ok(convert::placed(ephemeral.validate(&config), ephemeral.schema()))
    }
}

/// A Terraform that doesn't know write-only attributes would store them.
fn refuse_write_only(schema: &Schema, config: &Value, problems: &mut Diagnostics) {
    visit(&schema.attributes, config, &Path::root(), &mut |attribute, value, path| {
        if attribute.write_only && !value.is_null() {
            problems.error(
                path.clone(),
                format!("`{path}` needs Terraform 1.11"),
                "The attribute is write-only: an older Terraform would store its value in the state.",
            );
        }
    });
}
