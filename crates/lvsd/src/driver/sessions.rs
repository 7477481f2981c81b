//! Telling the VRRP process and the checker how BFD sessions are.

use std::time::{Duration, Instant};

use lvsd_ipc::{Role, ToChild};

use super::Driver;

/// How soon a process that is busy reading is told.
const AGAIN: Duration = Duration::from_millis(10);

/// Those who track sessions; addresses first.
const LISTENERS: [Role; 2] = [Role::Vrrp, Role::Checker];

impl Driver {
    /// Tells what has changed. A process that has much to read is told later, and then the last state only: however fast sessions
    /// flap, they fill nobody's queue.
    pub(super) fn tell_sessions(&mut self) {
        for role in LISTENERS {
            let has_plan = self.pulses.of(role).is_some();
            let ready = has_plan && self.children.of(role).as_ref().is_some_and(|child| child.has_room());
            if ready && self.board.has_news(role) {
                let news = self.board.take_news(role);
                self.send_short(role, &ToChild::Sessions(news));
            }
        }
    }

    /// When there is something to be done about sessions.
    pub(super) fn sessions_due(&self) -> Option<Instant> {
        let crowded = |role: Role| {
            self.pulses.of(role).is_some()
                && self.board.has_news(role)
                && self.children.of(role).as_ref().is_some_and(|child| !child.has_room())
        };
        let again = LISTENERS.into_iter().any(crowded).then(|| Instant::now() + AGAIN);
        self.board.poll_timeout().into_iter().chain(again).min()
    }
}
