//! One netlink connection, used for one exchange at a time.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use netlink_packet_core::{Emitable, NetlinkMessage, NetlinkPayload, ParseableParametrized};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use netlink_proto::{ConnectionHandle, NetlinkCodec, from_socket_with_codec};
use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket};
use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use tokio::task::JoinHandle;

/// Room for answers: far more than the 128 acknowledgements of a batch take.
const RECEIVE_BUFFER: usize = 1 << 20;

/// An answer of the kernel with its netlink header.
pub(super) type Answer<P> = NetlinkMessage<GenlMessage<P>>;

/// Messages that answer no request of ours, each with its sender.
type Unsolicited<P> = Pin<Box<dyn Stream<Item = (Answer<P>, SocketAddr)> + Send>>;

/// What a payload must be able to do to travel over a link.
pub(super) trait Payload:
    GenlFamily + Emitable + ParseableParametrized<[u8], GenlHeader> + Debug + Unpin + Send + Sync + 'static
{
}
impl<P> Payload for P where
    P: GenlFamily
        + Emitable
        + ParseableParametrized<[u8], GenlHeader>
        + Debug
        + Unpin
        + Send
        + Sync
        + 'static
{
}

/// Why an exchange came to nothing. The link is of no use any more: late answers may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Not all answers came in time.
    Timeout,
    /// The kernel had no room for an answer and dropped it, or the connection broke.
    Lost,
}

/// A netlink connection with its own socket and task. The task ends with it.
pub(super) struct Link<P: Payload> {
    handle: ConnectionHandle<GenlMessage<P>>,
    unsolicited: Unsolicited<P>,
    task: JoinHandle<()>,
}

impl<P: Payload> Link<P> {
    /// Puts a connection on that socket; needs a tokio runtime.
    pub(super) fn new(socket: TokioSocket) -> io::Result<Self> {
        prepare(&socket)?;
        let (mut connection, handle, unsolicited) =
            from_socket_with_codec::<GenlMessage<P>, TokioSocket, NetlinkCodec>(socket);
        connection.set_forward_ack(true);
        connection.set_forward_done(true);
        let task = tokio::spawn(connection);
        Ok(Self { handle, unsolicited: Box::pin(unsolicited), task })
    }

    /// Sends the messages in one datagram and waits for the end of the answers to all of them.
    pub(super) async fn exchange(
        &mut self,
        messages: Vec<Answer<P>>,
        limit: Duration,
    ) -> Result<Vec<Answer<P>>, Failure> {
        let answers = self.collect(messages);
        tokio::time::timeout(limit, answers).await.unwrap_or(Err(Failure::Timeout))
    }

    async fn collect(&mut self, messages: Vec<Answer<P>>) -> Result<Vec<Answer<P>>, Failure> {
        let kernel = SocketAddr::new(0, 0);
        let mut answers = self.handle.request_batch(messages, kernel).map_err(|_| Failure::Lost)?;
        let mut collected = Vec::new();
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    Some(answer) => collected.push(answer),
                    None => return Ok(collected),
                },
                other = self.unsolicited.next() => match other {
                    // The one sign that an answer was dropped: its own stream would wait for ever.
                    Some((message, _)) if matches!(message.payload, NetlinkPayload::Overrun(_)) => {
                        return Err(Failure::Lost);
                    }
                    Some(_) => {}
                    None => return Err(Failure::Lost),
                },
            }
        }
    }
}

impl<P: Payload> Drop for Link<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn prepare(socket: &TokioSocket) -> io::Result<()> {
    let socket = socket.socket_ref();
    // Beyond the system's limit only with CAP_NET_ADMIN, which changing IPVS needs anyway; reading works without.
    if setsockopt(socket, RcvBufForce, &RECEIVE_BUFFER).is_err() {
        socket.set_rx_buf_sz(i32::try_from(RECEIVE_BUFFER).unwrap_or(i32::MAX))?;
    }
    // A refusal need not bring back the whole request. Kernels before 4.3 do, which is harmless.
    let _ = socket.set_cap_ack(true);
    Ok(())
}
