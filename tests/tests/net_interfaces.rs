//! What is said about interfaces: how fast they are announced on, how long a change of theirs has to last, what has to be there.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good, ip};
use lvsd_lab::{Need, Seen, require, until};
use std::{net::IpAddr, time::Duration, time::SystemTime};

fn vip() -> IpAddr {
    Router::usual_vip()
}

/// When each gratuitous ARP of these addresses passed.
fn announcements(site: &Site, after: SystemTime, addresses: &[IpAddr]) -> Vec<(SystemTime, IpAddr)> {
    let announced = |frame: lvsd_lab::Frame| match frame.seen() {
        Seen::Announcement(one) if frame.at > after && addresses.contains(&one.ip) => {
            Some((frame.at, one.ip))
        }
        _ => None,
    };
    site.frames().into_iter().filter_map(announced).collect()
}

#[test]
#[ignore = "needs root and namespaces"]
fn the_interfaces_of_a_garp_group_share_one_gap() {
    require!(Need::Root);
    const GAP: Duration = Duration::from_millis(100);
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.ip("link add eth1 link eth0 type macvlan mode private"));
    good(node.host.ip("link set eth1 up"));
    let group = "garp_group {\n garp_interval 0.1\n interfaces {\n eth0\n eth1\n }\n}\n";
    let router = Router::usual(150).vip("10.0.0.101/24 dev eth1").line("garp_master_repeat 3");
    let start = SystemTime::now();
    let _director = node.start(Make::Lvsd, &format!("{group}{}", router.config()));
    let addresses = [vip(), ip("10.0.0.101")];
    good(until(SOON, "six announcements", || announcements(&site, start, &addresses).len() >= 6));
    let seen = announcements(&site, start, &addresses);
    for pair in seen[..6].windows(2) {
        // Never closer; the clock that stamps frames may be a little off.
        let gap = pair[1].0.duration_since(pair[0].0).unwrap_or_default();
        assert!(gap > GAP * 9 / 10, "{gap:?} between {} and {}", pair[0].1, pair[1].1);
        assert_ne!(pair[0].1, pair[1].1, "the interfaces take turns");
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vmac_without_adverts_is_announced_now_and_then() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let lines = "use_vmac\n vmac_xmit_base\n garp_extra_if 1\n garp_master_delay 0\n garp_master_repeat 1";
    let router = Router::usual(150).vip("10.0.0.101/24").line(lines);
    let director = node.start(Make::Lvsd, &router.config());
    director.wait_note("INSTANCE lab MASTER 150");
    let first = site.wait(SystemTime::UNIX_EPOCH, "the first", |frame| frame.announces(ip("10.0.0.101")));
    for _ in 0..2 {
        let after = SystemTime::now();
        let again = site.wait(after, "the first address again", |frame| frame.announces(vip()));
        assert_eq!(again.bytes.get(6..12), Some(&[0, 0, 0x5e, 0, 1, 51][..]), "it leaves by the VMAC");
    }
    let other = announcements(&site, first.at, &[ip("10.0.0.101")]);
    assert!(other.is_empty(), "one address is enough: {other:?}");
}

/// Waits for an advert of the node after this moment.
fn speaks(site: &Site, node: &Node) {
    site.wait_adverts(node, 2);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_link_that_is_down_for_a_moment_is_no_fault_with_a_delay() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let delays = "interface_up_down_delays {\n tracked 200\n}\n";
    good(node.host.ip("link add tracked type veth peer name far"));
    good(node.host.ip("link set tracked up"));
    good(node.host.ip("link set far up"));
    let router = Router::usual(150).line("track_interface {\n tracked\n }");
    let director = node.start(Make::Lvsd, &format!("{delays}{}", router.config()));
    director.wait_note("INSTANCE lab MASTER 150");
    good(node.host.ip("link set far down"));
    let down = || node.host.ip("link show tracked").is_ok_and(|link| link.contains("NO-CARRIER"));
    good(until(SOON, "no carrier", down));
    speaks(&site, &node);
    good(node.host.ip("link set far up"));
    speaks(&site, &node);
    assert!(!director.notes().iter().any(|note| note.contains("FAULT")), "{:?}", director.notes());
    // Without the delay the same is one.
    director.give(&router.config());
    good(until(SOON, "the reload", || director.log().contains("reload done")));
    good(node.host.ip("link set far down"));
    director.wait_note("INSTANCE lab FAULT 150");
    good(node.host.ip("link set far up"));
    director.wait_notes("INSTANCE lab MASTER 150", 2);
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_tracked_source_address_that_goes_is_a_fault() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.ip("addr add 10.0.0.77/24 dev eth0"));
    let router = Router::usual(150).line("mcast_src_ip 10.0.0.77\n track_src_ip");
    let director = node.start(Make::Lvsd, &router.config());
    director.wait_note("INSTANCE lab MASTER 150");
    good(node.host.ip("addr del 10.0.0.77/24 dev eth0"));
    director.wait_note("INSTANCE lab FAULT 150");
    node.wait_lacks(vip());
    good(node.host.ip("addr add 10.0.0.77/24 dev eth0"));
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    node.wait_holds(vip());
}
