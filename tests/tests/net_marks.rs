//! Groups as marks that nftables gives (`nftables_ipvs`). The kernels that have IPVS in the lab have no nftables, and the other way
//! round; here is what nftables does, and that the service is the mark's.

use lvsd_e2e::{Make, Node, Router, SOON, Service, Site, good, ip};
use lvsd_lab::{Host, Need, require, until};
use nix::sys::signal::Signal;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

fn config(globals: &str) -> String {
    let group = "virtual_server_group web {\n 10.0.0.100 80\n 10.0.0.101 81\n fd00::64 80\n}\n";
    let service = Service::tcp("group web", "TUN").server("10.0.0.11 0", "");
    let router = Router::usual(150)
        .interval(Duration::from_millis(300))
        .line("virtual_ipaddress_excluded {\n  10.0.0.101\n  fd00::64\n }");
    format!("global_defs {{\n{globals}\n}}\n{group}{}{service}", router.config())
}

fn rules(host: &Host) -> String {
    good(host.check("nft list ruleset"))
}

/// Counts the packets that come in with these marks.
fn count_marks(host: &Host) {
    for (family, mark) in [("ip", 1000), ("ip6", 1001)] {
        let chain = "{ type filter hook input priority 0; }";
        good(host.check(&format!("nft add table {family} seen")));
        good(host.check(&format!("nft add chain {family} seen input {chain}")));
        good(host.check(&format!("nft add rule {family} seen input meta mark {mark} counter")));
    }
}

fn counted(host: &Host, family: &str) -> u64 {
    let text = good(host.check(&format!("nft list table {family} seen")));
    let (_, rest) = text.split_once("counter packets ").expect("the rule");
    good(rest.split_whitespace().next().unwrap_or_default().parse())
}

/// Whether the first packet to an address is marked. Whoever is there refuses, since there is no IPVS.
fn is_marked(director: &Node, client: &Node, to: &str) -> bool {
    let to: SocketAddr = good(to.parse());
    let family = if to.is_ipv4() { "ip" } else { "ip6" };
    let before = counted(&director.host, family);
    let _ = client.host.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(5)));
    counted(&director.host, family) > before
}

fn page(host: &Host) -> String {
    let page = host.enter(|| {
        let mut stream = TcpStream::connect("127.0.0.1:9165")?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page).map(|_| page)
    });
    good(page).unwrap_or_default()
}

#[test]
#[ignore = "needs root and namespaces"]
fn packets_for_a_group_are_marked() {
    require!(Need::Root);
    let (_site, [director, client]) = Site::with_pair();
    count_marks(&director.host);
    let mut running = director.start(Make::Lvsd, &config(" nftables_ipvs"));
    running.wait_note("INSTANCE lab MASTER 150");
    director.wait_holds(ip("fd00::64"));
    let marked = |to: &str| is_marked(&director, &client, to);
    good(until(SOON, "the rules", || rules(&director.host).contains("lvsd_ipvs")));
    for to in ["10.0.0.100:80", "10.0.0.101:81", "[fd00::64]:80"] {
        assert!(marked(to), "{to}: {}", rules(&director.host));
    }
    for to in ["10.0.0.100:81", "10.0.0.101:80", "[fd00::64]:81", "10.0.0.1:80"] {
        assert!(!marked(to), "{to}");
    }
    good(until(SOON, "the mark's service", || page(&director.host).contains("endpoint=\"fwmark 1000\"")));

    // Somebody else's flush is made good.
    good(director.host.check("nft flush ruleset"));
    good(until(SOON, "the rules again", || rules(&director.host).contains("lvsd_ipvs")));
    count_marks(&director.host);
    assert!(marked("10.0.0.101:81"));

    // A successor has the same marks.
    running.signal("checkers.pid", Signal::SIGKILL);
    assert!(marked("10.0.0.100:80"));
    running.give(&config(" nftables_ipvs other\n nftables_ipvs_priority -10"));
    let moved = || rules(&director.host).contains("other") && !rules(&director.host).contains("lvsd_ipvs");
    good(until(SOON, "the other table", moved));
    assert!(marked("10.0.0.100:80") && marked("[fd00::64]:80"));

    running.give(&config(""));
    good(until(SOON, "no table", || !rules(&director.host).contains("other")));
    assert!(!marked("10.0.0.100:80"));

    running.give(&config(" nftables_ipvs"));
    good(until(SOON, "the rules", || rules(&director.host).contains("lvsd_ipvs")));
    running.finish();
    assert!(!rules(&director.host).contains("lvsd_ipvs"), "{}", rules(&director.host));
}
