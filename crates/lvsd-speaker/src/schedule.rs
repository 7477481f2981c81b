//! Applying `bfd_rt_priority`, `bfd_priority`, `bfd_no_swap` and what all processes share.
//!
//! Without the first two the process has a nice value of [`URGENT_NICE`] where the host allows it: sessions need little, but they need
//! it now, and a busy machine must not look like a dead one to its neighbours.

use std::io;
use std::time::Duration;

use lvsd_model::ProcessSettings;
use lvsd_net::{Tuning, Urgency};
use tracing::debug;

/// Unless configured.
const URGENT_NICE: i8 = -15;

/// How the process is treated by the kernel.
#[derive(Debug)]
pub(crate) struct Schedule {
    tuning: Tuning,
    urgency: Urgency,
    settings: Option<ProcessSettings>,
}

impl Schedule {
    pub(crate) fn new() -> Self {
        Self { tuning: Tuning::new("bfd"), urgency: Urgency::default(), settings: None }
    }

    /// Moves to the settings of a plan; says what the host does not allow. Priorities are not taken back.
    pub(crate) fn apply(&mut self, settings: &ProcessSettings, mask: u16) -> Vec<String> {
        let mut problems = self.tuning.apply(settings, mask);
        if self.settings.as_ref() != Some(settings) {
            self.urgency = Urgency::new(settings);
            problems.extend(enter(settings));
            self.settings = Some(settings.clone());
        }
        problems
    }

    /// Takes note of a timer that fired so late.
    pub(crate) fn late(&mut self, by: Duration) {
        if let Some(priority) = self.urgency.late(by) {
            match lvsd_net::set_realtime(priority) {
                Ok(()) => debug!(priority, "a timer was late by {by:?}: real-time priority"),
                Err(error) => debug!(priority, %error, "no real-time priority"),
            }
        }
    }
}

fn enter(settings: &ProcessSettings) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |what: &str, result: io::Result<()>| {
        problems.extend(result.err().map(|error| format!("{what} cannot be set: {error}")));
    };
    lvsd_net::stay_responsive();
    match (settings.nice, settings.realtime) {
        (Some(nice), _) => note("bfd_priority", lvsd_net::set_nice(nice)),
        // Nobody has asked for it: without the privilege it is left out in silence.
        (None, None) => drop(lvsd_net::set_nice(URGENT_NICE)),
        (None, Some(_)) => {}
    }
    if let Some(priority) = settings.realtime {
        note("bfd_rt_priority", lvsd_net::set_realtime(priority));
    }
    if settings.lock_memory {
        note("bfd_no_swap", lvsd_net::lock_memory());
    }
    problems
}
