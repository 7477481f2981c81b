//! How the kernel treats the processes: priorities, processors, limits; and the files that they make.

use std::collections::BTreeSet;
use std::time::Duration;

use lvsd_model::{AutoPriority, ProcessSettings};

use super::Lowering;
use super::common::{small, unsigned};
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// How many processors the kernel's mask of them has room for.
const CPUS: i64 = 1024;

/// `min_auto_priority_delay` unless written.
const AUTO_DELAY: Duration = Duration::from_secs(1);

/// What several statements decide together.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessDraft {
    max_auto: u8,
    auto_delay: Option<(Duration, Span)>,
    /// The limits on real-time processes, each with the first word of its keyword.
    limits: Vec<(String, Span)>,
}

impl Lowering<'_> {
    pub(super) fn process_settings(&mut self, statement: &Statement) -> bool {
        match statement.row.name {
            "umask" => {
                if let Some(mask) = self.umask(statement) {
                    self.config.globals.umask = mask;
                }
            }
            "max_auto_priority" => {
                let most =
                    if statement.words.len() == 0 { Some(99) } else { self.integer(statement, 0, -1..=99) };
                // -1 is keepalived's way to say no without being reminded of it.
                self.processes.max_auto = most.map_or(self.processes.max_auto, small);
            }
            "min_auto_priority_delay" => {
                let delay = self.microseconds(statement, 10_000_000);
                self.processes.auto_delay = delay.map(|delay| (delay, statement.keyword));
            }
            name => {
                let Some((prefix, setting)) = name.split_once('_') else { return false };
                let Some(settings) = self.config.globals.processes.of_mut(prefix) else { return false };
                let mut settings = std::mem::take(settings);
                let known = self.process_setting(statement, setting, &mut settings);
                if setting.starts_with("rlimit_") && settings.realtime_limit.is_some() {
                    self.processes.limits.push((prefix.to_owned(), statement.keyword));
                }
                if let Some(place) = self.config.globals.processes.of_mut(prefix) {
                    *place = settings;
                }
                return known;
            }
        }
        true
    }

    /// A setting of one process, by the keyword without its first word.
    fn process_setting(&mut self, statement: &Statement, name: &str, settings: &mut ProcessSettings) -> bool {
        match name {
            "priority" => {
                let nice = self.integer(statement, 0, -20..=19).and_then(|nice| i8::try_from(nice).ok());
                settings.nice = nice.or(settings.nice);
            }
            "rt_priority" => {
                settings.realtime = self.integer(statement, 0, 1..=99).map(small).or(settings.realtime);
            }
            "no_swap" => settings.lock_memory = true,
            "cpu_affinity" => settings.cpus = self.processors(statement),
            "rlimit_rttime" | "rlimit_rtime" => {
                settings.realtime_limit =
                    self.microseconds(statement, i64::from(u32::MAX)).or(settings.realtime_limit);
            }
            _ => return false,
        }
        true
    }

    fn microseconds(&mut self, statement: &Statement, most: i64) -> Option<Duration> {
        self.integer(statement, 0, 1..=most).map(|micros| Duration::from_micros(u64::from(unsigned(micros))))
    }

    fn processors(&mut self, statement: &Statement) -> BTreeSet<u16> {
        let words = self.all_words(&statement.words).into_iter();
        words
            .filter_map(|word| self.number_word(word, 0..=CPUS - 1))
            .filter_map(|number| u16::try_from(number).ok())
            .collect()
    }

    /// A number, octal with a leading 0, or the names of bits with bars between them.
    fn umask(&mut self, statement: &Statement) -> Option<u16> {
        let words = self.all_words(&statement.words);
        let (first, last) = (words.first()?, words.last()?);
        let span = if first.span.file == last.span.file { first.span.to(last.span) } else { first.span };
        let text: String = words.iter().map(|word| word.text).collect();
        let bits = |names: &str| names.split('|').map(bit).try_fold(0, |mask, bit| Some(mask | bit?));
        let mask = number(&text).or_else(|| bits(&text)).filter(|mask| *mask <= 0o777);
        if mask.is_none() {
            let message = format!("`{text}` is no file creation mask; it is ignored");
            let help = "a number from 0 to 0777, or names such as `IRGRP|IWGRP`: I, then R, W or X, then USR, GRP or OTH";
            self.report(Diagnostic::tolerated(Rule::BadValue, span, message).help(help));
        }
        mask
    }

    /// Puts together what several statements say.
    pub(super) fn finish_processes(&mut self) {
        let ProcessDraft { max_auto, auto_delay, limits } = std::mem::take(&mut self.processes);
        let delay = auto_delay.map_or(AUTO_DELAY, |(delay, _)| delay);
        let automatic = (max_auto > 0).then_some(AutoPriority { max: max_auto, delay });
        let processes = &mut self.config.globals.processes;
        for settings in [&mut processes.vrrp, &mut processes.checker, &mut processes.bfd] {
            settings.automatic = automatic;
        }
        if let (None, Some((_, span))) = (automatic, auto_delay) {
            self.lacks_companion(span, "max_auto_priority");
        }
        for (prefix, span) in limits {
            let settings = self.config.globals.processes.of_mut(&prefix);
            if settings.is_some_and(|settings| settings.realtime.is_none() && settings.automatic.is_none()) {
                self.lacks_companion(span, &format!("{prefix}_rt_priority"));
            }
        }
    }

    /// A statement that does something only beside another one, which is not there.
    pub(super) fn lacks_companion(&mut self, keyword: Span, other: &str) {
        let message = format!("`{}` does nothing without `{other}`", self.text(keyword));
        let help = format!("add `{other}`, or delete this line");
        self.report(Diagnostic::hint(Rule::MissingCompanion, keyword, message).help(help));
    }
}

/// As strtol with base 0 takes it.
fn number(text: &str) -> Option<u16> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // Not a sign, which the standard library takes.
    digits.starts_with(|c: char| c.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, radix).ok())?
}

/// A bit of a mask by its name in `sys/stat.h`, without `S_`.
fn bit(name: &str) -> Option<u16> {
    let (bits, whose) = match name.strip_prefix('I')? {
        rest if rest.starts_with("RWX") => (7, rest.get(3..)?),
        rest => match rest.split_at_checked(1)? {
            ("R", whose) => (4, whose),
            ("W", whose) => (2, whose),
            ("X", whose) => (1, whose),
            _ => return None,
        },
    };
    match whose {
        "USR" | "U" => Some(bits << 6),
        "GRP" | "G" => Some(bits << 3),
        "OTH" | "O" => Some(bits),
        _ => None,
    }
}
