//! Statements that no process acts on yet: their values are read and checked by the notation of the keyword table.

use std::collections::HashMap;

use lvsd_model::{PlannedStatement, PlannedValue};

use super::Lowering;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::keywords::grammar::{self, Slot};
use crate::keywords::{Lines, Shape};
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::Statement;

/// A session that BFD checks and trackers name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    span: Span,
    used: bool,
}

/// All of them, by name.
pub(super) type Sessions<'a> = HashMap<&'a str, Session>;

impl<'a> Lowering<'a> {
    /// Takes a statement, with all that is in its block, into the model.
    pub(super) fn plan(&mut self, statement: &Statement) {
        let mut planned = self.planned(statement, "");
        planned.within.clone_from(&self.path);
        self.config.planned.push(planned);
    }

    fn planned(&mut self, statement: &Statement, around: &str) -> PlannedStatement {
        let row = statement.row;
        let mut planned = PlannedStatement {
            within: Vec::new(),
            keyword: row.name.to_owned(),
            values: Vec::new(),
            lines: Vec::new(),
            block: Vec::new(),
        };
        if self.right_number_of_words(statement) {
            planned.values = self.planned_values(statement);
            self.particular(statement, around);
        }
        match row.shape {
            Shape::Block(_) => {
                self.check_repeated(statement.block());
                let inner = statement.block().iter();
                planned.block = inner.map(|inner| self.planned_inside(inner, row.name)).collect();
                self.complete_block(statement);
            }
            Shape::Lines(lines) => planned.lines = self.planned_lines(statement, lines),
            Shape::Words | Shape::Script => {}
        }
        planned
    }

    fn planned_inside(&mut self, statement: &Statement, around: &str) -> PlannedStatement {
        self.remark_on_deprecation(statement);
        self.planned(statement, around)
    }

    fn planned_values(&mut self, statement: &Statement) -> Vec<PlannedValue> {
        let words = self.all_words(&statement.words);
        if statement.row.shape == Shape::Script {
            // The command's own rules are checked; who runs it is part of what is remembered.
            let _ = self.script(statement);
            return words.into_iter().map(|word| PlannedValue::Word(word.text.to_owned())).collect();
        }
        let slots = grammar::slots(statement.row.args);
        let mut slots = slots.iter().peekable();
        let mut values = Vec::new();
        for word in words {
            // An optional word that is not there: what is there is the next one.
            if let Some(Slot::Choice(choices)) = slots.peek()
                && slots.len() > 1
                && !choices.contains(&word.text)
            {
                slots.next();
            }
            let slot = if slots.len() > 1 { slots.next() } else { slots.peek().copied() };
            values.extend(match slot {
                Some(slot) if !statement.row.takes_block() => self.planned_value(word, slot),
                _ => Some(PlannedValue::Word(word.text.to_owned())),
            });
        }
        values
    }

    fn planned_value(&mut self, word: Word<'a>, slot: &Slot) -> Option<PlannedValue> {
        match slot {
            Slot::Number(range) => self.number_word(word, range.clone()).map(PlannedValue::Number),
            Slot::Seconds(range) => self.seconds_word(word, range.clone()).map(PlannedValue::Seconds),
            Slot::Truth => self.truth_word(word).map(PlannedValue::Truth),
            Slot::Address => self.address(word).map(PlannedValue::Address),
            Slot::Interface => self.interface(word).map(|name| PlannedValue::Word(name.as_str().to_owned())),
            Slot::Choice(words) => {
                let choices: Vec<_> = words.iter().map(|&word| (word, word)).collect();
                self.choice(word, &choices).map(|word| PlannedValue::Word(word.to_owned()))
            }
            Slot::Text(most) if word.text.len() > *most => {
                let message = format!("`{}` has more than {most} bytes; it is ignored", word.text);
                self.report(Diagnostic::tolerated(Rule::OutOfRange, word.span, message));
                None
            }
            Slot::Text(_) => Some(PlannedValue::Word(word.text.to_owned())),
        }
    }

    fn planned_lines(&mut self, statement: &Statement, lines: Lines) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            if let (Lines::Trackers, "track_bfd", Some(&name)) = (lines, statement.row.name, words.first()) {
                self.use_session(name);
            }
            all.push(words.iter().map(|word| word.text.to_owned()).collect());
        }
        all
    }

    /// What the notation cannot say.
    fn particular(&mut self, statement: &Statement, around: &str) {
        let Some(word) = self.word(statement, 0) else { return };
        if (around, statement.row.name) == ("BFD_CHECK", "name") {
            self.use_session(word);
        }
    }

    /// What a block needs beside what each of its statements says.
    fn complete_block(&mut self, statement: &Statement) {
        let has = |names: &[&str]| statement.block().iter().any(|inner| names.contains(&inner.row.name));
        let (needed, missing): (&[&str], &str) = match statement.row.name {
            "BFD_CHECK" => (&["name"], "name <bfd_instance>"),
            "bfd_instance" => (&["neighbor_ip", "neighbour_ip"], "neighbor_ip <address>"),
            _ => return,
        };
        if !has(needed) {
            let message = format!("`{}` lacks `{missing}`; it is ignored", statement.row.name);
            let help = format!("add `{missing}`");
            self.report(Diagnostic::tolerated(Rule::CheckIncomplete, statement.keyword, message).help(help));
        }
    }

    /// All sessions, before anything names one.
    pub(super) fn find_sessions(&mut self, statements: &'a [Statement]) {
        for block in statements.iter().filter(|statement| statement.row.name == "bfd_instance") {
            let Some(name) = self.word(block, 0) else { continue };
            if let Some(before) = self.sessions.get(name.text).copied() {
                let message = format!("there are two BFD sessions `{}`; this one is skipped", name.text);
                let diagnostic = Diagnostic::tolerated(Rule::DuplicateName, name.span, message);
                self.report(diagnostic.also(before.span, "the first one"));
                continue;
            }
            self.sessions.insert(name.text, Session { span: name.span, used: false });
        }
    }

    fn use_session(&mut self, name: Word<'a>) {
        if let Some(session) = self.sessions.get_mut(name.text) {
            session.used = true;
            return;
        }
        let message = format!("there is no bfd_instance `{}`: nothing is tracked here", name.text);
        let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message).label("ignored");
        self.report(match suggest::nearest(name.text, self.sessions.keys().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("define `bfd_instance {} {{ ... }}`", name.text)),
        });
    }

    /// Names sessions that nothing uses.
    pub(super) fn check_sessions(&mut self) {
        let unused = self.sessions.iter().filter(|(_, session)| !session.used);
        for (name, span) in unused.map(|(&name, session)| (name, session.span)).collect::<Vec<_>>() {
            let message = format!("nothing uses the BFD session `{name}`");
            let help = format!("add `track_bfd {{ {name} }}` to an instance, or a BFD_CHECK to a server");
            self.report(Diagnostic::hint(Rule::UnusedDefinition, span, message).help(help));
        }
    }
}
