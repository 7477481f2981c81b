//! Rows of the virtual server blocks.

use super::{Context, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static SSL: &[Row] = &[
    row("password", "<str>", "none", Tier::Three, "What the key is encrypted with").works()
        .example("certificate /etc/lvsd/client.pem\nkey /etc/lvsd/client.key\npassword s3cret"),
    row("ca", "<path>", "the roots of the system", Tier::Three, "Authorities, in PEM, that checks with tls_verify believe. Without tls_verify any certificate will do").works()
        .example("ca /etc/lvsd/ca.pem"),
    row("certificate", "<path>", "none", Tier::Three, "Certificate, in PEM, that checks show to servers that want one; with those between it and an authority behind it").works()
        .example("certificate /etc/lvsd/client.pem"),
    row("key", "<path>", "the file of the certificate", Tier::Three, "Private key of the certificate, in PEM: PKCS #8, also encrypted, PKCS #1 or SEC 1").works()
        .example("certificate /etc/lvsd/client.pem\nkey /etc/lvsd/client.key"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static VIRTUAL_SERVER_GROUP: &[Row] = &[
    row("<ip>", "<ip> [<port 0..65535>]", "port 0", Tier::Two, "Group member address line").works()
        .example("192.0.2.10 80"),
    row("<range>", "<a.b.c.d-e | full-full | ip/prefix> [<port 0..65535>]", "port 0", Tier::Two, "Group member address range line").works()
        .example("192.0.2.11-20 80"),
    row("fwmark", "fwmark <uint 1..> [inet|inet6]", "", Tier::Two, "Group member firewall mark line").works()
        .example("fwmark 7 inet"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static VIRTUAL_SERVER: &[Row] = &[
    row("ip_family", "inet | inet6", "from addresses", Tier::Two, "Family for fwmark services").works()
        .example("ip_family inet6"),
    row("retry", "<uint 1..>", "checker specific", Tier::Two, "Default retry for checkers").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "checker specific", Tier::Two, "Default delay before retry for checkers").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "delay_loop", Tier::Two, "Default maximum random first-check delay").works()
        .example("warmup 5"),
    row("connect_timeout", "<decimal s, min 0.000001>", "5", Tier::Two, "Default connection timeout for checkers").works()
        .example("connect_timeout 3"),
    row("delay_loop", "<decimal s, min 0.000001>", "60", Tier::One, "Default interval between checks").works()
        .example("delay_loop 10"),
    row("inhibit_on_failure", "none", "off", Tier::Two, "Default: set weight 0 instead of removing failed server").takes(0, 0).works()
        .example("inhibit_on_failure"),
    row("lb_algo", "rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos", "wlc", Tier::One, "Scheduler; the older and more common name").works()
        .example("lb_algo wlc"),
    row("lvs_sched", "rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos", "wlc", Tier::One, "Scheduler").works()
        .example("lvs_sched wlc"),
    row("hashed", "none", "off", Tier::Three, "Legacy scheduling flag, kept for compatibility").takes(0, 0).no_effect("a scheduling flag that kernels no longer read")
        .example("hashed"),
    row("ops", "none", "off", Tier::Two, "One-packet scheduling for UDP").takes(0, 0).works()
        .example("protocol UDP\nops"),
    row("flag-1", "none", "off", Tier::Three, "Scheduler flag 1").takes(0, 0).works()
        .example("lvs_sched sh\nflag-1"),
    row("flag-2", "none", "off", Tier::Three, "Scheduler flag 2").takes(0, 0).works()
        .example("lvs_sched sh\nflag-2"),
    row("flag-3", "none", "off", Tier::Three, "Scheduler flag 3").takes(0, 0).works()
        .example("lvs_sched sh\nflag-3"),
    row("sh-port", "none", "off", Tier::Two, "sh scheduler: include source port; needs lvs_sched sh before").takes(0, 0).works()
        .example("lvs_sched sh\nsh-port"),
    row("sh-fallback", "none", "off", Tier::Two, "sh scheduler: fall back if server unavailable").takes(0, 0).works()
        .example("lvs_sched sh\nsh-fallback"),
    row("mh-port", "none", "off", Tier::Two, "mh scheduler: include source port").takes(0, 0).works()
        .example("lvs_sched mh\nmh-port"),
    row("mh-fallback", "none", "off", Tier::Two, "mh scheduler: fall back if server unavailable").takes(0, 0).works()
        .example("lvs_sched mh\nmh-fallback"),
    row("lb_kind", "NAT | DR | TUN [type ipip | gue port <port 1..65535> | gre] [nocsum|csum|remcsum]", "NAT", Tier::One, "Forwarding method; the older and more common name").takes(1, 6).works()
        .example("lb_kind TUN type gue port 6080"),
    row("lvs_method", "NAT | DR | TUN [type ipip | gue port <port 1..65535> | gre] [nocsum|csum|remcsum]", "NAT", Tier::One, "Forwarding method").takes(1, 6).works()
        .example("lvs_method TUN type gue port 6080"),
    row("persistence_engine", "sip", "none", Tier::Two, "IPVS persistence engine name").works()
        .example("persistence_engine sip\npersistence_timeout 360"),
    row("persistence_timeout", "[<int s 1..2678400>]", "off; 360 when bare", Tier::One, "Persistent connections, timeout").takes(0, 1).works()
        .example("persistence_timeout 360"),
    row("persistence_granularity", "<ipv4 mask | prefix length 0..128>", "host", Tier::Two, "Client grouping mask for persistence").works()
        .example("persistence_timeout 360\npersistence_granularity 255.255.255.0"),
    row("protocol", "TCP | UDP | SCTP", "TCP, with a warning (keepalived takes UDP)", Tier::One, "Service protocol").works()
        .example("protocol TCP"),
    row("ha_suspend", "none", "off", Tier::Two, "No checks while none of the addresses of the service is on this host; what they have found stays in force. Also for groups. Marks have no address: theirs go on").takes(0, 0).works()
        .example("ha_suspend"),
    row("smtp_alert", "[BOOL]", "global default, else false", Tier::Two, "Mail on quorum changes").takes(0, 1).works()
        .example("smtp_alert"),
    row("virtualhost", "<str>", "none", Tier::One, "Default HTTP Host for checkers").works()
        .example("virtualhost www.example.com"),
    row("snmp_name", "<str>", "none", Tier::Three, "Name in SNMP table").no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("snmp_name web"),
    row("alpha", "none", "off", Tier::Two, "Servers start as down until first successful check").takes(0, 0).works()
        .example("alpha"),
    row("omega", "none", "off", Tier::Two, "Run down notifiers and clean up at shutdown").takes(0, 0).works()
        .example("omega"),
    row("quorum_up", "<script> [user [group]]", "none", Tier::Two, "Run when quorum gained").script().works()
        .example("quorum_up \"/etc/lvsd/announce.sh up\""),
    row("quorum_down", "<script> [user [group]]", "none", Tier::Two, "Run when quorum lost").script().works()
        .example("quorum_down \"/etc/lvsd/announce.sh down\""),
    row("quorum", "<uint 1..>", "1", Tier::Two, "Minimum total alive weight").works()
        .example("quorum 2"),
    row("hysteresis", "<uint>", "0", Tier::Two, "Margin around quorum").works()
        .example("quorum 2\nhysteresis 1"),
    row("min_up", "<percent>% | <count>", "none", Tier::Two, "Fail-open: with fewer real servers up than that (1 to 100 percent, rounded up, or a number), those that had the traffic when enough were up keep it, failed or not, and this is alarmed; only in lvsd").works()
        .example("min_up 50%"),
    row("drain_timeout", "<decimal s 1..604800>", "none", Tier::Two, "A real server that a reload removes has weight 0 until its connections have ended, for this long at most; only in lvsd").works()
        .example("drain_timeout 300"),
    row("slow_start", "<decimal s 1..86400>", "none", Tier::Two, "A real server that was down gets its weight back in ten steps over this time; only in lvsd").works()
        .example("slow_start 60"),
    row("weight", "<int 1..2147483647>", "1", Tier::Two, "Default real server weight").works()
        .example("weight 10"),
    row("sorry_server", "<ip> [<port 0..65535>]", "none", Tier::One, "Server used when quorum lost").takes(1, 2).works()
        .example("sorry_server 10.0.0.9 80"),
    row("sorry_server_inhibit", "none", "off", Tier::Three, "Inhibit (weight 0) instead of removing sorry server").takes(0, 0).works()
        .example("sorry_server 10.0.0.9 80\nsorry_server_inhibit"),
    row("sorry_server_lvs_method", "NAT | DR | TUN [type ipip | gue port <port 1..65535> | gre] [nocsum|csum|remcsum]", "virtual server method", Tier::Three, "Forwarding method of sorry server").takes(1, 6).works()
        .example("sorry_server 10.0.0.9 80\nsorry_server_lvs_method NAT"),
    row("real_server", "<ip> [<port 0..65535>] { block }", "", Tier::One, "Backend server").block(Context::RealServer, 1, 2).works()
        .example("real_server 10.0.0.1 80 {\n    weight 10\n    TCP_CHECK {\n    }\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static REAL_SERVER: &[Row] = &[
    row("weight", "<int 0..2147483647>", "virtual_server weight", Tier::One, "Initial IPVS weight").works()
        .example("weight 10"),
    row("lvs_method", "NAT | DR | TUN [type ipip | gue port <port 1..65535> | gre] [nocsum|csum|remcsum]", "virtual_server method", Tier::Two, "Forwarding method of this server").takes(1, 6).works()
        .example("lvs_method TUN type gue port 6080"),
    row("uthreshold", "<uint>", "0", Tier::Two, "IPVS upper connection threshold").works()
        .example("uthreshold 2000"),
    row("lthreshold", "<uint>", "0", Tier::Two, "IPVS lower connection threshold").works()
        .example("uthreshold 2000\nlthreshold 1500"),
    row("inhibit_on_failure", "[BOOL]", "virtual_server value", Tier::One, "Set weight 0 instead of removing on failure").takes(0, 1).works()
        .example("inhibit_on_failure"),
    row("notify_up", "<script> [user [group]]", "none", Tier::One, "Run when server comes up").script().works()
        .example("notify_up \"/etc/lvsd/server.sh up\""),
    row("notify_down", "<script> [user [group]]", "none", Tier::One, "Run when server goes down").script().works()
        .example("notify_down \"/etc/lvsd/server.sh down\""),
    row("alpha", "[BOOL]", "virtual_server value", Tier::Two, "Start down until first success").takes(0, 1).works()
        .example("alpha"),
    row("retry", "<uint 1..>", "virtual_server value", Tier::Two, "Default checker retry").works()
        .example("retry 3"),
    row("delay_before_retry", "<decimal s>", "virtual_server value", Tier::Two, "Default checker retry delay").works()
        .example("delay_before_retry 2"),
    row("warmup", "<decimal s>", "virtual_server value", Tier::Two, "Default checker first-check jitter").works()
        .example("warmup 5"),
    row("connect_timeout", "<decimal s, min 0.000001>", "virtual_server value", Tier::Two, "Default checker connection timeout").works()
        .example("connect_timeout 3"),
    row("delay_loop", "<decimal s, min 0.000001>", "virtual_server value", Tier::Two, "Default checker interval").works()
        .example("delay_loop 10"),
    row("smtp_alert", "[BOOL]", "global default, else true", Tier::Two, "Mail on server up/down").takes(0, 1).works()
        .example("smtp_alert off"),
    row("virtualhost", "<str>", "virtual_server value", Tier::Two, "Default HTTP Host for checkers").works()
        .example("virtualhost www.example.com"),
    row("snmp_name", "<str>", "none", Tier::Three, "Name in SNMP table").no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("snmp_name web1"),
    row("MISC_CHECK", "{ block }", "", Tier::One, "External program checker").block(Context::MiscCheck, 0, 0).works()
        .example("MISC_CHECK {\n    misc_path \"/etc/lvsd/check.sh 10.0.0.1\"\n}"),
    row("SMTP_CHECK", "{ block }", "", Tier::Two, "SMTP greeting checker").block(Context::SmtpCheck, 0, 0).works()
        .example("SMTP_CHECK {\n    helo_name lb1.example.com\n}"),
    row("TCP_CHECK", "{ block }", "", Tier::One, "TCP connect checker").block(Context::TcpCheck, 0, 0).works()
        .example("TCP_CHECK {\n    connect_timeout 3\n}"),
    row("PING_CHECK", "{ block }", "", Tier::Two, "ICMP echo checker").block(Context::PingCheck, 0, 0).works()
        .example("PING_CHECK {\n    connect_timeout 1\n}"),
    row("UDP_CHECK", "{ block }", "", Tier::Two, "UDP datagram checker").block(Context::UdpCheck, 0, 0).works()
        .example("UDP_CHECK {\n    payload 00 01\n    require_reply\n}"),
    row("HTTP_GET", "{ block }", "", Tier::One, "HTTP checker").block(Context::HttpGet, 0, 0).works()
        .example("HTTP_GET {\n    url {\n        path /health\n        status_code 200\n    }\n}"),
    row("SSL_GET", "{ block }", "", Tier::One, "HTTPS checker").block(Context::SslGet, 0, 0).works()
        .example("SSL_GET {\n    enable_sni\n    virtualhost www.example.com\n    url {\n        path /health\n        status_code 200\n    }\n}"),
    row("DNS_CHECK", "{ block }", "", Tier::Two, "DNS query checker over UDP").block(Context::DnsCheck, 0, 0).works()
        .example("DNS_CHECK {\n    type A\n    name www.example.com\n}"),
    row("FILE_CHECK", "{ block }", "", Tier::Three, "Checker driven by a track_file").block(Context::FileCheck, 0, 0).works()
        .example("FILE_CHECK {\n    track_file load\n    weight -1\n}"),
    row("BFD_CHECK", "{ block }", "", Tier::Three, "Checker driven by a BFD session").block(Context::BfdCheck, 0, 0).works()
        .example("BFD_CHECK {\n    name uplink\n}"),
];
