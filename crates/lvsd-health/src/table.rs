//! From the model's words to the kernel's: keys, services, destinations.

use std::net::SocketAddr;
use std::num::NonZeroU16;

use ipvs::{
    Checksum, Dest, DestKey, Engine, Granularity, Limits, PrefixLen, Scheduler, Seconds, Service,
    ServiceFlags, ServiceKey, Tunnel,
};
use lvsd_model::{
    Endpoint, Family, Forward, Persistence, Protocol, SchedulerFlags, TunnelChecksum, TunnelKind,
    VirtualServer, Weight,
};

/// The IANA port of generic UDP encapsulation.
const GUE_PORT: NonZeroU16 = NonZeroU16::new(6080).expect("6080 is not zero");

/// The kernel's key of an endpoint.
pub(crate) fn service_key(endpoint: &Endpoint, protocol: Protocol) -> ServiceKey {
    match *endpoint {
        Endpoint::Address(address) => ServiceKey::Tuple {
            protocol: match protocol {
                Protocol::Tcp => ipvs::Protocol::Tcp,
                Protocol::Udp => ipvs::Protocol::Udp,
                Protocol::Sctp => ipvs::Protocol::Sctp,
            },
            addr: address.ip(),
            port: address.port(),
        },
        Endpoint::Fwmark { mark, family } => ServiceKey::Fwmark { mark, family: family_of(family) },
    }
}

const fn family_of(family: Family) -> ipvs::Family {
    match family {
        Family::V4 => ipvs::Family::V4,
        Family::V6 => ipvs::Family::V6,
    }
}

/// The service itself, as configured.
pub(crate) fn service(config: &VirtualServer, key: ServiceKey) -> Service {
    let scheduler = Scheduler::new(config.scheduler.name()).unwrap_or(Scheduler::WLC);
    let service = Service::new(key, scheduler).with_flags(flags(config.flags));
    let Some(wanted) = &config.persistence else { return service };
    // The granularity is made for the key's family, so this cannot be refused.
    service.clone().with_persistence(persistence(wanted, key.family())).unwrap_or(service)
}

fn flags(flags: SchedulerFlags) -> ServiceFlags {
    let named = [
        (flags.one_packet, ServiceFlags::ONE_PACKET),
        (flags.flag1, ServiceFlags::SCHED_1),
        (flags.flag2, ServiceFlags::SCHED_2),
        (flags.flag3, ServiceFlags::SCHED_3),
    ];
    named.into_iter().filter(|&(set, _)| set).fold(ServiceFlags::NONE, |all, (_, flag)| all | flag)
}

fn persistence(config: &Persistence, family: ipvs::Family) -> ipvs::Persistence {
    let seconds = u32::try_from(config.timeout.as_secs()).ok().and_then(Seconds::new);
    ipvs::Persistence {
        timeout: seconds.unwrap_or(Seconds::MAX),
        granularity: match family {
            ipvs::Family::V4 => {
                let shift = 32_u32.saturating_sub(config.prefix_len.into());
                Granularity::Mask(u32::MAX.checked_shl(shift).unwrap_or(0).into())
            }
            ipvs::Family::V6 => {
                Granularity::Prefix(PrefixLen::new(config.prefix_len).unwrap_or(PrefixLen::HOST))
            }
        },
        engine: config.engine.as_ref().and_then(|name| Engine::new(name.as_str()).ok()),
    }
}

/// The key of a server in a service. Only NAT can change a port on the way, and port 0 is the service's own.
pub(crate) const fn dest_key(service: &ServiceKey, server: SocketAddr, forward: Forward) -> DestKey {
    let port = match (forward, server.port()) {
        (Forward::Nat, 1..) => server.port(),
        (Forward::Nat, 0) | (Forward::DirectRouting | Forward::Tunnel { .. }, _) => match service {
            ServiceKey::Tuple { port, .. } => *port,
            ServiceKey::Fwmark { .. } => 0,
        },
    };
    DestKey::new(server.ip(), port)
}

/// A destination of a service.
pub(crate) fn dest(service: &ServiceKey, server: SocketAddr, forward: Forward, weight: Weight) -> Dest {
    let weight = ipvs::Weight::new(weight.get()).unwrap_or(ipvs::Weight::MAX);
    Dest::new(dest_key(service, server, forward), forwarding(forward)).with_weight(weight)
}

/// Thresholds of a destination. A lower one above the upper one means nothing to the kernel, which would refuse it.
pub(crate) fn limits(upper: u32, lower: u32) -> Limits {
    Limits::new(upper, lower.min(upper)).unwrap_or(Limits::NONE)
}

fn forwarding(forward: Forward) -> ipvs::Forward {
    match forward {
        Forward::Nat => ipvs::Forward::Masq,
        Forward::DirectRouting => ipvs::Forward::Route,
        Forward::Tunnel { kind, checksum } => ipvs::Forward::Tunnel(Tunnel {
            kind: match kind {
                TunnelKind::Ipip => ipvs::TunnelKind::Ipip,
                TunnelKind::Gue { port } => {
                    ipvs::TunnelKind::Gue { port: NonZeroU16::new(port).unwrap_or(GUE_PORT) }
                }
                TunnelKind::Gre => ipvs::TunnelKind::Gre,
            },
            checksum: match checksum {
                TunnelChecksum::None => Checksum::None,
                TunnelChecksum::Full => Checksum::Csum,
                TunnelChecksum::Remote => Checksum::Remcsum,
            },
        }),
    }
}
