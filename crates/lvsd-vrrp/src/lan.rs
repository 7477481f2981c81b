//! A LAN that does not exist, with routers on it that are real: the engine that runs in the daemon, the packets that it sends.
//!
//! It is for asking what an election would come to. Everything on it happens at a time of its own, and the same things happen
//! each time: packets take [`DELAY`], scripts succeed unless they are told to fail, nothing is random.
//!
//! Adverts are written and read as on the wire, so that routers that do not understand each other there do not do so here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{Auth, Family, Instance, InterfaceName, Transport, VrrpConfig};

use crate::engine::{
    Action, Cause, InstanceId, JournalEntry, LinkState, Output, Router, ShutdownMode, State, Transition,
};
use crate::judge::Outcome;
use crate::time::{Time, WallTime};
use crate::wire::{Carrier, Envelope, OutgoingAdvert, RxMeta, Signer, TTL, destinations};

/// What a packet takes from one host to the others.
pub const DELAY: Duration = Duration::from_micros(200);
/// When a script has its first result after the start, and then at its interval.
const FIRST_RESULT: Duration = Duration::from_millis(20);
/// Signatures have a date: some day, the same for all.
const TODAY: Duration = Duration::from_secs(1_700_000_000);

/// A host of a [`Lan`], by the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// Something that happens to a host, or between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incident {
    /// It loses its power.
    Kill(HostId),
    /// It is switched off in an orderly way: masters resign.
    Stop(HostId),
    /// It is started, or started again.
    Start(HostId),
    /// It does not run for so long; packets wait for it.
    Pause(HostId, Duration),
    /// Packets between the two are lost, in both directions.
    Partition(HostId, HostId),
    /// Packets from the first to the second are lost.
    Deafen(HostId, HostId),
    /// Packets between the two arrive again.
    Heal(HostId, HostId),
    /// An interface of it loses its carrier.
    LinkDown(HostId, InterfaceName),
    /// An interface of it has its carrier again.
    LinkUp(HostId, InterfaceName),
    /// A tracked script of it fails from now on.
    Fail(HostId, String),
    /// A tracked script of it succeeds from now on.
    Succeed(HostId, String),
}

/// A line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// When.
    pub at: Duration,
    /// What.
    pub event: Event,
}

/// What is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something was made to happen.
    Incident(Incident),
    /// An instance changed its state.
    State {
        /// Of which host.
        host: HostId,
        /// Its name.
        instance: String,
        /// From.
        from: State,
        /// To.
        to: State,
        /// Its priority then.
        priority: u8,
        /// Why, with the numbers.
        why: String,
    },
    /// The routers that are master of a virtual router are not one any more, or are one again.
    Masters {
        /// The virtual router: VRID and family.
        router: (u8, Family),
        /// Who is.
        hosts: Vec<HostId>,
    },
}

#[derive(Debug)]
struct Host {
    config: Arc<VrrpConfig>,
    number: u8,
    router: Option<Router>,
    signers: HashMap<InstanceId, Signer>,
    down: BTreeSet<InterfaceName>,
    failing: BTreeSet<String>,
    paused_until: Option<Duration>,
    inbox: Vec<Packet>,
    /// So that scripts of an earlier life have no results any more.
    life: u64,
}

/// An advert under way.
#[derive(Clone, Debug)]
struct Packet {
    from: IpAddr,
    to: IpAddr,
    hops: u8,
    carrier: Carrier,
    octets: Vec<u8>,
}

#[derive(Debug)]
enum Due {
    Incident(Incident),
    Arrival(HostId, Packet),
    Scripts(HostId, u64, String),
    Resume(HostId),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Lan {
    now: Duration,
    hosts: Vec<Host>,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    due: HashMap<u64, Due>,
    sequence: u64,
    /// From the first to the second nothing arrives.
    cuts: BTreeSet<(HostId, HostId)>,
    story: Vec<Scene>,
    masters: BTreeMap<(u8, Family), Vec<HostId>>,
}

impl Lan {
    /// Adds a host, which is not started yet. Its addresses are 10.255.255.N and fe80::N where the configuration has no source; of two
    /// with equal priorities the one added later has the higher address. At most 254.
    pub fn add(&mut self, config: VrrpConfig) -> HostId {
        let id = HostId(self.hosts.len());
        let number = id_number(id);
        self.hosts.push(Host {
            config: Arc::new(config),
            number,
            router: None,
            signers: HashMap::new(),
            down: BTreeSet::new(),
            failing: BTreeSet::new(),
            paused_until: None,
            inbox: Vec::new(),
            life: 0,
        });
        id
    }

    /// Has something happen at a time; of things at one time the one that was told first comes first.
    pub fn plan(&mut self, at: Duration, incident: Incident) {
        self.push(at.max(self.now), Due::Incident(incident));
    }

    /// Lets everything happen until this moment, and gives the story so far.
    pub fn run_until(&mut self, end: Duration) -> &[Scene] {
        while let Some((when, host)) = self.next().filter(|(when, _)| *when <= end) {
            self.now = self.now.max(when);
            match host {
                Some(host) => self.call(host, |router, now| router.handle_timeout(now)),
                None => self.happen(),
            }
            self.look_at_masters();
        }
        self.now = self.now.max(end);
        &self.story
    }

    /// Every instance of every host that runs, with its state and its priority in force.
    pub fn states(&self) -> impl Iterator<Item = (HostId, &str, State, u8)> {
        let alive = self.hosts.iter().enumerate().filter_map(|(id, host)| Some((id, host.router.as_ref()?)));
        alive.flat_map(|(id, router)| {
            let view = router.instances();
            view.map(move |view| {
                (HostId(id), view.config.name.as_str(), view.state, view.effective_priority.get())
            })
        })
    }

    /// Every virtual router, with those hosts that are its master.
    #[must_use]
    pub const fn masters(&self) -> &BTreeMap<(u8, Family), Vec<HostId>> {
        &self.masters
    }

    fn push(&mut self, at: Duration, due: Due) {
        self.sequence += 1;
        self.due.insert(self.sequence, due);
        self.queue.push(Reverse((at, self.sequence)));
    }

    /// What comes next: a host's timer, or what is in the queue. At one time the queue is first: what came in time counts.
    fn next(&mut self) -> Option<(Duration, Option<HostId>)> {
        let queued = self.queue.peek().map(|Reverse((at, _))| (*at, None));
        let timer = |(id, host): (usize, &mut Host)| {
            let router = host.router.as_mut().filter(|_| host.paused_until.is_none())?;
            Some((router.poll_timeout()?.since_start(), Some(HostId(id))))
        };
        let timer = self.hosts.iter_mut().enumerate().filter_map(timer).min();
        [queued, timer].into_iter().flatten().min()
    }

    fn happen(&mut self) {
        let Some(due) = self.queue.pop().and_then(|Reverse((_, number))| self.due.remove(&number)) else {
            return;
        };
        match due {
            Due::Incident(incident) => self.incident(incident),
            Due::Arrival(to, packet) => self.arrive(to, packet),
            Due::Scripts(host, life, script) => self.run_script(host, life, script),
            Due::Resume(host) => self.resume(host),
        }
    }

    fn tell(&mut self, event: Event) {
        self.story.push(Scene { at: self.now, event });
    }

    fn incident(&mut self, incident: Incident) {
        self.tell(Event::Incident(incident.clone()));
        match incident {
            Incident::Kill(host) => self.with(host, |host| host.router = None),
            Incident::Stop(host) => {
                self.call(host, |router, now| router.shutdown(now, ShutdownMode::Resign));
                self.with(host, |host| host.router = None);
            }
            Incident::Start(host) => self.start(host),
            Incident::Pause(host, span) => {
                let until = self.now + span;
                self.with(host, |host| host.paused_until = Some(until));
                self.push(until, Due::Resume(host));
            }
            Incident::Partition(a, b) => self.cuts.extend([(a, b), (b, a)]),
            Incident::Deafen(a, b) => {
                self.cuts.insert((a, b));
            }
            Incident::Heal(a, b) => self.cuts.retain(|cut| *cut != (a, b) && *cut != (b, a)),
            Incident::LinkDown(host, link) => {
                self.with(host, |host| {
                    host.down.insert(link.clone());
                });
                self.call(host, |router, now| router.link(now, &link, LinkState::Down));
            }
            Incident::LinkUp(host, link) => {
                self.with(host, |host| {
                    host.down.remove(&link);
                });
                self.call(host, |router, now| router.link(now, &link, LinkState::Up));
            }
            Incident::Fail(host, script) => self.with(host, |host| {
                host.failing.insert(script);
            }),
            Incident::Succeed(host, script) => self.with(host, |host| {
                host.failing.remove(&script);
            }),
        }
    }

    fn with(&mut self, host: HostId, act: impl FnOnce(&mut Host)) {
        if let Some(host) = self.hosts.get_mut(host.0) {
            act(host);
        }
    }

    fn start(&mut self, id: HostId) {
        let now = Time::after_start(self.now);
        let Some(host) = self.hosts.get_mut(id.0) else { return };
        host.life += 1;
        host.paused_until = None;
        host.inbox.clear();
        let mut router = Router::new(now);
        for interface in interfaces(&host.config) {
            let state = if host.down.contains(interface) { LinkState::Down } else { LinkState::Up };
            router.link(now, interface, state);
            for family in [Family::V4, Family::V6] {
                router.interface_address(now, interface, family, Some(own_address(host.number, family)));
            }
        }
        let config = Arc::clone(&host.config);
        router.apply(now, &config);
        host.router = Some(router);
        let life = host.life;
        for file in &config.files {
            self.call(id, |router, now| router.file_value(now, &file.name, 0));
        }
        for process in &config.processes {
            self.call(id, |router, now| router.process_quorum(now, &process.name, true));
        }
        // Neighbours are heard.
        let instances = config.instances.iter().map(|instance| &instance.trackers);
        let groups = config.groups.iter().map(|group| &group.trackers);
        for tracked in instances.chain(groups).flat_map(|trackers| &trackers.sessions) {
            self.call(id, |router, now| router.bfd_session(now, &tracked.session, true));
        }
        // Those without an interface find their source by a route.
        self.call(id, |router, now| {
            let routed: Vec<_> = router.instances().filter(|view| view.source.is_none()).collect();
            let routed: Vec<_> = routed.iter().map(|view| (view.id, view.config.family)).collect();
            for (instance, family) in routed {
                router.instance_source(now, instance, Some(own_address(id_number(id), family)));
            }
        });
        for script in &config.scripts {
            self.push(self.now + FIRST_RESULT, Due::Scripts(id, life, script.name.clone()));
        }
    }

    fn run_script(&mut self, id: HostId, life: u64, script: String) {
        let Some(host) = self.hosts.get(id.0).filter(|host| host.life == life && host.router.is_some())
        else {
            return;
        };
        let outcome = if host.failing.contains(&script) { Outcome::Failure } else { Outcome::Success };
        let config = host.config.scripts.iter().find(|one| one.name == script);
        let interval = config.map_or(Duration::from_secs(1), |one| one.interval);
        self.call(id, |router, now| router.script_result(now, &script, outcome));
        self.push(self.now + interval.max(Duration::from_millis(1)), Due::Scripts(id, life, script));
    }

    fn resume(&mut self, id: HostId) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(id.0) else { return };
        if host.paused_until.is_none_or(|until| until > now) {
            return;
        }
        host.paused_until = None;
        // As a driver does after a gap: first the sockets, then the clock.
        for packet in std::mem::take(&mut host.inbox) {
            self.receive(id, &packet);
        }
    }

    fn arrive(&mut self, id: HostId, packet: Packet) {
        const SOCKET_BUFFER: usize = 256;
        let Some(host) = self.hosts.get_mut(id.0).filter(|host| host.router.is_some()) else { return };
        if host.paused_until.is_none() {
            self.receive(id, &packet);
        } else if host.inbox.len() < SOCKET_BUFFER {
            host.inbox.push(packet);
        }
    }

    /// Taken in on the interface that an instance of the same virtual router has: the segments of a LAN are told apart by nothing
    /// else, since each host calls them as it likes.
    fn receive(&mut self, id: HostId, packet: &Packet) {
        let Some(host) = self.hosts.get(id.0) else { return };
        let vrid = crate::wire::peek_vrid(&packet.carrier, &packet.octets);
        let family = Family::of(packet.from);
        let fits = |one: &&Instance| Some(one.vrid) == vrid && one.family == family;
        let on: BTreeSet<_> =
            host.config.instances.iter().filter(fits).map(|one| advert_interface(one).cloned()).collect();
        let up: Vec<_> =
            on.into_iter().filter(|on| on.as_ref().is_none_or(|on| !host.down.contains(on))).collect();
        let wall = WallTime::after_epoch(TODAY + self.now);
        let meta =
            RxMeta { wall, carrier: packet.carrier, ..RxMeta::new(packet.from, packet.to, packet.hops) };
        for interface in up {
            self.call(id, |router, now| {
                router.receive(now, interface.as_ref(), meta, &packet.octets);
            });
        }
    }

    fn call(&mut self, id: HostId, act: impl FnOnce(&mut Router, Time)) {
        let now = Time::after_start(self.now);
        if let Some(router) = self.hosts.get_mut(id.0).and_then(|host| host.router.as_mut()) {
            act(router, now);
        }
        self.flush(id);
    }

    fn flush(&mut self, id: HostId) {
        while let Some(output) = self.hosts.get_mut(id.0).and_then(|host| host.router.as_mut()?.poll_output())
        {
            let Output::Instance { id: instance, config, action } = output else { continue };
            match action {
                Action::Send(advert) => self.send(id, instance, &config, &advert),
                Action::Transition(change) => self.changed(id, instance, &config, change),
                // A host that lost its power answers nothing; what it is asked makes no difference.
                Action::Inquire { .. }
                | Action::Addresses(_)
                | Action::Announce(_)
                | Action::LowerPriorityHeard { .. }
                | Action::PriorityChanged { .. } => {}
            }
        }
    }

    fn changed(&mut self, host: HostId, id: InstanceId, config: &Instance, change: Transition) {
        let Transition { from, to, cause, priority } = change;
        let router = self.hosts.get(host.0).and_then(|host| host.router.as_ref());
        let view = router.and_then(|router| router.instance(id));
        let entry = view.as_ref().and_then(|view| view.last_change()).filter(|_| cause != Cause::Shutdown);
        let why = entry.and_then(JournalEntry::cause_of_change).unwrap_or_else(|| cause.to_string());
        self.tell(Event::State { host, instance: config.name.clone(), from, to, priority, why });
    }

    fn send(&mut self, from: HostId, id: InstanceId, config: &Instance, advert: &OutgoingAdvert) {
        let wall = WallTime::after_epoch(TODAY + self.now);
        let Some(host) = self.hosts.get_mut(from.0) else { return };
        if advert_interface(config).is_some_and(|on| host.down.contains(on)) {
            return;
        }
        let signer = host.signers.entry(id).or_default();
        signer.begin(config, wall);
        let hops = match &config.transport {
            Transport::Multicast { .. } => TTL,
            Transport::Unicast { ttl, .. } => *ttl,
        };
        let mut packets = Vec::new();
        for destination in destinations(&config.transport) {
            let mut octets = Vec::new();
            let envelope = Envelope { destination, identification: 1, hops };
            signer.emit(advert, config, &envelope, &mut octets);
            let carrier = match &config.auth {
                Some(Auth::Ah(_)) => {
                    Carrier::Ah { header: ipv4_header(advert.source, destination, hops, octets.len()) }
                }
                Some(Auth::Pass(_) | Auth::Hmac(_)) | None => Carrier::Plain,
            };
            packets.push(Packet { from: advert.source, to: destination, hops, carrier, octets });
        }
        for packet in packets {
            self.transmit(from, &packet);
        }
    }

    fn transmit(&mut self, from: HostId, packet: &Packet) {
        for to in (0..self.hosts.len()).map(HostId) {
            let addressed = packet.to.is_multicast() || self.has_address(to, packet.to);
            if to != from && addressed && !self.cuts.contains(&(from, to)) {
                self.push(self.now + DELAY, Due::Arrival(to, packet.clone()));
            }
        }
    }

    fn has_address(&self, id: HostId, address: IpAddr) -> bool {
        let Some(host) = self.hosts.get(id.0) else { return false };
        let sources = host.config.instances.iter().filter_map(|one| one.source);
        sources.chain([own_address(host.number, Family::of(address))]).any(|one| one == address)
    }

    /// Two masters, or none, are worth a line.
    fn look_at_masters(&mut self) {
        let mut masters: BTreeMap<(u8, Family), Vec<HostId>> = BTreeMap::new();
        for (id, host) in self.hosts.iter().enumerate() {
            for one in &host.config.instances {
                masters.entry((one.vrid.get(), one.family)).or_default();
            }
            let views = host.router.iter().flat_map(Router::instances);
            for view in views.filter(|view| view.state == State::Master) {
                masters.entry((view.config.vrid.get(), view.config.family)).or_default().push(HostId(id));
            }
        }
        for (router, hosts) in masters {
            let before = self.masters.insert(router, hosts.clone()).unwrap_or_default();
            // Who is the one master is told by its change of state.
            if before != hosts && (hosts.len() != 1 || before.len() > 1) {
                self.tell(Event::Masters { router, hosts });
            }
        }
    }
}

const fn id_number(id: HostId) -> u8 {
    if id.0 < 254 { id.0 as u8 + 1 } else { u8::MAX }
}

/// What a host is called where its configuration does not say.
const fn own_address(number: u8, family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(10, 255, 255, number)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number as u16)),
    }
}

fn advert_interface(config: &Instance) -> Option<&InterfaceName> {
    config.perch().adverts()
}

/// Every interface that a configuration names.
fn interfaces(config: &VrrpConfig) -> BTreeSet<&InterfaceName> {
    let mut all = BTreeSet::new();
    for one in &config.instances {
        all.extend(one.interface.iter().chain(advert_interface(one)));
        all.extend(one.virtual_links().flat_map(|link| [&link.name, &link.base]));
        all.extend(one.trackers.interfaces.iter().map(|line| &line.interface));
        all.extend(one.addresses.iter().chain(&one.excluded).filter_map(|line| line.interface.as_ref()));
    }
    all.extend(
        config.groups.iter().flat_map(|group| group.trackers.interfaces.iter().map(|line| &line.interface)),
    );
    all
}

/// What the authentication header covers of the IPv4 header.
fn ipv4_header(source: IpAddr, destination: IpAddr, hops: u8, length: usize) -> Option<[u8; 20]> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else { return None };
    let [l0, l1] = u16::try_from(20 + length).unwrap_or(u16::MAX).to_be_bytes();
    let [s0, s1, s2, s3] = source.octets();
    let [d0, d1, d2, d3] = destination.octets();
    Some([0x45, 0, l0, l1, 0, 1, 0, 0, hops, 51, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3])
}
