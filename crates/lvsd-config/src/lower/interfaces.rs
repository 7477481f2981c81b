//! What stands at the root about interfaces: `garp_group`, `interface_up_down_delays`; and `garp_extra_if`, which is about those that
//! adverts do not use.

use std::collections::HashMap;
use std::time::Duration;

use lvsd_model::{ExtraAddresses, ExtraGarp, GarpGroup, InterfaceName, LinkDelay};

use super::Lowering;
use super::common::{FOREVER, whole_seconds};
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// Where each interface has been named already.
type Named = HashMap<InterfaceName, Span>;

/// `garp_extra_if`: nothing was said, or `Some(None)` for 0.
pub(super) type ExtraDraft = Option<Option<ExtraGarp>>;

impl<'a> Lowering<'a> {
    pub(super) fn garp_groups(&mut self, blocks: impl Iterator<Item = &'a Statement>) {
        let mut named = Named::new();
        for block in blocks.filter(|block| block.row.name == "garp_group") {
            let group = self.inside("garp_group".to_owned(), |this| this.garp_group(block, &mut named));
            self.config.vrrp.garp_groups.extend(group);
        }
    }

    fn garp_group(&mut self, block: &'a Statement, named: &mut Named) -> Option<GarpGroup> {
        let mut group = GarpGroup { interfaces: Vec::new(), arp_interval: None, na_interval: None };
        self.check_repeated(block.block());
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            match statement.row.name {
                "garp_interval" => group.arp_interval = self.seconds(statement, 0, Duration::ZERO..=FOREVER),
                "gna_interval" => group.na_interval = self.seconds(statement, 0, Duration::ZERO..=FOREVER),
                "interface" => {
                    let word = self.word(statement, 0);
                    group.interfaces.extend(word.and_then(|word| self.once_named(word, named)));
                }
                _ => {
                    let entries = statement.entries().iter();
                    let words: Vec<_> = entries.flat_map(|entry| self.all_words(&entry.words)).collect();
                    group
                        .interfaces
                        .extend(words.into_iter().filter_map(|word| self.once_named(word, named)));
                }
            }
        }
        if group.interfaces.is_empty() {
            let message = "`garp_group` names no interface; it is ignored";
            let help = "add `interface <name>` or `interfaces { ... }`";
            self.report(Diagnostic::tolerated(Rule::MissingInterface, block.keyword, message).help(help));
            return None;
        }
        Some(group)
    }

    pub(super) fn link_delays(&mut self, statement: &'a Statement) {
        let mut named = Named::new();
        for entry in statement.entries() {
            let words = self.all_words(&entry.words);
            let Some((&first, rest)) = words.split_first() else { continue };
            let Some(interface) = self.once_named(first, &mut named) else { continue };
            if let Some(extra) = rest.get(2) {
                let message = format!("`{}` is more than an interface and two delays", extra.text);
                self.report(Diagnostic::tolerated(Rule::ExtraWord, extra.span, message).label("ignored"));
            }
            if rest.is_empty() {
                let message = format!("`{}` lacks its delays; the line is ignored", first.text);
                let help = format!("`{} <down s> [<up s>]`", first.text);
                self.report(Diagnostic::tolerated(Rule::MissingArgument, first.span, message).help(help));
                continue;
            }
            let mut delay =
                |at: usize| rest.get(at).and_then(|word| self.number_word(*word, 0..=255)).map(whole_seconds);
            let (down, up) = (delay(0).unwrap_or_default(), delay(1).unwrap_or_default());
            self.config.vrrp.link_delays.push(LinkDelay { interface, down, up });
        }
    }

    /// An interface that may stand there once only.
    fn once_named(&mut self, word: Word<'_>, named: &mut Named) -> Option<InterfaceName> {
        let interface = self.interface(word)?;
        let Some(before) = named.get(&interface) else {
            named.insert(interface.clone(), word.span);
            return Some(interface);
        };
        let message = format!("`{interface}` stands here twice; the first counts");
        let diagnostic = Diagnostic::tolerated(Rule::InterfaceTwice, word.span, message);
        self.report(diagnostic.label("ignored").also(*before, "the first time"));
        None
    }

    /// `[all] <seconds>`; `least` is 0 where that turns off what is said elsewhere.
    pub(super) fn extra_garp(&mut self, statement: &Statement, least: i64) -> ExtraDraft {
        let all = self.word(statement, 0).is_some_and(|word| word.text == "all");
        let which = if all { ExtraAddresses::All } else { ExtraAddresses::First };
        if all && statement.words.len() == 1 {
            let message = format!("`{}` lacks its period; it is ignored", statement.row.name);
            let help = format!("`{} all <seconds>`", statement.row.name);
            self.report(Diagnostic::tolerated(Rule::MissingArgument, statement.keyword, message).help(help));
            return None;
        }
        let seconds = self.integer(statement, usize::from(all), least..=86_400)?;
        let period = whole_seconds(seconds);
        Some((!period.is_zero()).then_some(ExtraGarp { period, which }))
    }
}
