//! The Linux kernel's IPVS over generic netlink.
//!
//! * [`types`]: tables of services and destinations that cannot say what the kernel would refuse. Start here.
//! * [`plan()`]: the changes that lead from one table to another. Pure.
//! * [`codec`]: requests and replies as bytes, attribute by attribute.
//! * [`model`]: the kernel's rules in memory, for tests and for looking ahead.
//! * [`client`] (feature `client`, on by default): asks the kernel. Everything else does no I/O and reads no clock.
//!
//! This crate never loads a kernel module unasked, never decides what should be in the table, and never tries again
//! on its own what the kernel refused.
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn example() -> Result<(), ipvs::IpvsError> {
//! use ipvs::{Client, Dest, DestKey, Entry, Forward, Protocol, Scheduler, Service, ServiceKey, Table, plan};
//!
//! let key = ServiceKey::Tuple { protocol: Protocol::Tcp, addr: [192, 0, 2, 1].into(), port: 80 };
//! let server = Dest::new(DestKey::new([198, 51, 100, 1].into(), 80), Forward::Route);
//! let desired = Table::from_iter([Entry::with_dests(Service::new(key, Scheduler::WLC), [server])]);
//!
//! let mut client = Client::open().await?;
//! let actual = client.dump().await?;
//! for outcome in client.apply(&plan(&desired, &actual)).await {
//!     outcome?;
//! }
//! # Ok(()) }
//! ```

mod backend;
#[cfg(feature = "client")]
pub mod client;
pub mod codec;
mod error;
pub mod model;
mod plan;
pub mod types;

pub use backend::Ipvs;
#[cfg(feature = "client")]
pub use client::Client;
pub use error::{Errno, IpvsError};
pub use plan::{DaemonOp, plan, plan_daemons, plan_entry, plan_owned};
pub use types::*;
