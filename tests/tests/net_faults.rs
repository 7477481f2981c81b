//! What goes wrong around a director: it is not scheduled, it loses its own address, its scripts hang, everything happens
//! at once.

use lvsd_e2e::{Make, Node, Router, SOON, Site, Wire, good, held, in_parallel, ip};
use lvsd_lab::{Lan, Need, require, until};
use nix::sys::signal::Signal;
use std::{
    fmt::Write as _, net::IpAddr, os::unix::process::ExitStatusExt as _, path::Path, time::SystemTime,
};

fn vip() -> IpAddr {
    Router::usual_vip()
}

/// A backup that was not scheduled for longer than it believes in a silent master: what it missed lies in its socket.
#[test]
#[ignore = "needs root and namespaces"]
fn a_backup_that_was_frozen_does_not_take_over() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::Lvsd, &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    for _ in 0..5 {
        second.signal("vrrp.pid", Signal::SIGSTOP);
        // More than the down time.
        site.wait_adverts(&better, 6);
        second.signal("vrrp.pid", Signal::SIGCONT);
        site.wait_adverts(&better, 3);
    }
    site.settled(SystemTime::now(), &better, &[&other], vip());
    assert_eq!(site.adverts(&other), []);
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
}

/// A master that was not scheduled for so long that another took over.
#[test]
#[ignore = "needs root and namespaces"]
fn a_master_that_was_frozen_comes_to_terms_with_the_other() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    first.signal("vrrp.pid", Signal::SIGSTOP);
    second.wait_note("INSTANCE lab MASTER 100");
    let thawed = SystemTime::now();
    first.signal("vrrp.pid", Signal::SIGCONT);
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.wait(thawed, "its address announced anew", |frame| better.announced(frame, vip()));
    site.settled(thawed, &better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_frozen_supervisor_does_not_hold_up_the_election() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    second.signal("main.pid", Signal::SIGSTOP);
    good(better.link.cut());
    second.wait_note("INSTANCE lab MASTER 100");
    good(better.link.mend());
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.settled(SystemTime::now(), &better, &[&other], vip());
    second.signal("main.pid", Signal::SIGCONT);
    second.finish();
}

/// Without an address of its own it cannot speak.
#[test]
#[ignore = "needs root and namespaces"]
fn losing_the_own_address_is_a_fault_until_there_is_one_again() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    // A prefix of its own, for the kernel removes the secondaries of a primary with it.
    let router = |priority| Router::new(priority).vip("10.9.0.100/32").config();
    let first = better.start(Make::subject(), &router(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &router(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    good(better.host.ip("addr del 10.0.0.1/24 dev eth0"));
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], ip("10.9.0.100"));
    let again = SystemTime::now();
    good(better.host.add_address("10.0.0.7/24", "eth0"));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.settled(again, &better, &[&other], ip("10.9.0.100"));
    let last = site.adverts(&better).pop().map(|(_, advert)| advert.source);
    assert_eq!(last, Some(ip("10.0.0.7")));
}

/// `ip link set down` takes the IPv6 addresses away, virtual ones too.
#[test]
#[ignore = "needs root and namespaces"]
fn an_interface_switched_off_and_on_has_its_addresses_again() {
    require!(Need::Root, Make::subject().need());
    in_parallel(vec![false, true], 2, |&is_ipv6| {
        let (site, [better, other]) = Site::with_pair();
        let wire = Wire { is_ipv6, ..Wire::PLAIN };
        let first = better.start(Make::subject(), &wire.router(&better, &other, 150).config());
        first.wait_note("INSTANCE lab MASTER 150");
        let second = other.start(Make::subject(), &wire.router(&other, &better, 100).config());
        second.wait_note("INSTANCE lab BACKUP 100");
        good(better.host.ip("link set eth0 down"));
        first.wait_note("INSTANCE lab FAULT 150");
        second.wait_note("INSTANCE lab MASTER 100");
        let on = SystemTime::now();
        good(better.host.ip("link set eth0 up"));
        first.wait_notes("INSTANCE lab MASTER 150", 2);
        for vip in wire.vips() {
            site.settled(on, &better, &[&other], vip);
        }
    });
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_hanging_notification_holds_up_nothing() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let hangs = "notify_master \"/usr/bin/sleep 600\"\n notify_backup \"/usr/bin/sleep 600\"\n notify_stop \"/usr/bin/sleep 600\"";
    let mut first = better.start(Make::subject(), &Router::usual(150).line(hangs).config());
    good(until(SOON, "the better one to lead", || better.holds(vip())));
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    for _ in 0..2 {
        good(better.link.down());
        site.alone(&other, &[&better], vip());
        good(better.link.up());
        site.alone(&better, &[&other], vip());
    }
    first.finish();
    site.alone(&other, &[&better], vip());
    good(until(SOON, "nobody to be left", || first.process().family().is_empty()));
}

/// Of one priority and started together, again and again: one leads, and the other never does for long.
#[test]
#[ignore = "needs root and namespaces"]
fn equals_that_start_together_agree() {
    require!(Need::Root, Make::subject().need());
    in_parallel((0..6).collect(), 3, |_| {
        let (site, [low, high]) = Site::with_pair();
        let start = SystemTime::now();
        let config = Router::usual(100).config();
        let directors = [low.start(Make::subject(), &config), high.start(Make::subject(), &config)];
        let led =
            |director: &lvsd_e2e::Running| director.notes().contains(&"INSTANCE lab MASTER 100".to_owned());
        good(until(SOON, "one to lead", || directors.iter().any(led)));
        let both_started = || directors.iter().all(|director| !director.notes().is_empty());
        good(until(SOON, "both to start", both_started));
        let leads =
            || [&low, &high].map(|node| node.holds(vip())).iter().filter(|holds| **holds).count() == 1;
        good(until(SOON, "one holder", leads));
        let (winner, loser) = if high.holds(vip()) { (&high, &low) } else { (&low, &high) };
        site.settled(start, winner, &[loser], vip());
    });
}

/// Many virtual routers at a fast pace, all of which move at once.
#[test]
#[ignore = "needs root and namespaces"]
fn a_hundred_virtual_routers_fail_over_and_return() {
    require!(Need::Root);
    const COUNT: u8 = 100;
    let (_site, [better, other]) = Site::with_pair();
    let config = |priority: u8| {
        (1..=COUNT).fold(String::new(), |mut text, number| {
            let router = Router::new(priority).named(&format!("r{number}"), number);
            let router = router.vip(&format!("10.7.0.{number}")).vip(&format!("10.7.1.{number}")).to_string();
            let _ = write!(text, "{}", router.replace(" notify %HOME%/note\n", ""));
            text
        })
    };
    let count = |node: &Node| {
        let of_ours = |address: &&(String, IpAddr)| address.1.to_string().starts_with("10.7.");
        held(&node.host).iter().filter(of_ours).count()
    };
    let all = usize::from(COUNT) * 2;
    let mut first = better.start(Make::Lvsd, &config(150));
    good(until(SOON, "all on the better one", || count(&better) == all));
    let second = other.start(Make::Lvsd, &config(100));
    second.child("vrrp.pid");
    first.finish();
    assert_eq!(count(&better), 0);
    good(until(SOON, "all on the other", || count(&other) == all));
    let _first = better.start(Make::Lvsd, &config(150));
    good(until(SOON, "all to return", || (count(&better), count(&other)) == (all, 0)));
}

#[test]
#[ignore = "needs root and namespaces"]
fn stopping_at_once_leaves_nothing() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    for times in 1..=8 {
        let mut director = node.start(Make::Lvsd, &Router::usual(255).line("state MASTER").config());
        director.child("main.pid");
        // Before it can answer, the signal ends it as it would any program; after that it stops in order.
        let status = good(director.stop(SOON));
        assert!(status.success() || status.signal() == Some(15), "{status}");
        assert!(!node.holds(vip()), "after {times} times");
        good(until(SOON, "nobody to be left", || director.process().family().is_empty()));
    }
}

/// As a service manager does: a supervisor that is killed is started again at once, while its children still resign.
#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_supervisor_that_is_started_again_at_once_leads_again() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let home = Path::new("/run/lvsd-lab").join(format!("{}-again", std::process::id()));
    let config = Router::usual(150).config().replace(" notify %HOME%/note\n", "");
    let mut running = better.start_in(&home, &config);
    better.wait_holds(vip());
    let second = other.start(Make::Lvsd, &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    for _ in 0..3 {
        let killed = SystemTime::now();
        good(running.signal(Signal::SIGKILL));
        good(running.wait(SOON));
        let next = better.start_in(&home, &config);
        site.wait_advert(killed, &better, "the resignation", |advert| advert.priority == 0);
        site.settled(SystemTime::now(), &better, &[&other], vip());
        running = next;
    }
    let status = good(running.stop(SOON));
    assert!(status.success());
    site.alone(&other, &[&better], vip());
    good(std::fs::remove_dir_all(home));
}

/// As at boot: the link-local address that adverts are sent from is still being checked for duplicates.
#[test]
#[ignore = "needs root and namespaces"]
fn a_tentative_address_is_waited_for() {
    require!(Need::Root, Make::subject().need());
    let (site, [node, peer]) = Site::with_pair();
    good(node.host.sysctl("net.ipv6.conf.eth0.accept_dad", "1"));
    good(node.host.ip("link set eth0 down"));
    good(node.host.ip("link set eth0 up"));
    let wire = Wire { is_ipv6: true, ..Wire::PLAIN };
    let start = SystemTime::now();
    let director = node.start(Make::subject(), &wire.router(&node, &peer, 150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    site.settled(start, &node, &[&peer], wire.vips()[0]);
    // And once more while it runs.
    good(node.host.ip("link set eth0 down"));
    director.wait_note("INSTANCE lab FAULT 150");
    good(node.host.ip("link set eth0 up"));
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    site.settled(SystemTime::now(), &node, &[&peer], wire.vips()[1]);
}

/// The interface of an address counts like the own one.
#[test]
#[ignore = "needs root and namespaces"]
fn an_address_waits_for_its_interface() {
    require!(Need::Root);
    let (site, [better, other]) = Site::with_pair();
    let back = good(Lan::new("back"));
    let router = |priority| Router::usual(priority).vip("10.1.0.100/24 dev eth1").config();
    let first = better.start(Make::Lvsd, &router(150));
    first.wait_note("INSTANCE lab FAULT 150");
    let _other_inside = good(back.plug(&other.host, "eth1", &["10.1.0.2/24"]));
    let second = other.start(Make::Lvsd, &router(100));
    second.wait_note("INSTANCE lab MASTER 100");
    let inside = good(back.plug(&better.host, "eth1", &["10.1.0.1/24"]));
    first.wait_note("INSTANCE lab MASTER 150");
    site.alone(&better, &[&other], ip("10.1.0.100"));
    good(inside.down());
    first.wait_notes("INSTANCE lab FAULT 150", 2);
    site.alone(&other, &[&better], ip("10.1.0.100"));
    site.alone(&other, &[&better], vip());
    drop(inside);
    good(better.host.ip("link del eth1"));
    let _inside = good(back.plug(&better.host, "eth1", &["10.1.0.1/24"]));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], ip("10.1.0.100"));
}

/// With no address of its own but the virtual one, it must not speak from that.
#[test]
#[ignore = "needs root and namespaces"]
fn the_virtual_address_never_becomes_the_own_one() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    // Then the kernel keeps the virtual address when its primary goes, and makes a primary of it.
    good(node.host.sysctl("net.ipv4.conf.eth0.promote_secondaries", "1"));
    let director = node.start(Make::subject(), &Router::usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    node.wait_holds(vip());
    good(node.host.ip("addr del 10.0.0.1/24 dev eth0"));
    director.wait_note("INSTANCE lab FAULT 150");
    node.wait_lacks(vip());
    good(node.host.add_address("10.0.0.1/24", "eth0"));
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    node.wait_holds(vip());
    let sources: Vec<_> = site.adverts(&node).into_iter().map(|(_, advert)| advert.source).collect();
    assert!(sources.iter().all(|source| *source == ip("10.0.0.1")), "{sources:?}");
}
