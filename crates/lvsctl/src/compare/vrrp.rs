//! Virtual routers and their groups.

use std::collections::{BTreeMap, BTreeSet};

use lvsd_model::{AdvertInterval, Instance, Transport, Version, VirtualAddress, VrrpConfig};

use super::{Differences, pairs};

pub(super) fn compare(a: &VrrpConfig, b: &VrrpConfig, found: &mut Differences) {
    // The identifier is what a router goes by; the name is nobody's but the file's.
    let (both, only_a, only_b) = pairs(
        &a.instances,
        &b.instances,
        &[
            |a, b| same_router(a, b) && a.name == b.name,
            |a, b| same_router(a, b) && a.interface == b.interface,
            same_router,
            |a, b| a.name == b.name && a.family == b.family,
            |a, b| a.name == b.name,
        ],
    );
    let mut names = BTreeMap::new();
    for (a, b) in both {
        names.insert(b.name.as_str(), a.name.as_str());
        instance(a, b, found);
    }
    let message = "only one of the nodes has this virtual router: nobody takes over";
    for one in only_a {
        found.add("one-sided-instance", &subject(one), [Some(described(one)), None], message);
    }
    for one in only_b {
        found.add("one-sided-instance", &subject(one), [None, Some(described(one))], message);
    }
    groups(a, b, &names, found);
}

fn same_router(a: &Instance, b: &Instance) -> bool {
    a.vrid == b.vrid && a.family == b.family
}

fn subject(instance: &Instance) -> String {
    format!("vrrp_instance {}", instance.name)
}

fn described(instance: &Instance) -> String {
    format!("virtual_router_id {} {}", instance.vrid, instance.family)
}

fn instance(a: &Instance, b: &Instance, found: &mut Differences) {
    let subject = &if a.name == b.name { subject(a) } else { format!("{} and {}", subject(a), b.name) };
    let master = "they do not hear each other, and both are MASTER";
    found.unequal("vrid", subject, [a.vrid, b.vrid], &format!("other virtual_router_id: {master}"));
    found.unequal("family", subject, [a.family, b.family], &format!("other address family: {master}"));
    found.unequal("version", subject, [version(a), version(b)], &format!("other vrrp_version: {master}"));
    interval(subject, a, b, found);
    authentication(subject, a, b, found);
    let checksums = [a.v3_checksum_as_v2, b.v3_checksum_as_v2];
    if a.version == Version::V3 {
        found.unequal("checksum", subject, checksums, &format!("other v3_checksum_as_v2: {master}"));
    }
    if a.priority == b.priority {
        let said = [Some(a.priority.to_string()), Some(b.priority.to_string())];
        let message = if a.priority.is_owner() {
            "both nodes own the addresses (priority 255): both are MASTER at once"
        } else {
            "the priorities are equal: the higher address decides who is MASTER"
        };
        found.add("equal-priority", subject, said, message);
    }
    let message = "other addresses: what only one node has is gone when the other takes over";
    found.sets("addresses", subject, [addresses(&a.addresses), addresses(&b.addresses)], message);
    let message = "other excluded addresses: what only one node has is gone when the other takes over";
    found.sets("excluded-addresses", subject, [addresses(&a.excluded), addresses(&b.excluded)], message);
    transport(subject, a, b, found);
}

const fn version(instance: &Instance) -> u8 {
    match instance.version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn interval(subject: &str, a: &Instance, b: &Instance, found: &mut Differences) {
    let seconds = |interval: AdvertInterval| format!("{} s", f64::from(interval.centis()) / 100.0);
    let message = match a.version {
        Version::V2 => "other advert_int: VRRPv2 drops such adverts, and both are MASTER",
        Version::V3 => "other advert_int: how fast the one takes over depends on who was MASTER",
    };
    found.unequal("interval", subject, [seconds(a.advert_interval), seconds(b.advert_interval)], message);
}

fn authentication(subject: &str, a: &Instance, b: &Instance, found: &mut Differences) {
    if a.auth == b.auth {
        return;
    }
    // The secrets themselves are not for everybody's eyes: how it is shown has none of them.
    let shown = |instance: &Instance| {
        instance.auth.as_ref().map_or_else(|| "none".to_owned(), |auth| format!("{auth:?}"))
    };
    let message = if shown(a) == shown(b) {
        "other secret: each drops the other's adverts, and both are MASTER"
    } else {
        "other authentication: each drops the other's adverts, and both are MASTER"
    };
    found.add("authentication", subject, [Some(shown(a)), Some(shown(b))], message);
}

/// As an address with its prefix; nodes may have them on interfaces of other names.
fn addresses(list: &[VirtualAddress]) -> BTreeSet<String> {
    list.iter().map(|one| format!("{}/{}", one.address, one.prefix_len)).collect()
}

fn transport(subject: &str, a: &Instance, b: &Instance, found: &mut Differences) {
    match (&a.transport, &b.transport) {
        (Transport::Multicast { group: one }, Transport::Multicast { group: other }) => {
            let message = "other multicast groups: they do not hear each other, and both are MASTER";
            found.unequal("multicast-group", subject, [one, other], message);
        }
        (Transport::Unicast { .. }, Transport::Unicast { .. }) => {
            let message = "the other node's unicast_src_ip is not among the unicast_peers";
            if let Some(said) = unknown_source(a, b) {
                found.add("peer", subject, [Some(said), None], message);
            }
            if let Some(said) = unknown_source(b, a) {
                found.add("peer", subject, [None, Some(said)], message);
            }
        }
        _ => {
            let shown = |instance: &Instance| match instance.transport {
                Transport::Multicast { .. } => "multicast",
                Transport::Unicast { .. } => "unicast",
            };
            let message = "one sends unicast, the other multicast: they do not hear each other";
            found.unequal("transport", subject, [shown(a), shown(b)], message);
        }
    }
}

/// What a node's peers are, when the other node is none of them. Without `unicast_src_ip` nothing can be said: the source
/// is the address that the interface then has.
fn unknown_source(node: &Instance, other: &Instance) -> Option<String> {
    let Transport::Unicast { peers, .. } = &node.transport else { return None };
    let source = other.source?;
    let list: Vec<_> = peers.iter().map(|peer| peer.address.to_string()).collect();
    let known = peers.iter().any(|peer| peer.address == source);
    (!known).then(|| format!("unicast_peer {}, not {source}", list.join(", ")))
}

/// `names` says what the first file calls an instance of the second.
fn groups(a: &VrrpConfig, b: &VrrpConfig, names: &BTreeMap<&str, &str>, found: &mut Differences) {
    let renamed =
        |name: &String| names.get(name.as_str()).map_or_else(|| name.clone(), |&name| name.to_owned());
    let (both, only_a, only_b) = pairs(&a.groups, &b.groups, &[|a, b| a.name == b.name]);
    for (one, other) in both {
        let members = [one.members.iter().cloned().collect(), other.members.iter().map(renamed).collect()];
        let subject = format!("vrrp_sync_group {}", one.name);
        found.sets(
            "group-members",
            &subject,
            members,
            "other members: the nodes do not move the same together",
        );
    }
    let message = "only one of the nodes has this group: the other moves its members one by one";
    let list = |members: &[String]| Some(members.join(", "));
    for group in only_a {
        let subject = format!("vrrp_sync_group {}", group.name);
        found.add("one-sided-group", &subject, [list(&group.members), None], message);
    }
    for group in only_b {
        let subject = format!("vrrp_sync_group {}", group.name);
        found.add("one-sided-group", &subject, [None, list(&group.members)], message);
    }
}
