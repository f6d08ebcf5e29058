//! TLS towards an API server: which roots, which client certificate, which crypto.
//!
//! The crypto provider is named here and nowhere installed, so that two libraries in one process
//! cannot disagree about a default.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use secrecy::ExposeSecret;

use super::authenticator::IdentitySlot;
use super::credentials::Identity;
use super::{ConnectError, ConnectionSettings};

/// How old a CA file's reading may be when a new connection is made.
const FILE_AGE: Duration = Duration::from_mins(1);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(super) fn client_config(
    settings: &ConnectionSettings,
    identity: &IdentitySlot,
) -> Result<ClientConfig, ConnectError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = if settings.insecure {
        Arc::new(Unverified(Arc::clone(&provider)))
    } else if let Some(path) = &settings.certificate_authority_file {
        Arc::new(ReloadedRoots::new(path.clone(), Arc::clone(&provider))?)
    } else if let Some(pem) = &settings.certificate_authority {
        verifier(pem, &provider)?
    } else {
        let verifier =
            rustls_platform_verifier::Verifier::new(Arc::clone(&provider)).map_err(ConnectError::Tls)?;
        Arc::new(verifier)
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConnectError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(SlotResolver(Arc::clone(identity))));
    // A resumed session goes on as whoever began it, whatever the certificate is by now (seen with 1.36).
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// TLS towards a proxy: the system's roots, no client certificate.
pub(super) fn proxy_config() -> Result<ClientConfig, ConnectError> {
    let provider = provider();
    let verifier =
        rustls_platform_verifier::Verifier::new(Arc::clone(&provider)).map_err(ConnectError::Tls)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConnectError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn verifier(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
    let unusable = |why: String| ConnectError::unusable("CA certificate", why);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no PEM certificate".to_owned()));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(error.to_string()))
}

pub(super) fn certified_key(identity: &Identity) -> Result<Arc<CertifiedKey>, ConnectError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&identity.certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| ConnectError::unusable("client certificate", error))?;
    if chain.is_empty() {
        return Err(ConnectError::unusable("client certificate", "it holds no PEM certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose_secret().as_bytes())
        .map_err(|error| ConnectError::unusable("client key", error))?;
    let certified = CertifiedKey::from_der(chain, key, &provider())
        .map_err(|error| ConnectError::unusable("client certificate", error))?;
    Ok(Arc::new(certified))
}

/// Client certificates may be replaced while connected (exec programs): read at each handshake.
#[derive(Debug)]
struct SlotResolver(IdentitySlot);

impl ResolvesClientCert for SlotResolver {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).key.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).key.is_some()
    }
}

/// Roots in a file that may be rotated under us, as a service account's are.
#[derive(Debug)]
struct ReloadedRoots {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
    current: Mutex<(Arc<WebPkiServerVerifier>, Instant)>,
}

impl ReloadedRoots {
    fn new(path: PathBuf, provider: Arc<CryptoProvider>) -> Result<Self, ConnectError> {
        let verifier = load(&path, &provider)?;
        Ok(Self { path, provider, current: Mutex::new((verifier, Instant::now())) })
    }

    fn current(&self) -> Arc<WebPkiServerVerifier> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.elapsed() >= FILE_AGE {
            match load(&self.path, &self.provider) {
                Ok(verifier) => current.0 = verifier,
                Err(error) => {
                    tracing::warn!(error = %error, "failed to read the CA again; keeping the last one");
                }
            }
            current.1 = Instant::now();
        }
        Arc::clone(&current.0)
    }
}

fn load(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
    let pem = std::fs::read(path).map_err(|source| ConnectError::File {
        what: "the CA certificate",
        path: path.display().to_string(),
        source,
    })?;
    verifier(&pem, provider)
}

impl ServerCertVerifier for ReloadedRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.current().verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What `insecure` asks for.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
