//! Destinations in bytes.

use std::num::NonZeroU16;

use super::attrs::{DestAttr, DestReplyAttr, ReplyAttr};
use super::message::{Command, Reply};
use super::service::{address_bytes, decode_address, decode_family, family_number};
use super::stats::{decode_stats, decode_stats64};
use super::wire::{Be, Nested};
use super::{DecodeError, required};
use crate::types::{
    Checksum, Dest, DestKey, DestStatus, Family, Forward, Limits, Stats, Tunnel, TunnelKind, Weight,
};

/// `IP_VS_CONN_F_FWD_MASK`: the bits of the connection flags that are the forwarding method.
const FORWARD_MASK: u32 = 0x0007;
/// `IP_VS_CONN_F_MASQ` and so on.
const MASQ: u32 = 0;
const LOCALNODE: u32 = 1;
const TUNNEL: u32 = 2;
const DROUTE: u32 = 3;
const BYPASS: u32 = 4;

/// `IP_VS_CONN_F_TUNNEL_TYPE_*`.
const IPIP: u8 = 0;
const GUE: u8 = 1;
const GRE: u8 = 2;

/// `IP_VS_TUNNEL_ENCAP_FLAG_*`.
const NOCSUM: u16 = 0;
const CSUM: u16 = 1;
const REMCSUM: u16 = 2;

/// The attributes that name a destination.
pub(super) fn encode_dest_key(key: &DestKey) -> Nested<DestAttr> {
    Nested(vec![
        DestAttr::Family(family_number(Family::of(key.addr))),
        DestAttr::Address(address_bytes(key.addr)),
        DestAttr::Port(Be(key.port)),
    ])
}

/// The attributes of a whole destination.
pub(super) fn encode_dest(dest: &Dest) -> Nested<DestAttr> {
    let Nested(mut attrs) = encode_dest_key(&dest.key);
    attrs.extend([
        DestAttr::Forward(match dest.forward {
            Forward::Masq => MASQ,
            Forward::Local => LOCALNODE,
            Forward::Tunnel(_) => TUNNEL,
            Forward::Route => DROUTE,
            Forward::Bypass => BYPASS,
        }),
        DestAttr::Weight(dest.weight.get()),
        DestAttr::Upper(dest.limits.upper()),
        DestAttr::Lower(dest.limits.lower()),
    ]);
    if let Forward::Tunnel(tunnel) = dest.forward {
        attrs.extend(encode_tunnel(tunnel));
    }
    Nested(attrs)
}

fn encode_tunnel(tunnel: Tunnel) -> [DestAttr; 3] {
    let (kind, port) = match tunnel.kind {
        TunnelKind::Ipip => (IPIP, 0),
        TunnelKind::Gue { port } => (GUE, port.get()),
        TunnelKind::Gre => (GRE, 0),
    };
    let flags = match tunnel.checksum {
        Checksum::None => NOCSUM,
        Checksum::Csum => CSUM,
        Checksum::Remcsum => REMCSUM,
    };
    [DestAttr::TunnelType(kind), DestAttr::TunnelPort(Be(port)), DestAttr::TunnelFlags(flags)]
}

/// A reply's attributes, each where it belongs.
#[derive(Default)]
struct Parts {
    family: Option<u16>,
    address: Option<[u8; 16]>,
    port: Option<u16>,
    forward: Option<u32>,
    weight: Option<u32>,
    upper: u32,
    lower: u32,
    tunnel_type: u8,
    tunnel_port: u16,
    tunnel_flags: u16,
    status: DestStatus,
    stats: Option<Stats>,
    stats64: Option<Stats>,
}

impl Parts {
    fn collect(attrs: &[DestReplyAttr]) -> Self {
        let mut parts = Self::default();
        for attr in attrs {
            match attr {
                DestReplyAttr::Address(v) => parts.address = Some(*v),
                DestReplyAttr::Port(Be(v)) => parts.port = Some(*v),
                DestReplyAttr::Forward(v) => parts.forward = Some(*v),
                DestReplyAttr::Weight(v) => parts.weight = Some(*v),
                DestReplyAttr::Upper(v) => parts.upper = *v,
                DestReplyAttr::Lower(v) => parts.lower = *v,
                DestReplyAttr::ActiveConns(v) => parts.status.active = *v,
                DestReplyAttr::InactiveConns(v) => parts.status.inactive = *v,
                DestReplyAttr::PersistentConns(v) => parts.status.persistent = *v,
                DestReplyAttr::Stats(v) => parts.stats = Some(decode_stats(v)),
                DestReplyAttr::Family(v) => parts.family = Some(*v),
                DestReplyAttr::Stats64(v) => parts.stats64 = Some(decode_stats64(v)),
                DestReplyAttr::TunnelType(v) => parts.tunnel_type = *v,
                DestReplyAttr::TunnelPort(Be(v)) => parts.tunnel_port = *v,
                DestReplyAttr::TunnelFlags(v) => parts.tunnel_flags = *v,
                DestReplyAttr::Other(_) => {}
            }
        }
        parts
    }

    /// Kernels before 3.18 do not say the family: it is the service's.
    fn key(&self, service: Family) -> Result<DestKey, DecodeError> {
        let attr = "IPVS_DEST_ATTR_ADDR_FAMILY";
        let family = self.family.map_or(Ok(service), |number| decode_family(attr, number))?;
        let addr = decode_address(family, required("IPVS_DEST_ATTR_ADDR", self.address)?);
        Ok(DestKey::new(addr, required("IPVS_DEST_ATTR_PORT", self.port)?))
    }

    fn forward(&self) -> Result<Forward, DecodeError> {
        let attr = "IPVS_DEST_ATTR_FWD_METHOD";
        match required(attr, self.forward)? & FORWARD_MASK {
            MASQ => Ok(Forward::Masq),
            LOCALNODE => Ok(Forward::Local),
            TUNNEL => Ok(Forward::Tunnel(self.tunnel()?)),
            DROUTE => Ok(Forward::Route),
            BYPASS => Ok(Forward::Bypass),
            other => Err(DecodeError::value(attr, other)),
        }
    }

    fn tunnel(&self) -> Result<Tunnel, DecodeError> {
        let kind = match self.tunnel_type {
            IPIP => TunnelKind::Ipip,
            GUE => {
                let port = NonZeroU16::new(self.tunnel_port);
                TunnelKind::Gue {
                    port: port.ok_or_else(|| DecodeError::value("IPVS_DEST_ATTR_TUN_PORT", 0))?,
                }
            }
            GRE => TunnelKind::Gre,
            other => return Err(DecodeError::value("IPVS_DEST_ATTR_TUN_TYPE", other)),
        };
        let checksum = match self.tunnel_flags {
            NOCSUM => Checksum::None,
            CSUM => Checksum::Csum,
            REMCSUM => Checksum::Remcsum,
            other => return Err(DecodeError::value("IPVS_DEST_ATTR_TUN_FLAGS", other)),
        };
        Ok(Tunnel { kind, checksum })
    }
}

/// Reads a destination, its connections and counters from an answer to [`dump_dests`](super::dump_dests) for a service of
/// that family.
///
/// # Errors
/// When it is another kind of answer, or one without meaning to us.
pub fn decode_dest(service: Family, reply: &Reply) -> Result<(Dest, DestStatus), DecodeError> {
    let attrs = reply.expect(Command::NewDest)?;
    let nested = attrs.iter().find_map(|attr| match attr {
        ReplyAttr::Dest(nested) => Some(nested),
        _ => None,
    });
    let parts = Parts::collect(required("IPVS_CMD_ATTR_DEST", nested)?);
    let weight = required("IPVS_DEST_ATTR_WEIGHT", parts.weight)?;
    let limits = Limits::new(parts.upper, parts.lower);
    let dest = Dest {
        key: parts.key(service)?,
        forward: parts.forward()?,
        weight: Weight::new(weight).ok_or_else(|| DecodeError::value("IPVS_DEST_ATTR_WEIGHT", weight))?,
        limits: limits.ok_or_else(|| DecodeError::value("IPVS_DEST_ATTR_L_THRESH", parts.lower))?,
    };
    let stats = parts.stats64.or(parts.stats).unwrap_or_default();
    Ok((dest, DestStatus { stats, ..parts.status }))
}
