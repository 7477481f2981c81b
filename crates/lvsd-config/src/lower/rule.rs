//! Lines of `virtual_rules` and `static_rules`.

use lvsd_model::{Family, FirewallMark, Prefix, Range, Rule as Policy, RuleAction};

use super::Lowering;
use super::line::{LeftOut, Line, Taken};
use super::names::{self, Kind};
use super::route::Written;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::keywords::Context;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::{Entry, Statement};

/// The preference of the first rule that has none; the next ones go down from here.
const FIRST_PREFERENCE: u32 = 16_384;

/// A rule as written.
#[derive(Default)]
struct Draft {
    family: Option<Family>,
    preference: Option<u32>,
    invert: bool,
    source: Option<Prefix>,
    destination: Option<Prefix>,
    tos: u8,
    mark: Option<FirewallMark>,
    input: Option<lvsd_model::InterfaceName>,
    output: Option<lvsd_model::InterfaceName>,
    tunnel: Option<u64>,
    users: Option<Range<u32>>,
    ip_protocol: Option<u8>,
    source_ports: Option<Range<u16>>,
    destination_ports: Option<Range<u16>>,
    realms: Option<lvsd_model::Realms>,
    suppress_prefix_len: Option<u8>,
    suppress_group: Option<u32>,
    action: Option<RuleAction>,
    protocol: Option<(u8, Span)>,
    no_track: bool,
    track_group: Option<(String, Span)>,
}

impl<'a> Lowering<'a> {
    /// All rules of a list.
    pub(super) fn rules(&mut self, statement: &'a Statement) -> Vec<Written<Policy>> {
        statement.entries().iter().filter_map(|entry| self.rule(entry).ok()).collect()
    }

    fn rule(&mut self, entry: &Entry) -> Taken<Written<Policy>> {
        let mut line = Line::new(self.all_words(&entry.words), "rule");
        let span = line.span().ok_or(LeftOut)?;
        let mut draft = Draft::default();
        while let Some(word) = line.next() {
            let row = self.option_row(&line, Context::RuleLine, word)?;
            let taken = self.rule_selector(&mut line, word, row.name, &mut draft)?
                || self.rule_limit(&mut line, word, row.name, &mut draft)?
                || self.rule_action(&mut line, word, row.name, &mut draft)?;
            debug_assert!(taken, "{} works, so it is lowered", row.name);
        }
        let track_group = draft.track_group.take();
        Ok(Written { object: self.finish_rule(&line, span, draft)?, span, track_group })
    }

    fn rule_selector(
        &mut self,
        line: &mut Line<'a>,
        word: Word<'a>,
        name: &str,
        draft: &mut Draft,
    ) -> Taken<bool> {
        match name {
            "inet" => draft.family = Some(Family::V4),
            "inet6" => draft.family = Some(Family::V6),
            "not" => draft.invert = true,
            "from" => draft.source = self.rule_network(line, word)?,
            "to" => draft.destination = self.rule_network(line, word)?,
            "tos" | "dsfield" => {
                let number = self.named(line, word, Kind::TypeOfService, 0..=255)?;
                draft.tos = u8::try_from(number).unwrap_or(u8::MAX);
            }
            "fwmark" => draft.mark = Some(self.firewall_mark(line, word)?),
            "dev" | "iif" => draft.input = Some(self.interface_of(line, word)?),
            "oif" => draft.output = Some(self.interface_of(line, word)?),
            "tunnel-id" => draft.tunnel = Some(self.number_of(line, word, 0..=i64::MAX)?),
            "uidrange" => draft.users = Some(self.interval(line, word, u32::MAX)?),
            "ipproto" => draft.ip_protocol = Some(self.ip_protocol(line, word)?),
            "sport" => draft.source_ports = Some(self.ports(line, word)?),
            "dport" => draft.destination_ports = Some(self.ports(line, word)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What a rule has beside selectors and action.
    fn rule_limit(
        &mut self,
        line: &mut Line<'a>,
        word: Word<'a>,
        name: &str,
        draft: &mut Draft,
    ) -> Taken<bool> {
        match name {
            "preference" | "order" | "priority" => {
                draft.preference = Some(self.number_of(line, word, 0..=i64::from(u32::MAX))?);
            }
            "realms" => draft.realms = Some(self.realms(line, word)?),
            "suppress_prefixlength" | "sup_pl" => {
                draft.suppress_prefix_len = Some(self.number_of(line, word, 0..=128)?);
            }
            "suppress_ifgroup" | "sup_group" => {
                // The kernel takes the numbers from 2^31 for none.
                draft.suppress_group = Some(self.named(line, word, Kind::Group, 0..=0x7fff_ffff)?);
            }
            "protocol" => {
                let number = self.named(line, word, Kind::Protocol, 0..=255)?;
                draft.protocol = Some((u8::try_from(number).unwrap_or(u8::MAX), word.span));
            }
            "no_track" => draft.no_track = true,
            "track_group" => {
                let name = self.value(line, word)?;
                draft.track_group = Some((name.text.to_owned(), name.span));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn rule_action(
        &mut self,
        line: &mut Line<'a>,
        word: Word<'a>,
        name: &str,
        draft: &mut Draft,
    ) -> Taken<bool> {
        let action = match name {
            "table" | "lookup" => RuleAction::Table(self.named(line, word, Kind::Table, 1..=u32::MAX)?),
            "goto" => RuleAction::Goto(self.number_of(line, word, 1..=i64::from(u32::MAX))?),
            "l3mdev" => RuleAction::L3mdev,
            "nop" => RuleAction::Nop,
            "blackhole" => RuleAction::Blackhole,
            "unreachable" => RuleAction::Unreachable,
            "prohibit" => RuleAction::Prohibit,
            "type" => {
                let named = ["goto", "nop", "blackhole", "unreachable", "prohibit"];
                if line.peek().is_some_and(|next| named.contains(&next.text)) {
                    return Ok(true);
                }
                let message = "`type` is not followed by an action".to_owned();
                let help = Some(format!("one of {}", named.join(", ")));
                return self.leave_out(line, Rule::BadValue, word.span, message, help);
            }
            _ => return Ok(false),
        };
        if draft.action.replace(action).is_some() {
            let message = "there are two actions".to_owned();
            let help = Some(
                "a rule has one of table, goto, l3mdev, nop, blackhole, unreachable, prohibit".to_owned(),
            );
            return self.leave_out(line, Rule::BadRule, word.span, message, help);
        }
        Ok(true)
    }

    /// A prefix, or `None` for everything.
    fn rule_network(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<Option<Prefix>> {
        let word = self.value(line, option)?;
        if matches!(word.text, "all" | "any" | "default") {
            return Ok(None);
        }
        self.network(line, word).map(Some)
    }

    fn firewall_mark(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<FirewallMark> {
        let word = self.value(line, option)?;
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        };
        let mark = match word.text.split_once('/') {
            Some((value, mask)) => number(value).zip(number(mask)).map(|(value, mask)| (value, Some(mask))),
            None => number(word.text).map(|value| (value, None)),
        };
        match mark {
            Some((value, mask)) => Ok(FirewallMark { value, mask }),
            None => {
                let message = format!("`{}` is no firewall mark", word.text);
                let help = Some("a number, or a number and a mask such as 0x10/0xf0".to_owned());
                self.leave_out(line, Rule::BadNumber, word.span, message, help)
            }
        }
    }

    /// `A-B`, or one number.
    fn interval(&mut self, line: &mut Line<'a>, option: Word<'_>, most: u32) -> Taken<Range<u32>> {
        let word = self.value(line, option)?;
        let (first, last) = word.text.split_once('-').unwrap_or((word.text, word.text));
        let ends = first.parse().ok().zip(last.parse().ok());
        let range =
            ends.and_then(|(first, last)| Range::new(first, last)).filter(|range| range.last() <= most);
        match range {
            Some(range) => Ok(range),
            None => {
                let message = format!("`{}` is no range", word.text);
                let help = Some(format!("two numbers up to {most}, the smaller one first: `1000-2000`"));
                self.leave_out(line, Rule::BadNumber, word.span, message, help)
            }
        }
    }

    fn ports(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<Range<u16>> {
        let range = self.interval(line, option, 65_535)?;
        let port = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Range::new(port(range.first()), port(range.last())).ok_or(LeftOut)
    }

    fn ip_protocol(&mut self, line: &mut Line<'a>, option: Word<'_>) -> Taken<u8> {
        let word = self.value(line, option)?;
        match names::ip_protocol(word.text) {
            Some(number) => Ok(number),
            None => {
                let message = format!("`{}` is no IP protocol", word.text);
                let help = Some("a number, or a name such as tcp or udp".to_owned());
                self.leave_out(line, Rule::UnknownName, word.span, message, help)
            }
        }
    }

    fn finish_rule(&mut self, line: &Line<'_>, span: Span, draft: Draft) -> Taken<Policy> {
        let Some(action) = draft.action else {
            let message = "there is no action".to_owned();
            let help = Some("add `table <table>`, or another action".to_owned());
            return self.leave_out(line, Rule::BadRule, span, message, help);
        };
        let of_addresses = draft.source.or(draft.destination).map(Prefix::family);
        let family = draft.family.or(of_addresses).unwrap_or(Family::V4);
        self.same_family(line, family, draft.source.map(Prefix::family), "`from`")?;
        self.same_family(line, family, draft.destination.map(Prefix::family), "`to`")?;
        if family == Family::V6 && draft.realms.is_some() {
            let message = format!("`realms` is for {} only", Family::V4);
            return self.leave_out(line, Rule::FamilyMismatch, span, message, None);
        }
        if draft.tos & 0x03 != 0 {
            let message =
                "a type of service has no bits in the two lowest places, which are ECN's".to_owned();
            return self.leave_out(line, Rule::OutOfRange, span, message, None);
        }
        let preference = draft.preference.unwrap_or_else(|| self.assigned_preference(span));
        if let RuleAction::Goto(target) = action
            && target <= preference
        {
            let message = format!("`goto {target}` leads back: the rule itself has preference {preference}");
            return self.leave_out(line, Rule::BadRule, span, message, None);
        }
        Ok(Policy {
            family,
            preference,
            invert: draft.invert,
            source: draft.source,
            destination: draft.destination,
            tos: draft.tos,
            mark: draft.mark,
            input: draft.input,
            output: draft.output,
            tunnel: draft.tunnel,
            users: draft.users,
            ip_protocol: draft.ip_protocol,
            source_ports: draft.source_ports,
            destination_ports: draft.destination_ports,
            realms: draft.realms,
            suppress_prefix_len: draft.suppress_prefix_len,
            suppress_group: draft.suppress_group,
            action,
            protocol: self.owner(draft.protocol, draft.no_track, "rule"),
            no_track: draft.no_track,
        })
    }

    fn assigned_preference(&mut self, span: Span) -> u32 {
        let preference = FIRST_PREFERENCE.saturating_sub(self.assigned_preferences);
        self.assigned_preferences = self.assigned_preferences.saturating_add(1);
        let message = format!("the rule has no preference; taken as {preference}");
        let help =
            "add `preference <number>`: which rule goes first should not follow from the order of lines";
        self.report(Diagnostic::tolerated(Rule::MissingPreference, span, message).help(help));
        preference
    }
}
