//! One check: when it runs, how often it may fail, and what it has seen.

use std::time::Duration;

use lvsd_model::{CheckTiming, Weight};

use crate::outcome::{Cause, Failure, Outcome};
use crate::time::Time;

/// What a check has established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The last decisive run succeeded.
    Passed,
    /// It failed, and so did the retries that it was entitled to.
    Failed,
}

/// Counters and last results of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Runs that succeeded.
    pub successes: u64,
    /// Runs that this host kept from happening.
    pub skipped: u64,
    /// The last failure, kept until the next success.
    pub last_failure: Option<Failure>,
    /// What kept the last run from happening, until one happens.
    pub last_skip: Option<String>,
    /// How long the last run took.
    pub last_duration: Option<Duration>,
    failures: [u64; Cause::ALL.len()],
}

impl History {
    /// Failed runs by cause, those that have happened only.
    pub fn failures(&self) -> impl Iterator<Item = (Cause, u64)> + '_ {
        Cause::ALL.into_iter().zip(self.failures).filter(|&(_, count)| count > 0)
    }

    /// Sets the counters to zero; what was seen last stays.
    pub const fn clear_counters(&mut self) {
        self.successes = 0;
        self.skipped = 0;
        self.failures = [0; Cause::ALL.len()];
    }

    fn record(&mut self, outcome: &Outcome, took: Duration) {
        self.last_duration = Some(took);
        self.last_skip = None;
        match outcome {
            Outcome::Success { .. } => {
                self.successes += 1;
                self.last_failure = None;
            }
            Outcome::Failure(failure) => {
                if let Some(count) = self.failures.get_mut(failure.cause as usize) {
                    *count += 1;
                }
                self.last_failure = Some(failure.clone());
            }
            Outcome::Skipped { reason } => {
                self.skipped += 1;
                self.last_skip = Some(reason.clone());
            }
        }
    }
}

/// The shortest interval: a configuration without a pause must not keep a processor and a server busy.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Where a check is in its cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between runs.
    Waiting { until: Time },
    /// A run is under way; there is never a second one beside it.
    Running { planned: Time, since: Time },
}

/// What a finished run changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that anybody else needs to know.
    Nothing,
    /// The verdict or the dynamic weight.
    Judgement,
}

/// The judge of one check.
///
/// The rules: the first run is at a random point of the warm-up (the peer waits one second more). Runs start `interval`
/// apart, however long they take, but never two at once: beats that a long run or a stall of the host has missed are left
/// out, so that checks which were spread over time stay spread. A failure is tried again up to `retry` times,
/// `retry_delay` after the failed run's end, before it counts; a single success recovers. A check that has not succeeded
/// yet has no retries: its first failure counts at once, so that a server which is dead at start does not get traffic for
/// longer than it takes to find out (unless its server is [proven](Judge::with_retries)). While a check is down, it goes on at its interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judge {
    timing: CheckTiming,
    phase: Phase,
    verdict: Option<Verdict>,
    retries_left: u32,
    weight: Option<Weight>,
    history: History,
}

impl Judge {
    /// A judge that has seen nothing, and whose check runs first at `first_run`.
    #[must_use]
    pub fn new(timing: CheckTiming, first_run: Time) -> Self {
        Self {
            timing,
            phase: Phase::Waiting { until: first_run },
            verdict: None,
            retries_left: 0,
            weight: None,
            history: History::default(),
        }
    }

    /// The same with its retries already: its server is known to be good from elsewhere.
    #[must_use]
    pub fn with_retries(self) -> Self {
        Self { retries_left: self.timing.retry, ..self }
    }

    /// What the check has established; `None` before the first decisive run.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// The weight that its last success reported, if it did.
    #[must_use]
    pub const fn weight(&self) -> Option<Weight> {
        self.weight
    }

    /// What it has seen.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// When it is to run next; `None` while it runs.
    #[must_use]
    pub const fn next_run(&self) -> Option<Time> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Running { .. } => None,
        }
    }

    pub(crate) const fn clear_counters(&mut self) {
        self.history.clear_counters();
    }

    /// Has it run at another time than planned, unless it runs now.
    pub(crate) const fn reschedule(&mut self, at: Time) {
        if let Phase::Waiting { until } = &mut self.phase {
            *until = at;
        }
    }

    pub(crate) fn start(&mut self, now: Time) {
        let planned = match self.phase {
            Phase::Waiting { until } if until < now => until,
            Phase::Waiting { .. } | Phase::Running { .. } => now,
        };
        self.phase = Phase::Running { planned, since: now };
    }

    /// Takes the outcome of the run that [`Judge::start`] began; without one it is ignored.
    pub(crate) fn finish(&mut self, now: Time, outcome: &Outcome) -> Change {
        let Phase::Running { planned, since } = self.phase else { return Change::Nothing };
        self.history.record(outcome, now.since(since));
        let before = (self.verdict, self.weight);
        let beat = || next_beat(planned, self.timing.interval.max(MIN_INTERVAL), now);
        let until = match outcome {
            Outcome::Success { weight } => {
                self.verdict = Some(Verdict::Passed);
                self.retries_left = self.timing.retry;
                self.weight = *weight;
                beat()
            }
            Outcome::Failure(_) if self.retries_left > 0 => {
                self.retries_left -= 1;
                now + self.timing.retry_delay
            }
            Outcome::Failure(_) => {
                self.verdict = Some(Verdict::Failed);
                beat()
            }
            Outcome::Skipped { .. } => beat(),
        };
        self.phase = Phase::Waiting { until };
        if before == (self.verdict, self.weight) { Change::Nothing } else { Change::Judgement }
    }
}

/// The first whole interval after `planned` that is not over.
fn next_beat(planned: Time, interval: Duration, now: Time) -> Time {
    let beats = now.since(planned).as_nanos().div_ceil(interval.as_nanos()).max(1);
    planned + interval.saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::after_start(Duration::from_millis(millis))
    }

    fn judge(retry: u32) -> Judge {
        let timing = CheckTiming {
            interval: Duration::from_secs(10),
            retry,
            retry_delay: Duration::from_secs(1),
            warmup: Duration::ZERO,
        };
        Judge::new(timing, Time::START)
    }

    fn run(judge: &mut Judge, start: u64, end: u64, outcome: &Outcome) -> (Change, Option<Verdict>, Time) {
        judge.start(at(start));
        assert_eq!(judge.next_run(), None, "no second run beside the first");
        let change = judge.finish(at(end), outcome);
        (change, judge.verdict(), judge.next_run().expect("waiting again"))
    }

    fn refused() -> Outcome {
        Outcome::failure(Cause::Refused, "")
    }

    #[test]
    fn the_first_failure_counts_at_once() {
        let mut judge = judge(3);
        let seen = run(&mut judge, 0, 5, &refused());
        assert_eq!(seen, (Change::Judgement, Some(Verdict::Failed), at(10_000)));
    }

    #[test]
    fn after_a_success_the_retries_come_before_the_verdict() {
        let mut judge = judge(2);
        assert_eq!(run(&mut judge, 0, 5, &Outcome::SUCCESS).2, at(10_000));
        assert_eq!(
            run(&mut judge, 10_000, 10_500, &refused()),
            (Change::Nothing, Some(Verdict::Passed), at(11_500))
        );
        assert_eq!(run(&mut judge, 11_500, 11_500, &refused()).0, Change::Nothing);
        assert_eq!(
            run(&mut judge, 12_500, 12_500, &refused()),
            (Change::Judgement, Some(Verdict::Failed), at(22_500))
        );
        assert_eq!(
            run(&mut judge, 22_500, 22_501, &refused()).0,
            Change::Nothing,
            "down already: no retries, no news"
        );
        assert_eq!(run(&mut judge, 32_500, 32_501, &Outcome::SUCCESS).1, Some(Verdict::Passed));
    }

    #[test]
    fn a_success_between_failures_gives_the_retries_back() {
        let mut judge = judge(1);
        run(&mut judge, 0, 0, &Outcome::SUCCESS);
        for round in 1..5 {
            let start = round * 10_000;
            assert_eq!(run(&mut judge, start, start, &refused()).1, Some(Verdict::Passed));
            assert_eq!(
                run(&mut judge, start + 1_000, start + 1_000, &Outcome::SUCCESS).1,
                Some(Verdict::Passed)
            );
        }
    }

    #[test]
    fn a_run_longer_than_the_interval_misses_beats() {
        let mut judge = judge(0);
        assert_eq!(run(&mut judge, 0, 12_000, &refused()).2, at(20_000));
        assert_eq!(run(&mut judge, 20_000, 30_000, &refused()).2, at(30_000), "just in time");
    }

    #[test]
    fn a_late_start_does_not_shift_the_beat() {
        let mut judge = judge(0);
        run(&mut judge, 0, 1, &Outcome::SUCCESS);
        assert_eq!(run(&mut judge, 10_700, 10_701, &Outcome::SUCCESS).2, at(20_000));
        assert_eq!(
            run(&mut judge, 3_600_123, 3_600_124, &Outcome::SUCCESS).2,
            at(3_610_000),
            "after a suspension"
        );
    }

    #[test]
    fn a_skipped_run_says_nothing() {
        let mut judge = judge(0);
        let skipped = Outcome::Skipped { reason: "no such address here".into() };
        assert_eq!(run(&mut judge, 0, 0, &skipped), (Change::Nothing, None, at(10_000)));
        assert_eq!((judge.history().skipped, judge.history().failures().count()), (1, 0));
        run(&mut judge, 10_000, 10_000, &Outcome::SUCCESS);
        run(&mut judge, 20_000, 20_000, &skipped);
        assert_eq!(judge.verdict(), Some(Verdict::Passed));
    }

    #[test]
    fn an_outcome_nobody_waits_for_is_ignored() {
        let mut judge = judge(0);
        assert_eq!(judge.finish(at(1), &refused()), Change::Nothing);
        assert_eq!((judge.verdict(), judge.history()), (None, &History::default()));
    }

    #[test]
    fn a_dynamic_weight_is_the_last_one_reported() {
        let mut judge = judge(0);
        let weighs = |weight| Outcome::Success { weight: Weight::new(weight).ok() };
        assert_eq!(run(&mut judge, 0, 0, &weighs(7)).0, Change::Judgement);
        assert_eq!(run(&mut judge, 1, 1, &weighs(7)).0, Change::Nothing);
        run(&mut judge, 2, 2, &refused());
        assert_eq!(judge.weight(), Weight::new(7).ok(), "a failure says nothing about it");
        run(&mut judge, 3, 3, &Outcome::SUCCESS);
        assert_eq!(judge.weight(), None, "exit status 0: as configured");
        run(&mut judge, 4, 4, &weighs(250));
        assert_eq!(judge.weight(), Weight::new(250).ok());
    }

    #[test]
    fn causes_are_numbered_as_they_are_listed() {
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, index);
        }
    }

    #[test]
    fn history_counts_by_cause_and_forgets_the_failure_on_success() {
        let mut judge = judge(0);
        run(&mut judge, 0, 3, &refused());
        run(&mut judge, 4, 5, &Outcome::failure(Cause::Status, "/: status 503"));
        run(&mut judge, 6, 8, &refused());
        let counts: Vec<_> = judge.history().failures().collect();
        assert_eq!(counts, [(Cause::Refused, 2), (Cause::Status, 1)]);
        assert_eq!(judge.history().last_failure.as_ref().map(|f| f.cause), Some(Cause::Refused));
        run(&mut judge, 9, 9, &Outcome::SUCCESS);
        assert_eq!((judge.history().successes, &judge.history().last_failure), (1, &None));
    }
}
