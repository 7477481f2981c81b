//! What the notation of [`Row::args`](super::Row) says about limits, for people and for tests.

use std::fmt;

use super::grammar::{self, Slot};
use crate::values;

/// What one word behind a keyword is restricted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The word that stands before it, where it needs one: `weight` in `[weight -253..253]`.
    pub word: Option<&'static str>,
    /// What it may be.
    pub slot: Slot,
    /// What a number counts: `s`, `ms`, `us`, `bytes` or nothing.
    pub unit: &'static str,
}

/// `1..255`, `0.01..255 s`, `weight -253..253`, `one of MASTER, BACKUP`, `at most 8 bytes`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(word) = self.word {
            write!(f, "{word} ")?;
        }
        match &self.slot {
            Slot::Number(range) => write!(f, "{}..{}", range.start(), range.end())?,
            Slot::Seconds(range) => {
                write!(f, "{}..{}", values::show(*range.start()), values::show(*range.end()))?;
            }
            Slot::Choice(words) => write!(f, "one of {}", words.join(", "))?,
            Slot::Text(most) => write!(f, "at most {most} bytes")?,
            Slot::Truth | Slot::Address | Slot::Interface => {}
        }
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

/// Every limit in the notation of what follows a keyword, in its order.
#[must_use]
pub fn limits(args: &'static str) -> Vec<Limit> {
    let args = args.trim_end_matches("...").trim();
    match grammar::choice(within(args, '[', ']').unwrap_or(args)) {
        // One word that may be there or not is no choice.
        Some(Slot::Choice(words)) if words.len() < 2 => Vec::new(),
        Some(slot) => vec![Limit { word: None, slot, unit: "" }],
        None => {
            let mut found = Vec::new();
            collect(args, &mut found);
            found
        }
    }
}

fn collect(args: &'static str, found: &mut Vec<Limit>) {
    let mut word = None;
    for piece in grammar::pieces(args) {
        let piece = piece.trim_end_matches(',');
        if let Some(inner) = within(piece, '[', ']').or_else(|| within(piece, '{', '}')) {
            collect(inner, found);
        } else if let Some(inner) = within(piece, '<', '>') {
            let limit = in_placeholder(inner).map(|(slot, unit)| Limit { word, slot, unit });
            found.extend(limit);
        } else if let Some(range) = grammar::range(piece) {
            found.push(Limit { word, slot: Slot::Number(range), unit: "" });
        } else if piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            word = Some(piece);
            continue;
        }
        word = None;
    }
}

fn within(piece: &'static str, open: char, close: char) -> Option<&'static str> {
    piece.strip_prefix(open)?.strip_suffix(close).map(str::trim)
}

/// The limit and the unit in angle brackets.
fn in_placeholder(inner: &'static str) -> Option<(Slot, &'static str)> {
    let slot = grammar::placeholder(inner);
    match &slot {
        Slot::Number(_) | Slot::Seconds(_) => {
            let unit = inner.split([' ', ',']).find(|word| matches!(*word, "s" | "ms" | "us" | "bytes"));
            Some((slot, unit.unwrap_or("")))
        }
        Slot::Text(most) if *most < usize::MAX => Some((slot, "")),
        Slot::Text(_) | Slot::Choice(_) | Slot::Truth | Slot::Address | Slot::Interface => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_as_in_the_manual() {
        for (args, told) in [
            ("<int 1..255>", "1..255"),
            ("<int s 1..1000>", "1..1000 s"),
            ("<int us 1..10000000>", "1..10000000 us"),
            ("<decimal s 0.01..255>", "0.01..255 s"),
            ("[<str, up to 15 chars>]", "at most 15 bytes"),
            ("<str, up to 10 bytes>", "at most 10 bytes"),
            ("MASTER | BACKUP", "one of MASTER, BACKUP"),
            ("[initial|partial]", "one of initial, partial"),
            ("<-254..254> [reverse]", "-254..254"),
            ("{ <name> [weight -253..253 [reverse|noreverse]] ... }", "weight -253..253"),
            ("<if> [[inst] <vrrp>] [id 0..255] [port <port 1..65535>]", "id 0..255, port 1..65535"),
            ("[tcp <s>] [udp <s>], each 0..2678400", "each 0..2678400"),
            ("[VS]", ""),
            ("[BOOL]", ""),
            ("<ip>", ""),
            ("none", ""),
            ("{ block }", ""),
        ] {
            let limits: Vec<_> = limits(args).iter().map(ToString::to_string).collect();
            assert_eq!(limits.join(", "), told, "{args}");
        }
    }
}
