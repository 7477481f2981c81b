//! A pair of directors: who leads, and when that changes.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good, ip};
use lvsd_lab::{Lan, Need, require, until};
use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

fn vip() -> IpAddr {
    Router::usual_vip()
}

/// A subject that holds nothing in reserve: a usual router of that priority.
fn config(priority: u8) -> String {
    Router::usual(priority).config()
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_pair_starts_and_stops() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let start = SystemTime::now();
    let mut first = better.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = other.start(Make::subject(), &config(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.settled(start, &better, &[&other], vip());

    second.finish();
    assert_eq!(site.adverts(&other), [], "a backup has nothing to resign");
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100", "INSTANCE lab STOP 100"]);
    first.finish();
    assert!(!better.holds(vip()), "stopped, and holds the address");
    let resigns: Vec<_> = site.adverts(&better).iter().map(|(_, advert)| advert.priority).collect();
    assert_eq!(resigns.iter().filter(|priority| **priority == 0).count(), 1, "{resigns:?}");
    assert_eq!(resigns.last(), Some(&0), "it speaks no more");
    let notes = ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150", "INSTANCE lab STOP 150"];
    assert_eq!(first.notes(), notes);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_pair_fails_over_and_returns() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &config(100));
    second.wait_note("INSTANCE lab BACKUP 100");

    let killed = first.kill();
    site.wait(killed, "the address announced", |frame| other.announced(frame, vip()));
    second.wait_note("INSTANCE lab MASTER 100");
    let back = SystemTime::now();
    let first = better.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.settled(back, &better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_pair_survives_a_split_and_heals() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &config(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    good(other.link.cut());
    second.wait_note("INSTANCE lab MASTER 100");
    assert!(better.holds(vip()), "parted from the other, each holds the address");
    let healed = SystemTime::now();
    good(other.link.mend());
    second.wait_notes("INSTANCE lab BACKUP 100", 2);
    site.settled(healed, &better, &[&other], vip());
    assert_eq!(first.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"], "the better one stays");
    site.wait(healed, "its address announced anew", |frame| better.announced(frame, vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_owner_is_master_at_once() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("owner", 1);
    let slow = Router::usual(255).interval(Duration::from_secs(10)).line("state MASTER");
    let start = SystemTime::now();
    let owner = node.start(Make::subject(), &slow.config());
    site.wait_advert(start, &node, "its claim", |advert| advert.priority == 255);
    node.wait_holds(vip());
    owner.wait_note("INSTANCE lab MASTER 255");
    assert_eq!(owner.notes(), ["INSTANCE lab MASTER 255"], "an owner is no backup first");
}

#[test]
#[ignore = "needs root and namespaces"]
fn nopreempt_leaves_a_lesser_master_alone() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let mut second = other.start(Make::subject(), &config(100));
    second.wait_note("INSTANCE lab MASTER 100");
    let patient = Router::usual(150).line("nopreempt").config();
    let first = better.start(Make::subject(), &patient);
    first.wait_note("INSTANCE lab BACKUP 150");
    site.wait_adverts(&other, 10);
    site.settled(SystemTime::now(), &other, &[&better], vip());
    assert_eq!(site.adverts(&better), []);
    second.finish();
    first.wait_note("INSTANCE lab MASTER 150");
    better.wait_holds(vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn preempt_delay_lets_a_lesser_master_be_for_a_while() {
    require!(Need::Root, Make::subject().need());
    let delay = Duration::from_secs(2);
    let (site, [better, other]) = Site::with_pair();
    let second = other.start(Make::subject(), &config(100));
    second.wait_note("INSTANCE lab MASTER 100");
    let start = SystemTime::now();
    let slow = Router::usual(150).line("preempt_delay 2").config();
    let _first = better.start(Make::subject(), &slow);
    let taken = site.wait_advert(start, &better, "the take-over", |advert| advert.priority == 150).at;
    assert!(good(taken.duration_since(start)) >= delay);
    site.settled(taken, &better, &[&other], vip());
}

/// A node on two LANs, with a virtual router on each that go together.
fn with_two_legs(node: &Node, back: &Lan, number: u8) -> lvsd_lab::Link {
    good(back.plug(&node.host, "eth1", &[&format!("10.1.0.{number}/24")]))
}

fn group_of_two(priority: u8) -> String {
    let inside = Router::new(priority).named("inside", 52).on("eth1").vip("10.1.0.100/24");
    let outside = Router::usual(priority).named("outside", 51);
    format!(
        "{}vrrp_sync_group both {{\n group {{\n outside\n inside\n }}\n notify %HOME%/note\n}}\n{outside}{inside}",
        Router::SCRIPTS
    )
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_sync_group_moves_together() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let back = good(Lan::new("back"));
    let [inside, _inside] = [with_two_legs(&better, &back, 1), with_two_legs(&other, &back, 2)];
    let vips = [vip(), ip("10.1.0.100")];
    let first = better.start(Make::subject(), &group_of_two(150));
    first.wait_note("GROUP both MASTER 0");
    let second = other.start(Make::subject(), &group_of_two(100));
    second.wait_note("GROUP both BACKUP 0");
    for vip in vips {
        better.wait_holds(vip);
    }
    // Scripts of different routers run at the same time, so their notes come in any order.
    for name in ["outside", "inside"] {
        first.wait_note(&format!("INSTANCE {name} MASTER 150"));
    }

    let lost = SystemTime::now();
    good(inside.down());
    first.wait_note("GROUP both FAULT 0");
    second.wait_note("GROUP both MASTER 0");
    site.wait_advert(lost, &better, "the other leg's resignation", |advert| advert.priority == 0);
    for vip in vips {
        site.alone(&other, &[&better], vip);
    }

    good(inside.up());
    first.wait_notes("GROUP both MASTER 0", 2);
    second.wait_notes("GROUP both BACKUP 0", 2);
    for vip in vips {
        site.alone(&better, &[&other], vip);
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_lost_carrier_is_a_fault_until_it_is_back() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::subject(), &config(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &config(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    good(better.link.down());
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    site.alone(&other, &[&better], vip());
    let back = SystemTime::now();
    good(better.link.up());
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.settled(back, &better, &[&other], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_interface_may_appear_later() {
    require!(Need::Root, Make::subject().need());
    let (site, [node, _]) = Site::with_pair();
    let back = good(Lan::new("back"));
    let router = Router::new(100).on("eth1").vip("10.1.0.100/24");
    let config = format!("global_defs {{\n dynamic_interfaces\n}}\n{}", router.config());
    let mut director = node.start(Make::subject(), &config);
    director.wait_note("INSTANCE lab FAULT 100");
    let link = with_two_legs(&node, &back, 1);
    director.wait_note("INSTANCE lab MASTER 100");
    node.wait_holds(ip("10.1.0.100"));

    // And it may go and come again, as another one of the same name.
    drop(link);
    good(node.host.ip("link del eth1"));
    director.wait_notes("INSTANCE lab FAULT 100", 2);
    let _link = with_two_legs(&node, &back, 1);
    director.wait_notes("INSTANCE lab MASTER 100", 2);
    node.wait_holds(ip("10.1.0.100"));
    director.finish();
    assert_eq!(site.adverts(&node), [], "eth0 is none of its business");
}

#[test]
#[ignore = "needs root and namespaces"]
fn three_directors_agree_on_one_after_another() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let nodes = [3, 2, 1].map(|number| site.node(&format!("node-{number}"), number));
    let mut running = nodes.each_ref().map(|node| node.start(Make::subject(), &config(node_priority(node))));
    let everybody: Vec<&Node> = nodes.iter().collect();
    for (index, node) in nodes.iter().enumerate() {
        let others: Vec<_> = everybody.iter().copied().filter(|other| !std::ptr::eq(*other, node)).collect();
        site.settled(SystemTime::now(), node, &others, vip());
        running[index].finish();
    }
    let nobody = until(SOON, "", || nodes.iter().all(|node| !node.holds(vip())));
    assert!(nobody.is_ok());
}

/// 101 to 103.
fn node_priority(node: &Node) -> u8 {
    100 + node.mac()[5]
}
