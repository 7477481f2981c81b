//! Rows of `global_defs`.

use super::{Lines, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static GLOBAL_DEFS: &[Row] = &[
    row("process_names", "none", "off", Tier::Three, "Names of the processes").takes(0, 0).no_effect("the processes are called lvsd, lvsd: vrrp and lvsd: checker")
        .example("process_names"),
    row("process_name", "[<str, up to 15 chars>]", "keepalived", Tier::Three, "Parent process name").takes(0, 1).no_effect("the processes are called lvsd, lvsd: vrrp and lvsd: checker")
        .example("process_name director"),
    row("vrrp_process_name", "[<str, up to 15 chars>]", "keepalived", Tier::Three, "VRRP child process name").takes(0, 1).no_effect("the processes are called lvsd, lvsd: vrrp and lvsd: checker")
        .example("vrrp_process_name director_vrrp"),
    row("checker_process_name", "[<str, up to 15 chars>]", "keepalived", Tier::Three, "Checker child process name").takes(0, 1).no_effect("the processes are called lvsd, lvsd: vrrp and lvsd: checker")
        .example("checker_process_name director_lvs"),
    row("lvs_process_name", "[<str>]", "keepalived", Tier::Three, "Older name of checker_process_name").takes(0, 1).no_effect("the processes are called lvsd, lvsd: vrrp and lvsd: checker").deprecated("checker_process_name")
        .example("lvs_process_name director_lvs"),
    row("bfd_process_name", "[<str, up to 15 chars>]", "keepalived", Tier::Three, "BFD child process name").takes(0, 1).no_effect("the processes are called lvsd, lvsd: vrrp and lvsd: checker")
        .example("bfd_process_name director_bfd"),
    row("use_symlink_paths", "[BOOL]", "false", Tier::Three, "Execute scripts by configured path instead of resolved real path").takes(0, 1).works()
        .example("use_symlink_paths"),
    row("set_supplementary_groups", "[BOOL]", "false", Tier::Three, "Give scripts their user's supplementary groups").takes(0, 1).works()
        .example("set_supplementary_groups"),
    row("router_id", "<str>", "local host name", Tier::One, "Identifier used in mail subjects").works()
        .example("router_id lb1.example.com"),
    row("notification_email_from", "<addr>", "user@hostname", Tier::One, "Mail sender shown in From header").works()
        .example("notification_email_from lb1@example.com"),
    row("smtp_server", "<ip|hostname> [<port 1..65535>]", "none (no mail sent), port 25", Tier::One, "Mail relay for alerts").takes(1, 2).works()
        .example("smtp_server 192.0.2.25 25"),
    row("smtp_helo_name", "<str>", "local host name", Tier::Two, "HELO name for alert mails").works()
        .example("smtp_helo_name lb1.example.com"),
    row("smtp_connect_timeout", "<int s>", "30", Tier::One, "Connect and read timeout for mail; 0 treated as 1").works()
        .example("smtp_connect_timeout 10"),
    row("notification_email", "{ <addr> ... }", "none", Tier::One, "Alert recipients").lines(Lines::Names, 0, 0).works()
        .example("notification_email {\n    noc@example.com\n    oncall@example.com\n}"),
    row("smtp_alert", "[BOOL]", "unset", Tier::Two, "Default for smtp_alert in VRRP and checkers").takes(0, 1).works()
        .example("smtp_alert"),
    row("startup_script", "<script> [user [group]]", "none", Tier::Three, "Runs at the start, before any process that holds addresses or serves; that it fails or takes too long is told, and the start goes on").script().works()
        .example("startup_script \"/etc/lvsd/start.sh\""),
    row("startup_script_timeout", "<int s 1..1000>", "10", Tier::Three, "Time limit of startup_script").works()
        .example("startup_script \"/etc/lvsd/start.sh\"\nstartup_script_timeout 30"),
    row("shutdown_script", "<script> [user [group]]", "none", Tier::Three, "Runs at the end, after all processes have released what they held").script().works()
        .example("shutdown_script \"/etc/lvsd/stop.sh\""),
    row("shutdown_script_timeout", "<int s 1..1000>", "10", Tier::Three, "Time limit of shutdown_script").works()
        .example("shutdown_script \"/etc/lvsd/stop.sh\"\nshutdown_script_timeout 30"),
    row("max_auto_priority", "[-1..99]", "0 (no argument: 99)", Tier::Three, "Timers that are late make a process more urgent, step by step up to this real-time priority; 0 and -1: never").takes(0, 1).works()
        .example("max_auto_priority 50"),
    row("min_auto_priority_delay", "<int us 1..10000000>", "1000000", Tier::Three, "How late a timer must be for one step of max_auto_priority").works()
        .example("max_auto_priority 50\nmin_auto_priority_delay 500000"),
    row("smtp_alert_vrrp", "[BOOL]", "unset", Tier::Two, "Default for VRRP smtp_alert, over smtp_alert").takes(0, 1).works()
        .example("smtp_alert_vrrp"),
    row("smtp_alert_checker", "[BOOL]", "unset", Tier::Two, "Default for checker smtp_alert, over smtp_alert").takes(0, 1).works()
        .example("smtp_alert_checker off"),
    row("checker_log_all_failures", "[BOOL]", "false", Tier::Three, "Log every failed check, not only state changes").takes(0, 1).works()
        .example("checker_log_all_failures"),
    row("dynamic_interfaces", "[allow_if_changes]", "off", Tier::Two, "Accept interfaces that do not exist yet or are recreated").takes(0, 1).no_effect("every interface may come and go: without it an instance is in FAULT")
        .example("dynamic_interfaces allow_if_changes"),
    row("no_email_faults", "none", "off", Tier::Three, "No mail for FAULT transitions").takes(0, 0).works()
        .example("no_email_faults"),
    row("default_interface", "<ifname>", "eth0", Tier::Three, "Interface for static addresses lacking dev").works()
        .example("default_interface eth1"),
    row("disable_local_igmp", "none", "off", Tier::Three, "Stop IGMP from VMAC via sysctl on base; not reloadable").takes(0, 0).works()
        .example("disable_local_igmp"),
    row("v3_checksum_as_v2", "[ignored]", "false", Tier::Two, "VRRPv3 IPv4 checksum without pseudo header; any argument ignored here").takes(0, 1).works()
        .example("v3_checksum_as_v2"),
    row("lvs_timeouts", "[tcp <s 0..2678400>] [tcpfin <s 0..2678400>] [udp <s 0..2678400>]", "kernel", Tier::Two, "IPVS connection timeouts, restored on stop").takes(2, 6).works()
        .example("lvs_timeouts tcp 900 tcpfin 60 udp 300"),
    row("lvs_flush", "none", "off", Tier::Two, "Clear whole IPVS table at start").takes(0, 0).works()
        .example("lvs_flush"),
    row("lvs_flush_on_stop", "[VS]", "off", Tier::Two, "On stop flush whole table, or only own services with VS").takes(0, 1).works()
        .example("lvs_flush_on_stop VS"),
    row("lvs_flush_onstop", "[VS]", "off", Tier::Three, "Older name of lvs_flush_on_stop").takes(0, 1).works().deprecated("lvs_flush_on_stop")
        .example("lvs_flush_onstop VS"),
    row("lvs_sync_daemon", "<if> [[inst] <vrrp>] [id 0..255] [maxlen 1..65507] [port 1..65535] [ttl 1..255] [group <ip>]", "id VRID or 0, port 8848, group 224.0.0.81", Tier::Two, "IPVS connection sync daemon; with an instance it sends while that is MASTER and receives otherwise, without one it does both").takes(1, 13).works()
        .example("lvs_sync_daemon eth1 V1 id 51 maxlen 1400 port 8848 ttl 1 group 224.0.0.81"),
    row("vrrp_mcast_group4", "<ipv4 mcast>", "224.0.0.18", Tier::Two, "Default IPv4 advert group").works()
        .example("vrrp_mcast_group4 224.0.0.18"),
    row("vrrp_mcast_group6", "<ipv6 mcast>", "ff02::12", Tier::Two, "Default IPv6 advert group").works()
        .example("vrrp_mcast_group6 ff02::12"),
    row("vrrp_garp_master_delay", "<int s>", "5", Tier::One, "Delay before second GARP block; 0 disables").works()
        .example("vrrp_garp_master_delay 10"),
    row("vrrp_garp_master_repeat", "<int 1..2147483647>", "5", Tier::One, "GARPs per address in each block").works()
        .example("vrrp_garp_master_repeat 3"),
    row("vrrp_garp_master_refresh", "<int s>", "0", Tier::One, "Period of GARP refresh while master; 0 disables").works()
        .example("vrrp_garp_master_refresh 60"),
    row("vrrp_garp_master_refresh_repeat", "<int 1..2147483647>", "1", Tier::One, "GARPs per address at each refresh").works()
        .example("vrrp_garp_master_refresh_repeat 2"),
    row("vrrp_garp_lower_prio_delay", "<int s>", "vrrp_garp_master_delay", Tier::Two, "Delay of second GARP block after lower priority advert").works()
        .example("vrrp_garp_lower_prio_delay 10"),
    row("vrrp_garp_lower_prio_repeat", "<int 0..2147483647>", "vrrp_garp_master_repeat", Tier::Two, "GARP count after a lower priority advert").works()
        .example("vrrp_garp_lower_prio_repeat 1"),
    row("vrrp_down_timer_adverts", "<int 1..100>", "3", Tier::Three, "Advert intervals before master is considered down").works()
        .example("vrrp_down_timer_adverts 3"),
    row("vrrp_garp_interval", "<decimal s>", "0", Tier::Two, "Minimum gap between GARPs on an interface").works()
        .example("vrrp_garp_interval 0.001"),
    row("vrrp_gna_interval", "<decimal s>", "0", Tier::Two, "Minimum gap between unsolicited NAs on an interface").works()
        .example("vrrp_gna_interval 0.001"),
    row("vrrp_min_garp", "[BOOL]", "false", Tier::Three, "Send only one GARP at transition unless other GARP options set").takes(0, 1).works()
        .example("vrrp_min_garp"),
    row("vrrp_garp_extra_if", "[all] <int s 1..86400>", "0", Tier::Three, "While MASTER, announces an address (all: every one) on each VMAC that no adverts leave by, so often, so that switches go on knowing it").takes(1, 2).works()
        .example("vrrp_garp_extra_if all 60"),
    row("vrrp_vmac_garp_intvl", "[all] <int s>", "0", Tier::Three, "Older name of vrrp_garp_extra_if").takes(1, 2).deprecated("vrrp_garp_extra_if").works()
        .example("vrrp_vmac_garp_intvl all 60"),
    row("resign_on_priority_drop", "[BOOL]", "false", Tier::One, "With nopreempt, a master whose trackers lower its priority resigns, once until it has recovered; only in lvsd").takes(0, 1).works()
        .example("resign_on_priority_drop"),
    row("vrrp_leave_detection", "[BOOL]", "true, false in strict mode", Tier::One, "Master whose host leaves the multicast group is down after one missed advert; only in lvsd").takes(0, 1).works()
        .example("vrrp_leave_detection off"),
    row("vrrp_master_inquiry", "[BOOL]", "true, false in strict mode", Tier::One, "Master that misses an advert is down if its host, when asked, denies that anybody there speaks VRRP; only in lvsd").takes(0, 1).works()
        .example("vrrp_master_inquiry off"),
    row("vrrp_lower_prio_no_advert", "[BOOL]", "false", Tier::Two, "Master does not answer lower priority advert immediately").takes(0, 1).works()
        .example("vrrp_lower_prio_no_advert"),
    row("vrrp_higher_prio_send_advert", "[BOOL]", "false", Tier::Two, "Master sends one advert before yielding to higher priority").takes(0, 1).works()
        .example("vrrp_higher_prio_send_advert"),
    row("vrrp_version", "2 | 3", "2", Tier::One, "Default version for IPv4 instances").works()
        .example("vrrp_version 3"),
    row("vrrp_iptables", "[<in chain> [<out chain>]]", "INPUT OUTPUT", Tier::Three, "Use iptables for no_accept").takes(0, 2).no_effect("rules are made with nftables, in a table of their own, which iptables does not see: see nftables")
        .example("vrrp_iptables VRRP_IN VRRP_OUT"),
    row("vrrp_ipsets", "[up to 6 set names]", "built-in names", Tier::Three, "ipset names used with vrrp_iptables").takes(0, 6).no_effect("rules are made with nftables, which has its own sets")
        .example("vrrp_ipsets lvsd lvsd6 lvsd_if6"),
    row("nftables", "[<name, up to 64 bytes>]", "lvsd", Tier::Three, "Name of the tables of nftables, of families ip and ip6, that hold the rules for no_accept and VMACs; made when needed").takes(0, 1).works()
        .example("nftables director"),
    row("nftables_priority", "<int32>", "-1", Tier::Three, "Chain priority of that table; lower ones see packets first").works()
        .example("nftables_priority -1"),
    row("nftables_ifindex", "none", "off", Tier::Three, "Match by interface index instead of name in nftables").takes(0, 0).no_effect("lvsd always matches by index, and follows an interface that gets another")
        .example("nftables_ifindex"),
    row("vrrp_check_unicast_src", "none", "off", Tier::Two, "Default check_unicast_src for all instances").takes(0, 0).works()
        .example("vrrp_check_unicast_src"),
    row("vrrp_skip_check_adv_addr", "[BOOL]", "false", Tier::One, "Skip VIP list check when sender equals previous master").takes(0, 1).works()
        .example("vrrp_skip_check_adv_addr"),
    row("vrrp_strict", "[BOOL]", "false", Tier::One, "Default strict RFC mode for all instances").takes(0, 1).works()
        .example("vrrp_strict"),
    row("vrrp_priority", "<int -20..19>", "0", Tier::Two, "Nice value of VRRP child").works()
        .example("vrrp_priority -10"),
    row("vrrp_no_swap", "none", "off", Tier::Two, "Lock VRRP child in memory").takes(0, 0).works()
        .example("vrrp_no_swap"),
    row("vrrp_rt_priority", "<int 1..99>", "none", Tier::Two, "Real-time priority of VRRP child").works()
        .example("vrrp_rt_priority 50"),
    row("vrrp_cpu_affinity", "<cpu 0..1023> ...", "all", Tier::Three, "Processors that the VRRP process and its scripts may use").takes(1, 255).works()
        .example("vrrp_cpu_affinity 2"),
    row("vrrp_rlimit_rttime", "<uint us 1..>", "none", Tier::Three, "RLIMIT_RTTIME of the VRRP process: how long it may compute with a real-time priority without a pause; then SIGXCPU ends it, and another is started").works()
        .example("vrrp_rt_priority 50\nvrrp_rlimit_rttime 100000"),
    row("vrrp_rlimit_rtime", "<uint us 1..>", "none", Tier::Three, "Older name of vrrp_rlimit_rttime").works().deprecated("vrrp_rlimit_rttime")
        .example("vrrp_rt_priority 50\nvrrp_rlimit_rtime 100000"),
    row("nftables_ipvs", "[<table>]", "lvsd_ipvs", Tier::Three, "The addresses of a virtual_server_group are one service to IPVS, by a mark that nftables gives their packets; the name of the tables, of families ip and ip6, that do").takes(0, 1).works()
        .example("nftables_ipvs director_ipvs"),
    row("nftables_ipvs_priority", "<int32>", "-1", Tier::Three, "Priority of the chain of those tables that sees what comes in").works()
        .example("nftables_ipvs\nnftables_ipvs_priority -1"),
    row("nftables_ipvs_start_fwmark", "<uint 1..>", "1000", Tier::Three, "First mark; a group keeps its mark over reloads, and none is given that is configured elsewhere").works()
        .example("nftables_ipvs\nnftables_ipvs_start_fwmark 5000"),
    row("nftables_counters", "none", "off", Tier::Three, "Add counters to created nftables rules").takes(0, 0).works()
        .example("nftables_counters"),
    row("notify_fifo", "<path> [user [group]]", "none", Tier::Two, "FIFO for VRRP and LVS event lines").takes(1, 3).works()
        .example("notify_fifo /run/lvsd/notify.fifo"),
    row("notify_fifo_script", "<script> [user [group]]", "none", Tier::Two, "Script started with notify_fifo path appended").script().works()
        .example("notify_fifo /run/lvsd/notify.fifo\nnotify_fifo_script \"/etc/lvsd/events.sh\""),
    row("vrrp_notify_fifo", "<path> [user [group]]", "none", Tier::Two, "FIFO for VRRP event lines").takes(1, 3).works()
        .example("vrrp_notify_fifo /run/lvsd/vrrp.fifo"),
    row("vrrp_notify_fifo_script", "<script> [user [group]]", "none", Tier::Two, "Script started with vrrp_notify_fifo path appended").script().works()
        .example("vrrp_notify_fifo /run/lvsd/vrrp.fifo\nvrrp_notify_fifo_script \"/etc/lvsd/events.sh\""),
    row("vrrp_notify_priority_changes", "[BOOL]", "false", Tier::Three, "Send priority changes to FIFOs").takes(0, 1).works()
        .example("vrrp_notify_priority_changes"),
    row("fifo_write_vrrp_states_on_reload", "none", "off", Tier::Three, "Repeat current states on FIFOs after reload").takes(0, 0).works()
        .example("fifo_write_vrrp_states_on_reload"),
    row("lvs_notify_fifo", "<path> [user [group]]", "none", Tier::Three, "FIFO for LVS event lines").takes(1, 3).works()
        .example("lvs_notify_fifo /run/lvsd/lvs.fifo"),
    row("lvs_notify_fifo_script", "<script> [user [group]]", "none", Tier::Three, "Script started with lvs_notify_fifo path appended").script().works()
        .example("lvs_notify_fifo /run/lvsd/lvs.fifo\nlvs_notify_fifo_script \"/etc/lvsd/events.sh\""),
    row("checker_priority", "<int -20..19>", "0", Tier::Two, "Nice value of checker child").works()
        .example("checker_priority 5"),
    row("checker_no_swap", "none", "off", Tier::Two, "Lock checker child in memory").takes(0, 0).works()
        .example("checker_no_swap"),
    row("checker_rt_priority", "<int 1..99>", "none", Tier::Two, "Real-time priority of checker child").works()
        .example("checker_rt_priority 10"),
    row("checker_cpu_affinity", "<cpu 0..1023> ...", "all", Tier::Three, "Processors that the checker process and its scripts may use").takes(1, 255).works()
        .example("checker_cpu_affinity 0 1"),
    row("checker_rlimit_rttime", "<uint us 1..>", "none", Tier::Three, "RLIMIT_RTTIME of the checker process: how long it may compute with a real-time priority without a pause; then SIGXCPU ends it, and another is started").works()
        .example("checker_rt_priority 50\nchecker_rlimit_rttime 100000"),
    row("checker_rlimit_rtime", "<uint us 1..>", "none", Tier::Three, "Older name of checker_rlimit_rttime").works().deprecated("checker_rlimit_rttime")
        .example("checker_rt_priority 50\nchecker_rlimit_rtime 100000"),
    row("bfd_priority", "<int -20..19>", "0", Tier::Three, "Nice value of BFD child").works()
        .example("bfd_priority -10"),
    row("bfd_no_swap", "none", "off", Tier::Three, "Lock BFD child in memory").takes(0, 0).works()
        .example("bfd_no_swap"),
    row("bfd_rt_priority", "<int 1..99>", "none", Tier::Three, "Real-time priority of BFD child").works()
        .example("bfd_rt_priority 50"),
    row("bfd_cpu_affinity", "<cpu 0..1023> ...", "all", Tier::Three, "Processors that the BFD process and its scripts may use").takes(1, 255).works()
        .example("bfd_cpu_affinity 3"),
    row("bfd_rlimit_rttime", "<uint us 1..>", "none", Tier::Three, "RLIMIT_RTTIME of the BFD process: how long it may compute with a real-time priority without a pause; then SIGXCPU ends it, and another is started").works()
        .example("bfd_rt_priority 50\nbfd_rlimit_rttime 100000"),
    row("bfd_rlimit_rtime", "<uint us 1..>", "none", Tier::Three, "Older name of bfd_rlimit_rttime").works().deprecated("bfd_rlimit_rttime")
        .example("bfd_rt_priority 50\nbfd_rlimit_rtime 100000"),
    row("snmp_socket", "<agentx address>", "unix:/var/agentx/master", Tier::Three, "AgentX socket").no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("snmp_socket unix:/var/agentx/master"),
    row("enable_traps", "none", "off", Tier::Two, "Send SNMP traps").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("enable_traps"),
    row("enable_snmp_vrrp", "none", "off", Tier::Two, "Serve the VRRP MIB").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("enable_snmp_vrrp"),
    row("enable_snmp_keepalived", "none", "off", Tier::Three, "Older name of enable_snmp_vrrp").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen").deprecated("enable_snmp_vrrp")
        .example("enable_snmp_keepalived"),
    row("enable_snmp_rfc", "none", "off", Tier::Three, "Serve both RFC2787 and RFC6527 MIBs").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("enable_snmp_rfc"),
    row("enable_snmp_rfcv2", "none", "off", Tier::Three, "Serve RFC2787 VRRPv2 MIB").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("enable_snmp_rfcv2"),
    row("enable_snmp_rfcv3", "none", "off", Tier::Three, "Serve RFC6527 VRRPv3 MIB").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("enable_snmp_rfcv3"),
    row("enable_snmp_checker", "none", "off", Tier::Two, "Serve the checker MIB").takes(0, 0).no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("enable_snmp_checker"),
    row("snmp_vs_stats_update_interval", "<decimal s 0.001..30>", "5", Tier::Three, "Minimum age before re-reading virtual server counters").no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("snmp_vs_stats_update_interval 2.5"),
    row("snmp_rs_stats_update_interval", "<decimal s 0.001..30>", "same as vs", Tier::Three, "Minimum age before re-reading real server counters").no_effect("there is no SNMP agent in lvsd: see metrics_listen")
        .example("snmp_rs_stats_update_interval 2.5"),
    row("enable_dbus", "none", "off", Tier::Three, "Enable DBus interface").takes(0, 0).no_effect("there is no DBus interface in lvsd: use lvsctl")
        .example("enable_dbus"),
    row("dbus_service_name", "<name>", "org.keepalived.Vrrp1", Tier::Three, "DBus service name").no_effect("there is no DBus interface in lvsd: use lvsctl")
        .example("dbus_service_name com.example.Vrrp1"),
    row("dbus_no_interface_name", "<str>", "none", Tier::Three, "DBus path element when instance has no interface").no_effect("there is no DBus interface in lvsd: use lvsctl")
        .example("dbus_no_interface_name none"),
    row("script_user", "<user> [<group>]", "keepalived_script if it exists, else the user that runs lvsd", Tier::One, "Default user running all scripts").takes(1, 2).works()
        .example("script_user nobody nogroup"),
    row("enable_script_security", "none", "off", Tier::One, "Refuse root scripts whose path is writable by non-root").takes(0, 0).works()
        .example("enable_script_security"),
    row("vrrp_netlink_cmd_rcv_bufs", "<uint bytes>", "system", Tier::Three, "Receive buffer of VRRP netlink command socket").no_effect("lvsd sizes its socket buffers itself")
        .example("vrrp_netlink_cmd_rcv_bufs 262144"),
    row("vrrp_netlink_cmd_rcv_bufs_force", "[BOOL]", "false", Tier::Three, "Use SO_RCVBUFFORCE for that socket").takes(0, 1).no_effect("lvsd sizes its socket buffers itself")
        .example("vrrp_netlink_cmd_rcv_bufs_force on"),
    row("vrrp_netlink_monitor_rcv_bufs", "<uint bytes>", "system", Tier::Three, "Receive buffer of VRRP netlink monitor socket").no_effect("lvsd sizes its socket buffers itself")
        .example("vrrp_netlink_monitor_rcv_bufs 262144"),
    row("vrrp_netlink_monitor_rcv_bufs_force", "[BOOL]", "false", Tier::Three, "Use SO_RCVBUFFORCE for that socket").takes(0, 1).no_effect("lvsd sizes its socket buffers itself")
        .example("vrrp_netlink_monitor_rcv_bufs_force on"),
    row("process_monitor_rcv_bufs", "<uint bytes>", "system", Tier::Three, "Receive buffer of process event connector socket").no_effect("lvsd sizes its socket buffers itself")
        .example("process_monitor_rcv_bufs 262144"),
    row("process_monitor_rcv_bufs_force", "[BOOL]", "false", Tier::Three, "Use SO_RCVBUFFORCE for that socket").takes(0, 1).no_effect("lvsd sizes its socket buffers itself")
        .example("process_monitor_rcv_bufs_force on"),
    row("lvs_netlink_cmd_rcv_bufs", "<uint bytes>", "system", Tier::Three, "Receive buffer of checker netlink command socket").no_effect("lvsd sizes its socket buffers itself")
        .example("lvs_netlink_cmd_rcv_bufs 262144"),
    row("lvs_netlink_cmd_rcv_bufs_force", "[BOOL]", "false", Tier::Three, "Use SO_RCVBUFFORCE for that socket").takes(0, 1).no_effect("lvsd sizes its socket buffers itself")
        .example("lvs_netlink_cmd_rcv_bufs_force on"),
    row("lvs_netlink_monitor_rcv_bufs", "<uint bytes>", "system", Tier::Three, "Receive buffer of checker netlink monitor socket").no_effect("lvsd sizes its socket buffers itself")
        .example("lvs_netlink_monitor_rcv_bufs 262144"),
    row("lvs_netlink_monitor_rcv_bufs_force", "[BOOL]", "false", Tier::Three, "Use SO_RCVBUFFORCE for that socket").takes(0, 1).no_effect("lvsd sizes its socket buffers itself")
        .example("lvs_netlink_monitor_rcv_bufs_force on"),
    row("rs_init_notifies", "[BOOL]", "false", Tier::Three, "Run notify for real servers coming up at startup").takes(0, 1).works()
        .example("rs_init_notifies"),
    row("no_checker_emails", "[BOOL]", "false", Tier::Three, "No mail for individual checker changes").takes(0, 1).no_effect("lvsd sends mail about servers, never about each of their checks")
        .example("no_checker_emails"),
    row("vrrp_rx_bufs_policy", "MTU | ADVERT | <bytes>", "kernel default", Tier::Three, "How VRRP receive buffer size is chosen").no_effect("lvsd sizes its socket buffers itself")
        .example("vrrp_rx_bufs_policy MTU"),
    row("vrrp_rx_bufs_multiplier", "<uint 1..>", "3", Tier::Three, "Multiplier applied to the receive buffer base size").no_effect("lvsd sizes its socket buffers itself")
        .example("vrrp_rx_bufs_multiplier 3"),
    row("vrrp_startup_delay", "<decimal s, min 0.001>", "0", Tier::Two, "Delay before VRRP instances take part; adverts ignored meanwhile").works()
        .example("vrrp_startup_delay 5.5"),
    row("vrrp_delay_after_boot", "<decimal s>", "0", Tier::Three, "Same delay, measured from system boot; larger one wins").works()
        .example("vrrp_delay_after_boot 60"),
    row("log_unknown_vrids", "none", "off", Tier::Three, "Log adverts for VRIDs not configured").takes(0, 0).works()
        .example("log_unknown_vrids"),
    row("vrrp_owner_ignore_adverts", "[BOOL]", "false", Tier::Three, "Default: address owner drops received adverts").takes(0, 1).works()
        .example("vrrp_owner_ignore_adverts"),
    row("vmac_prefix", "<str, up to 10 bytes>", "vrrp", Tier::Three, "Prefix of generated VMAC interface names").works()
        .example("vmac_prefix vmac"),
    row("vmac_addr_prefix", "<str, up to 10 bytes>", "vmac_prefix", Tier::Three, "Prefix of VMAC interfaces generated for single addresses").works()
        .example("vmac_addr_prefix vip"),
    row("umask", "<octal/dec/hex number> | <bit names like IRUSR joined by pipe>", "0177", Tier::Three, "File creation mask of the daemon and its scripts, 0 to 0777; the command line option wins").takes(1, 255).works()
        .example("umask 0027"),
    row("random_seed", "<uint>", "another one in every process", Tier::Three, "Where the random numbers begin: those of ${_RANDOM} in what follows, and when each check runs first").works()
        .example("random_seed 42"),
    row("reload_check_config", "[<log file>]", "off", Tier::Two, "Validate new config in a child before reload; abandon on errors").takes(0, 1).no_effect("lvsd checks every configuration before it replaces a running one")
        .example("reload_check_config /var/log/lvsd-check.log"),
    row("reload_time_file", "<path>", "none", Tier::Three, "A file that says when the configuration is read anew: HH:MM:SS, perhaps with YY-MM-DD or YYYY-MM-DD before it and Z (UTC) behind it; the file is removed then").works()
        .example("reload_time_file /etc/lvsd/reload-at"),
    row("reload_repeat", "none", "off", Tier::Three, "A reload_time_file with a time and no date stays, for every day").takes(0, 0).works()
        .example("reload_time_file /run/lvsd/reload.time\nreload_repeat"),
    row("reload_file", "[<abs path>]", "off; lvsd.reload in the runtime directory", Tier::Three, "A file that is there while a reload reads the configuration").takes(0, 1).works()
        .example("reload_file /run/lvsd/reloading"),
    row("include_check", "[[+|-]read|match|wildcard_match|brace_match ...]", "none", Tier::Three, "Which failures of the plain includes that follow in this file are errors: a file that cannot be read or does not exist, a pattern or an alternative in braces that no file matches; no argument means all, signs add and take away").takes(0, 255).works()
        .example("include_check read match"),
    row("config_save_dir", "<dir>", "none", Tier::Three, "Save structure dumps before and after reload there (debug)").no_effect("the configuration is read once, by one process")
        .example("config_save_dir /var/lib/lvsd"),
    row("tmp_config_directory", "<dir>", "memory", Tier::Three, "Directory for consolidated config copy").no_effect("the configuration is read once, by one process")
        .example("tmp_config_directory /run/lvsd"),
    row("data_use_instance", "[BOOL]", "false", Tier::Three, "Add net_namespace and instance to the names of the files of SIGUSR1").takes(0, 1).works()
        .example("data_use_instance"),
    row("json_version", "1 | 2", "1", Tier::Two, "Format of the JSON state dump: a list of instances, or an object with that list and the tracked processes").works()
        .example("json_version 2"),
    row("iproute_usr_dir", "<dir>", "build-time", Tier::Three, "Vendor directory of iproute2 name tables").works()
        .example("iproute_usr_dir /usr/lib/iproute2"),
    row("iproute_etc_dir", "<dir>", "/etc/iproute2", Tier::Three, "Local directory of iproute2 name tables").works()
        .example("iproute_etc_dir /etc/iproute2"),
    row("state_dump_file", "<path, or dir ending />", "keepalived.data in TMPDIR or /tmp", Tier::Three, "Where SIGUSR1 writes the state of the VRRP process; for the checker process _check is added to the name").works()
        .example("state_dump_file /run/lvsd/state"),
    row("stats_dump_file", "<path>", "/tmp/keepalived.stats", Tier::Three, "Parsed but never used").no_effect("keepalived never uses it either")
        .example("stats_dump_file /run/lvsd/stats"),
    row("json_dump_file", "<path>", "/tmp/keepalived.json", Tier::Three, "Parsed but never used").no_effect("keepalived never uses it either")
        .example("json_dump_file /run/lvsd/state.json"),
    row("metrics_listen", "<ip:port> | <port> | off", "127.0.0.1:9165", Tier::One, "Where Prometheus metrics are served; only in lvsd").works()
        .example("metrics_listen 192.0.2.2:9165"),
    row("control_socket", "<path> | off", "/run/lvsd/control.sock", Tier::Two, "Socket for lvsctl(8), for root only; only in lvsd").works()
        .example("control_socket /run/lvsd/web.sock"),
    row("strict_config", "[BOOL]", "false", Tier::One, "Start and reload refuse tolerated mistakes too; only in lvsd").takes(0, 1).works()
        .example("strict_config"),
];
