//! What the VRRP process tells of the segments that it is on.

use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{Family, InterfaceName};
use lvsd_vrrp::radar::{AuthSeen, Finding, MacAddress};
use serde::{Deserialize, Serialize};

/// Everything that the radar knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadarSnapshot {
    /// The interfaces that are listened to.
    pub segments: Vec<SegmentSnapshot>,
    /// Who was heard there lately.
    pub neighbours: Vec<NeighbourSnapshot>,
    /// What does not fit.
    pub findings: Vec<FindingSnapshot>,
    /// Adverts overheard.
    pub overheard: u64,
    /// Packets of the protocol that are no adverts.
    pub malformed: u64,
    /// Adverts that were on the wire and did not reach the election.
    pub swallowed: u64,
    /// Adverts of senders that found no room in the tables.
    pub overflow: u64,
    /// Findings begun.
    pub findings_begun: u64,
}

/// An interface that is listened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentSnapshot {
    /// Its name.
    pub interface: InterfaceName,
    /// For how long it has been listened to.
    pub listened: Duration,
    /// The least VRID that nobody was heard to use.
    pub free_vrid: Option<u8>,
    /// Why it is not listened to now.
    pub deaf: Option<String>,
}

/// What a neighbour is to this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Neighbourhood {
    /// A router of the same virtual router as this instance.
    Peer(String),
    /// It uses the VRID of this instance for other addresses.
    Stranger(String),
    /// Nothing.
    Other,
}

/// Who sends adverts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourSnapshot {
    /// Where.
    pub interface: InterfaceName,
    /// Its address.
    pub source: IpAddr,
    /// Where its frames come from.
    pub mac: Option<MacAddress>,
    /// The family of its adverts.
    pub family: Family,
    /// Its VRID.
    pub vrid: u8,
    /// Its version.
    pub version: u8,
    /// Its priority.
    pub priority: u8,
    /// Its interval.
    pub interval: Duration,
    /// How it is authenticated.
    pub auth: AuthSeen,
    /// Its virtual addresses.
    pub addresses: Vec<IpAddr>,
    /// How long ago it was first heard.
    pub first_ago: Duration,
    /// How long ago it was last heard.
    pub last_ago: Duration,
    /// How often.
    pub adverts: u64,
    /// What it is to us.
    pub relation: Neighbourhood,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingSnapshot {
    /// What.
    pub finding: Finding,
    /// For how long.
    pub stands: Duration,
    /// What to do about it, if that is known.
    pub advice: Option<Advice>,
}

/// What to do about a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The rule that is most likely to be the cause, as its own program shows it.
    pub rule: Option<String>,
    /// Commands, of which one helps.
    pub commands: Vec<String>,
}
