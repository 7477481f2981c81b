//! Metrics of the VRRP process.

use std::collections::BTreeMap;
use std::time::Duration;

use lvsd_ipc::{
    FindingSnapshot, InstanceSnapshot, InstanceState, RadarSnapshot, RejectCounters, VrrpSnapshot,
};
use lvsd_model::{Family, Version};

use super::table::{self as m, Metric};
use super::text::{Page, Series, Value};

pub(super) fn write(page: &mut Page, snapshot: &VrrpSnapshot) {
    let instances: Vec<Labelled<'_>> = snapshot.instances.iter().map(Labelled::new).collect();
    states(page, &instances);
    priorities(page, &instances);
    adverts(page, &instances);
    addresses(page, &instances);
    groups_and_scripts(page, snapshot);
    page.single(&m::VRRP_UNKNOWN, snapshot.unknown_vrid);
    page.single(&m::VRRP_MALFORMED, snapshot.malformed);
    page.single(&m::VRRP_MEMBERSHIP_REPORTS, snapshot.membership_reports);
    page.single(&m::VRRP_MEMBERSHIP_MALFORMED, snapshot.membership_malformed);
    page.single(&m::VRRP_QUESTIONS, snapshot.questions);
    segments(page, &snapshot.radar);
    page.single(&m::VRRP_LATENESS, snapshot.worst_lateness);
}

fn segments(page: &mut Page, radar: &RadarSnapshot) {
    // What differs only in what is no label is one series.
    let mut findings: BTreeMap<[String; 6], u64> = BTreeMap::new();
    for FindingSnapshot { finding, .. } in &radar.findings {
        let family = family(finding.family).to_owned();
        let neighbour = finding.source.map(|source| source.to_string()).unwrap_or_default();
        let (instance, interface) = (finding.instance.clone(), finding.interface.to_string());
        let kind = finding.what.kind().to_owned();
        *findings
            .entry([instance, interface, finding.vrid.to_string(), family, neighbour, kind])
            .or_default() += 1;
    }
    page.metric(&m::VRRP_FINDINGS, |series| {
        findings
            .iter()
            .for_each(|(labels, count)| series.add(&labels.each_ref().map(String::as_str), *count));
    });
    page.metric(&m::VRRP_NEIGHBOURS, |series| {
        for segment in &radar.segments {
            let here = radar.neighbours.iter().filter(|one| one.interface == segment.interface);
            series.add(&[segment.interface.as_str()], here.count());
        }
    });
    page.single(&m::VRRP_OVERHEARD, radar.overheard);
    page.single(&m::VRRP_SWALLOWED, radar.swallowed);
}

const fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// An instance with the label values that all its series share.
struct Labelled<'a> {
    instance: &'a InstanceSnapshot,
    vrid: String,
}

impl<'a> Labelled<'a> {
    fn new(instance: &'a InstanceSnapshot) -> Self {
        Self { instance, vrid: instance.vrid.to_string() }
    }

    fn add(&self, series: &mut Series<'_>, more: &[&str], value: impl Into<Value>) {
        let interface = self.instance.interface.as_deref().unwrap_or_default();
        let family = family(self.instance.family);
        let labels = [&[self.instance.name.as_str(), interface, &self.vrid, family], more].concat();
        series.add(&labels, value);
    }
}

/// One series for each instance.
fn each<V: Into<Value>>(
    page: &mut Page,
    metric: &'static Metric,
    instances: &[Labelled<'_>],
    value: impl Fn(&InstanceSnapshot) -> V,
) {
    page.metric(metric, |series| {
        instances.iter().for_each(|one| one.add(series, &[], value(one.instance)));
    });
}

fn states(page: &mut Page, instances: &[Labelled<'_>]) {
    page.metric(&m::VRRP_INFO, |series| {
        for one in instances {
            let version = match one.instance.version {
                Version::V2 => "2",
                Version::V3 => "3",
            };
            one.add(series, &[version], true);
        }
    });
    page.metric(&m::VRRP_STATE, |series| {
        for one in instances {
            for state in InstanceState::ALL {
                one.add(series, &[state.word()], one.instance.state == state);
            }
        }
    });
    each(page, &m::VRRP_STATE_NUMBER, instances, |one| one.state.number());
    each(page, &m::VRRP_STATE_AGE, instances, |one| one.in_state_for);
    each(page, &m::VRRP_FAULTS, instances, |one| one.faults.len());
    page.metric(&m::VRRP_TRANSITIONS, |series| {
        for one in instances {
            for (from, to, count) in &one.instance.transitions {
                one.add(series, &[from.word(), to.word()], *count);
            }
        }
    });
    each(page, &m::VRRP_BECOME_MASTER, instances, |one| one.adverts.become_master);
    each(page, &m::VRRP_RELEASE_MASTER, instances, |one| one.adverts.release_master);
}

fn priorities(page: &mut Page, instances: &[Labelled<'_>]) {
    each(page, &m::VRRP_BASE_PRIORITY, instances, |one| one.base_priority);
    each(page, &m::VRRP_EFFECTIVE_PRIORITY, instances, |one| one.effective_priority);
    page.metric(&m::VRRP_ADJUSTMENT, |series| {
        for one in instances {
            for adjustment in &one.instance.adjustments {
                one.add(series, &[&adjustment.tracker], adjustment.amount);
            }
        }
    });
}

fn adverts(page: &mut Page, instances: &[Labelled<'_>]) {
    each(page, &m::VRRP_SENT, instances, |one| one.adverts.sent);
    each(page, &m::VRRP_RECEIVED, instances, |one| one.adverts.received);
    page.metric(&m::VRRP_REJECTED, |series| {
        for one in instances {
            for (cause, count) in causes(&one.instance.rejected) {
                one.add(series, &[cause], count);
            }
        }
    });
    each(page, &m::VRRP_ZERO_SENT, instances, |one| one.adverts.priority_zero_sent);
    each(page, &m::VRRP_ZERO_RECEIVED, instances, |one| one.adverts.priority_zero_received);
    each(page, &m::VRRP_DEPARTURES, instances, |one| one.adverts.departures);
    each(page, &m::VRRP_INQUIRIES, instances, |one| one.adverts.inquiries);
    each(page, &m::VRRP_DENIALS, instances, |one| one.adverts.denials);
    each(page, &m::VRRP_ANNOUNCEMENTS, instances, |one| one.adverts.announcements_sent);
    let heard = instances.iter().filter_map(|one| {
        let (sender, priority) = one.instance.heard?;
        Some((one, sender.to_string(), priority))
    });
    let heard: Vec<_> = heard.collect();
    page.metric(&m::VRRP_HEARD_AGE, |series| {
        for (one, sender, _) in &heard {
            if let Some(age) = one.instance.heard_ago {
                one.add(series, &[sender], age);
            }
        }
    });
    page.metric(&m::VRRP_HEARD_PRIORITY, |series| {
        heard.iter().for_each(|(one, sender, priority)| one.add(series, &[sender], *priority));
    });
    each(page, &m::VRRP_INTERVAL, instances, |one| {
        Duration::from_millis(u64::from(one.advert_interval_centis) * 10)
    });
}

/// The counters with their label values; taken apart so that a new one cannot be forgotten.
fn causes(rejected: &RejectCounters) -> [(&'static str, u64); 21] {
    let RejectCounters {
        length,
        ttl,
        version,
        packet_type,
        checksum,
        advert_interval,
        address_list,
        auth_type_invalid,
        auth_type_mismatch,
        auth_failure,
        auth_replay,
        hmac_missing,
        hmac_malformed,
        hmac_unknown_key,
        hmac_invalid,
        hmac_stale,
        hmac_replay,
        unknown_peer,
        wrong_destination,
        own_packet,
        owner_ignored,
    } = *rejected;
    [
        ("length", length),
        ("ttl", ttl),
        ("version", version),
        ("packet_type", packet_type),
        ("checksum", checksum),
        ("advert_interval", advert_interval),
        ("address_list", address_list),
        ("auth_type_invalid", auth_type_invalid),
        ("auth_type_mismatch", auth_type_mismatch),
        ("auth_failure", auth_failure),
        ("auth_replay", auth_replay),
        ("hmac_missing", hmac_missing),
        ("hmac_malformed", hmac_malformed),
        ("hmac_unknown_key", hmac_unknown_key),
        ("hmac_invalid", hmac_invalid),
        ("hmac_stale", hmac_stale),
        ("hmac_replay", hmac_replay),
        ("unknown_peer", unknown_peer),
        ("wrong_destination", wrong_destination),
        ("own_packet", own_packet),
        ("owner_ignored", owner_ignored),
    ]
}

fn addresses(page: &mut Page, instances: &[Labelled<'_>]) {
    each(page, &m::VRRP_ADDRESSES, instances, |one| one.addresses.len());
    each(page, &m::VRRP_ADDRESSES_PRESENT, instances, |one| one.addresses_present);
    each(page, &m::VRRP_ADDRESSES_HEALED, instances, |one| one.addresses_healed);
}

fn groups_and_scripts(page: &mut Page, snapshot: &VrrpSnapshot) {
    page.metric(&m::VRRP_GROUP_STATE, |series| {
        for group in &snapshot.groups {
            for state in InstanceState::ALL {
                series.add(&[&group.name, state.word()], group.state == state);
            }
        }
    });
    let scripts = &snapshot.scripts;
    page.metric(&m::SCRIPT_UP, |series| {
        for script in scripts {
            if let Some(ok) = script.ok {
                series.add(&[&script.name], ok);
            }
        }
    });
    page.metric(&m::FILE_VALUE, |series| {
        for file in &snapshot.files {
            if let Some(value) = file.value {
                series.add(&[&file.name], value);
            }
        }
    });
    page.metric(&m::PROCESS_UP, |series| {
        for process in &snapshot.processes {
            if let Some(ok) = process.ok {
                series.add(&[&process.name], ok);
            }
        }
    });
    page.metric(&m::SCRIPT_DISABLED, |series| {
        scripts.iter().for_each(|script| series.add(&[&script.name], script.disabled.is_some()));
    });
    page.metric(&m::SCRIPT_RUNS, |series| {
        for script in scripts {
            series.add(&[&script.name, "success"], script.successes);
            series.add(&[&script.name, "failure"], script.failures);
        }
    });
    page.metric(&m::SCRIPT_TIMEOUTS, |series| {
        scripts.iter().for_each(|script| series.add(&[&script.name], script.timeouts));
    });
}
