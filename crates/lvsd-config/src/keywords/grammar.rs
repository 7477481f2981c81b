//! The notation of [`Row::args`](super::Row), read: what each word behind a keyword may be.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What a word may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A whole number.
    Number(RangeInclusive<i64>),
    /// Seconds, with decimals.
    Seconds(RangeInclusive<Duration>),
    /// `on`, `off` and so on.
    Truth,
    /// An IP address.
    Address,
    /// The name of an interface.
    Interface,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// Anything up to so many bytes.
    Text(usize),
}

/// The longest time without a limit of its own.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// What the words behind a keyword may be, in their order; the last one repeats if the notation ends in `...`. A word
/// that the notation does not restrict is a [`Slot::Text`] without limit.
#[must_use]
pub fn slots(args: &'static str) -> Vec<Slot> {
    let args = args.trim_end_matches("...").trim();
    if let Some(choice) = choice(args) {
        return vec![choice];
    }
    pieces(args).into_iter().map(slot).collect()
}

/// Cuts the notation at blanks that are in no brackets.
pub(super) fn pieces(args: &'static str) -> Vec<&'static str> {
    let (mut depth, mut start, mut found) = (0_i32, 0, Vec::new());
    for (at, c) in args.char_indices() {
        match c {
            '<' | '[' | '{' => depth += 1,
            '>' | ']' | '}' => depth -= 1,
            ' ' if depth == 0 => {
                found.extend(args.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.extend(args.get(start..));
    found.retain(|piece| !piece.is_empty());
    found
}

fn slot(piece: &'static str) -> Slot {
    let optional = piece.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(piece);
    if optional == "BOOL" {
        return Slot::Truth;
    }
    if let Some(choice) = choice(optional) {
        return choice;
    }
    if let Some(range) = range(optional) {
        return Slot::Number(range);
    }
    let Some(inner) = optional.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return Slot::Text(usize::MAX);
    };
    placeholder(inner)
}

/// What stands in angle brackets.
pub(super) fn placeholder(inner: &'static str) -> Slot {
    let (kind, rest) = inner.split_once([' ', ',']).unwrap_or((inner, ""));
    // The unit, if there is one, is a word before the range.
    let limits = rest.split(' ').find_map(range);
    match kind {
        "int32" => Slot::Number(i64::from(i32::MIN)..=i64::from(i32::MAX)),
        "port" => Slot::Number(limits.unwrap_or(1..=65_535)),
        "int" | "uint" | "cpu" => Slot::Number(limits.unwrap_or_else(|| 0..=i64::from(u32::MAX))),
        "start" | "max" if rest == "bytes" => Slot::Number(0..=i64::from(u32::MAX)),
        "decimal" => Slot::Seconds(times(rest)),
        "ip" if rest.is_empty() => Slot::Address,
        "mcast" | "ipv4" | "ipv6" if rest.ends_with("mcast") || rest == "ip" => Slot::Address,
        "ifname" | "if" => Slot::Interface,
        "str" | "name" => Slot::Text(text_limit(rest)),
        _ => range(inner).or(limits).map_or(Slot::Text(usize::MAX), Slot::Number),
    }
}

/// `up to 15 chars`, `under 32 chars`.
fn text_limit(rest: &str) -> usize {
    let number = rest.split(' ').find_map(|word| word.parse::<usize>().ok());
    match number {
        Some(number) if rest.contains("under") => number - 1,
        Some(number) => number,
        None => usize::MAX,
    }
}

/// `A..B` or `A..`.
pub(super) fn range(text: &str) -> Option<RangeInclusive<i64>> {
    let (low, high) = text.split_once("..")?;
    let high = if high.is_empty() { i64::from(u32::MAX) } else { high.parse().ok()? };
    Some(low.parse().ok()?..=high)
}

/// The limits behind `decimal`.
fn times(rest: &str) -> RangeInclusive<Duration> {
    let time = |text: &str| crate::values::seconds(text);
    let limits = rest.split(' ').find_map(|word| {
        let (low, high) = word.split_once("..")?;
        Some(time(low)?..=time(high)?)
    });
    let least = rest.split_once("min ").and_then(|(_, least)| time(least));
    limits.unwrap_or_else(|| least.unwrap_or(Duration::ZERO)..=FOREVER)
}

/// `A | B | C` or `A|B|C`, when all of them are plain words.
pub(super) fn choice(args: &'static str) -> Option<Slot> {
    let plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    let words: Vec<&'static str> = args.split('|').map(str::trim).collect();
    // A single word in lower case says that there is no word, or is one.
    let enough =
        words.len() > 1 || matches!(args, "reverse" | "all" | "never" | "VS" | "sip" | "allow_if_changes");
    (enough && words.iter().all(|word| plain(word)) && range(args).is_none()).then_some(Slot::Choice(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_of_the_manual_is_understood() {
        let seconds =
            |low: u64, high: u64| Slot::Seconds(Duration::from_micros(low)..=Duration::from_micros(high));
        for (args, wanted) in [
            ("<int 1..255>", vec![Slot::Number(1..=255)]),
            ("<int -20..19>", vec![Slot::Number(-20..=19)]),
            ("<int s 1..1000>", vec![Slot::Number(1..=1000)]),
            ("<uint 1..>", vec![Slot::Number(1..=i64::from(u32::MAX))]),
            ("[-1..99]", vec![Slot::Number(-1..=99)]),
            ("<-254..254> [reverse]", vec![Slot::Number(-254..=254), Slot::Choice(vec!["reverse"])]),
            ("<decimal s 0.001..30>", vec![seconds(1000, 30_000_000)]),
            ("<decimal s, min 0.001>", vec![Slot::Seconds(Duration::from_millis(1)..=FOREVER)]),
            ("[BOOL]", vec![Slot::Truth]),
            ("<ip>", vec![Slot::Address]),
            ("<ip> [<port>]", vec![Slot::Address, Slot::Number(1..=65_535)]),
            ("1.0 | 1.0C | 1.1", vec![Slot::Choice(vec!["1.0", "1.0C", "1.1"])]),
            ("A|NS|CNAME", vec![Slot::Choice(vec!["A", "NS", "CNAME"])]),
            ("[<str, up to 15 chars>]", vec![Slot::Text(15)]),
            ("<cpu> ...", vec![Slot::Number(0..=i64::from(u32::MAX))]),
            ("<script>", vec![Slot::Text(usize::MAX)]),
        ] {
            assert_eq!(slots(args), wanted, "{args}");
        }
    }
}
