//! Whether a process that runs still does its work.
//!
//! Silence is counted in questions that were due, not in time that has passed: a supervisor that was itself not scheduled,
//! stopped or suspended must not take its own absence for that of the process. Why it acts so late: docs/adr/0009.

use std::time::{Duration, Instant};

/// Between two questions.
const PERIOD: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Ask, under this number.
    Ask(u64),
    /// It has not answered for [`Pulse::LATE`]: worth a message.
    Late,
    /// It has not answered for [`Pulse::GONE`]: it hangs for good.
    Gone,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    due: Instant,
    number: u64,
    /// Periods since the question that is open; 0: none is.
    silent: u32,
}

impl Pulse {
    /// In seconds.
    pub(super) const LATE: u32 = 10;
    /// In seconds. Longer than any plan takes to be put into force: to end a process that only works is an outage.
    pub(super) const GONE: u32 = 120;

    /// Of a process that has just said that it is ready.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now + PERIOD, number: 0, silent: 0 }
    }

    /// When there is something to do.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn beat(&mut self, now: Instant) -> Option<Beat> {
        if now < self.due {
            return None;
        }
        self.due = now + PERIOD;
        if self.silent == 0 {
            self.silent = 1;
            self.number += 1;
            return Some(Beat::Ask(self.number));
        }
        self.silent = self.silent.saturating_add(1);
        match self.silent - 1 {
            Self::LATE => Some(Beat::Late),
            Self::GONE => Some(Beat::Gone),
            _ => None,
        }
    }

    /// Notes an answer; true when there was a message that it is late.
    pub(super) fn answered(&mut self, number: u64) -> bool {
        let was_late = number == self.number && self.silent > Self::LATE;
        if number == self.number {
            self.silent = 0;
        }
        was_late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens in so many periods.
    fn beats(pulse: &mut Pulse, periods: u32) -> Vec<Beat> {
        (0..periods).filter_map(|_| pulse.beat(pulse.due())).collect()
    }

    #[test]
    fn one_question_at_a_time_and_none_too_early() {
        let now = Instant::now();
        let mut pulse = Pulse::new(now);
        assert_eq!(pulse.beat(now), None);
        assert_eq!(beats(&mut pulse, 5), [Beat::Ask(1)]);
        assert!(!pulse.answered(1), "that was no silence worth a word");
        assert_eq!(beats(&mut pulse, 1), [Beat::Ask(2)]);
        assert!(!pulse.answered(1), "an answer to something else");
        assert_eq!(beats(&mut pulse, Pulse::LATE - 1), []);
    }

    #[test]
    fn silence_is_told_first_and_ended_much_later() {
        let mut pulse = Pulse::new(Instant::now());
        assert_eq!(beats(&mut pulse, 1 + Pulse::LATE), [Beat::Ask(1), Beat::Late]);
        assert!(pulse.answered(1), "it was told, so the answer is, too");
        assert_eq!(beats(&mut pulse, 1 + Pulse::GONE), [Beat::Ask(2), Beat::Late, Beat::Gone]);
    }

    #[test]
    fn a_supervisor_that_slept_does_not_blame_the_process() {
        let mut pulse = Pulse::new(Instant::now());
        beats(&mut pulse, 1);
        let hours = pulse.due() + Duration::from_secs(7200);
        assert_eq!(pulse.beat(hours), None);
        assert!(!pulse.answered(1));
    }
}
