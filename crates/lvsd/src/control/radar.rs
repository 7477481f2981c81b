//! `GET /v1/radar`: who else is on the segments, and what does not fit.

use lvsd_ipc::{Advice, FindingSnapshot, NeighbourSnapshot, Neighbourhood, RadarSnapshot, SegmentSnapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that was heard on the segments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Radar {
    /// The interfaces that are listened to.
    pub segments: Vec<Segment>,
    /// Who was heard there within the last three minutes.
    pub neighbours: Vec<Neighbour>,
    /// What does not fit.
    pub findings: Vec<Finding>,
    /// Adverts that were on the wire and did not reach the election.
    pub swallowed: u64,
}

/// An interface that is listened to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Its name.
    pub interface: String,
    /// For how many seconds it has been listened to.
    pub listened: f64,
    /// The least VRID that is not configured here and was not heard.
    pub free_vrid: Option<u8>,
    /// Why it is not listened to now.
    pub deaf: Option<String>,
}

/// A sender of adverts for one virtual router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Where it was heard.
    pub interface: String,
    /// Its address.
    pub source: String,
    /// Where its frames come from.
    pub mac: Option<String>,
    /// `IPv4`, `IPv6`.
    pub family: String,
    /// Its VRID.
    pub vrid: u8,
    /// Its version.
    pub version: u8,
    /// Its priority.
    pub priority: u8,
    /// Its interval, in seconds.
    pub advert_interval: f64,
    /// `none`, `pass`, `ah`, `hmac`, `unknown`.
    pub auth: Value,
    /// Its virtual addresses.
    pub addresses: Vec<String>,
    /// How many seconds ago it was first heard.
    pub first: f64,
    /// How many seconds ago it was last heard.
    pub last: f64,
    /// How often.
    pub adverts: u64,
    /// `peer`: it has addresses of the same virtual router of ours. `stranger`: it uses the VRID for others. `other`.
    pub relation: String,
    /// The instance that it is a peer of, or whose VRID it uses.
    pub instance: Option<String>,
}

/// Something that does not fit. It never moves an election.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// A word for it.
    pub kind: String,
    /// The instance that it is about.
    pub instance: String,
    /// Where.
    pub interface: String,
    /// The VRID in the adverts.
    pub vrid: u8,
    /// The neighbour, unless it is about this host.
    pub neighbour: Option<String>,
    /// For how many seconds it has been so.
    pub stands: f64,
    /// What it is, for people.
    pub text: String,
    /// The numbers of it, for programs.
    pub details: Value,
    /// The rule of the firewall that is most likely the cause.
    pub rule: Option<String>,
    /// Commands, of which one helps.
    pub commands: Vec<String>,
}

impl Radar {
    pub(super) fn new(of: &RadarSnapshot) -> Self {
        Self {
            segments: of.segments.iter().map(segment).collect(),
            neighbours: of.neighbours.iter().map(neighbour).collect(),
            findings: findings(of),
            swallowed: of.swallowed,
        }
    }
}

/// What does not fit.
pub(super) fn findings(of: &RadarSnapshot) -> Vec<Finding> {
    of.findings.iter().map(finding).collect()
}

fn segment(of: &SegmentSnapshot) -> Segment {
    Segment {
        interface: of.interface.to_string(),
        listened: of.listened.as_secs_f64(),
        free_vrid: of.free_vrid,
        deaf: of.deaf.clone(),
    }
}

fn neighbour(of: &NeighbourSnapshot) -> Neighbour {
    let (relation, instance) = match &of.relation {
        Neighbourhood::Peer(instance) => ("peer", Some(instance.clone())),
        Neighbourhood::Stranger(instance) => ("stranger", Some(instance.clone())),
        Neighbourhood::Other => ("other", None),
    };
    Neighbour {
        interface: of.interface.to_string(),
        source: of.source.to_string(),
        mac: of.mac.map(|mac| mac.to_string()),
        family: of.family.to_string(),
        vrid: of.vrid,
        version: of.version,
        priority: of.priority,
        advert_interval: of.interval.as_secs_f64(),
        // A word always serialises.
        auth: serde_json::to_value(of.auth).unwrap_or_default(),
        addresses: of.addresses.iter().map(ToString::to_string).collect(),
        first: of.first_ago.as_secs_f64(),
        last: of.last_ago.as_secs_f64(),
        adverts: of.adverts,
        relation: relation.to_owned(),
        instance,
    }
}

fn finding(of: &FindingSnapshot) -> Finding {
    let FindingSnapshot { finding, stands, advice } = of;
    let Advice { rule, commands } = advice.clone().unwrap_or_default();
    Finding {
        kind: finding.what.kind().to_owned(),
        instance: finding.instance.clone(),
        interface: finding.interface.to_string(),
        vrid: finding.vrid,
        neighbour: finding.source.map(|source| source.to_string()),
        stands: stands.as_secs_f64(),
        text: finding.to_string(),
        // Plain structs always serialise.
        details: serde_json::to_value(&finding.what).unwrap_or_default(),
        rule,
        commands,
    }
}
