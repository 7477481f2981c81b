//! Policy rules, of `virtual_rules` and `static_rules`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::route::{Prefix, Realms};
use crate::units::{Family, InterfaceName};

/// `fwmark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirewallMark {
    /// The mark.
    pub value: u32,
    /// The bits of it that count; all when absent.
    pub mask: Option<u32>,
}

/// From the first to the last, both included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Range<T> {
    first: T,
    last: T,
}

impl<T: Copy + PartialOrd> Range<T> {
    /// `None` when the last is before the first.
    #[must_use]
    pub fn new(first: T, last: T) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The first.
    #[must_use]
    pub const fn first(self) -> T {
        self.first
    }

    /// The last.
    #[must_use]
    pub const fn last(self) -> T {
        self.last
    }
}

/// What a packet that the rule matches gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RuleAction {
    /// `table`: a lookup there; never 0.
    Table(u32),
    /// `l3mdev`: a lookup in the table of the packet's VRF.
    L3mdev,
    /// `goto`: the rules go on with this preference.
    Goto(u32),
    /// `nop`: the rules go on.
    Nop,
    /// It is dropped.
    Blackhole,
    /// It is refused: network unreachable.
    Unreachable,
    /// It is refused: administratively prohibited.
    Prohibit,
}

/// A line of `virtual_rules` or `static_rules`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// IPv4 or IPv6; addresses in it are of this family.
    pub family: Family,
    /// `preference`.
    pub preference: u32,
    /// `not`: matches what does not fit the selectors.
    pub invert: bool,
    /// `from`.
    pub source: Option<Prefix>,
    /// `to`.
    pub destination: Option<Prefix>,
    /// `tos`.
    pub tos: u8,
    /// `fwmark`.
    pub mark: Option<FirewallMark>,
    /// `iif`.
    pub input: Option<InterfaceName>,
    /// `oif`.
    pub output: Option<InterfaceName>,
    /// `tunnel-id`.
    pub tunnel: Option<u64>,
    /// `uidrange`.
    pub users: Option<Range<u32>>,
    /// `ipproto`.
    pub ip_protocol: Option<u8>,
    /// `sport`.
    pub source_ports: Option<Range<u16>>,
    /// `dport`.
    pub destination_ports: Option<Range<u16>>,
    /// `realms`; IPv4 only.
    pub realms: Option<Realms>,
    /// `suppress_prefixlength`: routes with prefixes of at most this length do not count.
    pub suppress_prefix_len: Option<u8>,
    /// `suppress_ifgroup`: routes over interfaces of this group do not count.
    pub suppress_group: Option<u32>,
    /// What happens.
    pub action: RuleAction,
    /// `protocol`: who it belongs to; [`Route::PROTOCOL`](crate::Route::PROTOCOL) unless untracked.
    pub protocol: u8,
    /// `no_track`: its deletion does not matter.
    pub no_track: bool,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.preference)?;
        if self.invert {
            f.write_str(" not")?;
        }
        match (&self.source, self.family) {
            (Some(source), _) => write!(f, " from {source}")?,
            (None, Family::V4) => f.write_str(" from all")?,
            (None, Family::V6) => f.write_str(" inet6 from all")?,
        }
        if let Some(destination) = &self.destination {
            write!(f, " to {destination}")?;
        }
        if let Some(mark) = self.mark {
            write!(f, " fwmark {:#x}", mark.value)?;
        }
        if let Some(input) = &self.input {
            write!(f, " iif {input}")?;
        }
        if let Some(output) = &self.output {
            write!(f, " oif {output}")?;
        }
        match self.action {
            RuleAction::Table(table) => write!(f, " lookup {table}"),
            RuleAction::L3mdev => f.write_str(" l3mdev"),
            RuleAction::Goto(target) => write!(f, " goto {target}"),
            RuleAction::Nop => f.write_str(" nop"),
            RuleAction::Blackhole => f.write_str(" blackhole"),
            RuleAction::Unreachable => f.write_str(" unreachable"),
            RuleAction::Prohibit => f.write_str(" prohibit"),
        }
    }
}
