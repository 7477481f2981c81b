//! From what is written of an instance to what it means: defaults, strict mode, and what cannot be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{
    Accept, AdvertInterval, Family, HmacMode, InitialState, Instance, Preempt, Priority, Transport,
    UnicastPeer, Version, VirtualAddress,
};

use super::Lowering;
use super::address::Placed;
use super::instance::{At, Draft};
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;
use crate::values::show;

/// The number of addresses that the count field of an advert can hold (RFC 9568 §5.2.5).
const MAX_ADDRESSES: usize = 255;

/// The default interval.
const SECOND: AdvertInterval = match AdvertInterval::v2(1) {
    Ok(second) => second,
    Err(_) => panic!("one second is an interval"),
};

impl<'a> Lowering<'a> {
    pub(super) fn finish_instances(&mut self, drafts: Vec<(Draft, &'a Statement)>) {
        for (mut draft, block) in drafts {
            self.strict_mode(&mut draft);
            if let Some(instance) = self.instance(&mut draft, block) {
                self.check_instance(&draft, &instance);
                self.instance_drafts.push((draft, instance));
            }
        }
        self.check_duplicate_vrids();
        self.resolve_links();
        self.check_extra_garp();
        self.check_shared_addresses();
    }

    /// `garp_extra_if` is about VMACs that adverts do not use.
    fn check_extra_garp(&mut self) {
        let mut drafts = std::mem::take(&mut self.instance_drafts);
        for (draft, instance) in &mut drafts {
            if instance.perch().quiet_vmacs().next().is_some() {
                continue;
            }
            let wanted = instance.garp.extra.take().is_some();
            if let Some(at) = draft.garp_extra.filter(|_| wanted) {
                let message =
                    format!("no VMAC of `{}` is without adverts: there is nothing to announce", draft.name);
                let help = "it is for addresses with `use_vmac` on their lines, `use_vmac_addr`, and `vmac_xmit_base`";
                self.report(Diagnostic::hint(Rule::NoEffect, at, message).help(help));
            }
        }
        self.instance_drafts = drafts;
    }

    fn instance(&mut self, draft: &mut Draft, block: &Statement) -> Option<Instance> {
        let at = draft.at(block);
        let family = self.family(draft);
        let version = self.instance_version(draft, family);
        let addresses = self.own_addresses(draft, family);
        self.require_addresses(draft, version, &addresses, at);
        let transport = self.transport(draft, family);
        let unicast = matches!(transport, Transport::Unicast { .. });
        let interface = draft.interface.as_ref().map(|(name, _)| name.clone());
        let tried = |name: &str| block.block().iter().any(|statement| statement.row.name == name);
        if interface.is_none() && !unicast && !tried("interface") {
            let message = format!("the instance `{}` has no interface", draft.name);
            self.report(
                Diagnostic::error(Rule::MissingInterface, at, message).help("add `interface <name>`"),
            );
        }
        if let Some((name, span)) = draft.interface.as_ref().filter(|(name, _)| name.as_str() == "lo") {
            let message = format!("VRRP cannot run on the loopback interface `{name}`");
            self.report(Diagnostic::error(Rule::BadName, *span, message));
        }
        let Some((vrid, _)) = draft.vrid else {
            let valid = if tried("virtual_router_id") { "valid " } else { "" };
            let message = format!("the instance `{}` has no {valid}virtual_router_id", draft.name);
            let help = "add `virtual_router_id <1 to 255>`, the same on all its routers and on no others";
            self.report(Diagnostic::error(Rule::MissingVrid, at, message).help(help));
            return None;
        };
        let (initial, priority) = self.state_and_priority(draft, at);
        let preempt = self.preempt(draft, initial, priority);
        let late_backup = self.late_backup(draft, preempt);
        let advert_interval = self.advert_interval(draft.advert, version);
        let auth = self.auth(draft, version, advert_interval);
        self.owner_tracking(draft, priority);
        self.resign_needs_nopreempt(draft, preempt);
        let defaults = &self.defaults;
        let flag = |own: At<bool>, global| own.map_or(global, |(value, _)| value);
        Some(Instance {
            name: draft.name.clone(),
            version,
            family,
            interface,
            vrid,
            priority,
            initial,
            advert_interval,
            preempt,
            source: draft.source.map(|(address, _)| address).filter(|&address| Family::of(address) == family),
            transport,
            auth,
            addresses: addresses.into_iter().map(|placed| placed.address).collect(),
            excluded: draft.excluded.iter().map(|placed| placed.address.clone()).collect(),
            routes: draft.routes.clone(),
            rules: draft.rules.clone(),
            promote_secondaries: draft.promote_secondaries,
            garp: defaults.garp_policy(draft.garp),
            down_timer_adverts: draft
                .down_timer_adverts
                .map_or(defaults.down_timer_adverts, |(count, _)| count),
            resign_on_priority_drop: flag(draft.resign_on_priority_drop, defaults.resign_on_priority_drop),
            leave_detection: flag(draft.leave_detection, defaults.leave_detection),
            master_inquiry: flag(draft.master_inquiry, defaults.master_inquiry),
            lower_prio_no_advert: flag(draft.lower_prio_no_advert, defaults.lower_prio_no_advert),
            higher_prio_send_advert: flag(draft.higher_prio_send_advert, defaults.higher_prio_send_advert),
            owner_ignores_adverts: priority.is_owner()
                && flag(draft.owner_ignore_adverts, defaults.owner_ignore_adverts),
            late_backup,
            skip_check_adv_addr: draft.skip_check_adv_addr.unwrap_or(defaults.skip_check_adv_addr),
            v3_checksum_as_v2: draft.v3_checksum_as_v2.unwrap_or(defaults.v3_checksum_as_v2),
            ignore_own_interface: draft.ignore_own_interface,
            trackers: draft.track.trackers.clone(),
            notify: draft.notify.clone(),
            own_link: None,
            address_links: Vec::new(),
            accept: draft.accept.map_or(Accept::Everything, |(accept, _)| accept),
            track_source: draft.track_source.is_some() && draft.source.is_some(),
            vrf: draft.vrf.as_ref().map(|(name, _)| name.clone()).filter(|_| draft.interface.is_none()),
        })
    }

    /// IPv4 or IPv6, by the first address that says so.
    fn family(&mut self, draft: &mut Draft) -> Family {
        let first = draft.addresses.first().map(|placed| placed.address.address);
        let peer = draft.peers.as_ref().and_then(|(peers, _)| peers.first()).map(|peer| peer.address);
        let source = draft.source.map(|(address, _)| address);
        let excluded = draft.excluded.first().map(|placed| placed.address.address);
        let family = first.or(source).or(peer).or(excluded).map_or(Family::V4, Family::of);
        if let Some((address, span)) = draft.source.filter(|&(address, _)| Family::of(address) != family) {
            let message =
                format!("the source address {address} is not {family} like the instance; it is ignored");
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, span, message));
        }
        if let Some((group, span)) = draft.group.filter(|&(group, _)| Family::of(group) != family) {
            let message = format!("the group {group} is not {family} like the instance; it is ignored");
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, span, message));
            draft.group = None;
        }
        family
    }

    fn instance_version(&mut self, draft: &Draft, family: Family) -> Version {
        match (draft.version, family) {
            (Some((Version::V2, span)), Family::V6) => {
                let message = "VRRPv2 is for IPv4 only; version 3 is used";
                self.report(
                    Diagnostic::tolerated(Rule::FamilyMismatch, span, message).help("write `version 3`"),
                );
                Version::V3
            }
            (None, Family::V6) => Version::V3,
            (Some((version, _)), _) => version,
            (None, Family::V4) => self.defaults.version,
        }
    }

    /// The addresses of the instance's family, each once.
    fn own_addresses(&mut self, draft: &mut Draft, family: Family) -> Vec<Placed> {
        let mut seen: HashMap<IpAddr, Span> = HashMap::new();
        let mut list = Vec::new();
        for placed in draft.addresses.clone() {
            let address = placed.address.address;
            if Family::of(address) != family {
                let message = format!("{address} is not {family} like the instance; it is ignored");
                let help = "put it into virtual_ipaddress_excluded, or into an instance of its own";
                self.report(Diagnostic::tolerated(Rule::FamilyMismatch, placed.span, message).help(help));
            } else if self.first_of(&mut seen, &placed) {
                list.push(placed);
            }
        }
        let excluded = std::mem::take(&mut draft.excluded);
        draft.excluded = excluded.into_iter().filter(|placed| self.first_of(&mut seen, placed)).collect();
        if let Some(extra) = list.get(MAX_ADDRESSES) {
            let message = format!("an advert has room for {MAX_ADDRESSES} addresses");
            let help = "put the others into virtual_ipaddress_excluded";
            self.report(Diagnostic::error(Rule::TooManyAddresses, extra.span, message).help(help));
        }
        draft.addresses.clone_from(&list);
        list
    }

    fn first_of(&mut self, seen: &mut HashMap<IpAddr, Span>, placed: &Placed) -> bool {
        let VirtualAddress { address, .. } = placed.address;
        let Some(&before) = seen.get(&address) else {
            seen.insert(address, placed.span);
            return true;
        };
        let message = format!("{address} stands here twice; this line is ignored");
        let diagnostic = Diagnostic::tolerated(Rule::DuplicateAddress, placed.span, message);
        self.report(diagnostic.also(before, "the first one"));
        false
    }

    fn require_addresses(&mut self, draft: &Draft, version: Version, addresses: &[Placed], at: Span) {
        // Addresses that are wrong were named already.
        if !addresses.is_empty() || draft.no_addresses.is_some() || draft.tried_addresses {
            return;
        }
        let message = format!("the instance `{}` has no virtual address", draft.name);
        let help =
            "add `virtual_ipaddress { <address>/<prefix> }`, or `no_virtual_ipaddress` if that is meant";
        let diagnostic = match version {
            Version::V3 => Diagnostic::error(Rule::MissingAddresses, at, message),
            Version::V2 => Diagnostic::tolerated(Rule::MissingAddresses, at, message),
        };
        self.report(diagnostic.help(help));
    }

    fn transport(&mut self, draft: &Draft, family: Family) -> Transport {
        let default = match family {
            Family::V4 => self.defaults.group4,
            Family::V6 => self.defaults.group6,
        };
        let multicast = Transport::Multicast { group: draft.group.map_or(default, |(group, _)| group) };
        let Some((peers, span)) = &draft.peers else { return multicast };
        let (peers, others): (Vec<UnicastPeer>, Vec<UnicastPeer>) =
            peers.iter().partition(|peer| Family::of(peer.address) == family);
        if let Some(other) = others.first() {
            let message =
                format!("the peer {} is not {family} like the instance; it is ignored", other.address);
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, *span, message));
        }
        let Draft { check_unicast_src: check_source, old_checksum, fault_without_peer, .. } = *draft;
        // The kernel's own hop limit for IPv6, as keepalived leaves it.
        let ttl = draft.unicast_ttl.unwrap_or(if family == Family::V4 { 255 } else { 64 });
        if peers.is_empty() && fault_without_peer {
            let message = "unicast_peer names nobody, so the instance stays in FAULT";
            let help = "add the other router's address";
            self.report(Diagnostic::tolerated(Rule::EmptyPeerList, *span, message).help(help));
            return Transport::Unicast { peers, ttl, check_source, old_checksum };
        }
        if peers.is_empty() && !draft.tried_peers {
            let message = "unicast_peer names nobody, so adverts go to the multicast group";
            let help = "add the other router's address";
            self.report(Diagnostic::tolerated(Rule::EmptyPeerList, *span, message).help(help));
        }
        if peers.is_empty() {
            return multicast;
        }
        Transport::Unicast { peers, ttl, check_source, old_checksum }
    }

    fn state_and_priority(&mut self, draft: &Draft, at: Span) -> (InitialState, Priority) {
        let state = draft.state.map(|(state, _)| state);
        let priority = match (draft.priority, draft.state) {
            (Some((priority, _)), _) => priority,
            (None, Some((InitialState::Master, span))) => {
                let message = "`state MASTER` without a priority means priority 255: this router owns the addresses \
                               and takes them over at once, whoever holds them";
                let help = "write `priority <1 to 254>`, higher than on the other routers";
                self.report(
                    Diagnostic::hint(Rule::MasterWithoutPriority, span, message)
                        .also(at, "no priority here")
                        .help(help),
                );
                Priority::OWNER
            }
            (None, _) => Priority::DEFAULT,
        };
        let initial = match state {
            Some(state) => state,
            None if priority.is_owner() => InitialState::Master,
            None => InitialState::Backup,
        };
        (initial, priority)
    }

    fn preempt(&mut self, draft: &mut Draft, initial: InitialState, priority: Priority) -> Preempt {
        let delay = draft.preempt_delay.filter(|(delay, _)| !delay.is_zero());
        if initial == InitialState::Master
            && let Some(span) = draft.nopreempt.or_else(|| delay.map(|(_, span)| span))
        {
            let message =
                "`state MASTER` cancels nopreempt and preempt_delay: this router takes over at once";
            let mut diagnostic =
                Diagnostic::tolerated(Rule::MasterNopreempt, span, message).help("write `state BACKUP`");
            if let Some((_, state)) = draft.state {
                diagnostic = diagnostic.also(state, "because of this");
            }
            self.report(diagnostic);
            draft.nopreempt = None;
            return Preempt::After(Duration::ZERO);
        }
        let Some(nopreempt) = draft.nopreempt else {
            return Preempt::After(delay.map_or(Duration::ZERO, |(delay, _)| delay));
        };
        if priority.is_owner() {
            let message = "priority 255 always preempts; nopreempt is ignored";
            self.report(Diagnostic::tolerated(Rule::PreemptConflict, nopreempt, message));
            draft.nopreempt = None;
            return Preempt::After(Duration::ZERO);
        }
        if let Some((_, span)) = delay {
            let message = "with nopreempt there is nothing to delay; preempt_delay is ignored";
            self.report(
                Diagnostic::tolerated(Rule::PreemptConflict, span, message).also(nopreempt, "nopreempt"),
            );
        }
        let resigns =
            draft.resign_on_priority_drop.map_or(self.defaults.resign_on_priority_drop, |(value, _)| value);
        let weighted = draft.track.weighted().map(|(span, _)| span).next();
        if let Some(span) = weighted.filter(|_| !resigns) {
            let message = "with nopreempt a changed weight never moves the addresses: the other router will not take over";
            let help = "add `resign_on_priority_drop`, or remove the weight (a failure is then a FAULT), or remove nopreempt";
            self.report(
                Diagnostic::hint(Rule::NopreemptWeight, span, message)
                    .also(nopreempt, "nopreempt")
                    .help(help),
            );
        }
        Preempt::Never
    }

    /// `timer_expired_backup`: with preemption, whoever is better takes over anyway.
    fn late_backup(&mut self, draft: &Draft, preempt: Preempt) -> Option<Priority> {
        let (priority, span) = draft.late_backup?;
        if preempt == Preempt::Never {
            return Some(priority);
        }
        let message = "timer_expired_backup needs nopreempt; it is ignored";
        self.report(Diagnostic::tolerated(Rule::PreemptConflict, span, message));
        None
    }

    fn advert_interval(&mut self, written: At<Duration>, version: Version) -> AdvertInterval {
        let (interval, span) = match written {
            Some((interval, span)) => (interval, Some(span)),
            None => (Duration::from_secs(1), None),
        };
        let centis = u16::try_from((interval.as_micros() + 5000) / 10_000).unwrap_or(u16::MAX);
        let taken = match version {
            Version::V2 => AdvertInterval::v2(u8::try_from(((centis + 50) / 100).max(1)).unwrap_or(u8::MAX)),
            Version::V3 => AdvertInterval::v3(centis.clamp(1, 4095)),
        };
        let taken = taken.unwrap_or(SECOND);
        if let Some(span) = span
            && taken.duration() != interval
        {
            let limits = match version {
                Version::V2 => "VRRPv2 counts whole seconds",
                Version::V3 => "VRRPv3 counts hundredths of a second, at most 40.95",
            };
            let message = format!("{limits}; taken as {}", show(taken.duration()));
            let help = if version == Version::V2 {
                "use `version 3` for shorter intervals"
            } else {
                "write that number"
            };
            self.report(Diagnostic::tolerated(Rule::RoundedInterval, span, message).help(help));
        }
        taken
    }

    fn owner_tracking(&mut self, draft: &mut Draft, priority: Priority) {
        if !priority.is_owner() {
            return;
        }
        for (span, _) in draft.track.weighted().collect::<Vec<_>>() {
            let message = "priority 255 never changes, so this weight is ignored";
            let help = "use a priority below 255, or remove the weight so that a failure is a FAULT";
            self.report(Diagnostic::tolerated(Rule::OwnerTracking, span, message).help(help));
        }
        draft.track.drop_weighted();
    }

    /// Where backups preempt, the better one takes over by itself.
    fn resign_needs_nopreempt(&mut self, draft: &Draft, preempt: Preempt) {
        if let Some((true, span)) = draft.resign_on_priority_drop
            && preempt != Preempt::Never
        {
            let message =
                "resign_on_priority_drop has no effect without nopreempt: a better backup takes over anyway";
            self.report(
                Diagnostic::hint(Rule::PreemptConflict, span, message).help("add `nopreempt`, or remove it"),
            );
        }
    }

    /// What strict mode forces or forbids, as far as lvsd acts on it.
    fn strict_mode(&mut self, draft: &mut Draft) {
        if !draft.strict.unwrap_or(self.defaults.strict) {
            return;
        }
        let mut dropped: Vec<(Span, &str)> = Vec::new();
        dropped.extend(draft.auth.block.take().map(|span| (span, "authentication is ignored")));
        dropped.extend(draft.preempt_delay.take().map(|(_, span)| (span, "preempt_delay is ignored")));
        dropped.extend(draft.garp_lower.take().map(|span| (span, "garp_lower_prio_* is ignored")));
        dropped.extend(draft.down_timer_adverts.take().map(|(_, span)| (span, "down_timer_adverts is 3")));
        let early = draft.leave_detection.filter(|(value, _)| *value);
        dropped.extend(early.map(|(_, span)| (span, "leave_detection is off")));
        let asks = draft.master_inquiry.filter(|(value, _)| *value);
        dropped.extend(asks.map(|(_, span)| (span, "master_inquiry is off")));
        let sends = draft.higher_prio_send_advert.filter(|(value, _)| *value);
        dropped.extend(sends.map(|(_, span)| (span, "higher_prio_send_advert is off")));
        let written = draft.priority.map(|(priority, _)| priority);
        let unwritten_owner = written.is_none() && matches!(draft.state, Some((InitialState::Master, _)));
        let owner = written.is_some_and(Priority::is_owner) || unwritten_owner;
        let listens = draft.owner_ignore_adverts.filter(|(ignores, _)| owner && !*ignores);
        dropped.extend(listens.map(|(_, span)| (span, "an owner ignores adverts")));
        let addresses = draft.no_addresses.take();
        dropped.extend(
            addresses.map(|span| (span, "an instance needs an address; no_virtual_ipaddress is ignored")),
        );
        let first = draft.addresses.first().map(|placed| (placed.address.address, placed.span));
        if let Some((std::net::IpAddr::V6(address), span)) = first
            && !address.is_unicast_link_local()
        {
            dropped.push((span, "the first IPv6 address is to be link-local"));
        }
        if let Some((_, span)) = draft.peers.as_ref().filter(|(peers, _)| !peers.is_empty()) {
            let message =
                "strict mode: VRRP is multicast; unicast peers are served all the same, as keepalived does";
            self.report(Diagnostic::hint(Rule::StrictMode, *span, message));
        }
        let state = if owner { InitialState::Master } else { InitialState::Backup };
        let other = draft.state.filter(|&(written, _)| written != state && draft.priority.is_some());
        dropped.extend(
            other.map(|(_, span)| (span, "the state follows from the priority: MASTER only with 255")),
        );
        let lax = draft.hmac.mode.filter(|(mode, _)| *mode != HmacMode::Enforce);
        dropped.extend(lax.map(|(_, span)| (span, "the mode of auth_hmac is enforce")));
        draft.hmac.mode = None;
        dropped.extend(draft.links.make_strict());
        dropped.extend(self.strict_accept(draft, owner));
        for (span, what) in dropped {
            let message = format!("strict mode: {what}");
            let help = "remove it, or remove vrrp_strict (or strict_mode)";
            self.report(Diagnostic::tolerated(Rule::StrictMode, span, message).help(help));
        }
        if let Some((written, _)) = &mut draft.state
            && draft.priority.is_some()
        {
            *written = state;
        }
        draft.garp.lower_prio_delay = Some(Duration::ZERO);
        draft.garp.lower_prio_repeat = Some(0);
        if let Some(span) = draft.name_span {
            draft.owner_ignore_adverts = Some((owner, span));
            draft.down_timer_adverts = Some((3, span));
            // RFC 9568 §6.4.2 waits for the whole interval.
            draft.leave_detection = Some((false, span));
            draft.master_inquiry = Some((false, span));
            draft.lower_prio_no_advert = Some((true, span));
            draft.higher_prio_send_advert = Some((false, span));
        }
    }

    /// Accept_Mode is off unless it is switched on (RFC 9568 §6.1), which VRRPv2 does not know.
    fn strict_accept(&mut self, draft: &mut Draft, owner: bool) -> Option<(Span, &'static str)> {
        if owner {
            return None;
        }
        let version = draft.version.map_or(self.defaults.version, |(version, _)| version);
        let ipv6 = draft.addresses.first().is_some_and(|placed| placed.address.address.is_ipv6());
        let accept = draft.accept.filter(|(accept, _)| *accept == Accept::Everything);
        match (accept, draft.name_span) {
            (Some((_, span)), _) if version == Version::V2 && !ipv6 => {
                draft.accept = Some((Accept::Nothing, span));
                Some((span, "VRRPv2 has no `accept`: what is sent to the virtual addresses is dropped"))
            }
            (None, Some(span)) => {
                draft.accept = Some((Accept::Nothing, span));
                let message =
                    "in strict mode what is sent to the virtual addresses is dropped, pings and all";
                let help = "add `accept` (VRRPv3), or remove vrrp_strict: that is what most people mean";
                self.report(Diagnostic::hint(Rule::StrictMode, span, message).help(help));
                None
            }
            _ => None,
        }
    }
}
