//! One session (RFC 5880 §6.8).
//!
//! ```text
//!            heard AdminDown  heard Down   heard Init   heard Up     silence
//!  Down      Down             Init         Up           Down         Down
//!  Init      Down             Init         Up           Up           Down
//!  Up        Down             Down         Up           Up           Down
//! ```
//!
//! Both deadlines, of sending and of detection, are computed from what was last sent and heard and from what is agreed now; none is
//! stored, so none can be left over from an agreement that holds no more.

use std::fmt;
use std::time::Duration;

use lvsd_model::{BfdRole, BfdSession};
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::counters::SessionCounters;
use crate::time::Time;
use crate::timers::Timers;
use crate::wire::{Control, Diagnostic, Discriminator, LEN, Sequence, State};

/// Least and greatest share of an interval at which the next packet leaves, in thousandths (RFC 5880 §6.8.7).
const JITTER: (u32, u32) = (750, 1000);
/// The same when the loss of a single packet ends the session.
const JITTER_SINGLE: (u32, u32) = (750, 900);

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// Why.
    pub cause: Cause,
}

/// What changed a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The neighbour said its state.
    Heard {
        /// Which.
        state: State,
        /// And why it is not Up.
        diagnostic: Diagnostic,
    },
    /// The neighbour was silent for the detection time.
    Silence {
        /// The detection time.
        detection: Duration,
    },
    /// The session is taken away here.
    Removed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heard { state, diagnostic } if *diagnostic == Diagnostic::NONE => {
                write!(f, "the neighbour says {state}")
            }
            Self::Heard { state, diagnostic } => write!(f, "the neighbour says {state} ({diagnostic})"),
            Self::Silence { detection } => write!(f, "nothing heard for the detection time of {detection:?}"),
            Self::Removed => f.write_str("the session is removed"),
        }
    }
}

/// What an event leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// The packet to send.
    pub(crate) packet: Option<[u8; LEN]>,
    /// The change of state.
    pub(crate) change: Option<Change>,
}

/// What the neighbour last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) said: Control,
    pub(crate) heard: Time,
}

/// One session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) config: BfdSession,
    pub(crate) local: Discriminator,
    pub(crate) state: State,
    pub(crate) since: Time,
    pub(crate) diagnostic: Diagnostic,
    /// `None`: nothing was heard for the detection time (bfd.RemoteDiscr is 0).
    pub(crate) remote: Option<Remote>,
    /// Whether those who track the session take it for up. Not the same as the state: when the neighbour's operator takes the session
    /// down, that says nothing about the path (RFC 5882 §3.2), and stays as it was.
    pub(crate) alive: bool,
    pub(crate) counters: SessionCounters,
    timers: Timers,
    last_sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Time,
    /// Share of the interval after which the next one is due, in thousandths.
    share: u32,
}

impl Session {
    pub(crate) fn new(config: BfdSession, local: Discriminator, now: Time) -> Self {
        Self {
            timers: Timers::idle(&config),
            config,
            local,
            state: State::Down,
            since: now,
            diagnostic: Diagnostic::NONE,
            remote: None,
            alive: false,
            counters: SessionCounters::default(),
            last_sent: None,
        }
    }

    /// Goes by a changed configuration with the same ends.
    pub(crate) fn reconfigure(&mut self, config: BfdSession) {
        self.config = config;
        self.timers.adjust(&self.config, self.state);
    }

    /// A packet that is for this session (RFC 5880 §6.8.6, from where the session is known).
    pub(crate) fn receive(&mut self, now: Time, packet: &Control, chance: &mut Chance) -> Reaction {
        self.counters.received += 1;
        self.remote = Some(Remote { said: *packet, heard: now });
        if packet.sequence.answer && self.timers.polling() {
            self.timers.answered();
        }
        let cause = Cause::Heard { state: packet.state, diagnostic: packet.diagnostic };
        let change = next_state(self.state, packet.state).map(|to| self.enter(now, to, cause));
        let answer = Sequence { poll: false, answer: true };
        let packet = if packet.sequence.poll {
            Some(self.send(now, answer, chance))
        } else if change.is_some() && self.may_send() {
            // What the neighbour does not know yet need not wait for the interval (RFC 5880 §6.8.7).
            Some(self.send_periodic(now, chance))
        } else {
            None
        };
        Reaction { packet, change }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due. May lie in the past.
    pub(crate) fn due(&self) -> Option<Time> {
        [self.detect_at(), self.send_at()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Time, chance: &mut Chance) -> Reaction {
        let expired = self.detect_at().is_some_and(|at| at <= now);
        let change = if expired { self.expire(now) } else { None };
        let send = change.is_some() || self.send_at().is_some_and(|at| at <= now);
        let packet = (send && self.may_send()).then(|| self.send_periodic(now, chance));
        Reaction { packet, change }
    }

    /// The session is no more: the neighbour is told, so that it does not take this for a failure (RFC 5880 §6.8.16).
    pub(crate) fn remove(&mut self, now: Time, chance: &mut Chance) -> Reaction {
        let known = self.remote.is_some();
        let change = self.enter(now, State::AdminDown, Cause::Removed);
        Reaction { packet: known.then(|| self.send_periodic(now, chance)), change: Some(change) }
    }

    /// How long the neighbour may be silent; `None` while it is not known.
    pub(crate) fn detection_time(&self) -> Option<Duration> {
        let said = self.remote?.said;
        Some(self.timers.detection(said.multiplier.get(), said.desired_min_tx))
    }

    /// The agreed interval between packets sent, before jitter; `None` while none are sent.
    pub(crate) fn interval(&self) -> Option<Duration> {
        // Before anything is heard bfd.RemoteMinRxInterval is 1 (RFC 5880 §6.8.1).
        self.timers.sending(self.remote.map_or(1, |remote| remote.said.required_min_rx))
    }

    fn detect_at(&self) -> Option<Time> {
        Some(self.remote?.heard + self.detection_time()?)
    }

    fn send_at(&self) -> Option<Time> {
        let interval = self.interval().filter(|_| self.may_send())?;
        let due = |sent: Sent| sent.at + interval.saturating_mul(sent.share) / 1000;
        Some(self.last_sent.map_or(Time::ZERO, due))
    }

    /// Whether periodic packets may be sent (RFC 5880 §6.8.7).
    fn may_send(&self) -> bool {
        let Some(Remote { said, .. }) = &self.remote else {
            return self.config.role == BfdRole::Active;
        };
        let both_up = self.state == State::Up && said.state == State::Up;
        let on_demand = said.demand && both_up && !self.timers.polling();
        said.required_min_rx != 0 && !on_demand
    }

    fn send_periodic(&mut self, now: Time, chance: &mut Chance) -> [u8; LEN] {
        self.send(now, Sequence { poll: self.timers.polling(), answer: false }, chance)
    }

    fn send(&mut self, now: Time, sequence: Sequence, chance: &mut Chance) -> [u8; LEN] {
        let (least, most) = if self.config.multiplier.get() == 1 { JITTER_SINGLE } else { JITTER };
        // An answer leaves between the periodic packets and does not put the next one off.
        if !sequence.answer {
            self.last_sent = Some(Sent { at: now, share: chance.between(least, most) });
        }
        self.counters.sent += 1;
        let (desired_min_tx, required_min_rx) = self.timers.said();
        let packet = Control {
            diagnostic: self.diagnostic,
            state: self.state,
            sequence,
            independent: false,
            demand: false,
            multiplier: self.config.multiplier,
            my_discriminator: self.local,
            your_discriminator: self.remote.map(|remote| remote.said.my_discriminator),
            desired_min_tx,
            required_min_rx,
            // The echo function is not offered.
            required_min_echo_rx: 0,
        };
        packet.emit()
    }

    /// The detection time is over: whatever was known of the neighbour holds no more (RFC 5880 §6.8.1, §6.8.4).
    fn expire(&mut self, now: Time) -> Option<Change> {
        let detection = self.detection_time().unwrap_or_default();
        self.remote = None;
        match self.state {
            State::Init | State::Up => Some(self.enter(now, State::Down, Cause::Silence { detection })),
            State::Down | State::AdminDown => None,
        }
    }

    fn enter(&mut self, now: Time, to: State, cause: Cause) -> Change {
        let from = std::mem::replace(&mut self.state, to);
        self.since = now;
        self.diagnostic = match (to, cause) {
            (State::Up | State::Init, _) => Diagnostic::NONE,
            (_, Cause::Heard { .. }) => Diagnostic::NEIGHBOR_SIGNALED,
            (_, Cause::Silence { .. }) => Diagnostic::DETECTION_TIME_EXPIRED,
            (_, Cause::Removed) => Diagnostic::ADMINISTRATIVELY_DOWN,
        };
        let by_operator = matches!(cause, Cause::Heard { state: State::AdminDown, .. });
        match to {
            State::Up => self.alive = true,
            State::Down if !by_operator => self.alive = false,
            State::AdminDown => self.alive = false,
            State::Down | State::Init => {}
        }
        self.counters.ups += u64::from(to == State::Up);
        self.counters.downs += u64::from(from == State::Up);
        self.timers.adjust(&self.config, to);
        Change { from, to, cause }
    }
}

/// The state table; `None`: it stays.
const fn next_state(own: State, heard: State) -> Option<State> {
    match (own, heard) {
        // A removed session hears nothing (RFC 5880 §6.8.6).
        (State::AdminDown, _) => None,
        (State::Init | State::Up, State::AdminDown) => Some(State::Down),
        (State::Down, State::Down) => Some(State::Init),
        (State::Down | State::Init, State::Init) | (State::Init, State::Up) => Some(State::Up),
        (State::Up, State::Down) => Some(State::Down),
        (State::Down, State::AdminDown | State::Up) => None,
        (State::Init, State::Down) | (State::Up, State::Init | State::Up) => None,
    }
}
