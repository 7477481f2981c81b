//! What the supervisor and a child say to each other.

use serde::{Deserialize, Serialize};

use crate::bfd::SessionState;
use crate::event::{ChildEvent, QuorumState};

/// Which child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Holds the virtual addresses.
    Vrrp,
    /// Checks the real servers and programs IPVS.
    Checker,
    /// Speaks BFD with neighbours.
    Bfd,
}

impl Role {
    /// Every role, in the order of start: tables are filled before addresses draw traffic to them.
    pub const ALL: [Self; 3] = [Self::Checker, Self::Vrrp, Self::Bfd];

    /// The name, as in logs, metrics and `ps`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vrrp => "vrrp",
            Self::Checker => "checker",
            Self::Bfd => "bfd",
        }
    }

    /// The whole process title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Vrrp => "lvsd: vrrp",
            Self::Checker => "lvsd: checker",
            Self::Bfd => "lvsd: bfd",
        }
    }

    /// The VRRP process's other journal, of routes and rules.
    pub const ROUTING_JOURNAL: &str = "routes";

    /// The VRRP process's journal of interfaces, kernel settings and tables of the firewall.
    pub const CHANGES_JOURNAL: &str = "changes";

    /// The checker process's other journal, of the marks that it gives to groups.
    pub const MARKS_JOURNAL: &str = "ipvs-marks";

    /// Names of all journals of the process.
    #[must_use]
    pub const fn journals(self) -> &'static [&'static str] {
        match self {
            Self::Vrrp => &["addresses", Self::ROUTING_JOURNAL, Self::CHANGES_JOURNAL],
            Self::Checker => &["ipvs", Self::MARKS_JOURNAL],
            Self::Bfd => &[],
        }
    }

    /// The file in the runtime directory that says what the process has put into the kernel. There is one only while there
    /// is something in it: found at the start, it means that an earlier process was killed.
    #[must_use]
    pub const fn journal(self) -> &'static str {
        match self {
            Self::Vrrp => "addresses",
            Self::Checker => "ipvs",
            // It puts nothing there.
            Self::Bfd => "bfd",
        }
    }
}

/// Which configuration a plan comes from: 1 at start, one more at each reload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u64);

/// How a child should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopManner {
    /// Resign, remove addresses and table entries.
    Release,
    /// Leave addresses (`-V`) or the table (`-I`) as they are.
    Keep,
}

/// From the supervisor to a child whose plan is of type `P`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToChild<P> {
    /// Move from where you are to this plan, then answer [`FromChild::Applied`].
    Apply {
        /// Its generation.
        generation: Generation,
        /// The plan.
        plan: Box<P>,
    },
    /// Send a [`FromChild::Snapshot`] with the same number.
    Snapshot {
        /// Chosen by the supervisor.
        request: u64,
    },
    /// Answer [`FromChild::Pong`] with the same number, once all that the process lives by has answered, too.
    Ping {
        /// Chosen by the supervisor.
        number: u64,
    },
    /// Which tracked virtual servers have their quorum, to those who track them: after each plan, and when it changes. The last one
    /// told holds.
    Quorums(Vec<QuorumState>),
    /// Send a [`FromChild::Recording`]; the VRRP process only.
    Record,
    /// How BFD sessions are, to those who track them. After each plan, all that are known; then those that change.
    Sessions(Vec<SessionState>),
    /// Set the statistics to zero (after a snapshot, for SIGRTMAX-1).
    ClearCounters,
    /// End; the child answers [`FromChild::Stopped`] and exits.
    Stop(StopManner),
}

/// How a child fared with a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// The plan is in force.
    Done,
    /// In force as far as this host allows; the messages say what does not work and why.
    Degraded(Vec<String>),
}

/// From a child whose snapshot is of type `S` to the supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromChild<S> {
    /// The child runs and awaits its plan.
    Ready,
    /// A plan was taken over.
    Applied {
        /// Which.
        generation: Generation,
        /// How.
        outcome: Applied,
    },
    /// State and counters.
    Snapshot {
        /// The number of the request.
        request: u64,
        /// The snapshot.
        snapshot: Box<S>,
    },
    /// What the flight recorder has, as the file of it.
    Recording(Vec<u8>),
    /// The process does its work.
    Pong {
        /// The number of the question.
        number: u64,
    },
    /// Something happened that an operator may want to see.
    Event(ChildEvent),
    /// The checker: which tracked virtual servers have their quorum. All of them, after each plan and when one changes.
    Quorums(Vec<QuorumState>),
    /// The BFD process: what has become of sessions. One that has not been up since the process started, or since its ends were changed, is
    /// not told of.
    Sessions(Vec<SessionState>),
    /// Everything is released (or kept, as asked); the child exits now.
    Stopped,
}
