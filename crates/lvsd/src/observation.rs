//! What is known of the family at one moment: the one source of metrics, dumps and status lines.

use std::time::Duration;

use lvsd_ipc::{BfdSnapshot, CheckerSnapshot, Role, VrrpSnapshot};

use crate::roles::PerRole;

/// How many mistakes of each severity the configuration in force has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiagnosticCounts {
    pub(crate) errors: u64,
    pub(crate) tolerated: u64,
    pub(crate) hints: u64,
}

/// How reloads have fared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ReloadHealth {
    pub(crate) succeeded: u64,
    pub(crate) refused: u64,
    /// Whether the last attempt to load, the first one included, was taken over.
    pub(crate) last_refused: bool,
    /// When that was, since the epoch.
    pub(crate) last_attempt: Duration,
}

/// One child, as the supervisor sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChildHealth {
    /// Whether the configuration has something for it.
    pub(crate) wanted: bool,
    /// Processes started after the first.
    pub(crate) restarts: u64,
    /// Parts of its plan that this host does not allow.
    pub(crate) degraded: u64,
    /// Times that it did not answer for long.
    pub(crate) silences: u64,
    /// The last configuration that it took over; 0 before the first.
    pub(crate) generation: u64,
}

/// The supervisor itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Health {
    /// Since the epoch.
    pub(crate) started: Duration,
    pub(crate) generation: u64,
    pub(crate) reload: ReloadHealth,
    pub(crate) diagnostics: DiagnosticCounts,
    pub(crate) children: PerRole<ChildHealth>,
}

/// Everything; a child that did not answer in time has no snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Observation {
    pub(crate) health: Health,
    pub(crate) vrrp: Option<Box<VrrpSnapshot>>,
    pub(crate) checker: Option<Box<CheckerSnapshot>>,
    pub(crate) bfd: Option<Box<BfdSnapshot>>,
}

impl Observation {
    /// Whether the child has answered.
    pub(crate) const fn answered(&self, role: Role) -> bool {
        match role {
            Role::Vrrp => self.vrrp.is_some(),
            Role::Checker => self.checker.is_some(),
            Role::Bfd => self.bfd.is_some(),
        }
    }
}
