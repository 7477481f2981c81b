//! The kernel's IPVS table, as `ipvsadm` shows it.

use crate::{SOON, good};
use lvsd_lab::{Host, until};
use std::{collections::BTreeMap, time::Duration};

/// The table of a host as `ipvsadm -Sn` writes it, sorted.
#[track_caller]
pub fn table(host: &Host) -> Vec<String> {
    let mut lines: Vec<_> =
        good(host.check("ipvsadm -Sn")).lines().map(|line| line.trim_end().to_owned()).collect();
    lines.sort();
    lines
}

/// Waits until a host's table is this, in any order.
#[track_caller]
pub fn wait_table<S: AsRef<str>>(host: &Host, expected: impl IntoIterator<Item = S>) {
    wait_table_within(SOON, host, expected);
}

/// Waits that long at most until a host's table is this, in any order.
#[track_caller]
pub fn wait_table_within<S: AsRef<str>>(
    within: Duration,
    host: &Host,
    expected: impl IntoIterator<Item = S>,
) {
    let mut expected: Vec<_> = expected.into_iter().map(|line| line.as_ref().to_owned()).collect();
    expected.sort();
    let mut last = Vec::new();
    let settled = until(within, "", || {
        last = table(host);
        last == expected
    });
    assert!(
        settled.is_ok(),
        "the table of {} is not within {within:?} what it should be{}",
        host.name(),
        difference(&expected, &last)
    );
}

/// The lines that only one of two sorted tables has.
pub fn difference(expected: &[String], actual: &[String]) -> String {
    let lacking = |lines: &[String], other: &[String], sign: char| {
        let only = lines.iter().filter(|line| !other.contains(line));
        only.map(|line| format!("\n{sign} {line}")).collect::<String>()
    };
    format!(" (-: lacking, +: too many):{}{}", lacking(expected, actual, '-'), lacking(actual, expected, '+'))
}

/// The connections that a host's IPVS has scheduled, by service (`TCP 10.0.0.100:80`) and by destination (`TCP
/// 10.0.0.100:80 > 10.0.0.11:80`). An entry that was removed and made anew counts from zero.
#[track_caller]
pub fn connections(host: &Host) -> BTreeMap<String, u64> {
    let text = good(host.check("ipvsadm -Ln --stats --exact"));
    let mut service = String::new();
    let mut counts = BTreeMap::new();
    for line in text.lines().skip(3) {
        let words: Vec<_> = line.split_whitespace().collect();
        let &[kind, address, count, ..] = words.as_slice() else { continue };
        let key = if kind == "->" { format!("{service} > {address}") } else { format!("{kind} {address}") };
        if kind != "->" {
            service.clone_from(&key);
        }
        counts.insert(key, good(count.parse()));
    }
    counts
}

/// The entries of which there were more connections than there are now: they were removed in between, if only for a
/// moment.
pub fn restarted(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Vec<String> {
    let lost = before.iter().filter(|(key, count)| after.get(*key).copied().unwrap_or(0) < **count);
    lost.map(|(key, _)| key.clone()).collect()
}
