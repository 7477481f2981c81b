//! From a packet on the wire to what matters of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvsd_model::Family;

use super::Wrapping;
use super::finding::{AuthSeen, MacAddress};
use crate::wire::{self, Advert};

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const AH: u8 = 51;
const ICMPV6: u8 = 58;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// The option of RFC 4861 §4.6.1 with the sender's own address.
const TARGET_LINK_LAYER: u8 = 2;

/// Something that was heard on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overheard<'a> {
    /// An advert.
    Advert(Sighting<'a>),
    /// A host says by ARP or neighbour discovery that an address is its own.
    Binding {
        /// The address.
        address: IpAddr,
        /// Where it is said to be.
        mac: MacAddress,
    },
    /// A packet of protocol 112 that is no advert.
    Malformed,
}

/// An advert on the wire; nothing in it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting<'a> {
    /// Its sender.
    pub source: IpAddr,
    /// A group, or an address of ours.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// What it came in.
    pub wrapping: Wrapping,
    /// The advert itself.
    pub advert: Advert<'a>,
    /// Whether it has an `auth_hmac` behind it.
    pub signed: bool,
}

/// What a neighbour's adverts say, but for addresses and priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gist {
    /// The version, as sent.
    pub version: u8,
    /// The interval, in centiseconds.
    pub interval_centis: u16,
    /// How it is authenticated.
    pub auth: AuthSeen,
    /// The password of `auth_type PASS`.
    pub(super) password: Option<[u8; 8]>,
    /// TTL or hop limit.
    pub ttl: u8,
    /// What it came in.
    pub wrapping: Wrapping,
    /// Where it went.
    pub destination: IpAddr,
}

impl Sighting<'_> {
    /// The family that it was sent in.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.source)
    }

    /// All but addresses and priority.
    #[must_use]
    pub fn gist(&self) -> Gist {
        let advert = &self.advert;
        let (interval_centis, auth) = match (advert.version, self.wrapping, advert.auth_type()) {
            (2, Wrapping::Plain, kind) => {
                (u16::from(advert.interval_seconds()) * 100, AuthSeen::of_type(kind))
            }
            (2, Wrapping::Ah, _) => (u16::from(advert.interval_seconds()) * 100, AuthSeen::Ah),
            _ => (advert.interval_centis(), AuthSeen::None),
        };
        let password = advert.auth_data.filter(|_| auth == AuthSeen::Pass);
        Gist {
            version: advert.version,
            interval_centis,
            auth: if self.signed { AuthSeen::Hmac } else { auth },
            password: password.and_then(|data| data.try_into().ok()),
            ttl: self.ttl,
            wrapping: self.wrapping,
            destination: self.destination,
        }
    }
}

/// Takes a packet apart from its network header on, by its Ethernet protocol; `None` when it is of no interest.
#[must_use]
pub fn parse(ethertype: u16, packet: &[u8]) -> Option<Overheard<'_>> {
    match ethertype {
        ETHERTYPE_IPV4 => ipv4(packet),
        ETHERTYPE_IPV6 => ipv6(packet),
        ETHERTYPE_ARP => arp(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Overheard<'_>> {
    let (header, _) = packet.split_first_chunk::<IPV4_HEADER>()?;
    let [first, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let (start, end) = (usize::from(first & 0x0f) * 4, usize::from(u16::from_be_bytes([l0, l1])));
    let fragment = u16::from_be_bytes([f0, f1]) & 0x1fff != 0;
    if first >> 4 != 4 || start < IPV4_HEADER || fragment {
        return None;
    }
    let payload = packet.get(start..end)?;
    let wrapping = match protocol {
        // Of a backup that misses its master.
        wire::IP_PROTOCOL if payload == wire::QUESTION => return None,
        wire::IP_PROTOCOL => Wrapping::Plain,
        AH if payload.first() == Some(&wire::IP_PROTOCOL) => Wrapping::Ah,
        _ => return None,
    };
    let (source, destination) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
    Some(advert(source.into(), destination.into(), ttl, wrapping, payload))
}

fn ipv6(packet: &[u8]) -> Option<Overheard<'_>> {
    let (header, rest) = packet.split_first_chunk::<IPV6_HEADER>()?;
    let [first, _, _, _, l0, l1, next, hops, addresses @ ..] = *header;
    let payload = rest.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let source = Ipv6Addr::from(*source);
    let destination = Ipv6Addr::from(<[u8; 16]>::try_from(destination).ok()?);
    match (first >> 4, next) {
        (6, wire::IP_PROTOCOL) if payload == wire::QUESTION => None,
        (6, wire::IP_PROTOCOL) => {
            Some(advert(source.into(), destination.into(), hops, Wrapping::Plain, payload))
        }
        (6, ICMPV6) => neighbour_advertisement(hops, payload),
        _ => None,
    }
}

fn advert(source: IpAddr, destination: IpAddr, ttl: u8, wrapping: Wrapping, payload: &[u8]) -> Overheard<'_> {
    let Some((advert, signed)) = wire::glance(Family::of(source), wrapping == Wrapping::Ah, payload) else {
        return Overheard::Malformed;
    };
    Overheard::Advert(Sighting { source, destination, ttl, wrapping, advert, signed })
}

/// RFC 4861 §4.4; what has come through a router is not believed (§7.1.2).
fn neighbour_advertisement(hops: u8, payload: &[u8]) -> Option<Overheard<'_>> {
    let (head, rest) = payload.split_first_chunk::<8>()?;
    let (target, mut options) = rest.split_first_chunk::<16>()?;
    let [kind, code, ..] = *head;
    if hops != u8::MAX || (kind, code) != (NEIGHBOUR_ADVERTISEMENT, 0) {
        return None;
    }
    let address = Ipv6Addr::from(*target).into();
    while let Some(([kind, words], _)) = options.split_first_chunk::<2>() {
        let (option, next) = options.split_at_checked(usize::from(*words) * 8)?;
        if *kind == TARGET_LINK_LAYER
            && let Some(mac) = option.get(2..8).and_then(|mac| mac.try_into().ok())
        {
            return Some(Overheard::Binding { address, mac: MacAddress(mac) });
        }
        // An option of no length would be one for ever.
        if option.is_empty() {
            return None;
        }
        options = next;
    }
    None
}

/// Replies, and requests of a host for its own address (RFC 5227 §3); over Ethernet and IPv4.
fn arp(packet: &[u8]) -> Option<Overheard<'_>> {
    let (header, _) = packet.split_first_chunk::<28>()?;
    let [h0, h1, p0, p1, 6, 4, 0, operation, m0, m1, m2, m3, m4, m5, s0, s1, s2, s3, rest @ ..] = *header
    else {
        return None;
    };
    let sender = Ipv4Addr::new(s0, s1, s2, s3);
    let [_, _, _, _, _, _, t0, t1, t2, t3] = rest;
    let announces = operation == 2 || operation == 1 && sender == Ipv4Addr::new(t0, t1, t2, t3);
    if [h0, h1, p0, p1] != [0, 1, 8, 0] || !announces || sender.is_unspecified() {
        return None;
    }
    Some(Overheard::Binding { address: sender.into(), mac: MacAddress([m0, m1, m2, m3, m4, m5]) })
}
