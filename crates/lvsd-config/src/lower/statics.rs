//! `static_ipaddress`, `static_routes`, `static_rules` and the `track_group`s that need them.

use std::collections::{BTreeMap, HashMap};

use lvsd_model::{InterfaceName, Static, TrackGroup, VirtualAddress};

use super::Lowering;
use super::address::{Placed, Use};
use super::route::Written;
use crate::diagnostic::Diagnostic;
use crate::places::Item;
use crate::rules::Rule;
use crate::source::Span;
use crate::tree::Statement;

/// `default_interface` unless written.
const ETH0: &str = "eth0";

impl<'a> Lowering<'a> {
    /// Everything that is there whoever is master. Instances are known already.
    pub(super) fn statics(&mut self, statements: &'a [Statement]) {
        self.track_groups(statements);
        let (mut addresses, mut routes, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        for statement in statements.iter().filter(|statement| statement.row.name.starts_with("static_")) {
            if !self.accept(statement) {
                continue;
            }
            match statement.row.name {
                "static_ipaddress" => addresses.extend(self.static_addresses(statement)),
                "static_routes" => routes.extend(self.routes(statement)),
                _ => rules.extend(self.rules(statement)),
            }
        }
        self.config.vrrp.statics.addresses = self.once(addresses);
        self.config.vrrp.statics.routes = self.once(routes);
        self.config.vrrp.statics.rules = self.once(rules);
    }

    fn static_addresses(&mut self, statement: &'a Statement) -> Vec<Written<VirtualAddress>> {
        let mut list = Vec::new();
        for Placed { mut address, span, track_group, .. } in self.addresses_for(statement, Use::Static) {
            if address.interface.is_none() {
                address.interface = self.interface_without_dev(&address, span);
            }
            list.push(Written { object: address, span, track_group });
        }
        list
    }

    /// `default_interface`, or what it is unless written.
    fn interface_without_dev(&mut self, address: &VirtualAddress, span: Span) -> Option<InterfaceName> {
        if let Some(interface) = &self.defaults.interface {
            return Some(interface.clone());
        }
        let message = format!("the static address {} has no interface; {ETH0} is taken", address.address);
        let help = "add `dev <interface>`, or `default_interface <interface>` to global_defs";
        self.report(Diagnostic::hint(Rule::MissingInterface, span, message).help(help));
        self.places.add(Item::Interface(ETH0.to_owned()), span);
        InterfaceName::new(ETH0)
    }

    /// Each line once: the kernel has no two of the same.
    fn once<T: Clone + Ord>(&mut self, list: Vec<Written<T>>) -> Vec<Static<T>> {
        let mut seen: BTreeMap<T, Span> = BTreeMap::new();
        let mut result = Vec::new();
        for written in list {
            match seen.get(&written.object) {
                None => {
                    seen.insert(written.object.clone(), written.span);
                    result.push(self.in_group(written));
                }
                Some(&before) => {
                    let message = "this stands here twice; this line is ignored";
                    let diagnostic = Diagnostic::tolerated(Rule::DuplicateAddress, written.span, message);
                    self.report(diagnostic.also(before, "the first one"));
                }
            }
        }
        result
    }

    /// Virtual routes or rules: with them `track_group` has no meaning.
    pub(super) fn without_groups<T>(&mut self, list: Vec<Written<T>>) -> Vec<T> {
        for (_, span) in list.iter().filter_map(|written| written.track_group.as_ref()) {
            let message = "`track_group` is for static objects; it is ignored";
            self.report(Diagnostic::tolerated(Rule::NoEffect, *span, message));
        }
        list.into_iter().map(|written| written.object).collect()
    }

    fn in_group<T>(&mut self, written: Written<T>) -> Static<T> {
        let Some((name, span)) = written.track_group else {
            return Static { object: written.object, track_group: None };
        };
        let known = self.config.vrrp.track_groups.iter().any(|group| group.name == name);
        if !known {
            let message = format!("there is no track_group `{name}`; it is ignored");
            let names = self.config.vrrp.track_groups.iter().map(|group| group.name.as_str());
            let near = crate::suggest::nearest(&name, names).map(|near| format!("did you mean `{near}`?"));
            let diagnostic = Diagnostic::tolerated(Rule::UnresolvedTracker, span, message);
            self.report(match near {
                Some(near) => diagnostic.help(near),
                None => diagnostic,
            });
        }
        Static { object: written.object, track_group: Some(name).filter(|_| known) }
    }

    fn track_groups(&mut self, statements: &'a [Statement]) {
        let mut names: HashMap<&str, Span> = HashMap::new();
        for block in statements.iter().filter(|statement| statement.row.name == "track_group") {
            if !self.accept(block) {
                continue;
            }
            let Some(name) = self.word(block, 0) else { continue };
            if let Some(&before) = names.get(name.text) {
                let message = format!("there are two track_groups `{}`; this one is skipped", name.text);
                let diagnostic = Diagnostic::tolerated(Rule::DuplicateName, name.span, message);
                self.report(diagnostic.also(before, "the first one"));
                continue;
            }
            names.insert(name.text, name.span);
            let members = self.track_group_members(block);
            if members.is_empty() {
                let message = format!("the track_group `{}` has no member", name.text);
                self.report(Diagnostic::tolerated(Rule::GroupTooSmall, name.span, message));
            }
            self.config.vrrp.track_groups.push(TrackGroup { name: name.text.to_owned(), members });
        }
    }

    fn track_group_members(&mut self, block: &'a Statement) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        for statement in block.block() {
            if !self.accept(statement) {
                continue;
            }
            for entry in statement.entries() {
                for word in self.all_words(&entry.words) {
                    if !self.instance_names.contains(word.text) {
                        let message = format!("there is no instance `{}`; it is ignored", word.text);
                        self.report(Diagnostic::tolerated(Rule::GroupMemberMissing, word.span, message));
                    } else if !members.iter().any(|member| member == word.text) {
                        members.push(word.text.to_owned());
                    }
                }
            }
        }
        members
    }
}
