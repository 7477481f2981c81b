//! The links and addresses that the kernel has, and what of them the election has to know.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use lvsd_model::{AddressScope, Family, InterfaceName};
use lvsd_net::{AddressEntry, AddressKey, Device, Link};
use lvsd_vrrp::{LinkState, Presence};

/// Something about the world that the election is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// An interface.
    Link {
        /// Its name.
        name: InterfaceName,
        /// `None` when it does not exist.
        device: Option<Device>,
        /// Whether it can carry traffic.
        state: LinkState,
    },
    /// The address that adverts leave from when none is configured.
    Source {
        /// The interface.
        interface: InterfaceName,
        /// The family.
        family: Family,
        /// `None` when it has none.
        address: Option<IpAddr>,
    },
    /// Whether an address is there that some instance wants to send from.
    Presence {
        /// It.
        address: IpAddr,
        /// Whether.
        presence: Presence,
    },
}

/// How well an address serves as the source of adverts; the least is taken.
type Rank = (bool, u8, u64);

/// A copy of the kernel's tables, kept by its notifications.
#[derive(Debug, Default)]
pub(crate) struct Table {
    links: BTreeMap<u32, Link>,
    names: HashMap<String, u32>,
    addresses: HashMap<AddressKey, (u64, AddressEntry)>,
    /// Grows with every new address: their order is the kernel's.
    order: u64,
    told_links: HashMap<InterfaceName, (Device, LinkState)>,
    told_sources: HashMap<(InterfaceName, Family), IpAddr>,
    /// `track_src_ip`: each address with the interface that it is to be on, or anywhere.
    tracked: BTreeSet<(IpAddr, Option<InterfaceName>)>,
    told_present: BTreeSet<IpAddr>,
}

impl Table {
    /// Forgets everything and takes a dump instead.
    pub(crate) fn replace(&mut self, links: Vec<Link>, addresses: Vec<AddressEntry>) {
        self.links.clear();
        self.names.clear();
        self.addresses.clear();
        links.into_iter().for_each(|link| self.set_link(link));
        addresses.into_iter().for_each(|entry| self.set_address(entry));
    }

    /// A link is new or changed.
    pub(crate) fn set_link(&mut self, link: Link) {
        self.forget_name(link.index);
        self.names.insert(link.name.clone(), link.index);
        self.links.insert(link.index, link);
    }

    /// Names can be exchanged between links: another one may have this one's by now.
    fn forget_name(&mut self, index: u32) {
        if let Some(before) = self.links.get(&index)
            && self.names.get(&before.name) == Some(&index)
        {
            self.names.remove(&before.name);
        }
    }

    /// A link is gone, and its addresses with it.
    pub(crate) fn remove_link(&mut self, index: u32) {
        self.forget_name(index);
        self.links.remove(&index);
        self.addresses.retain(|key, _| key.interface != index);
    }

    /// An address is new or changed.
    pub(crate) fn set_address(&mut self, entry: AddressEntry) {
        self.order += 1;
        let order = self.addresses.get(&entry.key).map_or(self.order, |(order, _)| *order);
        self.addresses.insert(entry.key, (order, entry));
    }

    /// An address is gone.
    pub(crate) fn remove_address(&mut self, key: &AddressKey) {
        self.addresses.remove(key);
    }

    /// The link of that name.
    pub(crate) fn link(&self, name: &str) -> Option<&Link> {
        self.names.get(name).and_then(|index| self.links.get(index))
    }

    /// The link of that index.
    pub(crate) fn link_at(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// Whether the address is there.
    pub(crate) fn has(&self, key: &AddressKey) -> bool {
        self.addresses.contains_key(key)
    }

    /// Whether the interface has the address, with whatever prefix.
    pub(crate) fn has_ip(&self, interface: u32, address: IpAddr) -> bool {
        self.addresses.keys().any(|key| (key.interface, key.address) == (interface, address))
    }

    /// All links.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// All addresses.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &AddressEntry> {
        self.addresses.values().map(|(_, entry)| entry)
    }

    /// What has changed since the last call, for the election. `ours` says which addresses are virtual ones, which are never
    /// the source of an advert; `unfit` which links nobody is to use.
    pub(crate) fn news(
        &mut self,
        ours: impl Fn(&AddressEntry) -> bool,
        unfit: impl Fn(&Link) -> bool,
    ) -> Vec<Fact> {
        let mut news = Vec::new();
        self.link_news(unfit, &mut news);
        self.source_news(ours, &mut news);
        self.presence_news(&mut news);
        news
    }

    /// Takes the addresses that are tracked by `track_src_ip`.
    pub(crate) fn track(&mut self, tracked: BTreeSet<(IpAddr, Option<InterfaceName>)>) {
        self.tracked = tracked;
    }

    fn presence_news(&mut self, news: &mut Vec<Fact>) {
        if self.tracked.is_empty() && self.told_present.is_empty() {
            return;
        }
        let there = |(address, on): &&(IpAddr, Option<InterfaceName>)| {
            let index = on.as_ref().map(|name| self.link(name.as_str()).map(|link| link.index));
            let fits = |entry: &AddressEntry| index.is_none_or(|index| index == Some(entry.key.interface));
            self.addresses().any(|entry| entry.key.address == *address && entry.usable() && fits(entry))
        };
        let now: BTreeSet<IpAddr> = self.tracked.iter().filter(there).map(|(address, _)| *address).collect();
        let fact = |address: &IpAddr, presence| Fact::Presence { address: *address, presence };
        news.extend(self.told_present.difference(&now).map(|address| fact(address, Presence::Gone)));
        news.extend(now.difference(&self.told_present).map(|address| fact(address, Presence::There)));
        self.told_present = now;
    }

    fn link_news(&mut self, unfit: impl Fn(&Link) -> bool, news: &mut Vec<Fact>) {
        let now: HashMap<InterfaceName, (Device, LinkState)> = self
            .links
            .values()
            .filter(|link| !unfit(link))
            .filter_map(|link| {
                let state = if link.up && link.running { LinkState::Up } else { LinkState::Down };
                let device = Device { index: link.index, name: link.name.clone() };
                Some((InterfaceName::new(&link.name)?, (device, state)))
            })
            .collect();
        let gone = self.told_links.keys().filter(|name| !now.contains_key(*name));
        news.extend(gone.map(|name| Fact::Link { name: name.clone(), device: None, state: LinkState::Down }));
        let changed = now.iter().filter(|(name, link)| self.told_links.get(*name) != Some(*link));
        news.extend(changed.map(|(name, (device, state))| Fact::Link {
            name: name.clone(),
            device: Some(device.clone()),
            state: *state,
        }));
        self.told_links = now;
    }

    fn source_news(&mut self, ours: impl Fn(&AddressEntry) -> bool, news: &mut Vec<Fact>) {
        let mut best: HashMap<(u32, Family), (Rank, IpAddr)> = HashMap::new();
        for (order, entry) in self.addresses.values() {
            let Some(rank) = rank(entry, *order).filter(|_| !ours(entry)) else { continue };
            let candidate = (rank, entry.key.address);
            let place = best.entry((entry.key.interface, Family::of(entry.key.address))).or_insert(candidate);
            *place = candidate.min(*place);
        }
        let named = |((index, family), (_, address))| {
            let name = InterfaceName::new(&self.links.get(&index)?.name)?;
            Some(((name, family), address))
        };
        let now: HashMap<(InterfaceName, Family), IpAddr> = best.into_iter().filter_map(named).collect();
        let fact = |(interface, family): &(InterfaceName, Family), address| Fact::Source {
            interface: interface.clone(),
            family: *family,
            address,
        };
        let gone = self.told_sources.keys().filter(|key| !now.contains_key(*key));
        news.extend(gone.map(|key| fact(key, None)));
        let changed = now.iter().filter(|(key, address)| self.told_sources.get(*key) != Some(*address));
        news.extend(changed.map(|(key, address)| fact(key, Some(*address))));
        self.told_sources = now;
    }
}

/// IPv4 adverts leave from the first primary address of wide scope, IPv6 ones from the link-local address (RFC 9568
/// §5.1.1.1, §5.1.2.1). `None` for what cannot be one.
fn rank(entry: &AddressEntry, order: u64) -> Option<Rank> {
    let fits = match entry.key.address {
        IpAddr::V4(_) => entry.scope != AddressScope::HOST,
        IpAddr::V6(_) => entry.link_local(),
    };
    (fits && entry.usable()).then(|| (entry.secondary(), entry.scope.0, order))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, running: bool) -> Link {
        Link { index, name: name.to_owned(), up: true, running, mtu: 1500, ..Link::default() }
    }

    fn address(interface: u32, text: &str, protocol: Option<u8>) -> AddressEntry {
        let address: IpAddr = text.parse().expect("an address");
        AddressEntry {
            key: AddressKey { interface, address, prefix_len: 24 },
            peer: None,
            flags: 0,
            scope: AddressScope::GLOBAL,
            protocol,
        }
    }

    fn foreign(entry: &AddressEntry) -> bool {
        entry.protocol == Some(18)
    }

    fn source(news: &[Fact], family: Family) -> Option<Option<String>> {
        news.iter().find_map(|fact| match fact {
            Fact::Source { family: found, address, .. } if *found == family => {
                Some(address.map(|address| address.to_string()))
            }
            _ => None,
        })
    }

    #[test]
    fn the_first_own_address_is_the_source_until_it_goes() {
        let mut table = Table::default();
        let (first, second) = (address(2, "10.0.0.1", None), address(2, "10.0.0.2", None));
        let all = vec![address(2, "10.0.0.100", Some(18)), first.clone(), second.clone(), first.clone()];
        table.replace(vec![link(2, "eth0", true)], all);
        assert_eq!(source(&table.news(foreign, |_| false), Family::V4), Some(Some("10.0.0.1".to_owned())));
        assert_eq!(table.news(foreign, |_| false), [], "nothing is told twice");
        table.remove_address(&first.key);
        assert_eq!(source(&table.news(foreign, |_| false), Family::V4), Some(Some("10.0.0.2".to_owned())));
        table.remove_address(&second.key);
        assert_eq!(
            source(&table.news(foreign, |_| false), Family::V4),
            Some(None),
            "a virtual address is no source"
        );
    }

    #[test]
    fn ipv6_leaves_from_the_link_local_address_once_it_is_usable() {
        let mut table = Table::default();
        let tentative = AddressEntry { flags: 0x40, ..address(2, "fe80::1", None) };
        let all = vec![address(2, "fd00::1", None), tentative.clone()];
        table.replace(vec![link(2, "eth0", true)], all);
        assert_eq!(source(&table.news(foreign, |_| false), Family::V6), None);
        table.set_address(AddressEntry { flags: 0x80, ..tentative });
        assert_eq!(source(&table.news(foreign, |_| false), Family::V6), Some(Some("fe80::1".to_owned())));
    }

    #[test]
    fn a_tracked_address_is_there_when_it_can_be_used_on_its_interface() {
        let mut table = Table::default();
        let first = address(2, "10.0.0.1", None);
        let eth0 = InterfaceName::new("eth0");
        table.track(BTreeSet::from([(first.key.address, eth0), ("10.0.0.9".parse().expect("one"), None)]));
        let presences = |table: &mut Table| {
            let is_presence = |fact: &Fact| matches!(fact, Fact::Presence { .. });
            table.news(foreign, |_| false).into_iter().filter(is_presence).collect::<Vec<_>>()
        };
        let links = vec![link(2, "eth0", true), link(3, "eth1", true)];
        table.replace(links, vec![address(3, "10.0.0.1", None)]);
        assert_eq!(presences(&mut table), [], "on another interface");
        table.set_address(AddressEntry { flags: 0x40, ..first.clone() });
        assert_eq!(presences(&mut table), [], "tentative");
        table.set_address(first.clone());
        let told = |presence| [Fact::Presence { address: first.key.address, presence }];
        assert_eq!(presences(&mut table), told(Presence::There));
        table.remove_address(&first.key);
        assert_eq!(presences(&mut table), told(Presence::Gone));
    }

    #[test]
    fn links_are_told_when_they_change_come_back_with_another_index_and_go() {
        let mut table = Table::default();
        let name = InterfaceName::new("eth0").expect("a name");
        let told = |index, state| Fact::Link {
            name: name.clone(),
            device: Some(Device { index, name: "eth0".to_owned() }),
            state,
        };
        table.set_link(link(2, "eth0", true));
        assert_eq!(table.news(foreign, |_| false), [told(2, LinkState::Up)]);
        table.set_link(link(2, "eth0", false));
        assert_eq!(table.news(foreign, |_| false), [told(2, LinkState::Down)]);
        table.remove_link(2);
        table.set_link(link(3, "eth0", true));
        assert_eq!(table.news(foreign, |_| false), [told(3, LinkState::Up)]);
        table.set_link(link(3, "lan0", true));
        let gone = Fact::Link { name: name.clone(), device: None, state: LinkState::Down };
        assert!(table.news(foreign, |_| false).contains(&gone), "a renamed link is gone");
        assert!(table.link("eth0").is_none() && table.link("lan0").is_some());
        table.set_link(link(4, "eth0", true));
        for (index, name) in [(3, "eth0"), (4, "lan0")] {
            // As after lost notifications: the two have exchanged their names.
            table.set_link(link(index, name, true));
        }
        let index_of = |name| table.link(name).map(|link| link.index);
        assert_eq!((index_of("eth0"), index_of("lan0")), (Some(3), Some(4)));
    }
}
