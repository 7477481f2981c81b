//! What a router ordered, in short: enough to see whether another one orders the same.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::engine::{Action, AddressChange, Announce, InstanceId, Output, State, Transition};

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// Of an instance.
    Instance {
        /// Which.
        id: InstanceId,
        /// What.
        deed: Deed,
    },
    /// A sync group changed its state.
    Group(Transition),
}

/// What an instance ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// An advert.
    Send {
        /// From there.
        source: IpAddr,
        /// With that priority.
        priority: u8,
    },
    /// Addresses are held.
    Hold,
    /// Other addresses are held.
    Update,
    /// One is put back.
    Restore(IpAddr),
    /// None is held.
    Release,
    /// Addresses are announced.
    Announce(Announce),
    /// The state changed.
    Transition(Transition),
    /// A host is asked whether anybody there speaks VRRP.
    Inquire(IpAddr),
    /// A lower priority was heard.
    LowerPriority {
        /// From there.
        source: IpAddr,
        /// It.
        priority: u8,
    },
    /// The priority changed.
    Priority {
        /// In that state.
        state: State,
        /// To that.
        priority: u8,
    },
}

impl Mark {
    /// What is remembered of an output.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        match output {
            Output::Instance { id, action, .. } => Self::Instance { id: *id, deed: Deed::of(action) },
            Output::Group { transition, .. } => Self::Group(*transition),
        }
    }
}

impl Deed {
    const fn of(action: &Action) -> Self {
        match action {
            Action::Send(advert) => Self::Send { source: advert.source, priority: advert.priority },
            Action::Addresses(AddressChange::Hold) => Self::Hold,
            Action::Addresses(AddressChange::Update { .. }) => Self::Update,
            Action::Addresses(AddressChange::Restore { address }) => Self::Restore(*address),
            Action::Addresses(AddressChange::Release) => Self::Release,
            Action::Announce(announce) => Self::Announce(*announce),
            Action::Transition(transition) => Self::Transition(*transition),
            Action::Inquire { host } => Self::Inquire(*host),
            Action::LowerPriorityHeard { source, priority } => {
                Self::LowerPriority { source: *source, priority: *priority }
            }
            Action::PriorityChanged { state, priority } => {
                Self::Priority { state: *state, priority: *priority }
            }
        }
    }
}
