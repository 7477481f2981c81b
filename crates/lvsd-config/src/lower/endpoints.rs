//! What packets a virtual server takes: its own address or mark, or those of a group.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

use lvsd_model::{Endpoint, Family};

use super::Lowering;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Entry, Statement};

/// How many services all groups together may stand for.
const MAX_ENDPOINTS: usize = 100_000;

/// One line of a group or the head of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(SocketAddr),
    /// A mark, with its family if that is written.
    Fwmark(NonZeroU32, Option<Family>),
}

impl Target {
    /// The endpoint, with a family for marks that have none of their own.
    pub(super) fn endpoint(self, family: Family) -> Endpoint {
        match self {
            Self::Address(address) => Endpoint::Address(address),
            Self::Fwmark(mark, own) => Endpoint::Fwmark { mark, family: own.unwrap_or(family) },
        }
    }

    /// The family that is certain without looking at real servers.
    pub(super) fn family(self) -> Option<Family> {
        match self {
            Self::Address(address) => Some(Family::of(address.ip())),
            Self::Fwmark(_, family) => family,
        }
    }
}

/// A `virtual_server_group`.
#[derive(Clone, Debug)]
pub(super) struct Group {
    span: Span,
    targets: Vec<Target>,
    used: bool,
}

/// All groups by name.
pub(super) type Groups<'a> = HashMap<&'a str, Group>;

/// The head of a virtual server.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// What it is called.
    pub(super) name: String,
    /// The words that say what it is.
    pub(super) span: Span,
    pub(super) targets: Vec<Target>,
}

impl<'a> Lowering<'a> {
    pub(super) fn groups(&mut self, statements: &'a [Statement]) -> Groups<'a> {
        let mut groups = Groups::new();
        let mut room = MAX_ENDPOINTS;
        for block in statements.iter().filter(|statement| statement.row.name == "virtual_server_group") {
            let Some(name) = self.word(block, 0) else { continue };
            if let Some(before) = groups.get(name.text) {
                let message = format!("there are two groups `{}`; this one is skipped", name.text);
                let diagnostic = Diagnostic::tolerated(Rule::DuplicateName, name.span, message);
                let before = before.span;
                self.report(diagnostic.also(before, "the first one"));
                continue;
            }
            let mut targets = Vec::new();
            for entry in block.entries() {
                self.group_line(entry, &mut targets, &mut room);
            }
            if targets.is_empty() {
                let message = format!("the group `{}` has no members", name.text);
                self.report(Diagnostic::tolerated(Rule::EmptyGroup, name.span, message));
            }
            groups.insert(name.text, Group { span: name.span, targets, used: false });
        }
        groups
    }

    /// Names groups that no virtual server uses.
    pub(super) fn unused_groups(&mut self, groups: &Groups<'a>) {
        for (name, group) in groups.iter().filter(|(_, group)| !group.used) {
            let message = format!("no virtual server uses the group `{name}`");
            let help = format!("write `virtual_server group {name} {{ ... }}`");
            self.report(Diagnostic::hint(Rule::UnusedGroup, group.span, message).help(help));
        }
    }

    fn group_line(&mut self, entry: &Entry, targets: &mut Vec<Target>, room: &mut usize) {
        let words = self.all_words(&entry.words);
        let Some((&first, rest)) = words.split_first() else { return };
        let used = if first.text == "fwmark" {
            targets.extend(rest.first().and_then(|&mark| self.mark(mark, rest.get(1).copied())));
            2
        } else {
            let port = match rest.first() {
                Some(&word) => match self.port(word) {
                    Some(port) => port,
                    None => return,
                },
                None => 0,
            };
            self.range(first, port, targets, room);
            1
        };
        if let Some(extra) = rest.get(used) {
            let message = "these words are ignored; a line holds one address or range and a port";
            self.report(Diagnostic::tolerated(Rule::ExtraWord, extra.span, message));
        }
    }

    /// `address`, `address-end` or `address/prefix`.
    fn range(&mut self, word: Word<'_>, port: u16, targets: &mut Vec<Target>, room: &mut usize) {
        let bounds = if let Some((start, end)) = word.text.split_once('-') {
            let start = self.address(Word { text: start, span: word.span.part(0, start.len()) });
            start.and_then(|start| range_end(start, end).map(|end| (start, end)))
        } else if let Some((start, prefix)) = word.text.split_once('/') {
            let start = self.address(Word { text: start, span: word.span.part(0, start.len()) });
            let network = start.and_then(|start| network(start, prefix));
            if let (Some(written), Some((first, last))) = (start, network) {
                self.check_host_bits(word, written, first, last);
            }
            network
        } else {
            self.address(word).map(|address| (address, address))
        };
        let Some((start, end)) = bounds else {
            if word.text.contains(['-', '/']) {
                let message = format!("`{}` is no range of addresses", word.text);
                let help = "write 192.0.2.10-20, 192.0.2.0/28 or 2001:db8::10-1f";
                self.report(Diagnostic::error(Rule::BadAddress, word.span, message).help(help));
            }
            return;
        };
        let (first, last) = (number(start), number(end));
        let count = last.saturating_sub(first).saturating_add(1);
        if usize::try_from(count).is_ok_and(|count| count <= *room) {
            *room -= usize::try_from(count).unwrap_or(0);
            let family = Family::of(start);
            targets
                .extend((first..=last).map(|n| Target::Address(SocketAddr::new(address(n, family), port))));
            return;
        }
        let message =
            format!("`{}` is more addresses than the {MAX_ENDPOINTS} that all groups may have", word.text);
        let help = "use a firewall mark for so many";
        self.report(Diagnostic::error(Rule::TooManyAddresses, word.span, message).help(help));
    }

    fn check_host_bits(&mut self, word: Word<'_>, written: IpAddr, first: IpAddr, last: IpAddr) {
        if written == first {
            return;
        }
        let message = format!("`{}` stands for the whole network, {first} to {last}", word.text);
        let prefix = word.text.split_once('/').map_or("", |(_, prefix)| prefix);
        let help = format!("write `{first}/{prefix}`, or `{written}` for the one address");
        self.report(Diagnostic::hint(Rule::HostBits, word.span, message).help(help));
    }

    fn mark(&mut self, word: Word<'_>, family: Option<Word<'_>>) -> Option<Target> {
        let mark = self.number_word(word, 1..=i64::from(u32::MAX))?;
        let families = [("inet", Family::V4), ("inet6", Family::V6)];
        let family = family.and_then(|word| self.choice(word, &families));
        NonZeroU32::new(u32::try_from(mark).ok()?).map(|mark| Target::Fwmark(mark, family))
    }

    /// The words behind `virtual_server`.
    pub(super) fn head(&mut self, block: &Statement, groups: &mut Groups<'a>) -> Option<Head> {
        let first = self.word(block, 0)?;
        let second = self.word(block, 1);
        let span = second.map_or(first.span, |word| {
            if word.span.file == first.span.file { first.span.to(word.span) } else { first.span }
        });
        match (first.text, second) {
            ("fwmark" | "group", None) => {
                let message = format!("`virtual_server {}` lacks a word", first.text);
                self.report(Diagnostic::error(Rule::MissingArgument, first.span, message));
                None
            }
            ("fwmark", Some(word)) => {
                let target = self.mark(word, None);
                if target.is_none() {
                    let message = "a virtual server without a mark cannot exist";
                    self.report(Diagnostic::error(Rule::BadNumber, word.span, message));
                }
                Some(Head { name: format!("fwmark {}", word.text), span, targets: vec![target?] })
            }
            ("group", Some(word)) => self.group_head(word, groups),
            (_, second) => {
                let address = self.address(first)?;
                let port = match second {
                    Some(word) => self.port(word)?,
                    None => 0,
                };
                let target = Target::Address(SocketAddr::new(address, port));
                Some(Head { name: format!("{address} {port}"), span, targets: vec![target] })
            }
        }
    }

    fn group_head(&mut self, name: Word<'a>, groups: &mut Groups<'a>) -> Option<Head> {
        if let Some(group) = groups.get_mut(name.text) {
            group.used = true;
            if group.targets.is_empty() {
                return None;
            }
            return Some(Head {
                name: name.text.to_owned(),
                span: name.span,
                targets: group.targets.clone(),
            });
        }
        let message = format!("there is no virtual_server_group `{}`", name.text);
        let diagnostic = Diagnostic::error(Rule::MissingGroup, name.span, message);
        self.report(match suggest::nearest(name.text, groups.keys().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("define `virtual_server_group {} {{ ... }}`", name.text)),
        });
        None
    }
}

/// The end of a range: a whole address, or its last part.
fn range_end(start: IpAddr, end: &str) -> Option<IpAddr> {
    let end = match (start, end.parse::<IpAddr>()) {
        (_, Ok(end)) if end.is_ipv4() == start.is_ipv4() => end,
        (IpAddr::V4(start), _) => {
            let [a, b, c, _] = start.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, end.parse().ok()?))
        }
        (IpAddr::V6(start), _) => {
            let last = u16::from_str_radix(end, 16).ok()?;
            IpAddr::V6(Ipv6Addr::from(u128::from(start) >> 16 << 16 | u128::from(last)))
        }
    };
    (end >= start).then_some(end)
}

/// The first and last address of a network.
fn network(address: IpAddr, prefix: &str) -> Option<(IpAddr, IpAddr)> {
    let prefix: u32 = prefix.parse().ok()?;
    Some(match address {
        IpAddr::V4(v4) => {
            let hosts = u32::MAX.checked_shr(prefix).unwrap_or(0);
            (prefix <= 32).then_some(())?;
            let first = u32::from(v4) & !hosts;
            (Ipv4Addr::from(first).into(), Ipv4Addr::from(first | hosts).into())
        }
        IpAddr::V6(v6) => {
            let hosts = u128::MAX.checked_shr(prefix).unwrap_or(0);
            (prefix <= 128).then_some(())?;
            let first = u128::from(v6) & !hosts;
            (Ipv6Addr::from(first).into(), Ipv6Addr::from(first | hosts).into())
        }
    })
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

fn address(number: u128, family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        Family::V6 => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("a test address")
    }

    #[test]
    fn ranges_end_in_a_part_or_a_whole_address() {
        assert_eq!(range_end(ip("10.0.0.1"), "5"), Some(ip("10.0.0.5")));
        assert_eq!(range_end(ip("10.0.0.1"), "10.0.1.5"), Some(ip("10.0.1.5")));
        assert_eq!(range_end(ip("10.0.0.9"), "5"), None);
        assert_eq!(range_end(ip("10.0.0.1"), "256"), None);
        assert_eq!(range_end(ip("2001:db8::10"), "1f"), Some(ip("2001:db8::1f")));
    }

    #[test]
    fn networks_include_all_their_addresses() {
        assert_eq!(network(ip("10.0.0.5"), "30"), Some((ip("10.0.0.4"), ip("10.0.0.7"))));
        assert_eq!(network(ip("10.0.0.5"), "32"), Some((ip("10.0.0.5"), ip("10.0.0.5"))));
        assert_eq!(network(ip("10.0.0.5"), "33"), None);
        assert_eq!(network(ip("::1"), "127"), Some((ip("::"), ip("::1"))));
    }
}
