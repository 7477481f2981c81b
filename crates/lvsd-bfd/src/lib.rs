//! Bidirectional Forwarding Detection (RFC 5880, 5881, 5883): the wire format and the sessions, without any I/O.
//!
//! * [`wire`] reads and writes control packets.
//! * [`Speaker`] is all sessions of a process. It is a sans-IO machine: packets go in with the time at which they came,
//!   [`Output`]s come out, and [`Speaker::poll_timeout`] says when it wants to be called next.
//!
//! What there is: asynchronous mode, single hop and several, the active and the passive role. What there is not, as in the field's
//! implementations: authentication, the echo function, demand mode on this side (a neighbour may use it).
//!
//! What this crate must never do: open a socket, read a clock or the environment, know an asynchronous runtime, draw a random number
//! that the caller did not seed.
//!
//! Start reading at [`Speaker`], then `session.rs`, which holds the state table, and `timers.rs`, which holds what is negotiated.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod chance;
mod counters;
mod session;
mod speaker;
mod time;
mod timers;
pub mod wire;

pub use counters::{RejectCounters, SessionCounters};
pub use session::{Cause, Change};
pub use speaker::{Output, RemoteView, RxMeta, SessionView, Speaker};
pub use time::Time;
pub use wire::{Diagnostic, Discriminator, Reject, State};
