//! One mail to the server: a dialogue as short as keepalived's, but with EHLO.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lvsd_model::{MailAddress, MailPolicy};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::letter::Sender;

/// Addresses of the server that are tried.
const ADDRESSES: usize = 4;
/// The most that a server may say in one dialogue.
const TALK: usize = 64 << 10;

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("{0}")]
    Connect(io::Error),
    #[error("no answer within {0:?}")]
    Silent(Duration),
    #[error("{0}")]
    Server(#[from] lettre::transport::smtp::Error),
    #[error("no recipient was accepted; the last answer: {0}")]
    NoRecipient(lettre::transport::smtp::Error),
}

impl MailError {
    /// Whether the same mail would be refused again.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Server(error) | Self::NoRecipient(error) => error.is_permanent(),
            Self::Connect(_) | Self::Silent(_) => false,
        }
    }
}

/// What came of a mail.
#[derive(Debug, Default)]
pub(crate) struct Receipt {
    /// Recipients that the server refused, while it accepted others.
    pub(crate) refused: Vec<(MailAddress, String)>,
}

/// Hands a mail to the server.
pub(crate) async fn deliver(
    policy: &MailPolicy,
    sender: &Sender,
    message: &[u8],
) -> Result<Receipt, MailError> {
    let stream = connect(policy).await?;
    let limit = policy.timeout;
    let hello = ClientId::Domain(sender.helo.clone());
    let bounded = Box::new(Bounded { stream, left: TALK });
    let mut server = within(limit, AsyncSmtpConnection::connect_with_transport(bounded, &hello)).await?;
    let eight_bit = !message.is_ascii() && server.server_info().supports_feature(Extension::EightBitMime);
    let option = if eight_bit { " BODY=8BITMIME" } else { "" };
    within(limit, server.command(format!("MAIL FROM:<{}>{option}\r\n", sender.from))).await?;
    let receipt = recipients(&mut server, limit, &sender.to).await?;
    within(limit, server.command("DATA\r\n")).await?;
    within(limit, server.message(message)).await?;
    // The mail is the server's already.
    let _ = within(limit, server.quit()).await;
    Ok(receipt)
}

/// Names the recipients; one that is refused is no reason to leave the others without their mail.
async fn recipients(
    server: &mut AsyncSmtpConnection,
    limit: Duration,
    to: &[MailAddress],
) -> Result<Receipt, MailError> {
    let mut receipt = Receipt::default();
    let mut last = None;
    for address in to {
        match within(limit, server.command(format!("RCPT TO:<{address}>\r\n"))).await {
            Ok(_) => {}
            Err(MailError::Server(error)) if error.status().is_some() => {
                receipt.refused.push((address.clone(), error.to_string()));
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match last {
        Some(error) if receipt.refused.len() == to.len() => Err(MailError::NoRecipient(error)),
        _ => Ok(receipt),
    }
}

async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, MailError> {
    timeout(limit, step).await.map_err(|_| MailError::Silent(limit))?.map_err(MailError::Server)
}

async fn connect(policy: &MailPolicy) -> Result<TcpStream, MailError> {
    let limit = policy.timeout;
    let lookup = timeout(limit, lookup_host((policy.server.as_str(), policy.port)));
    let found = lookup.await.map_err(|_| MailError::Silent(limit))?.map_err(MailError::Connect)?;
    let mut last = MailError::Connect(io::Error::other("the name has no address"));
    for address in found.take(ADDRESSES) {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = MailError::Connect(error),
            Err(_) => last = MailError::Silent(limit),
        }
    }
    Err(last)
}

/// A connection on which the other side can only say so much: lines are collected in memory until they end.
#[derive(Debug)]
struct Bounded {
    stream: TcpStream,
    left: usize,
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the server talks too much")));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
