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
}
