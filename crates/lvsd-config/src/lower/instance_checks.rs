//! What an instance says that is legal and cannot work: addresses that are no hosts, peers that are oneself, weights that
//! change nothing.

use std::net::{IpAddr, Ipv4Addr};

use lvsd_model::{Instance, Priority, TrackWeight, Transport};

use super::Lowering;
use super::instance::Draft;
use crate::diagnostic::Diagnostic;
use crate::rules::Rule;

impl Lowering<'_> {
    /// Everything here.
    pub(super) fn check_instance(&mut self, draft: &Draft, instance: &Instance) {
        self.check_host_addresses(draft);
        self.check_source(draft);
        self.check_peers(draft, instance);
        self.check_weight_range(draft, instance.priority);
        self.check_own_interface(draft, instance);
        self.check_idle_words(draft);
    }

    /// Words that need another one to mean something.
    fn check_idle_words(&mut self, draft: &Draft) {
        if let (Some(at), None) = (draft.track_source, draft.source) {
            let message = "`track_src_ip` is about a configured source address, and there is none";
            let help =
                "add `mcast_src_ip` or `unicast_src_ip`; without one, a missing address is a fault anyway";
            self.report(Diagnostic::tolerated(Rule::NoEffect, at, message).help(help));
        }
        if let (Some((vrf, at)), Some((interface, also))) = (&draft.vrf, &draft.interface) {
            let message =
                format!("`vrf {vrf}` is for instances without an interface; that of `{interface}` counts");
            self.report(
                Diagnostic::hint(Rule::NoEffect, *at, message).label("ignored").also(*also, "the interface"),
            );
        }
    }

    /// The first and last address of a network are no hosts.
    fn check_host_addresses(&mut self, draft: &Draft) {
        for placed in draft.addresses.iter().chain(&draft.excluded) {
            let IpAddr::V4(address) = placed.address.address else { continue };
            let Some((network, broadcast)) = bounds(address, placed.address.prefix_len) else { continue };
            let what = match address {
                it if it == network => "the network itself",
                it if it == broadcast => "the network's broadcast address",
                _ => continue,
            };
            let prefix = placed.address.prefix_len;
            let message =
                format!("{address} is {what} when the prefix has {prefix} bits: no host can have it");
            let help = format!("is `{address}/32` meant, or another address?");
            self.report(Diagnostic::tolerated(Rule::NetworkAddress, placed.span, message).help(help));
        }
    }

    /// Adverts must come from an address that stays.
    fn check_source(&mut self, draft: &Draft) {
        let Some((source, span)) = draft.source else { return };
        let mut all = draft.addresses.iter().chain(&draft.excluded);
        if let Some(vip) = all.find(|placed| placed.address.address == source) {
            let message = format!("{source} is a virtual address: on the backup adverts cannot come from it");
            let help = "write the router's own address, or leave the statement out";
            self.report(
                Diagnostic::tolerated(Rule::VipIsSource, span, message)
                    .also(vip.span, "virtual here")
                    .help(help),
            );
        }
    }

    fn check_peers(&mut self, draft: &Draft, instance: &Instance) {
        let (Transport::Unicast { peers, .. }, Some((_, list))) = (&instance.transport, &draft.peers) else {
            return;
        };
        let source = draft.source.map(|(address, _)| address);
        for peer in peers.iter().map(|peer| peer.address) {
            let what = if source == Some(peer) {
                "is this router itself"
            } else if draft.addresses.iter().any(|placed| placed.address.address == peer) {
                "is a virtual address, which moves"
            } else {
                continue;
            };
            let span = draft
                .peer_spans
                .iter()
                .find(|(address, _)| *address == peer)
                .map_or(*list, |&(_, span)| span);
            let message = format!("the peer {peer} {what}");
            let help = "name the other routers only, by addresses that stay with them";
            self.report(Diagnostic::tolerated(Rule::OwnPeer, span, message).help(help));
        }
    }

    /// Tracked priorities stay from 1 to 254, so a weight beyond that changes nothing.
    fn check_weight_range(&mut self, draft: &Draft, priority: Priority) {
        if priority.is_owner() {
            return;
        }
        let base = i32::from(priority.get());
        let weights: Vec<_> = draft.track.steadily_weighted().collect();
        let up = |effect: TrackWeight| i32::from(effect.weight.max(0));
        let down = |effect: TrackWeight| i32::from(effect.weight.min(0));
        // The most and the least that the others can make of it.
        let (most, least): (i32, i32) = weights
            .iter()
            .fold((base, base), |(most, least), &(_, effect)| (most + up(effect), least + down(effect)));
        for (span, effect) in weights {
            let weight = i32::from(effect.weight);
            let changes = if weight > 0 { least < 254 } else { most > 1 };
            if changes {
                continue;
            }
            let bound = if weight > 0 { "254, the highest there is" } else { "1, the lowest there is" };
            let message = format!("the weight {weight} can never change the priority: it stays at {bound}");
            let help = if weight > 0 { "lower the `priority`" } else { "raise the `priority`" };
            self.report(Diagnostic::hint(Rule::WeightWithoutEffect, span, message).help(help));
        }
    }

    /// The own interface is tracked anyway.
    fn check_own_interface(&mut self, draft: &Draft, instance: &Instance) {
        if draft.ignore_own_interface {
            return;
        }
        let tracked = draft.track.interface_lines();
        let own = tracked.filter(|(track, _)| {
            track.effect.weight == 0 && Some(&track.interface) == instance.interface.as_ref()
        });
        for span in own.map(|(_, span)| span).collect::<Vec<_>>() {
            let message = "an instance tracks its own interface in any case";
            self.report(Diagnostic::hint(Rule::RedundantTracker, span, message).help("leave it out"));
        }
    }
}

/// The first and last address of a network with hosts in it.
fn bounds(address: Ipv4Addr, prefix: u8) -> Option<(Ipv4Addr, Ipv4Addr)> {
    // A network of 31 bits has two hosts and nothing else (RFC 3021).
    let hosts = u32::MAX.checked_shr(prefix.into()).filter(|_| (1..31).contains(&prefix))?;
    let address = u32::from(address);
    Some((Ipv4Addr::from(address & !hosts), Ipv4Addr::from(address | hosts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_without_hosts_have_no_bounds() {
        let address = Ipv4Addr::new(192, 0, 2, 5);
        let network = Some((Ipv4Addr::new(192, 0, 2, 4), Ipv4Addr::new(192, 0, 2, 7)));
        assert_eq!(bounds(address, 30), network);
        for prefix in [0, 31, 32] {
            assert_eq!(bounds(address, prefix), None, "{prefix}");
        }
    }
}
