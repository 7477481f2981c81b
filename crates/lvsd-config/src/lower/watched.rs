//! `track_file` and `vrrp_track_process`.

use std::time::Duration;

use lvsd_model::{InitFile, ParamMatch, TrackFile, TrackProcess, TrackWeight};

use super::common::unsigned;
use super::track::Kind;
use super::{Defined, Lowering};
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

impl<'a> Lowering<'a> {
    /// Remembers where something that trackers refer to is defined; false for a second one of the name.
    pub(super) fn define(
        &mut self,
        kind: Kind,
        name: super::words::Word<'a>,
        order: usize,
        index: usize,
    ) -> bool {
        if let Some(before) = self.tracked.get(&(kind, name.text)).copied() {
            let message = format!("there are two {}s `{}`; this one is skipped", plural(kind), name.text);
            let diagnostic = Diagnostic::tolerated(Rule::DuplicateName, name.span, message);
            self.report(diagnostic.also(before.span, "the first one"));
            return false;
        }
        self.tracked.insert((kind, name.text), Defined { span: name.span, order, index });
        true
    }

    /// `track_file` and `vrrp_track_file` at the root.
    pub(super) fn track_file(&mut self, statement: &'a Statement, order: usize) {
        let Some(name) = self.word(statement, 0) else { return };
        let index = self.config.vrrp.files.len();
        if !self.define(Kind::File, name, order, index) {
            return;
        }
        let mut path = None;
        let mut effect = TrackWeight { weight: 1, reverse: false };
        let mut init = None;
        self.check_repeated(statement.block());
        for inner in statement.block() {
            if !self.accept(inner) {
                continue;
            }
            match inner.row.name {
                "file" => path = self.word(inner, 0).map(|word| word.text.to_owned()),
                "weight" => effect = self.weight_words(inner, Kind::File.most()).unwrap_or(effect),
                _ => init = Some(self.init_file(inner)),
            }
        }
        let Some(path) = path else {
            self.tracked.remove(&(Kind::File, name.text));
            return self.lacks(
                name.span,
                &format!("the tracked file `{}` has no file", name.text),
                "add `file /path`",
            );
        };
        self.config.vrrp.files.push(TrackFile { name: name.text.to_owned(), path, effect, init });
    }

    /// `init_file [<int>] [overwrite]`.
    fn init_file(&mut self, statement: &Statement) -> InitFile {
        let (mut value, mut overwrite) = (0, false);
        for word in self.all_words(&statement.words) {
            if word.text == "overwrite" {
                overwrite = true;
            } else {
                let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
                let number = self.number_word(word, range).and_then(|number| i32::try_from(number).ok());
                value = number.unwrap_or(value);
            }
        }
        if overwrite { InitFile::Overwrite(value) } else { InitFile::IfMissing(value) }
    }

    /// `vrrp_track_process`.
    pub(super) fn track_process(&mut self, statement: &'a Statement, order: usize) {
        let Some(name) = self.word(statement, 0) else { return };
        let index = self.config.vrrp.processes.len();
        if !self.define(Kind::Process, name, order, index) {
            return;
        }
        let mut process = TrackProcess {
            name: name.text.to_owned(),
            program: String::new(),
            arguments: Vec::new(),
            matching: ParamMatch::Any,
            full_command: false,
            quorum: 1,
            quorum_max: None,
            terminate_delay: Duration::ZERO,
            fork_delay: Duration::ZERO,
            effect: TrackWeight::default(),
        };
        let (mut matching, mut most) = (None, None);
        self.check_repeated(statement.block());
        for inner in statement.block() {
            if !self.accept(inner) {
                continue;
            }
            match inner.row.name {
                "process" => {
                    let mut words = self.all_words(&inner.words).into_iter().map(|word| word.text.to_owned());
                    process.program = words.next().unwrap_or_default();
                    process.arguments = words.collect();
                }
                "param_match" => {
                    let kinds = [("initial", ParamMatch::Initial), ("partial", ParamMatch::Partial)];
                    matching = match self.word(inner, 0) {
                        Some(word) => self.choice(word, &kinds).or(matching),
                        None => Some(ParamMatch::Exact),
                    };
                }
                "weight" => {
                    process.effect = self.weight_words(inner, Kind::Process.most()).unwrap_or(process.effect);
                }
                "quorum" => process.quorum = self.integer(inner, 0, 1..=65_535).map_or(1, unsigned),
                "quorum_max" => {
                    most = self.integer(inner, 0, 0..=65_535).map(|most| (unsigned(most), inner.keyword));
                }
                "full_command" => process.full_command = true,
                _ => self.process_delay(inner, &mut process),
            }
        }
        if process.program.is_empty() {
            self.tracked.remove(&(Kind::Process, name.text));
            let message = format!("the tracked process `{}` has no process", name.text);
            return self.lacks(name.span, &message, "add `process <name or path> [<argument> ...]`");
        }
        let default = if process.arguments.is_empty() { ParamMatch::Any } else { ParamMatch::Exact };
        process.matching = matching.unwrap_or(default);
        process.quorum_max = self.quorum_max(process.quorum, most);
        self.config.vrrp.processes.push(process);
    }

    fn process_delay(&mut self, statement: &Statement, process: &mut TrackProcess) {
        let limits = Duration::from_micros(1)..=Duration::from_secs(3600);
        let Some(delay) = self.seconds(statement, 0, limits) else { return };
        if statement.row.name != "fork_delay" {
            process.terminate_delay = delay;
        }
        if statement.row.name != "terminate_delay" {
            process.fork_delay = delay;
        }
    }

    fn quorum_max(&mut self, quorum: u32, most: Option<(u32, Span)>) -> Option<u32> {
        let (most, span) = most?;
        if most < quorum {
            let message = format!("quorum_max is below the quorum of {quorum}; it is ignored");
            self.report(Diagnostic::tolerated(Rule::OutOfRange, span, message));
            return None;
        }
        Some(most)
    }

    fn lacks(&mut self, span: Span, what: &str, help: &str) {
        let message = format!("{what}; it is ignored");
        self.report(Diagnostic::tolerated(Rule::TrackerIncomplete, span, message).help(help));
    }
}

const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Script => "script",
        Kind::File => "tracked file",
        Kind::Process => "tracked processe",
        Kind::Bfd => "BFD session",
    }
}
