//! Trying seeds on all processors, and making what fails small.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::scenario::TROUBLES;

/// Failures that are made small; of many, the first say enough.
const SHRUNK: usize = 3;
/// Threads of this name keep their panics to themselves.
const WORKER: &str = "simulation";

/// A schedule, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) seed: u64,
    pub(crate) troubles: Vec<usize>,
}

impl Replay {
    fn whole(seed: u64) -> Self {
        Self { seed, troubles: (0..TROUBLES).collect() }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some((seed, troubles)) = text.split_once(':') else {
            return Some(Self::whole(text.parse().ok()?));
        };
        let numbers = troubles.split(',').filter(|number| !number.is_empty()).map(str::parse);
        Some(Self { seed: seed.parse().ok()?, troubles: numbers.collect::<Result<_, _>>().ok()? })
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.seed)?;
        let numbers: Vec<String> = self.troubles.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// The schedules of the first seeds that fail, in order, each with what it says; the first ones made small.
pub(crate) fn failing(seeds: u64, run: impl Fn(&Replay) + Sync) -> Vec<(Replay, String)> {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(WORKER) {
            usual(panic);
        }
    }));
    let next = AtomicU64::new(0);
    let found = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let whole = Replay::whole(seed);
            if let Some(why) = failure(&run, &whole) {
                let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let small = if found.len() < SHRUNK { shrink(&run, whole, why) } else { (whole, why) };
                found.push(small);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let worker = std::thread::Builder::new().name(WORKER.to_owned());
            worker.spawn_scoped(scope, work).expect("a thread");
        }
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Small ones first: they are the easiest to understand.
    found.sort_by_key(|(replay, _)| (replay.troubles.len(), replay.seed));
    found
}

/// What a schedule that fails says.
fn failure(run: &impl Fn(&Replay), replay: &Replay) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| run(replay))).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}

/// Leaves out troubles, half of them at first and one in the end, as long as what is left fails.
fn shrink(run: &impl Fn(&Replay), whole: Replay, why: String) -> (Replay, String) {
    let (mut small, mut why) = (whole, why);
    let mut size = small.troubles.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < small.troubles.len() {
            let mut without = small.clone();
            without.troubles.drain(from..(from + size).min(small.troubles.len()));
            match failure(run, &without) {
                Some(text) => (small, why) = (without, text),
                None => from += size,
            }
        }
        size /= 2;
    }
    (small, why)
}

#[test]
fn what_fails_is_made_small_and_can_be_replayed() {
    let found = failing(8, |replay| {
        let both = [7, 30].iter().all(|trouble| replay.troubles.contains(trouble));
        assert!(!(replay.seed == 5 && both), "the two together");
    });
    let small = Replay { seed: 5, troubles: vec![7, 30] };
    assert_eq!(found, [(small.clone(), "the two together".to_owned())]);
    assert_eq!(Replay::parse(&small.to_string()), Some(small));
    assert_eq!(Replay::parse("5:"), Some(Replay { seed: 5, troubles: Vec::new() }));
    assert_eq!(Replay::parse("5"), Some(Replay::whole(5)));
    assert_eq!(Replay::parse("5:x"), None);
}
