//! One line as it is written: its statements, its comment, and what must not be touched.

use std::collections::HashSet;

use super::Uses;
use crate::include::{self, Strictness};
use crate::lex::{self, Backslash, Brace, Opening};
use crate::parser;
use crate::reader;

/// A line of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    raw: &'a str,
    /// Its statements, without outer blanks.
    pub(super) code: &'a str,
    /// Its comment with the sign that begins it.
    pub(super) comment: Option<&'a str>,
    open_quote: bool,
}

impl<'a> Line<'a> {
    pub(super) fn read(raw: &'a str) -> Self {
        let found = lex::uncomment(raw, Backslash::IsData);
        let (code, comment) = raw.split_at(found.end);
        Self {
            raw,
            code: code.trim_matches(lex::is_blank),
            comment: (!comment.is_empty()).then(|| comment.trim_end_matches(lex::is_blank)),
            open_quote: found.open_quote.is_some(),
        }
    }

    /// All of it, without outer blanks.
    pub(super) fn trimmed(&self) -> &'a str {
        self.raw.trim_matches(lex::is_blank)
    }

    pub(super) fn is_definition(&self) -> bool {
        reader::is_definition(self.raw)
    }

    /// Whether the next line belongs to it, if it is a definition.
    pub(super) fn continues(&self) -> bool {
        self.trimmed().ends_with('\\')
    }

    /// Whether it must stay as it is written.
    pub(super) fn is_fixed(&self, uses: Uses) -> bool {
        let structured = lex::brace(self.code, Opening::Splits).is_some();
        self.open_quote
            || self.code.contains('\0')
            || is_directive(self.code)
            || structured
                && (self.code.contains('$') && uses == Uses::Unknown || has_inner_directive(self.code))
    }
}

/// Whether the preprocessor takes a text as a whole.
pub(super) fn is_directive(code: &str) -> bool {
    let end = code.find(|c| lex::is_blank(c) || matches!(c, '{' | '}')).unwrap_or(code.len());
    code.starts_with(['@', '~'])
        || lex::definition(code).is_some()
        || reader::is_malformed_definition(code)
        || code.get(..end).and_then(|word| include::strictness(word, Strictness::default())).is_some()
}

/// Whether one of the parts behind a brace is for the preprocessor.
fn has_inner_directive(code: &str) -> bool {
    let mut rest = code;
    while let Some(Brace::Open(at) | Brace::Close(at)) = lex::brace(rest, Opening::Splits) {
        rest = rest.get(at + 1..).unwrap_or_default().trim_matches(lex::is_blank);
        if is_directive(rest) {
            return true;
        }
    }
    false
}

/// A statement with single blanks between its words, where nothing but words is in it.
pub(super) fn spaced(statement: &str) -> String {
    if statement.contains('$') || statement.contains("{{") || parser::is_script_line(statement) {
        return statement.to_owned();
    }
    let mut out = String::with_capacity(statement.len());
    let mut quoted = false;
    for c in statement.chars() {
        quoted ^= c == '"';
        if quoted || !lex::is_blank(c) {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// The parameters to which a file gives a value of one line.
#[derive(Debug, Default)]
pub(super) struct Single(HashSet<String>);

impl Single {
    pub(super) fn learn(&mut self, definition: &Line<'_>) {
        let from = definition.code.find('$').unwrap_or_default();
        let defined = definition.code.get(from..).and_then(lex::definition);
        // A value with a brace or another parameter in it may be more than a word.
        if let Some((name, value)) = defined {
            if value.contains(['$', '{', '}']) {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned());
            }
        }
    }

    pub(super) fn knows_all(&self, line: &Line<'_>) -> bool {
        let mut uses = line.code.match_indices('$');
        uses.all(|(at, _)| {
            let found = line.code.get(at..).and_then(lex::parameter);
            found.is_some_and(|found| self.0.contains(found.name))
        })
    }
}
