//! Interfaces that not every kernel has: ipvlan, and VMACs in a VRF. The guest's has them.

use lvsd_e2e::{Make, Router, SOON, Site, good, held, ip};
use lvsd_lab::{Need, require, until};
use std::time::SystemTime;

const VIP: &str = "10.0.0.100";

#[test]
#[ignore = "needs a kernel with IPVS"]
fn an_ipvlan_has_an_address_of_its_own_and_carries_the_virtual_ones() {
    require!(Need::Root, Need::Ipvs);
    let site = Site::new();
    let node = site.node("node", 1);
    let start = SystemTime::now();
    let router = Router::usual(150).line("use_ipvlan flat 10.0.0.51/24 private");
    let mut director = node.start(Make::Lvsd, &router.config());
    director.wait_note("INSTANCE lab MASTER 150");
    good(until(SOON, "the address", || held(&node.host).contains(&("flat".to_owned(), ip(VIP)))));
    let link = good(node.host.ip("-d -o link show dev flat"));
    assert!(link.contains("ipvlan  mode l2 private"), "{link}");
    let source = ip("10.0.0.51");
    let advert = site.wait(start, "an advert", |frame| {
        frame.advert().is_some_and(|advert| advert.source == source && advert.priority == 150)
    });
    assert_eq!(advert.bytes.get(6..12), Some(&node.mac()[..]), "an ipvlan has the address of its base");
    director.finish();
    assert!(node.host.ip("link show dev flat").is_err(), "stopped, and has its ipvlan");
}

#[test]
#[ignore = "needs a kernel with IPVS"]
fn a_vmac_is_in_the_vrf_of_its_base() {
    require!(Need::Root, Need::Ipvs);
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.ip("link add blue type vrf table 10"));
    good(node.host.ip("link set blue up"));
    good(node.host.ip("link set eth0 master blue"));
    let director = node.start(Make::Lvsd, &Router::usual(150).line("use_vmac").config());
    director.wait_note("INSTANCE lab MASTER 150");
    node.wait_holds(ip(VIP));
    let link = good(node.host.ip("-o link show dev vrrp.51"));
    assert!(link.contains("master blue"), "{link}");
}

/// Without an interface of its own: adverts go and come by the VRF, and the route there says from which address.
#[test]
#[ignore = "needs a kernel with IPVS"]
fn unicast_peers_meet_in_a_vrf() {
    require!(Need::Root, Need::Ipvs);
    let (site, nodes) = Site::with_pair();
    for node in &nodes {
        good(node.host.ip("link add blue type vrf table 10"));
        good(node.host.ip("link set blue up"));
        good(node.host.ip("link set eth0 master blue"));
    }
    let [better, other] = &nodes;
    let config = |priority: u8, peer: &str| {
        let scripts = Router::SCRIPTS;
        format!(
            "{scripts}vrrp_instance lab {{\n vrf blue\n virtual_router_id 51\n priority {priority}\n version 3\n \
             advert_int 0.3\n notify %HOME%/note\n unicast_peer {{\n {peer}\n }}\n \
             virtual_ipaddress {{\n {VIP}/24 dev eth0\n }}\n}}\n"
        )
    };
    let mut first = better.start(Make::Lvsd, &config(150, "10.0.0.2"));
    first.wait_note("INSTANCE lab MASTER 150");
    let second = other.start(Make::Lvsd, &config(100, "10.0.0.1"));
    second.wait_note("INSTANCE lab BACKUP 100");
    let advert = site.wait(SystemTime::UNIX_EPOCH, "an advert", |frame| {
        frame.advert().is_some_and(|advert| advert.priority == 150)
    });
    let ends = advert.advert().map(|advert| (advert.source, advert.destination));
    assert_eq!(ends, Some((ip("10.0.0.1"), ip("10.0.0.2"))));
    site.wait_adverts(better, 5);
    assert!(!second.notes().iter().any(|note| note.contains("MASTER")), "it hears the other one");
    first.finish();
    second.wait_note("INSTANCE lab MASTER 100");
    other.wait_holds(ip(VIP));
}
