//! HTTP/2 (or 1.1) over TLS, direct or through a proxy.
//!
//! Requests share one connection. Watches live long, and a server allows only so many streams per
//! connection (100 in a stock kube-apiserver): they are spread over connections of their own, so that
//! no watch waits for another one to end, nor a write for either.
//! HTTP/2's windows bound the bytes that are read ahead of whoever consumes them.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use super::authenticator::{Authenticator, IdentitySlot};
use super::{ConnectError, ConnectionSettings, RequestBody, tls};

/// Watches on one connection: well below the 100 streams that a kube-apiserver allows.
const STREAMS_PER_CONNECTION: usize = 60;
/// Bytes that one response may be ahead of its reader.
const STREAM_WINDOW: u32 = 256 << 10;
/// Bytes that all responses on one connection may be ahead of their readers.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// A connection whose other end is gone without a word is noticed after twice this.
const PING: Duration = Duration::from_secs(20);

type Exchange =
    dyn Fn(Request<RequestBody>) -> BoxFuture<'static, Result<Response<Incoming>, HyperError>> + Send + Sync;

/// Connections to one server, all with the same settings.
pub(super) struct Transport {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
    make_pool: Box<dyn Fn() -> Arc<Exchange> + Send + Sync>,
    identity: IdentitySlot,
    pools: Mutex<Pools>,
}

/// The connections that were made with one client certificate. What goes on over others ends there in time.
struct Pools {
    generation: u64,
    requests: Arc<Pool>,
    streams: Vec<Arc<Pool>>,
}

/// Usually one connection.
struct Pool {
    exchange: Arc<Exchange>,
    live: Arc<AtomicUsize>,
    warm: AtomicBool,
    first: tokio::sync::Mutex<()>,
}

/// Counts a stream for as long as it lives.
pub(super) struct StreamPlace(Arc<AtomicUsize>);

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Transport {
    pub(super) fn new(
        settings: &ConnectionSettings,
        authenticator: &Authenticator,
    ) -> Result<Self, ConnectError> {
        let address = address(&settings.server)?;
        let make_pool = pool_maker(settings, authenticator, &address)?;
        let parts = address.into_parts();
        let prefix = parts.path_and_query.map(|path| path.path().trim_end_matches('/').to_owned());
        Ok(Self {
            scheme: parts.scheme.unwrap_or(Scheme::HTTPS),
            authority: parts.authority.ok_or_else(|| ConnectError::unusable("server", "it has no host"))?,
            prefix: prefix.unwrap_or_default(),
            identity: Arc::clone(authenticator.identity()),
            pools: Mutex::new(Pools {
                generation: authenticator.generation(),
                requests: Arc::new(Pool::new(make_pool())),
                streams: Vec::new(),
            }),
            make_pool,
        })
    }

    /// The full address of a path and query on this server.
    pub(super) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.prefix))
            .build()
    }

    /// Host and port, for messages.
    pub(super) fn server(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.prefix)
    }

    pub(super) async fn request(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, HyperError> {
        let pool = Arc::clone(&self.pools().requests);
        pool.exchange(request).await
    }

    /// The pools of the present client certificate.
    fn pools(&self) -> MutexGuard<'_, Pools> {
        let generation = self.identity.lock().unwrap_or_else(PoisonError::into_inner).generation;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.generation != generation {
            let requests = Arc::new(Pool::new((self.make_pool)()));
            *pools = Pools { generation, requests, streams: Vec::new() };
        }
        pools
    }

    /// For answers that go on for minutes. The place is held until the body was read or dropped.
    pub(super) async fn stream(
        &self,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, StreamPlace), HyperError> {
        let (pool, place) = self.stream_pool();
        Ok((pool.exchange(request).await?, place))
    }

    fn stream_pool(&self) -> (Arc<Pool>, StreamPlace) {
        let streams = &mut self.pools().streams;
        let free =
            streams.iter().find(|pool| pool.live.load(Ordering::SeqCst) < STREAMS_PER_CONNECTION).cloned();
        let pool = free.unwrap_or_else(|| {
            let pool = Arc::new(Pool::new((self.make_pool)()));
            streams.push(Arc::clone(&pool));
            pool
        });
        pool.live.fetch_add(1, Ordering::SeqCst);
        let place = StreamPlace(Arc::clone(&pool.live));
        (pool, place)
    }
}

impl Pool {
    fn new(exchange: Arc<Exchange>) -> Self {
        Self {
            exchange,
            live: Arc::default(),
            warm: AtomicBool::new(false),
            first: tokio::sync::Mutex::new(()),
        }
    }

    /// The first request goes alone: until its handshake tells that the server speaks HTTP/2, each
    /// request at once would open a connection of its own.
    async fn exchange(&self, request: Request<RequestBody>) -> Result<Response<Incoming>, HyperError> {
        if self.warm.load(Ordering::Acquire) {
            return (self.exchange)(request).await;
        }
        let first = self.first.lock().await;
        if self.warm.load(Ordering::Acquire) {
            drop(first);
            return (self.exchange)(request).await;
        }
        let answer = (self.exchange)(request).await;
        self.warm.store(answer.is_ok(), Ordering::Release);
        answer
    }
}

fn address(server: &str) -> Result<Uri, ConnectError> {
    let unusable = |why: String| ConnectError::unusable("server", format!("`{server}`: {why}"));
    // kubectl takes a bare host and port as https.
    let text = if server.contains("://") { server.to_owned() } else { format!("https://{server}") };
    let address: Uri = text.parse().map_err(|error: http::uri::InvalidUri| unusable(error.to_string()))?;
    match address.scheme_str() {
        Some("https" | "http") => Ok(address),
        _ => Err(unusable("only https:// and http:// addresses are served".to_owned())),
    }
}

/// The proxy for this server; `None` for none.
fn proxy(
    settings: &ConnectionSettings,
    address: &Uri,
) -> Result<Option<(Uri, Option<HeaderValue>)>, ConnectError> {
    let found = match settings.proxy.as_deref() {
        Some("") => None,
        Some(url) => {
            let matcher = Matcher::builder().all(url).build();
            let intercept = matcher.intercept(address).ok_or_else(|| {
                ConnectError::unusable("proxy", "it is not an http, https or socks5 address")
            })?;
            Some(intercept)
        }
        None => Matcher::from_env().intercept(address),
    };
    Ok(found.map(|intercept| (intercept.uri().clone(), intercept.basic_auth().cloned())))
}

type PoolMaker = Box<dyn Fn() -> Arc<Exchange> + Send + Sync>;

fn pool_maker(
    settings: &ConnectionSettings,
    authenticator: &Authenticator,
    address: &Uri,
) -> Result<PoolMaker, ConnectError> {
    let config = tls::client_config(settings, authenticator.identity())?;
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    if let Some(name) = &settings.server_name {
        let name = rustls::pki_types::ServerName::try_from(name.clone())
            .map_err(|error| ConnectError::unusable("server name", error))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let builder = builder.enable_all_versions();
    let timeout = settings.connect_timeout;
    let tcp = tcp(timeout);

    let Some((proxy, auth)) = proxy(settings, address)? else {
        return Ok(maker(builder.wrap_connector(tcp), timeout));
    };
    let with_auth = |header: Option<HeaderValue>| header;
    match proxy.scheme_str() {
        Some("socks5" | "socks5h") => Ok(maker(builder.wrap_connector(SocksV5::new(proxy, tcp)), timeout)),
        Some("https") => {
            let outer: HttpsConnector<HttpConnector> = HttpsConnectorBuilder::new()
                .with_tls_config(tls::proxy_config()?)
                .https_or_http()
                .enable_http1()
                .wrap_connector(tcp);
            let mut tunnel = Tunnel::new(proxy, outer);
            if let Some(header) = with_auth(auth) {
                tunnel = tunnel.with_auth(header);
            }
            Ok(maker(builder.wrap_connector(tunnel), timeout))
        }
        _ => {
            let mut tunnel = Tunnel::new(proxy, tcp);
            if let Some(header) = with_auth(auth) {
                tunnel = tunnel.with_auth(header);
            }
            Ok(maker(builder.wrap_connector(tunnel), timeout))
        }
    }
}

fn tcp(timeout: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(timeout));
    connector.set_keepalive(Some(PING));
    connector
}

fn maker<C>(connector: C, timeout: Duration) -> PoolMaker
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    C::Future: Send + 'static,
    C::Response: Send + 'static,
    Timed<C>: Connect + Clone,
{
    let connector = Timed { inner: connector, timeout };
    Box::new(move || {
        let client: Client<Timed<C>, RequestBody> = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(connector.clone());
        Arc::new(move |request| client.request(request).boxed())
    })
}

/// Bounds the whole of connecting: name, TCP, proxy, TLS.
#[derive(Clone)]
struct Timed<C> {
    inner: C,
    timeout: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let timeout = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(result) => result.map_err(Into::into),
                Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            }
        })
    }
}
