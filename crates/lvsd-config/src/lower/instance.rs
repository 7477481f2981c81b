//! `vrrp_instance`: what is written, before any rule is applied (those are in `instance_rules`).

use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{
    Accept, InitialState, InterfaceName, Notify, OldUnicastChecksum, Priority, Route, Rule as Policy,
    UnicastPeer, Version, Vrid,
};

use super::Lowering;
use super::address::Placed;
use super::auth::{AuthDraft, HmacDraft};
use super::common::small;
use super::globals::GarpDraft;
use super::track::TrackDraft;
use super::vmac::LinkDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// A value with the place where it is written.
pub(super) type At<T> = Option<(T, Span)>;

/// An instance as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) name_span: Option<Span>,
    pub(super) state: At<InitialState>,
    pub(super) priority: At<Priority>,
    pub(super) interface: At<InterfaceName>,
    pub(super) vrid: At<Vrid>,
    pub(super) version: At<Version>,
    pub(super) advert: At<Duration>,
    pub(super) nopreempt: Option<Span>,
    pub(super) preempt_delay: At<Duration>,
    pub(super) source: At<IpAddr>,
    pub(super) group: At<IpAddr>,
    pub(super) peers: At<Vec<UnicastPeer>>,
    /// Where each peer is written.
    pub(super) peer_spans: Vec<(IpAddr, Span)>,
    pub(super) unicast_ttl: Option<u8>,
    pub(super) check_unicast_src: bool,
    pub(super) fault_without_peer: bool,
    pub(super) late_backup: At<Priority>,
    pub(super) owner_ignore_adverts: At<bool>,
    pub(super) old_checksum: OldUnicastChecksum,
    pub(super) auth: AuthDraft,
    pub(super) hmac: HmacDraft,
    pub(super) addresses: Vec<Placed>,
    pub(super) excluded: Vec<Placed>,
    pub(super) routes: Vec<Route>,
    pub(super) rules: Vec<Policy>,
    pub(super) promote_secondaries: bool,
    pub(super) no_addresses: Option<Span>,
    pub(super) accept: At<Accept>,
    pub(super) links: LinkDraft,
    pub(super) track_source: Option<Span>,
    pub(super) vrf: At<InterfaceName>,
    /// `garp_extra_if`.
    pub(super) garp_extra: Option<Span>,
    /// Addresses are written, right or wrong.
    pub(super) tried_addresses: bool,
    /// Peers are written, right or wrong.
    pub(super) tried_peers: bool,
    pub(super) garp: GarpDraft,
    pub(super) garp_lower: Option<Span>,
    pub(super) down_timer_adverts: At<u8>,
    pub(super) leave_detection: At<bool>,
    pub(super) master_inquiry: At<bool>,
    pub(super) resign_on_priority_drop: At<bool>,
    pub(super) lower_prio_no_advert: At<bool>,
    pub(super) higher_prio_send_advert: At<bool>,
    pub(super) skip_check_adv_addr: Option<bool>,
    pub(super) v3_checksum_as_v2: Option<bool>,
    pub(super) strict: Option<bool>,
    pub(super) ignore_own_interface: bool,
    pub(super) track: TrackDraft,
    pub(super) notify: Notify,
}

impl Draft {
    /// The name, for messages about the whole instance.
    pub(super) fn at(&self, block: &Statement) -> Span {
        self.name_span.unwrap_or(block.keyword)
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn instances(&mut self, blocks: impl Iterator<Item = (usize, &'a Statement)>) {
        let mut drafts: Vec<(Draft, &'a Statement)> = Vec::new();
        let mut names = std::collections::HashMap::new();
        for (order, block) in blocks {
            let Some(name) = self.word(block, 0) else { continue };
            if let Some(&before) = names.get(name.text) {
                let message = format!("there are two instances `{}`; this one is skipped", name.text);
                let diagnostic = Diagnostic::tolerated(Rule::DuplicateName, name.span, message);
                self.report(diagnostic.also(before, "the first one"));
                // What is in it may be wrong, too.
                self.instance_draft(name, block, order);
                continue;
            }
            names.insert(name.text, name.span);
            self.places.add(Item::Instance(name.text.to_owned()), name.span);
            let path = format!("vrrp_instance {}", name.text);
            let draft = self.inside(path, |this| this.instance_draft(name, block, order));
            drafts.push((draft, block));
        }
        self.finish_instances(drafts);
    }

    fn instance_draft(&mut self, name: Word<'a>, block: &'a Statement, order: usize) -> Draft {
        let mut draft = Draft { name: name.text.to_owned(), name_span: Some(name.span), ..Draft::default() };
        draft.check_unicast_src = self.defaults.check_unicast_src;
        draft.notify = self.notices.of_vrrp();
        self.check_repeated(block.block());
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            let known = self.instance_links(statement, &mut draft.links)
                || self.instance_basics(statement, &mut draft)
                || self.instance_lists(statement, order, &mut draft)
                || self.instance_flags(statement, &mut draft)
                || self.notify(statement, &mut draft.notify);
            debug_assert!(known, "{} works, so it is lowered", statement.row.name);
        }
        draft
    }

    fn instance_basics(&mut self, statement: &Statement, draft: &mut Draft) -> bool {
        let Some(word) = self.word(statement, 0) else {
            return self.instance_bare(statement, draft);
        };
        let at = word.span;
        match statement.row.name {
            "state" => {
                let states = [("MASTER", InitialState::Master), ("BACKUP", InitialState::Backup)];
                draft.state = self.choice(word, &states).map(|state| (state, at)).or(draft.state);
            }
            "interface" => draft.interface = self.interface(word).map(|name| (name, at)),
            "vrf" => draft.vrf = self.interface(word).map(|name| (name, at)),
            "virtual_router_id" => {
                let number = self.strict_integer(statement, 0, 1..=255).map(small);
                draft.vrid = number.and_then(Vrid::new).map(|vrid| (vrid, at)).or(draft.vrid);
            }
            "priority" => {
                // keepalived takes 100 for a number that it cannot use.
                let number = self.strict_integer(statement, 0, 1..=255).map(small);
                let priority = number.and_then(Priority::new).unwrap_or(Priority::DEFAULT);
                draft.priority = Some((priority, at));
            }
            "version" => {
                draft.version = self.version(statement).map(|version| (version, at)).or(draft.version)
            }
            "advert_int" => {
                let limits = Duration::from_millis(10)..=Duration::from_secs(255);
                draft.advert =
                    self.seconds(statement, 0, limits).map(|interval| (interval, at)).or(draft.advert);
            }
            "preempt_delay" => {
                let limits = Duration::ZERO..=Duration::from_secs(1000);
                draft.preempt_delay = self.seconds(statement, 0, limits).map(|delay| (delay, at));
            }
            "mcast_src_ip" | "unicast_src_ip" => {
                draft.source = self.address(word).map(|address| (address, at))
            }
            "mcast_dst_ip" => {
                let group = self.address(word).and_then(|group| self.multicast(word, group));
                draft.group = group.map(|group| (group, at));
            }
            "old_unicast_checksum" => {
                let never = self.choice(word, &[("never", OldUnicastChecksum::Never)]);
                draft.old_checksum = never.unwrap_or(draft.old_checksum);
            }
            "timer_expired_backup" | "thread_timer_expired" => {
                let number = self.integer(statement, 0, 1..=254).map(small);
                draft.late_backup = number.and_then(Priority::new).map(|priority| (priority, at));
            }
            "unicast_ttl" => draft.unicast_ttl = self.integer(statement, 0, 0..=255).map(small),
            "down_timer_adverts" => {
                draft.down_timer_adverts =
                    self.integer(statement, 0, 1..=100).map(|number| (small(number), at));
            }
            _ => return false,
        }
        true
    }

    /// Keywords that stand alone.
    fn instance_bare(&mut self, statement: &Statement, draft: &mut Draft) -> bool {
        match statement.row.name {
            "nopreempt" => draft.nopreempt = Some(statement.keyword),
            "preempt" => draft.nopreempt = None,
            "dont_track_primary" => draft.ignore_own_interface = true,
            "check_unicast_src" => draft.check_unicast_src = true,
            "unicast_fault_no_peer" => draft.fault_without_peer = true,
            // The best priority there can be: as late as any other router would bear.
            "timer_expired_backup" | "thread_timer_expired" => {
                draft.late_backup = Priority::new(254).map(|priority| (priority, statement.keyword));
            }
            "old_unicast_checksum" => draft.old_checksum = OldUnicastChecksum::Always,
            "no_virtual_ipaddress" => draft.no_addresses = Some(statement.keyword),
            "track_src_ip" => draft.track_source = Some(statement.keyword),
            "promote_secondaries" => draft.promote_secondaries = true,
            "accept" => draft.accept = Some((Accept::Everything, statement.keyword)),
            "no_accept" => draft.accept = Some((Accept::Nothing, statement.keyword)),
            _ => return false,
        }
        true
    }

    fn instance_lists(&mut self, statement: &'a Statement, order: usize, draft: &mut Draft) -> bool {
        match statement.row.name {
            "virtual_ipaddress" => {
                draft.tried_addresses |= !statement.entries().is_empty();
                draft.addresses.extend(self.addresses(statement));
            }
            "virtual_ipaddress_excluded" => draft.excluded.extend(self.addresses(statement)),
            "virtual_routes" => {
                let routes = self.routes(statement);
                draft.routes.extend(self.without_groups(routes));
            }
            "virtual_rules" => {
                let rules = self.rules(statement);
                draft.rules.extend(self.without_groups(rules));
            }
            "unicast_peer" => {
                let peers = self.unicast_peers(statement, draft);
                draft.tried_peers |= !statement.entries().is_empty();
                draft.peers.get_or_insert((Vec::new(), statement.keyword)).0.extend(peers);
            }
            "authentication" => self.authentication(statement, &mut draft.auth),
            "auth_hmac" => self.auth_hmac(statement, &mut draft.hmac),
            "track_interface" => self.track_interfaces(statement, &mut draft.track),
            "track_virtual_server" => self.track_services(statement, &mut draft.track),
            _ => return self.track_named(statement, order, &mut draft.track),
        }
        true
    }

    fn instance_flags(&mut self, statement: &Statement, draft: &mut Draft) -> bool {
        let name = statement.row.name;
        if name.starts_with("garp_") {
            if name.starts_with("garp_lower") {
                draft.garp_lower = Some(statement.keyword);
            }
            if name == "garp_extra_if" {
                draft.garp_extra = Some(statement.keyword);
            }
            return self.garp(name, statement, &mut draft.garp);
        }
        if name == "vmac_garp_intvl" {
            draft.garp_extra = Some(statement.keyword);
            return self.garp("garp_extra_if", statement, &mut draft.garp);
        }
        let mut flag = || self.boolean(statement).map(|value| (value, statement.keyword));
        match name {
            "resign_on_priority_drop" => draft.resign_on_priority_drop = flag(),
            "leave_detection" => draft.leave_detection = flag(),
            "master_inquiry" => draft.master_inquiry = flag(),
            "lower_prio_no_advert" => draft.lower_prio_no_advert = flag(),
            "higher_prio_send_advert" => draft.higher_prio_send_advert = flag(),
            "skip_check_adv_addr" => draft.skip_check_adv_addr = flag().map(|(value, _)| value),
            "v3_checksum_as_v2" => draft.v3_checksum_as_v2 = flag().map(|(value, _)| value),
            "owner_ignore_adverts" => draft.owner_ignore_adverts = flag(),
            "strict_mode" => draft.strict = flag().map(|(value, _)| value),
            _ => return self.instance_bare(statement, draft),
        }
        true
    }

    /// `notify*` of an instance or a group.
    pub(super) fn notify(&mut self, statement: &Statement, notify: &mut Notify) -> bool {
        let slot = match statement.row.name {
            "notify_deleted" => {
                notify.deletion = self.deletion(statement);
                return true;
            }
            "notify_priority_changes" => {
                notify.priority_changes = self.boolean(statement).unwrap_or(notify.priority_changes);
                return true;
            }
            "smtp_alert" => {
                notify.mail = self.smtp_alert(statement, notify.mail);
                return true;
            }
            "notify_master" => &mut notify.master,
            "notify_backup" => &mut notify.backup,
            "notify_fault" => &mut notify.fault,
            "notify_stop" => &mut notify.stop,
            "notify" => &mut notify.any,
            "notify_master_rx_lower_pri" => &mut notify.master_rx_lower_priority,
            _ => return false,
        };
        *slot = self.script(statement);
        true
    }

    fn unicast_peers(&mut self, statement: &'a Statement, draft: &mut Draft) -> Vec<UnicastPeer> {
        let mut peers = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((&first, rest)) = words.split_first() else { continue };
            let Some(address) = self.address(first) else { continue };
            let mut peer = UnicastPeer { address, min_ttl: None, max_ttl: None };
            let mut rest = rest.iter().copied();
            while let Some(option) = rest.next() {
                let slot = match option.text {
                    "min_ttl" => &mut peer.min_ttl,
                    "max_ttl" => &mut peer.max_ttl,
                    other => {
                        let message = format!("`{other}` is no option of a unicast peer; it is ignored");
                        let help = "one peer per line: `address [min_ttl n] [max_ttl n]`";
                        self.report(Diagnostic::tolerated(Rule::ExtraWord, option.span, message).help(help));
                        continue;
                    }
                };
                *slot = rest.next().and_then(|value| self.number_word(value, 0..=255)).map(small);
            }
            if let (Some(min), Some(max)) = (peer.min_ttl, peer.max_ttl)
                && min > max
            {
                let message =
                    format!("min_ttl {min} is above max_ttl {max}: no advert of this peer is believed");
                self.report(Diagnostic::tolerated(Rule::OutOfRange, first.span, message));
            }
            if !seen.insert(address) {
                let message = format!("the peer {address} stands here twice; this line is ignored");
                self.report(Diagnostic::tolerated(Rule::DuplicateAddress, first.span, message));
                continue;
            }
            draft.peer_spans.push((address, first.span));
            peers.push(peer);
        }
        peers
    }
}
