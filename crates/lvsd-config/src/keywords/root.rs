//! Rows of the root level and of the preprocessor.

use super::{Context, Lines, Row, Tier, row};

#[rustfmt::skip] // A table: one row, one line.
pub(super) static ROOT: &[Row] = &[
    row("linkbeat_use_polling", "none", "off", Tier::Three, "Use MII/ethtool polling instead of netlink for link state, all interfaces").takes(0, 0).no_effect("link state comes from netlink"),
    row("net_namespace", "<name>", "none", Tier::Two, "Run all processes in the named network namespace (ip netns)").works(),
    row("net_namespace_ipvs", "[<name>]", "same as net_namespace", Tier::Three, "Separate namespace for IPVS only; no name means default namespace").takes(0, 1),
    row("namespace_with_ipsets", "none", "off", Tier::Three, "Allow ipsets with network namespaces on kernels needing it").takes(0, 0).no_effect("lvsd has no such files or sets"),
    row("use_pid_dir", "none", "off", Tier::Three, "Put pid files in lvsd subdirectory of run directory").takes(0, 0).no_effect("lvsd has no such files or sets"),
    row("instance", "<name>", "none", Tier::Two, "Instance name so several daemons coexist; affects pid/data file names").works(),
    row("child_wait_time", "<int s 0..>", "5", Tier::Three, "Seconds parent waits for children to stop before SIGKILL").works(),
    row("global_defs", "{ block }", "", Tier::One, "Process-wide settings").block(Context::GlobalDefs, 0, 0).works(),
    row("track_group", "<name> { block }", "", Tier::Three, "Named set of VRRP instances tracking static addresses/routes/rules").block(Context::TrackGroup, 1, 1).works(),
    row("static_ipaddress", "{ address lines }", "", Tier::Two, "Addresses added at start, not moved by VRRP").lines(Lines::Addresses, 0, 0).works(),
    row("static_routes", "{ route lines }", "", Tier::Two, "Routes added at start, not moved by VRRP").lines(Lines::Routes, 0, 0).works(),
    row("static_rules", "{ rule lines }", "", Tier::Three, "Policy rules added at start, not moved by VRRP").lines(Lines::Rules, 0, 0).works(),
    row("vrrp_sync_group", "<name> { block }", "", Tier::One, "Instances that change state together").block(Context::SyncGroup, 1, 1).works(),
    row("garp_group", "{ block }", "", Tier::Three, "Rate limit for gratuitous ARP/NA over a set of interfaces").block(Context::GarpGroup, 0, 0),
    row("linkbeat_interfaces", "{ <ifname> [MII|ETHTOOL|IOCTL] ... }", "", Tier::Three, "Interfaces whose link state is polled and by which method").lines(Lines::Other, 0, 0),
    row("vrrp_instance", "<name> { block }", "", Tier::One, "One virtual router on one interface and address family").block(Context::Instance, 1, 1).works(),
    row("vrrp_script", "<name> { block }", "", Tier::One, "Periodic health script usable by track_script").block(Context::VrrpScript, 1, 1).works(),
    row("vrrp_track_process", "<name> { block }", "", Tier::Two, "Process presence monitor usable by track_process").block(Context::TrackProcess, 1, 1).works(),
    row("interface_up_down_delays", "{ <ifname> <down s 0..255> [<up s 0..255>] ... }", "0 0", Tier::Three, "Debounce interface state changes; an omitted up is 0").lines(Lines::Other, 0, 0),
    row("track_file", "<name> { block }", "", Tier::Two, "File whose number is tracked by VRRP or FILE_CHECK").block(Context::TrackFile, 1, 1).works(),
    row("vrrp_track_file", "<name> { block }", "", Tier::Three, "Older name of track_file").block(Context::VrrpTrackFile, 1, 1).deprecated("track_file").works(),
    row("bfd_instance", "<name, under 32 chars> { block }", "", Tier::Three, "BFD session definition").block(Context::BfdInstance, 1, 1),
    row("SSL", "{ block }", "", Tier::Three, "Global TLS client material for SSL_GET").block(Context::Ssl, 0, 0),
    row("virtual_server_group", "<name> { group lines }", "", Tier::Two, "Set of addresses, ranges or fwmarks sharing one virtual server").lines(Lines::GroupMembers, 1, 1).works(),
    row("virtual_server", "<ip> [<port>] | fwmark <1..2^32-1> | group <name>, then { block }", "", Tier::One, "IPVS virtual service definition").block(Context::VirtualServer, 1, 2).works(),
];

#[rustfmt::skip] // A table: one row, one line.
pub(super) static PREPROCESSOR: &[Row] = &[
    row("include", "<glob>", "", Tier::One, "Read matching files here; missing files only logged").works(),
    row("includer", "<glob>", "", Tier::Two, "include; unreadable or non-regular file is an error").works(),
    row("includem", "<glob>", "", Tier::Three, "include; literal missing file or unreadable file is an error").works(),
    row("includew", "<glob>", "", Tier::Three, "include; missing, unreadable or wildcard without match is an error").works(),
    row("includeb", "<glob>", "", Tier::Three, "include; any missing brace alternative or unreadable is an error").works(),
    row("includea", "<glob>", "", Tier::Three, "include with all checks r, m, w and b").works(),
    row("@<id>", "@<id> <rest of line>", "", Tier::Two, "Line kept only when config id equals id").works(),
    row("@^<id>", "@^<id> <rest of line>", "", Tier::Two, "Line kept only when config id differs from id").works(),
    row("$NAME=", "$NAME=<text>", "", Tier::One, "Define parameter, substituted later as $NAME or ${NAME}").works(),
    row("~SEQ", "~SEQ(var,[start,[step,]]end)", "start 1, step 1", Tier::Three, "Repeat line for numeric sequence; var becomes a parameter").works(),
    row("~SEQx", "~SEQx(var,[start,[step,]]end)", "start 1, step 1", Tier::Three, "~SEQ with hexadecimal output").works(),
    row("~LST", "~LST(var,v1,v2,...) or ~LST({a,b},{1,2},...)", "", Tier::Three, "Repeat line for each listed value or tuple").works(),
    row("${_PWD}", "none", "", Tier::Three, "Directory of the file being read").works(),
    row("${_INSTANCE}", "none", "", Tier::Three, "Current config id").works(),
    row("${_RANDOM}", "[min [max]]", "0 32767", Tier::Three, "Random integer, fresh at each use").works(),
    row("${_ENV}", "<VAR>", "", Tier::Three, "Value of environment variable").works(),
    row("${_HASH}", "none", "#", Tier::Three, "Literal hash character").works(),
    row("${_BANG}", "none", "!", Tier::Three, "Literal exclamation mark").works(),
];
