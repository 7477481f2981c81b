//! The process: takes plans from the supervisor, packets from the sockets, and lets time pass.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lvsd_bfd::{Discriminator, Output, Reject, RxMeta, SessionView, Speaker, State, Time};
use lvsd_ipc::{
    Applied, BfdNeighborSnapshot, BfdPlan, BfdSessionSnapshot, BfdSnapshot, ChildEvent, FromChild,
    Generation, SessionState, ToChild,
};
use lvsd_model::{BfdConfig, BfdSession};
use lvsd_net::{MAX_BFD_DATAGRAM, uptime};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use crate::schedule::Schedule;
use crate::sockets::Sockets;
use crate::supervisor::Supervisor;

/// How often a port that another program has is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Packets that are taken before the timer is looked at.
const BATCH: usize = 1024;
/// The same complaint about packets is made this often.
const COMPLAINT: Duration = Duration::from_secs(60);

/// Runs until the supervisor says stop, or is gone.
pub(crate) async fn run(stream: UnixStream) -> io::Result<()> {
    let mut supervisor = Supervisor::connect(stream)?;
    let mut term = signal(SignalKind::terminate())?;
    let mut process = Process::new()?;
    supervisor.say(FromChild::Ready);
    loop {
        tokio::select! {
            biased;
            ready = process.sockets.readable_mut() => {
                let mut ready = ready?;
                ready.clear_ready();
                drop(ready);
                process.turn()?;
            }
            order = supervisor.next() => match order {
                Some(order) => {
                    if process.obey(order, &supervisor)? == Next::End {
                        break;
                    }
                }
                None => {
                    warn!("the supervisor is gone; BFD ends");
                    process.leave();
                    break;
                }
            },
            _ = term.recv() => {
                info!("asked to stop by a signal");
                process.leave();
                break;
            }
            _ = process.retry.tick() => process.sockets.get_mut().open_ears(),
        }
        process.tell(&supervisor);
    }
    supervisor.close().await;
    Ok(())
}

/// Whether the process goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    End,
}

struct Process {
    speaker: Speaker,
    sockets: AsyncFd<Sockets>,
    retry: Interval,
    /// Configurations by discriminator, those of removed sessions until their last packet is sent.
    sessions: BTreeMap<Discriminator, BfdSession>,
    /// What those who track sessions were told last.
    told: BTreeMap<Discriminator, bool>,
    events: Vec<ChildEvent>,
    complained: HashMap<Reject, Duration>,
    schedule: Schedule,
    /// For what the timer is set.
    deadline: Option<Time>,
    worst_lateness: Duration,
}

impl Process {
    fn new() -> io::Result<Self> {
        // Different in every process: a successor must not be taken for its predecessor.
        let seed = RandomState::new().build_hasher().finish();
        let mut retry = interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            speaker: Speaker::new(seed),
            sockets: watch(Sockets::new()?)?,
            retry,
            sessions: BTreeMap::new(),
            told: BTreeMap::new(),
            events: Vec::new(),
            complained: HashMap::new(),
            schedule: Schedule::new(),
            deadline: None,
            worst_lateness: Duration::ZERO,
        })
    }

    fn obey(&mut self, order: ToChild<BfdPlan>, supervisor: &Supervisor) -> io::Result<Next> {
        match order {
            ToChild::Apply { generation, plan } => self.apply(generation, &plan, supervisor)?,
            ToChild::Snapshot { request } => {
                let snapshot = Box::new(self.snapshot());
                supervisor.say(FromChild::Snapshot { request, snapshot });
            }
            ToChild::Ping { number } => supervisor.say(FromChild::Pong { number }),
            ToChild::ClearCounters => {
                self.speaker.clear_counters();
                self.worst_lateness = Duration::ZERO;
            }
            // It is this process that knows sessions, and what else there is concerns others.
            ToChild::Sessions(_) | ToChild::Quorums(_) | ToChild::Record => {}
            ToChild::Stop(_) => {
                self.leave();
                supervisor.say(FromChild::Stopped);
                return Ok(Next::End);
            }
        }
        Ok(Next::Continue)
    }

    fn apply(&mut self, generation: Generation, plan: &BfdPlan, supervisor: &Supervisor) -> io::Result<()> {
        let mut complaints = self.schedule.apply(&plan.process, plan.umask);
        self.sockets.get_mut().listen(plan.config.sessions.iter());
        self.configure(&plan.config);
        self.turn()?;
        let deaf = self.sockets.get_ref().deaf().map(|what| format!("BFD cannot be heard on {what}"));
        complaints.extend(deaf);
        let outcome = if complaints.is_empty() { Applied::Done } else { Applied::Degraded(complaints) };
        supervisor.say(FromChild::Applied { generation, outcome });
        debug!(generation = generation.0, "plan is in force");
        Ok(())
    }

    /// Moves to these sessions; removed ones say goodbye.
    fn configure(&mut self, config: &BfdConfig) {
        let now = now();
        self.speaker.apply(now, config);
        let current = self.speaker.views(now).map(|view| (view.discriminator, view.config.clone()));
        let current: BTreeMap<_, _> = current.collect();
        // A changed TTL needs another socket.
        let same_socket = |(of, session): (&Discriminator, &BfdSession)| {
            let before = self.sessions.get(of)?;
            (before.ttl == session.ttl).then_some(*of)
        };
        let kept: BTreeSet<_> = current.iter().filter_map(same_socket).collect();
        self.sessions.extend(current.clone());
        self.put_out();
        self.sockets.get_mut().keep(&kept);
        self.sessions = current;
        self.told.retain(|of, _| self.sessions.contains_key(of));
    }

    /// Every session ends; neighbours do not take that for a failure.
    fn leave(&mut self) {
        self.configure(&BfdConfig::default());
    }

    /// Hears what there is to hear, and then does what is due: what has come while the process could not run shows that the
    /// neighbour was not silent.
    fn turn(&mut self) -> io::Result<()> {
        loop {
            let more = self.hear();
            self.sockets.get_mut().clear_timer();
            let now = now();
            if let Some(deadline) = self.deadline.take().filter(|deadline| *deadline <= now) {
                let late = now.since(deadline);
                self.worst_lateness = self.worst_lateness.max(late);
                self.schedule.late(late);
            }
            self.speaker.handle_timeout(now);
            self.put_out();
            if !more {
                // What is overdue is due now.
                self.deadline = self.speaker.poll_timeout().map(|due| due.max(now));
                return self.sockets.get_mut().wake_at(self.deadline.map(Time::since_start));
            }
        }
    }

    /// Takes what has come; whether there may be more.
    fn hear(&mut self) -> bool {
        let mut buffer = [0; MAX_BFD_DATAGRAM];
        let mut more = false;
        for ear in self.sockets.get_mut().ears.values_mut() {
            let Some(listener) = &mut ear.listener else { continue };
            for turn in 1..=BATCH {
                let received = match listener.receive(&mut buffer) {
                    Ok(Some(received)) => received,
                    Ok(None) => break,
                    Err(error) => {
                        // Such as an ICMP error for a packet of ours; the next call goes on.
                        debug!(%error, "hearing BFD");
                        continue;
                    }
                };
                more |= turn == BATCH;
                let (source, ttl) = (received.source, received.hops);
                let meta = RxMeta { source, destination: received.destination, path: ear.path, ttl };
                let at = now();
                if let Err(reject) = self.speaker.receive(at, &meta, received.payload) {
                    let last = self.complained.get(&reject);
                    if last.is_none_or(|last| at.since_start().saturating_sub(*last) >= COMPLAINT) {
                        self.complained.insert(reject, at.since_start());
                        warn!(%source, ttl, "BFD packet not believed: {reject}");
                    }
                }
            }
        }
        more
    }

    /// Does what the sessions have ordered.
    fn put_out(&mut self) {
        while let Some(output) = self.speaker.poll_output() {
            match output {
                Output::Send { session, packet } => {
                    if let Some(config) = self.sessions.get(&session) {
                        self.sockets.get_mut().send(session, config, &packet);
                    }
                }
                Output::Changed { session, change, .. } => {
                    let (from, to, cause) = (change.from, change.to, change.cause.to_string());
                    if to == State::Up || from == State::Up {
                        info!(session, "BFD: {from} to {to}: {cause}");
                        self.events.push(ChildEvent::Session { name: session, from, to, cause });
                    } else {
                        debug!(session, "BFD: {from} to {to}: {cause}");
                    }
                }
            }
        }
    }

    /// Tells what has changed since it was last told. A session that has never been up is no news: how long that may last, the
    /// supervisor knows.
    fn tell(&mut self, supervisor: &Supervisor) {
        for event in self.events.drain(..) {
            supervisor.say(FromChild::Event(event));
        }
        let mut news = Vec::new();
        for view in self.speaker.views(now()) {
            let (of, up) = (view.discriminator, view.alive);
            if self.told.get(&of).copied().unwrap_or(false) != up {
                self.told.insert(of, up);
                news.push(SessionState { session: view.config.name.clone(), up });
            }
        }
        if !news.is_empty() {
            supervisor.say(FromChild::Sessions(news));
        }
    }

    fn snapshot(&self) -> BfdSnapshot {
        let sockets = self.sockets.get_ref();
        let sessions = self.speaker.views(now());
        let rejected = self.speaker.rejected().named();
        BfdSnapshot {
            sessions: sessions.map(|view| snapshot_of(&view, sockets)).collect(),
            rejected: rejected.map(|(name, count)| (name.to_owned(), count)).to_vec(),
            deaf: sockets.deaf().map(str::to_owned).collect(),
            worst_lateness: self.worst_lateness,
        }
    }
}

fn snapshot_of(view: &SessionView<'_>, sockets: &Sockets) -> BfdSessionSnapshot {
    let remote = view.remote.map(|remote| BfdNeighborSnapshot {
        state: remote.state,
        diagnostic: remote.diagnostic,
        discriminator: remote.discriminator.get(),
        heard_ago: remote.heard_ago,
        detection_time: remote.detection_time,
    });
    BfdSessionSnapshot {
        name: view.config.name.clone(),
        neighbor: view.config.neighbor,
        path: view.config.path,
        state: view.state,
        up: view.alive,
        in_state_for: view.in_state_for,
        diagnostic: view.diagnostic,
        discriminator: view.discriminator.get(),
        interval: view.interval,
        remote,
        received: view.counters.received,
        sent: view.counters.sent,
        ttl_rejected: view.counters.ttl,
        ups: view.counters.ups,
        downs: view.counters.downs,
        send_error: sockets.send_error(view.discriminator),
    }
}

#[expect(
    deprecated,
    reason = "what replaces it is unsafe; the descriptor of Sockets lives as long as they do"
)]
fn watch(sockets: Sockets) -> io::Result<AsyncFd<Sockets>> {
    AsyncFd::new(sockets)
}

fn now() -> Time {
    Time::after_start(uptime())
}
