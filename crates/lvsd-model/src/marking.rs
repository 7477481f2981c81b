//! Marks in the place of addresses.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// `nftables_ipvs`: the addresses of a `virtual_server_group` get one mark for all, which nftables gives to their packets, and IPVS has
/// one service for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Marking {
    /// Name of the tables, of families ip and ip6, that give the marks.
    pub table: String,
    /// `nftables_ipvs_priority`: priority of the chain that sees what comes in. What the host sends itself is always marked before
    /// IPVS sees it.
    pub priority: i32,
    /// `nftables_ipvs_start_fwmark`: the first mark; the following ones are given, too, but none that is configured elsewhere.
    pub first: NonZeroU32,
    /// `nftables_counters`.
    pub counters: bool,
}

impl Marking {
    /// The name of the tables unless another is given.
    pub const TABLE: &str = "lvsd_ipvs";

    /// The priority unless another is given.
    pub const PRIORITY: i32 = -1;

    /// The first mark unless another is given.
    pub const FIRST: NonZeroU32 = NonZeroU32::new(1000).expect("1000 is not zero");
}

/// `net_namespace_ipvs`: the network namespace whose IPVS is used, when it is not that of the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum IpvsNamespace {
    /// That of the first process of the host, when no name is given.
    Host,
    /// One that `ip netns` knows by this name.
    Named(String),
}
