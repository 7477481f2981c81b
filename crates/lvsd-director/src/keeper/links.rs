//! The interfaces that instances live on: VMACs and ipvlans. Made before the election hears of the instance, removed after it has
//! resigned, made again when somebody deletes them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{
    AddressFlags, AddressScope, Family, InterfaceName, PreferredLifetime, VirtualLink, VirtualLinkKind,
    VrrpConfig,
};
use lvsd_net::{
    AddressChange, AddressEntry, AddressKey, AddressSpec, IFA_PROTO_VRRP, Link, LinkChange, LinkKind, Mac,
    NewLink, NewLinkKind, Rtnl, RtnlError, write_sysctl,
};
use nix::errno::Errno;
use tracing::{debug, info, warn};

use super::sysctls::{self, Settings};
use super::table::Table;
use super::undo::{Trace, Undo};

/// When something that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// An interface that is deleted again sooner than this after it was made waits for that long: two programs that fight over it
/// must not use up the machine.
const HEAL_SPACING: Duration = Duration::from_millis(200);

/// What is needed to change the kernel, and to see it.
pub(super) struct Tools<'k> {
    pub(super) kernel: &'k mut Rtnl,
    pub(super) undo: &'k mut Undo,
    pub(super) table: &'k mut Table,
}

/// Virtual interfaces of this process.
#[derive(Debug, Default)]
pub(super) struct Links {
    wanted: BTreeMap<InterfaceName, VirtualLink>,
    /// Those that are there, by name, with their indices.
    made: BTreeMap<InterfaceName, (u32, VirtualLink)>,
    /// Why some are not; told once.
    problems: BTreeMap<InterfaceName, String>,
    /// Copies of link-local addresses.
    copied: HashMap<u32, AddressKey>,
    made_at: HashMap<InterfaceName, Duration>,
    retry_at: Option<Duration>,
    mute_igmp: bool,
}

/// Two interfaces that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) link: u32,
    pub(super) base: u32,
    pub(super) family: Family,
    pub(super) carries_ipv6: bool,
}

impl Links {
    /// Takes over what an earlier process made, as far as this configuration wants it, and removes the rest.
    pub(super) fn adopt(&mut self, config: &VrrpConfig, tools: &mut Tools<'_>) {
        tools.undo.load();
        let wanted: HashSet<&str> = config
            .instances
            .iter()
            .flat_map(lvsd_model::Instance::virtual_links)
            .map(|link| link.name.as_str())
            .collect();
        let left: Vec<String> = tools
            .undo
            .traces()
            .iter()
            .filter_map(|trace| match trace {
                Trace::Link(name) if !wanted.contains(name.as_str()) => Some(name.clone()),
                _ => None,
            })
            .collect();
        for name in left {
            info!(interface = name, "removing an interface left from before");
            remove(&name, tools);
        }
    }

    /// Makes what a configuration wants and is not there; what it does not want any more stays until [`settle`](Self::settle). Gives
    /// what cannot be.
    pub(super) fn prepare(
        &mut self,
        now: Duration,
        config: &VrrpConfig,
        tools: &mut Tools<'_>,
    ) -> Vec<String> {
        self.mute_igmp = config.disable_local_igmp;
        self.wanted = config
            .instances
            .iter()
            .flat_map(lvsd_model::Instance::virtual_links)
            .map(|link| (link.name.clone(), link.clone()))
            .collect();
        self.problems.clear();
        self.create(now, tools);
        self.problems.values().cloned().collect()
    }

    /// Removes what nobody wants any more; what is wanted otherwise is made anew.
    pub(super) fn settle(&mut self, now: Duration, tools: &mut Tools<'_>) {
        let differs = |(name, (_, made)): (&InterfaceName, &(u32, VirtualLink))| {
            (self.wanted.get(name) != Some(made)).then(|| name.clone())
        };
        for name in self.made.iter().filter_map(differs).collect::<Vec<_>>() {
            self.made.remove(&name);
            remove(name.as_str(), tools);
        }
        self.create(now, tools);
    }

    /// Removes everything and puts all settings back.
    pub(super) fn remove_all(&mut self, tools: &mut Tools<'_>) {
        self.wanted.clear();
        for name in std::mem::take(&mut self.made).into_keys() {
            remove(name.as_str(), tools);
        }
        self.retry_at = None;
        self.set_sysctls(tools);
    }

    /// When [`reconcile`](Self::reconcile) has something to try again.
    pub(super) const fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Links have changed: makes what is missing, forgets what is gone. True when there is something new.
    pub(super) fn reconcile(&mut self, now: Duration, tools: &mut Tools<'_>) -> bool {
        let gone = |name: &InterfaceName, index: u32| {
            tools.table.link_at(index).is_none_or(|link| link.name != name.as_str())
        };
        let lost: Vec<InterfaceName> = self
            .made
            .iter()
            .filter(|(name, (index, _))| gone(name, *index))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &lost {
            warn!(interface = %name, "an interface of ours is gone; making it again");
            self.made.remove(name);
            let recent = self.made_at.get(name).is_some_and(|at| now.saturating_sub(*at) < HEAL_SPACING);
            if recent {
                self.retry(now + HEAL_SPACING);
            }
        }
        let waits = self.retry_at.is_some_and(|at| at > now);
        let missing = self.wanted.keys().any(|name| !self.made.contains_key(name));
        if !missing || waits {
            return !lost.is_empty();
        }
        self.create(now, tools)
    }

    fn retry(&mut self, at: Duration) {
        self.retry_at = Some(self.retry_at.map_or(at, |before| before.min(at)));
    }

    /// Makes what is wanted and not there, down still: rules of the firewall come before anything leaves by it. True when there is
    /// something new.
    fn create(&mut self, now: Duration, tools: &mut Tools<'_>) -> bool {
        self.retry_at = None;
        let missing: Vec<VirtualLink> =
            self.wanted.values().filter(|link| !self.made.contains_key(&link.name)).cloned().collect();
        let mut fresh = false;
        for link in &missing {
            match ensure(link, tools) {
                Ok(Ensured::There) => fresh = true,
                Ok(Ensured::Waits) => {}
                Err(problem) => {
                    if self.problems.get(&link.name) != Some(&problem) {
                        warn!(problem, "an interface cannot be made; trying again");
                        self.problems.insert(link.name.clone(), problem);
                    }
                    self.retry(now + RETRY);
                }
            }
        }
        if fresh && let Err(error) = reread(tools) {
            warn!(%error, "links cannot be read; trying again");
            self.retry(now + RETRY);
        }
        for link in missing {
            let found = tools.table.link(link.name.as_str()).filter(|found| fits(found, &link, tools.table));
            if let Some(index) = found.map(|found| found.index) {
                self.problems.remove(&link.name);
                self.made_at.insert(link.name.clone(), now);
                self.made.insert(link.name.clone(), (index, link));
            }
        }
        self.set_sysctls(tools);
        fresh
    }

    /// Sets up what is there and down, with its settings.
    pub(super) fn raise(&mut self, now: Duration, tools: &mut Tools<'_>) {
        for (name, (index, link)) in &self.made {
            if tools.table.link_at(*index).is_none_or(|found| found.up) {
                continue;
            }
            if let Err(error) = raise(*index, link, tools) {
                warn!(interface = %name, %error, "an interface cannot be set up; trying again");
                self.retry_at = Some(now + RETRY);
            }
        }
    }

    /// Every VMAC with its base.
    pub(super) fn vmacs(&self, table: &Table) -> Vec<Pair> {
        let pair = |(index, link): &(u32, VirtualLink)| {
            let base = table.link(link.base.as_str())?.index;
            let (family, carries_ipv6) = (link.family, link.carries_ipv6);
            link.is_vmac().then_some(Pair { link: *index, base, family, carries_ipv6 })
        };
        self.made.values().filter_map(pair).collect()
    }

    /// Link-local addresses that a VMAC shares with its base.
    pub(super) fn shared(&self) -> impl Iterator<Item = (IpAddr, u32)> {
        self.copied.iter().map(|(index, key)| (key.address, *index))
    }

    fn set_sysctls(&self, tools: &mut Tools<'_>) {
        let ours: HashSet<u32> = self.made.values().map(|(index, _)| *index).collect();
        let four = self.made.values().filter(|(_, link)| link.is_vmac() && link.family == Family::V4);
        let bases: Vec<&str> = four.map(|(_, link)| link.base.as_str()).collect();
        let others: Vec<&str> = tools
            .table
            .links()
            .filter(|link| !ours.contains(&link.index))
            .map(|link| link.name.as_str())
            .collect();
        let mut settings: Settings = sysctls::for_vmacs(&bases, &others, tools.undo);
        if self.mute_igmp && !self.made.is_empty() {
            settings.insert("ipv4/igmp_link_local_mcast_reports".to_owned(), "0".to_owned());
        }
        sysctls::apply(&settings, tools.undo);
    }

    /// Whether an address is one that a virtual interface needs for itself, so that adverts can leave from it.
    pub(super) fn is_own(&self, entry: &AddressEntry) -> bool {
        let of_link = |(index, link): &(u32, VirtualLink)| {
            let own = match &link.kind {
                VirtualLinkKind::Ipvlan { address, .. } => address.map(|(address, _)| address),
                VirtualLinkKind::Vmac { .. } => self.copied.get(index).map(|key| key.address),
            };
            *index == entry.key.interface && own == Some(entry.key.address)
        };
        self.made.values().any(of_link)
    }

    /// Whether an interface of that name exists that is not the one that is wanted: nobody is to use it.
    pub(super) fn is_unfit(&self, name: &str, index: u32) -> bool {
        let ours = self.made.iter().find(|(made, _)| made.as_str() == name);
        match ours {
            Some((_, (made, _))) => *made != index,
            None => self.wanted.keys().any(|wanted| wanted.as_str() == name),
        }
    }

    /// Gives each IPv6 VMAC the link-local address of its base (RFC 9568 §5.1.2.1 has adverts leave from it), and takes back one that
    /// the base has no more. True when something changed.
    pub(super) fn copy_addresses(&mut self, now: Duration, tools: &mut Tools<'_>) -> bool {
        let mut changes: Vec<AddressChange> = Vec::new();
        let mut added: Vec<AddressSpec> = Vec::new();
        for (index, link) in self.made.values() {
            if !link.is_vmac() || link.family != Family::V6 {
                continue;
            }
            let base = tools.table.link(link.base.as_str()).map(|base| base.index);
            let address = base.and_then(|base| link_local(base, tools.table));
            let wanted = address.map(|address| AddressKey { interface: *index, address, prefix_len: 64 });
            let before = self.copied.get(index).copied();
            if before != wanted
                && let Some(key) = before
            {
                changes.push(AddressChange::Remove { key, peer: None });
                self.copied.remove(index);
            }
            let up = tools.table.link_at(*index).is_some_and(|link| link.up);
            if let Some(key) = wanted.filter(|key| up && !tools.table.has(key)) {
                added.push(copy(key));
            } else if let Some(key) = wanted.filter(|_| up) {
                self.copied.insert(*index, key);
            }
        }
        self.copied.retain(|index, _| tools.table.link_at(*index).is_some());
        changes.extend(added.iter().cloned().map(AddressChange::Add));
        let results = tools.kernel.apply(&changes);
        for (change, result) in changes.into_iter().zip(results) {
            match (change, result) {
                (AddressChange::Add(spec), Ok(())) => {
                    self.copied.insert(spec.key.interface, spec.key);
                    tools.table.set_address(entry(&spec));
                }
                (AddressChange::Remove { key, .. }, _) => tools.table.remove_address(&key),
                (AddressChange::Add(spec), Err(error)) => {
                    debug!(address = %spec.key.address, %error, "a link-local address cannot be copied; trying again");
                    self.retry(now + RETRY);
                }
            }
        }
        !added.is_empty()
    }
}

/// What became of an interface that is wanted.
enum Ensured {
    /// It exists.
    There,
    /// Its base does not.
    Waits,
}

fn ensure(link: &VirtualLink, tools: &mut Tools<'_>) -> Result<Ensured, String> {
    let name = link.name.as_str();
    let Some(base) = tools.table.link(link.base.as_str()).cloned() else { return Ok(Ensured::Waits) };
    if let Some(found) = tools.table.link(name) {
        if fits(found, link, tools.table) {
            tools.undo.note(Trace::Link(name.to_owned()));
            return Ok(Ensured::There);
        }
        if !tools.undo.has_link(name) {
            return Err(format!("there is an interface {name} that is not ours"));
        }
        remove(name, tools);
    }
    let kind = match link.kind {
        VirtualLinkKind::Vmac { mac } => NewLinkKind::Macvlan { mac },
        VirtualLinkKind::Ipvlan { flag, .. } => NewLinkKind::Ipvlan { flag },
    };
    let group = link.group.unwrap_or(base.group);
    let new = NewLink { name: name.to_owned(), base: base.index, group, kind };
    tools.undo.note(Trace::Link(name.to_owned()));
    if let Err(error) = tools.kernel.change_link(&LinkChange::Create(new)) {
        tools.undo.forget(|trace| *trace == Trace::Link(name.to_owned()));
        let hint = match error.errno().map(Errno::from_raw) {
            Some(Errno::EOPNOTSUPP) => ": this kernel has no macvlan or ipvlan",
            Some(Errno::EBUSY | Errno::EADDRINUSE) => {
                ": another interface has the Ethernet address, or claims the base"
            }
            _ => "",
        };
        return Err(format!("interface {name} cannot be made on {}: {error}{hint}", link.base));
    }
    info!(interface = name, base = %link.base, "made an interface");
    Ok(Ensured::There)
}

/// Whether an interface is what is wanted.
fn fits(found: &Link, wanted: &VirtualLink, table: &Table) -> bool {
    let base = table.link(wanted.base.as_str()).map(|base| base.index);
    let kind = match (&wanted.kind, found.kind) {
        (VirtualLinkKind::Vmac { mac }, LinkKind::Macvlan { private }) => {
            private && found.mac == Some(Mac(mac.0))
        }
        (VirtualLinkKind::Ipvlan { flag, .. }, LinkKind::Ipvlan { l2, flag: found }) => l2 && *flag == found,
        (VirtualLinkKind::Vmac { .. } | VirtualLinkKind::Ipvlan { .. }, _) => false,
    };
    kind && found.base.is_some()
        && found.base == base
        && wanted.group.is_none_or(|group| group == found.group)
}

fn reread(tools: &mut Tools<'_>) -> Result<(), RtnlError> {
    tools.kernel.links()?.into_iter().for_each(|link| tools.table.set_link(link));
    Ok(())
}

/// Removes an interface of ours.
fn remove(name: &str, tools: &mut Tools<'_>) {
    let found = tools.table.link(name);
    let virtual_kind =
        found.filter(|link| matches!(link.kind, LinkKind::Macvlan { .. } | LinkKind::Ipvlan { .. }));
    if let Some(index) = virtual_kind.map(|link| link.index) {
        match tools.kernel.change_link(&LinkChange::Remove(index)) {
            Ok(()) => tools.table.remove_link(index),
            Err(error) if error.already_gone() => tools.table.remove_link(index),
            // It stays in the list of what is ours, for the next start.
            Err(error) => return warn!(interface = name, %error, "an interface cannot be removed"),
        }
    }
    tools.undo.forget(|trace| *trace == Trace::Link(name.to_owned()));
}

fn raise(index: u32, link: &VirtualLink, tools: &mut Tools<'_>) -> Result<(), RtnlError> {
    let name = link.name.as_str();
    let set = |setting: String, value: &str| {
        // What the kernel was built without needs no setting.
        if let Err(error) = write_sysctl(&setting, value) {
            debug!(setting, %error, "a setting of a virtual interface cannot be made");
        }
    };
    if link.carries_ipv6 {
        // Routes that a router advertises are for the base: what leaves by the VMAC would tell the switches that it is here.
        set(format!("ipv6/conf/{name}/accept_ra"), "0");
        set(format!("ipv6/conf/{name}/router_solicitations"), "0");
    } else {
        set(format!("ipv6/conf/{name}/disable_ipv6"), "1");
    }
    if link.is_vmac() {
        set(format!("ipv6/conf/{name}/addr_gen_mode"), "1");
        set(format!("ipv4/conf/{name}/arp_ignore"), "1");
        set(format!("ipv4/conf/{name}/rp_filter"), "0");
        if link.family == Family::V4 {
            set(format!("ipv4/conf/{name}/accept_local"), "1");
            set(format!("ipv4/conf/{name}/promote_secondaries"), "1");
        }
    }
    let base = tools.table.link(link.base.as_str());
    let master = base.and_then(|base| base.master).and_then(|master| tools.table.link_at(master));
    if let Some(master) = master.filter(|master| master.kind == LinkKind::Vrf).map(|master| master.index) {
        tools.kernel.change_link(&LinkChange::Enslave { link: index, master })?;
    }
    tools.kernel.change_link(&LinkChange::Up(index))?;
    if let VirtualLinkKind::Ipvlan { address: Some((address, prefix_len)), .. } = link.kind {
        let spec = AddressSpec {
            preferred: PreferredLifetime::Forever,
            scope: AddressScope::GLOBAL,
            ..copy(AddressKey { interface: index, address, prefix_len })
        };
        tools.kernel.apply(&[AddressChange::Add(spec)]).into_iter().collect::<Result<(), _>>()?;
    }
    Ok(())
}

/// The link-local address of an interface that adverts leave from.
fn link_local(interface: u32, table: &Table) -> Option<IpAddr> {
    let own = |entry: &&AddressEntry| {
        entry.key.interface == interface
            && entry.link_local()
            && entry.usable()
            && entry.protocol != Some(IFA_PROTO_VRRP)
    };
    table.addresses().filter(own).map(|entry| entry.key.address).min()
}

/// An address that is only to be sent from by who asks for it.
const fn copy(key: AddressKey) -> AddressSpec {
    AddressSpec {
        key,
        peer: None,
        broadcast: None,
        label: None,
        scope: AddressScope::LINK,
        no_prefix_route: false,
        no_dad: true,
        flags: AddressFlags { home: false, manage_temporary: false, autojoin: false },
        preferred: PreferredLifetime::Seconds(0),
    }
}

fn entry(spec: &AddressSpec) -> AddressEntry {
    let (key, scope) = (spec.key, spec.scope);
    AddressEntry { key, peer: None, flags: 0, scope, protocol: Some(IFA_PROTO_VRRP) }
}
