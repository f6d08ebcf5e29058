//! Keeps the authorization header valid.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::credentials::{
    Credentials, ExecCommand, Identity, IdentitySource, MintError, MintedToken, Proof, TokenSource,
};
use super::{ConnectError, ConnectionSettings, exec, tls};

/// A token is minted anew when less than this is left of it.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// A projected token is replaced at 80 % of its life, an hour as a rule: once a minute is often enough.
const FILE_AGE: Duration = Duration::from_mins(1);
/// After a mint because of a 401, another 401 doesn't cause one for this long: the token is then not the
/// reason.
const MINT_PAUSE: Duration = Duration::from_secs(5);

/// The client certificate, which may change while connected.
pub(super) type IdentitySlot = Arc<Mutex<PresentIdentity>>;

/// The client certificate of the moment.
#[derive(Debug, Default)]
pub(super) struct PresentIdentity {
    pub(super) key: Option<Arc<CertifiedKey>>,
    /// How often there was another one: connections made with one before speak for somebody else.
    pub(super) generation: u64,
}

pub(super) struct Authenticator {
    method: Method,
    identity: IdentitySlot,
    files: Option<IdentityFiles>,
}

/// A client certificate that is read again in time.
struct IdentityFiles {
    source: IdentitySource,
    read: Mutex<Instant>,
}

enum Method {
    None,
    Fixed(HeaderValue),
    Minted { mint: Box<Mint>, current: tokio::sync::Mutex<Current> },
}

enum Mint {
    File(PathBuf),
    Exec(ExecCommand, Value),
    Source(Arc<dyn TokenSource>),
}

/// Why a header is asked for.
#[derive(Clone, Copy)]
enum Why<'h> {
    /// For a request that is new.
    First,
    /// The server answered 401 to this one, or to none.
    Refused(Option<&'h HeaderValue>),
}

#[derive(Default)]
struct Current {
    header: Option<HeaderValue>,
    /// An exec program may give a certificate and no token.
    present: bool,
    good_until: Option<Timestamp>,
    /// When a 401 last caused a mint.
    refused: Option<Instant>,
}

impl Authenticator {
    pub(super) fn new(settings: &ConnectionSettings) -> Result<Self, ConnectError> {
        let Credentials { proof, identity } = settings.credentials.clone();
        let minted = |mint| Method::Minted { mint: Box::new(mint), current: tokio::sync::Mutex::default() };
        let method = match proof {
            Proof::None => Method::None,
            Proof::Basic(user, password) => Method::Fixed(basic(&user, &password)?),
            Proof::Token(token) => Method::Fixed(
                bearer(token.expose_secret()).map_err(|why| ConnectError::unusable("token", why))?,
            ),
            Proof::TokenFile(path) => minted(Mint::File(path)),
            Proof::Exec(command) => minted(Mint::Exec(command, exec::cluster_info(settings))),
            Proof::Source(source) => minted(Mint::Source(source)),
        };
        let slot = IdentitySlot::default();
        if let Some(source) = &identity {
            fill(&slot, tls::certified_key(&source.read()?)?);
        }
        let files = identity
            .filter(IdentitySource::may_change)
            .map(|source| IdentityFiles { source, read: Mutex::new(Instant::now()) });
        Ok(Self { method, identity: slot, files })
    }

    pub(super) fn identity(&self) -> &IdentitySlot {
        &self.identity
    }

    /// How often there was another client certificate.
    pub(super) fn generation(&self) -> u64 {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// True if another token or another client certificate may come out of asking again.
    pub(super) fn mints(&self) -> bool {
        matches!(self.method, Method::Minted { .. }) || self.files.is_some()
    }

    /// The header for the next request.
    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, MintError> {
        self.ask(Why::First).await
    }

    /// The header for another try of a request that was sent with this one, to which the server answered 401.
    pub(super) async fn header_instead_of(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, MintError> {
        self.ask(Why::Refused(refused)).await
    }

    async fn ask(&self, why: Why<'_>) -> Result<Option<HeaderValue>, MintError> {
        if let Some(files) = &self.files {
            files.read_again(&self.identity, matches!(why, Why::Refused(_)));
        }
        let (mint, current) = match &self.method {
            Method::None => return Ok(None),
            Method::Fixed(header) => return Ok(Some(header.clone())),
            Method::Minted { mint, current } => (mint, current),
        };
        // Held while minting: who comes meanwhile waits for the same token.
        let mut current = current.lock().await;
        if !current.must_mint(why) {
            return Ok(current.header.clone());
        }
        match self.mint(mint).await {
            Ok((header, good_until)) => {
                let refused = match why {
                    Why::Refused(_) => Some(Instant::now()),
                    Why::First => current.refused,
                };
                *current = Current { header, present: true, good_until, refused };
                Ok(current.header.clone())
            }
            // A token that still works is better than none: a file may be away for a moment.
            Err(error) if current.present && current.still_valid() && matches!(why, Why::First) => {
                tracing::warn!(error = %error, "failed to renew the token; using the last one");
                Ok(current.header.clone())
            }
            Err(error) => Err(error),
        }
    }

    async fn mint(&self, mint: &Mint) -> Result<(Option<HeaderValue>, Option<Timestamp>), MintError> {
        let token = match mint {
            Mint::Source(source) => source.mint().await?,
            Mint::File(path) => {
                let from = || format!("file `{}`", path.display());
                let text =
                    tokio::fs::read_to_string(path).await.map_err(|error| MintError::new(from(), error))?;
                let age = SignedDuration::try_from(FILE_AGE).unwrap_or(MARGIN) + MARGIN;
                MintedToken::new(text.trim(), Some(Timestamp::now() + age))
            }
            Mint::Exec(command, cluster) => {
                let answer = exec::run(command, cluster).await?;
                if let Some(identity) = &answer.identity {
                    let key = tls::certified_key(identity)
                        .map_err(|error| MintError::new(format!("`{}`", command.command), error))?;
                    fill(&self.identity, key);
                }
                match answer.token {
                    Some(token) => token,
                    None => return Ok((None, answer.expires_at)),
                }
            }
        };
        let header = bearer(token.expose()).map_err(|why| MintError::new("its source", why))?;
        Ok((Some(header), token.expires_at))
    }
}

impl Current {
    fn must_mint(&self, why: Why<'_>) -> bool {
        if !self.present {
            return true;
        }
        if let Why::Refused(refused) = why {
            let same = self.header.as_ref() == refused;
            let rested = self.refused.is_none_or(|last| last.elapsed() > MINT_PAUSE);
            return same && rested;
        }
        self.good_until.is_some_and(|until| Timestamp::now() + MARGIN >= until)
    }

    fn still_valid(&self) -> bool {
        self.good_until.is_none_or(|until| Timestamp::now() < until)
    }
}

impl IdentityFiles {
    /// Reads the files, unless that was done a moment ago and nobody minds what they said.
    fn read_again(&self, slot: &IdentitySlot, is_refused: bool) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_refused && read.elapsed() < FILE_AGE {
            return;
        }
        *read = Instant::now();
        match self.source.read().and_then(|identity| tls::certified_key(&identity)) {
            Ok(key) => fill(slot, key),
            // Half of it may be written already.
            Err(error) => {
                tracing::warn!(error = %error, "failed to read the client certificate again; keeping the last one");
            }
        }
    }
}

fn fill(slot: &IdentitySlot, key: Arc<CertifiedKey>) {
    let mut present = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if present.key.as_ref().is_none_or(|before| before.cert != key.cert) {
        present.key = Some(key);
        present.generation += 1;
    }
}

fn bearer(token: &str) -> Result<HeaderValue, &'static str> {
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.trim()))
        .map_err(|_| "the token has characters that no header may have")?;
    header.set_sensitive(true);
    Ok(header)
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, ConnectError> {
    let text = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    let mut header = HeaderValue::try_from(format!("Basic {text}"))
        .map_err(|why| ConnectError::unusable("password", why))?;
    header.set_sensitive(true);
    Ok(header)
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::BoxFuture;

    use super::*;

    struct Counting(AtomicUsize, SignedDuration);

    impl TokenSource for Counting {
        fn mint(&self) -> BoxFuture<'_, Result<MintedToken, MintError>> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let until = Timestamp::now() + self.1;
            Box::pin(async move { Ok(MintedToken::new(format!("token-{number}"), Some(until))) })
        }
    }

    fn authenticator(life: SignedDuration) -> Authenticator {
        let source = Arc::new(Counting(AtomicUsize::new(0), life));
        let settings = ConnectionSettings::server("https://x").with_credentials(Credentials::source(source));
        Authenticator::new(&settings).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_kept_while_it_is_good() {
        let authenticator = authenticator(SignedDuration::from_mins(14));
        let first = authenticator.header().await.unwrap();
        assert_eq!(authenticator.header().await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_token_is_minted_anew_before_it_expires() {
        let authenticator = authenticator(SignedDuration::from_secs(30));
        let first = authenticator.header().await.unwrap();
        assert_ne!(authenticator.header().await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_refused_token_is_minted_anew_once() {
        let authenticator = authenticator(SignedDuration::from_mins(14));
        let first = authenticator.header().await.unwrap();
        let second = authenticator.header_instead_of(first.as_ref()).await.unwrap();
        assert_ne!(second, first);
        // Another request was refused with the first one: it gets what was minted since.
        assert_eq!(authenticator.header_instead_of(first.as_ref()).await.unwrap(), second);
        assert_eq!(authenticator.header_instead_of(second.as_ref()).await.unwrap(), second);
    }

    #[tokio::test]
    async fn a_projected_token_that_was_replaced_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        let settings =
            ConnectionSettings::server("https://x").with_credentials(Credentials::token_file(&path));
        let authenticator = Authenticator::new(&settings).unwrap();
        assert_eq!(authenticator.header().await.unwrap().unwrap(), "Bearer one");
        std::fs::write(&path, "two\n").unwrap();
        if let Method::Minted { current, .. } = &authenticator.method {
            current.lock().await.good_until = Some(Timestamp::now());
        }
        assert_eq!(authenticator.header().await.unwrap().unwrap(), "Bearer two");
    }
    #[tokio::test]
    async fn a_client_certificate_whose_files_were_replaced_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
        let put = |name: &str| {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            std::fs::write(&certificate, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        };
        put("one");
        let credentials = Credentials::none().with_client_certificate_files(&certificate, &key);
        let settings = ConnectionSettings::server("https://x").with_credentials(credentials);
        let authenticator = Authenticator::new(&settings).unwrap();
        let first = authenticator.generation();
        put("two");
        authenticator.header().await.unwrap();
        assert_eq!(authenticator.generation(), first, "they were read a moment ago");
        authenticator.header_instead_of(None).await.unwrap();
        assert_eq!(authenticator.generation(), first + 1, "the server minds");
        put("three");
        let files = authenticator.files.as_ref().unwrap();
        *files.read.lock().unwrap() = Instant::now().checked_sub(FILE_AGE).unwrap();
        authenticator.header().await.unwrap();
        assert_eq!(authenticator.generation(), first + 2, "it is time");

        // A file that cannot be read for a moment changes nothing, and neither does the same one.
        std::fs::write(&key, "half of").unwrap();
        authenticator.header_instead_of(None).await.unwrap();
        assert_eq!(authenticator.generation(), first + 2);
    }
}
