//! The options of a virtual service that are single bits.

use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

use super::Scheduler;

/// A set of service options. The bits the kernel manages itself (`PERSISTENT`, `HASHED`) are never in it: persistence
/// is [`Service::persistence`](super::Service::persistence).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
pub struct ServiceFlags(u32);

impl ServiceFlags {
    /// No option.
    pub const NONE: Self = Self(0);
    /// One-packet scheduling: every UDP datagram is scheduled by itself (`IP_VS_SVC_F_ONEPACKET`). The kernel takes it
    /// for other protocols and ignores it.
    pub const ONE_PACKET: Self = Self(0x04);
    /// Scheduler flag 1 (`IP_VS_SVC_F_SCHED1`); its meaning is the scheduler's.
    pub const SCHED_1: Self = Self(0x08);
    /// Scheduler flag 2 (`IP_VS_SVC_F_SCHED2`).
    pub const SCHED_2: Self = Self(0x10);
    /// Scheduler flag 3 (`IP_VS_SVC_F_SCHED3`).
    pub const SCHED_3: Self = Self(0x20);
    /// `sh`: another server when the chosen one has weight 0 or is overloaded.
    pub const SH_FALLBACK: Self = Self::SCHED_1;
    /// `sh`: the client's port is hashed too.
    pub const SH_PORT: Self = Self::SCHED_2;
    /// `mh`: another server when the chosen one has weight 0 or is overloaded.
    pub const MH_FALLBACK: Self = Self::SCHED_1;
    /// `mh`: the client's port is hashed too.
    pub const MH_PORT: Self = Self::SCHED_2;

    /// Every bit this type may hold.
    const ALL: u32 = 0x3c;

    /// The options among the bits of the kernel's flag word; other bits are left out.
    pub const fn from_kernel(bits: u32) -> Self {
        Self(bits & Self::ALL)
    }

    /// The bits as in the kernel's flag word.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every option of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The scheduler flag of that name: `sh-fallback`, `sh-port`, `mh-fallback`, `mh-port`, `flag-1` to `flag-3`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "flag-1" | "sh-fallback" | "mh-fallback" => Some(Self::SCHED_1),
            "flag-2" | "sh-port" | "mh-port" => Some(Self::SCHED_2),
            "flag-3" => Some(Self::SCHED_3),
            _ => None,
        }
    }

    /// Names of the scheduler flags in the set, in the words of that scheduler where it has some, as `ipvsadm` writes
    /// them after `-b`.
    pub fn scheduler_flag_names(self, scheduler: &Scheduler) -> Vec<&'static str> {
        let named = match scheduler.as_str() {
            "sh" => ["sh-fallback", "sh-port", "flag-3"],
            "mh" => ["mh-fallback", "mh-port", "flag-3"],
            _ => ["flag-1", "flag-2", "flag-3"],
        };
        let bits = [Self::SCHED_1, Self::SCHED_2, Self::SCHED_3];
        bits.iter().zip(named).filter(|(bit, _)| self.contains(**bit)).map(|(_, name)| name).collect()
    }
}

impl BitOr for ServiceFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ServiceFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl From<u32> for ServiceFlags {
    fn from(bits: u32) -> Self {
        Self::from_kernel(bits)
    }
}

impl From<ServiceFlags> for u32 {
    fn from(flags: ServiceFlags) -> Self {
        flags.0
    }
}
