//! When addresses are announced again.

use lvsd_model::GarpPolicy;

use super::output::{AnnounceReason, AnnounceScope};
use crate::time::Time;

/// The pending announcements of a MASTER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Announcements {
    again_at: Option<Time>,
    refresh_at: Option<Time>,
    lower_priority_again_at: Option<Time>,
    extra_at: Option<Time>,
    /// No further block for a lower priority before this.
    lower_priority_quiet_until: Time,
}

/// A block that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Block {
    pub(super) rounds: u32,
    pub(super) reason: AnnounceReason,
    pub(super) scope: AnnounceScope,
}

impl Block {
    const fn of_all(rounds: u32, reason: AnnounceReason) -> Self {
        Self { rounds, reason, scope: AnnounceScope::All }
    }
}

impl Announcements {
    /// After the first block: the second one follows after the delay, the refreshes after that.
    pub(super) fn after_first_block(now: Time, policy: &GarpPolicy) -> Self {
        let mut announcements = Self {
            again_at: None,
            refresh_at: (!policy.refresh.is_zero()).then(|| now + policy.delay + policy.refresh),
            lower_priority_again_at: None,
            extra_at: policy.extra.map(|extra| now + extra.period),
            lower_priority_quiet_until: now,
        };
        announcements.repeat_later(now, policy);
        announcements
    }

    /// A block went out that is repeated after the delay.
    pub(super) fn repeat_later(&mut self, now: Time, policy: &GarpPolicy) {
        self.again_at = (!policy.delay.is_zero()).then(|| now + policy.delay);
    }

    /// A reload changed the policy: the refresh starts anew.
    pub(super) fn adopt(&mut self, now: Time, policy: &GarpPolicy) {
        self.refresh_at = (!policy.refresh.is_zero()).then(|| now + policy.refresh);
        self.extra_at = policy.extra.map(|extra| now + extra.period);
    }

    /// The block for a lower-priority advert. At most one per `spacing`, so that a sender of many adverts does not make us one
    /// of many more announcements.
    pub(super) fn on_lower_priority(
        &mut self,
        now: Time,
        policy: &GarpPolicy,
        spacing: std::time::Duration,
    ) -> Option<Block> {
        if policy.lower_prio_repeat == 0 || now < self.lower_priority_quiet_until {
            return None;
        }
        self.lower_priority_quiet_until = now + spacing;
        self.lower_priority_again_at =
            (!policy.lower_prio_delay.is_zero()).then(|| now + policy.lower_prio_delay);
        Some(Block::of_all(policy.lower_prio_repeat, AnnounceReason::LowerPriority))
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Time> {
        [self.again_at, self.refresh_at, self.lower_priority_again_at, self.extra_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// A block that is due now, if any; call until `None`.
    pub(super) fn take_due(&mut self, now: Time, policy: &GarpPolicy) -> Option<Block> {
        let due = |at: &Option<Time>| at.is_some_and(|at| at <= now);
        if due(&self.again_at) {
            self.again_at = None;
            return Some(Block::of_all(policy.repeat, AnnounceReason::Delayed));
        }
        if due(&self.lower_priority_again_at) {
            self.lower_priority_again_at = None;
            return Some(Block::of_all(policy.lower_prio_repeat, AnnounceReason::LowerPriority));
        }
        if due(&self.refresh_at) {
            self.refresh_at = (!policy.refresh.is_zero()).then(|| now + policy.refresh);
            return Some(Block::of_all(policy.refresh_repeat, AnnounceReason::Refresh));
        }
        if due(&self.extra_at) {
            self.extra_at = policy.extra.map(|extra| now + extra.period);
            let scope = policy.extra.map(|extra| AnnounceScope::Quiet(extra.which));
            return scope.map(|scope| Block { rounds: 1, reason: AnnounceReason::Extra, scope });
        }
        None
    }
}
