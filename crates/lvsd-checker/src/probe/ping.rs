//! `PING_CHECK`: an echo request over a ping socket, which needs no privilege but a group that `ping_group_range` names.

use std::fs;
use std::io;

use lvsd_health::Cause;
use lvsd_model::Target;
use nix::unistd::getegid;
use socket2::{Domain, Protocol, Socket, Type};

use super::Problem;
use super::datagram::{Datagrams, Heard, nonce};

/// Bytes behind the header of a request.
const PAYLOAD: usize = 128;

/// Bytes of an echo's header (RFC 792, RFC 4443 §4.1).
const HEADER: usize = 8;

/// Groups whose processes may open ping sockets, of this network namespace and both address families.
const GROUPS: &str = "/proc/sys/net/ipv4/ping_group_range";

pub(super) async fn run(target: &Target) -> Result<(), Problem> {
    let domain = Domain::for_address(target.address);
    let (protocol, request_type, reply_type) = match target.address.is_ipv4() {
        true => (Protocol::ICMPV4, 8, 0),
        false => (Protocol::ICMPV6, 128, 129),
    };
    let datagrams = Datagrams::over(open(domain, protocol)?, target)?;
    let request = request(request_type);
    datagrams.send(&request).await?;
    let mut buffer = [0; HEADER + PAYLOAD];
    // The kernel sees to the identifier; the payload tells late replies to an earlier socket of the same identifier.
    let is_reply =
        |reply: &[u8]| reply.first() == Some(&reply_type) && reply.get(HEADER..) == request.get(HEADER..);
    match datagrams.listen(&mut buffer, |reply| is_reply(reply).then_some(())).await? {
        Heard::Answer(()) => Ok(()),
        Heard::Silence => Err(Problem::server(Cause::ResponseTimeout, "no echo reply")),
    }
}

/// A request; identifier and checksum are the kernel's affair.
fn request(kind: u8) -> Vec<u8> {
    let mut request = vec![kind, 0, 0, 0, 0, 0, 0, 1];
    request.extend(nonce().to_ne_bytes());
    request.resize(HEADER + PAYLOAD, b'.');
    request
}

/// A ping socket. Where our group is not among those that may have one, it is put among them for that moment.
fn open(domain: Domain, protocol: Protocol) -> Result<Socket, Problem> {
    let socket = || Socket::new(domain, Type::DGRAM, Some(protocol));
    let opened = match socket() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Admitted::for_our_group().and_then(|_admitted| socket())
        }
        other => other,
    };
    opened.map_err(|error| {
        let group = getegid();
        Problem::Local(format!("no ping socket for group {group}: {error}; see net.ipv4.ping_group_range"))
    })
}

/// The range as it was before, put back when this goes.
struct Admitted(String);

impl Admitted {
    fn for_our_group() -> io::Result<Self> {
        let before = fs::read_to_string(GROUPS)?;
        fs::write(GROUPS, widened(&before, getegid().as_raw()))?;
        Ok(Self(before))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Err(error) = fs::write(GROUPS, &self.0) {
            tracing::warn!(%error, "{GROUPS} is not what it was");
        }
    }
}

/// The least range that holds the old one and the group. One that ends before it begins holds nobody.
fn widened(range: &str, group: u32) -> String {
    let mut ends = range.split_whitespace().map(|word| word.parse::<u32>().ok());
    match (ends.next().flatten(), ends.next().flatten()) {
        (Some(low), Some(high)) if low <= high => format!("{} {}", low.min(group), high.max(group)),
        _ => format!("{group} {group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_grows_no_further_than_it_must() {
        for (range, group, expected) in [
            ("1\t0\n", 0, "0 0"),
            ("100\t200\n", 0, "0 200"),
            ("100\t200\n", 300, "100 300"),
            ("0\t2147483647\n", 5, "0 2147483647"),
            ("", 7, "7 7"),
        ] {
            assert_eq!(widened(range, group), expected);
        }
    }
}
