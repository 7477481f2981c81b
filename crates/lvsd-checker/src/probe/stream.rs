//! A connection that remembers what it has carried.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection has brought, to be asked while somebody else has the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived(Rc<Cell<bool>>);

impl Arrived {
    /// Whether there has been any answer at all.
    pub(super) fn anything(&self) -> bool {
        self.0.get()
    }
}

/// Notes the first byte, and takes the end of a TLS stream without its closing alert for an end: many servers leave it
/// out, and what is missing shows by the answer itself.
#[derive(Debug)]
pub(super) struct Noted<S> {
    inner: S,
    arrived: Arrived,
}

impl<S> Noted<S> {
    pub(super) fn new(inner: S) -> (Self, Arrived) {
        let arrived = Arrived::default();
        (Self { inner, arrived: arrived.clone() }, arrived)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.arrived.0.set(true);
        }
        match polled {
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
