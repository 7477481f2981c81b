//! Numbers of many rounds. Pure.

use super::Make;
use std::time::Duration;

/// Measured values of one quantity, in its own unit, by make.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples {
    lvsd: Vec<f64>,
    keepalived: Vec<f64>,
}

impl Samples {
    /// Adds a time, in milliseconds.
    pub(super) fn add_time(&mut self, make: Make, time: Duration) {
        self.add(make, time.as_secs_f64() * 1e3);
    }

    /// Adds a value.
    pub(super) fn add(&mut self, make: Make, value: f64) {
        self.of_mut(make).push(value);
    }

    /// The values of a make.
    pub(super) fn of(&self, make: Make) -> &[f64] {
        match make {
            Make::Lvsd => &self.lvsd,
            Make::Keepalived => &self.keepalived,
        }
    }

    fn of_mut(&mut self, make: Make) -> &mut Vec<f64> {
        match make {
            Make::Lvsd => &mut self.lvsd,
            Make::Keepalived => &mut self.keepalived,
        }
    }
}

/// The middle value; the mean of the two in the middle if their number is even. `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The smallest value that this many percent of the values do not exceed (nearest rank). `None` of nothing.
pub(super) fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let sorted = sorted(values);
    let rank = (sorted.len() * percent.min(100)).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn a_percentile_is_a_value_that_occurred() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 99), Some(99.0));
        assert_eq!(percentile(&hundred, 50), Some(50.0));
        assert_eq!(percentile(&hundred, 100), Some(100.0));
        assert_eq!(percentile(&hundred, 0), Some(1.0));
        assert_eq!(percentile(&[3.0, 8.0], 99), Some(8.0));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn samples_of_the_makes_are_kept_apart_and_times_are_in_milliseconds() {
        let mut samples = Samples::default();
        samples.add_time(Make::Lvsd, Duration::from_micros(1500));
        samples.add(Make::Keepalived, 2.0);
        assert_eq!(samples.of(Make::Lvsd), [1.5]);
        assert_eq!(samples.of(Make::Keepalived), [2.0]);
    }
}
