//! The radar: what is said on the segment, compared with what reaches the election.
//!
//! A packet socket sees what the network card hands to this host, before any firewall. The election's sockets see what is left of
//! that. [`Radar`] is told both, and what the election does itself, and says what does not fit: adverts that are swallowed on the
//! way, neighbours that are configured otherwise, two masters, a VIP that somebody else answers for, adverts of ours that do not
//! leave, a VRID that strangers use.
//!
//! It is pure, as the election is, and apart from it: **nothing that it finds is a reason to promote or to demote anybody**. Its
//! tables are bounded, whatever is on the wire; what is not heard any more ages out.
//!
//! Start reading at [`Radar::judge`], which states every rule.

mod finding;
mod neighbour;
mod overheard;
mod rules;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{Family, Instance, InterfaceName, Transport, VrrpConfig};

use crate::time::Time;
pub use finding::{AuthSeen, Finding, Identity, MacAddress, What};
pub use neighbour::{NEIGHBOURS, Neighbour, Relation};
pub use overheard::{Gist, Overheard, Sighting, parse};
pub use standing::{Standing, Unsent};

use neighbour::Neighbours;
use standing::Departures;

/// A neighbour that was not heard for so long is forgotten.
pub const FORGOTTEN: Duration = Duration::from_secs(180);
/// How long a finding about a neighbour's configuration stands after its last advert.
const REMEMBERED: Duration = Duration::from_secs(60);
/// A finding that ended and begins again within this time is not told again.
const QUIET: Duration = Duration::from_secs(10);
/// Findings at a time; more are only counted.
const FINDINGS: usize = 256;
/// Addresses of which it is remembered who answered for them, per interface.
const BINDINGS: usize = 1024;
/// Findings told at once, and how long it takes until one more may be.
const BURST: u32 = 32;
const REFILL: Duration = Duration::from_secs(10);

/// Whether a packet came in an authentication header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrapping {
    /// Protocol 112.
    Plain,
    /// Protocol 51 with 112 inside.
    Ah,
}

/// A socket of the election: what it can hear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The interface.
    pub interface: InterfaceName,
    /// The family.
    pub family: Family,
    /// The protocol.
    pub wrapping: Wrapping,
}

/// That adverts of one sender reached a socket of the election since it was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The interface.
    pub interface: InterfaceName,
    /// The sender.
    pub source: IpAddr,
    /// The VRID in them.
    pub vrid: u8,
}

/// What is new since the last judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Findings that were not there before.
    pub begun: Vec<Finding>,
    /// Findings that do not stand any more.
    pub ended: Vec<Finding>,
}

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadarCounters {
    /// Adverts overheard, whatever their VRID.
    pub overheard: u64,
    /// Packets of the protocol that are no adverts.
    pub malformed: u64,
    /// Adverts for virtual routers of ours that were on the wire and did not reach the election.
    pub swallowed: u64,
    /// Senders that found no room in the tables.
    pub overflow: u64,
    /// Findings begun.
    pub findings: u64,
}

/// One interface that is listened to.
#[derive(Debug)]
struct Segment {
    since: Time,
    neighbours: Neighbours,
    bindings: BTreeMap<IpAddr, Binding>,
    /// The instances of ours on it, by what their adverts say: their places in the configuration.
    ours: BTreeMap<(Family, u8), Vec<usize>>,
    /// What they advertise, and which one does.
    carried: BTreeMap<IpAddr, usize>,
}

impl Segment {
    fn new(since: Time) -> Self {
        Self {
            since,
            neighbours: Neighbours::default(),
            bindings: BTreeMap::new(),
            ours: BTreeMap::new(),
            carried: BTreeMap::new(),
        }
    }

    fn configure(&mut self, interface: &InterfaceName, config: &VrrpConfig) {
        self.ours.clear();
        self.carried.clear();
        let all = config.instances.iter().enumerate();
        for (place, one) in all.filter(|(_, one)| one.advert_interface() == Some(interface)) {
            self.ours.entry((one.family, one.vrid.get())).or_default().push(place);
            self.carried.extend(one.addresses.iter().map(|line| (line.address, place)));
        }
    }

    /// The instances of a VRID.
    fn instances<'a>(
        &'a self,
        config: &'a VrrpConfig,
        family: Family,
        vrid: u8,
    ) -> impl Iterator<Item = &'a Instance> + Clone {
        let places = self.ours.get(&(family, vrid)).into_iter().flatten();
        places.filter_map(|place| config.instances.get(*place))
    }

    /// Whether an advert is one that a socket of ours must hear: for a virtual router of ours, and sent to where it listens.
    fn concerns(&self, config: &VrrpConfig, sighting: &Sighting<'_>) -> bool {
        let destination = sighting.destination;
        self.instances(config, sighting.family(), sighting.advert.vrid).any(|one| match &one.transport {
            Transport::Multicast { group } => *group == destination || !destination.is_multicast(),
            Transport::Unicast { .. } => !destination.is_multicast(),
        })
    }
}

/// Who answered for an address of ours.
#[derive(Clone, Copy, Debug)]
struct Binding {
    mac: MacAddress,
    last: Time,
}

#[derive(Debug)]
struct Known {
    finding: Finding,
    since: Time,
    /// When it was last seen to stand, if it does not any more.
    ended: Option<Time>,
}

/// One interface, for people.
#[derive(Clone, Copy, Debug)]
pub struct SegmentView<'a> {
    /// Its name.
    pub interface: &'a InterfaceName,
    /// Since when it is listened to.
    pub since: Time,
    /// The least VRID that nobody uses, neither here nor elsewhere, as far as was heard.
    pub free_vrid: Option<u8>,
}

/// The radar of a process. See the module.
#[derive(Debug, Default)]
pub struct Radar {
    config: Arc<VrrpConfig>,
    segments: BTreeMap<InterfaceName, Segment>,
    /// Every virtual address of ours.
    vips: BTreeSet<IpAddr>,
    standings: BTreeMap<String, Standing>,
    departures: Departures,
    listening: BTreeSet<Place>,
    known: BTreeMap<finding::Identity, Known>,
    counters: RadarCounters,
    told: u32,
    refilled: Time,
}

impl Radar {
    /// Watches for these instances from now on. What was heard on interfaces that stay is kept.
    pub fn configure(&mut self, now: Time, config: Arc<VrrpConfig>) {
        let wanted: BTreeSet<&InterfaceName> = interfaces(&config).collect();
        self.segments.retain(|name, _| wanted.contains(name));
        for name in wanted {
            let segment = self.segments.entry(name.clone()).or_insert_with(|| Segment::new(now));
            segment.configure(name, &config);
        }
        let lines = config.instances.iter().flat_map(|one| one.addresses.iter().chain(&one.excluded));
        self.vips = lines.map(|line| line.address).collect();
        self.standings.clear();
        self.departures.retain(|name| config.instances.iter().any(|one| one.name == name));
        self.config = config;
    }

    /// Something on the wire that was not sent by this host.
    pub fn overhear(
        &mut self,
        now: Time,
        interface: &InterfaceName,
        mac: Option<MacAddress>,
        what: &Overheard<'_>,
    ) {
        let Some(segment) = self.segments.get_mut(interface) else { return };
        match what {
            Overheard::Advert(sighting) => {
                self.counters.overheard += 1;
                let concerns = segment.concerns(&self.config, sighting);
                if !segment.neighbours.hear(now, mac, sighting, concerns) {
                    self.counters.overflow += 1;
                }
            }
            Overheard::Binding { address, mac } => {
                let room = segment.bindings.len() < BINDINGS || segment.bindings.contains_key(address);
                if self.vips.contains(address) && room {
                    segment.bindings.insert(*address, Binding { mac: *mac, last: now });
                }
            }
            Overheard::Malformed => self.counters.malformed += 1,
        }
    }

    /// An advert that left this host.
    pub fn left(&mut self, interface: &InterfaceName, sighting: &Sighting<'_>) {
        let Some(segment) = self.segments.get(interface) else { return };
        for one in segment.instances(&self.config, sighting.family(), sighting.advert.vrid) {
            self.departures.seen(&one.name);
        }
    }

    /// Whether it has to be seen if adverts leave by this interface: now and then, while there is a master on it.
    #[must_use]
    pub fn watches_departures(&self, interface: &InterfaceName) -> bool {
        let places =
            self.segments.get(interface).into_iter().flat_map(|segment| segment.ours.values().flatten());
        let mut on = places.filter_map(|place| self.config.instances.get(*place));
        on.any(|one| self.departures.is_open(&one.name))
    }

    /// What the election says: which sockets it has, who was heard by them since the last time, how its instances are. To be told
    /// after everything that was on the wire before the election was asked.
    pub fn compare(
        &mut self,
        now: Time,
        listening: BTreeSet<Place>,
        arrived: &[Arrival],
        standings: Vec<Standing>,
    ) {
        for arrival in arrived {
            if let Some(segment) = self.segments.get_mut(&arrival.interface) {
                segment.neighbours.arrived(Family::of(arrival.source), arrival.source, arrival.vrid);
            }
        }
        for (interface, segment) in &mut self.segments {
            let heard = |family, wrapping| {
                let place = Place { interface: interface.clone(), family, wrapping };
                // A socket that was opened since the last time has not heard everything since then.
                listening.contains(&place) && self.listening.contains(&place)
            };
            self.counters.swallowed += segment.neighbours.settle(heard);
        }
        self.listening = listening;
        self.departures.look(now, &standings);
        self.standings = standings.into_iter().map(|one| (one.instance.clone(), one)).collect();
    }

    /// Applies every rule to what is known now, forgets what is old, and gives what is new.
    pub fn judge(&mut self, now: Time) -> News {
        for segment in self.segments.values_mut() {
            segment.neighbours.forget(now);
            segment.bindings.retain(|_, binding| now.since(binding.last) < FORGOTTEN);
        }
        let standing = self.found(now);
        let mut news = News::default();
        for (identity, known) in &mut self.known {
            if known.ended.is_none() && !standing.contains_key(identity) {
                known.ended = Some(now);
                news.ended.push(known.finding.clone());
            }
        }
        self.known.retain(|_, known| known.ended.is_none_or(|ended| now.since(ended) < QUIET));
        for (identity, finding) in standing {
            self.stand(now, identity, finding, &mut news);
        }
        news
    }

    fn stand(&mut self, now: Time, identity: finding::Identity, finding: Finding, news: &mut News) {
        if let Some(known) = self.known.get_mut(&identity) {
            known.finding = finding;
            known.ended = None;
            return;
        }
        self.counters.findings += 1;
        if self.known.len() >= FINDINGS {
            return;
        }
        if self.may_tell(now) {
            news.begun.push(finding.clone());
        }
        self.known.insert(identity, Known { finding, since: now, ended: None });
    }

    /// So that a neighbour of a thousand faces does not fill the log.
    fn may_tell(&mut self, now: Time) -> bool {
        while self.told > 0 && now.since(self.refilled) >= REFILL {
            self.told -= 1;
            self.refilled = self.refilled + REFILL;
        }
        if self.told == 0 {
            self.refilled = now;
        }
        let may = self.told < BURST;
        self.told += u32::from(may);
        may
    }

    /// The findings that stand, and since when.
    pub fn findings(&self) -> impl Iterator<Item = (&Finding, Time)> {
        let stands = |known: &&Known| known.ended.is_none();
        self.known.values().filter(stands).map(|known| (&known.finding, known.since))
    }

    /// The interfaces that are listened to.
    pub fn segments(&self) -> impl Iterator<Item = SegmentView<'_>> {
        self.segments.iter().map(|(interface, segment)| SegmentView {
            interface,
            since: segment.since,
            free_vrid: self.free_vrid(interface, segment),
        })
    }

    /// Everybody who was heard lately, with what they are to us.
    pub fn neighbours(&self) -> impl Iterator<Item = (&InterfaceName, &Neighbour, Relation<'_>)> {
        self.segments.iter().flat_map(move |(interface, segment)| {
            let all = segment.neighbours.iter();
            all.map(move |neighbour| (interface, neighbour, self.relation(segment, neighbour)))
        })
    }

    /// Everything that was counted.
    #[must_use]
    pub const fn counters(&self) -> RadarCounters {
        self.counters
    }

    /// Sets the counters to zero.
    pub fn clear_counters(&mut self) {
        self.counters = RadarCounters::default();
    }

    /// A VRID is one of a link, of either family; strangers may come back, so what is remembered counts.
    fn free_vrid(&self, interface: &InterfaceName, segment: &Segment) -> Option<u8> {
        let on = self.config.instances.iter().filter(|one| {
            one.advert_interface() == Some(interface) || one.interface.as_ref() == Some(interface)
        });
        let ours = on.map(|one| one.vrid.get());
        let used: BTreeSet<u8> = ours.chain(segment.neighbours.iter().map(|one| one.vrid)).collect();
        (1..=u8::MAX).find(|vrid| !used.contains(vrid))
    }
}

/// The interfaces that adverts of these instances come in by.
pub fn interfaces(config: &VrrpConfig) -> impl Iterator<Item = &InterfaceName> {
    config.instances.iter().filter_map(Instance::advert_interface)
}
