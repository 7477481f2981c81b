//! The VRRP process: drives lvsd-vrrp with real sockets, netlink, trackers and notifications.
//!
//! ```text
//!  supervisor ──plans──▶ main thread (tokio): scripts, notifications, snapshots
//!                          │ configuration,        ▲ transitions
//!                          │ script results        │
//!                          ▼                       │
//!  packets, timer ──▶ election thread: sockets, one timer, the engine
//!                          │ addresses,            ▲ links, sources,
//!                          │ announcements         │ deleted addresses
//!                          ▼                       │
//!  netlink events ──▶ keeper thread: rtnetlink, packet socket, journal
//! ```
//!
//! Beside all that, the radar compares what is on the wire with what reaches the election, and tells what does not fit.
//!
//! An advert waits for nobody: the election takes no lock, allocates nothing for an advert, and never waits for the other two.
//! The decisions are all in `lvsd-vrrp`; this crate must never decide who is master, and never hold an address that the engine
//! did not order.
//!
//! Start reading at [`run`], then `director.rs`.

mod director;
mod election;
mod fit;
mod keeper;
mod notify;
mod radar;
mod schedule;
mod sync;
mod testament;
mod tracker;

use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use lvsd_ipc::Role;
use tracing::error;

/// The VRRP process from start to end: takes over the supervisor's socket and does what it is told by it.
///
/// Exit status 0 after a stop or the supervisor's end, 1 for an error that a new start may mend, 4 when a privilege is missing.
#[must_use]
pub fn run() -> ExitCode {
    lvsd_net::set_thread_name(Role::Vrrp.title());
    match lvsd_net::adopt_stream() {
        Ok(stream) => serve(stream),
        Err(error) => {
            error!(%error, "the supervisor's socket is not there");
            ExitCode::FAILURE
        }
    }
}

/// [`run`] on a socket that is there already.
#[must_use]
pub fn serve(stream: UnixStream) -> ExitCode {
    // One thread: it must be the main thread, whose end ends the scripts it has started.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    // A supervisor that leaves none has processes that begin anew.
    let will = lvsd_net::Testament::adopt().ok().map(testament::Will::new);
    let code = runtime.block_on(director::direct(stream, will));
    // Whatever still waits in the background has had its time.
    runtime.shutdown_background();
    code
}
