//! Explanations: keywords, their words, commands, what the host must have.

use super::Rule;
use super::explain::Frame::{Instance, Server, Service};
use super::explain::{Explanation, error, hint, warning};
use crate::diagnostic::Severity::{Error, Hint, Tolerated};

#[rustfmt::skip] // Examples are configurations, laid out as such.
pub(super) static EXPLANATIONS: &[Explanation] = &[
    warning(Rule::UnknownKeyword,
        "The statement is skipped, with its whole block if it has one.",
        "proirity 150  # <-", "priority 150").within(Instance),
    warning(Rule::MisplacedKeyword,
        "The keyword stands in a block where it means nothing. It is skipped; often a brace before it is missing or one too many.",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    TCP_CHECK { }  # <-\n    real_server 10.0.0.1 80 { }\n}",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP\n    real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    warning(Rule::RemovedKeyword,
        "Old samples on the web have keywords that keepalived has dropped, and forks have some of their own. The help says what to \
         write instead, if anything.",
        "nat_mask 255.255.255.0  # <-", "# nothing: IPVS has no such mask").within(Service),
    hint(Rule::DeprecatedKeyword,
        "It works; the newer name is the one in the manual.",
        "global_defs {\n    lvs_flush_onstop  # <-\n}", "global_defs {\n    lvs_flush_on_stop\n}"),
    hint(Rule::NoEffect,
        "lvsd does what the keyword is for in another way, or has no such thing; the message says which.",
        "global_defs {\n    enable_snmp_vrrp  # <-\n}", "global_defs {\n    metrics_listen 127.0.0.1:9165\n}"),
    warning(Rule::NoEffectYet,
        "lvsd reads the keyword and does not act on it in this version.",
        "global_defs {\n    nftables_ipvs  # <-\n}", "global_defs {\n    router_id director\n}"),
    error(Rule::MissingArgument,
        "There is nothing safe to assume for the missing word. For options on the lines of a list this is a warning, and the option \
         is ignored.",
        "priority  # <-", "priority 100").within(Instance).at(&[Error, Tolerated]),
    warning(Rule::ExtraWord,
        "keepalived ignores words that a keyword does not take, in silence. Often they were meant for something.",
        "priority 100 150  # <-", "priority 100").within(Instance),
    warning(Rule::SeveralStatements,
        "A line is one statement: everything behind the first one is ignored, without a word in keepalived.",
        "real_server 10.0.0.2 80 {\n    weight 1 inhibit_on_failure true  # <-\n}",
        "real_server 10.0.0.2 80 {\n    weight 1\n    inhibit_on_failure true\n}").within(Service),
    warning(Rule::BadNumber,
        "The statement is ignored and the default counts. Where there is no default, as for the port of a service, this is an error.",
        "priority high  # <-", "priority 200").within(Instance).at(&[Tolerated, Error]),
    warning(Rule::OutOfRange,
        "The statement is ignored and the default counts. Where that cannot be, as for a prefix length, this is an error.",
        "priority 300  # <-", "priority 200").within(Instance).at(&[Tolerated, Error]),
    warning(Rule::TrailingJunk,
        "The number is taken and what follows it is not. Times have no unit: they are in seconds.",
        "garp_master_delay 5s  # <-", "garp_master_delay 5").within(Instance),
    warning(Rule::BadBoolean,
        "Truth is written in lower case, as on, true or yes, and off, false or no.",
        "skip_check_adv_addr TRUE  # <-", "skip_check_adv_addr true").within(Instance),
    warning(Rule::BadValue,
        "The word is ignored and the default counts.",
        "lvs_method nat  # <-", "lvs_method NAT").within(Service),
    error(Rule::BadAddress,
        "Addresses are numeric. A name would need a resolver that may not answer when the director starts.",
        "unicast_peer {\n    director-b.example.com  # <-\n}", "unicast_peer {\n    192.0.2.12\n}").within(Instance),
    error(Rule::BadName,
        "No interface can be called so. Labels that are too long, and VRRP on the loopback interface, are told under this id, too.",
        "virtual_ipaddress_excluded {\n    192.0.2.9/24 dev averyverylonginterface  # <-\n}",
        "virtual_ipaddress_excluded {\n    192.0.2.9/24 dev eth1\n}").within(Instance).at(&[Error, Tolerated]),
    warning(Rule::AliasInterface,
        "`eth0:1` is the label of an address, as ifconfig showed it, and no interface. VRRP runs on `eth0`; a label is given to the \
         address by `label`.",
        "vrrp_instance VI_1 {\n    interface eth0:1  # <-\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n}",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 label eth0:1 }\n}"),
    warning(Rule::DuplicateName,
        "The second one is skipped as a whole, as keepalived does.",
        "vrrp_script check {\n    script \"/bin/true\"\n}\nvrrp_script check {  # <-\n    script \"/bin/false\"\n}\nvrrp_instance VI_1 {\n    \
         interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_script { check }\n}",
        "vrrp_script check {\n    script \"/bin/true\"\n}\nvrrp_instance VI_1 {\n    \
         interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_script { check }\n}"),
    hint(Rule::RepeatedKeyword,
        "The last one counts, and the one that somebody edits may be the first.",
        "priority 100\npriority 150  # <-", "priority 150").within(Instance),
    warning(Rule::MissingScript,
        "A vrrp_script without a command is ignored with everything that tracks it; a MISC_CHECK without one never runs, and its server \
         counts as up.",
        "MISC_CHECK {  # <-\n    misc_timeout 5\n}", "MISC_CHECK {\n    misc_path \"/bin/true\"\n    misc_timeout 5\n}").within(Server),
    hint(Rule::ShellOperator,
        "No shell is between keepalived and the program, so `&&`, `|` and `>` are arguments there. lvsd runs such a command by /bin/sh, \
         because nothing else can be meant. A script file is clearer.",
        "notify_master \"/bin/echo master > /run/state\"  # <-", "notify_master /etc/lvsd/to-master").within(Instance),
    warning(Rule::ScriptUserWords,
        "A command with arguments is one quoted string; words behind it name the user and group that run it. When they look like arguments, \
         the command is not run.",
        "notify_master /etc/lvsd/notify master  # <-", "notify_master \"/etc/lvsd/notify master\"").within(Instance).at(&[Tolerated, Hint]),
    hint(Rule::SlowCheck,
        "A check that may take longer than the time between two of them delays the next: failures are found later than the \
         interval suggests.",
        "vrrp_script check {\n    script \"/bin/true\"\n    interval 2\n    timeout 10  # <-\n}\nvrrp_instance VI_1 {\n    interface eth0\n    \
         virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_script { check }\n}",
        "vrrp_script check {\n    script \"/bin/true\"\n    interval 2\n    timeout 2\n}\nvrrp_instance VI_1 {\n    interface eth0\n    \
         virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_script { check }\n}"),
    warning(Rule::UnusableScript,
        "The check never runs, or the notification is never sent: the file is not there, is not executable, its user does not exist, or \
         enable_script_security forbids it because somebody else could change it. The message names the part of the path that is wrong.",
        "notify_master /no/such/script  # <-", "notify_master /bin/true").within(Instance).on_host(),
    hint(Rule::InsecureScript,
        "Whoever can write the file, or a directory above it, becomes root through it. enable_script_security refuses such scripts.",
        "notify_master /usr/local/bin/open-to-all  # <-", "notify_master /bin/true").within(Instance).on_host(),
    warning(Rule::UnknownUser,
        "Scripts cannot run as a user or group that this host does not know.",
        "global_defs {\n    script_user no-such-user  # <-\n}", "global_defs {\n    script_user root\n}").on_host(),
    hint(Rule::AbsentInterface,
        "What needs the interface waits in FAULT until it appears. That is right for one that comes later; a misspelled one never does.",
        "track_interface {\n    eth98  # <-\n}", "track_interface {\n    lo\n}").within(Instance).on_host(),
    warning(Rule::UnreadableCertificate,
        "SSL_GET cannot present a certificate or trust an authority that cannot be read.",
        "SSL {\n    ca /no/such/ca.pem  # <-\n}", "SSL {\n    ca /etc/ssl/certs/ca-certificates.crt\n}").on_host(),
];
