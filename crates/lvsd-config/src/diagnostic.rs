//! What is wrong, or might be, and where.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::rules::Rule;
use crate::source::{Place, SourceMap, Span};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, but a trap.
    Hint,
    /// Wrong, but keepalived runs with it, and so does lvsd.
    Tolerated,
    /// Cannot mean anything safe: neither start nor reload.
    Error,
}

impl Severity {
    /// The word that diagnostics begin with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Tolerated => "warning",
            Self::Error => "error",
        }
    }
}

/// A place with something to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, one line.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that belong to it.
    pub secondary: Vec<Label>,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding without labels or help.
    #[must_use]
    pub fn new(severity: Severity, rule: Rule, span: Span, message: impl Into<String>) -> Self {
        // Words of the file are quoted in messages: none of them may steer a terminal or begin a line of a log.
        let message = message.into().replace(char::is_control, "\u{fffd}");
        let primary = Label { span, text: String::new() };
        Self { rule, severity, message, primary, secondary: Vec::new(), help: None }
    }

    /// Something that refuses the configuration.
    #[must_use]
    pub fn error(rule: Rule, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, span, message)
    }

    /// A mistake that keepalived runs with.
    #[must_use]
    pub fn tolerated(rule: Rule, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Tolerated, rule, span, message)
    }

    /// A trap.
    #[must_use]
    pub fn hint(rule: Rule, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Hint, rule, span, message)
    }

    /// Adds what to say at the place itself.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// All findings, in the order of their places once [`Self::sort`] was called.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    counts: [usize; 3],
    /// Place, rule and hash of the message: a repetition makes many of one mistake.
    told: HashSet<(Span, Rule, u64)>,
    hasher: RandomState,
}

impl Diagnostics {
    /// How many are kept; more are counted only, so that a hostile file cannot fill the memory.
    pub const KEPT: usize = 10_000;

    /// Adds one, unless the same is told about the same place already.
    pub(crate) fn push_once(&mut self, diagnostic: Diagnostic, sources: &SourceMap) {
        let hash = self.hasher.hash_one(&diagnostic.message);
        let place = sources.place(diagnostic.primary.span).written;
        let key = (place, diagnostic.rule, hash);
        if self.told.contains(&key) {
            return;
        }
        if self.list.len() < 2 * Self::KEPT {
            self.told.insert(key);
        }
        self.push(diagnostic);
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        // Errors have room of their own: what refuses the configuration must be told.
        let room = if diagnostic.severity == Severity::Error { 2 * Self::KEPT } else { Self::KEPT };
        if let Some(count) = self.counts.get_mut(diagnostic.severity as usize) {
            *count += 1;
        }
        if self.list.len() < room {
            self.list.push(diagnostic);
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        // Both are bounded.
        self.list.extend(other.list);
    }

    /// The ones that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many there are of a severity, kept or not.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.counts.get(severity as usize).copied().unwrap_or(0)
    }

    /// How many there are, kept or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The most serious severity that occurs.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        [Severity::Error, Severity::Tolerated, Severity::Hint]
            .into_iter()
            .find(|&severity| self.count(severity) > 0)
    }

    /// Puts them in the order of their places.
    pub fn sort(&mut self, sources: &SourceMap) {
        let place = |diagnostic: &Diagnostic| -> Place { sources.place(diagnostic.primary.span) };
        self.list.sort_by_cached_key(place);
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
