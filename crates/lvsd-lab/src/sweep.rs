//! Leaving nothing behind: neither what a killed process of the laboratory had made, nor, when a person interrupts a
//! task, what that has started, which is in process groups of its own that the terminal's interrupt does not reach.

use crate::{Result, director, error::Context as _, guest, namespace, process};
use std::{future::poll_fn, io, sync::Once, task::Poll, thread};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
};

static ONCE: Once = Once::new();

/// Removes the processes, namespaces and directories of laboratory processes that are no more, as when a hanging test
/// was killed.
pub fn sweep() {
    process::kill_until_none(process::orphans);
    namespace::remove_stale();
    director::remove_stale_homes();
    guest::remove_homes(|pid| !process::alive(pid));
}

/// [Sweeps](sweep), the first time it is called.
pub(crate) fn once() {
    ONCE.call_once(sweep);
}

/// From now on SIGINT, SIGTERM and SIGHUP kill all that this process has started, remove its namespaces, and end it.
///
/// They are caught, not blocked: a mask would be inherited by every program that is started.
///
/// # Errors
/// The signals cannot be waited for.
pub fn clean_up_when_interrupted() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.context(|| "make a runtime".to_owned())?;
    let interrupts = {
        let _inside = runtime.enter();
        let all = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .map(|kind| signal(kind).map(|arrivals| (kind, arrivals)));
        let all: io::Result<Vec<_>> = all.into_iter().collect();
        all.context(|| "catch signals".to_owned())?
    };
    let wait = move || {
        let number = runtime.block_on(first_of(interrupts));
        process::kill_until_none(process::own_descendants);
        namespace::remove_own();
        guest::remove_homes(|pid| u32::try_from(pid) == Ok(std::process::id()));
        sweep();
        // What the other threads have started meanwhile.
        process::kill_until_none(process::own_descendants);
        // As a shell reports a program that a signal ended.
        std::process::exit(128 + number);
    };
    thread::Builder::new()
        .name("interrupts".to_owned())
        .spawn(wait)
        .context(|| "start a thread".to_owned())?;
    Ok(())
}

/// Waits for any of these signals and gives its number.
async fn first_of(mut interrupts: Vec<(SignalKind, Signal)>) -> i32 {
    poll_fn(|context| {
        let arrived = interrupts.iter_mut().find_map(|(kind, arrivals)| {
            arrivals.poll_recv(context).is_ready().then_some(kind.as_raw_value())
        });
        arrived.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
