//! Sync groups: instances that change state together.
//!
//! A group is MASTER only when every member wants that; one member that gives up, or has a fault, takes the others along. The
//! one exception is a member that a reload adds to a group that is MASTER: it joins as BACKUP and either becomes MASTER at the end
//! of its down interval, or hears a better master and then takes the group to BACKUP. So adding a member moves nobody for nothing.

use std::sync::Arc;

use lvsd_model::{Instance as Config, SyncGroup};

use super::Router;
use super::instance::{Event, Instance, Readiness};
use super::output::{Cause, InstanceId, Outputs, State, Transition};
use super::phase::{DownTimer, Opening, Phase};
use super::tracking::{self, Fault, GroupContext, Tracking};
use super::why::Stay;
use crate::time::Time;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Group {
    #[serde(with = "super::shared")]
    pub(super) config: Arc<SyncGroup>,
    pub(super) members: Vec<InstanceId>,
    pub(super) state: State,
    pub(super) since: Time,
}

impl Group {
    pub(super) fn enter(&mut self, now: Time, state: State, cause: Cause, out: &mut Outputs) {
        let transition = Transition { from: self.state, to: state, cause, priority: 0 };
        self.state = state;
        self.since = now;
        out.push_group(&self.config, transition);
    }
}

impl Router {
    /// Judges every instance by the facts, then gives the faults of members to their groups.
    pub(super) fn judge_all(&mut self) {
        let contexts: Vec<GroupContext<'_>> = self.groups.iter().map(|group| self.context(group)).collect();
        let judge = |instance: &Instance| {
            let source = self.facts.source_of(instance);
            let group = instance.group.and_then(|index| contexts.get(index));
            (source, tracking::evaluate(&instance.config, group, source, &self.facts))
        };
        let judged: Vec<_> = self.instances.iter().map(|(id, instance)| (*id, judge(instance))).collect();
        drop(contexts);
        for (id, (source, tracking)) in judged {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.last_source = source.or(instance.last_source);
                instance.source = source;
                instance.retrack(tracking, &mut self.outputs);
            }
        }
        self.spread_faults();
    }

    fn context<'a>(&'a self, group: &'a Group) -> GroupContext<'a> {
        let config = |id: &InstanceId| self.instances.get(id).map(|instance| &*instance.config);
        GroupContext { config: &group.config, members: group.members.iter().filter_map(config).collect() }
    }

    fn spread_faults(&mut self) {
        for group in &self.groups {
            let faulty: Vec<(InstanceId, String)> = group
                .members
                .iter()
                .filter_map(|id| self.instances.get(id))
                .filter(|instance| !instance.tracking.faults.is_empty())
                .map(|instance| (instance.id, instance.config.name.clone()))
                .collect();
            for id in &group.members {
                let others = faulty.iter().filter(|(other, _)| other != id);
                if let Some(Instance { tracking: Tracking { faults, .. }, .. }) = self.instances.get_mut(id) {
                    faults.extend(others.map(|(_, name)| Fault::Group(name.clone())));
                }
            }
        }
    }

    /// INIT → BACKUP or, for owners, MASTER; unless something has to be waited for.
    pub(super) fn try_start(&mut self, now: Time, id: InstanceId) {
        let startup_ends = self.startup_ends;
        let waits = self.awaits_resumption(id);
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let Phase::Init(mut init) = instance.phase else { return };
        if waits {
            return;
        }
        init.recheck_at = match instance.readiness(now, init, startup_ends) {
            Readiness::Now => None,
            Readiness::At(at) => Some(at),
            Readiness::OnResult => None,
        };
        instance.phase = Phase::Init(init);
        if instance.readiness(now, init, startup_ends) != Readiness::Now {
            let awaited = instance.tracking.awaited.trackers.iter();
            // Scripts by their names alone; they are what is waited for as a rule.
            let scripts = awaited.map(|tracker| match tracker {
                super::tracking::Tracker::Script(name) => name.clone(),
                other => other.to_string(),
            });
            let scripts = scripts.collect();
            instance.journal.stayed(
                now,
                if now < startup_ends { Stay::WaitsForStartup } else { Stay::WaitsForScripts { scripts } },
            );
            return;
        }
        let owner = instance.config.priority.is_owner();
        let hopeful = owner || instance.config.initial == lvsd_model::InitialState::Master;
        let (timer, cause) = match init.opening {
            Opening::First if owner && self.promote_owners(now, id) => return,
            // Held back by its group: shorter than for those that do not expect to be master.
            Opening::First if hopeful && self.group_index(id).is_some() => (DownTimer::Short, Cause::Started),
            Opening::First => (DownTimer::Full, Cause::Started),
            Opening::Recovered if owner => (DownTimer::Short, Cause::Recovered),
            Opening::Recovered => (DownTimer::Full, Cause::Recovered),
        };
        self.start(now, id, timer, cause);
    }

    /// FAULT → BACKUP, or INIT when something has to be waited for.
    pub(super) fn recover(&mut self, now: Time, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let init = super::phase::Init::new(now, Opening::Recovered);
        if instance.readiness(now, init, self.startup_ends) == Readiness::Now {
            let owner = instance.config.priority.is_owner();
            let timer = if owner { DownTimer::Short } else { DownTimer::Full };
            self.start(now, id, timer, Cause::Recovered);
        } else {
            instance.handle(now, Event::Wait, &mut self.outputs);
            self.try_start(now, id);
        }
    }

    fn start(&mut self, now: Time, id: InstanceId, timer: DownTimer, cause: Cause) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.handle(now, Event::Start(timer, cause), &mut self.outputs);
        }
        if let Some(group) = self.group_index(id) {
            self.mark_joining(group);
        }
    }

    /// Starts an owner as MASTER, in a group only together with all others, which must be owners too. False if that cannot be.
    fn promote_owners(&mut self, now: Time, id: InstanceId) -> bool {
        let members = self.group_of(id);
        let startup_ends = self.startup_ends;
        let can = |instance: &Instance| {
            let ready = match instance.phase {
                Phase::Init(init) => instance.readiness(now, init, startup_ends) == Readiness::Now,
                Phase::Master(_) => true,
                Phase::Backup(_) | Phase::Fault => false,
            };
            ready && instance.config.priority.is_owner() && instance.tracking.faults.is_empty()
        };
        let all = members.iter().filter_map(|id| self.instances.get(id)).all(can);
        if all {
            for member in members {
                if let Some(instance) = self.instances.get_mut(&member) {
                    instance.handle(now, Event::Promote(Cause::Owner), &mut self.outputs);
                }
            }
        }
        all
    }

    /// The down timer of an instance ran out: MASTER, when the whole group wants it.
    pub(super) fn promote(&mut self, now: Time, id: InstanceId, cause: Cause) {
        let members = self.group_of(id);
        let unanimous =
            members.iter().filter_map(|member| self.instances.get(member)).all(Instance::wants_master);
        if !unanimous {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.journal.stayed(now, Stay::WaitsForGroup);
                instance.wait_for_group(now);
            }
            return;
        }
        for member in members {
            let cause = if member == id { cause } else { Cause::Group };
            if let Some(instance) = self.instances.get_mut(&member) {
                instance.handle(now, Event::Promote(cause), &mut self.outputs);
            }
        }
    }

    /// All masters of the group give way. Without priority 0: somebody better is there.
    pub(super) fn demote_group_of(&mut self, now: Time, id: InstanceId) {
        let Some(group) = self.group_index(id).and_then(|index| self.groups.get(index)) else { return };
        for member in &group.members {
            if let Some(instance) = self.instances.get_mut(member) {
                instance.handle(now, Event::Demote, &mut self.outputs);
            }
        }
    }

    /// Whoever announced one address of the group may have announced all.
    pub(super) fn announce_in_group_of(&mut self, now: Time, id: InstanceId) {
        let Some(group) = self.group_index(id).and_then(|index| self.groups.get(index)) else { return };
        for member in group.members.iter().filter(|member| **member != id) {
            if let Some(instance) = self.instances.get_mut(member) {
                instance.announce_lower_priority(now, &mut self.outputs);
            }
        }
    }

    /// In a group that has a master, every backup is one that joins.
    pub(super) fn mark_joining(&mut self, index: usize) {
        let Some(group) = self.groups.get(index) else { return };
        let is_master =
            |id: &InstanceId| self.instances.get(id).is_some_and(|member| member.phase.is_master());
        if !group.members.iter().any(is_master) {
            return;
        }
        for member in &group.members {
            if let Some(Instance { phase: Phase::Backup(backup), .. }) = self.instances.get_mut(member) {
                backup.joining = true;
            }
        }
    }

    /// Says what has become of the groups, after their members have.
    pub(super) fn update_groups(&mut self, now: Time) {
        if let Some(cause) = self.outputs.take_cause() {
            self.regroup(now, cause);
        }
    }

    pub(super) fn regroup(&mut self, now: Time, cause: Cause) {
        for group in &mut self.groups {
            let members = group.members.iter().filter_map(|id| self.instances.get(id));
            let state = joint_state(members.map(|instance| instance.phase.state()));
            if state != group.state {
                group.enter(now, state, cause, &mut self.outputs);
            }
        }
    }

    pub(super) fn reschedule_group(&mut self, index: usize, id: InstanceId) {
        self.reschedule(id);
        let Some(group) = self.groups.get(index) else { return };
        for member in &group.members {
            if let Some(instance) = self.instances.get(member) {
                self.deadlines.set(*member, instance.deadline());
            }
        }
    }

    fn group_index(&self, id: InstanceId) -> Option<usize> {
        self.instances.get(&id).and_then(|instance| instance.group)
    }

    /// The members of the group of an instance, or itself.
    pub(super) fn group_of(&self, id: InstanceId) -> Vec<InstanceId> {
        let group = self.group_index(id).and_then(|index| self.groups.get(index));
        group.map_or_else(|| vec![id], |group| group.members.clone())
    }
}

/// FAULT if any member is; else MASTER if any is (the others are about to join); else INIT if any is; else BACKUP.
fn joint_state(members: impl Iterator<Item = State> + Clone) -> State {
    [State::Fault, State::Master, State::Init]
        .into_iter()
        .find(|state| members.clone().any(|member| member == *state))
        .unwrap_or(State::Backup)
}

impl tracking::Facts {
    /// Where the adverts of an instance leave from.
    fn source_of(&self, instance: &Instance) -> Option<std::net::IpAddr> {
        let Config { source, family, .. } = &*instance.config;
        let of_interface = || {
            let key = (instance.config.perch().source()?.clone(), *family);
            self.addresses.get(&key).copied()
        };
        source.or(instance.routed_source).or_else(of_interface)
    }
}
