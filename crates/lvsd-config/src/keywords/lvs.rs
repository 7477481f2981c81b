//! Rows of the virtual server blocks.

use super::{Context, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line.
pub(super) static SSL: &[Row] = &[
    row("password", "<str>", "none", Tier::Three, "Password of private key"),
    row("ca", "<path>", "none", Tier::Three, "CA file loaded, but peer not verified"),
    row("certificate", "<path>", "none", Tier::Three, "Client certificate file"),
    row("key", "<path>", "none", Tier::Three, "Client private key file"),
];

#[rustfmt::skip] // A table: one row, one line.
pub(super) static VIRTUAL_SERVER_GROUP: &[Row] = &[
    row("<ip>", "<ip> [<port>]", "port 0", Tier::Two, "Group member address line").works(),
    row("<range>", "<a.b.c.d-e | full-full | ip/prefix> [<port>]", "port 0", Tier::Two, "Group member address range line").works(),
    row("fwmark", "fwmark <uint> [inet|inet6]", "", Tier::Two, "Group member firewall mark line").works(),
];

#[rustfmt::skip] // A table: one row, one line.
pub(super) static VIRTUAL_SERVER: &[Row] = &[
    row("ip_family", "inet | inet6", "from addresses", Tier::Two, "Family for fwmark services").works(),
    row("retry", "<uint 1..>", "checker specific", Tier::Two, "Default retry for checkers").works(),
    row("delay_before_retry", "<decimal s>", "checker specific", Tier::Two, "Default delay before retry for checkers").works(),
    row("warmup", "<decimal s>", "delay_loop", Tier::Two, "Default maximum random first-check delay").works(),
    row("connect_timeout", "<decimal s>", "5", Tier::Two, "Default connection timeout for checkers").works(),
    row("delay_loop", "<decimal s>", "60", Tier::One, "Default interval between checks").works(),
    row("inhibit_on_failure", "none", "off", Tier::Two, "Default: set weight 0 instead of removing failed server").takes(0, 0).works(),
    row("lb_algo", "rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos", "wlc", Tier::One, "Scheduler; the older and more common name").works(),
    row("lvs_sched", "rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos", "wlc", Tier::One, "Scheduler").works(),
    row("hashed", "none", "off", Tier::Three, "Legacy scheduling flag, kept for compatibility").takes(0, 0).no_effect("a scheduling flag that kernels no longer read"),
    row("ops", "none", "off", Tier::Two, "One-packet scheduling for UDP").takes(0, 0).works(),
    row("flag-1", "none", "off", Tier::Three, "Scheduler flag 1").takes(0, 0).works(),
    row("flag-2", "none", "off", Tier::Three, "Scheduler flag 2").takes(0, 0).works(),
    row("flag-3", "none", "off", Tier::Three, "Scheduler flag 3").takes(0, 0).works(),
    row("sh-port", "none", "off", Tier::Two, "sh scheduler: include source port; needs lvs_sched sh before").takes(0, 0).works(),
    row("sh-fallback", "none", "off", Tier::Two, "sh scheduler: fall back if server unavailable").takes(0, 0).works(),
    row("mh-port", "none", "off", Tier::Two, "mh scheduler: include source port").takes(0, 0).works(),
    row("mh-fallback", "none", "off", Tier::Two, "mh scheduler: fall back if server unavailable").takes(0, 0).works(),
    row("lb_kind", "NAT | DR | TUN [type ipip|gue port <p>|gre] [nocsum|csum|remcsum]", "NAT", Tier::One, "Forwarding method; the older and more common name").takes(1, 6).works(),
    row("lvs_method", "NAT | DR | TUN [type ipip|gue port <p>|gre] [nocsum|csum|remcsum]", "NAT", Tier::One, "Forwarding method").takes(1, 6).works(),
    row("persistence_engine", "sip", "none", Tier::Two, "IPVS persistence engine name").works(),
    row("persistence_timeout", "[<int s 1..2678400>]", "off; 360 when bare", Tier::One, "Persistent connections, timeout").takes(0, 1).works(),
    row("persistence_granularity", "<ipv4 mask | ipv6 prefix len>", "host", Tier::Two, "Client grouping mask for persistence").works(),
    row("protocol", "TCP | UDP | SCTP", "TCP, with a warning (keepalived takes UDP)", Tier::One, "Service protocol").works(),
    row("ha_suspend", "none", "off", Tier::Two, "No checks while VIP absent from this host").takes(0, 0),
    row("smtp_alert", "[BOOL]", "global default, else false", Tier::Two, "Mail on quorum changes").takes(0, 1).works(),
    row("virtualhost", "<str>", "none", Tier::One, "Default HTTP Host for checkers").works(),
    row("snmp_name", "<str>", "none", Tier::Three, "Name in SNMP table").no_effect("there is no SNMP agent in lvsd: see metrics_listen"),
    row("alpha", "none", "off", Tier::Two, "Servers start as down until first successful check").takes(0, 0).works(),
    row("omega", "none", "off", Tier::Two, "Run down notifiers and clean up at shutdown").takes(0, 0).works(),
    row("quorum_up", "<script> [user [group]]", "none", Tier::Two, "Run when quorum gained").script().works(),
    row("quorum_down", "<script> [user [group]]", "none", Tier::Two, "Run when quorum lost").script().works(),
    row("quorum", "<uint 1..>", "1", Tier::Two, "Minimum total alive weight").works(),
    row("hysteresis", "<uint>", "0", Tier::Two, "Margin around quorum").works(),
    row("weight", "<int 1..2147483647>", "1", Tier::Two, "Default real server weight").works(),
    row("sorry_server", "<ip> [<port>]", "none", Tier::One, "Server used when quorum lost").takes(1, 2).works(),
    row("sorry_server_inhibit", "none", "off", Tier::Three, "Inhibit (weight 0) instead of removing sorry server").takes(0, 0).works(),
    row("sorry_server_lvs_method", "NAT | DR | TUN ...", "virtual server method", Tier::Three, "Forwarding method of sorry server").takes(1, 6).works(),
    row("real_server", "<ip> [<port>] { block }", "", Tier::One, "Backend server").block(Context::RealServer, 1, 2).works(),
];

#[rustfmt::skip] // A table: one row, one line.
pub(super) static REAL_SERVER: &[Row] = &[
    row("weight", "<int 0..2147483647>", "virtual_server weight", Tier::One, "Initial IPVS weight").works(),
    row("lvs_method", "NAT | DR | TUN [type ipip|gue port <p>|gre] [nocsum|csum|remcsum]", "virtual_server method", Tier::Two, "Forwarding method of this server").takes(1, 6).works(),
    row("uthreshold", "<uint>", "0", Tier::Two, "IPVS upper connection threshold").works(),
    row("lthreshold", "<uint>", "0", Tier::Two, "IPVS lower connection threshold").works(),
    row("inhibit_on_failure", "[BOOL]", "virtual_server value", Tier::One, "Set weight 0 instead of removing on failure").takes(0, 1).works(),
    row("notify_up", "<script> [user [group]]", "none", Tier::One, "Run when server comes up").script().works(),
    row("notify_down", "<script> [user [group]]", "none", Tier::One, "Run when server goes down").script().works(),
    row("alpha", "[BOOL]", "virtual_server value", Tier::Two, "Start down until first success").takes(0, 1).works(),
    row("retry", "<uint 1..>", "virtual_server value", Tier::Two, "Default checker retry").works(),
    row("delay_before_retry", "<decimal s>", "virtual_server value", Tier::Two, "Default checker retry delay").works(),
    row("warmup", "<decimal s>", "virtual_server value", Tier::Two, "Default checker first-check jitter").works(),
    row("connect_timeout", "<decimal s>", "virtual_server value", Tier::Two, "Default checker connection timeout").works(),
    row("delay_loop", "<decimal s>", "virtual_server value", Tier::Two, "Default checker interval").works(),
    row("smtp_alert", "[BOOL]", "global default, else true", Tier::Two, "Mail on server up/down").takes(0, 1).works(),
    row("virtualhost", "<str>", "virtual_server value", Tier::Two, "Default HTTP Host for checkers").works(),
    row("snmp_name", "<str>", "none", Tier::Three, "Name in SNMP table").no_effect("there is no SNMP agent in lvsd: see metrics_listen"),
    row("MISC_CHECK", "{ block }", "", Tier::One, "External program checker").block(Context::MiscCheck, 0, 0).works(),
    row("SMTP_CHECK", "{ block }", "", Tier::Two, "SMTP greeting checker").block(Context::SmtpCheck, 0, 0).works(),
    row("TCP_CHECK", "{ block }", "", Tier::One, "TCP connect checker").block(Context::TcpCheck, 0, 0).works(),
    row("PING_CHECK", "{ block }", "", Tier::Two, "ICMP echo checker").block(Context::PingCheck, 0, 0).works(),
    row("UDP_CHECK", "{ block }", "", Tier::Two, "UDP datagram checker").block(Context::UdpCheck, 0, 0).works(),
    row("HTTP_GET", "{ block }", "", Tier::One, "HTTP checker").block(Context::HttpGet, 0, 0).works(),
    row("SSL_GET", "{ block }", "", Tier::One, "HTTPS checker").block(Context::SslGet, 0, 0).works(),
    row("DNS_CHECK", "{ block }", "", Tier::Two, "DNS query checker over UDP").block(Context::DnsCheck, 0, 0).works(),
    row("FILE_CHECK", "{ block }", "", Tier::Three, "Checker driven by a track_file").block(Context::FileCheck, 0, 0).works(),
    row("BFD_CHECK", "{ block }", "", Tier::Three, "Checker driven by a BFD session").block(Context::BfdCheck, 0, 0),
];
