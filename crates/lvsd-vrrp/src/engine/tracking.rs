//! What trackers make of priority and faults (tracked interfaces, scripts, source addresses).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{
    Family, Instance as Config, InterfaceName, Priority, SyncGroup, TrackFile, TrackProcess, TrackScript,
    TrackWeight, Trackers, Transport,
};
use serde::{Deserialize, Serialize};

use crate::judge::{ScriptJudge, Verdict};

/// Whether an interface can carry traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LinkState {
    /// UP and RUNNING.
    Up,
    /// Anything else, absence included.
    Down,
}

/// Whether an address is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// It is, and can be used.
    There,
    /// It is not.
    Gone,
}

/// What is tracked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracker {
    /// An interface.
    Interface(InterfaceName),
    /// A script, by name.
    Script(String),
    /// A file, by name.
    File(String),
    /// A process, by name.
    Process(String),
    /// The quorum of a virtual server, by what it is tracked as.
    Service(String),
    /// A BFD session, by name.
    Bfd(String),
}

impl fmt::Display for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name) => write!(f, "interface {name}"),
            Self::Script(name) => write!(f, "script {name}"),
            Self::File(name) => write!(f, "file {name}"),
            Self::Process(name) => write!(f, "process {name}"),
            Self::Service(name) => write!(f, "virtual server {name}"),
            Self::Bfd(name) => write!(f, "bfd {name}"),
        }
    }
}

/// What one tracker adds to the base priority now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// The tracker.
    pub tracker: Tracker,
    /// Added; never 0.
    pub amount: i32,
}

/// A reason to be in FAULT. They form a set; the instance is back when it is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The interface of the instance or of one of its addresses is down.
    LinkDown(InterfaceName),
    /// There is no address to send adverts from.
    NoSource,
    /// The configured source address is not there, and `track_src_ip` wants it to be.
    SourceGone(IpAddr),
    /// A unicast instance has no peer.
    NoPeer,
    /// A tracker of weight 0 fails.
    Tracker(Tracker),
    /// Another member of the sync group has a fault.
    Group(String),
    /// A static address, route or rule of a `track_group` of the instance is missing, and cannot be put back.
    Static(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkDown(name) => write!(f, "interface {name} is down"),
            Self::NoSource => f.write_str("no source address for adverts"),
            Self::SourceGone(address) => write!(f, "the source address {address} is not there"),
            Self::NoPeer => f.write_str("no unicast peer"),
            Self::Tracker(tracker) => write!(f, "{tracker} failed"),
            Self::Group(member) => write!(f, "{member} of the sync group has a fault"),
            Self::Static(what) => write!(f, "{what} is missing"),
        }
    }
}

/// What the driver told us about the world.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Facts {
    /// Interfaces that are up.
    pub(super) up: HashSet<InterfaceName>,
    /// Primary addresses of interfaces.
    pub(super) addresses: HashMap<(InterfaceName, Family), IpAddr>,
    /// Source addresses that the host has, of those that are tracked.
    pub(super) sources: HashSet<IpAddr>,
    /// Tracked scripts by name.
    pub(super) scripts: HashMap<String, Script>,
    /// What is missing of the static objects that a track group needs, by the name of the group.
    pub(super) missing: HashMap<String, String>,
    /// The track groups of each instance, by its name.
    pub(super) track_groups: HashMap<String, Vec<String>>,
    /// Tracked files by name.
    pub(super) files: HashMap<String, File>,
    /// Tracked processes by name.
    pub(super) processes: HashMap<String, Process>,
    /// Tracked virtual servers; whether they have their quorum, once that is known.
    pub(super) services: HashMap<String, Option<bool>>,
    /// Tracked BFD sessions by name; whether they are up, once that is known.
    pub(super) sessions: HashMap<String, Option<bool>>,
}

/// A tracked file with the number in it, once it was looked at.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct File {
    pub(super) config: TrackFile,
    pub(super) value: Option<i64>,
}

/// A tracked process; whether there are as many as there should be, once they were counted.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Process {
    pub(super) config: TrackProcess,
    pub(super) ok: Option<bool>,
}

/// A tracked script with what is believed about it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Script {
    pub(super) config: TrackScript,
    pub(super) judge: ScriptJudge,
}

/// First results that an instance has to wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Awaited {
    /// The scripts, files, processes and BFD sessions without a result.
    pub(super) trackers: Vec<Tracker>,
    /// One of them has weight 0: no start without it.
    pub(super) decisive: bool,
    /// The longest timeout among them.
    pub(super) timeout: Duration,
}

/// How long the first look at a file or at the processes may take.
const LOOK: Duration = Duration::from_secs(1);
/// How long it may take until the checker has its services.
const TABLE: Duration = Duration::from_secs(10);
/// How long a BFD session may take to come up (RFC 5880 §6.8.3: once a second), and those who know of it to have doubts.
const HANDSHAKE: Duration = Duration::from_secs(4);

impl Awaited {
    fn add(&mut self, tracker: Tracker, effect: TrackWeight, timeout: Duration) {
        self.trackers.push(tracker);
        self.decisive |= effect.weight == 0;
        self.timeout = self.timeout.max(timeout);
    }
}

/// The judgement over one instance, made anew from all facts whenever one of them changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Tracking {
    pub(super) faults: Vec<Fault>,
    pub(super) adjustments: Vec<Adjustment>,
    pub(super) awaited: Awaited,
}

impl Tracking {
    /// The base priority with all adjustments, clamped to what a router that is not the owner may have.
    pub(super) fn effective(&self, base: Priority) -> Priority {
        if base.is_owner() {
            return base;
        }
        let sum: i32 = self.adjustments.iter().map(|adjustment| adjustment.amount).sum();
        let clamped = i32::from(base.get()).saturating_add(sum).clamp(1, 254);
        // Within 1 to 254 by the clamp.
        u8::try_from(clamped).ok().and_then(Priority::new).unwrap_or(base)
    }
}

/// How a tracked thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ok,
    Failed,
    /// No result yet, or none to come.
    Neutral,
}

/// The group of an instance with its members' configurations.
pub(super) struct GroupContext<'a> {
    pub(super) config: &'a SyncGroup,
    pub(super) members: Vec<&'a Config>,
}

/// Judges one instance.
pub(super) fn evaluate(
    config: &Config,
    group: Option<&GroupContext<'_>>,
    source: Option<IpAddr>,
    facts: &Facts,
) -> Tracking {
    let mut tracking = Tracking::default();
    tracking.faults.extend(
        required_links(config)
            .into_iter()
            .filter(|name| !facts.up.contains(*name))
            .map(|name| Fault::LinkDown(name.clone())),
    );
    if source.is_none() {
        tracking.faults.push(Fault::NoSource);
    }
    let tracked = config.source.filter(|_| config.track_source);
    tracking.faults.extend(tracked.filter(|address| !facts.sources.contains(address)).map(Fault::SourceGone));
    let groups = facts.track_groups.get(&config.name).into_iter().flatten();
    tracking.faults.extend(groups.filter_map(|group| facts.missing.get(group)).cloned().map(Fault::Static));
    if matches!(&config.transport, Transport::Unicast { peers, .. } if peers.is_empty()) {
        tracking.faults.push(Fault::NoPeer);
    }
    for (tracker, effect) in relevant_trackers(config, group) {
        apply(config, &tracker, effect, facts, &mut tracking);
    }
    tracking
}

/// The interfaces without which the instance cannot work: its own, the virtual one above it, and those of its addresses, routes
/// and rules.
fn required_links(config: &Config) -> Vec<&InterfaceName> {
    let own = config.interface.as_ref();
    let mut links: Vec<&InterfaceName> = Vec::new();
    if !config.ignore_own_interface {
        links.extend(own.or(config.vrf.as_ref()));
        links.extend(config.own_link.as_ref().map(|own| &own.link.name));
    }
    let tracked = config.addresses.iter().chain(&config.excluded).filter(|virtual_ip| !virtual_ip.no_track);
    let of_addresses = tracked.filter_map(|virtual_ip| virtual_ip.interface.as_ref());
    let routes = config.routes.iter().filter(|route| !route.no_track);
    let of_routes = routes.flat_map(|route| route.hops.iter()).filter_map(|hop| hop.interface.as_ref());
    let rules = config.rules.iter().filter(|rule| !rule.no_track);
    let of_rules = rules.flat_map(|rule| rule.input.iter().chain(&rule.output));
    for name in of_addresses.chain(of_routes).chain(of_rules) {
        if Some(name) != own && !links.contains(&name) {
            links.push(name);
        }
    }
    links
}

/// The trackers that count for an instance: its own and those of its group. In a group, weighted trackers of members count
/// only with `sync_group_tracking_weight`, and then for all members, which so keep in step.
fn relevant_trackers(config: &Config, group: Option<&GroupContext<'_>>) -> Vec<(Tracker, TrackWeight)> {
    let mut relevant = Vec::new();
    let mut add = |trackers: &Trackers, counts: &dyn Fn(TrackWeight) -> bool| {
        for tracker in listed(trackers).filter(|(_, effect)| counts(*effect)) {
            if !relevant.contains(&tracker) {
                relevant.push(tracker);
            }
        }
    };
    let Some(group) = group else {
        add(&config.trackers, &|_| true);
        return relevant;
    };
    let joint = group.config.tracking_weight;
    add(&group.config.trackers, &|_| true);
    add(&config.trackers, &|effect| joint || effect.weight == 0);
    for member in group.members.iter().filter(|_| joint) {
        add(&member.trackers, &|effect| effect.weight != 0);
    }
    relevant
}

fn listed(trackers: &Trackers) -> impl Iterator<Item = (Tracker, TrackWeight)> + '_ {
    let interfaces =
        trackers.interfaces.iter().map(|line| (Tracker::Interface(line.interface.clone()), line.effect));
    let scripts = trackers.scripts.iter().map(|line| (Tracker::Script(line.script.clone()), line.effect));
    let files = trackers.files.iter().map(|line| (Tracker::File(line.file.clone()), line.effect));
    let processes =
        trackers.processes.iter().map(|line| (Tracker::Process(line.process.clone()), line.effect));
    let services = trackers.services.iter().map(|line| (Tracker::Service(line.service.clone()), line.effect));
    let sessions = trackers.sessions.iter().map(|line| (Tracker::Bfd(line.session.clone()), line.effect));
    interfaces.chain(scripts).chain(files).chain(processes).chain(services).chain(sessions)
}

fn apply(config: &Config, tracker: &Tracker, effect: TrackWeight, facts: &Facts, tracking: &mut Tracking) {
    if effect.weight != 0 && config.priority.is_owner() {
        return;
    }
    if let Tracker::File(name) = tracker {
        return apply_file(name, effect, facts, tracking);
    }
    match (health(tracker, effect, facts, &mut tracking.awaited), effect.weight) {
        (Health::Neutral, _) => {}
        (health, 0) => {
            if (health == Health::Failed) != effect.reverse {
                tracking.faults.push(Fault::Tracker(tracker.clone()));
            }
        }
        (health, weight) => {
            let amount = if effect.reverse { -i32::from(weight) } else { i32::from(weight) };
            let counts = if weight > 0 { health == Health::Ok } else { health == Health::Failed };
            if counts {
                tracking.adjustments.push(Adjustment { tracker: tracker.clone(), amount });
            }
        }
    }
}

/// A file is no matter of OK or failed: its number counts, times the weight.
fn apply_file(name: &str, effect: TrackWeight, facts: &Facts, tracking: &mut Tracking) {
    let Some(file) = facts.files.get(name) else { return };
    let tracker = Tracker::File(name.to_owned());
    let Some(value) = file.value else {
        tracking.awaited.add(tracker, effect, LOOK);
        return;
    };
    let sign = if effect.reverse { -1 } else { 1 };
    let amount = value.saturating_mul(i64::from(effect.weight)).saturating_mul(sign);
    let faulty = if effect.weight == 0 { (value != 0) != effect.reverse } else { amount <= -254 };
    if faulty {
        tracking.faults.push(Fault::Tracker(tracker));
    } else if amount != 0 {
        // More than this moves no priority; the sum stays far from overflowing.
        let amount = i32::try_from(amount.clamp(-254, 254)).unwrap_or_default();
        tracking.adjustments.push(Adjustment { tracker, amount });
    }
}

fn health(tracker: &Tracker, effect: TrackWeight, facts: &Facts, awaited: &mut Awaited) -> Health {
    match tracker {
        Tracker::Interface(name) if facts.up.contains(name) => Health::Ok,
        Tracker::Interface(_) => Health::Failed,
        Tracker::Script(name) => {
            let Some(script) = facts.scripts.get(name) else { return Health::Neutral };
            match script.judge.verdict() {
                Verdict::Ok => Health::Ok,
                Verdict::Failed => Health::Failed,
                Verdict::Unknown => {
                    awaited.add(tracker.clone(), effect, script.config.timeout);
                    Health::Neutral
                }
                Verdict::Disabled => Health::Neutral,
            }
        }
        Tracker::Process(name) => match facts.processes.get(name).map(|process| process.ok) {
            Some(Some(true)) => Health::Ok,
            Some(Some(false)) => Health::Failed,
            Some(None) => {
                awaited.add(tracker.clone(), effect, LOOK);
                Health::Neutral
            }
            None => Health::Neutral,
        },
        Tracker::Service(name) => match facts.services.get(name) {
            Some(Some(true)) => Health::Ok,
            Some(Some(false)) => Health::Failed,
            Some(None) => {
                awaited.add(tracker.clone(), effect, TABLE);
                Health::Neutral
            }
            None => Health::Neutral,
        },
        Tracker::Bfd(name) => match facts.sessions.get(name) {
            Some(Some(true)) => Health::Ok,
            Some(Some(false)) => Health::Failed,
            Some(None) => {
                awaited.add(tracker.clone(), effect, HANDSHAKE);
                Health::Neutral
            }
            None => Health::Neutral,
        },
        // Judged by its number.
        Tracker::File(_) => Health::Neutral,
    }
}
