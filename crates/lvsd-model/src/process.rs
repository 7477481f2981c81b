//! How the kernel treats the processes of the family.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What makes a process with late timers more urgent, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AutoPriority {
    /// `max_auto_priority`: the greatest SCHED_RR priority that is reached in this way, 1 to 99.
    pub max: u8,
    /// `min_auto_priority_delay`: a timer that fires later than this is a reason for one step more.
    pub delay: Duration,
}

/// The settings of one process. The defaults are the kernel's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessSettings {
    /// `*_rt_priority`: SCHED_RR priority, 1 to 99.
    pub realtime: Option<u8>,
    /// `*_rlimit_rttime`: how long a thread with a real-time priority may compute without a pause before SIGXCPU ends its
    /// process; `None`: for ever.
    pub realtime_limit: Option<Duration>,
    /// `max_auto_priority`, which all processes share.
    pub automatic: Option<AutoPriority>,
    /// `*_priority`: nice value, -20 to 19.
    pub nice: Option<i8>,
    /// `*_no_swap`: lock the process in memory.
    pub lock_memory: bool,
    /// `*_cpu_affinity`: the processors that the process and its scripts may use, each below 1024; all when empty.
    pub cpus: BTreeSet<u16>,
}

/// The settings of each kind of process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Processes {
    /// `vrrp_*`.
    pub vrrp: ProcessSettings,
    /// `checker_*`.
    pub checker: ProcessSettings,
    /// `bfd_*`.
    pub bfd: ProcessSettings,
}

impl Processes {
    /// Those whose keywords begin with this word.
    pub fn of_mut(&mut self, prefix: &str) -> Option<&mut ProcessSettings> {
        match prefix {
            "vrrp" => Some(&mut self.vrrp),
            "checker" => Some(&mut self.checker),
            "bfd" => Some(&mut self.bfd),
            _ => None,
        }
    }
}
