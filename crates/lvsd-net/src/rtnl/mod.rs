//! Routing netlink: links, addresses, routes and rules, read, changed and watched.
//!
//! Requests are built with `netlink-packet-route` and sent on a plain blocking socket, several per send: an address is on
//! its interface a few microseconds after the decision. Replies and notifications are read by a decoder of our own
//! ([`decode`]) that takes only what lvsd needs and skips what it does not understand.

pub(crate) mod decode;
mod decode_routing;
mod encode;
mod encode_routing;
mod link;
mod monitor;
mod request;
mod routing;

pub use link::{LinkChange, LinkKind, NewLink, NewLinkKind};
pub use monitor::{Monitor, MonitorEvent, RoutingEvent, RoutingMonitor};
pub use request::{AddressChange, Rtnl, RtnlError};
pub use routing::{NoInterface, RouteEntry, RouteSpec, RoutingChange, same_rule};

use std::net::{IpAddr, Ipv4Addr};

use lvsd_model::{AddressFlags, AddressScope, Broadcast, PreferredLifetime, VirtualAddress};

use crate::Mac;

/// What `IFA_PROTO` says of addresses that a VRRP daemon set; the number that tools already know for that purpose.
pub const IFA_PROTO_VRRP: u8 = 18;

/// A network interface, as the kernel describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its index; never reused while it exists.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its Ethernet address, if it has one.
    pub mac: Option<Mac>,
    /// Administratively up.
    pub up: bool,
    /// Operationally up: a carrier, a lower device that is up.
    pub running: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// It does no address resolution.
    pub no_arp: bool,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// The routing table of a VRF device.
    pub vrf_table: Option<u32>,
    /// What it is.
    pub kind: LinkKind,
    /// Index of the interface that it sits on, if that is in the same network namespace.
    pub base: Option<u32>,
    /// Index of its master: a bridge, a bond, a VRF.
    pub master: Option<u32>,
    /// Its group.
    pub group: u32,
}

/// What identifies an address on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey {
    /// Index of its interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix_len: u8,
}

/// An address that the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressEntry {
    /// Which.
    pub key: AddressKey,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// `IFA_F_*` flags.
    pub flags: u32,
    /// Its scope.
    pub scope: AddressScope,
    /// Who set it, if that was said: see [`IFA_PROTO_VRRP`].
    pub protocol: Option<u8>,
}

impl AddressEntry {
    /// Whether packets can leave from it: IPv6 addresses cannot while duplicates are being looked for.
    #[must_use]
    pub const fn usable(&self) -> bool {
        self.flags & (libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED) == 0
    }

    /// Whether it is a secondary IPv4 address: one in the subnet of an earlier one.
    #[must_use]
    pub const fn secondary(&self) -> bool {
        matches!(self.key.address, IpAddr::V4(_)) && self.flags & libc::IFA_F_SECONDARY != 0
    }

    /// Whether it is an IPv6 link-local address.
    #[must_use]
    pub const fn link_local(&self) -> bool {
        matches!(self.key.address, IpAddr::V6(address) if address.is_unicast_link_local())
    }
}

/// An address to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSpec {
    /// Which, and where.
    pub key: AddressKey,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// IPv4 broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4 label.
    pub label: Option<String>,
    /// Its scope.
    pub scope: AddressScope,
    /// No route to its prefix.
    pub no_prefix_route: bool,
    /// Preferred lifetime; it is valid for ever.
    pub preferred: PreferredLifetime,
    /// IPv6: it is usable at once, without looking for duplicates. Two routers may hold a virtual address for an instant, and
    /// detection would leave it unusable.
    pub no_dad: bool,
    /// Rarer flags.
    pub flags: AddressFlags,
}

impl AddressSpec {
    /// The address that a configuration line means on the interface with index `interface`.
    #[must_use]
    pub fn new(line: &VirtualAddress, interface: u32) -> Self {
        let key = AddressKey { interface, address: line.address, prefix_len: line.prefix_len };
        let broadcast = match (line.broadcast, line.address) {
            (Broadcast::Address(address), IpAddr::V4(_)) => Some(address),
            (Broadcast::AllOnes, IpAddr::V4(address)) => Some(last_of(address, line.prefix_len)),
            _ => None,
        };
        Self {
            key,
            peer: line.peer,
            broadcast,
            label: line.label.clone().filter(|_| line.address.is_ipv4()),
            scope: line.scope.unwrap_or_else(|| default_scope(line.address)),
            no_prefix_route: line.no_prefix_route,
            preferred: line.preferred,
            no_dad: line.no_dad,
            flags: line.flags,
        }
    }
}

/// The address of a subnet with all host bits one.
const fn last_of(address: Ipv4Addr, prefix_len: u8) -> Ipv4Addr {
    let hosts = match u32::MAX.checked_shr(prefix_len as u32) {
        Some(hosts) => hosts,
        None => 0,
    };
    Ipv4Addr::from_bits(address.to_bits() | hosts)
}

const fn default_scope(address: IpAddr) -> AddressScope {
    match address {
        IpAddr::V4(address) if address.is_link_local() => AddressScope::LINK,
        IpAddr::V6(address) if address.is_unicast_link_local() => AddressScope::LINK,
        _ => AddressScope::GLOBAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ones_is_the_last_address_of_the_subnet() {
        let address = Ipv4Addr::new(10, 9, 3, 4);
        assert_eq!(last_of(address, 24), Ipv4Addr::new(10, 9, 3, 255));
        assert_eq!(last_of(address, 32), address);
        assert_eq!(last_of(address, 0), Ipv4Addr::BROADCAST);
    }
}
