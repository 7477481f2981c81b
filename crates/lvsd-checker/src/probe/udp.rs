//! `UDP_CHECK`.
//!
//! Without `require_reply` the server has the whole time to object: only an ICMP error tells that nobody is there, and
//! silence is a success.

use lvsd_health::Cause;
use lvsd_model::{ReplyCheck, UdpCheck};

use super::Problem;
use super::datagram::{Datagrams, Heard};

/// What is sent when nothing is configured.
const PAYLOAD: &[u8; 32] = b"lvsd health check, please ignore";

pub(super) async fn run(check: &UdpCheck) -> Result<(), Problem> {
    let datagrams = Datagrams::udp(&check.target)?;
    datagrams.send(check.payload.as_deref().unwrap_or(PAYLOAD)).await?;
    let Some(wanted) = &check.reply else {
        return datagrams.listen(&mut [0], |_| Some(())).await.map(drop);
    };
    // One byte more, so that a longer reply is seen to be one.
    let mut buffer = vec![0; usize::from(wanted.max_length) + 1];
    match datagrams.listen(&mut buffer, |reply| Some(judge(wanted, reply))).await? {
        Heard::Answer(verdict) => verdict,
        Heard::Silence => Err(Problem::server(Cause::ResponseTimeout, "no reply")),
    }
}

fn judge(wanted: &ReplyCheck, reply: &[u8]) -> Result<(), Problem> {
    let (least, most) = (usize::from(wanted.min_length), usize::from(wanted.max_length));
    let detail = if reply.len() > most {
        format!("the reply is longer than {most} bytes")
    } else if reply.len() < least {
        format!("the reply has {} bytes, less than {least}", reply.len())
    } else if let Some(offset) = wanted.mismatch(reply) {
        let byte = reply.get(offset).copied().unwrap_or_default();
        format!("the reply departs from require_reply at byte {offset}: {byte:02x}")
    } else {
        return Ok(());
    };
    Err(Problem::server(Cause::Content, detail))
}
