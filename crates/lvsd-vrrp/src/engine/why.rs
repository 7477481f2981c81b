//! Why an instance changed its state, and why it did not: reasons with their inputs, for programs and, by [`fmt::Display`], for people.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::output::State;
use super::tracking::{Adjustment, Fault};
use crate::wire::Reject;

/// A decision with what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The state changed.
    Changed(Change),
    /// It did not.
    Stayed(Stay),
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// Why.
    pub because: Because,
    /// The priority at that moment.
    pub rating: Rating,
}

/// A priority and what makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// As configured.
    pub base: u8,
    /// What trackers add, before the sum is clamped to 1 to 254.
    pub adjustments: Vec<Adjustment>,
    /// In force.
    pub effective: u8,
}

/// The last advert of a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Its sender.
    pub source: IpAddr,
    /// Its priority.
    pub priority: u8,
    /// How long ago it came.
    pub ago: Duration,
}

/// Why a state changed; the inputs of [`Cause`](crate::Cause).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Everything that a start waits for is known.
    Started,
    /// The instance owns its addresses: priority 255.
    Owner,
    /// It was MASTER in a process that died.
    Resumed {
        /// How long after that was last known to be alive.
        silent: Duration,
    },
    /// Nobody was heard for the down interval.
    MasterSilent {
        /// That interval.
        waited: Duration,
        /// The last that was heard, if anybody was.
        last: Option<Sighting>,
    },
    /// The master's host left the multicast group, and then an advert was missed.
    MasterLeft {
        /// The group; `None` when a reload has made the instance a unicast one since.
        group: Option<IpAddr>,
        /// Its last advert.
        last: Option<Sighting>,
    },
    /// The master missed an advert, and its host's kernel answered that nobody there speaks VRRP.
    MasterDenied {
        /// Its last advert.
        last: Option<Sighting>,
    },
    /// The master resigned, and nobody better came.
    MasterResigned {
        /// It.
        source: Option<IpAddr>,
    },
    /// The master has a lower priority.
    Preempting {
        /// The master's last advert.
        last: Option<Sighting>,
    },
    /// An advert of higher priority came.
    HigherPriority {
        /// It.
        last: Option<Sighting>,
    },
    /// An advert of equal priority came from a higher address.
    HigherAddress {
        /// It.
        last: Option<Sighting>,
        /// Our own address.
        own: Option<IpAddr>,
    },
    /// Another owner did not give way.
    OwnerConflict {
        /// It.
        last: Option<Sighting>,
    },
    /// An advert of ours came so late that a router of the priority of `timer_expired_backup` has taken over.
    Late,
    /// Trackers lowered the priority of a master that does not preempt (`resign_on_priority_drop`).
    PriorityDropped {
        /// From that.
        from: u8,
    },
    /// There are faults.
    Faulty {
        /// All of them.
        faults: Vec<Fault>,
    },
    /// The last fault passed.
    Recovered,
    /// The sync group moves together.
    Group,
    /// The configuration does not have the instance any more.
    Removed,
    /// Interface, VRID or family changed.
    Restarted,
    /// The process stops.
    Shutdown,
}

/// What a backup does about a master of lower priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preemption {
    /// Nothing: `nopreempt`.
    Never,
    /// Nothing until `preempt_delay` is over.
    Delayed(Duration),
    /// It takes over when the running down interval ends.
    Coming,
}

/// Why a trackers' lower priority is no reason for a master to resign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmoved {
    /// `nopreempt` without `resign_on_priority_drop`: backups leave a lower master alone.
    NotAsked,
    /// It has given up once, nobody took over, and it has not recovered since.
    Once,
}

/// Why an instance that was MASTER in a process that died does not go on as MASTER.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unresumed {
    /// Somebody may have taken over: a master may be silent for less.
    TooLate {
        /// For how long nothing was heard of it.
        silent: Duration,
        /// For how long that may be.
        tolerated: Duration,
    },
    /// Somebody has taken over.
    Heard {
        /// Who.
        source: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// It has a fault.
    Faulty,
    /// Another member of the sync group does not go on.
    Group {
        /// That one.
        member: String,
    },
}

/// Why a state did not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stay {
    /// BACKUP: there is a master that is as good or better.
    HeardBetter {
        /// It.
        source: IpAddr,
        /// Its priority.
        priority: u8,
        /// Ours.
        mine: u8,
    },
    /// BACKUP: there is a master that is worse.
    HeardLower {
        /// It.
        source: IpAddr,
        /// Its priority.
        priority: u8,
        /// Ours.
        mine: u8,
        /// What is done about it.
        preempt: Preemption,
    },
    /// MASTER: somebody worse advertises.
    OutranksSender {
        /// Who.
        source: IpAddr,
        /// Its priority.
        priority: u8,
        /// Ours.
        mine: u8,
        /// Our address, which decides between equals.
        own: Option<IpAddr>,
    },
    /// Somebody resigned. A master stays, a backup waits for its skew.
    HeardResignation {
        /// Who.
        source: IpAddr,
    },
    /// BACKUP: the master's host left the multicast group, which counts when it misses an advert.
    MasterLeft {
        /// It.
        source: IpAddr,
    },
    /// BACKUP: asked after a missed advert, the kernel of the master's host denies that anybody there speaks VRRP.
    MasterDenied {
        /// It.
        source: IpAddr,
    },
    /// BACKUP: the kernel of the master's host denies that although the master is heard, so it is not asked again.
    CannotBeAsked {
        /// It.
        source: IpAddr,
    },
    /// BACKUP: it has joined again.
    MasterBack {
        /// It.
        source: IpAddr,
    },
    /// BACKUP: the down interval ended while the process did not run; it listens first.
    Slept {
        /// How long after the end that was noticed.
        late: Duration,
    },
    /// BACKUP: the down interval ended, but other members of the sync group have a master.
    WaitsForGroup,
    /// INIT: scripts have not had a result yet.
    WaitsForScripts {
        /// Their names.
        scripts: Vec<String>,
    },
    /// INIT: the start-up delay is not over.
    WaitsForStartup,
    /// INIT: it was MASTER in a process that died, and begins anew.
    NotResumed {
        /// Why.
        why: Unresumed,
    },
    /// MASTER: trackers lowered the priority.
    KeptDespiteDrop {
        /// From that.
        from: u8,
        /// To that.
        to: u8,
        /// Why it stays.
        why: Unmoved,
    },
    /// An advert was not believed, or something in it is not as configured.
    Doubted {
        /// Its sender.
        source: IpAddr,
        /// What is wrong with it.
        reject: Reject,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(change) => change.fmt(f),
            Self::Stayed(stay) => stay.fmt(f),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, because, rating } = self;
        write!(f, "{} to {}: {because}; {rating}", from.word(), to.word())
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}", self.effective)?;
        if self.adjustments.is_empty() {
            return Ok(());
        }
        write!(f, " = {}", self.base)?;
        for Adjustment { tracker, amount } in &self.adjustments {
            let sign = if *amount < 0 { '-' } else { '+' };
            write!(f, " {sign} {} ({tracker})", amount.unsigned_abs())?;
        }
        Ok(())
    }
}

/// A time with its unit, as exact as people need it.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 1.0 { write!(f, "{:.1} ms", seconds * 1e3) } else { write!(f, "{seconds:.2} s") }
    }
}

/// Who is meant, with or without a sighting.
struct Of<'a>(&'a Option<Sighting>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Sighting { source, priority, .. }) => write!(f, "{source} with priority {priority}"),
            None => f.write_str("another router"),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Owner => f.write_str("started as the owner of its addresses"),
            Self::Resumed { silent } => {
                write!(f, "resumed: its process died, and was last alive {} ago", Span(*silent))
            }
            Self::MasterSilent { waited, last: None } => write!(f, "nobody advertised for {}", Span(*waited)),
            Self::MasterSilent { waited, last: Some(last) } => write!(
                f,
                "no advert for {}; the last was of {} with priority {}, {} ago",
                Span(*waited),
                last.source,
                last.priority,
                Span(last.ago)
            ),
            Self::MasterDenied { last } => {
                match last {
                    Some(last) => write!(f, "{}", last.source)?,
                    None => f.write_str("the master")?,
                }
                f.write_str(" missed an advert, and its host answers that nobody there speaks VRRP")?;
                last.map_or(Ok(()), |last| write!(f, "; its last was {} ago", Span(last.ago)))
            }
            Self::MasterLeft { group, last } => {
                match last {
                    Some(last) => write!(f, "{} left ", last.source)?,
                    None => f.write_str("the master left ")?,
                }
                match group {
                    Some(group) => group.fmt(f)?,
                    None => f.write_str("its multicast group")?,
                }
                f.write_str(" and missed an advert")?;
                last.map_or(Ok(()), |last| write!(f, "; its last was {} ago", Span(last.ago)))
            }
            Self::MasterResigned { source: Some(source) } => write!(f, "{source} resigned"),
            Self::MasterResigned { source: None } => f.write_str("the master resigned"),
            Self::Preempting { last } => write!(f, "the master, {}, has a lower one", Of(last)),
            Self::HigherPriority { last } => write!(f, "heard {}, which is higher", Of(last)),
            Self::HigherAddress { last, own } => {
                write!(f, "heard {}, which is equal, from a higher address", Of(last))?;
                own.map_or(Ok(()), |own| write!(f, " than {own}"))
            }
            Self::OwnerConflict { last } => {
                write!(f, "heard {}, also an owner, which does not give way", Of(last))
            }
            Self::Late => f.write_str("its advert came so late that somebody else must have taken over"),
            Self::PriorityDropped { from } => {
                write!(f, "trackers lowered its priority from {from}, and it does not preempt")
            }
            Self::Faulty { faults } => listed(f, faults),
            Self::Recovered => f.write_str("all faults passed"),
            Self::Group => f.write_str("the sync group moves together"),
            Self::Removed => f.write_str("removed from the configuration"),
            Self::Restarted => f.write_str("interface, VRID or family changed"),
            Self::Shutdown => f.write_str("shutdown"),
        }
    }
}

impl fmt::Display for Unresumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLate { silent, tolerated } => {
                write!(f, "that was silent for {}, not less than {}", Span(*silent), Span(*tolerated))
            }
            Self::Heard { source, priority } => {
                write!(f, "{source} advertises with priority {priority}")
            }
            Self::Faulty => f.write_str("it has a fault"),
            Self::Group { member } => write!(f, "{member} of its sync group cannot go on"),
        }
    }
}

fn listed(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl fmt::Display for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeardBetter { source, priority, mine } => {
                let sign = if priority == mine { "=" } else { ">" };
                write!(f, "heard {source} priority {priority} {sign} mine {mine}")
            }
            Self::HeardLower { source, priority, mine, preempt } => {
                write!(f, "heard {source} priority {priority} < mine {mine}, ")?;
                match preempt {
                    Preemption::Never => f.write_str("but nopreempt"),
                    Preemption::Delayed(delay) => write!(f, "but preempt_delay is {}", Span(*delay)),
                    Preemption::Coming => f.write_str("so it is replaced when the down interval ends"),
                }
            }
            Self::OutranksSender { source, priority, mine, own } if priority == mine => {
                write!(f, "heard {source} priority {priority} = mine, but its address is lower")?;
                own.map_or(Ok(()), |own| write!(f, " than {own}"))
            }
            Self::OutranksSender { source, priority, mine, .. } => {
                write!(f, "heard {source} priority {priority} < mine {mine}: stays master")
            }
            Self::HeardResignation { source } => write!(f, "{source} resigned"),
            Self::MasterLeft { source } => {
                write!(f, "{source} left the multicast group; it is replaced if it misses an advert")
            }
            Self::MasterDenied { source } => {
                write!(
                    f,
                    "the host of {source} answers that nobody there speaks VRRP; it is replaced if no advert comes"
                )
            }
            Self::CannotBeAsked { source } => {
                write!(
                    f,
                    "{source} is heard, but its host answers that nobody there speaks VRRP: it is not asked again"
                )
            }
            Self::MasterBack { source } => write!(f, "{source} joined the multicast group again"),
            Self::Slept { late } => {
                write!(
                    f,
                    "the down interval ended {} ago, while nothing ran here; listens first",
                    Span(*late)
                )
            }
            Self::WaitsForGroup => {
                f.write_str("the down interval ended, but not for all members of the sync group")
            }
            Self::WaitsForScripts { scripts } => {
                f.write_str("waits for the first result of ")?;
                listed(f, scripts)
            }
            Self::WaitsForStartup => f.write_str("waits for the end of the start-up delay"),
            Self::NotResumed { why } => write!(f, "was MASTER in a process that died, but {why}"),
            Self::KeptDespiteDrop { from, to, why } => {
                write!(f, "trackers lowered its priority from {from} to {to}, but ")?;
                f.write_str(match why {
                    Unmoved::NotAsked => "it resigns for that only with resign_on_priority_drop",
                    Unmoved::Once => "it has resigned once and not recovered since",
                })
            }
            Self::Doubted { source, reject } => write!(f, "advert of {source}: {reject}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tracking::Tracker;
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn sentences_have_names_numbers_and_units() {
        let last =
            Some(Sighting { source: ip("10.0.0.1"), priority: 150, ago: Duration::from_millis(3_620) });
        let rating = Rating {
            base: 101,
            adjustments: vec![Adjustment { tracker: Tracker::Script("web".to_owned()), amount: -2 }],
            effective: 99,
        };
        let changed = |because| {
            let rating = rating.clone();
            Reason::Changed(Change { from: State::Backup, to: State::Master, because, rating }).to_string()
        };
        let waited = Duration::from_micros(3_609_375);
        for (because, sentence) in [
            (
                Because::MasterSilent { waited, last },
                "no advert for 3.61 s; the last was of 10.0.0.1 with priority 150, 3.62 s ago",
            ),
            (Because::MasterSilent { waited, last: None }, "nobody advertised for 3.61 s"),
            (
                Because::MasterLeft { group: Some(ip("224.0.0.18")), last },
                "10.0.0.1 left 224.0.0.18 and missed an advert; its last was 3.62 s ago",
            ),
            (Because::Faulty { faults: vec![Fault::NoSource] }, "no source address for adverts"),
        ] {
            let expected = format!("BACKUP to MASTER: {sentence}; priority 99 = 101 - 2 (script web)");
            assert_eq!(changed(because), expected);
        }
    }

    #[test]
    fn a_decision_to_stay_names_what_it_compares() {
        let (source, mine) = (ip("10.0.0.2"), 101);
        let lower = |preempt| Stay::HeardLower { source, priority: 99, mine, preempt };
        for (stay, sentence) in [
            (lower(Preemption::Never), "heard 10.0.0.2 priority 99 < mine 101, but nopreempt"),
            (
                lower(Preemption::Delayed(Duration::from_secs(2))),
                "heard 10.0.0.2 priority 99 < mine 101, but preempt_delay is 2.00 s",
            ),
            (Stay::HeardBetter { source, priority: 101, mine }, "heard 10.0.0.2 priority 101 = mine 101"),
            (
                Stay::OutranksSender { source, priority: 101, mine, own: Some(ip("10.0.0.5")) },
                "heard 10.0.0.2 priority 101 = mine, but its address is lower than 10.0.0.5",
            ),
            (
                Stay::Slept { late: Duration::from_micros(12_340) },
                "the down interval ended 12.3 ms ago, while nothing ran here; listens first",
            ),
            (
                Stay::NotResumed {
                    why: Unresumed::TooLate {
                        silent: Duration::from_millis(2_500),
                        tolerated: Duration::from_millis(2_004),
                    },
                },
                "was MASTER in a process that died, but that was silent for 2.50 s, not less than 2.00 s",
            ),
            (Stay::Doubted { source, reject: Reject::Checksum }, "advert of 10.0.0.2: wrong checksum"),
        ] {
            assert_eq!(Reason::Stayed(stay).to_string(), sentence);
        }
    }
}
