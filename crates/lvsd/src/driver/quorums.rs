//! Telling the VRRP process which virtual servers have their quorum, as the checker says.
//!
//! Only states are told, never events: however fast quorums flap, they fill nobody's queue, and telling the last state twice
//! does no harm. When the checker dies, what it said last holds until its successor says something else: the table stands, too.

use std::time::{Duration, Instant};

use lvsd_ipc::{QuorumState, Role, ToChild};

use super::Driver;

/// How soon a process that is busy reading is told.
const AGAIN: Duration = Duration::from_millis(10);

/// What is known, and whether it has been told.
#[derive(Debug, Default)]
pub(super) struct Quorums {
    states: Vec<QuorumState>,
    untold: bool,
}

impl Quorums {
    /// The checker has said how it is.
    pub(super) fn reported(&mut self, states: Vec<QuorumState>) {
        self.untold |= states != self.states;
        self.states = states;
    }

    /// The VRRP process has a plan, behind which it is told everything.
    pub(super) fn forget_told(&mut self) {
        self.untold = !self.states.is_empty();
    }
}

impl Driver {
    /// Tells what has changed; a process that has much to read is told later.
    pub(super) fn tell_quorums(&mut self) {
        if self.quorums.untold && self.can_hear() {
            self.quorums.untold = false;
            self.send_short(Role::Vrrp, &ToChild::Quorums(self.quorums.states.clone()));
        }
    }

    /// When it is to be tried again.
    pub(super) fn quorums_due(&self) -> Option<Instant> {
        let waits = self.quorums.untold && self.pulses.vrrp.is_some() && !self.can_hear();
        waits.then(|| Instant::now() + AGAIN)
    }

    /// Whether the process has a plan, and room for a message that must not be lost behind this one.
    fn can_hear(&self) -> bool {
        self.pulses.vrrp.is_some() && self.children.vrrp.as_ref().is_some_and(|child| child.has_room())
    }
}
