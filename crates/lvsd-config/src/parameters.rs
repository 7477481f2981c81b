//! `$NAME=` definitions and their uses.

use std::collections::HashMap;
use std::rc::Rc;

use crate::Options;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lex::{self, Braces};
use crate::rules::Rule;
use crate::source::{SourceMap, Span};
use crate::suggest;

/// How deep the values of definitions may use others.
const MAX_DEPTH: usize = 30;

/// How many pieces one line may be put together of.
const MAX_PIECES: usize = 100_000;

/// How many undefined parameters of one line are named.
const MAX_REPORTED: usize = 100;

/// What a parameter stands for.
#[derive(Clone, Debug)]
pub(crate) enum Definition {
    /// A text within a line.
    Text(Span),
    /// Several lines.
    Body(Rc<[Span]>),
}

/// The result of replacing the parameters of a line once.
pub(crate) enum Expansion {
    /// There are none that are defined.
    Unchanged,
    /// The line became this.
    Changed(Pieces),
    /// The line ends in a definition of several lines.
    Body { before: Pieces, lines: Rc<[Span]>, via: Span },
    /// Definitions use each other too deeply.
    TooDeep,
}

enum Piece {
    Written(Span, Option<Span>),
    Computed(String, Span),
}

/// A line put together, not yet in the source map.
#[derive(Default)]
pub(crate) struct Pieces(Vec<Piece>);

impl Pieces {
    pub(crate) fn push(&mut self, written: Span, via: Option<Span>) {
        if !written.is_empty() {
            self.0.push(Piece::Written(written, via));
        }
    }

    /// Puts the line into the source map.
    pub(crate) fn write(self, sources: &mut SourceMap) -> Span {
        let start = sources.start_expansion();
        for piece in self.0 {
            match piece {
                Piece::Written(written, via) => sources.push_written(written, via),
                Piece::Computed(text, written) => sources.push_computed(&text, written, None),
            }
        }
        sources.finish_expansion(start)
    }
}

struct Cursor {
    span: Span,
    at: usize,
    via: Option<Span>,
}

/// The parameters that are defined at a point of the text.
pub(crate) struct Parameters {
    defined: HashMap<String, Definition>,
    config_id: String,
    environment: HashMap<String, String>,
    random: u64,
    /// Directory of the file being read.
    pub(crate) directory: String,
}

impl Parameters {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            defined: HashMap::new(),
            config_id: options.config_id.clone(),
            environment: options.environment.iter().cloned().collect(),
            random: options.seed,
            directory: String::new(),
        }
    }

    /// Begins the random numbers anew, from this seed if it is one.
    pub(crate) fn reseed(&mut self, seed: Option<u32>) {
        self.random = seed.map_or(self.random, u64::from);
    }

    /// Defines a parameter and returns what it was before.
    pub(crate) fn define(&mut self, name: String, definition: Definition) -> Option<Definition> {
        self.defined.insert(name, definition)
    }

    /// Puts back what a parameter was.
    pub(crate) fn restore(&mut self, name: &str, before: Option<Definition>) {
        match before {
            Some(definition) => drop(self.defined.insert(name.to_owned(), definition)),
            None => drop(self.defined.remove(name)),
        }
    }

    /// Replaces every defined parameter of a line, and those of their values.
    pub(crate) fn expand(&mut self, span: Span, sources: &SourceMap) -> Expansion {
        let mut pieces = Pieces::default();
        let mut changed = false;
        let mut stack = vec![Cursor { span, at: 0, via: None }];
        while let Some(cursor) = stack.pop() {
            if stack.len() > MAX_DEPTH || pieces.0.len() > MAX_PIECES {
                return Expansion::TooDeep;
            }
            let text = sources.text(cursor.span).get(cursor.at..).unwrap_or_default();
            let here = cursor.span.part(cursor.at, cursor.span.len());
            let Some((at, found, value)) = self.first_use(text) else {
                push_unescaped(&mut pieces, here, cursor.via, sources);
                continue;
            };
            changed = true;
            push_unescaped(&mut pieces, here.part(0, at), cursor.via, sources);
            let via = cursor.via.unwrap_or_else(|| here.part(at, at + found.len));
            let after = Cursor { at: cursor.at + at + found.len, ..cursor };
            let at_end = |cursor: &Cursor| {
                let rest = sources.text(cursor.span).get(cursor.at..).unwrap_or_default();
                rest.trim_matches(lex::is_blank).is_empty()
            };
            match value {
                Value::Text(value) => {
                    stack.push(after);
                    stack.push(Cursor { span: value, at: 0, via: Some(via) });
                }
                Value::Computed(text) => {
                    stack.push(after);
                    pieces.0.push(Piece::Computed(text, via));
                }
                Value::Body(lines) if at_end(&after) && stack.iter().all(at_end) => {
                    return Expansion::Body { before: pieces, lines, via };
                }
                // In the middle of a line only its first line can go there.
                Value::Body(lines) => {
                    stack.push(after);
                    stack.extend(lines.first().map(|&first| Cursor { span: first, at: 0, via: Some(via) }));
                }
            }
        }
        if changed { Expansion::Changed(pieces) } else { Expansion::Unchanged }
    }

    fn first_use<'t>(&mut self, text: &'t str) -> Option<(usize, lex::Use<'t>, Value)> {
        for (at, _) in text.match_indices('$') {
            if let Some(found) = text.get(at..).and_then(lex::parameter)
                && let Some(value) = self.value(found.name, found.args)
            {
                return Some((at, found, value));
            }
        }
        None
    }

    fn value(&mut self, name: &str, args: &str) -> Option<Value> {
        match self.defined.get(name) {
            Some(&Definition::Text(span)) => return Some(Value::Text(span)),
            Some(Definition::Body(lines)) => return Some(Value::Body(lines.clone())),
            None => {}
        }
        let text = match name {
            "_PWD" => self.directory.clone(),
            "_INSTANCE" => self.config_id.clone(),
            "_HASH" => "#".to_owned(),
            "_BANG" => "!".to_owned(),
            "_ENV" => self.environment.get(args.trim()).cloned().unwrap_or_default(),
            "_RANDOM" => self.random(args).to_string(),
            _ => return None,
        };
        Some(Value::Computed(text))
    }

    fn random(&mut self, args: &str) -> i64 {
        let mut limits = args.split_whitespace().map_while(|word| word.parse::<i32>().ok()).map(i64::from);
        let low = limits.next().unwrap_or(0);
        let high = limits.next().unwrap_or_else(|| low.max(0) + 32_767).max(low);
        // Knuth's MMIX generator; good enough to spread start times.
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let range = high.abs_diff(low) + 1;
        low + i64::try_from((self.random >> 33) % range).unwrap_or(0)
    }

    /// Names what looks like a parameter that nobody defined.
    pub(crate) fn report_undefined(&self, span: Span, sources: &SourceMap, diagnostics: &mut Diagnostics) {
        let text = sources.text(span);
        // A shell's own variables are the business of the command.
        if crate::parser::is_script_line(text) {
            return;
        }
        let mut quoted = false;
        let mut from = 0;
        for (at, _) in text.match_indices('$').take(MAX_REPORTED) {
            let rest = text.get(at..).unwrap_or_default();
            let quotes = text.get(from..at).unwrap_or_default().matches('"').count();
            quoted ^= quotes % 2 == 1;
            from = at;
            if quoted {
                continue;
            }
            let starts_word =
                text.get(..at).is_none_or(|before| before.chars().next_back().is_none_or(lex::is_blank));
            if let Some(found) = lex::parameter(rest) {
                if found.braces == Braces::Yes || starts_word {
                    diagnostics.push_once(self.undefined(span.part(at, at + found.len), found.name), sources);
                }
            } else if rest.starts_with("${")
                && let Some(end) = lex::ahead(rest).find('}')
            {
                diagnostics.push_once(placeholder(span.part(at, at + end + 1), sources), sources);
            } else if let Some(glued) = self.glued(rest) {
                diagnostics.push_once(not_replaced(span.part(at, at + glued.len() + 1), glued), sources);
            }
        }
    }

    /// The name of a parameter that exists, with text right behind it that keeps it from being one.
    fn glued<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (_, name) = lex::name(text.strip_prefix('$')?).ok()?;
        self.defined.contains_key(name).then_some(name)
    }

    fn undefined(&self, span: Span, name: &str) -> Diagnostic {
        let names = self.defined.keys().map(String::as_str);
        let help = suggest::nearest(name, names).map_or_else(
            || format!("define it on a line before: `${name}=value`"),
            |known| format!("did you mean `{known}`?"),
        );
        let message = format!("the parameter `{name}` is not defined; the text stays as it is");
        Diagnostic::tolerated(Rule::UndefinedParameter, span, message).help(help)
    }
}

fn not_replaced(span: Span, name: &str) -> Diagnostic {
    let message = format!("`${name}` is not replaced here, because other text is right behind it");
    Diagnostic::tolerated(Rule::UndefinedParameter, span, message).help(format!("write `${{{name}}}`"))
}

/// The diagnostic for a template's placeholder.
pub(crate) fn placeholder(span: Span, sources: &SourceMap) -> Diagnostic {
    let message = format!("`{}` is a template's placeholder that was not filled in", sources.text(span));
    Diagnostic::error(Rule::TemplatePlaceholder, span, message)
        .help("load what the template makes, not the template")
}

enum Value {
    Text(Span),
    Computed(String),
    Body(Rc<[Span]>),
}

/// Adds text, without the backslash that kept a `#` or `!` in a definition.
fn push_unescaped(pieces: &mut Pieces, span: Span, via: Option<Span>, sources: &SourceMap) {
    let text = sources.text(span);
    let mut from = 0;
    if via.is_some() {
        for (at, _) in text.match_indices('\\') {
            if text.get(at + 1..).is_some_and(|rest| rest.starts_with(['#', '!'])) {
                pieces.push(span.part(from, at), via);
                from = at + 1;
            }
        }
    }
    pieces.push(span.part(from, text.len()), via);
}
