//! Plan and snapshot of the BFD process, and what the other two hear of it.

use std::net::IpAddr;
use std::time::Duration;

use lvsd_bfd::{Diagnostic, State};
use lvsd_model::{BfdConfig, BfdPath, ProcessSettings};
use serde::{Deserialize, Serialize};

/// What the BFD process is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdPlan {
    /// Its sessions.
    pub config: BfdConfig,
    /// How the kernel treats the process.
    pub process: ProcessSettings,
    /// File creation mask, 0 to 0o777.
    pub umask: u16,
}

/// Whether those who track a session are to take it for up. The last one told holds, however often it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// Its name.
    pub session: String,
    /// Whether it is up.
    pub up: bool,
}

/// The neighbour of a session that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdNeighborSnapshot {
    /// Its state.
    pub state: State,
    /// Why its side was last taken out of Up.
    pub diagnostic: Diagnostic,
    /// What it calls the session.
    pub discriminator: u32,
    /// How long ago it was heard.
    pub heard_ago: Duration,
    /// How long it may be silent.
    pub detection_time: Duration,
}

/// One `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdSessionSnapshot {
    /// Its name.
    pub name: String,
    /// The other end.
    pub neighbor: IpAddr,
    /// One hop, or several.
    pub path: BfdPath,
    /// Its state.
    pub state: State,
    /// Whether those who track it take it for up.
    pub up: bool,
    /// How long it has been in that state.
    pub in_state_for: Duration,
    /// Why it was last taken out of Up.
    pub diagnostic: Diagnostic,
    /// What we call it.
    pub discriminator: u32,
    /// Time between packets sent, before jitter; `None`: the neighbour wants none.
    pub interval: Option<Duration>,
    /// The neighbour; `None`: not heard.
    pub remote: Option<BfdNeighborSnapshot>,
    /// Packets believed.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets not believed for their TTL or hop limit.
    pub ttl_rejected: u64,
    /// Times that it came Up.
    pub ups: u64,
    /// Times that it left Up.
    pub downs: u64,
    /// Why nothing can be sent, when that is so.
    pub send_error: Option<String>,
}

/// State and counters of the BFD process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdSnapshot {
    /// Sessions, in configuration order.
    pub sessions: Vec<BfdSessionSnapshot>,
    /// Packets not believed, as `(reason, count)`; reasons are a closed set.
    pub rejected: Vec<(String, u64)>,
    /// Ports that cannot be listened on, and why.
    pub deaf: Vec<String>,
    /// Greatest lateness of a timer since the start.
    pub worst_lateness: Duration,
}
