//! Two to five routers on a virtual LAN with loss, delay, duplication, partitions, one-way cuts, crashes, restarts, processes that are
//! replaced, reloads, pauses, clocks that jump, flapping trackers, and versions that do not hear each other. Every seed is a
//! different world.
//!
//! * `LVSD_SIM_SEEDS=<count>` tries another number of seeds.
//! * A seed that fails is tried with fewer and fewer of its troubles; what is left is told.
//! * `LVSD_SIM_SEED=<n>` replays one, `LVSD_SIM_SEED=<n>:<trouble>,<trouble>` with these troubles only; both say what happens
//!   (with `--nocapture`).
//!
//! What always holds: addresses are held iff MASTER; no output comes twice for one cause; a group moves as one; an output never
//! contradicts another (see `support/observer.rs`).
//!
//! What holds once the LAN is well: within a bounded time at most one router is MASTER of a virtual router, exactly one if any can
//! be; then nothing changes any more; when its process is replaced, nobody else moves; and when it dies, another is MASTER within
//! the down interval.

#[path = "../support/observer.rs"]
mod observer;
#[path = "../support/mod.rs"]
mod support;

mod first_priority;
mod lan;
mod random;
mod scenario;
mod search;
mod trouble;

use search::Replay;

/// Seeds in each run, unless told otherwise.
const SEEDS: u64 = 10_000;

#[test]
fn every_lan_comes_to_rest_with_one_master() {
    if let Ok(text) = std::env::var("LVSD_SIM_SEED") {
        let Replay { seed, troubles } = Replay::parse(&text).expect("LVSD_SIM_SEED is <n> or <n>:<n>,<n>");
        return scenario::run(seed, &troubles, scenario::Voice::Loud);
    }
    let seeds = std::env::var("LVSD_SIM_SEEDS").map_or(SEEDS, |count| count.parse().expect("a number"));
    let failed = search::failing(seeds, |replay: &Replay| {
        scenario::run(replay.seed, &replay.troubles, scenario::Voice::Quiet);
    });
    assert!(
        failed.is_empty(),
        "of {seeds} seeds {} fail; replay the first with LVSD_SIM_SEED={}, which says: {:.400}",
        failed.len(),
        failed[0].0,
        failed[0].1
    );
}
