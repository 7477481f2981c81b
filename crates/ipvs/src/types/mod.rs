//! What IPVS holds, as types that cannot say what the kernel would refuse.
//!
//! Everything here is plain data: comparable, ordered where it is a key, and serialisable, so that tables travel
//! between processes. Start with [`Table`]: services by [`ServiceKey`], each with its destinations.

mod daemon;
mod dest;
mod flags;
mod op;
mod scheduler;
mod service;
mod stats;
mod table;

pub use daemon::{Daemon, DaemonRole, IfName, Info, Timeouts, Version};
pub use dest::{Checksum, Dest, DestKey, Forward, Limits, Tunnel, TunnelKind, Weight};
pub use flags::ServiceFlags;
pub use op::Op;
pub use scheduler::{Engine, Scheduler};
pub use service::{Family, Granularity, Persistence, PrefixLen, Protocol, Seconds, Service, ServiceKey};
pub use stats::{DestStatus, EntryStatus, Rates, Stats};
pub use table::{Entry, Table};

/// A value that the kernel would refuse or misread, and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?}: {rule}")]
pub struct Invalid {
    /// What kind of value it is, such as `scheduler name`.
    pub what: &'static str,
    /// The value, as text.
    pub value: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl Invalid {
    pub(crate) fn new(what: &'static str, value: impl ToString, rule: &'static str) -> Self {
        Self { what, value: value.to_string(), rule }
    }
}
