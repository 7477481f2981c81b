//! What the operator and their scripts are told.

use std::net::SocketAddr;

use lvsd_model::Script;

use crate::outcome::Failure;
use crate::pool::Standing;

/// A change of state, reported once per cause. That a service is new is a change for its quorum, not for its servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A real server went up or down.
    Server {
        /// Name of the virtual server.
        service: String,
        /// Address of the real server.
        server: SocketAddr,
        /// What it is now.
        standing: Standing,
        /// The failure that took it down, when a check did.
        failure: Option<Failure>,
        /// `notify_up` or `notify_down`.
        script: Option<Script>,
        /// What FIFOs and mails say of it.
        notice: Box<ServerNotice>,
    },
    /// A quorum was gained or lost.
    Quorum {
        /// Name of the virtual server.
        service: String,
        /// [`Standing::Up`] when gained.
        standing: Standing,
        /// Weight of the servers alive.
        alive: u64,
        /// The configured quorum.
        quorum: u32,
        /// The sorry server that takes over, or hands back.
        sorry: Option<SocketAddr>,
        /// `quorum_up` or `quorum_down`.
        script: Option<Script>,
        /// What FIFOs and mails say of it.
        notice: Box<QuorumNotice>,
    },
    /// Something else about a service that an operator should know.
    Service {
        /// Name of the virtual server.
        service: String,
        /// What.
        news: ServiceNews,
        /// Its name on FIFOs and in mails.
        label: String,
        /// `smtp_alert`.
        mail: bool,
    },
}

/// What there is to say about a service beside its quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceNews {
    /// Its checks rest: none of its addresses is on this host (`ha_suspend`).
    Suspended,
    /// They run again.
    Resumed,
    /// Fewer servers are up than `min_up` wants: those that had the traffic keep it.
    FailsOpen {
        /// Servers that are up.
        up: usize,
        /// Servers that would have to be.
        needed: usize,
    },
    /// Enough of them are up again, and failed ones are out.
    Believes,
}

/// What FIFOs and mails say of a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerNotice {
    /// The server's name there.
    pub server: String,
    /// The service's name there.
    pub service: String,
    /// `smtp_alert`.
    pub mail: bool,
    /// Keyword of the check that took it down, or of its only one.
    pub check: Option<&'static str>,
}

/// What FIFOs and mails say of a quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumNotice {
    /// The service's name there.
    pub service: String,
    /// `smtp_alert`.
    pub mail: bool,
    /// The configured hysteresis.
    pub hysteresis: u32,
    /// The service is new: its quorum has not changed.
    pub is_new: bool,
}

impl Event {
    /// The script to run, if one is configured.
    #[must_use]
    pub const fn script(&self) -> Option<&Script> {
        match self {
            Self::Server { script, .. } | Self::Quorum { script, .. } => script.as_ref(),
            Self::Service { .. } => None,
        }
    }
}
