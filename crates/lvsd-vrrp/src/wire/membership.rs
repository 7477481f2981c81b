//! Who joins and who leaves a multicast group: reports of IGMP (RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810).
//!
//! The kernel of a host sends them by itself, also when the process that was a member has been killed. They are nobody's word for
//! anything but that: whoever acts on them asks for more evidence.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvsd_model::Family;

use super::checksum::Sum;

/// 224.0.0.22, where IGMPv3 reports go (RFC 3376 §4.2.14).
const IGMP_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);
/// 224.0.0.2, where IGMPv2 says that somebody leaves (RFC 2236 §9).
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// ff02::16, where MLDv2 reports go (RFC 3810 §5.2.14).
const MLD_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// ff02::2, where MLDv1 says that somebody leaves (RFC 2710 §5).
const ALL_ROUTERS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
const IPV4_HEADER: usize = 20;
const HOP_BY_HOP: u8 = 0;
/// Every message has the TTL or hop limit 1: it is not routed.
const LINK_ONLY: u8 = 1;

/// What a host says about its membership in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Membership {
    /// It is a member, of some sources at least.
    Member,
    /// It has left: nobody on that host listens any more.
    Left,
}

/// Why a packet is no membership report to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipReject {
    /// Its lengths contradict each other.
    #[error("lengths contradict each other")]
    Length,
    /// Its IP header is not what such a message has: TTL, fragment, source, destination, router alert.
    #[error("not the IP header of a membership report")]
    Header,
    /// A checksum is wrong.
    #[error("wrong checksum")]
    Checksum,
}

/// A report, checked in full before anything in it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipReport<'a> {
    /// The host that reports.
    pub source: IpAddr,
    body: Body<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body<'a> {
    One(IpAddr, Membership),
    /// Records of IGMPv3 or MLDv2.
    Records {
        family: Family,
        records: &'a [u8],
    },
}

/// Reads an IP packet from its first octet. `None` for what is no report: a query, or another protocol.
///
/// # Errors
/// A report that breaks its own format.
pub fn parse_membership(
    family: Family,
    packet: &[u8],
) -> Result<Option<MembershipReport<'_>>, MembershipReject> {
    match family {
        Family::V4 => parse_igmp(packet),
        Family::V6 => parse_mld(packet),
    }
}

impl<'a> MembershipReport<'a> {
    /// What is said, group by group. No more items than the packet has room for.
    pub fn changes(&self) -> impl Iterator<Item = (IpAddr, Membership)> + 'a {
        let (one, family, records) = match self.body {
            Body::One(group, membership) => (Some((group, membership)), Family::V4, &[][..]),
            Body::Records { family, records } => (None, family, records),
        };
        let said = |record: Record<'_>| Some((record.group, record.membership()?));
        one.into_iter().chain(Records { family, rest: records }.flatten().filter_map(said))
    }
}

const fn require(holds: bool, reject: MembershipReject) -> Result<(), MembershipReject> {
    if holds { Ok(()) } else { Err(reject) }
}

fn parse_igmp(packet: &[u8]) -> Result<Option<MembershipReport<'_>>, MembershipReject> {
    let (header, _) = packet.split_first_chunk::<IPV4_HEADER>().ok_or(MembershipReject::Length)?;
    let [version, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    if protocol != IGMP {
        return Ok(None);
    }
    let start = usize::from(version & 0x0f) * 4;
    let end = usize::from(u16::from_be_bytes([l0, l1]));
    require(version >> 4 == 4 && start >= IPV4_HEADER, MembershipReject::Header)?;
    let whole_header = packet.get(..start).ok_or(MembershipReject::Length)?;
    let message = packet.get(start..end).ok_or(MembershipReject::Length)?;
    let (kind, _) = message.split_first().ok_or(MembershipReject::Length)?;
    if !matches!(*kind, 0x12 | 0x16 | 0x17 | 0x22) {
        return Ok(None);
    }
    let source = Ipv4Addr::new(s0, s1, s2, s3);
    let destination = Ipv4Addr::new(d0, d1, d2, d3);
    // Neither a fragment nor routed (RFC 3376 §4). A host without an address yet has nobody to be.
    let whole = f0 & 0x3f == 0 && f1 == 0;
    let speaks = !source.is_unspecified() && !source.is_multicast() && !source.is_broadcast();
    require(whole && ttl == LINK_ONLY && speaks, MembershipReject::Header)?;
    let verified = |octets: &[u8]| {
        let mut sum = Sum::default();
        sum.add(octets);
        sum.finish() == 0
    };
    require(verified(whole_header) && verified(message), MembershipReject::Checksum)?;
    let group = || {
        let (group, _) = message.get(4..).and_then(|rest| rest.split_first_chunk::<4>())?;
        Some(Ipv4Addr::from(*group))
    };
    let body = match *kind {
        0x22 => {
            require(destination == IGMP_ROUTERS, MembershipReject::Header)?;
            Body::Records { family: Family::V4, records: records(Family::V4, message)? }
        }
        0x17 => {
            let group = group().ok_or(MembershipReject::Length)?;
            // Some hosts tell the group itself (RFC 2236 §3).
            require(destination == ALL_ROUTERS || destination == group, MembershipReject::Header)?;
            Body::One(group.into(), Membership::Left)
        }
        _ => {
            let group = group().ok_or(MembershipReject::Length)?;
            require(destination == group, MembershipReject::Header)?;
            Body::One(group.into(), Membership::Member)
        }
    };
    Ok(Some(MembershipReport { source: source.into(), body }))
}

fn parse_mld(packet: &[u8]) -> Result<Option<MembershipReport<'_>>, MembershipReject> {
    let (header, rest) = packet.split_first_chunk::<40>().ok_or(MembershipReject::Length)?;
    let [version, _, _, _, l0, l1, next, hops, addresses @ ..] = header;
    // Every such message has a router alert option (RFC 3810 §5).
    if *next != HOP_BY_HOP {
        return Ok(None);
    }
    require(version >> 4 == 6, MembershipReject::Header)?;
    let rest = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1]))).ok_or(MembershipReject::Length)?;
    let [protocol, units, ..] = rest else { return Err(MembershipReject::Length) };
    if *protocol != ICMPV6 {
        return Ok(None);
    }
    let options_end = (usize::from(*units) + 1) * 8;
    let options = rest.get(2..options_end).ok_or(MembershipReject::Length)?;
    let message = rest.get(options_end..).ok_or(MembershipReject::Length)?;
    let (kind, _) = message.split_first().ok_or(MembershipReject::Length)?;
    if !matches!(*kind, 131 | 132 | 143) {
        return Ok(None);
    }
    let (source, destination) = addresses.split_at(16);
    let (Some(source), Some(destination)) = (address_v6(source), address_v6(destination)) else {
        return Err(MembershipReject::Length);
    };
    let sound = *hops == LINK_ONLY && source.is_unicast_link_local() && has_router_alert(options);
    require(sound, MembershipReject::Header)?;
    let mut sum = Sum::pseudo_header_of(ICMPV6, source.into(), destination.into(), message.len());
    sum.add(message);
    require(sum.finish() == 0, MembershipReject::Checksum)?;
    let group = || message.get(8..24).and_then(address_v6).ok_or(MembershipReject::Length);
    let body = match *kind {
        143 => {
            require(destination == MLD_ROUTERS, MembershipReject::Header)?;
            Body::Records { family: Family::V6, records: records(Family::V6, message)? }
        }
        132 => {
            require(destination == ALL_ROUTERS_V6, MembershipReject::Header)?;
            Body::One(group()?.into(), Membership::Left)
        }
        _ => {
            let group = group()?;
            require(destination == group, MembershipReject::Header)?;
            Body::One(group.into(), Membership::Member)
        }
    };
    Ok(Some(MembershipReport { source: source.into(), body }))
}

fn address_v6(octets: &[u8]) -> Option<Ipv6Addr> {
    <[u8; 16]>::try_from(octets).ok().map(Ipv6Addr::from)
}

/// Walks the options of a hop-by-hop header (RFC 8200 §4.2) in search of RFC 2711's, with the value for MLD.
fn has_router_alert(mut options: &[u8]) -> bool {
    const PAD1: u8 = 0;
    const ROUTER_ALERT: u8 = 5;
    loop {
        match options {
            [PAD1, rest @ ..] => options = rest,
            [ROUTER_ALERT, 2, 0, 0, ..] => return true,
            [_, length, rest @ ..] => match rest.get(usize::from(*length)..) {
                Some(rest) => options = rest,
                None => return false,
            },
            [] | [_] => return false,
        }
    }
}

/// The records of an IGMPv3 or MLDv2 report, each of which is whole.
fn records(family: Family, message: &[u8]) -> Result<&[u8], MembershipReject> {
    let [_, _, _, _, _, _, n0, n1, rest @ ..] = message else { return Err(MembershipReject::Length) };
    let mut records = Records { family, rest };
    for _ in 0..u16::from_be_bytes([*n0, *n1]) {
        records.next().flatten().ok_or(MembershipReject::Length)?;
    }
    // What follows the last record is covered by the checksum and means nothing (RFC 3376 §4.2.11).
    rest.get(..rest.len() - records.rest.len()).ok_or(MembershipReject::Length)
}

/// A group record (RFC 3376 §4.2.4, RFC 3810 §5.2.5).
#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    kind: u8,
    group: IpAddr,
    sources: &'a [u8],
}

impl Record<'_> {
    const fn membership(&self) -> Option<Membership> {
        match (self.kind, self.sources.is_empty()) {
            // CHANGE_TO_INCLUDE of nothing.
            (3, true) => Some(Membership::Left),
            // MODE_IS_EXCLUDE, CHANGE_TO_EXCLUDE; and the forms of "these sources, please".
            (2 | 4, _) | (1 | 3 | 5, false) => Some(Membership::Member),
            // BLOCK_OLD_SOURCES, what says nothing, and what is not known.
            _ => None,
        }
    }
}

/// Takes one record after another; ends at the end of the octets, and with `None` at a record that is not whole.
#[derive(Clone, Copy, Debug)]
struct Records<'a> {
    family: Family,
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    fn split_first(&self) -> Option<(Record<'a>, &'a [u8])> {
        let [kind, auxiliary, n0, n1, rest @ ..] = self.rest else { return None };
        let (group, rest, width) = match self.family {
            Family::V4 => {
                let (group, rest) = rest.split_first_chunk::<4>()?;
                (IpAddr::from(*group), rest, group.len())
            }
            Family::V6 => {
                let (group, rest) = rest.split_first_chunk::<16>()?;
                (IpAddr::from(*group), rest, group.len())
            }
        };
        let sources = usize::from(u16::from_be_bytes([*n0, *n1])) * width;
        let (sources, rest) = rest.split_at_checked(sources)?;
        let rest = rest.get(usize::from(*auxiliary) * 4..)?;
        Some((Record { kind: *kind, group, sources }, rest))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Option<Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.split_first();
        self.rest = taken.map_or(&[], |(_, rest)| rest);
        Some(taken.map(|(record, _)| record))
    }
}

#[cfg(test)]
mod tests;
