//! `nftables_ipvs` and its kin, and `net_namespace_ipvs`.

use std::num::NonZeroU32;

use lvsd_model::{IpvsNamespace, Marking};

use super::Lowering;
use super::common::unsigned;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// What was written.
#[derive(Clone, Debug, Default)]
pub(super) struct MarkingDraft {
    /// Where it is wanted.
    wanted: Option<Span>,
    table: Option<String>,
    priority: Option<(i32, Span)>,
    first: Option<(NonZeroU32, Span)>,
    pub(super) counters: bool,
}

impl Lowering<'_> {
    /// Takes a statement that is about it; false if it is not.
    pub(super) fn marking(&mut self, statement: &Statement) -> bool {
        let at = statement.keyword;
        match statement.row.name {
            "nftables_ipvs" => {
                self.marking.wanted = Some(at);
                let name = self.word(statement, 0).and_then(|word| self.table_name(word));
                self.marking.table = name.or_else(|| self.marking.table.take());
            }
            "nftables_ipvs_priority" => {
                let number = self.integer(statement, 0, i64::from(i32::MIN)..=i64::from(i32::MAX));
                let number = number.and_then(|number| i32::try_from(number).ok());
                self.marking.priority = number.map(|number| (number, at)).or(self.marking.priority);
            }
            "nftables_ipvs_start_fwmark" => {
                let number = self.integer(statement, 0, 1..=i64::from(u32::MAX)).map(unsigned);
                let number = number.and_then(NonZeroU32::new);
                self.marking.first = number.map(|number| (number, at)).or(self.marking.first);
            }
            _ => return false,
        }
        true
    }

    /// `net_namespace_ipvs`.
    pub(super) fn ipvs_namespace(&mut self, statement: &Statement) {
        let name = self.word(statement, 0).map(|word| word.text.to_owned());
        self.config.lvs.namespace = Some(name.map_or(IpvsNamespace::Host, IpvsNamespace::Named));
    }

    /// What follows, once all of it has been read.
    pub(super) fn finish_marking(&mut self) {
        let draft = std::mem::take(&mut self.marking);
        if self.config.lvs.namespace.as_ref().is_some_and(|namespace| {
            matches!((namespace, &self.config.globals.net_namespace), (IpvsNamespace::Named(name), Some(own)) if name == own)
        }) {
            // Where the processes are anyway.
            self.config.lvs.namespace = None;
        }
        let Some(at) = draft.wanted else {
            let settings = draft.priority.map(|(_, at)| at).into_iter().chain(draft.first.map(|(_, at)| at));
            for at in settings.collect::<Vec<_>>() {
                let message = "without nftables_ipvs no marks are given, so this means nothing";
                self.report(Diagnostic::hint(Rule::NoEffect, at, message).help("add `nftables_ipvs`"));
            }
            return;
        };
        let mut table = draft.table.unwrap_or_else(|| Marking::TABLE.to_owned());
        if table == self.config.vrrp.firewall.table {
            let message =
                format!("the table `{table}` is that of nftables; this one is called `{table}_ipvs`");
            let help = "each of the two is replaced as a whole, so they need names of their own";
            self.report(Diagnostic::tolerated(Rule::BadName, at, message).help(help));
            table.push_str("_ipvs");
        }
        self.config.lvs.marking = Some(Marking {
            table,
            priority: draft.priority.map_or(Marking::PRIORITY, |(priority, _)| priority),
            first: draft.first.map_or(Marking::FIRST, |(first, _)| first),
            counters: draft.counters,
        });
    }
}
