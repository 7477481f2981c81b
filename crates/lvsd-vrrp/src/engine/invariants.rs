//! What is always true between two calls. Checked in debug builds only.

use super::Router;
use super::instance::Instance;
use super::output::State;
use super::phase::Phase;
use crate::time::Time;

impl Router {
    pub(super) fn check_invariants(&self, now: Time) {
        if !cfg!(debug_assertions) {
            return;
        }
        debug_assert_eq!(now, self.latest, "time is what the caller said last");
        debug_assert_eq!(self.order.len(), self.instances.len(), "every instance has a place in the order");
        for instance in self.instances.values() {
            self.check_instance(instance);
        }
        for group in &self.groups {
            let members: Vec<&Instance> =
                group.members.iter().filter_map(|id| self.instances.get(id)).collect();
            check_group(&members);
        }
    }

    fn check_instance(&self, instance: &Instance) {
        let Instance { id, config, phase, holds, source, tracking, .. } = instance;
        debug_assert_eq!(*holds, phase.is_master(), "{}: addresses are held iff MASTER", config.name);
        if self.stopped {
            debug_assert_eq!(phase.state(), State::Init, "{}: nothing runs after the end", config.name);
            return;
        }
        debug_assert_eq!(self.deadlines.of(*id), instance.deadline(), "{}: deadline is known", config.name);
        debug_assert!(!phase.is_master() || source.is_some(), "{}: a MASTER can speak", config.name);
        let faulty = !tracking.faults.is_empty();
        debug_assert_eq!(*phase == Phase::Fault, faulty, "{}: FAULT iff there is a fault", config.name);
        debug_assert!(
            config.priority.is_owner() || !instance.priority().is_owner(),
            "{}: only owners have 255",
            config.name
        );
    }
}

fn check_group(members: &[&Instance]) {
    if !members.iter().any(|member| member.phase.is_master()) {
        return;
    }
    for member in members {
        let in_step = match &member.phase {
            Phase::Master(_) | Phase::Init(_) => true,
            Phase::Backup(backup) => backup.joining,
            Phase::Fault => false,
        };
        debug_assert!(in_step, "{}: moves with its sync group", member.config.name);
    }
}
