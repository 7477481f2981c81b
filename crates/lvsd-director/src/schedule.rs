//! Applying `vrrp_rt_priority`, `vrrp_priority` and `vrrp_no_swap`.
//!
//! Without the first two, the threads that a fail-over waits for have a nice value of [`URGENT_NICE`] where the host allows it: they
//! need little, but they need it now, and a busy machine must not look like a dead one to its peers.

use lvsd_model::ProcessSettings;

/// Unless configured; scripts and messages stay at 0.
const URGENT_NICE: i8 = -15;

/// What the calling thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// A fail-over waits for it.
    Urgent,
    /// Scripts and messages.
    Ordinary,
}

/// Schedules the calling thread; says what the host did not allow.
pub(crate) fn enter(class: &ProcessSettings, duty: Duty) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |what: &str, result: std::io::Result<()>| {
        problems.extend(result.err().map(|error| format!("{what} cannot be set: {error}")));
    };
    if let Some(nice) = class.nice {
        note("vrrp_priority", lvsd_net::set_nice(nice));
    }
    if duty == Duty::Urgent {
        lvsd_net::stay_responsive();
        match class.realtime {
            Some(priority) => note("vrrp_rt_priority", lvsd_net::set_realtime(priority)),
            // Nobody has asked for it: without the privilege it is left out in silence.
            None if class.nice.is_none() => drop(lvsd_net::set_nice(URGENT_NICE)),
            None => {}
        }
    }
    problems
}

/// Whether a thread that runs by `before` cannot follow `after`: how it is scheduled is settled when it starts.
pub(crate) fn needs_restart(before: &ProcessSettings, after: &ProcessSettings) -> bool {
    let settled = |of: &ProcessSettings| (of.nice, of.realtime, of.automatic, of.lock_memory);
    settled(before) != settled(after)
}
