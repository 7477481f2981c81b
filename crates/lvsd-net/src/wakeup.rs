//! Waking a thread that waits in poll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// An eventfd: any thread raises it, its owner polls and clears it. Never blocks.
#[derive(Debug)]
pub struct Wakeup(EventFd);

impl Wakeup {
    /// Creates one, not raised.
    ///
    /// # Errors
    /// The kernel's, such as too many open files.
    pub fn new() -> io::Result<Self> {
        Ok(Self(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?))
    }

    /// Makes the descriptor readable.
    pub fn raise(&self) {
        // Fails only when the counter is full, and then the descriptor is readable.
        let _ = self.0.write(1);
    }

    /// Makes it unreadable again; call before looking at what the wake-up was for.
    pub fn clear(&self) {
        let _ = self.0.read();
    }
}

impl AsFd for Wakeup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
