//! `DNS_CHECK`: a question over UDP. What the answer says does not matter, as long as it is no error.

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::name::NameBuilder;
use domain::base::{Message, MessageBuilder, Name};
use lvsd_health::Cause;
use lvsd_model::{DnsCheck, DomainName};

use super::Problem;
use super::datagram::{Datagrams, Heard, nonce};

/// The longest answer without extensions (RFC 1035 §2.3.4); of a longer one only the beginning is looked at.
const MAX_ANSWER: usize = 512;

pub(super) async fn run(check: &DnsCheck) -> Result<(), Problem> {
    let [high, low, ..] = nonce().to_ne_bytes();
    let id = u16::from_ne_bytes([high, low]);
    let question = question(check, id)
        .ok_or_else(|| Problem::Local(format!("{} cannot be put into a question", check.name)))?;
    let datagrams = Datagrams::udp(&check.target)?;
    datagrams.send(&question).await?;
    let mut buffer = [0; MAX_ANSWER];
    match datagrams.listen(&mut buffer, |bytes| judge(bytes, id)).await? {
        Heard::Answer(verdict) => verdict,
        Heard::Silence => Err(Problem::server(Cause::ResponseTimeout, "no answer")),
    }
}

fn question(check: &DnsCheck, id: u16) -> Option<Vec<u8>> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    message.header_mut().set_rd(true);
    let mut message = message.question();
    message.push((name(&check.name)?, Rtype::from_int(check.kind.number()), Class::IN)).ok()?;
    Some(message.finish())
}

fn name(name: &DomainName) -> Option<Name<Vec<u8>>> {
    let mut builder = NameBuilder::new_vec();
    for label in name.labels() {
        builder.append_label(label.as_bytes()).ok()?;
    }
    builder.into_name().ok()
}

/// `None`: the answer to another question, a late one.
fn judge(bytes: &[u8], id: u16) -> Option<Result<(), Problem>> {
    let wrong = |cause, detail: String| Some(Err(Problem::server(cause, detail)));
    let Ok(message) = Message::from_octets(bytes) else {
        return wrong(Cause::Protocol, format!("{} bytes that are no DNS message", bytes.len()));
    };
    let header = message.header();
    if header.id() != id {
        return None;
    }
    if !header.qr() {
        return wrong(Cause::Protocol, "the question came back, not an answer".to_owned());
    }
    match header.rcode() {
        Rcode::NOERROR => Some(Ok(())),
        error => wrong(Cause::Status, format!("rcode {error}")),
    }
}
