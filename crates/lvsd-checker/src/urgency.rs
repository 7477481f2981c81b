//! Applying `checker_rt_priority`, `checker_priority` and `checker_no_swap`.

use std::io;

use lvsd_model::ProcessSettings;

/// Schedules the process, which is one thread; what does not work is said. Nothing is taken back.
pub(crate) fn enter(settings: &ProcessSettings) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut note = |what: &str, result: io::Result<()>| {
        if let Err(error) = result {
            complaints.push(format!("{what}: {error}"));
        }
    };
    if let Some(nice) = settings.nice {
        note("checker_priority", lvsd_net::set_nice(nice));
    }
    if let Some(priority) = settings.realtime {
        note("checker_rt_priority", lvsd_net::set_realtime(priority));
    }
    if settings.lock_memory {
        note("checker_no_swap", lvsd_net::lock_memory());
    }
    complaints
}
