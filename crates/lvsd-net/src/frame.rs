//! Announcement frames: gratuitous ARP (RFC 5227 §3 form) and unsolicited neighbour advertisement (RFC 4861 §7.2.6).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::checksum::{fold, sum};

/// Length of a gratuitous ARP frame, in bytes.
pub const ARP_FRAME: usize = 42;
/// Length of an unsolicited neighbour advertisement frame, in bytes.
pub const NA_FRAME: usize = 86;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ICMPV6: u8 = 58;
const ICMPV6_LENGTH: u8 = 32;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// Where IPv6 packets to ff02::1 go.
    pub const ALL_NODES: Self = Self([0x33, 0x33, 0, 0, 0, 1]);
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Whether the sender of a neighbour advertisement says that it routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NaRole {
    /// The interface forwards.
    Router,
    /// It does not.
    Host,
}

/// Writes parts one after another into a frame of known size.
struct Writer<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], used: 0 }
    }

    fn put(mut self, part: &[u8]) -> Self {
        let end = self.used + part.len();
        debug_assert!(end <= N, "frames here have a fixed layout");
        if let Some(place) = self.bytes.get_mut(self.used..end) {
            place.copy_from_slice(part);
            self.used = end;
        }
        self
    }

    fn done(self) -> [u8; N] {
        debug_assert_eq!(self.used, N, "frames here have a fixed layout");
        self.bytes
    }
}

/// A gratuitous ARP: a broadcast request in which sender and target are `vip`, as routers of the field send it.
#[must_use]
pub fn gratuitous_arp(sender: Mac, vip: Ipv4Addr) -> [u8; ARP_FRAME] {
    Writer::new()
        .put(&Mac::BROADCAST.0)
        .put(&sender.0)
        .put(&[0x08, 0x06])
        // Ethernet, IPv4, address lengths, request.
        .put(&[0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01])
        .put(&sender.0)
        .put(&vip.octets())
        .put(&Mac::BROADCAST.0)
        .put(&vip.octets())
        .done()
}

/// An unsolicited neighbour advertisement for `vip`, from `vip` to all nodes, with the override flag.
#[must_use]
pub fn unsolicited_na(sender: Mac, vip: Ipv6Addr, role: NaRole) -> [u8; NA_FRAME] {
    let flags = match role {
        // R and O, or O alone (RFC 4861 §4.4).
        NaRole::Router => 0xa0,
        NaRole::Host => 0x20,
    };
    let body = |checksum: u16| {
        Writer::<32>::new()
            .put(&[136, 0])
            .put(&checksum.to_be_bytes())
            .put(&[flags, 0, 0, 0])
            .put(&vip.octets())
            // Target link-layer address, one unit of 8 bytes.
            .put(&[2, 1])
            .put(&sender.0)
            .done()
    };
    let pseudo = sum(&vip.octets())
        + sum(&ALL_NODES.octets())
        + u32::from(ICMPV6_LENGTH)
        + u32::from(ICMPV6)
        + sum(&body(0));
    Writer::new()
        .put(&Mac::ALL_NODES.0)
        .put(&sender.0)
        .put(&[0x86, 0xdd])
        .put(&[0x60, 0, 0, 0, 0, ICMPV6_LENGTH, ICMPV6, 255])
        .put(&vip.octets())
        .put(&ALL_NODES.octets())
        .put(&body(fold(pseudo)))
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([0x02, 0x00, 0x5e, 0x10, 0x20, 0x30]);

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_gratuitous_arp_byte_for_byte() {
        let frame = gratuitous_arp(MAC, Ipv4Addr::new(10, 9, 0, 104));
        let expected = concat!(
            "ffffffffffff",
            "02005e102030",
            "0806",
            "0001080006040001",
            "02005e102030",
            "0a090068",
            "ffffffffffff",
            "0a090068"
        );
        assert_eq!(hex(&frame), expected);
    }

    #[test]
    fn an_unsolicited_na_byte_for_byte() {
        let vip = "fd00::100".parse().expect("an address");
        let frame = unsolicited_na(MAC, vip, NaRole::Host);
        let expected = concat!(
            "333300000001",
            "02005e102030",
            "86dd",
            "60000000",
            "0020",
            "3a",
            "ff",
            "fd000000000000000000000000000100",
            "ff020000000000000000000000000001",
            "8800",
            "da5d",
            "20000000",
            "fd000000000000000000000000000100",
            "0201",
            "02005e102030"
        );
        assert_eq!(hex(&frame), expected);
    }

    #[test]
    fn the_checksum_of_an_na_verifies() {
        let vip: Ipv6Addr = "2001:db8::17".parse().expect("an address");
        for role in [NaRole::Host, NaRole::Router] {
            let frame = unsolicited_na(MAC, vip, role);
            let pseudo = sum(&frame[22..54]) + 32 + 58;
            assert_eq!(fold(pseudo + sum(&frame[54..])), 0, "{role:?}");
        }
    }
}
