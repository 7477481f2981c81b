//! VRRP for IPv4 and IPv6, versions 2 and 3: the wire format and the election, without any I/O.
//!
//! * [`wire`] reads and writes advertisements.
//! * [`Router`] is the election of a whole process: its instances, sync groups and trackers. It is a sans-IO machine: facts go
//!   in with the time at which they became true, [`Output`]s come out, and [`Router::poll_timeout`] says when it wants to be
//!   called next.
//! * [`radar`] compares what is on the wire with what the election hears and does; nothing that it finds moves an election.
//! * [`tape`] records what an election was told, and replays it.
//! * [`lan`] is a LAN on paper, on which configurations are tried before anybody loads them.
//! * [`ScriptJudge`] turns single runs of a tracked script into a verdict.
//!
//! What this crate must never do: open a socket, read a clock or the environment, know an asynchronous runtime, keep a packet.
//! Every advert is built from the state of the moment in which it leaves.
//!
//! States carry the operator's names (MASTER, BACKUP); RFC 9568 calls them Active and Backup, and INIT is its Initialize. FAULT
//! is the "shutdown" of the RFC for a reason that can pass.
//!
//! Start reading at [`Router`], then `engine/instance.rs`, which holds the state table.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod counters;
mod engine;
mod judge;
pub mod lan;
pub mod radar;
pub mod tape;
mod time;
pub mod wire;

pub use counters::{AdvertCounters, Edge, RejectCounters, RouterCounters};
pub use engine::{
    Action, AddressChange, Adjustment, Announce, AnnounceReason, AnnounceScope, Applied, Cause, Fault,
    GroupView, Heard, InstanceId, InstanceView, LinkState, Output, Presence, Reception, Router, ScriptView,
    ShutdownMode, State, Timer, Tracker, Transition,
};
pub use engine::{
    Because, Change, JournalEntry, Mastership, Preemption, Rating, Reason, Sighting, Stay, Unmoved, Unresumed,
};
pub use engine::{down_interval, leave_interval, skew_time};
pub use judge::{Outcome, ScriptJudge, Verdict};
pub use time::{Time, WallTime};
