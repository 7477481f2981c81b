//! Who sits in a seat.

use lvsd_lab::{Host, Launch, Need, Result, Rival};
use std::{env, fmt};

/// Environment variable that puts the peer into the seat of the daemon: `2.2.7` or `2.3.3`.
const SUBJECT: &str = "LVSD_SUBJECT";

/// A make of director.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Ours.
    Lvsd,
    /// The peer.
    Keepalived(Rival),
}

impl Make {
    /// The make under test: ours, unless the environment asks for a rehearsal with the peer.
    ///
    /// # Panics
    /// The environment names a version that is not known.
    pub fn subject() -> Self {
        let Ok(version) = env::var(SUBJECT) else { return Self::Lvsd };
        let rival = Rival::ALL.into_iter().find(|rival| rival.version() == version);
        Self::Keepalived(rival.unwrap_or_else(|| panic!("{SUBJECT} is 2.2.7 or 2.3.3, not {version:?}")))
    }

    /// What must be there for it to run.
    pub fn need(self) -> Need {
        match self {
            Self::Lvsd => Need::Root,
            Self::Keepalived(rival) => Need::Rival(rival),
        }
    }

    /// One of it, about to be started.
    ///
    /// # Errors
    /// It is not there.
    pub fn launch(self, host: &Host) -> Result<Launch<'_>> {
        match self {
            Self::Lvsd => Launch::lvsd(host),
            Self::Keepalived(rival) => Launch::keepalived(host, rival),
        }
    }
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lvsd => f.write_str("lvsd"),
            Self::Keepalived(rival) => write!(f, "keepalived {}", rival.version()),
        }
    }
}
