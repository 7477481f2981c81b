//! From single runs of a script to a verdict about it.

/// How one run of a tracked script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Outcome {
    /// Exit status 0, or the file could be opened.
    Success,
    /// Any other end.
    Failure,
    /// Killed for its time; counts as a failure.
    TimedOut,
    /// It cannot be run at all (not found, refused by script security). It is neutral from then on and nobody waits for it.
    Disabled,
}

/// What is believed about a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Verdict {
    /// No run has ended yet.
    Unknown,
    /// It succeeds.
    Ok,
    /// It fails.
    Failed,
    /// It cannot be run.
    Disabled,
}

/// Judges the runs of one script: `rise` successes in a row make it OK, `fall` failures in a row make it failed. The first
/// result decides at once either way, so that a start does not take `rise` intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ScriptJudge {
    rise: u32,
    fall: u32,
    verdict: Verdict,
    seen_result: bool,
    last_succeeded: bool,
    streak: u32,
    successes: u64,
    failures: u64,
    timeouts: u64,
}

impl ScriptJudge {
    /// A judge that has seen nothing. `initial` is what it says until the first result: [`Verdict::Unknown`], or
    /// [`Verdict::Failed`] for `init_fail`.
    #[must_use]
    pub const fn new(rise: u32, fall: u32, initial: Verdict) -> Self {
        Self {
            rise,
            fall,
            verdict: initial,
            seen_result: false,
            last_succeeded: false,
            streak: 0,
            successes: 0,
            failures: 0,
            timeouts: 0,
        }
    }

    /// Takes new thresholds; what was observed stays.
    pub const fn retune(&mut self, rise: u32, fall: u32) {
        self.rise = rise;
        self.fall = fall;
    }

    /// Takes the end of one run.
    pub const fn observe(&mut self, outcome: Outcome) {
        let succeeded = match outcome {
            Outcome::Success => true,
            Outcome::Failure | Outcome::TimedOut => false,
            Outcome::Disabled => {
                self.verdict = Verdict::Disabled;
                return;
            }
        };
        if succeeded {
            self.successes += 1;
        } else {
            self.failures += 1;
        }
        if matches!(outcome, Outcome::TimedOut) {
            self.timeouts += 1;
        }
        let first = !self.seen_result || matches!(self.verdict, Verdict::Disabled);
        let continues = self.seen_result && self.last_succeeded == succeeded;
        self.streak = if continues { self.streak.saturating_add(1) } else { 1 };
        self.seen_result = true;
        self.last_succeeded = succeeded;
        let needed = if succeeded { self.rise } else { self.fall };
        if first || self.streak >= needed {
            self.verdict = if succeeded { Verdict::Ok } else { Verdict::Failed };
        }
    }

    /// What is believed now.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Consecutive results of the last kind.
    #[must_use]
    pub const fn streak(&self) -> u32 {
        self.streak
    }

    /// Runs that succeeded.
    #[must_use]
    pub const fn successes(&self) -> u64 {
        self.successes
    }

    /// Runs that did not, timeouts included.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// Runs that were killed for their time.
    #[must_use]
    pub const fn timeouts(&self) -> u64 {
        self.timeouts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rise: u32, fall: u32, outcomes: &[Outcome]) -> Vec<Verdict> {
        let mut judge = ScriptJudge::new(rise, fall, Verdict::Unknown);
        outcomes
            .iter()
            .map(|outcome| {
                judge.observe(*outcome);
                judge.verdict()
            })
            .collect()
    }

    use Outcome::{Disabled, Failure, Success, TimedOut};

    #[test]
    fn first_result_decides_whatever_the_thresholds() {
        assert_eq!(judged(5, 5, &[Success]), [Verdict::Ok]);
        assert_eq!(judged(5, 5, &[Failure]), [Verdict::Failed]);
    }

    #[test]
    fn later_changes_need_a_row_of_results() {
        assert_eq!(
            judged(2, 3, &[Success, Failure, Failure, Success, Failure, TimedOut, Failure, Success, Success]),
            [
                Verdict::Ok,
                Verdict::Ok,
                Verdict::Ok,
                Verdict::Ok,
                Verdict::Ok,
                Verdict::Ok,
                Verdict::Failed,
                Verdict::Failed,
                Verdict::Ok
            ]
        );
    }

    #[test]
    fn init_fail_holds_until_the_first_result() {
        let mut judge = ScriptJudge::new(3, 1, Verdict::Failed);
        assert_eq!(judge.verdict(), Verdict::Failed);
        judge.observe(Success);
        assert_eq!(judge.verdict(), Verdict::Ok);
    }

    #[test]
    fn disabled_is_neutral_until_it_runs_again() {
        assert_eq!(
            judged(3, 3, &[Success, Disabled, Failure]),
            [Verdict::Ok, Verdict::Disabled, Verdict::Failed]
        );
    }

    #[test]
    fn runs_are_counted_by_their_end() {
        let mut judge = ScriptJudge::new(1, 1, Verdict::Unknown);
        for outcome in [Success, Failure, TimedOut, TimedOut] {
            judge.observe(outcome);
        }
        assert_eq!((judge.successes(), judge.failures(), judge.timeouts(), judge.streak()), (1, 3, 2, 3));
    }
}
