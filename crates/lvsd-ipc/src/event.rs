//! What a child tells without being asked, as it happens.

use serde::{Deserialize, Serialize};

use crate::vrrp::InstanceState;

/// Something that an operator wants to see when it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildEvent {
    /// An instance changed its state.
    Instance {
        /// Its name.
        name: String,
        /// From.
        from: InstanceState,
        /// To.
        to: InstanceState,
        /// Why, in words.
        cause: String,
        /// Its priority then.
        priority: u8,
    },
    /// A sync group changed its state.
    Group {
        /// Its name.
        name: String,
        /// From.
        from: InstanceState,
        /// To.
        to: InstanceState,
        /// Why, in words.
        cause: String,
    },
    /// Something on a segment does not fit, or fits again.
    Segment {
        /// The interface.
        interface: String,
        /// A word for what it is.
        kind: String,
        /// What it is, in words.
        text: String,
        /// Whether it is so now.
        stands: bool,
    },
    /// A real server was judged anew.
    Server {
        /// The name of its virtual server.
        service: String,
        /// `ip:port`.
        server: String,
        /// Whether it is up now.
        up: bool,
        /// Why it is not.
        cause: Option<String>,
    },
    /// A virtual server gained or lost its quorum.
    Quorum {
        /// The name of the virtual server.
        service: String,
        /// Whether it has it now.
        met: bool,
        /// Total weight of the servers alive.
        alive: u64,
        /// The quorum.
        quorum: u32,
    },
    /// Something else about a virtual server.
    Service {
        /// Its name.
        service: String,
        /// What.
        change: ServiceChange,
    },
    /// A BFD session changed its state.
    Session {
        /// Its name.
        name: String,
        /// From.
        from: lvsd_bfd::State,
        /// To.
        to: lvsd_bfd::State,
        /// Why, in words.
        cause: String,
    },
}

/// Whether what is tracked as a virtual server has its quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumState {
    /// What it is [tracked as](lvsd_model::VirtualServer::tracked_as).
    pub service: String,
    /// Whether all that are tracked as that have it.
    pub met: bool,
}

/// What happens to a virtual server beside its quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceChange {
    /// Its checks rest: none of its addresses is on this host.
    Suspended,
    /// They run again.
    Resumed,
    /// Too few servers are up for that to be believed: those that had the traffic keep it.
    FailsOpen {
        /// Servers that are up.
        up: usize,
        /// Servers that would have to be.
        needed: usize,
    },
    /// Enough are up again.
    Believes,
}
