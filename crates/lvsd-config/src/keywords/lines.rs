//! Rows of what stands on a line of an address, route or rule block.

use super::{Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static ADDRESS_LINE: &[Row] = &[
    row("<ip>", "<ip>[/<prefix>]", "/32 or /128", Tier::One, "Address to add").works()
        .example("192.0.2.10/24"),
    row("dev", "<ifname>", "instance interface", Tier::One, "Interface receiving the address").works()
        .example("192.0.2.10/24 dev eth1"),
    row("scope", "<n 0..255 | global | site | link | host | nowhere>", "global (link for link-local)", Tier::Two, "Address scope").works()
        .example("192.0.2.10/24 scope link"),
    row("brd", "<ip> | + | -", "none", Tier::One, "Broadcast address; + all ones, - none").works()
        .example("192.0.2.10/24 brd +"),
    row("broadcast", "<ip> | + | -", "none", Tier::Three, "Alias of brd").works()
        .example("192.0.2.10/24 broadcast 192.0.2.255"),
    row("label", "<str under 16>", "none", Tier::One, "Interface label, IPv4").works()
        .example("192.0.2.10/24 label eth0:vip"),
    row("peer", "<ip, no prefix>", "none", Tier::Two, "Point-to-point peer address").works()
        .example("192.0.2.10 peer 192.0.2.11"),
    row("home", "none", "off", Tier::Three, "IPv6 home address flag").works()
        .example("2001:db8::10/64 home"),
    row("-nodad", "none", "off", Tier::Three, "IPv6 without duplicate address detection; virtual addresses are always so").works()
        .example("2001:db8::10/64 -nodad"),
    row("mngtmpaddr", "none", "off", Tier::Three, "IPv6 template for temporary addresses").works()
        .example("2001:db8::10/64 mngtmpaddr"),
    row("noprefixroute", "none", "off", Tier::Two, "Do not create prefix route").works()
        .example("192.0.2.10/24 noprefixroute"),
    row("autojoin", "none", "off", Tier::Three, "Join multicast group given as address").works()
        .example("224.0.1.5/32 dev eth0 autojoin"),
    row("no_track", "none", "off", Tier::Two, "Deletion of address or interface state is not tracked").works()
        .example("192.0.2.10/24 no_track"),
    row("preferred_lft", "<uint s> | forever", "0 for IPv6 /128, else forever", Tier::Three, "Preferred lifetime").works()
        .example("2001:db8::10/64 preferred_lft 3600"),
    row("track_group", "<name>", "none", Tier::Three, "Static addresses only: track_group watching deletion").works()
        .example("192.0.2.250/24 dev eth0 track_group statics"),
    row("use_vmac", "[name <if> | <if>] ...", "off", Tier::Three, "VIP only: put address on its own VMAC; the words behind it are those of use_vmac, so it comes last").works()
        .example("192.0.2.10/24 use_vmac"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static ROUTE_LINE: &[Row] = &[
    row("inet", "none", "from destination", Tier::Three, "Force IPv4").works()
        .example("inet 203.0.113.0/24 via 192.0.2.254"),
    row("inet6", "none", "from destination", Tier::Three, "Force IPv6").works()
        .example("inet6 2001:db8:1::/48 via 2001:db8::1"),
    row("src", "<ip>", "none", Tier::One, "Preferred source address").works()
        .example("203.0.113.0/24 via 192.0.2.254 src 192.0.2.10"),
    row("via", "[inet|inet6] <ip>", "none", Tier::One, "Gateway").works()
        .example("203.0.113.0/24 via 192.0.2.254"),
    row("gw", "<ip>", "none", Tier::Three, "Older name of via").works().deprecated("via")
        .example("203.0.113.0/24 gw 192.0.2.254"),
    row("from", "<ip>[/<prefix>]", "none", Tier::Three, "IPv6 source prefix").works()
        .example("2001:db8:1::/48 from 2001:db8:2::/48 via 2001:db8::1"),
    row("tos", "<n 0..255 | name>", "0", Tier::Three, "Type of service selector").works()
        .example("203.0.113.0/24 via 192.0.2.254 tos 16"),
    row("dsfield", "<n 0..255 | name>", "0", Tier::Three, "Alias of tos").works()
        .example("203.0.113.0/24 via 192.0.2.254 dsfield 16"),
    row("table", "<n 1..4294967295 | name>", "main", Tier::One, "Routing table").works()
        .example("203.0.113.0/24 via 192.0.2.254 table 100"),
    row("protocol", "<n 0..255 | name>", "keepalived (18)", Tier::Three, "Route protocol; forced to 18 when tracked").works()
        .example("203.0.113.0/24 via 192.0.2.254 protocol 4 no_track"),
    row("scope", "<n 0..255 | name>", "by type", Tier::One, "Route scope").works()
        .example("203.0.113.0/24 dev eth0 scope 253"),
    row("metric", "<uint>", "0", Tier::One, "Route priority").works()
        .example("203.0.113.0/24 via 192.0.2.254 metric 100"),
    row("priority", "<uint>", "0", Tier::Three, "Alias of metric").works()
        .example("203.0.113.0/24 via 192.0.2.254 priority 100"),
    row("preference", "<uint>", "0", Tier::Three, "Alias of metric").works()
        .example("203.0.113.0/24 via 192.0.2.254 preference 100"),
    row("dev", "<ifname>", "none", Tier::One, "Output interface").works()
        .example("203.0.113.0/24 dev eth1"),
    row("oif", "<ifname>", "none", Tier::Three, "Alias of dev").works()
        .example("203.0.113.0/24 oif eth1"),
    row("onlink", "none", "off", Tier::Two, "Gateway considered directly reachable").works()
        .example("203.0.113.0/24 via 192.0.2.254 dev eth0 onlink"),
    row("encap", "ip|ip6|mpls|ila <params>", "none", Tier::Three, "Lightweight tunnel encapsulation").works()
        .example("203.0.113.0/24 via 192.0.2.254 encap ip id 4 dst 198.51.100.1"),
    row("expires", "<uint s 1..>", "none", Tier::Three, "IPv6 route lifetime").works()
        .example("2001:db8:1::/48 via 2001:db8::1 expires 3600 no_track"),
    row("mtu", "[lock] <uint>", "none", Tier::Two, "Path MTU metric").works()
        .example("203.0.113.0/24 via 192.0.2.254 mtu 1400"),
    row("hoplimit", "<uint 0..255>", "none", Tier::Three, "Hop limit metric").works()
        .example("203.0.113.0/24 via 192.0.2.254 hoplimit 64"),
    row("advmss", "[lock] <uint>", "none", Tier::Three, "Advertised MSS").works()
        .example("203.0.113.0/24 via 192.0.2.254 advmss 1360"),
    row("rtt", "[lock] <time[s|ms]>", "none", Tier::Three, "Initial round trip time").works()
        .example("203.0.113.0/24 via 192.0.2.254 rtt 300ms"),
    row("rttvar", "[lock] <time[s|ms]>", "none", Tier::Three, "Initial round trip variance").works()
        .example("203.0.113.0/24 via 192.0.2.254 rttvar 300ms"),
    row("reordering", "[lock] <uint>", "none", Tier::Three, "Maximal reordering").works()
        .example("203.0.113.0/24 via 192.0.2.254 reordering 5"),
    row("window", "<uint>", "none", Tier::Three, "Maximal window").works()
        .example("203.0.113.0/24 via 192.0.2.254 window 65536"),
    row("cwnd", "[lock] <uint>", "none", Tier::Three, "Congestion window clamp").works()
        .example("203.0.113.0/24 via 192.0.2.254 cwnd lock 20"),
    row("ssthresh", "[lock] <uint>", "none", Tier::Three, "Slow start threshold").works()
        .example("203.0.113.0/24 via 192.0.2.254 ssthresh 40"),
    row("realms", "[<from>/]<to>, each 0..65535", "none", Tier::Three, "Route realms").works()
        .example("203.0.113.0/24 via 192.0.2.254 realms 5"),
    row("rto_min", "[lock] <time[s|ms]>", "none", Tier::Three, "Minimum retransmission timeout").works()
        .example("203.0.113.0/24 via 192.0.2.254 rto_min 50ms"),
    row("initcwnd", "<uint>", "none", Tier::Three, "Initial congestion window").works()
        .example("203.0.113.0/24 via 192.0.2.254 initcwnd 20"),
    row("initrwnd", "<uint>", "none", Tier::Three, "Initial receive window").works()
        .example("203.0.113.0/24 via 192.0.2.254 initrwnd 20"),
    row("features", "ecn", "none", Tier::Three, "Route features").works()
        .example("203.0.113.0/24 via 192.0.2.254 features ecn"),
    row("quickack", "0 | 1", "none", Tier::Three, "Disable delayed ACK").works()
        .example("203.0.113.0/24 via 192.0.2.254 quickack 1"),
    row("congctl", "[lock] <name, up to 15 bytes>", "none", Tier::Three, "Congestion control algorithm").works()
        .example("203.0.113.0/24 via 192.0.2.254 congctl bbr"),
    row("pref", "low | medium | high | 3 | 0 | 1", "none", Tier::Three, "IPv6 router preference").works()
        .example("2001:db8:1::/48 via 2001:db8::1 pref high"),
    row("ttl-propagate", "enabled | disabled", "none", Tier::Three, "MPLS TTL propagation").works()
        .example("203.0.113.0/24 via 192.0.2.254 ttl-propagate enabled"),
    row("fastopen_no_cookie", "0 | 1", "none", Tier::Three, "TCP fast open without cookie").works()
        .example("203.0.113.0/24 via 192.0.2.254 fastopen_no_cookie 1"),
    row("add", "none", "replace", Tier::Three, "Create with add semantics").works()
        .example("203.0.113.0/24 add via 192.0.2.254"),
    row("append", "none", "replace", Tier::Three, "Create with append semantics").works()
        .example("203.0.113.0/24 append via 192.0.2.254"),
    row("prepend", "none", "replace", Tier::Three, "Create with prepend semantics").works()
        .example("203.0.113.0/24 prepend via 192.0.2.254"),
    row("nexthop", "[via [inet|inet6] <ip>] [dev <if>] [weight 1..256] [onlink] [encap ...] [realms ...]", "none", Tier::Two, "One hop of a multipath route").works()
        .example("203.0.113.0/24 nexthop via 192.0.2.253 weight 2 nexthop via 192.0.2.254 weight 1"),
    row("or", "<ip>", "none", Tier::Three, "Deprecated second gateway; use nexthop").works().deprecated("nexthop")
        .example("203.0.113.0/24 via 192.0.2.253 or 192.0.2.254"),
    row("vrf", "<name>", "none", Tier::Three, "Table of the named VRF").works()
        .example("203.0.113.0/24 via 192.0.2.254 vrf vrf-edge"),
    row("no_track", "none", "off", Tier::Two, "Do not watch for deletion of route").works()
        .example("203.0.113.0/24 via 192.0.2.254 no_track"),
    row("track_group", "<name>", "none", Tier::Three, "Static routes only: track_group watching deletion").works()
        .example("203.0.113.0/24 via 192.0.2.254 track_group statics"),
    row("to", "<dest>", "", Tier::Two, "Introduces the destination").works()
        .example("to 203.0.113.0/24 via 192.0.2.254"),
    row("<type>", "unicast|local|broadcast|brd|anycast|multicast|prohibit|unreachable|blackhole|throw, then <dest>", "unicast", Tier::Two, "Route type placed directly before destination").works()
        .example("blackhole 203.0.113.0/24"),
    row("<dest>", "<ip>[/<prefix>] | default | any | all", "", Tier::One, "Destination prefix").works()
        .example("default via 192.0.2.254"),
    row("default6", "none", "", Tier::Three, "Deprecated form for IPv6 default destination").works().deprecated("default")
        .example("default6 via 2001:db8::1"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static RULE_LINE: &[Row] = &[
    row("inet", "none", "from addresses", Tier::Three, "Force IPv4").works()
        .example("inet from 192.0.2.10 table 100 preference 1000"),
    row("inet6", "none", "from addresses", Tier::Three, "Force IPv6").works()
        .example("inet6 from 2001:db8::10 table 100 preference 1000"),
    row("not", "none", "off", Tier::Three, "Invert the selector").works()
        .example("not from 192.0.2.10 table 100 preference 1000"),
    row("from", "<ip>[/<prefix>] | all|any|default", "all", Tier::One, "Source selector").works()
        .example("from 192.0.2.10 table 100 preference 1000"),
    row("to", "<ip>[/<prefix>]", "all", Tier::One, "Destination selector").works()
        .example("to 198.51.100.0/24 table 100 preference 1000"),
    row("table", "<n 1..4294967295 | name>", "none", Tier::One, "Table looked up when matched").works()
        .example("from 192.0.2.10 table 100 preference 1000"),
    row("lookup", "<n 1..4294967295 | name>", "none", Tier::Three, "Alias of table").works()
        .example("from 192.0.2.10 lookup 100 preference 1000"),
    row("preference", "<uint>", "assigned downward from 16384, reported", Tier::One, "Rule priority").works()
        .example("from 192.0.2.10 table 100 preference 1000"),
    row("order", "<uint>", "assigned", Tier::Three, "Alias of preference").works()
        .example("from 192.0.2.10 table 100 order 1000"),
    row("priority", "<uint>", "assigned", Tier::Two, "Alias of preference").works()
        .example("from 192.0.2.10 table 100 priority 1000"),
    row("tos", "<n 0..255 | name>", "0", Tier::Three, "Type of service selector").works()
        .example("from 192.0.2.10 table 100 preference 1000 tos 16"),
    row("dsfield", "<n 0..255 | name>", "0", Tier::Three, "Alias of tos").works()
        .example("from 192.0.2.10 table 100 preference 1000 dsfield 16"),
    row("fwmark", "<n>[/<mask>], each 0..4294967295", "none", Tier::Two, "Firewall mark selector").works()
        .example("fwmark 7 table 100 preference 1000"),
    row("realms", "[<from>/]<to>, each 0..65535", "none", Tier::Three, "Realms set by rule").works()
        .example("from 192.0.2.10 table 100 preference 1000 realms 5"),
    row("suppress_prefixlength", "<uint 0..128>", "none", Tier::Three, "Reject lookup results with prefix length up to n").works()
        .example("from all table 254 suppress_prefixlength 0 preference 1000"),
    row("sup_pl", "<uint 0..128>", "none", Tier::Three, "Alias of suppress_prefixlength").works()
        .example("from all table 254 sup_pl 0 preference 1000"),
    row("suppress_ifgroup", "<n 0..2147483647 | name>", "none", Tier::Three, "Reject results through interface group").works()
        .example("from 192.0.2.10 table 100 preference 1000 suppress_ifgroup 7"),
    row("sup_group", "<n 0..2147483647 | name>", "none", Tier::Three, "Alias of suppress_ifgroup").works()
        .example("from 192.0.2.10 table 100 preference 1000 sup_group 7"),
    row("dev", "<ifname>", "none", Tier::Two, "Input interface selector").works()
        .example("dev eth1 table 100 preference 1000"),
    row("iif", "<ifname>", "none", Tier::Two, "Alias of dev").works()
        .example("iif eth1 table 100 preference 1000"),
    row("oif", "<ifname>", "none", Tier::Three, "Output interface selector").works()
        .example("oif eth1 table 100 preference 1000"),
    row("tunnel-id", "<n>", "none", Tier::Three, "Tunnel key selector").works()
        .example("tunnel-id 42 table 100 preference 1000"),
    row("uidrange", "<a>[-<b>], each 0..4294967295", "none", Tier::Three, "User id range selector").works()
        .example("uidrange 1000-1999 table 100 preference 1000"),
    row("l3mdev", "none", "off", Tier::Three, "Look up table of the VRF device").works()
        .example("from 192.0.2.10 l3mdev preference 1000"),
    row("protocol", "<n 0..255 | name>", "keepalived (18)", Tier::Three, "Rule protocol").works()
        .example("from 192.0.2.10 table 100 preference 1000 protocol 4 no_track"),
    row("ipproto", "<n 0..255 | name>", "none", Tier::Three, "IP protocol selector").works()
        .example("ipproto tcp table 100 preference 1000"),
    row("sport", "<a>[-<b>], each 0..65535", "none", Tier::Three, "Source port range").works()
        .example("sport 1024-65535 table 100 preference 1000"),
    row("dport", "<a>[-<b>], each 0..65535", "none", Tier::Three, "Destination port range").works()
        .example("dport 443 table 100 preference 1000"),
    row("no_track", "none", "off", Tier::Two, "Do not watch for deletion of rule").works()
        .example("from 192.0.2.10 table 100 preference 1000 no_track"),
    row("track_group", "<name>", "none", Tier::Three, "Static rules only: track_group watching deletion").works()
        .example("from 192.0.2.10 table 100 preference 1000 track_group statics"),
    row("type", "goto <n>|nop|blackhole|unreachable|prohibit", "", Tier::Three, "Optional word before the action").works()
        .example("from 192.0.2.10 type blackhole preference 1000"),
    row("goto", "<uint 1..>", "", Tier::Three, "Jump to rule with that preference").works()
        .example("from 192.0.2.10 goto 2000 preference 1000"),
    row("nop", "none", "", Tier::Three, "No operation action").works()
        .example("from 192.0.2.10 nop preference 1000"),
    row("blackhole", "none", "", Tier::Three, "Drop silently").works()
        .example("from 198.51.100.0/24 blackhole preference 1000"),
    row("unreachable", "none", "", Tier::Three, "Reject, network unreachable").works()
        .example("from 198.51.100.0/24 unreachable preference 1000"),
    row("prohibit", "none", "", Tier::Three, "Reject, administratively prohibited").works()
        .example("from 198.51.100.0/24 prohibit preference 1000"),
];
