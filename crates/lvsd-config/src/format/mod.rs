//! The canonical layout of a configuration file: one statement per line, blocks indented, the opening brace behind its
//! keyword, all comments kept.
//!
//! A file is laid out as it is written, not as it expands: definitions, conditional lines, repetitions and includes stay
//! as they are. What the reader makes of the file before and after is compared, so that a layout that would mean
//! something else is never given out. Start reading at [`format()`]; `blocks` follows the nesting, `page` writes.

mod blocks;
mod line;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use self::line::{Line, Single};
use self::page::Page;
use crate::files::MemoryFiles;
use crate::lex::{self, Opening};
use crate::parser;
use crate::reader::{Reader, Segment};
use crate::{Options, SourceMap};

/// How many identities of a file's conditional lines are tried.
const MAX_IDENTITIES: usize = 64;

/// Why a file is not laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unformattable {
    /// It is larger than [`SourceMap::MAX_TEXT`].
    TooLarge,
    /// Its definitions depend on how it is written: the layout would change what it means.
    WouldChange,
}

impl std::fmt::Display for Unformattable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the file is too large",
            Self::WouldChange => "another layout would change its meaning, so it is left as it is",
        })
    }
}

impl std::error::Error for Unformattable {}

/// Whether lines that use definitions may be cut at their braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameters {
    /// When the file itself gives them a value of one line.
    Trusted,
    /// Never.
    Untouched,
}

/// Whether all parameters that a line uses are known to be words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Uses {
    Known,
    Unknown,
}

/// Lays a file out anew. The result laid out again is itself.
///
/// # Errors
/// [`Unformattable`] when there is no layout that is certain to mean the same.
pub fn format(text: &str) -> Result<String, Unformattable> {
    if text.len() > SourceMap::MAX_TEXT {
        return Err(Unformattable::TooLarge);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let identities = identities(text);
    let same = |made: &str| {
        identities.iter().all(|id| Outline::of(text, id, |one| Outline::of(made, id, |other| one.eq(other))))
    };
    let attempts = [Parameters::Trusted, Parameters::Untouched].into_iter();
    let good = |parameters| {
        let made = layout(text, parameters);
        (layout(&made, parameters) == made && same(&made)).then_some(made)
    };
    attempts.filter_map(good).next().ok_or(Unformattable::WouldChange)
}

fn layout(text: &str, parameters: Parameters) -> String {
    let mut page = Page::new(identities(text).into_iter().nth(1).unwrap_or_default());
    let mut single = Single::default();
    let mut lines = text.lines();
    while let Some(raw) = lines.next() {
        let line = Line::read(raw);
        if line.is_definition() {
            page.verbatim(line.trimmed());
            if !line.continues() {
                single.learn(&line);
                continue;
            }
            // The body of a definition is nobody's layout but its author's.
            for raw in lines.by_ref() {
                page.raw(raw.trim_end_matches(lex::is_blank));
                let line = Line::read(raw);
                if !line.code.is_empty() && !line.continues() {
                    break;
                }
            }
            continue;
        }
        let known = parameters == Parameters::Trusted && single.knows_all(&line);
        page.line(&line, if known { Uses::Known } else { Uses::Unknown });
    }
    page.finish()
}

/// The identities that make a difference to a file: first one that no line names, then those of its conditional lines.
fn identities(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut list = vec![String::new()];
    for line in text.lines() {
        let mut rest = line.trim_start_matches(lex::is_blank);
        while let Some(condition) = rest.strip_prefix('@') {
            let end = condition.find(lex::is_blank).unwrap_or(condition.len());
            let (id, more) = condition.split_at(end);
            let id = id.strip_prefix('^').unwrap_or(id);
            if list.len() < MAX_IDENTITIES && found.insert(id) {
                list.push(id.to_owned());
            }
            rest = more.trim_start_matches(lex::is_blank);
        }
    }
    list
}

/// A statement or brace, without what layout may change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Words(Vec<String>),
    Script(String),
    Open,
    Close,
}

/// What the reader makes of a file, other files aside.
struct Outline<'a> {
    reader: Reader<'a>,
}

impl Outline<'_> {
    fn of<R>(text: &str, identity: &str, look: impl FnOnce(&mut Outline<'_>) -> R) -> R {
        let files = MemoryFiles::default();
        let options = Options { config_id: identity.to_owned(), ..Options::default() };
        let mut reader = Reader::new(&files, &options);
        reader.push_file(Path::new("file"), text.into());
        reader.start();
        look(&mut Outline { reader })
    }
}

impl Iterator for Outline<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        Some(match self.reader.next(Opening::Splits)? {
            Segment::Open(_) => Item::Open,
            Segment::Close(_) => Item::Close,
            Segment::Statement(span) => {
                let text = self.reader.sources.text(span);
                if parser::is_script_line(text) {
                    return Some(Item::Script(text.to_owned()));
                }
                let word = |token: lex::Token| text.get(token.start..token.end).unwrap_or_default();
                Item::Words(lex::words(text).map(|token| word(token).to_owned()).collect())
            }
        })
    }
}
