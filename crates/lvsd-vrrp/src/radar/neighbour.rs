//! Who sends adverts on an interface.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lvsd_model::{Family, Instance, Transport};

use super::overheard::{Gist, Sighting};
use super::{FORGOTTEN, MacAddress, Radar, Segment, Wrapping};
use crate::time::Time;

/// Senders that are remembered, per interface.
pub const NEIGHBOURS: usize = 256;
/// Whoever was heard this often only, and not for so long, makes room for others.
const FLEETING: u64 = 3;
const FLEETING_FOR: Duration = Duration::from_secs(30);
/// Intervals without an advert after which a master is none any more.
const SILENCE: u32 = 4;
/// The least of such a silence: who advertises every 10 ms may be late.
const LEAST_SILENCE: Duration = Duration::from_millis(200);

/// A sender of adverts for one virtual router.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its address.
    pub source: IpAddr,
    /// The virtual router.
    pub vrid: u8,
    /// Where its frames come from, when the link says.
    pub mac: Option<MacAddress>,
    /// Its priority.
    pub priority: u8,
    /// What its adverts are like.
    pub gist: Gist,
    /// Its virtual addresses.
    pub addresses: Vec<IpAddr>,
    /// When it was first heard.
    pub first: Time,
    /// When it was last heard.
    pub last: Time,
    /// How many adverts.
    pub count: u64,
    /// Since when it has been heard without a pause.
    pub(super) run_since: Time,
    /// How many adverts since then.
    pub(super) run: u64,
    /// Adverts for us since one of its last arrived.
    pub(super) unmet: u32,
    /// Of those, which were not counted as swallowed yet.
    uncounted: u32,
    arrived: bool,
}

/// What a neighbour is to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation<'a> {
    /// A router of the same virtual router as this instance.
    Peer(&'a Instance),
    /// It uses the VRID of this instance for something else.
    Stranger(&'a Instance),
    /// It has nothing to do with us.
    Other,
}

impl Neighbour {
    fn new(now: Time, sighting: &Sighting<'_>) -> Self {
        Self {
            source: sighting.source,
            vrid: sighting.advert.vrid,
            mac: None,
            priority: sighting.advert.priority,
            gist: sighting.gist(),
            addresses: Vec::new(),
            first: now,
            last: now,
            count: 0,
            run_since: now,
            run: 0,
            unmet: 0,
            uncounted: 0,
            arrived: false,
        }
    }

    /// The family of its adverts.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.source)
    }

    /// Its interval.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.gist.interval_centis) * 10)
    }

    /// Whether it speaks as a master now.
    #[must_use]
    pub fn is_master(&self, now: Time) -> bool {
        self.priority > 0 && now.since(self.last) < self.silence()
    }

    fn silence(&self) -> Duration {
        (self.interval() * SILENCE).max(LEAST_SILENCE)
    }

    fn hear(&mut self, now: Time, mac: Option<MacAddress>, sighting: &Sighting<'_>, concerns: bool) {
        if now.since(self.last) >= self.silence() || self.priority == 0 {
            (self.run_since, self.run) = (now, 0);
            // What was missed long ago says nothing about now.
            (self.unmet, self.uncounted) = (0, 0);
        }
        self.mac = mac.or(self.mac);
        self.priority = sighting.advert.priority;
        self.gist = sighting.gist();
        if !sighting.advert.addresses.iter().eq(self.addresses.iter().copied()) {
            self.addresses = sighting.advert.addresses.iter().collect();
        }
        self.last = now;
        self.count += 1;
        self.run += 1;
        if concerns {
            self.unmet = self.unmet.saturating_add(1);
            self.uncounted = self.uncounted.saturating_add(1);
        }
    }

    /// Gives what was swallowed since the last time.
    fn settle(&mut self, listened: bool) -> u64 {
        if std::mem::take(&mut self.arrived) || !listened {
            (self.unmet, self.uncounted) = (0, 0);
        }
        // One may still be on its way.
        if self.unmet < 2 { 0 } else { u64::from(std::mem::take(&mut self.uncounted)) }
    }

    /// What it is to an instance of the same VRID, family and interface: addresses say who belongs together.
    pub(super) fn is_peer_of(&self, config: &Instance) -> bool {
        let named = match &config.transport {
            Transport::Unicast { peers, .. } => peers.iter().any(|peer| peer.address == self.source),
            Transport::Multicast { .. } => false,
        };
        let shares = || config.addresses.iter().any(|line| self.addresses.contains(&line.address));
        named || config.addresses.is_empty() || self.addresses.is_empty() || shares()
    }
}

#[derive(Debug, Default)]
pub(super) struct Neighbours {
    table: BTreeMap<(Family, u8, IpAddr), Neighbour>,
}

impl Neighbours {
    /// Whether there was room for it.
    pub(super) fn hear(
        &mut self,
        now: Time,
        mac: Option<MacAddress>,
        sighting: &Sighting<'_>,
        concerns: bool,
    ) -> bool {
        let key = (sighting.family(), sighting.advert.vrid, sighting.source);
        if self.table.len() >= NEIGHBOURS && !self.table.contains_key(&key) {
            return false;
        }
        let neighbour = self.table.entry(key).or_insert_with(|| Neighbour::new(now, sighting));
        neighbour.hear(now, mac, sighting, concerns);
        true
    }

    pub(super) fn arrived(&mut self, family: Family, source: IpAddr, vrid: u8) {
        if let Some(neighbour) = self.table.get_mut(&(family, vrid, source)) {
            neighbour.arrived = true;
        }
    }

    pub(super) fn settle(&mut self, listened: impl Fn(Family, Wrapping) -> bool) -> u64 {
        let settle = |one: &mut Neighbour| one.settle(listened(one.family(), one.gist.wrapping));
        self.table.values_mut().map(settle).sum()
    }

    pub(super) fn forget(&mut self, now: Time) {
        self.table.retain(|_, one| {
            let patience = if one.count < FLEETING { FLEETING_FOR } else { FORGOTTEN };
            now.since(one.last) < patience
        });
    }

    /// Those of one virtual router.
    pub(super) fn of(&self, family: Family, vrid: u8) -> impl Iterator<Item = &Neighbour> {
        let least = (family, vrid, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let same = move |key: &(Family, u8, IpAddr)| (key.0, key.1) == (family, vrid);
        self.table.range(least..).take_while(move |(key, _)| same(key)).map(|(_, one)| one)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.table.values()
    }
}

impl Radar {
    /// What a neighbour on an interface is to this host.
    pub(super) fn relation(&self, segment: &Segment, neighbour: &Neighbour) -> Relation<'_> {
        let places = segment.ours.get(&(neighbour.family(), neighbour.vrid)).into_iter().flatten();
        let mut same = places.filter_map(|place| self.config.instances.get(*place));
        let Some(first) = same.clone().next() else { return Relation::Other };
        match same.find(|one| neighbour.is_peer_of(one)) {
            Some(config) => Relation::Peer(config),
            None => Relation::Stranger(first),
        }
    }
}
