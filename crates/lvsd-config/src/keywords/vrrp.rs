//! Rows of the VRRP blocks.

use super::{Context, Lines, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static TRACK_GROUP: &[Row] = &[
    row("group", "{ <vrrp instance> ... }", "", Tier::Three, "Instances faulted when tracked static object vanishes").lines(Lines::Names, 0, 0).works()
        .example("group {\n    V1\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static SYNC_GROUP: &[Row] = &[
    row("group", "{ <vrrp instance> ... }", "", Tier::One, "Member instances; resolved after whole file read").lines(Lines::Names, 0, 0).works()
        .example("group {\n    V1\n    V2\n}"),
    row("track_interface", "{ <if> [weight -253..253 [reverse]] ... }", "", Tier::Two, "Interfaces tracked for all members").lines(Lines::Trackers, 0, 0).works()
        .example("sync_group_tracking_weight\ntrack_interface {\n    eth1 weight -20\n}"),
    row("track_script", "{ <name> [weight -253..253 [reverse|noreverse]] ... }", "", Tier::Two, "Scripts tracked for all members").lines(Lines::Trackers, 0, 0).works()
        .example("sync_group_tracking_weight\ntrack_script {\n    chk_web weight -20\n}"),
    row("track_file", "{ <name> [weight -254..254 [reverse|noreverse]] ... }", "", Tier::Two, "Files tracked for all members").lines(Lines::Trackers, 0, 0).works()
        .example("sync_group_tracking_weight\ntrack_file {\n    load weight -1\n}"),
    row("track_process", "{ <name> [weight -254..254 [reverse|noreverse]] ... }", "", Tier::Two, "Processes tracked for all members").lines(Lines::Trackers, 0, 0).works()
        .example("sync_group_tracking_weight\ntrack_process {\n    proxy weight 20\n}"),
    row("track_virtual_server", "{ <ip [port]> | fwmark <n> | group <name> [weight -253..253 [reverse|noreverse]] ... }", "", Tier::Two, "Virtual servers whose quorum the group follows, called as behind virtual_server: without its quorum one is a FAULT, or costs its weight. Of one name all have to have theirs; only in lvsd").lines(Lines::Trackers, 0, 0).works()
        .example("sync_group_tracking_weight\ntrack_virtual_server {\n    192.0.2.93 443 weight -20\n}"),
    row("track_bfd", "{ <name> [weight -253..253 [reverse|noreverse]] ... }", "", Tier::Three, "BFD sessions tracked for all members").lines(Lines::Trackers, 0, 0).works()
        .example("sync_group_tracking_weight\ntrack_bfd {\n    uplink weight -20\n}"),
    row("notify_backup", "<script> [user [group]]", "none", Tier::One, "Run when group becomes BACKUP").script().works()
        .example("notify_backup \"/etc/lvsd/notify.sh backup\""),
    row("notify_master", "<script> [user [group]]", "none", Tier::One, "Run when group becomes MASTER").script().works()
        .example("notify_master \"/etc/lvsd/notify.sh master\""),
    row("notify_fault", "<script> [user [group]]", "none", Tier::One, "Run when group becomes FAULT").script().works()
        .example("notify_fault \"/etc/lvsd/notify.sh fault\""),
    row("notify_stop", "<script> [user [group]]", "none", Tier::Two, "Run when daemon stops").script().works()
        .example("notify_stop \"/etc/lvsd/notify.sh stop\""),
    row("notify", "<script> [user [group]]", "none", Tier::One, "Run on every change with GROUP name STATE priority").script().works()
        .example("notify \"/etc/lvsd/notify.sh\" nobody nogroup"),
    row("smtp_alert", "[BOOL]", "global default, else false", Tier::One, "Mail on group state change").takes(0, 1).works()
        .example("smtp_alert"),
    row("global_tracking", "none", "", Tier::Three, "Deprecated; group tracking applies without it").takes(0, 0).no_effect("group tracking applies without it")
        .example("global_tracking"),
    row("sync_group_tracking_weight", "none", "off", Tier::Two, "Allow weighted trackers on members, keeping priorities in step").takes(0, 0).works()
        .example("sync_group_tracking_weight"),
    row("notify_priority_changes", "[BOOL]", "global default", Tier::Three, "Send member priority changes to FIFO").takes(0, 1).works()
        .example("notify_priority_changes"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static GARP_GROUP: &[Row] = &[
    row("garp_interval", "<decimal s>", "0", Tier::Three, "Minimum gap between GARPs over the group").works()
        .example("garp_interval 0.01"),
    row("gna_interval", "<decimal s>", "0", Tier::Three, "Minimum gap between NAs over the group").works()
        .example("gna_interval 0.01"),
    row("interface", "<ifname>", "", Tier::Three, "Sole interface the settings apply to").works()
        .example("interface eth9"),
    row("interfaces", "{ <ifname> ... }", "", Tier::Three, "Interfaces sharing one rate limit").lines(Lines::Names, 0, 0).works()
        .example("interfaces {\n    eth8\n    eth9\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static INSTANCE: &[Row] = &[
    row("use_vmac", "[name <if> | <if>] [<MAC 5 or 6 octets>] [netlink_notify_msg] [group <uint>]", "off", Tier::One, "Run on an interface of its own, a macvlan in mode private above the instance's interface, with the Ethernet address of the virtual router: 00:00:5e:00:01:VRID, or 02:VRID at the end for IPv6. Addresses live on it, adverts and announcements leave through it. It is made at start and removed at the end").takes(0, 8).works()
        .example("use_vmac vrrp.51"),
    row("use_vmac_addr", "none", "off", Tier::Three, "Addresses on other interfaces, or of the other family than the VMAC, also get VMACs of their own").takes(0, 0).works()
        .example("use_vmac\nuse_vmac_addr"),
    row("vmac_xmit_base", "none", "off", Tier::One, "Send and receive adverts on base interface instead of VMAC; always so with unicast peers").takes(0, 0).works()
        .example("use_vmac\nvmac_xmit_base"),
    row("use_ipvlan", "[name <if> | <if>] [<ip/prefix>] [bridge|private|vepa] [group <uint>]", "off", Tier::Three, "Run on an ipvlan in mode L2, which shares the Ethernet address of its base. IPv4 needs an address of its own, which adverts leave from").takes(0, 8).works()
        .example("use_ipvlan 192.0.2.3/24 bridge"),
    row("unicast_peer", "{ <ip> [min_ttl 0..255] [max_ttl 0..255] ... }", "none", Tier::One, "Send adverts to these addresses instead of multicast").lines(Lines::Peers, 0, 0).works()
        .example("unicast_peer {\n    192.0.2.3 min_ttl 64 max_ttl 255\n}"),
    row("unicast_fault_no_peer", "none", "off", Tier::Three, "Go FAULT when unicast peer list is empty").takes(0, 0).works()
        .example("unicast_fault_no_peer"),
    row("check_unicast_src", "none", "off", Tier::Two, "Drop unicast adverts not from a configured peer").takes(0, 0).works()
        .example("check_unicast_src"),
    row("old_unicast_checksum", "[never]", "auto-detect", Tier::Three, "VRRPv3 unicast over IPv4 with the multicast group in the checksum, as keepalived before 1.3.6; never: not even when a peer does so").takes(0, 1).works()
        .example("old_unicast_checksum never"),
    row("native_ipv6", "none", "", Tier::Three, "Deprecated, no longer needed; family derived from addresses").takes(0, 0).no_effect("keepalived ignores it too")
        .example("native_ipv6"),
    row("state", "MASTER | BACKUP", "from priority", Tier::One, "Initial state; MASTER hardly speeds start unless priority 255").works()
        .example("state BACKUP"),
    row("interface", "<ifname>", "none", Tier::One, "Interface for adverts; mandatory unless unicast").works()
        .example("interface eth0"),
    row("vrf", "<ifname>", "none", Tier::Three, "The VRF that a unicast instance without an interface is in").works()
        .example("vrf vrf-edge\nunicast_peer {\n    192.0.2.3\n}"),
    row("dont_track_primary", "none", "off", Tier::Two, "Ignore faults of the instance's own interface").takes(0, 0).works()
        .example("dont_track_primary"),
    row("track_interface", "{ <if> [weight -253..253 [reverse]] ... }", "none", Tier::One, "Interfaces whose state faults or weights the instance").lines(Lines::Trackers, 0, 0).works()
        .example("track_interface {\n    eth1 weight -20\n}"),
    row("track_script", "{ <name> [weight -253..253 [reverse|noreverse]] ... }", "none", Tier::One, "Scripts whose result faults or weights the instance").lines(Lines::Trackers, 0, 0).works()
        .example("track_script {\n    chk_web weight -20\n}"),
    row("track_file", "{ <name> [weight -254..254 [reverse|noreverse]] ... }", "none", Tier::Two, "Files whose value times weight changes priority").lines(Lines::Trackers, 0, 0).works()
        .example("track_file {\n    load weight -1\n}"),
    row("track_process", "{ <name> [weight -254..254 [reverse|noreverse]] ... }", "none", Tier::Two, "Processes that fault or weight the instance").lines(Lines::Trackers, 0, 0).works()
        .example("track_process {\n    proxy weight 20\n}"),
    row("track_virtual_server", "{ <ip [port]> | fwmark <n> | group <name> [weight -253..253 [reverse|noreverse]] ... }", "none", Tier::Two, "Virtual servers whose quorum the instance follows, called as behind virtual_server: without its quorum one is a FAULT, or costs its weight. Of one name all have to have theirs; only in lvsd").lines(Lines::Trackers, 0, 0).works()
        .example("track_virtual_server {\n    192.0.2.93 443 weight -20\n}"),
    row("track_bfd", "{ <name> [weight -253..253 [reverse|noreverse]] ... }", "none", Tier::Three, "BFD sessions that fault or weight the instance").lines(Lines::Trackers, 0, 0).works()
        .example("track_bfd {\n    uplink weight -20\n}"),
    row("mcast_src_ip", "<ip>", "primary address of interface", Tier::Two, "Source address of multicast adverts").works()
        .example("mcast_src_ip 192.0.2.2"),
    row("unicast_src_ip", "<ip>", "primary address of interface", Tier::One, "Source address of unicast adverts").works()
        .example("unicast_src_ip 192.0.2.2"),
    row("mcast_dst_ip", "<mcast ip>", "vrrp_mcast_group4/6", Tier::Three, "Alternative multicast group of this instance").works()
        .example("mcast_dst_ip 224.0.0.19"),
    row("track_src_ip", "none", "off", Tier::Three, "FAULT while configured source address is absent").takes(0, 0).works()
        .example("mcast_src_ip 192.0.2.2\ntrack_src_ip"),
    row("virtual_router_id", "<int 1..255>", "mandatory", Tier::One, "VRID, unique per interface and family").works()
        .example("virtual_router_id 51"),
    row("unicast_ttl", "<int 0..255>", "255 (IPv4), kernel default (IPv6)", Tier::Three, "TTL or hop limit of sent unicast adverts").works()
        .example("unicast_ttl 64"),
    row("version", "2 | 3", "vrrp_version; 3 for IPv6", Tier::One, "VRRP protocol version").works()
        .example("version 3"),
    row("priority", "<int 1..255>", "100 (255 if state MASTER)", Tier::One, "Base priority; 255 means address owner").works()
        .example("priority 150"),
    row("advert_int", "<decimal s 0.01..255>", "1", Tier::One, "Advert interval; v2 whole seconds, v3 max 40.95").works()
        .example("version 3\nadvert_int 0.1"),
    row("virtual_ipaddress", "{ address lines }", "", Tier::One, "Addresses owned by master and carried in adverts").lines(Lines::Addresses, 0, 0).works()
        .example("virtual_ipaddress {\n    192.0.2.10/24 dev eth0 label eth0:vip\n    192.0.2.11/24\n}"),
    row("virtual_ipaddress_excluded", "{ address lines }", "", Tier::One, "Addresses owned by master but not in adverts").lines(Lines::Addresses, 0, 0).works()
        .example("virtual_ipaddress_excluded {\n    2001:db8::10/64\n}"),
    row("no_virtual_ipaddress", "none", "off", Tier::Three, "Permit an instance without VIPs").takes(0, 0).works()
        .example("no_virtual_ipaddress"),
    row("promote_secondaries", "none", "off", Tier::Two, "Set promote_secondaries sysctl so removing a VIP keeps others").takes(0, 0).works()
        .example("promote_secondaries"),
    row("linkbeat_use_polling", "none", "off", Tier::Three, "Deprecated; poll link state of instance interface").takes(0, 0).no_effect("link state comes from netlink")
        .example("linkbeat_use_polling"),
    row("v3_checksum_as_v2", "[BOOL]", "global default", Tier::Two, "v3 IPv4 checksum without pseudo header").takes(0, 1).works()
        .example("v3_checksum_as_v2"),
    row("virtual_routes", "{ route lines }", "", Tier::Two, "Routes present only while master").lines(Lines::Routes, 0, 0).works()
        .example("virtual_routes {\n    203.0.113.0/24 via 192.0.2.254 dev eth0\n}"),
    row("virtual_rules", "{ rule lines }", "", Tier::Two, "Policy rules present only while master").lines(Lines::Rules, 0, 0).works()
        .example("virtual_rules {\n    from 192.0.2.10 table 100 preference 1000\n}"),
    row("accept", "none", "on unless strict", Tier::Two, "Accept traffic to VIPs when not owner").takes(0, 0).works()
        .example("accept"),
    row("no_accept", "none", "off", Tier::Two, "While MASTER and not owner, drop what is sent to and from the virtual addresses, except ARP and neighbour discovery; also what IPVS would balance. Needs nf_tables in the kernel").takes(0, 0).works()
        .example("no_accept"),
    row("skip_check_adv_addr", "[BOOL]", "global default", Tier::Two, "Skip VIP list check if same master; false also sets it").takes(0, 1).works()
        .example("skip_check_adv_addr"),
    row("strict_mode", "[BOOL]", "global default", Tier::Two, "Strict RFC mode for this instance").takes(0, 1).works()
        .example("strict_mode off"),
    row("preempt", "none", "on", Tier::Three, "Clear nopreempt").takes(0, 0).works()
        .example("preempt"),
    row("nopreempt", "none", "off", Tier::One, "Backup never takes over from lower priority master").takes(0, 0).works()
        .example("state BACKUP\nnopreempt"),
    row("preempt_delay", "<decimal s 0..1000>", "0", Tier::One, "Wait before preempting a lower priority master").works()
        .example("preempt_delay 300"),
    row("debug", "<int 0..4>", "0", Tier::Three, "Debug level").no_effect("keepalived ignores it too")
        .example("debug 2"),
    row("notify_backup", "<script> [user [group]]", "none", Tier::One, "Run on entering BACKUP").script().works()
        .example("notify_backup \"/etc/lvsd/notify.sh backup\""),
    row("notify_master", "<script> [user [group]]", "none", Tier::One, "Run on entering MASTER").script().works()
        .example("notify_master \"/etc/lvsd/notify.sh master\""),
    row("notify_fault", "<script> [user [group]]", "none", Tier::One, "Run on entering FAULT").script().works()
        .example("notify_fault \"/etc/lvsd/notify.sh fault\""),
    row("notify_stop", "<script> [user [group]]", "none", Tier::One, "Run on daemon stop").script().works()
        .example("notify_stop \"/etc/lvsd/notify.sh stop\""),
    row("notify_deleted", "[<script> [user [group]]]", "FAULT notifications", Tier::Three, "On reload removal notify DELETED instead of FAULT").optional_script().works()
        .example("notify_deleted \"/etc/lvsd/notify.sh deleted\""),
    row("notify", "<script> [user [group]]", "none", Tier::One, "Run on every change with INSTANCE name STATE priority").script().works()
        .example("notify \"/etc/lvsd/notify.sh\" nobody nogroup"),
    row("notify_master_rx_lower_pri", "<script> [user [group]]", "none", Tier::Three, "Run when master receives lower priority advert").script().works()
        .example("notify_master_rx_lower_pri \"/etc/lvsd/notify.sh lower\""),
    row("smtp_alert", "[BOOL]", "global default, else false", Tier::One, "Mail on state change").takes(0, 1).works()
        .example("smtp_alert"),
    row("notify_priority_changes", "[BOOL]", "global default", Tier::Three, "Send priority changes to FIFO").takes(0, 1).works()
        .example("notify_priority_changes"),
    row("lvs_sync_daemon_interface", "<ifname>", "none", Tier::Three, "Deprecated; use global lvs_sync_daemon").no_effect("deprecated; write lvs_sync_daemon in global_defs").deprecated("lvs_sync_daemon in global_defs")
        .example("lvs_sync_daemon_interface eth1"),
    row("garp_master_delay", "<int s>", "global", Tier::One, "Delay before second GARP block").works()
        .example("garp_master_delay 10"),
    row("garp_master_refresh", "<int s>", "global", Tier::One, "GARP refresh period while master").works()
        .example("garp_master_refresh 60"),
    row("garp_master_repeat", "<int 1..2147483647>", "global", Tier::One, "GARPs per address per block").works()
        .example("garp_master_repeat 3"),
    row("garp_master_refresh_repeat", "<int 1..2147483647>", "global", Tier::Two, "GARPs per address per refresh").works()
        .example("garp_master_refresh_repeat 2"),
    row("garp_lower_prio_delay", "<int s>", "global, then garp_master_delay", Tier::Two, "Second block delay after lower priority advert").works()
        .example("garp_lower_prio_delay 10"),
    row("garp_lower_prio_repeat", "<int 0..2147483647>", "global, then garp_master_repeat", Tier::Two, "GARP count after lower priority advert").works()
        .example("garp_lower_prio_repeat 1"),
    row("down_timer_adverts", "<int 1..100>", "global (3)", Tier::Three, "Advert intervals before master considered down").works()
        .example("down_timer_adverts 2"),
    row("timer_expired_backup", "[<int 1..254>]", "off", Tier::Three, "With nopreempt: a master whose advert is so late that a router of this priority (254 if none is given) has taken over becomes backup").takes(0, 1).works()
        .example("state BACKUP\nnopreempt\ntimer_expired_backup 200"),
    row("thread_timer_expired", "[<int 1..254>]", "off", Tier::Three, "Older name of timer_expired_backup").takes(0, 1).deprecated("timer_expired_backup").works()
        .example("state BACKUP\nnopreempt\nthread_timer_expired 200"),
    row("garp_extra_if", "[all] <int s 0..86400>", "global", Tier::Three, "While MASTER, announces an address (all: every one) on each VMAC that no adverts leave by, so often, so that switches go on knowing it; 0: not").takes(1, 2).works()
        .example("use_vmac\nvmac_xmit_base\ngarp_extra_if all 60"),
    row("vmac_garp_intvl", "[all] <int s>", "global", Tier::Three, "Older name of garp_extra_if").takes(1, 2).deprecated("garp_extra_if").works()
        .example("use_vmac\nvmac_xmit_base\nvmac_garp_intvl all 60"),
    row("resign_on_priority_drop", "[BOOL]", "global default", Tier::One, "With nopreempt, a master whose trackers lower its priority resigns, once until it has recovered; only in lvsd").takes(0, 1).works()
        .example("state BACKUP\nnopreempt\nresign_on_priority_drop"),
    row("leave_detection", "[BOOL]", "global default", Tier::One, "Master whose host leaves the multicast group is down after one missed advert; only in lvsd").takes(0, 1).works()
        .example("leave_detection off"),
    row("master_inquiry", "[BOOL]", "global default", Tier::One, "Master that misses an advert is down if its host, when asked, denies that anybody there speaks VRRP; only in lvsd").takes(0, 1).works()
        .example("master_inquiry off"),
    row("lower_prio_no_advert", "[BOOL]", "global", Tier::Two, "Do not answer lower priority advert at once").takes(0, 1).works()
        .example("lower_prio_no_advert"),
    row("higher_prio_send_advert", "[BOOL]", "global", Tier::Two, "Send one advert before yielding").takes(0, 1).works()
        .example("higher_prio_send_advert"),
    row("owner_ignore_adverts", "[BOOL]", "global", Tier::Three, "Address owner drops received adverts").takes(0, 1).works()
        .example("priority 255\nowner_ignore_adverts"),
    row("kernel_rx_buf_size", "<uint bytes>", "global policy", Tier::Three, "Receive buffer size for the instance socket").no_effect("lvsd sizes its socket buffers itself")
        .example("kernel_rx_buf_size 262144"),
    row("authentication", "{ block }", "none", Tier::One, "Legacy authentication, VRRPv2 over IPv4 only").block(Context::Authentication, 0, 0).works()
        .example("authentication {\n    auth_type PASS\n    auth_pass s3cret\n}"),
    row("auth_hmac", "{ block }", "none", Tier::Two, "Adverts signed with HMAC-SHA256, in both versions and families; takes the place of authentication").block(Context::AuthHmac, 0, 0).works()
        .example("auth_hmac {\n    key 1 file:/etc/lvsd/vrrp.key\n    active_key 1\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static AUTHENTICATION: &[Row] = &[
    row("auth_type", "PASS | AH", "none", Tier::One, "PASS: a password sent in clear; AH: IPsec authentication header with the password as key").works()
        .example("auth_type PASS"),
    row("auth_pass", "<str up to 8 chars>", "none", Tier::One, "Password; longer value truncated to 8").works()
        .example("auth_pass s3cret"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static AUTH_HMAC: &[Row] = &[
    row("key", "<id 1..255> <ascii | hex:<digits> | file:<path>, 32..64 bytes>", "mandatory", Tier::Two, "Add a shared key under an id, the same on all routers; repeatable. A file must be readable by its owner only").takes(2, 2).works()
        .example("key 1 file:/etc/lvsd/vrrp.key"),
    row("active_key", "<id 1..255>", "mandatory", Tier::Two, "Key used for signing. To change keys: add the new one everywhere, then make it active everywhere, then remove the old one").works()
        .example("active_key 1"),
    row("time_window", "<int s 1..300>", "max(3 x advert_int, 5), at most 300", Tier::Two, "Seconds by which the clocks of the routers may differ").works()
        .example("time_window 10"),
    row("anti_replay", "time | monotonic", "time", Tier::Three, "time: a clock that is set back by more than the window is followed; monotonic: signatures only ever grow newer").works()
        .example("anti_replay monotonic"),
    row("mode", "enforce | permissive | receive-only", "enforce", Tier::Two, "enforce: signed adverts only; permissive: signs, and believes unsigned ones too; receive-only: does not sign yet, and believes both. A wrong signature is never believed").works()
        .example("mode permissive"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static VRRP_SCRIPT: &[Row] = &[
    row("script", "<script>", "mandatory", Tier::One, "Command run at each interval").script().works()
        .example("script \"/usr/bin/curl -fsS http://127.0.0.1/health\""),
    row("interval", "<decimal s, ms resolution>", "1", Tier::One, "Time between starts; 0 becomes 1").works()
        .example("interval 2"),
    row("timeout", "<decimal s, ms resolution>", "interval", Tier::One, "Kill and fail after this long").works()
        .example("timeout 0.5"),
    row("weight", "<-253..253> [reverse]", "0", Tier::One, "Priority change; 0 means failure faults").takes(1, 2).works()
        .example("weight -20"),
    row("rise", "<uint 1..>", "1", Tier::One, "Successes needed to become OK").works()
        .example("rise 2"),
    row("fall", "<uint 1..>", "1", Tier::One, "Failures needed to become failed").works()
        .example("fall 3"),
    row("user", "<user> [<group>]", "script_user", Tier::One, "User running the script").takes(1, 2).works()
        .example("user nobody nogroup"),
    row("init_fail", "none", "off", Tier::Two, "Counts as failed until its first result").takes(0, 0).works()
        .example("init_fail"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static TRACK_PROCESS: &[Row] = &[
    row("process", "<name or path> [<args> ...]", "mandatory", Tier::Two, "Program to look for, by name or path, and its arguments").takes(1, 255).works()
        .example("process /usr/sbin/haproxy -f /etc/haproxy/haproxy.cfg"),
    row("param_match", "[initial|partial]", "exact if arguments or bare keyword, else none", Tier::Three, "How arguments are compared. partial: the process has these first, and may have more; initial: so, too, and the last may be the beginning of the process's; without a word: exactly these").takes(0, 1).works()
        .example("process haproxy -f /etc/haproxy\nparam_match initial"),
    row("weight", "<-254..254> [reverse]", "0", Tier::Two, "Priority change; 0 means missing process faults").takes(1, 2).works()
        .example("weight 20"),
    row("quorum", "<int 1..65535>", "1", Tier::Two, "Minimum matching processes").works()
        .example("quorum 2"),
    row("quorum_max", "<int 0..65535>", "unlimited", Tier::Three, "Maximum matching processes").works()
        .example("quorum_max 8"),
    row("delay", "<decimal s 0.000001..3600>", "0", Tier::Two, "Sets both fork_delay and terminate_delay").works()
        .example("delay 0.5"),
    row("terminate_delay", "<decimal s 0.000001..3600>", "0", Tier::Three, "How long there must be too few before that counts").works()
        .example("terminate_delay 0.5"),
    row("fork_delay", "<decimal s 0.000001..3600>", "0", Tier::Three, "How long there must be enough before that counts").works()
        .example("fork_delay 2"),
    row("full_command", "none", "off", Tier::Three, "Compare the program with the command line, not with the name of at most 15 bytes").takes(0, 0).works()
        .example("full_command"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static INTERFACE_DELAYS: &[Row] = &[
    row("<ifname>", "<down s 0..255> [<up s 0..255>]", "0 0", Tier::Three, "Per-interface debounce line").works()
        .example("eth0 3 10"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static LINKBEAT_INTERFACES: &[Row] = &[
    row("<ifname>", "[MII|ETHTOOL|IOCTL]", "best supported", Tier::Three, "Per-interface polling line").no_effect("link state comes from netlink, by which every driver tells of its carrier")
        .example("eth0 MII"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static TRACK_FILE: &[Row] = &[
    row("file", "<path>", "mandatory", Tier::Two, "File with a number in it; 0 when it is missing or no number. Decimal, 0x hexadecimal, 0 octal").works()
        .example("file /run/lvsd/load"),
    row("weight", "<-254..254> [reverse]", "1", Tier::Two, "Factor of the number, added to the priority; 0: a number other than 0 faults; so does a product of -254 or less").takes(1, 2).works()
        .example("weight -2"),
    row("init_file", "[<int32>] [overwrite]", "not created", Tier::Three, "Create file with value if missing, or always with overwrite").takes(0, 2).works()
        .example("init_file 0 overwrite"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static VRRP_TRACK_FILE: &[Row] = &[
    row("file", "<path>", "mandatory", Tier::Three, "As in track_file (alias block)").works()
        .example("file /run/lvsd/load"),
    row("weight", "<-254..254> [reverse]", "1", Tier::Three, "As in track_file (alias block)").takes(1, 2).works()
        .example("weight -2"),
    row("init_file", "[<int32>] [overwrite]", "not created", Tier::Three, "As in track_file (alias block)").takes(0, 2).works()
        .example("init_file 0 overwrite"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static BFD_INSTANCE: &[Row] = &[
    row("source_ip", "<ip>", "that of the route", Tier::Three, "Address that packets of the session leave from").works()
        .example("source_ip 192.0.2.2"),
    row("neighbor_ip", "<ip>", "mandatory", Tier::Three, "Address of the neighbour; not a link-local one").works()
        .example("neighbor_ip 192.0.2.253"),
    row("neighbour_ip", "<ip>", "mandatory", Tier::Three, "The same as neighbor_ip").works()
        .example("neighbour_ip 192.0.2.253"),
    row("min_rx", "<int ms 1..4294967>", "10", Tier::Three, "Shortest interval, in milliseconds, at which packets are taken; the neighbour sends no faster").works()
        .example("min_rx 50"),
    row("min_tx", "<int ms 1..4294967>", "10", Tier::Three, "Shortest interval, in milliseconds, at which packets are sent while the session is Up; the neighbour may want them less often").works()
        .example("min_tx 50"),
    row("idle_tx", "<int ms 1000..4294967>", "1000", Tier::Three, "The same while the session is not Up").works()
        .example("idle_tx 1000"),
    row("multiplier", "<int 1..255>", "5", Tier::Three, "How many packets in a row may be lost before the neighbour takes the session for dead").works()
        .example("multiplier 3"),
    row("passive", "none", "off", Tier::Three, "Send nothing until the neighbour has spoken").takes(0, 0).works()
        .example("passive"),
    row("ttl", "<int 1..255>", "255", Tier::Three, "TTL or hop limit of the packets sent, and of those that the neighbour is taken to send (keepalived: 64 for IPv6)").works()
        .example("ttl 255"),
    row("hoplimit", "<int 1..255>", "as ttl", Tier::Three, "The same as ttl").works()
        .example("hoplimit 64"),
    row("max_hops", "<int -1..255>", "0; any with multihop", Tier::Three, "How many hops packets may have come: what arrives with less than ttl minus this is not believed; -1 and 255 believe all").works()
        .example("max_hops 2"),
    row("multihop", "[BOOL]", "false", Tier::Three, "The neighbour is behind routers: use port 4784 (RFC 5883)").takes(0, 1).works()
        .example("multihop"),
    row("weight", "<-253..253> [reverse]", "0", Tier::Three, "Weight where track_bfd gives none; 0: down is a fault").takes(1, 2).works()
        .example("weight -20"),
    row("vrrp", "none", "both processes", Tier::Three, "Only trackers hear of the session (with checker: checks, too)").takes(0, 0).works()
        .example("vrrp"),
    row("checker", "none", "both processes", Tier::Three, "Only checks hear of the session (with vrrp: trackers, too)").takes(0, 0).works()
        .example("checker"),
];
