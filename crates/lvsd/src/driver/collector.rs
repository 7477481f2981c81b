//! Brings the children's snapshots together: one round at a time, each with a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lvsd_ipc::{CheckerSnapshot, Role, VrrpSnapshot};
use tokio::sync::oneshot;

use crate::dump::Dump;
use crate::observation::Observation;
use crate::roles::PerRole;

/// How long a round waits for a child.
const LIMIT: Duration = Duration::from_millis(500);

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
    observation: Observation,
    purposes: Vec<Purpose>,
}

/// Whoever asks during a round gets the next one, so that nobody is shown what was before they asked.
#[derive(Debug, Default)]
pub(super) struct Collector {
    last_request: u64,
    waiting: Vec<Purpose>,
    round: Option<Round>,
}

/// A round that is over.
pub(super) type Finished = (Observation, Vec<Purpose>);

impl Collector {
    pub(super) fn want(&mut self, purpose: Purpose) {
        self.waiting.push(purpose);
    }

    /// Begins a round when somebody waits and none is under way; the number is to be asked of the awaited children.
    pub(super) fn begin(&mut self, now: Instant, awaited: PerRole<bool>) -> Option<u64> {
        if self.round.is_some() || self.waiting.is_empty() {
            return None;
        }
        self.last_request += 1;
        self.round = Some(Round {
            request: self.last_request,
            deadline: now + LIMIT,
            awaited,
            observation: Observation::default(),
            purposes: std::mem::take(&mut self.waiting),
        });
        Some(self.last_request)
    }

    pub(super) fn vrrp(&mut self, request: u64, snapshot: Box<VrrpSnapshot>) {
        if let Some(round) = self.round.as_mut().filter(|round| round.request == request) {
            round.observation.vrrp = Some(snapshot);
            round.awaited.vrrp = false;
        }
    }

    pub(super) fn checker(&mut self, request: u64, snapshot: Box<CheckerSnapshot>) {
        if let Some(round) = self.round.as_mut().filter(|round| round.request == request) {
            round.observation.checker = Some(snapshot);
            round.awaited.checker = false;
        }
    }

    /// A child that is gone answers no more.
    pub(super) fn lost(&mut self, role: Role) {
        if let Some(round) = &mut self.round {
            *round.awaited.of_mut(role) = false;
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

    const BOTH: PerRole<bool> = PerRole { vrrp: true, checker: true };

    #[test]
    fn a_round_ends_with_the_last_answer_or_at_its_deadline() {
        let now = Instant::now();
        let mut collector = Collector::default();
        assert_eq!(collector.begin(now, BOTH), None, "nobody has asked");
        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(collector.begin(now, BOTH), Some(1));
        collector.vrrp(1, Box::default());
        assert!(collector.finish(now).is_none());
        collector.checker(1, Box::default());
        let (observation, purposes) = collector.finish(now).expect("complete");
        assert!(observation.vrrp.is_some() && observation.checker.is_some() && purposes.len() == 1);

        collector.want(Purpose::Dump(Dump::Stats));
        assert_eq!(collector.begin(now, BOTH), Some(2));
        // Answers to the round before do not count.
        collector.vrrp(1, Box::default());
        collector.lost(Role::Checker);
        assert!(collector.finish(now).is_none());
        let late = collector.deadline().expect("a round");
        let (observation, _) = collector.finish(late).expect("late");
        assert!(observation.vrrp.is_none() && observation.checker.is_none());
    }

    #[test]
    fn who_asks_during_a_round_waits_for_the_next() {
        let now = Instant::now();
        let mut collector = Collector::default();
        collector.want(Purpose::Dump(Dump::Stats));
        collector.begin(now, PerRole { vrrp: true, checker: false });
        collector.want(Purpose::Dump(Dump::Json));
        assert_eq!(collector.begin(now, BOTH), None);
        collector.vrrp(1, Box::default());
        let (_, purposes) = collector.finish(now).expect("complete");
        assert!(matches!(purposes[..], [Purpose::Dump(Dump::Stats)]));
        assert_eq!(collector.begin(now, PerRole::default()), Some(2));
        let (_, purposes) = collector.finish(now).expect("nobody to wait for");
        assert!(matches!(purposes[..], [Purpose::Dump(Dump::Json)]));
    }
}
