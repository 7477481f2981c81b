//! What the engine asks for, and says.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use lvsd_model::{ExtraAddresses, Instance as Config, SyncGroup};
use serde::{Deserialize, Serialize};

use crate::wire::OutgoingAdvert;

/// The identity of an instance within one [`Router`](crate::Router). It stays over reloads, unless the instance restarts, and
/// is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct InstanceId(pub(super) u32);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The state of an instance or group, by the operator's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not taking part yet (RFC 9568 "Initialize").
    Init,
    /// RFC 9568 "Backup".
    Backup,
    /// RFC 9568 "Active".
    Master,
    /// Cannot take part; see [`Fault`](crate::Fault).
    Fault,
}

impl State {
    /// The operator's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
        }
    }
}

/// Why a state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Cause {
    /// The instance started, with everything it waits for known.
    Started,
    /// It started as the owner of its addresses (priority 255).
    Owner,
    /// It was MASTER in a process that died, and nobody has taken over since.
    Resumed,
    /// Nothing was heard for the down interval.
    MasterSilent,
    /// The master's host left the multicast group, and then an advert was missed.
    MasterLeft,
    /// The master missed an advert, and its host's kernel answered that nobody there speaks VRRP.
    MasterDenied,
    /// The master resigned (priority 0) and nobody better came.
    MasterResigned,
    /// The master has a lower priority than ours.
    Preempting,
    /// An advert of higher priority was heard.
    HigherPriority,
    /// An advert of equal priority and higher source address was heard.
    HigherAddress,
    /// Two owners (priority 255) advertised; this one gave way after waiting for the other to do so.
    OwnerConflict,
    /// Trackers lowered the priority of a master that does not preempt, and it is to resign then.
    PriorityDropped,
    /// An advert of ours came so late that somebody else must have taken over (`timer_expired_backup`).
    Late,
    /// A fault appeared.
    Faulty,
    /// The last fault passed.
    Recovered,
    /// The sync group moves together.
    Group,
    /// The configuration does not have the instance any more.
    Removed,
    /// Interface, VRID or family changed: the instance ends here, and a new one starts.
    Restarted,
    /// The process stops.
    Shutdown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Owner => "started as address owner",
            Self::Resumed => "resumed in the place of a process that died",
            Self::MasterSilent => "no advert for the down interval",
            Self::MasterLeft => "the master left its multicast group and missed an advert",
            Self::MasterDenied => {
                "the master missed an advert and its host says that nobody there speaks VRRP"
            }
            Self::MasterResigned => "the master resigned",
            Self::Preempting => "the master has a lower priority",
            Self::HigherPriority => "advert of higher priority",
            Self::HigherAddress => "advert of equal priority from a higher address",
            Self::OwnerConflict => "another address owner does not give way",
            Self::PriorityDropped => "trackers lowered its priority",
            Self::Late => "too late for an advert of its own",
            Self::Faulty => "fault",
            Self::Recovered => "all faults passed",
            Self::Group => "the sync group moves together",
            Self::Removed => "removed from the configuration",
            Self::Restarted => "interface, VRID or family changed",
            Self::Shutdown => "shutdown",
        })
    }
}

/// A change of state, to be logged and notified.
///
/// With [`Cause::Shutdown`] every instance reports one, to [`State::Init`], also those that were there: it stands for the STOP
/// notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Transition {
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// Effective priority at that moment; 0 for a group.
    pub priority: u8,
}

/// What to do with the virtual addresses of an instance, excluded ones too, and its virtual routes and rules: addresses, routes,
/// rules is the order in which they come, and the reverse in which they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressChange {
    /// Add them. Never twice without a release between.
    Hold,
    /// While they are held, a reload changed them: what `previous` had and the new configuration has not is removed, what is
    /// new is added.
    Update {
        /// The configuration before.
        previous: Arc<Config>,
    },
    /// While they are held, somebody else deleted one: add it again.
    Restore {
        /// The one.
        address: IpAddr,
    },
    /// Remove them. Never twice without a hold between.
    Release,
}

/// Which addresses are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum AnnounceScope {
    /// Every virtual address, then every excluded one, in that order in every round.
    All,
    /// One virtual address.
    Address(IpAddr),
    /// Those on VMACs that no adverts leave by.
    Quiet(ExtraAddresses),
    /// Our own source address, not a virtual one: a unicast instance after a fault, so that peers learn where it is.
    Source(IpAddr),
}

/// Why they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum AnnounceReason {
    /// The instance became MASTER.
    BecameMaster,
    /// The second block after `garp_master_delay`.
    Delayed,
    /// `garp_master_refresh`.
    Refresh,
    /// `garp_extra_if`.
    Extra,
    /// A lower-priority advert: somebody else may have announced the addresses.
    LowerPriority,
    /// A reload brought new addresses.
    AddressesAdded,
    /// An address is back.
    Healed,
    /// We were silent so long that somebody else may have announced the addresses.
    Stalled,
    /// A unicast instance is back from a fault.
    Recovered,
}

/// Gratuitous ARPs (IPv4) and unsolicited neighbour advertisements (IPv6) to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Announce {
    /// How often each address is announced, round-robin; at least 1.
    pub rounds: u32,
    /// Which addresses.
    pub scope: AnnounceScope,
    /// Why.
    pub reason: AnnounceReason,
}

/// What an instance asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this advert to each of [`destinations`](crate::wire::destinations).
    Send(OutgoingAdvert),
    /// Ask a host, out of the instance's interface, whether anybody there speaks VRRP: send it [`QUESTION`](crate::wire::QUESTION).
    /// If its kernel denies that (ICMP protocol unreachable, ICMPv6 unrecognized next header), tell by
    /// [`Router::receive_denial`](crate::Router::receive_denial). No answer means nothing.
    Inquire {
        /// The master's host.
        host: IpAddr,
    },
    /// Change addresses.
    Addresses(AddressChange),
    /// Announce addresses.
    Announce(Announce),
    /// The state changed.
    Transition(Transition),
    /// While MASTER, an advert of lower priority was heard (`notify_master_rx_lower_pri`).
    LowerPriorityHeard {
        /// Its sender.
        source: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// While MASTER or BACKUP, trackers changed its effective priority (`notify_priority_changes`).
    PriorityChanged {
        /// The state that it is in.
        state: State,
        /// What it is now.
        priority: u8,
    },
}

/// One thing to do, in the order in which they are to be done. It carries the configuration that it was made under, so it can be
/// done after the instance is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// By an instance.
    Instance {
        /// Which.
        id: InstanceId,
        /// Its configuration.
        config: Arc<Config>,
        /// What to do.
        action: Action,
    },
    /// A sync group changed its state. Follows the transitions of its members.
    Group {
        /// Its configuration.
        config: Arc<SyncGroup>,
        /// The change.
        transition: Transition,
    },
}

/// Outputs not yet taken.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Outputs {
    /// Empty whenever a router is written down.
    #[serde(skip)]
    queue: VecDeque<Output>,
    /// The cause of the latest transition since it was last taken: tells whether a group may have changed, and why.
    cause: Option<Cause>,
    /// Grows with what may concern a master.
    revision: u64,
}

impl Outputs {
    pub(super) fn push(&mut self, id: InstanceId, config: &Arc<Config>, action: Action) {
        if let Action::Transition(Transition { cause, .. }) = &action
            && (*cause != Cause::Group || self.cause.is_none())
        {
            self.cause = Some(*cause);
        }
        if let Action::Transition(Transition { from, to, .. }) = &action {
            self.revision += u64::from(*from == State::Master || *to == State::Master);
        }
        self.queue.push_back(Output::Instance { id, config: Arc::clone(config), action });
    }

    pub(super) fn push_group(&mut self, config: &Arc<SyncGroup>, transition: Transition) {
        self.queue.push_back(Output::Group { config: Arc::clone(config), transition });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// The priority of a master may have changed.
    pub(super) const fn reprioritised(&mut self) {
        self.revision += 1;
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) const fn take_cause(&mut self) -> Option<Cause> {
        self.cause.take()
    }
}
