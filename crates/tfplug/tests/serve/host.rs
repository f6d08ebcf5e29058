//! A plugin host in Rust: starts the provider, reads its handshake, connects to it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tempfile::TempDir;
use tfplug::serve::{MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// The provider of `examples/wire.rs`, built once.
pub(crate) fn provider_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // This test lies in <target>/<profile>/deps, the example in <target>/<profile>/examples.
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "tfplug", "--example", "wire"]);
        build.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "failed to build the example provider");
        profile.join("examples").join(format!("wire{}", std::env::consts::EXE_SUFFIX))
    })
}

/// What a host sets in a provider's environment, without TLS.
pub(crate) fn host_environment() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE.to_owned()),
        ("PLUGIN_PROTOCOL_VERSIONS", "5,6".to_owned()),
        ("PLUGIN_MIN_PORT", "10000".to_owned()),
        ("PLUGIN_MAX_PORT", "25000".to_owned()),
    ])
}

/// A certificate as go-plugin makes one: self-signed, a CA, on P-521.
pub(crate) struct ClientCertificate {
    pub(crate) pem: String,
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl ClientCertificate {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), key: key.serialize_der() }
    }

    /// The certificate of `owner` with this one's key.
    pub(crate) fn claiming(self, owner: &Self) -> Self {
        Self { pem: owner.pem.clone(), der: owner.der.clone(), key: self.key }
    }
}

/// A provider process. Dropping it ends the process.
pub(crate) struct Plugin {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<String>>,
    /// The process's temporary directory, where it makes its socket.
    pub(crate) temporary: TempDir,
    /// The fields of the handshake line; none when the process ended without one.
    pub(crate) handshake: Vec<String>,
}

impl Plugin {
    /// Starts the provider with just this environment and waits for its handshake.
    pub(crate) fn start(arguments: &[&str], environment: &BTreeMap<&'static str, String>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = Command::new(provider_binary())
            .args(arguments)
            .env_clear()
            .env("TMPDIR", temporary.path())
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut plugin = Self { child, stdout, stderr: Some(stderr), temporary, handshake: Vec::new() };
        let line = plugin.read_line();
        if !line.is_empty() {
            plugin.handshake = line.split('|').map(str::to_owned).collect();
        }
        plugin
    }

    /// Starts the provider under mutual TLS.
    pub(crate) fn start_with(client: &ClientCertificate) -> Self {
        let mut environment = host_environment();
        environment.insert("PLUGIN_CLIENT_CERT", client.pem.clone());
        Self::start(&[], &environment)
    }

    /// The next line of standard output, without its line feed; empty at the end.
    pub(crate) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.id()).unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Waits for the process to end by itself. Returns its status, what else it printed to
    /// standard output, and all that it wrote to standard error.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        (status, rest, stderr)
    }

    /// The certificate of the handshake line.
    fn certificate(&self) -> CertificateDer<'static> {
        STANDARD_NO_PAD.decode(&self.handshake[5]).unwrap().into()
    }

    /// Connects under mutual TLS, with `client` as the client's certificate if there is one.
    pub(crate) fn connect(&self, client: Option<&ClientCertificate>) -> Channel {
        self.connect_by(client, &rustls::version::TLS13)
    }

    pub(crate) fn connect_by(
        &self,
        client: Option<&ClientCertificate>,
        version: &'static SupportedProtocolVersion,
    ) -> Channel {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).unwrap();
        let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match client {
            None => config.with_no_client_auth(),
            Some(client) => {
                let key = PrivatePkcs8KeyDer::from(client.key.clone()).into();
                let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
                // Unlike the usual way, this lets a key through that isn't the certificate's.
                let key = CertifiedKey::new(vec![client.der.clone()], key);
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        self.channel(Some(TlsConnector::from(Arc::new(config))))
    }

    /// Connects without TLS.
    pub(crate) fn connect_plainly(&self) -> Channel {
        self.channel(None)
    }

    fn channel(&self, tls: Option<TlsConnector>) -> Channel {
        let network = self.handshake[2].clone();
        let address = self.handshake[3].clone();
        Endpoint::from_static("http://localhost").connect_with_connector_lazy(service_fn(move |_| {
            let (network, address, tls) = (network.clone(), address.clone(), tls.clone());
            async move {
                let io: Box<dyn Io> = match network.as_str() {
                    "unix" => Box::new(UnixStream::connect(address).await?),
                    _ => Box::new(TcpStream::connect(address).await?),
                };
                let io: Box<dyn Io> = match tls {
                    None => io,
                    Some(tls) => {
                        let name = ServerName::try_from("localhost").unwrap();
                        Box::new(tls.connect(name, io).await?)
                    }
                };
                std::io::Result::Ok(TokioIo::new(io))
            }
        }))
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
