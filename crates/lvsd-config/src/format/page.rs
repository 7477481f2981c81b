//! Writes lines with their indentation, blank lines and comments.

use super::Uses;
use super::blocks::Blocks;
use super::line::{self, Line};
use crate::lex::{self, Brace};
use crate::repeat::Repeat;

/// One level.
const INDENT: &str = "    ";

/// The deepest indentation, in levels: a limit, so that hostile text does not make much of little.
const DEEPEST: usize = 20;

/// What was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    Opening,
    Other,
}

/// A statement that waits for its brace, with what stands between.
#[derive(Debug)]
struct Header {
    text: String,
    comment: Option<String>,
    /// Comments; `None` is a blank line.
    between: Vec<Option<String>>,
}

#[derive(Debug)]
pub(super) struct Page {
    out: String,
    blocks: Blocks,
    header: Option<Header>,
    last: Last,
    blank: bool,
    /// How deep the conditional line just before is: another that does not count is likely its alternative.
    alternative: Option<usize>,
    /// Whose conditional lines count for the indentation of the others.
    identity: String,
}

impl Page {
    pub(super) fn new(identity: String) -> Self {
        let (out, blocks) = (String::new(), Blocks::default());
        Self { out, blocks, header: None, last: Last::Nothing, blank: false, alternative: None, identity }
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.out
    }

    /// Takes any line but definitions.
    pub(super) fn line(&mut self, line: &Line<'_>, uses: Uses) {
        if line.code.is_empty() {
            self.comment_or_blank(line.comment);
        } else if line.is_fixed(uses) {
            self.fixed(line);
        } else {
            self.statements(line, uses);
        }
    }

    fn comment_or_blank(&mut self, comment: Option<&str>) {
        match (&mut self.header, comment) {
            (Some(header), comment) => header.between.push(comment.map(str::to_owned)),
            (None, Some(comment)) => self.write(comment),
            (None, None) => self.blank = true,
        }
    }

    /// Writes a line as it is, but for its indentation.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.flush();
        self.write(text);
    }

    /// Writes a line as it is.
    pub(super) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn fixed(&mut self, line: &Line<'_>) {
        self.flush();
        let followed = self.followed(line.code);
        let closes = followed.is_some_and(|text| text.starts_with('}'));
        let depth = match self.alternative.filter(|_| followed.is_none()) {
            Some(depth) => depth,
            None => self.blocks.depth().saturating_sub(usize::from(closes)),
        };
        self.write_at(depth, line.trimmed());
        self.alternative = line.code.starts_with('@').then_some(depth);
        if let Some(text) = followed {
            self.blocks.follow(text);
        }
    }

    /// The part of a fixed line that opens and closes blocks here.
    fn followed<'t>(&self, code: &'t str) -> Option<&'t str> {
        let mut rest = code;
        while let Some(condition) = rest.strip_prefix('@') {
            let (id, more) = condition.split_at(condition.find(lex::is_blank)?);
            let wanted = match id.strip_prefix('^') {
                Some(id) => id != self.identity,
                None => id == self.identity,
            };
            rest = wanted.then(|| more.trim_matches(lex::is_blank))?;
        }
        if let Some(end) = Repeat::header_len(rest) {
            rest = rest.get(end..)?.trim_matches(lex::is_blank);
        }
        (!line::is_directive(rest)).then_some(rest)
    }

    fn statements(&mut self, line: &Line<'_>, uses: Uses) {
        let mut rest = line.code;
        loop {
            let brace = lex::brace(rest, self.blocks.opening());
            let (at, kind) = match brace {
                None => (rest.len(), None),
                Some(brace @ (Brace::Open(at) | Brace::Close(at))) => (at, Some(brace)),
            };
            let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let before = before.trim_matches(lex::is_blank);
            let after = after.get(1..).unwrap_or_default().trim_matches(lex::is_blank);
            if !before.is_empty() {
                self.statement(before, line.comment.filter(|_| kind.is_none()), uses);
            }
            let comment = line.comment.filter(|_| after.is_empty());
            match kind {
                None => return,
                Some(Brace::Open(_)) => self.open(comment),
                Some(Brace::Close(_)) => self.close(comment),
            }
            if after.is_empty() {
                return;
            }
            rest = after;
        }
    }

    fn statement(&mut self, text: &str, comment: Option<&str>, uses: Uses) {
        self.flush();
        self.blocks.statement(text);
        let text = line::spaced(text);
        if self.blocks.expects_block() && (uses == Uses::Known || !text.contains('$')) {
            let comment = comment.map(str::to_owned);
            self.header = Some(Header { text, comment, between: Vec::new() });
        } else {
            self.write(&with_comment(&text, comment));
        }
    }

    fn open(&mut self, comment: Option<&str>) {
        let Some(header) = self.header.take() else {
            self.write(&with_comment("{", comment));
            self.blocks.open();
            self.last = Last::Opening;
            return;
        };
        let own = header.comment.as_deref();
        let text = format!("{} {{", header.text);
        self.write(&with_comment(&text, own.or(comment)));
        self.blocks.open();
        self.last = Last::Opening;
        header.between.into_iter().for_each(|between| self.comment_or_blank(between.as_deref()));
        if own.is_some()
            && let Some(comment) = comment
        {
            self.write(comment);
        }
    }

    fn close(&mut self, comment: Option<&str>) {
        self.flush();
        self.blocks.close();
        self.blank = false;
        self.write(&with_comment("}", comment));
    }

    /// Writes the statement that got no brace.
    fn flush(&mut self) {
        if let Some(Header { text, comment, between }) = self.header.take() {
            self.write(&with_comment(&text, comment.as_deref()));
            between.into_iter().for_each(|between| self.comment_or_blank(between.as_deref()));
        }
    }

    fn write(&mut self, text: &str) {
        self.write_at(self.blocks.depth(), text);
    }

    fn write_at(&mut self, depth: usize, text: &str) {
        if std::mem::take(&mut self.blank) && self.last == Last::Other {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(INDENT, depth.min(DEEPEST)));
        self.raw(text);
        self.last = Last::Other;
        self.alternative = None;
    }
}

fn with_comment(text: &str, comment: Option<&str>) -> String {
    comment.map_or_else(|| text.to_owned(), |comment| format!("{text} {comment}"))
}
