//! The protocol over the framework.
//!
//! Each RPC is the same three steps: from the wire to values, the framework's operation, values to the
//! wire. What fails is told as diagnostics, never as a gRPC error, so that the user sees it.

mod apply;
mod configure;
mod convert;
mod data_source;
mod ephemeral;
mod functions;
mod import;
mod moves;
mod plan;
mod read;
mod rpc;
mod schema;
mod upgrade;
mod validate;

use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::{Context, ErasedResource, Private, Provider, Registry};
use crate::model::Model;
use crate::schema::Schema;
use crate::value::Type;

/// Answers Terraform for a provider: what [`crate::serve()`] serves.
pub struct Server<P: Provider> {
    provider: P,
    schema: Schema,
    ty: Type,
    registry: Registry<P::Client>,
    client: RwLock<Option<Arc<P::Client>>>,
}

impl<P: Provider> Server<P> {
    /// A server of this provider.
    pub fn new(provider: P) -> Server<P> {
        let schema = P::Model::schema();
        let mut registry = Registry::new();
        registry.problems.extend(schema.problems());
        provider.register(&mut registry);
        Server { provider, ty: schema.ty(), schema, registry, client: RwLock::new(None) }
    }

    /// The schemas of all that the provider offers, as documentation shows them.
    pub fn schemas(&self) -> crate::docs::ProviderSchema {
        crate::docs::ProviderSchema {
            provider: self.schema.clone(),
            resources: self.registry.resources.values().map(|resource| resource.schema().clone()).collect(),
            data_sources: self.registry.data_sources.values().map(|source| source.schema().clone()).collect(),
            ephemeral: self.registry.ephemeral.values().map(|ephemeral| ephemeral.schema().clone()).collect(),
            functions: self.registry.functions.values().map(|function| function.signature()).collect(),
        }
    }

    fn context(&self, stop: CancellationToken, private: Private) -> Context<P::Client> {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
        Context::new(client, stop, private)
    }

    fn resource(&self, name: &str) -> Result<&dyn ErasedResource<P::Client>, Diagnostics> {
        self.registry.resources.get(name).map(AsRef::as_ref).ok_or_else(|| unknown_name("resource", name))
    }
}

/// All that a provider's `main` has to do: serves it to Terraform at this address, the one of its
/// registry (`registry.terraform.io/example/thing`). With `--debug` among the arguments it serves to a
/// debugger: see [the server](mod@crate::serve).
pub fn run<P: Provider>(provider: P, address: &str) -> ExitCode {
    let options = crate::serve::Options::from_arguments(address, std::env::args());
    crate::serve::run(Server::new(provider), options)
}

fn unknown_name(kind: &str, name: &str) -> Diagnostics {
    Diagnostic::error(format!("The provider has no {kind} `{name}`")).into()
}
