//! One request: to the service that its path names, with its stop token, in a span of its own,
//! and with a net under it.
//!
//! ```text
//! http request ─ stop token ─ service ─ provider ─ response head ─ body frames
//!                             └──────────── a panic here ends this request, and only it
//! ```

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;
use tracing::{Instrument as _, Span, error, error_span};

use super::services::PluginServices;
use super::stop::{Shutdown, Stop};
use crate::proto::health::health_server::HealthServer;
use crate::proto::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::proto::plugin::grpc_controller_server::GrpcControllerServer;
use crate::proto::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::proto::tfplugin6::provider_server::{Provider, ProviderServer};

/// The largest message in either direction. Terraform takes up to 64 MiB for a schema and sets
/// 256 MiB for everything; tonic's own limit of 4 MiB is less than one large state.
const MESSAGE_LIMIT: usize = 256 << 20;

/// The path of the RPC that ends running work.
const STOP_PROVIDER: &str = "/tfplugin6.Provider/StopProvider";

/// Serves every RPC.
#[derive(Debug)]
pub(super) struct Rpcs<P> {
    provider: ProviderServer<P>,
    plugin: PluginServices,
    stop: Stop,
    shutdown: Shutdown,
    address: Arc<str>,
    count: Arc<AtomicU64>,
}

// Not derived: that would ask for `P: Clone`.
impl<P> Clone for Rpcs<P> {
    fn clone(&self) -> Self {
        Self {
            provider: self.provider.clone(),
            plugin: self.plugin.clone(),
            stop: self.stop.clone(),
            shutdown: self.shutdown.clone(),
            address: Arc::clone(&self.address),
            count: Arc::clone(&self.count),
        }
    }
}

impl<P: Provider> Rpcs<P> {
    pub(super) fn new(provider: P, stop: Stop, shutdown: Shutdown, address: &str) -> Self {
        Self {
            provider: ProviderServer::new(provider)
                .max_decoding_message_size(MESSAGE_LIMIT)
                .max_encoding_message_size(MESSAGE_LIMIT),
            plugin: PluginServices::new(shutdown.clone()),
            stop,
            shutdown,
            address: address.into(),
            count: Arc::default(),
        }
    }

    /// Hands a request to its service.
    fn route(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let path = request.uri().path();
        let service = path.strip_prefix('/').and_then(|path| path.split('/').next());
        match service.unwrap_or_default() {
            <ProviderServer<P> as NamedService>::NAME => answer(self.provider.clone(), request),
            <GrpcStdioServer<PluginServices> as NamedService>::NAME => {
                answer(GrpcStdioServer::new(self.plugin.clone()), request)
            }
            <GrpcBrokerServer<PluginServices> as NamedService>::NAME => {
                answer(GrpcBrokerServer::new(self.plugin.clone()), request)
            }
            <GrpcControllerServer<PluginServices> as NamedService>::NAME => {
                answer(GrpcControllerServer::new(self.plugin.clone()), request)
            }
            <HealthServer<PluginServices> as NamedService>::NAME => {
                answer(HealthServer::new(self.plugin.clone()), request)
            }
            unknown => {
                let status = Status::unimplemented(format!("no service `{unknown}` here"));
                Box::pin(async move { status.into_http() })
            }
        }
    }
}

fn answer<S>(mut service: S, request: Request<Body>) -> BoxFuture<'static, Response<Body>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    Box::pin(service.call(request).map(|answer| match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }))
}

impl<P: Provider> Service<Request<Body>> for Rpcs<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let method: Arc<str> = path.rsplit('/').next().unwrap_or_default().into();
        // The keys are those of Terraform's own logs.
        let span = error_span!(
            "rpc",
            tf_rpc = %method,
            tf_req_id = self.count.fetch_add(1, Ordering::Relaxed),
            tf_provider_addr = %self.address,
        );
        if path == STOP_PROVIDER {
            self.stop.stop();
        }
        request.extensions_mut().insert(self.stop.token());

        let rpcs = self.clone();
        let work = self.shutdown.work();
        let body_span = span.clone();
        let future = async move {
            let answered = AssertUnwindSafe(async move { rpcs.route(request).await }).catch_unwind().await;
            Ok(match answered {
                Ok(response) => response.map(|inner| {
                    Body::new(Guarded { inner: Some(inner), method, span: body_span, _work: work })
                }),
                Err(panic) => panic_status(&method, panic.as_ref()).into_http(),
            })
        };
        Box::pin(future.instrument(span))
    }
}

/// What the caller is told of a panic. Terraform shows it to its user, who sees at least what
/// happened; where it happened is in the log.
fn panic_status(method: &str, panic: &(dyn Any + Send)) -> Status {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    error!(method, "the provider panicked");
    Status::internal(format!(
        "the provider panicked in {method}: {message}. This is a bug in the provider; \
         its log (TF_LOG_PROVIDER=error) says where."
    ))
}

/// A response body whose panics end it with a status.
struct Guarded {
    /// Absent after a panic.
    inner: Option<Body>,
    method: Arc<str>,
    span: Span,
    _work: TaskTrackerToken,
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some(inner) = this.inner.as_mut() else {
            return Poll::Ready(None);
        };
        let _entered = this.span.enter();
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(context))) {
            Ok(poll) => poll,
            Err(panic) => {
                this.inner = None;
                let status = panic_status(&this.method, panic.as_ref());
                let mut trailers = HeaderMap::new();
                status.add_header(&mut trailers)?;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
