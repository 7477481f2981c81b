//! What the control socket answers, as types: written by the daemon, read by lvsctl.
//!
//! Names and meanings here are an interface: fields may be added, but none may change its meaning or go. Readers ignore
//! fields that they do not know.

use lvsd_ipc::{
    CheckSnapshot, CheckerSnapshot, ChildEvent, GroupSnapshot, InstanceSnapshot, RealServerSnapshot, Role,
    ScriptSnapshot, ServiceChange, ServiceSnapshot, VrrpSnapshot,
};
use lvsd_model::Version;
use serde::{Deserialize, Serialize};

use super::radar::{self, Finding};
use super::session::{Session, session};
use crate::observation::Observation;

/// `GET /v1/status`: how everything is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Process id of the supervisor.
    pub pid: u32,
    /// When it started, in seconds since the epoch.
    pub started: f64,
    /// The configuration in force.
    pub configuration: Configuration,
    /// The processes of the family.
    pub processes: Vec<Process>,
    /// Virtual routers; absent when their process does not answer.
    pub instances: Option<Vec<Instance>>,
    /// Sync groups; absent as above.
    pub groups: Option<Vec<Group>>,
    /// Tracked scripts; absent as above.
    pub scripts: Option<Vec<Script>>,
    /// What does not fit on the segments; absent when the process of VRRP does not answer.
    #[serde(default)]
    pub findings: Option<Vec<Finding>>,
    /// Virtual servers; absent when their process does not answer.
    pub services: Option<Vec<Service>>,
    /// Why IPVS cannot be used, when it cannot.
    pub ipvs_error: Option<String>,
    /// BFD sessions; absent when their process does not answer.
    pub sessions: Option<Vec<Session>>,
}

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// 1 at the start, one more with each reload that was taken over.
    pub generation: u64,
    /// Whether the last attempt to load was refused.
    pub last_refused: bool,
    /// When that was, in seconds since the epoch.
    pub last_attempt: f64,
    /// Reloads taken over.
    pub reloads: u64,
    /// Reloads refused.
    pub refusals: u64,
    /// Mistakes that are tolerated in what was read last.
    pub tolerated: u64,
    /// Hints on it.
    pub hints: u64,
}

/// A process of the family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// `vrrp`, `checker`, `bfd`.
    pub name: String,
    /// Whether the configuration has something for it.
    pub wanted: bool,
    /// Whether it answers.
    pub answers: bool,
    /// The configuration that it has taken over.
    pub generation: u64,
    /// Processes started after the first.
    pub restarts: u64,
    /// Parts of the configuration that this host does not allow.
    pub degraded: u64,
}

/// A virtual router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its interface.
    pub interface: Option<String>,
    /// Its VRID.
    pub vrid: u8,
    /// `IPv4`, `IPv6`.
    pub family: String,
    /// 2 or 3.
    pub version: u8,
    /// `INIT`, `BACKUP`, `MASTER`, `FAULT`.
    pub state: String,
    /// For how long, in seconds.
    pub in_state: f64,
    /// As configured.
    pub base_priority: u8,
    /// As it is in force.
    pub priority: u8,
    /// What makes the difference.
    pub adjustments: Vec<Adjustment>,
    /// Why it is in FAULT.
    pub faults: Vec<String>,
    /// Whose advert was accepted last.
    pub heard: Option<Heard>,
    /// In seconds.
    pub advert_interval: f64,
    /// As `address/prefix`.
    pub addresses: Vec<String>,
    /// How many of them are on their interfaces.
    pub addresses_present: u32,
}

/// What changes a priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What is tracked.
    pub tracker: String,
    /// By how much.
    pub amount: i32,
}

/// An accepted advert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// Its sender.
    pub source: String,
    /// Its priority.
    pub priority: u8,
    /// How long ago, in seconds.
    pub ago: Option<f64>,
}

/// A sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// As that of an instance.
    pub state: String,
    /// Its instances.
    pub members: Vec<String>,
}

/// A tracked script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// Absent before the first result.
    pub ok: Option<bool>,
    /// Why it cannot run at all.
    pub disabled: Option<String>,
}

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// As the configuration calls it.
    pub name: String,
    /// `tcp`, `udp`, `sctp`, `fwmark`.
    pub protocol: String,
    /// As `ip:port` or `fwmark N`.
    pub endpoints: Vec<String>,
    /// By ipvsadm's name.
    pub scheduler: String,
    /// Whether enough servers are alive.
    pub quorum_met: bool,
    /// How much weight is enough.
    pub quorum: u32,
    /// Total weight of the servers alive.
    pub alive: u64,
    /// Whether the sorry server has the traffic.
    pub sorry: bool,
    /// Whether its checks rest, since none of its addresses is on this host.
    #[serde(default)]
    pub suspended: bool,
    /// Whether servers that are down have the traffic, since too few are up.
    #[serde(default)]
    pub fails_open: bool,
    /// Its servers.
    pub servers: Vec<Server>,
}

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// As `ip:port`.
    pub address: String,
    /// Whether it is judged up.
    pub up: bool,
    /// As configured.
    pub configured_weight: u32,
    /// As it is in force.
    pub weight: u32,
    /// Whether it is in the kernel's table.
    pub in_table: bool,
    /// Whether it is down and has the traffic all the same, since too few are up.
    #[serde(default)]
    pub kept: bool,
    /// Whether a reload has removed it and its last connections are waited for.
    #[serde(default)]
    pub draining: bool,
    /// Connections that are established.
    pub active: u64,
    /// Connections in other states.
    pub inactive: u64,
    /// Its checks.
    pub checks: Vec<Check>,
}

/// A check of a real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `TCP_CHECK`, ...
    pub kind: String,
    /// Absent before the first result.
    pub ok: Option<bool>,
    /// The last failure, until the next success.
    pub failure: Option<String>,
}

/// `POST /v1/reload`: how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// Whether the new configuration is used.
    pub accepted: bool,
    /// Why not.
    pub reason: Option<String>,
    /// The configuration that is in force now.
    pub generation: u64,
    /// Whether all processes have taken it over by now.
    pub applied: bool,
    /// Everything that is to be said about the text, as `lvsctl check --format json` writes it.
    pub diagnostics: serde_json::Value,
}

/// One line of `GET /v1/events`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// One more than that of the event before; 0 for a remark on the stream itself.
    pub number: u64,
    /// In seconds since the epoch.
    pub time: f64,
    /// What kind it is: `instance`, `group`, `segment`, `server`, `quorum`, `session`, `process`, `reload`, `lvsd`, `missed`.
    pub kind: String,
    /// What it is about: a name.
    pub subject: String,
    /// What happened, for people.
    pub text: String,
    /// The state before, for instances, groups and sessions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The state now: of instances, groups and sessions, `found` and `over` of segments, `up` and `down` of servers, `met` and `lost` of a quorum.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// The body of an answer that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong.
    pub error: String,
}

impl Status {
    pub(crate) fn new(observation: &Observation) -> Self {
        let health = &observation.health;
        let vrrp = observation.vrrp.as_deref();
        let checker = observation.checker.as_deref();
        Self {
            version: crate::VERSION.to_owned(),
            pid: std::process::id(),
            started: health.started.as_secs_f64(),
            configuration: Configuration {
                generation: health.generation,
                last_refused: health.reload.last_refused,
                last_attempt: health.reload.last_attempt.as_secs_f64(),
                reloads: health.reload.succeeded,
                refusals: health.reload.refused,
                tolerated: health.diagnostics.tolerated,
                hints: health.diagnostics.hints,
            },
            processes: Role::ALL.into_iter().map(|role| process(role, observation)).collect(),
            instances: vrrp.map(|VrrpSnapshot { instances, .. }| instances.iter().map(instance).collect()),
            groups: vrrp.map(|VrrpSnapshot { groups, .. }| groups.iter().map(group).collect()),
            scripts: vrrp.map(|VrrpSnapshot { scripts, .. }| scripts.iter().map(script).collect()),
            findings: vrrp.map(|vrrp| radar::findings(&vrrp.radar)),
            services: checker.map(|CheckerSnapshot { services, .. }| services.iter().map(service).collect()),
            ipvs_error: checker.and_then(|checker| checker.ipvs.error.clone()),
            sessions: observation.bfd.as_deref().map(|bfd| bfd.sessions.iter().map(session).collect()),
        }
    }
}

fn process(role: Role, observation: &Observation) -> Process {
    let health = observation.health.children.of(role);
    Process {
        name: role.name().to_owned(),
        wanted: health.wanted,
        answers: observation.answered(role),
        generation: health.generation,
        restarts: health.restarts,
        degraded: health.degraded,
    }
}

fn instance(of: &InstanceSnapshot) -> Instance {
    Instance {
        name: of.name.clone(),
        interface: of.interface.clone(),
        vrid: of.vrid,
        family: of.family.to_string(),
        version: match of.version {
            Version::V2 => 2,
            Version::V3 => 3,
        },
        state: of.state.word().to_owned(),
        in_state: of.in_state_for.as_secs_f64(),
        base_priority: of.base_priority,
        priority: of.effective_priority,
        adjustments: of.adjustments.iter().map(adjustment).collect(),
        faults: of.faults.clone(),
        heard: of.heard.map(|(source, priority)| Heard {
            source: source.to_string(),
            priority,
            ago: of.heard_ago.map(|ago| ago.as_secs_f64()),
        }),
        advert_interval: f64::from(of.advert_interval_centis) / 100.0,
        addresses: of.addresses.clone(),
        addresses_present: of.addresses_present,
    }
}

pub(super) fn adjustment(of: &lvsd_ipc::Adjustment) -> Adjustment {
    Adjustment { tracker: of.tracker.clone(), amount: of.amount }
}

fn group(of: &GroupSnapshot) -> Group {
    Group { name: of.name.clone(), state: of.state.word().to_owned(), members: of.members.clone() }
}

fn script(of: &ScriptSnapshot) -> Script {
    Script { name: of.name.clone(), ok: of.ok, disabled: of.disabled.clone() }
}

fn service(of: &ServiceSnapshot) -> Service {
    Service {
        name: of.name.clone(),
        protocol: of.protocol.clone(),
        endpoints: of.endpoints.clone(),
        scheduler: of.scheduler.clone(),
        quorum_met: of.quorum_met,
        quorum: of.quorum,
        alive: of.weight_alive,
        sorry: of.sorry_active,
        suspended: of.suspended,
        fails_open: of.fails_open,
        servers: of.real_servers.iter().map(server).collect(),
    }
}

fn server(of: &RealServerSnapshot) -> Server {
    let check =
        |of: &CheckSnapshot| Check { kind: of.kind.clone(), ok: of.ok, failure: of.last_failure.clone() };
    Server {
        address: of.address.clone(),
        up: of.up,
        configured_weight: of.configured_weight,
        weight: of.effective_weight,
        in_table: of.in_table,
        kept: of.kept,
        draining: of.draining,
        active: of.active_connections,
        inactive: of.inactive_connections,
        checks: of.checks.iter().map(check).collect(),
    }
}

impl Event {
    fn new(kind: &str, subject: &str, text: String) -> Self {
        let time = crate::driver::since_epoch().as_secs_f64();
        Self { time, kind: kind.to_owned(), subject: subject.to_owned(), text, ..Self::default() }
    }

    /// Something that happened to the daemon as a whole.
    pub(crate) fn daemon(text: String) -> Self {
        Self::new("lvsd", "lvsd", text)
    }

    /// Something that happened to a process of the family.
    pub(crate) fn process(role: Role, text: String) -> Self {
        Self::new("process", role.name(), text)
    }

    /// How a reload went.
    pub(crate) fn reload(text: String) -> Self {
        Self::new("reload", "configuration", text)
    }

    /// What a child has told.
    pub(crate) fn child(told: ChildEvent) -> Self {
        match told {
            ChildEvent::Instance { name, from, to, cause, priority } => {
                let text = format!("{} to {}, priority {priority}: {cause}", from.word(), to.word());
                let event = Self::new("instance", &name, text);
                let (from, to) = (Some(from.word().to_owned()), Some(to.word().to_owned()));
                Self { from, to, cause: Some(cause), ..event }
            }
            ChildEvent::Group { name, from, to, cause } => {
                let text = format!("{} to {}: {cause}", from.word(), to.word());
                let event = Self::new("group", &name, text);
                let (from, to) = (Some(from.word().to_owned()), Some(to.word().to_owned()));
                Self { from, to, cause: Some(cause), ..event }
            }
            ChildEvent::Segment { interface, kind, text, stands } => {
                let to = if stands { "found" } else { "over" };
                let event =
                    Self::new("segment", &interface, if stands { text } else { format!("no more: {text}") });
                Self { to: Some(to.to_owned()), cause: Some(kind), ..event }
            }
            ChildEvent::Server { service, server, up, cause } => {
                let to = if up { "up" } else { "down" };
                let why = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
                let event = Self::new("server", &format!("{service} {server}"), format!("{to}{why}"));
                Self { to: Some(to.to_owned()), cause, ..event }
            }
            ChildEvent::Quorum { service, met, alive, quorum } => {
                let to = if met { "met" } else { "lost" };
                let text = format!("quorum {to}: weight {alive} alive, quorum {quorum}");
                Self { to: Some(to.to_owned()), ..Self::new("quorum", &service, text) }
            }
            ChildEvent::Service { service, change } => Self::service(&service, change),
            ChildEvent::Session { name, from, to, cause } => {
                let event = Self::new("session", &name, format!("{from} to {to}: {cause}"));
                Self { from: Some(from.to_string()), to: Some(to.to_string()), cause: Some(cause), ..event }
            }
        }
    }

    fn service(service: &str, change: ServiceChange) -> Self {
        let (to, text) = match change {
            ServiceChange::Suspended => {
                ("suspended", "no address is on this host: its checks rest".to_owned())
            }
            ServiceChange::Resumed => ("resumed", "its checks run again".to_owned()),
            ServiceChange::FailsOpen { up, needed } => {
                let text = format!(
                    "{up} servers are up of {needed} that have to be: those that had the traffic keep it"
                );
                ("fail_open", text)
            }
            ServiceChange::Believes => {
                ("believed", "enough servers are up, those that are down are out".to_owned())
            }
        };
        Self { to: Some(to.to_owned()), ..Self::new("service", service, text) }
    }

    /// Some events are missing from the stream.
    pub(crate) fn missed(count: u64) -> Self {
        Self::new("missed", "events", format!("{count} events were not read in time and are missing"))
    }
}
