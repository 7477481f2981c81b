//! Leaving nothing behind: neither what a killed process of the laboratory had made, nor, when a person interrupts a
//! task, what that has started, which is in process groups of its own that the terminal's interrupt does not reach.

use crate::{Result, director, error::Context as _, namespace, process};
use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::SignalFd,
};
use std::{sync::Once, thread};

static ONCE: Once = Once::new();

/// Removes the processes, namespaces and directories of laboratory processes that are no more, as when a hanging test
/// was killed.
pub fn sweep() {
    process::kill_until_none(process::orphans);
    namespace::remove_stale();
    director::remove_stale_homes();
}

/// [Sweeps](sweep), the first time it is called.
pub(crate) fn once() {
    ONCE.call_once(sweep);
}

/// From now on SIGINT, SIGTERM and SIGHUP kill all that this process has started, remove its namespaces, and end it.
/// To be called before any thread is started, which would take the signals otherwise.
///
/// # Errors
/// The signals cannot be waited for.
pub fn clean_up_when_interrupted() -> Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().context(|| "block signals".to_owned())?;
    let interrupts = SignalFd::new(&signals).context(|| "wait for signals".to_owned())?;
    let wait = move || {
        // Blocking, so there is always one, or an error that would come again.
        if let Ok(Some(interrupt)) = interrupts.read_signal() {
            process::kill_until_none(process::own_descendants);
            namespace::remove_own();
            sweep();
            // What the other threads have started meanwhile.
            process::kill_until_none(process::own_descendants);
            // As a shell reports a program that a signal ended.
            std::process::exit(i32::try_from(interrupt.ssi_signo).map_or(1, |number| 128 + number));
        }
    };
    thread::Builder::new()
        .name("interrupts".to_owned())
        .spawn(wait)
        .context(|| "start a thread".to_owned())?;
    Ok(())
}
