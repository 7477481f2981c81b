//! How the process and its threads are scheduled, named and tied to their parent.

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;
use nix::sys::signal::Signal;

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

/// Takes over the stream socket that the parent left open as descriptor `fd`; sets close-on-exec and non-blocking mode.
///
/// # Errors
/// When `fd` is not open or is no Unix stream socket, or when a descriptor has been adopted in this process before.
pub fn adopt_stream(fd: RawFd) -> io::Result<UnixStream> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the inherited socket was taken before"));
    }
    let stream = sys::adopt_unix_stream(fd)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
