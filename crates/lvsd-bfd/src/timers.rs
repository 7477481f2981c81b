//! What is negotiated: how often this side sends, and how long it waits (RFC 5880 §6.8.2 to §6.8.4).
//!
//! There are two values of each interval of ours: what the packets say, and what is in force. They differ while the neighbour has not
//! answered a Poll Sequence: until then it may still go by the old value, so slower sending and shorter waiting have to wait.

use std::time::Duration;

use lvsd_model::{BfdInterval, BfdSession};

use crate::wire::State;

/// Our intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timers {
    said: Intervals,
    in_force: Intervals,
    polling: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intervals {
    /// bfd.DesiredMinTxInterval
    tx: BfdInterval,
    /// bfd.RequiredMinRxInterval
    rx: BfdInterval,
}

impl Intervals {
    /// What the configuration says for a state: slow while not Up (RFC 5880 §6.8.3).
    fn of(config: &BfdSession, state: State) -> Self {
        let tx = match state {
            State::Up => config.min_tx,
            State::AdminDown | State::Down | State::Init => config.idle_tx,
        };
        Self { tx, rx: config.min_rx }
    }
}

impl Timers {
    /// Those of a session that is not Up.
    pub(crate) fn idle(config: &BfdSession) -> Self {
        let intervals = Intervals::of(config, State::Down);
        Self { said: intervals, in_force: intervals, polling: false }
    }

    /// Goes by a changed configuration, or a changed state.
    pub(crate) fn adjust(&mut self, config: &BfdSession, state: State) {
        let wanted = Intervals::of(config, state);
        if state != State::Up {
            *self = Self { said: wanted, in_force: wanted, polling: false };
            return;
        }
        self.polling |= wanted != self.said;
        self.said = wanted;
        // Sending faster and waiting longer harm nobody, and need no consent.
        self.in_force.tx = self.in_force.tx.min(wanted.tx);
        self.in_force.rx = self.in_force.rx.max(wanted.rx);
    }

    /// The neighbour has answered: it knows what was said.
    pub(crate) const fn answered(&mut self) {
        self.polling = false;
        self.in_force = self.said;
    }

    /// Whether packets ask for an answer.
    pub(crate) const fn polling(&self) -> bool {
        self.polling
    }

    /// What packets say, in microseconds: desired min TX, required min RX.
    pub(crate) const fn said(&self) -> (u32, u32) {
        (self.said.tx.micros(), self.said.rx.micros())
    }

    /// Time between packets sent, before jitter. `None`: the neighbour wants none.
    pub(crate) fn sending(&self, remote_min_rx: u32) -> Option<Duration> {
        let remote = Duration::from_micros(u64::from(remote_min_rx));
        (remote_min_rx != 0).then(|| self.in_force.tx.duration().max(remote))
    }

    /// How long silence of the neighbour is bearable: its multiplier times the agreed interval (RFC 5880 §6.8.4).
    pub(crate) fn detection(&self, remote_multiplier: u8, remote_desired_tx: u32) -> Duration {
        let remote = Duration::from_micros(u64::from(remote_desired_tx));
        self.in_force.rx.duration().max(remote).saturating_mul(u32::from(remote_multiplier))
    }
}
