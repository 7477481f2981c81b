//! The steps of [`crate::load`] one by one, each with what must hold after it whatever the text: what `cargo xtask fuzz`
//! runs; and what a text uses of the language. No part of the product.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::Severity;
use crate::files::MemoryFiles;
use crate::keywords::{self, Context, Lines, Shape};
use crate::lex::{self, Backslash, Brace, Opening};
use crate::reader::{Reader, Segment};
use crate::render::Format;
use crate::script::{self, Escapes};
use crate::source::{SourceMap, Span};
use crate::tree::Statement;
use crate::{Options, values};

/// The file that is read first.
const ROOT: &str = "/etc/lvsd/lvsd.conf";

/// How far definitions and repetitions may go: a hundredth of the usual, so that bombs do not take all the time.
const STEPS: usize = 5000;

/// What separates the file from the one that it may include as `other.conf`.
const SEPARATOR: &str = "\n====\n";

/// Splits a text into words, comments, quotes, braces, parameters and values.
///
/// # Panics
/// When something that was found is not in the text.
pub fn lex(text: &str) {
    let inside = |at: usize| assert!(text.is_char_boundary(at), "{at} is in no character of the text");
    let mut last = 0;
    for token in lex::words(text) {
        inside(token.start);
        inside(token.end);
        assert!(last <= token.start && token.start <= token.end);
        last = token.end;
    }
    for backslash in [Backslash::Protects, Backslash::IsData] {
        let found = lex::uncomment(text, backslash);
        inside(found.end);
        found.open_quote.into_iter().for_each(inside);
    }
    for opening in [Opening::Splits, Opening::IsData] {
        if let Some(Brace::Open(at) | Brace::Close(at)) = lex::brace(text, opening) {
            assert!(text.get(at..).is_some_and(|rest| rest.starts_with(['{', '}'])));
        }
    }
    if let Some(found) = lex::parameter(text) {
        inside(found.len);
        assert!(text.contains(found.name) && text.contains(found.args));
    }
    lex::template(text).into_iter().for_each(inside);
    if let Some((name, value)) = lex::definition(text) {
        assert!(text.contains(name) && text.ends_with(value));
    }
    for escapes in [Escapes::Kept, Escapes::Replaced] {
        for word in script::split(text, escapes) {
            inside(word.start);
            inside(word.end);
        }
    }
    let _ = (values::integer(text), values::boolean(text), values::netmask(text));
    if let Some(time) = values::seconds(text) {
        assert_eq!(values::seconds(&values::show(time)), Some(time));
    }
}

/// Reads the text, and what it includes, to the last segment.
///
/// # Panics
/// When a segment is not what its kind says, or text is lost or made without bound.
pub fn preprocess(text: &[u8]) {
    let files = files(text);
    let options = Options { config_id: "id".to_owned(), ..Options::default() };
    let mut reader = started(&files, &options);
    let mut opening = Opening::Splits;
    while let Some(segment) = reader.next(opening) {
        match segment {
            Segment::Statement(span) => {
                let text = reader.sources.text(span);
                assert!(!text.trim_matches(lex::is_blank).is_empty() && !text.contains('\n'));
                // Lists begin and end somewhere; where, is not for this step to know.
                opening = if text.len().is_multiple_of(3) { Opening::IsData } else { Opening::Splits };
                placed(span, &reader.sources);
            }
            Segment::Open(span) => assert_eq!(reader.sources.text(span), "{"),
            Segment::Close(span) => assert_eq!(reader.sources.text(span), "}"),
        }
    }
    assert!(reader.sources.expanded_len() <= SourceMap::MAX_TEXT);
    assert!(reader.inputs.is_empty());
}

/// Reads the text into a tree.
///
/// # Panics
/// When the tree points outside the text.
pub fn parse(text: &[u8]) {
    let files = files(text);
    let options = Options::default();
    let mut reader = started(&files, &options);
    let document = crate::parser::parse(&mut reader);
    let mut waiting: Vec<&Statement> = document.statements.iter().collect();
    while let Some(statement) = waiting.pop() {
        assert_eq!(reader.sources.text(statement.keyword), statement.row.name);
        placed(statement.keyword, &reader.sources);
        let entries = statement.entries().iter().map(|entry| &entry.words);
        for words in entries.chain(std::iter::once(&statement.words)) {
            assert_eq!(document.words(words).len(), words.len());
            document.words(words).iter().for_each(|&word| placed(word, &reader.sources));
        }
        waiting.extend(statement.block());
    }
}

/// Everything, up to the model and the rendered findings.
///
/// # Panics
/// When model and findings contradict each other.
pub fn lower(text: &[u8]) {
    let (files, options) = (files(text), Options::default());
    let mut reader = Reader::new(&files, &options);
    reader.max_steps = STEPS;
    let loaded = crate::read(reader, Path::new(ROOT));
    assert_eq!(loaded.config.is_some(), loaded.diagnostics.count(Severity::Error) == 0);
    for format in [Format::Full { color: true }, Format::Concise, Format::Json] {
        let text = crate::render(&loaded.diagnostics, &loaded.sources, format);
        assert!(format == Format::Json || text.is_empty() == loaded.diagnostics.is_empty());
    }
    if let Some(config) = loaded.config {
        let text = serde_json::to_string(&config).expect("a model is plain data");
        let again: lvsd_model::Config = serde_json::from_str(&text).expect("it was written so");
        assert_eq!(config, again);
    }
}

fn files(text: &[u8]) -> MemoryFiles {
    let cut = text.windows(SEPARATOR.len()).position(|window| window == SEPARATOR.as_bytes());
    let (root, other) = match cut {
        Some(at) => (text.get(..at), text.get(at + SEPARATOR.len()..)),
        None => (Some(text), None),
    };
    let files = MemoryFiles::default().with(ROOT, root.unwrap_or_default());
    other.into_iter().fold(files, |files, other| files.with("/etc/lvsd/other.conf", other))
}

fn started<'a>(files: &'a MemoryFiles, options: &'a Options) -> Reader<'a> {
    let mut reader = Reader::new(files, options);
    reader.max_steps = STEPS;
    crate::push_roots(&mut reader, Path::new(ROOT));
    reader.start();
    reader
}

/// A span can be shown to a person.
fn placed(span: Span, sources: &SourceMap) {
    let place = sources.place(span);
    let line = sources.line_column(span);
    assert!(line.line >= 1 && line.column >= 1 && !sources.name(span).is_empty());
    let _ = (sources.text(place.written), sources.text(sources.line(span)));
}

/// Every row of the keyword table that a configuration uses, by the path of its block and its name.
#[must_use]
pub fn keywords_used(
    files: &dyn crate::Files,
    root: &Path,
    options: &Options,
) -> BTreeSet<(&'static str, String)> {
    let mut reader = Reader::new(files, options);
    crate::push_roots(&mut reader, root);
    reader.start();
    let document = crate::parser::parse(&mut reader);
    let mut used = BTreeSet::new();
    for name in keywords::names(Context::Preprocessor) {
        let written = name.trim_end_matches(['}', '>']).trim_end_matches("id").trim_end_matches('<');
        let texts = reader.sources.texts();
        if texts.into_iter().flat_map(str::lines).any(|line| line.trim_start().contains(written)) {
            used.insert((Context::Preprocessor.path(), name.to_owned()));
        }
    }
    let mut waiting: Vec<(Context, &Statement)> =
        document.statements.iter().map(|statement| (Context::Root, statement)).collect();
    while let Some((context, statement)) = waiting.pop() {
        used.insert((context.path(), statement.row.name.to_owned()));
        match statement.row.shape {
            Shape::Block(inner) => waiting.extend(statement.block().iter().map(|within| (inner, within))),
            Shape::Lines(lines) => {
                let Some(inner) = line_context(statement.row.name, lines) else { continue };
                for entry in statement.entries() {
                    let words = document.words(&entry.words).iter().map(|&word| reader.sources.text(word));
                    used.extend(words_used(inner, words.collect()));
                }
            }
            Shape::Words | Shape::Script => {}
        }
    }
    used
}

/// The context of the words on the lines of a list.
fn line_context(keyword: &str, lines: Lines) -> Option<Context> {
    Some(match (keyword, lines) {
        (_, Lines::Addresses) => Context::AddressLine,
        (_, Lines::Routes) => Context::RouteLine,
        (_, Lines::Rules) => Context::RuleLine,
        (_, Lines::GroupMembers) => Context::VirtualServerGroup,
        ("linkbeat_interfaces", _) => Context::LinkbeatInterfaces,
        ("interface_up_down_delays", _) => Context::InterfaceDelays,
        _ => return None,
    })
}

/// The rows that the words of a line use: those that they name, and the placeholder that a value stands for.
fn words_used(context: Context, words: Vec<&str>) -> Vec<(&'static str, String)> {
    let named = words.iter().filter(|&&word| keywords::lookup(context, word).is_some());
    let mut used: Vec<_> = named.map(|&word| (context.path(), word.to_owned())).collect();
    let first = words.first().copied().unwrap_or_default();
    let is_type = |word: &&str| {
        matches!(*word, "unicast" | "local" | "blackhole" | "prohibit" | "unreachable" | "throw")
    };
    let placeholder = match context {
        Context::RouteLine if words.iter().any(is_type) => "<type>",
        Context::RouteLine => "<dest>",
        Context::VirtualServerGroup if first.contains(['-', '/']) => "<range>",
        Context::VirtualServerGroup | Context::AddressLine => "<ip>",
        Context::LinkbeatInterfaces | Context::InterfaceDelays => "<ifname>",
        _ => return used,
    };
    used.push((context.path(), placeholder.to_owned()));
    used
}
