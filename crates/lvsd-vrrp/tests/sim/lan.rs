//! The LAN and the hosts on it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{Family, Instance, VrrpConfig};
use lvsd_vrrp::wire::{Membership, OutgoingAdvert, RxMeta, destinations};
use lvsd_vrrp::{Action, LinkState, Mastership, Outcome, Output, Router, State, Transition};

use lvsd_vrrp::tape::{Taped, replay};

use crate::observer::Observer;
use crate::random::Random;
use crate::support::{at, ip, link, membership_report, micros, millis, word};

/// What the LAN does to a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Percent of packets lost, for each receiver separately.
    pub(crate) loss: u64,
    /// Percent of packets delivered twice.
    pub(crate) duplicates: u64,
    /// The longest delay, in microseconds.
    pub(crate) delay: u64,
    /// The side of each host; packets do not cross.
    pub(crate) sides: Vec<u8>,
    /// Who does not hear whom.
    pub(crate) deaf: BTreeSet<(usize, usize)>,
}

pub(crate) struct Host {
    pub(crate) address: IpAddr,
    pub(crate) config: VrrpConfig,
    /// `None` while it is dead.
    pub(crate) router: Option<Taped>,
    /// Its machine is down, not only its processes.
    off: bool,
    /// Its VRRP process is about to be replaced; the supervisor keeps its kernel from denying anything.
    is_supervised: bool,
    /// Its kernel denies that anybody there takes VRRP, whoever lives.
    pub(crate) liar: bool,
    pub(crate) observer: Observer,
    pub(crate) link_up: bool,
    /// How far its clock is ahead of the LAN's.
    pub(crate) ahead: Duration,
    /// Until then it is not scheduled.
    pub(crate) paused_until: Option<Duration>,
    /// When it was last scheduled before that, by its own clock.
    paused_at: Duration,
    /// What a process that died has left to the next one: when it was alive, and what was MASTER.
    legacy: (Duration, Vec<Mastership>),
    /// When that starts.
    pub(crate) succeeded_at: Duration,
    /// Whether its scripts succeed, by index.
    pub(crate) healthy: Vec<bool>,
    inbox: Vec<(RxMeta, Vec<u8>)>,
    /// Last change of state of any instance.
    pub(crate) changed_at: Duration,
}

/// A kernel sends its report so much later at most: two jiffies and a bit.
pub(crate) const REPORT_DELAY: Duration = millis(12);

/// So short that it is turned many times in a run.
const SHORT_TAPE: usize = 8 << 10;

/// A socket holds no more than that.
const SOCKET_BUFFER: usize = 64;

impl Host {
    fn denies(&self) -> bool {
        !self.off && (self.liar || (self.router.is_none() && !self.is_supervised))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Deliver {
        to: usize,
        source: IpAddr,
        destination: IpAddr,
        octets: Vec<u8>,
    },
    Report {
        to: usize,
        source: IpAddr,
        membership: Membership,
    },
    Denial {
        to: usize,
        host: IpAddr,
    },
    RunScripts {
        host: usize,
        life: u64,
    },
    Resume {
        host: usize,
    },
    /// The process that takes the place of one that died.
    Succeed {
        host: usize,
        life: u64,
    },
}

pub(crate) struct Lan {
    pub(crate) now: Duration,
    pub(crate) hosts: Vec<Host>,
    pub(crate) weather: Weather,
    pub(crate) random: Random,
    queue: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    sequence: u64,
    /// Grows with every boot, so that scripts of an earlier life of a host stop.
    lives: u64,
    host_lives: Vec<u64>,
    loud: bool,
}

impl Lan {
    pub(crate) fn new(random: Random, loud: bool) -> Self {
        Self {
            now: Duration::ZERO,
            hosts: Vec::new(),
            weather: Weather::default(),
            random,
            queue: BinaryHeap::new(),
            sequence: 0,
            lives: 0,
            host_lives: Vec::new(),
            loud,
        }
    }

    pub(crate) fn add(&mut self, config: VrrpConfig) {
        let number = self.hosts.len();
        self.weather.sides.push(0);
        self.host_lives.push(0);
        self.hosts.push(Host {
            address: ip(&format!("10.0.0.{}", number + 1)),
            healthy: vec![true; config.scripts.len()],
            config,
            router: None,
            off: false,
            is_supervised: false,
            liar: false,
            observer: Observer::default(),
            link_up: true,
            ahead: Duration::ZERO,
            paused_until: None,
            paused_at: Duration::ZERO,
            legacy: (Duration::ZERO, Vec::new()),
            succeeded_at: Duration::ZERO,
            inbox: Vec::new(),
            changed_at: Duration::ZERO,
        });
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        if self.loud {
            #[expect(clippy::print_stdout, reason = "a replayed seed tells its story")]
            {
                println!("{:>12.6} {}", self.now.as_secs_f64(), what());
            }
        }
    }

    fn after(&mut self, wait: Duration, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + wait, self.sequence, event)));
    }

    // ----- What happens to hosts -----

    pub(crate) fn boot(&mut self, number: usize) {
        self.say(|| format!("host {number} boots"));
        self.start(number, |_| {});
        self.report(number, Membership::Member, micros(500));
        self.flush(number);
    }

    /// A new process, with what an earlier one may have left.
    fn start(&mut self, number: usize, inherit: impl FnOnce(&mut Taped)) {
        self.lives += 1;
        let life = self.lives;
        self.host_lives[number] = life;
        let now = at(self.clock(number));
        let host = &mut self.hosts[number];
        let mut router = Taped::with_limit(Router::new(now), SHORT_TAPE);
        router.link(now, &link("eth0"), if host.link_up { LinkState::Up } else { LinkState::Down });
        router.interface_address(now, &link("eth0"), Family::V4, Some(host.address));
        inherit(&mut router);
        router.apply(now, &host.config);
        router.resume(now);
        host.router = Some(router);
        host.off = false;
        host.is_supervised = false;
        host.observer = Observer::default();
        host.paused_until = None;
        host.inbox.clear();
        host.changed_at = self.now;
        let first_run = self.random.micros(50_000);
        self.after(first_run, Event::RunScripts { host: number, life });
    }

    /// The time as a host has it.
    fn clock(&self, number: usize) -> Duration {
        self.now + self.hosts[number].ahead
    }

    /// The VRRP process is killed; the supervisor, which is a member of the group as well, starts another one.
    pub(crate) fn replace(&mut self, number: usize, after: Duration) {
        self.say(|| format!("the process of host {number} dies, the next starts in {after:?}"));
        let paused = self.hosts[number].paused_until.is_some();
        let alive_at = if paused { self.hosts[number].paused_at } else { self.clock(number) };
        let Some(router) = self.hosts[number].router.take() else { return };
        self.hosts[number].is_supervised = true;
        self.hosts[number].legacy = (alive_at, router.masterships().collect());
        self.hosts[number].succeeded_at = self.now + after;
        let life = self.host_lives[number];
        self.after(after, Event::Succeed { host: number, life });
    }

    fn succeed(&mut self, number: usize, life: u64) {
        if self.host_lives[number] != life {
            return;
        }
        self.say(|| format!("the process of host {number} is replaced"));
        let (alive_at, masterships) = std::mem::take(&mut self.hosts[number].legacy);
        self.start(number, |router| router.inherit(at(alive_at), masterships));
        self.flush(number);
    }

    /// The clock of a host jumps, as that of a virtual machine does that was suspended.
    pub(crate) fn jump(&mut self, number: usize, span: Duration) {
        self.say(|| format!("the clock of host {number} jumps by {span:?}"));
        self.hosts[number].ahead += span;
    }

    /// Whether what one host sends reaches another.
    fn connected(&self, from: usize, to: usize) -> bool {
        let Weather { sides, deaf, .. } = &self.weather;
        from != to && sides[from] == sides[to] && !deaf.contains(&(to, from))
    }

    pub(crate) fn reconnect(&mut self) {
        self.weather.sides.fill(0);
        self.weather.deaf.clear();
    }

    pub(crate) fn kill(&mut self, number: usize) {
        self.say(|| format!("host {number} dies"));
        self.hosts[number].router = None;
        self.hosts[number].off = true;
        self.hosts[number].is_supervised = false;
    }

    /// The processes die; the kernel lives on and tells that nobody listens any more.
    pub(crate) fn kill_processes(&mut self, number: usize) {
        self.kill(number);
        self.hosts[number].off = false;
        self.report(number, Membership::Left, REPORT_DELAY);
    }

    /// A host says, or seems to say, that it is in the group of the adverts or not any more; said by its kernel within `latest`.
    pub(crate) fn report(&mut self, number: usize, membership: Membership, latest: Duration) {
        self.say(|| format!("host {number} is to report {membership:?}"));
        let latest = 1 + u64::try_from(latest.as_micros()).expect("short");
        let wait = self.random.micros(latest);
        let source = self.hosts[number].address;
        for to in 0..self.hosts.len() {
            if self.connected(number, to) && !self.random.percent(self.weather.loss) {
                let delay = micros(20) + self.random.micros(self.weather.delay + 1);
                self.after(wait + delay, Event::Report { to, source, membership });
            }
        }
    }

    /// Somebody denies in the name of a host that it speaks VRRP.
    pub(crate) fn deny(&mut self, number: usize) {
        self.say(|| format!("host {number} seems to deny that it speaks VRRP"));
        let host = self.hosts[number].address;
        for to in (0..self.hosts.len()).filter(|to| *to != number) {
            self.after(micros(20), Event::Denial { to, host });
        }
    }

    pub(crate) fn stop(&mut self, number: usize) {
        self.say(|| format!("host {number} stops"));
        self.call(number, |router, now| router.shutdown(at(now), lvsd_vrrp::ShutdownMode::Resign));
        assert!(self.hosts[number].observer.holding.is_empty(), "a clean stop leaves no address");
        self.hosts[number].router = None;
    }

    pub(crate) fn pause(&mut self, number: usize, span: Duration) {
        if self.hosts[number].paused_until.is_none() {
            self.say(|| format!("host {number} is paused for {span:?}"));
            self.hosts[number].paused_at = self.clock(number);
            self.hosts[number].paused_until = Some(self.now + span);
            self.after(span, Event::Resume { host: number });
        }
    }

    /// As a driver does after a gap: first the sockets, then the clock.
    fn resume(&mut self, number: usize) {
        if self.hosts[number].paused_until.is_none_or(|until| until > self.now) {
            return;
        }
        self.say(|| format!("host {number} runs again"));
        self.hosts[number].paused_until = None;
        for (meta, octets) in std::mem::take(&mut self.hosts[number].inbox) {
            self.receive(number, meta, &octets);
        }
    }

    pub(crate) fn set_link(&mut self, number: usize, up: bool) {
        self.say(|| format!("link of host {number} is {}", if up { "up" } else { "down" }));
        self.hosts[number].link_up = up;
        let state = if up { LinkState::Up } else { LinkState::Down };
        self.call(number, |router, now| router.link(at(now), &link("eth0"), state));
    }

    pub(crate) fn reload(&mut self, number: usize, config: VrrpConfig) {
        self.say(|| format!("host {number} reloads"));
        self.hosts[number].config = config.clone();
        self.call(number, |router, now| {
            router.apply(at(now), &config);
        });
    }

    pub(crate) fn delete_address(&mut self, number: usize) {
        self.call(number, |router, now| {
            let found = router.instances().next().map(|view| (view.id, view.config.addresses[0].address));
            if let Some((id, address)) = found {
                router.address_deleted(at(now), id, address);
            }
        });
    }

    fn run_scripts(&mut self, number: usize, life: u64) {
        if self.host_lives[number] != life || self.hosts[number].router.is_none() {
            return;
        }
        let results: Vec<(String, Outcome)> = {
            let host = &self.hosts[number];
            let outcome = |healthy: &bool| if *healthy { Outcome::Success } else { Outcome::Failure };
            host.config
                .scripts
                .iter()
                .zip(&host.healthy)
                .map(|(script, ok)| (script.name.clone(), outcome(ok)))
                .collect()
        };
        for (script, outcome) in results {
            self.call(number, |router, now| router.script_result(at(now), &script, outcome));
        }
        self.after(Duration::from_secs(1), Event::RunScripts { host: number, life });
    }

    // ----- Running -----

    /// Lets everything happen until this moment.
    pub(crate) fn run_until(&mut self, end: Duration) {
        while let Some((when, what)) = self.next_step().filter(|(when, _)| *when <= end) {
            self.now = self.now.max(when);
            match what {
                Step::Event => {
                    if let Some(Reverse((_, _, event))) = self.queue.pop() {
                        self.happen(event);
                    }
                }
                Step::Timeout(number) => self.call(number, |router, now| router.handle_timeout(at(now))),
            }
        }
        self.now = end;
    }

    pub(crate) fn run(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    fn next_step(&mut self) -> Option<(Duration, Step)> {
        let event = self.queue.peek().map(|Reverse((when, _, _))| (*when, Step::Event));
        let timeout = |(number, host): (usize, &mut Host)| {
            let router = host.router.as_mut().filter(|_| host.paused_until.is_none())?;
            Some((router.poll_timeout()?.since_start().saturating_sub(host.ahead), Step::Timeout(number)))
        };
        let timeout = self.hosts.iter_mut().enumerate().filter_map(timeout).min_by_key(|(when, _)| *when);
        [event, timeout].into_iter().flatten().min_by_key(|(when, _)| *when)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { to, source, destination, octets } => {
                let meta = RxMeta::new(source, destination, 255);
                let host = &mut self.hosts[to];
                if !host.link_up || host.router.is_none() {
                } else if host.paused_until.is_some() {
                    if host.inbox.len() < SOCKET_BUFFER {
                        host.inbox.push((meta, octets));
                    }
                } else {
                    self.receive(to, meta, &octets);
                }
            }
            Event::Report { to, source, membership } => {
                let host = &self.hosts[to];
                if host.link_up && host.paused_until.is_none() {
                    let packet = membership_report(source, ip("224.0.0.18"), membership);
                    self.call(to, |router, now| {
                        let taken = router.receive_membership(at(now), &link("eth0"), Family::V4, &packet);
                        assert_eq!(taken, Ok(()));
                    });
                }
            }
            Event::Denial { to, host } => {
                if self.hosts[to].link_up && self.hosts[to].paused_until.is_none() {
                    self.call(to, |router, now| router.receive_denial(at(now), Some(&link("eth0")), host));
                }
            }
            Event::RunScripts { host, life } => self.run_scripts(host, life),
            Event::Resume { host } => self.resume(host),
            Event::Succeed { host, life } => self.succeed(host, life),
        }
    }

    fn receive(&mut self, number: usize, meta: RxMeta, octets: &[u8]) {
        self.call(number, |router, now| {
            router.receive(at(now), Some(&link("eth0")), meta, octets);
        });
    }

    fn call(&mut self, number: usize, act: impl FnOnce(&mut Taped, Duration)) {
        let now = self.clock(number);
        if let Some(router) = &mut self.hosts[number].router {
            act(router, now);
        }
        self.flush(number);
    }

    /// Takes the outputs of a host: adverts go onto the LAN.
    fn flush(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        let Some(router) = &mut host.router else { return };
        let before = host.observer.transitions;
        let outputs = std::iter::from_fn(|| router.poll_output()).collect();
        let outputs = host.observer.watch(outputs, router);
        if host.observer.transitions != before {
            host.changed_at = self.now;
        }
        for output in outputs {
            let Output::Instance { config, action, .. } = output else { continue };
            match action {
                Action::Send(advert) => self.transmit(number, &config, advert),
                Action::Inquire { host } => self.inquire(number, host),
                Action::Transition(Transition { from, to, cause, priority }) => {
                    let (from, to) = (word(from), word(to));
                    self.say(|| {
                        format!("host {number} {} {from} > {to} with {priority}: {cause}", config.name)
                    });
                }
                Action::Addresses(_)
                | Action::Announce(_)
                | Action::LowerPriorityHeard { .. }
                | Action::PriorityChanged { .. } => {}
            }
        }
        self.check_groups(number);
    }

    fn transmit(&mut self, from: usize, config: &Instance, advert: OutgoingAdvert) {
        if !self.hosts[from].link_up {
            return;
        }
        for destination in destinations(&config.transport) {
            let mut octets = Vec::new();
            advert.emit(config, destination, &mut octets);
            for to in 0..self.hosts.len() {
                let addressed = destination.is_multicast() || destination == self.hosts[to].address;
                if !addressed || !self.connected(from, to) {
                    continue;
                }
                let copies = 1 + u64::from(self.random.percent(self.weather.duplicates));
                for _ in 0..copies {
                    if self.random.percent(self.weather.loss) {
                        continue;
                    }
                    let delay = micros(20) + self.random.micros(self.weather.delay + 1);
                    let source = advert.source;
                    self.after(delay, Event::Deliver { to, source, destination, octets: octets.clone() });
                }
            }
        }
    }

    /// Asks the kernel of a host whether anybody there takes VRRP.
    fn inquire(&mut self, from: usize, of: IpAddr) {
        let Some(asked) = self.hosts.iter().position(|host| host.address == of) else { return };
        let connected = self.connected(from, asked) && self.connected(asked, from);
        let up = self.hosts[from].link_up && self.hosts[asked].link_up;
        // There and back.
        let lost = self.random.percent(self.weather.loss) || self.random.percent(self.weather.loss);
        if up && connected && !lost && self.hosts[asked].denies() {
            let delay = micros(40) + self.random.micros(2 * self.weather.delay + 1);
            self.after(delay, Event::Denial { to: from, host: of });
        }
    }

    fn check_groups(&self, number: usize) {
        let Some(router) = &self.hosts[number].router else { return };
        for group in router.groups() {
            let states: Vec<State> =
                group.members.iter().filter_map(|id| router.instance(*id)).map(|view| view.state).collect();
            let masters = states.iter().filter(|state| **state == State::Master).count();
            assert!(masters == 0 || masters == states.len(), "host {number}: group moves as one: {states:?}");
        }
    }

    /// What was recorded of every router, told to a copy, has it order the same.
    pub(crate) fn replays(&self) {
        for (number, host) in self.hosts.iter().enumerate() {
            let Some(router) = &host.router else { continue };
            let recording = router.recording().to_bytes("test").expect("it can be written");
            let replayed = replay(&recording).expect("a recording");
            assert_eq!(replayed.divergence, None, "host {number}");
            let states = |router: &Router| -> Vec<_> {
                router
                    .instances()
                    .map(|view| (view.id, view.state, view.effective_priority, view.heard))
                    .collect()
            };
            assert_eq!(states(&replayed.router), states(router), "host {number}");
        }
    }

    // ----- Looking -----

    /// The hosts that are MASTER of the instance.
    pub(crate) fn masters(&self, name: &str) -> Vec<usize> {
        self.in_state(name, |state| state == State::Master)
    }

    /// The hosts that could be.
    pub(crate) fn able(&self, name: &str) -> Vec<usize> {
        self.in_state(name, |state| state != State::Fault)
    }

    fn in_state(&self, name: &str, wanted: impl Fn(State) -> bool) -> Vec<usize> {
        let is = |host: &Host| {
            host.router.as_ref().is_some_and(|router| {
                router.instances().any(|view| view.config.name == name && wanted(view.state))
            })
        };
        (0..self.hosts.len()).filter(|number| is(&self.hosts[*number])).collect()
    }
}

enum Step {
    Event,
    Timeout(usize),
}
