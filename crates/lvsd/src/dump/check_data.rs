//! `keepalived_check.data`: the checker process, for people.

use std::fmt::Write;

use lvsd_ipc::{CheckerSnapshot, RealServerSnapshot};
use lvsd_model::Config;

use super::vrrp_data::{globals, line};

pub(super) fn text(config: &Config, snapshot: &CheckerSnapshot) -> String {
    let mut text = String::new();
    globals(&mut text, config);
    line!(text, "------< LVS Topology >------");
    let ipvs = &snapshot.ipvs;
    line!(text, " System is {}", if ipvs.available { "running with IPVS" } else { "without IPVS" });
    if let Some(error) = &ipvs.error {
        line!(text, " IPVS error = {error}");
    }
    for service in &snapshot.services {
        line!(text, " Virtual server = {} {}", service.name, service.protocol);
        service.endpoints.iter().for_each(|endpoint| line!(text, "   Endpoint = {endpoint}"));
        line!(text, "   lvs_sched = {}", service.scheduler);
        line!(text, "   quorum = {}, alive weight = {}", service.quorum, service.weight_alive);
        line!(text, "   quorum met = {}", service.quorum_met);
        line!(text, "   sorry server active = {}", service.sorry_active);
        line!(text, "   suspended = {}, fails open = {}", service.suspended, service.fails_open);
        service.real_servers.iter().for_each(|server| server_lines(&mut text, server));
    }
    line!(text, "------< Health checkers >------");
    for service in &snapshot.services {
        for server in &service.real_servers {
            check_lines(&mut text, &service.name, server);
        }
    }
    text
}

fn server_lines(text: &mut String, server: &RealServerSnapshot) {
    line!(text, "   Real server = {}", server.address);
    line!(text, "     Alive = {}", server.up);
    line!(text, "     In table = {}", server.in_table);
    if server.draining {
        line!(text, "     Draining = true");
    }
    line!(text, "     weight = {}, effective weight = {}", server.configured_weight, server.effective_weight);
    line!(
        text,
        "     connections = {} active, {} inactive",
        server.active_connections,
        server.inactive_connections
    );
}

fn check_lines(text: &mut String, service: &str, server: &RealServerSnapshot) {
    for check in &server.checks {
        let state = match check.ok {
            None => "not yet",
            Some(true) => "up",
            Some(false) => "down",
        };
        line!(text, " {} of {} for {service}", check.kind, server.address);
        line!(text, "   State = {state}");
        line!(text, "   Successes = {}", check.successes);
        for (cause, count) in &check.failures {
            line!(text, "   Failures by {cause} = {count}");
        }
        if let Some(reason) = &check.last_failure {
            line!(text, "   Last failure = {reason}");
        }
        if let Some(duration) = check.last_duration {
            line!(text, "   Last duration = {:.6} sec", duration.as_secs_f64());
        }
    }
}
