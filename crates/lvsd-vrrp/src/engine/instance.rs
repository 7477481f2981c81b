//! One virtual router: the table of states and events (RFC 9568 §6.4, RFC 3768 §6.4).

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{AdvertInterval, Family, Instance as Config, Preempt, Priority, Transport};

use super::announce::{Announcements, Block};
use super::inquiry::Inquiry;
use super::journal::Journal;
use super::output::{
    Action, AddressChange, Announce, AnnounceReason, AnnounceScope, Cause, InstanceId, Outputs, State,
    Transition,
};
use super::phase::{Backup, Departure, DownTimer, Init, Master, Opening, OwnerConflict, Phase, Sign};
use super::resume::Resumed;
use super::standing::Standing;
use super::timers::down_interval;
use super::tracking::Tracking;
use super::why::{Change, Stay};
use crate::counters::{AdvertCounters, Edge, RejectCounters};
use crate::time::Time;
use crate::wire::{Guard, Membership, OutgoingAdvert, destinations};

/// The priority of an owner that gave way to another one.
const CONCEDED: Priority = match Priority::new(254) {
    Some(priority) => priority,
    None => Priority::DEFAULT,
};

/// Added to the longest script timeout when first results are waited for: a killed script has to be reaped.
const RESULT_GRACE: Duration = Duration::from_millis(100);

/// An advert that was believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Heard {
    /// Its sender.
    pub source: IpAddr,
    /// Its priority.
    pub priority: u8,
    /// Its interval.
    pub interval: AdvertInterval,
    /// When it came.
    pub at: Time,
}

/// What happens to an instance.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// An advert passed all checks.
    Advert(Heard),
    /// A host says that it is a member of our group, or that it is no more.
    Membership(IpAddr, Membership),
    /// A host that was asked says that nobody there speaks VRRP.
    Denial(IpAddr),
    /// Its deadline may have come.
    Timeout,
    /// It is to take part.
    Start(DownTimer, Cause),
    /// It is to be master.
    Promote(Cause),
    /// Its sync group gives up being master.
    Demote,
    /// It has a fault, or a member of its group has.
    Fail(Cause),
    /// Faults are gone, but something else has to be waited for.
    Wait,
    /// Trackers lowered the priority, and a healthier one is to have the mastership.
    Resign(Cause),
    /// It ends.
    Stop(Ending),
}

/// How an instance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) to: State,
    pub(super) cause: Cause,
    pub(super) farewell: Farewell,
}

/// What a master does about the others when it leaves that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Tells them, and lets the addresses go.
    Resign,
    /// Lets the addresses go: somebody better is there already.
    Yield,
    /// Leaves everything as it is.
    Keep,
}

/// What others have to do about what an instance did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    None,
    /// In INIT the wait may be over.
    MayStart,
    /// The down timer ran out.
    WantsMaster(Cause),
    /// It was MASTER and is BACKUP now.
    Yielded,
    /// In BACKUP it accepted somebody else as master.
    Deferred,
    /// It is MASTER and heard a lower-priority advert.
    LowerPriorityHeard,
}

/// When an instance may leave INIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Now,
    At(Time),
    /// When a script has a result.
    OnResult,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Instance {
    pub(super) id: InstanceId,
    #[serde(with = "super::shared")]
    pub(super) config: Arc<Config>,
    /// Index of its sync group.
    pub(super) group: Option<usize>,
    pub(super) phase: Phase,
    /// When it entered the state.
    pub(super) since: Time,
    pub(super) tracking: Tracking,
    /// Where adverts leave from.
    pub(super) source: Option<IpAddr>,
    /// Where they left from while there was an address to leave from.
    pub(super) last_source: Option<IpAddr>,
    /// Source address that the driver found for this instance in particular.
    pub(super) routed_source: Option<IpAddr>,
    /// It is an owner that gave way to another one, and counts as priority 254 until the conflict ends.
    pub(super) conceded: bool,
    /// It goes on as MASTER for a process that died.
    pub(super) resumed: Option<Resumed>,
    /// The addresses are held.
    pub(super) holds: bool,
    pub(super) heard: Option<Heard>,
    /// Whether the kernel of the master's host can be asked.
    pub(super) inquiry: Inquiry,
    /// What earlier adverts say about later ones.
    pub(super) guard: Guard,
    pub(super) adverts: AdvertCounters,
    pub(super) rejected: RejectCounters,
    pub(super) edges: Vec<Edge>,
    pub(super) journal: Journal,
    pub(super) standing: Standing,
}

impl Instance {
    pub(super) fn new(id: InstanceId, config: Arc<Config>, now: Time) -> Self {
        Self {
            id,
            config,
            group: None,
            phase: Phase::Init(Init::new(now, Opening::First)),
            since: now,
            tracking: Tracking::default(),
            source: None,
            last_source: None,
            routed_source: None,
            conceded: false,
            resumed: None,
            holds: false,
            heard: None,
            inquiry: Inquiry::default(),
            guard: Guard::default(),
            adverts: AdvertCounters::default(),
            rejected: RejectCounters::default(),
            edges: Vec::new(),
            journal: Journal::default(),
            standing: Standing::default(),
        }
    }

    pub(super) fn priority(&self) -> Priority {
        if self.conceded {
            return CONCEDED;
        }
        // Until its trackers have spoken again, what they said before holds.
        let base = self.config.priority;
        let before = self.resumed.map(|resumed| resumed.priority);
        let before = before.filter(|priority| priority.is_owner() == base.is_owner());
        let unknown = !self.tracking.awaited.trackers.is_empty();
        before.filter(|_| unknown).unwrap_or_else(|| self.tracking.effective(base))
    }

    /// The next moment at which something happens by itself.
    pub(super) fn deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Init(init) => init.recheck_at,
            Phase::Backup(backup) => {
                let down_at = backup.down_at(&self.config, self.priority());
                Some(backup.ask_at.map_or(down_at, |at| at.min(down_at)))
            }
            Phase::Master(master) => {
                let announce_at = master.announcements.next();
                Some(announce_at.map_or(master.advert_at, |at| at.min(master.advert_at)))
            }
            Phase::Fault => None,
        }
    }

    /// The state table. Every pair is written; what RFC 9568 §6.4 does not say is said here.
    pub(super) fn handle(&mut self, now: Time, event: Event, out: &mut Outputs) -> Consequence {
        match (self.phase, event) {
            // §6.4.1 Initialize. Adverts mean nothing yet: the timer starts with BACKUP.
            (Phase::Init(_), Event::Advert(_) | Event::Membership(..) | Event::Denial(_)) => {
                Consequence::None
            }
            (Phase::Init(_), Event::Timeout) => Consequence::MayStart,
            (Phase::Init(_) | Phase::Fault, Event::Start(timer, cause)) => self.start(now, timer, cause, out),
            // The owner is master at once, and so is who goes on for a process that died.
            (Phase::Init(_), Event::Promote(cause)) => self.become_master(now, cause, out),
            (Phase::Init(_), Event::Demote | Event::Resign(_) | Event::Wait) => Consequence::None,
            (Phase::Init(_) | Phase::Backup(_) | Phase::Master(_), Event::Fail(cause)) => {
                self.leave(Farewell::Resign, out);
                self.enter(now, Phase::Fault, cause, out)
            }

            // §6.4.2 Backup.
            (Phase::Backup(backup), Event::Advert(heard)) => self.advert_in_backup(now, backup, heard, out),
            (Phase::Backup(backup), Event::Membership(host, membership)) => {
                self.membership_in_backup(now, backup, host, membership)
            }
            (Phase::Backup(backup), Event::Denial(host)) => self.denied_in_backup(now, backup, host),
            (Phase::Backup(backup), Event::Timeout) => self.timeout_in_backup(now, backup, out),
            (Phase::Backup(_), Event::Promote(cause)) => self.become_master(now, cause, out),
            (Phase::Backup(_), Event::Start(..) | Event::Demote | Event::Resign(_) | Event::Wait) => {
                Consequence::None
            }

            // §6.4.3 Active.
            (Phase::Master(master), Event::Advert(heard)) => self.advert_in_master(now, master, heard, out),
            (Phase::Master(master), Event::Timeout) => self.timeout_in_master(now, master, out),
            (Phase::Master(_), Event::Resign(cause)) => {
                self.resign(now, cause, out);
                Consequence::None
            }
            (Phase::Master(_), Event::Demote) => {
                self.become_backup(now, None, Cause::Group, out);
                Consequence::None
            }
            (
                Phase::Master(_),
                Event::Membership(..) | Event::Denial(_) | Event::Start(..) | Event::Promote(_) | Event::Wait,
            ) => Consequence::None,

            // Not in the RFC, which only knows Startup and Shutdown: deaf and mute until every fault is gone.
            (Phase::Fault, Event::Advert(_) | Event::Membership(..) | Event::Denial(_) | Event::Timeout) => {
                Consequence::None
            }
            (Phase::Fault, Event::Promote(_) | Event::Demote | Event::Resign(_) | Event::Fail(_)) => {
                Consequence::None
            }
            (Phase::Fault, Event::Wait) => {
                let init = Init::new(now, Opening::Recovered);
                self.enter(now, Phase::Init(init), Cause::Recovered, out)
            }

            // §6.4.2, §6.4.3: Shutdown.
            (Phase::Init(_) | Phase::Backup(_) | Phase::Master(_) | Phase::Fault, Event::Stop(ending)) => {
                self.stop(now, ending, out)
            }
        }
    }

    // ----- INIT -----

    /// Whether the instance may leave INIT.
    ///
    /// A script of weight 0 decides about FAULT, so its first result is waited for as long as it takes. Weighted ones only move
    /// the priority: so that no master is made or unmade by a priority that is not the real one yet, they are waited for too,
    /// but no longer than the longest of their timeouts (and a little), nor longer than the down interval.
    pub(super) fn readiness(&self, now: Time, init: Init, startup_ends: Time) -> Readiness {
        if now < startup_ends {
            return Readiness::At(startup_ends);
        }
        let awaited = &self.tracking.awaited;
        if awaited.trackers.is_empty() {
            return Readiness::Now;
        }
        if awaited.decisive {
            return Readiness::OnResult;
        }
        let Config { version, advert_interval, down_timer_adverts, .. } = &*self.config;
        let down = down_interval(*version, *advert_interval, self.priority(), *down_timer_adverts);
        let until = init.entered + down.min(awaited.timeout.saturating_add(RESULT_GRACE));
        if now < until { Readiness::At(until) } else { Readiness::Now }
    }

    // ----- BACKUP -----

    fn start(&mut self, now: Time, timer: DownTimer, cause: Cause, out: &mut Outputs) -> Consequence {
        let was_faulty = matches!(self.phase, Phase::Fault);
        self.enter(now, Phase::Backup(Backup::new(now, timer)), cause, out);
        // Peers of a unicast instance may have lost its hardware address meanwhile.
        if let (true, Transport::Unicast { .. }, Some(source)) =
            (was_faulty, &self.config.transport, self.source)
        {
            let scope = AnnounceScope::Source(source);
            self.announce(Announce { rounds: 1, scope, reason: AnnounceReason::Recovered }, out);
        }
        Consequence::None
    }

    fn advert_in_backup(
        &mut self,
        now: Time,
        mut backup: Backup,
        heard: Heard,
        out: &mut Outputs,
    ) -> Consequence {
        let own = self.priority().get();
        // Whoever was said to be gone, somebody speaks.
        if backup.gone.take().is_some_and(|gone| gone.sign == Sign::Denied) {
            self.inquiry.contradicted(heard.source);
        }
        if heard.priority < Priority::OWNER.get() {
            // Whoever we gave way to is no owner any more.
            self.conceded = false;
        }
        self.journal.stayed(now, self.view_of_other(&backup, heard, own));
        let deferred = if heard.priority == 0 {
            // §6.4.2, priority 0. The master resigned. A delay before preempting it has lost its object.
            backup.arm(now, DownTimer::Skew);
            backup.preempt_at = None;
            false
        } else if heard.priority >= own || self.tolerates_lower(now, &mut backup) {
            // §6.4.2: accepted.
            if heard.priority >= own {
                backup.preempt_at = None;
            }
            backup.learned = Some(heard.interval);
            backup.wants_master = false;
            backup.joining = false;
            backup.arm(now, DownTimer::Full);
            backup.ask_at = self.ask_after(heard, out);
            true
        } else {
            // §6.4.2: discarded; the timer that runs leads to the takeover.
            backup.defied_master = true;
            false
        };
        self.phase = Phase::Backup(backup);
        if deferred { Consequence::Deferred } else { Consequence::None }
    }

    /// Whether a master of lower priority is left alone for now. The first advert of one starts `preempt_delay`.
    fn tolerates_lower(&self, now: Time, backup: &mut Backup) -> bool {
        match self.config.preempt {
            Preempt::Never => true,
            Preempt::After(delay) => now < *backup.preempt_at.get_or_insert(now + delay),
        }
    }

    /// The master's host, dead or only without its VRRP, tells by its kernel that nobody there listens any more. That is no reason
    /// to take over, but one to believe a missed advert sooner. It has to be missed by us: what happened while we were deaf does
    /// not count.
    fn membership_in_backup(
        &mut self,
        now: Time,
        mut backup: Backup,
        host: IpAddr,
        membership: Membership,
    ) -> Consequence {
        let Some(heard) = self.heard.filter(|heard| heard.source == host) else { return Consequence::None };
        match membership {
            Membership::Member => {
                if backup.gone.take().is_some() {
                    self.journal.stayed(now, Stay::MasterBack { source: host });
                }
            }
            Membership::Left => {
                if !self.is_our_master(heard) || backup.gone.is_some() {
                    return Consequence::None;
                }
                self.adverts.departures += 1;
                self.journal.stayed(now, Stay::MasterLeft { source: host });
                backup.gone = Some(Departure::told(Sign::Left, now, heard));
            }
        }
        self.phase = Phase::Backup(backup);
        Consequence::None
    }

    /// Whether that advert is of a router that is master now, as far as this backup knows.
    pub(super) fn is_our_master(&self, heard: Heard) -> bool {
        heard.priority > 0 && heard.at >= self.since
    }

    fn timeout_in_backup(&mut self, now: Time, mut backup: Backup, out: &mut Outputs) -> Consequence {
        let down_at = backup.down_at(&self.config, self.priority());
        if now < down_at {
            self.ask_again(now, backup, out);
            return Consequence::None;
        }
        if now.since(down_at) >= self.silence_believed(&backup) {
            // The machine was asleep, and its network with it: that nothing waits in the socket means nothing. A master that
            // lives is heard within an interval.
            self.journal.stayed(now, Stay::Slept { late: now.since(down_at) });
            backup.arm(now, DownTimer::Short);
            self.phase = Phase::Backup(backup);
            return Consequence::None;
        }
        let cause = match (backup.timer, backup.defied_master) {
            _ if now < backup.silent_at(&self.config, self.priority()) => match backup.gone {
                Some(Departure { sign: Sign::Denied, .. }) => Cause::MasterDenied,
                Some(Departure { sign: Sign::Left, .. }) | None => Cause::MasterLeft,
            },
            (_, true) => Cause::Preempting,
            (DownTimer::Skew, false) => Cause::MasterResigned,
            (DownTimer::Full | DownTimer::Short, false) => Cause::MasterSilent,
        };
        backup.wants_master = true;
        self.phase = Phase::Backup(backup);
        Consequence::WantsMaster(cause)
    }

    /// The silence after which a master is believed to be gone.
    fn silence_believed(&self, backup: &Backup) -> Duration {
        let Config { version, down_timer_adverts, .. } = &*self.config;
        down_interval(*version, backup.interval(&self.config), self.priority(), *down_timer_adverts)
    }

    /// The sync group cannot move yet: waits another down interval and keeps the wish.
    pub(super) fn wait_for_group(&mut self, now: Time) {
        if let Phase::Backup(backup) = &mut self.phase {
            backup.arm(now, DownTimer::Full);
        }
    }

    pub(super) fn wants_master(&self) -> bool {
        match &self.phase {
            Phase::Master(_) => true,
            Phase::Backup(backup) => backup.wants_master,
            Phase::Init(_) | Phase::Fault => false,
        }
    }

    // ----- MASTER -----

    /// The order of §6.4.2: advert, addresses, announcement; then everybody else is told.
    fn become_master(&mut self, now: Time, cause: Cause, out: &mut Outputs) -> Consequence {
        self.conceded = false;
        self.adverts.become_master += 1;
        self.send(self.priority().get(), out);
        self.holds = true;
        self.act(Action::Addresses(AddressChange::Hold), out);
        self.announce_all(self.config.garp.repeat, AnnounceReason::BecameMaster, out);
        let master = Master {
            advert_at: now + self.config.advert_interval.duration(),
            announcements: Announcements::after_first_block(now, &self.config.garp),
            conflict: None,
        };
        self.enter(now, Phase::Master(master), cause, out)
    }

    fn advert_in_master(
        &mut self,
        now: Time,
        mut master: Master,
        heard: Heard,
        out: &mut Outputs,
    ) -> Consequence {
        if heard.priority == 0 {
            // §6.4.3, priority 0. Somebody who thought to be master resigned; whoever listened to it hears us at once.
            self.journal.stayed(now, Stay::HeardResignation { source: heard.source });
            self.advertise(now, &mut master, out);
            self.phase = Phase::Master(master);
            return Consequence::None;
        }
        let conceding = self.concede_to_owner(now, &mut master, heard);
        self.phase = Phase::Master(master);
        let by_priority = heard.priority.cmp(&self.priority().get());
        match by_priority.then_with(|| self.source.map_or(Ordering::Greater, |own| heard.source.cmp(&own))) {
            Ordering::Greater => {
                if self.config.higher_prio_send_advert {
                    self.send(self.priority().get(), out);
                }
                let cause = match (conceding, by_priority) {
                    (true, _) => Cause::OwnerConflict,
                    (false, Ordering::Greater) => Cause::HigherPriority,
                    (false, Ordering::Equal | Ordering::Less) => Cause::HigherAddress,
                };
                self.become_backup(now, Some(heard.interval), cause, out);
                Consequence::Yielded
            }
            // Our own address and priority: the caller has counted it as our own packet.
            Ordering::Equal => Consequence::None,
            Ordering::Less => {
                // §6.4.3, lower priority. The sender is to hear at once that there is a better master.
                if !self.config.lower_prio_no_advert {
                    self.advertise(now, &mut master, out);
                    self.phase = Phase::Master(master);
                }
                let Heard { source, priority, .. } = heard;
                let (mine, own) = (self.priority().get(), self.source);
                self.journal.stayed(now, Stay::OutranksSender { source, priority, mine, own });
                self.act(Action::LowerPriorityHeard { source, priority }, out);
                self.announce_lower_priority(now, out);
                Consequence::LowerPriorityHeard
            }
        }
    }

    /// Owner against owner. The one with the lower address gives way by the usual rule; when it does not, this one does, after two
    /// of its own adverts and 1.2 of the longer interval. True when that just happened.
    fn concede_to_owner(&mut self, now: Time, master: &mut Master, heard: Heard) -> bool {
        let owner = Priority::OWNER.get();
        let lower_address = self.source.is_some_and(|own| heard.source < own);
        if heard.priority != owner || self.priority().get() != owner || !lower_address {
            return false;
        }
        let own = self.config.advert_interval.duration();
        let gap = own.max(heard.interval.duration()).saturating_mul(6) / 5;
        let continued = master.conflict.filter(|conflict| now.since(conflict.last_heard) <= gap);
        let since = continued.map_or(now, |conflict| conflict.since);
        master.conflict = Some(OwnerConflict { since, last_heard: now });
        self.conceded = now.since(since) >= own.saturating_mul(2).saturating_add(gap);
        self.conceded
    }

    fn timeout_in_master(&mut self, now: Time, mut master: Master, out: &mut Outputs) -> Consequence {
        let late = now.since(master.advert_at);
        if self.config.late_backup.is_some_and(|priority| late >= self.silence_tolerated_by(priority)) {
            self.become_backup(now, None, Cause::Late, out);
            return Consequence::Yielded;
        }
        if master.advert_at <= now {
            // §6.4.3: the beat is kept, unless more than one was missed.
            let interval = self.config.advert_interval.duration();
            let next = if late < interval { master.advert_at + interval } else { now + interval };
            self.send(self.priority().get(), out);
            master.advert_at = next;
        }
        if late >= self.silence_tolerated() {
            // Somebody else may have taken over and be gone again.
            self.announce_all(self.config.garp.repeat, AnnounceReason::Stalled, out);
        }
        while let Some(block) = master.announcements.take_due(now, &self.config.garp) {
            let Block { rounds, reason, scope } = block;
            self.announce(Announce { rounds, scope, reason }, out);
        }
        self.phase = Phase::Master(master);
        Consequence::None
    }

    /// How late an advert of ours may be before a backup, of the best priority even, takes over.
    pub(super) fn silence_tolerated(&self) -> Duration {
        self.silence_tolerated_by(Priority::OWNER)
    }

    /// How late an advert of ours may be before a backup of that priority takes over.
    fn silence_tolerated_by(&self, priority: Priority) -> Duration {
        let adverts = self.config.down_timer_adverts.saturating_sub(1);
        down_interval(self.config.version, self.config.advert_interval, priority, adverts)
    }

    /// A reload: everybody learns the new values at once.
    pub(super) fn advertise_now(&mut self, now: Time, out: &mut Outputs) {
        if let Phase::Master(mut master) = self.phase {
            self.advertise(now, &mut master, out);
            self.phase = Phase::Master(master);
        }
    }

    /// The reaction to a lower-priority advert, also of another member of the sync group.
    pub(super) fn announce_lower_priority(&mut self, now: Time, out: &mut Outputs) {
        let spacing = self.config.advert_interval.duration();
        if let Phase::Master(master) = &mut self.phase
            && let Some(block) = master.announcements.on_lower_priority(now, &self.config.garp, spacing)
        {
            self.announce_all(block.rounds, block.reason, out);
        }
    }

    /// Both blocks again, for a cause from outside.
    pub(super) fn announce_anew(&mut self, now: Time, reason: AnnounceReason, out: &mut Outputs) {
        if let Phase::Master(master) = &mut self.phase {
            master.announcements.repeat_later(now, &self.config.garp);
            self.announce_all(self.config.garp.repeat, reason, out);
        }
    }

    /// Somebody else deleted an address: it is put back and announced. Only what we hold is ours to heal.
    pub(super) fn heal(&mut self, address: IpAddr, out: &mut Outputs) {
        let mut known = self.config.addresses.iter().chain(&self.config.excluded);
        if !self.phase.is_master() || !known.any(|virtual_ip| virtual_ip.address == address) {
            return;
        }
        self.adverts.addresses_healed += 1;
        self.act(Action::Addresses(AddressChange::Restore { address }), out);
        let scope = AnnounceScope::Address(address);
        self.announce(
            Announce { rounds: self.config.garp.repeat, scope, reason: AnnounceReason::Healed },
            out,
        );
    }

    fn become_backup(&mut self, now: Time, learned: Option<AdvertInterval>, cause: Cause, out: &mut Outputs) {
        self.leave(Farewell::Yield, out);
        let backup = Backup { learned, ..Backup::new(now, DownTimer::Full) };
        self.enter(now, Phase::Backup(backup), cause, out);
    }

    /// As BACKUP it waits for the whole interval before it takes the mastership back, longer than any other backup does: also one
    /// that has missed the resignation.
    fn resign(&mut self, now: Time, cause: Cause, out: &mut Outputs) {
        self.leave(Farewell::Resign, out);
        self.standing.gave_up();
        self.enter(now, Phase::Backup(Backup::new(now, DownTimer::Full)), cause, out);
    }

    fn stop(&mut self, now: Time, ending: Ending, out: &mut Outputs) -> Consequence {
        self.leave(ending.farewell, out);
        self.tracking.faults.clear();
        let phase = match ending.to {
            State::Fault => Phase::Fault,
            State::Init | State::Backup | State::Master => Phase::Init(Init::new(now, Opening::First)),
        };
        self.enter(now, phase, ending.cause, out)
    }

    /// What leaving MASTER takes; nothing in any other state.
    fn leave(&mut self, farewell: Farewell, out: &mut Outputs) {
        if !self.phase.is_master() {
            return;
        }
        self.adverts.release_master += 1;
        if farewell == Farewell::Resign {
            self.send(0, out);
        }
        self.holds = false;
        self.resumed = None;
        if farewell != Farewell::Keep {
            self.act(Action::Addresses(AddressChange::Release), out);
        }
    }

    // ----- Outputs -----

    fn enter(&mut self, now: Time, phase: Phase, cause: Cause, out: &mut Outputs) -> Consequence {
        let (from, to) = (self.phase.state(), phase.state());
        let change = Change { from, to, because: self.because(now, cause), rating: self.rating() };
        self.journal.changed(now, change);
        self.phase = phase;
        self.since = now;
        let same = |edge: &&mut Edge| (edge.from, edge.to, edge.cause) == (from, to, cause);
        match self.edges.iter_mut().find(same) {
            Some(edge) => edge.count += 1,
            None => self.edges.push(Edge { from, to, cause, count: 1 }),
        }
        let priority = self.priority().get();
        self.act(Action::Transition(Transition { from, to, cause, priority }), out);
        Consequence::None
    }

    fn advertise(&mut self, now: Time, master: &mut Master, out: &mut Outputs) {
        self.send(self.priority().get(), out);
        master.advert_at = now + self.config.advert_interval.duration();
    }

    fn send(&mut self, priority: u8, out: &mut Outputs) {
        // Without a source address there is nothing to send from, but that is a fault, and the others are to know: over IPv4 an
        // advert may bear an address that the host does not have any more.
        let resigns = priority == 0 && self.config.family == Family::V4;
        let Some(source) = self.source.or_else(|| self.last_source.filter(|_| resigns)) else { return };
        let copies = u64::try_from(destinations(&self.config.transport).len()).unwrap_or(u64::MAX);
        self.adverts.sent += copies;
        if priority == 0 {
            self.adverts.priority_zero_sent += copies;
        }
        self.act(Action::Send(OutgoingAdvert { source, priority, checksums: self.guard.checksums() }), out);
    }

    fn announce_all(&self, rounds: u32, reason: AnnounceReason, out: &mut Outputs) {
        self.announce(Announce { rounds, scope: AnnounceScope::All, reason }, out);
    }

    fn announce(&self, announce: Announce, out: &mut Outputs) {
        if announce.rounds > 0 {
            self.act(Action::Announce(announce), out);
        }
    }

    /// Takes a new judgement of its trackers, and tells what it makes of the priority if somebody wants to know.
    pub(super) fn retrack(&mut self, tracking: Tracking, out: &mut Outputs) {
        let priority_before = self.priority();
        self.tracking = tracking;
        self.standing.judge(self.priority());
        let state = self.phase.state();
        let (was, is) = (priority_before, self.priority());
        if was != is && state == State::Master {
            out.reprioritised();
        }
        let takes_part = matches!(state, State::Backup | State::Master) && self.tracking.faults.is_empty();
        if self.config.notify.priority_changes && takes_part && was != is {
            self.act(Action::PriorityChanged { state, priority: is.get() }, out);
        }
    }

    pub(super) fn act(&self, action: Action, out: &mut Outputs) {
        out.push(self.id, &self.config, action);
    }
}
