//! Moving from one configuration to the next.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use lvsd_model::{Instance as Config, TrackFile, TrackGroup, TrackProcess, TrackScript, VrrpConfig};

use super::Router;
use super::group::Group;
use super::instance::{Ending, Event, Farewell, Instance};
use super::lookup::Lookup;
use super::output::{Action, AddressChange, AnnounceReason, Cause, InstanceId, State};
use super::phase::Phase;
use super::tracking::{File, Process, Script};
use crate::judge::{ScriptJudge, Verdict};
use crate::time::Time;

/// What an [`apply`](Router::apply) did to the set of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// New ones, in configuration order.
    pub added: Vec<InstanceId>,
    /// Those that are gone. Outputs of theirs may still come.
    pub removed: Vec<InstanceId>,
    /// Those that stayed and have another configuration now.
    pub changed: Vec<InstanceId>,
}

impl Router {
    /// Moves to a configuration.
    ///
    /// Instances are matched by name. One that stays keeps its identity, state, timers and counters, whatever was edited; a MASTER
    /// sends an advert at once, so that everybody knows the new values. An instance whose interface, VRID or family changed is
    /// another virtual router: the old one resigns and a new one starts. One that is gone resigns and ends in FAULT.
    /// Scripts keep what is believed about them while their command stays the same.
    pub fn apply(&mut self, now: Time, config: &VrrpConfig) -> Applied {
        let now = self.advance(now);
        let mut applied = Applied::default();
        if self.stopped {
            return applied;
        }
        self.apply_scripts(&config.scripts);
        self.apply_track_groups(&config.track_groups);
        self.apply_files(&config.files);
        self.apply_processes(&config.processes);
        self.apply_services(config);
        self.apply_sessions(config);
        self.retire_missing(now, config, &mut applied);
        self.apply_instances(now, config, &mut applied);
        self.apply_groups(now, config);
        // What a reload makes of priorities is no drop.
        for instance in self.instances.values_mut() {
            instance.standing.forget();
        }
        self.settle(now);
        // With everything else settled, so that the advert has the right priority.
        for id in self.order.iter().filter(|id| !applied.added.contains(id)) {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.advertise_now(now, &mut self.outputs);
            }
        }
        self.reschedule_all();
        self.check_invariants(now);
        applied
    }

    fn apply_scripts(&mut self, scripts: &[TrackScript]) {
        let mut before = mem::take(&mut self.facts.scripts);
        self.scripts = scripts.iter().map(|script| script.name.clone()).collect();
        for config in scripts {
            let kept = before.remove(&config.name).filter(|old| old.config.command == config.command);
            let initial = if config.init_fail { Verdict::Failed } else { Verdict::Unknown };
            let mut judge =
                kept.map_or_else(|| ScriptJudge::new(config.rise, config.fall, initial), |old| old.judge);
            judge.retune(config.rise, config.fall);
            self.facts.scripts.insert(config.name.clone(), Script { config: config.clone(), judge });
        }
    }

    /// Notes who needs what. What is missing stays known: the keeper tells only changes.
    fn apply_track_groups(&mut self, groups: &[TrackGroup]) {
        self.facts.missing.retain(|name, _| groups.iter().any(|group| group.name == *name));
        self.facts.track_groups.clear();
        for group in groups {
            for member in &group.members {
                self.facts.track_groups.entry(member.clone()).or_default().push(group.name.clone());
            }
        }
    }

    /// What is known of a file stays while it is the same file.
    fn apply_files(&mut self, files: &[TrackFile]) {
        let mut before = mem::take(&mut self.facts.files);
        self.files = files.iter().map(|file| file.name.clone()).collect();
        for config in files {
            let kept = before.remove(&config.name).filter(|old| old.config.path == config.path);
            let value = kept.and_then(|old| old.value);
            self.facts.files.insert(config.name.clone(), File { config: config.clone(), value });
        }
    }

    /// What is known of a process stays while the same processes are counted; the effect of their number may be another.
    fn apply_processes(&mut self, processes: &[TrackProcess]) {
        let mut before = mem::take(&mut self.facts.processes);
        self.processes = processes.iter().map(|process| process.name.clone()).collect();
        for config in processes {
            let same =
                |old: &Process| TrackProcess { effect: config.effect, ..old.config.clone() } == *config;
            let ok = before.remove(&config.name).filter(same).and_then(|old| old.ok);
            self.facts.processes.insert(config.name.clone(), Process { config: config.clone(), ok });
        }
    }

    /// What is known of a virtual server stays while somebody tracks it.
    fn apply_services(&mut self, config: &VrrpConfig) {
        let mut before = mem::take(&mut self.facts.services);
        let instances = config.instances.iter().map(|instance| &instance.trackers);
        let groups = config.groups.iter().map(|group| &group.trackers);
        for tracked in instances.chain(groups).flat_map(|trackers| &trackers.services) {
            let known = before.remove(&tracked.service).flatten();
            self.facts.services.entry(tracked.service.clone()).or_insert(known);
        }
    }

    /// What is known of a BFD session stays while somebody tracks it; its ends are no matter of the election.
    fn apply_sessions(&mut self, config: &VrrpConfig) {
        let mut before = mem::take(&mut self.facts.sessions);
        let instances = config.instances.iter().map(|instance| &instance.trackers);
        let groups = config.groups.iter().map(|group| &group.trackers);
        for tracked in instances.chain(groups).flat_map(|trackers| &trackers.sessions) {
            let (name, state) =
                before.remove_entry(&tracked.session).unwrap_or_else(|| (tracked.session.clone(), None));
            self.facts.sessions.entry(name).or_insert(state);
        }
    }

    /// Ends the instances that the new configuration does not have, or has elsewhere.
    fn retire_missing(&mut self, now: Time, config: &VrrpConfig, applied: &mut Applied) {
        let wanted: HashMap<&str, &Config> =
            config.instances.iter().map(|instance| (instance.name.as_str(), instance)).collect();
        for id in mem::take(&mut self.order) {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            let ending = match wanted.get(instance.config.name.as_str()) {
                Some(new) if same_virtual_router(&instance.config, new) => {
                    self.order.push(id);
                    continue;
                }
                Some(_) => Ending { to: State::Init, cause: Cause::Restarted, farewell: Farewell::Resign },
                None => Ending { to: State::Fault, cause: Cause::Removed, farewell: Farewell::Resign },
            };
            instance.handle(now, Event::Stop(ending), &mut self.outputs);
            self.instances.remove(&id);
            self.deadlines.remove(id);
            applied.removed.push(id);
        }
    }

    fn apply_instances(&mut self, now: Time, config: &VrrpConfig, applied: &mut Applied) {
        let kept: HashMap<String, InstanceId> =
            self.instances.values().map(|instance| (instance.config.name.clone(), instance.id)).collect();
        self.order.clear();
        self.lookup = Lookup::default();
        for new in &config.instances {
            let id = match kept.get(&new.name) {
                Some(id) => self.adopt(now, *id, new, applied),
                None => self.add(now, new, applied),
            };
            self.order.push(id);
            self.lookup.insert(id, new);
        }
    }

    fn add(&mut self, now: Time, config: &Config, applied: &mut Applied) -> InstanceId {
        let id = InstanceId(self.next_id);
        self.next_id += 1;
        self.instances.insert(id, Instance::new(id, Arc::new(config.clone()), now));
        applied.added.push(id);
        id
    }

    /// Gives an instance its new configuration.
    fn adopt(&mut self, now: Time, id: InstanceId, new: &Config, applied: &mut Applied) -> InstanceId {
        let Some(instance) = self.instances.get_mut(&id).filter(|instance| *instance.config != *new) else {
            return id;
        };
        let previous = mem::replace(&mut instance.config, Arc::new(new.clone()));
        instance.conceded = false;
        applied.changed.push(id);
        if let Phase::Master(master) = &mut instance.phase {
            if previous.garp != new.garp {
                master.announcements.adopt(now, &new.garp);
            }
            if holdings(&previous) != holdings(new) {
                let grown = gained_addresses(&previous, new);
                instance.act(Action::Addresses(AddressChange::Update { previous }), &mut self.outputs);
                if grown {
                    instance.announce_anew(now, AnnounceReason::AddressesAdded, &mut self.outputs);
                }
            }
        }
        id
    }

    fn apply_groups(&mut self, now: Time, config: &VrrpConfig) {
        let mut before: HashMap<String, Group> =
            mem::take(&mut self.groups).into_iter().map(|group| (group.config.name.clone(), group)).collect();
        let ids: HashMap<&str, InstanceId> =
            self.instances.values().map(|instance| (instance.config.name.as_str(), instance.id)).collect();
        self.groups = config
            .groups
            .iter()
            .map(|new| {
                let old = before.remove(&new.name);
                Group {
                    config: Arc::new(new.clone()),
                    members: new.members.iter().filter_map(|name| ids.get(name.as_str()).copied()).collect(),
                    state: old.as_ref().map_or(State::Init, |old| old.state),
                    since: old.as_ref().map_or(now, |old| old.since),
                }
            })
            .collect();
        for instance in self.instances.values_mut() {
            instance.group = self.groups.iter().position(|group| group.members.contains(&instance.id));
        }
        for position in 0..self.groups.len() {
            self.mark_joining(position);
        }
    }
}

/// What makes a virtual router; everything else can be edited while it runs.
fn same_virtual_router(old: &Config, new: &Config) -> bool {
    (&old.interface, &old.own_link, &old.vrf, old.vrid, old.family)
        == (&new.interface, &new.own_link, &new.vrf, new.vrid, new.family)
}

/// What a master has in the kernel.
fn holdings(config: &Config) -> impl PartialEq + '_ {
    (&config.addresses, &config.excluded, &config.routes, &config.rules, config.promote_secondaries)
}

/// Whether `new` has an address that `old` has not.
fn gained_addresses(old: &Config, new: &Config) -> bool {
    let before: HashSet<_> = old.addresses.iter().chain(&old.excluded).collect();
    new.addresses.iter().chain(&new.excluded).any(|address| !before.contains(address))
}
