//! When which address is announced: rounds over all addresses, with a least gap per interface.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use lvsd_model::{Family, Instance, InterfaceName};
use lvsd_vrrp::{Announce, AnnounceScope, InstanceId};

/// Announcements of one kind on one interface share a gap.
type Lane = (InterfaceName, Family);

/// An announcement to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Whose it is.
    pub(crate) id: InstanceId,
    /// Where it goes.
    pub(crate) interface: InterfaceName,
    /// What it announces.
    pub(crate) address: IpAddr,
}

/// Rounds of one instance that are still to be sent in one lane.
#[derive(Debug)]
struct Block {
    id: InstanceId,
    addresses: Vec<IpAddr>,
    rounds: u32,
    position: usize,
    gap: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    blocks: VecDeque<Block>,
    next_at: Duration,
}

/// Everything that is still to be announced. One block per instance, lane and list of addresses at most, so that it cannot grow
/// without bound, however often an instance asks.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    lanes: BTreeMap<Lane, Queue>,
    last: Option<Lane>,
}

impl Pacer {
    /// Queues what `announce` asks for.
    pub(crate) fn push(&mut self, id: InstanceId, config: &Instance, announce: &Announce) {
        for (lane, addresses) in by_lane(config, announce.scope) {
            let gap = match lane.1 {
                Family::V4 => config.garp.arp_interval,
                Family::V6 => config.garp.na_interval,
            };
            let blocks = &mut self.lanes.entry(lane).or_default().blocks;
            match blocks.iter_mut().find(|block| block.id == id && block.addresses == addresses) {
                Some(waiting) => waiting.rounds = waiting.rounds.max(announce.rounds),
                None => blocks.push_back(Block { id, addresses, rounds: announce.rounds, position: 0, gap }),
            }
        }
    }

    /// Drops what an instance has not announced yet.
    pub(crate) fn forget(&mut self, id: InstanceId) {
        for queue in self.lanes.values_mut() {
            queue.blocks.retain(|block| block.id != id);
        }
        self.lanes.retain(|_, queue| !queue.blocks.is_empty());
    }

    /// The next announcement that may be sent now; the lanes take turns.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Due> {
        let after = self.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let due = |(_, queue): &(&Lane, &mut Queue)| queue.next_at <= now && !queue.blocks.is_empty();
        let lane = match self.lanes.range_mut((after, Bound::Unbounded)).find(due) {
            Some((lane, _)) => lane.clone(),
            None => self.lanes.iter_mut().find(due).map(|(lane, _)| lane.clone())?,
        };
        let (id, address) = self.lanes.get_mut(&lane)?.take(now)?;
        self.last = Some(lane.clone());
        Some(Due { id, interface: lane.0, address })
    }

    /// When there will be something to send.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.lanes.values().filter(|queue| !queue.blocks.is_empty()).map(|queue| queue.next_at).min()
    }
}

impl Queue {
    /// Takes one address; after a whole round the block goes to the end, so that the first rounds of all instances come before
    /// the second of any.
    fn take(&mut self, now: Duration) -> Option<(InstanceId, IpAddr)> {
        let mut block = self.blocks.pop_front()?;
        let address = block.addresses.get(block.position).copied();
        self.next_at = now + block.gap;
        block.position += 1;
        let id = block.id;
        if block.position < block.addresses.len() {
            self.blocks.push_front(block);
        } else if block.rounds > 1 {
            block.rounds -= 1;
            block.position = 0;
            self.blocks.push_back(block);
        }
        address.map(|address| (id, address))
    }
}

/// The addresses of a scope in order, by lane.
fn by_lane(config: &Instance, scope: AnnounceScope) -> BTreeMap<Lane, Vec<IpAddr>> {
    let mut lanes: BTreeMap<Lane, Vec<IpAddr>> = BTreeMap::new();
    let mut add = |interface: Option<&InterfaceName>, address: IpAddr| {
        if let Some(interface) = interface {
            lanes.entry((interface.clone(), Family::of(address))).or_default().push(address);
        }
    };
    let own = config.interface.as_ref();
    let virtual_addresses = config.addresses.iter().chain(&config.excluded);
    match scope {
        AnnounceScope::All => {
            virtual_addresses.for_each(|line| add(line.interface.as_ref().or(own), line.address));
        }
        AnnounceScope::Address(address) => virtual_addresses
            .filter(|line| line.address == address)
            .for_each(|line| add(line.interface.as_ref().or(own), line.address)),
        AnnounceScope::Source(address) => add(own, address),
    }
    lanes
}
