//! What new processes get from this one and what they must not get, and what this one does until it can answer signals.
//!
//! `std::process::Command` does the rest; a few steps need a `pre_exec` closure, which is unsafe because only
//! async-signal-safe calls are allowed there.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{Gid, Uid};

/// The first descriptor that is not standard input, output or error.
const FIRST_FREE: RawFd = 3;

/// Prepares `command` to run a program that is not ours: SIGTERM when this process dies, every signal at its default, no
/// descriptor but the standard three, no better nice value than 0.
#[expect(unsafe_code, reason = "pre_exec")]
pub fn isolate(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: the closure makes plain system calls only, all async-signal-safe, and touches no memory but its own copy of
    // `parent`; errors are built from errno without allocation.
    unsafe {
        command.pre_exec(move || {
            die_with(parent)?;
            default_signals(KeepIgnored::None);
            ordinary_priority();
            close_on_exec_from(FIRST_FREE);
            Ok(())
        });
    }
}

/// Prepares `command` to run as somebody else, with these supplementary groups and no others. To be called before [`isolate`]:
/// the kernel forgets with the change of user whose death is to end the program.
#[expect(unsafe_code, reason = "pre_exec, setgroups")]
pub fn become_user(command: &mut Command, user: Uid, group: Gid, groups: &[Gid]) {
    let groups: Vec<libc::gid_t> = groups.iter().map(|group| group.as_raw()).collect();
    let (user, group) = (user.as_raw(), group.as_raw());
    let done = |result: libc::c_int| if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    // SAFETY: the closure makes plain system calls only, all async-signal-safe, and touches no memory but its own copies;
    // the pointer is to as many groups as are said to be there.
    unsafe {
        command.pre_exec(move || {
            done(libc::setgroups(groups.len(), groups.as_ptr()))?;
            done(libc::setgid(group))?;
            done(libc::setuid(user))
        });
    }
}

/// Prepares `command` to run a process of the family, which finds `socket` as its standard input and takes it from there
/// by [`crate::adopt_stream`]. It lives on when this process dies, and notices by the end of the socket.
///
/// Nothing needs to be done between fork and exec, so there is no fork: the new process begins without a copy of this
/// one's memory, of which every page that either of them then wrote to would cost a fault. What it must not inherit is
/// for [`disinherit`] to see to.
pub fn hand_over(command: &mut Command, socket: OwnedFd) {
    command.stdin(socket);
}

/// Undoes what whoever started this process has left to it and would be left to its children: signals that are ignored or
/// held back, and descriptors beside the standard three, which stay open here, but no further.
///
/// To be called first of all, before anything handles a signal.
pub fn disinherit() {
    default_signals(KeepIgnored::BrokenPipe);
    close_on_exec_from(FIRST_FREE);
}

/// SIGTERM for this process when the thread that made it ends.
#[expect(unsafe_code, reason = "prctl")]
fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: prctl with an integer argument, and getppid; both only touch this process.
    let (result, now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM), libc::getppid()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have died before the request was in place.
    if u32::try_from(now) == Ok(parent) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

/// Signals that are held back; they arrive when this is dropped.
#[derive(Debug)]
pub struct HeldSignals {
    before: libc::sigset_t,
}

/// Holds back signals from the calling thread and from those it starts, so that none that comes too early ends the
/// process. Numbers that do not exist are left out.
#[must_use]
#[expect(unsafe_code, reason = "signal sets with real-time signals")]
pub fn hold_signals(numbers: &[i32]) -> HeldSignals {
    // SAFETY: a signal set is plain data, and sigemptyset makes it a valid one before anything reads it; the calls get
    // pointers to two sets of this frame, and fail for wrong numbers without touching them.
    unsafe {
        let mut held: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut held);
        libc::sigemptyset(&raw mut before);
        for &number in numbers {
            libc::sigaddset(&raw mut held, number);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const held, &raw mut before);
        HeldSignals { before }
    }
}

impl Drop for HeldSignals {
    #[expect(unsafe_code, reason = "signal sets")]
    fn drop(&mut self) {
        // SAFETY: the set was filled by pthread_sigmask; no old set is asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) };
    }
}

/// Scripts do not get the urgency of the thread that starts them.
#[expect(unsafe_code, reason = "getpriority, setpriority")]
fn ordinary_priority() {
    // SAFETY: both take integers only and concern this process. -1 may be an error, after which the second call does no harm.
    unsafe {
        if libc::getpriority(libc::PRIO_PROCESS, 0) < 0 {
            libc::setpriority(libc::PRIO_PROCESS, 0, 0);
        }
    }
}

/// The signal that is left as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeepIgnored {
    None,
    /// SIGPIPE, which Rust's runtime has every program ignore.
    BrokenPipe,
}

/// Every signal to its default action, and none held back: both would last across exec.
#[expect(unsafe_code, reason = "signal")]
fn default_signals(keep: KeepIgnored) {
    // SAFETY: a signal set is plain data; sigemptyset makes it a valid one, and both calls are async-signal-safe.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    for number in 1..=libc::SIGRTMAX() {
        if keep == KeepIgnored::BrokenPipe && number == libc::SIGPIPE {
            continue;
        }
        // SAFETY: SIG_DFL is always a valid action; numbers that cannot be changed (KILL, STOP, libc's own) are refused.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

/// Marks every descriptor from `first` on as close-on-exec. They stay open until then: std reports a failed exec by one.
#[expect(unsafe_code, reason = "close_range")]
fn close_on_exec_from(first: RawFd) {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: changes flags of this process's descriptors only. On a kernel before 5.11 it fails, and std's own
    // close-on-exec flags have to do.
    unsafe {
        libc::syscall(libc::SYS_close_range, first as libc::c_uint, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC)
    };
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_script_sees_only_the_standard_descriptors_and_default_signals() {
        let leaked = std::fs::File::open("/dev/null").expect("there").into_raw_fd();
        // SAFETY: a descriptor of this test.
        #[expect(unsafe_code, reason = "making a leak")]
        unsafe {
            libc::fcntl(leaked, libc::F_SETFD, 0)
        };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ls /proc/self/fd; grep SigIgn /proc/self/status"]).stdin(Stdio::null());
        isolate(&mut command);
        let output = command.output().expect("sh runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // 3 is the directory that ls reads.
        assert_eq!(
            text.lines().take_while(|l| !l.starts_with("Sig")).collect::<Vec<_>>(),
            ["0", "1", "2", "3"]
        );
        let ignored = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).expect("a mask");
        let ignored = u64::from_str_radix(ignored, 16).expect("hexadecimal");
        // 32 and 33 belong to the C library, which lets nobody change them.
        assert_eq!(ignored & !(0b11 << 31), 0, "{text}");
    }

    #[test]
    fn held_signals_arrive_later_and_no_program_inherits_them() {
        let mask = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").expect("there");
            status.lines().find_map(|line| line.strip_prefix("SigBlk:\t").map(str::to_owned)).expect("a mask")
        };
        let before = mask();
        let held = hold_signals(&[libc::SIGHUP, 36, 12345]);
        let bits = u64::from_str_radix(&mask(), 16).expect("hexadecimal");
        assert_eq!(bits & (1 << 35 | 1), 1 << 35 | 1);
        let mut command = Command::new("/bin/grep");
        command.args(["SigBlk", "/proc/self/status"]);
        isolate(&mut command);
        let output = command.output().expect("grep runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "SigBlk:\t0000000000000000\n");
        drop(held);
        assert_eq!(mask(), before);
    }

    #[test]
    fn a_child_finds_its_socket_as_standard_input() {
        let (mut near, far) = UnixStream::pair().expect("a pair");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo hello >&0"]);
        hand_over(&mut command, far.into());
        assert!(command.status().expect("sh runs").success());
        drop(command);
        let mut text = String::new();
        near.read_to_string(&mut text).expect("ends when the child has");
        assert_eq!(text, "hello\n");
    }
}
