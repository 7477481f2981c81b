use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lvsd_model::{
    Encap, Family, FirewallMark, Hop, Hops, InterfaceName, Metric, Metrics, Placement, Prefix, Range, Realms,
    Route, RouteKind, RouteTable, RouterPreference, Rule, RuleAction,
};

use super::*;
use crate::rtnl::decode::Messages;
use crate::rtnl::{decode_routing, encode, encode_routing};

fn prefix(text: &str) -> Prefix {
    let (address, len) = text.split_once('/').expect("a prefix");
    Prefix::new(address.parse().expect("an address"), len.parse().expect("a length")).expect("a prefix")
}

fn name(text: &str) -> InterfaceName {
    InterfaceName::new(text).expect("a name")
}

fn via(gateway: Option<&str>, interface: Option<&str>) -> Hop {
    let gateway = gateway.map(|text| text.parse::<IpAddr>().expect("an address"));
    Hop { gateway, interface: interface.map(name), ..Hop::default() }
}

fn route(destination: &str, hop: Hop) -> Route {
    Route {
        kind: RouteKind::Unicast,
        destination: prefix(destination),
        source: None,
        tos: 0,
        table: RouteTable::MAIN,
        metric: None,
        protocol: Route::PROTOCOL,
        scope: 0,
        preferred_source: None,
        hops: Hops::One(hop),
        metrics: Metrics::default(),
        expires: None,
        preference: None,
        ttl_propagate: None,
        placement: Placement::Replace,
        no_track: false,
    }
}

fn rule(action: RuleAction) -> Rule {
    Rule {
        family: Family::V4,
        preference: 500,
        invert: false,
        source: None,
        destination: None,
        tos: 0,
        mark: None,
        input: None,
        output: None,
        tunnel: None,
        users: None,
        ip_protocol: None,
        source_ports: None,
        destination_ports: None,
        realms: None,
        suppress_prefix_len: None,
        suppress_group: None,
        action,
        protocol: Route::PROTOCOL,
        no_track: false,
    }
}

/// `eth0` is 2, `eth1` 3; `blue` is a VRF with table 7.
fn spec(route: &Route) -> RouteSpec {
    let index = |name: &InterfaceName| ["eth0", "eth1"].iter().position(|known| *known == name.as_str());
    let index_of = |name: &InterfaceName| index(name).and_then(|at| u32::try_from(at + 2).ok());
    RouteSpec::new(route, index_of, |name| (name.as_str() == "blue").then_some(7)).expect("they exist")
}

/// The bytes of a request behind the netlink header.
fn payload(change: &RoutingChange) -> Vec<u8> {
    let (message, request) = encode_routing::change(change);
    let mut bytes = Vec::new();
    encode::append(&mut bytes, message, request, 1);
    Messages(&bytes).next().expect("one message").payload.to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn routes() -> Vec<Route> {
    let plain = route("10.20.0.0/16", via(Some("10.0.0.7"), Some("eth0")));
    let metrics = Metrics {
        values: BTreeMap::from([(Metric::Mtu, 1400), (Metric::Rtt, 800)]),
        locked: BTreeSet::from([Metric::Mtu]),
        congestion: Some(("cubic".to_owned(), true)),
    };
    let many = vec![(via(Some("10.0.0.7"), Some("eth0")), 2), (via(Some("fd00::7"), Some("eth1")), 0)];
    vec![
        plain.clone(),
        Route { table: RouteTable::Number(100_000), metric: Some(5), tos: 0x10, ..plain.clone() },
        Route { table: RouteTable::Vrf(name("blue")), metrics, ..plain.clone() },
        Route { hops: Hops::Many(many), ..plain.clone() },
        Route { kind: RouteKind::Blackhole, hops: Hops::One(Hop::default()), ..plain },
        Route {
            source: Some(prefix("fd00::/64")),
            expires: Some(500),
            preference: Some(RouterPreference::High),
            ..route("fd20::/32", via(None, Some("eth1")))
        },
        route("0.0.0.0/0", via(Some("10.0.0.7"), None)),
    ]
}

/// What the kernel would say of IPv6: it gives every route a metric.
fn as_kernel(mut route: Route) -> Route {
    if route.family() == Family::V6 {
        route.metric = route.metric.or(Some(1024));
    }
    route
}

#[test]
fn a_route_is_recognised_in_its_own_message_and_in_no_other() {
    let all: Vec<_> = routes().iter().map(|route| spec(&as_kernel(route.clone()))).collect();
    for (at, one) in all.iter().enumerate() {
        for (other_at, other) in all.iter().enumerate() {
            let bytes = payload(&RoutingChange::AddRoute(other.clone()));
            let entry = decode_routing::route(&bytes).expect("a route");
            assert_eq!(one.is(&entry), at == other_at, "{one:?} and {other:?}");
        }
    }
    let [by_default, written] = [None, Some(1024)].map(|metric| Route { metric, ..routes()[5].clone() });
    let bytes = payload(&RoutingChange::AddRoute(spec(&written)));
    assert!(spec(&by_default).is(&decode_routing::route(&bytes).expect("a route")));
}

#[test]
fn a_name_that_is_not_there_is_told() {
    let missing = route("10.0.0.0/8", via(None, Some("eth7")));
    assert_eq!(RouteSpec::new(&missing, |_| None, |_| None), Err(NoInterface(name("eth7"))));
}

#[test]
fn only_a_route_that_replaces_takes_a_place() {
    let old = spec(&route("10.20.0.0/16", via(Some("10.0.0.7"), None)));
    let new = route("10.20.0.0/16", via(Some("10.0.0.8"), None));
    assert!(spec(&new).replaces(&old));
    assert!(!spec(&Route { placement: Placement::Append, ..new.clone() }).replaces(&old));
    assert!(!spec(&Route { metric: Some(1), ..new }).replaces(&old));
}

#[test]
fn encapsulations_are_as_the_kernel_wants_them() {
    for (encap, expected) in [
        // RTA_ENCAP_TYPE mpls; RTA_ENCAP: two labels, the last with the bottom bit, and a TTL.
        (
            Encap::Mpls(vec![100, 200], Some(9)),
            "060015000100000018001600".to_owned() + "0c000100000640000" + "00c8100" + "0500020009000000",
        ),
        // RTA_ENCAP_TYPE ila; RTA_ENCAP: the locator, big endian.
        (
            Encap::Ila(0x2001_0db8_0000_0001),
            "060015000300000010001600".to_owned() + "0c000100" + "20010db800000001",
        ),
    ] {
        let hop = Hop { encap: Some(encap.clone()), ..via(Some("10.0.0.7"), None) };
        let bytes = hex(&payload(&RoutingChange::AddRoute(spec(&route("10.20.0.0/16", hop)))));
        assert!(bytes.ends_with(&expected), "{encap:?}: {bytes} does not end with {expected}");
    }
}

fn rules() -> Vec<Rule> {
    let table = rule(RuleAction::Table(100));
    vec![
        table.clone(),
        Rule {
            source: Some(prefix("10.1.0.0/16")),
            destination: Some(prefix("10.2.0.0/16")),
            ..table.clone()
        },
        Rule { invert: true, tos: 0x10, ..table.clone() },
        Rule { mark: Some(FirewallMark { value: 5, mask: Some(0xff) }), ..table.clone() },
        Rule { mark: Some(FirewallMark { value: 5, mask: None }), ..table.clone() },
        Rule { input: Some(name("eth0")), output: Some(name("eth1")), ..table.clone() },
        Rule { tunnel: Some(7), users: Range::new(1, 5), ..table.clone() },
        Rule {
            ip_protocol: Some(6),
            source_ports: Range::new(1, 9),
            destination_ports: Range::new(80, 80),
            ..table.clone()
        },
        Rule { realms: Some(Realms { source: 3, destination: 4 }), ..table.clone() },
        Rule { suppress_prefix_len: Some(0), suppress_group: Some(3), ..table.clone() },
        Rule { protocol: 99, ..table },
        Rule { family: Family::V6, source: Some(prefix("fd00::/64")), ..rule(RuleAction::Table(100_000)) },
        rule(RuleAction::L3mdev),
        rule(RuleAction::Goto(600)),
        rule(RuleAction::Nop),
        rule(RuleAction::Blackhole),
        rule(RuleAction::Unreachable),
        rule(RuleAction::Prohibit),
    ]
}

#[test]
fn a_rule_is_recognised_in_its_own_message_and_in_no_other() {
    for (at, one) in rules().iter().enumerate() {
        for (other_at, other) in rules().iter().enumerate() {
            let decoded = decode_routing::rule(&payload(&RoutingChange::AddRule(other.clone())));
            assert_eq!(same_rule(one, &decoded.expect("a rule")), at == other_at, "{one} and {other}");
        }
    }
    let whole = Rule { mark: Some(FirewallMark { value: 5, mask: Some(u32::MAX) }), ..rule(RuleAction::Nop) };
    let part = Rule { mark: Some(FirewallMark { value: 5, mask: None }), no_track: true, ..whole.clone() };
    assert!(same_rule(&whole, &part), "the kernel's default, and nothing that it knows");
}

#[test]
fn rubbish_and_cut_messages_end_quietly() {
    let messages = routes().into_iter().map(|route| payload(&RoutingChange::AddRoute(spec(&route))));
    let messages = messages.chain(rules().into_iter().map(|rule| payload(&RoutingChange::AddRule(rule))));
    for whole in messages {
        for cut in 0..whole.len() {
            let part = &whole[..cut];
            let _ = (decode_routing::route(part), decode_routing::rule(part));
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xff;
            let _ = (decode_routing::route(&broken), decode_routing::rule(&broken));
        }
    }
}
