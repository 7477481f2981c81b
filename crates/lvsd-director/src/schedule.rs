//! Applying `vrrp_rt_priority`, `vrrp_priority` and `vrrp_no_swap`.

use lvsd_model::SchedulingClass;

/// What the calling thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// A fail-over waits for it.
    Urgent,
    /// Scripts and messages.
    Ordinary,
}

/// Schedules the calling thread; says what the host did not allow.
pub(crate) fn enter(class: SchedulingClass, duty: Duty) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |what: &str, result: std::io::Result<()>| {
        problems.extend(result.err().map(|error| format!("{what} cannot be set: {error}")));
    };
    if let Some(nice) = class.nice {
        note("vrrp_priority", lvsd_net::set_nice(nice));
    }
    if duty == Duty::Urgent {
        lvsd_net::stay_responsive();
        if let Some(priority) = class.realtime {
            note("vrrp_rt_priority", lvsd_net::set_realtime(priority));
        }
    }
    problems
}
