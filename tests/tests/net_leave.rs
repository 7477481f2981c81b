//! A master whose host leaves the multicast group because everything on it that spoke VRRP was killed.

use lvsd_e2e::{Cast, Make, Node, Perch, Router, Running, SOON, Site, Wire, good};
use lvsd_lab::{Frame, Need, Rival, require, until};
use nix::sys::signal::Signal;
use std::time::{Duration, SystemTime};

/// What the log says of the take-over.
const CAUSE: &str = "the master left its multicast group and missed an advert";

/// Slow enough for silence alone to take far longer.
fn config(priority: u8) -> Router {
    Router::usual(priority).interval(Duration::from_secs(1))
}

/// CHANGE_TO_INCLUDE of nothing for 224.0.0.18, in an IGMPv3 report.
fn tells_departure(frame: &Frame) -> bool {
    const RECORD: [u8; 8] = [3, 0, 0, 0, 224, 0, 0, 18];
    let is_igmp = frame.bytes.get(12..14) == Some(&[8, 0]) && frame.bytes.get(23) == Some(&2);
    is_igmp && frame.bytes.windows(RECORD.len()).any(|part| part == RECORD)
}

fn pair(first: Make, second: Make, router: impl Fn(u8) -> Router) -> (Site, [Node; 2], [Running; 2]) {
    let (site, nodes) = Site::with_pair();
    let [better, other] = &nodes;
    let first = better.start(first, &router(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(second, &router(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(better, 2);
    (site, nodes, [first, second])
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_master_is_missed_after_one_advert() {
    require!(Need::Root);
    let (site, [better, other], [mut first, mut second]) = pair(Make::Lvsd, Make::Lvsd, config);
    let killed = first.kill();
    site.wait(killed, "the kernel's report", |frame| better.sent(frame) && tells_departure(frame));
    second.wait_note("INSTANCE lab MASTER 100");
    good(second.wait_log(CAUSE, SOON));
    other.wait_holds(Router::usual_vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_keepalived_is_missed_after_one_advert() {
    let rivals = Rival::ALL.map(Make::Keepalived);
    require!(Need::Root, rivals[0].need(), rivals[1].need());
    for rival in rivals {
        let (_site, _nodes, [mut first, mut second]) = pair(rival, Make::Lvsd, config);
        first.kill();
        second.wait_note("INSTANCE lab MASTER 100");
        good(second.wait_log(CAUSE, SOON));
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_killed_master_is_missed_after_one_advert_over_ipv6() {
    require!(Need::Root);
    let wire = Wire::new(3, true, Cast::Multicast);
    let (site, [better, other]) = Site::with_pair();
    let slow = |me: &Node, peer: &Node, priority| {
        wire.router(me, peer, priority).interval(Duration::from_secs(1)).config()
    };
    let mut first = better.start(Make::Lvsd, &slow(&better, &other, 150));
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = other.start(Make::Lvsd, &slow(&other, &better, 100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(&better, 2);
    first.kill();
    second.wait_note("INSTANCE lab MASTER 100");
    good(second.wait_log(CAUSE, SOON));
}

#[test]
#[ignore = "needs root and namespaces"]
fn silence_alone_takes_the_whole_interval_where_it_is_turned_off() {
    require!(Need::Root);
    let router = |priority| Router::usual(priority).line("leave_detection off");
    let (site, [better, other], [mut first, mut second]) = pair(Make::Lvsd, Make::Lvsd, router);
    let killed = first.kill();
    site.wait(killed, "the kernel's report", |frame| better.sent(frame) && tells_departure(frame));
    second.wait_note("INSTANCE lab MASTER 100");
    good(second.wait_log("no advert for the down interval", SOON));
    other.wait_holds(Router::usual_vip());
}

/// A VRRP process that dies and is replaced, and a reload, are no departure: nobody is told one.
#[test]
#[ignore = "needs root and namespaces"]
fn a_replaced_process_and_a_reload_are_no_departure() {
    require!(Need::Root);
    let start = SystemTime::now();
    let (site, [better, _other], [mut first, _second]) = pair(Make::Lvsd, Make::Lvsd, config);
    let before = first.child("vrrp.pid");
    first.signal("vrrp.pid", Signal::SIGKILL);
    let replaced = || first.pid("vrrp.pid").is_ok_and(|pid| pid != before);
    good(until(SOON, "another process", replaced));
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    first.give(&config(150).line("garp_master_refresh 60").config());
    site.wait_adverts(&better, 2);
    let departed = |frame: &Frame| frame.at > start && better.sent(frame) && tells_departure(frame);
    // The kernel says it twice, the second time within a second.
    site.wait_adverts(&better, 2);
    assert!(!site.frames().iter().any(departed), "a departure was told");
    // The same report is there when everything is killed.
    let killed = first.kill();
    site.wait(killed, "the kernel's report", |frame| better.sent(frame) && tells_departure(frame));
}

/// The same in an MLDv2 report, for ff02::12.
fn tells_departure_of_ipv6(frame: &Frame) -> bool {
    const RECORD: [u8; 20] = [3, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];
    let is_mld = frame.bytes.get(12..14) == Some(&[0x86, 0xdd]) && frame.bytes.get(62) == Some(&143);
    is_mld && frame.bytes.windows(RECORD.len()).any(|part| part == RECORD)
}

/// On a VMAC the adverts' membership is on the VMAC, and its reports leave by the base. The end of one process is no departure there
/// either, and the end of the family is one.
fn on_a_vmac(is_ipv6: bool, perch: Perch) {
    let wire = Wire::new(3, is_ipv6, Cast::Multicast).on(perch);
    let (site, [better, other]) = Site::with_pair();
    let slow = |me: &Node, peer: &Node, priority| {
        wire.router(me, peer, priority).interval(Duration::from_secs(1)).config()
    };
    let mut first = better.start(Make::Lvsd, &slow(&better, &other, 150));
    first.wait_note("INSTANCE lab MASTER 150");
    let mut second = other.start(Make::Lvsd, &slow(&other, &better, 100));
    second.wait_note("INSTANCE lab BACKUP 100");
    site.wait_adverts(&better, 2);
    let departed = |frame: &Frame| tells_departure(frame) || tells_departure_of_ipv6(frame);
    let start = SystemTime::now();
    first.signal("vrrp.pid", Signal::SIGKILL);
    first.wait_notes("INSTANCE lab MASTER 150", 2);
    site.wait_adverts(&better, 3);
    let told: Vec<Frame> =
        site.frames().into_iter().filter(|frame| frame.at > start && departed(frame)).collect();
    assert!(told.is_empty(), "a departure was told: {told:?}");
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
    let killed = first.kill();
    site.wait(killed, "the kernel's report", departed);
    second.wait_note("INSTANCE lab MASTER 100");
    good(second.wait_log(CAUSE, SOON));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vmac_leaves_with_the_family_and_not_before() {
    require!(Need::Root);
    on_a_vmac(false, Perch::Vmac);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vmac_of_ipv6_leaves_with_the_family_and_not_before() {
    require!(Need::Root);
    on_a_vmac(true, Perch::Vmac);
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_base_of_a_vmac_leaves_with_the_family_and_not_before() {
    require!(Need::Root);
    on_a_vmac(false, Perch::VmacByBase);
}
