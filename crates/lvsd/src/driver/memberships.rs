//! Being a member of the multicast groups of the VRRP process, so that its death alone is not taken for that of the whole family.
//!
//! When the last socket of a host in a group is closed, the kernel says so on the LAN, and routers there believe a silent master to
//! be gone after one missed advert (`vrrp_leave_detection`). The same when it denies a router that asks that a socket takes VRRP
//! (`vrrp_master_inquiry`). A VRRP process that dies is replaced within moments, so while this one lives, the host stays a member,
//! and a socket takes VRRP.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use lvsd_model::{Family, Instance, InterfaceName, Transport, VrrpConfig};
use nix::net::if_::if_nametoindex;

/// How often interfaces that came, went or became other ones are followed.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

type Place = (InterfaceName, IpAddr);

/// The memberships that are held, each with the interface's index and the socket that holds it.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    wanted: BTreeSet<Place>,
    held: BTreeMap<Place, (u32, OwnedFd)>,
    protocols: BTreeMap<Family, OwnedFd>,
}

impl Memberships {
    /// Takes a new configuration: those of its multicast instances are wanted, no others.
    pub(super) fn want(&mut self, config: &VrrpConfig) {
        self.wanted = config.instances.iter().flat_map(places).collect();
        self.hold_protocols(config);
        self.follow();
    }

    fn hold_protocols(&mut self, config: &VrrpConfig) {
        let families: BTreeSet<_> = config.instances.iter().map(|instance| instance.family).collect();
        self.protocols.retain(|family, _| families.contains(family));
        for family in families {
            if let Entry::Vacant(vacant) = self.protocols.entry(family) {
                match lvsd_net::hold_protocol(family) {
                    Ok(socket) => drop(vacant.insert(socket)),
                    Err(error) => tracing::debug!(?family, %error, "the protocol is not held"),
                }
            }
        }
    }

    /// Joins where an interface is another one than before. What cannot be joined is tried again the next time: without it, the
    /// death of a VRRP process may move its addresses to the peer, as it always does where nothing holds the membership.
    pub(super) fn follow(&mut self) {
        self.held.retain(|place, _| self.wanted.contains(place));
        for place in &self.wanted {
            let (interface, group) = place;
            let Ok(index) = if_nametoindex(interface.as_str()) else {
                self.held.remove(place);
                continue;
            };
            if self.held.get(place).is_some_and(|(held, _)| *held == index) {
                continue;
            }
            match lvsd_net::hold_membership(*group, index) {
                Ok(socket) => {
                    self.held.insert(place.clone(), (index, socket));
                }
                Err(error) => tracing::debug!(%interface, %group, %error, "no membership"),
            }
        }
    }
}

/// On each interface the group of the instance's adverts.
fn places(instance: &Instance) -> impl Iterator<Item = Place> + '_ {
    let group = match instance.transport {
        Transport::Multicast { group } => Some(group),
        Transport::Unicast { .. } => None,
    };
    instance.perch().memberships().filter_map(move |interface| Some((interface.clone(), group?)))
}
