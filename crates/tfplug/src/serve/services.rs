//! The services that a host expects beside the provider's own.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::debug;

use super::stop::Shutdown;
use crate::proto::health::health_check_response::ServingStatus;
use crate::proto::health::health_server::Health;
use crate::proto::health::{HealthCheckRequest, HealthCheckResponse};
use crate::proto::plugin::grpc_broker_server::GrpcBroker;
use crate::proto::plugin::grpc_controller_server::GrpcController;
use crate::proto::plugin::grpc_stdio_server::GrpcStdio;
use crate::proto::plugin::{ConnInfo, Empty, StdioData};

/// The service whose health go-plugin's host asks for.
const HEALTH_SERVICE: &str = "plugin";

/// How long running work may go on after Shutdown: the host kills the process after 2 s.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1500);

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct PluginServices {
    shutdown: Shutdown,
}

impl PluginServices {
    pub(super) fn new(shutdown: Shutdown) -> Self {
        Self { shutdown }
    }

    /// A stream that says nothing and ends with the server.
    fn silence<T: Send + 'static>(&self) -> BoxStream<T> {
        let end: CancellationToken = self.shutdown.token().clone();
        Box::pin(stream::pending().take_until(end.cancelled_owned()))
    }
}

#[tonic::async_trait]
impl GrpcController for PluginServices {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        debug!("the host is done");
        self.shutdown.begin(SHUTDOWN_GRACE);
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for PluginServices {
    /// Silent: what is printed goes to standard error, which the host reads itself.
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(self.silence()))
    }
}

#[tonic::async_trait]
impl GrpcBroker for PluginServices {
    /// Idle: a provider has no use for further connections. What the host says is read and
    /// dropped, and the stream ends when the host ends its side.
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        let said = request.into_inner().filter_map(async |_| None::<Result<ConnInfo, Status>>);
        let end = self.shutdown.token().clone();
        let stream = said.take_until(end.cancelled_owned());
        Ok(Response::new(Box::pin(stream)))
    }
}

#[tonic::async_trait]
impl Health for PluginServices {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match status_of(&request.get_ref().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("unknown service")),
            status => Ok(Response::new(health(status))),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<BoxStream<HealthCheckResponse>>, Status> {
        let now = health(status_of(&request.get_ref().service));
        let stream = stream::once(async move { Ok(now) }).chain(self.silence());
        Ok(Response::new(Box::pin(stream)))
    }
}

fn status_of(service: &str) -> ServingStatus {
    match service {
        "" | HEALTH_SERVICE => ServingStatus::Serving,
        _ => ServingStatus::ServiceUnknown,
    }
}

fn health(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
