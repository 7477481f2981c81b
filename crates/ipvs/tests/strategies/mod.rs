//! Random tables and changes over a few keys, so that they meet.

use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};

use ipvs::{
    Checksum, Dest, DestKey, Engine, Entry, Family, Forward, Granularity, Limits, Op, Persistence, PrefixLen,
    Protocol, Scheduler, Seconds, Service, ServiceFlags, ServiceKey, Table, Tunnel, TunnelKind, Weight,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn service_key() -> impl Strategy<Value = ServiceKey> {
    let addr = select(vec!["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    let protocol = select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let tuple = (protocol, addr, select(vec![80, 443]))
        .prop_map(|(protocol, addr, port)| ServiceKey::Tuple { protocol, addr: addr.parse().unwrap(), port });
    let mark = (1u32..3, select(vec![Family::V4, Family::V6]))
        .prop_map(|(mark, family)| ServiceKey::Fwmark { mark: NonZeroU32::new(mark).unwrap(), family });
    prop_oneof![3 => tuple, 1 => mark]
}

fn granularity(family: Family) -> BoxedStrategy<Granularity> {
    match family {
        Family::V4 => select(vec![0xffff_ffffu32, 0xffff_ff00, 0xff00_00ff])
            .prop_map(|mask| Granularity::Mask(mask.into()))
            .boxed(),
        Family::V6 => select(vec![1u8, 64, 128])
            .prop_map(|len| Granularity::Prefix(PrefixLen::new(len).unwrap()))
            .boxed(),
    }
}

fn persistence(family: Family) -> impl Strategy<Value = Persistence> {
    let timeout = select(vec![1u16, 300]).prop_map(Seconds::from);
    (timeout, granularity(family), proptest::option::weighted(0.2, Just(Engine::SIP)))
        .prop_map(|(timeout, granularity, engine)| Persistence { timeout, granularity, engine })
}

pub(crate) fn service_of(key: ServiceKey) -> impl Strategy<Value = Service> {
    let scheduler = select(vec![Scheduler::RR, Scheduler::WRR, Scheduler::SH, Scheduler::MH]);
    let flags = (0u32..16).prop_map(|bits| ServiceFlags::from_kernel(bits << 2));
    let persistence = proptest::option::of(persistence(key.family()));
    (scheduler, flags, persistence).prop_map(move |(scheduler, flags, persistence)| {
        let service = Service::new(key, scheduler).with_flags(flags);
        match persistence {
            Some(persistence) => service.with_persistence(persistence).unwrap(),
            None => service,
        }
    })
}

pub(crate) fn dest_key() -> impl Strategy<Value = DestKey> {
    let addr = select(vec!["198.51.100.1", "198.51.100.2", "2001:db8:1::1", "2001:db8:1::2"]);
    (addr, select(vec![80, 8080]))
        .prop_map(|(addr, port)| DestKey::new(addr.parse::<IpAddr>().unwrap(), port))
}

fn tunnel() -> impl Strategy<Value = Forward> {
    let gue = TunnelKind::Gue { port: NonZeroU16::new(6080).unwrap() };
    let kind = select(vec![TunnelKind::Ipip, gue, TunnelKind::Gre]);
    let checksum = select(vec![Checksum::None, Checksum::Csum, Checksum::Remcsum]);
    (kind, checksum).prop_map(|(kind, checksum)| Forward::Tunnel(Tunnel { kind, checksum }))
}

fn forward() -> impl Strategy<Value = Forward> {
    prop_oneof![
        Just(Forward::Masq),
        Just(Forward::Route),
        Just(Forward::Local),
        Just(Forward::Bypass),
        tunnel()
    ]
}

fn dest_forwarded(forward: impl Strategy<Value = Forward>) -> impl Strategy<Value = Dest> {
    let weight = select(vec![0u32, 1, 7, i32::MAX as u32]).prop_map(|weight| Weight::new(weight).unwrap());
    let limits = select(vec![(0, 0), (10, 0), (10, 5), (u32::MAX, u32::MAX)])
        .prop_map(|(upper, lower)| Limits::new(upper, lower).unwrap());
    (dest_key(), forward, weight, limits).prop_map(|(key, forward, weight, limits)| Dest {
        key,
        forward,
        weight,
        limits,
    })
}

pub(crate) fn dest() -> impl Strategy<Value = Dest> {
    dest_forwarded(forward())
}

/// Destinations a service of that family can have: those of the other family only in tunnels.
fn dest_for(family: Family) -> impl Strategy<Value = Dest> {
    (dest(), dest_forwarded(tunnel()))
        .prop_map(move |(any, tunnelled)| if Family::of(any.key.addr) == family { any } else { tunnelled })
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    service_key().prop_flat_map(|key| {
        (service_of(key), vec(dest_for(key.family()), 0..5))
            .prop_map(|(service, dests)| Entry::with_dests(service, dests))
    })
}

/// A table the kernel would take.
pub(crate) fn table() -> impl Strategy<Value = Table> {
    vec(entry(), 0..6).prop_map(Table::from_iter)
}

/// Any change, sensible or not.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let service = || service_key().prop_flat_map(service_of);
    prop_oneof![
        3 => service().prop_map(Op::AddService),
        1 => service().prop_map(Op::EditService),
        1 => service_key().prop_map(Op::DelService),
        5 => (service_key(), dest()).prop_map(|(key, dest)| Op::AddDest(key, dest)),
        2 => (service_key(), dest()).prop_map(|(key, dest)| Op::EditDest(key, dest)),
        1 => (service_key(), dest_key()).prop_map(|(key, dest)| Op::DelDest(key, dest)),
    ]
}
