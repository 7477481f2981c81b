//! The parts of IPVS that are not in its table: timeouts, the connection sync daemon, general information.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Connection timeouts in seconds. When setting, 0 leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Established TCP connections.
    pub tcp: u32,
    /// TCP connections after a FIN.
    pub tcp_fin: u32,
    /// UDP.
    pub udp: u32,
}

/// Which half of the sync daemon. Both can run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DaemonRole {
    /// Sends the connections (`IP_VS_STATE_MASTER`, 1).
    Master,
    /// Receives them (`IP_VS_STATE_BACKUP`, 2).
    Backup,
}

impl fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Master => "master",
            Self::Backup => "backup",
        })
    }
}

/// The name of a network interface: 1 to 15 bytes, no slash, no space, no NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IfName(String);

impl IfName {
    /// Checks a name by the kernel's rules.
    ///
    /// # Errors
    /// When no interface can have that name.
    pub fn new(name: impl Into<String>) -> Result<Self, Invalid> {
        let name = name.into();
        let rule = match name.as_str() {
            "" | "." | ".." => "is not an interface name",
            _ if name.len() > 15 => "must be at most 15 bytes",
            _ if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/' || c == ':') => {
                "must not hold spaces, slashes or colons"
            }
            _ => return Ok(Self(name)),
        };
        Err(Invalid::new("interface name", name, rule))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for IfName {
    type Error = Invalid;
    fn try_from(name: String) -> Result<Self, Invalid> {
        Self::new(name)
    }
}

impl From<IfName> for String {
    fn from(name: IfName) -> Self {
        name.0
    }
}

/// One half of the connection sync daemon. What is `None` is the kernel's choice; a running daemon reports what it chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Sending or receiving.
    pub role: DaemonRole,
    /// Where the multicast goes out or comes in.
    pub interface: IfName,
    /// Identifies the pair of directors; a backup with 0 takes all. The kernel sends 8 bits of it.
    pub sync_id: u8,
    /// Longest UDP payload in bytes (Linux 4.3); from the interface's MTU if not given.
    pub max_len: Option<NonZeroU16>,
    /// Multicast group (Linux 4.3), 224.0.0.81 if not given.
    pub group: Option<IpAddr>,
    /// UDP port (Linux 4.3), 8848 if not given.
    pub port: Option<NonZeroU16>,
    /// Multicast TTL or hop limit (Linux 4.3), 1 if not given.
    pub ttl: Option<NonZeroU8>,
}

impl Daemon {
    /// A daemon with the kernel's defaults.
    pub const fn new(role: DaemonRole, interface: IfName, sync_id: u8) -> Self {
        Self { role, interface, sync_id, max_len: None, group: None, port: None, ttl: None }
    }
}

/// The version of IPVS in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Major number.
    pub major: u8,
    /// Minor number.
    pub minor: u8,
    /// Patch number.
    pub patch: u8,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// General information.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The version, 1.2.1 since 2008.
    pub version: Version,
    /// Slots of the connection hash table.
    pub conn_table_size: u32,
}
