//! What an instance remembers of its decisions.

use std::collections::VecDeque;

use super::why::{Change, Reason, Stay};
use crate::time::Time;

/// Changes of state that are remembered, and other decisions: each for itself, so that neither drives out the other.
const KEPT: usize = 16;

/// A decision, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JournalEntry {
    /// For the first time.
    pub first: Time,
    /// For the last time.
    pub last: Time,
    /// How often.
    pub count: u64,
    /// It.
    pub reason: Reason,
}

impl JournalEntry {
    /// Why the state changed, without the states and the priority; `None` when it did not.
    #[must_use]
    pub fn cause_of_change(&self) -> Option<String> {
        match &self.reason {
            Reason::Changed(change) => Some(change.because.to_string()),
            Reason::Stayed(_) => None,
        }
    }
}

/// The latest decisions of an instance; never more than a fixed number, whatever comes in.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Journal {
    changes: Entries,
    stays: Entries,
    /// The number of the next entry.
    next: u64,
}

/// Entries with their numbers, by which both kinds are put in order: several may begin at one time.
type Entries = VecDeque<(u64, JournalEntry)>;

impl Journal {
    pub(super) fn changed(&mut self, now: Time, change: Change) {
        self.next += 1;
        push(&mut self.changes, self.next, now, Reason::Changed(change));
    }

    /// The same decision again in the same state is counted. Allocates nothing then.
    pub(super) fn stayed(&mut self, now: Time, stay: Stay) {
        let changed = self.changes.back().map_or(0, |(number, _)| *number);
        let reason = Reason::Stayed(stay);
        let mut recent = self.stays.iter_mut().rev().take_while(|(number, _)| *number > changed);
        if let Some((_, entry)) = recent.find(|(_, entry)| entry.reason == reason) {
            entry.last = now;
            entry.count = entry.count.saturating_add(1);
            return;
        }
        self.next += 1;
        push(&mut self.stays, self.next, now, reason);
    }

    /// All entries, in the order in which they began.
    pub(super) fn entries(&self) -> Vec<&JournalEntry> {
        let mut entries: Vec<&(u64, JournalEntry)> = self.changes.iter().chain(&self.stays).collect();
        entries.sort_by_key(|(number, _)| *number);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The latest change of state.
    pub(super) fn last_change(&self) -> Option<&JournalEntry> {
        self.changes.back().map(|(_, entry)| entry)
    }
}

fn push(entries: &mut Entries, number: u64, now: Time, reason: Reason) {
    if entries.len() >= KEPT {
        entries.pop_front();
    }
    entries.push_back((number, JournalEntry { first: now, last: now, count: 1, reason }));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::output::State;
    use super::super::why::{Because, Rating};
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::after_start(Duration::from_secs(seconds))
    }

    fn change(because: Because) -> Change {
        let rating = Rating { base: 100, adjustments: Vec::new(), effective: 100 };
        Change { from: State::Init, to: State::Backup, because, rating }
    }

    fn heard(number: u8) -> Stay {
        Stay::HeardBetter { source: [10, 0, 0, number].into(), priority: 200, mine: 100 }
    }

    #[test]
    fn repeats_are_counted_also_when_others_come_between() {
        let mut journal = Journal::default();
        for second in 0..10 {
            journal.stayed(at(second), heard(u8::try_from(second % 2).expect("small")));
        }
        let entries = journal.entries();
        let counts: Vec<_> = entries.iter().map(|entry| (entry.first, entry.last, entry.count)).collect();
        assert_eq!(counts, [(at(0), at(8), 5), (at(1), at(9), 5)]);
    }

    #[test]
    fn a_change_of_state_begins_a_new_count() {
        let mut journal = Journal::default();
        journal.stayed(at(1), heard(1));
        journal.changed(at(2), change(Because::Started));
        journal.stayed(at(3), heard(1));
        assert_eq!(journal.entries().iter().map(|entry| entry.count).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn it_is_bounded_and_a_flood_drives_out_no_change() {
        let mut journal = Journal::default();
        journal.changed(at(0), change(Because::Started));
        for number in 0..=255 {
            journal.stayed(at(1), heard(number));
        }
        assert_eq!(journal.entries().len(), KEPT + 1);
        for second in 2..100 {
            journal.changed(at(second), change(Because::Recovered));
        }
        assert_eq!(journal.entries().len(), 2 * KEPT);
        assert_eq!(journal.last_change().map(|entry| entry.first), Some(at(99)));
    }
}
