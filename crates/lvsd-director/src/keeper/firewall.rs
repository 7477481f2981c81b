//! The tables of nftables: what virtual addresses do not accept, and what VMACs must not say.
//!
//! A VMAC joins groups and answers for addresses like any interface, with the Ethernet address that only the MASTER may use. So its
//! membership reports leave by the base, and it is silent about the link-local address that it shares with its base.
//!
//! Tables are replaced as a whole, in one transaction; only the sets of refused addresses are changed in place, because that
//! happens at a fail-over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use lvsd_model::{Family, Firewall as Settings, Instance, VrrpConfig};
use lvsd_net::nft::{
    Chain, Element, Expression, Field, Hook, Meta, Nft, NftError, NftMonitor, Set, Table as NftTable,
    TableFamily, Transaction, Verdict,
};
use lvsd_vrrp::InstanceId;
use tracing::{error, warn};

use super::links::Links;
use super::table::Table;
use super::undo::{Trace, Undo};

const REFUSED: &str = "vips";
const REFUSED_LINK_LOCAL: &str = "vips_link_local";
const BASES: &str = "vmac_map";
const SHARED: &str = "parent_link_local";
const IN: Chain = Chain { name: "in", hook: None };
const OUT: Chain = Chain { name: "out", hook: None };
const IN_LINK_LOCAL: Chain = Chain { name: "in_link_local", hook: None };
const OUT_LINK_LOCAL: Chain = Chain { name: "out_link_local", hook: None };

/// Lengths of both kinds of address, and where they stand in their headers.
const V4_SOURCE: Field = Field::Network { offset: 12, length: 4 };
const V4_DESTINATION: Field = Field::Network { offset: 16, length: 4 };
const V4_PROTOCOL: Field = Field::Network { offset: 9, length: 1 };
const V6_SOURCE: Field = Field::Network { offset: 8, length: 16 };
const V6_DESTINATION: Field = Field::Network { offset: 24, length: 16 };
const ICMPV6_TYPE: Field = Field::Transport { offset: 0, length: 1 };

const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Report and done of MLDv1, report of MLDv2.
const MLD: [u8; 3] = [131, 132, 143];

/// What the tables say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules {
    /// VMACs with their bases.
    vmacs: [BTreeSet<Element>; 2],
    /// Link-local addresses that VMACs share.
    shared: BTreeSet<Element>,
    /// Whether there is an instance that refuses traffic, of IPv4, of IPv6.
    guards: [bool; 2],
    /// Addresses that refuse traffic now.
    refused: [BTreeSet<Element>; 2],
    /// The link-local ones of them, on their interfaces.
    refused_link_local: BTreeSet<Element>,
}

impl Rules {
    fn needs(&self, family: TableFamily) -> bool {
        let place = place(family);
        self.guards.get(place) == Some(&true) || self.vmacs.get(place).is_some_and(|pairs| !pairs.is_empty())
    }

    /// The same without what changes at a fail-over.
    fn frame(&self) -> Self {
        Self { refused: Default::default(), refused_link_local: BTreeSet::new(), ..self.clone() }
    }
}

const FAMILIES: [TableFamily; 2] = [TableFamily::Ip, TableFamily::Ip6];

const fn place(family: TableFamily) -> usize {
    match family {
        TableFamily::Ip => 0,
        TableFamily::Ip6 => 1,
    }
}

/// The tables, and the way to them.
#[derive(Debug, Default)]
pub(super) struct Firewall {
    settings: Settings,
    nft: Option<Nft>,
    monitor: Option<NftMonitor>,
    /// What the kernel has.
    installed: Option<Rules>,
    guards: [bool; 2],
    /// Masters.
    held: BTreeMap<InstanceId, Arc<Instance>>,
    /// The last failure, told once.
    trouble: Option<String>,
}

impl Firewall {
    /// Takes the settings of a configuration.
    pub(super) fn configure(&mut self, config: &VrrpConfig) {
        if self.settings != config.firewall {
            self.installed = None;
            self.settings = config.firewall.clone();
        }
        // The election orders nothing when only this has changed.
        for held in self.held.values_mut() {
            if let Some(now) = config.instances.iter().find(|instance| instance.name == held.name) {
                Arc::make_mut(held).accept = now.accept;
            }
        }
        let refuses = |family: Family| {
            let of_family = |instance: &Instance| {
                instance
                    .addresses
                    .iter()
                    .chain(&instance.excluded)
                    .any(|line| Family::of(line.address) == family)
            };
            config.instances.iter().any(|instance| instance.refuses_traffic() && of_family(instance))
        };
        self.guards = [refuses(Family::V4), refuses(Family::V6)];
    }

    /// An instance is about to hold its addresses, or to hold others.
    pub(super) fn hold(&mut self, id: InstanceId, config: &Arc<Instance>) {
        self.held.insert(id, Arc::clone(config));
    }

    /// An instance has released its addresses.
    pub(super) fn release(&mut self, id: InstanceId) {
        self.held.remove(&id);
    }

    /// Removes everything.
    pub(super) fn remove_all(&mut self, undo: &mut Undo) {
        self.held.clear();
        self.guards = [false; 2];
        self.remove_tables(undo, |_| true);
    }

    /// Something to wait on: removals by others.
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.monitor.as_ref().map(AsFd::as_fd)
    }

    /// Notices when somebody has removed our tables: a reload of the host's own firewall does, by `flush ruleset`. True when they
    /// have to be made again.
    pub(super) fn watch(&mut self) -> bool {
        let own = self.nft.as_ref().and_then(|nft| nft.port().ok());
        let (Some(monitor), Some(own)) = (&mut self.monitor, own) else { return false };
        let lost = monitor.removed(&self.settings.table, own) && self.installed.take().is_some();
        if lost {
            warn!(table = self.settings.table, "somebody removed our table of nftables; making it again");
        }
        lost
    }

    /// Makes the kernel have the rules that should be there. Gives what is wrong, if that is new.
    pub(super) fn reconcile(&mut self, links: &Links, table: &Table, undo: &mut Undo) -> Option<String> {
        let rules = self.rules(links, table);
        if self.installed.as_ref() == Some(&rules) {
            return None;
        }
        let name = self.settings.table.clone();
        let needed = FAMILIES.iter().any(|family| rules.needs(*family));
        // Those of another name are of an earlier configuration, or of an earlier process.
        self.remove_tables(undo, |table| !needed || table != name);
        if !needed {
            self.trouble = None;
            return None;
        }
        let result = match self.change(&rules) {
            Some(change) => self.commit(&change),
            None => Err(NftError::Absent),
        };
        // In place only if the tables are as we left them.
        let result = if result.is_ok() { result } else { self.replace(&rules, undo) };
        match result {
            Ok(()) => {
                self.installed = Some(rules);
                self.trouble = None;
                None
            }
            Err(trouble) => self.tell(&trouble),
        }
    }

    fn tell(&mut self, trouble: &NftError) -> Option<String> {
        self.installed = None;
        let text = format!("rules of nftables for no_accept and VMACs cannot be made: {trouble}");
        if self.trouble.as_ref() == Some(&text) {
            return None;
        }
        error!(%trouble, "rules of nftables for no_accept and VMACs cannot be made");
        self.trouble = Some(text.clone());
        Some(text)
    }

    /// What is wrong.
    pub(super) fn trouble(&self) -> Option<&String> {
        self.trouble.as_ref()
    }

    fn rules(&self, links: &Links, table: &Table) -> Rules {
        let mut rules = Rules { guards: self.guards, ..Rules::default() };
        for pair in links.vmacs(table) {
            let [four, six] = &mut rules.vmacs;
            if pair.family == Family::V4 {
                four.insert(Element::Pair(pair.link, pair.base));
            }
            if pair.carries_ipv6 {
                six.insert(Element::Pair(pair.link, pair.base));
            }
        }
        rules.shared = links.shared().map(|(address, link)| Element::AddressOn(address, link)).collect();
        for element in self.held.values().flat_map(|config| refused(config, table)) {
            let [four, six] = &mut rules.refused;
            let set = match element {
                Element::AddressOn(..) => &mut rules.refused_link_local,
                Element::Address(IpAddr::V6(_)) => six,
                _ => four,
            };
            set.insert(element);
        }
        rules
    }

    fn table(&self, family: TableFamily) -> NftTable {
        NftTable { family, name: self.settings.table.clone() }
    }

    /// Only refused addresses have changed: the way there. `None` when more has.
    fn change(&self, rules: &Rules) -> Option<Transaction> {
        let before = self.installed.as_ref().filter(|before| before.frame() == rules.frame())?;
        let mut change = Transaction::new();
        let [four, six] = &rules.refused;
        let [four_before, six_before] = &before.refused;
        for (family, name, new, old) in [
            (TableFamily::Ip, REFUSED, four, four_before),
            (TableFamily::Ip6, REFUSED, six, six_before),
            (TableFamily::Ip6, REFUSED_LINK_LOCAL, &rules.refused_link_local, &before.refused_link_local),
        ] {
            let table = self.table(family);
            change.add_elements(&table, name, &new.difference(old).copied().collect::<Vec<_>>());
            change.remove_elements(&table, name, &old.difference(new).copied().collect::<Vec<_>>());
        }
        Some(change)
    }

    fn replace(&mut self, rules: &Rules, undo: &mut Undo) -> Result<(), NftError> {
        undo.note(Trace::Table(self.settings.table.clone()));
        let mut transaction = Transaction::new();
        for family in FAMILIES {
            let table = self.table(family);
            transaction.remove_table(&table);
            if rules.needs(family) {
                transaction.add_table(&table);
                let rules = Writer { table: &table, settings: &self.settings, into: &mut transaction, rules };
                match family {
                    TableFamily::Ip => rules.ip(),
                    TableFamily::Ip6 => rules.ip6(),
                }
            }
        }
        self.commit(&transaction)
    }

    /// Removes tables of ours, by name.
    fn remove_tables(&mut self, undo: &mut Undo, surplus: impl Fn(&str) -> bool) {
        let ours = undo.traces().iter().filter_map(|trace| match trace {
            Trace::Table(name) => Some(name.clone()),
            Trace::Link(_) | Trace::Sysctl { .. } => None,
        });
        for name in ours.filter(|name| surplus(name)).collect::<Vec<_>>() {
            if name == self.settings.table {
                self.installed = None;
            }
            let mut transaction = Transaction::new();
            for family in FAMILIES {
                transaction.remove_table(&NftTable { family, name: name.clone() });
            }
            match self.commit(&transaction) {
                Ok(()) | Err(NftError::Absent) => undo.forget(|trace| *trace == Trace::Table(name.clone())),
                Err(error) => warn!(table = name, %error, "a table of nftables cannot be removed"),
            }
        }
    }

    fn commit(&mut self, transaction: &Transaction) -> Result<(), NftError> {
        if self.monitor.is_none() {
            // Without it nobody notices a table that is removed; that is no reason to have none.
            self.monitor = NftMonitor::open().ok();
        }
        let nft = match &mut self.nft {
            Some(nft) => nft,
            None => self.nft.insert(Nft::open()?),
        };
        nft.commit(transaction)
    }
}

/// What is refused while an instance is MASTER.
fn refused(config: &Instance, table: &Table) -> Vec<Element> {
    if !config.refuses_traffic() {
        return Vec::new();
    }
    let element = |line: &lvsd_model::VirtualAddress| match line.address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            let interface = line.interface.as_ref().or_else(|| config.perch().addresses())?;
            Some(Element::AddressOn(line.address, table.link(interface.as_str())?.index))
        }
        address => Some(Element::Address(address)),
    };
    config.addresses.iter().chain(&config.excluded).filter_map(element).collect()
}

/// Writes the rules of one table.
struct Writer<'w> {
    table: &'w NftTable,
    settings: &'w Settings,
    into: &'w mut Transaction,
    rules: &'w Rules,
}

impl Writer<'_> {
    fn ip(mut self) {
        let [pairs, _] = &self.rules.vmacs;
        let [refused, _] = &self.rules.refused;
        self.set(BASES, Set::InterfaceToInterface, pairs);
        self.set(REFUSED, Set::Ipv4, refused);
        self.chains();
        let igmp = [Expression::Load(V4_PROTOCOL, 1), Expression::Equal(1, vec![IGMP])];
        self.by_the_base(&igmp, V4_DESTINATION);
        self.drop(OUT, &[Expression::Load(V4_SOURCE, 1), Expression::InSet(1, REFUSED)]);
        self.drop(IN, &[Expression::Load(V4_DESTINATION, 1), Expression::InSet(1, REFUSED)]);
    }

    fn ip6(mut self) {
        let [_, pairs] = &self.rules.vmacs;
        let [_, refused] = &self.rules.refused;
        self.set(BASES, Set::InterfaceToInterface, pairs);
        self.set(SHARED, Set::Ipv6OnInterface, &self.rules.shared);
        self.set(REFUSED, Set::Ipv6, refused);
        self.set(REFUSED_LINK_LOCAL, Set::Ipv6OnInterface, &self.rules.refused_link_local);
        self.chains();
        for chain in [IN_LINK_LOCAL, OUT_LINK_LOCAL] {
            self.into.add_chain(self.table, chain);
        }
        let mut advertisement = icmpv6(NEIGHBOUR_ADVERTISEMENT).to_vec();
        advertisement.extend([
            Expression::Load(V6_SOURCE, 1),
            Expression::LoadMeta(Meta::OutputIndex, 2),
            Expression::InSet(1, SHARED),
        ]);
        self.drop(OUT, &advertisement);
        for kind in MLD {
            self.by_the_base(&icmpv6(kind), V6_DESTINATION);
        }
        let mut solicitation = icmpv6(ROUTER_SOLICITATION).to_vec();
        solicitation.extend([Expression::LoadMeta(Meta::OutputIndex, 1), Expression::Map(1, BASES, 1)]);
        self.drop(OUT, &solicitation);
        for (chain, field, link_local) in
            [(OUT, V6_SOURCE, OUT_LINK_LOCAL), (IN, V6_DESTINATION, IN_LINK_LOCAL)]
        {
            for kind in [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] {
                self.rule(chain, &icmpv6(kind), Verdict::Accept);
            }
            self.rule(chain, &within_link_local(field), Verdict::Goto(link_local.name));
            self.drop(chain, &[Expression::Load(field, 1), Expression::InSet(1, REFUSED)]);
        }
        for (chain, field, side) in [
            (OUT_LINK_LOCAL, V6_SOURCE, Meta::OutputIndex),
            (IN_LINK_LOCAL, V6_DESTINATION, Meta::InputIndex),
        ] {
            let on_interface = [
                Expression::Load(field, 1),
                Expression::LoadMeta(side, 2),
                Expression::InSet(1, REFUSED_LINK_LOCAL),
            ];
            self.drop(chain, &on_interface);
        }
    }

    fn set(&mut self, name: &str, set: Set, elements: &BTreeSet<Element>) {
        self.into.add_set(self.table, name, set, &elements.iter().copied().collect::<Vec<_>>());
    }

    fn chains(&mut self) {
        let priority = self.settings.priority;
        for (chain, hook) in [(IN, Hook::Input), (OUT, Hook::Output)] {
            self.into.add_chain(self.table, Chain { hook: Some((hook, priority)), ..chain });
        }
    }

    /// What leaves by a VMAC goes out by its base instead.
    fn by_the_base(&mut self, which: &[Expression], destination: Field) {
        let mut expressions = which.to_vec();
        expressions.extend([
            Expression::Load(destination, 1),
            Expression::LoadMeta(Meta::OutputIndex, 2),
            Expression::Map(2, BASES, 2),
            Expression::Duplicate { address: 1, device: 2 },
        ]);
        self.drop(OUT, &expressions);
    }

    fn drop(&mut self, chain: Chain, expressions: &[Expression]) {
        self.rule(chain, expressions, Verdict::Drop);
    }

    fn rule(&mut self, chain: Chain, expressions: &[Expression], verdict: Verdict) {
        let mut all = expressions.to_vec();
        if self.settings.counters {
            all.push(Expression::Count);
        }
        all.push(Expression::Finish(verdict));
        self.into.add_rule(self.table, chain.name, &all);
    }
}

fn icmpv6(kind: u8) -> [Expression; 4] {
    [
        Expression::LoadMeta(Meta::Protocol, 1),
        Expression::Equal(1, vec![ICMPV6]),
        Expression::Load(ICMPV6_TYPE, 1),
        Expression::Equal(1, vec![kind]),
    ]
}

/// fe80::/10.
fn within_link_local(field: Field) -> [Expression; 3] {
    let start = |a: u8, b: u8| {
        let mut bytes = vec![0; 16];
        bytes.splice(..2, [a, b]);
        bytes
    };
    [
        Expression::Load(field, 1),
        Expression::Mask(1, start(0xff, 0xc0)),
        Expression::Equal(1, start(0xfe, 0x80)),
    ]
}
