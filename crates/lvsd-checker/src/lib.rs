//! The health-check process: probes the real servers, and keeps the kernel's IPVS table equal to what their health asks
//! for.
//!
//! Four parts share one thread. `process` takes plans and questions from the supervisor; `schedule` starts checks when
//! `lvsd-health` says that they are due, and hands it their outcomes; `probe` does the checks themselves; `keeper` follows
//! the desired table, looks after the kernel's, and remembers in a journal which services are ours. `notify` tells of
//! changes. `fetch` lends the client of the web checks to whoever wants a digest.
//!
//! What the process does when something is missing: without ip_vs in the kernel it goes on checking, says why, and tries
//! again; when the supervisor is gone it leaves the table standing and ends; when it is killed itself, its successor finds
//! the table and the journal, and goes on from there without a change that a client could see.
//!
//! This crate must never touch a service that is not its own, and never judge: that is for `lvsd-health`. Start reading at
//! [`run`].

mod addresses;
pub mod fetch;
mod keeper;
mod marker;
mod namespace;
mod notify;
mod probe;
mod process;
mod reporter;
mod schedule;
mod settings;
mod shared;
mod snapshot;
#[cfg(test)]
mod testing;
mod urgency;

use std::os::unix::net::UnixStream;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::keeper::{Host, Supervisor};

/// Why the process ends otherwise than by a stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The runtime or its signals could not be set up.
    #[error("the runtime cannot be set up: {0}")]
    Setup(#[source] std::io::Error),
    /// The supervisor cannot be talked to any more. The IPVS table is left standing.
    #[error("the supervisor cannot be understood: {0}")]
    Supervisor(#[from] lvsd_ipc::FrameError),
    /// A part of the process has failed, which it never should. The IPVS table is left standing.
    #[error("{0} has failed")]
    Broken(&'static str),
}

/// Runs the checker process on its end of the supervisor's socketpair, in the network namespace of the calling thread,
/// until it is told to stop or the supervisor is gone.
///
/// SIGTERM, SIGINT and SIGHUP are ignored: they reach the whole process group or service, and it is the supervisor that
/// decides what becomes of the table. Must be called on the thread that is to do all the work, outside a tokio runtime.
///
/// # Errors
/// [`RunError`].
pub fn run(socket: UnixStream) -> Result<(), RunError> {
    raise_descriptor_limit();
    socket.set_nonblocking(true).map_err(RunError::Setup)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Setup)?;
    LocalSet::new().block_on(&runtime, async {
        let ignored = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        // A handler that nobody reads is one that does nothing, and it stays.
        ignored.into_iter().try_for_each(|kind| signal(kind).map(drop)).map_err(RunError::Setup)?;
        let socket = tokio::net::UnixStream::from_std(socket).map_err(RunError::Setup)?;
        let supervisor = Supervisor(std::os::unix::process::parent_id());
        process::serve(socket, Host::default(), supervisor).await
    })
}

/// Every check under way is a descriptor, and the usual limit of 1024 is far too low for thousands of servers. Where it
/// cannot be raised, checks that find none left are skipped and say so.
fn raise_descriptor_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
