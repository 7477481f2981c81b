//! The `unsafe` of this crate that is not part of starting a process. Nothing here does more than one call.

use std::io;

use socket2::{SockAddr, SockAddrStorage};

/// The packet-socket address of an interface, for sending whole frames.
pub(crate) fn link_address(interface: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is a socket address type of the operating system, plain integers throughout.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_ifindex = interface.cast_signed();
    // SAFETY: the storage holds a `sockaddr_ll`, initialised above, and that is the length given.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// SCHED_RR for the calling thread, not inherited.
pub(crate) fn schedule_round_robin(priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: i32::from(priority) };
    // SAFETY: the pointer is to a live `sched_param`; 0 is the calling thread.
    let result = unsafe {
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const parameters)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The nice value of the calling thread.
pub(crate) fn set_priority(nice: i8) -> io::Result<()> {
    // SAFETY: takes integers only; 0 is the calling thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, i32::from(nice)) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// One heap for all threads, which grows in large steps and gives back only what is more than this many bytes.
#[cfg(target_env = "gnu")]
pub(crate) fn keep_heap(bytes: i32) {
    const STEP: i32 = 256 << 10;
    for (parameter, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, bytes),
        (libc::M_TRIM_THRESHOLD, bytes),
        (libc::M_TOP_PAD, STEP),
    ] {
        // SAFETY: takes integers only, and refuses those that make no sense.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Other C libraries have nothing to be set.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn keep_heap(_bytes: i32) {}
