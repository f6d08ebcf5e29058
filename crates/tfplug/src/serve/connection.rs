//! Connections: accepting them, the TLS handshake, and how many are open.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tracing::debug;

use super::listener::Listener;

/// A TLS handshake that takes longer is given up: a host's takes milliseconds.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);

/// Pause after a failed accept, which usually means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A byte stream in both directions.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// One connection, TLS done.
pub(super) struct Connection {
    io: Box<dyn Io>,
    _open: OpenConnections,
}

/// Counts connections: each holds a clone.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenConnections(Arc<()>);

impl OpenConnections {
    /// Whether this clone is the only one, apart from the acceptor's.
    pub(super) fn none(&self) -> bool {
        Arc::strong_count(&self.0) <= 2
    }
}

/// Accepts connections until `end`, then drops the listener and with it the socket file.
/// A connection that fails its handshake never comes out.
pub(super) fn accept(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    open: OpenConnections,
    end: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = end.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(io) => {
                    tokio::spawn(establish(io, tls.clone(), open.clone(), sender.clone()));
                }
                Err(error) => {
                    debug!(%error, "failed to accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(receiver)
}

async fn establish(
    io: Box<dyn Io>,
    tls: Option<TlsAcceptor>,
    open: OpenConnections,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let io = match tls {
        None => io,
        Some(tls) => match timeout(HANDSHAKE_LIMIT, tls.accept(io)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => {
                debug!(%error, "refused a connection");
                return;
            }
            Err(_) => {
                debug!("refused a connection: its TLS handshake took too long");
                return;
            }
        },
    };
    // Fails only when the server is gone, and then nobody wants the connection.
    let _ = sender.send(Ok(Connection { io, _open: open })).await;
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
