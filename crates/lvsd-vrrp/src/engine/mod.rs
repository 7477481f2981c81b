//! The election of a process.

mod announce;
mod apply;
mod deadlines;
mod explain;
mod group;
mod inquiry;
mod instance;
mod invariants;
mod journal;
mod lookup;
mod membership;
mod output;
mod phase;
mod resume;
mod shared;
mod standing;
mod timers;
mod tracking;
mod view;
mod why;

use std::collections::BTreeMap;
use std::net::IpAddr;

use lvsd_model::{Family, InterfaceName};

pub use apply::Applied;
pub use instance::Heard;
pub use journal::JournalEntry;
pub use output::{
    Action, AddressChange, Announce, AnnounceReason, AnnounceScope, Cause, InstanceId, Output, State,
    Transition,
};
pub use resume::Mastership;
pub use timers::{down_interval, leave_interval, skew_time};
pub use tracking::{Adjustment, Fault, LinkState, Presence, Tracker};
pub use view::{GroupView, InstanceView, ScriptView, Timer};
pub use why::{Because, Change, Preemption, Rating, Reason, Sighting, Stay, Unmoved, Unresumed};

use crate::counters::{AdvertCounters, RejectCounters, RouterCounters};
use crate::judge::Outcome;
use crate::time::Time;
use crate::wire::{self, AddressCheck, Carrier, Checked, Reject, RxMeta};
use deadlines::Deadlines;
use group::Group;
use instance::{Consequence, Ending, Event, Farewell, Instance};
use lookup::Lookup;
use output::Outputs;
use phase::Phase;
use resume::Inheritance;
use tracking::Facts;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// Believed by this instance. In INIT and FAULT that has no effect.
    Accepted {
        /// The instance.
        id: InstanceId,
        /// Something in it is not as configured, though that is no reason to drop it: [`Reject::AdvertInterval`] in VRRPv3, or
        /// [`Reject::AddressList`].
        oddity: Option<Reject>,
    },
    /// Not believed by the instance that it names.
    Rejected {
        /// The instance.
        id: InstanceId,
        /// Why.
        reject: Reject,
    },
    /// For a virtual router that is not ours.
    Unknown,
    /// No VRRP.
    Malformed,
    /// A question whether anybody here speaks VRRP, or anything after the shutdown.
    Ignored,
}

/// How the process leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ShutdownMode {
    /// Masters say so (priority 0) and release their addresses.
    Resign,
    /// Adverts just stop and addresses stay (`--dont-release-vrrp`).
    KeepAddresses,
}

/// All virtual routers of a process: instances, sync groups, trackers.
///
/// # Contract
/// * One call that changes something ([`apply`](Self::apply), [`receive`](Self::receive),
///   [`handle_timeout`](Self::handle_timeout), …), then [`poll_output`](Self::poll_output) until `None`, then
///   [`poll_timeout`](Self::poll_timeout) for the next deadline.
/// * `now` never goes back; a value before the latest one counts as the latest. The one exception is
///   [`handle_timeout`](Self::handle_timeout), which never does what was not due at the time that it is given.
/// * A call of `handle_timeout` before the deadline does nothing.
/// * The driver reads the clock, hands over everything that waits in its sockets, and then calls `handle_timeout` with that
///   earlier time: an advert that came in time counts although the timer has run out since, however long the driver was held
///   up in between.
/// * Links and source addresses are told before the first `apply`, otherwise instances start with a fault that passes at once.
///   A link never told of is down.
/// * A new instance holds no addresses. What an earlier process left on the interfaces is for the driver to remove, except for
///   what [`inherit`](Self::inherit) says; an instance that resumes asks for them as any new MASTER does.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Router {
    instances: BTreeMap<InstanceId, Instance>,
    /// In configuration order.
    order: Vec<InstanceId>,
    groups: Vec<Group>,
    /// Names of scripts in configuration order.
    scripts: Vec<String>,
    /// Names of files and processes in configuration order.
    files: Vec<String>,
    processes: Vec<String>,
    facts: Facts,
    lookup: Lookup,
    deadlines: Deadlines,
    outputs: Outputs,
    counters: RouterCounters,
    startup_ends: Time,
    /// Between the start and [`resume`](Self::resume), if a process died before this one.
    inheritance: Option<Inheritance>,
    next_id: u32,
    latest: Time,
    stopped: bool,
}

impl Router {
    /// A router without instances. None will take part before `startup_ends` (`vrrp_startup_delay`; [`Time::ZERO`] for none).
    #[must_use]
    pub fn new(startup_ends: Time) -> Self {
        Self { startup_ends, ..Self::default() }
    }

    /// Takes the payload of an IP packet (see [`RxMeta`]) that came in on an interface; `None` when that is not known.
    pub fn receive(
        &mut self,
        now: Time,
        interface: Option<&InterfaceName>,
        meta: RxMeta,
        payload: &[u8],
    ) -> Reception {
        let now = self.advance(now);
        if self.stopped {
            return Reception::Ignored;
        }
        if matches!(meta.carrier, Carrier::Plain) && payload == wire::QUESTION {
            // That this socket has taken it is the answer.
            self.counters.questions += 1;
            return Reception::Ignored;
        }
        let Some(vrid) = wire::peek_vrid(&meta.carrier, payload) else {
            self.counters.malformed += 1;
            return Reception::Malformed;
        };
        let found = self.lookup.find(interface, vrid, meta.source, meta.destination);
        let Some(instance) = found.and_then(|id| self.instances.get_mut(&id)) else {
            self.counters.unknown_vrid += 1;
            return Reception::Unknown;
        };
        let id = instance.id;
        match instance.believe(now, &meta, payload) {
            Ok((heard, oddity)) => {
                let consequence = instance.handle(now, Event::Advert(heard), &mut self.outputs);
                self.follow(now, id, consequence);
                self.finish(now, id, consequence);
                Reception::Accepted { id, oddity }
            }
            Err(reject) => {
                instance.rejected.count(reject);
                instance.journal.stayed(now, Stay::Doubted { source: meta.source, reject });
                Reception::Rejected { id, reject }
            }
        }
    }

    /// Does what was due at `until`; what becomes due later waits, even if a packet has moved the time on since.
    pub fn handle_timeout(&mut self, until: Time) {
        let now = self.advance(until);
        while let Some(id) = self.deadlines.pop_due(until) {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            let consequence = instance.handle(now, Event::Timeout, &mut self.outputs);
            self.follow(now, id, consequence);
            self.finish(now, id, consequence);
        }
    }

    /// The state of an interface, by name, whether anything is configured on it or not.
    pub fn link(&mut self, now: Time, interface: &InterfaceName, state: LinkState) {
        let changed = match state {
            LinkState::Up => self.facts.up.insert(interface.clone()),
            LinkState::Down => self.facts.up.remove(interface),
        };
        self.settle_if(now, changed);
    }

    /// The primary address of an interface (IPv6: link-local), from which adverts leave unless the instance configures another;
    /// `None` when there is none. Virtual addresses do not count.
    pub fn interface_address(
        &mut self,
        now: Time,
        interface: &InterfaceName,
        family: Family,
        address: Option<IpAddr>,
    ) {
        let key = (interface.clone(), family);
        let before = match address {
            Some(address) => self.facts.addresses.insert(key, address),
            None => self.facts.addresses.remove(&key),
        };
        self.settle_if(now, before != address);
    }

    /// Whether the host has an address that `track_src_ip` of an instance is about; one never told of is not there.
    pub fn source_present(&mut self, now: Time, address: IpAddr, presence: Presence) {
        let changed = match presence {
            Presence::There => self.facts.sources.insert(address),
            Presence::Gone => self.facts.sources.remove(&address),
        };
        self.settle_if(now, changed);
    }

    /// The source address of one instance in particular: for a unicast instance without interface or configured source. It goes
    /// before the interface's, and behind a configured one.
    pub fn instance_source(&mut self, now: Time, id: InstanceId, source: Option<IpAddr>) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let changed = instance.routed_source != source;
        instance.routed_source = source;
        self.settle_if(now, changed);
    }

    /// A run of a tracked script has ended. Unknown names are ignored.
    pub fn script_result(&mut self, now: Time, script: &str, outcome: Outcome) {
        let Some(script) = self.facts.scripts.get_mut(script) else { return };
        let before = script.judge.verdict();
        script.judge.observe(outcome);
        let changed = script.judge.verdict() != before;
        self.settle_if(now, changed);
    }

    /// What a `track_group` needs and cannot have: one static address, route or rule; `None` when all are there (again). May be
    /// told before the configuration that has the group is applied.
    pub fn static_missing(&mut self, now: Time, group: &str, what: Option<String>) {
        let before = match &what {
            Some(what) => self.facts.missing.insert(group.to_owned(), what.clone()),
            None => self.facts.missing.remove(group),
        };
        self.settle_if(now, before != what);
    }

    /// The number in a tracked file; 0 when there is no file or no number. Unknown names are ignored.
    pub fn file_value(&mut self, now: Time, file: &str, value: i64) {
        let Some(file) = self.facts.files.get_mut(file) else { return };
        let before = file.value.replace(value);
        self.settle_if(now, before != Some(value));
    }

    /// Whether there are as many of a tracked process as there should be. Unknown names are ignored.
    pub fn process_quorum(&mut self, now: Time, process: &str, ok: bool) {
        let Some(process) = self.facts.processes.get_mut(process) else { return };
        let before = process.ok.replace(ok);
        self.settle_if(now, before != Some(ok));
    }

    /// Whether a tracked virtual server has its quorum. Unknown names are ignored.
    pub fn service_quorum(&mut self, now: Time, service: &str, met: bool) {
        let Some(state) = self.facts.services.get_mut(service) else { return };
        let before = state.replace(met);
        self.settle_if(now, before != Some(met));
    }

    /// Whether a tracked BFD session is up. Unknown names are ignored.
    pub fn bfd_session(&mut self, now: Time, session: &str, up: bool) {
        let Some(state) = self.facts.sessions.get_mut(session) else { return };
        let before = state.replace(up);
        self.settle_if(now, before != Some(up));
    }

    /// A virtual address of the instance is gone from its interface, and it was not us. While MASTER it is put back and announced;
    /// the instance stays MASTER.
    pub fn address_deleted(&mut self, now: Time, id: InstanceId, address: IpAddr) {
        let now = self.advance(now);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.heal(address, &mut self.outputs);
        }
        self.check_invariants(now);
    }

    /// Announces the addresses of all masters again, in both blocks: after the machine was suspended, for example. Missing its own
    /// adverts for long enough to lose an election makes a master do this by itself.
    pub fn reannounce(&mut self, now: Time) {
        let now = self.advance(now);
        for instance in self.instances.values_mut() {
            instance.announce_anew(now, AnnounceReason::Stalled, &mut self.outputs);
        }
        self.reschedule_all();
        self.check_invariants(now);
    }

    /// Sets all counters of adverts and transitions to zero; states stay.
    pub fn clear_counters(&mut self) {
        self.counters = RouterCounters::default();
        for instance in self.instances.values_mut() {
            instance.adverts = AdvertCounters::default();
            instance.rejected = RejectCounters::default();
            instance.edges.clear();
        }
    }

    /// Ends everything; what comes later is ignored. Every instance reports a transition to INIT.
    pub fn shutdown(&mut self, now: Time, mode: ShutdownMode) {
        let now = self.advance(now);
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        let farewell = match mode {
            ShutdownMode::Resign => Farewell::Resign,
            ShutdownMode::KeepAddresses => Farewell::Keep,
        };
        let ending = Ending { to: State::Init, cause: Cause::Shutdown, farewell };
        for id in &self.order {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.handle(now, Event::Stop(ending), &mut self.outputs);
            }
            self.deadlines.set(*id, None);
        }
        for group in &mut self.groups {
            group.enter(now, State::Init, Cause::Shutdown, &mut self.outputs);
        }
        self.check_invariants(now);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// Whether all outputs have been taken.
    pub(crate) fn is_drained(&self) -> bool {
        self.outputs.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do next; may be in the past.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        self.deadlines.next()
    }

    fn advance(&mut self, now: Time) -> Time {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn settle_if(&mut self, now: Time, changed: bool) {
        let now = self.advance(now);
        if changed {
            self.settle(now);
        }
    }

    /// Judges everything anew after a fact changed, and moves the instances accordingly.
    fn settle(&mut self, now: Time) {
        if self.stopped {
            return;
        }
        self.judge_all();
        for position in 0..self.order.len() {
            if let Some(id) = self.order.get(position).copied() {
                self.settle_instance(now, id);
            }
        }
        // A reload may have changed a group without any transition.
        let cause = self.outputs.take_cause().unwrap_or(Cause::Group);
        self.regroup(now, cause);
        self.reschedule_all();
        self.check_invariants(now);
    }

    fn settle_instance(&mut self, now: Time, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let faults = &instance.tracking.faults;
        match (&instance.phase, faults.is_empty()) {
            (Phase::Init(_) | Phase::Backup(_) | Phase::Master(_), false) => {
                let own = faults.iter().any(|fault| !matches!(fault, Fault::Group(_)));
                let cause = if own { Cause::Faulty } else { Cause::Group };
                instance.handle(now, Event::Fail(cause), &mut self.outputs);
            }
            (Phase::Fault, true) => self.recover(now, id),
            (Phase::Init(_), true) => self.try_start(now, id),
            (Phase::Master(_), true) => self.consider_resigning(now, id),
            (Phase::Fault, false) | (Phase::Backup(_), true) => {}
        }
    }

    /// Does for the others what follows from what one instance did.
    fn follow(&mut self, now: Time, id: InstanceId, consequence: Consequence) {
        match consequence {
            Consequence::None => {}
            Consequence::MayStart => self.try_start(now, id),
            Consequence::WantsMaster(cause) => self.promote(now, id, cause),
            Consequence::Yielded | Consequence::Deferred => self.demote_group_of(now, id),
            Consequence::LowerPriorityHeard => self.announce_in_group_of(now, id),
        }
    }

    /// Ends a call that concerned one instance, and by consequence its group.
    fn finish(&mut self, now: Time, id: InstanceId, consequence: Consequence) {
        let group = self.instances.get(&id).and_then(|instance| instance.group);
        match (group, consequence) {
            (None, _) | (Some(_), Consequence::None) => self.reschedule(id),
            (Some(group), _) => self.reschedule_group(group, id),
        }
        self.update_groups(now);
        self.check_invariants(now);
    }

    fn reschedule(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.get(&id) {
            self.deadlines.set(id, instance.deadline());
        }
    }

    fn reschedule_all(&mut self) {
        for (id, instance) in &self.instances {
            self.deadlines.set(*id, instance.deadline());
        }
    }
}

impl Instance {
    /// Checks a packet and counts it as received.
    fn believe(
        &mut self,
        now: Time,
        meta: &RxMeta,
        payload: &[u8],
    ) -> Result<(Heard, Option<Reject>), Reject> {
        let same_sender = self.heard.is_some_and(|heard| heard.source == meta.source);
        let skip = self.config.skip_check_adv_addr && same_sender && matches!(self.phase, Phase::Backup(_));
        let address_check = if skip { AddressCheck::Skip } else { AddressCheck::Compare };
        let Checked { advert, interval, interval_differs, addresses_differ } =
            wire::check(&self.config, now, meta, payload, address_check, &mut self.guard)?;
        // Another router with our address but another priority is dealt with by its priority.
        let ours = self.source == Some(meta.source) && advert.priority == self.priority().get();
        if self.phase.is_master() && ours {
            return Err(Reject::OwnPacket);
        }
        let heard = Heard { source: meta.source, priority: advert.priority, interval, at: now };
        self.heard = Some(heard);
        self.adverts.received += 1;
        self.adverts.priority_zero_received += u64::from(advert.priority == 0);
        let interval_oddity = interval_differs.then_some(Reject::AdvertInterval);
        let address_oddity = addresses_differ.then_some(Reject::AddressList);
        for oddity in [interval_oddity, address_oddity].into_iter().flatten() {
            self.rejected.count(oddity);
            self.journal.stayed(now, Stay::Doubted { source: meta.source, reject: oddity });
        }
        Ok((heard, interval_oddity.or(address_oddity)))
    }
}
