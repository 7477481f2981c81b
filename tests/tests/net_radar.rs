//! What is on the wire and does not reach the election, and who else is on the segment.

use lvsd_e2e::{Make, Node, Router, Running, SOON, Site, good, ip};
use lvsd_lab::{Need, built, require, until, until_some};
use lvsd_net::{AnnounceSocket, Mac, gratuitous_arp};
use nix::net::if_::if_nametoindex;
use serde_json::Value;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

/// What the log says of adverts that a firewall eats.
const SWALLOWED: &str = "are dropped before they reach lvsd";

/// One second, as in the articles: so that the order of what happens is clear.
fn slow(priority: u8) -> Router {
    let auth = "authentication {\n auth_type PASS\n auth_pass sesame\n }";
    Router::usual(priority).version(2).interval(Duration::from_secs(1)).line(auth)
}

#[track_caller]
fn nft(node: &Node, home: &Running, rules: &str) {
    let file = home.home().join("rules.nft");
    good(fs::write(&file, rules));
    good(node.host.check(&format!("nft -f {}", file.display())));
}

/// What lvsctl prints about a daemon.
#[track_caller]
fn lvsctl(node: &Node, director: &Running, words: &[&str]) -> String {
    let socket = director.home().join("run/control.sock");
    let program = node.host.program(good(built("lvsctl"))).args(words);
    let output = good(program.arg("--socket").arg(&socket).run());
    output.stdout
}

/// The findings of that kind.
fn findings(node: &Node, director: &Running, kind: &str) -> Vec<Value> {
    let answer = lvsctl(node, director, &["radar", "--format", "json"]);
    let Ok(radar) = serde_json::from_str::<Value>(&answer) else { return Vec::new() };
    let all = radar["findings"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|finding| finding["kind"] == kind).collect()
}

#[track_caller]
fn wait_finding(node: &Node, director: &Running, kind: &str) -> Value {
    let found = until_some(SOON, kind, || findings(node, director, kind).into_iter().next());
    match found {
        Ok(finding) => finding,
        Err(error) => panic!("{error}\n{}", lvsctl(node, director, &["radar"])),
    }
}

#[track_caller]
fn wait_no_finding(node: &Node, director: &Running, kind: &str) {
    good(until(SOON, "the end of it", || findings(node, director, kind).is_empty()));
}

/// A backup whose firewall eats the master's adverts says so before it takes over, and what to do; that done, it gives way.
fn split_brain(priorities: [u8; 2], rules: &str, rule: &str) {
    let (site, [one, two]) = Site::with_pair();
    let first = one.start(Make::Lvsd, &slow(priorities[0]).config());
    first.wait_note(&format!("INSTANCE lab MASTER {}", priorities[0]));
    let mut second = two.start(Make::Lvsd, "global_defs {\n}\n");
    nft(&two, &second, rules);
    second.give(&slow(priorities[1]).config());
    good(second.wait_log(SWALLOWED, SOON));
    second.wait_note(&format!("INSTANCE lab MASTER {}", priorities[1]));
    // Three intervals are not over when it is said: the take-over comes later.
    let log = second.log();
    let place = |text: &str| log.lines().position(|line| line.contains(text));
    let (told, moved) = (
        place(SWALLOWED),
        log.lines().position(|line| line.contains("to=\"MASTER\"") || line.contains("to=MASTER")),
    );
    assert!(told.is_some() && moved.is_some() && told < moved, "told {told:?}, moved {moved:?}:\n{log}");
    let line = log.lines().find(|line| line.contains(SWALLOWED)).unwrap_or_default();
    for word in ["10.0.0.1", "eth0", "VRID 51", "tcpdump", rule, "224.0.0.18"] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    let finding = wait_finding(&two, &second, "adverts_swallowed");
    let status = lvsctl(&two, &second, &["status"]);
    assert!(status.contains(SWALLOWED), "{status}");
    let metrics = metrics(&two);
    let series = "lvsd_vrrp_segment_findings{instance=\"lab\",interface=\"eth0\",vrid=\"51\",family=\"ipv4\",\
                  neighbour=\"10.0.0.1\",kind=\"adverts_swallowed\"} 1";
    assert!(metrics.contains(series), "{metrics}");
    // It was right: what it says helps.
    let command = finding["commands"][0].as_str().unwrap_or_default();
    good(two.host.program("/bin/sh").args(["-c", command]).check());
    second.wait_notes(&format!("INSTANCE lab BACKUP {}", priorities[1]), 2);
    site.alone(&one, &[&two], Router::usual_vip());
    wait_no_finding(&two, &second, "adverts_swallowed");
}

fn metrics(node: &Node) -> String {
    let address = good("127.0.0.1:9165".parse());
    let target = lvsd_lab::web::Target::Http { address, path: "/metrics".to_owned() };
    good(lvsd_lab::web::Client::new(target).fetch_from(&node.host))
}

#[test]
#[ignore = "needs root and namespaces"]
fn split_brain_input_reject() {
    require!(Need::Root);
    let rules = "table inet filter {\n chain input {\n type filter hook input priority 0; policy accept;\n \
                 ct state established,related accept\n iif lo accept\n tcp dport 22 accept\n \
                 reject with icmp type host-prohibited\n }\n}\n";
    split_brain([90, 80], rules, "host-prohibited");
}

#[test]
#[ignore = "needs root and namespaces"]
fn split_brain_firewalld_multicast() {
    require!(Need::Root);
    let rules = "table inet filter {\n chain input {\n type filter hook input priority 0; policy accept;\n \
                 jump guard\n }\n chain guard {\n tcp dport 23 drop\n ip daddr 224.0.0.0/8 drop\n }\n}\n";
    split_brain([150, 100], rules, "224.0.0.0/8 drop");
}

#[test]
#[ignore = "needs root and namespaces"]
fn adverts_that_a_rule_keeps_from_leaving_are_told_of() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::Lvsd, &Router::usual(100).config());
    director.wait_note("INSTANCE lab MASTER 100");
    site.wait_adverts(&node, 2);
    nft(
        &node,
        &director,
        "table inet filter {\n chain output {\n type filter hook output priority 0; policy accept;\n \
         ip protocol 112 drop\n }\n}\n",
    );
    good(director.wait_log("adverts for VRID 51 do not leave by eth0", SOON));
    let finding = wait_finding(&node, &director, "adverts_not_leaving");
    let rule = finding["rule"].as_str().unwrap_or_default();
    assert!(rule.contains("vrrp drop"), "{finding}");
    good(
        node.host
            .program("/bin/sh")
            .args(["-c", finding["commands"][0].as_str().unwrap_or_default()])
            .check(),
    );
    wait_no_finding(&node, &director, "adverts_not_leaving");
    site.wait_adverts(&node, 2);
}

/// The same where the sender is told nothing: behind the queue of the interface.
#[test]
#[ignore = "needs root and namespaces"]
fn adverts_that_are_lost_on_their_way_out_are_told_of() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = node.start(Make::Lvsd, "global_defs {\n}\n");
    nft(
        &node,
        &director,
        "table netdev guard {\n chain out {\n type filter hook egress device \"eth0\" priority 0; policy accept;\n \
         ip protocol 112 drop\n }\n}\n",
    );
    director.give(&Router::usual(100).config());
    director.wait_note("INSTANCE lab MASTER 100");
    good(director.wait_log("adverts for VRID 51 are sent and do not leave by eth0", SOON));
    let finding = wait_finding(&node, &director, "adverts_not_leaving");
    assert!(
        finding["rule"].as_str().unwrap_or_default().contains("table netdev guard, chain out"),
        "{finding}"
    );
    good(
        node.host
            .program("/bin/sh")
            .args(["-c", finding["commands"][0].as_str().unwrap_or_default()])
            .check(),
    );
    wait_no_finding(&node, &director, "adverts_not_leaving");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_neighbour_that_is_configured_otherwise_is_named_and_moves_nobody() {
    require!(Need::Root);
    let (site, [one, two]) = Site::with_pair();
    let mut first = one.start(Make::Lvsd, &Router::usual(150).vip("10.0.0.101/24").config());
    first.wait_note("INSTANCE lab MASTER 150");
    let slower = Router::usual(100).interval(Duration::from_millis(300));
    let second = two.start(Make::Lvsd, &slower.config());
    second.wait_note("INSTANCE lab BACKUP 100");
    let drift = wait_finding(&two, &second, "address_drift");
    assert_eq!(drift["details"]["address_drift"]["extra"][0], "10.0.0.101", "{drift}");
    let interval = wait_finding(&two, &second, "interval");
    assert_eq!(interval["details"]["interval"], Value::Null, "{interval}");
    assert_eq!(interval["details"]["other_interval"]["theirs"], 10, "{interval}");
    let table = lvsctl(&two, &second, &["radar"]);
    assert!(table.lines().any(|line| line.contains("10.0.0.1 ") && line.contains("peer of lab")), "{table}");
    assert!(lvsctl(&two, &second, &["radar", "--free-vrid"]).starts_with("eth0  1"));
    site.wait_adverts(&one, 5);
    assert_eq!(second.notes(), ["INSTANCE lab BACKUP 100"]);
    good(first.stop(SOON));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_stranger_with_our_number_is_named_before_the_first_promotion() {
    require!(Need::Root);
    let (_site, [one, two]) = Site::with_pair();
    // Another site's virtual router, of lower priority and with an address that is not ours.
    let theirs = Router::new(50).vip("192.168.7.1/24");
    let first = one.start(Make::Lvsd, &theirs.config());
    first.wait_note("INSTANCE lab MASTER 50");
    let mut second = two.start(Make::Lvsd, &Router::usual(100).interval(Duration::from_secs(1)).config());
    good(second.wait_log("uses VRID 51 on eth0 for other addresses (192.168.7.1)", SOON));
    second.wait_note("INSTANCE lab MASTER 100");
    let log = second.log();
    let place = |text: &str| log.lines().position(|line| line.contains(text));
    assert!(place("uses VRID 51 on eth0") < place("MASTER"), "{log}");
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vip_that_another_host_answers_for_is_told_of() {
    require!(Need::Root);
    let (site, [one, two]) = Site::with_pair();
    let first = one.start(Make::Lvsd, &Router::usual(150).config());
    first.wait_note("INSTANCE lab MASTER 150");
    one.wait_holds(Router::usual_vip());
    let vip: IpAddr = ip("10.0.0.100");
    let frame = gratuitous_arp(Mac(two.mac()), Ipv4Addr::new(10, 0, 0, 100));
    let announce = || {
        let sent = two.host.enter(|| AnnounceSocket::open()?.send(if_nametoindex("eth0")?, &frame));
        good(good(sent));
    };
    let found = until_some(SOON, "a foreign MAC", || {
        announce();
        findings(&one, &first, "foreign_mac").into_iter().next()
    });
    let finding = good(found);
    assert!(finding["text"].as_str().unwrap_or_default().contains("02:00:00:00:00:02"), "{finding}");
    site.wait_adverts(&one, 3);
    assert!(one.holds(vip));
    assert_eq!(first.notes(), ["INSTANCE lab BACKUP 150", "INSTANCE lab MASTER 150"]);
}
