//! Virtual and static routes and rules: they follow the master, come back when somebody deletes them, and are gone at the end.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good, ip};
use lvsd_lab::{Need, require, until};

/// The routes and rules of VRRP daemons in all tables, as `ip` shows them.
fn routing(node: &Node) -> Vec<String> {
    let ask = |words: &str| {
        good(node.host.ip(words)).lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let mut all = ask("-4 route show table all proto keepalived");
    all.extend(ask("-6 route show table all proto keepalived"));
    let rules = ["rule show", "-6 rule show"].into_iter().flat_map(ask);
    // Some versions of `ip` show who a rule belongs to only on request.
    all.extend(rules.filter(|rule| !["0:", "32766:", "32767:"].iter().any(|own| rule.starts_with(own))));
    let plain = all.into_iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    plain.map(|line| line.replace(" proto keepalived", "").replace(":from", ": from")).collect()
}

#[track_caller]
fn wait_routing(node: &Node, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    expected.sort();
    let sorted = || {
        let mut all = routing(node);
        all.sort();
        all
    };
    let same = until(SOON, "", || sorted() == expected);
    assert!(same.is_ok(), "on {}: {:#?}\ninstead of {expected:#?}", node.host.name(), sorted());
}

const VIRTUAL: &str = "virtual_routes {
  10.20.0.0/16 via 10.0.0.7 src 10.0.0.100 metric 5
  blackhole 10.21.0.0/16 table 100
  fd20::/32 via fd00::7 dev eth0
 }
 virtual_rules {
  from 10.0.0.100 table 100 preference 1000
 }";

/// As `ip` shows [`VIRTUAL`].
const SHOWN: [&str; 4] = [
    "10.20.0.0/16 via 10.0.0.7 dev eth0 src 10.0.0.100 metric 5",
    "blackhole 10.21.0.0/16 table 100",
    "fd20::/32 via fd00::7 dev eth0 metric 1024 pref medium",
    "1000: from 10.0.0.100 lookup 100",
];

fn with_routing(priority: u8) -> Router {
    Router::usual(priority).line(VIRTUAL)
}

#[test]
#[ignore = "needs root and namespaces"]
fn routes_and_rules_follow_the_master() {
    require!(Need::Root, Make::subject().need());
    let (_site, [better, other]) = Site::with_pair();
    let mut first = better.start(Make::subject(), &with_routing(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    wait_routing(&better, &SHOWN);
    let second = other.start(Make::subject(), &with_routing(100).config());
    second.wait_note("INSTANCE lab BACKUP 100");
    wait_routing(&other, &[]);
    first.finish();
    wait_routing(&better, &[]);
    second.wait_note("INSTANCE lab MASTER 100");
    wait_routing(&other, &SHOWN);
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_somebody_deletes_comes_back_and_the_master_stays_master() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::Lvsd, &with_routing(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    wait_routing(&node, &SHOWN);
    for deletion in [
        "route del 10.20.0.0/16 metric 5",
        "route del blackhole 10.21.0.0/16 table 100",
        "-6 route del fd20::/32",
        "rule del preference 1000",
        "route replace 10.20.0.0/16 via 10.0.0.8 metric 5",
        // The kernel takes the route with its source, and says nothing.
        "addr del 10.0.0.100/24 dev eth0",
        "route flush proto keepalived",
    ] {
        good(node.host.ip(deletion));
        wait_routing(&node, &SHOWN);
    }
    let masters = director.notes().iter().filter(|note| note.contains("MASTER")).count();
    assert_eq!(masters, 1, "{:?}", director.notes());
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_is_not_tracked_stays_deleted() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let lines = "virtual_routes {
  10.20.0.0/16 via 10.0.0.7 no_track
  10.22.0.0/16 via 10.0.0.7
 }";
    let director = node.start(Make::Lvsd, &Router::usual(150).line(lines).config());
    director.wait_note("INSTANCE lab MASTER 150");
    wait_routing(&node, &["10.20.0.0/16 via 10.0.0.7 dev eth0", "10.22.0.0/16 via 10.0.0.7 dev eth0"]);
    good(node.host.ip("route del 10.20.0.0/16"));
    good(node.host.ip("route del 10.22.0.0/16"));
    wait_routing(&node, &["10.22.0.0/16 via 10.0.0.7 dev eth0"]);
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_a_dead_director_left_is_removed_or_taken_over() {
    require!(Need::Root);
    let (_site, [node, other]) = Site::with_pair();
    let statics = |metric: u8| format!("static_routes {{\n 10.30.0.0/16 via 10.0.0.7 metric {metric}\n}}\n");
    let second = other.start(Make::Lvsd, &Router::usual(200).config());
    second.wait_note("INSTANCE lab MASTER 200");
    let alone = with_routing(150).line("nopreempt").config();
    let mut first = node.start(Make::Lvsd, &(statics(1) + &with_routing(255).config()));
    first.wait_note("INSTANCE lab MASTER 255");
    let mut expected = SHOWN.to_vec();
    expected.push("10.30.0.0/16 via 10.0.0.7 dev eth0 metric 1");
    wait_routing(&node, &expected);
    // Somebody else's stay.
    good(node.host.ip("route add 10.31.0.0/16 via 10.0.0.7 proto keepalived"));
    first.kill();
    wait_routing(&node, &[expected, vec!["10.31.0.0/16 via 10.0.0.7 dev eth0"]].concat());
    second.wait_notes("INSTANCE lab MASTER 200", 2);
    let again = first.again(&node.host, &[], &(statics(2) + &alone));
    again.wait_notes("INSTANCE lab BACKUP 150", 1);
    wait_routing(
        &node,
        &["10.30.0.0/16 via 10.0.0.7 dev eth0 metric 2", "10.31.0.0/16 via 10.0.0.7 dev eth0"],
    );
}

#[test]
#[ignore = "needs root and namespaces"]
fn static_objects_are_there_from_start_to_stop_and_a_reload_changes_only_the_difference() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let config = |routes: &str, rules: &str| {
        format!(
            "static_ipaddress {{\n 10.0.5.1/24 dev eth0\n}}\nstatic_routes {{\n {routes}\n}}\nstatic_rules {{\n {rules}\n}}\n"
        )
    };
    let before = config(
        "10.20.0.0/16 via 10.0.5.7\n 10.21.0.0/16 via 10.0.5.7 src 10.0.5.1 metric 3",
        "from 10.20.0.0/16 table 100 preference 500",
    );
    // Without any virtual router.
    let mut director = node.start(Make::Lvsd, &before);
    let kept = "10.20.0.0/16 via 10.0.5.7 dev eth0";
    let rule = "500: from 10.20.0.0/16 lookup 100";
    wait_routing(&node, &[kept, "10.21.0.0/16 via 10.0.5.7 dev eth0 src 10.0.5.1 metric 3", rule]);
    assert!(node.holds(ip("10.0.5.1")));
    let monitor = node.host.program("ip").args(["-o", "monitor", "route", "rule"]);
    let monitor = good(monitor.spawn(&director.home().join("monitor")));
    let after = config(
        "10.20.0.0/16 via 10.0.5.7\n 10.21.0.0/16 via 10.0.5.8 metric 3\n 10.22.0.0/16 dev eth0",
        "from 10.20.0.0/16 table 100 preference 500\n from 10.21.0.0/16 table 101 preference 501",
    );
    director.give(&after);
    let changed = "10.21.0.0/16 via 10.0.5.8 dev eth0 metric 3";
    let new = "10.22.0.0/16 dev eth0";
    wait_routing(&node, &[kept, changed, new, rule, "501: from 10.21.0.0/16 lookup 101"]);
    let heard = monitor.log();
    assert!(
        !heard.contains("10.20.0.0/16 via") && !heard.contains("Deleted"),
        "more than the difference: {heard}"
    );
    good(node.host.ip("addr del 10.0.5.1/24 dev eth0"));
    node.wait_holds(ip("10.0.5.1"));
    wait_routing(&node, &[kept, changed, new, rule, "501: from 10.21.0.0/16 lookup 101"]);
    director.finish();
    wait_routing(&node, &[]);
    assert!(!node.holds(ip("10.0.5.1")));
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_instance_whose_static_route_cannot_be_is_faulty_until_it_can() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.ip("link add uplink type veth peer name far"));
    good(node.host.ip("addr add 10.7.0.1/24 dev uplink"));
    good(node.host.ip("link set far up"));
    let router = Router::usual(150);
    let config = format!(
        "static_routes {{\n 10.20.0.0/16 via 10.7.0.7 dev uplink track_group needs\n}}\ntrack_group needs {{\n group {{\n  lab\n }}\n}}\n{}",
        router.config()
    );
    let director = node.start(Make::Lvsd, &config);
    // The interface is down.
    director.wait_note("INSTANCE lab FAULT 150");
    assert!(!node.holds(Router::usual_vip()));
    good(node.host.ip("link set uplink up"));
    director.wait_note("INSTANCE lab MASTER 150");
    wait_routing(&node, &["10.20.0.0/16 via 10.7.0.7 dev uplink"]);
    good(node.host.ip("link set uplink down"));
    director.wait_notes("INSTANCE lab FAULT 150", 2);
    good(node.host.ip("link set uplink up"));
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    node.wait_holds(Router::usual_vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn promote_secondaries_is_set_and_put_back() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let setting = || {
        let read = || std::fs::read_to_string("/proc/sys/net/ipv4/conf/eth0/promote_secondaries");
        good(good(node.host.enter(read))).trim().to_owned()
    };
    good(node.host.sysctl("net.ipv4.conf.eth0.promote_secondaries", "0"));
    let mut director = node.start(Make::Lvsd, &Router::usual(150).line("promote_secondaries").config());
    director.wait_note("INSTANCE lab MASTER 150");
    assert_eq!(setting(), "1");
    director.finish();
    assert_eq!(setting(), "0");
}
