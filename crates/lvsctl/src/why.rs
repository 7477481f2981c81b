//! `lvsctl why`: what made an instance what it is.

use std::io::{self, Write};

use hyper::Method;
use lvsd::control::{Decision, Why};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cli::{Format, Why as Wanted};
use crate::status::span;
use crate::when::utc;
use crate::{Failure, Status, daemon};

/// All but what RFC 3986 §2.3 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn print(wanted: &Wanted, out: &mut impl Write) -> Result<Status, Failure> {
    let path = format!("/v1/instances/{}/why", utf8_percent_encode(&wanted.instance, ENCODED));
    let why: Why = daemon::ask(&wanted.daemon.socket(), Method::GET, &path, None)?;
    match wanted.format {
        Format::Text => write(&why, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &why)?;
            writeln!(out)?;
        }
    }
    Ok(Status::GOOD)
}

fn write(why: &Why, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} is {} for {}, priority {}", why.name, why.state, span(why.in_state), rating(why))?;
    for fault in &why.faults {
        writeln!(out, "fault: {fault}")?;
    }
    why.journal.iter().try_for_each(|one| writeln!(out, "{}", sentence(one)))
}

/// The priority, and how it comes about.
fn rating(why: &Why) -> String {
    let Why { base_priority, priority, adjustments, .. } = why;
    if adjustments.is_empty() {
        return priority.to_string();
    }
    let terms = adjustments.iter().map(|one| {
        let sign = if one.amount < 0 { '-' } else { '+' };
        format!(" {sign} {} ({})", one.amount.unsigned_abs(), one.tracker)
    });
    let sum = adjustments.iter().fold(i64::from(*base_priority), |sum, one| sum + i64::from(one.amount));
    let within = if sum == i64::from(*priority) { "" } else { ", within 1 to 254" };
    format!("{priority} = {base_priority}{}{within}", terms.collect::<String>())
}

fn sentence(decision: &Decision) -> String {
    let Decision { first, last, count, text, .. } = decision;
    match count {
        0 | 1 => format!("{} {text}", utc(*first)),
        _ => format!("{} {text} ({count} times, the last at {})", utc(*first), utc(*last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_readable_times_and_the_numbers() {
        let text = r#"{"name":"web","state":"BACKUP","in_state":65.2,"base_priority":101,"priority":1,"faults":[],
            "adjustments":[{"tracker":"script web","amount":-253},{"tracker":"interface eth1","amount":2}],
            "journal":[
                {"first":1.5,"last":1.5,"count":1,"text":"INIT to BACKUP: started; priority 101","reason":null},
                {"first":2,"last":62.25,"count":7,"text":"heard 10.0.0.2 priority 150 > mine 101","reason":{"stayed":{}}}],
            "a field of a later version":1}"#;
        let why: Why = serde_json::from_str(text).expect("an answer");
        let mut out = Vec::new();
        write(&why, &mut out).expect("memory takes everything");
        let expected = "\
web is BACKUP for 1m5s, priority 1 = 101 - 253 (script web) + 2 (interface eth1), within 1 to 254
1970-01-01 00:00:01.500Z INIT to BACKUP: started; priority 101
1970-01-01 00:00:02.000Z heard 10.0.0.2 priority 150 > mine 101 (7 times, the last at 1970-01-01 00:01:02.250Z)
";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn names_are_encoded_for_a_path() {
        assert_eq!(utf8_percent_encode("V/1 é.a-b", ENCODED).to_string(), "V%2F1%20%C3%A9.a-b");
    }
}
