//! All sessions of a process: which packet is for which, and what becomes of them at a reload.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{BfdConfig, BfdPath, BfdSession};

use crate::chance::Chance;
use crate::counters::{RejectCounters, SessionCounters};
use crate::session::{Change, Reaction, Session};
use crate::time::Time;
use crate::wire::{Control, Diagnostic, Discriminator, LEN, Reject, State};

/// What is known about a packet beside its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxMeta {
    /// Source address.
    pub source: IpAddr,
    /// Destination address; `None` when the kernel did not say.
    pub destination: Option<IpAddr>,
    /// Which port it came to.
    pub path: BfdPath,
    /// TTL or hop limit as received.
    pub ttl: u8,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a packet to the neighbour of the session.
    Send {
        /// What we call the session, as its [`SessionView`] says; a removed one sends a last time.
        session: Discriminator,
        /// The UDP payload.
        packet: [u8; LEN],
    },
    /// The state of a session has changed.
    Changed {
        /// The session, as the configuration calls it.
        session: String,
        /// From what, to what, why.
        change: Change,
        /// Whether those who track the session are to take it for up now.
        alive: bool,
    },
}

/// All sessions of a process. Every call gives outputs, which [`poll_output`](Self::poll_output) hands out in order.
#[derive(Clone, Debug)]
pub struct Speaker {
    sessions: BTreeMap<Discriminator, Session>,
    /// In the order of the configuration.
    order: Vec<Discriminator>,
    by_neighbor: BTreeMap<(IpAddr, BfdPath), Vec<Discriminator>>,
    rejected: RejectCounters,
    outputs: VecDeque<Output>,
    chance: Chance,
}

impl Speaker {
    /// Without sessions. The seed decides discriminators and jitter.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            sessions: BTreeMap::new(),
            order: Vec::new(),
            by_neighbor: BTreeMap::new(),
            rejected: RejectCounters::default(),
            outputs: VecDeque::new(),
            chance: Chance::new(seed),
        }
    }

    /// Moves to a configuration. A session with the same name, ends and path goes on; changed intervals are negotiated
    /// (RFC 5880 §6.8.3). All others are removed, which their neighbours are told, and begin anew.
    pub fn apply(&mut self, now: Time, config: &BfdConfig) {
        let mut order = Vec::new();
        for wanted in &config.sessions {
            let same = |session: &&mut Session| identity(&session.config) == identity(wanted);
            let local = match self.sessions.values_mut().find(same) {
                Some(session) => {
                    session.reconfigure(wanted.clone());
                    session.local
                }
                None => self.begin(now, wanted),
            };
            order.push(local);
        }
        let kept: BTreeSet<Discriminator> = order.iter().copied().collect();
        for local in std::mem::replace(&mut self.order, order) {
            if !kept.contains(&local) {
                self.remove(now, local);
            }
        }
        self.by_neighbor.clear();
        for session in self.order.iter().filter_map(|local| self.sessions.get(local)) {
            let key = (session.config.neighbor, session.config.path);
            self.by_neighbor.entry(key).or_default().push(session.local);
        }
    }

    /// A packet has come.
    ///
    /// # Errors
    /// Why it is not believed; counted.
    pub fn receive(&mut self, now: Time, meta: &RxMeta, payload: &[u8]) -> Result<(), Reject> {
        self.believe(now, meta, payload).inspect_err(|&reject| self.rejected.count(reject))
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; may lie in the past.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.sessions.values().filter_map(Session::due).min()
    }

    /// Does what is due. Packets that have come should be given to [`receive`](Self::receive) before: after the process has not run for
    /// a while, they show that the neighbour was not silent.
    pub fn handle_timeout(&mut self, now: Time) {
        for session in self.sessions.values_mut() {
            if session.due().is_some_and(|due| due <= now) {
                let reaction = session.handle_timeout(now, &mut self.chance);
                put_out(&mut self.outputs, session, reaction);
            }
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What there is to be known about every session, in the order of the configuration.
    pub fn views(&self, now: Time) -> impl Iterator<Item = SessionView<'_>> {
        let sessions = self.order.iter().filter_map(|local| self.sessions.get(local));
        sessions.map(move |session| SessionView::of(session, now))
    }

    /// Packets not believed.
    #[must_use]
    pub const fn rejected(&self) -> RejectCounters {
        self.rejected
    }

    /// Sets all counters to zero.
    pub fn clear_counters(&mut self) {
        self.rejected = RejectCounters::default();
        for session in self.sessions.values_mut() {
            session.counters = SessionCounters::default();
        }
    }

    fn believe(&mut self, now: Time, meta: &RxMeta, payload: &[u8]) -> Result<(), Reject> {
        let packet = Control::parse(payload)?;
        let session = match packet.your_discriminator {
            Some(ours) => Some(ours),
            None => self.named_by_addresses(meta),
        };
        let session = session.and_then(|local| self.sessions.get_mut(&local));
        // The port is part of what a session is (RFC 5883 §4).
        let session = session.filter(|session| session.config.path == meta.path).ok_or(Reject::NoSession)?;
        if meta.ttl < session.config.least_ttl {
            session.counters.ttl += 1;
            return Err(Reject::Ttl);
        }
        let reaction = session.receive(now, &packet, &mut self.chance);
        put_out(&mut self.outputs, session, reaction);
        Ok(())
    }

    /// The first packet of a neighbour names no discriminator of ours (RFC 5881 §3): then the addresses tell, and of several sessions
    /// the one that names its source.
    fn named_by_addresses(&self, meta: &RxMeta) -> Option<Discriminator> {
        let candidates = self.by_neighbor.get(&(meta.source, meta.path))?;
        let source =
            |local: &Discriminator| self.sessions.get(local).and_then(|session| session.config.source);
        let exact =
            candidates.iter().find(|local| source(local).is_some_and(|it| Some(it) == meta.destination));
        exact.or_else(|| candidates.iter().find(|local| source(local).is_none())).copied()
    }

    fn begin(&mut self, now: Time, config: &BfdSession) -> Discriminator {
        let mut local = self.chance.discriminator();
        while self.sessions.contains_key(&local) {
            local = self.chance.discriminator();
        }
        self.sessions.insert(local, Session::new(config.clone(), local, now));
        local
    }

    fn remove(&mut self, now: Time, local: Discriminator) {
        if let Some(mut session) = self.sessions.remove(&local) {
            let reaction = session.remove(now, &mut self.chance);
            put_out(&mut self.outputs, &session, reaction);
        }
    }
}

/// What makes a session another one when it changes.
fn identity(session: &BfdSession) -> (&str, IpAddr, Option<IpAddr>, BfdPath) {
    (&session.name, session.neighbor, session.source, session.path)
}

fn put_out(outputs: &mut VecDeque<Output>, session: &Session, reaction: Reaction) {
    let (name, alive) = (&session.config.name, session.alive);
    outputs.extend(reaction.packet.map(|packet| Output::Send { session: session.local, packet }));
    outputs.extend(reaction.change.map(|change| Output::Changed { session: name.clone(), change, alive }));
}

/// What there is to be known about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionView<'a> {
    /// Its configuration.
    pub config: &'a BfdSession,
    /// Its state.
    pub state: State,
    /// How long it has been in that state.
    pub in_state_for: Duration,
    /// Whether those who track it take it for up.
    pub alive: bool,
    /// Why it was last taken out of Up.
    pub diagnostic: Diagnostic,
    /// What we call it.
    pub discriminator: Discriminator,
    /// Time between packets sent, before jitter; `None`: the neighbour wants none.
    pub interval: Option<Duration>,
    /// The neighbour; `None`: silent.
    pub remote: Option<RemoteView>,
    /// Counters.
    pub counters: SessionCounters,
}

/// What is known about a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteView {
    /// Its state.
    pub state: State,
    /// Why it was last taken out of Up there.
    pub diagnostic: Diagnostic,
    /// What it calls the session.
    pub discriminator: Discriminator,
    /// How long ago it was heard.
    pub heard_ago: Duration,
    /// How long it may be silent.
    pub detection_time: Duration,
}

impl<'a> SessionView<'a> {
    fn of(session: &'a Session, now: Time) -> Self {
        let detection_time = session.detection_time().unwrap_or_default();
        let remote = session.remote.map(|remote| RemoteView {
            state: remote.said.state,
            diagnostic: remote.said.diagnostic,
            discriminator: remote.said.my_discriminator,
            heard_ago: now.since(remote.heard),
            detection_time,
        });
        Self {
            config: &session.config,
            state: session.state,
            in_state_for: now.since(session.since),
            alive: session.alive,
            diagnostic: session.diagnostic,
            discriminator: session.local,
            interval: session.interval(),
            remote,
            counters: session.counters,
        }
    }
}
