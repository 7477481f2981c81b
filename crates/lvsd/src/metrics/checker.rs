//! Metrics of the checker process.

use std::borrow::Cow;

use lvsd_ipc::{CheckSnapshot, CheckerSnapshot, Counters, RealServerSnapshot, ServiceSnapshot};

use super::table::{self as m, Metric};
use super::text::{Page, Series, Value};

pub(super) fn write(page: &mut Page, snapshot: &CheckerSnapshot) {
    services(page, &snapshot.services);
    servers(page, &snapshot.services);
    checks(page, &snapshot.services);
    let ipvs = &snapshot.ipvs;
    page.single(&m::IPVS_AVAILABLE, ipvs.available);
    page.metric(&m::IPVS_OPERATIONS, |series| {
        series.add(&["success"], ipvs.operations);
        series.add(&["failure"], ipvs.failed_operations);
    });
    page.single(&m::IPVS_HEALED, ipvs.healed);
}

fn services(page: &mut Page, services: &[ServiceSnapshot]) {
    page.metric(&m::SERVICE_INFO, |series| {
        services.iter().for_each(|one| series.add(&[&one.name, &one.protocol, &one.scheduler], true));
    });
    page.metric(&m::SERVICE_ENDPOINT, |series| {
        for one in services {
            one.endpoints.iter().for_each(|endpoint| series.add(&[&one.name, &one.protocol, endpoint], true));
        }
    });
    each_service(page, &m::SERVICE_QUORUM_MET, services, |one| one.quorum_met);
    each_service(page, &m::SERVICE_QUORUM, services, |one| one.quorum);
    each_service(page, &m::SERVICE_WEIGHT, services, |one| one.weight_alive);
    each_service(page, &m::SERVICE_SORRY, services, |one| one.sorry_active);
    each_service(page, &m::SERVICE_SUSPENDED, services, |one| one.suspended);
    each_service(page, &m::SERVICE_FAIL_OPEN, services, |one| one.fails_open);
    each_service(page, &m::SERVICE_CONNECTIONS, services, |one| one.counters.connections);
    let directed = |page: &mut Page, metric, pick: fn(&Counters) -> (u64, u64)| {
        page.metric(metric, |series| {
            for one in services {
                let (into, out) = pick(&one.counters);
                series.add(&[&one.name, &one.protocol, "in"], into);
                series.add(&[&one.name, &one.protocol, "out"], out);
            }
        });
    };
    directed(page, &m::SERVICE_PACKETS, |counters| (counters.packets_in, counters.packets_out));
    directed(page, &m::SERVICE_BYTES, |counters| (counters.bytes_in, counters.bytes_out));
}

fn each_service<V: Into<Value>>(
    page: &mut Page,
    metric: &'static Metric,
    services: &[ServiceSnapshot],
    value: impl Fn(&ServiceSnapshot) -> V,
) {
    page.metric(metric, |series| {
        services.iter().for_each(|one| series.add(&[&one.name, &one.protocol], value(one)));
    });
}

/// Hands every real server, with a way to add a series for it, to `fill`.
fn each_server(
    page: &mut Page,
    metric: &'static Metric,
    services: &[ServiceSnapshot],
    fill: impl Fn(&RealServerSnapshot, &mut dyn FnMut(&[&str], Value)),
) {
    page.metric(metric, |series: &mut Series<'_>| {
        for service in services {
            for server in &service.real_servers {
                let labels = [service.name.as_str(), &service.protocol, &server.address];
                fill(server, &mut |more, value| series.add(&[&labels, more].concat(), value));
            }
        }
    });
}

fn servers(page: &mut Page, services: &[ServiceSnapshot]) {
    each_server(page, &m::SERVER_UP, services, |server, add| add(&[], server.up.into()));
    each_server(page, &m::SERVER_IN_TABLE, services, |server, add| add(&[], server.in_table.into()));
    each_server(page, &m::SERVER_DRAINING, services, |server, add| {
        if server.draining {
            add(&[], true.into());
        }
    });
    each_server(page, &m::SERVER_WEIGHT, services, |server, add| {
        add(&["configured"], server.configured_weight.into());
        add(&["effective"], server.effective_weight.into());
    });
    each_server(page, &m::SERVER_ACTIVE, services, |server, add| add(&[], server.active_connections.into()));
    each_server(page, &m::SERVER_INACTIVE, services, |server, add| {
        add(&[], server.inactive_connections.into());
    });
    each_server(page, &m::SERVER_CONNECTIONS, services, |server, add| {
        add(&[], server.counters.connections.into());
    });
    each_server(page, &m::SERVER_PACKETS, services, |server, add| {
        add(&["in"], server.counters.packets_in.into());
        add(&["out"], server.counters.packets_out.into());
    });
    each_server(page, &m::SERVER_BYTES, services, |server, add| {
        add(&["in"], server.counters.bytes_in.into());
        add(&["out"], server.counters.bytes_out.into());
    });
}

fn checks(page: &mut Page, services: &[ServiceSnapshot]) {
    each_server(page, &m::CHECK_UP, services, |server, add| {
        for (check, name) in named(&server.checks) {
            if let Some(ok) = check.ok {
                add(&[&name], ok.into());
            }
        }
    });
    each_server(page, &m::CHECKS, services, |server, add| {
        for (check, name) in named(&server.checks) {
            let failures: u64 = check.failures.iter().map(|(_, count)| count).sum();
            add(&[&name, "success"], check.successes.into());
            add(&[&name, "failure"], failures.into());
        }
    });
    each_server(page, &m::CHECK_FAILURES, services, |server, add| {
        for (check, name) in named(&server.checks) {
            check.failures.iter().for_each(|(cause, count)| add(&[&name, cause], (*count).into()));
        }
    });
    each_server(page, &m::CHECK_DURATION, services, |server, add| {
        for (check, name) in named(&server.checks) {
            if let Some(duration) = check.last_duration {
                add(&[&name], duration.into());
            }
        }
    });
}

/// Checks with names that differ: the second of a kind is `KIND 2`.
fn named(checks: &[CheckSnapshot]) -> impl Iterator<Item = (&CheckSnapshot, Cow<'_, str>)> {
    checks.iter().enumerate().map(|(index, check)| {
        let earlier = checks.iter().take(index).filter(|other| other.kind == check.kind).count();
        let name = if earlier == 0 {
            Cow::Borrowed(check.kind.as_str())
        } else {
            Cow::Owned(format!("{} {}", check.kind, earlier + 1))
        };
        (check, name)
    })
}
