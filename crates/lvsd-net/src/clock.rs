//! The clock of the election, and one timer on it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::sys;

/// Time since the machine started, time suspended included: so a suspend shows as lateness, as any other stall does.
#[must_use]
pub fn uptime() -> Duration {
    // The call cannot fail for a clock that the kernel has (since 2.6.39); zero would be a clock that stands still.
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// The time of day, since 1970. It can jump; zero before 1970.
#[must_use]
pub fn time_of_day() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// Whose time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// This host's.
    Local,
    /// UTC.
    Utc,
}

/// Year, month (1 to 12), day, hour, minute and second of a number of seconds since 1970.
#[must_use]
pub fn civil(seconds: i64, zone: Zone) -> Option<[i32; 6]> {
    sys::civil(seconds, zone)
}

/// The number of seconds since 1970 for year, month, day, hour, minute and second. A day beyond the end of its month is one of
/// the next month; `None` where the host has no answer.
#[must_use]
pub fn since_epoch(civil: [i32; 6], zone: Zone) -> Option<i64> {
    sys::since_epoch(civil, zone)
}

/// A timerfd on the clock of [`uptime`]: late by tens of microseconds, not by a runtime's millisecond.
#[derive(Debug)]
pub struct Timer {
    fd: TimerFd,
    armed: Option<Duration>,
}

impl Timer {
    /// Creates an unarmed timer.
    ///
    /// # Errors
    /// The kernel's, such as too many open files.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self { fd: TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?, armed: None })
    }

    /// Sets the instant, on the clock of [`uptime`], from which the descriptor is readable; `None` disarms.
    ///
    /// # Errors
    /// The kernel's; none is known for a valid time.
    pub fn arm(&mut self, at: Option<Duration>) -> io::Result<()> {
        if self.armed == at {
            return Ok(());
        }
        match at {
            // An expiration of zero would disarm.
            Some(at) => self.fd.set(
                Expiration::OneShot(TimeSpec::from_duration(at.max(Duration::from_nanos(1)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )?,
            None => self.fd.unset()?,
        }
        self.armed = at;
        Ok(())
    }

    /// Takes an expiration off the descriptor, if there is one.
    pub fn clear(&mut self) {
        match self.fd.wait() {
            Ok(()) => self.armed = None,
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => self.armed = None,
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    fn readable(timer: &Timer, timeout: PollTimeout) -> bool {
        let mut fds = [PollFd::new(timer.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, timeout).expect("poll works") > 0
    }

    #[test]
    fn a_timer_fires_once_per_arming_and_not_when_disarmed() {
        let mut timer = Timer::new().expect("a timer");
        timer.arm(Some(uptime())).expect("arms");
        assert!(readable(&timer, PollTimeout::from(2000u16)));
        timer.clear();
        assert!(!readable(&timer, PollTimeout::ZERO));
        timer.arm(Some(Duration::ZERO)).expect("the past is allowed");
        assert!(readable(&timer, PollTimeout::from(2000u16)));
        timer.arm(None).expect("disarms");
        assert!(!readable(&timer, PollTimeout::ZERO));
    }
}
