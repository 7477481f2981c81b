//! Small conversions that several blocks need.

use std::time::Duration;

use lvsd_model::Weight;

/// The longest time that the language can express where it gives no limit.
pub(super) const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Whole seconds, never negative.
pub(super) fn whole_seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// A number that is known to be in the range of u32.
pub(super) fn unsigned(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// A number that is known to be in the range of u8.
pub(super) fn small(value: i64) -> u8 {
    u8::try_from(value.max(0)).unwrap_or(u8::MAX)
}

/// A weight out of a number that was checked.
pub(super) fn weight(value: i64) -> Weight {
    Weight::new(unsigned(value)).unwrap_or(Weight::ONE)
}
