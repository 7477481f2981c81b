//! Trackers of instances and groups.

use std::collections::HashSet;

use lvsd_model::{TrackInterface, TrackWeight, TrackedScript, Trackers};

use super::Lowering;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::Statement;

/// Trackers with the places where they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackDraft {
    pub(super) trackers: Trackers,
    /// For each of `trackers.interfaces`.
    pub(super) interface_spans: Vec<Span>,
    /// For each of `trackers.scripts`.
    pub(super) script_spans: Vec<Span>,
}

impl TrackDraft {
    /// Every weighted tracker: its place and its weight.
    pub(super) fn weighted(&self) -> impl Iterator<Item = (Span, TrackWeight)> {
        let interfaces = self.trackers.interfaces.iter().map(|track| track.effect).zip(&self.interface_spans);
        let scripts = self.trackers.scripts.iter().map(|track| track.effect).zip(&self.script_spans);
        interfaces
            .chain(scripts)
            .filter(|(effect, _)| effect.weight != 0)
            .map(|(effect, &span)| (span, effect))
    }

    /// Leaves only trackers without weight.
    pub(super) fn drop_weighted(&mut self) {
        self.trackers.interfaces.retain(|track| track.effect.weight == 0);
        self.trackers.scripts.retain(|track| track.effect.weight == 0);
        self.interface_spans.clear();
        self.script_spans.clear();
    }
}

impl<'a> Lowering<'a> {
    /// `<weight> [reverse]` behind a keyword.
    pub(super) fn weight_words(&mut self, statement: &Statement, most: i64) -> Option<TrackWeight> {
        let weight = self.integer(statement, 0, -254..=254)?;
        let span = self.word(statement, 0)?.span;
        let weight = self.clamp_weight(weight, most, span);
        let reverse = self.word(statement, 1).and_then(|word| self.choice(word, &[("reverse", true)]));
        Some(TrackWeight { weight, reverse: reverse.unwrap_or(false) })
    }

    /// ±254 means ±253 for most trackers.
    fn clamp_weight(&mut self, weight: i64, most: i64, span: Span) -> i16 {
        if weight.abs() > most {
            let message = format!("the weight is at most {most}; taken as {}", weight.signum() * most);
            self.report(Diagnostic::tolerated(Rule::OutOfRange, span, message));
        }
        i16::try_from(weight.clamp(-most, most)).unwrap_or(0)
    }

    /// `[weight <n> [reverse|noreverse]]` behind a tracker's name.
    fn tracked_weight(&mut self, words: &[Word<'a>], default: TrackWeight) -> TrackWeight {
        let mut effect = default;
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word.text {
                "weight" => {
                    let Some(value) = rest.next() else {
                        let message = "`weight` lacks a number";
                        self.report(
                            Diagnostic::tolerated(Rule::MissingArgument, word.span, message).label("ignored"),
                        );
                        return effect;
                    };
                    if let Some(weight) = self.number_word(value, -254..=254) {
                        effect = TrackWeight {
                            weight: self.clamp_weight(weight, 253, value.span),
                            reverse: false,
                        };
                    }
                }
                "reverse" => effect.reverse = true,
                "noreverse" => effect.reverse = false,
                other => {
                    let message = format!("`{other}` is no option of a tracker; it is ignored");
                    let help = "write `name weight <number> [reverse]`, one tracker per line";
                    self.report(Diagnostic::tolerated(Rule::ExtraWord, word.span, message).help(help));
                }
            }
        }
        effect
    }

    /// `track_interface`.
    pub(super) fn track_interfaces(&mut self, statement: &'a Statement, draft: &mut TrackDraft) {
        let mut seen = HashSet::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((&first, rest)) = words.split_first() else { continue };
            let Some(interface) = self.interface(first) else { continue };
            let effect = self.tracked_weight(rest, TrackWeight::default());
            if !seen.insert(first.text) {
                self.tracked_twice(first);
                continue;
            }
            draft.trackers.interfaces.push(TrackInterface { interface, effect });
            draft.interface_spans.push(first.span);
        }
    }

    /// `track_script`: references to scripts, resolved now that all are known.
    pub(super) fn track_scripts(&mut self, statement: &'a Statement, order: usize, draft: &mut TrackDraft) {
        let mut seen = HashSet::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((&name, rest)) = words.split_first() else { continue };
            let Some(defined) = self.scripts.get(name.text).copied() else {
                self.unresolved(name);
                continue;
            };
            if defined.order > order {
                let message =
                    format!("keepalived ignores the tracker `{}`, because the script comes later", name.text);
                let diagnostic = Diagnostic::hint(Rule::LateDefinition, name.span, message);
                self.report(
                    diagnostic
                        .also(defined.span, "defined here")
                        .help("move the vrrp_script before its users"),
                );
            }
            let own = self.config.vrrp.scripts.get(defined.index).map(|script| script.effect);
            let effect = self.tracked_weight(rest, own.unwrap_or_default());
            if !seen.insert(name.text) {
                self.tracked_twice(name);
                continue;
            }
            draft.trackers.scripts.push(TrackedScript { script: name.text.to_owned(), effect });
            draft.script_spans.push(name.span);
            self.used_scripts.insert(name.text);
        }
    }

    fn tracked_twice(&mut self, word: Word<'_>) {
        let message = format!("`{}` is tracked twice; this line is ignored", word.text);
        self.report(Diagnostic::tolerated(Rule::DuplicateTracker, word.span, message));
    }

    fn unresolved(&mut self, name: Word<'_>) {
        let message = format!("there is no vrrp_script `{}`: nothing is tracked here", name.text);
        let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message).label("ignored");
        self.report(match suggest::nearest(name.text, self.scripts.keys().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("define `vrrp_script {} {{ ... }}`", name.text)),
        });
    }

    /// Names scripts that nothing tracks.
    pub(super) fn check_trackers(&mut self) {
        let unused = self.scripts.iter().filter(|(name, _)| !self.used_scripts.contains(*name));
        for (name, span) in unused.map(|(&name, defined)| (name, defined.span)).collect::<Vec<_>>() {
            let message = format!("nothing tracks the script `{name}`, so it never runs");
            let help = format!("add `track_script {{ {name} }}` to an instance");
            self.report(Diagnostic::hint(Rule::UnusedDefinition, span, message).help(help));
        }
    }
}
