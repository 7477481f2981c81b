//! Captured frames, and what a router pair says in them. Written from the RFCs, apart from the product's own codecs, so
//! that it can testify against them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::SystemTime,
};

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const PROTOCOL_AH: u8 = 51;
const PROTOCOL_ICMPV6: u8 = 58;
const PROTOCOL_VRRP: u8 = 112;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// A frame as it passed an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When, by the kernel's real-time clock.
    pub at: SystemTime,
    /// The whole frame from its Ethernet header on.
    pub bytes: Vec<u8>,
}

/// What a frame is, as far as the laboratory cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A VRRP advertisement.
    Advert(Advert),
    /// A gratuitous ARP or an unsolicited neighbour advertisement.
    Announcement(Announcement),
    /// Anything else.
    Other,
}

/// Protocol version of an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 3768.
    V2,
    /// RFC 9568.
    V3,
}

/// A VRRP advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Protocol version.
    pub version: Version,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom to: the group, or a unicast peer.
    pub destination: IpAddr,
    /// TTL or hop limit; 255 on a LAN.
    pub hops: u8,
    /// Virtual router id.
    pub vrid: u8,
    /// Priority; 0 resigns.
    pub priority: u8,
    /// The interval as on the wire: seconds in version 2, centiseconds in version 3.
    pub interval: u16,
    /// Addresses of the virtual router.
    pub addresses: Vec<IpAddr>,
}

/// "This address is at this interface": what moves traffic over on a fail-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The address announced.
    pub ip: IpAddr,
    /// Where it is.
    pub mac: [u8; 6],
}

impl Frame {
    /// Looks into the frame; whatever is cut short or unknown is [`Seen::Other`].
    pub fn seen(&self) -> Seen {
        read(&self.bytes).unwrap_or(Seen::Other)
    }

    /// The advertisement in it, if that is what it is.
    pub fn advert(&self) -> Option<Advert> {
        if let Seen::Advert(advert) = self.seen() { Some(advert) } else { None }
    }

    /// Does it announce that address?
    pub fn announces(&self, ip: IpAddr) -> bool {
        matches!(self.seen(), Seen::Announcement(announcement) if announcement.ip == ip)
    }
}

/// Takes fixed-size pieces off the front of a packet; `None` when it is too short.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn take(&mut self, count: usize) -> Option<Self> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(Self(head))
    }

    fn ipv4(&mut self) -> Option<IpAddr> {
        self.array::<4>().map(|bytes| Ipv4Addr::from(bytes).into())
    }

    fn ipv6(&mut self) -> Option<IpAddr> {
        self.array::<16>().map(|bytes| Ipv6Addr::from(bytes).into())
    }
}

/// What stands around a payload in IP.
struct Datagram<'a> {
    source: IpAddr,
    destination: IpAddr,
    hops: u8,
    protocol: u8,
    payload: Reader<'a>,
}

fn read(frame: &[u8]) -> Option<Seen> {
    let mut frame = Reader(frame);
    frame.skip(12)?;
    let datagram = match frame.u16()? {
        ETHERTYPE_ARP => return gratuitous_arp(frame),
        ETHERTYPE_IPV4 => ipv4(frame)?,
        ETHERTYPE_IPV6 => ipv6(frame)?,
        _ => return None,
    };
    match datagram.protocol {
        PROTOCOL_VRRP => vrrp(datagram).map(Seen::Advert),
        PROTOCOL_ICMPV6 => unsolicited_advertisement(datagram),
        _ => None,
    }
}

/// RFC 826; gratuitous, request or reply, when sender and target address are the same (RFC 5227 §3).
fn gratuitous_arp(mut arp: Reader<'_>) -> Option<Seen> {
    let (hardware, protocol, lengths) = (arp.u16()?, arp.u16()?, arp.u16()?);
    let _operation = arp.u16()?;
    let mac = arp.array()?;
    let sender = arp.ipv4()?;
    arp.skip(6)?;
    let target = arp.ipv4()?;
    let is_ours = (hardware, protocol, lengths) == (1, ETHERTYPE_IPV4, 0x0604);
    (is_ours && sender == target).then_some(Seen::Announcement(Announcement { ip: sender, mac }))
}

fn ipv4(mut packet: Reader<'_>) -> Option<Datagram<'_>> {
    let start = packet.0;
    let header = usize::from(packet.u8()? & 0x0f) * 4;
    packet.skip(1)?;
    let total = usize::from(packet.u16()?);
    packet.skip(4)?;
    let (hops, protocol) = (packet.u8()?, packet.u8()?);
    packet.skip(2)?;
    let (source, destination) = (packet.ipv4()?, packet.ipv4()?);
    // The frame may be padded beyond the packet.
    let mut payload = Reader(start.get(header..total)?);
    let protocol = if protocol == PROTOCOL_AH { authentication_header(&mut payload)? } else { protocol };
    Some(Datagram { source, destination, hops, protocol, payload })
}

/// RFC 4302 §2: skips the header, gives the protocol after it.
fn authentication_header(payload: &mut Reader<'_>) -> Option<u8> {
    let (next, words) = (payload.u8()?, payload.u8()?);
    payload.skip(usize::from(words) * 4 + 6)?;
    Some(next)
}

fn ipv6(mut packet: Reader<'_>) -> Option<Datagram<'_>> {
    packet.skip(4)?;
    let length = usize::from(packet.u16()?);
    let (protocol, hops) = (packet.u8()?, packet.u8()?);
    let (source, destination) = (packet.ipv6()?, packet.ipv6()?);
    Some(Datagram { source, destination, hops, protocol, payload: packet.take(length)? })
}

/// RFC 3768 §5.1 and RFC 9568 §5.2: the two differ in the words after the count.
fn vrrp(datagram: Datagram<'_>) -> Option<Advert> {
    let Datagram { source, destination, hops, mut payload, .. } = datagram;
    let (version_type, vrid, priority, count) = (payload.u8()?, payload.u8()?, payload.u8()?, payload.u8()?);
    let interval = payload.u16()?;
    payload.skip(2)?;
    let (version, interval) = match version_type {
        0x21 => (Version::V2, interval & 0xff),
        0x31 => (Version::V3, interval & 0x0fff),
        _ => return None,
    };
    let mut address = || if source.is_ipv4() { payload.ipv4() } else { payload.ipv6() };
    let addresses = (0..count).map(|_| address()).collect::<Option<_>>()?;
    Some(Advert { version, source, destination, hops, vrid, priority, interval, addresses })
}

/// RFC 4861 §4.4: a neighbour advertisement to all nodes that answers nobody.
fn unsolicited_advertisement(datagram: Datagram<'_>) -> Option<Seen> {
    const SOLICITED: u8 = 0x40;
    const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];
    let mut payload = datagram.payload;
    let kind = payload.u8()?;
    payload.skip(3)?;
    let flags = payload.u8()?;
    payload.skip(3)?;
    let ip = payload.ipv6()?;
    let is_ours = kind == NEIGHBOUR_ADVERTISEMENT && flags & SOLICITED == 0;
    if !is_ours || payload.array()? != TARGET_LINK_LAYER_ADDRESS {
        return None;
    }
    Some(Seen::Announcement(Announcement { ip, mac: payload.array()? }))
}

#[cfg(test)]
mod tests;
