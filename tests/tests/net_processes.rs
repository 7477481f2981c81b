//! The processes of a director: how they end, come back, are told things and tell them.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, good, ip};
use lvsd_lab::{Launch, Need, has_ipvs, require, until, until_some};
use nix::sys::signal::{SigSet, Signal};
use serde_json::Value;
use std::{fs, net::IpAddr, os::unix::net::UnixDatagram, time::SystemTime};

fn vip() -> IpAddr {
    Router::usual_vip()
}

/// A service that keeps a checker process busy, and needs no server to be there.
const SERVICE: &str = "virtual_server 10.0.0.100 80 {
    delay_loop 1
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.9 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
";

fn is_alive(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !(state.is_empty() || state.contains(") Z "))
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_supervisor_takes_its_addresses_along() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    let child = first.child("vrrp.pid");
    let killed = SystemTime::now();
    first.signal("main.pid", Signal::SIGKILL);
    site.wait_advert(killed, &better, "the resignation", |advert| advert.priority == 0);
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    good(until(SOON, "the child to end", || !is_alive(child)));
    good(until(SOON, "the family to end", || first.process().family().is_empty()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_vrrp_process_comes_back() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    let supervisor = first.child("main.pid");
    let child = first.child("vrrp.pid");
    let killed = SystemTime::now();
    first.signal("vrrp.pid", Signal::SIGKILL);
    let next = until_some(SOON, "another child", || first.pid("vrrp.pid").ok().filter(|pid| *pid != child));
    assert!(is_alive(good(next)));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.settled(killed, &better, &[&other], vip());
    assert_eq!(first.child("main.pid"), supervisor);
    first.finish();
    assert!(!better.holds(vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vrrp_process_that_is_killed_again_and_again_keeps_coming_back() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::subject(), &Router::usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    for times in 2..=3 {
        director.signal("vrrp.pid", Signal::SIGKILL);
        director.wait_notes("INSTANCE lab MASTER 150", times);
    }
    node.wait_holds(vip());
    director.finish();
    assert!(!node.holds(vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_happens_to_the_checker_is_nothing_to_vrrp() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::Lvsd, &format!("{}{SERVICE}", Router::usual(150).config()));
    director.wait_note("INSTANCE lab MASTER 150");
    let (vrrp, checker) = (director.child("vrrp.pid"), director.child("checkers.pid"));
    let killed = SystemTime::now();
    director.signal("checkers.pid", Signal::SIGKILL);
    let next = until_some(SOON, "another checker", || {
        director.pid("checkers.pid").ok().filter(|pid| *pid != checker)
    });
    assert!(is_alive(good(next)));
    assert_eq!(director.child("vrrp.pid"), vrrp);
    site.settled(killed, &node, &[], vip());
    assert_eq!(director.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
    if !has_ipvs() {
        let log = director.log();
        assert!(log.contains("ip_vs"), "says nothing of the module that the kernel lacks:\n{log}");
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn only_vrrp_runs_when_only_that_is_asked_for() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let config = format!("{}{SERVICE}", Router::usual(150).config());
    let mut director = node.start_with(Make::subject(), |launch| launch.args(["-P"]), &config);
    director.wait_note("INSTANCE lab MASTER 150");
    assert!(director.pid("checkers.pid").is_err(), "there is a checker");
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn processes_are_called_what_they_do() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::Lvsd, &format!("{}{SERVICE}", Router::usual(150).config()));
    director.wait_note("INSTANCE lab MASTER 150");
    for (pid_file, name) in [("vrrp.pid", "lvsd: vrrp"), ("checkers.pid", "lvsd: checker")] {
        let pid = director.child(pid_file);
        for column in ["args", "comm"] {
            let shown = good(node.host.check(&format!("ps -o {column}= -p {pid}")));
            assert!(shown.starts_with(name), "{column} of {pid_file}: {shown}");
        }
    }
    let pid = director.child("main.pid");
    let shown = good(node.host.check(&format!("ps -o comm= -p {pid}")));
    assert_eq!(shown.trim(), "lvsd");
}

#[test]
#[ignore = "needs root and namespaces"]
fn either_signal_stops_it() {
    require!(Need::Root, Make::subject().need());
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let site = Site::new();
        let node = site.node("node", 1);
        let mut director = node.start(Make::subject(), &Router::usual(150).config());
        director.wait_note("INSTANCE lab MASTER 150");
        let stop = SystemTime::now();
        director.signal("main.pid", signal);
        site.wait_advert(stop, &node, "the resignation", |advert| advert.priority == 0);
        let status = good(director.process().wait(SOON));
        assert!(status.success(), "{signal}: {status}");
        assert!(!node.holds(vip()));
        for file in ["main.pid", "vrrp.pid"] {
            assert!(!director.home().join(file).exists(), "{file} is left");
        }
    }
}

/// The text of a dump, once it is there and whole.
fn dump(director: &Running, signal: i32, file: &str, whole: impl Fn(&str) -> bool) -> String {
    let path = director.home().join(file);
    // An earlier one would be mistaken for it.
    let _ = fs::remove_file(&path);
    let status = std::process::Command::new("kill")
        .args([format!("-{signal}"), director.child("main.pid").to_string()])
        .status();
    assert!(good(status).success());
    let text = until_some(SOON, file, || fs::read_to_string(&path).ok().filter(|text| whole(text)));
    good(text)
}

#[test]
#[ignore = "needs root and namespaces"]
fn dumps_are_written_when_asked_for() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let config = Router::usual(150).line("track_interface {\n lo weight 10\n }").config();
    let director = node.start_with(
        Make::subject(),
        |launch| {
            let home = launch.home().display().to_string();
            launch.env("TMPDIR", &home)
        },
        &config,
    );
    director.wait_note("INSTANCE lab MASTER 160");
    site.wait_adverts(&node, 2);

    let data = dump(&director, Signal::SIGUSR1 as i32, "keepalived.data", |text| text.contains("10.0.0.100"));
    for expected in ["VRRP Topology", "VRRP Instance = lab", "State = MASTER", "Virtual Router ID = 51"] {
        assert!(data.contains(expected), "no {expected:?} in:\n{data}");
    }
    let stats =
        dump(&director, Signal::SIGUSR2 as i32, "keepalived.stats", |text| text.contains("Priority Zero"));
    assert!(stats.contains("VRRP Instance: lab"), "{stats}");
    let sent = stats.lines().find_map(|line| line.trim().strip_prefix("Sent: ")?.parse::<u64>().ok());
    assert!(sent >= Some(2), "{stats}");

    let json = dump(&director, 36, "keepalived.json", |text| serde_json::from_str::<Value>(text).is_ok());
    let value: Value = good(serde_json::from_str(&json));
    let data = &value[0]["data"];
    let expected = [
        ("iname", Value::from("lab")),
        ("ifp_ifname", Value::from("eth0")),
        ("vrid", Value::from(51)),
        ("base_priority", Value::from(150)),
        ("effective_priority", Value::from(160)),
        ("state", Value::from(2)),
        ("wantstate", Value::from(2)),
        ("version", Value::from(3)),
        ("vipset", Value::from(true)),
    ];
    for (key, value) in expected {
        assert_eq!(data[key], value, "{key} in {json}");
    }
    let held = data["vips"][0].as_str().unwrap_or_default();
    assert!(held.starts_with("10.0.0.100/24 dev eth0"), "{held}");
    assert!(value[0]["stats"]["advert_sent"].as_u64() >= Some(2), "{json}");
    assert_eq!(value[0]["stats"]["become_master"], 1);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_with_a_mistake_changes_nothing() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::Lvsd, &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    let wrong = Router::new(160).vip("10.0.0.101/24").vip("10.0.0.300/24").config();
    let line = wrong.lines().position(|line| line.contains("300")).unwrap() + 1;
    first.give(&wrong);
    good(first.wait_log(&format!("director.conf:{line}:"), SOON));
    site.settled(SystemTime::now(), &better, &[&other], vip());
    assert!(!better.holds(ip("10.0.0.101")));
    let last = site.adverts(&better).pop().map(|(_, advert)| advert.priority);
    assert_eq!(last, Some(150));
    // And the next one, when it is right, is taken.
    first.give(&Router::usual(170).config());
    site.wait_advert(SystemTime::now(), &better, "the new priority", |advert| advert.priority == 170);
    assert_eq!(first.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_that_leaves_nothing_is_named() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::Lvsd, &Router::usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    director.give("");
    good(director.wait_log("all addresses and services are removed", SOON));
    node.wait_lacks(vip());
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_configuration_with_a_mistake_does_not_start() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let wrong = Router::new(160).vip("10.0.0.300/24").config();
    let line = wrong.lines().position(|line| line.contains("300")).unwrap() + 1;
    let mut director = node.start(Make::Lvsd, &wrong);
    let status = good(director.process().wait(SOON));
    assert!(!status.success());
    let log = director.log();
    assert!(log.contains(&format!("director.conf:{line}:")) && log.contains("10.0.0.300"), "{log}");
    assert_eq!(site.adverts(&node), []);
}

/// What systemd would hear.
struct Manager {
    socket: UnixDatagram,
    told: String,
}

impl Manager {
    /// Starts a director that has this manager, and these variables.
    fn starts<'a>(node: &'a Node, variables: &[(&str, &str)]) -> (Self, Running) {
        let mut sockets = Vec::new();
        let director = node.start_with(
            Make::Lvsd,
            |launch: Launch<'a>| {
                let path = launch.home().join("notify.socket");
                sockets.extend(UnixDatagram::bind(&path));
                let launch = launch.env("NOTIFY_SOCKET", &path.display().to_string());
                variables.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
            },
            &Router::usual(150).config(),
        );
        let socket = sockets.pop().expect("its home has room for a socket");
        good(socket.set_nonblocking(true));
        (Self { socket, told: String::new() }, director)
    }

    /// Waits for a word, after those waited for before.
    #[track_caller]
    fn hears(&mut self, what: &str) {
        let heard = until(SOON, what, || {
            let mut bytes = [0; 4096];
            while let Ok(length) = self.socket.recv(&mut bytes) {
                self.told.push_str(&String::from_utf8_lossy(&bytes[..length]));
                self.told.push('\n');
            }
            let end = self.told.find(what).map(|place| place + what.len());
            end.inspect(|end| drop(self.told.drain(..*end))).is_some()
        });
        assert!(heard.is_ok(), "no {what} in {:?}", self.told);
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_service_manager_is_told() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let (mut manager, mut director) = Manager::starts(&node, &[]);
    manager.hears("READY=1");
    director.wait_note("INSTANCE lab MASTER 150");
    director.give(&Router::usual(160).config());
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
    director.finish();
    manager.hears("STOPPING=1");
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_watchdog_is_fed() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let (mut manager, director) = Manager::starts(&node, &[("WATCHDOG_USEC", "200000")]);
    manager.hears("READY=1");
    for _ in 0..5 {
        manager.hears("WATCHDOG=1");
    }
    assert!(director.notes().len() <= 2, "and nothing else happened");
}

/// A mask lasts across exec; whoever starts the daemon may have one.
#[test]
#[ignore = "needs root and namespaces"]
fn a_daemon_that_was_started_with_signals_blocked_obeys_them_all_the_same() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("only", 1);
    let mask = SigSet::all();
    good(mask.thread_block());
    let mut director = node.start(Make::subject(), &Router::usual(150).config());
    good(mask.thread_unblock());
    director.wait_note("INSTANCE lab MASTER 150");
    director.give(&Router::usual(140).config());
    site.wait_advert(SystemTime::now(), &node, "the new priority", |advert| advert.priority == 140);
    director.finish();
}

#[test]
#[ignore = "needs root and namespaces"]
fn it_works_in_the_namespace_that_it_is_told() {
    require!(Need::Root);
    let (site, [here, there]) = Site::with_pair();
    let name = there.host.namespace().name().to_owned();
    let config = Router::usual(150).config();
    let mut director = here.start_with(Make::Lvsd, |launch| launch.args(["-s", &name]), &config);
    director.wait_note("INSTANCE lab MASTER 150");
    site.settled(SystemTime::now(), &there, &[&here], vip());
    director.finish();
    let in_file = format!("net_namespace {name}\n{config}");
    let mut director = here.start(Make::Lvsd, &in_file);
    director.wait_note("INSTANCE lab MASTER 150");
    site.settled(SystemTime::now(), &there, &[&here], vip());
    director.finish();
    assert!(!there.holds(vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_dead_child_ends_it_where_that_is_asked_for() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let config = Router::usual(150).config();
    let mut director = node.start_with(Make::subject(), |launch| launch.args(["-R"]), &config);
    director.wait_note("INSTANCE lab MASTER 150");
    director.signal("vrrp.pid", Signal::SIGKILL);
    good(director.process().wait(SOON));
    good(until(SOON, "nobody to be left", || director.process().family().is_empty()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_second_one_leaves_the_first_alone() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::Lvsd, &Router::usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    let pid = director.child("main.pid");
    let file = director.home().join("main.pid").display().to_string();
    let home = director.home().display().to_string();
    let config = Router::usual(160).config();
    let mut second = node.start_with(Make::Lvsd, |launch| launch.args(["-p", &file]), &config);
    let status = good(second.process().wait(SOON));
    assert!(status.success(), "as with the peer: {status}");
    assert!(second.log().contains(&home), "{}", second.log());
    site.settled(SystemTime::now(), &node, &[], vip());
    assert_eq!(director.child("main.pid"), pid);
    assert_eq!(director.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
    director.finish();
}
