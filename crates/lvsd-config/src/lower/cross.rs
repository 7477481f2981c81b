//! What concerns several instances at once.

use std::collections::HashMap;
use std::net::IpAddr;

use lvsd_model::{Family, Transport, Vrid};

use super::Lowering;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;
use crate::source::Span;

/// What must be unique for adverts to be told apart.
#[derive(PartialEq, Eq, Hash)]
struct Channel {
    interface: Option<String>,
    family: Family,
    group: Option<IpAddr>,
    vrid: Vrid,
}

impl Lowering<'_> {
    /// The same virtual router id on an interface and family, unless to different groups or disjoint peers.
    pub(super) fn check_duplicate_vrids(&mut self) {
        let mut seen: HashMap<Channel, Vec<usize>> = HashMap::new();
        let mut found = Vec::new();
        for (index, (draft, instance)) in self.instance_drafts.iter().enumerate() {
            let group = match &instance.transport {
                Transport::Multicast { group } => Some(*group),
                Transport::Unicast { .. } => None,
            };
            let interface = instance.interface.as_ref().map(|name| name.as_str().to_owned());
            let channel = Channel { interface, family: instance.family, group, vrid: instance.vrid };
            let others = seen.entry(channel).or_default();
            let clash = others.iter().find_map(|&other| {
                let (other_draft, other) = self.instance_drafts.get(other)?;
                (!disjoint(&instance.transport, &other.transport)).then_some(other_draft)
            });
            if let (Some(other), Some((vrid, span))) = (clash, draft.vrid) {
                found.push((
                    draft.name.clone(),
                    vrid,
                    span,
                    other.name.clone(),
                    other.vrid.map(|(_, span)| span),
                ));
            }
            others.push(index);
        }
        for (name, vrid, span, other, first) in found {
            let message =
                format!("`{name}` and `{other}` use the same virtual_router_id {vrid} on one interface");
            let help = "give each its own, from 1 to 255, the same on all routers of the instance";
            let diagnostic = Diagnostic::error(Rule::DuplicateVrid, span, message).help(help);
            self.report(match first {
                Some(first) => diagnostic.also(first, "the first one"),
                None => diagnostic,
            });
        }
    }

    /// The same virtual address in two instances.
    pub(super) fn check_shared_addresses(&mut self) {
        let mut holders: HashMap<(IpAddr, Option<String>), (usize, Span)> = HashMap::new();
        let mut found = Vec::new();
        for (index, (draft, instance)) in self.instance_drafts.iter().enumerate() {
            for placed in draft.addresses.iter().chain(&draft.excluded) {
                let address = placed.address.address;
                let interface = placed.address.interface.as_ref().or(instance.interface.as_ref());
                let key = (address, interface.map(|name| name.as_str().to_owned()));
                match holders.get(&key) {
                    None => drop(holders.insert(key, (index, placed.span))),
                    Some(&(holder, span)) if holder != index => found.push((address, placed.span, span)),
                    Some(_) => {}
                }
            }
        }
        for (address, span, first) in found {
            let message = format!("two instances hold {address}: when one leaves it, it is gone for both");
            let diagnostic =
                Diagnostic::tolerated(Rule::SharedAddress, span, message).also(first, "the first one");
            self.report(diagnostic.help("leave it in one of them"));
        }
    }
}

/// Whether no advert of one can be taken for the other's.
fn disjoint(one: &Transport, other: &Transport) -> bool {
    match (one, other) {
        (Transport::Unicast { peers: one, .. }, Transport::Unicast { peers: other, .. }) => {
            !one.iter().any(|peer| other.iter().any(|candidate| candidate.address == peer.address))
        }
        (Transport::Multicast { .. }, Transport::Multicast { .. }) => false,
        _ => true,
    }
}
