//! What the lines of routes and rules have in common: words one after the other, names of numbers, prefixes.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use lvsd_model::{Family, Prefix, Realms};

use super::Lowering;
use super::names::Kind;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::keywords::{self, Context, Row};
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;

/// The words of a line, one after the other.
pub(super) struct Line<'a> {
    words: Vec<Word<'a>>,
    at: usize,
    /// What a line of it is called.
    what: &'static str,
}

/// A line that means nothing; what is wrong with it has been said.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeftOut;

pub(super) type Taken<T> = Result<T, LeftOut>;

impl<'a> Line<'a> {
    pub(super) const fn new(words: Vec<Word<'a>>, what: &'static str) -> Self {
        Self { words, at: 0, what }
    }

    pub(super) fn next(&mut self) -> Option<Word<'a>> {
        let word = self.words.get(self.at).copied();
        self.at += usize::from(word.is_some());
        word
    }

    pub(super) fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.at).copied()
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let there = self.peek().is_some_and(|word| word.text == text);
        self.at += usize::from(there);
        there
    }

    /// The whole line.
    pub(super) fn span(&self) -> Option<Span> {
        let (first, last) = (self.words.first()?.span, self.words.last()?.span);
        Some(if first.file == last.file { first.to(last) } else { first })
    }
}

impl<'a> Lowering<'a> {
    /// Says why a line means nothing. A part of it alone would be another route or rule than the one that is meant.
    pub(super) fn leave_out<T>(
        &mut self,
        line: &Line<'_>,
        rule: Rule,
        at: Span,
        message: String,
        help: Option<String>,
    ) -> Taken<T> {
        let message = format!("{message}; the {} is left out", line.what);
        let diagnostic = Diagnostic::tolerated(rule, at, message);
        self.report(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
        Err(LeftOut)
    }

    /// The word that an option needs.
    pub(super) fn value(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<Word<'a>> {
        match line.next() {
            Some(word) => Ok(word),
            None => {
                let message = format!("`{}` lacks a word", option.text);
                self.leave_out(line, Rule::MissingArgument, option.span, message, None)
            }
        }
    }

    /// A number that an option needs.
    pub(super) fn number_of<T: TryFrom<i64>>(
        &mut self,
        line: &mut Line<'a>,
        option: Word<'_>,
        range: RangeInclusive<i64>,
    ) -> Taken<T> {
        let word = self.value(line, option)?;
        let help = || Some(format!("a number from {} to {}", range.start(), range.end()));
        let parsed = match word.text.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16),
            None => word.text.parse::<i64>(),
        };
        let Ok(number) = parsed else {
            let message = format!("`{}` is no number", word.text);
            return self.leave_out(line, Rule::BadNumber, word.span, message, help());
        };
        match T::try_from(number) {
            Ok(number) if range.contains(&parsed.unwrap_or(i64::MIN)) => Ok(number),
            _ => {
                let message = format!("{} is out of range", word.text);
                self.leave_out(line, Rule::OutOfRange, word.span, message, help())
            }
        }
    }

    /// A number that may have a name.
    pub(super) fn named(
        &mut self,
        line: &mut Line<'a>,
        option: Word<'_>,
        kind: Kind,
        range: RangeInclusive<u32>,
    ) -> Taken<u32> {
        let word = self.value(line, option)?;
        self.named_word(line, word.text, word.span, kind, range)
    }

    fn named_word(
        &mut self,
        line: &Line<'_>,
        text: &str,
        span: Span,
        kind: Kind,
        range: RangeInclusive<u32>,
    ) -> Taken<u32> {
        let Some(number) = self.names.number(kind, text) else {
            let help = match suggest::nearest(text, self.names.all(kind)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "a number, or a name from iproute2's files".to_owned(),
            };
            let message = format!("`{text}` is no {} that this host has a name for", kind.what());
            return self.leave_out(line, Rule::UnknownName, span, message, Some(help));
        };
        if range.contains(&number) {
            return Ok(number);
        }
        let message = format!("{text} is out of range");
        let help = Some(format!("a number from {} to {}", range.start(), range.end()));
        self.leave_out(line, Rule::OutOfRange, span, message, help)
    }

    /// `[FROM/]TO`.
    pub(super) fn realms(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<Realms> {
        let word = self.value(line, option)?;
        let mut realm = |text: &str| {
            let number = self.named_word(line, text, word.span, Kind::Realm, 0..=65_535)?;
            Ok(u16::try_from(number).unwrap_or(u16::MAX))
        };
        match word.text.split_once('/') {
            Some((source, destination)) => {
                Ok(Realms { source: realm(source)?, destination: realm(destination)? })
            }
            None => Ok(Realms { source: 0, destination: realm(word.text)? }),
        }
    }

    /// An address that an option needs.
    pub(super) fn address_of(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<IpAddr> {
        let word = self.value(line, option)?;
        match word.text.parse() {
            Ok(address) => Ok(address),
            Err(_) => self.no_address(line, word),
        }
    }

    fn no_address<T>(&mut self, line: &Line<'_>, word: Word<'_>) -> Taken<T> {
        let message = format!("`{}` is no IP address", word.text);
        let help = Some("an address such as 192.0.2.1 or 2001:db8::1".to_owned());
        self.leave_out(line, Rule::BadAddress, word.span, message, help)
    }

    /// `address[/length]`.
    pub(super) fn network(&mut self, line: &Line<'_>, word: Word<'_>) -> Taken<Prefix> {
        let (text, len) =
            word.text.split_once('/').map_or((word.text, None), |(text, len)| (text, Some(len)));
        let Ok(address) = text.parse::<IpAddr>() else { return self.no_address(line, word) };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = len.map_or(Some(most), |len| len.parse().ok()).and_then(|len| Prefix::new(address, len));
        let Some(prefix) = prefix else {
            let message = format!("`{}` is no prefix length", len.unwrap_or_default());
            let help = Some(format!("a number from 0 to {most}"));
            return self.leave_out(line, Rule::OutOfRange, word.span, message, help);
        };
        if prefix.address() != address {
            let message = format!("`{}` has host bits; taken as {prefix}", word.text);
            self.report(
                Diagnostic::tolerated(Rule::TrailingJunk, word.span, message)
                    .help(format!("write `{prefix}`")),
            );
        }
        Ok(prefix)
    }

    /// The row of an option, or why there is none.
    pub(super) fn option_row(
        &mut self,
        line: &Line<'_>,
        context: Context,
        word: Word<'_>,
    ) -> Taken<&'static Row> {
        let row = keywords::lookup(context, word.text).filter(|row| !row.name.starts_with('<'));
        let Some(row) = row else {
            let message = format!("`{}` is no option of a {}", word.text, line.what);
            let near = suggest::nearest(word.text, keywords::names(context));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            return self.leave_out(line, Rule::BadValue, word.span, message, help);
        };
        if let Some(instead) = row.deprecated {
            let message = format!("`{}` is deprecated", row.name);
            let help = format!("write `{instead}`");
            self.report(Diagnostic::hint(Rule::DeprecatedKeyword, word.span, message).help(help));
        }
        Ok(row)
    }

    /// The name of an interface that an option needs.
    pub(super) fn interface_of(
        &mut self,
        line: &mut Line<'a>,
        option: Word<'_>,
    ) -> Taken<lvsd_model::InterfaceName> {
        let word = self.value(line, option)?;
        self.interface(word).ok_or(LeftOut)
    }

    /// Families that must be the same.
    pub(super) fn same_family(
        &mut self,
        line: &Line<'_>,
        family: Family,
        other: Option<Family>,
        what: &str,
    ) -> Taken<()> {
        if other.is_none_or(|other| other == family) {
            return Ok(());
        }
        let Some(span) = line.span() else { return Err(LeftOut) };
        let message = format!("{what} is not {family} like the {} itself", line.what);
        self.leave_out(line, Rule::FamilyMismatch, span, message, None)
    }
}
