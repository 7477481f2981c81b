//! Brings the children's snapshots together: one round at a time, each with a deadline.
//!
//! A child that still owes an earlier answer is not asked again before it has come: questions must not pile up before a child
//! that takes its time, or plans and the order to stop would wait behind them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lvsd_ipc::{BfdSnapshot, CheckerSnapshot, Role, VrrpSnapshot};
use tokio::sync::oneshot;

use crate::dump::Dump;
use crate::observation::Observation;
use crate::roles::PerRole;

/// How long a round waits for a child. To read the counters of 10,000 services takes seconds; scrapers wait 10 s by default.
const LIMIT: Duration = Duration::from_secs(3);

/// How long an answer is believed to be on its way.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an observation is for.
#[derive(Debug)]
pub(super) enum Purpose {
    Scrape(oneshot::Sender<Arc<Observation>>),
    Dump(Dump),
}

#[derive(Debug)]
struct Round {
    request: u64,
    deadline: Instant,
    awaited: PerRole<bool>,
    unasked: PerRole<bool>,
    observation: Observation,
    purposes: Vec<Purpose>,
}

/// Whoever asks during a round gets the next one, so that nobody is shown what was before they asked.
#[derive(Debug, Default)]
pub(super) struct Collector {
    last_request: u64,
    waiting: Vec<Purpose>,
    round: Option<Round>,
    /// Until when the child is not asked again: it was asked, and has not answered.
    owing: PerRole<Option<Instant>>,
}

/// A round that is over.
pub(super) type Finished = (Observation, Vec<Purpose>);

impl Collector {
    pub(super) fn want(&mut self, purpose: Purpose) {
        self.waiting.push(purpose);
    }

    /// Begins a round when somebody waits and none is under way.
    pub(super) fn begin(&mut self, now: Instant, awaited: PerRole<bool>) {
        if self.round.is_some() || self.waiting.is_empty() {
            return;
        }
        self.last_request += 1;
        self.round = Some(Round {
            request: self.last_request,
            deadline: now + LIMIT,
            awaited,
            unasked: awaited,
            observation: Observation::default(),
            purposes: std::mem::take(&mut self.waiting),
        });
    }

    /// The next child to be asked, and under which number.
    pub(super) fn question(&mut self, now: Instant) -> Option<(Role, u64)> {
        let round = self.round.as_mut()?;
        let owes = |role| self.owing.of(role).is_some_and(|until| now < until);
        let may = |role: &Role| *round.unasked.of(*role) && !owes(*role);
        let role = Role::ALL.into_iter().find(may)?;
        *round.unasked.of_mut(role) = false;
        *self.owing.of_mut(role) = Some(now + PATIENCE);
        Some((role, round.request))
    }

    pub(super) fn vrrp(&mut self, request: u64, snapshot: Box<VrrpSnapshot>) {
        self.owing.vrrp = None;
        if let Some(round) = self.round.as_mut().filter(|round| round.request == request) {
            round.observation.vrrp = Some(snapshot);
            round.awaited.vrrp = false;
        }
    }

    pub(super) fn checker(&mut self, request: u64, snapshot: Box<CheckerSnapshot>) {
        self.owing.checker = None;
        if let Some(round) = self.round.as_mut().filter(|round| round.request == request) {
            round.observation.checker = Some(snapshot);
            round.awaited.checker = false;
        }
    }

    pub(super) fn bfd(&mut self, request: u64, snapshot: Box<BfdSnapshot>) {
        self.owing.bfd = None;
        if let Some(round) = self.round.as_mut().filter(|round| round.request == request) {
            round.observation.bfd = Some(snapshot);
            round.awaited.bfd = false;
        }
    }

    /// A child that is gone answers no more.
    pub(super) fn lost(&mut self, role: Role) {
        *self.owing.of_mut(role) = None;
        if let Some(round) = &mut self.round {
            *round.awaited.of_mut(role) = false;
            *round.unasked.of_mut(role) = false;
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.round.as_ref().map(|round| round.deadline)
    }

    /// The round, if all have answered or its time is up.
    pub(super) fn finish(&mut self, now: Instant) -> Option<Finished> {
        let over = self
            .round
            .as_ref()
            .is_some_and(|round| round.deadline <= now || round.awaited == PerRole::default());
        let round = if over { self.round.take() } else { None };
        round.map(|round| (round.observation, round.purposes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: PerRole<bool> = PerRole { vrrp: true, checker: true, bfd: false };

    /// Begins a round and asks whom it can.
    fn asked(collector: &mut Collector, now: Instant, awaited: PerRole<bool>) -> Vec<(Role, u64)> {
        collector.begin(now, awaited);
        std::iter::from_fn(|| collector.question(now)).collect()
    }

    #[test]
    fn a_round_ends_with_the_last_answer_or_at_its_deadline() {
        let now = Instant::now();
        let mut collector = Collector::default();
        assert_eq!(asked(&mut collector, now, BOTH), [], "nobody has asked");
        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(asked(&mut collector, now, BOTH), [(Role::Checker, 1), (Role::Vrrp, 1)]);
        collector.vrrp(1, Box::default());
        assert!(collector.finish(now).is_none());
        collector.checker(1, Box::default());
        let (observation, purposes) = collector.finish(now).expect("complete");
        assert!(observation.vrrp.is_some() && observation.checker.is_some() && purposes.len() == 1);

        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(asked(&mut collector, now, BOTH), [(Role::Checker, 2), (Role::Vrrp, 2)]);
        collector.lost(Role::Checker);
        assert!(collector.finish(now).is_none());
        let late = collector.deadline().expect("a round");
        let (observation, _) = collector.finish(late).expect("late");
        assert!(observation.vrrp.is_none() && observation.checker.is_none());
    }

    #[test]
    fn a_child_that_owes_an_answer_is_not_asked_again_before_it_has_come() {
        let now = Instant::now();
        let mut collector = Collector::default();
        collector.want(Purpose::Dump(Dump::Stats));
        asked(&mut collector, now, BOTH);
        let late = collector.deadline().expect("a round");
        collector.vrrp(1, Box::default());
        assert!(collector.finish(late).is_some_and(|(observation, _)| observation.checker.is_none()));

        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(asked(&mut collector, late, BOTH), [(Role::Vrrp, 2)]);
        collector.vrrp(2, Box::default());
        // The answer to the round before does not count, but now it can be asked.
        collector.checker(1, Box::default());
        assert!(collector.finish(late).is_none());
        assert_eq!(asked(&mut collector, late, BOTH), [(Role::Checker, 2)]);
        collector.checker(2, Box::default());
        assert!(collector.finish(late).is_some_and(|(observation, _)| observation.checker.is_some()));

        // One that died owes nothing, and neither does its successor.
        collector.want(Purpose::Dump(Dump::Stats));
        asked(&mut collector, late, BOTH);
        collector.lost(Role::Checker);
        collector.vrrp(3, Box::default());
        assert!(collector.finish(late).is_some());
        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(asked(&mut collector, late, BOTH), [(Role::Checker, 4), (Role::Vrrp, 4)]);

        // An answer that does not come at all is not waited for for ever.
        assert!(collector.finish(late + LIMIT).is_some());
        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(asked(&mut collector, late + PATIENCE, BOTH), [(Role::Checker, 5), (Role::Vrrp, 5)]);
    }

    #[test]
    fn who_asks_during_a_round_waits_for_the_next() {
        let now = Instant::now();
        let mut collector = Collector::default();
        collector.want(Purpose::Dump(Dump::Stats));
        asked(&mut collector, now, PerRole { vrrp: true, checker: false, bfd: false });
        collector.want(Purpose::Dump(Dump::Json));
        assert_eq!(asked(&mut collector, now, BOTH), []);
        collector.vrrp(1, Box::default());
        let (_, purposes) = collector.finish(now).expect("complete");
        assert!(matches!(purposes[..], [Purpose::Dump(Dump::Stats)]));
        assert_eq!(asked(&mut collector, now, PerRole::default()), []);
        let (_, purposes) = collector.finish(now).expect("nobody to wait for");
        assert!(matches!(purposes[..], [Purpose::Dump(Dump::Json)]));
    }
}
