//! What can go wrong, and the kernel's numbers for it.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::DecodeError;

/// A Linux error number, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Errno(pub i32);

impl Errno {
    /// Not allowed; `CAP_NET_ADMIN` is needed.
    pub const EPERM: Self = Self(1);
    /// No such destination, scheduler or persistence engine.
    pub const ENOENT: Self = Self(2);
    /// No such service, or no such daemon runs.
    pub const ESRCH: Self = Self(3);
    /// There is one already.
    pub const EEXIST: Self = Self(17);
    /// No such interface.
    pub const ENODEV: Self = Self(19);
    /// A combination the kernel does not take.
    pub const EINVAL: Self = Self(22);
    /// A number out of range.
    pub const ERANGE: Self = Self(34);
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from_raw_os_error(self.0).fmt(f)
    }
}

/// Why something with IPVS did not work.
#[derive(Debug, thiserror::Error)]
pub enum IpvsError {
    /// The kernel has no IPVS, or has it as a module that is not loaded.
    #[error(
        "this kernel has no IPVS (no generic netlink family of that name): load it with `modprobe ip_vs`, or use a \
         kernel built with CONFIG_IP_VS"
    )]
    NoIpvs,
    /// The kernel refused.
    #[error("{op}: {errno}")]
    Kernel {
        /// What was asked.
        op: String,
        /// Why not.
        errno: Errno,
    },
    /// No answer in time. Whether it was done is not known: read the table again.
    #[error("{op}: no answer from the kernel within {limit:?}")]
    Timeout {
        /// What was asked.
        op: String,
        /// How long we waited.
        limit: Duration,
    },
    /// Answers were lost. Whether it was done is not known: read the table again.
    #[error("{op}: the kernel's answer was lost")]
    Lost {
        /// What was asked.
        op: String,
    },
    /// An answer could not be read.
    #[error("{op}: {source}")]
    Decode {
        /// What was asked.
        op: String,
        /// What is wrong with the answer.
        source: DecodeError,
    },
    /// A netlink socket could not be opened.
    #[error("netlink socket: {0}")]
    Socket(#[source] io::Error),
}

impl IpvsError {
    /// The kernel's reason, if it was the kernel that refused.
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::Kernel { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}
