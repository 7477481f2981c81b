//! How the process and its threads are scheduled, named and tied to their parent.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{SockType, UnixAddr, getsockname, getsockopt, sockopt};
use nix::unistd::dup2_stdin;

use crate::sys;

/// Names the calling thread; of the main thread, this is the process's name in `ps -o comm`. Cut to 15 bytes.
pub fn set_thread_name(name: &str) {
    let bytes: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    if let Ok(name) = CString::new(bytes) {
        // The call cannot fail for a valid string.
        let _ = prctl::set_name(&name);
    }
}

/// Has the kernel send `signal` to this process when its parent dies.
///
/// # Errors
/// The kernel's; none is known.
pub fn die_with_parent(signal: Signal) -> io::Result<()> {
    Ok(prctl::set_pdeathsig(signal)?)
}

/// Timers of the calling thread fire on time, not up to 50 µs later for the sake of power.
pub fn stay_responsive() {
    // Best effort: 1 ns is the smallest slack.
    let _ = prctl::set_timerslack(1);
}

/// Puts the calling thread under SCHED_RR; threads and processes it starts are ordinary ones.
///
/// # Errors
/// Without CAP_SYS_NICE, or a priority outside 1 to 99.
pub fn set_realtime(priority: u8) -> io::Result<()> {
    sys::schedule_round_robin(priority)
}

/// Sets the nice value of the calling thread and of those it starts later.
///
/// # Errors
/// Without CAP_SYS_NICE for a lower value.
pub fn set_nice(nice: i8) -> io::Result<()> {
    sys::set_priority(nice)
}

/// Locks the memory of the process, what it has and what it will get.
///
/// # Errors
/// Without CAP_IPC_LOCK, or above RLIMIT_MEMLOCK.
pub fn lock_memory() -> io::Result<()> {
    Ok(mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?)
}

/// Lets the process keep memory that it needs again and again, as for every reload, in one heap for all threads. A second
/// thread's heap would grow by a system call and a page fault per page. To be called before any thread is started, and not
/// where one thread must not wait for another's allocation.
pub fn keep_heap() {
    sys::keep_heap(32 << 20);
}

/// Takes over the stream socket that the parent left as standard input, which is empty from then on; sets close-on-exec and
/// non-blocking mode.
///
/// # Errors
/// When standard input is no Unix stream socket.
pub fn adopt_stream() -> io::Result<UnixStream> {
    let input = io::stdin();
    let is_ours = getsockname::<UnixAddr>(input.as_raw_fd()).is_ok()
        && getsockopt(&input, sockopt::SockType) == Ok(SockType::Stream);
    if !is_ours {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "standard input is no Unix stream socket"));
    }
    // A copy has close-on-exec set.
    let stream = UnixStream::from(input.as_fd().try_clone_to_owned()?);
    dup2_stdin(File::open("/dev/null")?)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
