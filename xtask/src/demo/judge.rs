//! What is right and what is not: the numbers of an act, and what was promised. Pure.

use super::stream::Watched;
use lvsd_lab::web::Report;
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// Which of an act's requests may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Not one.
    None,
    /// Those under way when the traffic moved to somebody who knows nothing of open connections.
    UnderWay(Move),
    /// Any: nobody has noticed yet.
    Any,
}

/// When traffic moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The first of it.
    pub(super) from: SystemTime,
    /// The last of it.
    pub(super) to: SystemTime,
}

/// How long a request takes at most where nothing is lost: a slow guest on a busy machine.
const REQUEST: Duration = Duration::from_secs(1);
/// How long after its announcement an address is surely known to all.
const KNOWN: Duration = Duration::from_millis(50);

impl Move {
    /// Was a request that began then under way?
    fn caught(self, begun: SystemTime) -> bool {
        begun + REQUEST >= self.from && begun <= self.to + KNOWN
    }
}

impl Allowed {
    /// How it is told in the summary.
    pub(super) fn words(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::UnderWay(_) => "under way".to_owned(),
            Self::Any => "until noticed".to_owned(),
        }
    }

    /// How many of these failures it does not excuse.
    fn faults(self, failed: &[SystemTime]) -> usize {
        match self {
            Self::None => failed.len(),
            Self::UnderWay(moved) => failed.iter().filter(|&&begun| !moved.caught(begun)).count(),
            Self::Any => 0,
        }
    }
}

/// A line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Act {
    /// What it showed.
    pub(super) title: String,
    /// Its requests; `None` where none were made.
    pub(super) requests: Option<Requests>,
    /// What was measured, in words.
    pub(super) note: String,
    /// Why it was not right, if it was not.
    pub(super) wrong: Vec<String>,
}

/// What became of an act's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requests {
    pub(super) sent: u64,
    pub(super) failed: u64,
    pub(super) allowed: Allowed,
    /// Why those that failed did, with counts.
    pub(super) causes: String,
}

impl Act {
    /// An act without requests.
    pub(super) fn silent(title: &str, note: String) -> Self {
        Self { title: title.to_owned(), requests: None, note, wrong: Vec::new() }
    }

    /// An act with requests, none of which may fail.
    pub(super) fn flawless(title: &str, report: &Report, note: String) -> Self {
        Self::judged(title, report, Allowed::None, report.failed, note)
    }

    /// An act with a stream of requests, judged by which of them failed.
    pub(super) fn watched(title: &str, stream: &Watched, allowed: Allowed, note: String) -> Self {
        let faults = allowed.faults(&stream.failed) as u64;
        Self::judged(title, &stream.report, allowed, faults, note)
    }

    fn judged(title: &str, report: &Report, allowed: Allowed, faults: u64, note: String) -> Self {
        let causes: Vec<_> = report.failures.iter().map(|(what, count)| format!("{count}x {what}")).collect();
        let causes = causes.join(", ");
        let mut wrong = Vec::new();
        if report.sent == 0 {
            wrong.push("no request was made".to_owned());
        }
        if faults > 0 {
            wrong.push(format!("{faults} requests failed that should not have"));
        }
        let requests = Requests { sent: report.sent, failed: report.failed, allowed, causes };
        Self { title: title.to_owned(), requests: Some(requests), note, wrong }
    }

    /// Adds another judgement.
    pub(super) fn and(mut self, judgement: Result<(), String>) -> Self {
        self.wrong.extend(judgement.err());
        self
    }

    pub(super) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Adds up what several clients have seen.
pub(super) fn together(reports: impl IntoIterator<Item = Report>) -> Report {
    let mut sum = Report::default();
    for report in reports {
        sum.sent += report.sent;
        sum.failed += report.failed;
        sum.longest_gap_us = sum.longest_gap_us.max(report.longest_gap_us);
        for (counts, more) in [(&mut sum.answers, report.answers), (&mut sum.failures, report.failures)] {
            more.into_iter().for_each(|(what, count)| *counts.entry(what).or_default() += count);
        }
    }
    sum
}

/// Have these servers, and nobody else, answered according to their weights: each within one answer, or a tenth, of its
/// share?
pub(super) fn spread(answers: &BTreeMap<String, u64>, weights: &[(&str, u64)]) -> Result<(), String> {
    let (total, sum): (u64, u64) = (answers.values().sum(), weights.iter().map(|(_, weight)| weight).sum());
    if let Some(stranger) = answers.keys().find(|name| weights.iter().all(|(known, _)| known != name)) {
        return Err(format!("answers from {stranger}: {}", shares(answers)));
    }
    for &(name, weight) in weights {
        let got = answers.get(name).copied().unwrap_or(0);
        // Both sides times `sum`, to stay in whole numbers.
        let off = (got * sum).abs_diff(total * weight);
        if off > sum.max(total * weight / 10) {
            return Err(format!("not {name}'s share: {}", shares(answers)));
        }
    }
    Ok(())
}

/// Who answered how often, in words.
pub(super) fn shares(answers: &BTreeMap<String, u64>) -> String {
    let each: Vec<_> = answers.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if each.is_empty() { "nobody answered".to_owned() } else { each.join(", ") }
}

/// A duration as the demo tells it.
pub(super) fn ms(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1e3)
}

/// The servers of a service and their weights, in what `ipvsadm -Sn` wrote.
pub(super) fn servers_of(table: &str, service: &str) -> BTreeMap<String, u64> {
    let server = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let after = |option| Some(*words.get(words.iter().position(|word| *word == option)? + 1)?);
        let is_of_service = words.first() == Some(&"-a") && after("-t") == Some(service);
        is_of_service.then(|| Some((after("-r")?.to_owned(), after("-w")?.parse().ok()?)))?
    };
    table.lines().filter_map(server).collect()
}

/// A configuration in which the first server of that name and port has another weight; `None` if it has no such server
/// with a weight.
pub(super) fn with_weight(config: &str, server: &str, weight: u64) -> Option<String> {
    let block = config.find(&format!("real_server {server} "))?;
    let keyword = block + config.get(block..)?.find("weight ")?;
    let start = keyword + "weight ".len();
    let end = start + config.get(start..)?.find(|c: char| !c.is_ascii_digit())?;
    Some(format!("{}{weight}{}", config.get(..start)?, config.get(end..)?))
}

/// The summary as a table, one line per act.
pub(super) fn summary(acts: &[Act]) -> Vec<String> {
    let width = acts.iter().map(|act| act.title.len()).max().unwrap_or(0);
    let line = |act: &Act| {
        let [sent, failed, allowed] = match &act.requests {
            Some(requests) => {
                [requests.sent.to_string(), requests.failed.to_string(), requests.allowed.words()]
            }
            None => ["-", "-", "-"].map(str::to_owned),
        };
        let verdict = if act.is_good() { "ok" } else { "FAILED" };
        format!("{:width$}  {sent:>8}  {failed:>6}  {allowed:13}  {verdict:6}  {}", act.title, act.note)
            .trim_end()
            .to_owned()
    };
    let head =
        format!("{:width$}  {:>8}  {:>6}  {:13}  {:6}", "", "requests", "failed", "may fail", "result");
    std::iter::once(head.trim_end().to_owned()).chain(acts.iter().map(line)).collect()
}

#[cfg(test)]
mod tests;
