//! `ha_suspend`: who does not hold the addresses of a service has no use for what its checks find.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lvsd_model::{Endpoint, VirtualServer};

/// Whether the checks of a service are to rest while this host holds these addresses; `None`: it is not known which. A service
/// without an address of its own, such as a mark, is held by everybody.
pub(crate) fn suspends(config: &VirtualServer, held: Option<&BTreeSet<IpAddr>>) -> bool {
    let Some(held) = held.filter(|_| config.suspend) else { return false };
    let mut addresses = config.endpoints.iter().filter_map(address).peekable();
    addresses.peek().is_some() && !addresses.any(|address| held.contains(&address))
}

const fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    match endpoint {
        Endpoint::Address(address) => Some(address.ip()),
        Endpoint::Fwmark { .. } => None,
    }
}
