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
