//! What a plan has in common with the one before it, so that a reload carries only what has changed.
//!
//! A reload changes a line or two of a configuration that may be large; nearly all services are what they were. The supervisor
//! knows what it has given to a child, since a child takes every plan, in order, or ends.

use std::collections::HashMap;

use lvsd_model::{Protocol, VirtualServer};
use serde::{Deserialize, Serialize};

use crate::message::Generation;

/// How the services of a plan follow from those of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// The plan before.
    pub base: Generation,
    /// All services, in their order.
    pub runs: Vec<Run>,
}

/// Successive services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Run {
    /// Of the plan before.
    Kept {
        /// Index of the first one there.
        first: usize,
        /// How many.
        count: usize,
    },
    /// The next ones that this plan brings along.
    New {
        /// How many.
        count: usize,
    },
}

impl Amendment {
    /// How `new` follows from `old`, which `base` has. The services that are in no [`Run::Kept`] are what [`brought`]
    /// gives.
    ///
    /// [`brought`]: Self::brought
    #[must_use]
    pub fn between(base: Generation, old: &[VirtualServer], new: &[VirtualServer]) -> Self {
        let mut places = None;
        let mut runs: Vec<Run> = Vec::new();
        // Where a service is expected: behind the one before it.
        let mut next = 0;
        for service in new {
            let at = if old.get(next) == Some(service) {
                Some(next)
            } else {
                let places = places.get_or_insert_with(|| places_of(old));
                let known = places.get(&key(service)).copied();
                next = known.map_or(next, |at| at + 1);
                known.filter(|&at| old.get(at) == Some(service))
            };
            match (at, runs.last_mut()) {
                (Some(at), Some(Run::Kept { first, count })) if *first + *count == at => *count += 1,
                (None, Some(Run::New { count })) => *count += 1,
                (Some(first), _) => runs.push(Run::Kept { first, count: 1 }),
                (None, _) => runs.push(Run::New { count: 1 }),
            }
            next = at.map_or(next, |at| at + 1);
        }
        Self { base, runs }
    }

    /// Those of `new` that have to be sent along.
    pub fn brought<'a>(&self, new: &'a [VirtualServer]) -> impl Iterator<Item = &'a VirtualServer> {
        let mut rest = new;
        self.runs.iter().flat_map(move |run| {
            let (Run::Kept { count, .. } | Run::New { count }) = *run;
            let (these, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = behind;
            if matches!(run, Run::New { .. }) { these } else { &[] }
        })
    }

    /// Puts all services together, from those of the plan before and those brought along. `None` when they do not fit
    /// together, which only a mistake on the other side can make.
    #[must_use]
    pub fn put_together<T: Clone>(&self, old: &[T], brought: Vec<T>) -> Option<Vec<T>> {
        let room = old.len() + brought.len();
        let mut brought = brought.into_iter();
        let mut all = Vec::new();
        for run in &self.runs {
            let (Run::Kept { count, .. } | Run::New { count }) = *run;
            // However often the runs name the same services, they do not fill the memory.
            if count > room - all.len() {
                return None;
            }
            match *run {
                Run::Kept { first, count } => {
                    all.extend_from_slice(old.get(first..first.checked_add(count)?)?);
                }
                Run::New { count } if count > brought.len() => return None,
                Run::New { count } => all.extend(brought.by_ref().take(count)),
            }
        }
        brought.next().is_none().then_some(all)
    }
}

/// What tells services apart.
fn key(service: &VirtualServer) -> (&str, Protocol) {
    (&service.name, service.protocol)
}

fn places_of(services: &[VirtualServer]) -> HashMap<(&str, Protocol), usize> {
    services.iter().enumerate().map(|(at, service)| (key(service), at)).collect()
}

#[cfg(test)]
mod tests {
    use lvsd_model::{Endpoint, Scheduler, SchedulerFlags, Turnover};

    use super::*;

    /// A service called after a letter; its case stands for what else there is to it.
    fn service(name: char) -> VirtualServer {
        let address = std::net::SocketAddr::from(([192, 0, 2, 1], 80));
        VirtualServer {
            name: name.to_ascii_lowercase().to_string(),
            endpoints: vec![Endpoint::Address(address)],
            protocol: Protocol::Tcp,
            scheduler: if name.is_uppercase() { Scheduler::Rr } else { Scheduler::Wlc },
            flags: SchedulerFlags::default(),
            persistence: None,
            quorum: 1,
            hysteresis: 0,
            sorry: None,
            suspend: false,
            tracked_as: None,
            turnover: Turnover::default(),
            omega: false,
            mail: false,
            quorum_up: None,
            quorum_down: None,
            real_servers: Vec::new(),
        }
    }

    fn services(names: &str) -> Vec<VirtualServer> {
        names.chars().map(service).collect()
    }

    #[test]
    fn whatever_changes_the_parts_make_the_whole_and_only_the_new_travels() {
        for (old, new, brought) in [
            ("", "", ""),
            ("", "abc", "abc"),
            ("abc", "", ""),
            ("abc", "abc", ""),
            ("abc", "aBc", "B"),
            ("abc", "ABC", "ABC"),
            ("abcde", "acde", ""),
            ("acde", "abcde", "b"),
            ("abc", "cab", ""),
            ("abcde", "edcba", ""),
            ("abcde", "eDxCba", "DxC"),
        ] {
            let (old, all) = (services(old), services(new));
            let amendment = Amendment::between(Generation(7), &old, &all);
            let sent: Vec<_> = amendment.brought(&all).cloned().collect();
            assert_eq!(sent, services(brought), "{new}");
            assert_eq!(amendment.put_together(&old, sent), Some(all), "{new}");
        }
    }

    #[test]
    fn one_change_among_many_makes_three_runs() {
        let old = services("abcdefghij");
        let new = services("abcdEfghij");
        let runs = Amendment::between(Generation(1), &old, &new).runs;
        let expected =
            [Run::Kept { first: 0, count: 4 }, Run::New { count: 1 }, Run::Kept { first: 5, count: 5 }];
        assert_eq!(runs, expected);
    }

    #[test]
    fn parts_that_do_not_fit_make_nothing() {
        let together = |runs: &[Run], old: &[u8], brought: &[u8]| {
            let amendment = Amendment { base: Generation(1), runs: runs.to_vec() };
            amendment.put_together(old, brought.to_vec())
        };
        let all = usize::MAX;
        assert_eq!(together(&[Run::Kept { first: 0, count: 2 }], &[1, 2], &[]), Some(vec![1, 2]));
        assert_eq!(together(&[Run::Kept { first: 1, count: 2 }], &[1, 2], &[]), None);
        assert_eq!(together(&[Run::Kept { first: all, count: 1 }], &[1, 2], &[]), None);
        assert_eq!(together(&[Run::Kept { first: 0, count: all }], &[1, 2], &[]), None);
        assert_eq!(together(&[Run::Kept { first: 0, count: 2 }; 2], &[1, 2], &[]), None);
        assert_eq!(together(&[Run::New { count: 2 }], &[1, 2], &[3]), None);
        assert_eq!(together(&[], &[], &[3]), None);
    }
}
