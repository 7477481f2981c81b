//! How the servers of a `virtual_server` come and go: `min_up`, `drain_timeout`, `slow_start`.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use lvsd_model::{CheckKind, MinUp, RealServer, Turnover};

use super::Lowering;
use super::common::{small, unsigned};
use super::endpoints::Target;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// How long a drain may take.
const DRAIN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(604_800);
/// How long a slow start may take.
const SLOW_START: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// The weight that has as many steps as a slow start.
const STEPS: u32 = 10;

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TurnoverDraft {
    min_up: Option<(MinUp, Span)>,
    drain_timeout: Option<Duration>,
    slow_start: Option<(Duration, Span)>,
    suspend: Option<Span>,
}

impl Lowering<'_> {
    /// Takes a statement that is about it; false if it is not.
    pub(super) fn turnover(&mut self, statement: &Statement, draft: &mut TurnoverDraft) -> bool {
        let Some(word) = self.word(statement, 0) else {
            let is_suspend = statement.row.name == "ha_suspend";
            draft.suspend = Some(statement.keyword).filter(|_| is_suspend).or(draft.suspend);
            return is_suspend;
        };
        match statement.row.name {
            "min_up" => draft.min_up = self.min_up(word).map(|min_up| (min_up, word.span)).or(draft.min_up),
            "drain_timeout" => draft.drain_timeout = self.seconds_word(word, DRAIN).or(draft.drain_timeout),
            "slow_start" => {
                let span = self.seconds_word(word, SLOW_START);
                draft.slow_start = span.map(|span| (span, word.span)).or(draft.slow_start);
            }
            // Words behind it have been told of.
            "ha_suspend" => draft.suspend = Some(statement.keyword),
            _ => return false,
        }
        true
    }

    /// `50%`, or a number of servers.
    fn min_up(&mut self, word: Word<'_>) -> Option<MinUp> {
        match word.text.strip_suffix('%') {
            Some(text) => {
                let number = Word { text, span: word.span.part(0, text.len()) };
                let percent = self.number_word(number, 1..=100)?;
                Some(MinUp::Percent(small(percent)))
            }
            None => {
                let count = self.number_word(word, 1..=i64::from(u32::MAX))?;
                NonZeroU32::new(unsigned(count)).map(MinUp::Servers)
            }
        }
    }

    /// What follows for the service, with what there is to say about it.
    pub(super) fn finish_turnover(
        &mut self,
        draft: TurnoverDraft,
        name: &str,
        targets: &[Target],
        servers: &[RealServer],
    ) -> (bool, Turnover) {
        if let Some((MinUp::Servers(count), span)) = draft.min_up
            && usize::try_from(count.get()).is_ok_and(|count| count > servers.len())
        {
            let message = format!("there are only {} real servers; min_up is taken as that", servers.len());
            self.report(Diagnostic::tolerated(Rule::OutOfRange, span, message));
        }
        if let Some((_, span)) = draft.slow_start
            && servers.iter().all(|server| server.weight.get() < STEPS && !is_dynamic(server))
        {
            let message = format!("the weights are too small to grow in {STEPS} steps");
            let help = format!("give servers weights of {STEPS} or more: only their proportion matters");
            self.report(Diagnostic::hint(Rule::NoEffect, span, message).help(help));
        }
        if let Some(span) = draft.suspend
            && targets.iter().all(|target| matches!(target, Target::Fwmark(..)))
        {
            let message = "a mark has no address that could be elsewhere, so its checks never rest";
            self.report(Diagnostic::hint(Rule::NoEffect, span, message));
        }
        let turnover = Turnover {
            min_up: draft.min_up.map(|(min_up, _)| min_up),
            drain_timeout: draft.drain_timeout,
            slow_start: draft.slow_start.map(|(span, _)| span),
        };
        let suspend = draft.suspend.is_some_and(|span| self.may_suspend(name, span));
        (suspend, turnover)
    }
}

/// Whether a check decides its weight.
fn is_dynamic(server: &RealServer) -> bool {
    server.checks.iter().any(|check| match &check.kind {
        CheckKind::Misc(misc) => misc.dynamic,
        CheckKind::File(file) => file.factor != 0,
        _ => false,
    })
}
