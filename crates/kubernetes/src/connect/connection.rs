//! One API server, as a value that can be cloned and asked.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use kube::client::Body;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tower::service_fn;

use super::authenticator::Authenticator;
use super::fence::Fence;
use super::limiter::Limiter;
use super::settings::Impersonation;
use super::streams::ByteStream;
use super::transport::{StreamPlace, Transport};
use super::{ConnectError, ConnectionSettings, RequestBody};
use crate::error::{ApiError, ApiErrorKind, unreachable};
use crate::jitter;

/// The longest answer that is taken whole. The largest are pages of lists and aggregated discovery.
const ANSWER_LIMIT: usize = 64 << 20;
/// `Retry-After` is followed up to this; more is the caller's to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// An interrupted read is tried again this often: a server that restarts or says GOAWAY is back at once.
const READ_RETRIES: u32 = 2;

/// A connection to one API server. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    headers: Arc<Vec<(HeaderName, HeaderValue)>>,
    client: Arc<OnceLock<kube::Client>>,
    fence: Option<Fence>,
}

struct Shared {
    transport: Transport,
    authenticator: Authenticator,
    limiter: Limiter,
    timeout: Duration,
    default_namespace: String,
}

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// What the settings say.
    Usual,
    /// This long.
    Within(Duration),
}

/// A request to be.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    method: Method,
    path: String,
    query: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    operation: String,
    deadline: Deadline,
    queued: bool,
}

/// By what the server was to know us in a request.
#[derive(PartialEq)]
struct SentProof {
    token: Option<HeaderValue>,
    /// Which of the client certificates that there were.
    identity: u64,
}

/// An answer below 400, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// `ETag`, if there is one.
    pub etag: Option<String>,
    operation: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ApiError::new(ApiErrorKind::Protocol, &*self.operation, "the answer is not what was asked for")
                .caused(error)
        })
    }
}

impl RequestBuilder {
    /// `path` begins with `/` and is encoded. `operation` completes "failed to …".
    pub fn new(method: Method, path: impl Into<String>, operation: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            operation: operation.into(),
            deadline: Deadline::Usual,
            queued: true,
        }
    }

    /// A GET.
    pub fn get(path: impl Into<String>, operation: impl Into<String>) -> Self {
        Self::new(Method::GET, path, operation)
    }

    /// Adds a query parameter; name and value are encoded here.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        let pair = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        self.query.push_str(&pair);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.push((CONTENT_TYPE, HeaderValue::from_static(content_type)));
        self.body = body.into();
        self
    }

    /// What form the answer should have; JSON if this is not called.
    #[must_use]
    pub fn accept(mut self, form: &'static str) -> Self {
        self.headers.push((ACCEPT, HeaderValue::from_static(form)));
        self
    }

    /// 304 without a body if the answer would still have this `ETag`.
    #[must_use]
    pub fn unless_tag(mut self, tag: Option<&str>) -> Self {
        if let Some(value) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            self.headers.push((IF_NONE_MATCH, value));
        }
        self
    }

    /// Bounds this request.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.deadline = Deadline::Within(time);
        self
    }

    /// Doesn't wait for a place among the others: for Leases, which must not be late.
    #[must_use]
    pub fn unqueued(mut self) -> Self {
        self.queued = false;
        self
    }
}

impl Connection {
    pub(super) fn new(
        settings: &ConnectionSettings,
        transport: Transport,
        authenticator: Authenticator,
    ) -> Result<Self, ConnectError> {
        let agent = HeaderValue::try_from(&settings.user_agent)
            .map_err(|error| ConnectError::unusable("user agent", error))?;
        let mut headers = vec![(USER_AGENT, agent)];
        if let Some(who) = &settings.impersonation {
            headers.extend(impersonation(who)?);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                transport,
                authenticator,
                limiter: Limiter::new(settings.concurrency),
                timeout: settings.request_timeout,
                default_namespace: settings.default_namespace.clone(),
            }),
            headers: Arc::new(headers),
            client: Arc::default(),
            fence: None,
        })
    }

    /// The same connections, asking on behalf of somebody else.
    pub fn impersonating(&self, who: &Impersonation) -> Result<Self, ConnectError> {
        let agent = self.headers.iter().filter(|(name, _)| *name == USER_AGENT).cloned();
        let headers = agent.chain(impersonation(who)?).collect();
        Ok(Self { headers: Arc::new(headers), client: Arc::default(), ..self.clone() })
    }

    /// The same connections, which send nothing but reads once the fence is closed. What was asked for then fails as
    /// if the server could not be reached.
    #[must_use]
    pub fn fenced(&self, fence: Fence) -> Self {
        Self { fence: Some(fence), client: Arc::default(), ..self.clone() }
    }

    /// What keeps this connection from writing, if anything may.
    pub fn fence(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }

    /// Namespace of the context or of the service account.
    pub fn default_namespace(&self) -> &str {
        &self.shared.default_namespace
    }

    /// The server's address, for messages.
    pub fn server(&self) -> String {
        self.shared.transport.server()
    }

    /// How many requests go at once.
    pub fn limiter(&self) -> &Limiter {
        &self.shared.limiter
    }

    /// Sends a request and takes the whole answer. A status of 400 and above is an error.
    ///
    /// 401 is answered with another token if there can be one; 429 is waited out as the server asks,
    /// within the deadline; reads that break off are made again.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, ApiError> {
        let (parts, body) = self.exchange(&request).await?;
        let status = parts.status;
        if status.as_u16() >= 400 {
            return Err(ApiError::from_answer(
                request.operation,
                status.as_u16(),
                &body,
                retry_after(&parts),
            ));
        }
        let etag = parts.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: status.as_u16(), body, etag, operation: request.operation })
    }

    /// Sends a request whose answer goes on: a watch. The deadline bounds its beginning only, and it
    /// takes no place among the others. A status of 400 and above is an error.
    pub async fn open(&self, request: RequestBuilder) -> Result<ByteStream, ApiError> {
        let (response, place) = self.timed(&request, self.start_stream(&request)).await?;
        let (parts, body) = response.into_parts();
        let stream = ByteStream::new(body, request.operation.clone(), self.server(), Some(place));
        if parts.status.as_u16() < 400 {
            return Ok(stream);
        }
        let body = self.timed(&request, stream.collect(ANSWER_LIMIT)).await?;
        Err(ApiError::from_answer(request.operation, parts.status.as_u16(), &body, retry_after(&parts)))
    }

    /// A client for typed requests, over the same connections.
    pub fn client(&self) -> kube::Client {
        let connection = self.clone();
        self.client
            .get_or_init(|| {
                let namespace = connection.default_namespace().to_owned();
                // The closure must not hold the cell that holds the client.
                let detached = Self { client: Arc::default(), ..connection };
                let service = service_fn(move |request: Request<Body>| {
                    let connection = detached.clone();
                    async move { connection.typed(request).await }
                });
                kube::Client::new(service, namespace)
            })
            .clone()
    }

    async fn timed<T>(
        &self,
        request: &RequestBuilder,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let limit = self.limit(request);
        self.until(Instant::now() + limit, limit, request, work).await
    }

    fn limit(&self, request: &RequestBuilder) -> Duration {
        match request.deadline {
            Deadline::Usual => self.shared.timeout,
            Deadline::Within(time) => time,
        }
    }

    /// `limit`: what of the request's time is over at `end`, for the message.
    async fn until<T>(
        &self,
        end: Instant,
        limit: Duration,
        request: &RequestBuilder,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        tokio::time::timeout_at(end, work).await.unwrap_or_else(|_| {
            let message = format!("no answer from `{}` within {} s", self.server(), limit.as_secs_f32());
            Err(ApiError::new(ApiErrorKind::Timeout, &*request.operation, message))
        })
    }

    async fn exchange(&self, request: &RequestBuilder) -> Result<(http::response::Parts, Bytes), ApiError> {
        let limit = self.limit(request);
        let end = Instant::now() + limit;
        let mut broken_off = 0;
        loop {
            let permit = if request.queued {
                let place = async { Ok(self.shared.limiter.acquire().await) };
                Some(self.until(end, limit, request, place).await?)
            } else {
                None
            };
            let attempt = async {
                let response = self.start(request).await?;
                let (parts, body) = response.into_parts();
                let stream = ByteStream::new(body, request.operation.clone(), self.server(), None);
                Ok((parts, stream.collect(ANSWER_LIMIT).await?))
            };
            let outcome = self.until(end, limit, request, attempt).await;
            let overloaded = match &outcome {
                Ok((parts, _)) => parts.status == StatusCode::TOO_MANY_REQUESTS,
                Err(error) => error.kind == ApiErrorKind::Timeout,
            };
            match permit {
                Some(permit) if overloaded => permit.overloaded(),
                Some(permit) if outcome.is_ok() => permit.succeeded(),
                _ => {}
            }
            match outcome {
                Ok((parts, body)) if parts.status == StatusCode::TOO_MANY_REQUESTS => {
                    let pause = retry_after(&parts).unwrap_or(Duration::from_secs(1)).min(LONGEST_PAUSE);
                    let pause = jitter::spread(pause, 0.3);
                    if Instant::now() + pause >= end {
                        return Ok((parts, body));
                    }
                    tokio::time::sleep(pause).await;
                }
                Err(error)
                    if error.kind == ApiErrorKind::Unreachable
                        && request.method == Method::GET
                        && broken_off < READ_RETRIES
                        && Instant::now() < end =>
                {
                    broken_off += 1;
                    tokio::time::sleep(jitter::spread(Duration::from_millis(50), 0.5)).await;
                }
                other => return other,
            }
        }
    }

    /// One attempt, and a second one with another token or client certificate after 401.
    async fn start(&self, request: &RequestBuilder) -> Result<Response<Incoming>, ApiError> {
        let (built, proof) = self.build(request, None).await?;
        let response =
            self.shared.transport.request(built).await.map_err(|error| self.unreachable(request, error))?;
        match Box::pin(self.build_again(request, response.status(), &proof)).await? {
            None => Ok(response),
            Some(built) => {
                self.shared.transport.request(built).await.map_err(|error| self.unreachable(request, error))
            }
        }
    }

    async fn start_stream(
        &self,
        request: &RequestBuilder,
    ) -> Result<(Response<Incoming>, StreamPlace), ApiError> {
        let (built, proof) = self.build(request, None).await?;
        let opened =
            self.shared.transport.stream(built).await.map_err(|error| self.unreachable(request, error))?;
        match Box::pin(self.build_again(request, opened.0.status(), &proof)).await? {
            None => Ok(opened),
            Some(built) => {
                self.shared.transport.stream(built).await.map_err(|error| self.unreachable(request, error))
            }
        }
    }

    /// The request once more, if the server did not accept the proof and there is another one now.
    async fn build_again(
        &self,
        request: &RequestBuilder,
        status: StatusCode,
        refused: &SentProof,
    ) -> Result<Option<Request<RequestBody>>, ApiError> {
        if status != StatusCode::UNAUTHORIZED || !self.shared.authenticator.mints() {
            return Ok(None);
        }
        let (built, proof) = self.build(request, Some(refused)).await?;
        Ok((proof != *refused).then_some(built))
    }

    fn unreachable(&self, request: &RequestBuilder, error: hyper_util::client::legacy::Error) -> ApiError {
        unreachable(&*request.operation, &self.server(), error)
    }

    async fn build(
        &self,
        request: &RequestBuilder,
        refused: Option<&SentProof>,
    ) -> Result<(Request<RequestBody>, SentProof), ApiError> {
        let authenticator = &self.shared.authenticator;
        let header = match refused {
            None => authenticator.header().await,
            Some(proof) => authenticator.header_instead_of(proof.token.as_ref()).await,
        };
        let token = header.map_err(|error| {
            ApiError::new(ApiErrorKind::Credentials, &*request.operation, "no token could be had")
                .caused(error)
        })?;
        let unusable = |error: http::Error| {
            ApiError::new(ApiErrorKind::Protocol, &*request.operation, "the request cannot be written")
                .caused(error)
        };
        let uri =
            self.shared.transport.uri(&format!("{}{}", request.path, request.query)).map_err(unusable)?;
        let mut built = Request::builder()
            .method(request.method.clone())
            .uri(uri)
            .body(RequestBody::new(request.body.clone()))
            .map_err(unusable)?;
        let headers = built.headers_mut();
        for (name, value) in self.headers.iter() {
            headers.append(name.clone(), value.clone());
        }
        for (name, value) in &request.headers {
            headers.insert(name.clone(), value.clone());
        }
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        if let Some(token) = &token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        // Last of all: places among other requests, pauses and tokens were waited for until here.
        if request.method != Method::GET && self.fence.as_ref().is_some_and(Fence::is_closed) {
            let message = "it was not sent: the right to write is over";
            return Err(ApiError::new(ApiErrorKind::Unreachable, &*request.operation, message));
        }
        Ok((built, SentProof { token, identity: authenticator.generation() }))
    }

    /// What `kube::Client` sends. Errors of the API are left to it.
    async fn typed(&self, request: Request<Body>) -> Result<Response<TypedBody>, ApiError> {
        let (parts, body) = request.into_parts();
        let operation = format!("{} {}", parts.method, parts.uri.path());
        let body = body.collect().await.map_err(|error| {
            ApiError::new(ApiErrorKind::Protocol, &*operation, "the request cannot be written").caused(error)
        })?;
        let mut builder = RequestBuilder::new(parts.method, parts.uri.path(), operation);
        builder.query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        builder.headers = parts.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        builder.body = body.to_bytes();
        let goes_on =
            ["watch=true", "watch=1", "follow=true"].iter().any(|mark| builder.query.contains(mark));
        if goes_on {
            let (response, place) = self.timed(&builder, self.start_stream(&builder)).await?;
            return Ok(response.map(|body| {
                let counted = body.map_frame(move |frame| {
                    let _held = &place;
                    frame
                });
                counted.map_err(Into::into).boxed_unsync()
            }));
        }
        let (parts, body) = self.exchange(&builder).await?;
        Ok(Response::from_parts(parts, RequestBody::new(body).map_err(|never| match never {}).boxed_unsync()))
    }
}

type TypedBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Connection({})", self.server())
    }
}

fn retry_after(parts: &http::response::Parts) -> Option<Duration> {
    let seconds = parts.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn impersonation(who: &Impersonation) -> Result<Vec<(HeaderName, HeaderValue)>, ConnectError> {
    let header = |name: &'static str, value: &str| {
        HeaderValue::try_from(value)
            .map(|value| (HeaderName::from_static(name), value))
            .map_err(|error| ConnectError::unusable("impersonated user", error))
    };
    let mut headers = vec![header("impersonate-user", &who.user)?];
    for group in &who.groups {
        headers.push(header("impersonate-group", group)?);
    }
    if let Some(uid) = &who.uid {
        headers.push(header("impersonate-uid", uid)?);
    }
    Ok(headers)
}
