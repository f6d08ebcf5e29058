//! GetProviderSchema, GetMetadata, GetResourceIdentitySchemas.

use super::{Server, convert};
use crate::framework::Provider;
use crate::proto::tfplugin6 as wire;
use crate::schema::{Mode, Schema};

fn capabilities() -> wire::ServerCapabilities {
    wire::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        generate_resource_config: false,
    }
}

impl<P: Provider> Server<P> {
    pub(super) fn get_provider_schema(&self) -> wire::get_provider_schema::Response {
        let registry = &self.registry;
        wire::get_provider_schema::Response {
            provider: Some(convert::schema(&self.schema)),
            resource_schemas: registry
                .resources
                .iter()
                .map(|(name, resource)| (name.clone(), convert::schema(resource.schema())))
                .collect(),
            data_source_schemas: registry
                .data_sources
                .iter()
                .map(|(name, source)| (name.clone(), convert::schema(source.schema())))
                .collect(),
            ephemeral_resource_schemas: registry
                .ephemeral
                .iter()
                .map(|(name, ephemeral)| (name.clone(), convert::schema(ephemeral.schema())))
                .collect(),
            functions: self.signatures(),
            diagnostics: convert::diagnostics(registry.problems.clone()),
            server_capabilities: Some(capabilities()),
            ..wire::get_provider_schema::Response::default()
        }
    }

    pub(super) fn get_metadata(&self) -> wire::get_metadata::Response {
        use wire::get_metadata::{DataSourceMetadata, EphemeralMetadata, FunctionMetadata, ResourceMetadata};
        let registry = &self.registry;
        wire::get_metadata::Response {
            server_capabilities: Some(capabilities()),
            diagnostics: convert::diagnostics(registry.problems.clone()),
            resources: registry
                .resources
                .keys()
                .map(|name| ResourceMetadata { type_name: name.clone() })
                .collect(),
            data_sources: registry
                .data_sources
                .keys()
                .map(|name| DataSourceMetadata { type_name: name.clone() })
                .collect(),
            ephemeral_resources: registry
                .ephemeral
                .keys()
                .map(|name| EphemeralMetadata { type_name: name.clone() })
                .collect(),
            functions: registry
                .functions
                .keys()
                .map(|name| FunctionMetadata { name: name.clone() })
                .collect(),
            ..wire::get_metadata::Response::default()
        }
    }

    pub(super) fn get_resource_identity_schemas(&self) -> wire::get_resource_identity_schemas::Response {
        let with_identity =
            self.registry.resources.iter().filter(|(_, resource)| !resource.schema().identity.is_empty());
        wire::get_resource_identity_schemas::Response {
            identity_schemas: with_identity
                .map(|(name, resource)| (name.clone(), identity_schema(resource.schema())))
                .collect(),
            diagnostics: Vec::new(),
        }
    }
}

fn identity_schema(schema: &Schema) -> wire::ResourceIdentitySchema {
    use wire::resource_identity_schema::IdentityAttribute;
    let attributes = schema.identity.iter().filter_map(|name| schema.attribute(name)).map(|attribute| {
        // What has a default may be left out.
        let optional = attribute.default.is_some() || attribute.mode == Mode::Optional;
        IdentityAttribute {
            name: attribute.name.clone(),
            r#type: attribute.ty().to_bytes(),
            required_for_import: !optional,
            optional_for_import: optional,
            description: attribute.description.clone(),
        }
    });
    wire::ResourceIdentitySchema { version: 0, identity_attributes: attributes.collect() }
}
