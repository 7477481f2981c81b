//! `use_vmac`, `use_ipvlan` and what belongs to them: what is written, and which interfaces follow from all instances together.

use std::collections::HashMap;
use std::net::IpAddr;

use lvsd_model::{
    AdvertsBy, Family, Instance, InterfaceName, IpvlanFlag, MacAddress, OwnLink, Transport, VirtualLink,
    VirtualLinkKind, Vrid,
};

use super::Lowering;
use super::address::Placed;
use super::common::unsigned;
use super::instance::{At, Draft};
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// An Ethernet address as written: the sixth octet may be left to the VRID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MacDraft {
    Whole([u8; 6]),
    Prefix([u8; 5]),
}

/// `use_vmac` with its words.
#[derive(Clone, Debug, Default)]
pub(super) struct VmacDraft {
    name: At<InterfaceName>,
    mac: At<MacDraft>,
    group: Option<u32>,
}

/// `use_ipvlan` with its words.
#[derive(Clone, Debug, Default)]
struct IpvlanDraft {
    name: At<InterfaceName>,
    address: Option<(IpAddr, u8)>,
    flag: IpvlanFlag,
    group: Option<u32>,
}

/// Everything that an instance says about virtual interfaces.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkDraft {
    vmac: At<VmacDraft>,
    ipvlan: At<IpvlanDraft>,
    xmit_base: Option<Span>,
    vmac_addr: Option<Span>,
}

impl LinkDraft {
    /// What strict mode does not allow of it, taken out (RFC 9568 §7.2, §7.3).
    pub(super) fn make_strict(&mut self) -> impl Iterator<Item = (Span, &'static str)> {
        let base = self.xmit_base.take().map(|span| (span, "adverts leave through the VMAC"));
        let mac = self.vmac.as_mut().and_then(|(vmac, _)| vmac.mac.take());
        base.into_iter().chain(mac.map(|(_, span)| (span, "the VMAC has the address that the RFC says")))
    }
}

/// The names that interfaces have or get.
struct Names<'n> {
    /// Who has it.
    taken: HashMap<InterfaceName, Span>,
    vmac: &'n str,
    address: &'n str,
}

impl Names<'_> {
    /// The first free one of `PREFIX.VRID`, over IPv6 `PREFIX6.VRID`, then `PREFIX1.VRID` and so on.
    fn generate(&mut self, prefix: &str, family: Family, vrid: Vrid, at: Span) -> Option<InterfaceName> {
        let six = (family == Family::V6).then(|| format!("{prefix}6.{vrid}"));
        let numbered = (1..=255).map(|number| format!("{prefix}{number}.{vrid}"));
        let candidates = std::iter::once(format!("{prefix}.{vrid}")).chain(six).chain(numbered);
        let name = candidates
            .filter_map(|name| InterfaceName::new(&name))
            .find(|name| !self.taken.contains_key(name))?;
        self.taken.insert(name.clone(), at);
        Some(name)
    }
}

impl<'a> Lowering<'a> {
    /// Keywords of an instance about virtual interfaces.
    pub(super) fn instance_links(&mut self, statement: &Statement, draft: &mut LinkDraft) -> bool {
        let at = statement.keyword;
        let words = self.all_words(&statement.words);
        match statement.row.name {
            "use_vmac" => draft.vmac = Some((self.vmac_words(&words), at)),
            "use_ipvlan" => draft.ipvlan = Some((self.ipvlan_words(&words), at)),
            "use_vmac_addr" => draft.vmac_addr = Some(at),
            "vmac_xmit_base" => draft.xmit_base = Some(at),
            _ => return false,
        }
        true
    }

    /// `[name <if> | <if>] [<MAC>] [netlink_notify_msg] [group <n>]`.
    pub(super) fn vmac_words(&mut self, words: &[Word<'a>]) -> VmacDraft {
        let mut draft = VmacDraft::default();
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word.text {
                // Some kernels need to be told of changes; the notifications that lvsd listens to have them.
                "netlink_notify_msg" => {}
                "name" => draft.name = rest.next().and_then(|name| self.link_name(name)),
                "group" => draft.group = rest.next().and_then(|group| self.link_group(group)),
                text if text.contains(':') => {
                    draft.mac = self.mac(word).map(|mac| (mac, word.span));
                }
                _ => draft.name = self.link_name(word),
            }
        }
        draft
    }

    /// `[name <if> | <if>] [<address>/<prefix>] [bridge|private|vepa] [group <n>]`.
    fn ipvlan_words(&mut self, words: &[Word<'a>]) -> IpvlanDraft {
        let mut draft = IpvlanDraft::default();
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word.text {
                "name" => draft.name = rest.next().and_then(|name| self.link_name(name)),
                "group" => draft.group = rest.next().and_then(|group| self.link_group(group)),
                "bridge" => draft.flag = IpvlanFlag::Bridge,
                "private" => draft.flag = IpvlanFlag::Private,
                "vepa" => draft.flag = IpvlanFlag::Vepa,
                text if text.contains(['/', ':']) || text.parse::<IpAddr>().is_ok() => {
                    draft.address = self.prefixed(word).map(|(address, prefix)| {
                        (address, prefix.unwrap_or_else(|| if address.is_ipv4() { 32 } else { 128 }))
                    });
                }
                _ => draft.name = self.link_name(word),
            }
        }
        draft
    }

    /// The name of an interface that does not exist yet.
    fn link_name(&mut self, word: Word<'_>) -> At<InterfaceName> {
        let name = InterfaceName::new(word.text);
        if name.is_none() {
            let message = format!("`{}` cannot be the name of an interface", word.text);
            let help = "1 to 15 bytes without blanks or slashes";
            self.report(Diagnostic::error(Rule::BadName, word.span, message).help(help));
        }
        name.map(|name| (name, word.span))
    }

    fn link_group(&mut self, word: Word<'_>) -> Option<u32> {
        if word.text == "default" {
            return Some(0);
        }
        self.number_word(word, 0..=i64::from(u32::MAX)).map(unsigned)
    }

    /// Five or six octets; neither a group's address nor nobody's.
    fn mac(&mut self, word: Word<'_>) -> Option<MacDraft> {
        let octet = |text: &str| {
            let digits = (1..=2).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
            u8::from_str_radix(text, 16).ok().filter(|_| digits)
        };
        let octets: Option<Vec<u8>> = word.text.split(':').map(octet).collect();
        let octets = octets.unwrap_or_default();
        let unicast = octets.first().is_some_and(|first| first & 1 == 0) && octets.iter().any(|o| *o != 0);
        let whole = <[u8; 6]>::try_from(octets.as_slice()).map(MacDraft::Whole);
        let mac = whole.or_else(|_| <[u8; 5]>::try_from(octets.as_slice()).map(MacDraft::Prefix)).ok();
        if let Some(mac) = mac.filter(|_| unicast) {
            return Some(mac);
        }
        let message = format!("`{}` cannot be the Ethernet address of an interface", word.text);
        let help = "six octets such as 02:00:5e:10:00:01, or five, to which the VRID is added";
        self.report(Diagnostic::error(Rule::BadAddress, word.span, message).help(help));
        None
    }

    /// Works out the interfaces of all instances, once all of them are known: names must not clash.
    pub(super) fn resolve_links(&mut self) {
        let mut drafts = std::mem::take(&mut self.instance_drafts);
        let (vmac, address) = (self.defaults.vmac_prefix.clone(), self.defaults.vmac_addr_prefix.clone());
        let address = address.unwrap_or_else(|| vmac.clone());
        let mut names = Names { taken: self.written_names(&drafts), vmac: &vmac, address: &address };
        // One interface cannot have two macvlans of one Ethernet address.
        let mut macs: HashMap<(InterfaceName, MacAddress), (VirtualLink, Span)> = HashMap::new();
        for (draft, instance) in &mut drafts {
            self.own_link(draft, instance, &mut names, &mut macs);
        }
        for (draft, instance) in &mut drafts {
            self.address_links(draft, instance, &mut names, &mut macs);
            mark_ipv6(instance);
        }
        self.instance_drafts = drafts;
    }

    /// Names that are written, of base interfaces too; one that is given to two is an error.
    fn written_names(&mut self, drafts: &[(Draft, Instance)]) -> HashMap<InterfaceName, Span> {
        let mut taken = HashMap::new();
        for (draft, _) in drafts {
            taken.extend(draft.interface.clone());
        }
        for (draft, _) in drafts {
            let vmac = draft.links.vmac.as_ref().and_then(|(vmac, _)| vmac.name.as_ref());
            let ipvlan = draft.links.ipvlan.as_ref().and_then(|(ipvlan, _)| ipvlan.name.as_ref());
            if let Some((name, span)) = vmac.or(ipvlan) {
                self.only_one(name, *span, &taken);
                taken.insert(name.clone(), *span);
            }
        }
        // Several addresses may name one.
        let lines = drafts.iter().flat_map(|(draft, _)| draft.addresses.iter().chain(&draft.excluded));
        let of_lines: Vec<_> =
            lines.filter_map(|placed| placed.vmac.as_ref().and_then(|vmac| vmac.name.clone())).collect();
        for (name, span) in &of_lines {
            self.only_one(name, *span, &taken);
        }
        taken.extend(of_lines);
        taken
    }

    fn only_one(&mut self, name: &InterfaceName, span: Span, taken: &HashMap<InterfaceName, Span>) {
        if let Some(&before) = taken.get(name) {
            let message = format!("there already is an interface `{name}`");
            let help = "give it another name, or leave the name to lvsd";
            let diagnostic = Diagnostic::error(Rule::VirtualLink, span, message).help(help);
            self.report(diagnostic.also(before, "the other one"));
        }
    }

    fn own_link(
        &mut self,
        draft: &Draft,
        instance: &mut Instance,
        names: &mut Names<'_>,
        macs: &mut HashMap<(InterfaceName, MacAddress), (VirtualLink, Span)>,
    ) {
        let LinkDraft { vmac, ipvlan, xmit_base, .. } = &draft.links;
        let Some(at) = vmac.as_ref().map(|(_, at)| *at).or_else(|| ipvlan.as_ref().map(|(_, at)| *at)) else {
            if let Some(span) = *xmit_base {
                let message = "vmac_xmit_base says nothing without use_vmac; it is ignored";
                self.report(Diagnostic::tolerated(Rule::VirtualLink, span, message));
            }
            return;
        };
        let Some(base) = instance.interface.clone() else {
            let message = format!("the instance `{}` has no interface that a VMAC could sit on", draft.name);
            self.report(
                Diagnostic::error(Rule::MissingInterface, at, message).help("add `interface <name>`"),
            );
            return;
        };
        let link = match (vmac, ipvlan) {
            (Some((vmac, _)), second) => {
                if let Some((_, span)) = second {
                    let message = "an instance lives on a VMAC or on an ipvlan; use_ipvlan is ignored";
                    self.report(
                        Diagnostic::tolerated(Rule::VirtualLink, *span, message).also(at, "use_vmac"),
                    );
                }
                let link = vmac_link(vmac, instance, base, instance.family, names, true, at);
                self.note_mac(link, at, macs)
            }
            (None, Some((ipvlan, _))) => self.ipvlan_link(ipvlan, instance, base, names, at),
            (None, None) => None,
        };
        let Some(link) = link else { return };
        let adverts = self.adverts_by(draft, instance, &link, at);
        instance.own_link = Some(OwnLink { link, adverts });
    }

    /// What a unicast peer answers goes to the base, whose address the adverts bear: they have to leave there, too.
    fn adverts_by(&mut self, draft: &Draft, instance: &Instance, link: &VirtualLink, at: Span) -> AdvertsBy {
        let unicast = matches!(instance.transport, Transport::Unicast { .. });
        if draft.links.xmit_base.is_none() && unicast && link.is_vmac() {
            let message = "adverts to unicast peers leave and come in by the base interface";
            let help = "add `vmac_xmit_base`, which says so";
            self.report(Diagnostic::hint(Rule::VirtualLink, at, message).help(help));
            return AdvertsBy::Base;
        }
        if draft.links.xmit_base.is_some() { AdvertsBy::Base } else { AdvertsBy::Link }
    }

    fn ipvlan_link(
        &mut self,
        draft: &IpvlanDraft,
        instance: &Instance,
        base: InterfaceName,
        names: &mut Names<'_>,
        at: Span,
    ) -> Option<VirtualLink> {
        let fits = draft.address.filter(|(address, _)| Family::of(*address) == instance.family);
        if fits.is_none() && (instance.family == Family::V4 || draft.address.is_some()) {
            let message =
                format!("an ipvlan of an {} instance needs an {0} address of its own", instance.family);
            let help = "write `use_ipvlan <address>/<prefix>`: adverts leave from it";
            self.report(Diagnostic::error(Rule::VirtualLink, at, message).help(help));
            return None;
        }
        let name = match &draft.name {
            Some((name, _)) => name.clone(),
            None => names.generate(names.vmac, instance.family, instance.vrid, at)?,
        };
        let kind = VirtualLinkKind::Ipvlan { flag: draft.flag, address: fits };
        let (group, family) = (draft.group, instance.family);
        Some(VirtualLink { name, base, kind, group, family, carries_ipv6: family == Family::V6 })
    }

    /// Remembers a VMAC; an error when its base has one of the same address.
    fn note_mac(
        &mut self,
        link: Option<VirtualLink>,
        at: Span,
        macs: &mut HashMap<(InterfaceName, MacAddress), (VirtualLink, Span)>,
    ) -> Option<VirtualLink> {
        let link = link?;
        let VirtualLinkKind::Vmac { mac } = link.kind else { return Some(link) };
        if let Some((other, before)) = macs.get(&(link.base.clone(), mac)) {
            let message = format!("`{}` has a VMAC with the Ethernet address {mac} already", other.base);
            let help = "two instances of one VRID and interface cannot both have one: give one another VRID or address";
            let diagnostic = Diagnostic::error(Rule::VirtualLink, at, message).help(help);
            self.report(diagnostic.also(*before, "the other one"));
            return None;
        }
        macs.insert((link.base.clone(), mac), (link.clone(), at));
        Some(link)
    }

    /// VMACs of single addresses: `use_vmac` on their lines, and with `use_vmac_addr` all that the instance's own does not fit.
    fn address_links(
        &mut self,
        draft: &Draft,
        instance: &mut Instance,
        names: &mut Names<'_>,
        macs: &mut HashMap<(InterfaceName, MacAddress), (VirtualLink, Span)>,
    ) {
        let (base, own) =
            (instance.interface.clone(), instance.own_link.as_ref().map(|own| own.link.clone()));
        let everything = draft.links.vmac_addr;
        let mut wanted: Vec<(IpAddr, InterfaceName, VmacDraft, Span)> = Vec::new();
        for Placed { address, vmac, span, .. } in draft.addresses.iter().chain(&draft.excluded) {
            let Some(on) = address.interface.clone().or_else(|| base.clone()) else { continue };
            let elsewhere = Some(&on) != base.as_ref();
            let other_family = own.is_some() && Family::of(address.address) != instance.family;
            let implied = everything.filter(|_| elsewhere || other_family).map(|_| VmacDraft::default());
            if let Some(vmac) = vmac.clone().or(implied) {
                wanted.push((address.address, on, vmac, *span));
            }
        }
        for (address, on, vmac, span) in wanted {
            let family = Family::of(address);
            let mac = mac_of(&vmac, family, instance.vrid);
            let shared = instance
                .virtual_links()
                .find(|link| (&link.base, &link.kind) == (&on, &VirtualLinkKind::Vmac { mac }));
            let name = match shared {
                Some(link) => link.name.clone(),
                None => {
                    let link = vmac_link(&vmac, instance, on, family, names, false, span);
                    let Some(link) = self.note_mac(link, span, macs) else { continue };
                    let name = link.name.clone();
                    instance.address_links.push(link);
                    name
                }
            };
            let lines = instance.addresses.iter_mut().chain(&mut instance.excluded);
            for line in lines.filter(|line| line.address == address) {
                line.interface = Some(name.clone());
            }
        }
    }
}

fn mac_of(draft: &VmacDraft, family: Family, vrid: Vrid) -> MacAddress {
    match draft.mac {
        None => MacAddress::virtual_router(family, vrid),
        Some((MacDraft::Whole(octets), _)) => MacAddress(octets),
        Some((MacDraft::Prefix([a, b, c, d, e]), _)) => MacAddress([a, b, c, d, e, vrid.get()]),
    }
}

/// A VMAC; `None` when no name is left for it.
fn vmac_link(
    draft: &VmacDraft,
    instance: &Instance,
    base: InterfaceName,
    family: Family,
    names: &mut Names<'_>,
    own: bool,
    at: Span,
) -> Option<VirtualLink> {
    let prefix = if own { names.vmac } else { names.address };
    let name = match &draft.name {
        Some((name, _)) => name.clone(),
        None => names.generate(prefix, family, instance.vrid, at)?,
    };
    let kind = VirtualLinkKind::Vmac { mac: mac_of(draft, family, instance.vrid) };
    Some(VirtualLink { name, base, kind, group: draft.group, family, carries_ipv6: family == Family::V6 })
}

/// Finds out which interfaces get IPv6 addresses.
fn mark_ipv6(instance: &mut Instance) {
    let lines = || instance.addresses.iter().chain(&instance.excluded).filter(|line| line.address.is_ipv6());
    let on_own = lines().any(|line| line.interface.is_none());
    let named: Vec<InterfaceName> = lines().filter_map(|line| line.interface.clone()).collect();
    let own = instance.own_link.iter_mut().map(|own| &mut own.link);
    own.for_each(|link| link.carries_ipv6 |= on_own || named.contains(&link.name));
    instance.address_links.iter_mut().for_each(|link| link.carries_ipv6 |= named.contains(&link.name));
}
