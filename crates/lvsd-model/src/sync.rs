//! Settings of the kernel's IPVS that are not in its table.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::marking::IpvsNamespace;
use crate::units::InterfaceName;

/// `lvs_timeouts`: how long the kernel remembers idle connections, in seconds, at most 31 days. What is `None` stays as the
/// kernel has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConnectionTimeouts {
    /// `tcp`: established TCP connections.
    pub tcp: Option<NonZeroU32>,
    /// `tcpfin`: TCP connections after a FIN.
    pub tcp_fin: Option<NonZeroU32>,
    /// `udp`.
    pub udp: Option<NonZeroU32>,
}

/// `lvs_sync_daemon`: how directors tell each other of their connections. What is `None` is the kernel's choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SyncDaemon {
    /// The interface over which they do.
    pub interface: InterfaceName,
    /// `id`: what the directors of a pair have in common; a receiver with 0 takes everything.
    pub id: u8,
    /// `maxlen`: longest UDP payload in bytes; from the interface's MTU.
    pub max_len: Option<NonZeroU16>,
    /// `group`: a multicast group; 224.0.0.81.
    pub group: Option<IpAddr>,
    /// `port`: UDP port; 8848.
    pub port: Option<NonZeroU16>,
    /// `ttl`: multicast TTL; 1.
    pub ttl: Option<NonZeroU8>,
}

/// A sync daemon that sends while a VRRP instance is MASTER, and receives while it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FollowingSyncDaemon {
    /// The name of the instance; it exists.
    pub instance: String,
    /// The daemon.
    pub daemon: SyncDaemon,
    /// `net_namespace_ipvs`: where it runs, when that is not the namespace of the process.
    pub namespace: Option<IpvsNamespace>,
}
