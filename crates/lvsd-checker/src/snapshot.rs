//! The state of everything, as the supervisor wants it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use ipvs::{DestKey, DestStatus, ServiceKey, Stats};
use lvsd_health::{Health, Judge, ServerView, ServiceView, Verdict};
use lvsd_ipc::{
    CheckSnapshot, CheckerSnapshot, Counters, IpvsHealth, NoticeSnapshot, RealServerSnapshot, ServiceSnapshot,
};
use lvsd_model::{Check, Endpoint, Protocol, VirtualServer, Weight};

use crate::keeper::Counted;

/// The label under which runs that this host kept from happening are counted.
const NOT_RUN: &str = "not_run";

/// Puts together what the health knows and what the kernel counts.
pub(crate) fn snapshot(
    health: &Health,
    ipvs: IpvsHealth,
    notices: NoticeSnapshot,
    counted: &BTreeMap<ServiceKey, Counted>,
) -> CheckerSnapshot {
    let services = health.services().map(|view| service(&view, counted)).collect();
    CheckerSnapshot { services, ipvs, notices }
}

fn service(view: &ServiceView<'_>, counted: &BTreeMap<ServiceKey, Counted>) -> ServiceSnapshot {
    let config = view.config();
    let found: Vec<_> = view.keys().iter().filter_map(|key| Some((key, counted.get(key)?))).collect();
    let servers = view.servers().map(|server| real_server(&server, &found));
    let leaving = view.leaving().map(|(address, dests)| leaving(address, &dests, counted));
    ServiceSnapshot {
        name: config.name.clone(),
        protocol: protocol(config).to_owned(),
        endpoints: config.endpoints.iter().map(endpoint).chain(given_marks(view)).collect(),
        scheduler: config.scheduler.name().to_owned(),
        quorum_met: view.quorum_met(),
        quorum: config.quorum,
        weight_alive: view.weight_alive(),
        sorry_active: view.sorry_active(),
        suspended: view.suspended(),
        fails_open: view.fails_open(),
        real_servers: servers.chain(leaving).collect(),
        counters: sum(found.iter().map(|(_, counted)| counted.stats)),
    }
}

/// The marks that stand for the addresses of a group (`nftables_ipvs`).
fn given_marks(view: &ServiceView<'_>) -> impl Iterator<Item = String> {
    let is_own = |mark: &NonZeroU32| {
        view.config()
            .endpoints
            .iter()
            .any(|end| matches!(end, Endpoint::Fwmark { mark: own, .. } if own == mark))
    };
    let marks = view.keys().iter().filter_map(|key| match key {
        ServiceKey::Fwmark { mark, .. } if !is_own(mark) => Some(format!("fwmark {mark}")),
        _ => None,
    });
    marks.collect::<Vec<_>>().into_iter()
}

fn protocol(config: &VirtualServer) -> &'static str {
    match (config.endpoints.first(), config.protocol) {
        (Some(Endpoint::Fwmark { .. }), _) => "fwmark",
        (_, Protocol::Tcp) => "tcp",
        (_, Protocol::Udp) => "udp",
        (_, Protocol::Sctp) => "sctp",
    }
}

fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Address(address) => address.to_string(),
        Endpoint::Fwmark { mark, .. } => format!("fwmark {mark}"),
    }
}

fn real_server(view: &ServerView<'_>, services: &[(&ServiceKey, &Counted)]) -> RealServerSnapshot {
    let dests: Vec<_> =
        services.iter().filter_map(|(key, counted)| counted.dests.get(&view.dest_key(key))).collect();
    RealServerSnapshot {
        address: view.config.address.to_string(),
        up: view.up,
        kept: view.kept,
        draining: false,
        configured_weight: view.config.weight.get(),
        effective_weight: view.table_weight.map_or(0, Weight::get),
        checks: view.checks().map(|(config, judge)| check(config, judge)).collect(),
        ..in_kernel(&dests)
    }
}

/// A server that a reload has removed.
fn leaving(
    address: SocketAddr,
    dests: &[(ServiceKey, DestKey)],
    counted: &BTreeMap<ServiceKey, Counted>,
) -> RealServerSnapshot {
    let dests: Vec<_> = dests.iter().filter_map(|(key, dest)| counted.get(key)?.dests.get(dest)).collect();
    RealServerSnapshot { address: address.to_string(), draining: true, ..in_kernel(&dests) }
}

/// What the kernel says of a server.
fn in_kernel(dests: &[&DestStatus]) -> RealServerSnapshot {
    RealServerSnapshot {
        in_table: !dests.is_empty(),
        active_connections: dests.iter().map(|dest| u64::from(dest.active)).sum(),
        inactive_connections: dests.iter().map(|dest| u64::from(dest.inactive)).sum(),
        counters: sum(dests.iter().map(|dest| dest.stats)),
        ..RealServerSnapshot::default()
    }
}

fn check(config: &Check, judge: &Judge) -> CheckSnapshot {
    let history = judge.history();
    let mut failures: Vec<_> =
        history.failures().map(|(cause, count)| (cause.name().to_owned(), count)).collect();
    if history.skipped > 0 {
        failures.push((NOT_RUN.to_owned(), history.skipped));
    }
    let skip = || history.last_skip.as_ref().map(|reason| format!("{NOT_RUN}: {reason}"));
    CheckSnapshot {
        kind: config.kind.keyword().to_owned(),
        ok: judge.verdict().map(|verdict| verdict == Verdict::Passed),
        successes: history.successes,
        failures,
        last_failure: history.last_failure.as_ref().map(ToString::to_string).or_else(skip),
        last_duration: history.last_duration,
    }
}

fn sum(all: impl Iterator<Item = Stats>) -> Counters {
    all.fold(Counters::default(), |sum, stats| Counters {
        connections: sum.connections.saturating_add(stats.conns),
        packets_in: sum.packets_in.saturating_add(stats.packets_in),
        packets_out: sum.packets_out.saturating_add(stats.packets_out),
        bytes_in: sum.bytes_in.saturating_add(stats.bytes_in),
        bytes_out: sum.bytes_out.saturating_add(stats.bytes_out),
    })
}
