//! What an instance knows in each of its states. A value that has a meaning in one state only exists in that state only.

use std::time::Duration;

use lvsd_model::{AdvertInterval, Instance as Config, Priority, Version};

use super::announce::Announcements;
use super::instance::Heard;
use super::output::State;
use super::timers::{down_interval, leave_interval, skew_time};
use crate::time::Time;

/// The state of an instance with its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Phase {
    Init(Init),
    Backup(Backup),
    Master(Master),
    Fault,
}

impl Phase {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Init(_) => State::Init,
            Self::Backup(_) => State::Backup,
            Self::Master(_) => State::Master,
            Self::Fault => State::Fault,
        }
    }

    pub(super) const fn is_master(&self) -> bool {
        matches!(self, Self::Master(_))
    }
}

/// Waiting for the end of the start-up delay or for first results of scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Init {
    pub(super) entered: Time,
    /// When the wait may be over without an event.
    pub(super) recheck_at: Option<Time>,
    pub(super) opening: Opening,
}

impl Init {
    pub(super) const fn new(now: Time, opening: Opening) -> Self {
        Self { entered: now, recheck_at: None, opening }
    }
}

/// What an instance in INIT comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Opening {
    /// The start.
    First,
    /// A fault.
    Recovered,
}

/// How long a backup waits from the moment at which its timer was armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum DownTimer {
    /// The down interval.
    Full,
    /// Skew only: the master resigned.
    Skew,
    /// One interval and the owner's skew: who ought to be master, but may not start as such.
    Short,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Backup {
    /// When the timer was armed. Its end follows from the priority and interval of the moment.
    pub(super) armed_at: Time,
    pub(super) timer: DownTimer,
    /// VRRPv3: the master's interval, once heard.
    pub(super) learned: Option<AdvertInterval>,
    /// End of the preempt delay; `None` while no lower-priority master was heard.
    pub(super) preempt_at: Option<Time>,
    /// A lower-priority advert was ignored since the timer was armed: the coming takeover is a preemption.
    pub(super) defied_master: bool,
    /// The timer ran out while the sync group could not move; an accepted advert takes the wish away.
    pub(super) wants_master: bool,
    /// The master's host has told since the last advert that nobody there speaks VRRP.
    pub(super) gone: Option<Departure>,
    /// When the master's host is asked (again) whether anybody there does.
    pub(super) ask_at: Option<Time>,
    /// It entered a sync group that was MASTER already, which stays so until this member hears a better master.
    pub(super) joining: bool,
}

impl Backup {
    pub(super) const fn new(now: Time, timer: DownTimer) -> Self {
        Self {
            armed_at: now,
            timer,
            learned: None,
            preempt_at: None,
            defied_master: false,
            wants_master: false,
            gone: None,
            ask_at: None,
            joining: false,
        }
    }

    /// The interval by which the timers go.
    pub(super) fn interval(&self, config: &Config) -> AdvertInterval {
        match config.version {
            Version::V2 => config.advert_interval,
            Version::V3 => self.learned.unwrap_or(config.advert_interval),
        }
    }

    pub(super) fn arm(&mut self, now: Time, timer: DownTimer) {
        self.armed_at = now;
        self.timer = timer;
        self.defied_master = false;
        self.gone = None;
        self.ask_at = None;
    }

    /// When it takes over.
    pub(super) fn down_at(&self, config: &Config, priority: Priority) -> Time {
        let silent_at = self.silent_at(config, priority);
        self.gone.map_or(silent_at, |gone| silent_at.min(gone.down_at(config.version, priority)))
    }

    /// When it takes over if the silence is all it knows.
    pub(super) fn silent_at(&self, config: &Config, priority: Priority) -> Time {
        let interval = self.interval(config);
        let wait: Duration = match self.timer {
            DownTimer::Full => down_interval(config.version, interval, priority, config.down_timer_adverts),
            DownTimer::Skew => skew_time(config.version, interval, priority),
            DownTimer::Short => down_interval(config.version, interval, Priority::OWNER, 1),
        };
        self.armed_at + wait
    }
}

/// How a host tells that nobody there speaks VRRP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Sign {
    /// It has left the group that adverts go to.
    Left,
    /// It was asked, and its kernel knows no such protocol.
    Denied,
}

/// The master's host has told that nobody there speaks VRRP. Without a missed advert that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Departure {
    pub(super) sign: Sign,
    /// When that was told.
    pub(super) told_at: Time,
    /// When the master's last advert came.
    pub(super) heard_at: Time,
    /// The master's interval.
    pub(super) interval: AdvertInterval,
}

impl Departure {
    /// After that advert of the master.
    pub(super) const fn told(sign: Sign, now: Time, heard: Heard) -> Self {
        Self { sign, told_at: now, heard_at: heard.at, interval: heard.interval }
    }

    fn down_at(&self, version: Version, priority: Priority) -> Time {
        self.told_at.max(self.heard_at + leave_interval(version, self.interval, priority))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Master {
    pub(super) advert_at: Time,
    pub(super) announcements: Announcements,
    /// Another owner is heard, from a lower address.
    pub(super) conflict: Option<OwnerConflict>,
}

/// Two routers with priority 255, of which this one has the higher address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct OwnerConflict {
    pub(super) since: Time,
    pub(super) last_heard: Time,
}
