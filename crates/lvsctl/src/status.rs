//! `lvsctl status`: how everything is, for people and for programs.

use std::io::{self, Write};
use std::time::Duration;

use hyper::Method;
use lvsd::control::{Instance, Process, Server, Service, Session, Status as State};

use crate::cli::{Format, Status as Wanted};
use crate::{Failure, Status, daemon};

pub(crate) fn print(wanted: &Wanted, out: &mut impl Write) -> Result<Status, Failure> {
    let socket = wanted.daemon.socket();
    let state: State = daemon::ask(&socket, Method::GET, "/v1/status", None)?;
    match wanted.format {
        Format::Text => write(&state, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &state)?;
            writeln!(out)?;
        }
    }
    Ok(Status::GOOD)
}

fn write(state: &State, out: &mut impl Write) -> io::Result<()> {
    let configuration = &state.configuration;
    writeln!(
        out,
        "lvsd {}, process {}, configuration {}",
        state.version, state.pid, configuration.generation
    )?;
    if configuration.last_refused {
        writeln!(out, "the last reload was refused: the configuration before it is in force")?;
    }
    if configuration.tolerated > 0 {
        writeln!(
            out,
            "{} mistakes in the configuration are tolerated; see lvsctl check",
            configuration.tolerated
        )?;
    }
    state.processes.iter().filter(|process| process.wanted).try_for_each(|process| remark(process, out))?;
    if let Some(error) = &state.ipvs_error {
        writeln!(out, "IPVS cannot be used: {error}")?;
    }
    if let Some(instances) = state.instances.as_deref().filter(|list| !list.is_empty()) {
        writeln!(out)?;
        write_instances(instances, out)?;
    }
    if let Some(findings) = state.findings.as_deref().filter(|list| !list.is_empty()) {
        writeln!(out)?;
        findings.iter().try_for_each(|finding| crate::radar::tell(finding, out))?;
    }
    if let Some(sessions) = state.sessions.as_deref().filter(|list| !list.is_empty()) {
        writeln!(out)?;
        write_sessions(sessions, out)?;
    }
    if let Some(services) = state.services.as_deref().filter(|list| !list.is_empty()) {
        writeln!(out)?;
        write_services(services, out)?;
    }
    Ok(())
}

/// What is not as it should be with a process.
fn remark(process: &Process, out: &mut impl Write) -> io::Result<()> {
    let Process { name, restarts, degraded, .. } = process;
    if !process.answers {
        writeln!(out, "the {name} process does not answer")?;
    }
    if *restarts > 0 {
        writeln!(out, "the {name} process was restarted {restarts} times")?;
    }
    if *degraded > 0 {
        writeln!(out, "the {name} process: {degraded} parts of the configuration do not work on this host")?;
    }
    Ok(())
}

fn write_instances(instances: &[Instance], out: &mut impl Write) -> io::Result<()> {
    let head = ["INSTANCE", "STATE", "FOR", "PRIORITY", "VRID", "INTERFACE", "ADDRESSES", "HEARD"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(instances.iter().map(|one| {
        let priority = if one.priority == one.base_priority {
            one.priority.to_string()
        } else {
            format!("{} ({})", one.priority, one.base_priority)
        };
        let heard = one.heard.as_ref().map(|heard| format!("{} priority {}", heard.source, heard.priority));
        vec![
            one.name.clone(),
            one.state.clone(),
            span(one.in_state),
            priority,
            one.vrid.to_string(),
            one.interface.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}/{}", one.addresses_present, one.addresses.len()),
            heard.unwrap_or_else(|| "-".to_owned()),
        ]
    }));
    daemon::table(&rows, out)?;
    for one in instances {
        for fault in &one.faults {
            writeln!(out, "{}: {fault}", one.name)?;
        }
        for adjustment in &one.adjustments {
            writeln!(out, "{}: {:+} by {}", one.name, adjustment.amount, adjustment.tracker)?;
        }
    }
    Ok(())
}

fn write_sessions(sessions: &[Session], out: &mut impl Write) -> io::Result<()> {
    let head = ["BFD SESSION", "STATE", "FOR", "NEIGHBOR", "ITS STATE", "INTERVAL", "DETECTION", "REMARK"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let millis = |seconds: Option<f64>| {
        seconds.map_or_else(|| "-".to_owned(), |it| format!("{}ms", (it * 1e3).round()))
    };
    rows.extend(sessions.iter().map(|one| {
        let remark = match (&one.send_error, one.state.as_str()) {
            (Some(error), _) => format!("cannot send: {error}"),
            (None, "Up") => String::new(),
            (None, _) if one.up => "taken down by the neighbor's operator; counts as up".to_owned(),
            (None, _) => one.diagnostic.clone(),
        };
        vec![
            one.name.clone(),
            one.state.clone(),
            span(one.in_state),
            one.neighbor.clone(),
            one.remote.as_ref().map_or("silent", |remote| &remote.state).to_owned(),
            millis(one.interval),
            millis(one.remote.as_ref().map(|remote| remote.detection_time)),
            remark,
        ]
    }));
    daemon::table(&rows, out)
}

fn write_services(services: &[Service], out: &mut impl Write) -> io::Result<()> {
    let head = ["SERVICE", "SERVER", "STATE", "WEIGHT", "ACTIVE", "INACTIVE", "REMARK"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for service in services {
        let state = match (service.quorum_met, service.sorry) {
            (_, true) => "sorry",
            (true, false) if service.fails_open => "fail-open",
            (true, false) => "up",
            (false, false) => "down",
        };
        let name = format!("{} {}", service.name, service.protocol);
        let mut head = [&name, "", state, &service.alive.to_string()].map(str::to_owned).to_vec();
        if service.suspended {
            head.extend(["", "", "checks rest: its addresses are elsewhere"].map(str::to_owned));
        }
        rows.push(head);
        rows.extend(service.servers.iter().map(|server| {
            let failure = server
                .checks
                .iter()
                .find_map(|check| check.failure.as_ref().map(|failure| format!("{}: {failure}", check.kind)));
            vec![
                String::new(),
                server.address.clone(),
                standing(server).to_owned(),
                server.weight.to_string(),
                server.active.to_string(),
                server.inactive.to_string(),
                failure.unwrap_or_default(),
            ]
        }));
    }
    daemon::table(&rows, out)
}

const fn standing(server: &Server) -> &'static str {
    match (server.draining, server.kept, server.up) {
        (true, ..) => "draining",
        (false, true, _) => "kept",
        (false, false, true) => "up",
        (false, false, false) => "down",
    }
}

/// A time in its two greatest units.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    match (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, hours, ..) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        for (seconds, text) in
            [(0.4, "0s"), (59.9, "59s"), (61.0, "1m1s"), (7265.0, "2h1m"), (180_000.0, "2d2h"), (-1.0, "0s")]
        {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn the_table_tells_what_is_wrong() {
        let text = r#"{"version":"1","pid":7,"started":1.0,"ipvs_error":"no ip_vs","groups":[],"scripts":[],
            "configuration":{"generation":2,"last_refused":true,"last_attempt":1.0,"reloads":1,"refusals":1,"tolerated":3,"hints":0},
            "processes":[{"name":"vrrp","wanted":true,"answers":false,"generation":2,"restarts":1,"degraded":0},
                {"name":"checker","wanted":false,"answers":false,"generation":0,"restarts":0,"degraded":0}],
            "instances":[{"name":"V","interface":"eth0","vrid":51,"family":"IPv4","version":2,"state":"FAULT","in_state":3.0,
                "base_priority":150,"priority":100,"adjustments":[{"tracker":"script web","amount":-50}],"faults":["interface eth0 is down"],
                "heard":{"source":"10.0.0.2","priority":90,"ago":0.5},"advert_interval":1.0,"addresses":["10.0.0.9/24"],"addresses_present":0}],
            "services":[{"name":"10.0.0.9 80","protocol":"tcp","endpoints":["10.0.0.9:80"],"scheduler":"rr","quorum_met":false,
                "quorum":1,"alive":0,"sorry":false,"servers":[{"address":"10.1.0.1:80","up":false,"configured_weight":1,"weight":0,
                "in_table":false,"active":0,"inactive":0,"checks":[{"kind":"TCP_CHECK","ok":false,"failure":"refused"}]}]}],
            "sessions":[{"name":"r","neighbor":"10.0.0.254","multihop":false,"state":"Up","in_state":9.0,"up":true,"diagnostic":"no diagnostic",
                "interval":0.01,"remote":{"state":"Up","diagnostic":"no diagnostic","heard_ago":0.001,"detection_time":0.05},"send_error":null},
                {"name":"s","neighbor":"10.0.0.253","multihop":true,"state":"Down","in_state":2.0,"up":false,
                "diagnostic":"control detection time expired","interval":1.0,"remote":null,"send_error":null}],
            "a field of a later version":1}"#;
        let state: State = serde_json::from_str(text).expect("a status");
        let mut out = Vec::new();
        write(&state, &mut out).expect("memory takes everything");
        let said = String::from_utf8(out).expect("text");
        for line in [
            "lvsd 1, process 7, configuration 2",
            "the last reload was refused: the configuration before it is in force",
            "3 mistakes in the configuration are tolerated; see lvsctl check",
            "the vrrp process does not answer",
            "the vrrp process was restarted 1 times",
            "IPVS cannot be used: no ip_vs",
            "V         FAULT  3s   100 (150)  51    eth0       0/1        10.0.0.2 priority 90",
            "V: interface eth0 is down",
            "V: -50 by script web",
            "r            Up     9s   10.0.0.254  Up         10ms      50ms",
            "s            Down   2s   10.0.0.253  silent     1000ms    -          control detection time expired",
            "                 10.1.0.1:80  down   0       0       0         TCP_CHECK: refused",
        ] {
            assert!(said.lines().any(|one| one == line), "{line:?} is not in\n{said}");
        }
        assert!(!said.contains("checker"), "{said}");
    }
}
