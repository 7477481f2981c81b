//! What is in the kernel whoever is master: `static_ipaddress`, `static_routes`, `static_rules`.

use serde::{Deserialize, Serialize};

use crate::route::Route;
use crate::rule::Rule;
use crate::vrrp::VirtualAddress;

/// Something that is there as long as the process runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Static<T> {
    /// It.
    pub object: T,
    /// Name of a [`TrackGroup`] of the same configuration, whose instances go to FAULT while it is missing.
    pub track_group: Option<String>,
}

/// Everything of that kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statics {
    /// `static_ipaddress`; each with an interface.
    pub addresses: Vec<Static<VirtualAddress>>,
    /// `static_routes`.
    pub routes: Vec<Static<Route>>,
    /// `static_rules`.
    pub rules: Vec<Static<Rule>>,
}

impl Statics {
    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.routes.is_empty() && self.rules.is_empty()
    }
}

/// `track_group`: instances that need a static object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackGroup {
    /// Name, unique.
    pub name: String,
    /// Names of instances of the same configuration.
    pub members: Vec<String>,
}
