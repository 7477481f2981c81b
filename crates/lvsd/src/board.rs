//! How BFD sessions are, as those who track them are told: the memory between the BFD process and the other two, without I/O.
//!
//! Only states are told, never events: whoever is told late is told the last state, and telling it twice does no harm.
//!
//! A session about which the BFD process cannot know anything yet, because it has just begun or its predecessor has died, is in
//! doubt. It stays what it was, and nobody is told anything, for as long as a session takes to come up; only then does it count as
//! down. The death of a process of ours is no failure of a path, and must not move an address; a path that fails at that very moment is
//! noticed that much later.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lvsd_ipc::{Role, SessionState};
use lvsd_model::{BfdConfig, BfdSession};

/// How many packets of the slow start (RFC 5880 §6.8.3) a session may need to come up: three messages, of which one may be lost.
const START_PACKETS: u32 = 4;

/// The states of all sessions of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Board {
    sessions: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    config: BfdSession,
    /// What is told; `None` while nothing is known.
    up: Option<bool>,
    /// Until when it may be something else.
    doubted_until: Option<Instant>,
    /// Whom the state is to be told.
    untold: Untold,
}

#[derive(Clone, Copy, Debug, Default)]
struct Untold {
    vrrp: bool,
    checker: bool,
}

impl Entry {
    fn doubt(&mut self, now: Instant) {
        if self.up != Some(false) {
            self.doubted_until = Some(now + patience(&self.config));
        }
    }

    fn set(&mut self, up: bool) {
        self.doubted_until = None;
        if self.up.replace(up) != Some(up) {
            self.untold = Untold { vrrp: true, checker: true };
        }
    }
}

impl Board {
    /// Moves to a configuration. A session that goes on keeps its state; one with other ends keeps it, too, until the new one is up or
    /// has had its time.
    pub(crate) fn want(&mut self, now: Instant, config: &BfdConfig) {
        let mut before = std::mem::take(&mut self.sessions);
        for session in &config.sessions {
            let config = session.clone();
            let entry = match before.remove(&session.name) {
                Some(mut entry) => {
                    let moved = (entry.config.neighbor, entry.config.source, entry.config.path)
                        != (config.neighbor, config.source, config.path);
                    entry.config = config;
                    if moved {
                        entry.doubt(now);
                    }
                    entry
                }
                None => {
                    let mut entry =
                        Entry { config, up: None, doubted_until: None, untold: Untold::default() };
                    entry.doubt(now);
                    entry
                }
            };
            self.sessions.insert(session.name.clone(), entry);
        }
    }

    /// The BFD process has said how sessions are.
    pub(crate) fn reported(&mut self, states: &[SessionState]) {
        for state in states {
            if let Some(entry) = self.sessions.get_mut(&state.session) {
                entry.set(state.up);
            }
        }
    }

    /// There is no BFD process that knows anything.
    pub(crate) fn lost(&mut self, now: Instant) {
        self.sessions.values_mut().for_each(|entry| entry.doubt(now));
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.sessions.values().filter_map(|entry| entry.doubted_until).min()
    }

    /// What has been in doubt for too long is down.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for entry in self.sessions.values_mut() {
            if entry.doubted_until.is_some_and(|until| until <= now) {
                entry.set(false);
            }
        }
    }

    /// A process has a new plan: it is told everything again.
    pub(crate) fn forget_told(&mut self, role: Role) {
        for entry in self.sessions.values_mut() {
            if let Some(untold) = entry.untold.of(role) {
                *untold = true;
            }
        }
    }

    /// Whether there is something to tell.
    pub(crate) fn has_news(&self, role: Role) -> bool {
        self.sessions.values().any(|entry| entry.is_news(role))
    }

    /// What is to be told, once.
    pub(crate) fn take_news(&mut self, role: Role) -> Vec<SessionState> {
        let mut news = Vec::new();
        for (name, entry) in &mut self.sessions {
            if entry.is_news(role)
                && let (Some(up), Some(untold)) = (entry.up, entry.untold.of(role))
            {
                *untold = false;
                news.push(SessionState { session: name.clone(), up });
            }
        }
        news
    }
}

impl Entry {
    fn is_news(&self, role: Role) -> bool {
        let Self { config, untold, .. } = self;
        let untold = match role {
            Role::Vrrp => untold.vrrp && config.audience.has_vrrp(),
            Role::Checker => untold.checker && config.audience.has_checker(),
            Role::Bfd => false,
        };
        untold && self.up.is_some()
    }
}

impl Untold {
    const fn of(&mut self, role: Role) -> Option<&mut bool> {
        match role {
            Role::Vrrp => Some(&mut self.vrrp),
            Role::Checker => Some(&mut self.checker),
            Role::Bfd => None,
        }
    }
}

/// How long a session may need to come up, and never less than its detection time.
fn patience(session: &BfdSession) -> Duration {
    let start = session.idle_tx.duration().saturating_mul(START_PACKETS);
    start.max(session.likely_detection_time())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use lvsd_model::{BfdAudience, BfdInterval, BfdPath, BfdRole, TrackWeight};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(4);

    fn session(name: &str, audience: BfdAudience) -> BfdSession {
        let millis = |count| BfdInterval::from_millis(count).expect("in range");
        BfdSession {
            name: name.to_owned(),
            neighbor: std::net::Ipv4Addr::LOCALHOST.into(),
            source: None,
            path: BfdPath::SingleHop,
            min_rx: millis(10),
            min_tx: millis(10),
            idle_tx: millis(1000),
            multiplier: NonZeroU8::MAX,
            role: BfdRole::Active,
            ttl: NonZeroU8::MAX,
            least_ttl: 255,
            audience,
            effect: TrackWeight { weight: 0, reverse: false },
        }
    }

    fn board(now: Instant, sessions: &[BfdSession]) -> Board {
        let mut board = Board::default();
        board.want(now, &BfdConfig { sessions: sessions.to_vec() });
        board
    }

    fn state(session: &str, up: bool) -> SessionState {
        SessionState { session: session.to_owned(), up }
    }

    #[test]
    fn a_new_session_is_unknown_until_it_is_up_or_has_had_its_time() {
        let now = Instant::now();
        let mut board = board(now, &[session("a", BfdAudience::All), session("b", BfdAudience::All)]);
        assert_eq!(board.take_news(Role::Vrrp), []);
        board.reported(&[state("a", true)]);
        assert_eq!(board.take_news(Role::Vrrp), [state("a", true)]);
        assert_eq!(board.take_news(Role::Vrrp), [], "told once");
        assert_eq!(board.poll_timeout(), Some(now + PATIENCE));
        board.handle_timeout(now + PATIENCE);
        assert_eq!(board.take_news(Role::Vrrp), [state("b", false)]);
        assert_eq!(board.take_news(Role::Checker), [state("a", true), state("b", false)]);
        assert_eq!(board.poll_timeout(), None);
    }

    #[test]
    fn a_process_that_died_changes_nothing_if_its_successor_finds_the_session_up_in_time() {
        let now = Instant::now();
        let mut board = board(now, &[session("a", BfdAudience::All)]);
        board.reported(&[state("a", true)]);
        board.take_news(Role::Vrrp);
        board.lost(now);
        board.handle_timeout(now + PATIENCE / 2);
        board.reported(&[state("a", true)]);
        board.handle_timeout(now + 2 * PATIENCE);
        assert_eq!(board.take_news(Role::Vrrp), []);
        board.lost(now);
        board.handle_timeout(now + PATIENCE);
        assert_eq!(board.take_news(Role::Vrrp), [state("a", false)]);
    }

    #[test]
    fn a_reload_keeps_what_is_known_and_doubts_what_has_other_ends() {
        let now = Instant::now();
        let mut board = board(now, &[session("a", BfdAudience::All), session("b", BfdAudience::All)]);
        board.reported(&[state("a", true), state("b", true)]);
        board.take_news(Role::Checker);
        let moved = BfdSession { path: BfdPath::Multihop, ..session("b", BfdAudience::All) };
        board.want(now, &BfdConfig { sessions: vec![session("a", BfdAudience::All), moved] });
        assert_eq!(board.take_news(Role::Checker), []);
        board.handle_timeout(now + PATIENCE);
        assert_eq!(board.take_news(Role::Checker), [state("b", false)]);
        // A process that is given a plan is told everything again.
        board.forget_told(Role::Checker);
        assert!(board.has_news(Role::Checker));
        assert_eq!(board.take_news(Role::Checker), [state("a", true), state("b", false)]);
    }

    #[test]
    fn each_process_hears_of_the_sessions_that_are_for_it() {
        let now = Instant::now();
        let mut board = board(now, &[session("a", BfdAudience::Vrrp), session("b", BfdAudience::Checker)]);
        board.reported(&[state("a", true), state("b", true), state("stranger", true)]);
        assert_eq!(board.take_news(Role::Vrrp), [state("a", true)]);
        assert_eq!(board.take_news(Role::Checker), [state("b", true)]);
        assert_eq!(board.take_news(Role::Bfd), []);
    }
}
