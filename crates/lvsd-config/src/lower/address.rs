//! Lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.

use std::net::IpAddr;

use lvsd_model::{AddressFlags, AddressScope, Broadcast, PreferredLifetime, VirtualAddress};

use super::Lowering;
use super::common::unsigned;
use super::vmac::VmacDraft;
use super::words::Word;
use crate::diagnostic::Diagnostic;
use crate::keywords::{self, Context, State};
use crate::rules::Rule;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Entry, Statement};

/// A virtual address and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) address: VirtualAddress,
    /// `use_vmac` on its line.
    pub(super) vmac: Option<VmacDraft>,
    pub(super) span: Span,
    /// `track_group`, with its place.
    pub(super) track_group: Option<(String, Span)>,
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The master has it.
    Virtual,
    /// It is there whoever is master.
    Static,
}

impl<'a> Lowering<'a> {
    /// All virtual addresses of a list.
    pub(super) fn addresses(&mut self, statement: &'a Statement) -> Vec<Placed> {
        self.addresses_for(statement, Use::Virtual)
    }

    pub(super) fn addresses_for(&mut self, statement: &'a Statement, purpose: Use) -> Vec<Placed> {
        let mut list = Vec::new();
        for entry in statement.entries() {
            list.extend(self.address_line(entry, purpose));
        }
        list
    }

    fn address_line(&mut self, entry: &Entry, purpose: Use) -> Option<Placed> {
        let words = self.all_words(&entry.words);
        let first = *words.first()?;
        // iproute2's habit: `dev eth0 192.0.2.1` is not in the language, so the address comes first.
        let (address, written_prefix) = self.prefixed(first)?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        let mut virtual_address = VirtualAddress {
            address,
            prefix_len: written_prefix.unwrap_or(full),
            interface: None,
            scope: None,
            broadcast: Broadcast::None,
            label: None,
            peer: None,
            no_prefix_route: false,
            no_track: false,
            no_dad: address.is_ipv6() && purpose == Use::Virtual,
            preferred: PreferredLifetime::Forever,
            flags: AddressFlags::default(),
        };
        if address.is_ipv6() && virtual_address.prefix_len == 128 {
            virtual_address.preferred = PreferredLifetime::Seconds(0);
        }
        let mut track_group = None;
        let mut rest = words.get(1..).unwrap_or_default().iter().copied();
        let mut vmac = None;
        while let Some(word) = rest.next() {
            if word.text == "track_group" {
                track_group = rest.next().map(|name| (name.text.to_owned(), name.span));
                self.check_track_group(word, purpose, track_group.is_some());
                continue;
            }
            if word.text == "use_vmac" {
                // Everything behind it is its own.
                let draft = self.vmac_words(&rest.by_ref().collect::<Vec<_>>());
                vmac = self.vmac_of(word, purpose, draft);
            } else {
                self.address_option(word, &mut rest, &mut virtual_address);
            }
        }
        self.check_flags(&virtual_address, first);
        Some(Placed { address: virtual_address, vmac, span: first.span, track_group })
    }

    fn vmac_of(&mut self, word: Word<'_>, purpose: Use, draft: VmacDraft) -> Option<VmacDraft> {
        if purpose == Use::Virtual {
            return Some(draft);
        }
        let message = "`use_vmac` is for virtual addresses; it is ignored";
        self.report(Diagnostic::tolerated(Rule::NoEffect, word.span, message));
        None
    }

    fn check_track_group(&mut self, word: Word<'_>, purpose: Use, named: bool) {
        let (rule, message) = match (purpose, named) {
            (_, false) => (Rule::MissingArgument, "`track_group` lacks a word: <name>"),
            (Use::Virtual, true) => (Rule::NoEffect, "`track_group` is for static addresses; it is ignored"),
            (Use::Static, true) => return,
        };
        self.report(Diagnostic::tolerated(rule, word.span, message));
    }

    /// Flags that the kernel takes for addresses of one family or kind only.
    fn check_flags(&mut self, address: &VirtualAddress, at: Word<'_>) {
        let AddressFlags { home, manage_temporary, autojoin } = address.flags;
        let problem = if address.address.is_ipv4() && (home || manage_temporary) {
            "`home` and `mngtmpaddr` are for IPv6 addresses; ignored"
        } else if autojoin && !address.address.is_multicast() {
            "`autojoin` is for multicast addresses; ignored"
        } else {
            return;
        };
        self.report(Diagnostic::tolerated(Rule::FamilyMismatch, at.span, problem));
    }

    /// `address[/prefix]`.
    pub(super) fn prefixed(&mut self, word: Word<'_>) -> Option<(IpAddr, Option<u8>)> {
        let Some((text, prefix)) = word.text.split_once('/') else {
            return self.address(word).map(|address| (address, None));
        };
        let cut = text.len();
        let address = self.address(Word { text, span: word.span.part(0, cut) })?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = prefix.parse().ok().filter(|&length| length <= most);
        if length.is_none() {
            let span = word.span.part(cut + 1, word.text.len());
            let message = format!("`{prefix}` is no prefix length");
            self.report(
                Diagnostic::error(Rule::OutOfRange, span, message).help(format!("a number from 0 to {most}")),
            );
        }
        Some((address, Some(length?)))
    }

    fn address_option(
        &mut self,
        word: Word<'a>,
        rest: &mut dyn Iterator<Item = Word<'a>>,
        address: &mut VirtualAddress,
    ) {
        let Some(row) =
            keywords::lookup(Context::AddressLine, word.text).filter(|row| !row.name.starts_with('<'))
        else {
            return self.unknown_option(word);
        };
        if row.state != State::Works {
            let message = format!("`{}` is accepted and has no effect here yet", row.name);
            self.report(Diagnostic::tolerated(Rule::NoEffectYet, word.span, message));
            return;
        }
        match row.name {
            "noprefixroute" => return address.no_prefix_route = true,
            "no_track" => return address.no_track = true,
            "-nodad" => return address.no_dad = true,
            "home" => return address.flags.home = true,
            "mngtmpaddr" => return address.flags.manage_temporary = true,
            "autojoin" => return address.flags.autojoin = true,
            _ => {}
        }
        let Some(value) = rest.next() else {
            let message = format!("`{}` lacks a word: {}", row.name, row.args);
            self.report(Diagnostic::tolerated(Rule::MissingArgument, word.span, message).label("ignored"));
            return;
        };
        match row.name {
            "dev" => address.interface = self.interface(value),
            "scope" => address.scope = self.scope(value),
            "brd" | "broadcast" => address.broadcast = self.broadcast(value, address),
            "label" => address.label = self.label(value, address),
            "peer" => address.peer = self.peer(value, address),
            "preferred_lft" => {
                if value.text == "forever" {
                    address.preferred = PreferredLifetime::Forever;
                } else if let Some(seconds) = self.number_word(value, 0..=i64::from(u32::MAX)) {
                    address.preferred = PreferredLifetime::Seconds(unsigned(seconds));
                }
            }
            _ => debug_assert!(false, "{} works, so it is lowered", row.name),
        }
    }

    fn unknown_option(&mut self, word: Word<'_>) {
        let message = format!("`{}` is no option of an address; it is ignored", word.text);
        let diagnostic = Diagnostic::tolerated(Rule::BadValue, word.span, message);
        let near = suggest::nearest(word.text, keywords::names(Context::AddressLine));
        self.report(if word.text.parse::<IpAddr>().is_ok() || word.text.contains('/') {
            diagnostic.help("write one address per line")
        } else if let Some(near) = near {
            diagnostic.help(format!("did you mean `{near}`?"))
        } else {
            diagnostic
        });
    }

    fn scope(&mut self, word: Word<'_>) -> Option<AddressScope> {
        if word.text.starts_with(|c: char| c.is_ascii_digit()) {
            let number = self.number_word(word, 0..=255)?;
            return u8::try_from(number).ok().map(AddressScope);
        }
        self.choice(
            word,
            &[
                ("global", AddressScope::GLOBAL),
                ("site", AddressScope::SITE),
                ("link", AddressScope::LINK),
                ("host", AddressScope::HOST),
                ("nowhere", AddressScope::NOWHERE),
            ],
        )
    }

    fn broadcast(&mut self, word: Word<'_>, address: &VirtualAddress) -> Broadcast {
        if address.address.is_ipv6() {
            let message = "IPv6 has no broadcast addresses; it is ignored";
            self.report(Diagnostic::tolerated(Rule::FamilyMismatch, word.span, message));
            return Broadcast::None;
        }
        match word.text {
            "+" => Broadcast::AllOnes,
            "-" => Broadcast::None,
            _ => match self.address(word) {
                Some(IpAddr::V4(broadcast)) => Broadcast::Address(broadcast),
                _ => Broadcast::None,
            },
        }
    }

    fn peer(&mut self, word: Word<'_>, address: &VirtualAddress) -> Option<IpAddr> {
        let peer = self.address(word)?;
        if peer.is_ipv4() == address.address.is_ipv4() {
            return Some(peer);
        }
        let message = format!("{peer} is not of the same family as {}; it is ignored", address.address);
        self.report(Diagnostic::tolerated(Rule::FamilyMismatch, word.span, message));
        None
    }

    fn label(&mut self, word: Word<'_>, address: &VirtualAddress) -> Option<String> {
        let problem = if address.address.is_ipv6() {
            Some("IPv6 addresses have no label; it is ignored")
        } else if word.text.len() > 15 {
            Some("a label has at most 15 bytes; it is ignored")
        } else {
            None
        };
        if let Some(problem) = problem {
            self.report(Diagnostic::tolerated(Rule::BadName, word.span, problem));
            return None;
        }
        Some(word.text.to_owned())
    }
}
