//! The election: a thread with the VRRP sockets, one timer and the engine, and nothing else.
//!
//! It never waits for anybody: what it is told comes by a channel and a wake-up, what it decides beside adverts goes to the
//! keeper and to the main thread by channels that do not block. Their length is bounded by what the engine can say: a few
//! outputs per instance and change of state, none for an advert.
//!
//! In each turn it reads the clock, takes in the packets that wait, then lets the engine's timers run up to the time that it has
//! read, then looks at what it was told. So an advert that came in time counts although the timer has run out since, wherever
//! the thread was held up.

mod arrivals;
mod ears;
mod inquirer;
mod report;
mod sockets;

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use lvsd_ipc::{QuorumState, SessionState};
use lvsd_model::{Instance, InterfaceName, SyncGroup, Transport, Vrid, VrrpConfig};
use lvsd_net::{IpProtocol, MAX_DATAGRAM, Outgoing, Timer, Urgency, Wakeup, time_of_day, uptime};
use lvsd_vrrp::radar::Unsent;
use lvsd_vrrp::tape::{Recording, Taped};
use lvsd_vrrp::wire::{
    Carrier, Envelope, OutgoingAdvert, Reject, RxMeta, Signer, TTL, destinations, peek_vrid,
};
use lvsd_vrrp::{
    Action, Applied, InstanceId, Mastership, Outcome, Output, Reception, Router, ShutdownMode, State, Time,
    Transition, WallTime,
};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::sync::{mpsc as events, oneshot};

use crate::keeper::{self, Fact, routed_source};
use crate::testament::Will;
use arrivals::Arrivals;
pub(crate) use arrivals::Segments;
use ears::Ears;
use inquirer::Inquirer;
pub(crate) use report::{Report, state};
pub(crate) use sockets::Unopened;
use sockets::{Sockets, Token};

const WAKEUP: Token = Token(0);
const TIMER: Token = Token(1);
const FIRST_SOCKET: u64 = 2;
/// Tokens from here on are those of [`Ears`].
const FIRST_EAR: u64 = 1 << 32;
/// Tokens from here on are those of [`Inquirer`].
const FIRST_INQUIRY: u64 = 1 << 33;

/// Datagrams taken from one socket before the timers run, so that a flood cannot stop our adverts.
const DATAGRAMS: usize = 512;
/// Membership reports taken from one socket before the timers run.
const REPORTS: usize = 32;
/// Things told that are looked at before packets and timers have their turn again.
const INPUTS: usize = 16;
/// Events per wait.
const EVENTS: usize = 64;
/// Senders of adverts for other virtual routers that are told.
const STRANGERS: usize = 256;
/// How often sources that follow from routes are looked up: the kernel's word on links and addresses says nothing of routes.
const ROUTES: Duration = Duration::from_secs(1);

/// What the election is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// Something about the world.
    Fact(Fact),
    /// Somebody else deleted an address that an instance holds.
    AddressDeleted {
        /// The instance.
        id: InstanceId,
        /// The address.
        address: IpAddr,
    },
    /// What is missing of the static objects that a track group needs; `None`: nothing.
    StaticMissing {
        /// Name of the group.
        group: String,
        /// The first of them.
        what: Option<String>,
    },
    /// A run of a tracked script has ended.
    Script {
        /// Its name.
        name: String,
        /// How.
        outcome: Outcome,
    },
    /// The number in a tracked file.
    File {
        /// Its name.
        name: String,
        /// The number.
        value: i64,
    },
    /// Which tracked virtual servers have their quorum.
    Quorums(Vec<QuorumState>),
    /// How BFD sessions are.
    Sessions(Vec<SessionState>),
    /// Whether there are enough of a tracked process, and not too many.
    Process {
        /// Its name.
        name: String,
        /// Whether.
        ok: bool,
    },
    /// What a process that died has left, whose addresses are still there; before the first configuration.
    Inherit {
        /// When it was last known to do its work.
        alive_at: Time,
        /// What was MASTER.
        masterships: Vec<Mastership>,
    },
    /// A new configuration.
    Apply {
        /// It.
        config: Arc<VrrpConfig>,
        /// Answered when it is in force.
        done: oneshot::Sender<Applied>,
    },
    /// What reached its sockets since it was last asked, and how its instances are; answered after all that waits is taken in.
    Segments(oneshot::Sender<Segments>),
    /// What was recorded.
    Record(oneshot::Sender<Recording>),
    /// State and counters.
    Report(oneshot::Sender<Report>),
    /// Whether it comes to its inputs at all.
    Alive(oneshot::Sender<()>),
    /// Set the counters to zero.
    ClearCounters,
    /// The end.
    Shutdown {
        /// How.
        mode: ShutdownMode,
        /// Answered when the last advert is sent and everything else is ordered.
        done: oneshot::Sender<()>,
    },
}

/// What the election tells the main thread.
#[derive(Debug)]
pub(crate) enum Event {
    /// An instance changed its state.
    Instance {
        /// Its configuration.
        config: Arc<Instance>,
        /// The change.
        transition: Transition,
        /// The faults that it has now.
        faults: Vec<String>,
        /// The reason with its numbers, as a sentence.
        why: String,
    },
    /// A group changed its state.
    Group(Arc<SyncGroup>, Transition),
    /// A master heard an advert of lower priority.
    LowerPriority {
        /// Its configuration.
        config: Arc<Instance>,
        /// The sender.
        source: IpAddr,
        /// The priority heard.
        priority: u8,
        /// Its own.
        own: u8,
    },
    /// The effective priority of an instance changed, and its state did not.
    Priority(Arc<Instance>, State, u8),
    /// An advert was not believed, for a reason not told since the instance last changed its state.
    Rejected {
        /// Name of the instance.
        instance: String,
        /// The sender.
        source: IpAddr,
        /// Why.
        reject: Reject,
    },
    /// An advert for a virtual router that is not ours; told once for each sender, and for so many only.
    UnknownVrid {
        /// The interface; `None` when the socket has none.
        interface: Option<InterfaceName>,
        /// The sender.
        source: IpAddr,
        /// The virtual router.
        vrid: u8,
    },
    /// Adverts of an instance cannot be sent; told once until one can.
    Unsent {
        /// Name of the instance.
        instance: String,
        /// Why.
        error: String,
    },
    /// A socket cannot be opened; it is tried again.
    Unopened(Unopened),
    /// The thread did not run for longer than an advertisement interval.
    Stalled(Duration),
    /// The thread was late and has, or would have, another real-time priority now.
    Raised {
        /// SCHED_RR, 1 to 99.
        priority: u8,
        /// Why it does not have it.
        problem: Option<io::Error>,
    },
}

/// The way to the election. Sending never blocks.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    sender: mpsc::Sender<Input>,
    wakeup: Arc<Wakeup>,
}

impl Handle {
    /// Tells the election something. One that has ended is noticed by the main thread.
    pub(crate) fn send(&self, input: Input) {
        if self.sender.send(input).is_ok() {
            self.wakeup.raise();
        }
    }
}

#[cfg(test)]
pub(crate) type Inputs = mpsc::Receiver<Input>;

#[cfg(test)]
impl Handle {
    /// A handle whose other end is the test's.
    pub(crate) fn for_tests() -> (Self, Inputs) {
        let (sender, inputs) = mpsc::channel();
        (Self { sender, wakeup: Arc::new(Wakeup::new().expect("an eventfd")) }, inputs)
    }
}

/// What has to be opened before the thread starts.
#[derive(Debug)]
pub(crate) struct Ingredients {
    receiver: mpsc::Receiver<Input>,
    wakeup: Arc<Wakeup>,
    timer: Timer,
    sockets: Sockets,
}

/// Opens what the election always needs.
///
/// # Errors
/// The kernel's.
pub(crate) fn prepare() -> io::Result<(Handle, Ingredients)> {
    let (sender, receiver) = mpsc::channel();
    let wakeup = Arc::new(Wakeup::new()?);
    let timer = Timer::new()?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&*wakeup, EpollEvent::new(EpollFlags::EPOLLIN, WAKEUP.0))?;
    epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER.0))?;
    let sockets = Sockets::new(epoll, FIRST_SOCKET);
    let handle = Handle { sender, wakeup: Arc::clone(&wakeup) };
    Ok((handle, Ingredients { receiver, wakeup, timer, sockets }))
}

/// Starts the thread; it ends after [`Input::Shutdown`], or when all its handles are gone. It begins with `begin`, whose result
/// is dropped when it ends.
///
/// # Errors
/// No room for a thread.
pub(crate) fn start<G>(
    ingredients: Ingredients,
    will: Option<Will>,
    startup_ends: Duration,
    keeper: keeper::Handle,
    events: events::UnboundedSender<Event>,
    urgency: Urgency,
    begin: impl FnOnce() -> G + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("lvsd: election".to_owned()).spawn(move || {
        let _guard = begin();
        let Ingredients { receiver, wakeup, timer, sockets } = ingredients;
        let election = Election {
            router: Taped::new(Router::new(Time::after_start(startup_ends))),
            sockets,
            ears: Ears::new(FIRST_EAR),
            inquirer: Inquirer::new(FIRST_INQUIRY),
            timer,
            receiver,
            wakeup,
            keeper,
            events,
            packet: Vec::with_capacity(256),
            datagram: vec![0; MAX_DATAGRAM],
            signers: HashMap::new(),
            log_unknown_vrids: false,
            pulse: Pulse::default(),
            urgency,
            told: Told::default(),
            arrivals: Arrivals::default(),
            asked: Vec::new(),
            routed: Vec::new(),
            routes_at: None,
            will,
        };
        election.run();
    })
}

/// How late the thread runs.
#[derive(Clone, Copy, Debug, Default)]
struct Pulse {
    deadline: Option<Duration>,
    worst: Duration,
    /// The shortest advertisement interval of all instances.
    interval: Option<Duration>,
}

impl Pulse {
    /// Takes the time of a turn, and gives how late it is.
    fn beat(&mut self, now: Duration) -> Duration {
        let late = self.deadline.map_or(Duration::ZERO, |deadline| now.saturating_sub(deadline));
        self.worst = self.worst.max(late);
        late
    }

    /// Whether that is longer than an interval.
    fn is_stall(&self, late: Duration) -> bool {
        self.interval.is_some_and(|interval| late > interval)
    }
}

/// What was told already and is not told again.
#[derive(Debug, Default)]
struct Told {
    rejects: HashSet<(InstanceId, Reject)>,
    unsent: HashMap<InstanceId, Unsent>,
    strangers: HashSet<Stranger>,
}

/// Who sends adverts for which other virtual router, and where.
type Stranger = (Option<InterfaceName>, IpAddr, u8);

impl Told {
    fn stranger(&mut self, stranger: Stranger, events: &events::UnboundedSender<Event>) {
        if self.strangers.len() < STRANGERS && self.strangers.insert(stranger.clone()) {
            let (interface, source, vrid) = stranger;
            let _ = events.send(Event::UnknownVrid { interface, source, vrid });
        }
    }
}

struct Election {
    router: Taped,
    sockets: Sockets,
    ears: Ears,
    inquirer: Inquirer,
    timer: Timer,
    receiver: mpsc::Receiver<Input>,
    wakeup: Arc<Wakeup>,
    keeper: keeper::Handle,
    events: events::UnboundedSender<Event>,
    packet: Vec<u8>,
    datagram: Vec<u8>,
    /// Of the instances that have sent an advert.
    signers: HashMap<InstanceId, Signer>,
    log_unknown_vrids: bool,
    pulse: Pulse,
    urgency: Urgency,
    told: Told,
    arrivals: Arrivals,
    /// Who wants to know what arrived.
    asked: Vec<oneshot::Sender<Segments>>,
    /// Unicast instances with neither interface nor source.
    routed: Vec<(InstanceId, Routed)>,
    /// When their sources are looked up again.
    routes_at: Option<Duration>,
    /// What is left to the process after this one.
    will: Option<Will>,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// With a wait.
    Wait,
    /// At once: there is more to do.
    Again,
    /// No.
    End,
}

impl Election {
    fn run(mut self) {
        let mut ready = [EpollEvent::empty(); EVENTS];
        let mut turn = Turn::Wait;
        while turn != Turn::End {
            if turn == Turn::Wait {
                // An interrupted wait is an early turn, which does no harm.
                let _ = self.sockets.epoll().wait(&mut ready, EpollTimeout::NONE);
            }
            // Before the sockets are looked at: what came until now is taken in before a timer of now is believed.
            let now = uptime();
            self.note_lateness(now);
            self.take_packets(&mut ready);
            self.tell_arrivals();
            self.timer.clear();
            self.router.handle_timeout(Time::after_start(now));
            self.do_outputs();
            if let Some(will) = &self.will {
                will.beat(now);
            }
            self.wakeup.clear();
            turn = self.take_inputs();
            if turn == Turn::Wait && !self.asked.is_empty() {
                turn = Turn::Again;
            }
            self.arm();
        }
    }

    fn note_lateness(&mut self, now: Duration) {
        let late = self.pulse.beat(now);
        if self.pulse.is_stall(late) {
            let _ = self.events.send(Event::Stalled(late));
        }
        if let Some(priority) = self.urgency.late(late) {
            let problem = lvsd_net::set_realtime(priority).err();
            let _ = self.events.send(Event::Raised { priority, problem });
        }
    }

    /// Takes in what waits in the sockets. Epoll has those come last in its list that it has given, so all have their turn.
    fn take_packets(&mut self, ready: &mut [EpollEvent; EVENTS]) {
        for _ in 0..=(self.sockets.len() + self.ears.len() + self.inquirer.len()) / EVENTS {
            let count = self.sockets.epoll().wait(ready, EpollTimeout::ZERO).unwrap_or(0);
            // Adverts first: who leaves after its last advert is to have been heard until then.
            let tokens = || ready.iter().take(count).map(|event| Token(event.data()));
            tokens().filter(|token| token.0 < FIRST_EAR).for_each(|token| self.drain(token));
            let of_ears = FIRST_EAR..FIRST_INQUIRY;
            tokens().filter(|token| of_ears.contains(&token.0)).for_each(|token| self.drain_reports(token));
            tokens().filter(|token| token.0 >= FIRST_INQUIRY).for_each(|token| self.take_denial(token));
            if count < EVENTS {
                return;
            }
        }
    }

    fn drain(&mut self, token: Token) {
        for _ in 0..DATAGRAMS {
            let Some((socket, protocol, interface)) = self.sockets.socket(token) else { return };
            // ENETDOWN and the like are told by the link's own events.
            let Ok(Some(received)) = socket.receive(&mut self.datagram) else { return };
            if interface.is_none() && received.destination.is_multicast() {
                continue;
            }
            let (source, destination) = (received.source, received.destination);
            let carrier = match protocol {
                IpProtocol::Vrrp => Carrier::Plain,
                IpProtocol::Ah => Carrier::Ah { header: received.header },
            };
            let wall = WallTime::after_epoch(time_of_day());
            if interface.is_some() {
                self.arrivals.note(token, source, peek_vrid(&carrier, received.payload));
            }
            let meta = RxMeta { wall, carrier, ..RxMeta::new(source, destination, received.hops) };
            let now = Time::after_start(uptime());
            let reception = self.router.receive(now, interface, meta, received.payload);
            if reception == Reception::Unknown && self.log_unknown_vrids {
                let vrid = peek_vrid(&carrier, received.payload).map_or(0, Vrid::get);
                let stranger = (interface.cloned(), source, vrid);
                self.told.stranger(stranger, &self.events);
            }
            self.tell_reject(reception, source);
            self.do_outputs();
        }
    }

    /// Takes in who joins and who leaves the multicast groups of an interface.
    fn drain_reports(&mut self, token: Token) {
        for _ in 0..REPORTS {
            let Some((socket, interface, family)) = self.ears.socket(token) else { return };
            let Ok(Some(packet)) = socket.receive(&mut self.datagram) else { return };
            let now = Time::after_start(uptime());
            // What is wrong with it is counted; nothing follows from it.
            let _ = self.router.receive_membership(now, interface, family, packet);
            self.do_outputs();
        }
    }

    fn tell_arrivals(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let listening = self.sockets.places();
        let arrived = self.arrivals.take(|token| self.sockets.interface(token));
        let standings = arrivals::standings(&self.router, &self.told.unsent);
        let mut segments = Some(Segments { listening, arrived, standings });
        for reply in self.asked.drain(..) {
            // There is one who asks; whoever else did gets nothing, and asks again.
            if let Some(segments) = segments.take() {
                let _ = reply.send(segments);
            }
        }
    }

    /// Takes in that a host which was asked has nobody who speaks VRRP.
    fn take_denial(&mut self, token: Token) {
        if let Some((interface, host)) = self.inquirer.denial(token) {
            self.router.receive_denial(Time::after_start(uptime()), interface.as_ref(), host);
            self.do_outputs();
        }
    }

    fn tell_reject(&mut self, reception: Reception, source: IpAddr) {
        let (id, reject) = match reception {
            Reception::Rejected { id, reject } | Reception::Accepted { id, oddity: Some(reject) } => {
                (id, reject)
            }
            Reception::Accepted { oddity: None, .. }
            | Reception::Unknown
            | Reception::Malformed
            | Reception::Ignored => return,
        };
        if self.told.rejects.insert((id, reject))
            && let Some(view) = self.router.instance(id)
        {
            let instance = view.config.name.clone();
            let _ = self.events.send(Event::Rejected { instance, source, reject });
        }
    }

    fn take_inputs(&mut self) -> Turn {
        for _ in 0..INPUTS {
            let turn = match self.receiver.try_recv() {
                Ok(input) => self.take_input(input),
                Err(mpsc::TryRecvError::Empty) => return Turn::Wait,
                Err(mpsc::TryRecvError::Disconnected) => return Turn::End,
            };
            if turn == Turn::End {
                return turn;
            }
        }
        Turn::Again
    }

    fn take_input(&mut self, input: Input) -> Turn {
        let now = Time::after_start(uptime());
        match input {
            Input::Fact(fact) => self.take_fact(now, fact),
            Input::AddressDeleted { id, address } => self.router.address_deleted(now, id, address),
            Input::StaticMissing { group, what } => self.router.static_missing(now, &group, what),
            Input::Script { name, outcome } => self.router.script_result(now, &name, outcome),
            Input::File { name, value } => self.router.file_value(now, &name, value),
            Input::Quorums(states) => {
                for QuorumState { service, met } in states {
                    self.router.service_quorum(now, &service, met);
                }
            }
            Input::Sessions(states) => {
                for SessionState { session, up } in states {
                    self.router.bfd_session(now, &session, up);
                }
            }
            Input::Process { name, ok } => self.router.process_quorum(now, &name, ok),
            Input::Inherit { alive_at, masterships } => self.router.inherit(alive_at, masterships),
            Input::Apply { config, done } => {
                let applied = self.apply(now, &config);
                self.resume();
                let _ = done.send(applied);
            }
            Input::Alive(reply) => {
                let _ = reply.send(());
            }
            Input::Segments(reply) => self.asked.push(reply),
            Input::Record(reply) => {
                let _ = reply.send(self.router.recording());
            }
            Input::Report(reply) => {
                let _ = reply.send(report::report(&self.router, now, self.pulse.worst));
            }
            Input::ClearCounters => {
                self.router.clear_counters();
                self.pulse.worst = Duration::ZERO;
            }
            Input::Shutdown { mode, done } => {
                self.router.shutdown(now, mode);
                self.do_outputs();
                let _ = done.send(());
                return Turn::End;
            }
        }
        self.do_outputs();
        Turn::Wait
    }

    fn take_fact(&mut self, now: Time, fact: Fact) {
        match fact {
            Fact::Link { name, device, state } => {
                self.sockets.set_device(&name, device.clone());
                self.inquirer.set_device(&name, device.clone());
                self.ears.set_device(&name, device);
                self.open_sockets();
                self.router.link(now, &name, state);
            }
            Fact::Source { interface, family, address } => {
                self.router.interface_address(now, &interface, family, address);
            }
            Fact::Presence { address, presence } => self.router.source_present(now, address, presence),
        }
        self.find_sources(now);
    }

    fn apply(&mut self, now: Time, config: &VrrpConfig) -> Applied {
        self.log_unknown_vrids = config.log_unknown_vrids;
        self.sockets.want(config.instances.iter());
        self.ears.want(config.instances.iter());
        self.inquirer.forget();
        self.open_sockets();
        let applied = self.router.apply(now, config);
        // With the old sockets still there: what is gone resigns by them.
        self.do_outputs();
        self.sockets.route(self.router.instances().map(|view| (view.id, view.config)));
        self.pulse.interval =
            config.instances.iter().map(|instance| instance.advert_interval.duration()).min();
        self.routed =
            self.router.instances().filter_map(|view| Some((view.id, routed_peer(view.config)?))).collect();
        self.find_sources(now);
        let known = |id: &InstanceId| self.router.instance(*id).is_some();
        self.told.rejects.retain(|(id, _)| known(id));
        self.told.unsent.retain(|id, _| known(id));
        self.arrivals.retain(|token| self.sockets.has(token));
        self.signers.retain(|id, _| known(id));
        applied
    }

    /// After the first configuration: masters of a process that died go on, once all that waits in the sockets is taken in.
    fn resume(&mut self) {
        self.take_packets(&mut [EpollEvent::empty(); EVENTS]);
        self.router.resume(Time::after_start(uptime()));
        if let Some(will) = &mut self.will {
            will.begin(&self.router);
        }
        self.do_outputs();
    }

    fn open_sockets(&mut self) {
        let now = uptime();
        let unopened = self.sockets.open(now).into_iter();
        for unopened in unopened.chain(self.ears.open(self.sockets.epoll(), now)) {
            let _ = self.events.send(Event::Unopened(unopened));
        }
    }

    fn find_sources(&mut self, now: Time) {
        for (id, Routed { peer, vrf }) in &self.routed {
            self.router.instance_source(now, *id, routed_source(*peer, vrf.as_ref()));
        }
        self.routes_at = (!self.routed.is_empty()).then(|| now.since_start() + ROUTES);
    }

    /// Does what is not the engine's to time, and sets the timer to the next deadline.
    fn arm(&mut self) {
        let now = uptime();
        let retry_at = |this: &Self| this.sockets.retry_at().into_iter().chain(this.ears.retry_at()).min();
        if retry_at(self).is_some_and(|at| at <= now) {
            self.open_sockets();
        }
        if self.routes_at.is_some_and(|at| at <= now) {
            self.find_sources(Time::after_start(now));
            self.do_outputs();
        }
        let deadline = self.router.poll_timeout().map(Time::since_start);
        self.pulse.deadline = deadline;
        let next = [deadline, retry_at(self), self.routes_at].into_iter().flatten().min();
        // A valid time cannot fail; if it did, the next packet would be the next turn.
        let _ = self.timer.arm(next);
    }

    fn do_outputs(&mut self) {
        if let Some(will) = &mut self.will {
            will.follow(&self.router);
        }
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::Instance { id, config, action } => self.do_action(id, config, action),
                Output::Group { config, transition } => {
                    let _ = self.events.send(Event::Group(config, transition));
                }
            }
        }
    }

    fn do_action(&mut self, id: InstanceId, config: Arc<Instance>, action: Action) {
        match action {
            Action::Send(advert) => self.send(id, &config, &advert),
            Action::Inquire { host } => {
                self.inquirer.ask(self.sockets.epoll(), config.interface.as_ref(), host, uptime());
            }
            Action::Addresses(_) | Action::Announce(_) => {
                self.keeper.send(keeper::Command::Do { id, config, action });
            }
            Action::Transition(transition) => {
                self.told.rejects.retain(|(of, _)| *of != id);
                if transition.to == State::Backup {
                    self.keeper.send(keeper::Command::Do { id, config: Arc::clone(&config), action });
                }
                let view = self.router.instance(id);
                let faults =
                    view.map_or(&[][..], |view| view.faults).iter().map(ToString::to_string).collect();
                let why = view.and_then(|view| view.last_change());
                let why = why.map_or_else(|| transition.cause.to_string(), |entry| entry.reason.to_string());
                let _ = self.events.send(Event::Instance { config, transition, faults, why });
            }
            Action::LowerPriorityHeard { source, priority } => {
                let view = self.router.instance(id);
                let own = view.map_or(config.priority, |view| view.effective_priority).get();
                let _ = self.events.send(Event::LowerPriority { config, source, priority, own });
            }
            Action::PriorityChanged { state, priority } => {
                let _ = self.events.send(Event::Priority(config, state, priority));
            }
        }
    }

    /// Sends an advert to the group or to each peer; allocates nothing once the buffer has its size.
    fn send(&mut self, id: InstanceId, config: &Instance, advert: &OutgoingAdvert) {
        let hops = match &config.transport {
            Transport::Multicast { .. } => TTL,
            Transport::Unicast { ttl, .. } => *ttl,
        };
        let signer = self.signers.entry(id).or_default();
        signer.begin(config, WallTime::after_epoch(time_of_day()));
        let mut failure = None;
        for destination in destinations(&config.transport) {
            let sent = self.sockets.of(id, config).and_then(|socket| {
                let envelope = Envelope { destination, identification: socket.identification(), hops };
                signer.emit(advert, config, &envelope, &mut self.packet);
                socket.send(&Outgoing { source: advert.source, destination, hops, payload: &self.packet })
            });
            if let Err(error) = sent {
                failure = Some(error);
            }
        }
        match failure {
            None => {
                if !self.told.unsent.is_empty() {
                    self.told.unsent.remove(&id);
                }
            }
            Some(error) => {
                let refused = error.raw_os_error() == Some(nix::libc::EPERM);
                let unsent = Unsent { error: error.to_string(), refused };
                if self.told.unsent.insert(id, unsent).is_none() {
                    let (instance, error) = (config.name.clone(), error.to_string());
                    let _ = self.events.send(Event::Unsent { instance, error });
                }
            }
        }
    }
}

/// By whose route the source is found, when nothing else says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Routed {
    peer: IpAddr,
    vrf: Option<InterfaceName>,
}

fn routed_peer(config: &Instance) -> Option<Routed> {
    if config.interface.is_some() || config.source.is_some() {
        return None;
    }
    let peer = destinations(&config.transport).next()?;
    Some(Routed { peer, vrf: config.vrf.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn lateness_is_measured_and_a_stall_is_more_than_an_interval() {
        let mut pulse = Pulse { deadline: None, worst: Duration::ZERO, interval: Some(millis(10)) };
        assert_eq!(pulse.beat(millis(1000)), Duration::ZERO, "nothing was due");
        pulse.deadline = Some(millis(1000));
        assert_eq!(pulse.beat(millis(990)), Duration::ZERO, "a packet came before the deadline");
        assert_eq!(pulse.beat(millis(1004)), millis(4));
        assert_eq!(pulse.worst, millis(4));
        assert_eq!(pulse.beat(millis(1011)), millis(11));
        assert_eq!(pulse.worst, millis(11));
        assert!(pulse.is_stall(millis(11)) && !pulse.is_stall(millis(10)));
    }
}
