//! One file, two makes: what keepalived and lvsd put into the kernel for it is the same. What is meant to differ is listed
//! in [`what_is_meant_to_differ`], with the reasons.

use lvsd_e2e::{Make, Node, Running, SOON, Site, difference, good, table, wait_table};
use lvsd_lab::{Need, Rival, require, until, web};
use std::{fs, path::PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/same_table");
const PEER: Make = Make::Keepalived(Rival::V2_3_3);

fn fixture(name: &str) -> String {
    good(fs::read_to_string(PathBuf::from(FIXTURES).join(name)))
}

/// A host for each make, which see nothing of each other; what they check they find on `lo`.
struct Pair {
    nodes: [Node; 2],
    _pages: [web::Server; 2],
}

impl Pair {
    fn new() -> Self {
        let site = Site::new();
        let nodes = [site.node("peer", 1), site.node("ours", 2)];
        let listen = good("127.0.0.1:80".parse());
        let pages =
            nodes.each_ref().map(|node| good(web::Server::on(&node.host, listen, web::Answer::page("good"))));
        Self { nodes, _pages: pages }
    }

    fn start(&self, config: &str) -> [Running; 2] {
        let [peer, ours] = &self.nodes;
        [peer.start(PEER, config), ours.start(Make::Lvsd, config)]
    }
}

/// What `ipvsadm` says with these options, on both, sorted.
fn both(pair: &Pair, options: &str) -> [Vec<String>; 2] {
    pair.nodes.each_ref().map(|node| {
        let mut lines: Vec<_> =
            good(node.host.check(&format!("ipvsadm {options}"))).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    })
}

/// Waits until both tables have that many lines and are equal, and compares what they do not show.
#[track_caller]
fn same(name: &str, lines: usize) {
    let pair = Pair::new();
    let mut running = pair.start(&fixture(name));
    let tables = || pair.nodes.each_ref().map(|node| table(&node.host));
    let settled = until(SOON, "", || {
        let [peer, ours] = tables();
        peer == ours && ours.len() == lines
    });
    let [peer, ours] = tables();
    assert!(
        settled.is_ok(),
        "{name}: {} and {} lines, to be {lines}{}",
        peer.len(),
        ours.len(),
        difference(&peer, &ours)
    );
    for options in ["-Ln --thresholds", "-L --timeout"] {
        let [peer, ours] = both(&pair, options);
        assert_eq!(peer, ours, "{name}: ipvsadm {options}");
    }
    running.iter_mut().for_each(Running::finish);
    for node in &pair.nodes {
        wait_table(&node.host, [""; 0]);
    }
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn schedulers_and_their_flags() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    same("schedulers.conf", 42);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn persistence() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    same("persistence.conf", 16);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn forwarding_protocols_weights_and_limits() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    same("forwarding.conf", 26);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn marks_and_groups() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    same("groups.conf", 45);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn dead_servers() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    same("health.conf", 21);
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn what_is_tolerated() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    same("tolerated.conf", 9);
}

/// What somebody else has made stays, unless `lvs_flush` and `lvs_flush_on_stop` say otherwise.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn what_is_flushed() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    let pair = Pair::new();
    let foreign = "-A -t 10.0.0.200:99 -s rr";
    let ours = ["-A -t 10.0.0.100:80 -s rr", "-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1"];
    let service = "virtual_server 10.0.0.100 80 {\n protocol TCP\n lvs_sched rr\n lvs_method DR\n real_server 10.0.0.11 80 {\n }\n}\n";
    let expect = |lines: &[&str]| pair.nodes.iter().for_each(|node| wait_table(&node.host, lines));
    for (globals, while_running, afterwards) in [
        ("", vec![foreign, ours[0], ours[1]], vec![foreign]),
        ("lvs_flush_on_stop VS", vec![foreign, ours[0], ours[1]], vec![foreign]),
        ("lvs_flush", ours.to_vec(), vec![]),
        ("lvs_flush_on_stop", vec![foreign, ours[0], ours[1]], vec![]),
    ] {
        for node in &pair.nodes {
            good(node.host.check("ipvsadm -C"));
            good(node.host.check(&format!("ipvsadm {foreign}")));
        }
        let mut running = pair.start(&format!("global_defs {{\n {globals}\n}}\n{service}"));
        expect(&while_running);
        running.iter_mut().for_each(Running::finish);
        expect(&afterwards);
    }
}

/// Differences by decision:
/// * Without `protocol` the peer makes a UDP service, and says so; whoever wrote that meant TCP.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn what_is_meant_to_differ() {
    require!(Need::Root, Need::Ipvs, PEER.need());
    let pair = Pair::new();
    let config =
        "virtual_server 10.0.0.100 80 {\n lvs_sched rr\n lvs_method DR\n real_server 10.0.0.11 80 {\n }\n}\n";
    let mut running = pair.start(config);
    for (node, option) in pair.nodes.iter().zip(["-u", "-t"]) {
        let server = format!("-a {option} 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1");
        wait_table(&node.host, [format!("-A {option} 10.0.0.100:80 -s rr"), server]);
    }
    let [_, ours] = &mut running;
    good(ours.wait_log("protocol", SOON));
}
