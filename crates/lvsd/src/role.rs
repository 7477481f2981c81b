//! The entry of a child process.

use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use lvsd_ipc::Role;

use crate::logging::{self, LogSettings};

/// The role that a program name stands for. Nobody types these names; [`crate::driver`] gives them.
pub(crate) fn of_name(name: &OsStr) -> Option<Role> {
    Role::ALL.into_iter().find(|role| name == role.title())
}

/// Runs the role until it ends.
pub(crate) fn enter(role: Role) -> ExitCode {
    lvsd_net::set_thread_name(role.title());
    if role == Role::Checker {
        // Not the VRRP process: its election waits for no other thread, not even for that one's allocation.
        lvsd_net::keep_heap();
    }
    let settings = std::env::var(LogSettings::VARIABLE)
        .map_or_else(|_| LogSettings::default(), |text| LogSettings::from_variable(&text));
    let socket = lvsd_net::adopt_stream();
    let guard = logging::start(&settings, Some(role));
    let status = match socket {
        Ok(socket) => run(role, socket),
        Err(error) => {
            tracing::error!(%error, "`{}` is started by lvsd only", role.title());
            ExitCode::FAILURE
        }
    };
    drop(guard);
    status
}

fn run(role: Role, socket: UnixStream) -> ExitCode {
    match role {
        Role::Vrrp => lvsd_director::serve(socket),
        Role::Bfd => lvsd_speaker::serve(socket),
        Role::Checker => match lvsd_checker::run(socket) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!("checker process: {error}");
                ExitCode::FAILURE
            }
        },
    }
}
