//! A VRRP process that is killed and replaced: its masters go on, and nobody else takes over.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, Wire, good};
use lvsd_lab::{Need, Process, Program, Seen, require, until};
use nix::sys::signal::Signal;
use std::time::{Duration, SystemTime};

/// Sees every address, route and rule that goes.
fn watch(node: &Node, running: &Running) -> Process {
    let log = running.home().join("monitor");
    let program = Program::new("ip").args(["-o", "monitor", "address", "route", "rule"]);
    let mut watcher = good(program.within(node.host.namespace()).spawn(&log));
    let listens = || {
        good(node.host.ip("addr add 192.0.2.1/32 dev lo"));
        good(node.host.ip("addr del 192.0.2.1/32 dev lo"));
        watcher.log().contains("192.0.2.1")
    };
    good(until(SOON, "the monitor to listen", listens));
    good(watcher.wait_log("192.0.2.1", SOON));
    watcher
}

/// Kills the process and waits for its successor to be MASTER. Gives the moment of the kill.
fn replace(running: &Running, times: usize) -> SystemTime {
    let before = running.child("vrrp.pid");
    let killed = SystemTime::now();
    running.signal("vrrp.pid", Signal::SIGKILL);
    good(until(SOON, "another process", || running.pid("vrrp.pid").is_ok_and(|pid| pid != before)));
    running.wait_notes("INSTANCE lab MASTER 150", times);
    killed
}

/// Nobody but the master has led since, and what it held has stayed.
fn nothing_moved(site: &Site, [better, other]: &[Node; 2], killed: SystemTime, monitor: &Process) {
    site.wait_adverts(better, 3);
    let led = |advert: &(SystemTime, lvsd_lab::Advert)| advert.0 > killed && advert.1.priority > 0;
    assert!(!site.adverts(other).iter().any(led), "the peer took over");
    let resigned = |(at, advert): &(SystemTime, lvsd_lab::Advert)| *at > killed && advert.priority == 0;
    assert!(!site.adverts(better).iter().any(resigned), "the master resigned");
    let moved = |frame: &lvsd_lab::Frame| {
        frame.at > killed && other.sent(frame) && matches!(frame.seen(), Seen::Announcement(_))
    };
    assert!(!site.frames().iter().any(moved), "the peer announced an address");
    let gone: Vec<String> = monitor
        .log()
        .lines()
        .filter(|line| line.contains("Deleted") && !line.contains("192.0.2.1"))
        .map(str::to_owned)
        .collect();
    assert!(gone.is_empty(), "gone for a moment: {gone:#?}");
}

fn goes_on(router: impl Fn(&Node, &Node, u8) -> String) {
    let (site, nodes) = Site::with_pair();
    let [better, other] = &nodes;
    let mut first = better.start(Make::Lvsd, &router(better, other, 150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &router(other, better, 100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(better, 2);
    let monitor = watch(better, &first);
    let killed = replace(&first, 2);
    good(first.wait_log("resumed: its process died", SOON));
    nothing_moved(&site, &nodes, killed, &monitor);
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_process_is_replaced_and_goes_on_as_master() {
    require!(Need::Root);
    goes_on(|_, _, priority| {
        Router::usual(priority)
            .interval(Duration::from_secs(1))
            .vip("fd00::64/64")
            .line("virtual_routes {\n 192.0.2.0/24 via 10.0.0.9\n }")
            .line("virtual_rules {\n from 192.0.2.7 lookup 100\n }")
            .config()
    });
}

#[test]
#[ignore = "needs root and namespaces"]
fn with_an_advert_each_100_ms_it_goes_on_too() {
    require!(Need::Root);
    goes_on(|_, _, priority| Router::usual(priority).config());
}

#[test]
#[ignore = "needs root and namespaces"]
fn with_unicast_peers_it_goes_on_too() {
    require!(Need::Root);
    let wire = Wire::new(3, true, lvsd_e2e::Cast::Unicast);
    goes_on(|me, peer, priority| wire.router(me, peer, priority).interval(Duration::from_secs(1)).config());
}

/// It stood still for so long that the other took over: that stays as it is.
#[test]
#[ignore = "needs root and namespaces"]
fn a_process_that_was_missed_begins_anew() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let router = |priority| Router::usual(priority).line("nopreempt").config();
    let first = better.start(Make::Lvsd, &router(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &router(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(&better, 2);
    first.signal("vrrp.pid", Signal::SIGSTOP);
    second.wait_note("INSTANCE lab MASTER 100");
    let killed = SystemTime::now();
    first.signal("vrrp.pid", Signal::SIGKILL);
    first.wait_note("INSTANCE lab BACKUP 150");
    better.wait_lacks(Router::usual_vip());
    site.settled(killed, &other, &[&better], Router::usual_vip());
    assert!(!first.log().contains("resumed: its process died"));
}

/// Somebody took an address away while nobody looked: what has lost something begins anew.
#[test]
#[ignore = "needs root and namespaces"]
fn who_has_lost_an_address_begins_anew() {
    require!(Need::Root);
    let (site, [better, _other]) = Site::with_pair();
    let router = Router::usual(150).interval(Duration::from_secs(1)).vip("10.0.0.101/32");
    let first = better.start(Make::Lvsd, &router.config());
    first.wait_note("INSTANCE lab MASTER 150");
    site.wait_adverts(&better, 2);
    first.signal("vrrp.pid", Signal::SIGSTOP);
    good(better.host.ip("addr del 10.0.0.101/32 dev eth0"));
    first.signal("vrrp.pid", Signal::SIGKILL);
    first.wait_note("INSTANCE lab BACKUP 150");
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    better.wait_holds(lvsd_e2e::ip("10.0.0.101"));
}
