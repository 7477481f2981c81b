//! Plan and snapshot of the VRRP process.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::notice::NoticeSnapshot;
use crate::radar::RadarSnapshot;
use lvsd_model::{Family, NoticePlan, ProcessSettings, ScriptPolicy, Version, VrrpConfig};
use serde::{Deserialize, Serialize};

/// What the VRRP process is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpPlan {
    /// Instances, groups, scripts.
    pub config: VrrpConfig,
    /// Rules for scripts.
    pub scripts: ScriptPolicy,
    /// FIFOs and mail.
    pub notices: NoticePlan,
    /// Adverts are ignored and nobody is promoted before this time after the start of the process.
    pub startup_delay: Duration,
    /// The same, counted from the boot of the machine; the later of the two ends counts.
    pub delay_after_boot: Duration,
    /// How the kernel treats the process.
    pub process: ProcessSettings,
    /// File creation mask, 0 to 0o777.
    pub umask: u16,
    /// Where the process keeps the journal of what it has put into the kernel; a tmpfs directory that exists.
    pub runtime_dir: PathBuf,
    /// Also remove configured addresses that were not set by us when becoming backup (`-X`).
    pub release_foreign_vips: bool,
}

/// The state of an instance or group, numbered as every exporter of the field numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InstanceState {
    /// 0: not started yet, or waiting for its first tracker results.
    Init,
    /// 1: RFC 9568 "Backup".
    Backup,
    /// 2: RFC 9568 "Active".
    Master,
    /// 3: cannot take part.
    Fault,
}

impl InstanceState {
    /// Every state, by number.
    pub const ALL: [Self; 4] = [Self::Init, Self::Backup, Self::Master, Self::Fault];

    /// The number that exporters and dumps use.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Init => 0,
            Self::Backup => 1,
            Self::Master => 2,
            Self::Fault => 3,
        }
    }

    /// The word that notify scripts get.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
        }
    }
}

/// One adjustment of a priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What causes it: `script NAME`, `interface NAME`.
    pub tracker: String,
    /// Added to the base priority.
    pub amount: i32,
}

/// Adverts of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertCounters {
    /// Accepted.
    pub received: u64,
    /// Sent, each peer of a unicast instance counted once per advert.
    pub sent: u64,
    /// Priority 0 received.
    pub priority_zero_received: u64,
    /// Priority 0 sent.
    pub priority_zero_sent: u64,
    /// Times that it became master.
    pub become_master: u64,
    /// Times that it left that state.
    pub release_master: u64,
    /// Gratuitous ARPs and unsolicited neighbour advertisements sent.
    pub announcements_sent: u64,
    /// Times that the master's host left the multicast group while we were backup.
    pub departures: u64,
    /// Questions to the master's host whether anybody there speaks VRRP.
    pub inquiries: u64,
    /// Times that it denied that after a missed advert.
    pub denials: u64,
}

/// Adverts that were not believed, by cause (the checks of RFC 9568 §7.1 and the peer's own).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectCounters {
    /// Shorter or longer than its own address count says.
    pub length: u64,
    /// TTL or hop limit not 255 (or outside a peer's limits).
    pub ttl: u64,
    /// Another version than configured.
    pub version: u64,
    /// Not an advertisement.
    pub packet_type: u64,
    /// Wrong checksum.
    pub checksum: u64,
    /// Another interval than ours (dropped in VRRPv2; counted only in VRRPv3).
    pub advert_interval: u64,
    /// Other addresses than ours (counted, accepted).
    pub address_list: u64,
    /// An authentication type that does not exist.
    pub auth_type_invalid: u64,
    /// Another authentication type than configured.
    pub auth_type_mismatch: u64,
    /// The wrong password.
    pub auth_failure: u64,
    /// `auth_type AH`: a sequence number seen before.
    pub auth_replay: u64,
    /// `auth_hmac`: not signed, and `mode enforce`.
    pub hmac_missing: u64,
    /// `auth_hmac`: a trailer that is none.
    pub hmac_malformed: u64,
    /// `auth_hmac`: a key that is not configured.
    pub hmac_unknown_key: u64,
    /// `auth_hmac`: the wrong key, or a changed packet.
    pub hmac_invalid: u64,
    /// `auth_hmac`: outside the time window.
    pub hmac_stale: u64,
    /// `auth_hmac`: a number seen before.
    pub hmac_replay: u64,
    /// Unicast from a sender that is no peer.
    pub unknown_peer: u64,
    /// Multicast where unicast is configured, or the reverse.
    pub wrong_destination: u64,
    /// Our own packet came back.
    pub own_packet: u64,
    /// `owner_ignore_adverts`: we own the addresses, whatever others say.
    pub owner_ignored: u64,
}

/// A decision of an instance, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// How long ago for the first time.
    pub first_ago: Duration,
    /// How long ago for the last time.
    pub last_ago: Duration,
    /// How often.
    pub count: u64,
    /// The decision with what it was made from; as text, a sentence.
    pub reason: lvsd_vrrp::Reason,
}

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceSnapshot {
    /// Its name.
    pub name: String,
    /// Its interface.
    pub interface: Option<String>,
    /// Its VRID.
    pub vrid: u8,
    /// Its family.
    pub family: Family,
    /// Its version.
    pub version: Version,
    /// Its state.
    pub state: InstanceState,
    /// How long it has been in that state.
    pub in_state_for: Duration,
    /// Configured priority.
    pub base_priority: u8,
    /// Priority in force.
    pub effective_priority: u8,
    /// What makes the difference.
    pub adjustments: Vec<Adjustment>,
    /// Why it is in FAULT, when it is.
    pub faults: Vec<String>,
    /// The last accepted advert's sender, and its priority.
    pub heard: Option<(IpAddr, u8)>,
    /// How long ago that was.
    pub heard_ago: Option<Duration>,
    /// Advertisement interval in force, in centiseconds.
    pub advert_interval_centis: u16,
    /// Virtual addresses, excluded ones too, as `address/prefix`.
    pub addresses: Vec<String>,
    /// How many of them are on their interfaces now.
    pub addresses_present: u32,
    /// How many of its virtual routes and rules are there now.
    pub routing_present: u32,
    /// Times that an address deleted by somebody else was put back.
    pub addresses_healed: u64,
    /// Adverts.
    pub adverts: AdvertCounters,
    /// Adverts not believed.
    pub rejected: RejectCounters,
    /// Changes of state, by pair, as `(from, to, count)`.
    pub transitions: Vec<(InstanceState, InstanceState, u64)>,
    /// Its latest decisions: changes of state, and why there was none; by the time at which they began.
    pub journal: Vec<JournalEntry>,
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: InstanceState,
    /// Its members.
    pub members: Vec<String>,
}

/// One `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSnapshot {
    /// Its name.
    pub name: String,
    /// `None` before the first result.
    pub ok: Option<bool>,
    /// Consecutive results of the last kind.
    pub streak: u32,
    /// Runs that ended in success.
    pub successes: u64,
    /// Runs that ended otherwise, timeouts included.
    pub failures: u64,
    /// Runs that were killed for their time.
    pub timeouts: u64,
    /// Why it cannot run at all (not found, refused by script security), when that is so.
    pub disabled: Option<String>,
}

/// One `track_file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSnapshot {
    /// Its name.
    pub name: String,
    /// The number in it; `None` before the first look.
    pub value: Option<i64>,
}

/// One `vrrp_track_process`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSnapshot {
    /// Its name.
    pub name: String,
    /// Whether there are as many as there should be; `None` before the first look.
    pub ok: Option<bool>,
    /// How many there are.
    pub running: u32,
    /// What `ok` will be if nothing changes until a delay has passed.
    pub pending: Option<bool>,
}

/// State and counters of the VRRP process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VrrpSnapshot {
    /// Instances, in configuration order.
    pub instances: Vec<InstanceSnapshot>,
    /// Groups, in configuration order.
    pub groups: Vec<GroupSnapshot>,
    /// Tracked scripts, in configuration order.
    pub scripts: Vec<ScriptSnapshot>,
    /// Tracked files, in configuration order.
    pub files: Vec<FileSnapshot>,
    /// Tracked processes, in configuration order.
    pub processes: Vec<ProcessSnapshot>,
    /// Adverts for virtual routers that are not ours, per interface process-wide.
    pub unknown_vrid: u64,
    /// Packets that are no VRRP at all.
    pub malformed: u64,
    /// Times that a route or rule deleted by somebody else was put back.
    pub routing_healed: u64,
    /// Membership reports heard (IGMP, MLD), whatever they were about.
    pub membership_reports: u64,
    /// Membership reports not believed.
    pub membership_malformed: u64,
    /// Questions of backups whether anybody here speaks VRRP.
    pub questions: u64,
    /// Greatest lateness of the election timer since the start.
    pub worst_lateness: Duration,
    /// What was told beside scripts.
    pub notices: NoticeSnapshot,
    /// What is said on the segments.
    pub radar: RadarSnapshot,
}
