//! Routes and rules out of the kernel's messages; what is missing or makes no sense makes no entry.

use std::net::IpAddr;

use lvsd_model::{Family, FirewallMark, InterfaceName, Prefix, Range, Realms, RouteKind, Rule, RuleAction};

use super::decode::{Attributes, ip, text};
use super::routing::{RouteEntry, RouteKey};

/// As `linux/fib_rules.h` has them.
const FIB_RULE_INVERT: u32 = 2;
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_GOTO: u16 = 4;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_FLOW: u16 = 11;
const FRA_TUN_ID: u16 = 12;
const FRA_SUPPRESS_IFGROUP: u16 = 13;
const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_L3MDEV: u16 = 19;
const FRA_UID_RANGE: u16 = 20;
const FRA_PROTOCOL: u16 = 21;
const FRA_IP_PROTO: u16 = 22;
const FRA_SPORT_RANGE: u16 = 23;
const FRA_DPORT_RANGE: u16 = 24;
const FR_ACT_TO_TBL: u8 = 1;
const FR_ACT_GOTO: u8 = 2;
const FR_ACT_NOP: u8 = 3;
const FR_ACT_BLACKHOLE: u8 = 6;
const FR_ACT_UNREACHABLE: u8 = 7;
const FR_ACT_PROHIBIT: u8 = 8;

/// An RTM_NEWROUTE or RTM_DELROUTE of IPv4 or IPv6.
pub(super) fn route(payload: &[u8]) -> Option<RouteEntry> {
    const RTA_DST: u16 = 1;
    const RTA_SRC: u16 = 2;
    const RTA_OIF: u16 = 4;
    const RTA_GATEWAY: u16 = 5;
    const RTA_PRIORITY: u16 = 6;
    const RTA_MULTIPATH: u16 = 9;
    const RTA_TABLE: u16 = 15;
    const RTA_VIA: u16 = 18;
    let (header, attributes) = payload.split_first_chunk::<12>()?;
    let [family, destination_len, source_len, tos, table, protocol, _scope, kind, ..] = *header;
    let family = self::family(family)?;
    let (mut destination, mut source, mut metric, mut table) = (None, None, 0, u32::from(table));
    let (mut gateway, mut interface, mut several) = (None, None, None);
    for (attribute, value) in Attributes(attributes) {
        match attribute {
            RTA_DST => destination = ip(value),
            RTA_SRC => source = ip(value),
            RTA_OIF => interface = number(value),
            RTA_GATEWAY => gateway = ip(value),
            RTA_VIA => gateway = via(value),
            RTA_PRIORITY => metric = number(value)?,
            RTA_MULTIPATH => several = Some(hops(value)),
            RTA_TABLE => table = number(value)?,
            _ => {}
        }
    }
    let everything = Prefix::default_of(family);
    let prefix =
        |address: Option<IpAddr>, len| address.map_or(Some(everything), |address| Prefix::new(address, len));
    let source = prefix(source, source_len)?;
    Some(RouteEntry {
        key: RouteKey {
            table,
            destination: prefix(destination, destination_len)?,
            source: Some(source).filter(|source| !source.is_empty()),
            tos,
            metric,
        },
        protocol,
        kind: self::kind(kind)?,
        hops: several.unwrap_or_else(|| vec![(gateway, interface)]),
    })
}

fn family(number: u8) -> Option<Family> {
    match i32::from(number) {
        libc::AF_INET => Some(Family::V4),
        libc::AF_INET6 => Some(Family::V6),
        _ => None,
    }
}

fn kind(number: u8) -> Option<RouteKind> {
    Some(match number {
        libc::RTN_UNICAST => RouteKind::Unicast,
        libc::RTN_LOCAL => RouteKind::Local,
        libc::RTN_BROADCAST => RouteKind::Broadcast,
        libc::RTN_ANYCAST => RouteKind::Anycast,
        libc::RTN_MULTICAST => RouteKind::Multicast,
        libc::RTN_BLACKHOLE => RouteKind::Blackhole,
        libc::RTN_UNREACHABLE => RouteKind::Unreachable,
        libc::RTN_PROHIBIT => RouteKind::Prohibit,
        libc::RTN_THROW => RouteKind::Throw,
        _ => return None,
    })
}

fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// A gateway of another family: the family, then the address.
fn via(value: &[u8]) -> Option<IpAddr> {
    ip(value.get(2..)?)
}

/// The hops of RTA_MULTIPATH; ends at the first whose length is impossible.
fn hops(mut value: &[u8]) -> Vec<(Option<IpAddr>, Option<u32>)> {
    const RTA_GATEWAY: u16 = 5;
    const RTA_VIA: u16 = 18;
    let mut hops = Vec::new();
    while let Some((&[l0, l1, _flags, _weight, i0, i1, i2, i3], _)) = value.split_first_chunk::<8>() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(attributes) = value.get(8..length) else { break };
        let gateway = Attributes(attributes).find_map(|(attribute, value)| match attribute {
            RTA_GATEWAY => ip(value),
            RTA_VIA => via(value),
            _ => None,
        });
        hops.push((gateway, Some(u32::from_ne_bytes([i0, i1, i2, i3])).filter(|index| *index != 0)));
        value = value.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

/// An RTM_NEWRULE or RTM_DELRULE of IPv4 or IPv6.
pub(super) fn rule(payload: &[u8]) -> Option<Rule> {
    let (header, attributes) = payload.split_first_chunk::<12>()?;
    let [family, destination_len, source_len, tos, table, _, _, action, f0, f1, f2, f3] = *header;
    let invert = u32::from_ne_bytes([f0, f1, f2, f3]) & FIB_RULE_INVERT != 0;
    let mut raw = Raw { table: table.into(), ..Raw::default() };
    for (attribute, value) in Attributes(attributes) {
        raw.take(attribute, value);
    }
    let prefix = |address: Option<IpAddr>, len| match address {
        Some(address) => Prefix::new(address, len).map(Some),
        None => Some(None),
    };
    Some(Rule {
        family: self::family(family)?,
        preference: raw.preference,
        invert,
        source: prefix(raw.source, source_len)?,
        destination: prefix(raw.destination, destination_len)?,
        tos,
        mark: raw.mark(),
        input: raw.input,
        output: raw.output,
        tunnel: raw.tunnel,
        users: raw.users,
        ip_protocol: raw.ip_protocol,
        source_ports: raw.source_ports,
        destination_ports: raw.destination_ports,
        realms: raw.realms,
        // -1 stands for none.
        suppress_prefix_len: raw.suppress_prefix_len.and_then(|len| u8::try_from(len).ok()),
        suppress_group: raw.suppress_group.filter(|group| *group != u32::MAX),
        action: self::action(action, raw.l3mdev, raw.table, raw.target)?,
        protocol: raw.protocol,
        no_track: false,
    })
}

fn action(number: u8, l3mdev: bool, table: u32, target: u32) -> Option<RuleAction> {
    Some(match number {
        FR_ACT_TO_TBL if l3mdev => RuleAction::L3mdev,
        FR_ACT_TO_TBL => RuleAction::Table(table),
        FR_ACT_GOTO => RuleAction::Goto(target),
        FR_ACT_NOP => RuleAction::Nop,
        FR_ACT_BLACKHOLE => RuleAction::Blackhole,
        FR_ACT_UNREACHABLE => RuleAction::Unreachable,
        FR_ACT_PROHIBIT => RuleAction::Prohibit,
        _ => return None,
    })
}

/// The attributes of a rule.
#[derive(Default)]
struct Raw {
    table: u32,
    preference: u32,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    mark: u32,
    mask: u32,
    input: Option<InterfaceName>,
    output: Option<InterfaceName>,
    tunnel: Option<u64>,
    users: Option<Range<u32>>,
    ip_protocol: Option<u8>,
    source_ports: Option<Range<u16>>,
    destination_ports: Option<Range<u16>>,
    realms: Option<Realms>,
    suppress_prefix_len: Option<u32>,
    suppress_group: Option<u32>,
    l3mdev: bool,
    target: u32,
    protocol: u8,
}

impl Raw {
    fn take(&mut self, attribute: u16, value: &[u8]) {
        match attribute {
            FRA_DST => self.destination = ip(value),
            FRA_SRC => self.source = ip(value),
            FRA_IIFNAME => self.input = InterfaceName::new(&text(value)),
            FRA_OIFNAME => self.output = InterfaceName::new(&text(value)),
            FRA_GOTO => self.target = number(value).unwrap_or(0),
            FRA_PRIORITY => self.preference = number(value).unwrap_or(0),
            FRA_FWMARK => self.mark = number(value).unwrap_or(0),
            FRA_FWMASK => self.mask = number(value).unwrap_or(0),
            FRA_FLOW => self.realms = number(value).map(realms),
            FRA_TUN_ID => self.tunnel = value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
            FRA_SUPPRESS_IFGROUP => self.suppress_group = number(value),
            FRA_SUPPRESS_PREFIXLEN => self.suppress_prefix_len = number(value),
            FRA_TABLE => self.table = number(value).unwrap_or(self.table),
            FRA_L3MDEV => self.l3mdev = value.first().is_some_and(|on| *on != 0),
            FRA_UID_RANGE => self.users = users(value),
            FRA_PROTOCOL => self.protocol = value.first().copied().unwrap_or(0),
            FRA_IP_PROTO => self.ip_protocol = value.first().copied(),
            FRA_SPORT_RANGE => self.source_ports = ports(value),
            FRA_DPORT_RANGE => self.destination_ports = ports(value),
            _ => {}
        }
    }

    fn mark(&self) -> Option<FirewallMark> {
        let mask = Some(self.mask).filter(|mask| *mask != 0);
        (self.mark != 0 || mask.is_some()).then_some(FirewallMark { value: self.mark, mask })
    }
}

fn realms(number: u32) -> Realms {
    let [a, b, c, d] = number.to_be_bytes();
    Realms { source: u16::from_be_bytes([a, b]), destination: u16::from_be_bytes([c, d]) }
}

fn users(value: &[u8]) -> Option<Range<u32>> {
    let first = number(value)?;
    let last = number(value.get(4..)?)?;
    // The whole range is none.
    Range::new(first, last).filter(|_| (first, last) != (0, u32::MAX))
}

fn ports(value: &[u8]) -> Option<Range<u16>> {
    let &[a, b, c, d] = value.first_chunk()?;
    Range::new(u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]))
}
