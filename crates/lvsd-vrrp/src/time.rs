//! The clock of the engine, which it is told and never reads.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant: time since an arbitrary start, the same for all calls to one [`Router`](crate::Router), never going back.
///
/// It is a number of its own so that recorded inputs can be stored and replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(Duration);

impl Time {
    /// The start.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// That long after the start.
    #[must_use]
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Time since the start.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Time since `earlier`; zero when that is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates: a deadline beyond the end of time never comes, which is what it says.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// The time of day: since 1970, by a clock that people and other computers set, and that can jump. Nothing of the election goes by it;
/// `auth_hmac` does, whose adverts say when they were signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WallTime(Duration);

impl WallTime {
    /// That long after the beginning of 1970, UTC.
    #[must_use]
    pub const fn after_epoch(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Time since the beginning of 1970, UTC.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }
}
