//! How the servers of a virtual server come and go.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What holds up changes to the set of servers that have the traffic; nothing unless it is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Turnover {
    /// `min_up`: with fewer servers up than that, those that had the traffic keep it.
    pub min_up: Option<MinUp>,
    /// `drain_timeout`: how long at most a server that a reload removes keeps its connections.
    pub drain_timeout: Option<Duration>,
    /// `slow_start`: how long it takes a server that comes back to get its whole weight.
    pub slow_start: Option<Duration>,
}

/// `min_up`: how many of the servers have to be up for the checks to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MinUp {
    /// So many.
    Servers(NonZeroU32),
    /// So many of a hundred, 1 to 100, rounded up.
    Percent(u8),
}

impl MinUp {
    /// How many of `total` that are; never more than all, and of some at least one.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        let wanted = match self {
            Self::Servers(count) => usize::try_from(count.get()).unwrap_or(usize::MAX),
            Self::Percent(percent) => total.saturating_mul(percent.into()).div_ceil(100),
        };
        wanted.min(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_and_never_more_than_all() {
        let percent = |percent, total| MinUp::Percent(percent).of(total);
        assert_eq!(
            [percent(50, 4), percent(50, 3), percent(1, 3), percent(100, 3), percent(50, 0)],
            [2, 2, 1, 3, 0]
        );
        let servers = |count, total| MinUp::Servers(NonZeroU32::new(count).expect("not zero")).of(total);
        assert_eq!([servers(2, 4), servers(9, 4), servers(1, 0)], [2, 4, 0]);
    }
}
