//! The BFD process: drives lvsd-bfd with real sockets and one timer.
//!
//! ```text
//!  supervisor ──plans──▶ process ◀──packets, timer── sockets
//!             ◀─sessions─         ───packets───────▶
//! ```
//!
//! One thread, which waits for nothing but its sockets, its timer and the supervisor: nothing in it is slow. What a session is for,
//! it does not know: the supervisor tells the others how sessions are.
//!
//! This crate must never decide when a session is up (that is `lvsd-bfd`), nor what follows from it.
//!
//! Start reading at [`serve`], then `process.rs`.

mod process;
mod schedule;
mod sockets;
mod supervisor;

use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use tracing::error;

/// The BFD process from start to end, on the supervisor's socket.
///
/// Exit status 0 after a stop or the supervisor's end, 1 for an error that a new start may mend.
#[must_use]
pub fn serve(stream: UnixStream) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(process::run(stream)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "the BFD process cannot go on");
            ExitCode::FAILURE
        }
    }
}
