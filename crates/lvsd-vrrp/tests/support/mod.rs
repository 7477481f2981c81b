//! Configurations and a host around a [`Router`], for all tests of this crate.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{
    AdvertInterval, Broadcast, Family, GarpPolicy, InitialState, Instance, InterfaceName, Invocation, Notify,
    OldUnicastChecksum, Preempt, PreferredLifetime, Priority, Script, SyncGroup, TrackInterface, TrackScript,
    TrackWeight, TrackedScript, Trackers, Transport, UnicastPeer, Version, VirtualAddress, Vrid, VrrpConfig,
};
use lvsd_vrrp::wire::{Membership, OutgoingAdvert, RxMeta, destinations};
use lvsd_vrrp::{
    Action, AddressChange, Announce, AnnounceReason, Cause, InstanceId, InstanceView, LinkState, Output,
    Reception, Router, State, Time, Transition,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

pub(crate) fn at(since_start: Duration) -> Time {
    Time::after_start(since_start)
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn link(name: &str) -> InterfaceName {
    InterfaceName::new(name).expect("a name")
}

pub(crate) fn priority(value: u8) -> Priority {
    Priority::new(value).expect("not 0")
}

pub(crate) fn vip(address: &str) -> VirtualAddress {
    VirtualAddress {
        address: ip(address),
        prefix_len: 32,
        interface: None,
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

/// VRRPv3 over IPv4 multicast on eth0, one address, everything else as by default.
pub(crate) fn instance(name: &str, vrid: u8, base: u8) -> Instance {
    Instance {
        name: name.to_owned(),
        version: Version::V3,
        family: Family::V4,
        interface: Some(link("eth0")),
        vrid: Vrid::new(vrid).expect("not 0"),
        priority: priority(base),
        initial: InitialState::Backup,
        advert_interval: AdvertInterval::SECOND,
        preempt: Preempt::After(Duration::ZERO),
        source: None,
        transport: Transport::Multicast { group: Transport::default_group(Family::V4) },
        auth: None,
        addresses: vec![vip(&format!("10.0.1.{vrid}"))],
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        promote_secondaries: false,
        garp: GarpPolicy::default(),
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

pub(crate) fn unicast(mut config: Instance, peers: &[&str]) -> Instance {
    let peer = |address: &&str| UnicastPeer { address: ip(address), min_ttl: None, max_ttl: None };
    config.transport = Transport::Unicast {
        peers: peers.iter().map(peer).collect(),
        ttl: 255,
        check_source: true,
        old_checksum: OldUnicastChecksum::Detect,
    };
    config
}

pub(crate) const fn effect(weight: i16) -> TrackWeight {
    TrackWeight { weight, reverse: false }
}

pub(crate) const fn reversed(weight: i16) -> TrackWeight {
    TrackWeight { weight, reverse: true }
}

pub(crate) fn track_script(name: &str, effect: TrackWeight) -> TrackedScript {
    TrackedScript { script: name.to_owned(), effect }
}

pub(crate) fn track_link(name: &str, effect: TrackWeight) -> TrackInterface {
    TrackInterface { interface: link(name), effect }
}

pub(crate) fn script(name: &str) -> TrackScript {
    let command = Script {
        source: name.to_owned(),
        argv: vec![format!("/bin/{name}")],
        invocation: Invocation::Exec,
        run_as: None,
    };
    TrackScript {
        name: name.to_owned(),
        command: Ok(command),
        interval: SECOND,
        timeout: SECOND,
        effect: TrackWeight::default(),
        rise: 1,
        fall: 1,
        init_fail: false,
    }
}

pub(crate) fn group(name: &str, members: &[&str]) -> SyncGroup {
    SyncGroup {
        name: name.to_owned(),
        members: members.iter().map(|member| (*member).to_owned()).collect(),
        trackers: Trackers::default(),
        tracking_weight: false,
        notify: Notify::default(),
    }
}

pub(crate) fn only(instance: Instance) -> VrrpConfig {
    VrrpConfig { instances: vec![instance], ..VrrpConfig::default() }
}

/// The packet that a router with this configuration sends.
pub(crate) fn packet(config: &Instance, source: IpAddr, priority: u8) -> (RxMeta, Vec<u8>) {
    let destination = destinations(&config.transport).next().expect("a destination");
    let mut buffer = Vec::new();
    OutgoingAdvert::new(source, priority).emit(config, destination, &mut buffer);
    (RxMeta::new(source, destination, 255), buffer)
}

/// What the kernel of an IPv4 host sends when its last socket leaves a group, or its first joins: an IGMPv3 report.
pub(crate) fn membership_report(source: IpAddr, group: IpAddr, membership: Membership) -> Vec<u8> {
    let kind = match membership {
        Membership::Left => 3,
        Membership::Member => 4,
    };
    let (IpAddr::V4(source), IpAddr::V4(group)) = (source, group) else { panic!("IPv4 only") };
    let mut message = vec![0x22, 0, 0, 0, 0, 0, 0, 1, kind, 0, 0, 0];
    message.extend(group.octets());
    set_checksum(&mut message, 2);
    let mut packet = vec![0x46, 0xc0, 0, 40, 0, 0, 0x40, 0, 1, 2, 0, 0];
    packet.extend(source.octets());
    packet.extend([224, 0, 0, 22, 0x94, 4, 0, 0]);
    set_checksum(&mut packet, 10);
    packet.extend(message);
    packet
}

/// RFC 1071.
fn set_checksum(octets: &mut [u8], place: usize) {
    let words = octets.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum = words.fold(0, |sum: u32, word| (sum + word) % 0xffff);
    let checksum = !u16::try_from(sum).expect("folded");
    octets[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Our own address on eth0.
pub(crate) const OWN: &str = "10.0.0.5";
/// A peer with a lower address.
pub(crate) const LOW: &str = "10.0.0.1";
/// A peer with a higher address.
pub(crate) const HIGH: &str = "10.0.0.9";

/// One router with its clock; eth0 is up and has [`OWN`].
pub(crate) struct Host {
    pub(crate) router: Router,
    pub(crate) now: Duration,
    pub(crate) config: VrrpConfig,
}

impl Host {
    pub(crate) fn start(config: VrrpConfig) -> Self {
        Self::start_delayed(config, Duration::ZERO)
    }

    pub(crate) fn start_delayed(config: VrrpConfig, startup_delay: Duration) -> Self {
        let mut host = Self { router: Router::new(at(startup_delay)), now: Duration::ZERO, config };
        host.link("eth0", LinkState::Up);
        host.address(Some(OWN));
        host.router.apply(Time::ZERO, &host.config);
        host
    }

    /// A single instance that has become MASTER; its outputs are taken.
    pub(crate) fn master(config: Instance) -> Self {
        let mut host = Self::start(only(config));
        let down_at = host.deadline();
        host.run_until(down_at);
        assert_eq!(host.state(), State::Master);
        host.outputs();
        host
    }

    pub(crate) fn reload(&mut self, config: VrrpConfig) -> lvsd_vrrp::Applied {
        self.config = config;
        self.router.apply(at(self.now), &self.config)
    }

    pub(crate) fn link(&mut self, name: &str, state: LinkState) {
        self.router.link(at(self.now), &link(name), state);
    }

    pub(crate) fn static_missing(&mut self, group: &str, what: Option<&str>) {
        self.router.static_missing(at(self.now), group, what.map(str::to_owned));
    }

    pub(crate) fn address(&mut self, address: Option<&str>) {
        self.router.interface_address(at(self.now), &link("eth0"), Family::V4, address.map(ip));
    }

    pub(crate) fn script(&mut self, name: &str, outcome: lvsd_vrrp::Outcome) {
        self.router.script_result(at(self.now), name, outcome);
    }

    /// Lets time pass up to and including this moment, with every deadline handled in time.
    pub(crate) fn run_until(&mut self, end: Duration) {
        while let Some(due) = self.router.poll_timeout().map(Time::since_start).filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.router.handle_timeout(at(self.now));
        }
        self.now = end;
    }

    pub(crate) fn run(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// An advert for the first instance, as a peer configured like us would send it.
    pub(crate) fn hear(&mut self, source: &str, priority: u8) -> Reception {
        let config = self.config.instances[0].clone();
        self.hear_from(&config, source, priority)
    }

    pub(crate) fn hear_from(&mut self, config: &Instance, source: &str, priority: u8) -> Reception {
        self.hear_by(Some("eth0"), config, source, priority)
    }

    /// On an interface other than eth0.
    pub(crate) fn hear_on(
        &mut self,
        interface: &str,
        config: &Instance,
        source: &str,
        priority: u8,
    ) -> Reception {
        self.hear_by(Some(interface), config, source, priority)
    }

    /// As a socket that is bound to no interface hears it.
    pub(crate) fn hear_unbound(&mut self, config: &Instance, source: &str, priority: u8) -> Reception {
        self.hear_by(None, config, source, priority)
    }

    fn hear_by(&mut self, socket: Option<&str>, config: &Instance, source: &str, priority: u8) -> Reception {
        let (mut meta, mut packet) = packet(config, ip(source), priority);
        if let Transport::Unicast { .. } = config.transport {
            meta.destination = ip(OWN);
            OutgoingAdvert::new(ip(source), priority).emit(config, ip(OWN), &mut packet);
        }
        self.router.receive(at(self.now), socket.map(link).as_ref(), meta, &packet)
    }

    /// A membership report about VRRP's own group comes in on eth0.
    pub(crate) fn hear_membership(&mut self, source: &str, membership: Membership) {
        self.hear_membership_of("224.0.0.18", source, membership);
    }

    pub(crate) fn hear_membership_of(&mut self, group: &str, source: &str, membership: Membership) {
        let packet = membership_report(ip(source), ip(group), membership);
        let taken = self.router.receive_membership(at(self.now), &link("eth0"), Family::V4, &packet);
        assert_eq!(taken, Ok(()));
    }

    /// The host answers on eth0 that nobody there speaks VRRP.
    pub(crate) fn hear_denial(&mut self, host: &str) {
        self.router.receive_denial(at(self.now), Some(&link("eth0")), ip(host));
    }

    /// The payload of a packet of protocol 112 comes in on eth0.
    pub(crate) fn hear_octets(&mut self, source: &str, payload: &[u8]) -> Reception {
        self.router.receive(at(self.now), Some(&link("eth0")), RxMeta::new(ip(source), ip(OWN), 255), payload)
    }

    /// How often a host was asked since the outputs were last taken; takes them.
    pub(crate) fn asked(&mut self) -> usize {
        let asks =
            |output: &Output| matches!(output, Output::Instance { action: Action::Inquire { .. }, .. });
        self.outputs().iter().filter(|output| asks(output)).count()
    }

    pub(crate) fn deadline(&mut self) -> Duration {
        self.router.poll_timeout().expect("a deadline").since_start()
    }

    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.router.poll_output()).collect()
    }

    /// Outputs in short, such as `send 100`, `hold`, `announce 5 Delayed`, `BACKUP>MASTER MasterSilent`; with the name of the
    /// instance in front when there are several.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let several = self.config.instances.len() > 1;
        self.outputs().iter().map(|output| short(output, several)).collect()
    }

    pub(crate) fn view(&self) -> InstanceView<'_> {
        self.router.instances().next().expect("an instance")
    }

    pub(crate) fn named(&self, name: &str) -> InstanceView<'_> {
        self.router.instances().find(|view| view.config.name == name).expect("the instance")
    }

    pub(crate) fn id(&self, name: &str) -> InstanceId {
        self.named(name).id
    }

    pub(crate) fn state(&self) -> State {
        self.view().state
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.router.instances().map(|view| view.state).collect()
    }

    pub(crate) fn priority(&self) -> u8 {
        self.view().effective_priority.get()
    }
}

pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Init => "INIT",
        State::Backup => "BACKUP",
        State::Master => "MASTER",
        State::Fault => "FAULT",
    }
}

fn short(output: &Output, several: bool) -> String {
    match output {
        Output::Group { config, transition } => format!("{}: {}", config.name, change(transition)),
        Output::Instance { config, action, .. } if several => {
            format!("{}: {}", config.name, action_in_short(action))
        }
        Output::Instance { action, .. } => action_in_short(action),
    }
}

fn change(transition: &Transition) -> String {
    let Transition { from, to, cause, .. } = transition;
    let cause: &Cause = cause;
    format!("{}>{} {cause:?}", word(*from), word(*to))
}

fn action_in_short(action: &Action) -> String {
    match action {
        Action::Send(advert) => format!("send {}", advert.priority),
        Action::Inquire { host } => format!("ask {host}"),
        Action::Addresses(AddressChange::Hold) => "hold".to_owned(),
        Action::Addresses(AddressChange::Release) => "release".to_owned(),
        Action::Addresses(AddressChange::Update { .. }) => "update".to_owned(),
        Action::Addresses(AddressChange::Restore { address }) => format!("restore {address}"),
        Action::Announce(Announce { rounds, reason, .. }) => {
            let reason: &AnnounceReason = reason;
            format!("announce {rounds} {reason:?}")
        }
        Action::Transition(transition) => change(transition),
        Action::LowerPriorityHeard { source, priority } => format!("lower {priority} from {source}"),
        Action::PriorityChanged { state, priority } => format!("{state:?} now {priority}"),
    }
}
