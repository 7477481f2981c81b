//! How the priority of an instance moves by its trackers, and whether a master is to resign for that.

use lvsd_model::{Preempt, Priority};

use super::Router;
use super::instance::{Event, Instance};
use super::output::{Cause, InstanceId};
use super::why::{Stay, Unmoved};
use crate::time::Time;

/// What the last judgement of the trackers did to the priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Standing {
    /// The priority by the last judgement; `None` before the first, and after a reload.
    judged: Option<Priority>,
    /// The last judgement lowered it, from this.
    pub(super) dropped_from: Option<Priority>,
    /// It resigned when the priority fell from this, and has not been as well since.
    resigned_at: Option<Priority>,
}

impl Standing {
    /// Takes the priority that follows from a new judgement.
    pub(super) fn judge(&mut self, priority: Priority) {
        let before = self.judged.replace(priority);
        self.dropped_from = before.filter(|before| *before > priority);
        self.resigned_at = self.resigned_at.filter(|level| priority < *level);
    }

    /// The next judgement is no change: a reload has moved the measure.
    pub(super) const fn forget(&mut self) {
        self.judged = None;
        self.dropped_from = None;
    }

    /// It has resigned because of the drop.
    pub(super) fn gave_up(&mut self) {
        self.resigned_at = self.dropped_from.or(self.judged).or(self.resigned_at);
    }
}

impl Router {
    /// A master that does not preempt, nor is preempted, keeps its addresses however ill it is. With `resign_on_priority_drop` it gives
    /// them up when trackers lower its priority: once, until it has been as well as before. If nobody takes over, it does again.
    pub(super) fn consider_resigning(&mut self, now: Time, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let Some(from) = instance.standing.dropped_from.take() else { return };
        // Where backups preempt they do it by themselves.
        if instance.config.preempt != Preempt::Never {
            return;
        }
        if let Some(why) = instance.reason_to_stay() {
            let (from, to) = (from.get(), instance.priority().get());
            instance.journal.stayed(now, Stay::KeptDespiteDrop { from, to, why });
            return;
        }
        instance.standing.dropped_from = Some(from);
        instance.handle(now, Event::Resign(Cause::PriorityDropped), &mut self.outputs);
        for member in self.group_of(id) {
            if let Some(other) = self.instances.get_mut(&member) {
                // Who has resigned already is BACKUP, where this means nothing.
                other.handle(now, Event::Resign(Cause::Group), &mut self.outputs);
            }
        }
    }
}

impl Instance {
    fn reason_to_stay(&self) -> Option<Unmoved> {
        if !self.config.resign_on_priority_drop {
            Some(Unmoved::NotAsked)
        } else if self.standing.resigned_at.is_some() {
            Some(Unmoved::Once)
        } else {
            None
        }
    }
}
