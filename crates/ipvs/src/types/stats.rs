//! What the kernel counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Dest, DestKey, Service};

/// Counters since the object was made or zeroed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections scheduled.
    pub conns: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients (only those that pass the director).
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// The kernel's running estimates.
    pub rates: Rates,
}

/// Estimates per second, updated by the kernel every two seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Connections.
    pub conns: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients.
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

/// A destination's connections now, and its counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestStatus {
    /// Connections in an active state.
    pub active: u32,
    /// Connections in any other state, and all UDP ones.
    pub inactive: u32,
    /// Persistence entries.
    pub persistent: u32,
    /// Counters.
    pub stats: Stats,
}

/// A service and its destinations with what the kernel counts for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryStatus {
    /// The service.
    pub service: Service,
    /// Its counters.
    pub stats: Stats,
    /// Its destinations.
    pub dests: BTreeMap<DestKey, (Dest, DestStatus)>,
}
