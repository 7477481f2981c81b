//! Plan and snapshot of the checker process.

use std::path::PathBuf;
use std::time::Duration;

use crate::notice::NoticeSnapshot;
use lvsd_model::{LvsConfig, NoticePlan, ProcessSettings, ScriptPolicy};
use serde::{Deserialize, Serialize};

use crate::amend::Amendment;

/// What the checker process is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckerPlan {
    /// Services, servers, checks; of the services only those that are new or changed if the plan amends another.
    pub config: LvsConfig,
    /// How the services follow from those of the plan before; `None`: `config` has all of them.
    pub amends: Option<Amendment>,
    /// Rules for scripts.
    pub scripts: ScriptPolicy,
    /// FIFOs and mail.
    pub notices: NoticePlan,
    /// Where the schedule of checks begins; `None`: somewhere else in every process. Only the first plan's counts.
    pub seed: Option<u32>,
    /// How the kernel treats the process.
    pub process: ProcessSettings,
    /// File creation mask, 0 to 0o777.
    pub umask: u16,
    /// Where the process keeps the journal of what it has put into the kernel; a tmpfs directory that exists.
    pub runtime_dir: PathBuf,
}

/// IPVS counters of a service or a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets in.
    pub packets_in: u64,
    /// Packets out (NAT only).
    pub packets_out: u64,
    /// Bytes in.
    pub bytes_in: u64,
    /// Bytes out (NAT only).
    pub bytes_out: u64,
}

/// One check of one real server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckSnapshot {
    /// `TCP_CHECK`, `HTTP_GET`, ...
    pub kind: String,
    /// `None` before the first result.
    pub ok: Option<bool>,
    /// Runs that succeeded.
    pub successes: u64,
    /// Runs that failed, by cause, as `(cause, count)`; causes are a closed set.
    pub failures: Vec<(String, u64)>,
    /// The last failure in words, kept until the next success.
    pub last_failure: Option<String>,
    /// How long the last run took.
    pub last_duration: Option<Duration>,
}

/// One real server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RealServerSnapshot {
    /// `ip:port`.
    pub address: String,
    /// Whether it is judged up.
    pub up: bool,
    /// Configured weight.
    pub configured_weight: u32,
    /// Whether it is down and has the traffic all the same, because too few servers are up (`min_up`).
    pub kept: bool,
    /// Whether it was removed by a reload and its last connections are waited for (`drain_timeout`).
    pub draining: bool,
    /// Weight in force (0 when inhibited, else as the checks say).
    pub effective_weight: u32,
    /// Whether it is in the table.
    pub in_table: bool,
    /// Its checks.
    pub checks: Vec<CheckSnapshot>,
    /// Kernel: connections that are established.
    pub active_connections: u64,
    /// Kernel: connections in other states.
    pub inactive_connections: u64,
    /// Kernel counters.
    pub counters: Counters,
}

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSnapshot {
    /// Its name in the configuration.
    pub name: String,
    /// `tcp`, `udp`, `sctp`, or `fwmark`.
    pub protocol: String,
    /// Its endpoints, as `ip:port` or `fwmark N`.
    pub endpoints: Vec<String>,
    /// Scheduler.
    pub scheduler: String,
    /// Whether the quorum is met.
    pub quorum_met: bool,
    /// The quorum.
    pub quorum: u32,
    /// Total weight of the servers alive.
    pub weight_alive: u64,
    /// Whether the sorry server has the traffic.
    pub sorry_active: bool,
    /// Whether its checks rest, since none of its addresses is on this host (`ha_suspend`).
    pub suspended: bool,
    /// Whether too few servers are up for that to be believed (`min_up`).
    pub fails_open: bool,
    /// Servers, those that are draining at the end.
    pub real_servers: Vec<RealServerSnapshot>,
    /// Kernel counters, all endpoints together.
    pub counters: Counters,
}

/// What the checker knows of the kernel's table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpvsHealth {
    /// Whether the kernel has IPVS and lets us use it.
    pub available: bool,
    /// Why not.
    pub error: Option<String>,
    /// Requests that changed the table.
    pub operations: u64,
    /// Requests that the kernel refused.
    pub failed_operations: u64,
    /// Entries that somebody else had changed or removed, put back.
    pub healed: u64,
}

/// State and counters of the checker process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckerSnapshot {
    /// Services, in configuration order.
    pub services: Vec<ServiceSnapshot>,
    /// The kernel's side.
    pub ipvs: IpvsHealth,
    /// What was told beside scripts.
    pub notices: NoticeSnapshot,
}
