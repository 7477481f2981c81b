//! Services in bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use super::attrs::{ReplyAttr, ServiceAttr, ServiceReplyAttr};
use super::message::{Command, Reply};
use super::stats::{decode_stats, decode_stats64};
use super::wire::{Be, Flags, Nested};
use super::{DecodeError, required};
use crate::types::{
    Engine, Family, Granularity, Persistence, PrefixLen, Protocol, Scheduler, Seconds, Service, ServiceFlags,
    ServiceKey, Stats,
};

/// `AF_INET` on Linux.
const AF_INET: u16 = 2;
/// `AF_INET6` on Linux.
const AF_INET6: u16 = 10;
/// `IP_VS_SVC_F_PERSISTENT`.
const PERSISTENT: u32 = 0x0001;

pub(super) const fn family_number(family: Family) -> u16 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}

pub(super) fn decode_family(attr: &'static str, number: u16) -> Result<Family, DecodeError> {
    match number {
        AF_INET => Ok(Family::V4),
        AF_INET6 => Ok(Family::V6),
        other => Err(DecodeError::value(attr, other)),
    }
}

/// `union nf_inet_addr`: 16 bytes, an IPv4 address in the first 4.
pub(super) fn address_bytes(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(v6) => v6.octets(),
    }
}

pub(super) fn decode_address(family: Family, bytes: [u8; 16]) -> IpAddr {
    match family {
        Family::V4 => {
            let [a, b, c, d, ..] = bytes;
            Ipv4Addr::new(a, b, c, d).into()
        }
        Family::V6 => Ipv6Addr::from(bytes).into(),
    }
}

/// The attributes that name a service.
pub(super) fn encode_key(key: &ServiceKey) -> Nested<ServiceAttr> {
    let family = ServiceAttr::Family(family_number(key.family()));
    Nested(match *key {
        ServiceKey::Tuple { protocol, addr, port } => vec![
            family,
            ServiceAttr::Protocol(protocol.number()),
            ServiceAttr::Address(address_bytes(addr)),
            ServiceAttr::Port(Be(port)),
        ],
        ServiceKey::Fwmark { mark, .. } => vec![family, ServiceAttr::Fwmark(mark.get())],
    })
}

/// The attributes of a whole service.
pub(super) fn encode_service(service: &Service) -> Nested<ServiceAttr> {
    let persistence = service.persistence();
    let host = Granularity::host(service.key().family());
    let persistent = if persistence.is_some() { PERSISTENT } else { 0 };
    let Nested(mut attrs) = encode_key(service.key());
    attrs.extend([
        ServiceAttr::Scheduler(service.scheduler().as_str().to_owned()),
        ServiceAttr::Flags(Flags { flags: service.flags().bits() | persistent, mask: u32::MAX }),
        ServiceAttr::Timeout(persistence.map_or(0, |p| p.timeout.get())),
        ServiceAttr::Netmask(netmask_bytes(persistence.map_or(host, |p| p.granularity))),
    ]);
    if let Some(engine) = persistence.and_then(|p| p.engine.as_ref()) {
        attrs.push(ServiceAttr::Engine(engine.as_str().to_owned()));
    }
    Nested(attrs)
}

/// The kernel refuses an IPv6 service without a prefix length, persistent or not.
fn netmask_bytes(granularity: Granularity) -> [u8; 4] {
    match granularity {
        Granularity::Mask(mask) => mask.octets(),
        Granularity::Prefix(len) => u32::from(len.get()).to_ne_bytes(),
    }
}

fn decode_netmask(family: Family, bytes: [u8; 4]) -> Result<Granularity, DecodeError> {
    match family {
        Family::V4 => Ok(Granularity::Mask(Ipv4Addr::from(bytes))),
        Family::V6 => {
            let len = u32::from_ne_bytes(bytes);
            let prefix = u8::try_from(len).ok().and_then(PrefixLen::new);
            prefix
                .map(Granularity::Prefix)
                .ok_or_else(|| DecodeError::value("IPVS_SVC_ATTR_NETMASK", format!("prefix length {len}")))
        }
    }
}

/// A reply's attributes, each where it belongs.
#[derive(Default)]
struct Parts {
    family: Option<u16>,
    protocol: Option<u16>,
    address: Option<[u8; 16]>,
    port: Option<u16>,
    fwmark: Option<u32>,
    scheduler: Option<String>,
    flags: Option<u32>,
    timeout: Option<u32>,
    netmask: Option<[u8; 4]>,
    engine: Option<String>,
    stats: Option<Stats>,
    stats64: Option<Stats>,
}

impl Parts {
    fn collect(attrs: &[ServiceReplyAttr]) -> Self {
        let mut parts = Self::default();
        for attr in attrs {
            match attr {
                ServiceReplyAttr::Family(v) => parts.family = Some(*v),
                ServiceReplyAttr::Protocol(v) => parts.protocol = Some(*v),
                ServiceReplyAttr::Address(v) => parts.address = Some(*v),
                ServiceReplyAttr::Port(Be(v)) => parts.port = Some(*v),
                ServiceReplyAttr::Fwmark(v) => parts.fwmark = Some(*v),
                ServiceReplyAttr::Scheduler(v) => parts.scheduler = Some(v.clone()),
                ServiceReplyAttr::Flags(v) => parts.flags = Some(v.flags),
                ServiceReplyAttr::Timeout(v) => parts.timeout = Some(*v),
                ServiceReplyAttr::Netmask(v) => parts.netmask = Some(*v),
                ServiceReplyAttr::Engine(v) => parts.engine = Some(v.clone()),
                ServiceReplyAttr::Stats(v) => parts.stats = Some(decode_stats(v)),
                ServiceReplyAttr::Stats64(v) => parts.stats64 = Some(decode_stats64(v)),
                ServiceReplyAttr::Other(_) => {}
            }
        }
        parts
    }

    fn key(&self) -> Result<ServiceKey, DecodeError> {
        let family = required("IPVS_SVC_ATTR_AF", self.family)?;
        let family = decode_family("IPVS_SVC_ATTR_AF", family)?;
        if let Some(mark) = self.fwmark.and_then(NonZeroU32::new) {
            return Ok(ServiceKey::Fwmark { mark, family });
        }
        let number = required("IPVS_SVC_ATTR_PROTOCOL", self.protocol)?;
        let protocol = Protocol::from_number(number);
        Ok(ServiceKey::Tuple {
            protocol: protocol.ok_or_else(|| DecodeError::value("IPVS_SVC_ATTR_PROTOCOL", number))?,
            addr: decode_address(family, required("IPVS_SVC_ATTR_ADDR", self.address)?),
            port: required("IPVS_SVC_ATTR_PORT", self.port)?,
        })
    }

    fn persistence(&self, family: Family) -> Result<Option<Persistence>, DecodeError> {
        if self.flags.unwrap_or(0) & PERSISTENT == 0 {
            return Ok(None);
        }
        let engine = self.engine.as_deref().filter(|name| !name.is_empty());
        let granularity = self.netmask.map(|bytes| decode_netmask(family, bytes)).transpose()?;
        Ok(Some(Persistence {
            timeout: Seconds::from_kernel(required("IPVS_SVC_ATTR_TIMEOUT", self.timeout)?),
            granularity: granularity.unwrap_or_else(|| Granularity::host(family)),
            engine: engine
                .map(Engine::new)
                .transpose()
                .map_err(|e| DecodeError::value("IPVS_SVC_ATTR_PE_NAME", e))?,
        }))
    }
}

/// Reads a service and its counters from an answer to [`dump_services`](super::dump_services).
///
/// # Errors
/// When it is another kind of answer, or one without meaning to us.
pub fn decode_service(reply: &Reply) -> Result<(Service, Stats), DecodeError> {
    let attrs = reply.expect(Command::NewService)?;
    let nested = attrs.iter().find_map(|attr| match attr {
        ReplyAttr::Service(nested) => Some(nested),
        _ => None,
    });
    let parts = Parts::collect(required("IPVS_CMD_ATTR_SERVICE", nested)?);
    let key = parts.key()?;
    let scheduler = Scheduler::new(required("IPVS_SVC_ATTR_SCHED_NAME", parts.scheduler.clone())?)
        .map_err(|e| DecodeError::value("IPVS_SVC_ATTR_SCHED_NAME", e))?;
    let flags = ServiceFlags::from_kernel(parts.flags.unwrap_or(0));
    let service = Service::new(key, scheduler).with_flags(flags);
    let service = match parts.persistence(key.family())? {
        Some(persistence) => service
            .with_persistence(persistence)
            .map_err(|e| DecodeError::value("IPVS_SVC_ATTR_NETMASK", e))?,
        None => service,
    };
    Ok((service, parts.stats64.or(parts.stats).unwrap_or_default()))
}
