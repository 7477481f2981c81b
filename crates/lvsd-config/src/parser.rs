//! From segments to the tree: which block a statement belongs to, and what to do when braces or keywords are wrong.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::diagnostic::Diagnostic;
use crate::keywords::{self, Context, Row, Shape};
use crate::lex::{self, Opening};
use crate::parameters::placeholder;
use crate::reader::{Reader, Segment};
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Body, Document, Entry, Statement, Words};

/// How many pieces of advice are remembered.
const MAX_ADVISED: usize = 1000;

/// An open block.
struct Frame {
    kind: Kind,
    /// Its brace, or its keyword when the brace is missing.
    open: Span,
}

enum Kind {
    /// A known block; its statement is complete when it closes. Its own statements are those from an index on.
    Block(Context, Header, usize),
    /// A known list.
    List(Header, Vec<Entry>),
    /// A block without a keyword: its statements belong to what is around it.
    Transparent,
    /// A block that is skipped as a whole, with the number of blocks open in it.
    Skipped(usize),
}

/// A statement whose block has not ended.
struct Header {
    row: &'static Row,
    keyword: Span,
    line_end: u32,
    words: Words,
}

impl Header {
    fn with(self, body: Body) -> Statement {
        let Self { row, keyword, line_end, words } = self;
        Statement { row, keyword, line_end, words, body }
    }
}

/// What the last statement expects to come next.
enum Expected {
    Anything,
    /// The brace of its block.
    Block(Header),
    /// Nothing in particular; but a block that comes is to be skipped with it.
    SkippedBlock,
}

struct Parser<'r, 'f> {
    reader: &'r mut Reader<'f>,
    document: Document,
    /// The statements of all open blocks and, before them, of the root level.
    statements: Vec<Statement>,
    frames: Vec<Frame>,
    expected: Expected,
    /// Advice given before: a mistake that is made once is often made a thousand times.
    advised: HashMap<(Context, String), Option<String>>,
}

/// Reads everything that is on the reader's stack.
pub(crate) fn parse(reader: &mut Reader<'_>) -> Document {
    let document = Document::default();
    let mut parser = Parser {
        reader,
        document,
        statements: Vec::new(),
        frames: Vec::new(),
        expected: Expected::Anything,
        advised: HashMap::new(),
    };
    while let Some(segment) = parser.next() {
        match segment {
            Segment::Statement(span) => parser.statement(span),
            Segment::Open(span) => parser.open(span),
            Segment::Close(span) => parser.close(span),
        }
    }
    parser.finish();
    let Parser { mut document, statements, .. } = parser;
    document.statements = statements;
    document
}

/// The keywords that commands follow.
static SCRIPTS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let rows = keywords::SECTIONS.iter().flat_map(|section| section.rows);
    rows.filter(|row| row.shape == Shape::Script).map(|row| row.name).collect()
});

/// Whether a line is a command by its keyword, wherever that stands.
pub(crate) fn is_script_line(line: &str) -> bool {
    let keyword =
        line.trim_start_matches(['{', '}', ' ', '\t']).split(lex::is_blank).next().unwrap_or_default();
    SCRIPTS.contains(keyword)
}

impl Parser<'_, '_> {
    fn next(&mut self) -> Option<Segment> {
        let in_list = matches!(self.expected, Expected::Anything)
            && matches!(self.frames.last(), Some(Frame { kind: Kind::List(..), .. }));
        self.reader.next(if in_list { Opening::IsData } else { Opening::Splits })
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.reader.report(diagnostic);
    }

    fn text(&self, span: Span) -> &str {
        self.reader.sources.text(span)
    }

    /// The block that statements belong to now.
    fn context(&self) -> Context {
        let inner = self.frames.iter().rev().find_map(|frame| match frame.kind {
            Kind::Block(context, ..) => Some(context),
            _ => None,
        });
        inner.unwrap_or(Context::Root)
    }

    fn statement(&mut self, line: Span) {
        self.block_without_brace(line);
        if self.skipped_block_goes_on(line) {
            return;
        }
        let words = self.words(line);
        let Some(&keyword) = self.document.words(&words).first() else { return };
        if let Some(Frame { kind: Kind::List(_, entries), .. }) = self.frames.last_mut() {
            entries.push(Entry { words });
            self.remark_on_list(line);
            return;
        }
        self.remark_on_template(line);
        let name = self.text(keyword);
        let row = match keywords::lookup(self.context(), name) {
            Some(row) => row,
            None => {
                let name = name.to_owned();
                self.leave_blocks_before(&name, keyword, words.len());
                let context = self.context();
                let Some(row) = keywords::lookup(context, &name) else {
                    self.unknown(context, &name, keyword);
                    self.expected = Expected::SkippedBlock;
                    return;
                };
                row
            }
        };
        let header = Header { row, keyword, line_end: line.end, words: words.behind_first() };
        if row.takes_block() {
            self.expected = Expected::Block(header);
        } else {
            self.expected = Expected::Anything;
            // Both stand in global_defs only, and what follows is read by them.
            if matches!(row.name, "include_check" | "random_seed") {
                self.reader.obey(row.name, self.document.words(&header.words));
            }
            self.add(header.with(Body::None));
        }
    }

    fn words(&mut self, line: Span) -> Words {
        let tokens = lex::words(self.reader.sources.text(line));
        self.document.add_words(tokens.map(|token| line.part(token.start, token.end)))
    }

    /// A statement where the last one's block should begin: it is taken as the first of the block.
    fn block_without_brace(&mut self, at: Span) {
        match std::mem::replace(&mut self.expected, Expected::Anything) {
            Expected::Anything | Expected::SkippedBlock => {}
            Expected::Block(header) => {
                let message = format!("`{}` needs a block", header.row.name);
                self.report(
                    Diagnostic::tolerated(Rule::MissingBrace, header.keyword, message)
                        .also(at, "taken as the first line of the block")
                        .help("add `{` behind it"),
                );
                let open = header.keyword;
                self.enter(header, open);
            }
        }
    }

    /// Whether a statement is part of a block that is skipped.
    fn skipped_block_goes_on(&mut self, line: Span) -> bool {
        if !matches!(self.frames.last(), Some(Frame { kind: Kind::Skipped(_), .. })) {
            return false;
        }
        // A block of the root level that has a name was hardly meant to be within: a closing brace is missing.
        let begins = {
            let text = self.text(line);
            let mut words =
                lex::words(text).map(|token| text.get(token.start..token.end).unwrap_or_default());
            words.next().is_some_and(begins_at_root) && words.next().is_some()
        };
        if begins {
            self.leave(0, line);
        }
        !begins
    }

    /// A keyword of the root level within another block: a closing brace is missing before it.
    fn leave_blocks_before(&mut self, name: &str, keyword: Span, words: usize) {
        let inside = self.frames.iter().any(|frame| !matches!(frame.kind, Kind::Transparent));
        let named = words > 1 || name == "global_defs";
        if inside && named && begins_at_root(name) && keywords::lookup(self.context(), name).is_none() {
            self.leave(0, keyword);
        }
    }

    /// Closes blocks that nobody closed, down to a number of them.
    fn leave(&mut self, depth: usize, at: Span) {
        while self.frames.len() > depth {
            if let Some(frame) = self.frames.pop() {
                let message = "this block is not closed";
                self.report(
                    Diagnostic::tolerated(Rule::MissingBrace, frame.open, message)
                        .also(at, "taken as if it ended before this")
                        .help("add `}`"),
                );
                self.complete(frame);
            }
        }
    }

    fn open(&mut self, brace: Span) {
        match std::mem::replace(&mut self.expected, Expected::Anything) {
            Expected::Block(header) => return self.enter(header, brace),
            Expected::SkippedBlock => {
                self.frames.push(Frame { kind: Kind::Skipped(0), open: brace });
                return;
            }
            Expected::Anything => {}
        }
        if let Some(Frame { kind: Kind::Skipped(depth), .. }) = self.frames.last_mut() {
            *depth += 1;
            return;
        }
        let message = "this brace opens no block";
        self.report(
            Diagnostic::tolerated(Rule::UnexpectedBrace, brace, message)
                .label("what follows is taken as if it were not there")
                .help("delete it and its closing brace, or write the block's keyword before it"),
        );
        // Bounded, since hostile text could open any number of them.
        if self.frames.len() < 1000 {
            self.frames.push(Frame { kind: Kind::Transparent, open: brace });
        }
    }

    fn enter(&mut self, header: Header, open: Span) {
        let kind = match header.row.shape {
            Shape::Block(context) => Kind::Block(context, header, self.statements.len()),
            Shape::Lines(_) => Kind::List(header, Vec::new()),
            Shape::Words | Shape::Script => Kind::Transparent,
        };
        self.frames.push(Frame { kind, open });
    }

    fn close(&mut self, brace: Span) {
        if let Expected::Block(header) = std::mem::replace(&mut self.expected, Expected::Anything) {
            let message = format!("`{}` needs a block", header.row.name);
            self.report(
                Diagnostic::tolerated(Rule::MissingBrace, header.keyword, message)
                    .help("add `{ ... }` behind it"),
            );
            let open = header.keyword;
            self.enter(header, open);
            if let Some(frame) = self.frames.pop() {
                self.complete(frame);
            }
        }
        match self.frames.last_mut() {
            Some(Frame { kind: Kind::Skipped(depth), .. }) if *depth > 0 => *depth -= 1,
            Some(_) => {
                if let Some(frame) = self.frames.pop() {
                    self.complete(frame);
                }
            }
            None => {
                let message = "this brace closes no block";
                let help = "delete it, or look for a block before it that is closed too early";
                self.report(Diagnostic::tolerated(Rule::UnexpectedBrace, brace, message).help(help));
            }
        }
    }

    fn complete(&mut self, frame: Frame) {
        match frame.kind {
            Kind::Block(_, header, first) => {
                let statements = self.statements.drain(first.min(self.statements.len())..).collect();
                self.add(header.with(Body::Block(statements)));
            }
            Kind::List(header, entries) => self.add(header.with(Body::Lines(entries.into()))),
            Kind::Transparent | Kind::Skipped(_) => {}
        }
    }

    /// Adds a statement to the block around it.
    fn add(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    fn finish(&mut self) {
        if let Expected::Block(header) = std::mem::replace(&mut self.expected, Expected::Anything) {
            let message = format!("`{}` needs a block", header.row.name);
            self.report(
                Diagnostic::tolerated(Rule::MissingBrace, header.keyword, message)
                    .help("add `{ ... }` behind it"),
            );
            self.add(header.with(Body::None));
        }
        while let Some(frame) = self.frames.pop() {
            let message = "this block is not closed";
            self.report(Diagnostic::tolerated(Rule::MissingBrace, frame.open, message).help("add `}`"));
            self.complete(frame);
        }
    }

    fn remark_on_list(&mut self, line: Span) {
        self.remark_on_template(line);
        let text = self.text(line);
        let open = text.char_indices().find(|&(at, c)| {
            c == '{'
                && !text.get(..at).is_some_and(|before| before.ends_with(['$', '{']))
                && lex::template(&text[at..]).is_none()
        });
        if let Some((at, _)) = open {
            let message = "lists have no blocks in them; the brace is taken as a word";
            self.report(
                Diagnostic::tolerated(Rule::UnexpectedBrace, line.part(at, at + 1), message)
                    .help("delete it"),
            );
        }
    }

    fn remark_on_template(&mut self, line: Span) {
        let text = self.text(line);
        if !text.as_bytes().contains(&b'{') {
            return;
        }
        let mut from = 0;
        let mut found = Vec::new();
        while let Some(at) = text.get(from..).and_then(|rest| rest.find("{{")).map(|at| from + at) {
            let Some(len) = text.get(at..).and_then(lex::template) else { break };
            found.push(line.part(at, at + len));
            from = at + len;
        }
        for span in found {
            let diagnostic = placeholder(span, &self.reader.sources);
            self.report(diagnostic);
        }
    }

    fn unknown(&mut self, context: Context, name: &str, at: Span) {
        let place = context.place();
        if name == "}" {
            return;
        }
        if let Some(removed) = keywords::removed(context, name) {
            let message = format!("`{name}` is no keyword {place}");
            self.report(
                Diagnostic::tolerated(Rule::RemovedKeyword, at, message)
                    .label("skipped")
                    .help(removed.advice),
            );
            return;
        }
        let mut elsewhere = keywords::contexts_of(name).filter(|&other| is_block(other)).peekable();
        if elsewhere.peek().is_some() {
            let places: Vec<_> = elsewhere.map(Context::place).take(4).collect();
            let message = format!("`{name}` does not belong {place}");
            let help = format!("it is a keyword {}", places.join(", "));
            self.report(
                Diagnostic::tolerated(Rule::MisplacedKeyword, at, message).label("skipped").help(help),
            );
            return;
        }
        let message = format!("there is no keyword `{name}` {place}");
        let diagnostic = Diagnostic::tolerated(Rule::UnknownKeyword, at, message).label("skipped");
        let key = (context, name.to_owned());
        let known = self.advised.get(&key).cloned();
        let advice = known.unwrap_or_else(|| {
            let advice = advice(context, name);
            if self.advised.len() < MAX_ADVISED {
                self.advised.insert(key, advice.clone());
            }
            advice
        });
        self.report(match advice {
            Some(advice) => diagnostic.help(advice),
            None => diagnostic,
        });
    }
}

/// What may have been meant by an unknown keyword.
fn advice(context: Context, name: &str) -> Option<String> {
    if let Some(known) = suggest::nearest(name, keywords::names(context)) {
        return Some(format!("did you mean `{known}`?"));
    }
    if let Some((known, Some(other))) = nearest_anywhere(name) {
        return Some(format!("did you mean `{known}`? That is a keyword {}", other.place()));
    }
    if context == Context::SyncGroup {
        return Some(format!("members go into a list of their own: `group {{ {name} }}`"));
    }
    name.starts_with('/').then(|| "does this belong to the line before?".to_owned())
}

fn nearest_anywhere(name: &str) -> Option<(&'static str, Option<Context>)> {
    let all = keywords::SECTIONS.iter().filter(|section| is_block(section.context));
    let known = suggest::nearest(name, all.flat_map(|section| section.rows).map(|row| row.name))?;
    Some((known, keywords::contexts_of(known).find(|&context| is_block(context))))
}

/// Whether a context is a block of statements.
fn is_block(context: Context) -> bool {
    !matches!(
        context,
        Context::Preprocessor
            | Context::AddressLine
            | Context::RouteLine
            | Context::RuleLine
            | Context::VirtualServerGroup
            | Context::LinkbeatInterfaces
            | Context::InterfaceDelays
    )
}

/// Whether a keyword begins a block of the root level and nothing else.
pub(crate) fn begins_at_root(name: &str) -> bool {
    matches!(
        name,
        "global_defs"
            | "vrrp_instance"
            | "vrrp_sync_group"
            | "vrrp_script"
            | "vrrp_track_process"
            | "virtual_server"
            | "virtual_server_group"
            | "bfd_instance"
    )
}
