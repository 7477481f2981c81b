//! The domain types that configuration, engines and processes share.
//!
//! `lvsd-config` lowers `lvsd.conf` into a [`Config`]; the supervisor cuts it into plans; the engines read them. A value
//! that exists here is valid: ranges are checked where it is made, so nothing downstream checks again.
//!
//! This crate must never do I/O, read a clock, or know the text of a configuration file. Start reading at [`Config`].

mod auth;
mod bfd;
mod check;
mod daemon;
mod globals;
mod interfaces;
mod lvs;
mod marking;
mod notice;
mod perch;
mod planned;
mod process;
mod route;
mod rule;
mod script;
mod statics;
mod sync;
mod tls;
mod turnover;
mod units;
mod vlink;
mod vrrp;

pub use auth::{AntiReplay, Auth, HmacAuth, HmacKey, HmacMode, KeyId};
pub use bfd::{BfdAudience, BfdConfig, BfdInterval, BfdPath, BfdRole, BfdSession};
pub use check::{
    BfdCheck, DnsCheck, DnsType, DomainName, FileCheck, PatternByte, RegexCheck, ReplyCheck, SmtpCheck,
    UdpCheck, Wanted,
};
pub use daemon::{Dumps, JsonVersion, MomentScript, ReloadMark, ReloadTimes};
pub use globals::{ControlSocket, Globals, MetricsListen};
pub use interfaces::{ExtraAddresses, ExtraGarp, GarpGroup, LinkDelay};
pub use lvs::{
    Check, CheckKind, CheckTiming, DigestMd5, Endpoint, Forward, HttpCheck, HttpUrl, HttpVersion, LvsConfig,
    MiscCheck, Persistence, Protocol, RealServer, Scheduler, SchedulerFlags, SorryServer, StatusRanges,
    Target, TlsOptions, TunnelChecksum, TunnelKind, VirtualServer,
};
pub use marking::{IpvsNamespace, Marking};
pub use notice::{Fifo, MailAddress, MailPolicy, NoticePlan, Notices};
pub use perch::Perch;
pub use planned::{PlannedStatement, PlannedValue};
pub use process::{AutoPriority, ProcessSettings, Processes};
pub use route::{
    Encap, Hop, Hops, Metric, Metrics, Placement, Prefix, Realms, Route, RouteKind, RouteTable,
    RouterPreference, TunnelHeader,
};
pub use rule::{FirewallMark, Range, Rule, RuleAction};
pub use script::{Invocation, ReadableFile, RunAs, Script, ScriptPolicy};
pub use statics::{Static, Statics, TrackGroup};
pub use sync::{ConnectionTimeouts, FollowingSyncDaemon, SyncDaemon};
pub use tls::{Password, TlsClient, TlsIdentity};
pub use turnover::{MinUp, Turnover};
pub use units::{AdvertInterval, Family, InterfaceName, OutOfRange, Priority, Vrid, Weight};
pub use vlink::{Accept, AdvertsBy, Firewall, IpvlanFlag, MacAddress, OwnLink, VirtualLink, VirtualLinkKind};
pub use vrrp::{
    AddressFlags, AddressScope, Broadcast, Deletion, GarpPolicy, InitFile, InitialState, Instance, Notify,
    OldUnicastChecksum, ParamMatch, Preempt, PreferredLifetime, SyncGroup, TrackFile, TrackInterface,
    TrackProcess, TrackScript, TrackWeight, TrackedBfd, TrackedFile, TrackedProcess, TrackedScript,
    TrackedService, Trackers, Transport, UnicastPeer, Version, VirtualAddress, VrrpConfig,
};

use serde::{Deserialize, Serialize};

/// A whole configuration: what `lvsd.conf` means, with every default filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Config {
    /// `global_defs` and the root-level globals.
    pub globals: Globals,
    /// Virtual routers, their groups and the scripts they track.
    pub vrrp: VrrpConfig,
    /// Virtual servers and their real servers.
    pub lvs: LvsConfig,
    /// BFD sessions.
    pub bfd: BfdConfig,
    /// What is said and not acted on yet, in the order of reading.
    pub planned: Vec<PlannedStatement>,
}
