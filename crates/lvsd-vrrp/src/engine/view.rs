//! Looking at the engine from outside: everything that explains a state, nothing that could change it.

use std::net::IpAddr;

use lvsd_model::{AdvertInterval, Instance as Config, Priority, SyncGroup, TrackScript};

use super::Router;
use super::instance::{Heard, Instance};
use super::journal::{Journal, JournalEntry};
use super::output::{InstanceId, State};
use super::phase::Phase;
use super::tracking::Tracker;
use super::tracking::{Adjustment, Fault};
use crate::counters::{AdvertCounters, Edge, RejectCounters, RouterCounters};
use crate::judge::ScriptJudge;
use crate::time::Time;

/// What an instance waits for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// INIT: the latest moment at which it starts, if there is one.
    Start(Option<Time>),
    /// BACKUP: when it takes over if nothing is heard.
    MasterDown(Time),
    /// MASTER: the next advert.
    Advert(Time),
    /// FAULT: nothing.
    None,
}

/// One instance.
#[derive(Clone, Copy, Debug)]
pub struct InstanceView<'a> {
    /// Its identity.
    pub id: InstanceId,
    /// Its configuration.
    pub config: &'a Config,
    /// Its state.
    pub state: State,
    /// When it entered that state.
    pub since: Time,
    /// Where its adverts leave from.
    pub source: Option<IpAddr>,
    /// Its configured priority.
    pub base_priority: Priority,
    /// Its priority in force.
    pub effective_priority: Priority,
    /// What makes the difference, before the sum is clamped to 1 to 254.
    pub adjustments: &'a [Adjustment],
    /// Why it is in FAULT.
    pub faults: &'a [Fault],
    /// Scripts without a first result.
    pub awaited: &'a [Tracker],
    /// The last believed advert.
    pub heard: Option<Heard>,
    /// The interval by which its timers go.
    pub interval: AdvertInterval,
    /// What it waits for.
    pub timer: Timer,
    /// BACKUP: a lower-priority master is tolerated until then (`preempt_delay`).
    pub preempt_at: Option<Time>,
    /// BACKUP: it would be MASTER if its sync group were unanimous.
    pub waits_for_group: bool,
    /// An owner that gave way to another owner.
    pub conceded: bool,
    /// Its adverts.
    pub adverts: &'a AdvertCounters,
    /// Adverts it did not believe.
    pub rejected: &'a RejectCounters,
    /// Its changes of state.
    pub transitions: &'a [Edge],
    journal: &'a Journal,
}

/// One sync group.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    /// Its configuration.
    pub config: &'a SyncGroup,
    /// Its state.
    pub state: State,
    /// When it entered that state.
    pub since: Time,
    /// Its members.
    pub members: &'a [InstanceId],
}

/// One tracked script.
#[derive(Clone, Copy, Debug)]
pub struct ScriptView<'a> {
    /// Its configuration.
    pub config: &'a TrackScript,
    /// What is believed about it, and its counters.
    pub judge: &'a ScriptJudge,
}

impl<'a> InstanceView<'a> {
    /// Its latest decisions and their reasons, by the time at which they began.
    #[must_use]
    pub fn journal(&self) -> Vec<&'a JournalEntry> {
        self.journal.entries()
    }

    /// Its latest change of state.
    #[must_use]
    pub fn last_change(&self) -> Option<&'a JournalEntry> {
        self.journal.last_change()
    }
}

impl Router {
    /// All instances, in configuration order.
    pub fn instances(&self) -> impl Iterator<Item = InstanceView<'_>> {
        self.order.iter().filter_map(|id| self.instance(*id))
    }

    /// One instance.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<InstanceView<'_>> {
        self.instances.get(&id).map(Instance::view)
    }

    /// All sync groups, in configuration order.
    pub fn groups(&self) -> impl Iterator<Item = GroupView<'_>> {
        self.groups.iter().map(|group| GroupView {
            config: &group.config,
            state: group.state,
            since: group.since,
            members: &group.members,
        })
    }

    /// All tracked scripts, in configuration order.
    pub fn scripts(&self) -> impl Iterator<Item = ScriptView<'_>> {
        let script = |name: &String| self.facts.scripts.get(name);
        let scripts = self.scripts.iter().filter_map(script);
        scripts.map(|script| ScriptView { config: &script.config, judge: &script.judge })
    }

    /// All tracked files with their numbers, in configuration order; `None` before the first look.
    pub fn files(&self) -> impl Iterator<Item = (&str, Option<i64>)> {
        let known = |name| self.facts.files.get(name).and_then(|file| file.value);
        self.files.iter().map(move |name| (name.as_str(), known(name)))
    }

    /// All tracked processes, and whether there are as many as there should be, in configuration order; `None` before the first
    /// look.
    pub fn processes(&self) -> impl Iterator<Item = (&str, Option<bool>)> {
        let known = |name| self.facts.processes.get(name).and_then(|process| process.ok);
        self.processes.iter().map(move |name| (name.as_str(), known(name)))
    }

    /// Packets that belong to no instance.
    #[must_use]
    pub const fn counters(&self) -> RouterCounters {
        self.counters
    }
}

impl Instance {
    fn view(&self) -> InstanceView<'_> {
        let backup = match &self.phase {
            Phase::Backup(backup) => Some(backup),
            Phase::Init(_) | Phase::Master(_) | Phase::Fault => None,
        };
        InstanceView {
            id: self.id,
            config: &self.config,
            state: self.phase.state(),
            since: self.since,
            source: self.source,
            base_priority: self.config.priority,
            effective_priority: self.priority(),
            adjustments: &self.tracking.adjustments,
            faults: &self.tracking.faults,
            awaited: &self.tracking.awaited.trackers,
            heard: self.heard,
            interval: backup.map_or(self.config.advert_interval, |backup| backup.interval(&self.config)),
            timer: self.timer(),
            preempt_at: backup.and_then(|backup| backup.preempt_at),
            waits_for_group: backup.is_some_and(|backup| backup.wants_master),
            conceded: self.conceded,
            adverts: &self.adverts,
            rejected: &self.rejected,
            transitions: &self.edges,
            journal: &self.journal,
        }
    }

    fn timer(&self) -> Timer {
        match &self.phase {
            Phase::Init(init) => Timer::Start(init.recheck_at),
            Phase::Backup(backup) => Timer::MasterDown(backup.down_at(&self.config, self.priority())),
            Phase::Master(master) => Timer::Advert(master.advert_at),
            Phase::Fault => Timer::None,
        }
    }
}
