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
    /// Messages sent so far. The library numbers them from 1 in the order they are given to it.
    sent: u32,
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
        Ok(Self { handle, sent: 0, unsolicited: Box::pin(unsolicited), task })
    }

    /// Sends the messages in one datagram and waits for the end of the answers to all of them. Of several messages each
    /// must ask for an acknowledgement and nothing else.
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
        let count = messages.len();
        self.sent = self.sent.wrapping_add(u32::try_from(count).unwrap_or(u32::MAX));
        let last = self.sent;
        let mut answers = self.handle.request_batch(messages, kernel).map_err(|_| Failure::Lost)?;
        let mut collected = Vec::new();
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    Some(answer) => {
                        let number = answer.header.sequence_number;
                        collected.push(answer);
                        // The kernel answers in order: what is missing now will not come.
                        if count > 1 && number == last && collected.len() < count {
                            return Err(Failure::Lost);
                        }
                    }
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

#[cfg(test)]
mod tests {
    use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
    use netlink_sys::protocols::NETLINK_GENERIC;

    use super::*;
    use crate::codec::ctrl::Ctrl;
    use crate::codec::{Message, flush};

    const PATIENT: Duration = Duration::from_secs(20);

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// To the family of that number. The kernel acts on none of these tests' messages: below 16 it ignores them, and 16 is
    /// the controller, which has no such command.
    fn message(family: u16, flags: u16) -> Answer<Message> {
        let mut genl = GenlMessage::from_payload(Message::Request(flush()));
        genl.set_resolved_family_id(family);
        let mut message = NetlinkMessage::from(genl);
        message.header.flags = NLM_F_REQUEST | flags;
        message
    }

    fn link() -> Link<Message> {
        Link::new(TokioSocket::new(NETLINK_GENERIC).unwrap()).unwrap()
    }

    #[test]
    fn silence_ends_at_the_limit() {
        block_on(async {
            let outcome = link().exchange(vec![message(0, 0)], Duration::from_millis(50)).await;
            assert_eq!(outcome.unwrap_err(), Failure::Timeout);
        });
    }

    #[test]
    fn an_answer_missing_in_a_batch_is_noticed_by_the_answer_to_the_last() {
        block_on(async {
            let mut link = link();
            let answered = || message(16, NLM_F_ACK);
            let answers = link.exchange(vec![answered(), answered()], PATIENT).await.unwrap();
            assert_eq!(answers.len(), 2);
            let batch = vec![answered(), message(0, 0), answered()];
            assert_eq!(link.exchange(batch, PATIENT).await.unwrap_err(), Failure::Lost);
        });
    }

    #[test]
    fn every_answer_of_a_full_batch_comes_and_in_order() {
        block_on(async {
            let mut link = link();
            for _ in 0..3 {
                let answers = link.exchange(vec![message(16, NLM_F_ACK); 128], PATIENT).await.unwrap();
                let numbers: Vec<_> = answers.iter().map(|answer| answer.header.sequence_number).collect();
                assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
                assert_eq!(numbers.len(), 128);
            }
        });
    }

    #[test]
    fn the_controller_tells_the_number_of_a_family() {
        block_on(async {
            let mut link = Link::<Ctrl>::new(TokioSocket::new(NETLINK_GENERIC).unwrap()).unwrap();
            let mut message = NetlinkMessage::from(GenlMessage::from_payload(Ctrl::family_named("nlctrl")));
            message.header.flags = NLM_F_REQUEST;
            let answers = link.exchange(vec![message], PATIENT).await.unwrap();
            let NetlinkPayload::InnerMessage(answer) = &answers[0].payload else { panic!("{answers:?}") };
            assert_eq!(answer.payload.family_id(), Some(16));
        });
    }
}
