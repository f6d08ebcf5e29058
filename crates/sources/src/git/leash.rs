//! Connections that end with the one who asked for them.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A connection that breaks when the other end of its leash is dropped. The library reads it in a task of its own,
/// which a server could otherwise keep alive after we have given up.
pub(super) struct Leashed {
    stream: TcpStream,
    end: Option<oneshot::Receiver<()>>,
}

impl Leashed {
    /// Puts a connection on a leash.
    pub(super) fn new(stream: TcpStream) -> (oneshot::Sender<()>, Self) {
        let (leash, end) = oneshot::channel();
        (leash, Self { stream, end: Some(end) })
    }

    /// True once the leash is dropped; wakes the task when that happens.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let pending = self.end.as_mut().is_some_and(|end| Pin::new(end).poll(context).is_pending());
        if !pending {
            self.end = None;
        }
        !pending
    }
}

fn over<T>() -> Poll<std::io::Result<T>> {
    Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into()))
}

impl AsyncRead for Leashed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.is_over(context) {
            return over();
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Leashed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.is_over(context) {
            return over();
        }
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
