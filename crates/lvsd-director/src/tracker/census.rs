//! How many processes of each kind there are, and since when too few or too many: numbers in, verdicts out.

use std::collections::HashMap;
use std::time::Duration;

use lvsd_model::{ParamMatch, TrackProcess};

/// A process as `/proc` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// Its name, at most 15 bytes.
    pub(super) name: Vec<u8>,
    /// Its command line; none for a thread of the kernel.
    pub(super) words: Vec<Vec<u8>>,
}

impl Process {
    /// Whether it is one of those that a tracker counts.
    fn is_of(&self, config: &TrackProcess) -> bool {
        let program = config.program.as_bytes();
        let by_command = config.full_command || !config.arguments.is_empty();
        let named = if by_command {
            self.words.first().is_some_and(|word| word == program || base(word) == program)
        } else {
            let name = base(program);
            self.name == name.get(..15).unwrap_or(name)
        };
        named && self.has_arguments(config)
    }

    fn has_arguments(&self, config: &TrackProcess) -> bool {
        let theirs = self.words.get(1..).unwrap_or_default();
        let wanted: Vec<&[u8]> = config.arguments.iter().map(String::as_bytes).collect();
        let begins_with =
            |wanted: &[&[u8]]| theirs.len() >= wanted.len() && theirs.iter().zip(wanted).all(|(a, b)| a == b);
        match config.matching {
            ParamMatch::Any => true,
            ParamMatch::Exact => theirs.len() == wanted.len() && begins_with(&wanted),
            ParamMatch::Partial => begins_with(&wanted),
            ParamMatch::Initial => match wanted.split_last() {
                None => true,
                Some((last, first)) => {
                    begins_with(first) && theirs.get(first.len()).is_some_and(|word| word.starts_with(last))
                }
            },
        }
    }
}

/// The last part of a path.
fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// One tracker.
#[derive(Debug)]
struct Tracked {
    config: TrackProcess,
    count: u32,
    told: Option<bool>,
    /// A verdict that is told when it has lasted.
    pending: Option<(Duration, bool)>,
}

impl Tracked {
    fn verdict(&self) -> bool {
        let most = self.config.quorum_max.unwrap_or(u32::MAX);
        (self.config.quorum..=most).contains(&self.count)
    }

    fn set_count(&mut self, now: Duration, count: u32) {
        let delay = if count > self.count { self.config.fork_delay } else { self.config.terminate_delay };
        self.count = count;
        let verdict = self.verdict();
        if self.told == Some(verdict) {
            self.pending = None;
        } else if self.pending.is_none_or(|(_, waiting)| waiting != verdict) {
            self.pending = Some((now + delay, verdict));
        }
    }
}

/// What is known of one tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Its name.
    pub(crate) name: String,
    /// How many processes there are.
    pub(crate) running: u32,
    /// The verdict that is told if nothing changes for a while.
    pub(crate) pending: Option<bool>,
}

/// All trackers with the processes that they count.
#[derive(Debug, Default)]
pub(super) struct Census {
    trackers: Vec<Tracked>,
    /// Which trackers count a process; those that none counts are not here.
    members: HashMap<u32, Vec<usize>>,
}

impl Census {
    /// Begins anew with these processes; all verdicts are told at once.
    pub(super) fn new(configs: Vec<TrackProcess>, all: impl Iterator<Item = (u32, Process)>) -> Self {
        let tracked = |config| Tracked { config, count: 0, told: None, pending: None };
        let mut census =
            Self { trackers: configs.into_iter().map(tracked).collect(), members: HashMap::new() };
        census.recount(Duration::ZERO, all);
        for tracked in &mut census.trackers {
            tracked.pending = Some((Duration::ZERO, tracked.verdict()));
        }
        census
    }

    /// Whether there is anything to count.
    pub(super) fn is_idle(&self) -> bool {
        self.trackers.is_empty()
    }

    /// Counts all processes anew.
    pub(super) fn recount(&mut self, now: Duration, all: impl Iterator<Item = (u32, Process)>) {
        let of = |process: &Process| self.trackers_of(process);
        self.members = all.map(|(id, process)| (id, of(&process))).filter(|(_, of)| !of.is_empty()).collect();
        self.settle(now);
    }

    /// A process has begun or become another one; `None` when it is gone.
    pub(super) fn changed(&mut self, now: Duration, id: u32, process: Option<&Process>) {
        let of = process.map(|process| self.trackers_of(process)).unwrap_or_default();
        self.set(now, id, of);
    }

    /// A process came from another one, and is like it.
    pub(super) fn forked(&mut self, now: Duration, parent: u32, id: u32) {
        if let Some(of) = self.members.get(&parent).cloned() {
            self.set(now, id, of);
        }
    }

    fn set(&mut self, now: Duration, id: u32, of: Vec<usize>) {
        let before =
            if of.is_empty() { self.members.remove(&id) } else { self.members.insert(id, of.clone()) };
        if before.unwrap_or_default() != of {
            self.settle(now);
        }
    }

    fn trackers_of(&self, process: &Process) -> Vec<usize> {
        let trackers = self.trackers.iter().enumerate();
        trackers.filter(|(_, tracked)| process.is_of(&tracked.config)).map(|(index, _)| index).collect()
    }

    fn settle(&mut self, now: Duration) {
        let mut counts = vec![0_u32; self.trackers.len()];
        for index in self.members.values().flatten() {
            if let Some(count) = counts.get_mut(*index) {
                *count += 1;
            }
        }
        for (tracked, count) in self.trackers.iter_mut().zip(counts) {
            if tracked.count != count {
                tracked.set_count(now, count);
            }
        }
    }

    /// How many there are of each.
    pub(super) fn counts(&self) -> Vec<Count> {
        let count = |tracked: &Tracked| Count {
            name: tracked.config.name.clone(),
            running: tracked.count,
            pending: tracked.pending.map(|(_, verdict)| verdict),
        };
        self.trackers.iter().map(count).collect()
    }

    /// The verdicts that are due.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(String, bool)> {
        let mut due = Vec::new();
        for tracked in &mut self.trackers {
            if let Some((_, verdict)) = tracked.pending.take_if(|(at, _)| *at <= now) {
                tracked.told = Some(verdict);
                due.push((tracked.config.name.clone(), verdict));
            }
        }
        due
    }

    /// When the next verdict is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.trackers.iter().filter_map(|tracked| tracked.pending).map(|(at, _)| at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(command: &str, matching: ParamMatch) -> TrackProcess {
        let mut words = command.split(' ').map(str::to_owned);
        TrackProcess {
            name: "p".to_owned(),
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            matching,
            full_command: false,
            quorum: 1,
            quorum_max: None,
            terminate_delay: Duration::ZERO,
            fork_delay: Duration::ZERO,
            effect: lvsd_model::TrackWeight::default(),
        }
    }

    fn process(name: &str, command: &str) -> Process {
        let words = command.split(' ').filter(|word| !word.is_empty());
        Process { name: name.into(), words: words.map(Into::into).collect() }
    }

    #[test]
    fn a_process_is_known_by_name_or_command() {
        use ParamMatch::{Any, Exact, Initial, Partial};
        let server = process("a-very-long-nam", "/usr/sbin/a-very-long-name -c file --loud");
        let cases = [
            ("a-very-long-name", Any, true),
            ("/usr/sbin/a-very-long-name", Any, true),
            ("a-very", Any, false),
            ("a-very-long-name", Exact, false),
            ("a-very-long-name -c file --loud", Exact, true),
            ("/usr/sbin/a-very-long-name -c file --loud", Exact, true),
            ("/usr/bin/a-very-long-name -c file --loud", Exact, false),
            ("a-very-long-name -c file", Exact, false),
            ("a-very-long-name -c file", Partial, true),
            ("a-very-long-name -c fil", Partial, false),
            ("a-very-long-name -c fil", Initial, true),
            ("a-very-long-name -x fil", Initial, false),
            ("a-very-long-name -c file --loud x", Partial, false),
        ];
        for (command, matching, expected) in cases {
            assert_eq!(server.is_of(&config(command, matching)), expected, "{command} {matching:?}");
        }
        let full = |command| TrackProcess { full_command: true, ..config(command, Any) };
        assert!(server.is_of(&full("/usr/sbin/a-very-long-name")));
        assert!(!server.is_of(&full("/usr/sbin/a-very-long-nam")));
        assert!(process("kthreadd", "").is_of(&config("kthreadd", Any)));
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_quorum_is_a_range() {
        let limits = TrackProcess { quorum: 2, quorum_max: Some(3), ..config("x", ParamMatch::Any) };
        let x = process("x", "x");
        let mut census = Census::new(vec![limits], std::iter::empty());
        let mut told = census.due(seconds(0));
        for id in 1..=4 {
            census.changed(seconds(0), id, Some(&x));
            told.extend(census.due(seconds(0)));
        }
        census.changed(seconds(0), 1, None);
        told.extend(census.due(seconds(0)));
        let verdicts: Vec<bool> = told.into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(verdicts, [false, true, false, true]);
    }

    #[test]
    fn a_change_is_told_when_it_has_lasted() {
        let delays = TrackProcess {
            terminate_delay: seconds(5),
            fork_delay: seconds(2),
            ..config("x", ParamMatch::Any)
        };
        let x = process("x", "x");
        let mut census = Census::new(vec![delays], [(7, x.clone())].into_iter());
        assert_eq!(census.due(seconds(0)), [("p".to_owned(), true)], "the first verdict does not wait");
        census.changed(seconds(10), 7, None);
        assert_eq!((census.due(seconds(14)), census.deadline()), (vec![], Some(seconds(15))));
        assert_eq!(census.counts(), [Count { name: "p".to_owned(), running: 0, pending: Some(false) }]);
        census.changed(seconds(14), 8, Some(&x));
        assert_eq!((census.due(seconds(20)), census.deadline()), (vec![], None), "back in time");
        assert_eq!(census.counts(), [Count { name: "p".to_owned(), running: 1, pending: None }]);
        census.changed(seconds(20), 8, None);
        assert_eq!(census.due(seconds(25)), [("p".to_owned(), false)]);
        census.changed(seconds(30), 9, Some(&x));
        assert_eq!(census.due(seconds(31)), []);
        assert_eq!(census.due(seconds(32)), [("p".to_owned(), true)]);
    }

    #[test]
    fn children_count_like_their_parents_until_they_become_others() {
        let two = TrackProcess { quorum: 2, ..config("x", ParamMatch::Any) };
        let mut census = Census::new(vec![two], [(1, process("x", "x"))].into_iter());
        assert_eq!(census.due(seconds(0)), [("p".to_owned(), false)]);
        census.forked(seconds(0), 1, 2);
        census.forked(seconds(0), 99, 3);
        assert_eq!(census.due(seconds(0)), [("p".to_owned(), true)]);
        census.changed(seconds(0), 2, Some(&process("sh", "sh")));
        assert_eq!(census.due(seconds(0)), [("p".to_owned(), false)]);
        census.recount(seconds(0), [(5, process("x", "x")), (6, process("x", "x"))].into_iter());
        assert_eq!(census.due(seconds(0)), [("p".to_owned(), true)]);
    }
}
