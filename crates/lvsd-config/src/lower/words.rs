//! Words of statements as values, with what to say when they are none.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use lvsd_model::InterfaceName;

use super::Lowering;
use crate::diagnostic::Diagnostic;
use crate::keywords::{self, Context, Lines, Shape, State};
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Statement, Words};
use crate::values::{self, Number};

/// A word of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

/// What happens to a number with something behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Junk {
    Tolerated,
    Refused,
}

impl<'a> Lowering<'a> {
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        // A placeholder that was not filled in is named as such already; that it is no number besides helps nobody.
        let text = self.text(diagnostic.primary.span);
        if text.contains("{{") || text.starts_with("${") && text.contains(":-") {
            return;
        }
        self.diagnostics.push_once(diagnostic, self.sources);
    }

    pub(super) fn text(&self, span: Span) -> &'a str {
        self.sources.text(span)
    }

    pub(super) fn as_word(&self, span: Span) -> Word<'a> {
        Word { text: self.text(span), span }
    }

    /// A word behind the keyword, counted from 0.
    pub(super) fn word(&self, statement: &Statement, index: usize) -> Option<Word<'a>> {
        self.document.words(&statement.words).get(index).map(|&span| self.as_word(span))
    }

    pub(super) fn all_words(&self, words: &Words) -> Vec<Word<'a>> {
        self.document.words(words).iter().map(|&span| self.as_word(span)).collect()
    }

    /// Says what there is to say about a keyword as such; true when it is to be acted on.
    pub(super) fn accept(&mut self, statement: &Statement) -> bool {
        let row = statement.row;
        self.remark_on_deprecation(statement);
        match row.state {
            State::Works => {}
            State::NoEffect(why) => {
                let message = format!("`{}` is accepted and has no effect here: {why}", row.name);
                self.report(Diagnostic::hint(Rule::NoEffect, statement.keyword, message));
                return false;
            }
            State::Pending => {
                self.pending(statement);
                // What it says is checked and remembered all the same.
                self.plan(statement);
                return false;
            }
        }
        self.right_number_of_words(statement)
    }

    /// Names the newer keyword.
    pub(super) fn remark_on_deprecation(&mut self, statement: &Statement) {
        let row = statement.row;
        if let Some(instead) = row.deprecated {
            let message = format!("`{}` is deprecated", row.name);
            let help = format!("write `{instead}`");
            self.report(Diagnostic::hint(Rule::DeprecatedKeyword, statement.keyword, message).help(help));
        }
    }

    fn pending(&mut self, statement: &Statement) {
        let name = statement.row.name;
        let check = name.ends_with("_CHECK");
        let more = if check { ": without another check the server always counts as up" } else { "" };
        let message = format!("`{name}` is accepted and has no effect here yet{more}");
        self.report(Diagnostic::tolerated(Rule::NoEffectYet, statement.keyword, message));
    }

    /// Says what is wrong with the number of words; true when there are enough.
    pub(super) fn right_number_of_words(&mut self, statement: &Statement) -> bool {
        let row = statement.row;
        let count = statement.words.len();
        if count < usize::from(row.min_words) {
            let message = format!("`{}` lacks a word: {}", row.name, row.args);
            self.report(Diagnostic::error(Rule::MissingArgument, statement.keyword, message));
            return false;
        }
        if row.shape != Shape::Script
            && row.max_words < u8::MAX
            && let Some(extra) = self.word(statement, usize::from(row.max_words))
        {
            self.extra_words(statement, extra);
        }
        true
    }

    /// Names words that nobody reads.
    pub(super) fn extra_words(&mut self, statement: &Statement, first: Word<'_>) {
        let last = self.document.words(&statement.words).last().copied().unwrap_or(first.span);
        let span = if last.file == first.span.file { first.span.to(last) } else { first.span };
        let name = statement.row.name;
        let is_keyword = keywords::contexts_of(first.text)
            .filter_map(|context| {
                keywords::lookup(context, first.text).filter(|_| context != Context::RouteLine)
            })
            .any(|row| row.max_words > 0 && first.text.len() > 4 || row.takes_block());
        self.report(if is_keyword {
            let message =
                format!("`{}` begins another statement, but only `{name}` counts on this line", first.text);
            Diagnostic::tolerated(Rule::SeveralStatements, span, message).help("write one statement per line")
        } else {
            let takes = match statement.row.max_words {
                0 => "no words".to_owned(),
                1 => "one word".to_owned(),
                most => format!("at most {most} words"),
            };
            let message = format!("`{name}` takes {takes}; the rest is ignored");
            Diagnostic::tolerated(Rule::ExtraWord, span, message).label("ignored")
        });
    }

    /// A whole number in a range; `None` (and a warning) for others, so that the default stays.
    pub(super) fn integer(
        &mut self,
        statement: &Statement,
        index: usize,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let word = self.word(statement, index)?;
        self.number(word, range, Junk::Tolerated)
    }

    /// Like [`Self::integer`], for keywords where keepalived takes no number with something behind it.
    pub(super) fn strict_integer(
        &mut self,
        statement: &Statement,
        index: usize,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let word = self.word(statement, index)?;
        self.number(word, range, Junk::Refused)
    }

    /// A word as a number in a range.
    pub(super) fn number_word(&mut self, word: Word<'_>, range: RangeInclusive<i64>) -> Option<i64> {
        self.number(word, range, Junk::Tolerated)
    }

    /// A word as a number in a range, nothing behind it.
    pub(super) fn strict_number_word(&mut self, word: Word<'_>, range: RangeInclusive<i64>) -> Option<i64> {
        self.number(word, range, Junk::Refused)
    }

    fn number(&mut self, word: Word<'_>, range: RangeInclusive<i64>, junk: Junk) -> Option<i64> {
        let (value, exact) = match values::integer(word.text) {
            Number::Exact(value) => (value, true),
            Number::WithJunk(value) if junk == Junk::Tolerated => (value, false),
            _ => {
                let message = format!("`{}` is no number; it is ignored", word.text);
                let help = format!("a number from {} to {}", range.start(), range.end());
                self.report(Diagnostic::tolerated(Rule::BadNumber, word.span, message).help(help));
                return None;
            }
        };
        if !range.contains(&value) {
            let message = format!("{} is out of range; it is ignored", word.text);
            let help = format!("a number from {} to {}", range.start(), range.end());
            self.report(Diagnostic::tolerated(Rule::OutOfRange, word.span, message).help(help));
            return None;
        }
        if !exact {
            let message = format!("`{}` is taken as {value}", word.text);
            self.report(
                Diagnostic::tolerated(Rule::TrailingJunk, word.span, message)
                    .help(format!("write `{value}`")),
            );
        }
        Some(value)
    }

    /// A time in seconds within limits; `None` (and a warning) for others.
    pub(super) fn seconds(
        &mut self,
        statement: &Statement,
        index: usize,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let word = self.word(statement, index)?;
        self.seconds_word(word, range)
    }

    /// A word as a time in seconds.
    pub(super) fn seconds_word(
        &mut self,
        word: Word<'_>,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let help =
            || format!("seconds from {} to {}", values::show(*range.start()), values::show(*range.end()));
        let Some(value) = values::seconds(word.text) else {
            let message = format!("`{}` is no time; it is ignored", word.text);
            self.report(Diagnostic::tolerated(Rule::BadNumber, word.span, message).help(help()));
            return None;
        };
        if !range.contains(&value) {
            let message = format!("{} is out of range; it is ignored", word.text);
            self.report(Diagnostic::tolerated(Rule::OutOfRange, word.span, message).help(help()));
            return None;
        }
        let decimals = word.text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > 6 {
            let message = format!("times have six decimals; taken as {}", values::show(value));
            self.report(Diagnostic::tolerated(Rule::TrailingJunk, word.span, message));
        }
        Some(value)
    }

    /// A truth value, true when there is no word; `None` (and a warning) for a word that is none.
    pub(super) fn boolean(&mut self, statement: &Statement) -> Option<bool> {
        let Some(word) = self.word(statement, 0) else { return Some(true) };
        self.truth_word(word)
    }

    /// A word as a truth value.
    pub(super) fn truth_word(&mut self, word: Word<'_>) -> Option<bool> {
        let value = values::boolean(word.text);
        if value.is_none() {
            let message = format!("`{}` is neither true nor false; the statement is ignored", word.text);
            let help = "write on, true or yes, or off, false or no, in lower case";
            self.report(Diagnostic::tolerated(Rule::BadBoolean, word.span, message).help(help));
        }
        value
    }

    /// An address, or an error: nothing safe can be meant by a wrong one.
    pub(super) fn address(&mut self, word: Word<'_>) -> Option<IpAddr> {
        if let Ok(address) = word.text.parse() {
            return Some(address);
        }
        let without_prefix = word.text.split_once('/').and_then(|(address, prefix)| {
            let is_prefix = prefix.parse::<u8>().is_ok();
            address.parse().ok().filter(|_| is_prefix)
        });
        if let Some(address) = without_prefix {
            let message = format!("no prefix length belongs here; taken as {address}");
            self.report(Diagnostic::tolerated(Rule::TrailingJunk, word.span, message));
            return Some(address);
        }
        let message = format!("`{}` is no IP address", word.text);
        let help = "an address such as 192.0.2.1 or 2001:db8::1";
        self.report(Diagnostic::error(Rule::BadAddress, word.span, message).help(help));
        None
    }

    /// A port, or an error.
    pub(super) fn port(&mut self, word: Word<'_>) -> Option<u16> {
        let port = match values::integer(word.text) {
            Number::Exact(port) => u16::try_from(port).ok(),
            _ => None,
        };
        if port.is_none() {
            let message = format!("`{}` is no port", word.text);
            let help = "a number from 1 to 65535; service names are not known here";
            self.report(Diagnostic::error(Rule::BadNumber, word.span, message).help(help));
        }
        port
    }

    /// A port from 1, or a warning.
    pub(super) fn nonzero_port(&mut self, statement: &Statement) -> Option<u16> {
        self.strict_integer(statement, 0, 1..=65_535).and_then(|port| u16::try_from(port).ok())
    }

    /// The name of an interface, remembered for the host's own checks.
    pub(super) fn interface(&mut self, word: Word<'_>) -> Option<InterfaceName> {
        let name = InterfaceName::new(word.text);
        match &name {
            Some(_) => {
                self.places.add(Item::Interface(word.text.to_owned()), word.span);
                self.check_alias(word);
            }
            None => {
                let message = format!("`{}` cannot be the name of an interface", word.text);
                let help = "1 to 15 bytes without blanks or slashes";
                self.report(Diagnostic::error(Rule::BadName, word.span, message).help(help));
            }
        }
        name
    }

    fn check_alias(&mut self, word: Word<'_>) {
        let Some((interface, _)) = word.text.split_once(':') else { return };
        let message =
            format!("`{}` is the label of an address, no interface: it will never be up", word.text);
        let help = format!("write `{interface}`; a label belongs to the address: `label {}`", word.text);
        self.report(Diagnostic::tolerated(Rule::AliasInterface, word.span, message).help(help));
    }

    /// One of some words; a warning for others.
    pub(super) fn choice<T: Copy>(&mut self, word: Word<'_>, choices: &[(&str, T)]) -> Option<T> {
        if let Some(&(_, value)) = choices.iter().find(|(name, _)| *name == word.text) {
            return Some(value);
        }
        let names: Vec<_> = choices.iter().map(|&(name, _)| name).collect();
        let help = match suggest::nearest(word.text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", names.join(", ")),
        };
        let message = format!("`{}` is not known here; it is ignored", word.text);
        self.report(Diagnostic::tolerated(Rule::BadValue, word.span, message).help(help));
        None
    }

    /// Reports keywords of a block that stand there twice though they set one value.
    pub(super) fn check_repeated(&mut self, statements: &[Statement]) {
        let mut seen = std::mem::take(&mut self.seen);
        seen.clear();
        for statement in statements {
            let single = match statement.row.shape {
                Shape::Words => !matches!(statement.row.name, "process" | "key" | "script_user"),
                Shape::Script => true,
                Shape::Lines(Lines::Addresses | Lines::Peers) => false,
                _ => false,
            };
            if !single {
                continue;
            }
            match seen.iter().find(|(row, _)| std::ptr::eq(*row, statement.row)) {
                Some(&(_, before)) => {
                    let message = format!("`{}` stands here twice; the last one counts", statement.row.name);
                    let diagnostic = Diagnostic::hint(Rule::RepeatedKeyword, statement.keyword, message);
                    self.report(diagnostic.also(before, "the first one"));
                }
                None => seen.push((statement.row, statement.keyword)),
            }
        }
        self.seen = seen;
    }
}
