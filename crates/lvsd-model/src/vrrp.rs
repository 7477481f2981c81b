//! Virtual routers: instances, sync groups, trackers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::interfaces::{ExtraGarp, GarpGroup, LinkDelay};
use crate::route::Route;
use crate::rule::Rule;
use crate::script::{ReadableFile, Script};
use crate::statics::{Statics, TrackGroup};
use crate::sync::FollowingSyncDaemon;
use crate::units::{AdvertInterval, Family, InterfaceName, Priority, Vrid};
use crate::vlink::{Accept, Firewall, OwnLink, VirtualLink};

/// Everything the VRRP process is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VrrpConfig {
    /// Instances in configuration order; names are unique.
    pub instances: Vec<Instance>,
    /// Sync groups; every member names an instance, an instance is in one group at most.
    pub groups: Vec<SyncGroup>,
    /// Scripts that trackers refer to; names are unique.
    pub scripts: Vec<TrackScript>,
    /// Files that trackers refer to; names are unique.
    pub files: Vec<TrackFile>,
    /// Processes that trackers refer to; names are unique.
    pub processes: Vec<TrackProcess>,
    /// `log_unknown_vrids`: adverts for virtual routers that are not ours are logged.
    pub log_unknown_vrids: bool,
    /// `lvs_sync_daemon` with an instance.
    pub sync_daemon: Option<FollowingSyncDaemon>,
    /// What is there whoever is master.
    pub statics: Statics,
    /// Instances that need some of it; names are unique.
    pub track_groups: Vec<TrackGroup>,
    /// How rules of the firewall are made, if any are needed.
    pub firewall: Firewall,
    /// `disable_local_igmp`: no membership reports for groups of the local network while there are VMACs.
    pub disable_local_igmp: bool,
    /// `garp_group`.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays`.
    pub link_delays: Vec<LinkDelay>,
}

/// The protocol version of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Version {
    /// RFC 3768.
    V2,
    /// RFC 9568.
    V3,
}

/// `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum InitialState {
    /// `state MASTER`: hardly more than a wish; only priority 255 starts as master.
    Master,
    /// `state BACKUP` or nothing.
    Backup,
}

/// What a backup does about a master of lower priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Preempt {
    /// `nopreempt`: leaves it alone.
    Never,
    /// Takes over after `preempt_delay` (zero: when the current down time ends).
    After(Duration),
}

/// Where adverts go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Transport {
    /// To the group, out of the instance's interface.
    Multicast {
        /// 224.0.0.18 or ff02::12 unless configured.
        group: IpAddr,
    },
    /// To each peer.
    Unicast {
        /// None (`unicast_fault_no_peer`) is a fault.
        peers: Vec<UnicastPeer>,
        /// TTL or hop limit of what we send.
        ttl: u8,
        /// `check_unicast_src`: drop adverts of senders that are no peer.
        check_source: bool,
        /// `old_unicast_checksum`.
        old_checksum: OldUnicastChecksum,
    },
}

impl Transport {
    /// The default group of a family (RFC 9568 §5.1.1.2, §5.1.2.2).
    #[must_use]
    pub const fn default_group(family: Family) -> IpAddr {
        match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        }
    }
}

/// `old_unicast_checksum`: whether VRRPv3 over IPv4 has the multicast group in its checksum, as keepalived before 1.3.6 had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OldUnicastChecksum {
    /// Once a peer has it.
    #[default]
    Detect,
    /// `old_unicast_checksum`.
    Always,
    /// `old_unicast_checksum never`.
    Never,
}

/// One `unicast_peer` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnicastPeer {
    /// The peer.
    pub address: IpAddr,
    /// `min_ttl`: lower received TTLs are dropped.
    pub min_ttl: Option<u8>,
    /// `max_ttl`: higher received TTLs are dropped.
    pub max_ttl: Option<u8>,
}

/// `scope` of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressScope(pub u8);

impl AddressScope {
    /// RT_SCOPE_UNIVERSE.
    pub const GLOBAL: Self = Self(0);
    /// RT_SCOPE_SITE.
    pub const SITE: Self = Self(200);
    /// RT_SCOPE_LINK.
    pub const LINK: Self = Self(253);
    /// RT_SCOPE_HOST.
    pub const HOST: Self = Self(254);
    /// RT_SCOPE_NOWHERE.
    pub const NOWHERE: Self = Self(255);
}

/// `brd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Broadcast {
    /// None is set.
    None,
    /// `brd +`: all host bits one.
    AllOnes,
    /// An address.
    Address(Ipv4Addr),
}

/// `preferred_lft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PreferredLifetime {
    /// Never deprecated.
    Forever,
    /// Deprecated after that many seconds; 0 at once, so that it is never chosen as a source.
    Seconds(u32),
}

/// One line of `virtual_ipaddress` or `virtual_ipaddress_excluded`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length; 32 or 128 when not written.
    pub prefix_len: u8,
    /// `dev`; the instance's interface when absent.
    pub interface: Option<InterfaceName>,
    /// `scope`; `None`: global, or link for a link-local address.
    pub scope: Option<AddressScope>,
    /// `brd`.
    pub broadcast: Broadcast,
    /// `label`, IPv4 only, under 16 bytes.
    pub label: Option<String>,
    /// `peer`.
    pub peer: Option<IpAddr>,
    /// `noprefixroute`.
    pub no_prefix_route: bool,
    /// `no_track`: neither its deletion nor the state of its interface matters.
    pub no_track: bool,
    /// IPv6: no duplicate address detection (`-nodad`; always so for VIPs, which two nodes may hold for an instant).
    pub no_dad: bool,
    /// `preferred_lft`; zero for an IPv6 /128.
    pub preferred: PreferredLifetime,
    /// Rarer flags.
    pub flags: AddressFlags,
}

/// Flags of an address that few need; off unless written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressFlags {
    /// `home`: the home address of a mobile node (RFC 6275); IPv6 only.
    pub home: bool,
    /// `mngtmpaddr`: temporary addresses are made from it (RFC 8981); IPv6 only.
    pub manage_temporary: bool,
    /// `autojoin`: the multicast group that the address is, is joined.
    pub autojoin: bool,
}

/// Gratuitous ARP and unsolicited neighbour advertisement timing (behaviour of the field: blocks of repeats).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GarpPolicy {
    /// `garp_master_repeat`: rounds in each block.
    pub repeat: u32,
    /// `garp_master_delay`: when the second block goes out after the first; zero: none.
    pub delay: Duration,
    /// `garp_master_refresh`: period while master; zero: none.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_repeat`: rounds after a lower-priority advert was heard.
    pub lower_prio_repeat: u32,
    /// `garp_lower_prio_delay`: when those are sent again; zero: not.
    pub lower_prio_delay: Duration,
    /// `garp_interval`: least gap between two ARPs on an interface.
    pub arp_interval: Duration,
    /// `gna_interval`: least gap between two NAs on an interface.
    pub na_interval: Duration,
    /// `garp_extra_if`, of an instance with a VMAC that no adverts leave by.
    pub extra: Option<ExtraGarp>,
}

impl Default for GarpPolicy {
    fn default() -> Self {
        let delay = Duration::from_secs(5);
        Self {
            repeat: 5,
            delay,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_repeat: 5,
            lower_prio_delay: delay,
            arp_interval: Duration::ZERO,
            na_interval: Duration::ZERO,
            extra: None,
        }
    }
}

/// What a tracker does to the priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackWeight {
    /// 0: a failure is a FAULT; above: added while OK; below: subtracted while failed. -253 to 253; of files and processes to 254.
    pub weight: i16,
    /// `reverse`: the meaning of OK and failed exchanged.
    pub reverse: bool,
}

/// One line of `track_interface`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackInterface {
    /// The interface.
    pub interface: InterfaceName,
    /// Its effect.
    pub effect: TrackWeight,
}

/// One line of `track_script`: a reference with its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackedScript {
    /// Name of a [`TrackScript`] of the same configuration.
    pub script: String,
    /// Its effect here (the script's own unless overridden).
    pub effect: TrackWeight,
}

/// One line of `track_file`: a reference with its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackedFile {
    /// Name of a [`TrackFile`] of the same configuration.
    pub file: String,
    /// Its effect here (the file's own unless overridden). The weight is a factor, -254 to 254.
    pub effect: TrackWeight,
}

/// One line of `track_process`: a reference with its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackedProcess {
    /// Name of a [`TrackProcess`] of the same configuration.
    pub process: String,
    /// Its effect here (the process's own unless overridden).
    pub effect: TrackWeight,
}

/// One line of `track_virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackedService {
    /// What virtual servers of the same configuration are [tracked as](crate::VirtualServer::tracked_as).
    pub service: String,
    /// Its effect here: it fails while one of them has no quorum.
    pub effect: TrackWeight,
}

/// One line of `track_bfd`: a reference with its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackedBfd {
    /// Name of a [`BfdSession`](crate::BfdSession) of the same configuration.
    pub session: String,
    /// Its effect here (the session's own unless overridden).
    pub effect: TrackWeight,
}

/// What an instance or a group tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trackers {
    /// `track_interface`.
    pub interfaces: Vec<TrackInterface>,
    /// `track_script`.
    pub scripts: Vec<TrackedScript>,
    /// `track_file`.
    pub files: Vec<TrackedFile>,
    /// `track_process`.
    pub processes: Vec<TrackedProcess>,
    /// `track_virtual_server`.
    pub services: Vec<TrackedService>,
    /// `track_bfd`.
    pub sessions: Vec<TrackedBfd>,
}

/// `track_file` at the root: a file with a number in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackFile {
    /// Name, unique.
    pub name: String,
    /// The file; it need not be there.
    pub path: String,
    /// Default effect for trackers that give none.
    pub effect: TrackWeight,
    /// `init_file`: the file is made at the start.
    pub init: Option<InitFile>,
}

/// `init_file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum InitFile {
    /// With this number, unless it is there.
    IfMissing(i32),
    /// With this number, whatever is there.
    Overwrite(i32),
}

/// `vrrp_track_process`: how many of these processes there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackProcess {
    /// Name, unique.
    pub name: String,
    /// The program: its name, or its path.
    pub program: String,
    /// Its arguments, as far as written.
    pub arguments: Vec<String>,
    /// `param_match`.
    pub matching: ParamMatch,
    /// `full_command`: the program is compared with the command line, not with the name of 15 bytes.
    pub full_command: bool,
    /// `quorum`: the least number; at least 1.
    pub quorum: u32,
    /// `quorum_max`: the greatest number, not below the quorum.
    pub quorum_max: Option<u32>,
    /// `terminate_delay`: how long there must be too few (or few enough) before that counts.
    pub terminate_delay: Duration,
    /// `fork_delay`: how long there must be enough (or too many) before that counts.
    pub fork_delay: Duration,
    /// Default effect for trackers that give none.
    pub effect: TrackWeight,
}

/// `param_match`: how the arguments of a process are compared with the configured ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ParamMatch {
    /// Not at all.
    Any,
    /// The same ones.
    Exact,
    /// The configured ones, the last of them perhaps only the beginning of the process's; more may follow.
    Initial,
    /// The configured ones; more may follow.
    Partial,
}

/// `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackScript {
    /// Name, unique.
    pub name: String,
    /// What is run, or which file is opened.
    pub command: Result<Script, ReadableFile>,
    /// Time between starts.
    pub interval: Duration,
    /// Killed and failed after this long.
    pub timeout: Duration,
    /// Default effect for trackers that give none.
    pub effect: TrackWeight,
    /// Consecutive successes needed; at least 1.
    pub rise: u32,
    /// Consecutive failures needed; at least 1.
    pub fall: u32,
    /// `init_fail`: counts as failed until its first result.
    pub init_fail: bool,
}

/// `notify_deleted`: what is told of an instance that a reload removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Deletion {
    /// That it is in FAULT.
    #[default]
    AsFault,
    /// That it is DELETED, to this script too.
    AsDeleted(Option<Script>),
}

impl Deletion {
    /// The script that is told.
    #[must_use]
    pub const fn script(&self) -> Option<&Script> {
        match self {
            Self::AsDeleted(Some(script)) => Some(script),
            Self::AsDeleted(None) | Self::AsFault => None,
        }
    }
}

/// Whom an instance or group tells of its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<Script>,
    /// `notify_backup`.
    pub backup: Option<Script>,
    /// `notify_fault`.
    pub fault: Option<Script>,
    /// `notify_stop`.
    pub stop: Option<Script>,
    /// `notify`, run with INSTANCE or GROUP, name, state, priority.
    pub any: Option<Script>,
    /// `notify_master_rx_lower_pri`.
    pub master_rx_lower_priority: Option<Script>,
    /// `notify_deleted`; means nothing for a group.
    pub deletion: Deletion,
    /// `smtp_alert`.
    pub mail: bool,
    /// `notify_priority_changes`: those of the priority are written to the FIFOs; means nothing for a group, whose members
    /// have it instead.
    pub priority_changes: bool,
}

impl Notify {
    /// All scripts.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        let Self {
            master,
            backup,
            fault,
            stop,
            any,
            master_rx_lower_priority,
            deletion,
            mail: _,
            priority_changes: _,
        } = self;
        let named = [master, backup, fault, stop, any, master_rx_lower_priority];
        named.into_iter().flatten().chain(deletion.script())
    }
}

/// `vrrp_instance`: one virtual router on one interface and family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Instance {
    /// Name, unique.
    pub name: String,
    /// Protocol version.
    pub version: Version,
    /// Family of its adverts.
    pub family: Family,
    /// `interface`; only a unicast instance may be without.
    pub interface: Option<InterfaceName>,
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// `priority`.
    pub priority: Priority,
    /// `state`.
    pub initial: InitialState,
    /// `advert_int`.
    pub advert_interval: AdvertInterval,
    /// `nopreempt`, `preempt_delay`.
    pub preempt: Preempt,
    /// `mcast_src_ip` or `unicast_src_ip`; the interface's primary address when absent.
    pub source: Option<IpAddr>,
    /// Multicast or unicast.
    pub transport: Transport,
    /// `authentication` (VRRPv2 only) or `auth_hmac`.
    pub auth: Option<Auth>,
    /// `virtual_ipaddress`, all of [`Instance::family`], carried in adverts in this order.
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held like the others, not in adverts; either family.
    pub excluded: Vec<VirtualAddress>,
    /// `virtual_routes`.
    pub routes: Vec<Route>,
    /// `virtual_rules`.
    pub rules: Vec<Rule>,
    /// `promote_secondaries`: removing an address leaves the others of its subnet alone.
    pub promote_secondaries: bool,
    /// `garp_*`.
    pub garp: GarpPolicy,
    /// `down_timer_adverts`: 1 to 100, normally 3.
    pub down_timer_adverts: u8,
    /// `resign_on_priority_drop`: a master that does not preempt gives up once when trackers lower its priority. Without effect
    /// unless [`preempt`](Self::preempt) is never.
    pub resign_on_priority_drop: bool,
    /// `leave_detection`: a master whose host has left the multicast group is believed to be gone after one missed advert. Without
    /// effect over unicast.
    pub leave_detection: bool,
    /// `master_inquiry`: the host of a master that has missed an advert is asked whether anybody there still speaks VRRP. If its
    /// kernel says no, the master is gone.
    pub master_inquiry: bool,
    /// `lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts`: with priority 255, nothing that others say matters.
    pub owner_ignores_adverts: bool,
    /// `timer_expired_backup`, with `nopreempt` only: a master so late that a router of this priority has taken over gives way.
    pub late_backup: Option<Priority>,
    /// `skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `v3_checksum_as_v2`: no pseudo header in the VRRPv3 checksum over IPv4.
    pub v3_checksum_as_v2: bool,
    /// `dont_track_primary`: faults of the own interface do not matter.
    pub ignore_own_interface: bool,
    /// What it tracks beside its own interface.
    pub trackers: Trackers,
    /// Notification scripts.
    pub notify: Notify,
    /// `use_vmac`, `use_ipvlan`: lives on an interface of its own, above [`Instance::interface`].
    pub own_link: Option<OwnLink>,
    /// Interfaces made for single addresses (`use_vmac` on their lines, `use_vmac_addr`), which name them as theirs.
    pub address_links: Vec<VirtualLink>,
    /// `accept`, `no_accept`.
    pub accept: Accept,
    /// `track_src_ip`: [`Instance::source`] has to be there.
    pub track_source: bool,
    /// `vrf`: the VRF that a unicast instance without an interface is in.
    pub vrf: Option<InterfaceName>,
}

impl Instance {
    /// Every interface that has to be made for it.
    pub fn virtual_links(&self) -> impl Iterator<Item = &VirtualLink> {
        self.own_link.iter().map(|own| &own.link).chain(&self.address_links)
    }

    /// Whether packets to its addresses are dropped while it is MASTER.
    #[must_use]
    pub fn refuses_traffic(&self) -> bool {
        self.accept == Accept::Nothing && !self.priority.is_owner()
    }
}

/// `vrrp_sync_group`: instances that change state together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SyncGroup {
    /// Name, unique.
    pub name: String,
    /// Names of its instances.
    pub members: Vec<String>,
    /// What all members track.
    pub trackers: Trackers,
    /// `sync_group_tracking_weight`: weighted trackers of members are allowed.
    pub tracking_weight: bool,
    /// Notification scripts of the group.
    pub notify: Notify,
}
