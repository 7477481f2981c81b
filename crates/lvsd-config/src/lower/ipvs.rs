//! `lvs_timeouts` and `lvs_sync_daemon`.

use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use lvsd_model::{ConnectionTimeouts, FollowingSyncDaemon, SyncDaemon};

use super::Lowering;
use super::common::{small, unsigned};
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::tree::Statement;

/// 31 days: what the kernel takes.
const LONGEST_TIMEOUT: i64 = 2_678_400;
/// The largest payload of a UDP datagram over IPv4.
const LONGEST_PAYLOAD: i64 = 65_507;

/// `lvs_sync_daemon`, before it is known whether its instance exists.
#[derive(Clone, Debug)]
pub(super) struct SyncDraft<'a> {
    instance: Option<Word<'a>>,
    id: Option<u8>,
    daemon: SyncDaemon,
}

impl<'a> Lowering<'a> {
    pub(super) fn lvs_timeouts(&mut self, statement: &Statement) {
        let mut timeouts = ConnectionTimeouts::default();
        let words = self.all_words(&statement.words);
        let mut rest = words.iter();
        while let Some(&name) = rest.next() {
            let names =
                [("tcp", &mut timeouts.tcp), ("tcpfin", &mut timeouts.tcp_fin), ("udp", &mut timeouts.udp)];
            let Some((_, field)) = names.into_iter().find(|(known, _)| *known == name.text) else {
                self.unknown_setting(name, &["tcp", "tcpfin", "udp"]);
                // Its value would be the next to be misunderstood.
                rest.next();
                continue;
            };
            let Some(value) = self.option_value(name, rest.next(), 0..=LONGEST_TIMEOUT) else { continue };
            *field = NonZeroU32::new(unsigned(value));
        }
        self.config.lvs.timeouts = Some(timeouts);
    }

    pub(super) fn lvs_sync_daemon(&mut self, statement: &Statement) {
        let words = self.all_words(&statement.words);
        let mut rest = words.iter().copied().peekable();
        let Some(interface) = rest.next().and_then(|word| self.interface(word)) else { return };
        let daemon = SyncDaemon { interface, id: 0, max_len: None, group: None, port: None, ttl: None };
        let mut draft = SyncDraft { instance: None, id: None, daemon };
        // A bare word in the second place is the instance.
        if let Some(&word) = rest.peek()
            && !SYNC_OPTIONS.contains(&word.text)
        {
            draft.instance = rest.next();
        }
        while let Some(name) = rest.next() {
            self.sync_option(&mut draft, name, &mut rest);
        }
        self.sync_draft = Some(draft);
    }

    fn sync_option(
        &mut self,
        draft: &mut SyncDraft<'a>,
        name: Word<'a>,
        rest: &mut impl Iterator<Item = Word<'a>>,
    ) {
        let daemon = &mut draft.daemon;
        let mut number = |range| self.option_value(name, rest.next().as_ref(), range);
        match name.text {
            "id" => draft.id = number(0..=255).map(small),
            "maxlen" => daemon.max_len = number(1..=LONGEST_PAYLOAD).and_then(port),
            "port" => daemon.port = number(1..=65_535).and_then(port),
            "ttl" => daemon.ttl = number(1..=255).and_then(|ttl| NonZeroU8::new(small(ttl))),
            "inst" => draft.instance = rest.next(),
            "group" => {
                let Some(group) = rest.next().and_then(|word| Some((word, self.address(word)?))) else {
                    return;
                };
                if group.1.is_multicast() {
                    daemon.group = Some(group.1);
                } else {
                    let message = format!("`{}` is no multicast address; it is ignored", group.0.text);
                    self.report(Diagnostic::tolerated(Rule::BadAddress, group.0.span, message));
                }
            }
            _ => {
                self.unknown_setting(name, SYNC_OPTIONS);
                // Its value would be the next to be misunderstood.
                rest.next();
            }
        }
    }

    /// The daemon in its place, once the instances are known.
    pub(super) fn finish_sync_daemon(&mut self) {
        let Some(SyncDraft { instance, id, mut daemon }) = self.sync_draft.take() else { return };
        let Some(name) = instance else {
            daemon.id = id.unwrap_or(0);
            self.config.lvs.sync_daemon = Some(daemon);
            return;
        };
        let found = self.config.vrrp.instances.iter().find(|instance| instance.name == name.text);
        let Some(vrid) = found.map(|instance| instance.vrid) else {
            let message = format!("there is no vrrp_instance `{}`: no sync daemon runs", name.text);
            let help = "name an instance, or leave it out to send and receive all the time";
            self.report(Diagnostic::tolerated(Rule::UnresolvedTracker, name.span, message).help(help));
            return;
        };
        daemon.id = id.unwrap_or_else(|| vrid.get());
        let namespace = self.config.lvs.namespace.clone();
        let instance = name.text.to_owned();
        self.config.vrrp.sync_daemon = Some(FollowingSyncDaemon { instance, daemon, namespace });
    }

    /// The number behind an option of a line; what is wrong with it is told.
    fn option_value(
        &mut self,
        name: Word<'_>,
        value: Option<&Word<'_>>,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let Some(&value) = value else {
            let message = format!("`{}` lacks its value; it is ignored", name.text);
            self.report(Diagnostic::tolerated(Rule::MissingArgument, name.span, message));
            return None;
        };
        self.number_word(value, range)
    }

    fn unknown_setting(&mut self, word: Word<'_>, names: &[&str]) {
        let choices: Vec<_> = names.iter().map(|&name| (name, ())).collect();
        self.choice(word, &choices);
    }
}

const SYNC_OPTIONS: &[&str] = &["inst", "id", "maxlen", "port", "ttl", "group"];

/// A number that is known to fit.
fn port(value: i64) -> Option<NonZeroU16> {
    u16::try_from(value).ok().and_then(NonZeroU16::new)
}
