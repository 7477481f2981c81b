//! The tree of a configuration: statements with their words as spans. It knows the keyword table, but no values.

use crate::keywords::Row;
use crate::source::Span;

/// A statement that the keyword table knows, in a block where it may stand.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) row: &'static Row,
    /// The keyword as written.
    pub(crate) keyword: Span,
    /// Everything behind it on its line.
    pub(crate) rest: Span,
    /// Words behind it, without quotes: a range of [`Document::words`].
    pub(crate) words: std::ops::Range<usize>,
    pub(crate) body: Body,
}

/// What is in the braces of a statement.
#[derive(Debug)]
pub(crate) enum Body {
    /// No braces.
    None,
    /// Statements.
    Block(Vec<Statement>),
    /// Lines of a list.
    Lines(Vec<Entry>),
}

/// A line of a list: at least one word.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As a range of [`Document::words`].
    pub(crate) words: std::ops::Range<usize>,
}

/// A whole configuration.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) statements: Vec<Statement>,
    pub(crate) words: Vec<Span>,
}

impl Document {
    pub(crate) fn words(&self, range: &std::ops::Range<usize>) -> &[Span] {
        self.words.get(range.clone()).unwrap_or_default()
    }
}

impl Statement {
    /// The statements of its block.
    pub(crate) fn block(&self) -> &[Self] {
        match &self.body {
            Body::Block(statements) => statements,
            _ => &[],
        }
    }

    /// The lines of its list.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.body {
            Body::Lines(entries) => entries,
            _ => &[],
        }
    }
}
