//! `include` and its stricter variants.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Severity};
use crate::files::FileKind;
use crate::reader::{Input, Reader};
use crate::rules::Rule;
use crate::source::Span;

/// How deep includes may nest.
const MAX_DEPTH: usize = 32;

/// How many files one configuration may have.
const MAX_FILES: usize = 10_000;

/// How much text all files together may have, in bytes.
const MAX_TOTAL: usize = 256 << 20;

/// How many names the braces of one pattern may stand for.
const MAX_ALTERNATIVES: usize = 1000;

/// Which failures of an include are errors rather than warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strictness {
    unreadable: bool,
    missing: bool,
    no_match: bool,
    brace: bool,
}

impl Strictness {
    const ALL: Self = Self { unreadable: true, missing: true, no_match: true, brace: true };

    /// What `include_check` with these words makes of it: without words everything is strict; the first word without a sign
    /// takes the place of what was before.
    pub(crate) fn checked<'w>(self, words: impl Iterator<Item = &'w str>) -> Self {
        let mut words = words.peekable();
        if words.peek().is_none() {
            return Self::ALL;
        }
        let (mut result, mut afresh) = (self, true);
        for (sign, kind) in words.filter_map(check_word) {
            if sign == Sign::None && std::mem::take(&mut afresh) {
                result = Self::default();
            }
            let strict = sign != Sign::Minus;
            match kind {
                Kind::Read => result.unreadable = strict,
                Kind::Match => result.missing = strict,
                Kind::Wildcard => result.no_match = strict,
                Kind::Brace => result.brace = strict,
            }
        }
        result
    }
}

/// What stands before a word of `include_check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    None,
    Plus,
    Minus,
}

/// A failure of an include.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Match,
    Wildcard,
    Brace,
}

/// A word of `include_check`; `None` for one that it does not know.
pub(crate) fn check_word(word: &str) -> Option<(Sign, Kind)> {
    let (sign, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(name), _) => (Sign::Plus, name),
        (None, Some(name)) => (Sign::Minus, name),
        (None, None) => (Sign::None, word),
    };
    let kind = match name {
        // The manual of keepalived has the longer word.
        "read" | "readable" => Kind::Read,
        "match" => Kind::Match,
        "wildcard_match" => Kind::Wildcard,
        "brace_match" => Kind::Brace,
        _ => return None,
    };
    Some((sign, kind))
}

/// What all include keywords begin with.
pub(crate) const KEYWORD: &str = "include";

/// The strictness of an include keyword, of which the plain one is `plain`; `None` for other words.
pub(crate) fn strictness(keyword: &str, plain: Strictness) -> Option<Strictness> {
    let none = Strictness::default();
    Some(match keyword {
        "include" => plain,
        "includer" => Strictness { unreadable: true, ..none },
        "includem" => Strictness { unreadable: true, missing: true, ..none },
        "includew" => Strictness { unreadable: true, missing: true, no_match: true, ..none },
        "includeb" => Strictness { unreadable: true, brace: true, ..none },
        "includea" => Strictness::ALL,
        _ => return None,
    })
}

const fn severity(strict: bool) -> Severity {
    if strict { Severity::Error } else { Severity::Tolerated }
}

impl Reader<'_> {
    /// Puts the files that a pattern names on the stack, the first on top.
    pub(crate) fn include_files(&mut self, keyword: Span, pattern: Span, strictness: Strictness) {
        let strictness = if self.options.strict_includes { Strictness::ALL } else { strictness };
        let Some(text) = self.pattern_text(keyword, pattern) else { return };
        if self.include_depth() >= MAX_DEPTH {
            let message = format!("includes are nested more than {MAX_DEPTH} deep");
            self.report(Diagnostic::error(Rule::IncludeLimit, pattern, message));
            return;
        }
        let names = alternatives(&text);
        let braces = names.len() > 1;
        let mut paths = Vec::new();
        for name in names {
            let name = self.absolute(&name);
            paths.extend(self.resolve(&name, pattern, strictness, braces));
        }
        paths.reverse();
        self.inputs.push(Input::Files { pending: paths, at: pattern, strictness });
    }

    fn pattern_text(&mut self, keyword: Span, pattern: Span) -> Option<String> {
        let text = self.sources.text(pattern).to_owned();
        if text.is_empty() {
            let message = "include needs the name of a file";
            self.report(Diagnostic::tolerated(Rule::MissingArgument, keyword, message));
            return None;
        }
        let Some(inner) = text.strip_prefix('"') else { return Some(text) };
        let message =
            "keepalived takes the quotes as part of the file's name and finds nothing; lvsd leaves them out";
        let inner = inner.strip_suffix('"').unwrap_or(inner).to_owned();
        self.report(
            Diagnostic::tolerated(Rule::QuotedInclude, pattern, message)
                .help(format!("write `include {inner}`")),
        );
        Some(inner)
    }

    /// A name relative to the directory of the file that includes it.
    fn absolute(&self, name: &str) -> PathBuf {
        let directory = self.open_files().next_back().and_then(|file| file.path.parent());
        directory.map_or_else(|| PathBuf::from(name), |directory| directory.join(name))
    }

    fn resolve(&mut self, name: &Path, at: Span, strictness: Strictness, braces: bool) -> Vec<PathBuf> {
        let text = name.to_string_lossy();
        let pattern = text.contains(['*', '?', '[']);
        if !pattern {
            if self.files.kind(name).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                let strict = if braces { strictness.brace } else { strictness.missing };
                let message = format!("there is no file `{text}`");
                self.report(Diagnostic::new(severity(strict), Rule::IncludeMissing, at, message));
                return Vec::new();
            }
            return vec![name.to_owned()];
        }
        match self.files.glob(&text) {
            Ok(paths) if !paths.is_empty() => paths,
            Ok(_) => {
                let strict = strictness.no_match || braces && strictness.brace;
                // A directory for drop-in files is often empty; keepalived only logs that.
                let severity = if strict { Severity::Error } else { Severity::Hint };
                let message = format!("no file matches `{text}`");
                self.report(Diagnostic::new(severity, Rule::IncludeMissing, at, message));
                Vec::new()
            }
            Err(error) => {
                let message = format!("`{text}` cannot be searched: {error}");
                let severity = severity(strictness.unreadable);
                self.report(Diagnostic::new(severity, Rule::UnreadableFile, at, message));
                Vec::new()
            }
        }
    }

    /// Puts one file on the stack, or says why not.
    pub(crate) fn include_one(&mut self, path: &Path, at: Span, strictness: Strictness) {
        let shown = path.display();
        if self.open_files().any(|file| file.path == path) {
            let message = format!("`{shown}` includes itself");
            self.report(Diagnostic::error(Rule::IncludeCycle, at, message));
            return;
        }
        if self.sources.file_count() >= MAX_FILES || self.sources.total_len() >= MAX_TOTAL {
            let message = format!("there are more than {MAX_FILES} files or {} MiB of text", MAX_TOTAL >> 20);
            self.report(Diagnostic::error(Rule::IncludeLimit, at, message));
            return;
        }
        let why = match self.files.kind(path) {
            Ok(FileKind::Regular) => None,
            Ok(FileKind::Executable) => Some("it is executable, and so taken for a script"),
            Ok(FileKind::Other) => Some("it is no regular file"),
            // Reading it says why.
            Err(_) => None,
        };
        if let Some(why) = why {
            let message = format!("`{shown}` is not read: {why}");
            let severity = severity(strictness.unreadable);
            self.report(Diagnostic::new(severity, Rule::SkippedFile, at, message));
            return;
        }
        match self.files.read(path) {
            Ok(bytes) => self.push_file(path, bytes),
            Err(error) => {
                let message = format!("`{shown}` cannot be read: {error}");
                let severity = severity(strictness.unreadable);
                self.report(Diagnostic::new(severity, Rule::UnreadableFile, at, message));
            }
        }
    }
}

/// The names that a pattern with braces stands for; at least one.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut waiting = vec![pattern.to_owned()];
    while let Some(text) = waiting.pop() {
        let split = if done.len() + waiting.len() < MAX_ALTERNATIVES { split_braces(&text) } else { None };
        match split {
            Some(parts) => waiting.extend(parts.into_iter().rev()),
            None => done.push(text),
        }
    }
    done
}

/// Replaces the first pair of braces by each of its alternatives.
fn split_braces(text: &str) -> Option<Vec<String>> {
    let open = text.find('{')?;
    let mut depth = 0usize;
    let mut cuts = vec![open];
    for (at, c) in text.char_indices().skip_while(|&(at, _)| at < open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => cuts.push(at),
            _ => {}
        }
        if depth == 0 {
            cuts.push(at);
            let (head, tail) = (text.get(..open)?, text.get(at + 1..)?);
            let middle = |pair: &[usize]| match *pair {
                [from, to] => text.get(from + 1..to),
                _ => None,
            };
            return Some(
                cuts.windows(2).filter_map(middle).map(|part| format!("{head}{part}{tail}")).collect(),
            );
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_add_to_or_replace_what_was_before() {
        let none = Strictness::default();
        let after = |before: Strictness, words: &str| before.checked(words.split_whitespace());
        assert_eq!(after(none, ""), Strictness::ALL);
        assert_eq!(
            after(Strictness::ALL, "read match"),
            Strictness { unreadable: true, missing: true, ..none }
        );
        assert_eq!(after(Strictness::ALL, "-brace_match"), Strictness { brace: false, ..Strictness::ALL });
        let read = after(none, "+readable");
        assert_eq!(read, Strictness { unreadable: true, ..none });
        assert_eq!(after(read, "+wildcard_match"), Strictness { no_match: true, ..read });
        assert_eq!(after(read, "nothing"), read, "what is not known changes nothing");
    }

    #[test]
    fn braces_stand_for_each_alternative_in_order() {
        assert_eq!(alternatives("/a/{b,c{1,2}}.conf"), ["/a/b.conf", "/a/c1.conf", "/a/c2.conf"]);
        assert_eq!(alternatives("plain"), ["plain"]);
        assert_eq!(alternatives("{open"), ["{open"]);
        assert!(alternatives(&"{a,b}".repeat(40)).len() <= 2 * MAX_ALTERNATIVES);
    }
}
