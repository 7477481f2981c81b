//! The rules: what follows from what is known.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{Auth, HmacMode, Instance, InterfaceName, Transport, Version};

use super::finding::{AuthSeen, Finding, Identity, What};
use super::neighbour::{Neighbour, Relation};
use super::standing::Standing;
use super::{REMEMBERED, Radar, Segment};
use crate::time::Time;
use crate::wire::{self, TTL};

/// Adverts in a row that do not arrive, until that is said.
const UNMET: u32 = 2;
/// Intervals for which two masters are normal: one of them gives way.
const OVERLAP: u32 = 3;
/// How long after a change of master announcements of the one before may still come in.
const LATE_ANNOUNCEMENTS: Duration = Duration::from_secs(1);

/// Findings by what they are about.
type Found = BTreeMap<Identity, Finding>;

/// What is looked at: an instance of ours, and a neighbour.
#[derive(Clone, Copy)]
struct Pair<'a> {
    config: &'a Instance,
    interface: &'a InterfaceName,
    neighbour: &'a Neighbour,
}

impl Pair<'_> {
    fn finding(self, what: What) -> Finding {
        Finding {
            instance: self.config.name.clone(),
            interface: self.interface.clone(),
            family: self.neighbour.family(),
            vrid: self.neighbour.vrid,
            source: Some(self.neighbour.source),
            what,
        }
    }
}

impl Radar {
    /// All that stands now.
    pub(super) fn found(&self, now: Time) -> Found {
        let mut found = Vec::new();
        for (interface, segment) in &self.segments {
            for neighbour in segment.neighbours.iter() {
                self.about_neighbour(now, interface, segment, neighbour, &mut found);
            }
        }
        for config in &self.config.instances {
            let Some(interface) = config.advert_interface() else { continue };
            let Some(segment) = self.segments.get(interface) else { continue };
            self.about_masters(now, config, interface, segment, &mut found);
            self.about_bindings(now, config, interface, segment, &mut found);
            self.about_departure(config, interface, &mut found);
        }
        found.into_iter().map(|finding| (finding.identity(), finding)).collect()
    }

    fn standing(&self, config: &Instance) -> Option<&Standing> {
        self.standings.get(&config.name)
    }

    fn about_neighbour(
        &self,
        now: Time,
        interface: &InterfaceName,
        segment: &Segment,
        neighbour: &Neighbour,
        found: &mut Vec<Finding>,
    ) {
        if now.since(neighbour.last) >= REMEMBERED {
            return;
        }
        match self.relation(segment, neighbour) {
            Relation::Other => self.about_other(interface, segment, neighbour, found),
            Relation::Stranger(config) => {
                let pair = Pair { config, interface, neighbour };
                let free = self.free_vrid(interface, segment);
                found.push(pair.finding(What::Collision { addresses: neighbour.addresses.clone(), free }));
            }
            Relation::Peer(config) => {
                let pair = Pair { config, interface, neighbour };
                let own =
                    self.standing(config).and_then(|standing| standing.source) == Some(neighbour.source);
                if own {
                    found.push(pair.finding(What::OwnAddress));
                    return;
                }
                if neighbour.unmet >= UNMET && neighbour.is_master(now) {
                    found.push(pair.finding(swallowed(neighbour)));
                }
                found.extend(differences(pair).into_iter().map(|what| pair.finding(what)));
            }
        }
    }

    /// Addresses of ours under a VRID that is not.
    fn about_other(
        &self,
        interface: &InterfaceName,
        segment: &Segment,
        neighbour: &Neighbour,
        found: &mut Vec<Finding>,
    ) {
        let mut shared: BTreeMap<usize, Vec<IpAddr>> = BTreeMap::new();
        for address in &neighbour.addresses {
            if let Some(place) = segment.carried.get(address) {
                shared.entry(*place).or_default().push(*address);
            }
        }
        for (place, shared) in shared {
            if let Some(config) = self.config.instances.get(place) {
                let what = What::OtherVrid { ours: config.vrid.get(), shared };
                found.push(Pair { config, interface, neighbour }.finding(what));
            }
        }
    }

    /// Routers that speak as masters of this instance, ours not among them, the best first.
    fn masters<'a>(&'a self, now: Time, config: &'a Instance, segment: &'a Segment) -> Vec<&'a Neighbour> {
        let own = self.standing(config).and_then(|standing| standing.source);
        let same = segment.neighbours.of(config.family, config.vrid.get());
        let all = same.filter(|one| one.is_peer_of(config));
        let mut masters: Vec<_> = all.filter(|one| one.is_master(now) && Some(one.source) != own).collect();
        masters.sort_by_key(|one| std::cmp::Reverse((one.priority, one.source)));
        masters
    }

    fn about_masters(
        &self,
        now: Time,
        config: &Instance,
        interface: &InterfaceName,
        segment: &Segment,
        found: &mut Vec<Finding>,
    ) {
        let masters = self.masters(now, config, segment);
        let ours = self.standing(config).and_then(|standing| standing.master_since);
        let patience = |one: &Neighbour| one.interval().max(config.advert_interval.duration()) * OVERLAP;
        let lasts = |one: &Neighbour, since: Time| {
            one.run > u64::from(OVERLAP) && now.since(one.run_since.max(since)) >= patience(one)
        };
        if let Some(since) = ours {
            let beside = masters.iter().filter(|one| lasts(one, since));
            let what = || What::TwoMasters { other: None };
            found.extend(beside.map(|neighbour| Pair { config, interface, neighbour }.finding(what())));
        } else if let Some((best, others)) = masters.split_first() {
            let beside =
                others.iter().filter(|one| lasts(one, best.run_since) && best.run > u64::from(OVERLAP));
            let what = || What::TwoMasters { other: Some(best.source) };
            found.extend(beside.map(|neighbour| Pair { config, interface, neighbour }.finding(what())));
        }
    }

    fn about_bindings(
        &self,
        now: Time,
        config: &Instance,
        interface: &InterfaceName,
        segment: &Segment,
        found: &mut Vec<Finding>,
    ) {
        if segment.bindings.is_empty() {
            return;
        }
        let masters = self.masters(now, config, segment);
        let ours = self.standing(config).and_then(|standing| standing.master_since);
        let (since, master) = match (ours, masters.as_slice()) {
            // Another master answers, of course; that there is one is said already.
            (Some(since), []) => (since, None),
            (None, [one]) => (one.run_since, Some(*one)),
            _ => return,
        };
        for address in config.addresses.iter().chain(&config.excluded).map(|line| line.address) {
            let Some(binding) = segment.bindings.get(&address) else { continue };
            let late = binding.last.since(since) < LATE_ANNOUNCEMENTS;
            let old = now.since(binding.last) >= REMEMBERED;
            let right = master.is_some_and(|one| {
                one.mac.is_none_or(|mac| mac == binding.mac) || binding.mac.is_virtual(config.vrid.get())
            });
            if !late && !old && !right {
                found.push(Finding {
                    instance: config.name.clone(),
                    interface: interface.clone(),
                    family: config.family,
                    vrid: config.vrid.get(),
                    source: None,
                    what: What::OtherMac { address, mac: binding.mac, master: master.map(|one| one.source) },
                });
            }
        }
    }

    fn about_departure(&self, config: &Instance, interface: &InterfaceName, found: &mut Vec<Finding>) {
        let unsent = self.standing(config).and_then(|standing| standing.unsent.as_ref());
        let error = unsent.map(|unsent| unsent.error.clone());
        if error.is_some() || self.departures.is_missing(&config.name) {
            let refused = unsent.is_some_and(|unsent| unsent.refused);
            let destination = wire::destinations(&config.transport).next();
            found.push(Finding {
                instance: config.name.clone(),
                interface: interface.clone(),
                family: config.family,
                vrid: config.vrid.get(),
                source: None,
                what: What::NotLeaving { error, refused, destination },
            });
        }
    }
}

const fn swallowed(neighbour: &Neighbour) -> What {
    let gist = &neighbour.gist;
    let ah = matches!(gist.wrapping, super::Wrapping::Ah);
    What::Swallowed { destination: gist.destination, ah, missed: neighbour.unmet }
}

/// What is configured otherwise on a router of the same virtual router.
fn differences(pair: Pair<'_>) -> Vec<What> {
    let Pair { config, neighbour, .. } = pair;
    let gist = &neighbour.gist;
    let ours = match config.version {
        Version::V2 => 2,
        Version::V3 => 3,
    };
    if gist.version != ours {
        // Everything else follows from that.
        return vec![What::OtherVersion { theirs: gist.version, ours }];
    }
    [auth(config, neighbour), interval(config, neighbour), ttl(config, neighbour), drift(config, neighbour)]
        .into_iter()
        .flatten()
        .collect()
}

fn auth(config: &Instance, neighbour: &Neighbour) -> Option<What> {
    let theirs = neighbour.gist.auth;
    let ours = AuthSeen::of(config.auth.as_ref());
    match (&config.auth, neighbour.gist.password) {
        // Signatures are being introduced, one router after the other.
        (Some(Auth::Hmac(hmac)), _) if hmac.mode != HmacMode::Enforce && theirs == AuthSeen::None => None,
        _ if theirs != ours => Some(What::OtherAuth { theirs, ours }),
        (Some(Auth::Pass(password)), Some(other)) if *password != other => Some(What::OtherPassword),
        _ => None,
    }
}

fn interval(config: &Instance, neighbour: &Neighbour) -> Option<What> {
    let (theirs, ours) = (neighbour.gist.interval_centis, config.advert_interval.centis());
    (theirs != ours).then_some(What::OtherInterval { theirs, ours })
}

fn ttl(config: &Instance, neighbour: &Neighbour) -> Option<What> {
    let least = match &config.transport {
        Transport::Multicast { .. } => TTL,
        Transport::Unicast { peers, .. } => {
            let peer = peers.iter().find(|peer| peer.address == neighbour.source);
            peer.and_then(|peer| peer.min_ttl).unwrap_or(0)
        }
    };
    (neighbour.gist.ttl < least).then_some(What::OtherTtl { ttl: neighbour.gist.ttl, least })
}

fn drift(config: &Instance, neighbour: &Neighbour) -> Option<What> {
    // A resignation may be without addresses, and so may a router be that is only a vote.
    if neighbour.addresses.is_empty() && neighbour.priority == 0 {
        return None;
    }
    let carried = || config.addresses.iter().take(usize::from(u8::MAX)).map(|line| line.address);
    let lacking: Vec<IpAddr> = carried().filter(|one| !neighbour.addresses.contains(one)).collect();
    let ours: std::collections::BTreeSet<IpAddr> = carried().collect();
    let extra: Vec<IpAddr> = neighbour.addresses.iter().filter(|one| !ours.contains(one)).copied().collect();
    (!lacking.is_empty() || !extra.is_empty()).then_some(What::AddressDrift { lacking, extra })
}
