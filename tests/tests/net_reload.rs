//! Reloads: what the files say now is what there is, and what they did not change has not noticed.

use lvsd_e2e::{Make, Router, SOON, Site, good, ip};
use lvsd_lab::{Lan, Need, require, until};
use std::time::{Duration, SystemTime};

fn vip() -> std::net::IpAddr {
    Router::usual_vip()
}

fn second_router(priority: u8) -> Router {
    Router::new(priority).named("more", 52).vip("10.0.0.110/24")
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_router_can_be_added_and_removed() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let one = |priority| Router::usual(priority).config();
    let two = |priority| format!("{}{}", Router::usual(priority).config(), second_router(priority));
    let first = better.start(Make::subject(), &one(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &one(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    first.give(&two(150));
    second.give(&two(100));
    first.wait_note("INSTANCE more MASTER 150");
    second.wait_note("INSTANCE more BACKUP 100");
    site.alone(&better, &[&other], ip("10.0.0.110"));

    let removed = SystemTime::now();
    first.give(&one(150));
    site.wait_advert(removed, &better, "the farewell of the removed one", |advert| {
        (advert.vrid, advert.priority) == (52, 0)
    });
    second.wait_note("INSTANCE more MASTER 100");
    site.alone(&other, &[&better], ip("10.0.0.110"));
    let lab: Vec<_> = first.notes().into_iter().filter(|note| note.contains(" lab ")).collect();
    assert_eq!(lab, ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"], "the one that stayed noticed");
    assert!(better.holds(vip()));
    assert!(!site.adverts(&other).iter().any(|(_, advert)| advert.vrid == 51));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_router_that_becomes_another_starts_anew() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let back = good(Lan::new("back"));
    let _inside = good(back.plug(&node.host, "eth1", &["10.1.0.1/24"]));
    let director = node.start(Make::subject(), &Router::usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    let moved = SystemTime::now();
    director.give(&Router::usual(150).named("lab", 77).config());
    site.wait_advert(moved, &node, "the old number's farewell", |advert| {
        (advert.vrid, advert.priority) == (51, 0)
    });
    site.wait_advert(moved, &node, "the new number", |advert| (advert.vrid, advert.priority) == (77, 150));
    node.wait_holds(vip());

    let inside = good(back.capture());
    director.give(&Router::usual(150).named("lab", 77).on("eth1").config());
    good(inside.wait(SOON, "adverts on the other interface", |frame| {
        frame.advert().is_some_and(|advert| (advert.vrid, advert.priority) == (77, 150))
    }));
    let on_eth1 = || lvsd_e2e::held(&node.host).contains(&("eth1".to_owned(), vip()));
    good(until(SOON, "the address on the other interface", on_eth1));
    assert!(!lvsd_e2e::held(&node.host).contains(&("eth0".to_owned(), vip())));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_storm_of_reloads_ends_with_the_last_one() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let config = |priority: u8, last: u8| Router::usual(priority).vip(&format!("10.0.0.{last}/24")).config();
    let mut first = better.start(Make::subject(), &config(150, 101));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &config(100, 101));
    second.wait_note("INSTANCE lab BACKUP 100");
    for last in 102..=140 {
        first.give(&config(last, last));
    }
    better.wait_holds(ip("10.0.0.140"));
    for last in 101..140 {
        better.wait_lacks(ip(&format!("10.0.0.{last}")));
    }
    site.wait_advert(SystemTime::now(), &better, "the last priority", |advert| advert.priority == 140);
    site.settled(SystemTime::now(), &better, &[&other], vip());
    assert_eq!(first.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
    first.finish();
    assert!(!better.holds(vip()) && !better.holds(ip("10.0.0.140")));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_backup_given_the_better_priority_takes_over() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    let raised = SystemTime::now();
    second.give(&Router::usual(200).config());
    second.wait_note("INSTANCE lab MASTER 200");
    first.wait_notes("INSTANCE lab BACKUP 150", 2);
    site.settled(raised, &other, &[&better], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_interval_can_change_on_both_without_a_second_master() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let config = |priority, millis| Router::usual(priority).interval(Duration::from_millis(millis)).config();
    let first = better.start(Make::subject(), &config(150, 100));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &config(100, 100));
    second.wait_note("INSTANCE lab BACKUP 100");
    // Slower first where one speaks, as the other learns the interval from it.
    first.give(&config(150, 500));
    site.wait_advert(SystemTime::now(), &better, "the slower pace", |advert| advert.interval == 50);
    second.give(&config(100, 500));
    site.wait_adverts(&better, 6);
    first.give(&config(150, 50));
    second.give(&config(100, 50));
    site.wait_advert(SystemTime::now(), &better, "the faster pace", |advert| advert.interval == 5);
    site.wait_adverts(&better, 10);
    site.settled(SystemTime::now(), &better, &[&other], vip());
    assert_eq!(site.adverts(&other), []);
}

#[test]
#[ignore = "needs root and namespaces"]
fn scripts_and_groups_can_come_and_go() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let script = "vrrp_script check {\n script \"/usr/bin/test ! -e %HOME%/down\"\n interval 0.1\n}\n";
    let tracking = Router::usual(150).line("track_script {\n check\n }");
    let with = format!("{}{script}{tracking}", Router::SCRIPTS);
    let first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");

    // A script that succeeds changes nothing when it comes.
    first.give(&with);
    site.wait_adverts(&better, 10);
    first.touch("down");
    first.wait_note("INSTANCE lab FAULT 150");
    second.wait_note("INSTANCE lab MASTER 100");
    // And with it goes the fault.
    first.give(&Router::usual(150).config());
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.alone(&better, &[&other], vip());

    let group = "vrrp_sync_group both {\n group {\n lab\n more\n }\n notify %HOME%/note\n}\n";
    let grouped = format!("{}{group}{}{}", Router::SCRIPTS, Router::usual(150), second_router(150));
    first.give(&grouped);
    first.wait_note("GROUP both MASTER 0");
    better.wait_holds(ip("10.0.0.110"));
    site.alone(&better, &[&other], vip());
}
