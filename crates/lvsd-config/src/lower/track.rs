//! Trackers of instances and groups.

use std::collections::HashSet;

use lvsd_model::{
    TrackInterface, TrackWeight, TrackedBfd, TrackedFile, TrackedProcess, TrackedScript, TrackedService,
    Trackers,
};

use super::Lowering;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::Statement;

/// Whether a line says what the weight is, or leaves it to the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeightFrom {
    Line,
    Definition,
}

/// Where a tracker is written, and what of it.
pub(super) type Written = (Span, WeightFrom);

/// Trackers with the places where they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackDraft {
    pub(super) trackers: Trackers,
    /// For each of `trackers.interfaces`.
    interfaces: Vec<Written>,
    /// For each of `trackers.scripts`.
    scripts: Vec<Written>,
    /// For each of `trackers.files`.
    files: Vec<Written>,
    /// For each of `trackers.processes`.
    processes: Vec<Written>,
    /// For each of `trackers.services`.
    services: Vec<Written>,
    /// For each of `trackers.sessions`.
    sessions: Vec<Written>,
}

impl TrackDraft {
    /// Every weighted tracker: its place and its weight.
    pub(super) fn weighted(&self) -> impl Iterator<Item = (Span, TrackWeight)> {
        self.all().filter(|(_, effect)| effect.weight != 0).map(|((span, _), effect)| (span, effect))
    }

    /// Every tracker that adds all of its weight, or nothing: not the files, whose numbers are factors.
    pub(super) fn steadily_weighted(&self) -> impl Iterator<Item = (Span, TrackWeight)> {
        let is_file = |span: Span| self.files.iter().any(|(file, _)| *file == span);
        self.weighted().filter(move |(span, _)| !is_file(*span))
    }

    /// The tracked interfaces, and where each is written.
    pub(super) fn interface_lines(&self) -> impl Iterator<Item = (&TrackInterface, Span)> {
        self.trackers.interfaces.iter().zip(self.interfaces.iter().map(|(span, _)| *span))
    }

    fn all(&self) -> impl Iterator<Item = (Written, TrackWeight)> {
        let Trackers { interfaces, scripts, files, processes, services, sessions } = &self.trackers;
        let interfaces = self.interfaces.iter().copied().zip(interfaces.iter().map(|track| track.effect));
        let scripts = self.scripts.iter().copied().zip(scripts.iter().map(|track| track.effect));
        let files = self.files.iter().copied().zip(files.iter().map(|track| track.effect));
        let processes = self.processes.iter().copied().zip(processes.iter().map(|track| track.effect));
        let services = self.services.iter().copied().zip(services.iter().map(|track| track.effect));
        let sessions = self.sessions.iter().copied().zip(sessions.iter().map(|track| track.effect));
        interfaces.chain(scripts).chain(files).chain(processes).chain(services).chain(sessions)
    }

    /// Adds a virtual server.
    pub(super) fn add_service(&mut self, track: TrackedService, written: Written) {
        self.trackers.services.push(track);
        self.services.push(written);
    }

    /// Leaves only trackers without weight.
    pub(super) fn drop_weighted(&mut self) {
        self.trackers.interfaces.retain(|track| track.effect.weight == 0);
        self.trackers.scripts.retain(|track| track.effect.weight == 0);
        self.trackers.files.retain(|track| track.effect.weight == 0);
        self.trackers.processes.retain(|track| track.effect.weight == 0);
        self.trackers.services.retain(|track| track.effect.weight == 0);
        self.trackers.sessions.retain(|track| track.effect.weight == 0);
        self.interfaces.clear();
        self.scripts.clear();
        self.files.clear();
        self.processes.clear();
        self.services.clear();
        self.sessions.clear();
    }

    /// A file has a weight even where nobody writes one; where weights cannot be, such a file is one without.
    pub(super) fn unweigh_files(&mut self) {
        for (track, (_, from)) in self.trackers.files.iter_mut().zip(&self.files) {
            if *from == WeightFrom::Definition {
                track.effect.weight = 0;
            }
        }
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
    pub(super) fn tracked_weight(
        &mut self,
        words: &[Word<'a>],
        default: TrackWeight,
        most: i64,
    ) -> (TrackWeight, WeightFrom) {
        let (mut effect, mut from) = (default, WeightFrom::Definition);
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            match word.text {
                "weight" => {
                    let Some(value) = rest.next() else {
                        let message = "`weight` lacks a number";
                        self.report(
                            Diagnostic::tolerated(Rule::MissingArgument, word.span, message).label("ignored"),
                        );
                        return (effect, from);
                    };
                    if let Some(weight) = self.number_word(value, -254..=254) {
                        let weight = self.clamp_weight(weight, most, value.span);
                        effect = TrackWeight { weight, reverse: false };
                        from = WeightFrom::Line;
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
        (effect, from)
    }

    /// `track_interface`.
    pub(super) fn track_interfaces(&mut self, statement: &'a Statement, draft: &mut TrackDraft) {
        let mut seen = HashSet::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((&first, rest)) = words.split_first() else { continue };
            let Some(interface) = self.interface(first) else { continue };
            let (effect, from) = self.tracked_weight(rest, TrackWeight::default(), 253);
            if !seen.insert(first.text) {
                self.tracked_twice(first);
                continue;
            }
            draft.trackers.interfaces.push(TrackInterface { interface, effect });
            draft.interfaces.push((first.span, from));
        }
    }

    /// `track_script`, `track_file`, `track_process`, `track_bfd`: references, resolved now that everything is known.
    pub(super) fn track_named(
        &mut self,
        statement: &'a Statement,
        order: usize,
        draft: &mut TrackDraft,
    ) -> bool {
        let Some(kind) = Kind::of(statement.row.name) else { return false };
        let mut seen = HashSet::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((&name, rest)) = words.split_first() else { continue };
            let Some(defined) = self.tracked.get(&(kind, name.text)).copied() else {
                self.unresolved(kind, name);
                continue;
            };
            if defined.order > order {
                self.late(kind, name, defined.span);
            }
            let (effect, from) = self.tracked_weight(rest, self.own_effect(kind, defined.index), kind.most());
            if !seen.insert(name.text) {
                self.tracked_twice(name);
                continue;
            }
            if kind == Kind::Bfd && !self.tells_trackers(name) {
                self.used.insert((kind, name.text));
                continue;
            }
            let (text, written) = (name.text.to_owned(), (name.span, from));
            match kind {
                Kind::Script => {
                    draft.trackers.scripts.push(TrackedScript { script: text, effect });
                    draft.scripts.push(written);
                }
                Kind::File => {
                    draft.trackers.files.push(TrackedFile { file: text, effect });
                    draft.files.push(written);
                }
                Kind::Process => {
                    draft.trackers.processes.push(TrackedProcess { process: text, effect });
                    draft.processes.push(written);
                }
                Kind::Bfd => {
                    draft.trackers.sessions.push(TrackedBfd { session: text, effect });
                    draft.sessions.push(written);
                }
            }
            self.used.insert((kind, name.text));
        }
        true
    }

    fn own_effect(&self, kind: Kind, index: usize) -> TrackWeight {
        let vrrp = &self.config.vrrp;
        match kind {
            Kind::Script => vrrp.scripts.get(index).map(|script| script.effect),
            Kind::File => vrrp.files.get(index).map(|file| file.effect),
            Kind::Process => vrrp.processes.get(index).map(|process| process.effect),
            Kind::Bfd => self.config.bfd.sessions.get(index).map(|session| session.effect),
        }
        .unwrap_or_default()
    }

    fn late(&mut self, kind: Kind, name: Word<'_>, defined: Span) {
        let (noun, block) = (kind.noun(), kind.block());
        let message =
            format!("keepalived ignores the tracker `{}`, because the {noun} comes later", name.text);
        let help = format!("move the {block} before its users");
        let diagnostic = Diagnostic::hint(Rule::LateDefinition, name.span, message);
        self.report(diagnostic.also(defined, "defined here").help(help));
    }

    pub(super) fn tracked_twice(&mut self, word: Word<'_>) {
        let message = format!("`{}` is tracked twice; this line is ignored", word.text);
        self.report(Diagnostic::tolerated(Rule::DuplicateTracker, word.span, message));
    }

    fn unresolved(&mut self, kind: Kind, name: Word<'_>) {
        let block = kind.block();
        let message = format!("there is no {block} `{}`: nothing is tracked here", name.text);
        let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message).label("ignored");
        let names = self.tracked.keys().filter(|(other, _)| *other == kind).map(|(_, name)| *name);
        self.report(match suggest::nearest(name.text, names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("define `{block} {} {{ ... }}`", name.text)),
        });
    }

    /// Names scripts and processes that nothing tracks. Files and BFD sessions have other users, too.
    pub(super) fn check_trackers(&mut self) {
        let only_tracked = |kind| matches!(kind, Kind::Script | Kind::Process);
        let unused = self.tracked.iter().filter(|(key, _)| only_tracked(key.0) && !self.used.contains(*key));
        for ((kind, name), span) in unused.map(|(&key, defined)| (key, defined.span)).collect::<Vec<_>>() {
            let (noun, line) = (kind.noun(), kind.line());
            let does = if kind == Kind::Script { "it never runs" } else { "it is never looked for" };
            let message = format!("nothing tracks the {noun} `{name}`, so {does}");
            let help = format!("add `{line} {{ {name} }}` to an instance");
            self.report(Diagnostic::hint(Rule::UnusedDefinition, span, message).help(help));
        }
    }
}

/// What trackers refer to by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Script,
    File,
    Process,
    Bfd,
}

impl Kind {
    /// By the keyword of the references.
    fn of(line: &str) -> Option<Self> {
        [Self::Script, Self::File, Self::Process, Self::Bfd].into_iter().find(|kind| kind.line() == line)
    }

    const fn line(self) -> &'static str {
        match self {
            Self::Script => "track_script",
            Self::File => "track_file",
            Self::Process => "track_process",
            Self::Bfd => "track_bfd",
        }
    }

    const fn block(self) -> &'static str {
        match self {
            Self::Script => "vrrp_script",
            Self::File => "track_file",
            Self::Process => "vrrp_track_process",
            Self::Bfd => "bfd_instance",
        }
    }

    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::File => "file",
            Self::Process => "process",
            Self::Bfd => "session",
        }
    }

    /// The greatest weight.
    pub(super) const fn most(self) -> i64 {
        match self {
            Self::Script | Self::Bfd => 253,
            Self::File | Self::Process => 254,
        }
    }
}
