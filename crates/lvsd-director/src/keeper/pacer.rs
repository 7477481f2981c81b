//! When which address is announced: rounds over all addresses, with a least gap per interface, or per group of interfaces
//! (`garp_group`).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use lvsd_model::{ExtraAddresses, Family, GarpGroup, Instance, InterfaceName, VirtualAddress, VrrpConfig};
use lvsd_vrrp::{Announce, AnnounceScope, InstanceId};

/// Announcements of one kind on one interface share a gap.
type Lane = (InterfaceName, Family);

/// Lanes of a group share a gate; the others have one each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    Lane(Lane),
    Group(usize, Family),
}

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

#[derive(Debug)]
struct Queue {
    blocks: VecDeque<Block>,
    gate: Gate,
}

/// Everything that is still to be announced. One block per instance, lane and list of addresses at most, so that it cannot grow
/// without bound, however often an instance asks.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    lanes: BTreeMap<Lane, Queue>,
    last: Option<Lane>,
    groups: Vec<GarpGroup>,
    /// The group of an interface. What lives above one shares its group.
    group_of: HashMap<InterfaceName, usize>,
    /// When each gate lets the next one through.
    opens_at: BTreeMap<Gate, Duration>,
}

impl Pacer {
    /// Takes the groups of a configuration; what is queued already goes as it would have.
    pub(crate) fn configure(&mut self, config: &VrrpConfig) {
        self.groups.clone_from(&config.garp_groups);
        let members = |(at, group): (usize, &GarpGroup)| {
            group.interfaces.iter().map(move |interface| (interface.clone(), at)).collect::<Vec<_>>()
        };
        self.group_of = self.groups.iter().enumerate().flat_map(members).collect();
        for link in config.instances.iter().flat_map(Instance::virtual_links) {
            if let Some(group) = self.group_of.get(&link.base).copied() {
                self.group_of.entry(link.name.clone()).or_insert(group);
            }
        }
    }

    /// The gate of a lane, and the gap behind each announcement of an instance there.
    fn gate(&self, lane: &Lane, config: &Instance) -> (Gate, Duration) {
        let (interface, family) = lane;
        let own = match family {
            Family::V4 => config.garp.arp_interval,
            Family::V6 => config.garp.na_interval,
        };
        let found = self.group_of.get(interface).and_then(|at| Some((*at, self.groups.get(*at)?)));
        let Some((at, group)) = found else { return (Gate::Lane(lane.clone()), own) };
        let of_group = match family {
            Family::V4 => group.arp_interval,
            Family::V6 => group.na_interval,
        };
        (Gate::Group(at, *family), of_group.unwrap_or(own))
    }

    /// Queues what `announce` asks for.
    pub(crate) fn push(&mut self, id: InstanceId, config: &Instance, announce: &Announce) {
        for (lane, addresses) in by_lane(config, announce.scope) {
            let (gate, gap) = self.gate(&lane, config);
            let new = || Queue { blocks: VecDeque::new(), gate: gate.clone() };
            let queue = self.lanes.entry(lane).or_insert_with(new);
            queue.gate = gate;
            let blocks = &mut queue.blocks;
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
        // A gate that was open long ago says nothing.
        let lanes = &self.lanes;
        self.opens_at.retain(|gate, _| match gate {
            Gate::Lane(lane) => lanes.contains_key(lane),
            Gate::Group(..) => true,
        });
    }

    /// The next announcement that may be sent now; the lanes take turns.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Due> {
        let after = self.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let open = |gate: &Gate| self.opens_at.get(gate).is_none_or(|at| *at <= now);
        let due = |(_, queue): &(&Lane, &mut Queue)| !queue.blocks.is_empty() && open(&queue.gate);
        let lane = match self.lanes.range_mut((after, Bound::Unbounded)).find(due) {
            Some((lane, _)) => lane.clone(),
            None => self.lanes.iter_mut().find(due).map(|(lane, _)| lane.clone())?,
        };
        let queue = self.lanes.get_mut(&lane)?;
        let (id, address, gap) = queue.take()?;
        self.opens_at.insert(queue.gate.clone(), now + gap);
        self.last = Some(lane.clone());
        Some(Due { id, interface: lane.0, address })
    }

    /// When there will be something to send.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let waiting = self.lanes.values().filter(|queue| !queue.blocks.is_empty());
        waiting.map(|queue| self.opens_at.get(&queue.gate).copied().unwrap_or_default()).min()
    }
}

impl Queue {
    /// Takes one address; after a whole round the block goes to the end, so that the first rounds of all instances come before
    /// the second of any.
    fn take(&mut self) -> Option<(InstanceId, IpAddr, Duration)> {
        let mut block = self.blocks.pop_front()?;
        let address = block.addresses.get(block.position).copied();
        block.position += 1;
        let (id, gap) = (block.id, block.gap);
        if block.position < block.addresses.len() {
            self.blocks.push_front(block);
        } else if block.rounds > 1 {
            block.rounds -= 1;
            block.position = 0;
            self.blocks.push_back(block);
        }
        address.map(|address| (id, address, gap))
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
    let own = config.perch().addresses();
    let virtual_addresses = config.addresses.iter().chain(&config.excluded);
    match scope {
        AnnounceScope::All => {
            virtual_addresses.for_each(|line| add(line.interface.as_ref().or(own), line.address));
        }
        AnnounceScope::Address(address) => virtual_addresses
            .filter(|line| line.address == address)
            .for_each(|line| add(line.interface.as_ref().or(own), line.address)),
        AnnounceScope::Quiet(which) => {
            for vmac in config.perch().quiet_vmacs() {
                let there = |line: &&VirtualAddress| line.interface.as_ref().or(own) == Some(&vmac.name);
                let most = match which {
                    ExtraAddresses::First => 1,
                    ExtraAddresses::All => usize::MAX,
                };
                let lines = config.addresses.iter().chain(&config.excluded).filter(there).take(most);
                lines.for_each(|line| add(Some(&vmac.name), line.address));
            }
        }
        // Adverts may leave by another interface, but who asks for the source finds it at the one that has it.
        AnnounceScope::Source(address) => add(config.interface.as_ref(), address),
    }
    lanes
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use lvsd_model::{
        AdvertInterval, Broadcast, GarpPolicy, InitialState, Notify, Preempt, PreferredLifetime, Priority,
        Trackers, Transport, Version, VirtualAddress, Vrid, VrrpConfig,
    };
    use lvsd_vrrp::{AnnounceReason, LinkState, Router, Time};

    use super::*;

    fn line(address: IpAddr, interface: Option<&str>) -> VirtualAddress {
        VirtualAddress {
            address,
            prefix_len: 32,
            interface: interface.and_then(InterfaceName::new),
            scope: None,
            broadcast: Broadcast::None,
            label: None,
            peer: None,
            no_prefix_route: false,
            no_track: false,
            no_dad: true,
            preferred: PreferredLifetime::Forever,
            flags: lvsd_model::AddressFlags::default(),
        }
    }

    fn instance(name: &str, addresses: Vec<VirtualAddress>, gap: Duration) -> Instance {
        Instance {
            name: name.to_owned(),
            version: Version::V3,
            family: Family::V4,
            interface: InterfaceName::new("eth0"),
            vrid: Vrid::new(u8::try_from(name.len()).expect("short")).expect("not zero"),
            priority: Priority::DEFAULT,
            initial: InitialState::Backup,
            advert_interval: AdvertInterval::SECOND,
            preempt: Preempt::Never,
            source: None,
            transport: Transport::Multicast { group: Transport::default_group(Family::V4) },
            auth: None,
            addresses,
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            promote_secondaries: false,
            garp: GarpPolicy { arp_interval: gap, ..GarpPolicy::default() },
            down_timer_adverts: 3,
            leave_detection: true,
            master_inquiry: false,
            resign_on_priority_drop: false,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignores_adverts: false,
            late_backup: None,
            skip_check_adv_addr: false,
            v3_checksum_as_v2: false,
            ignore_own_interface: false,
            trackers: Trackers::default(),
            notify: Notify::default(),
            own_link: None,
            address_links: Vec::new(),
            accept: lvsd_model::Accept::Everything,
            track_source: false,
            vrf: None,
        }
    }

    /// Identities are the engine's to give.
    fn identities(instances: &[&Instance]) -> Vec<InstanceId> {
        let mut router = Router::new(Time::ZERO);
        let eth0 = InterfaceName::new("eth0").expect("a name");
        router.link(Time::ZERO, &eth0, LinkState::Up);
        let instances = instances.iter().map(|instance| (*instance).clone()).collect();
        router.apply(Time::ZERO, &VrrpConfig { instances, ..VrrpConfig::default() }).added
    }

    const fn ip(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    const fn all(rounds: u32) -> Announce {
        Announce { rounds, scope: AnnounceScope::All, reason: AnnounceReason::BecameMaster }
    }

    fn drain(pacer: &mut Pacer, now: Duration) -> Vec<IpAddr> {
        std::iter::from_fn(|| pacer.pop(now)).map(|due| due.address).collect()
    }

    #[test]
    fn addresses_take_turns_and_rounds_follow_each_other() {
        let config = instance("a", vec![line(ip(1), None), line(ip(2), None)], Duration::ZERO);
        let id = identities(&[&config])[0];
        let mut pacer = Pacer::default();
        pacer.push(id, &config, &all(3));
        assert_eq!(pacer.deadline(), Some(Duration::ZERO));
        assert_eq!(drain(&mut pacer, Duration::ZERO), [ip(1), ip(2)].repeat(3));
        assert_eq!(pacer.deadline(), None);
    }

    #[test]
    fn the_first_rounds_of_all_instances_come_first() {
        let (a, b) = (
            instance("a", vec![line(ip(1), None)], Duration::ZERO),
            instance("bb", vec![line(ip(2), None)], Duration::ZERO),
        );
        let ids = identities(&[&a, &b]);
        let mut pacer = Pacer::default();
        pacer.push(ids[0], &a, &all(2));
        pacer.push(ids[1], &b, &all(2));
        assert_eq!(drain(&mut pacer, Duration::ZERO), [ip(1), ip(2), ip(1), ip(2)]);
    }

    #[test]
    fn the_gap_is_kept_per_interface() {
        let gap = Duration::from_millis(5);
        let lines = vec![line(ip(1), None), line(ip(2), None), line(ip(3), Some("eth1"))];
        let config = instance("a", lines, gap);
        let id = identities(&[&config])[0];
        let mut pacer = Pacer::default();
        pacer.push(id, &config, &all(1));
        let start = Duration::from_secs(1);
        let mut first = drain(&mut pacer, start);
        first.sort();
        assert_eq!(first, [ip(1), ip(3)]);
        assert_eq!(pacer.deadline(), Some(start + gap));
        assert_eq!(drain(&mut pacer, start + gap / 2), [] as [IpAddr; 0]);
        assert_eq!(drain(&mut pacer, start + gap), [ip(2)]);
    }

    #[test]
    fn the_interfaces_of_a_group_share_one_gap() {
        let [eth0, eth1] = ["eth0", "eth1"].map(|name| InterfaceName::new(name).expect("a name"));
        let gap = Duration::from_millis(5);
        let group = GarpGroup { interfaces: vec![eth0, eth1], arp_interval: Some(gap), na_interval: None };
        let member = instance("a", vec![line(ip(1), None), line(ip(2), Some("eth1"))], Duration::ZERO);
        let other = instance("bb", vec![line(ip(3), Some("eth2"))], Duration::ZERO);
        let ids = identities(&[&member, &other]);
        let mut pacer = Pacer::default();
        pacer.configure(&VrrpConfig { garp_groups: vec![group], ..VrrpConfig::default() });
        pacer.push(ids[1], &other, &all(2));
        let start = Duration::from_secs(1);
        assert_eq!(drain(&mut pacer, start), [ip(3), ip(3)], "an interface of no group");
        pacer.push(ids[0], &member, &all(2));
        assert_eq!(drain(&mut pacer, start), [ip(1)], "one of the group");
        assert_eq!(pacer.deadline(), Some(start + gap));
        let each = [1, 2, 3].map(|times| drain(&mut pacer, start + gap * times));
        assert_eq!(each, [vec![ip(2)], vec![ip(1)], vec![ip(2)]]);
        assert_eq!(pacer.deadline(), None);
    }

    #[test]
    fn quiet_vmacs_are_announced_by_one_address_or_by_all() {
        use lvsd_model::{AdvertsBy, MacAddress, OwnLink, VirtualLink, VirtualLinkKind};
        let vmac = |name: &str, base: &str| VirtualLink {
            name: InterfaceName::new(name).expect("a name"),
            base: InterfaceName::new(base).expect("a name"),
            kind: VirtualLinkKind::Vmac { mac: MacAddress([2, 0, 0, 0, 0, 1]) },
            group: None,
            family: Family::V4,
            carries_ipv6: false,
        };
        let lines = vec![line(ip(1), None), line(ip(2), Some("vrrp.9")), line(ip(3), Some("vrrp.9"))];
        let mut config = instance("a", lines, Duration::ZERO);
        config.own_link = Some(OwnLink { link: vmac("vrrp.1", "eth0"), adverts: AdvertsBy::Link });
        config.address_links = vec![vmac("vrrp.9", "eth9")];
        let announced = |which, adverts| {
            let mut config = config.clone();
            config.own_link.as_mut().expect("it has one").adverts = adverts;
            let id = identities(&[&config])[0];
            let mut pacer = Pacer::default();
            let scope = AnnounceScope::Quiet(which);
            pacer.push(id, &config, &Announce { scope, reason: AnnounceReason::Extra, ..all(1) });
            let mut announced = drain(&mut pacer, Duration::ZERO);
            announced.sort();
            announced
        };
        assert_eq!(announced(ExtraAddresses::First, AdvertsBy::Link), [ip(2)]);
        assert_eq!(announced(ExtraAddresses::All, AdvertsBy::Link), [ip(2), ip(3)]);
        assert_eq!(announced(ExtraAddresses::First, AdvertsBy::Base), [ip(1), ip(2)]);
    }

    #[test]
    fn asking_again_does_not_pile_up_and_a_release_forgets() {
        let config = instance("a", vec![line(ip(1), None)], Duration::ZERO);
        let id = identities(&[&config])[0];
        let mut pacer = Pacer::default();
        for _ in 0..1000 {
            pacer.push(id, &config, &all(u32::MAX));
        }
        pacer.push(id, &config, &Announce { scope: AnnounceScope::Address(ip(9)), ..all(5) });
        assert_eq!(pacer.lanes.values().map(|queue| queue.blocks.len()).sum::<usize>(), 1);
        assert!((0..100).all(|_| pacer.pop(Duration::ZERO).is_some()));
        pacer.forget(id);
        assert_eq!(pacer.pop(Duration::ZERO), None);
    }
}
