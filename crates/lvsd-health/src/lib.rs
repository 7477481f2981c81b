//! Health of real servers: when to check, what a result means, and which IPVS table follows from it.
//!
//! [`Health`] is the whole of it. The driver asks which checks are due, runs them (only the driver does I/O) and hands the
//! outcomes back; [`Health`] answers with events (a server went up, a quorum was lost) and with the services whose desired
//! table entry has changed. Inside, in the order of the data:
//!
//! * `checks`: one [`Judge`] per check: its schedule, its retries, its history. Identical checks exist once and fan out.
//! * `pool`: per virtual server, which servers are up and whether the quorum is met: recomputed as a whole from the
//!   verdicts whenever one of them changes, so nothing can drift.
//!   Beside it stand `fail_open`, `slow_start` and `leaving`, for changes that are not made at once, and `suspension`, for
//!   checks that nobody needs.
//! * `table`: what the kernel should hold, made from configuration and pool on demand; no second copy of it is kept.
//!
//! This crate must never do I/O, read a clock, or be random by itself: time and seed are arguments. Start reading at
//! [`Health`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod checks;
mod event;
mod fail_open;
mod health;
mod judge;
mod leaving;
mod marks;
mod outcome;
mod pool;
mod quorum;
mod slow_start;
mod suspension;
mod sync;
mod table;
mod time;

#[cfg(test)]
mod tests;

pub use checks::{CheckId, Due};
pub use event::{Event, QuorumNotice, ServerNotice, ServiceNews};
pub use health::{Health, ServerView, ServiceView};
pub use judge::{History, Judge, Verdict};
pub use marks::{Marked, Marks};
pub use outcome::{Cause, Failure, Outcome};
pub use pool::{InitNotifies, Standing};
pub use sync::sync_daemon;
pub use time::Time;
