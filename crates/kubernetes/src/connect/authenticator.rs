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

use super::credentials::{Credentials, ExecCommand, Identity, MintError, MintedToken, Proof, TokenSource};
use super::{ConnectError, ConnectionSettings, exec, tls};

/// A token is minted anew when less than this is left of it.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// A projected token is replaced at 80 % of its life, an hour as a rule: once a minute is often enough.
const FILE_AGE: Duration = Duration::from_mins(1);
/// After a mint because of a 401, another 401 doesn't cause one for this long: the token is then not the
/// reason.
const MINT_PAUSE: Duration = Duration::from_secs(5);

/// Where client certificates come from that may change while connected.
pub(super) type IdentitySlot = Arc<Mutex<Option<Arc<CertifiedKey>>>>;

pub(super) struct Authenticator {
    method: Method,
    identity: IdentitySlot,
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
        if let Some(identity) = identity {
            fill(&slot, Some(tls::certified_key(&identity)?));
        }
        Ok(Self { method, identity: slot })
    }

    pub(super) fn identity(&self) -> &IdentitySlot {
        &self.identity
    }

    /// True if another token may come out of asking again.
    pub(super) fn mints(&self) -> bool {
        matches!(self.method, Method::Minted { .. })
    }

    /// The header for the next request. `refused`: the header that the server answered 401 to.
    pub(super) async fn header(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, MintError> {
        let (mint, current) = match &self.method {
            Method::None => return Ok(None),
            Method::Fixed(header) => return Ok(Some(header.clone())),
            Method::Minted { mint, current } => (mint, current),
        };
        // Held while minting: who comes meanwhile waits for the same token.
        let mut current = current.lock().await;
        if !current.must_mint(refused) {
            return Ok(current.header.clone());
        }
        match self.mint(mint).await {
            Ok((header, good_until)) => {
                let refused = if refused.is_some() { Some(Instant::now()) } else { current.refused };
                *current = Current { header, present: true, good_until, refused };
                Ok(current.header.clone())
            }
            // A token that still works is better than none: a file may be away for a moment.
            Err(error) if current.present && current.still_valid() && refused.is_none() => {
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
                    fill(&self.identity, Some(key));
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
    fn must_mint(&self, refused: Option<&HeaderValue>) -> bool {
        if !self.present {
            return true;
        }
        if let Some(refused) = refused {
            let same = self.header.as_ref() == Some(refused);
            let rested = self.refused.is_none_or(|last| last.elapsed() > MINT_PAUSE);
            return same && rested;
        }
        self.good_until.is_some_and(|until| Timestamp::now() + MARGIN >= until)
    }

    fn still_valid(&self) -> bool {
        self.good_until.is_none_or(|until| Timestamp::now() < until)
    }
}

fn fill(slot: &IdentitySlot, key: Option<Arc<CertifiedKey>>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = key;
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
        let first = authenticator.header(None).await.unwrap();
        assert_eq!(authenticator.header(None).await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_token_is_minted_anew_before_it_expires() {
        let authenticator = authenticator(SignedDuration::from_secs(30));
        let first = authenticator.header(None).await.unwrap();
        assert_ne!(authenticator.header(None).await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_refused_token_is_minted_anew_once() {
        let authenticator = authenticator(SignedDuration::from_mins(14));
        let first = authenticator.header(None).await.unwrap();
        let second = authenticator.header(first.as_ref()).await.unwrap();
        assert_ne!(second, first);
        // Another request was refused with the first one: it gets what was minted since.
        assert_eq!(authenticator.header(first.as_ref()).await.unwrap(), second);
        assert_eq!(authenticator.header(second.as_ref()).await.unwrap(), second);
    }

    #[tokio::test]
    async fn a_projected_token_that_was_replaced_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        let settings =
            ConnectionSettings::server("https://x").with_credentials(Credentials::token_file(&path));
        let authenticator = Authenticator::new(&settings).unwrap();
        assert_eq!(authenticator.header(None).await.unwrap().unwrap(), "Bearer one");
        std::fs::write(&path, "two\n").unwrap();
        if let Method::Minted { current, .. } = &authenticator.method {
            current.lock().await.good_until = Some(Timestamp::now());
        }
        assert_eq!(authenticator.header(None).await.unwrap().unwrap(), "Bearer two");
    }
}
