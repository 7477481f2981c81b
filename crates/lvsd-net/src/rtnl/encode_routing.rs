//! Requests about routes and rules.

use std::net::IpAddr;

use lvsd_model::{
    Encap, Family, Hop, Hops, Metric, Metrics, Placement, Prefix, Realms, Route, RouteKind, RouterPreference,
    Rule, RuleAction, TunnelHeader,
};
use netlink_packet_core::DefaultNla;
use netlink_packet_route::route::{
    MplsLabel, RouteAttribute, RouteFlags, RouteHeader, RouteIp6Tunnel, RouteIpTunnel, RouteLwEnCapType,
    RouteLwTunnelEncap, RouteMessage, RouteMetric, RouteMplsIpTunnel, RouteMplsTtlPropagation, RouteNextHop,
    RouteNextHopFlags, RoutePreference, RouteRealm, RouteType,
};
use netlink_packet_route::rule::{
    RuleAction as Action, RuleAttribute, RuleFlags, RuleHeader, RuleMessage, RulePortRange, RuleUidRange,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::encode::Request;
use super::routing::{RouteSpec, RoutingChange};

/// The request that makes a change.
pub(super) fn change(change: &RoutingChange) -> (RouteNetlinkMessage, Request) {
    match change {
        RoutingChange::AddRoute(spec) => {
            let request = match spec.route.placement {
                Placement::Replace => Request::Set,
                Placement::Add => Request::Create,
                Placement::Append => Request::Append,
                Placement::Prepend => Request::Prepend,
            };
            (RouteNetlinkMessage::NewRoute(route(spec)), request)
        }
        RoutingChange::RemoveRoute(spec) => (RouteNetlinkMessage::DelRoute(route(spec)), Request::Change),
        RoutingChange::AddRule(one) => (RouteNetlinkMessage::NewRule(rule(one)), Request::Create),
        RoutingChange::RemoveRule(one) => (RouteNetlinkMessage::DelRule(rule(one)), Request::Change),
    }
}

/// RTM_GETROUTE for the routes of a protocol; kernels that do not filter give all.
pub(super) fn dump_routes(family: Family, protocol: u8) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = address_family(family);
    message.header.protocol = protocol.into();
    // Not the default of the header, which kernels that filter take for a filter.
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.header.kind = RouteType::Unspec;
    RouteNetlinkMessage::GetRoute(message)
}

/// RTM_GETRULE.
pub(super) fn dump_rules(family: Family) -> RouteNetlinkMessage {
    let mut message = RuleMessage::default();
    message.header.family = address_family(family);
    RouteNetlinkMessage::GetRule(message)
}

const fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

/// Tables above 255 are in an attribute only.
fn small_table(table: u32) -> u8 {
    u8::try_from(table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC)
}

fn route(spec: &RouteSpec) -> RouteMessage {
    let Route { destination, source, preferred_source, metric, .. } = &spec.route;
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: address_family(spec.route.family()),
        destination_prefix_length: destination.len(),
        source_prefix_length: source.map_or(0, Prefix::len),
        tos: spec.route.tos,
        table: small_table(spec.table),
        protocol: spec.route.protocol.into(),
        scope: spec.route.scope.into(),
        kind: kind(spec.route.kind),
        flags: RouteFlags::empty(),
    };
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Table(spec.table));
    if !destination.is_empty() {
        attributes.push(RouteAttribute::Destination(destination.address().into()));
    }
    attributes.extend(source.map(|source| RouteAttribute::Source(source.address().into())));
    attributes.extend(preferred_source.map(|source| RouteAttribute::PrefSource(source.into())));
    attributes.extend(metric.map(RouteAttribute::Priority));
    attributes.extend(metrics(&spec.route.metrics));
    attributes.extend(spec.route.expires.map(RouteAttribute::Expires));
    attributes.extend(spec.route.preference.map(preference).map(RouteAttribute::Preference));
    attributes.extend(spec.route.ttl_propagate.map(|on| {
        let enabled = RouteMplsTtlPropagation::Enabled;
        RouteAttribute::TtlPropagate(if on { enabled } else { RouteMplsTtlPropagation::Disabled })
    }));
    match &spec.route.hops {
        Hops::One(hop) => {
            attributes.extend(spec.interfaces().next().map(RouteAttribute::Oif));
            attributes.extend(hop_attributes(spec.route.family(), hop));
            if hop.onlink {
                message.header.flags |= RouteFlags::Onlink;
            }
        }
        Hops::Many(hops) => attributes.push(RouteAttribute::MultiPath(next_hops(spec, hops))),
    }
    message
}

const fn kind(kind: RouteKind) -> RouteType {
    match kind {
        RouteKind::Unicast => RouteType::Unicast,
        RouteKind::Local => RouteType::Local,
        RouteKind::Broadcast => RouteType::Broadcast,
        RouteKind::Anycast => RouteType::Anycast,
        RouteKind::Multicast => RouteType::Multicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
        RouteKind::Throw => RouteType::Throw,
    }
}

const fn preference(preference: RouterPreference) -> RoutePreference {
    match preference {
        RouterPreference::Low => RoutePreference::Low,
        RouterPreference::Medium => RoutePreference::Medium,
        RouterPreference::High => RoutePreference::High,
    }
}

fn next_hops(spec: &RouteSpec, hops: &[(Hop, u8)]) -> Vec<RouteNextHop> {
    let one = |((hop, weight), interface): (&(Hop, u8), &Option<u32>)| {
        let mut next = RouteNextHop::default();
        next.hops = *weight;
        next.interface_index = interface.unwrap_or(0);
        if hop.onlink {
            next.flags |= RouteNextHopFlags::Onlink;
        }
        next.attributes = hop_attributes(spec.route.family(), hop);
        next
    };
    hops.iter().zip(&spec.interfaces).map(one).collect()
}

fn hop_attributes(family: Family, hop: &Hop) -> Vec<RouteAttribute> {
    let mut attributes = Vec::new();
    attributes.extend(hop.gateway.map(|gateway| {
        if Family::of(gateway) == family {
            RouteAttribute::Gateway(gateway.into())
        } else {
            RouteAttribute::Via(gateway.into())
        }
    }));
    attributes.extend(hop.realms.map(realm).map(RouteAttribute::Realm));
    if let Some(encap) = &hop.encap {
        let (kind, inner) = encapsulation(encap);
        attributes.push(RouteAttribute::EncapType(kind));
        attributes.push(RouteAttribute::Encap(inner));
    }
    attributes
}

const fn realm(realms: Realms) -> RouteRealm {
    RouteRealm { source: realms.source, destination: realms.destination }
}

fn encapsulation(encap: &Encap) -> (RouteLwEnCapType, Vec<RouteLwTunnelEncap>) {
    /// ILA_ATTR_LOCATOR.
    const LOCATOR: u16 = 1;
    match encap {
        Encap::Ip(header) if header.family == Family::V4 => (RouteLwEnCapType::Ip, tunnel4(header)),
        Encap::Ip(header) => (RouteLwEnCapType::Ip6, tunnel6(header)),
        Encap::Mpls(labels, ttl) => {
            let last = labels.len().saturating_sub(1);
            let label = |(at, label): (usize, &u32)| MplsLabel {
                label: *label,
                traffic_class: 0,
                bottom_of_stack: at == last,
                ttl: 0,
            };
            let labels = labels.iter().enumerate().map(label).collect();
            let mut inner = vec![RouteLwTunnelEncap::Mpls(RouteMplsIpTunnel::Destination(labels))];
            inner.extend(ttl.map(|ttl| RouteLwTunnelEncap::Mpls(RouteMplsIpTunnel::Ttl(ttl))));
            (RouteLwEnCapType::Mpls, inner)
        }
        Encap::Ila(locator) => {
            let locator = DefaultNla::new(LOCATOR, locator.to_be_bytes().to_vec());
            (RouteLwEnCapType::Ila, vec![RouteLwTunnelEncap::Other(locator)])
        }
    }
}

fn tunnel4(header: &TunnelHeader) -> Vec<RouteLwTunnelEncap> {
    let v4 = |address: Option<IpAddr>| match address {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    };
    let parts = [
        header.id.map(RouteIpTunnel::Id),
        v4(header.destination).map(RouteIpTunnel::Destination),
        v4(header.source).map(RouteIpTunnel::Source),
        header.ttl.map(RouteIpTunnel::Ttl),
        header.tos.map(RouteIpTunnel::Tos),
    ];
    parts.into_iter().flatten().map(RouteLwTunnelEncap::Ip).collect()
}

fn tunnel6(header: &TunnelHeader) -> Vec<RouteLwTunnelEncap> {
    let v6 = |address: Option<IpAddr>| match address {
        Some(IpAddr::V6(address)) => Some(address),
        _ => None,
    };
    let parts = [
        header.id.map(RouteIp6Tunnel::Id),
        v6(header.destination).map(RouteIp6Tunnel::Destination),
        v6(header.source).map(RouteIp6Tunnel::Source),
        header.ttl.map(RouteIp6Tunnel::Hoplimit),
        header.tos.map(RouteIp6Tunnel::Tc),
    ];
    parts.into_iter().flatten().map(RouteLwTunnelEncap::Ip6).collect()
}

fn metrics(metrics: &Metrics) -> Option<RouteAttribute> {
    /// RTAX_CC_ALGO, a bit of the lock.
    const CONGESTION: u32 = 16;
    let mut list: Vec<RouteMetric> =
        metrics.values.iter().map(|(metric, value)| number(*metric, *value)).collect();
    let mut lock = metrics.locked.iter().fold(0, |lock, metric| lock | 1 << (*metric as u32));
    if let Some((name, locked)) = &metrics.congestion {
        list.push(RouteMetric::CcAlgo(name.clone()));
        lock |= u32::from(*locked) << CONGESTION;
    }
    if lock != 0 {
        list.insert(0, RouteMetric::Lock(lock));
    }
    (!list.is_empty()).then_some(RouteAttribute::Metrics(list))
}

const fn number(metric: Metric, value: u32) -> RouteMetric {
    match metric {
        Metric::Mtu => RouteMetric::Mtu(value),
        Metric::Window => RouteMetric::Window(value),
        Metric::Rtt => RouteMetric::Rtt(value),
        Metric::RttVar => RouteMetric::RttVar(value),
        Metric::SsThresh => RouteMetric::SsThresh(value),
        Metric::Cwnd => RouteMetric::Cwnd(value),
        Metric::AdvMss => RouteMetric::Advmss(value),
        Metric::Reordering => RouteMetric::Reordering(value),
        Metric::HopLimit => RouteMetric::Hoplimit(value),
        Metric::InitCwnd => RouteMetric::InitCwnd(value),
        Metric::Features => RouteMetric::Features(value),
        Metric::RtoMin => RouteMetric::RtoMin(value),
        Metric::InitRwnd => RouteMetric::InitRwnd(value),
        Metric::QuickAck => RouteMetric::QuickAck(value),
        Metric::FastopenNoCookie => RouteMetric::FastopenNoCookie(value),
    }
}

fn rule(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    let (action, table) = match rule.action {
        RuleAction::Table(table) => (Action::ToTable, table),
        RuleAction::L3mdev => (Action::ToTable, 0),
        RuleAction::Goto(_) => (Action::Goto, 0),
        RuleAction::Nop => (Action::Nop, 0),
        RuleAction::Blackhole => (Action::Blackhole, 0),
        RuleAction::Unreachable => (Action::Unreachable, 0),
        RuleAction::Prohibit => (Action::Prohibit, 0),
    };
    message.header = RuleHeader {
        family: address_family(rule.family),
        dst_len: rule.destination.map_or(0, Prefix::len),
        src_len: rule.source.map_or(0, Prefix::len),
        tos: rule.tos,
        table: small_table(table),
        action,
        flags: if rule.invert { RuleFlags::Invert } else { RuleFlags::empty() },
    };
    message.attributes = selectors(rule);
    match rule.action {
        RuleAction::Table(table) => message.attributes.push(RuleAttribute::Table(table)),
        RuleAction::L3mdev => message.attributes.push(RuleAttribute::L3MDev(true)),
        RuleAction::Goto(target) => message.attributes.push(RuleAttribute::Goto(target)),
        RuleAction::Nop | RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {}
    }
    message
}

fn selectors(rule: &Rule) -> Vec<RuleAttribute> {
    let ports = |range: lvsd_model::Range<u16>| RulePortRange { start: range.first(), end: range.last() };
    let prefix = |prefix: Option<Prefix>| prefix.filter(|prefix| !prefix.is_empty()).map(Prefix::address);
    let name = |name: &Option<lvsd_model::InterfaceName>| name.as_ref().map(|name| name.as_str().to_owned());
    let parts = [
        Some(RuleAttribute::Priority(rule.preference)),
        Some(RuleAttribute::Protocol(rule.protocol.into())),
        prefix(rule.source).map(RuleAttribute::Source),
        prefix(rule.destination).map(RuleAttribute::Destination),
        rule.mark.map(|mark| RuleAttribute::FwMark(mark.value)),
        rule.mark.and_then(|mark| mark.mask).map(RuleAttribute::FwMask),
        name(&rule.input).map(RuleAttribute::Iifname),
        name(&rule.output).map(RuleAttribute::Oifname),
        rule.tunnel.map(RuleAttribute::TunId),
        rule.users
            .map(|users| RuleAttribute::UidRange(RuleUidRange { start: users.first(), end: users.last() })),
        rule.ip_protocol.map(|protocol| RuleAttribute::IpProtocol(protocol.into())),
        rule.source_ports.map(ports).map(RuleAttribute::SourcePortRange),
        rule.destination_ports.map(ports).map(RuleAttribute::DestinationPortRange),
        rule.realms.map(realm).map(RuleAttribute::Realm),
        rule.suppress_prefix_len.map(|len| RuleAttribute::SuppressPrefixLen(len.into())),
        rule.suppress_group.map(RuleAttribute::SuppressIfGroup),
    ];
    parts.into_iter().flatten().collect()
}
