//! Keywords that older or other versions had: seen in the field, never in the table.

use super::Context;

/// A keyword that is no longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The old keyword.
    pub name: &'static str,
    /// Where it stood; `None`: anywhere.
    pub context: Option<Context>,
    /// What to do about it.
    pub advice: &'static str,
}

const fn gone(name: &'static str, context: Option<Context>, advice: &'static str) -> Removed {
    Removed { name, context, advice }
}

const FORK: &str =
    "keyword of a fork (dpvs or the Alibaba FULLNAT patch): lvsd has no such thing, delete the line";
const RETRY: &str = "this check has it under the name `retry`";

static REMOVED: &[Removed] = &[
    gone("nat_mask", None, "IPVS never needed it and keepalived 2.0 removed it: delete the line"),
    gone("nb_get_retry", Some(Context::TcpCheck), RETRY),
    gone("nb_get_retry", Some(Context::SmtpCheck), RETRY),
    gone("nb_get_retry", Some(Context::DnsCheck), RETRY),
    gone("nb_get_retry", Some(Context::MiscCheck), RETRY),
    gone("nb_get_retry", Some(Context::VirtualServer), "write `retry`"),
    gone("nb_get_retry", Some(Context::RealServer), "write `retry`"),
    gone("lvs_id", Some(Context::GlobalDefs), "write `router_id`"),
    gone(
        "lvs_sync_daemon_interface",
        Some(Context::GlobalDefs),
        "write `lvs_sync_daemon <interface> <instance>`",
    ),
    gone(
        "lvs_sync_daemon_inteface",
        None,
        "a misspelling that old samples spread; write `lvs_sync_daemon` in global_defs",
    ),
    gone("notify_fifo_max_queue", None, "delete the line"),
    gone("vrrp_mcast_group", Some(Context::GlobalDefs), "write `vrrp_mcast_group4` or `vrrp_mcast_group6`"),
    gone("virtual_ipaddress_exluded", None, "write `virtual_ipaddress_excluded`"),
    gone("garp_delay", Some(Context::Instance), "write `garp_master_delay`"),
    gone("persistence_netmask", Some(Context::VirtualServer), "write `persistence_granularity`"),
    gone(
        "garp_master_delay",
        Some(Context::GlobalDefs),
        "in global_defs it is called `vrrp_garp_master_delay`",
    ),
    gone(
        "garp_master_repeat",
        Some(Context::GlobalDefs),
        "in global_defs it is called `vrrp_garp_master_repeat`",
    ),
    gone(
        "garp_master_refresh",
        Some(Context::GlobalDefs),
        "in global_defs it is called `vrrp_garp_master_refresh`",
    ),
    gone(
        "garp_master_refresh_repeat",
        Some(Context::GlobalDefs),
        "in global_defs it is called `vrrp_garp_master_refresh_repeat`",
    ),
    gone("laddr_group_name", None, FORK),
    gone("local_address_group", None, FORK),
    gone("syn_proxy", None, FORK),
    gone("establish_timeout", None, FORK),
    gone("annonunce_group", None, FORK),
    gone("announce_group", None, FORK),
    gone("bps", None, FORK),
    gone("limit_proportion", None, FORK),
];

/// The entry of a removed keyword in a block.
#[must_use]
pub fn removed(context: Context, name: &str) -> Option<&'static Removed> {
    REMOVED.iter().find(|entry| entry.name == name && entry.context.is_none_or(|place| place == context))
}
