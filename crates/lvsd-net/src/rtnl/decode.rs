//! A tolerant decoder of netlink messages: takes what lvsd needs, skips the rest, fails on nothing.

use std::net::IpAddr;

use lvsd_model::AddressScope;

use super::{AddressEntry, AddressKey, Link, LinkKind};
use crate::Mac;

/// A netlink message: its header's fields and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// The socket that asked for it, or whose request caused it; 0 for the kernel itself.
    pub(crate) port: u32,
    pub(crate) payload: &'a [u8],
}

/// The messages of one datagram; ends at the first whose length is impossible.
pub(crate) struct Messages<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let (header, _) = self.0.split_first_chunk::<16>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = *header;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        let payload = self.0.get(16..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            payload,
        })
    }
}

/// The attributes of a message; ends at the first whose length is impossible.
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (&[l0, l1, k0, k1], _) = self.0.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The two high bits are flags of the attribute.
        Some((u16::from_ne_bytes([k0, k1]) & 0x3fff, value))
    }
}

/// The error number of an NLMSG_ERROR or NLMSG_DONE; 0 is success.
pub(crate) fn error_number(payload: &[u8]) -> Option<i32> {
    payload.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes).saturating_neg())
}

/// The kernel's own words on an error (NLMSGERR_ATTR_MSG), if it has some.
pub(crate) fn error_text(message: &Message<'_>) -> Option<String> {
    const NLM_F_CAPPED: u16 = 0x100;
    const NLM_F_ACK_TLVS: u16 = 0x200;
    const NLMSGERR_ATTR_MSG: u16 = 1;
    if message.flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let request = message.payload.get(4..)?;
    let skip = if message.flags & NLM_F_CAPPED == 0 {
        usize::try_from(u32::from_ne_bytes(*request.first_chunk()?)).ok()?.next_multiple_of(4)
    } else {
        16
    };
    Attributes(request.get(skip..)?)
        .find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)
        .map(|(_, value)| text(value))
}

/// An RTM_NEWLINK or RTM_DELLINK.
pub(super) fn link(payload: &[u8]) -> Option<Link> {
    const IFLA_ADDRESS: u16 = 1;
    const IFLA_IFNAME: u16 = 3;
    const IFLA_MTU: u16 = 4;
    const IFLA_LINK: u16 = 5;
    const IFLA_MASTER: u16 = 10;
    const IFLA_LINKINFO: u16 = 18;
    const IFLA_GROUP: u16 = 27;
    const IFLA_LINK_NETNSID: u16 = 37;
    let (header, attributes) = payload.split_first_chunk::<16>()?;
    let [family, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *header;
    // A bridge sends notifications about its ports in a family of its own; they describe the port, not the link.
    if i32::from(family) != libc::AF_UNSPEC {
        return None;
    }
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let has = |flag: i32| flags & flag.cast_unsigned() != 0;
    let (mut name, mut mac, mut mtu, mut vrf_table) = (None, None, 0, None);
    let (mut kind, mut base, mut elsewhere, mut master, mut group) = (LinkKind::Other, None, false, None, 0);
    for (attribute, value) in Attributes(attributes) {
        match attribute {
            IFLA_ADDRESS => mac = value.try_into().ok().map(Mac),
            IFLA_IFNAME => name = Some(text(value)),
            IFLA_MTU => mtu = number(value).unwrap_or(0),
            IFLA_LINK => base = number(value),
            IFLA_LINK_NETNSID => elsewhere = true,
            IFLA_MASTER => master = number(value),
            IFLA_GROUP => group = number(value).unwrap_or(0),
            IFLA_LINKINFO => {
                kind = super::link::kind(Attributes(value), nested);
                vrf_table = self::vrf_table(value);
            }
            _ => {}
        }
    }
    Some(Link {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        name: name?,
        mac,
        up: has(libc::IFF_UP),
        running: has(libc::IFF_RUNNING),
        loopback: has(libc::IFF_LOOPBACK),
        no_arp: has(libc::IFF_NOARP),
        mtu,
        vrf_table,
        kind,
        base: base.filter(|_| !elsewhere),
        master,
        group,
    })
}

/// What IFLA_LINKINFO says of a VRF device.
fn vrf_table(value: &[u8]) -> Option<u32> {
    const IFLA_INFO_KIND: u16 = 1;
    const IFLA_INFO_DATA: u16 = 2;
    const IFLA_VRF_TABLE: u16 = 1;
    let part = |wanted: u16| Attributes(value).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let (_, table) = Attributes(part(IFLA_INFO_DATA)?).find(|(kind, _)| *kind == IFLA_VRF_TABLE)?;
    let is_vrf = part(IFLA_INFO_KIND).map(text).as_deref() == Some("vrf");
    table.first_chunk().filter(|_| is_vrf).map(|bytes| u32::from_ne_bytes(*bytes))
}

/// An RTM_NEWADDR or RTM_DELADDR.
pub(super) fn address(payload: &[u8]) -> Option<AddressEntry> {
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    const IFA_FLAGS: u16 = 8;
    const IFA_PROTO: u16 = 11;
    let (header, attributes) = payload.split_first_chunk::<8>()?;
    let [_, prefix_len, flags, scope, i0, i1, i2, i3] = *header;
    let (mut prefix, mut local, mut flags, mut protocol) = (None, None, u32::from(flags), None);
    for (kind, value) in Attributes(attributes) {
        match kind {
            IFA_ADDRESS => prefix = ip(value),
            IFA_LOCAL => local = ip(value),
            IFA_FLAGS => flags = value.first_chunk().map_or(flags, |bytes| u32::from_ne_bytes(*bytes)),
            IFA_PROTO => protocol = value.first().copied(),
            _ => {}
        }
    }
    let interface = u32::from_ne_bytes([i0, i1, i2, i3]);
    let own = local.or(prefix)?;
    Some(AddressEntry {
        key: AddressKey { interface, address: own, prefix_len },
        peer: prefix.filter(|prefix| *prefix != own),
        flags,
        scope: AddressScope(scope),
        protocol,
    })
}

fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// The first attribute of a kind.
pub(crate) fn nested(value: &[u8], wanted: u16) -> Option<&[u8]> {
    Attributes(value).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

pub(super) fn ip(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok()
}

/// A string that may end with a NUL.
pub(crate) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let nibble = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
        digits.chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
    }

    /// RTM_NEWADDR as the kernel sent it for `ip addr add 10.9.0.100/24 dev v0 proto 18`, cacheinfo left out.
    const ADDRESS: &str = "44000000 1400 0000 00000000 00000000
        02 18 80 00 07000000
        0800 0100 0a090064  0800 0200 0a090064  0700 0300 763000 00  0800 0800 80000000  0500 0b00 12000000";

    /// RTM_NEWLINK, shortened to the attributes that matter and two that do not.
    const LINK: &str = "48000000 1000 0000 00000000 00000000
        00 00 0100 07000000 43100100 00000000
        0700 0300 763000 00  0800 0400 dc050000  0a00 0100 02005e102030 0000  0800 3d80 00000000  0500 1000 06000000";

    fn only(hex: &str) -> Vec<u8> {
        let mut bytes = bytes(hex);
        let length = u32::try_from(bytes.len()).expect("short");
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }

    #[test]
    fn an_address_is_read() {
        let datagram = only(ADDRESS);
        let message = Messages(&datagram).next().expect("one message");
        assert_eq!(message.kind, libc::RTM_NEWADDR);
        let entry = address(message.payload).expect("an address");
        let key = AddressKey { interface: 7, address: IpAddr::from([10, 9, 0, 100]), prefix_len: 24 };
        assert_eq!((entry.key, entry.flags, entry.protocol), (key, 0x80, Some(18)));
    }

    #[test]
    fn a_link_is_read() {
        let datagram = only(LINK);
        let message = Messages(&datagram).next().expect("one message");
        let link = link(message.payload).expect("a link");
        assert_eq!((link.index, link.name.as_str(), link.mtu), (7, "v0", 1500));
        assert_eq!(link.mac, Some(Mac([2, 0, 0x5e, 0x10, 0x20, 0x30])));
        assert!(link.up && link.running && !link.no_arp && !link.loopback);
    }

    #[test]
    fn rubbish_and_cut_messages_end_quietly() {
        for whole in [only(ADDRESS), only(LINK)] {
            for cut in 0..whole.len() {
                assert_eq!(Messages(&whole[..cut]).next(), None, "cut at {cut}");
                let payload = whole.get(16..cut).unwrap_or_default();
                let _ = (link(payload), address(payload));
            }
            for at in 0..whole.len() {
                let mut broken = whole.clone();
                broken[at] ^= 0xff;
                for message in Messages(&broken) {
                    let _ = (link(message.payload), address(message.payload), error_text(&message));
                }
            }
        }
        assert_eq!(Messages(&[0; 64]).count(), 0, "a length of zero must not loop");
    }
}
