//! Which blocks are open: as the parser sees it, as far as one file alone can tell.

use crate::keywords::{self, Context, Row, Shape};
use crate::lex::{self, Brace, Opening};
use crate::parser;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Block(Context),
    List,
    Unknown,
}

/// The open blocks, and the one that the last statement announced.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    frames: Vec<Frame>,
    expected: Option<Frame>,
}

impl Blocks {
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Whether an opening brace may follow the last statement.
    pub(super) fn expects_block(&self) -> bool {
        self.expected.is_some()
    }

    /// What an opening brace would be now.
    pub(super) fn opening(&self) -> Opening {
        let in_list = self.expected.is_none() && self.frames.last() == Some(&Frame::List);
        if in_list { Opening::IsData } else { Opening::Splits }
    }

    fn context(&self) -> Context {
        let inner = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Block(context) => Some(*context),
            _ => None,
        });
        inner.unwrap_or(Context::Root)
    }

    /// A statement begins; before it is written, since it may show that blocks were left open.
    pub(super) fn statement(&mut self, text: &str) {
        if let Some(frame @ (Frame::Block(_) | Frame::List)) = self.expected.take() {
            self.frames.push(frame);
        }
        let name = text.split(lex::is_blank).next().unwrap_or_default();
        let named = lex::words(text).nth(1).is_some() || name == "global_defs";
        let unknown = self.frames.last() == Some(&Frame::Unknown);
        let misplaced = unknown || keywords::lookup(self.context(), name).is_none();
        if named && misplaced && parser::begins_at_root(name) {
            self.frames.clear();
        }
        if self.frames.last() != Some(&Frame::List) && !name.starts_with('$') {
            self.expected = expected(self.context(), name);
        }
    }

    pub(super) fn open(&mut self) {
        let frame = self.expected.take().unwrap_or_else(|| Frame::Block(self.context()));
        // Bounded, since hostile text could open any number of them.
        if self.frames.len() < 1000 {
            self.frames.push(frame);
        }
    }

    pub(super) fn close(&mut self) {
        self.expected = None;
        self.frames.pop();
    }

    /// Follows the braces of a text that is written as it is.
    pub(super) fn follow(&mut self, text: &str) {
        let mut rest = text.trim_matches(lex::is_blank);
        while !rest.is_empty() {
            let (before, after) = match lex::brace(rest, self.opening()) {
                None => (rest, None),
                Some(Brace::Open(at) | Brace::Close(at)) => {
                    rest.split_at_checked(at).map_or((rest, None), |(before, after)| (before, Some(after)))
                }
            };
            if !before.is_empty() {
                self.statement(before);
            }
            let Some(after) = after else { return };
            if after.starts_with('{') {
                self.open()
            } else {
                self.close()
            }
            rest = after.get(1..).unwrap_or_default().trim_matches(lex::is_blank);
        }
    }
}

/// The block that a keyword announces. What only other blocks know may come from a file that is included in one.
fn expected(context: Context, name: &str) -> Option<Frame> {
    let elsewhere = || {
        let rows = keywords::contexts_of(name).filter_map(|context| keywords::lookup(context, name));
        rows.max_by_key(|row| row.takes_block())
    };
    let row: Option<&Row> = keywords::lookup(context, name).or_else(elsewhere);
    match row.map(|row| row.shape) {
        None => Some(Frame::Unknown),
        Some(Shape::Block(inner)) => Some(Frame::Block(inner)),
        Some(Shape::Lines(_)) => Some(Frame::List),
        Some(Shape::Words | Shape::Script) => None,
    }
}
