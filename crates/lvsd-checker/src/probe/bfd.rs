//! `BFD_CHECK`: what the BFD process says of a session. A run lasts until the session is something else than it was, so the news
//! is a result at once, not at the next interval.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use lvsd_health::{Cause, CheckId, Outcome};
use lvsd_ipc::SessionState;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a run may last: an outcome from time to time shows that the check is alive.
const PATIENCE: Duration = Duration::from_secs(60);

/// How sessions are, as far as it is known.
#[derive(Debug)]
pub(crate) struct Sessions {
    up: watch::Sender<HashMap<String, bool>>,
    /// What each check found last.
    found: RefCell<HashMap<CheckId, bool>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { up: watch::Sender::new(HashMap::new()), found: RefCell::default() }
    }
}

impl Sessions {
    /// Takes what the supervisor says.
    pub(crate) fn tell(&self, states: Vec<SessionState>) {
        self.up.send_modify(|up| up.extend(states.into_iter().map(|state| (state.session, state.up))));
    }

    /// Forgets what checks have found: the next run of each ends at once.
    pub(super) fn renew(&self) {
        self.found.borrow_mut().clear();
    }

    pub(super) async fn run(&self, id: CheckId, session: &str) -> Outcome {
        let found = self.found.borrow().get(&id).copied();
        let news = |up: &HashMap<String, bool>| up.get(session).is_some_and(|&now| Some(now) != found);
        let mut watched = self.up.subscribe();
        // Whether there is news, or only time has passed; the sender is here.
        let _ = timeout(PATIENCE, watched.wait_for(news)).await;
        let state = self.up.borrow().get(session).copied();
        match state {
            Some(up) => {
                self.found.borrow_mut().insert(id, up);
                if up {
                    Outcome::SUCCESS
                } else {
                    Outcome::failure(Cause::SessionDown, format!("the BFD session {session} is down"))
                }
            }
            None => Outcome::Skipped { reason: format!("nothing is known of the BFD session {session} yet") },
        }
    }
}
