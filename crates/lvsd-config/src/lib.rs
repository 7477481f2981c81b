//! lvsd.conf: text to tree with spans to typed model, with diagnostics.
//!
//! A configuration is read in steps, each a module: the `reader` turns files into segments (comments, conditions,
//! definitions, includes and repetitions are its work), the `parser` turns segments into a tree of statements by the
//! [`keywords`] table, and `lower` turns the tree into [`lvsd_model::Config`]. No step stops at a mistake: all of them
//! are collected as [`Diagnostics`], each with its place.
//!
//! This crate must never start, open or ask anything beside the files it is told to read, through [`Files`]: whether an
//! interface exists or a script may run is for the host to say, with the places that [`Loaded::span_of`] knows. Start
//! reading at [`load`]. [`format()`] lays a file out anew without reading it as a configuration.

mod diagnostic;
mod files;
mod format;
mod include;
pub mod keywords;
mod lex;
mod lower;
pub mod man;
mod parameters;
mod parser;
mod places;
mod reader;
mod render;
mod repeat;
mod rules;
mod script;
mod source;
#[doc(hidden)]
pub mod steps;
mod suggest;
mod tree;
mod values;

use std::path::{Path, PathBuf};

use lvsd_model::Config;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use files::{FileKind, Files, MemoryFiles, SystemFiles};
pub use format::{Unformattable, format};
pub use places::Item;
pub use render::{Format, render, to_json};
pub use rules::Rule;
pub use rules::explain::{Example, Explanation, Found, MARK, explain, explanations};
pub use rules::page::diagnostics_page;
pub use source::{FileId, LineColumn, Place, SourceMap, Span};
pub use suggest::nearest;

/// What a configuration depends on beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What `@ID` lines are compared with: `--config-id`, or the node name up to its first dot.
    pub config_id: String,
    /// Environment variables for `${_ENV NAME}`.
    pub environment: Vec<(String, String)>,
    /// `--all-config`: every failure of an include is an error.
    pub strict_includes: bool,
    /// Start of the numbers of `${_RANDOM}`.
    pub seed: u64,
}

/// A configuration that was read.
#[derive(Debug)]
pub struct Loaded {
    /// What it means; `None` when there is an error in it.
    pub config: Option<Config>,
    /// Everything that is to be said about it, in the order of the places.
    pub diagnostics: Diagnostics,
    /// Its texts.
    pub sources: SourceMap,
    /// What was understood of a configuration with errors.
    rejected: Option<Config>,
    places: places::Places,
    readable: bool,
}

impl Loaded {
    /// Whether the file itself (the first, not what it includes) could be read.
    #[must_use]
    pub const fn readable(&self) -> bool {
        self.readable
    }

    /// What was understood, with or without errors: to look for more of them, never to act on.
    #[must_use]
    pub fn understood(&self) -> Option<&Config> {
        self.config.as_ref().or(self.rejected.as_ref())
    }

    /// Where something of the host is named for the first time, to point there when it is missing.
    #[must_use]
    pub fn span_of(&self, item: &Item) -> Option<Span> {
        self.spans_of(item).first().copied()
    }

    /// Everywhere that something of the host is named.
    #[must_use]
    pub fn spans_of(&self, item: &Item) -> &[Span] {
        self.places.of(item)
    }

    /// Everything of the host that the configuration names, in no order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.places.items()
    }
}

/// Reads a configuration. `root` is a file, or a pattern that several match.
///
/// Never fails as such: what is wrong is in [`Loaded::diagnostics`]. Takes time and memory in proportion to the text,
/// with fixed limits for what definitions and includes make of it.
#[must_use]
pub fn load(files: &dyn Files, root: &Path, options: &Options) -> Loaded {
    read(reader::Reader::new(files, options), root)
}

/// Reads a configuration with a reader that has not begun.
fn read(mut reader: reader::Reader<'_>, root: &Path) -> Loaded {
    let readable = push_roots(&mut reader, root);
    reader.start();
    let document = parser::parse(&mut reader);
    let reader::Reader { files, sources, mut diagnostics, .. } = reader;
    let (config, lowered, places) = lower::lower(&document, &sources, files);
    diagnostics.append(lowered);
    diagnostics.sort(&sources);
    let (config, rejected) =
        if diagnostics.count(Severity::Error) == 0 { (Some(config), None) } else { (None, Some(config)) };
    Loaded { config, diagnostics, sources, rejected, places, readable }
}

/// Puts the configuration itself on the reader's stack; true when there is something to read.
fn push_roots(reader: &mut reader::Reader<'_>, root: &Path) -> bool {
    let mut any = false;
    for path in roots(reader.files, root).iter().rev() {
        match reader.files.read(path) {
            Ok(bytes) => {
                reader.push_file(path, bytes);
                any = true;
            }
            Err(error) => {
                let name = path.display().to_string();
                let message = format!("`{name}` cannot be read: {error}");
                // An empty text, so that the message has a place.
                reader.push_file(path, Vec::new());
                if let Some(file) = reader.open_files().last().map(|file| file.id) {
                    let span = reader.sources.whole(file);
                    reader.report(Diagnostic::error(Rule::UnreadableFile, span, message));
                }
            }
        }
    }
    any
}

/// The file, or the files that match when no file has the name itself.
fn roots(files: &dyn Files, root: &Path) -> Vec<PathBuf> {
    let pattern = root.to_string_lossy();
    if pattern.contains(['*', '?', '[']) && files.kind(root).is_err() {
        let found = files.glob(&pattern).unwrap_or_default();
        if !found.is_empty() {
            return found;
        }
    }
    vec![root.to_owned()]
}
