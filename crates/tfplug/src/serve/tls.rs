//! Mutual TLS as go-plugin's host sets it up: each side sends the other its own certificate
//! beforehand, and trusts nothing else.
//!
//! The host's certificate is odd: self-signed, marked as a CA, on the curve P-521, and used as
//! the leaf. Path validation refuses a CA as a leaf, and a verifier without
//! `ecdsa_secp521r1_sha512` makes Go's client send no certificate at all. So there is no path
//! here: the certificate has to be, byte for byte, the one that came through the environment,
//! and the handshake's signature proves that the client holds its key.

use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use thiserror::Error;

/// The name that the host verifies.
const SERVER_NAME: &str = "localhost";

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// `PLUGIN_CLIENT_CERT` holds no certificate. Serving without TLS instead would be a
    /// downgrade that the host didn't ask for.
    #[error("failed to read the host's certificate from PLUGIN_CLIENT_CERT")]
    ClientCertificate {
        /// What is wrong with it; absent when there is simply none.
        source: Option<rustls_pki_types::pem::Error>,
    },
    /// The server's own certificate could not be made.
    #[error("failed to make the server's certificate")]
    Certificate(#[from] rcgen::Error),
    /// rustls refused the configuration.
    #[error("failed to configure TLS")]
    Configure(#[from] rustls::Error),
}

/// The server's side of mutual TLS with one host.
#[derive(Debug)]
pub(super) struct MutualTls {
    /// What to accept connections with.
    pub(super) config: Arc<ServerConfig>,
    /// The server's certificate, for the handshake line.
    pub(super) certificate: CertificateDer<'static>,
}

impl MutualTls {
    /// Makes a key and certificate for this process and trusts the certificates in `client_pem`.
    pub(super) fn with_client(client_pem: &str) -> Result<Self, TlsError> {
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let clients = CertificateDer::pem_slice_iter(client_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| TlsError::ClientCertificate { source: Some(source) })?;
        if clients.is_empty() {
            return Err(TlsError::ClientCertificate { source: None });
        }
        let (certificate, key) = own_certificate()?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(PinnedClient { clients, crypto }))
            .with_single_cert(vec![certificate.clone()], key)?;
        // gRPC in Go ends a connection on which HTTP/2 was not agreed by ALPN.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { config: Arc::new(config), certificate })
    }
}

/// A leaf for localhost on P-256. Go accepts a leaf that is itself among its roots, so that no CA
/// is needed. The key never leaves the process, so its lifetime is the process's; the dates are
/// wide open (rcgen's default), and a clock that is off does no harm.
fn own_certificate() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new([SERVER_NAME.to_owned()])?;
    params.distinguished_name.push(rcgen::DnType::CommonName, SERVER_NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((certificate.der().clone(), key.into()))
}

/// Lets in the holder of one of a few known certificates.
#[derive(Debug)]
struct PinnedClient {
    clients: Vec<CertificateDer<'static>>,
    crypto: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    // No hints: a client that looks for an issuer among them would find none and send nothing.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if self.clients.iter().any(|client| client == end_entity) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_certificate_that_cannot_be_read_is_no_reason_for_no_tls() {
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            let error = MutualTls::with_client(pem).unwrap_err();
            assert!(error.to_string().contains("PLUGIN_CLIENT_CERT"), "{error}");
        }
    }

    #[test]
    fn signatures_of_go_plugins_curve_are_offered() {
        let verifier = PinnedClient { clients: Vec::new(), crypto: Arc::new(aws_lc_rs::default_provider()) };
        let offered = verifier.supported_verify_schemes();
        assert!(offered.contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
        assert!(verifier.client_auth_mandatory());
    }
}
