//! The values of the language: numbers, times, addresses, truth. Pure text to value; what a failure means is for the
//! lowering to say.

use std::time::Duration;

use nom::character::complete::{digit1, one_of};
use nom::combinator::opt;
use nom::{IResult, Parser};

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// Nothing else in the word.
    Exact(i64),
    /// A number with something behind it.
    WithJunk(i64),
    /// No number.
    Bad,
}

/// Reads a decimal number as keepalived does.
pub(crate) fn integer(text: &str) -> Number {
    let parsed: IResult<&str, (Option<char>, &str)> = (opt(one_of("+-")), digit1).parse(text);
    let Ok((rest, (sign, digits))) = parsed else { return Number::Bad };
    // Longer numbers are out of every range.
    let magnitude = digits.parse().unwrap_or(i64::MAX);
    let value = if sign == Some('-') { -magnitude } else { magnitude };
    if rest.is_empty() { Number::Exact(value) } else { Number::WithJunk(value) }
}

/// Reads seconds with up to six decimals; more are rounded. `None` for anything else.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let whole = Duration::from_secs(u64::from(u32::try_from(whole).ok()?));
    if fraction.is_empty() {
        return Some(whole);
    }
    let micros: String = fraction.chars().chain("0000000".chars()).take(7).collect();
    let micros = (micros.parse::<u64>().ok()? + 5) / 10;
    Some(whole + Duration::from_micros(micros))
}

/// Reads `on`, `true`, `yes` and their opposites, lower case only.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" => Some(true),
        "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// Writes seconds without needless zeros.
pub(crate) fn show(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The prefix length of a netmask such as 255.255.255.0.
pub(crate) fn netmask(text: &str) -> Option<u8> {
    let bits = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
    let ones = bits.leading_ones();
    // 32 ones, or zeros only after them.
    (bits.checked_shl(ones).unwrap_or(0) == 0).then(|| u8::try_from(ones).unwrap_or(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_only() {
        assert_eq!(integer("42"), Number::Exact(42));
        assert_eq!(integer("-7"), Number::Exact(-7));
        assert_eq!(integer("7x"), Number::WithJunk(7));
        assert_eq!(integer("0x64"), Number::WithJunk(0));
        assert_eq!(integer("x"), Number::Bad);
        assert_eq!(integer("99999999999999999999"), Number::Exact(i64::MAX));
    }

    #[test]
    fn seconds_have_microseconds() {
        for (text, micros) in
            [("1", 1_000_000), ("0.01", 10_000), (".5", 500_000), ("1.", 1_000_000), ("0.0000015", 2)]
        {
            assert_eq!(seconds(text), Some(Duration::from_micros(micros)), "{text}");
        }
        for bad in ["", ".", "2s", "-1", "1e3", "1.2.3", "99999999999"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(show(Duration::from_millis(1500)), "1.5");
        assert_eq!(show(Duration::from_secs(10)), "10");
    }

    #[test]
    fn netmasks_are_contiguous() {
        assert_eq!(netmask("255.255.255.0"), Some(24));
        assert_eq!(netmask("255.255.255.255"), Some(32));
        assert_eq!(netmask("0.0.0.0"), Some(0));
        assert_eq!(netmask("255.0.255.0"), None);
    }
}
