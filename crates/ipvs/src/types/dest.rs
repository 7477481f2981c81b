//! A destination: a real server behind a virtual service.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// The identity of a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DestKey {
    /// The server's address. The other family than the service's is possible only with a tunnel.
    pub addr: IpAddr,
    /// The server's port in host order; 0 in services without a port. Only NAT can change it on the way.
    pub port: u16,
}

impl DestKey {
    /// The server at that address and port.
    pub const fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }
}

impl fmt::Display for DestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}", self.port),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}", self.port),
        }
    }
}

/// A server's share of the work, 0 (nothing new) to 2³¹−1 (the kernel's is a signed number).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Weight(u32);

impl Weight {
    /// No new connections.
    pub const ZERO: Self = Self(0);
    /// The usual weight.
    pub const ONE: Self = Self(1);
    /// The greatest.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// A weight of at most [`MAX`](Self::MAX).
    pub const fn new(weight: u32) -> Option<Self> {
        if weight <= Self::MAX.0 { Some(Self(weight)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<u16> for Weight {
    fn from(weight: u16) -> Self {
        Self(weight.into())
    }
}

impl TryFrom<u32> for Weight {
    type Error = Invalid;
    fn try_from(weight: u32) -> Result<Self, Invalid> {
        Self::new(weight).ok_or_else(|| Invalid::new("weight", weight, "must be at most 2147483647"))
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Connection thresholds: at `upper` connections a server gets no new ones until it has fewer than `lower`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct Limits {
    upper: u32,
    lower: u32,
}

impl Limits {
    /// No limit.
    pub const NONE: Self = Self { upper: 0, lower: 0 };

    /// Thresholds in connections. `upper` 0 is no limit; `lower` 0 lets the kernel take three quarters of `upper`. `None`
    /// when `lower` is above `upper`, which the kernel refuses.
    pub const fn new(upper: u32, lower: u32) -> Option<Self> {
        if lower <= upper { Some(Self { upper, lower }) } else { None }
    }

    /// The upper threshold; 0 is none.
    pub const fn upper(self) -> u32 {
        self.upper
    }

    /// The lower threshold; 0 leaves it to the kernel.
    pub const fn lower(self) -> u32 {
        self.lower
    }
}

impl TryFrom<(u32, u32)> for Limits {
    type Error = Invalid;
    fn try_from((upper, lower): (u32, u32)) -> Result<Self, Invalid> {
        let value = || format!("upper {upper}, lower {lower}");
        Self::new(upper, lower)
            .ok_or_else(|| Invalid::new("thresholds", value(), "lower must not be above upper"))
    }
}

impl From<Limits> for (u32, u32) {
    fn from(limits: Limits) -> Self {
        (limits.upper, limits.lower)
    }
}

/// How packets reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Forward {
    /// Address translation (LVS-NAT): answers come back through the director.
    Masq,
    /// Direct routing (LVS-DR): the packet goes unchanged to the server's link address.
    Route,
    /// Encapsulated (LVS-TUN).
    Tunnel(Tunnel),
    /// The director itself. The kernel reports it for what older versions made of local addresses.
    Local,
    /// Past all servers to the packet's own destination; a transparent cache's bypass.
    Bypass,
}

impl Forward {
    /// IP-in-IP, the tunnel every kernel has.
    pub const IPIP: Self = Self::Tunnel(Tunnel { kind: TunnelKind::Ipip, checksum: Checksum::None });
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Masq => "Masq",
            Self::Route => "Route",
            Self::Tunnel(_) => "Tunnel",
            Self::Local => "Local",
            Self::Bypass => "Bypass",
        })
    }
}

/// An encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tunnel {
    /// The protocol around the packet.
    pub kind: TunnelKind,
    /// Its checksum. IP-in-IP has none and the kernel keeps what it is told.
    pub checksum: Checksum,
}

/// Encapsulation protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TunnelKind {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation (Linux 5.3).
    Gue {
        /// UDP port of the server's decapsulator.
        port: NonZeroU16,
    },
    /// GRE (Linux 5.3).
    Gre,
}

/// Checksum of the outer header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Checksum {
    /// None.
    #[default]
    None,
    /// Over the outer packet.
    Csum,
    /// Remote checksum offload, GUE only.
    Remcsum,
}

/// A destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dest {
    /// Which server.
    pub key: DestKey,
    /// How packets reach it.
    pub forward: Forward,
    /// Its share.
    pub weight: Weight,
    /// When it has enough.
    pub limits: Limits,
}

impl Dest {
    /// A server of weight 1 without limits.
    pub const fn new(key: DestKey, forward: Forward) -> Self {
        Self { key, forward, weight: Weight::ONE, limits: Limits::NONE }
    }

    /// The same with another weight.
    #[must_use]
    pub const fn with_weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}
