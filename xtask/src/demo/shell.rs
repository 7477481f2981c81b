//! The shell in the client, for a spectator who wants to try.

use super::stage::{DIRECT, Machine, NAT, Stage};
use crate::Failure;
use lvsd_lab::{built, quote};
use std::fs;

/// Tells what can be tried, and runs a shell in the client until it ends.
pub(super) fn run(stage: &Stage) -> Result<(), Failure> {
    let home = tempfile::tempdir()?;
    let rc = home.path().join("rc");
    fs::write(&rc, commands(stage)?)?;
    println!("{}", advice(stage));
    stage.client.program("bash").arg("--rcfile").arg(&rc).arg("-i").interact()?;
    Ok(())
}

/// A function per host that runs a command there, and a client.
fn commands(stage: &Stage) -> Result<String, Failure> {
    let lab = quote(&built("lvsd-lab")?.display().to_string());
    let mut text = format!(
        "PS1='client# '\nmetrics() {{ \"$1\" {lab} client --url http://127.0.0.1:9165/metrics --count 1; }}\n\
         ask() {{ {lab} client --url \"${{1:-{}}}\" --count \"${{2:-6}}\"; }}\n",
        DIRECT.url
    );
    let hosts = stage.directors.iter().map(|machine| &machine.host);
    let servers = stage.servers.iter().chain([&stage.sorry]).map(|server| &server.host);
    for host in hosts.chain(servers).chain([&stage.client]) {
        text += &format!("{}() {{ ip netns exec {} \"$@\"; }}\n", host.name(), host.namespace().name());
    }
    Ok(text)
}

fn advice(stage: &Stage) -> String {
    let mut text = format!(
        "
This is a shell in the client. Every host's name is a command that runs another command there:
  director-a ipvsadm -Ln             the table in its kernel; --stats for the connections
  director-a ip addr show eth0       who holds the virtual addresses?
  metrics director-b                 what it tells Prometheus
  ask                                six requests by direct routing: who answers?
  ask {} 60  sixty by NAT
  real-1 ip link set eth0 down       a server that is gone; `up` brings it back
  ip netns list                      the namespaces, for `ip netns exec`
",
        NAT.url
    );
    let directors = stage.directors.iter();
    text.extend(directors.filter_map(director_advice));
    text + "Leave with `exit`; then everything is taken down.\n"
}

fn director_advice(machine: &Machine) -> Option<String> {
    let director = machine.director.as_ref()?;
    let (name, home) = (machine.name(), director.home().display());
    let pid = director.pid("main.pid").ok()?;
    Some(format!("  {name}: {home}/director.conf and log; kill -HUP {pid} reloads, kill {pid} stops it\n"))
}
