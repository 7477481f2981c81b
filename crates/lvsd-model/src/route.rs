//! Routes, of `virtual_routes` and `static_routes`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::units::{Family, InterfaceName};

/// A network: an address whose host bits are zero, and how many bits are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The network that an address lies in; `None` when the family has no such length. Host bits are dropped.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(address) if len <= 32 => {
                let hosts = u32::MAX.checked_shr(len.into()).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & !hosts).into()
            }
            IpAddr::V6(address) if len <= 128 => {
                let hosts = u128::MAX.checked_shr(len.into()).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & !hosts).into()
            }
            _ => return None,
        };
        Some(Self { address, len })
    }

    /// Everything.
    #[must_use]
    pub const fn default_of(family: Family) -> Self {
        let address = match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, len: 0 }
    }

    /// Its first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of the network.
    #[must_use]
    pub const fn len(self) -> u8 {
        self.len
    }

    /// Whether it is everything.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Its family.
    #[must_use]
    pub const fn family(self) -> Family {
        Family::of(self.address)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

/// What becomes of packets to the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RouteKind {
    /// They are sent on.
    #[default]
    Unicast,
    /// They are ours.
    Local,
    /// They are ours, sent as broadcasts.
    Broadcast,
    /// They are ours, received as broadcasts, but sent as unicasts.
    Anycast,
    /// They go to a group.
    Multicast,
    /// They are dropped.
    Blackhole,
    /// They are refused: host unreachable.
    Unreachable,
    /// They are refused: administratively prohibited.
    Prohibit,
    /// The lookup goes on with the next rule.
    Throw,
}

impl RouteKind {
    /// Every kind with its word.
    pub const ALL: [(&str, Self); 10] = [
        ("unicast", Self::Unicast),
        ("local", Self::Local),
        ("broadcast", Self::Broadcast),
        ("brd", Self::Broadcast),
        ("anycast", Self::Anycast),
        ("multicast", Self::Multicast),
        ("blackhole", Self::Blackhole),
        ("unreachable", Self::Unreachable),
        ("prohibit", Self::Prohibit),
        ("throw", Self::Throw),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("unicast", |(word, _)| word)
    }

    /// Whether there is somewhere that packets go.
    #[must_use]
    pub const fn has_hops(self) -> bool {
        matches!(self, Self::Unicast | Self::Local | Self::Broadcast | Self::Anycast | Self::Multicast)
    }
}

/// Where a route is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RouteTable {
    /// `table`: its number; never 0.
    Number(u32),
    /// `vrf`: the table of that VRF device.
    Vrf(InterfaceName),
}

impl RouteTable {
    /// RT_TABLE_MAIN.
    pub const MAIN: Self = Self::Number(254);
}

/// `realms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Realms {
    /// Realm of the source; 0 for none.
    pub source: u16,
    /// Realm of the destination.
    pub destination: u16,
}

impl fmt::Display for Realms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source != 0 {
            write!(f, "{}/", self.source)?;
        }
        write!(f, "{}", self.destination)
    }
}

/// `encap`: what packets are wrapped in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Encap {
    /// `encap ip` and `encap ip6`.
    Ip(TunnelHeader),
    /// `encap mpls`: labels of 20 bits, outermost first, at least one, and the TTL.
    Mpls(Vec<u32>, Option<u8>),
    /// `encap ila`: the locator.
    Ila(u64),
}

/// The outer header of `encap ip` and `encap ip6`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TunnelHeader {
    /// Of the outer packet.
    pub family: Family,
    /// `id`: tunnel key.
    pub id: Option<u64>,
    /// `dst`, of [`TunnelHeader::family`].
    pub destination: Option<IpAddr>,
    /// `src`, of [`TunnelHeader::family`].
    pub source: Option<IpAddr>,
    /// `ttl`, `hoplimit`.
    pub ttl: Option<u8>,
    /// `tos`, `tc`.
    pub tos: Option<u8>,
}

/// One way to the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hop {
    /// `via`; of the other family only for IPv4 by IPv6.
    pub gateway: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<InterfaceName>,
    /// `onlink`: the gateway is reachable whatever the routes say.
    pub onlink: bool,
    /// `encap`.
    pub encap: Option<Encap>,
    /// `realms`; IPv4 only.
    pub realms: Option<Realms>,
}

/// The ways to the destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Hops {
    /// One, or nothing at all for the kinds that send nothing.
    One(Hop),
    /// `nexthop`: several, each with its weight less one (as the kernel counts it).
    Many(Vec<(Hop, u8)>),
}

impl Hops {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Hop> {
        let (one, many) = match self {
            Self::One(hop) => (Some(hop), &[][..]),
            Self::Many(hops) => (None, hops.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|(hop, _)| hop))
    }
}

/// A number that a route gives to connections over it, named as `RTAX_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "each is the RTAX_ constant of its name")]
pub enum Metric {
    Mtu = 2,
    Window = 3,
    /// In eighths of a millisecond.
    Rtt = 4,
    /// In quarters of a millisecond.
    RttVar = 5,
    SsThresh = 6,
    Cwnd = 7,
    AdvMss = 8,
    Reordering = 9,
    HopLimit = 10,
    InitCwnd = 11,
    /// Bit 0: ECN.
    Features = 12,
    /// In milliseconds.
    RtoMin = 13,
    InitRwnd = 14,
    QuickAck = 15,
    FastopenNoCookie = 17,
}

/// Everything of [`Metric`] that a route sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Metrics {
    /// The numbers.
    pub values: BTreeMap<Metric, u32>,
    /// `lock`: those that the kernel must not change.
    pub locked: BTreeSet<Metric>,
    /// `congctl`: congestion control, under 16 bytes, and whether it is locked.
    pub congestion: Option<(String, bool)>,
}

/// `pref`: of an IPv6 route (RFC 4191).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RouterPreference {
    /// 3.
    Low,
    /// 0.
    Medium,
    /// 1.
    High,
}

/// What happens to a route that has the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Placement {
    /// It is replaced.
    #[default]
    Replace,
    /// `add`: it stays, and ours is refused.
    Add,
    /// `append`: it stays, and goes before ours.
    Append,
    /// `prepend`: it stays, and goes behind ours.
    Prepend,
}

/// A line of `virtual_routes` or `static_routes`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Route {
    /// What becomes of the packets.
    pub kind: RouteKind,
    /// Where they go; its family is the route's.
    pub destination: Prefix,
    /// `from`: where they come from; IPv6 only.
    pub source: Option<Prefix>,
    /// `tos`; IPv4 only.
    pub tos: u8,
    /// `table`, `vrf`.
    pub table: RouteTable,
    /// `metric`; the kernel's default (0, for IPv6 1024) when absent.
    pub metric: Option<u32>,
    /// `protocol`: who it belongs to; [`Route::PROTOCOL`] unless untracked.
    pub protocol: u8,
    /// `scope`; IPv4 only.
    pub scope: u8,
    /// `src`.
    pub preferred_source: Option<IpAddr>,
    /// The ways there.
    pub hops: Hops,
    /// Numbers for connections.
    pub metrics: Metrics,
    /// `expires`, in seconds; IPv6 only.
    pub expires: Option<u32>,
    /// `pref`; IPv6 only.
    pub preference: Option<RouterPreference>,
    /// `ttl-propagate`.
    pub ttl_propagate: Option<bool>,
    /// `add`, `append`, `prepend`.
    pub placement: Placement,
    /// `no_track`: neither its deletion nor the state of its interfaces matters.
    pub no_track: bool,
}

impl Route {
    /// RTPROT_KEEPALIVED, by which routing tools know the routes of VRRP daemons.
    pub const PROTOCOL: u8 = 18;

    /// IPv4 or IPv6.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.destination.family()
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != RouteKind::Unicast {
            write!(f, "{} ", self.kind.word())?;
        }
        write!(f, "{}", self.destination)?;
        if let Some(source) = self.source {
            write!(f, " from {source}")?;
        }
        match &self.hops {
            Hops::One(hop) => write!(f, "{hop}")?,
            Hops::Many(hops) => {
                for (hop, weight) in hops {
                    write!(f, " nexthop{hop} weight {}", u16::from(*weight) + 1)?;
                }
            }
        }
        match &self.table {
            table if *table == RouteTable::MAIN => {}
            RouteTable::Number(table) => write!(f, " table {table}")?,
            RouteTable::Vrf(name) => write!(f, " vrf {name}")?,
        }
        if let Some(source) = self.preferred_source {
            write!(f, " src {source}")?;
        }
        if self.tos != 0 {
            write!(f, " tos {:#04x}", self.tos)?;
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        if let Some(interface) = &self.interface {
            write!(f, " dev {interface}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_no_host_bits() {
        let prefix = |text: &str, len| Prefix::new(text.parse().expect("an address"), len);
        assert_eq!(prefix("10.64.3.1", 16).map(|prefix| prefix.to_string()).as_deref(), Some("10.64.0.0/16"));
        assert_eq!(prefix("10.64.3.1", 32).map(Prefix::address), "10.64.3.1".parse().ok());
        assert_eq!(prefix("fd00::1", 0), Some(Prefix::default_of(Family::V6)));
        assert_eq!((prefix("10.0.0.1", 33), prefix("fd00::1", 129)), (None, None));
    }
}
