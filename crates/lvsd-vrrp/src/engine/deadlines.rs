//! Who is to be woken when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::output::InstanceId;
use crate::time::Time;

/// The deadlines of all instances.
///
/// A deadline that moves into the future, as a backup's does with every advert, touches no heap: the entry already queued is
/// replaced when it comes to the top. So there is normally one entry per instance, and setting one allocates nothing.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Time, InstanceId)>>,
    entries: HashMap<InstanceId, Entry>,
}

#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Entry {
    wanted: Option<Time>,
    /// The earliest heap entry of this instance; later ones are stale.
    queued: Option<Time>,
}

impl Deadlines {
    /// Sets or clears the deadline of an instance.
    pub(super) fn set(&mut self, id: InstanceId, wanted: Option<Time>) {
        let entry = self.entries.entry(id).or_default();
        entry.wanted = wanted;
        if let Some(at) = wanted
            && entry.queued.is_none_or(|queued| at < queued)
        {
            entry.queued = Some(at);
            self.heap.push(Reverse((at, id)));
        }
    }

    /// Forgets an instance.
    pub(super) fn remove(&mut self, id: InstanceId) {
        self.entries.remove(&id);
    }

    /// The earliest deadline.
    pub(super) fn next(&mut self) -> Option<Time> {
        loop {
            let Reverse((at, id)) = *self.heap.peek()?;
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.queued == Some(at)) else {
                self.heap.pop();
                continue;
            };
            if entry.wanted == Some(at) {
                return Some(at);
            }
            self.heap.pop();
            entry.queued = entry.wanted;
            if let Some(later) = entry.wanted {
                self.heap.push(Reverse((later, id)));
            }
        }
    }

    /// Takes an instance whose deadline has come; the deadline is cleared.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<InstanceId> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, id)) = self.heap.pop()?;
        if let Some(entry) = self.entries.get_mut(&id) {
            *entry = Entry::default();
        }
        Some(id)
    }

    /// The deadline of one instance.
    pub(super) fn of(&self, id: InstanceId) -> Option<Time> {
        self.entries.get(&id).and_then(|entry| entry.wanted)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Time {
        Time::after_start(Duration::from_millis(millis))
    }

    proptest! {
        /// The queue agrees with a plain map, whatever the order of operations.
        #[test]
        fn agrees_with_a_map(ops in prop::collection::vec((0_u32..5, prop::option::of(0_u64..50), any::<bool>()), 1..80)) {
            let mut queue = Deadlines::default();
            let mut model: BTreeMap<InstanceId, Time> = BTreeMap::new();
            for (id, deadline, pop) in ops {
                let id = InstanceId(id);
                if pop {
                    let now = at(deadline.unwrap_or(25));
                    let popped = queue.pop_due(now);
                    let earliest = model.values().min().copied();
                    prop_assert_eq!(popped.is_some(), earliest.is_some_and(|earliest| earliest <= now));
                    if let Some(popped) = popped {
                        prop_assert_eq!(model.remove(&popped), earliest);
                    }
                } else {
                    queue.set(id, deadline.map(at));
                    match deadline {
                        Some(deadline) => model.insert(id, at(deadline)),
                        None => model.remove(&id),
                    };
                }
                prop_assert_eq!(queue.next(), model.values().min().copied());
            }
        }
    }

    #[test]
    fn a_deadline_that_moves_on_does_not_grow_the_heap() {
        let mut queue = Deadlines::default();
        for millis in 0..1000 {
            queue.set(InstanceId(1), Some(at(millis)));
        }
        assert_eq!(queue.heap.len(), 1);
        assert_eq!(queue.next(), Some(at(999)));
    }
}
