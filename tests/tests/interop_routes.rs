//! The same file makes the same routes and rules as with the peer.

use lvsd_e2e::{Make, Node, SOON, Site, difference, good};
use lvsd_lab::{Need, Rival, require, until};

/// Every option of lines that both take, the kernel here has, and `ip` shows.
const FILE: &str = "static_routes {
 10.20.0.0/16 via 10.0.0.7 dev eth0 metric 5 mtu lock 1400
 10.21.0.0/16 via 10.0.0.7 dev eth0 encap ip id 5 dst 10.0.0.3 src 10.0.0.1 tos 4 ttl 7
 10.22.0.0/16 nexthop via 10.0.0.7 dev eth0 weight 3 nexthop via 10.0.0.8 dev eth0 onlink realms 3/4
 blackhole 10.23.0.0/16 table 100
 10.24.0.0/16 dev eth0 src 10.0.0.1 tos 0x10 scope link rtt 300ms rttvar 300ms rto_min lock 200ms advmss lock 1200 window 5000 cwnd lock 8 ssthresh lock 7 reordering 6 hoplimit 9 initcwnd 10 initrwnd 11 features ecn quickack 1 congctl cubic fastopen_no_cookie 1 realms 5/6
 10.25.0.0/16 dev eth0 protocol 99 no_track
 10.26.0.0/16 dev eth0 protocol 99
 10.27.0.0/16 via 10.0.0.7 rtt 3000 rttvar 4000 rto_min 500
 10.28.0.0/16 via 10.0.0.7 rtt 3s rttvar 1s rto_min 1s
 10.29.0.0/16 append via 10.0.0.7
 to 10.30.0.0/16 via 10.0.0.7 realms 7
 throw 10.31.0.0/16 table 5
 prohibit 10.32.0.0/16 metric 9
 10.33.0.0/16 dev eth0 table 4000000000 metric 4000000000
 10.34.0.0/16 via inet 10.0.0.7 preference 8
 fd20::/64 via fd00::7 dev eth0 pref high metric 33
 fd21::/64 dev eth0 from fd01::/64
 unreachable fd22::/64
 fd23::/64 nexthop via fd00::7 dev eth0 nexthop via fd00::8 dev eth0 weight 5
 default via 10.0.0.7 dev eth0 metric 77 onlink
}
static_rules {
 from 10.1.0.0/16 to 10.2.0.0/16 table 100 preference 500 fwmark 5/0xff tos 0x10 iif eth0 oif eth0
 from 10.3.0.0/16 table 100
 from 10.4.0.0/16 table 101
 to 10.5.0.0/16 priority 600 blackhole
 from 10.6.0.0/16 priority 700 goto 800
 from 10.6.1.0/24 priority 800 unreachable
 from fd01::/64 table 100 priority 900
 not from 10.7.0.0/16 table 100 priority 901 suppress_prefixlength 0
 iif eth0 table 100 priority 902 suppress_ifgroup 3
 from 10.8.0.0/16 tunnel-id 7 table 3 priority 903 realms 3/4
 from 10.8.0.0/16 uidrange 1-5 sport 1-5 dport 80-90 table 4 priority 904 protocol 55 no_track
 from 10.8.0.0/16 type nop priority 905
 l3mdev priority 906
 from 10.8.0.0/16 dport 53-53 priority 907 lookup 9
 from 10.9.0.0/16 priority 908 prohibit
}
vrrp_instance lab {
 interface eth0
 virtual_router_id 51
 priority 255
 state MASTER
 virtual_ipaddress {
  10.0.0.100/32
 }
 virtual_routes {
  10.40.0.0/16 via 10.0.0.7 src 10.0.0.100
 }
 virtual_rules {
  from 10.0.0.100 table 110 priority 1000
  from 10.0.0.101 table 110
 }
}
";

/// All of it that is not the kernel's own, as `ip` shows it.
fn routing(node: &Node) -> Vec<String> {
    let ask = |words: &str| {
        let text = good(node.host.ip(words));
        // The hops of a route are lines of their own.
        text.replace("\n\t", " ").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let routes = ["-4 -d route show table all", "-6 -d route show table all"].into_iter().flat_map(ask);
    let mut all: Vec<_> = routes.filter(|line| !line.contains("proto kernel")).collect();
    all.extend(["-d rule show", "-6 -d rule show"].into_iter().flat_map(ask));
    all
}

#[test]
#[ignore = "needs root, namespaces and the rival"]
fn the_same_file_makes_the_same_routes_and_rules() {
    require!(Need::Rival(Rival::V2_3_3));
    let made: Vec<Vec<String>> = [Make::Keepalived(Rival::V2_3_3), Make::Lvsd]
        .into_iter()
        .map(|make| {
            let site = Site::new();
            let node = site.node("node", 1);
            let _director = node.start(make, FILE);
            let last = |line: &String| line.contains("from 10.0.0.101 lookup 110");
            let there = until(SOON, "", || routing(&node).iter().any(last));
            assert!(there.is_ok(), "{make}: {:#?}", routing(&node));
            routing(&node)
        })
        .collect();
    assert!(made[0] == made[1], "{}", difference(&made[0], &made[1]));
}
