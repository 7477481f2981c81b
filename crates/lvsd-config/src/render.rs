//! Diagnostics as text for people, for tools, and as JSON.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::source::{LineColumn, SourceMap, Span};

/// How diagnostics look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With the source lines, in the manner of rustc.
    Full {
        /// Terminal colours.
        color: bool,
    },
    /// One line each: `file:line:column: severity[id]: text`.
    Concise,
    /// One JSON array.
    Json,
}

/// How many are shown in full; the rest is counted.
pub(crate) const SHOWN: usize = 100;

/// Renders all diagnostics; nothing for none, except that JSON is always an array.
#[must_use]
pub fn render(diagnostics: &Diagnostics, sources: &SourceMap, format: Format) -> String {
    match format {
        Format::Full { color } => full(diagnostics, sources, color),
        Format::Concise => diagnostics.iter().map(|one| concise(one, sources) + "\n").collect(),
        Format::Json => json(diagnostics, sources),
    }
}

fn full(diagnostics: &Diagnostics, sources: &SourceMap, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    // Errors are shown whatever their number and place; then the rest, by place, up to the limit.
    let room = SHOWN.saturating_sub(diagnostics.count(Severity::Error));
    let mut shown = 0;
    let mut others = 0;
    for diagnostic in diagnostics {
        if diagnostic.severity != Severity::Error {
            others += 1;
            if others > room {
                continue;
            }
        } else if shown >= SHOWN {
            continue;
        }
        shown += 1;
        out.push_str(&one(&renderer, diagnostic, sources));
        out.push_str("\n\n");
    }
    let hidden = diagnostics.total() - shown;
    if hidden > 0 {
        out.push_str(&format!("... and {hidden} more\n"));
    }
    out
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Tolerated => Level::WARNING,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let mut group = Group::with_title(level.primary_title(&*diagnostic.message).id(diagnostic.rule.id()));
    for window in windows(diagnostic, sources) {
        group = group.element(window.snippet(sources));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(&**help));
    }
    renderer.render(&[group])
}

/// Some lines of one file with labels on them.
struct Window {
    lines: Span,
    labels: Vec<(AnnotationKind, Span, String)>,
}

impl Window {
    fn snippet<'a>(self, sources: &'a SourceMap) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let shown = without_keys(sources.text(self.lines));
        let length = shown.len();
        let LineColumn { line, .. } = sources.line_column(self.lines);
        let mut snippet = Snippet::source(shown).line_start(line).path(sources.name(self.lines));
        for (kind, span, label) in self.labels {
            let start = (span.start.saturating_sub(self.lines.start) as usize).min(length);
            let end = (start + span.len()).min(length);
            let annotation = kind.span(start..end);
            snippet = snippet.annotation(if label.is_empty() { annotation } else { annotation.label(label) });
        }
        snippet
    }
}

/// How far apart labels may be, in bytes, to be shown in one window.
const WINDOW: u32 = 20_000;

/// The places of a diagnostic; those of one file that are not far apart together.
fn windows(diagnostic: &Diagnostic, sources: &SourceMap) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut add = |kind: AnnotationKind, span: Span, text: &str| {
        let lines = sources.line(span);
        let label = (kind, span, text.to_owned());
        let near = |window: &&mut Window| {
            let (first, last) = (window.lines.start.min(lines.start), window.lines.end.max(lines.end));
            window.lines.file == lines.file && last - first <= WINDOW
        };
        match windows.iter_mut().find(near) {
            Some(window) => {
                window.lines.start = window.lines.start.min(lines.start);
                window.lines.end = window.lines.end.max(lines.end);
                window.labels.push(label);
            }
            None => windows.push(Window { lines, labels: vec![label] }),
        }
    };
    let Label { span, text } = &diagnostic.primary;
    let place = sources.place(*span);
    add(AnnotationKind::Primary, place.written, text);
    if let Some(via) = place.via {
        add(AnnotationKind::Context, via, "expanded from here");
    }
    for Label { span, text } in &diagnostic.secondary {
        add(AnnotationKind::Context, sources.place(*span).written, text);
    }
    windows
}

fn concise(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let span = diagnostic.primary.span;
    let LineColumn { line, column } = sources.line_column(span);
    let (name, severity, id) = (sources.name(span), diagnostic.severity.name(), diagnostic.rule.id());
    let mut out = format!("{name}:{line}:{column}: {severity}[{id}]: {}", diagnostic.message);
    if let Some(help) = &diagnostic.help {
        out.push_str(&format!(" ({help})"));
    }
    out
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    text: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
}

#[derive(Serialize)]
struct JsonDiagnostic<'a> {
    id: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: JsonPlace<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<JsonPlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// The diagnostics as a JSON array, to be put into a larger document.
#[must_use]
pub fn to_json(diagnostics: &Diagnostics, sources: &SourceMap) -> serde_json::Value {
    let list: Vec<_> = diagnostics.iter().map(|one| json_diagnostic(one, sources)).collect();
    // Strings and numbers in plain structs always serialise.
    serde_json::to_value(list).unwrap_or_default()
}

fn json(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    let list: Vec<_> = diagnostics.iter().map(|one| json_diagnostic(one, sources)).collect();
    // Strings and numbers in plain structs always serialise.
    serde_json::to_string_pretty(&list).unwrap_or_else(|_| "[]".to_owned()) + "\n"
}

fn json_diagnostic<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> JsonDiagnostic<'a> {
    let via = sources.place(diagnostic.primary.span).via;
    let expanded = via.map(|span| json_place(span, "expanded from here", sources));
    let others = diagnostic.secondary.iter().map(|label| json_place(label.span, &label.text, sources));
    JsonDiagnostic {
        id: diagnostic.rule.id(),
        severity: diagnostic.severity.name(),
        message: &diagnostic.message,
        place: json_place(diagnostic.primary.span, &diagnostic.primary.text, sources),
        related: expanded.into_iter().chain(others).collect(),
        help: diagnostic.help.as_deref(),
    }
}

fn json_place<'a>(span: Span, label: &'a str, sources: &'a SourceMap) -> JsonPlace<'a> {
    let LineColumn { line, column } = sources.line_column(span);
    let text = without_keys(sources.text(sources.line(span)));
    JsonPlace { file: sources.name(span), line, column, text, label }
}

/// Whole lines with what stands behind `key <id>` as asterisks, byte for byte: a key of auth_hmac must not reach a log.
fn without_keys(lines: &str) -> Cow<'_, str> {
    let secret = |line: &str| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let behind = rest.strip_prefix("key").filter(|rest| rest.starts_with([' ', '\t']))?.trim_start();
        let id = behind.find([' ', '\t'])?;
        Some(indent.len() + rest.len() - behind.len() + id)
    };
    if !lines.contains("key") {
        return Cow::Borrowed(lines);
    }
    let mut shown = String::with_capacity(lines.len());
    for line in lines.split_inclusive('\n') {
        let (clear, hidden) = line.split_at(secret(line).unwrap_or(line.len()));
        shown.push_str(clear);
        for character in hidden.chars() {
            match character {
                ' ' | '\t' | '\r' | '\n' => shown.push(character),
                other => shown.extend(std::iter::repeat_n('*', other.len_utf8())),
            }
        }
    }
    Cow::Owned(shown)
}
