//! The tree of a configuration: statements with their words as spans. It knows the keyword table, but no values.
//!
//! A large configuration has hundreds of thousands of statements, so they are small, and a block has exactly the memory
//! that it needs.

use crate::keywords::Row;
use crate::source::Span;

/// A statement that the keyword table knows, in a block where it may stand.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) row: &'static Row,
    /// The keyword as written.
    pub(crate) keyword: Span,
    /// Where its line ends, in the same text.
    pub(crate) line_end: u32,
    /// Words behind it, without quotes.
    pub(crate) words: Words,
    pub(crate) body: Body,
}

/// Some successive words of a [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    start: u32,
    end: u32,
}

impl Words {
    /// How many there are.
    pub(crate) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// All but the first.
    pub(crate) fn behind_first(self) -> Self {
        Self { start: self.end.min(self.start + 1), ..self }
    }
}

/// What is in the braces of a statement.
#[derive(Debug)]
pub(crate) enum Body {
    /// No braces.
    None,
    /// Statements.
    Block(Box<[Statement]>),
    /// Lines of a list.
    Lines(Box<[Entry]>),
}

/// A line of a list: at least one word.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) words: Words,
}

/// A whole configuration.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) statements: Vec<Statement>,
    words: Vec<Span>,
}

impl Document {
    pub(crate) fn words(&self, words: &Words) -> &[Span] {
        self.words.get(words.start as usize..words.end as usize).unwrap_or_default()
    }

    /// Adds words that belong together.
    pub(crate) fn add_words(&mut self, words: impl Iterator<Item = Span>) -> Words {
        // There are fewer words than bytes of text, and those are counted in 32 bits, too.
        let count = |words: &[Span]| u32::try_from(words.len()).unwrap_or(u32::MAX);
        let start = count(&self.words);
        self.words.extend(words);
        Words { start, end: count(&self.words) }
    }
}

impl Statement {
    /// Everything behind the keyword on its line.
    pub(crate) fn rest(&self) -> Span {
        Span { start: self.keyword.end, end: self.line_end.max(self.keyword.end), ..self.keyword }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_small() {
        // 64 bytes times 150,000 is what a configuration of 37,000 servers takes.
        assert!(size_of::<Statement>() <= 64, "{}", size_of::<Statement>());
    }
}
