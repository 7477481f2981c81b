//! Virtual servers, real servers and their checks.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::check::{BfdCheck, DnsCheck, FileCheck, RegexCheck, SmtpCheck, UdpCheck};
use crate::marking::{IpvsNamespace, Marking};
use crate::script::Script;
use crate::sync::{ConnectionTimeouts, SyncDaemon};
use crate::tls::TlsClient;
use crate::turnover::Turnover;
use crate::units::{Family, InterfaceName, Weight};

/// Everything the checker process is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LvsConfig {
    /// Virtual servers in configuration order; no endpoint is in two of them.
    pub services: Vec<VirtualServer>,
    /// `lvs_flush`: the whole table is cleared at start.
    pub flush_at_start: bool,
    /// `lvs_flush_on_stop`: the whole table is cleared at stop.
    pub flush_on_stop: bool,
    /// `rs_init_notifies`: servers that are up when their service is new are told as coming up.
    pub init_notifies: bool,
    /// `lvs_timeouts`.
    pub timeouts: Option<ConnectionTimeouts>,
    /// `lvs_sync_daemon` without an instance: both halves run all the time.
    pub sync_daemon: Option<SyncDaemon>,
    /// `SSL`.
    pub tls: TlsClient,
    /// `nftables_ipvs`.
    pub marking: Option<Marking>,
    /// `net_namespace_ipvs`.
    pub namespace: Option<IpvsNamespace>,
}

impl LvsConfig {
    /// Whether there is nothing in it to do.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.services.is_empty() && self.timeouts.is_none() && self.sync_daemon.is_none()
    }
}

/// `protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Its name, as in the configuration but in small letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// What packets a virtual server takes: one IPVS service each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Endpoint {
    /// `virtual_server IP PORT`; port 0 is every port, with persistence only.
    Address(SocketAddr),
    /// `virtual_server fwmark N`.
    Fwmark {
        /// The mark.
        mark: NonZeroU32,
        /// `ip_family`, or that of the real servers.
        family: Family,
    },
}

impl Endpoint {
    /// The family of the packets.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Address(SocketAddr::V4(_)) => Family::V4,
            Self::Address(SocketAddr::V6(_)) => Family::V6,
            Self::Fwmark { family, .. } => *family,
        }
    }
}

/// `lvs_sched`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are ipvsadm's")]
pub enum Scheduler {
    Rr,
    Wrr,
    Lc,
    Wlc,
    Lblc,
    Lblcr,
    Sh,
    Mh,
    Dh,
    Fo,
    Ovf,
    Sed,
    Nq,
    Twos,
}

impl Scheduler {
    /// All of them, in the order of the manual.
    pub const ALL: [Self; 14] = [
        Self::Rr,
        Self::Wrr,
        Self::Lc,
        Self::Wlc,
        Self::Lblc,
        Self::Sh,
        Self::Mh,
        Self::Dh,
        Self::Fo,
        Self::Ovf,
        Self::Lblcr,
        Self::Sed,
        Self::Nq,
        Self::Twos,
    ];

    /// The kernel's and the configuration's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Wlc => "wlc",
            Self::Lblc => "lblc",
            Self::Lblcr => "lblcr",
            Self::Sh => "sh",
            Self::Mh => "mh",
            Self::Dh => "dh",
            Self::Fo => "fo",
            Self::Ovf => "ovf",
            Self::Sed => "sed",
            Self::Nq => "nq",
            Self::Twos => "twos",
        }
    }
}

/// Scheduling flags of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchedulerFlags {
    /// `ops`: one-packet scheduling, UDP only.
    pub one_packet: bool,
    /// `flag-1` (`sh-fallback`, `mh-fallback`).
    pub flag1: bool,
    /// `flag-2` (`sh-port`, `mh-port`).
    pub flag2: bool,
    /// `flag-3`.
    pub flag3: bool,
}

/// `persistence_timeout`, `persistence_granularity`, `persistence_engine`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Persistence {
    /// Whole seconds, at least 1.
    pub timeout: Duration,
    /// Clients of the same prefix go to the same server; 32 or 128: each client by itself.
    pub prefix_len: u8,
    /// Engine name, such as `sip`.
    pub engine: Option<String>,
}

/// How a tunnelled packet is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TunnelKind {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation to this port.
    Gue {
        /// Destination port.
        port: u16,
    },
    /// GRE.
    Gre,
}

/// Checksums of a GUE or GRE tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TunnelChecksum {
    /// `nocsum`.
    #[default]
    None,
    /// `csum`.
    Full,
    /// `remcsum`.
    Remote,
}

/// `lvs_method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Forward {
    /// `NAT`: addresses are rewritten.
    Nat,
    /// `DR`: direct routing, the frame's MAC is rewritten.
    DirectRouting,
    /// `TUN`: the packet is wrapped.
    Tunnel {
        /// Kind of tunnel.
        kind: TunnelKind,
        /// Its checksums.
        checksum: TunnelChecksum,
    },
}

/// `sorry_server`: takes the traffic while the quorum is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SorryServer {
    /// Where; port 0 means the service's own.
    pub address: SocketAddr,
    /// How it is reached.
    pub forward: Forward,
    /// `sorry_server_inhibit`: stays in the table with weight 0.
    pub inhibit: bool,
}

/// `virtual_server`, or one `virtual_server group`: everything but its endpoints is common to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VirtualServer {
    /// What the configuration calls it: `ip port`, `fwmark n`, or the group's name; unique with the protocol.
    pub name: String,
    /// IPVS services that it stands for; at least one.
    pub endpoints: Vec<Endpoint>,
    /// `protocol`; means nothing for a fwmark.
    pub protocol: Protocol,
    /// `lvs_sched`.
    pub scheduler: Scheduler,
    /// `ops`, `flag-*`.
    pub flags: SchedulerFlags,
    /// `persistence_*`.
    pub persistence: Option<Persistence>,
    /// `quorum`: least total weight of servers alive.
    pub quorum: u32,
    /// `hysteresis`: margin around the quorum.
    pub hysteresis: u32,
    /// `sorry_server`.
    pub sorry: Option<SorryServer>,
    /// `ha_suspend`: no checks while none of its addresses is on this host.
    pub suspend: bool,
    /// Under which name virtual routers follow its quorum (`track_virtual_server`), if they do.
    pub tracked_as: Option<String>,
    /// `min_up`, `drain_timeout`, `slow_start`.
    pub turnover: Turnover,
    /// `omega`: down notifiers run at shutdown too.
    pub omega: bool,
    /// `smtp_alert`: mail about the quorum.
    pub mail: bool,
    /// `quorum_up`.
    pub quorum_up: Option<Script>,
    /// `quorum_down`.
    pub quorum_down: Option<Script>,
    /// Real servers in configuration order; an address is there once.
    pub real_servers: Vec<RealServer>,
}

impl VirtualServer {
    /// Its name on FIFOs and in mails: `[192.0.2.1]:tcp:80`, `FWM 7`, `[group]:0`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.endpoints.as_slice() {
            [Endpoint::Address(address)] if !self.is_group() => labelled(*address, self.protocol.name()),
            [Endpoint::Fwmark { mark, .. }] if !self.is_group() => format!("FWM {mark}"),
            _ => format!("[{}]:0", self.name),
        }
    }

    /// The name of one of its real servers there: `[192.0.2.10]:tcp:80`; the protocol is the service's, `none` for a mark.
    #[must_use]
    pub fn server_label(&self, server: SocketAddr) -> String {
        match self.endpoints.as_slice() {
            [Endpoint::Fwmark { .. }] if !self.is_group() => labelled(server, "none"),
            _ => labelled(server, self.protocol.name()),
        }
    }

    /// Whether it is called by the name of a group: one word, where an endpoint has two.
    #[must_use]
    pub fn is_group(&self) -> bool {
        !self.name.contains(' ')
    }
}

fn labelled(address: SocketAddr, protocol: &str) -> String {
    format!("[{}]:{protocol}:{}", address.ip(), address.port())
}

/// `real_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RealServer {
    /// Address and port; port 0 means the service's own, and DR and TUN always use that.
    pub address: SocketAddr,
    /// How it is reached.
    pub forward: Forward,
    /// `weight`.
    pub weight: Weight,
    /// `uthreshold`; 0: none.
    pub upper_threshold: u32,
    /// `lthreshold`; 0: none.
    pub lower_threshold: u32,
    /// `inhibit_on_failure`: weight 0 instead of removal.
    pub inhibit_on_failure: bool,
    /// `alpha`: down until the first success.
    pub alpha: bool,
    /// `smtp_alert`: mail when it goes up or down.
    pub mail: bool,
    /// `notify_up`; boxed, since few of many servers have one.
    pub notify_up: Option<Box<Script>>,
    /// `notify_down`.
    pub notify_down: Option<Box<Script>>,
    /// Its checks; it is up while none of them has failed. None: always up.
    pub checks: Vec<Check>,
}

/// One check of one real server, with every inherited default resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// What is tried.
    pub kind: CheckKind,
    /// When.
    pub timing: CheckTiming,
    /// `alpha` of the check: down until its first success.
    pub alpha: bool,
    /// `log_all_failures`.
    pub log_all_failures: bool,
}

/// When a check runs and how often it may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckTiming {
    /// `delay_loop`: between checks.
    pub interval: Duration,
    /// `retry`: further attempts before it is down.
    pub retry: u32,
    /// `delay_before_retry`: between those attempts.
    pub retry_delay: Duration,
    /// `warmup`: the first check runs at a random time up to this.
    pub warmup: Duration,
}

/// Where a check connects to and from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// `connect_ip`, `connect_port`; the real server's own when not given.
    pub address: SocketAddr,
    /// `bindto`, `bind_port` (port 0: any).
    pub bind: Option<SocketAddr>,
    /// `bind_if`.
    pub interface: Option<InterfaceName>,
    /// `fwmark` of the check's packets; 0: none.
    pub fwmark: u32,
    /// `connect_timeout`: for the connection, and again for the answer.
    pub timeout: Duration,
}

/// What a check tries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CheckKind {
    /// `TCP_CHECK`: a connection can be made.
    Tcp(Target),
    /// `HTTP_GET` or `SSL_GET`: each url answers as it should.
    Http(Box<HttpCheck>),
    /// `MISC_CHECK`: a program exits with success.
    Misc(MiscCheck),
    /// `PING_CHECK`: an echo comes back. The port means nothing.
    Ping(Target),
    /// `UDP_CHECK`: a datagram brings no ICMP error, or the right reply.
    Udp(Box<UdpCheck>),
    /// `SMTP_CHECK`: a mail server says its lines.
    Smtp(Box<SmtpCheck>),
    /// `DNS_CHECK`: a question is answered without an error.
    Dns(Box<DnsCheck>),
    /// `FILE_CHECK`: a number in a file allows it, and adds to the weight.
    File(Box<FileCheck>),
    /// `BFD_CHECK`: a BFD session is up.
    Bfd(BfdCheck),
}

impl CheckKind {
    /// Where the check connects to; a program's is its own affair.
    #[must_use]
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::Tcp(target) | Self::Ping(target) => Some(target),
            Self::Http(check) => Some(&check.target),
            Self::Udp(check) => Some(&check.target),
            Self::Smtp(check) => Some(&check.target),
            Self::Dns(check) => Some(&check.target),
            Self::Misc(_) | Self::File(_) | Self::Bfd(_) => None,
        }
    }

    /// Its keyword.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "TCP_CHECK",
            Self::Http(check) if check.tls.is_some() => "SSL_GET",
            Self::Http(_) => "HTTP_GET",
            Self::Misc(_) => "MISC_CHECK",
            Self::Ping(_) => "PING_CHECK",
            Self::Udp(_) => "UDP_CHECK",
            Self::Smtp(_) => "SMTP_CHECK",
            Self::Dns(_) => "DNS_CHECK",
            Self::File(_) => "FILE_CHECK",
            Self::Bfd(_) => "BFD_CHECK",
        }
    }
}

/// `http_protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum HttpVersion {
    /// `1.0`.
    #[default]
    V1_0,
    /// `1.0C`: 1.0 with `Connection: close`.
    V1_0Close,
    /// `1.1`.
    V1_1,
}

/// TLS side of `SSL_GET`. Certificates are not verified: the peer never did, and real servers rarely have a proper name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsOptions {
    /// `enable_sni`: the server name is the virtual host.
    pub sni_from_virtualhost: bool,
    /// `sni_name`.
    pub sni: Option<String>,
    /// `tls_verify`: the certificate must be valid for the name, by the system's roots or those of `SSL`.
    pub verify: bool,
    /// `tls_compliant`: the connection is closed as TLS has it, with close_notify (RFC 8446 §6.1).
    pub close_notify: bool,
}

/// `HTTP_GET` and `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HttpCheck {
    /// Where.
    pub target: Target,
    /// Protocol of the request line.
    pub version: HttpVersion,
    /// `SSL_GET`.
    pub tls: Option<TlsOptions>,
    /// Virtual host for urls without one of their own; the target's address when absent.
    pub virtualhost: Option<String>,
    /// `fast_recovery`: no delay between urls.
    pub fast_recovery: bool,
    /// At least one.
    pub urls: Vec<HttpUrl>,
}

/// An MD5 sum of a body, as genhash prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DigestMd5(pub [u8; 16]);

/// `status_code`: accepted codes as inclusive ranges, never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatusRanges(pub Vec<(u16, u16)>);

impl StatusRanges {
    /// Whether a code is accepted.
    #[must_use]
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|&(low, high)| (low..=high).contains(&code))
    }
}

impl Default for StatusRanges {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

/// `url`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HttpUrl {
    /// `path`.
    pub path: String,
    /// `digest`.
    pub digest: Option<DigestMd5>,
    /// `status_code`.
    pub status: StatusRanges,
    /// `virtualhost` of this url.
    pub virtualhost: Option<String>,
    /// `regex`, with what belongs to it.
    pub regex: Option<Box<RegexCheck>>,
}

/// `MISC_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MiscCheck {
    /// `misc_path`, with `user`.
    pub script: Script,
    /// `misc_timeout`.
    pub timeout: Duration,
    /// `misc_dynamic`: exit codes 2 to 255 set the weight to code minus 2.
    pub dynamic: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_ranges_are_inclusive() {
        let ranges = StatusRanges(vec![(200, 299), (404, 404)]);
        for (code, expected) in [(199, false), (200, true), (299, true), (300, false), (404, true)] {
            assert_eq!(ranges.contains(code), expected, "{code}");
        }
    }
}
