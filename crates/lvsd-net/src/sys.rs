//! The `unsafe` of this crate that is not part of starting a process. Nothing here does more than one call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use socket2::{SockAddr, SockAddrStorage};

use crate::clock::Zone;

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

/// The packet-socket address that receives what an interface gets of one Ethernet protocol.
pub(crate) fn protocol_address(interface: u32, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: as in `link_address`.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = interface.cast_signed();
    // SAFETY: as in `link_address`.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// Has an interface take in frames to an Ethernet multicast address for as long as the packet socket is open.
pub(crate) fn accept_multicast(socket: BorrowedFd<'_>, interface: u32, address: [u8; 6]) -> io::Result<()> {
    let [a, b, c, d, e, f] = address;
    let request = libc::packet_mreq {
        mr_ifindex: interface.cast_signed(),
        mr_type: libc::PACKET_MR_MULTICAST as libc::c_ushort,
        mr_alen: 6,
        mr_address: [a, b, c, d, e, f, 0, 0],
    };
    // SAFETY: the pointer is to a live `packet_mreq`, whose size is given; the descriptor is borrowed, so it is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            size_of::<libc::packet_mreq>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// PACKET_IGNORE_OUTGOING of `linux/if_packet.h`.
const IGNORE_OUTGOING: libc::c_int = 23;

/// Has a packet socket see what leaves, or not.
pub(crate) fn ignore_outgoing(socket: BorrowedFd<'_>, ignore: bool) -> io::Result<()> {
    let value = libc::c_int::from(ignore);
    // SAFETY: the pointer is to a live `c_int`, whose size is given; the descriptor is borrowed, so it is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            IGNORE_OUTGOING,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Year, month 1 to 12, day, hour, minute and second of a number of seconds since 1970.
pub(crate) fn civil(seconds: i64, zone: Zone) -> Option<[i32; 6]> {
    // SAFETY: a `tm` is plain data, for which zero is a value; the zone name that it points to is not read.
    let mut broken: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of this frame; the result is null or the second one.
    let result = unsafe {
        match zone {
            Zone::Local => libc::localtime_r(&raw const seconds, &raw mut broken),
            Zone::Utc => libc::gmtime_r(&raw const seconds, &raw mut broken),
        }
    };
    let libc::tm { tm_year, tm_mon, tm_mday, tm_hour, tm_min, tm_sec, .. } = broken;
    (!result.is_null()).then_some([tm_year + 1900, tm_mon + 1, tm_mday, tm_hour, tm_min, tm_sec])
}

/// The reverse; a day beyond the end of its month is one of the next.
pub(crate) fn since_epoch([year, month, day, hour, minute, second]: [i32; 6], zone: Zone) -> Option<i64> {
    // SAFETY: as in `civil`.
    let mut broken: libc::tm = unsafe { std::mem::zeroed() };
    (broken.tm_year, broken.tm_mon, broken.tm_mday) = (year - 1900, month - 1, day);
    (broken.tm_hour, broken.tm_min, broken.tm_sec) = (hour, minute, second);
    // Whether summer time applies is for the host to say.
    broken.tm_isdst = -1;
    // SAFETY: the pointer is to a live `tm` of this frame.
    let seconds = unsafe {
        match zone {
            Zone::Local => libc::mktime(&raw mut broken),
            Zone::Utc => libc::timegm(&raw mut broken),
        }
    };
    (seconds != -1).then_some(seconds)
}

/// The same file under a descriptor of at least that number, closed on exec.
pub(crate) fn duplicate_above(file: BorrowedFd<'_>, least: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes integers only.
    let descriptor = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
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
