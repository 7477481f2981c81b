//! From files to segments: statements and braces, with comments gone and the preprocessor's work done.
//!
//! The inputs are a stack: files, bodies of definitions, repetitions, and the rests of lines. Every bound that keeps a
//! hostile file from filling the memory or never ending is here.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::Options;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::files::Files;
use crate::include::{self, Strictness};
use crate::lex::{self, Backslash, Brace, Opening};
use crate::parameters::{Definition, Expansion, Parameters};
use crate::repeat::Repeat;
use crate::rules::Rule;
use crate::source::{FileId, SourceMap, Span};

/// How deep files, definitions and repetitions may nest altogether.
const MAX_DEPTH: usize = 100;

/// How many lines definitions and repetitions may make.
const MAX_STEPS: usize = 500_000;

/// How much text they may make, in bytes.
const MAX_EXPANDED: usize = 32 << 20;

/// How often the parameters of one line are replaced.
const MAX_PASSES: u8 = 20;

/// The longest line that keepalived reads, in bytes.
const PEER_LINE: usize = 1023;

/// What some editors put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What the parser sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// The words of a statement: at least one, no brace.
    Statement(Span),
    /// `{`.
    Open(Span),
    /// `}`.
    Close(Span),
}

pub(crate) struct FileInput {
    pub(crate) id: FileId,
    pub(crate) path: PathBuf,
    at: usize,
    /// What `include_check` was before the file.
    check_before: Strictness,
}

pub(crate) enum Input {
    File(FileInput),
    /// A line, replaced so many times already.
    Line(Span, u8),
    /// What follows a brace on a line that was already worked on.
    Rest(Span),
    /// The lines of a definition.
    Body {
        lines: Rc<[Span]>,
        next: usize,
        via: Span,
    },
    Repeat(Repeat),
    /// Files that an include names, the next one last; each is opened when its turn comes.
    Files {
        pending: Vec<PathBuf>,
        at: Span,
        strictness: Strictness,
    },
}

#[derive(Clone, Copy)]
enum Line {
    Fresh(Span, u8),
    Rest(Span),
}

/// Whether a definition goes on in the next line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Continues {
    Yes,
    No,
}

pub(crate) struct Reader<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) options: &'a Options,
    pub(crate) sources: SourceMap,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) inputs: Vec<Input>,
    pub(crate) parameters: Parameters,
    steps: usize,
    /// How many there may be; fewer where time is scarce, as when fuzzing.
    pub(crate) max_steps: usize,
    /// `include_check`, as far as read.
    include_check: Strictness,
    /// How many inputs there were at the start: the files that were asked for.
    roots: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(files: &'a dyn Files, options: &'a Options) -> Self {
        Self {
            files,
            options,
            sources: SourceMap::default(),
            diagnostics: Diagnostics::default(),
            inputs: Vec::new(),
            parameters: Parameters::new(options),
            steps: 0,
            max_steps: MAX_STEPS,
            include_check: Strictness::default(),
            roots: 0,
        }
    }

    /// Says that all files that were asked for are on the stack.
    pub(crate) fn start(&mut self) {
        self.roots = self.inputs.len();
    }

    /// How many files are being read because others include them.
    pub(crate) fn include_depth(&self) -> usize {
        self.open_files().count().saturating_sub(self.roots)
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push_once(diagnostic, &self.sources);
    }

    /// Puts a file on top of the stack, to be read next.
    pub(crate) fn push_file(&mut self, path: &Path, bytes: Vec<u8>) {
        let id = self.sources.add_file(path.display().to_string(), bytes);
        let check_before = self.include_check;
        self.inputs.push(Input::File(FileInput { id, path: path.to_owned(), at: 0, check_before }));
    }

    /// Acts on a statement of `global_defs` that is about reading; `words` are those behind the keyword.
    pub(crate) fn obey(&mut self, keyword: &str, words: &[Span]) {
        let texts = words.iter().map(|&word| self.sources.text(word));
        match keyword {
            "include_check" => self.include_check = self.include_check.checked(texts),
            "random_seed" => {
                // What is no number is told when the statement is lowered.
                let seed = words.first().and_then(|&word| self.sources.text(word).parse::<u32>().ok());
                self.parameters.reseed(seed);
            }
            _ => {}
        }
    }

    /// The files that are being read, the outermost first.
    pub(crate) fn open_files(&self) -> impl DoubleEndedIterator<Item = &FileInput> {
        self.inputs.iter().filter_map(|input| match input {
            Input::File(file) => Some(file),
            _ => None,
        })
    }

    /// The next segment, or `None` at the end of everything.
    pub(crate) fn next(&mut self, opening: Opening) -> Option<Segment> {
        loop {
            let line = self.next_line()?;
            if let Some(segment) = self.work(line, opening) {
                return Some(segment);
            }
        }
    }

    fn next_line(&mut self) -> Option<Line> {
        loop {
            // An input stays on the stack until it is asked for more than it has: that makes nesting visible.
            match self.inputs.last_mut()? {
                Input::File(file) => {
                    let rest = self.sources.whole(file.id);
                    if file.at >= rest.len() {
                        self.include_check = file.check_before;
                        self.inputs.pop();
                        continue;
                    }
                    let rest = rest.part(file.at, rest.len());
                    let text = self.sources.text(rest);
                    let len = text.find('\n').unwrap_or(text.len());
                    file.at += len + 1;
                    return Some(Line::Fresh(rest.part(0, len), 0));
                }
                &mut Input::Line(span, passes) => {
                    self.inputs.pop();
                    return Some(Line::Fresh(span, passes));
                }
                &mut Input::Rest(span) => {
                    self.inputs.pop();
                    return Some(Line::Rest(span));
                }
                Input::Body { lines, next, via } => {
                    let (line, via) = (lines.get(*next).copied(), *via);
                    *next += 1;
                    match line {
                        Some(line) => return Some(Line::Fresh(self.copy(&[line], Some(via))?, 0)),
                        None => drop(self.inputs.pop()),
                    }
                }
                Input::Files { pending, at, strictness } => {
                    let (path, at, strictness) = (pending.pop(), *at, *strictness);
                    match path {
                        Some(path) => self.include_one(&path, at, strictness),
                        None => drop(self.inputs.pop()),
                    }
                }
                Input::Repeat(repeat) => match repeat.advance(&mut self.parameters, &mut self.sources) {
                    Some((rest, via)) => return Some(Line::Fresh(self.copy(&[rest], via)?, 0)),
                    None => drop(self.inputs.pop()),
                },
            }
        }
    }

    /// Makes a line of expanded text out of written parts.
    fn copy(&mut self, parts: &[Span], via: Option<Span>) -> Option<Span> {
        let start = self.sources.start_expansion();
        for &part in parts {
            self.sources.push_written(part, via);
        }
        let span = self.sources.finish_expansion(start);
        self.within_bounds(span).then_some(span)
    }

    /// Counts a line that was made; stops everything when there are too many.
    fn within_bounds(&mut self, span: Span) -> bool {
        self.steps += 1;
        if self.steps <= self.max_steps && self.sources.expanded_len() <= MAX_EXPANDED {
            return true;
        }
        let message = "definitions and repetitions expand to too much text";
        self.report(
            Diagnostic::error(Rule::ExpansionLimit, span, message).label("reading stops here").help(format!(
                "at most {} lines and {} MiB are accepted",
                self.max_steps,
                MAX_EXPANDED >> 20
            )),
        );
        self.inputs.clear();
        false
    }

    fn work(&mut self, line: Line, opening: Opening) -> Option<Segment> {
        let (Line::Fresh(raw, _) | Line::Rest(raw)) = line;
        let text = self.sources.text(raw);
        // Nothing below would find anything to do on such a line, and nearly all lines are such.
        if text.len() <= PEER_LINE && lex::is_plain(text) {
            let span = self.trim(raw);
            return (!span.is_empty() && !self.include(span)).then(|| self.split(span, opening));
        }
        let continues = self.continues(raw);
        let (mut span, passes) = match line {
            Line::Fresh(span, passes) => (self.clean(span, passes)?, Some(passes)),
            Line::Rest(span) => (self.trim(span), None),
        };
        while self.sources.text(span).starts_with('@') {
            span = self.condition(span)?;
        }
        let text = self.sources.text(span);
        if text.is_empty() {
            return None;
        }
        if lex::definition(text).is_some() {
            self.define(span, continues);
            return None;
        }
        if is_malformed_definition(text) {
            let message = "a blank before `=` makes this no definition; the line is skipped";
            let help = "write `$NAME=value`, with no blank before the sign";
            self.report(Diagnostic::tolerated(Rule::MalformedDefinition, span, message).help(help));
            return None;
        }
        if text.starts_with('~') && self.repeat(span) {
            return None;
        }
        if let Some(passes) = passes
            && self.sources.text(span).contains('$')
            && self.expand(span, passes)
        {
            return None;
        }
        if self.include(span) {
            return None;
        }
        Some(self.split(span, opening))
    }

    /// A line without comment and outer blanks; `None` when nothing is left.
    fn clean(&mut self, span: Span, passes: u8) -> Option<Span> {
        let mut span = span;
        if span.starts_its_text() && self.sources.text(span).starts_with(BYTE_ORDER_MARK) {
            let message =
                "keepalived takes the byte order mark as part of the first word; lvsd leaves it out";
            self.report(
                Diagnostic::hint(Rule::NotUtf8, span.part(0, 0), message).help("save the file without it"),
            );
            span = span.part(BYTE_ORDER_MARK.len_utf8(), span.len());
        }
        let text = self.sources.text(span);
        if text.contains('\0') {
            let message = "the line contains a NUL byte";
            self.report(
                Diagnostic::error(Rule::NulByte, span, message)
                    .help("this is no text file, or a damaged one"),
            );
            return None;
        }
        let mut found = lex::uncomment(text, Backslash::IsData);
        if found.escaped && is_definition(text) {
            found = lex::uncomment(text, Backslash::Protects);
        }
        let cut = self.trim(span.part(0, found.end));
        if passes == 0 && !cut.is_empty() && !span.is_expansion() {
            self.remark_on_characters(span, cut, found);
        }
        (!cut.is_empty()).then_some(cut)
    }

    fn remark_on_characters(&mut self, line: Span, cut: Span, found: lex::Uncommented) {
        let text = self.sources.text(cut);
        let mut remarks = Vec::new();
        if let Some(at) = found.open_quote
            && !text.contains("\\\"")
        {
            let message = "the double quote is not closed on this line";
            remarks.push(
                Diagnostic::tolerated(Rule::UnmatchedQuote, line.part(at, found.end), message)
                    .help("add the closing `\"`"),
            );
        }
        if found.escaped {
            let message = "the backslash does not keep this from being a comment";
            let at = line.part(found.end - 1, found.end + 1);
            remarks.push(
                Diagnostic::tolerated(Rule::EscapedComment, at, message)
                    .help("put the word into double quotes"),
            );
        }
        if let Some(at) = comment_in_word(self.sources.text(line), found) {
            let message = "a comment starts here, in the middle of a word";
            remarks.push(Diagnostic::hint(Rule::CommentInWord, line.part(at, at + 1), message).help(
                "put the word into double quotes if this belongs to it, or a blank before the comment",
            ));
        }
        let typographic =
            |c: char| matches!(c, '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}');
        if let Some((at, quote)) = text.char_indices().find(|&(_, c)| typographic(c)) {
            let at = cut.part(at, at + quote.len_utf8());
            let message = "a typographic quote is an ordinary character here";
            remarks.push(Diagnostic::tolerated(Rule::TypographicQuote, at, message).help("write `\"`"));
        }
        if self.sources.was_replaced(line.file)
            && let Some(at) = text.find('\u{fffd}')
        {
            let message = "bytes that are not UTF-8 are replaced here";
            remarks.push(
                Diagnostic::tolerated(Rule::NotUtf8, cut.part(at, at + 3), message)
                    .help("save the file as UTF-8"),
            );
        }
        if line.len() > PEER_LINE {
            let message =
                format!("keepalived would cut this line at {PEER_LINE} bytes; lvsd reads all of it");
            remarks.push(Diagnostic::hint(Rule::LongLine, cut.part(0, 0), message));
        }
        for remark in remarks {
            self.report(remark);
        }
    }

    pub(crate) fn trim(&self, span: Span) -> Span {
        let lex::Token { start, end } = lex::trim(self.sources.text(span));
        span.part(start, end)
    }

    /// What `@ID` or `@^ID` leaves of a line.
    fn condition(&self, span: Span) -> Option<Span> {
        let text = self.sources.text(span);
        let end = text.find(lex::is_blank)?;
        let id = text.get(1..end)?;
        let (id, wanted) = match id.strip_prefix('^') {
            Some(id) => (id, false),
            None => (id, true),
        };
        ((id == self.options.config_id) == wanted).then(|| self.trim(span.part(end, text.len())))
    }

    /// Takes a definition with the lines that continue it.
    fn define(&mut self, span: Span, mut continues: Continues) {
        let text = self.sources.text(span);
        let Some((name, value)) = lex::definition(text) else { return };
        let name = name.to_owned();
        let first = self.trim(span.part(text.len() - value.len(), text.len()));
        let single = continues == Continues::No;
        let mut lines = Vec::new();
        let mut next = first;
        loop {
            let text = self.sources.text(next);
            let head = text.strip_suffix('\\').filter(|_| continues == Continues::Yes).unwrap_or(text);
            let head = self.trim(next.part(0, head.len()));
            if !head.is_empty() {
                lines.push(head);
            }
            if continues == Continues::No {
                break;
            }
            let Some(line) = self.continuation() else { break };
            (next, continues) = line;
        }
        let definition = if single || lines.is_empty() {
            Definition::Text(lines.first().copied().unwrap_or_else(|| first.part(0, 0)))
        } else {
            Definition::Body(lines.into())
        };
        self.parameters.define(name, definition);
    }

    /// The next line that is not empty, as the continuation of a definition.
    fn continuation(&mut self) -> Option<(Span, Continues)> {
        loop {
            let (Line::Fresh(span, _) | Line::Rest(span)) = self.next_line()?;
            let continues = self.continues(span);
            if let Some(clean) = self.clean(span, 0) {
                return Some((clean, continues));
            }
        }
    }

    /// Whether a line ends in a backslash, be it within a comment.
    fn continues(&self, line: Span) -> Continues {
        let ends = self.sources.text(line).trim_end_matches(lex::is_blank).ends_with('\\');
        if ends { Continues::Yes } else { Continues::No }
    }

    fn repeat(&mut self, span: Span) -> bool {
        let header = self.sources.text(span);
        let Some(end) = Repeat::header_len(header) else {
            return false;
        };
        // Only the header's own parameters are replaced now; those of the rest belong to each round.
        let (head, rest) = (span.part(0, end), self.trim(span.part(end, span.len())));
        let expanded = match self.parameters.expand(head, &self.sources) {
            Expansion::Changed(pieces) => {
                let line = pieces.write(&mut self.sources);
                if !self.within_bounds(line) {
                    return true;
                }
                line
            }
            _ => head,
        };
        match Repeat::parse(self.sources.text(expanded), head, rest, &mut self.parameters) {
            Ok(repeat) if self.has_room(head) => self.inputs.push(Input::Repeat(repeat)),
            Ok(_) => {}
            Err(problem) => self.report(
                Diagnostic::tolerated(Rule::BadRepetition, head, problem)
                    .label("the line is skipped")
                    .help("write `~SEQ(var, [start, [step,]] end) text` or `~LST(var, value, value) text`"),
            ),
        }
        true
    }

    /// Whether one more input may go on the stack.
    fn has_room(&mut self, span: Span) -> bool {
        let room = self.inputs.len() < self.roots + MAX_DEPTH;
        if !room {
            // What is under way is given up: if it branches, its end would never come.
            while !matches!(self.inputs.last(), Some(Input::File(_)) | None) {
                self.inputs.pop();
            }
            let message = "definitions, repetitions and includes are nested too deeply";
            let help = format!("does a definition use itself? At most {MAX_DEPTH} levels are accepted");
            self.report(Diagnostic::error(Rule::RecursiveDefinition, span, message).help(help));
        }
        room
    }

    /// Replaces parameters; true when the line is taken and what it became waits on the stack.
    fn expand(&mut self, span: Span, passes: u8) -> bool {
        let directory = self.open_files().next_back().and_then(|file| file.path.parent());
        let directory =
            directory.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        self.parameters.directory = directory.display().to_string();
        match self.parameters.expand(span, &self.sources) {
            Expansion::Unchanged => {
                self.parameters.report_undefined(span, &self.sources, &mut self.diagnostics);
                false
            }
            Expansion::Changed(_) | Expansion::Body { .. } if passes >= MAX_PASSES => {
                self.recursion(span);
                true
            }
            Expansion::Changed(pieces) => {
                let line = pieces.write(&mut self.sources);
                if self.within_bounds(line) {
                    self.inputs.push(Input::Line(line, passes + 1));
                }
                true
            }
            Expansion::Body { mut before, lines, via } => {
                if !self.has_room(span) {
                    return true;
                }
                if let Some(&first) = lines.first() {
                    before.push(first, Some(via));
                }
                let line = before.write(&mut self.sources);
                if self.within_bounds(line) {
                    self.inputs.push(Input::Body { lines, next: 1, via });
                    self.inputs.push(Input::Line(line, passes + 1));
                }
                true
            }
            Expansion::TooDeep => {
                self.recursion(span);
                true
            }
        }
    }

    fn recursion(&mut self, span: Span) {
        let message = "a definition uses itself, directly or through others";
        self.report(Diagnostic::error(Rule::RecursiveDefinition, span, message).label("the line is skipped"));
    }

    fn include(&mut self, span: Span) -> bool {
        let text = self.sources.text(span);
        if !text.starts_with(include::KEYWORD) {
            return false;
        }
        let end = text.find(|c| lex::is_blank(c) || matches!(c, '{' | '}')).unwrap_or(text.len());
        let Some(strictness) = text.get(..end).and_then(|word| include::strictness(word, self.include_check))
        else {
            return false;
        };
        let pattern = self.trim(span.part(end, span.len()));
        self.include_files(span.part(0, end), pattern, strictness);
        true
    }

    /// Cuts a line at its first brace; the rest is read next.
    fn split(&mut self, span: Span, opening: Opening) -> Segment {
        let text = self.sources.text(span);
        let (at, brace) = match lex::brace(text, opening) {
            None => return Segment::Statement(span),
            Some(Brace::Open(at)) => (at, Segment::Open(span.part(at, at + 1))),
            Some(Brace::Close(at)) => (at, Segment::Close(span.part(at, at + 1))),
        };
        let (before, cut) = if at == 0 { (None, 1) } else { (Some(self.trim(span.part(0, at))), at) };
        let rest = span.part(cut, span.len());
        if !rest.is_empty() {
            self.inputs.push(Input::Rest(rest));
        }
        before.map_or(brace, Segment::Statement)
    }
}

/// Where a comment cuts a word in two that was hardly meant to be one.
fn comment_in_word(line: &str, found: lex::Uncommented) -> Option<usize> {
    let before = line.get(..found.end)?.chars().next_back()?;
    let mut rest = line.get(found.end..)?.chars();
    let follows = rest.nth(1)?;
    let in_word = |c: char| {
        c.is_alphanumeric() || matches!(c, '$' | '%' | '&' | '*' | '+' | '-' | '=' | '@' | '_' | '.' | '/')
    };
    (!found.escaped && in_word(before) && in_word(follows)).then_some(found.end)
}

/// `$NAME = value`, which was meant to be a definition.
pub(crate) fn is_malformed_definition(line: &str) -> bool {
    let Some(name) = line.strip_prefix('$') else { return false };
    lex::name(name).is_ok_and(|(rest, _)| rest.trim_start_matches(lex::is_blank).starts_with('='))
}

/// Whether a line defines a parameter, conditions aside.
pub(crate) fn is_definition(line: &str) -> bool {
    let mut rest = line.trim_start_matches(lex::is_blank);
    while rest.starts_with('@') {
        let end = rest.find(lex::is_blank).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default().trim_start_matches(lex::is_blank);
    }
    lex::definition(rest).is_some()
}
