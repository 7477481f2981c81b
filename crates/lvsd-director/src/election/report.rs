//! The engine's part of the snapshot.

use std::time::Duration;

use lvsd_ipc::{
    Adjustment, AdvertCounters, FileSnapshot, GroupSnapshot, InstanceSnapshot, InstanceState, JournalEntry,
    NoticeSnapshot, ProcessSnapshot, RadarSnapshot, RejectCounters, ScriptSnapshot, VrrpSnapshot,
};
use lvsd_vrrp::{Edge, GroupView, InstanceId, InstanceView, Router, ScriptView, State, Time, Verdict};

/// A snapshot that lacks what the keeper and the trackers know, and what follows from the configuration at length: the election
/// has better things to do than to write out addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// Everything the engine knows.
    pub(crate) snapshot: VrrpSnapshot,
    /// The identity of each instance of the snapshot, in its order.
    pub(crate) ids: Vec<InstanceId>,
}

/// Asks the engine about everything.
pub(super) fn report(router: &Router, now: Time, worst_lateness: Duration) -> Report {
    let counters = router.counters();
    let snapshot = VrrpSnapshot {
        // The keeper's.
        routing_healed: 0,
        instances: router.instances().map(|view| instance(&view, now)).collect(),
        groups: router.groups().map(|view| group(router, &view)).collect(),
        scripts: router.scripts().map(script).collect(),
        files: router.files().map(|(name, value)| FileSnapshot { name: name.to_owned(), value }).collect(),
        processes: router
            .processes()
            .map(|(name, ok)| ProcessSnapshot { name: name.to_owned(), ok, running: 0, pending: None })
            .collect(),
        unknown_vrid: counters.unknown_vrid,
        malformed: counters.malformed,
        membership_reports: counters.membership_reports,
        membership_malformed: counters.membership_malformed,
        questions: counters.questions,
        worst_lateness,
        notices: NoticeSnapshot::default(),
        radar: RadarSnapshot::default(),
    };
    Report { snapshot, ids: router.instances().map(|view| view.id).collect() }
}

fn instance(view: &InstanceView<'_>, now: Time) -> InstanceSnapshot {
    let config = view.config;
    let adjustments = view.adjustments.iter();
    InstanceSnapshot {
        name: config.name.clone(),
        interface: config.interface.as_ref().map(ToString::to_string),
        vrid: config.vrid.get(),
        family: config.family,
        version: config.version,
        state: state(view.state),
        in_state_for: now.since(view.since),
        base_priority: view.base_priority.get(),
        effective_priority: view.effective_priority.get(),
        adjustments: adjustments
            .map(|adjustment| Adjustment {
                tracker: adjustment.tracker.to_string(),
                amount: adjustment.amount,
            })
            .collect(),
        faults: view.faults.iter().map(ToString::to_string).collect(),
        heard: view.heard.map(|heard| (heard.source, heard.priority)),
        heard_ago: view.heard.map(|heard| now.since(heard.at)),
        advert_interval_centis: view.interval.centis(),
        addresses: Vec::new(),
        addresses_present: 0,
        routing_present: 0,
        addresses_healed: view.adverts.addresses_healed,
        adverts: adverts(view.adverts),
        rejected: rejected(view.rejected),
        transitions: transitions(view.transitions),
        journal: view.journal().into_iter().map(|entry| journal(entry, now)).collect(),
    }
}

fn journal(entry: &lvsd_vrrp::JournalEntry, now: Time) -> JournalEntry {
    JournalEntry {
        first_ago: now.since(entry.first),
        last_ago: now.since(entry.last),
        count: entry.count,
        reason: entry.reason.clone(),
    }
}

/// The engine's states in the numbering of exporters.
pub(crate) const fn state(state: State) -> InstanceState {
    match state {
        State::Init => InstanceState::Init,
        State::Backup => InstanceState::Backup,
        State::Master => InstanceState::Master,
        State::Fault => InstanceState::Fault,
    }
}

const fn adverts(counters: &lvsd_vrrp::AdvertCounters) -> AdvertCounters {
    AdvertCounters {
        received: counters.received,
        sent: counters.sent,
        priority_zero_received: counters.priority_zero_received,
        priority_zero_sent: counters.priority_zero_sent,
        become_master: counters.become_master,
        release_master: counters.release_master,
        announcements_sent: 0,
        departures: counters.departures,
        inquiries: counters.inquiries,
        denials: counters.denials,
    }
}

const fn rejected(counters: &lvsd_vrrp::RejectCounters) -> RejectCounters {
    RejectCounters {
        length: counters.length,
        ttl: counters.ttl,
        version: counters.version,
        packet_type: counters.packet_type,
        checksum: counters.checksum,
        advert_interval: counters.advert_interval,
        address_list: counters.address_list,
        auth_type_invalid: counters.auth_type_invalid,
        auth_type_mismatch: counters.auth_type_mismatch,
        auth_failure: counters.auth_failure,
        auth_replay: counters.auth_replay,
        hmac_missing: counters.hmac_missing,
        hmac_malformed: counters.hmac_malformed,
        hmac_unknown_key: counters.hmac_unknown_key,
        hmac_invalid: counters.hmac_invalid,
        hmac_stale: counters.hmac_stale,
        hmac_replay: counters.hmac_replay,
        unknown_peer: counters.unknown_peer,
        wrong_destination: counters.wrong_destination,
        own_packet: counters.own_packet,
        owner_ignored: counters.owner_ignored,
    }
}

/// The engine counts by cause, too; here a pair of states is one line.
fn transitions(edges: &[Edge]) -> Vec<(InstanceState, InstanceState, u64)> {
    let mut pairs: Vec<(InstanceState, InstanceState, u64)> = Vec::new();
    for edge in edges {
        let (from, to) = (state(edge.from), state(edge.to));
        match pairs.iter_mut().find(|(a, b, _)| (*a, *b) == (from, to)) {
            Some((_, _, count)) => *count += edge.count,
            None => pairs.push((from, to, edge.count)),
        }
    }
    pairs
}

fn group(router: &Router, view: &GroupView<'_>) -> GroupSnapshot {
    let name = |id: &InstanceId| router.instance(*id).map(|member| member.config.name.clone());
    GroupSnapshot {
        name: view.config.name.clone(),
        state: state(view.state),
        members: view.members.iter().filter_map(name).collect(),
    }
}

fn script(view: ScriptView<'_>) -> ScriptSnapshot {
    let judge = view.judge;
    ScriptSnapshot {
        name: view.config.name.clone(),
        ok: match judge.verdict() {
            Verdict::Ok => Some(true),
            Verdict::Failed => Some(false),
            Verdict::Unknown | Verdict::Disabled => None,
        },
        streak: judge.streak(),
        successes: judge.successes(),
        failures: judge.failures(),
        timeouts: judge.timeouts(),
        disabled: None,
    }
}
