//! Rows of the root level and of the preprocessor.

use super::{Context, Lines, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static ROOT: &[Row] = &[
    row("linkbeat_use_polling", "none", "off", Tier::Three, "Use MII/ethtool polling instead of netlink for link state, all interfaces").takes(0, 0).no_effect("link state comes from netlink")
        .example("linkbeat_use_polling"),
    row("net_namespace", "<name>", "none", Tier::Two, "Run all processes in the named network namespace (ip netns)").works()
        .example("net_namespace edge"),
    row("net_namespace_ipvs", "[<name>]", "same as net_namespace", Tier::Three, "Network namespace whose IPVS and nftables are used, if another one; without a name that of the host. A change needs a restart").takes(0, 1).works()
        .example("net_namespace edge\nnet_namespace_ipvs balancer"),
    row("namespace_with_ipsets", "none", "off", Tier::Three, "Allow ipsets with network namespaces on kernels needing it").takes(0, 0).no_effect("lvsd has no such files or sets")
        .example("namespace_with_ipsets"),
    row("use_pid_dir", "none", "off", Tier::Three, "Put pid files in lvsd subdirectory of run directory").takes(0, 0).no_effect("lvsd has no such files or sets")
        .example("use_pid_dir"),
    row("instance", "<name>", "none", Tier::Two, "Instance name so several daemons coexist; affects pid/data file names").works()
        .example("instance web"),
    row("child_wait_time", "<int s>", "5", Tier::Three, "Seconds parent waits for children to stop before SIGKILL").works()
        .example("child_wait_time 10"),
    row("global_defs", "{ block }", "", Tier::One, "Process-wide settings").block(Context::GlobalDefs, 0, 0).works()
        .example("global_defs {\n    router_id lb1.example.com\n    enable_script_security\n}"),
    row("track_group", "<name> { block }", "", Tier::Three, "Named set of VRRP instances tracking static addresses/routes/rules").block(Context::TrackGroup, 1, 1).works()
        .example("track_group statics {\n    group {\n        V1\n    }\n}"),
    row("static_ipaddress", "{ address lines }", "", Tier::Two, "Addresses added at start, not moved by VRRP").lines(Lines::Addresses, 0, 0).works()
        .example("static_ipaddress {\n    192.0.2.250/24 dev eth0\n}"),
    row("static_routes", "{ route lines }", "", Tier::Two, "Routes added at start, not moved by VRRP").lines(Lines::Routes, 0, 0).works()
        .example("static_routes {\n    203.0.113.0/24 via 192.0.2.254 dev eth0\n}"),
    row("static_rules", "{ rule lines }", "", Tier::Three, "Policy rules added at start, not moved by VRRP").lines(Lines::Rules, 0, 0).works()
        .example("static_rules {\n    from 203.0.113.0/24 table 100 preference 1000\n}"),
    row("vrrp_sync_group", "<name> { block }", "", Tier::One, "Instances that change state together").block(Context::SyncGroup, 1, 1).works()
        .example("vrrp_sync_group EDGE {\n    group {\n        V1\n        V2\n    }\n}"),
    row("garp_group", "{ block }", "", Tier::Three, "Rate limit for gratuitous ARP/NA over a set of interfaces").block(Context::GarpGroup, 0, 0).works()
        .example("garp_group {\n    garp_interval 0.01\n    interfaces {\n        eth8\n        eth9\n    }\n}"),
    row("linkbeat_interfaces", "{ <ifname> [MII|ETHTOOL|IOCTL] ... }", "", Tier::Three, "Interfaces whose link state is polled and by which method").lines(Lines::Other, 0, 0).no_effect("link state comes from netlink, by which every driver tells of its carrier")
        .example("linkbeat_interfaces {\n    eth0 MII\n}"),
    row("vrrp_instance", "<name> { block }", "", Tier::One, "One virtual router on one interface and address family").block(Context::Instance, 1, 1).works()
        .example("vrrp_instance WEB {\n    interface eth0\n    virtual_router_id 51\n    priority 150\n    virtual_ipaddress {\n        192.0.2.10/24\n    }\n}"),
    row("vrrp_script", "<name> { block }", "", Tier::One, "Periodic health script usable by track_script").block(Context::VrrpScript, 1, 1).works()
        .example("vrrp_script chk_proxy {\n    script \"/usr/bin/systemctl is-active haproxy\"\n    interval 2\n    weight 10\n}"),
    row("vrrp_track_process", "<name> { block }", "", Tier::Two, "Process presence monitor usable by track_process").block(Context::TrackProcess, 1, 1).works()
        .example("vrrp_track_process proxy {\n    process haproxy\n    weight 10\n}"),
    row("interface_up_down_delays", "{ <ifname> <down s> [<up s>] ... }", "0 0", Tier::Three, "A change of an interface's state counts when it has lasted for so long; an omitted up is 0. The first time up counts at once").lines(Lines::Other, 0, 0).works()
        .example("interface_up_down_delays {\n    eth0 3 10\n}"),
    row("track_file", "<name> { block }", "", Tier::Two, "File whose number is tracked by VRRP or FILE_CHECK").block(Context::TrackFile, 1, 1).works()
        .example("track_file maintenance {\n    file /run/lvsd/maintenance\n    weight -1\n}"),
    row("vrrp_track_file", "<name> { block }", "", Tier::Three, "Older name of track_file").block(Context::VrrpTrackFile, 1, 1).deprecated("track_file").works()
        .example("vrrp_track_file maintenance {\n    file /run/lvsd/maintenance\n    weight -1\n}"),
    row("bfd_instance", "<name, under 32 chars> { block }", "", Tier::Three, "BFD session definition").block(Context::BfdInstance, 1, 1).works()
        .example("bfd_instance uplink {\n    neighbor_ip 192.0.2.253\n    min_rx 50\n    min_tx 50\n}"),
    row("SSL", "{ block }", "", Tier::Three, "Certificates for every SSL_GET; read again at each reload").block(Context::Ssl, 0, 0).works()
        .example("SSL {\n    certificate /etc/lvsd/client.pem\n    key /etc/lvsd/client.key\n}"),
    row("virtual_server_group", "<name> { group lines }", "", Tier::Two, "Set of addresses, ranges or fwmarks sharing one virtual server").lines(Lines::GroupMembers, 1, 1).works()
        .example("virtual_server_group WEB {\n    192.0.2.10 80\n    192.0.2.10 443\n}"),
    row("virtual_server", "<ip> [<port 0..65535>] | fwmark <1..4294967295> | group <name>, then { block }", "", Tier::One, "IPVS virtual service definition").block(Context::VirtualServer, 1, 2).works()
        .example("virtual_server 192.0.2.20 80 {\n    protocol TCP\n    lb_algo wlc\n    lb_kind DR\n    real_server 10.0.0.1 80 {\n        TCP_CHECK {\n            connect_timeout 3\n        }\n    }\n}"),
];

#[rustfmt::skip] // A table: one row, one line, and one for its example.
pub(super) static PREPROCESSOR: &[Row] = &[
    row("include", "<glob>", "", Tier::One, "Read matching files here; missing files only logged").works()
        .example("include /etc/lvsd/conf.d/*.conf"),
    row("includer", "<glob>", "", Tier::Two, "include; unreadable or non-regular file is an error").works()
        .example("includer /etc/lvsd/conf.d/*.conf"),
    row("includem", "<glob>", "", Tier::Three, "include; literal missing file or unreadable file is an error").works()
        .example("includem /etc/lvsd/common.conf"),
    row("includew", "<glob>", "", Tier::Three, "include; missing, unreadable or wildcard without match is an error").works()
        .example("includew /etc/lvsd/conf.d/*.conf"),
    row("includeb", "<glob>", "", Tier::Three, "include; any missing brace alternative or unreadable is an error").works()
        .example("includeb /etc/lvsd/{common,services}.conf"),
    row("includea", "<glob>", "", Tier::Three, "include with all checks r, m, w and b").works()
        .example("includea /etc/lvsd/{common,services}.conf"),
    row("@<id>", "@<id> <rest of line>", "", Tier::Two, "Line kept only when config id equals id").works()
        .example("global_defs {\n    @lb1 router_id lb1.example.com\n}"),
    row("@^<id>", "@^<id> <rest of line>", "", Tier::Two, "Line kept only when config id differs from id").works()
        .example("global_defs {\n    @^lb1 router_id lb2.example.com\n}"),
    row("$NAME=", "$NAME=<text>", "", Tier::One, "Define parameter, substituted later as $NAME or ${NAME}").works()
        .example("$UPLINK=eth0\nstatic_ipaddress {\n    192.0.2.250/24 dev $UPLINK\n}"),
    row("~SEQ", "~SEQ(var,[start,[step,]]end)", "start 1, step 1", Tier::Three, "Repeat line for numeric sequence; var becomes a parameter").works()
        .example("virtual_server_group WEB {\n    ~SEQ(i, 11, 14) 192.0.2.$i 80\n}"),
    row("~SEQx", "~SEQx(var,[start,[step,]]end)", "start 1, step 1", Tier::Three, "~SEQ with hexadecimal output").works()
        .example("virtual_server_group WEB6 {\n    ~SEQx(i, 10, 31) 2001:db8::$i 80\n}"),
    row("~LST", "~LST(var,v1,v2,...) or ~LST({a,b},{1,2},...)", "", Tier::Three, "Repeat line for each listed value or tuple").works()
        .example("virtual_server_group WEB {\n    ~LST(port, 80, 443, 8080) 192.0.2.10 $port\n}"),
    row("${_PWD}", "none", "", Tier::Three, "Directory of the file being read").works()
        .example("include ${_PWD}/services.conf"),
    row("${_INSTANCE}", "none", "", Tier::Three, "Current config id").works()
        .example("global_defs {\n    router_id ${_INSTANCE}.example.com\n}"),
    row("${_RANDOM}", "[min [max]]", "0 32767", Tier::Three, "Random integer, fresh at each use").works()
        .example("global_defs {\n    vrrp_startup_delay ${_RANDOM 1 10}\n}"),
    row("${_ENV}", "<VAR>", "", Tier::Three, "Value of environment variable").works()
        .example("global_defs {\n    router_id ${_ENV HOSTNAME}\n}"),
    row("${_HASH}", "none", "#", Tier::Three, "Literal hash character").works()
        .example("global_defs {\n    router_id lb${_HASH}1\n}"),
    row("${_BANG}", "none", "!", Tier::Three, "Literal exclamation mark").works()
        .example("global_defs {\n    router_id lb1${_BANG}\n}"),
];
