//! Interfaces of their own: VMACs as the kernel shows them and as they look on the wire, what `no_accept` keeps away, and
//! that nothing of it stays behind.

use lvsd_e2e::{Make, Node, Router, SOON, Site, good, held, in_parallel, ip};
use lvsd_lab::{Advert, Need, Rival, Seen, require, until};
use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

const VMAC4: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];
const VMAC6: [u8; 6] = [0, 0, 0x5e, 0, 2, 51];
const PLAIN: [u8; 6] = [0, 0, 0x5e, 0, 1, 52];

fn vip() -> IpAddr {
    Router::usual_vip()
}

fn usual(priority: u8) -> Router {
    Router::usual(priority).line("use_vmac")
}

/// One of each: IPv4, IPv6 of the same VRID, and one that keeps its adverts on the base.
fn three() -> String {
    let four = Router::usual(150).vip("10.0.0.101").line("use_vmac");
    let six = Router::new(150).named("six", 51).vip("fe80::51").vip("fd00::64/64").line("use_vmac");
    let base =
        Router::new(150).named("base", 52).vip("10.0.0.110/24").line("use_vmac mine").line("vmac_xmit_base");
    format!("{}{six}{base}", four.config())
}

fn three_lead(node: &Node, make: Make) -> lvsd_e2e::Running {
    let director = node.start(make, &three());
    for name in ["lab", "six", "base"] {
        director.wait_note(&format!("INSTANCE {name} MASTER 150"));
    }
    for address in ["10.0.0.100", "10.0.0.101", "10.0.0.110", "fe80::51", "fd00::64"] {
        node.wait_holds(ip(address));
    }
    director
}

/// Its macvlans with their addresses, without what is a number by chance.
fn kernel_view(node: &Node) -> String {
    let links = good(node.host.ip("-d -o link show type macvlan"));
    let mut lines: Vec<String> =
        links.lines().filter_map(|line| line.split_once(": ").map(|(_, rest)| rest.to_owned())).collect();
    for name in ["vrrp.51", "vrrp6.51", "mine"] {
        let addresses = good(node.host.ip(&format!("-o addr show dev {name}")));
        lines.extend(
            addresses.lines().filter_map(|line| line.split_once(": ").map(|(_, rest)| rest.to_owned())),
        );
    }
    lines.sort();
    lines.join("\n")
}

fn macvlans(node: &Node) -> String {
    good(node.host.ip("-o link show type macvlan"))
}

/// Index of an interface.
fn index(node: &Node, name: &str) -> Option<String> {
    let text = node.host.ip(&format!("-o link show dev {name}")).ok()?;
    text.split_once(':').map(|(index, _)| index.to_owned())
}

fn setting(node: &Node, name: &str) -> String {
    good(node.host.check(&format!("cat /proc/sys/net/{name}"))).trim().to_owned()
}

fn ruleset(node: &Node) -> String {
    good(node.host.check("nft list ruleset"))
}

fn answers(from: &Node, address: IpAddr) -> bool {
    from.host.check(&format!("ping -c 1 -W 1 {address}")).is_ok()
}

#[derive(Clone, Copy, Debug)]
struct Peer(Rival);

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VMACs like keepalived {}", self.0.version())
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn vmacs_look_as_they_do_with_the_peer() {
    require!(Need::Root, Need::Rival(Rival::V2_2_7), Need::Rival(Rival::V2_3_3), Make::subject().need());
    in_parallel(Rival::ALL.into_iter().map(Peer).collect(), 2, |peer| {
        let view = |make| {
            let site = Site::new();
            let node = site.node("node", 1);
            if peer.0 == Rival::V2_3_3 {
                // The older one leaves them in the default group.
                good(node.host.ip("link set eth0 group 7"));
            }
            let mut director = three_lead(&node, make);
            let own = ip("fe80::ff:fe00:1");
            let copied = || held(&node.host).contains(&("vrrp6.51".to_owned(), own));
            good(until(SOON, "the copy of the link-local address", copied));
            let view = kernel_view(&node);
            director.finish();
            assert_eq!(macvlans(&node), "", "stopped, and has VMACs");
            view
        };
        let (ours, theirs) = (view(Make::subject()), view(Make::Keepalived(peer.0)));
        assert!(ours == theirs, "ours:\n{ours}\n\ntheirs:\n{theirs}");
    });
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_a_vmac_says_bears_its_ethernet_address_and_it_says_nothing_else() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let mut director = three_lead(&node, Make::subject());
    for (address, mac) in
        [("10.0.0.101", VMAC4), ("fe80::51", VMAC6), ("fd00::64", VMAC6), ("10.0.0.110", PLAIN)]
    {
        site.wait(SystemTime::UNIX_EPOCH, address, |frame| {
            frame.announces(ip(address)) && frame.bytes.get(6..12) == Some(&mac)
        });
    }
    director.finish();
    let of = |vrid: u8, is_ipv6: bool| {
        let wanted = move |advert: &Advert| advert.vrid == vrid && advert.source.is_ipv6() == is_ipv6;
        site.seen
            .frames()
            .into_iter()
            .filter(move |frame| frame.advert().is_some_and(|advert| wanted(&advert)))
    };
    for (vrid, is_ipv6, mac, source) in [
        (51, false, VMAC4, "10.0.0.1"),
        (51, true, VMAC6, "fe80::ff:fe00:1"),
        (52, false, node.mac(), "10.0.0.1"),
    ] {
        let adverts: Vec<_> = of(vrid, is_ipv6).collect();
        assert!(adverts.len() > 1);
        for frame in adverts {
            assert_eq!(frame.bytes.get(6..12), Some(&mac[..]), "VRID {vrid}");
            assert_eq!(frame.advert().map(|advert| advert.source), Some(ip(source)));
        }
    }
    let virtual_address =
        |bytes: &[u8]| bytes.get(6..11).is_some_and(|mac| mac.starts_with(&[0, 0, 0x5e, 0]));
    let others: Vec<_> = site
        .seen
        .frames()
        .into_iter()
        .filter(|frame| virtual_address(&frame.bytes) && matches!(frame.seen(), Seen::Other))
        .collect();
    assert!(others.is_empty(), "a membership report, or another word too much: {others:02x?}");
}

#[test]
#[ignore = "needs root and namespaces"]
fn no_accept_keeps_traffic_from_addresses_and_accept_lets_it_in() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let [node, client] = [site.node("node", 1), site.node("client", 9)];
    for vmac in [false, true] {
        let with = |line: &str| {
            let (mut four, mut six) = (
                Router::usual(150).line(line),
                Router::new(150).named("six", 52).vip("fe80::51").vip("fd00::64/64").line(line),
            );
            if vmac {
                (four, six) = (four.line("use_vmac"), six.line("use_vmac"));
            }
            format!("{}{six}", four.config())
        };
        let mut director = node.start(Make::subject(), &with("no_accept"));
        director.wait_note("INSTANCE lab MASTER 150");
        director.wait_note("INSTANCE six MASTER 150");
        let both = [vip(), ip("fd00::64")];
        both.iter().for_each(|vip| node.wait_holds(*vip));
        for vip in both {
            assert!(!answers(&client, vip), "{vip} answers in spite of no_accept");
            assert!(answers(&client, node.address(vip)), "its own address answers no more");
            // Neighbours are found all the same.
            let neighbour = good(client.host.ip(&format!("neigh show {vip}")));
            assert!(neighbour.contains("lladdr"), "{neighbour}");
        }
        director.give(&with("accept"));
        for vip in both {
            good(until(SOON, &format!("{vip} to answer"), || answers(&client, vip)));
        }
        director.give(&with("no_accept"));
        for vip in both {
            good(until(SOON, &format!("{vip} to be silent"), || !answers(&client, vip)));
        }
        // The firewall of the host is loaded anew, with everything else thrown away.
        good(node.host.check("nft flush ruleset"));
        good(until(SOON, "the rules to come back", || ruleset(&node).contains("10.0.0.100")));
        assert!(!answers(&client, vip()));
        director.finish();
        assert_eq!(ruleset(&node), "", "stopped, and has rules");
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_owner_answers_whatever_is_accepted() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let [node, client] = [site.node("node", 1), site.node("client", 9)];
    let director = node.start(Make::subject(), &Router::usual(255).line("no_accept").config());
    director.wait_note("INSTANCE lab MASTER 255");
    good(until(SOON, "an answer", || answers(&client, vip())));
}

/// Settings of the host that VMACs change.
const SETTINGS: [&str; 6] = [
    "ipv4/conf/eth0/arp_ignore",
    "ipv4/conf/eth0/arp_filter",
    "ipv4/conf/eth0/rp_filter",
    "ipv4/conf/all/rp_filter",
    "ipv4/conf/default/rp_filter",
    "ipv4/conf/lo/rp_filter",
];

fn settings(node: &Node) -> Vec<String> {
    SETTINGS.map(|name| setting(node, name)).to_vec()
}

/// A home that the next process finds as the killed one left it.
fn home(name: &str) -> PathBuf {
    Path::new("/run/lvsd-lab").join(format!("{}-{name}", std::process::id()))
}

fn without_notes(text: &str) -> String {
    text.replace(" notify %HOME%/note\n", "")
}

#[test]
#[ignore = "needs root and namespaces"]
fn what_a_vmac_changed_on_the_host_is_put_back_after_a_stop_and_after_a_kill() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.sysctl("net.ipv4.conf.all.rp_filter", "1"));
    let before = settings(&node);
    let home = home("settings");
    let config = without_notes(&usual(150).line("no_accept").config());
    let mut first = node.start_in(&home, &config);
    node.wait_holds(vip());
    assert_eq!(settings(&node), ["1", "1", "1", "0", "1", "1"]);
    assert_eq!(setting(&node, "ipv4/conf/vrrp.51/rp_filter"), "0");
    assert!(ruleset(&node).contains("table ip lvsd"));
    good(first.stop(SOON));
    assert_eq!(
        (settings(&node), macvlans(&node), ruleset(&node)),
        (before.clone(), String::new(), String::new())
    );

    let mut second = node.start_in(&home, &config);
    node.wait_holds(vip());
    second.kill_family();
    assert_ne!((settings(&node), macvlans(&node)), (before.clone(), String::new()));
    let mut third = node.start_in(&home, "global_defs {\n metrics_listen off\n}\n");
    good(until(SOON, "everything to be as before", || {
        (settings(&node), macvlans(&node), ruleset(&node)) == (before.clone(), String::new(), String::new())
    }));
    good(third.stop(SOON));
    good(fs::remove_dir_all(home));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vmac_of_a_killed_director_is_taken_over() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let home = home("taken-over");
    let config = without_notes(&usual(150).config());
    let mut first = node.start_in(&home, &config);
    node.wait_holds(vip());
    let before = index(&node, "vrrp.51");
    first.kill_family();
    let again = SystemTime::now();
    let mut second = node.start_in(&home, &config);
    site.wait(again, "the address announced", |frame| {
        frame.announces(vip()) && frame.bytes.get(6..12) == Some(&VMAC4)
    });
    assert_eq!(index(&node, "vrrp.51"), before);
    good(second.stop(SOON));
    assert_eq!(macvlans(&node), "");
    good(fs::remove_dir_all(home));
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vmac_that_somebody_deletes_comes_back() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::subject(), &usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    node.wait_holds(vip());
    let deleted = SystemTime::now();
    good(node.host.ip("link del vrrp.51"));
    director.wait_note("INSTANCE lab FAULT 150");
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    site.wait(deleted, "the address announced", |frame| {
        frame.announces(vip()) && frame.bytes.get(6..12) == Some(&VMAC4)
    });
    node.wait_holds(vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_vmac_goes_down_with_its_base_and_comes_back_with_it() {
    require!(Need::Root, Make::subject().need());
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::subject(), &usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    good(node.link.down());
    director.wait_note("INSTANCE lab FAULT 150");
    good(node.link.up());
    director.wait_notes("INSTANCE lab MASTER 150", 2);
    node.wait_holds(vip());
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_reload_keeps_a_vmac_and_moves_to_and_from_one() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let director = node.start(Make::Lvsd, &usual(150).config());
    director.wait_note("INSTANCE lab MASTER 150");
    node.wait_holds(vip());
    let before = index(&node, "vrrp.51");
    let reload = SystemTime::now();
    director.give(&usual(160).config());
    site.wait_advert(reload, &node, "the new priority", |advert| advert.priority == 160);
    assert_eq!(index(&node, "vrrp.51"), before);
    assert!(held(&node.host).contains(&("vrrp.51".to_owned(), vip())));

    director.give(&Router::usual(160).config());
    let on = |name: &str| held(&node.host).contains(&(name.to_owned(), vip()));
    good(until(SOON, "the address on eth0, and no VMAC", || on("eth0") && macvlans(&node).is_empty()));
    director.give(&usual(170).config());
    good(until(SOON, "the address on the VMAC", || on("vrrp.51") && !on("eth0")));
}

#[test]
#[ignore = "needs root and namespaces"]
fn an_interface_of_that_name_that_is_not_ours_is_left_alone() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    good(node.host.ip("link add vrrp.51 type veth peer name other"));
    good(node.host.ip("link set vrrp.51 up"));
    good(node.host.ip("link set other up"));
    let mut director = node.start(Make::Lvsd, &usual(150).config());
    director.wait_note("INSTANCE lab FAULT 150");
    // Once it is out of the way, its place is taken.
    good(node.host.ip("link del vrrp.51"));
    director.wait_note("INSTANCE lab MASTER 150");
    node.wait_holds(vip());
    director.finish();
    assert_eq!(macvlans(&node), "");
}

#[test]
#[ignore = "needs root and namespaces"]
fn addresses_can_have_vmacs_of_their_own() {
    require!(Need::Root);
    let site = Site::new();
    let node = site.node("node", 1);
    let router = Router::new(150)
        .vip("10.0.0.100/24")
        .vip("10.0.0.101/24 use_vmac")
        .vip("10.0.0.102/24 use_vmac special 02:00:5e:00:01");
    let mut director = node.start(Make::Lvsd, &router.config());
    director.wait_note("INSTANCE lab MASTER 150");
    for (address, mac) in
        [("10.0.0.100", node.mac()), ("10.0.0.101", VMAC4), ("10.0.0.102", [2, 0, 0x5e, 0, 1, 51])]
    {
        site.wait(SystemTime::UNIX_EPOCH, address, |frame| {
            frame.announces(ip(address)) && frame.bytes.get(6..12) == Some(&mac)
        });
    }
    assert!(held(&node.host).contains(&("special".to_owned(), ip("10.0.0.102"))));
    director.finish();
    assert_eq!(macvlans(&node), "");
}
