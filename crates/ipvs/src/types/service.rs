//! A virtual service: what it answers to and how it chooses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Engine, Invalid, Scheduler, ServiceFlags};

/// The transport protocols IPVS can balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP, protocol 6.
    Tcp,
    /// UDP, protocol 17.
    Udp,
    /// SCTP, protocol 132.
    Sctp,
}

impl Protocol {
    /// The IP protocol number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// The protocol with that number, if IPVS can balance it.
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            6 => Some(Self::Tcp),
            17 => Some(Self::Udp),
            132 => Some(Self::Sctp),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The identity of a virtual service: no two services of a table have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceKey {
    /// Packets to an address and port.
    Tuple {
        /// Transport protocol.
        protocol: Protocol,
        /// Virtual address.
        addr: IpAddr,
        /// Virtual port in host order; 0 is every port, which makes sense only with persistence.
        port: u16,
    },
    /// Packets that carry a firewall mark.
    Fwmark {
        /// The mark.
        mark: NonZeroU32,
        /// Family of the packets; one mark can be two services.
        family: Family,
    },
}

impl ServiceKey {
    /// The family of the clients' packets.
    pub const fn family(&self) -> Family {
        match self {
            Self::Tuple { addr, .. } => Family::of(*addr),
            Self::Fwmark { family, .. } => *family,
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tuple { protocol, addr: IpAddr::V4(addr), port } => write!(f, "{protocol} {addr}:{port}"),
            Self::Tuple { protocol, addr: IpAddr::V6(addr), port } => write!(f, "{protocol} [{addr}]:{port}"),
            Self::Fwmark { mark, family: Family::V4 } => write!(f, "fwmark {mark}"),
            Self::Fwmark { mark, family: Family::V6 } => write!(f, "fwmark {mark} IPv6"),
        }
    }
}

/// A time in whole seconds, as long as the kernel can count it in its ticks without overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(u32);

impl Seconds {
    /// The longest: the kernel keeps 32 bits of ticks, at most 1000 per second (49 days).
    pub const MAX: Self = Self(u32::MAX / 1000);

    /// A time of at most [`MAX`](Self::MAX).
    pub const fn new(seconds: u32) -> Option<Self> {
        if seconds <= Self::MAX.0 { Some(Self(seconds)) } else { None }
    }

    /// The number of seconds.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// What a kernel with slow ticks holds may be longer than what every kernel can hold.
    pub(crate) const fn from_kernel(seconds: u32) -> Self {
        Self(seconds)
    }
}

impl From<u16> for Seconds {
    fn from(seconds: u16) -> Self {
        Self(seconds.into())
    }
}

/// An IPv6 prefix length, 1 to 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PrefixLen(u8);

impl PrefixLen {
    /// One address.
    pub const HOST: Self = Self(128);

    /// A prefix length of 1 to 128.
    pub const fn new(len: u8) -> Option<Self> {
        if len >= 1 && len <= 128 { Some(Self(len)) } else { None }
    }

    /// The length in bits.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for PrefixLen {
    type Error = Invalid;
    fn try_from(len: u8) -> Result<Self, Invalid> {
        Self::new(len).ok_or_else(|| Invalid::new("prefix length", len, "must be 1 to 128"))
    }
}

impl From<PrefixLen> for u8 {
    fn from(len: PrefixLen) -> Self {
        len.0
    }
}

/// Which clients share one persistence entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Granularity {
    /// Those equal under this IPv4 mask.
    Mask(Ipv4Addr),
    /// Those of one IPv6 prefix of this length.
    Prefix(PrefixLen),
}

impl Granularity {
    /// Every client for itself.
    pub const fn host(family: Family) -> Self {
        match family {
            Family::V4 => Self::Mask(Ipv4Addr::BROADCAST),
            Family::V6 => Self::Prefix(PrefixLen::HOST),
        }
    }

    /// The family it belongs to.
    pub const fn family(self) -> Family {
        match self {
            Self::Mask(_) => Family::V4,
            Self::Prefix(_) => Family::V6,
        }
    }
}

/// A client keeps the server it was given first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Persistence {
    /// How long a client is remembered after its last connection.
    pub timeout: Seconds,
    /// Which clients count as one.
    pub granularity: Granularity,
    /// What tells clients apart beyond their address.
    pub engine: Option<Engine>,
}

/// A virtual service. Its persistence always fits its family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "ServiceParts", into = "ServiceParts")]
pub struct Service {
    key: ServiceKey,
    scheduler: Scheduler,
    flags: ServiceFlags,
    persistence: Option<Persistence>,
}

impl Service {
    /// A service without options.
    pub const fn new(key: ServiceKey, scheduler: Scheduler) -> Self {
        Self { key, scheduler, flags: ServiceFlags::NONE, persistence: None }
    }

    /// The same with these options instead of what it had.
    #[must_use]
    pub fn with_flags(self, flags: ServiceFlags) -> Self {
        Self { flags, ..self }
    }

    /// The same with another scheduler.
    #[must_use]
    pub fn with_scheduler(self, scheduler: Scheduler) -> Self {
        Self { scheduler, ..self }
    }

    /// The same without persistence.
    #[must_use]
    pub fn without_persistence(self) -> Self {
        Self { persistence: None, ..self }
    }

    /// The same with persistence per client address.
    #[must_use]
    pub fn persistent(self, timeout: Seconds) -> Self {
        let granularity = Granularity::host(self.key.family());
        Self { persistence: Some(Persistence { timeout, granularity, engine: None }), ..self }
    }

    /// The same with this persistence.
    ///
    /// # Errors
    /// When the granularity is of the other address family.
    pub fn with_persistence(self, persistence: Persistence) -> Result<Self, Invalid> {
        if persistence.granularity.family() != self.key.family() {
            let value = format!("{:?}", persistence.granularity);
            return Err(Invalid::new("granularity", value, "must be of the service's address family"));
        }
        Ok(Self { persistence: Some(persistence), ..self })
    }

    /// What it answers to.
    pub const fn key(&self) -> &ServiceKey {
        &self.key
    }

    /// How it chooses.
    pub const fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Its options.
    pub const fn flags(&self) -> ServiceFlags {
        self.flags
    }

    /// Its persistence, if it has some.
    pub const fn persistence(&self) -> Option<&Persistence> {
        self.persistence.as_ref()
    }
}

/// A service on its way in from elsewhere, not yet known to be consistent.
#[derive(Serialize, Deserialize)]
struct ServiceParts {
    key: ServiceKey,
    scheduler: Scheduler,
    flags: ServiceFlags,
    persistence: Option<Persistence>,
}

impl TryFrom<ServiceParts> for Service {
    type Error = Invalid;
    fn try_from(parts: ServiceParts) -> Result<Self, Invalid> {
        let service = Self::new(parts.key, parts.scheduler).with_flags(parts.flags);
        match parts.persistence {
            Some(persistence) => service.with_persistence(persistence),
            None => Ok(service),
        }
    }
}

impl From<Service> for ServiceParts {
    fn from(service: Service) -> Self {
        let Service { key, scheduler, flags, persistence } = service;
        Self { key, scheduler, flags, persistence }
    }
}
