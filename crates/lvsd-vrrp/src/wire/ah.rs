//! `auth_type AH`: the IP authentication header of RFC 2402 with HMAC-MD5-96 (RFC 2403), as RFC 2338 §5.3.6.3 has it.
//!
//! ```text
//! octet  0  next header, 112         octet  4  SPI: the source address
//!        1  length, 4                       8  sequence number
//!        2  zero                           12  first 12 octets of the HMAC-MD5
//! ```
//!
//! The code covers the IPv4 header with what routers change set to zero, the authentication header with a code of zero, and the
//! packet. It was meant to protect; with a password of eight octets it does not protect from much.

use std::net::Ipv4Addr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::{IP_PROTOCOL, Reject};
use crate::time::Time;

/// IP protocol number of the authentication header.
const AH_PROTOCOL: u8 = 51;

/// Octets of the header.
pub(super) const HEADER_LEN: usize = 24;
const CODE_LEN: usize = 12;
/// Length in 32-bit words, less two (RFC 2402 §2.2).
const LENGTH: u8 = 4;
const IPV4_HEADER: usize = 20;
/// Internetwork control, not covered by the code.
const VERSION_AND_LENGTH: u8 = 0x45;
/// Senders whose numbers are remembered; only who has the password gets in.
const SENDERS: usize = 16;

/// The octets of an IPv4 header without options.
pub(super) type Ipv4Header = [u8; IPV4_HEADER];

/// The IPv4 header of a packet that is about to leave, as far as the code covers it.
pub(super) fn outgoing_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    identification: u16,
    hops: u8,
    payload_len: usize,
) -> Ipv4Header {
    let [l0, l1] = u16::try_from(IPV4_HEADER + payload_len).unwrap_or(u16::MAX).to_be_bytes();
    let [i0, i1] = identification.to_be_bytes();
    let [s0, s1, s2, s3] = source.octets();
    let [d0, d1, d2, d3] = destination.octets();
    [VERSION_AND_LENGTH, 0, l0, l1, i0, i1, 0, 0, hops, AH_PROTOCOL, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3]
}

/// Puts the header in front of a packet.
pub(super) fn seal(password: &[u8; 8], header: &Ipv4Header, sequence: u32, packet: &mut Vec<u8>) {
    let [.., s0, s1, s2, s3, _, _, _, _] = *header;
    let [q0, q1, q2, q3] = sequence.to_be_bytes();
    let head = [IP_PROTOCOL, LENGTH, 0, 0, s0, s1, s2, s3, q0, q1, q2, q3];
    let Some(mac) = mac(password, header, &head, packet) else { return };
    let code = mac.finalize().into_bytes();
    packet.splice(0..0, head.into_iter().chain(code.into_iter().take(CODE_LEN)));
}

/// Takes the header off a packet that is to have one.
///
/// # Errors
/// [`Reject::Length`], [`Reject::AuthFailure`], [`Reject::AuthReplay`].
pub(super) fn open<'a>(
    password: &[u8; 8],
    header: &Ipv4Header,
    payload: &'a [u8],
    marks: &mut Marks,
    now: Time,
    patience: std::time::Duration,
) -> Result<&'a [u8], Reject> {
    let (head, rest) = payload.split_first_chunk::<12>().ok_or(Reject::Length)?;
    let (code, packet) = rest.split_at_checked(CODE_LEN).ok_or(Reject::Length)?;
    let [next, length, _, _, s0, s1, s2, s3, q0, q1, q2, q3] = *head;
    let [.., a0, a1, a2, a3, _, _, _, _] = *header;
    if (next, length) != (IP_PROTOCOL, LENGTH) || [s0, s1, s2, s3] != [a0, a1, a2, a3] {
        return Err(Reject::AuthFailure);
    }
    let mac = mac(password, header, head, packet).ok_or(Reject::AuthFailure)?;
    // In constant time.
    mac.verify_truncated_left(code).map_err(|_| Reject::AuthFailure)?;
    let source = Ipv4Addr::new(a0, a1, a2, a3);
    let sequence = u32::from_be_bytes([q0, q1, q2, q3]);
    if marks.take(source, sequence, now, patience) { Ok(packet) } else { Err(Reject::AuthReplay) }
}

/// The VRRP packet behind an authentication header, nothing judged.
pub(super) fn inside(payload: &[u8]) -> Option<&[u8]> {
    payload.get(HEADER_LEN..)
}

/// The code over everything but the code. `None` cannot be: HMAC takes keys of every length.
fn mac(password: &[u8; 8], header: &Ipv4Header, head: &[u8; 12], packet: &[u8]) -> Option<Hmac<Md5>> {
    let mut mac = Hmac::<Md5>::new_from_slice(password).ok()?;
    let [vl, _, l0, l1, i0, i1, _, _, hops, protocol, _, _, addresses @ ..] = *header;
    let multicast = matches!(addresses, [_, _, _, _, first, ..] if first >> 4 == 0xe);
    // RFC 2402 §3.3.3.1.1.1 zeroes the TTL always; the field does so for unicast only, where routers count it down.
    let hops = if multicast { hops } else { 0 };
    mac.update(&[vl, 0, l0, l1, i0, i1, 0, 0, hops, protocol, 0, 0]);
    mac.update(&addresses);
    mac.update(head);
    mac.update(&[0; CODE_LEN]);
    mac.update(packet);
    Some(mac)
}

/// The last sequence number of each sender.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Marks(Vec<(Ipv4Addr, u32, Time)>);

impl Marks {
    /// Takes a number that is greater than the last one of the same sender. One that has been silent for longer than `patience` has
    /// started anew, and may count anew.
    fn take(&mut self, source: Ipv4Addr, sequence: u32, now: Time, patience: std::time::Duration) -> bool {
        let known = self.0.iter().position(|(sender, ..)| *sender == source);
        if let Some((_, last, at)) = known.and_then(|position| self.0.get(position)) {
            let newer = sequence.wrapping_sub(*last).cast_signed() > 0;
            if !newer && now.since(*at) <= patience {
                return false;
            }
        }
        if let Some(position) = known {
            self.0.remove(position);
        }
        self.0.insert(0, (source, sequence, now));
        self.0.truncate(SENDERS);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_grow_per_sender_until_it_starts_anew() {
        let (one, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let at = |seconds| Time::after_start(Duration::from_secs(seconds));
        let patience = Duration::from_secs(2);
        let mut marks = Marks::default();
        assert!(marks.take(one, 5, at(0), patience));
        assert!(!marks.take(one, 5, at(1), patience));
        assert!(!marks.take(one, 4, at(1), patience));
        assert!(marks.take(other, 4, at(1), patience), "another sender counts for itself");
        assert!(marks.take(one, 6, at(1), patience));
        assert!(!marks.take(one, 1, at(3), patience));
        assert!(marks.take(one, 1, at(4), patience), "silent for long");
        assert!(marks.take(one, 2, at(4), patience));
        assert!(marks.take(other, u32::MAX, at(100), patience));
        assert!(marks.take(other, 0, at(100), patience), "the number goes round");
    }
}
