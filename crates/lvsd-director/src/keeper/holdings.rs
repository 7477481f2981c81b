//! Which addresses should be there, which ones this process has put there, and the way from one to the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{Instance, InterfaceName, Static, Statics, VirtualAddress, VrrpConfig};
use lvsd_net::{
    AddressChange as Change, AddressEntry, AddressKey, AddressSpec, IFA_PROTO_VRRP, Rtnl, RtnlError,
};
use lvsd_vrrp::InstanceId;
use tracing::{error, info, warn};

use super::journal::{Journal, Line};
use super::table::Table;

/// When a change that the kernel refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// An address that is deleted again sooner than this after it was put back waits for that long: two programs that fight over
/// it must not use up the machine.
const HEAL_SPACING: Duration = Duration::from_millis(100);

/// An address that this process has set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ours {
    spec: AddressSpec,
    line: Line,
}

/// The addresses of this process.
#[derive(Debug)]
pub(super) struct Holdings {
    kernel: Rtnl,
    journal: Journal<Line>,
    /// Instances whose addresses should be there.
    held: BTreeMap<InstanceId, Arc<Instance>>,
    /// Instances of a process that died whose addresses stay until it is known who goes on.
    promised: Vec<Arc<Instance>>,
    /// What should be there whoever is master.
    statics: Vec<Static<VirtualAddress>>,
    ours: BTreeMap<AddressKey, Ours>,
    /// Removals of ours that the monitor will report.
    expected: HashMap<AddressKey, u32>,
    /// When an address was last missed.
    missed: HashMap<AddressKey, Duration>,
    /// What the kernel refused to change, so that it is told once.
    refused: HashSet<AddressKey>,
    retry_at: Option<Duration>,
}

impl Holdings {
    pub(super) fn new(kernel: Rtnl, journal: Journal<Line>) -> Self {
        Self {
            kernel,
            journal,
            held: BTreeMap::new(),
            promised: Vec::new(),
            statics: Vec::new(),
            ours: BTreeMap::new(),
            expected: HashMap::new(),
            missed: HashMap::new(),
            refused: HashSet::new(),
            retry_at: None,
        }
    }

    /// The connection to the kernel, for other changes.
    pub(super) const fn kernel(&mut self) -> &mut Rtnl {
        &mut self.kernel
    }

    /// Reads links and addresses.
    pub(super) fn read(&mut self) -> Result<(Vec<lvsd_net::Link>, Vec<AddressEntry>), RtnlError> {
        Ok((self.kernel.links()?, self.kernel.addresses()?))
    }

    /// Whether an address is a virtual one of ours, or of another program of our kind. Static ones are the host's own.
    pub(super) fn is_virtual(&self, entry: &AddressEntry) -> bool {
        let ours = entry.protocol == Some(IFA_PROTO_VRRP) || self.ours.contains_key(&entry.key);
        ours && !self.names_static(&entry.key)
    }

    fn names_static(&self, key: &AddressKey) -> bool {
        let same = |line: &VirtualAddress| (line.address, line.prefix_len) == (key.address, key.prefix_len);
        self.statics.iter().any(|one| same(&one.object))
    }

    /// What is to be there whoever is master.
    pub(super) fn set_statics(&mut self, now: Duration, statics: &Statics, table: &Table) {
        if self.statics.is_empty() && statics.addresses.is_empty() {
            return;
        }
        self.statics.clone_from(&statics.addresses);
        self.reconcile(now, table);
    }

    /// An interface is (back) up: static addresses may be possible that were not.
    pub(super) fn look_at_statics(&mut self, now: Duration) {
        if !self.statics.is_empty() {
            self.retry_at = Some(now);
        }
    }

    /// The static addresses that are not there, by track group: the first one of each.
    pub(super) fn missing_statics(&self, table: &Table) -> Vec<(String, String)> {
        let mut missing: Vec<(String, String)> = Vec::new();
        for Static { object, track_group } in &self.statics {
            let Some(group) =
                track_group.as_ref().filter(|group| missing.iter().all(|(name, _)| name != *group))
            else {
                continue;
            };
            let key = static_spec(object, table).map(|spec| spec.key);
            if !key.is_some_and(|key| self.ours.contains_key(&key) || table.has(&key)) {
                missing.push((group.clone(), format!("static address {}", object.address)));
            }
        }
        missing
    }

    /// The static addresses on interfaces that exist. One that somebody else has set is theirs.
    fn wanted_statics(&self, table: &Table) -> Vec<(AddressSpec, Line)> {
        let foreign = |key: &AddressKey| {
            let set = table.addresses().find(|entry| entry.key == *key);
            !self.ours.contains_key(key) && set.is_some_and(|entry| entry.protocol != Some(IFA_PROTO_VRRP))
        };
        let specs = self.statics.iter().filter_map(|one| static_spec(&one.object, table));
        specs
            .filter(|spec| !foreign(&spec.key))
            .filter_map(|spec| Some((line_of(&spec.key, table)?, spec)))
            .map(|(line, spec)| (spec, line))
            .collect()
    }

    /// Whether every address of an instance is there.
    pub(super) fn are_there(&self, config: &Instance, table: &Table) -> bool {
        lines(config).all(|line| is_there(config, line, table))
    }

    /// These keep what they have for now. Before [`remove_leftovers`](Self::remove_leftovers).
    pub(super) fn promise(&mut self, instances: &[Arc<Instance>]) {
        self.promised = instances.to_vec();
    }

    /// Removes what was promised and is not held.
    pub(super) fn end_promises(&mut self, now: Duration, table: &Table) {
        if !std::mem::take(&mut self.promised).is_empty() {
            self.reconcile(now, table);
        }
    }

    /// Adds the addresses of an instance.
    pub(super) fn hold(&mut self, now: Duration, id: InstanceId, config: &Arc<Instance>, table: &Table) {
        self.held.insert(id, Arc::clone(config));
        self.add(now, self.wanted_by(config, table), table);
    }

    /// Removes the addresses of an instance, the last one first: a primary IPv4 address takes the secondary ones of its subnet
    /// with it. What is ours and nobody's any more goes, too: their interface may have another name by now.
    pub(super) fn release(
        &mut self,
        now: Duration,
        id: InstanceId,
        config: &Instance,
        foreign: Foreign,
        table: &Table,
    ) {
        self.held.remove(&id);
        let still: HashSet<AddressKey> = self.wanted(table).into_iter().map(|(spec, _)| spec.key).collect();
        let gone =
            self.wanted_by(config, table).into_iter().rev().filter(|(spec, _)| !still.contains(&spec.key));
        let gone = gone.filter(|(spec, _)| match foreign {
            Foreign::Leave => self.ours.contains_key(&spec.key),
            Foreign::Remove => self.ours.contains_key(&spec.key) || table.has(&spec.key),
        });
        let mut gone: Vec<AddressSpec> = gone.map(|(spec, _)| spec).collect();
        let named: HashSet<AddressKey> = gone.iter().map(|spec| spec.key).collect();
        let stray = |ours: &&Ours| !still.contains(&ours.spec.key) && !named.contains(&ours.spec.key);
        gone.extend(self.ours.values().rev().filter(stray).map(|ours| ours.spec.clone()));
        self.remove(now, gone, table);
    }

    /// Moves an instance whose addresses are there to another list of addresses.
    pub(super) fn update(&mut self, now: Duration, id: InstanceId, config: &Arc<Instance>, table: &Table) {
        self.held.insert(id, Arc::clone(config));
        self.reconcile(now, table);
    }

    /// Adds what should be there and is not, removes what should not be there and is ours; an address whose attributes changed
    /// is replaced.
    pub(super) fn reconcile(&mut self, now: Duration, table: &Table) {
        self.retry_at = None;
        let wanted = self.wanted(table);
        let by_key: HashMap<&AddressKey, &AddressSpec> =
            wanted.iter().map(|(spec, _)| (&spec.key, spec)).collect();
        let differs = |ours: &&Ours| by_key.get(&ours.spec.key).is_none_or(|spec| **spec != ours.spec);
        let surplus = self.ours.values().rev().filter(differs).map(|ours| ours.spec.clone()).collect();
        self.remove(now, surplus, table);
        let missing = wanted.into_iter().filter(|(spec, _)| !self.ours.contains_key(&spec.key)).collect();
        self.add(now, missing, table);
    }

    /// When [`reconcile`](Self::reconcile) is due because the kernel refused something.
    pub(super) const fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// The monitor says that an address is gone. Gives the instances that miss it, when it was not us.
    pub(super) fn on_gone(&mut self, now: Duration, key: &AddressKey) -> Vec<InstanceId> {
        if let Some(expected) = self.expected.get_mut(key) {
            *expected -= 1;
            if *expected == 0 {
                self.expected.remove(key);
            }
            return Vec::new();
        }
        let is_static = self.names_static(key);
        if self.ours.remove(key).is_none() && !is_static {
            return Vec::new();
        }
        self.rewrite_journal();
        let before = self.missed.insert(*key, now);
        if before.is_some_and(|before| now.saturating_sub(before) < HEAL_SPACING) {
            self.retry_at = Some(self.retry_at.map_or(now + HEAL_SPACING, |at| at.min(now + HEAL_SPACING)));
            return Vec::new();
        }
        if is_static {
            info!(address = %key.address, "a static address is gone; putting it back");
            self.retry_at = Some(now);
        }
        let names_it =
            |config: &Instance| lines(config).any(|line| line.address == key.address && !line.no_track);
        self.held.iter().filter(|(_, config)| names_it(config)).map(|(id, _)| *id).collect()
    }

    /// Events were lost and the table was read anew: gives what is missing, as [`on_gone`](Self::on_gone) would have.
    pub(super) fn on_reread(&mut self, now: Duration, table: &Table) -> Vec<(InstanceId, AddressKey)> {
        self.expected.clear();
        let missing: Vec<AddressKey> = self.ours.keys().filter(|key| !table.has(key)).copied().collect();
        let mut missed = Vec::new();
        for key in missing {
            missed.extend(self.on_gone(now, &key).into_iter().map(|id| (id, key)));
        }
        missed
    }

    /// What is held and not there, for an interface that has come (back) up.
    pub(super) fn missing_on(&self, index: u32, table: &Table) -> Vec<(InstanceId, AddressKey)> {
        let of = |(id, config): (&InstanceId, &Arc<Instance>)| {
            let keys = self.wanted_by(config, table).into_iter().map(|(spec, _)| spec.key);
            let missing = keys.filter(|key| key.interface == index && !self.ours.contains_key(key));
            let id = *id;
            missing.map(move |key| (id, key)).collect::<Vec<_>>()
        };
        self.held.iter().flat_map(of).collect()
    }

    /// How many addresses of each instance that holds some are there.
    pub(super) fn present(&self, table: &Table) -> impl Iterator<Item = (InstanceId, u32)> {
        self.held.iter().map(|(id, config)| {
            let there = lines(config).filter(|line| is_there(config, line, table)).count();
            (*id, u32::try_from(there).unwrap_or(u32::MAX))
        })
    }

    /// Removes everything of ours.
    pub(super) fn release_all(&mut self, now: Duration, table: &Table) {
        self.held.clear();
        self.reconcile(now, table);
    }

    /// Removes what earlier processes left: addresses in the journal, and configured ones that are there although nothing is held
    /// yet. An owner's addresses are the interface's own, unless they bear our mark.
    pub(super) fn remove_leftovers(&mut self, now: Duration, config: &VrrpConfig, table: &Table) {
        let journal = self.journal.load().unwrap_or_else(|error| {
            warn!(%error, "the journal of addresses cannot be read");
            BTreeSet::new()
        });
        let promised = self.promised.iter().flat_map(|config| self.wanted_by(config, table));
        let promised = promised.map(|(spec, line)| (line, spec));
        let kept: HashMap<Line, AddressSpec> = config
            .statics
            .addresses
            .iter()
            .filter_map(|one| static_spec(&one.object, table))
            .filter_map(|spec| Some((line_of(&spec.key, table)?, spec)))
            .chain(promised)
            .collect();
        let mut configured: HashMap<Line, bool> = HashMap::new();
        for instance in &config.instances {
            for (line, owner) in lines_of(instance).map(|line| (line, instance.priority.is_owner())) {
                *configured.entry(line).or_default() |= owner;
            }
        }
        // Kernels since 5.18 say who set an address; where they do, an address without our mark was not set by us.
        let kernel_marks = table.addresses().any(|entry| entry.protocol.is_some());
        let leftovers: Vec<Ours> = table
            .addresses()
            .filter_map(|entry| {
                let line = line_of(&entry.key, table)?;
                let marked = entry.protocol == Some(IFA_PROTO_VRRP);
                let left_by_us = journal.contains(&line) && (marked || !kernel_marks);
                if let Some(spec) = kept.get(&line) {
                    // It is to be there, and ours to remove at the end.
                    if marked || left_by_us {
                        self.ours.insert(spec.key, Ours { spec: spec.clone(), line });
                    }
                    return None;
                }
                let ours_to_remove = match configured.get(&line) {
                    Some(owner) => marked || left_by_us || !owner,
                    None => left_by_us,
                };
                ours_to_remove.then(|| Ours { spec: bare(entry), line })
            })
            .collect();
        for Ours { line, .. } in &leftovers {
            info!(address = %line, "removing an address left from before");
        }
        let gone = leftovers.iter().map(|left| left.spec.clone()).collect();
        // Taken over first: one that the kernel does not give up is tried again, and stays in the journal.
        self.ours.extend(leftovers.into_iter().map(|left| (left.spec.key, left)));
        self.remove(now, gone, table);
        self.rewrite_journal();
    }

    /// Everything that should be there now, by instance, in the order of the configuration.
    fn wanted(&self, table: &Table) -> Vec<(AddressSpec, Line)> {
        let all = self.held.values().chain(&self.promised);
        let held = all.flat_map(|config| self.wanted_by(config, table));
        self.wanted_statics(table).into_iter().chain(held).collect()
    }

    /// The addresses of an instance on the interfaces that exist, in order. An owner's address that is there already, with
    /// whatever prefix, is the interface's own and not to be set.
    fn wanted_by(&self, config: &Instance, table: &Table) -> Vec<(AddressSpec, Line)> {
        let owns = |key: &AddressKey| {
            let same = |entry: &AddressEntry| {
                (entry.key.interface, entry.key.address) == (key.interface, key.address)
            };
            config.priority.is_owner()
                && table.addresses().any(|entry| same(entry) && !self.is_virtual(entry))
        };
        lines(config)
            .filter_map(|line| {
                let link = table.link(interface_of(config, line)?.as_str())?;
                let spec = AddressSpec::new(line, link.index);
                let line = line_of(&spec.key, table)?;
                Some((spec, line))
            })
            .filter(|(spec, _)| !owns(&spec.key))
            .collect()
    }

    fn add(&mut self, now: Duration, wanted: Vec<(AddressSpec, Line)>, table: &Table) {
        let wanted: Vec<_> =
            wanted.into_iter().filter(|(spec, _)| table.link_at(spec.key.interface).is_some()).collect();
        if wanted.is_empty() {
            return;
        }
        let lines: Vec<Line> = wanted.iter().map(|(_, line)| line.clone()).collect();
        if let Err(error) = self.journal.append(&lines) {
            warn!(%error, "the journal of addresses cannot be written");
        }
        let changes: Vec<Change> = wanted.iter().map(|(spec, _)| Change::Add(spec.clone())).collect();
        for (result, (spec, line)) in self.kernel.apply(&changes).into_iter().zip(wanted) {
            match result {
                Ok(()) => {
                    self.refused.remove(&spec.key);
                    self.ours.insert(spec.key, Ours { spec, line });
                }
                Err(error) => {
                    if self.refused.insert(spec.key) {
                        error!(address = %line, %error, "an address cannot be added; trying again");
                    }
                    self.retry_later(now);
                }
            }
        }
    }

    fn remove(&mut self, now: Duration, gone: Vec<AddressSpec>, table: &Table) {
        if gone.is_empty() {
            return;
        }
        let changes: Vec<Change> =
            gone.iter().map(|spec| Change::Remove { key: spec.key, peer: spec.peer }).collect();
        for (result, spec) in self.kernel.apply(&changes).into_iter().zip(gone) {
            match result {
                Ok(()) => {
                    *self.expected.entry(spec.key).or_default() += 1;
                    self.refused.remove(&spec.key);
                    self.ours.remove(&spec.key);
                }
                Err(error) if error.already_gone() => {
                    self.ours.remove(&spec.key);
                }
                Err(error) => {
                    if self.refused.insert(spec.key) {
                        let interface = table.link_at(spec.key.interface).map(|link| link.name.as_str());
                        error!(address = %spec.key.address, interface, %error, "an address cannot be removed; trying again");
                    }
                    self.retry_later(now);
                }
            }
        }
        self.rewrite_journal();
    }

    fn rewrite_journal(&mut self) {
        if let Err(error) = self.journal.rewrite(self.ours.values().map(|ours| &ours.line)) {
            warn!(%error, "the journal of addresses cannot be written");
        }
    }

    fn retry_later(&mut self, now: Duration) {
        self.retry_at = Some(now + RETRY);
    }

    /// The interface is gone: its addresses are, too.
    pub(super) fn forget_interface(&mut self, index: u32) {
        self.ours.retain(|key, _| key.interface != index);
        self.expected.retain(|key, _| key.interface != index);
        self.missed.retain(|key, _| key.interface != index);
        self.refused.retain(|key| key.interface != index);
        self.rewrite_journal();
    }
}

fn static_spec(line: &VirtualAddress, table: &Table) -> Option<AddressSpec> {
    let link = table.link(line.interface.as_ref()?.as_str())?;
    Some(AddressSpec::new(line, link.index))
}

/// What becomes of configured addresses that somebody else has set (`-X`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// They stay.
    Leave,
    /// They are removed with ours.
    Remove,
}

fn lines(config: &Instance) -> impl Iterator<Item = &lvsd_model::VirtualAddress> {
    config.addresses.iter().chain(&config.excluded)
}

/// Whether the kernel has one address of an instance; an owner's may have any prefix.
fn is_there(config: &Instance, line: &VirtualAddress, table: &Table) -> bool {
    let interface = interface_of(config, line).and_then(|name| table.link(name.as_str()));
    interface.is_some_and(|link| {
        let (interface, address, prefix_len) = (link.index, line.address, line.prefix_len);
        table.has(&AddressKey { interface, address, prefix_len })
            || (config.priority.is_owner() && table.has_ip(interface, address))
    })
}

fn interface_of<'a>(config: &'a Instance, line: &'a lvsd_model::VirtualAddress) -> Option<&'a InterfaceName> {
    line.interface.as_ref().or_else(|| config.perch().addresses())
}

/// The journal's form of an instance's addresses.
fn lines_of(config: &Instance) -> impl Iterator<Item = Line> {
    lines(config).filter_map(|line| {
        let interface = interface_of(config, line)?.as_str().to_owned();
        Some(Line { interface, address: line.address, prefix_len: line.prefix_len })
    })
}

fn line_of(key: &AddressKey, table: &Table) -> Option<Line> {
    let interface = table.link_at(key.interface)?.name.clone();
    Some(Line { interface, address: key.address, prefix_len: key.prefix_len })
}

/// Just enough of an address to remove it.
fn bare(entry: &AddressEntry) -> AddressSpec {
    AddressSpec {
        key: entry.key,
        peer: entry.peer,
        broadcast: None,
        label: None,
        scope: entry.scope,
        no_prefix_route: false,
        preferred: lvsd_model::PreferredLifetime::Forever,
        no_dad: true,
        flags: lvsd_model::AddressFlags::default(),
    }
}
