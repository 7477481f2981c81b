//! Virtual addresses in the kernel: how they look there, and what becomes of them when others meddle or we die.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good, in_parallel, ip};
use lvsd_lab::{Director, Lan, Need, Process, Rival, require, until};
use std::{fs, net::IpAddr, path::Path, time::SystemTime};

fn vip() -> IpAddr {
    Router::usual_vip()
}

/// What is heard about an address of this host, from now on; the process must live as long as it is to listen.
fn monitor(node: &Node, directory: &Path) -> Process {
    let program = node.host.program("ip").args(["-o", "monitor", "address"]);
    good(program.spawn(&directory.join(format!("{}.monitor", node.host.name()))))
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_address_that_somebody_deletes_comes_back() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let router = |priority| Router::usual(priority).vip("10.0.0.101/24").config();
    let mut first = better.start(Make::subject(), &router(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &router(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    better.wait_holds(ip("10.0.0.101"));
    for address in ["10.0.0.101", "10.0.0.100"] {
        let deleted = SystemTime::now();
        good(better.host.ip(&format!("addr del {address}/24 dev eth0")));
        site.wait(deleted, "the address announced anew", |frame| better.announced(frame, ip(address)));
        for vip in [vip(), ip("10.0.0.101")] {
            site.alone(&better, &[&other], vip);
        }
    }
    site.settled(SystemTime::now(), &better, &[&other], vip());
    first.finish();
    assert!(!better.holds(vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_ipv6_address_that_somebody_deletes_comes_back() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::subject(), &Router::new(150).vip("fd00::64/64").config());
    director.wait_note("INSTANCE lab MASTER 150");
    node.wait_holds(ip("fd00::64"));
    let deleted = SystemTime::now();
    good(node.host.ip("addr del fd00::64/64 dev eth0"));
    site.wait(deleted, "the address announced anew", |frame| node.announced(frame, ip("fd00::64")));
    node.wait_holds(ip("fd00::64"));
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_address_left_by_a_dead_director_goes_when_another_leads() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &Router::usual(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    first.kill();
    second.wait_note("INSTANCE lab MASTER 100");
    assert!(better.holds(vip()), "nobody has removed it");
    let patient = Router::usual(150).line("nopreempt").config();
    let again = better.start(Make::subject(), &patient);
    again.wait_note("INSTANCE lab BACKUP 150");
    site.alone(&other, &[&better], vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_address_left_by_a_dead_director_is_taken_over() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let mut first = node.start(Make::subject(), &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    let killed = first.kill();
    let mut again = node.start(Make::subject(), &Router::usual(150).config());
    again.wait_note("INSTANCE lab MASTER 150");
    site.wait(killed, "the address announced", |frame| node.announced(frame, vip()));
    node.wait_holds(vip());
    again.finish();
    assert!(!node.holds(vip()));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_virtual_address_that_is_left_is_not_taken_for_the_own_one() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.ip("addr flush dev eth0"));
    good(node.host.add_address("10.0.0.100/32", "eth0"));
    good(node.host.add_address("10.0.0.1/24", "eth0"));
    let start = SystemTime::now();
    let director = node.start(Make::subject(), &Router::new(150).vip("10.0.0.100").config());
    director.wait_note("INSTANCE lab MASTER 150");
    site.wait_advert(start, &node, "an advert", |_| true);
    site.wait_adverts(&node, 3);
    let sources: Vec<_> = site.adverts(&node).into_iter().map(|(_, advert)| advert.source).collect();
    assert!(sources.iter().all(|source| *source == ip("10.0.0.1")), "{sources:?}");
    node.wait_holds(vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_address_left_by_a_dead_director_goes_also_when_the_configuration_forgot_it() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let home = Path::new("/run/lvsd-lab").join(format!("{}-forgotten", std::process::id()));
    let without_notes = |text: String| text.replace(" notify %HOME%/note\n", "");
    let router = Router::usual(150).vip("10.0.0.101/24");
    let mut first = node.start_in(&home, &without_notes(router.config()));
    node.wait_holds(ip("10.0.0.101"));
    node.wait_holds(vip());
    // Not ours, and to be left alone.
    good(node.host.add_address("10.0.0.102/24", "eth0"));
    first.kill_family();
    let mut again = node.start_in(&home, &without_notes(Router::usual(150).config()));
    node.wait_lacks(ip("10.0.0.101"));
    node.wait_holds(vip());
    assert!(node.holds(ip("10.0.0.102")));
    let status = good(again.stop(SOON));
    assert!(status.success());
    good(fs::remove_dir_all(home));
}

/// Address lines that make a difference in the kernel.
const FORMS: &[&str] = &[
    "10.0.0.100",
    "10.0.0.101/24",
    "10.0.0.102/24 brd 10.0.0.255",
    "10.0.0.103/24 brd +",
    "10.0.0.104/24 dev eth0 label eth0:vip",
    "10.0.0.105/32 dev eth1",
    "10.0.0.106/24 dev eth1 scope link",
    "10.3.0.1/24 scope site",
    "10.0.0.108 scope host",
    "10.2.0.1/16 brd 10.2.255.255 dev eth1 scope global label eth1:two",
    "10.0.0.109/24 noprefixroute",
];

const FORMS_V6: &[&str] = &[
    "fd00::64",
    "fd00::65/64",
    "fd00::66/64 dev eth1",
    "fd00::67/64 preferred_lft 0",
    "fd00::68/128 preferred_lft forever",
    "fe80::1:64/64",
    "fd01::1/48 noprefixroute",
];

/// The addresses and routes of a master with these address lines.
fn kernel_view(make: Make, lines: &[&str], excluded: &[&str]) -> String {
    let site = Site::new();
    let node = site.node("node", 1);
    let back = good(Lan::new("back"));
    let _inside = good(back.plug(&node.host, "eth1", &[]));
    let block = format!("virtual_ipaddress_excluded {{\n {}\n }}", excluded.join("\n "));
    let router = lines.iter().fold(Router::new(150), |router, line| router.vip(line)).line(&block);
    let mut director = node.start(make, &router.config());
    director.wait_note("INSTANCE lab MASTER 150");
    for line in lines.iter().chain(excluded) {
        node.wait_holds(ip(line.split(['/', ' ']).next().unwrap()));
    }
    let view = |words: &str| {
        let text = good(node.host.ip(words));
        // The link-layer addresses of eth1, and what follows from them, are random.
        let lines: Vec<_> =
            text.lines().filter(|line| !line.contains("fe80::") || line.contains("fe80::1:64")).collect();
        lines.join("\n")
    };
    let held =
        ["-o addr show dev eth0", "-o addr show dev eth1", "-4 route", "-6 route"].map(view).join("\n\n");
    director.finish();
    let all = lines.iter().chain(excluded).map(|line| ip(line.split(['/', ' ']).next().unwrap()));
    assert!(!all.clone().any(|vip| node.holds(vip)), "stopped, and holds addresses");
    held
}

#[test]
#[ignore = "needs root and namespaces"]
fn addresses_look_as_they_do_with_the_peer() {
    require!(Need::Root, Need::Rival(Rival::V2_2_7), Need::Rival(Rival::V2_3_3), Make::subject().need());
    let rows = Rival::ALL.into_iter().flat_map(|rival| ["IPv4", "IPv6"].map(|family| Row { rival, family }));
    in_parallel(rows.collect(), 2, |row| {
        let (lines, excluded) = if row.family == "IPv4" { (FORMS, FORMS_V6) } else { (FORMS_V6, FORMS) };
        let ours = kernel_view(Make::subject(), lines, excluded);
        let theirs = kernel_view(Make::Keepalived(row.rival), lines, excluded);
        assert!(ours == theirs, "ours:\n{ours}\n\ntheirs:\n{theirs}");
    });
}

#[derive(Clone, Copy, Debug)]
struct Row {
    rival: Rival,
    family: &'static str,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} addresses like keepalived {}", self.family, self.rival.version())
    }
}

/// What a monitor has heard of an address.
fn heard(monitor: &Process, address: &str) -> Vec<String> {
    let log = monitor.log();
    log.lines().filter(|line| line.contains(&format!(" {address}/"))).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_moves_only_what_has_changed() {
    require!(Need::Root, Make::subject().need());
    let (site, [better, other]) = Site::with_pair();
    let before = |priority| Router::usual(priority).vip("10.0.0.101/24").config();
    let after = |priority| Router::usual(priority).vip("10.0.0.102/24").config();
    let first = better.start(Make::subject(), &before(150));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::subject(), &before(100));
    second.wait_note("INSTANCE lab BACKUP 100");
    better.wait_holds(ip("10.0.0.101"));
    let listener = monitor(&better, Director::home(&first));
    // It listens when it hears.
    good(until(SOON, "the monitor to listen", || {
        let _ = better.host.ip("addr add 127.0.0.9/8 dev lo");
        let _ = better.host.ip("addr del 127.0.0.9/8 dev lo");
        !heard(&listener, "127.0.0.9").is_empty()
    }));

    let reload = SystemTime::now();
    first.give(&after(160));
    better.wait_holds(ip("10.0.0.102"));
    better.wait_lacks(ip("10.0.0.101"));
    site.wait(reload, "the new address announced", |frame| better.announced(frame, ip("10.0.0.102")));
    let news =
        |advert: &lvsd_lab::Advert| advert.priority == 160 && advert.addresses == [vip(), ip("10.0.0.102")];
    site.wait_advert(reload, &better, "the new priority and addresses", news);
    second.give(&after(100));
    site.settled(SystemTime::now(), &better, &[&other], vip());

    assert_eq!(heard(&listener, "10.0.0.100"), Vec::<String>::new(), "an address that stays was touched");
    assert_eq!(first.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"], "no state was entered");
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
    assert_eq!(site.adverts(&other), [], "the other saw no gap");
    assert!(!site.adverts(&better).iter().any(|(_, advert)| advert.priority == 0), "it never resigned");
}
