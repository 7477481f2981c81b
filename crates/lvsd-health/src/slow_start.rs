//! `slow_start`: a server that comes back is cold, and a scheduler that looks at connections would give it all the new ones.

use std::time::Duration;

use lvsd_model::Weight;

use crate::time::Time;

/// Steps from nothing to the whole weight.
const STEPS: u32 = 10;

/// The part of its weight that a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u32);

impl Share {
    /// All of it.
    pub(crate) const WHOLE: Self = Self(STEPS);

    /// That of a server that is back since then, and when it has more; `None` once it has all.
    pub(crate) fn at(since: Time, span: Duration, now: Time) -> Option<(Self, Time)> {
        let step = span.max(Duration::from_millis(STEPS.into())) / STEPS;
        let gone = now.since(since).as_nanos() / step.as_nanos().max(1);
        let next = u32::try_from(gone).unwrap_or(STEPS).saturating_add(1);
        (next < STEPS).then(|| (Self(next), since + step.saturating_mul(next)))
    }

    /// That part of a weight, rounded up: who has any has some.
    pub(crate) fn of(self, weight: Weight) -> Weight {
        if self == Self::WHOLE {
            return weight;
        }
        let part = (u64::from(weight.get()) * u64::from(self.0)).div_ceil(STEPS.into());
        u32::try_from(part).ok().and_then(|part| Weight::new(part).ok()).unwrap_or(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(value: u32) -> Weight {
        Weight::new(value).expect("a weight")
    }

    #[test]
    fn the_weight_grows_in_equal_steps() {
        let (since, span) = (Time::after_start(Duration::from_secs(7)), Duration::from_secs(30));
        let mut now = since;
        let mut weights = Vec::new();
        while let Some((share, next)) = Share::at(since, span, now) {
            weights.push(share.of(weight(100)).get());
            assert!(next > now, "time goes on");
            now = next;
        }
        assert_eq!(weights, [10, 20, 30, 40, 50, 60, 70, 80, 90]);
        assert_eq!(now, since + Duration::from_secs(27), "the last step is the whole weight");
    }

    #[test]
    fn nobody_gets_nothing_and_nobody_too_much() {
        let share = Share(1);
        assert_eq!([0, 1, 5, 11].map(|value| share.of(weight(value)).get()), [0, 1, 1, 2]);
        assert_eq!(Share(9).of(weight(Weight::MAX)).get(), 1_932_735_283);
        assert_eq!(Share::WHOLE.of(weight(Weight::MAX)).get(), Weight::MAX);
    }

    #[test]
    fn no_time_at_all_is_no_slow_start_for_long() {
        let now = Time::after_start(Duration::from_millis(11));
        assert_eq!(Share::at(Time::START, Duration::ZERO, now), None);
    }
}
