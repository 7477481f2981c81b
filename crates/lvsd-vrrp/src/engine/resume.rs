//! Taking the place of a process that died: its masters go on, if nobody can have taken their place yet.
//!
//! No RFC has this. What makes it safe is the time: as long as no backup's down interval can have ended, the others still see the
//! master that they saw before, only a little late.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{Family, Instance as Config, InterfaceName, Preempt, Priority, Vrid};
use serde::{Deserialize, Serialize};

use super::Router;
use super::instance::{Event, Instance};
use super::output::{Cause, InstanceId};
use super::phase::Phase;
use super::why::{Stay, Unresumed};
use crate::time::Time;

/// An instance that is MASTER, for who may have to take the place of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mastership {
    /// Its name.
    pub name: String,
    /// Its interface.
    pub interface: Option<InterfaceName>,
    /// The interface that it lives on, which may be another one.
    pub link: Option<InterfaceName>,
    /// Its VRID.
    pub vrid: Vrid,
    /// Its family.
    pub family: Family,
    /// The priority in force.
    pub priority: Priority,
}

impl Mastership {
    fn of(instance: &Instance) -> Self {
        Self { priority: instance.priority(), ..Self::named_by(&instance.config) }
    }

    fn named_by(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            interface: config.interface.clone(),
            link: config.perch().addresses().or(config.vrf.as_ref()).cloned(),
            vrid: config.vrid,
            family: config.family,
            priority: config.priority,
        }
    }

    /// Whether this was the virtual router that a configuration is about; its priority may be another by now.
    #[must_use]
    pub fn is_of(&self, config: &Config) -> bool {
        *self == Self { priority: self.priority, ..Self::named_by(config) }
    }
}

/// What a dead process has left.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Inheritance {
    alive_at: Time,
    masterships: HashMap<String, Mastership>,
}

/// What an instance that went on knows of its life before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Resumed {
    /// When its process was last known to be alive.
    pub(super) alive_at: Time,
    /// Its priority then.
    pub(super) priority: Priority,
}

impl Router {
    /// The instances that are MASTER, in the order of the configuration.
    pub fn masterships(&self) -> impl Iterator<Item = Mastership> + '_ {
        let instances = self.order.iter().filter_map(|id| self.instances.get(id));
        instances.filter(|instance| instance.phase.is_master()).map(Mastership::of)
    }

    /// A number that grows when [`masterships`](Self::masterships) may have changed.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.outputs.revision()
    }

    /// Tells what a process that died has left: these were MASTER, their addresses are still there, and until `alive_at` every
    /// advert was sent in time. Before the first [`apply`](Self::apply); after that they are in INIT, and so are the members of
    /// their groups, until [`resume`](Self::resume).
    pub fn inherit(&mut self, alive_at: Time, masterships: impl IntoIterator<Item = Mastership>) {
        let by_name = |mastership: Mastership| (mastership.name.clone(), mastership);
        let masterships: HashMap<_, _> = masterships.into_iter().map(by_name).collect();
        self.inheritance = (!masterships.is_empty()).then_some(Inheritance { alive_at, masterships });
    }

    /// Everything that had come in before is taken in: whoever may go on as MASTER does, all others start.
    ///
    /// One may when it is the same virtual router, has no fault, has heard nobody to whom it would have to give way, and was alive
    /// so short a time ago that no backup, of the best priority even, has missed it for the down interval. In a group all may, or
    /// none.
    pub fn resume(&mut self, now: Time) {
        let now = self.advance(now);
        let Some(inheritance) = self.inheritance.take() else { return };
        if self.stopped {
            return;
        }
        for id in self.order.clone() {
            let Some(mastership) = self.inherited_by(&inheritance, id).cloned() else { continue };
            let obstacle = self.obstacle_of_group(now, &inheritance, id);
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            match obstacle {
                Some(why) => instance.journal.stayed(now, Stay::NotResumed { why }),
                None => {
                    let priority = mastership.priority;
                    instance.resumed = Some(Resumed { alive_at: inheritance.alive_at, priority });
                    // The priority that it goes on with is no drop.
                    instance.standing.forget();
                    instance.handle(now, Event::Promote(Cause::Resumed), &mut self.outputs);
                }
            }
        }
        self.settle(now);
    }

    /// Whether the instance, or one of its group, is to wait for [`resume`](Self::resume).
    pub(super) fn awaits_resumption(&self, id: InstanceId) -> bool {
        self.inheritance.as_ref().is_some_and(|inheritance| {
            self.group_of(id).into_iter().any(|id| self.inherited_by(inheritance, id).is_some())
        })
    }

    fn inherited_by<'a>(&self, inheritance: &'a Inheritance, id: InstanceId) -> Option<&'a Mastership> {
        let config = &self.instances.get(&id)?.config;
        inheritance.masterships.get(&config.name).filter(|mastership| mastership.is_of(config))
    }

    /// Why an instance cannot go on; what others of its group have done already does not count against it.
    fn obstacle_of_group(&self, now: Time, inheritance: &Inheritance, id: InstanceId) -> Option<Unresumed> {
        let own = self.instances.get(&id).and_then(|instance| instance.obstacle(now, inheritance.alive_at));
        let others = || {
            let mut others = self.group_of(id).into_iter().filter(|other| *other != id);
            others.find_map(|other| {
                let instance = self.instances.get(&other)?;
                let can = instance.phase.is_master()
                    || (self.inherited_by(inheritance, other).is_some()
                        && instance.obstacle(now, inheritance.alive_at).is_none());
                (!can).then(|| Unresumed::Group { member: instance.config.name.clone() })
            })
        };
        own.or_else(others)
    }
}

impl Instance {
    fn obstacle(&self, now: Time, alive_at: Time) -> Option<Unresumed> {
        let silent = now.since(alive_at);
        let tolerated = self.silence_tolerated();
        if !matches!(self.phase, Phase::Init(_)) || !self.tracking.faults.is_empty() {
            Some(Unresumed::Faulty)
        } else if silent >= tolerated {
            Some(Unresumed::TooLate { silent, tolerated })
        } else {
            self.rival().map(|(source, priority)| Unresumed::Heard { source, priority })
        }
    }

    /// Who has taken over meanwhile, unless it will give way at once.
    fn rival(&self) -> Option<(IpAddr, u8)> {
        let heard = self.heard.filter(|heard| heard.priority > 0)?;
        let worse = heard.priority < self.priority().get();
        let gives_way = worse && self.config.preempt == Preempt::After(Duration::ZERO);
        (!gives_way).then_some((heard.source, heard.priority))
    }
}
