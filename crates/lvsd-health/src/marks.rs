//! `nftables_ipvs`: which mark stands for the addresses of which group.
//!
//! A mark stays with its service as long as there is one, over reloads and, by [`Marks::to_text`], over the end of the process: another
//! mark would be another service to the kernel, and new connections would be lost in between.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use ipvs::ServiceKey;
use lvsd_model::{Endpoint, Family, Marking, Protocol, VirtualServer};

use crate::table::service_key;

/// What has one mark.
type Holder = (String, Protocol, Family);

/// The marks that are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(BTreeMap<Holder, NonZeroU32>);

/// Packets to an address, and the mark that they get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marked {
    /// Where they go to; port 0 is every port.
    pub address: SocketAddr,
    /// By which protocol.
    pub protocol: Protocol,
    /// The mark.
    pub mark: NonZeroU32,
}

impl Marks {
    /// Gives marks to the groups of a configuration: those that have one keep it, if it may still be theirs. Without `marking`
    /// there are none.
    pub fn assign(&mut self, marking: Option<&Marking>, services: &[Arc<VirtualServer>]) {
        let mut before = std::mem::take(&mut self.0);
        let Some(marking) = marking else { return };
        let endpoints = services.iter().flat_map(|service| &service.endpoints);
        let mut taken: BTreeSet<NonZeroU32> = endpoints.filter_map(mark).collect();
        before.retain(|_, mark| *mark >= marking.first && !taken.contains(mark));
        let wanted: BTreeSet<Holder> = services.iter().flat_map(|service| holders(service)).collect();
        let mut new = Vec::new();
        for holder in wanted {
            match before.remove(&holder).filter(|mark| taken.insert(*mark)) {
                Some(mark) => drop(self.0.insert(holder, mark)),
                None => new.push(holder),
            }
        }
        let mut next = Some(marking.first);
        for holder in new {
            while next.is_some_and(|mark| taken.contains(&mark)) {
                next = next.and_then(|mark| mark.checked_add(1));
            }
            // Without a mark left it keeps its addresses.
            let Some(mark) = next else { return };
            taken.insert(mark);
            self.0.insert(holder, mark);
        }
    }

    /// The kernel's keys of a service.
    #[must_use]
    pub fn keys(&self, service: &VirtualServer) -> Vec<ServiceKey> {
        let mut keys = Vec::with_capacity(service.endpoints.len());
        // The addresses of a family have one mark.
        let mut marked = BTreeSet::new();
        for endpoint in &service.endpoints {
            let endpoint = match self.of(service, endpoint) {
                Some(_) if !marked.insert(endpoint.family()) => continue,
                Some(mark) => Endpoint::Fwmark { mark, family: endpoint.family() },
                None => *endpoint,
            };
            keys.push(service_key(&endpoint, service.protocol));
        }
        keys
    }

    /// What has to be marked.
    #[must_use]
    pub fn marked(&self, services: &[Arc<VirtualServer>]) -> BTreeSet<Marked> {
        let mut all = BTreeSet::new();
        for service in services.iter().filter(|_| !self.0.is_empty()) {
            for endpoint in &service.endpoints {
                if let (Endpoint::Address(address), Some(mark)) = (endpoint, self.of(service, endpoint)) {
                    all.insert(Marked { address: *address, protocol: service.protocol, mark });
                }
            }
        }
        all
    }

    fn of(&self, service: &VirtualServer, endpoint: &Endpoint) -> Option<NonZeroU32> {
        if self.0.is_empty() || !service.is_group() || mark(endpoint).is_some() {
            return None;
        }
        self.0.get(&(service.name.clone(), service.protocol, endpoint.family())).copied()
    }

    /// As lines `mark family protocol group`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let line = |((name, protocol, family), mark): (&Holder, &NonZeroU32)| {
            format!("{mark} {family} {} {name}\n", protocol.name())
        };
        self.0.iter().map(line).collect()
    }

    /// What can be read of such lines.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.lines().filter_map(parse).collect())
    }
}

fn parse(line: &str) -> Option<(Holder, NonZeroU32)> {
    let mut words = line.splitn(4, ' ');
    let mark = words.next()?.parse().ok()?;
    let (family, protocol, name) = (words.next()?, words.next()?, words.next()?);
    let family = [Family::V4, Family::V6].into_iter().find(|one| one.to_string() == family)?;
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    let protocol = protocols.into_iter().find(|one| one.name() == protocol)?;
    Some(((name.to_owned(), protocol, family), mark))
}

const fn mark(endpoint: &Endpoint) -> Option<NonZeroU32> {
    match endpoint {
        Endpoint::Address(_) => None,
        Endpoint::Fwmark { mark, .. } => Some(*mark),
    }
}

/// What of a service gets a mark: the addresses of a group, those of each family one.
fn holders(service: &VirtualServer) -> impl Iterator<Item = Holder> + '_ {
    let addresses = service.endpoints.iter().filter(|endpoint| mark(endpoint).is_none());
    let families: BTreeSet<Family> = addresses.filter(|_| service.is_group()).map(Endpoint::family).collect();
    families.into_iter().map(|family| (service.name.clone(), service.protocol, family))
}
