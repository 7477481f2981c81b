//! BFD sessions in the answers of the control socket; as in `view.rs`, fields may be added, and none may change its meaning.

use lvsd_ipc::{BfdNeighborSnapshot, BfdSessionSnapshot};
use lvsd_model::BfdPath;
use serde::{Deserialize, Serialize};

/// A BFD session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// The address of the other end.
    pub neighbor: String,
    /// Whether there may be routers between.
    pub multihop: bool,
    /// `AdminDown`, `Down`, `Init`, `Up`.
    pub state: String,
    /// For how long, in seconds.
    pub in_state: f64,
    /// Whether those who track it take it for up; not the same as the state when the neighbour's operator has taken it down.
    pub up: bool,
    /// Why it was last taken out of Up.
    pub diagnostic: String,
    /// Time between packets sent, before jitter, in seconds; absent when the neighbour wants none.
    pub interval: Option<f64>,
    /// The other end, when it is heard.
    pub remote: Option<Remote>,
    /// Why nothing can be sent.
    pub send_error: Option<String>,
}

/// The other end of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remote {
    /// Its state.
    pub state: String,
    /// Why its side was last taken out of Up.
    pub diagnostic: String,
    /// How long ago it was heard, in seconds.
    pub heard_ago: f64,
    /// How long it may be silent, in seconds.
    pub detection_time: f64,
}

pub(super) fn session(of: &BfdSessionSnapshot) -> Session {
    Session {
        name: of.name.clone(),
        neighbor: of.neighbor.to_string(),
        multihop: of.path == BfdPath::Multihop,
        state: of.state.to_string(),
        in_state: of.in_state_for.as_secs_f64(),
        up: of.up,
        diagnostic: of.diagnostic.to_string(),
        interval: of.interval.map(|interval| interval.as_secs_f64()),
        remote: of.remote.as_ref().map(remote),
        send_error: of.send_error.clone(),
    }
}

fn remote(of: &BfdNeighborSnapshot) -> Remote {
    Remote {
        state: of.state.to_string(),
        diagnostic: of.diagnostic.to_string(),
        heard_ago: of.heard_ago.as_secs_f64(),
        detection_time: of.detection_time.as_secs_f64(),
    }
}
