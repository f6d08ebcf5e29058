//! The RPCs, each handed to the file that answers it.
//!
//! What this crate doesn't offer (list resources, actions, state stores, generated configuration) is
//! answered as unimplemented: Terraform doesn't ask, because no schema names one.

use tonic::{Request, Response, Status};

use super::{Server, convert};
use crate::diagnostic::Diagnostics;
use crate::framework::Provider;
use crate::proto::tfplugin6 as wire;
use crate::proto::tfplugin6::provider_server::Provider as Rpc;
use crate::serve::stop_token;

/// What was found or went wrong in a validation, both told alike.
fn told(result: Result<Diagnostics, Diagnostics>) -> Vec<wire::Diagnostic> {
    convert::diagnostics(result.unwrap_or_else(|errors| errors))
}

/// The value, and what went wrong if there is none.
fn split<T>(result: Result<T, Diagnostics>) -> (Option<T>, Vec<wire::Diagnostic>) {
    match result {
        Ok(value) => (Some(value), Vec::new()),
        Err(errors) => (None, convert::diagnostics(errors)),
    }
}

#[tonic::async_trait]
impl<P: Provider> Rpc for Server<P> {
    async fn get_metadata(
        &self,
        _request: Request<wire::get_metadata::Request>,
    ) -> Result<Response<wire::get_metadata::Response>, Status> {
        Ok(Response::new(self.get_metadata()))
    }

    async fn get_provider_schema(
        &self,
        _request: Request<wire::get_provider_schema::Request>,
    ) -> Result<Response<wire::get_provider_schema::Response>, Status> {
        Ok(Response::new(self.get_provider_schema()))
    }

    async fn get_resource_identity_schemas(
        &self,
        _request: Request<wire::get_resource_identity_schemas::Request>,
    ) -> Result<Response<wire::get_resource_identity_schemas::Response>, Status> {
        Ok(Response::new(self.get_resource_identity_schemas()))
    }

    async fn get_functions(
        &self,
        _request: Request<wire::get_functions::Request>,
    ) -> Result<Response<wire::get_functions::Response>, Status> {
        Ok(Response::new(wire::get_functions::Response {
            functions: self.signatures(),
            diagnostics: Vec::new(),
        }))
    }

    async fn validate_provider_config(
        &self,
        request: Request<wire::validate_provider_config::Request>,
    ) -> Result<Response<wire::validate_provider_config::Response>, Status> {
        let diagnostics = told(self.validate_provider_config(request.get_ref()));
        Ok(Response::new(wire::validate_provider_config::Response { diagnostics }))
    }

    async fn configure_provider(
        &self,
        request: Request<wire::configure_provider::Request>,
    ) -> Result<Response<wire::configure_provider::Response>, Status> {
        let (_, diagnostics) = split(self.configure_provider(request.into_inner()).await);
        Ok(Response::new(wire::configure_provider::Response { diagnostics }))
    }

    /// The tokens of running requests are cancelled before this is called.
    async fn stop_provider(
        &self,
        _request: Request<wire::stop_provider::Request>,
    ) -> Result<Response<wire::stop_provider::Response>, Status> {
        Ok(Response::new(wire::stop_provider::Response::default()))
    }

    async fn validate_resource_config(
        &self,
        request: Request<wire::validate_resource_config::Request>,
    ) -> Result<Response<wire::validate_resource_config::Response>, Status> {
        let diagnostics = told(self.validate_resource_config(request.get_ref()));
        Ok(Response::new(wire::validate_resource_config::Response { diagnostics }))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Result<Response<wire::upgrade_resource_state::Response>, Status> {
        let (upgraded_state, diagnostics) = split(self.upgrade_resource_state(request.get_ref()));
        Ok(Response::new(wire::upgrade_resource_state::Response { upgraded_state, diagnostics }))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<wire::upgrade_resource_identity::Request>,
    ) -> Result<Response<wire::upgrade_resource_identity::Response>, Status> {
        let (upgraded_identity, diagnostics) = split(self.upgrade_resource_identity(request.get_ref()));
        Ok(Response::new(wire::upgrade_resource_identity::Response { upgraded_identity, diagnostics }))
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Result<Response<wire::read_resource::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.read_resource(request.into_inner(), stop).await))
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Result<Response<wire::plan_resource_change::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.plan_resource_change(request.into_inner(), stop).await))
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Result<Response<wire::apply_resource_change::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.apply_resource_change(request.into_inner(), stop).await))
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> Result<Response<wire::import_resource_state::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.import_resource_state(request.into_inner(), stop).await))
    }

    async fn move_resource_state(
        &self,
        request: Request<wire::move_resource_state::Request>,
    ) -> Result<Response<wire::move_resource_state::Response>, Status> {
        let response = self.move_resource_state(request.into_inner()).unwrap_or_else(|errors| {
            let diagnostics = convert::diagnostics(errors);
            wire::move_resource_state::Response {
                diagnostics,
                ..wire::move_resource_state::Response::default()
            }
        });
        Ok(Response::new(response))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<wire::validate_data_resource_config::Request>,
    ) -> Result<Response<wire::validate_data_resource_config::Response>, Status> {
        let diagnostics = told(self.validate_data_resource_config(request.get_ref()));
        Ok(Response::new(wire::validate_data_resource_config::Response { diagnostics }))
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Result<Response<wire::read_data_source::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.read_data_source(request.into_inner(), stop).await))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<wire::validate_ephemeral_resource_config::Request>,
    ) -> Result<Response<wire::validate_ephemeral_resource_config::Response>, Status> {
        let diagnostics = told(self.validate_ephemeral_resource_config(request.get_ref()));
        Ok(Response::new(wire::validate_ephemeral_resource_config::Response { diagnostics }))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<wire::open_ephemeral_resource::Request>,
    ) -> Result<Response<wire::open_ephemeral_resource::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.open_ephemeral_resource(request.into_inner(), stop).await))
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<wire::renew_ephemeral_resource::Request>,
    ) -> Result<Response<wire::renew_ephemeral_resource::Response>, Status> {
        let stop = stop_token(&request);
        Ok(Response::new(self.renew_ephemeral_resource(request.into_inner(), stop).await))
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<wire::close_ephemeral_resource::Request>,
    ) -> Result<Response<wire::close_ephemeral_resource::Response>, Status> {
        let stop = stop_token(&request);
        let diagnostics =
            convert::diagnostics(self.close_ephemeral_resource(request.into_inner(), stop).await);
        Ok(Response::new(wire::close_ephemeral_resource::Response { diagnostics }))
    }

    async fn call_function(
        &self,
        request: Request<wire::call_function::Request>,
    ) -> Result<Response<wire::call_function::Response>, Status> {
        let response = match self.call_function(request.get_ref()) {
            Ok(result) => wire::call_function::Response { result: Some(result), error: None },
            Err(error) => {
                let function_argument = error.argument.and_then(|argument| i64::try_from(argument).ok());
                let error = wire::FunctionError { text: error.text, function_argument };
                wire::call_function::Response { result: None, error: Some(error) }
            }
        };
        Ok(Response::new(response))
    }
}
