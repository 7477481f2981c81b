//! What is said about interfaces, whatever instances are on them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::InterfaceName;

/// `garp_group`: interfaces that share a least gap between announcements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GarpGroup {
    /// `interface`, `interfaces`: at least one; each is in one group at most.
    pub interfaces: Vec<InterfaceName>,
    /// `garp_interval`: least gap between two ARPs on any of them; `None`: that of each instance holds.
    pub arp_interval: Option<Duration>,
    /// `gna_interval`: the same between two NAs.
    pub na_interval: Option<Duration>,
}

/// A line of `interface_up_down_delays`: a change of the state of the interface counts when it has lasted for so long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkDelay {
    /// The interface; each has one line at most.
    pub interface: InterfaceName,
    /// Until it counts as down; 0 to 255 s.
    pub down: Duration,
    /// Until it counts as up again; 0 to 255 s. The first time counts at once.
    pub up: Duration,
}

/// `garp_extra_if`: announcements on VMACs that no adverts leave by, so that switches go on knowing where those are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExtraGarp {
    /// How often; 1 to 86400 s.
    pub period: Duration,
    /// Of which addresses there.
    pub which: ExtraAddresses,
}

/// Which addresses of a VMAC are announced for the sake of switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ExtraAddresses {
    /// The first: its packet shows where the VMAC is.
    #[default]
    First,
    /// `all`.
    All,
}
