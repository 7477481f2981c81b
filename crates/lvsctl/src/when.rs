//! A point in time as people read it.

use std::time::Duration;

const DAY: u64 = 86_400;

/// Seconds since the epoch as a date and a time of day in UTC, to the millisecond.
pub(crate) fn utc(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let (days, rest) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// Year, month and day of the Gregorian calendar from the days since 1970-01-01. Years are counted from March, so that a
/// leap day is the last of its year, and in cycles of 400 years, which have the same number of days each.
const fn date(days: u64) -> (u64, u64, u64) {
    const CYCLE: u64 = 146_097;
    const FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    let days = days.saturating_add(FROM_MARCH_OF_YEAR_0);
    let (cycle, day) = (days / CYCLE, days % CYCLE);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let january_or_february = if month <= 2 { 1 } else { 0 };
    (cycle * 400 + year + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @N` says.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0.0, "1970-01-01 00:00:00.000Z"),
            (951_782_400.0, "2000-02-29 00:00:00.000Z"),
            (951_868_799.5, "2000-02-29 23:59:59.500Z"),
            (1_709_251_200.0, "2024-03-01 00:00:00.000Z"),
            (4_107_542_400.0, "2100-03-01 00:00:00.000Z"),
            (1_798_761_599.0, "2026-12-31 23:59:59.000Z"),
            (-1.0, "1970-01-01 00:00:00.000Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
