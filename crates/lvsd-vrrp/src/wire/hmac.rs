//! `auth_hmac`: a trailer of 28 octets behind the VRRP packet that only who has the key can write, and only once.
//!
//! ```text
//! octet  0  extension type, 1        octet  8  fraction of the second, in 1/65536
//!        1  key id                         10  counter
//!        2  zero                           12  first 16 octets of the HMAC-SHA256
//!        4  seconds since 1970
//! ```
//!
//! The code covers a pseudo header (family, version, VRID, source address), the packet with a checksum of zero, and the trailer with
//! a code of zero. Octets 4 to 11 are one number that never repeats: clock where the clock moves on, counter where it does not.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use lvsd_model::{AntiReplay, HmacAuth, HmacKey, HmacMode, Instance, Transport, Version};
use sha2::Sha256;

use super::{Reject, RxMeta};
use crate::time::WallTime;

/// Octets of the trailer.
pub(super) const TRAILER_LEN: usize = 28;
/// Octets of the code that are sent.
const CODE_LEN: usize = 16;
const EXTENSION_TYPE: u8 = 1;
/// Senders of multicast whose numbers are remembered.
const SENDERS: usize = 4;

/// Octets 4 to 11 of the trailer as one number, which is compared like a serial number (RFC 1982).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Stamp(u64);

impl Stamp {
    fn of(wall: WallTime) -> Self {
        let since = wall.since_epoch();
        // The protocol has 32 bits of seconds, and counts on.
        let seconds = since.as_secs() & u64::from(u32::MAX);
        let fraction = u64::from(since.subsec_nanos()) * 65_536 / 1_000_000_000;
        Self(seconds << 32 | fraction << 16)
    }

    /// The least one that is newer.
    const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    const fn is_newer_than(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }

    const fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Seconds from `other` to this; negative when this is the older.
    const fn seconds_after(self, other: Self) -> i32 {
        self.seconds().wrapping_sub(other.seconds()).cast_signed()
    }

    fn is_within(self, window: u16, of: Self) -> bool {
        self.seconds_after(of).unsigned_abs() <= u32::from(window)
    }

    /// What a sender that used `self` last is to use now.
    pub(super) fn advance(self, auth: &HmacAuth, wall: WallTime) -> Self {
        let clock = Self::of(wall);
        // The clock was wrong by more than anybody would believe, and has been corrected.
        let was_ahead =
            auth.anti_replay == AntiReplay::Time && self.seconds_after(clock) > i32::from(auth.window);
        if self == Self::default() || was_ahead || clock.is_newer_than(self) { clock } else { self.next() }
    }
}

/// What came last from whom.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Marks(Vec<(IpAddr, Stamp)>);

impl Marks {
    /// Takes a number that is newer than the last one of the same sender.
    fn take(&mut self, auth: &HmacAuth, source: IpAddr, stamp: Stamp, clock: Stamp, room: usize) -> bool {
        let known = self.0.iter().position(|(sender, _)| *sender == source);
        if let Some(position) = known {
            let (_, last) = self.0.remove(position);
            let expired = auth.anti_replay == AntiReplay::Time && !last.is_within(auth.window, clock);
            if !expired && !stamp.is_newer_than(last) {
                self.0.insert(0, (source, last));
                return false;
            }
        }
        // The one heard last is first; who has not been heard for longest falls out.
        self.0.insert(0, (source, stamp));
        self.0.truncate(room.max(1));
        true
    }
}

/// Judges the trailer of a packet, empty for none.
pub(super) fn verify(
    auth: &HmacAuth,
    config: &Instance,
    meta: &RxMeta,
    pdu: &[u8],
    trailer: &[u8],
    marks: &mut Marks,
) -> Result<(), Reject> {
    if trailer.is_empty() {
        return match auth.mode {
            HmacMode::Enforce => Err(Reject::HmacMissing),
            HmacMode::Permissive | HmacMode::ReceiveOnly => Ok(()),
        };
    }
    let (head, code) = trailer.split_first_chunk::<12>().ok_or(Reject::Length)?;
    let [kind, key, 0, 0, stamp @ ..] = *head else { return Err(Reject::HmacMalformed) };
    if kind != EXTENSION_TYPE || key == 0 {
        return Err(Reject::HmacMalformed);
    }
    let (stamp, clock) = (Stamp(u64::from_be_bytes(stamp)), Stamp::of(meta.wall));
    if !stamp.is_within(auth.window, clock) {
        return Err(Reject::HmacStale);
    }
    let key = auth.keys.iter().find(|candidate| candidate.id.get() == key).ok_or(Reject::HmacUnknownKey)?;
    let mac = mac(key, config, meta.source, pdu, head).ok_or(Reject::HmacUnknownKey)?;
    // In constant time.
    mac.verify_truncated_left(code).map_err(|_| Reject::HmacInvalid)?;
    let room = match &config.transport {
        Transport::Multicast { .. } => SENDERS,
        Transport::Unicast { peers, .. } => {
            if !peers.iter().any(|peer| peer.address == meta.source) {
                return Err(Reject::UnknownPeer);
            }
            peers.len()
        }
    };
    if marks.take(auth, meta.source, stamp, clock, room) { Ok(()) } else { Err(Reject::HmacReplay) }
}

/// Appends the trailer to a packet.
pub(super) fn sign(auth: &HmacAuth, config: &Instance, source: IpAddr, stamp: Stamp, packet: &mut Vec<u8>) {
    let Some(key) = auth.keys.iter().find(|key| key.id == auth.active) else { return };
    let mut head = [EXTENSION_TYPE, key.id.get(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (place, octet) in head.iter_mut().skip(4).zip(stamp.0.to_be_bytes()) {
        *place = octet;
    }
    let Some(mac) = mac(key, config, source, packet, &head) else { return };
    packet.extend(head);
    packet.extend(mac.finalize().into_bytes().iter().take(CODE_LEN));
}

/// The code over everything but the code. `None` cannot be: HMAC takes keys of every length.
fn mac(
    key: &HmacKey,
    config: &Instance,
    source: IpAddr,
    pdu: &[u8],
    head: &[u8; 12],
) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret()).ok()?;
    let version = match config.version {
        Version::V2 => 2,
        Version::V3 => 3,
    };
    let (family, address) = match source {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            (4, [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        }
        IpAddr::V6(address) => (6, address.octets()),
    };
    mac.update(&[family, version, config.vrid.get(), 0]);
    mac.update(&address);
    let (before, rest) = pdu.split_at_checked(6)?;
    mac.update(before);
    mac.update(&[0, 0]);
    mac.update(rest.get(2..)?);
    mac.update(head);
    mac.update(&[0; CODE_LEN]);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use lvsd_model::KeyId;

    use super::*;

    fn auth(anti_replay: AntiReplay) -> HmacAuth {
        let id = KeyId::new(1).expect("not 0");
        let keys = vec![HmacKey::new(id, vec![7; 32]).expect("long enough")];
        HmacAuth { keys, active: id, window: 5, anti_replay, mode: HmacMode::Enforce }
    }

    fn wall(millis: u64) -> WallTime {
        WallTime::after_epoch(Duration::from_millis(millis))
    }

    fn stamp(millis: u64) -> Stamp {
        Stamp::of(wall(millis))
    }

    #[test]
    fn numbers_follow_the_clock_and_never_repeat() {
        let auth = auth(AntiReplay::Time);
        let first = Stamp::default().advance(&auth, wall(10_500));
        assert_eq!(first, Stamp(10 << 32 | 0x8000 << 16));
        let second = first.advance(&auth, wall(10_500));
        assert_eq!(second, Stamp(10 << 32 | 0x8000 << 16 | 1));
        assert!(second.advance(&auth, wall(10_499)).is_newer_than(second), "a clock that went back a little");
        assert_eq!(second.advance(&auth, wall(10_600)), stamp(10_600));
        let full = Stamp(10 << 32 | 0x8000_ffff);
        assert_eq!(full.advance(&auth, wall(10_500)), Stamp(10 << 32 | 0x8001_0000), "the counter carries");
    }

    #[test]
    fn a_clock_that_was_far_ahead_is_corrected_in_time_mode_only() {
        let before = stamp(100_000);
        assert_eq!(before.advance(&auth(AntiReplay::Time), wall(94_000)), stamp(94_000));
        assert_eq!(before.advance(&auth(AntiReplay::Monotonic), wall(94_000)), before.next());
        assert_eq!(before.advance(&auth(AntiReplay::Time), wall(95_000)), before.next(), "within the window");
    }

    #[test]
    fn the_end_of_32_bits_is_no_end() {
        let last = Stamp(u64::MAX);
        assert!(last.next().is_newer_than(last));
        assert!(Stamp(3 << 32).is_within(5, Stamp(u64::from(u32::MAX) << 32)));
    }

    #[test]
    fn the_table_keeps_those_heard_last() {
        let auth = auth(AntiReplay::Monotonic);
        let sender = |last: u8| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
        let mut marks = Marks::default();
        for last in 1..=5 {
            assert!(marks.take(&auth, sender(last), stamp(1000), stamp(1000), 4));
        }
        assert!(!marks.take(&auth, sender(5), stamp(1000), stamp(1000), 4), "seen");
        assert!(!marks.take(&auth, sender(2), stamp(999), stamp(1000), 4), "older");
        assert!(marks.take(&auth, sender(1), stamp(1000), stamp(1000), 4), "forgotten for the fifth");
        assert_eq!(marks.0.len(), 4);
    }

    #[test]
    fn a_mark_outside_the_window_expires_in_time_mode() {
        let sender = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        for (anti_replay, accepted) in [(AntiReplay::Time, true), (AntiReplay::Monotonic, false)] {
            let auth = auth(anti_replay);
            let mut marks = Marks::default();
            assert!(marks.take(&auth, sender, stamp(100_000), stamp(100_000), 4));
            assert_eq!(
                marks.take(&auth, sender, stamp(90_000), stamp(90_000), 4),
                accepted,
                "{anti_replay:?}"
            );
        }
    }
}
