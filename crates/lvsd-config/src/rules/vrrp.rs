//! Explanations: virtual routers, their addresses, trackers and groups.

use super::Rule;
use super::explain::Frame::Instance;
use super::explain::{Explanation, error, hint, warning};
use crate::diagnostic::Severity::{Error, Hint, Tolerated};

/// An instance that tracks a script, with lines of the script and lines of the instance.
macro_rules! tracking {
    ($script:literal, $instance:literal) => {
        concat!(
            "vrrp_script check {\n    script \"/bin/true\"\n", $script, "}\n",
            "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n",
            $instance, "}"
        )
    };
}

/// Two instances, with lines of each.
macro_rules! two {
    ($first:literal, $second:literal, $rest:literal) => {
        concat!(
            "vrrp_instance VI_1 {\n    interface eth0\n",
            $first,
            "}\nvrrp_instance VI_2 {\n    interface eth0\n",
            $second,
            "}\n",
            $rest
        )
    };
}

#[rustfmt::skip] // Examples are configurations, laid out as such.
pub(super) static EXPLANATIONS: &[Explanation] = &[
    error(Rule::DuplicateVrid,
        "Adverts of the two could not be told apart, so each would believe the other's. An id is the instance's own on an interface \
         and address family; instances with different multicast groups or disjoint unicast peers may share one.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 51  # <-\n    virtual_ipaddress { 192.0.2.2/24 }\n", ""),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n", "")),
    error(Rule::MissingVrid,
        "The id says which adverts belong to the instance. It is the same on all routers of the instance, and on no others.",
        "vrrp_instance VI_1 {  # <-\n    interface eth0\n    virtual_ipaddress { 192.0.2.1/24 }\n}",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n}"),
    error(Rule::MissingInterface,
        "Multicast adverts go out of an interface. Only an instance with unicast peers can be without.",
        "vrrp_instance VI_1 {  # <-\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n}",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n}"),
    warning(Rule::MissingAddresses,
        "The election would be about nothing. An advert of VRRPv3 must have an address, so there it is an error.",
        "vrrp_instance VI_1 {  # <-\n    interface eth0\n    virtual_router_id 51\n}",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    no_virtual_ipaddress\n}").at(&[Tolerated, Error]),
    error(Rule::TooManyAddresses,
        "An advert has room for 255 addresses, all virtual_server_groups together for 100,000.",
        "virtual_ipaddress {\n    ~SEQ(i, 1, 250) 10.0.1.${i}/24\n    ~SEQ(i, 1, 10) 10.0.2.${i}/24  # <-\n}",
        "virtual_ipaddress {\n    ~SEQ(i, 1, 250) 10.0.1.${i}/24\n}\nvirtual_ipaddress_excluded {\n    ~SEQ(i, 1, 10) 10.0.2.${i}/24\n}").within(Instance),
    warning(Rule::DuplicateAddress,
        "The second one is ignored.",
        "virtual_ipaddress_excluded {\n    192.0.2.1/24  # <-\n}", "virtual_ipaddress_excluded {\n    192.0.2.2/24\n}").within(Instance),
    warning(Rule::SharedAddress,
        "When one of the instances leaves the address, it is gone for the other, too.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.1/24 }  # <-\n", ""),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n", "")),
    warning(Rule::NetworkAddress,
        "The address is the first or last of its network, which hosts treat as the network itself or as a broadcast. Most likely \
         the prefix length is wrong.",
        "virtual_ipaddress_excluded {\n    198.51.100.0/24  # <-\n}", "virtual_ipaddress_excluded {\n    198.51.100.1/24\n}").within(Instance),
    warning(Rule::VipIsSource,
        "A virtual address moves; the address that adverts come from must stay with its router.",
        "unicast_src_ip 192.0.2.1  # <-\nunicast_peer { 192.0.2.12 }", "unicast_src_ip 192.0.2.11\nunicast_peer { 192.0.2.12 }").within(Instance),
    warning(Rule::OwnPeer,
        "Peers are the other routers. One's own address, or a virtual one, gets its own adverts back, or those of whoever is master.",
        "unicast_src_ip 192.0.2.11\nunicast_peer {\n    192.0.2.11  # <-\n    192.0.2.12\n}", "unicast_src_ip 192.0.2.11\nunicast_peer {\n    192.0.2.12\n}").within(Instance),
    warning(Rule::FamilyMismatch,
        "One protocol message has addresses of one family. What does not fit is ignored; addresses of the other family may go into \
         virtual_ipaddress_excluded. For a multicast group in global_defs it is an error.",
        "unicast_src_ip 2001:db8::11  # <-\nunicast_peer { 192.0.2.12 }", "unicast_src_ip 192.0.2.11\nunicast_peer { 192.0.2.12 }").within(Instance).at(&[Tolerated, Error]),
    hint(Rule::MasterWithoutPriority,
        "Priority 255 says that this router owns the addresses. It takes them over at once whoever holds them, and trackers with weights \
         never change it.",
        "state MASTER  # <-", "state MASTER\npriority 150").within(Instance),
    warning(Rule::MasterNopreempt,
        "nopreempt and preempt_delay are for a router that starts as BACKUP; keepalived drops them from one with `state MASTER`.",
        "state MASTER\npriority 150\nnopreempt  # <-", "state BACKUP\npriority 150\nnopreempt").within(Instance),
    hint(Rule::NopreemptWeight,
        "A failed check lowers this router's priority, but a peer with nopreempt does not take over from a master of lower priority: the \
         addresses stay where the check fails. Without a weight a failure is a FAULT and the addresses move; with \
         `resign_on_priority_drop` the master itself gives way when its priority falls.",
        tracking!("    weight -20\n", "    nopreempt\n    track_script {\n        check  # <-\n    }\n"),
        tracking!("", "    nopreempt\n    track_script {\n        check\n    }\n")),
    warning(Rule::PreemptConflict,
        "One of the settings makes the other meaningless.",
        "nopreempt\npreempt_delay 60  # <-", "preempt_delay 60").within(Instance),
    warning(Rule::OwnerTracking,
        "The owner's priority is 255 whatever happens (RFC 9568 §5.2.4).",
        tracking!("    weight -20\n", "    priority 255\n    track_script {\n        check  # <-\n    }\n"),
        tracking!("    weight -20\n", "    priority 200\n    track_script {\n        check\n    }\n")),
    hint(Rule::WeightWithoutEffect,
        "Priorities that trackers change stay between 1 and 254. A weight that would only lead out of that range changes nothing.",
        tracking!("    weight 20\n", "    priority 254\n    track_script {\n        check  # <-\n    }\n"),
        tracking!("    weight 20\n", "    priority 200\n    track_script {\n        check\n    }\n")),
    hint(Rule::RedundantTracker,
        "An instance is in FAULT while its own interface is down, tracked or not.",
        "track_interface {\n    eth0  # <-\n}", "track_interface {\n    eth1\n}").within(Instance),
    warning(Rule::StrictMode,
        "vrrp_strict forces what RFC 9568 says: no authentication, no changed timers, priority 255 for owners only, and nothing that is \
         sent to the addresses is accepted unless they are owned. Most who have it copied it from a sample. The last one alone is a hint.",
        "version 3\nstrict_mode\naccept\npreempt_delay 10  # <-", "preempt_delay 10").within(Instance).at(&[Tolerated, Hint]),
    warning(Rule::RoundedInterval,
        "VRRPv2 counts whole seconds, VRRPv3 hundredths up to 40.95 s. All routers of an instance must have the same interval.",
        "advert_int 0.5  # <-", "version 3\nadvert_int 0.5").within(Instance),
    warning(Rule::AuthVersion,
        "VRRPv3 has no authentication: the block is ignored.",
        "version 3\nauthentication {  # <-\n    auth_type PASS\n    auth_pass secret\n}", "version 3").within(Instance),
    warning(Rule::AuthTwice,
        "auth_hmac signs adverts of both versions, and takes the place of the older authentication.",
        "authentication {  # <-\n    auth_type PASS\n    auth_pass secret\n}\nauth_hmac {\n    key 1 0123456789abcdef0123456789abcdef\n    active_key 1\n}",
        "auth_hmac {\n    key 1 0123456789abcdef0123456789abcdef\n    active_key 1\n}").within(Instance),
    hint(Rule::AuthInitialState,
        "Sequence numbers have to be heard before any are sent, so an instance with auth_type AH never starts as MASTER.",
        "state MASTER  # <-\npriority 150\nauthentication {\n    auth_type AH\n    auth_pass secret\n}",
        "state BACKUP\npriority 150\nauthentication {\n    auth_type AH\n    auth_pass secret\n}").within(Instance),
    error(Rule::HmacKey,
        "Ids are from 1 to 255, each once; keys have from 32 to 64 bytes: as written, hex: with digits, or file: with the path of a file that \
         only its owner can read. Without the key that the others have there would be two masters.",
        "auth_hmac {\n    key 1 short  # <-\n    active_key 1\n}",
        "auth_hmac {\n    key 1 0123456789abcdef0123456789abcdef\n    active_key 1\n}").within(Instance),
    error(Rule::HmacIncomplete,
        "Adverts cannot be signed without a key, and unsigned ones would make two masters.",
        "auth_hmac {  # <-\n    key 1 0123456789abcdef0123456789abcdef\n}",
        "auth_hmac {\n    key 1 0123456789abcdef0123456789abcdef\n    active_key 1\n}").within(Instance),
    warning(Rule::AuthIncomplete,
        "Without type and password the block is ignored, and adverts are not authenticated.",
        "authentication {  # <-\n    auth_type PASS\n}", "authentication {\n    auth_type PASS\n    auth_pass secret\n}").within(Instance),
    warning(Rule::PasswordTooLong,
        "Passwords of VRRPv2 have eight bytes, sent in clear. What is beyond is cut off on every router, so it works, and protects even less \
         than it seems.",
        "authentication {\n    auth_type PASS\n    auth_pass secret-word  # <-\n}", "authentication {\n    auth_type PASS\n    auth_pass secret-w\n}").within(Instance),
    warning(Rule::EmptyPeerList,
        "Without peers adverts are multicast, which a network without multicast does not deliver.",
        "unicast_peer {  # <-\n}", "unicast_peer {\n    192.0.2.12\n}").within(Instance),
    warning(Rule::UnresolvedTracker,
        "Nothing of that name exists, so nothing is tracked: a failure would not be noticed.",
        "track_script {\n    chekc  # <-\n}", "priority 100").within(Instance),
    warning(Rule::TrackerIncomplete,
        "There is nothing to look at, so the block is ignored, and with it whatever tracks it.",
        "track_file maintenance {  # <-\n    weight -1\n}", "track_file maintenance {\n    file /run/maintenance\n    weight -1\n}"),
    warning(Rule::SuspendedTracking,
        "Where none of its addresses is, nobody would check its servers: a router that is in FAULT because of it would never come back. \
         So ha_suspend is ignored there.",
        "vrrp_instance web {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress {\n        192.0.2.1/24\n    }\n    \
         track_virtual_server {\n        192.0.2.1 80\n    }\n}\nvirtual_server 192.0.2.1 80 {\n    protocol TCP\n    ha_suspend  # <-\n    \
         real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}",
        "vrrp_instance web {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress {\n        192.0.2.1/24\n    }\n    \
         track_virtual_server {\n        192.0.2.1 80\n    }\n}\nvirtual_server 192.0.2.1 80 {\n    protocol TCP\n    \
         real_server 10.0.0.1 80 {\n        TCP_CHECK { }\n    }\n}"),
    hint(Rule::LateDefinition,
        "keepalived reads from top to bottom and ignores a tracker whose script comes later. lvsd does not care.",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_script {\n        \
         check  # <-\n    }\n}\nvrrp_script check {\n    script \"/bin/true\"\n}",
        tracking!("", "    track_script {\n        check\n    }\n")),
    hint(Rule::UnusedDefinition,
        "What nothing refers to has no effect; a script never runs. A track_script or check that should name it may be missing.",
        "vrrp_script check {  # <-\n    script \"/bin/true\"\n}", tracking!("", "    track_script {\n        check\n    }\n")),
    warning(Rule::DuplicateSession,
        "The second session is ignored: a neighbour's first packet says nothing but its addresses.",
        "bfd_instance a {\n    neighbor_ip 192.0.2.2\n}\nbfd_instance b {  # <-\n    neighbor_ip 192.0.2.2\n}\nvrrp_instance VI_1 {\n    \
         interface eth0\n    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_bfd {\n        a\n    }\n}",
        "bfd_instance a {\n    neighbor_ip 192.0.2.2\n}\nvrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    \
         virtual_ipaddress { 192.0.2.1/24 }\n    track_bfd {\n        a\n    }\n}"),
    warning(Rule::DuplicateTracker,
        "The second line is ignored.",
        tracking!("", "    track_script {\n        check\n        check weight -20  # <-\n    }\n"),
        tracking!("", "    track_script {\n        check weight -20\n    }\n")),
    warning(Rule::GroupMemberMissing,
        "The instance is not kept in step with the others, because it does not exist.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n        VI_3  # <-\n    }\n}"),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}")),
    warning(Rule::GroupMemberTwice,
        "An instance cannot follow two groups.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n        VI_1  # <-\n    }\n}"),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}")),
    warning(Rule::InterfaceTwice,
        "An interface has one pair of delays, and one rate of announcements: it can be in one `garp_group` only.",
        "garp_group {\n    garp_interval 0.01\n    interfaces {\n        eth0\n        eth1\n    }\n}\ngarp_group {\n    garp_interval 0.1\n    interfaces {\n        eth2\n        eth1  # <-\n    }\n}",
        "garp_group {\n    garp_interval 0.01\n    interfaces {\n        eth0\n        eth1\n    }\n}\ngarp_group {\n    garp_interval 0.1\n    interface eth2\n}"),
    warning(Rule::GroupTooSmall,
        "A group keeps its members in the same state; with fewer than two there is nothing to do.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n",
            "vrrp_sync_group G {  # <-\n    group {\n        VI_1\n    }\n}"),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}")),
    warning(Rule::GroupTracking,
        "Priorities of the members must stay in step, so a weight of one of them is ignored unless the group has \
         `sync_group_tracking_weight`.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_interface {\n        eth1 weight -20  # <-\n    }\n",
            "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n", "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}"),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    track_interface {\n        eth1\n    }\n",
            "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n", "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}")),
    hint(Rule::GroupMixed,
        "The members become master together, so they should want it alike. With different priorities, intervals or preemption one of them \
         pulls the others along at a time that their own settings do not say.",
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    priority 150\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n    priority 100\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2  # <-\n    }\n}"),
        two!("    virtual_router_id 51\n    virtual_ipaddress { 192.0.2.1/24 }\n    priority 150\n", "    virtual_router_id 52\n    virtual_ipaddress { 192.0.2.2/24 }\n    priority 150\n",
            "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}")),
    warning(Rule::VirtualLink,
        "An instance has one interface of its own at most, a VMAC or an ipvlan, and its name and Ethernet address are its own. What \
         contradicts that is left out, or, where nothing safe can be meant, refused; what merely changes nothing is a hint.",
        "vmac_xmit_base  # <-", "use_vmac\nvmac_xmit_base").within(Instance).at(&[Tolerated, Error, Hint]),
];
