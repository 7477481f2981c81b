//! The two times of the election, exact to the nanosecond.

use std::time::Duration;

use lvsd_model::{AdvertInterval, Priority, Version};

/// Skew_Time: the higher the priority, the shorter.
///
/// VRRPv2 (RFC 3768 §6.1): (256 − priority) / 256 seconds. VRRPv3 (RFC 9568 §6.1): (256 − priority) × interval / 256.
#[must_use]
pub const fn skew_time(version: Version, interval: AdvertInterval, priority: Priority) -> Duration {
    let steps = 256 - priority.get() as u64;
    let nanos_of_256_intervals = match version {
        Version::V2 => 1_000_000_000,
        Version::V3 => interval.centis() as u64 * 10_000_000,
    };
    Duration::from_nanos(steps * nanos_of_256_intervals / 256)
}

/// Active_Down_Interval (Master_Down_Interval): `adverts` intervals, normally 3, and the skew.
#[must_use]
pub const fn down_interval(
    version: Version,
    interval: AdvertInterval,
    priority: Priority,
    adverts: u8,
) -> Duration {
    let silent = interval.duration().saturating_mul(adverts as u32);
    silent.saturating_add(skew_time(version, interval, priority))
}

/// How long after its last advert a master is believed to be gone whose host has left the group: one advert has been missed, and
/// there was half an interval for it to be late. Never longer than [`down_interval`] with two adverts or more.
///
/// No RFC has this; see `vrrp_leave_detection` in lvsd.conf(5).
#[must_use]
pub const fn leave_interval(version: Version, interval: AdvertInterval, priority: Priority) -> Duration {
    let late = Duration::from_millis(interval.centis() as u64 * 15);
    late.saturating_add(skew_time(version, interval, priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(value: u8) -> Priority {
        Priority::new(value).expect("not zero")
    }

    #[test]
    fn down_interval_of_the_captured_example() {
        let second = AdvertInterval::SECOND;
        for version in [Version::V2, Version::V3] {
            assert_eq!(down_interval(version, second, priority(100), 3), Duration::from_micros(3_609_375));
        }
    }

    #[test]
    fn skew_scales_with_the_interval_in_version_3_only() {
        let ten_ms = AdvertInterval::v3(1).expect("in range");
        assert_eq!(skew_time(Version::V3, ten_ms, priority(100)), Duration::from_nanos(6_093_750));
        assert_eq!(down_interval(Version::V3, ten_ms, priority(254), 3), Duration::from_nanos(30_078_125));
        let ten_seconds = AdvertInterval::v2(10).expect("in range");
        assert_eq!(skew_time(Version::V2, ten_seconds, priority(100)), Duration::from_micros(609_375));
        assert_eq!(
            down_interval(Version::V2, ten_seconds, priority(1), 3),
            Duration::from_nanos(30_996_093_750)
        );
    }

    #[test]
    fn owner_has_the_least_skew() {
        assert_eq!(
            skew_time(Version::V2, AdvertInterval::SECOND, Priority::OWNER),
            Duration::from_nanos(3_906_250)
        );
    }
}
