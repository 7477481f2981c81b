//! The laboratory's own test: hosts on a LAN reach each other, and stop to when parted.

use lvsd_lab::{Host, Lan, Link, Need, Program, Result, Seen, require, sweep, until, until_some, web};
use std::{
    env, fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

const SOON: Duration = Duration::from_secs(10);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn host_on(lan: &Lan, name: &str, last: u8) -> Result<(Host, Link)> {
    let host = Host::new(name)?;
    let link = lan.plug(&host, "eth0", &[&format!("10.0.0.{last}/24"), &format!("fd00::{last}/64")])?;
    Ok((host, link))
}

fn reaches(from: &Host, to: &str) -> bool {
    from.run(&format!("ping -n -q -c 1 -W 1 {to}")).is_ok_and(|output| output.status.success())
}

#[test]
#[ignore = "needs root and namespaces"]
fn hosts_reach_each_other_until_parted() -> Result<()> {
    require!(Need::Root);
    let lan = Lan::new("lan")?;
    let (a, _to_a) = host_on(&lan, "a", 1)?;
    let (_b, to_b) = host_on(&lan, "b", 2)?;
    let (c, to_c) = host_on(&lan, "c", 3)?;
    for to in ["10.0.0.2", "fd00::2", "10.0.0.3"] {
        until(SOON, &format!("a to reach {to}"), || reaches(&a, to))?;
    }

    lan.split([&to_b, &to_c])?;
    assert!(!reaches(&a, "10.0.0.2"));
    assert!(reaches(&c, "10.0.0.2"), "both are on the far side");
    to_b.mend()?;
    to_c.mend()?;
    assert!(reaches(&a, "10.0.0.2"));

    to_b.cut()?;
    assert!(!reaches(&a, "10.0.0.2"));
    to_b.mend()?;
    assert!(reaches(&a, "10.0.0.2"));
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_host_loses_its_carrier_when_unplugged() -> Result<()> {
    require!(Need::Root);
    let lan = Lan::new("lan")?;
    let (a, to_a) = host_on(&lan, "a", 1)?;
    let has_carrier = || a.ip("-o link show dev eth0").is_ok_and(|text| text.contains("LOWER_UP"));
    until(SOON, "a carrier", has_carrier)?;
    to_a.down()?;
    until(SOON, "no carrier", || !has_carrier())?;
    to_a.up()?;
    until(SOON, "a carrier again", has_carrier)
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_third_host_sees_a_gratuitous_arp() -> Result<()> {
    require!(Need::Root);
    let lan = Lan::new("lan")?;
    let (a, _to_a) = host_on(&lan, "a", 1)?;
    let (witness, _to_witness) = host_on(&lan, "witness", 2)?;
    let [on_host, on_lan] = [witness.capture("eth0")?, lan.capture()?];
    a.sysctl("net.ipv4.conf.eth0.arp_notify", "1")?;
    a.ip("link set eth0 address 02:00:00:00:00:0a")?;
    for capture in [&on_host, &on_lan] {
        let frame = capture.wait(SOON, "a gratuitous ARP", |frame| frame.announces(ip("10.0.0.1")))?;
        let Seen::Announcement(announcement) = frame.seen() else {
            unreachable!("it was just found to be one")
        };
        assert_eq!((announcement.mac, a.mac("eth0")?), ([2, 0, 0, 0, 0, 10], [2, 0, 0, 0, 0, 10]));
        assert!(frame.at.elapsed().is_ok_and(|age| age < Duration::from_secs(60)));
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_client_notices_when_its_server_goes_away() -> Result<()> {
    require!(Need::Root);
    let lan = Lan::new("lan")?;
    let (client, _to_client) = host_on(&lan, "client", 1)?;
    let (real, _to_real) = host_on(&lan, "real", 2)?;
    let address = SocketAddr::new(ip("10.0.0.2"), 80);
    let server = web::Server::on(&real, address, web::Answer::page("server 1"))?;
    let target = web::Target::Http { address, path: "/".to_owned() };
    let load = web::Load::start(&client, web::Client::new(target.clone()))?;
    until(SOON, "ten answers", || server.served() >= 10)?;
    drop(server);
    let refused = || web::Client::new(target.clone()).fetch_from(&client).err();
    until_some(SOON, "a refusal", refused)?;
    until_some(SOON, "another", refused)?;
    let report = load.stop();
    assert!(report.answers.get("server 1").is_some_and(|&answers| answers >= 10), "{report:?}");
    assert_eq!(report.answers.values().sum::<u64>() + report.failed, report.sent);
    Ok(())
}

/// Tells a second run of the test below to be the one that is killed, and where to write what it leaves.
const VICTIM: &str = "LVSD_LAB_VICTIM";

#[test]
#[ignore = "needs root and namespaces"]
fn what_a_killed_test_leaves_is_swept() -> Result<()> {
    require!(Need::Root);
    if let Some(notes) = env::var_os(VICTIM) {
        let host = Host::new("victim")?;
        let sleeper = host.program("setsid").args(["sleep", "600"]).spawn(Path::new("/dev/null"))?;
        fs::write(notes, format!("{} {}", host.namespace().name(), sleeper.pid())).expect("a writable file");
        std::process::abort();
    }
    let notes = env::temp_dir().join(format!("lvsd-lab-victim-{}", std::process::id()));
    let this = env::current_exe().expect("a test has a file");
    let words = ["--ignored", "--exact", "what_a_killed_test_leaves_is_swept"];
    let output = Program::new(this).args(words).env(VICTIM, &notes).run()?;
    assert!(!output.status.success());
    let left = fs::read_to_string(&notes).expect("the victim got that far");
    fs::remove_file(&notes).expect("it was just read");
    let (namespace, sleeper) = left.split_once(' ').expect("two words");
    let namespace = Path::new("/run/netns").join(namespace);
    // A process that is dead, but not yet waited for, has no command line.
    let runs = || fs::read(format!("/proc/{sleeper}/cmdline")).is_ok_and(|line| !line.is_empty());
    sweep();
    until(SOON, "the namespace to be removed", || !namespace.exists())?;
    until(SOON, "the process to be killed", || !runs())
}
