//! The radar's part of the snapshot.

use std::collections::BTreeMap;

use lvsd_ipc::{Advice, FindingSnapshot, NeighbourSnapshot, Neighbourhood, RadarSnapshot, SegmentSnapshot};
use lvsd_model::InterfaceName;
use lvsd_vrrp::Time;
use lvsd_vrrp::radar::{Identity, Neighbour, Radar, Relation};

use super::ears::Ears;

pub(super) fn snapshot(
    radar: &Radar,
    now: Time,
    advice: &BTreeMap<Identity, Advice>,
    ears: &Ears,
) -> RadarSnapshot {
    let counters = radar.counters();
    let segments = radar.segments().map(|segment| SegmentSnapshot {
        interface: segment.interface.clone(),
        listened: now.since(segment.since),
        free_vrid: segment.free_vrid,
        deaf: ears.deaf(segment.interface).map(ToOwned::to_owned),
    });
    let findings = radar.findings().map(|(finding, since)| FindingSnapshot {
        finding: finding.clone(),
        stands: now.since(since),
        advice: advice.get(&finding.identity()).cloned(),
    });
    RadarSnapshot {
        segments: segments.collect(),
        neighbours: radar
            .neighbours()
            .map(|(interface, one, relation)| neighbour(interface, one, relation, now))
            .collect(),
        findings: findings.collect(),
        overheard: counters.overheard,
        malformed: counters.malformed,
        swallowed: counters.swallowed,
        overflow: counters.overflow,
        findings_begun: counters.findings,
    }
}

fn neighbour(
    interface: &InterfaceName,
    one: &Neighbour,
    relation: Relation<'_>,
    now: Time,
) -> NeighbourSnapshot {
    NeighbourSnapshot {
        interface: interface.clone(),
        source: one.source,
        mac: one.mac,
        family: one.family(),
        vrid: one.vrid,
        version: one.gist.version,
        priority: one.priority,
        interval: one.interval(),
        auth: one.gist.auth,
        addresses: one.addresses.clone(),
        first_ago: now.since(one.first),
        last_ago: now.since(one.last),
        adverts: one.count,
        relation: match relation {
            Relation::Peer(config) => Neighbourhood::Peer(config.name.clone()),
            Relation::Stranger(config) => Neighbourhood::Stranger(config.name.clone()),
            Relation::Other => Neighbourhood::Other,
        },
    }
}
