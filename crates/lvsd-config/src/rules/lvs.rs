//! Explanations: virtual servers, real servers, checks.

use super::Rule;
use super::explain::Frame::{Server, Service};
use super::explain::{Explanation, error, hint, warning};
use crate::diagnostic::Severity::{Hint, Tolerated};

/// A virtual server with lines of its own.
macro_rules! service {
    ($lines:literal) => {
        concat!(
            "virtual_server 192.0.2.1 80 {\n    protocol TCP\n",
            $lines,
            "    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}\n"
        )
    };
}

#[rustfmt::skip] // Examples are configurations, laid out as such.
pub(super) static EXPLANATIONS: &[Explanation] = &[
    warning(Rule::NoRealServers,
        "There is nowhere to send packets to, so no service is made.",
        "virtual_server 192.0.2.1 80 {  # <-\n    protocol TCP\n}", service!("")),
    warning(Rule::DuplicateRealServer,
        "The second block is ignored, with its weight and its checks.",
        "real_server 10.0.0.2 80 {\n    TCP_CHECK { }\n}\nreal_server 10.0.0.2 80 {  # <-\n    weight 5\n    TCP_CHECK { }\n}",
        "real_server 10.0.0.2 80 {\n    weight 5\n    TCP_CHECK { }\n}").within(Service),
    warning(Rule::DuplicateService,
        "The kernel has one service per address, port and protocol. The real servers of both are taken together with the settings of the \
         first; keepalived refuses the second, and with it all that only it has.",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}\nvirtual_server 192.0.2.1 80 {  # <-\n    \
         protocol TCP\n    real_server 10.0.0.2 80 {\n        TCP_CHECK { }\n    }\n}",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n    real_server 10.0.0.2 80 {\n        TCP_CHECK { }\n    }\n}"),
    warning(Rule::EmptyGroup,
        "A service of the group would stand for nothing; it is not made.",
        "virtual_server_group web {  # <-\n}\nvirtual_server group web {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}",
        "virtual_server_group web {\n    192.0.2.1 80\n}\nvirtual_server group web {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    hint(Rule::UnusedGroup,
        "The addresses of the group are served by nobody. The virtual_server that should use it may be missing, or use another.",
        "virtual_server_group web {  # <-\n    192.0.2.1 80\n}",
        "virtual_server_group web {\n    192.0.2.1 80\n}\nvirtual_server group web {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    error(Rule::MissingGroup,
        "No list defines what the service stands for.",
        "virtual_server group web {  # <-\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}",
        "virtual_server_group web {\n    192.0.2.1 80\n}\nvirtual_server group web {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    hint(Rule::UnheldService,
        "Other services have their address in a virtual_ipaddress list of this file, and this one has not: packets for it will not come \
         here unless something else holds the address.",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n}\nvirtual_server 192.0.2.1 80 {\n    protocol TCP\n    \
         real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}\nvirtual_server 192.0.2.2 80 {  # <-\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress {\n        192.0.2.1/24\n        192.0.2.2/24\n    }\n}\nvirtual_server 192.0.2.1 80 {\n    protocol TCP\n    \
         real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}\nvirtual_server 192.0.2.2 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    hint(Rule::HostBits,
        "The prefix says that the host part is zero; lvsd, as keepalived, takes the whole network.",
        "virtual_server_group web {\n    192.0.2.5/28 80  # <-\n}\nvirtual_server group web {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}",
        "virtual_server_group web {\n    192.0.2.0/28 80\n}\nvirtual_server group web {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    warning(Rule::MissingProtocol,
        "lvsd takes TCP, keepalived UDP: write which.",
        "virtual_server 192.0.2.1 80 {  # <-\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    warning(Rule::ForcedPort,
        "With DR and TUN the packet reaches the server as it was sent, so its port is the service's. A check may use another port by \
         connect_port. For firewall marks and mixed groups it is a hint.",
        "lvs_method DR\nreal_server 10.0.0.2 8080 {  # <-\n    TCP_CHECK { }\n}", "lvs_method DR\nreal_server 10.0.0.2 80 {\n    TCP_CHECK {\n        connect_port 8080\n    }\n}")
        .within(Service).at(&[Tolerated, Hint]),
    warning(Rule::PortPersistence,
        "The kernel takes a service on every port only with persistence; lvsd adds it.",
        "virtual_server 192.0.2.1 {  # <-\n    protocol TCP\n    real_server 10.0.0.1 {\n        TCP_CHECK {\n            connect_port 80\n        }\n    }\n}",
        "virtual_server 192.0.2.1 {\n    protocol TCP\n    persistence_timeout 360\n    real_server 10.0.0.1 {\n        TCP_CHECK {\n            connect_port 80\n        }\n    }\n}"),
    warning(Rule::PersistenceIncomplete,
        "Without persistence_timeout there is no persistence, so nothing for the setting to change.",
        "persistence_granularity 255.255.255.0  # <-", "persistence_timeout 360\npersistence_granularity 255.255.255.0").within(Service),
    warning(Rule::QuorumTooHigh,
        "The quorum is compared with the total weight of the servers alive. One above what all of them have can never be reached; it is \
         taken as that.",
        "quorum 3  # <-", "quorum 1").within(Service),
    warning(Rule::HysteresisTooHigh,
        "The quorum is lost when the weight falls below it by the hysteresis, so one as high as the quorum could never be lost.",
        "quorum 1\nhysteresis 1  # <-", "quorum 1\nhysteresis 0").within(Service),
    warning(Rule::ThresholdOrder,
        "A server that has reached uthreshold gets no connection until it is below lthreshold again. With the lower above the upper one it is \
         never full for long, or never used again.",
        "uthreshold 100\nlthreshold 200  # <-", "uthreshold 200\nlthreshold 100").within(Server),
    warning(Rule::FlagWithoutScheduler,
        "The flag is of another scheduler, or stands before the line that says which it is.",
        "sh-port  # <-", "lvs_sched sh\nsh-port").within(Service),
    warning(Rule::OpsProtocol,
        "One-packet scheduling makes no sense for connections.",
        "ops  # <-", "lvs_sched rr").within(Service),
    warning(Rule::SorryIncomplete,
        "The setting is about a sorry_server that does not exist.",
        "sorry_server_inhibit  # <-", "sorry_server 10.0.0.9 80\nsorry_server_inhibit").within(Service),
    hint(Rule::SorryIsServer,
        "When all real servers are down, this one is, too, and gets the traffic all the same.",
        "sorry_server 10.0.0.1 80  # <-", "sorry_server 10.0.0.9 80").within(Service),
    warning(Rule::ServerIsService,
        "Packets for the service would be sent to the service: they go round in circles or are dropped.",
        "real_server 192.0.2.1 80 {  # <-\n    TCP_CHECK { }\n}", "real_server 10.0.0.2 80 {\n    TCP_CHECK { }\n}").within(Service),
    hint(Rule::NoWeight,
        "A server of weight 0 gets no new connections. When all of them have it, the service accepts none.",
        "virtual_server 192.0.2.1 80 {  # <-\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        weight 0\n        TCP_CHECK { }\n    }\n}",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        weight 1\n        TCP_CHECK { }\n    }\n}"),
    warning(Rule::CheckIncomplete,
        "The check is left out, and the server counts as up without it.",
        "HTTP_GET {  # <-\n}", "HTTP_GET {\n    url {\n        path /\n    }\n}").within(Server),
    warning(Rule::CheckPort,
        "Neither the server nor its service has a port, so the check has nothing to connect to and always fails.",
        "virtual_server fwmark 7 {\n    real_server 10.0.0.1 {\n        TCP_CHECK {  # <-\n        }\n    }\n}",
        "virtual_server fwmark 7 {\n    real_server 10.0.0.1 {\n        TCP_CHECK {\n            connect_port 80\n        }\n    }\n}"),
    hint(Rule::RedundantCheck,
        "A second check that is the same in everything finds nothing more.",
        "TCP_CHECK { }\nTCP_CHECK { }  # <-", "TCP_CHECK { }").within(Server),
    hint(Rule::UrlPath,
        "The path goes into the request as it is, and servers answer 400 to one without a slash.",
        "HTTP_GET {\n    url {\n        path status  # <-\n    }\n}", "HTTP_GET {\n    url {\n        path /status\n    }\n}").within(Server),
    hint(Rule::SchemePort,
        "HTTP_GET speaks plain HTTP, SSL_GET TLS; by custom port 80 expects the one and port 443 the other.",
        "SSL_GET {  # <-\n    url {\n        path /\n    }\n}", "HTTP_GET {\n    url {\n        path /\n    }\n}").within(Server),
];
