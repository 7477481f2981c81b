//! How long a child that died waits for its successor.

use std::time::Duration;

/// A life longer than this makes earlier deaths forgotten.
const STABLE: Duration = Duration::from_secs(60);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// Doubles from nothing over 1 s to 60 s while lives are short.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// The wait after a life of this length.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived > STABLE {
            self.next = Duration::ZERO;
        }
        let delay = self.next;
        self.next = (delay * 2).clamp(Duration::from_secs(1), LONGEST);
        delay
    }
}
