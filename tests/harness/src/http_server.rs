//! A server over HTTP or HTTPS on a port of loopback, in a thread of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Authority;

/// What an answer carries.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The server. Dropping it closes its port and breaks its connections.
#[derive(Debug)]
pub(crate) struct HttpServer {
    /// Its address, without a path.
    pub(crate) base: String,
    /// The certificate to verify it with, in PEM, if it speaks TLS.
    pub(crate) authority: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl HttpServer {
    /// Starts a server that answers each request by `handler`; an error there closes the connection.
    pub(crate) fn start<H, A>(name: &str, tls: bool, handler: H) -> Result<Self>
    where
        H: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response<Body>>> + Send,
    {
        let (tls, authority) = if tls { by_tls(name)? } else { (None, None) };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        // Bound without the runtime, so that a test inside a runtime of its own can start a server.
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to listen on loopback")?;
        listener.set_nonblocking(true).context("failed to listen on loopback")?;
        let address: SocketAddr = listener.local_addr().context("failed to learn the server's port")?;
        // Clients disagree about addresses in certificates, so TLS goes by a name.
        let origin = if tls.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        let base = format!("{origin}:{}", address.port());
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = TcpListener::from_std(listener) else { return };
                    tokio::select! {
                        () = serve(listener, tls, handler) => {}
                        // Sent, or dropped with the server: the same.
                        _ = stopped => {}
                    }
                });
                // Connections that hang are dropped here, not waited for.
                runtime.shutdown_background();
            })
            .context("failed to start a thread")?;
        Ok(Self { base, authority, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve<H, A>(listener: TcpListener, tls: Option<TlsAcceptor>, handler: H)
where
    H: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response<Body>>> + Send,
{
    loop {
        // An accept fails when the client has gone again, or for want of descriptors.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (handler, tls) = (handler.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = accept(&tls, stream).await {
                        converse(stream, handler).await;
                    }
                }
                None => converse(stream, handler).await,
            }
        });
    }
}

async fn accept(tls: &TlsAcceptor, stream: TcpStream) -> std::io::Result<impl AsyncRead + AsyncWrite> {
    tls.accept(stream).await
}

async fn converse<H, A>(stream: impl AsyncRead + AsyncWrite + Unpin, handler: H)
where
    H: Fn(Request<Incoming>) -> A,
    A: Future<Output = Result<Response<Body>>>,
{
    let service = service_fn(handler);
    // A broken connection is the client's affair, or a fault that was asked for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn by_tls(name: &str) -> Result<(Option<TlsAcceptor>, Option<String>)> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let authority = Authority::new(name)?;
    let identity = authority.server("localhost", &["localhost", "127.0.0.1"])?;
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())
        .context("failed to read back a certificate")?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())
        .context("failed to read back a private key")?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("failed to configure TLS")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("failed to configure TLS")?;
    Ok((Some(TlsAcceptor::from(Arc::new(config))), Some(authority.certificate())))
}
