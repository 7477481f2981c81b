//! `bfd_instance`, and the check that follows a session.

use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::Duration;

use lvsd_model::{
    BfdAudience, BfdCheck, BfdInterval, BfdPath, BfdRole, BfdSession, Check, CheckKind, CheckTiming, Family,
    TrackWeight,
};

use super::Lowering;
use super::check::CheckContext;
use super::common::{small, unsigned};
use super::track::Kind;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::Statement;

/// Longest name that the peer takes, in bytes.
const NAME_MAX: usize = 31;
/// Between two runs of a check that itself lasts until there is news.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// What a block says, as far as it says it.
#[derive(Default)]
struct Draft<'a> {
    neighbor: Option<(IpAddr, Span)>,
    source: Option<(IpAddr, Word<'a>)>,
    min_rx: Option<BfdInterval>,
    min_tx: Option<BfdInterval>,
    idle_tx: Option<BfdInterval>,
    multiplier: Option<NonZeroU8>,
    passive: bool,
    ttl: Option<NonZeroU8>,
    /// `Some(None)`: any number of hops.
    max_hops: Option<Option<u8>>,
    multihop: bool,
    effect: TrackWeight,
    vrrp: bool,
    checker: bool,
}

impl<'a> Lowering<'a> {
    /// `bfd_instance`.
    pub(super) fn bfd_instance(&mut self, statement: &'a Statement, order: usize) {
        let Some(name) = self.word(statement, 0).filter(|_| self.accept(statement)) else { return };
        let index = self.config.bfd.sessions.len();
        if !self.define(Kind::Bfd, name, order, index) {
            return;
        }
        if name.text.len() > NAME_MAX {
            let message = format!("the name has more than {NAME_MAX} bytes, which keepalived does not take");
            self.report(Diagnostic::tolerated(Rule::OutOfRange, name.span, message));
        }
        let mut draft = Draft::default();
        self.check_repeated(statement.block());
        for inner in statement.block() {
            if self.accept(inner) {
                self.bfd_statement(inner, &mut draft);
            }
        }
        match self.bfd_session(name, draft) {
            Some(session) => self.config.bfd.sessions.push(session),
            None => drop(self.tracked.remove(&(Kind::Bfd, name.text))),
        }
    }

    fn bfd_statement(&mut self, inner: &'a Statement, draft: &mut Draft<'a>) {
        match inner.row.name {
            "neighbor_ip" | "neighbour_ip" => {
                let Some(word) = self.word(inner, 0) else { return };
                draft.neighbor = self.address(word).map(|address| (address, word.span));
            }
            "source_ip" => {
                let Some(word) = self.word(inner, 0) else { return };
                draft.source = self.address(word).map(|address| (address, word));
            }
            "min_rx" => draft.min_rx = self.bfd_interval(inner, 1).or(draft.min_rx),
            "min_tx" => draft.min_tx = self.bfd_interval(inner, 1).or(draft.min_tx),
            "idle_tx" => draft.idle_tx = self.bfd_interval(inner, 1000).or(draft.idle_tx),
            "multiplier" => draft.multiplier = self.small_positive(inner).or(draft.multiplier),
            "ttl" | "hoplimit" => draft.ttl = self.small_positive(inner).or(draft.ttl),
            "max_hops" => {
                let hops = self.integer(inner, 0, -1..=255);
                draft.max_hops = hops.map(|hops| (0..255).contains(&hops).then(|| small(hops)));
            }
            "passive" => draft.passive = true,
            "multihop" => draft.multihop = self.boolean(inner).unwrap_or(draft.multihop),
            "weight" => draft.effect = self.weight_words(inner, Kind::Bfd.most()).unwrap_or(draft.effect),
            "vrrp" => draft.vrrp = true,
            "checker" => draft.checker = true,
            other => debug_assert!(false, "{other} works, so it is lowered"),
        }
    }

    fn bfd_interval(&mut self, inner: &Statement, least: i64) -> Option<BfdInterval> {
        let millis = self.integer(inner, 0, least..=i64::from(BfdInterval::MAX_MILLIS))?;
        BfdInterval::from_millis(unsigned(millis)).ok()
    }

    fn small_positive(&mut self, inner: &Statement) -> Option<NonZeroU8> {
        self.integer(inner, 0, 1..=255).and_then(|number| NonZeroU8::new(small(number)))
    }

    /// The session that a block describes; `None`, which was said, when there can be none.
    fn bfd_session(&mut self, name: Word<'a>, draft: Draft<'a>) -> Option<BfdSession> {
        let ignored = |message: String| {
            Diagnostic::tolerated(Rule::TrackerIncomplete, name.span, format!("{message}; it is ignored"))
        };
        let Some((neighbor, written)) = draft.neighbor else {
            let message = format!("the BFD session `{}` has no neighbour", name.text);
            self.report(ignored(message).help("add `neighbor_ip <address>`"));
            return None;
        };
        if matches!(neighbor, IpAddr::V6(address) if address.is_unicast_link_local()) {
            let message = format!("the neighbour of the BFD session `{}` is on any link or none", name.text);
            let help = "give an address that is not link-local: nothing here names an interface";
            self.report(ignored(message).label("ignored").also(written, "link-local").help(help));
            return None;
        }
        let source = self.bfd_source(neighbor, draft.source);
        let path = if draft.multihop { BfdPath::Multihop } else { BfdPath::SingleHop };
        let ttl = draft.ttl.unwrap_or(NonZeroU8::MAX);
        // A neighbour behind routers may be any number of them away (RFC 5883 §5).
        let max_hops = draft.max_hops.unwrap_or(if draft.multihop { None } else { Some(0) });
        let audience = match (draft.vrrp, draft.checker) {
            (true, false) => BfdAudience::Vrrp,
            (false, true) => BfdAudience::Checker,
            (true, true) | (false, false) => BfdAudience::All,
        };
        let session = BfdSession {
            name: name.text.to_owned(),
            neighbor,
            source,
            path,
            min_rx: draft.min_rx.unwrap_or(BfdInterval::DEFAULT),
            min_tx: draft.min_tx.unwrap_or(BfdInterval::DEFAULT),
            idle_tx: draft.idle_tx.unwrap_or(BfdInterval::SECOND),
            multiplier: draft.multiplier.unwrap_or(BfdSession::DEFAULT_MULTIPLIER),
            role: if draft.passive { BfdRole::Passive } else { BfdRole::Active },
            ttl,
            least_ttl: max_hops.map_or(0, |hops| ttl.get().saturating_sub(hops)),
            audience,
            effect: draft.effect,
        };
        self.is_distinct(name, &session).then_some(session)
    }

    fn bfd_source(&mut self, neighbor: IpAddr, source: Option<(IpAddr, Word<'a>)>) -> Option<IpAddr> {
        let (source, word) = source?;
        if Family::of(source) != Family::of(neighbor) {
            let message = format!("the neighbour is of {}; this source is ignored", Family::of(neighbor));
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, word.span, message));
            return None;
        }
        Some(source)
    }

    /// Whether packets for the session can be told from those for the others.
    fn is_distinct(&mut self, name: Word<'a>, session: &BfdSession) -> bool {
        let ends = |session: &BfdSession| (session.neighbor, session.source, session.path);
        let before = self.config.bfd.sessions.iter().find(|other| ends(other) == ends(session));
        let Some(before) = before.map(|before| before.name.clone()) else { return true };
        let message = format!("this is the BFD session `{before}` once more; it is ignored");
        let first = self.tracked.get(&(Kind::Bfd, before.as_str())).map(|defined| defined.span);
        let help = format!("use `{before}` wherever this one is named");
        let diagnostic = Diagnostic::tolerated(Rule::DuplicateSession, name.span, message).help(help);
        self.report(match first {
            Some(first) => diagnostic.also(first, "the first one"),
            None => diagnostic,
        });
        false
    }

    /// `BFD_CHECK`.
    pub(super) fn bfd_check(&mut self, block: &'a Statement, context: &CheckContext) -> Option<Check> {
        let (mut name, mut alpha) = (None, context.alpha);
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            match statement.row.name {
                "name" => name = self.word(statement, 0),
                _ => alpha = self.boolean(statement).unwrap_or(alpha),
            }
        }
        let Some(name) = name else {
            let message = "BFD_CHECK names no session; it is ignored, and the server counts as up without it";
            let help = "add `name <bfd_instance>`";
            self.report(Diagnostic::tolerated(Rule::CheckIncomplete, block.keyword, message).help(help));
            return None;
        };
        let Some(session) = self.session_of(name).cloned() else {
            let message = format!("there is no bfd_instance `{}`: the check is ignored", name.text);
            let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message);
            let names = self.tracked.keys().filter(|(kind, _)| *kind == Kind::Bfd).map(|(_, name)| *name);
            self.report(match suggest::nearest(name.text, names) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("define `bfd_instance {} {{ ... }}`", name.text)),
            });
            return None;
        };
        self.used.insert((Kind::Bfd, name.text));
        if !session.audience.has_checker() {
            self.deaf(name, "checks", "checker");
            return None;
        }
        let timing = CheckTiming {
            interval: CHECK_INTERVAL,
            retry: 0,
            retry_delay: CHECK_INTERVAL,
            warmup: Duration::ZERO,
        };
        let kind = CheckKind::Bfd(BfdCheck { session: session.name });
        Some(Check { kind, timing, alpha, log_all_failures: context.log_all_failures })
    }

    /// The session that a reference names.
    pub(super) fn session_of(&self, name: Word<'_>) -> Option<&BfdSession> {
        let defined = self.tracked.get(&(Kind::Bfd, name.text))?;
        self.config.bfd.sessions.get(defined.index)
    }

    /// Whether trackers hear of a session; said if not.
    pub(super) fn tells_trackers(&mut self, name: Word<'_>) -> bool {
        let tells = self.session_of(name).is_none_or(|session| session.audience.has_vrrp());
        if !tells {
            self.deaf(name, "trackers", "vrrp");
        }
        tells
    }

    fn deaf(&mut self, name: Word<'_>, who: &str, keyword: &str) {
        let message = format!("the BFD session `{}` does not tell {who}; this is ignored", name.text);
        let help = format!("add `{keyword}` to the bfd_instance, or name neither `vrrp` nor `checker` there");
        self.report(Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message).help(help));
    }

    /// Names sessions that nothing uses.
    pub(super) fn check_sessions(&mut self) {
        let unused = self.tracked.iter().filter(|(key, _)| key.0 == Kind::Bfd && !self.used.contains(*key));
        let unused: Vec<_> = unused.map(|(&(_, name), defined)| (name, defined.span)).collect();
        for (name, span) in unused {
            let message = format!("nothing uses the BFD session `{name}`");
            let help = format!("add `track_bfd {{ {name} }}` to an instance, or a BFD_CHECK to a server");
            self.report(Diagnostic::hint(Rule::UnusedDefinition, span, message).help(help));
        }
    }
}
