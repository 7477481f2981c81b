//! The daemon: command line, supervision, metrics, logging, systemd, dumps.
#![allow(dead_code)]

mod cli;
mod dump;
mod logging;
mod metrics;
mod observation;
mod policy;
mod roles;

pub use metrics::manual_section;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
