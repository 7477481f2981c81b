//! Interfaces that the VRRP process makes for itself: VMACs (macvlan) and ipvlans; and the rules of the firewall that go with
//! them.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::units::{Family, InterfaceName, Vrid};

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// The address of a virtual router (RFC 9568 §7.3).
    #[must_use]
    pub const fn virtual_router(family: Family, vrid: Vrid) -> Self {
        let kind = match family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        Self([0x00, 0x00, 0x5e, 0x00, kind, vrid.get()])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// How the ipvlans of one interface see each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum IpvlanFlag {
    /// They can talk to each other.
    #[default]
    Bridge,
    /// They cannot.
    Private,
    /// Only by way of the switch.
    Vepa,
}

/// What sort of interface it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum VirtualLinkKind {
    /// A macvlan in mode private.
    Vmac {
        /// Its Ethernet address.
        mac: MacAddress,
    },
    /// An ipvlan in mode L2. It has the Ethernet address of its base.
    Ipvlan {
        /// How it sees its siblings.
        flag: IpvlanFlag,
        /// Its own address with the length of its prefix; adverts leave from it. IPv4 needs one.
        address: Option<(IpAddr, u8)>,
    },
}

/// An interface that exists for as long as an instance is configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VirtualLink {
    /// Its name, unique within the configuration.
    pub name: InterfaceName,
    /// The interface it sits on.
    pub base: InterfaceName,
    /// What it is.
    pub kind: VirtualLinkKind,
    /// `group`: its interface group; that of the base when absent.
    pub group: Option<u32>,
    /// The family that it is for.
    pub family: Family,
    /// Addresses of IPv6 are wanted on it; otherwise IPv6 is switched off there.
    pub carries_ipv6: bool,
}

impl VirtualLink {
    /// Whether it is a macvlan.
    #[must_use]
    pub const fn is_vmac(&self) -> bool {
        matches!(self.kind, VirtualLinkKind::Vmac { .. })
    }
}

/// Which interface adverts leave and come in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AdvertsBy {
    /// The virtual one.
    Link,
    /// The base (`vmac_xmit_base`).
    Base,
}

/// `use_vmac`, `use_ipvlan`: the interface that the instance lives on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnLink {
    /// It.
    pub link: VirtualLink,
    /// Where adverts go.
    pub adverts: AdvertsBy,
}

/// What becomes of packets to and from virtual addresses while the instance is MASTER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Accept {
    /// `accept`: this host answers on them.
    #[default]
    Everything,
    /// `no_accept`, or strict mode: nothing but ARP and neighbour discovery, unless the router owns the addresses (RFC 9568
    /// §6.1, Accept_Mode).
    Nothing,
}

/// The table of nftables that the VRRP process keeps when one of its instances needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Firewall {
    /// `nftables`: its name.
    pub table: String,
    /// `nftables_priority`: priority of its chains, relative to the usual filters.
    pub priority: i32,
    /// `nftables_counters`: rules count what they match.
    pub counters: bool,
}

impl Default for Firewall {
    fn default() -> Self {
        Self { table: "lvsd".to_owned(), priority: -1, counters: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_router_has_the_address_of_the_rfc() {
        let vrid = Vrid::new(51).expect("in range");
        assert_eq!(MacAddress::virtual_router(Family::V4, vrid).to_string(), "00:00:5e:00:01:33");
        assert_eq!(MacAddress::virtual_router(Family::V6, vrid).to_string(), "00:00:5e:00:02:33");
    }
}
