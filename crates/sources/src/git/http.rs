//! Smart HTTP.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridgehead_api::secret::Credentials;
use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Certificate, Client, Identity, Response, StatusCode};
use url::Url;

use super::incoming::{Budget, Source};
use crate::access::{ProxyEnvironment, RepoAccess, percent_decoded};
use crate::error::{RepositoryProblem, Step};
use crate::settings::Limits;

const SERVICE: &str = "info/refs?service=git-upload-pack";
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const REQUEST: &str = "application/x-git-upload-pack-request";
const RESULT: &str = "application/x-git-upload-pack-result";
/// As many redirects as `git` follows by default is 20; five are more than any server needs.
const REDIRECTS: usize = 5;
/// What the environment's proxies are never asked for.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// A repository behind HTTP.
pub(super) struct Http {
    client: Client,
    /// The URL that was configured, without user and password, ending with a slash.
    configured: Url,
    /// Where the server moved us to, if it did.
    moved: Mutex<Option<Url>>,
    authorization: Option<HeaderValue>,
    /// Names the credentials.
    with: String,
    /// Names what the certificate is checked against.
    trust: String,
}

impl Http {
    pub(super) fn new(
        url: &Url,
        access: &RepoAccess,
        proxies: &ProxyEnvironment,
        limits: &Limits,
    ) -> Result<Self, RepositoryProblem> {
        let mut configured = url.clone();
        // Both fail only for URLs that cannot have a host, and this one has.
        let _ = configured.set_username("");
        let _ = configured.set_password(None);
        configured.set_query(None);
        configured.set_fragment(None);
        if !configured.path().ends_with('/') {
            let path = format!("{}/", configured.path());
            configured.set_path(&path);
        }
        let (authorization, with) = authorization(url, &access.credentials)?;
        let host = configured.host_str().unwrap_or_default();
        let trust = match (&access.certificates, access.insecure) {
            (_, true) => "nothing, as configured".to_owned(),
            (Some(_), false) => format!("the certificates for `{host}` in argocd-tls-certs-cm"),
            (None, false) => "the system's certificate authorities".to_owned(),
        };
        Ok(Self {
            client: client(access, proxies, limits, &trust)?,
            configured,
            moved: Mutex::new(None),
            authorization,
            with,
            trust,
        })
    }

    /// Asks for the greeting.
    pub(super) async fn greet(&self, budget: &Budget) -> Result<Source, RepositoryProblem> {
        let mut base = self.configured.clone();
        let mut target = joined(&base, SERVICE)?;
        for _ in 0..=REDIRECTS {
            let mut headers = self.headers(&target, true);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let request = self.client.get(target.clone()).headers(headers);
            let response = self.send(request, &target, Step::Greeting, budget).await?;
            if response.status().is_redirection() {
                (base, target) = redirected(&target, &response)?;
                continue;
            }
            let response = self.checked(response, Step::Greeting, budget).await?;
            let kind = content_type(&response);
            if kind != ADVERTISEMENT {
                let reason = match kind.as_str() {
                    "" => "it has no content type".to_owned(),
                    "text/plain" => "it is the old protocol of plain files, or plain text".to_owned(),
                    other => format!("it is `{other}`"),
                };
                return Err(RepositoryProblem::NotGit { reason });
            }
            let moved = (base != self.configured).then_some(base);
            *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = moved;
            return Ok(Source::Http(Some(response)));
        }
        Err(RepositoryProblem::NotGit { reason: format!("it redirects more than {REDIRECTS} times") })
    }

    /// Sends a request of the protocol.
    pub(super) async fn post(
        &self,
        body: Bytes,
        version_2: bool,
        budget: &Budget,
        step: Step,
    ) -> Result<Response, RepositoryProblem> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let target = joined(moved.as_ref().unwrap_or(&self.configured), "git-upload-pack")?;
        let mut headers = self.headers(&target, version_2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(REQUEST));
        headers.insert(ACCEPT, HeaderValue::from_static(RESULT));
        let request = self.client.post(target.clone()).headers(headers).body(body);
        let response = self.send(request, &target, step, budget).await?;
        let response = self.checked(response, step, budget).await?;
        match content_type(&response) {
            kind if kind == RESULT => Ok(response),
            kind => Err(RepositoryProblem::NotGit { reason: format!("it is `{kind}`") }),
        }
    }

    /// Credentials go to the host that they were configured for, and nowhere else.
    fn headers(&self, target: &Url, version_2: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if version_2 {
            headers.insert("git-protocol", HeaderValue::from_static("version=2"));
        }
        let same = target.host_str() == self.configured.host_str()
            && (target.scheme(), target.port()) == (self.configured.scheme(), self.configured.port())
            || target.host_str() == self.configured.host_str()
                && self.configured.scheme() == "http"
                && target.scheme() == "https";
        if let (Some(value), true) = (&self.authorization, same) {
            headers.insert(AUTHORIZATION, value.clone());
        }
        headers
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        target: &Url,
        step: Step,
        budget: &Budget,
    ) -> Result<Response, RepositoryProblem> {
        let sent = async { request.send().await.map_err(|error| self.unsent(target, step, &error)) };
        // Connecting has a deadline of its own inside of the client.
        budget.within(step, 0, budget.idle, sent).await
    }

    /// Turns every status but success into its meaning.
    async fn checked(
        &self,
        response: Response,
        step: Step,
        budget: &Budget,
    ) -> Result<Response, RepositoryProblem> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let anonymous = self.authorization.is_none();
        let said = said(response, step, budget).await;
        let answer = || format!("HTTP {}{said}", status.as_u16());
        Err(match status {
            StatusCode::UNAUTHORIZED if anonymous => RepositoryProblem::AuthenticationRequired,
            StatusCode::UNAUTHORIZED => RepositoryProblem::AuthenticationFailed { with: self.with.clone() },
            StatusCode::FORBIDDEN => {
                RepositoryProblem::Forbidden { with: self.with.clone(), answer: answer() }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => RepositoryProblem::NotFound { answer: answer() },
            _ => RepositoryProblem::Status { step, status: status.as_u16(), answer: said, retry_after },
        })
    }

    /// Why a request did not get an answer.
    fn unsent(&self, target: &Url, step: Step, error: &reqwest::Error) -> RepositoryProblem {
        let chain = chain(error);
        let host = host(target);
        if let Some(reason) = certificate(error) {
            return RepositoryProblem::Tls { trust: self.trust.clone(), reason };
        }
        if error.is_timeout() && error.is_connect() {
            return RepositoryProblem::Connect { host, reason: "it does not answer in time".to_owned() };
        }
        if chain.contains("dns error") || chain.contains("failed to lookup address") {
            let name = target.host_str().unwrap_or_default().to_owned();
            return RepositoryProblem::NameUnknown { host: name, reason: last(error) };
        }
        if error.is_connect() {
            return RepositoryProblem::Connect { host, reason: last(error) };
        }
        RepositoryProblem::BrokenOff { step, bytes: 0, reason: last(error) }
    }
}

fn client(
    access: &RepoAccess,
    proxies: &ProxyEnvironment,
    limits: &Limits,
    trust: &str,
) -> Result<Client, RepositoryProblem> {
    let mut builder = Client::builder()
        .user_agent(concat!("git/bridgehead-", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect)
        .redirect(reqwest::redirect::Policy::none())
        // The environment is for the agent to read, not for a library.
        .no_proxy()
        // The same connection serves the poll and the fetch after it; between polls it need not stay.
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(2)
        .tls_danger_accept_invalid_certs(access.insecure);
    if let (Some(pem), false) = (&access.certificates, access.insecure) {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| RepositoryProblem::Tls { trust: trust.to_owned(), reason: last(&error) })?;
        builder = builder.tls_certs_only(certificates);
    }
    if let (Some(key), false) =
        (&access.credentials.tls_client_cert_key, access.credentials.tls_client_cert_data.is_empty())
    {
        let pem = format!("{}\n{}", key.expose(), access.credentials.tls_client_cert_data);
        let identity = Identity::from_pem(pem.as_bytes()).map_err(|error| RepositoryProblem::Credential {
            what: "the client certificate or its key cannot be read",
            reason: last(&error),
        })?;
        builder = builder.identity(identity);
    }
    for proxy in chosen_proxies(access, proxies)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| RepositoryProblem::Credential {
        what: "the HTTP client cannot be set up",
        reason: last(&error),
    })
}

/// The repository's own proxy, else those of the environment.
fn chosen_proxies(
    access: &RepoAccess,
    proxies: &ProxyEnvironment,
) -> Result<Vec<reqwest::Proxy>, RepositoryProblem> {
    let read = |proxy: reqwest::Result<reqwest::Proxy>, what: &'static str, no_proxy: &str| {
        proxy
            .map(|proxy| proxy.no_proxy(reqwest::NoProxy::from_string(no_proxy)))
            .map_err(|error| RepositoryProblem::Credential { what, reason: last(&error) })
    };
    if let Some(own) = &access.proxy {
        let proxy = reqwest::Proxy::all(&own.url);
        return Ok(vec![read(proxy, "the proxy's URL cannot be read", &own.no_proxy)?]);
    }
    let mut chosen = Vec::new();
    let no_proxy = format!("{},{LOOPBACK}", proxies.no_proxy);
    if !proxies.http.is_empty() {
        let proxy = reqwest::Proxy::http(&proxies.http);
        chosen.push(read(proxy, "the proxy in HTTP_PROXY cannot be read", &no_proxy)?);
    }
    if !proxies.https.is_empty() {
        let proxy = reqwest::Proxy::https(&proxies.https);
        chosen.push(read(proxy, "the proxy in HTTPS_PROXY cannot be read", &no_proxy)?);
    }
    Ok(chosen)
}

/// The header that logs in, and the name of what is in it.
fn authorization(
    url: &Url,
    credentials: &Credentials,
) -> Result<(Option<HeaderValue>, String), RepositoryProblem> {
    if credentials.github_app.private_key.is_some() {
        return Err(RepositoryProblem::Unsupported { what: "log in as a GitHub App" });
    }
    if credentials.azure.client_secret.is_some() || credentials.use_azure_workload_identity {
        return Err(RepositoryProblem::Unsupported { what: "log in with an identity of Azure" });
    }
    if credentials.gcp_service_account_key.is_some() {
        return Err(RepositoryProblem::Unsupported { what: "log in with a Google Cloud service account" });
    }
    let certificate = !credentials.tls_client_cert_data.is_empty();
    let (text, with) = if let Some(token) = &credentials.bearer_token {
        (format!("Bearer {}", token.expose()), "the bearer token".to_owned())
    } else if credentials.password.is_some() || !credentials.username.is_empty() {
        // Servers that take a token in place of a password want some user name.
        let user = if credentials.username.is_empty() { "x-access-token" } else { &credentials.username };
        let password = credentials.password.clone().unwrap_or_default();
        (basic(user, password.expose()), format!("user name `{user}` with its password"))
    } else if !url.username().is_empty() || url.password().is_some() {
        let user = percent_decoded(url.username());
        let password = percent_decoded(url.password().unwrap_or_default());
        (basic(&user, &password), format!("user name `{user}` with the password in the URL"))
    } else {
        let with = if certificate { "the client certificate" } else { "no credentials" };
        return Ok((None, with.to_owned()));
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| RepositoryProblem::Credential {
        what: "the token cannot be sent",
        reason: "it holds a line feed or another character that no HTTP header may hold".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok((Some(value), with))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn joined(base: &Url, rest: &str) -> Result<Url, RepositoryProblem> {
    base.join(rest)
        .map_err(|error| RepositoryProblem::Url { url: base.to_string(), reason: error.to_string() })
}

/// The new base and the new target.
fn redirected(target: &Url, response: &Response) -> Result<(Url, Url), RepositoryProblem> {
    let not_git = |reason: String| RepositoryProblem::NotGit { reason };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| not_git(format!("HTTP {} without a location", response.status().as_u16())))?;
    let next = target.join(location).map_err(|error| not_git(format!("a redirect to nowhere: {error}")))?;
    let downgraded = target.scheme() == "https" && next.scheme() != "https";
    if downgraded || !matches!(next.scheme(), "http" | "https") {
        return Err(not_git(format!("a redirect from HTTPS to `{}`", next.scheme())));
    }
    // A redirect of anything but the same question is a login page.
    let base = next.as_str().strip_suffix(SERVICE).map(Url::parse);
    if let Some(Ok(base)) = base {
        Ok((base, next))
    } else {
        let shown = format!("{}://{}{}", next.scheme(), host(&next), next.path());
        Err(not_git(format!("it redirects to `{shown}`")))
    }
}

fn host(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

fn content_type(response: &Response) -> String {
    let value =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The begin of an error's text, with a colon before it; nothing for web pages.
async fn said(mut response: Response, step: Step, budget: &Budget) -> String {
    if content_type(&response) != "text/plain" {
        return String::new();
    }
    let chunk = budget.within(step, 0, budget.idle.min(Duration::from_secs(5)), async {
        response.chunk().await.map_err(|error| broken(step, 0, &error))
    });
    let Ok(Some(bytes)) = chunk.await else { return String::new() };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim().lines().next().unwrap_or_default().trim().chars().take(200).collect::<String>();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// An answer that did not come to its end.
pub(super) fn broken(step: Step, received: u64, error: &reqwest::Error) -> RepositoryProblem {
    RepositoryProblem::BrokenOff { step, bytes: received, reason: last(error) }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The innermost reason: the outer ones repeat the URL.
fn last(error: &reqwest::Error) -> String {
    let mut text = None;
    let mut source = error.source();
    while let Some(error) = source {
        text = Some(error.to_string());
        source = error.source();
    }
    text.unwrap_or_else(|| error.to_string())
}

/// What TLS has against the server, if that is what it was.
fn certificate(error: &reqwest::Error) -> Option<String> {
    let mut source = error.source();
    while let Some(error) = source {
        let mut inner: &(dyn std::error::Error + 'static) = error;
        // Input errors wrap each other without being each other's source.
        while let Some(wrapped) = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            inner = wrapped;
        }
        if let Some(found) = inner.downcast_ref::<rustls::Error>() {
            return Some(found.to_string());
        }
        source = error.source();
    }
    None
}
