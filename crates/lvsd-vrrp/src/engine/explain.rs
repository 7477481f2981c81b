//! From what an instance knows to the reasons of its decisions.

use lvsd_model::{Preempt, Transport};

use super::instance::{Heard, Instance};
use super::output::Cause;
use super::phase::{Backup, Phase};
use super::why::{Because, Preemption, Rating, Sighting, Stay};
use crate::time::Time;

impl Instance {
    /// The inputs of a cause, as they are at the moment of the change and before it.
    pub(super) fn because(&self, now: Time, cause: Cause) -> Because {
        let last = self.heard.map(|heard| Sighting {
            source: heard.source,
            priority: heard.priority,
            ago: now.since(heard.at),
        });
        match cause {
            Cause::Started => Because::Started,
            Cause::Owner => Because::Owner,
            Cause::Resumed => {
                let alive_at = self.resumed.map_or(now, |resumed| resumed.alive_at);
                Because::Resumed { silent: now.since(alive_at) }
            }
            Cause::MasterSilent => Because::MasterSilent { waited: self.waited(now), last },
            Cause::MasterLeft => Because::MasterLeft { group: self.multicast_group(), last },
            Cause::MasterDenied => Because::MasterDenied { last },
            Cause::MasterResigned => Because::MasterResigned { source: last.map(|last| last.source) },
            Cause::Preempting => Because::Preempting { last },
            Cause::HigherPriority => Because::HigherPriority { last },
            Cause::HigherAddress => Because::HigherAddress { last, own: self.source },
            Cause::OwnerConflict => Because::OwnerConflict { last },
            Cause::PriorityDropped => {
                let from = self.standing.dropped_from.unwrap_or(self.config.priority);
                Because::PriorityDropped { from: from.get() }
            }
            Cause::Late => Because::Late,
            Cause::Faulty => Because::Faulty { faults: self.tracking.faults.clone() },
            Cause::Recovered => Because::Recovered,
            Cause::Group => Because::Group,
            Cause::Removed => Because::Removed,
            Cause::Restarted => Because::Restarted,
            Cause::Shutdown => Because::Shutdown,
        }
    }

    /// The priority with what makes it.
    pub(super) fn rating(&self) -> Rating {
        Rating {
            base: self.config.priority.get(),
            adjustments: self.tracking.adjustments.clone(),
            effective: self.priority().get(),
        }
    }

    /// What a backup makes of an advert.
    pub(super) fn view_of_other(&self, backup: &Backup, heard: Heard, mine: u8) -> Stay {
        let Heard { source, priority, .. } = heard;
        if priority == 0 {
            Stay::HeardResignation { source }
        } else if priority >= mine {
            Stay::HeardBetter { source, priority, mine }
        } else {
            let preempt = match self.config.preempt {
                Preempt::Never => Preemption::Never,
                Preempt::After(delay)
                    if !delay.is_zero() && backup.preempt_at.is_none_or(|at| heard.at < at) =>
                {
                    Preemption::Delayed(delay)
                }
                Preempt::After(_) => Preemption::Coming,
            };
            Stay::HeardLower { source, priority, mine, preempt }
        }
    }

    /// How long a backup has been waiting.
    fn waited(&self, now: Time) -> std::time::Duration {
        match &self.phase {
            Phase::Backup(backup) => now.since(backup.armed_at),
            Phase::Init(_) | Phase::Master(_) | Phase::Fault => std::time::Duration::ZERO,
        }
    }

    fn multicast_group(&self) -> Option<std::net::IpAddr> {
        match self.config.transport {
            Transport::Multicast { group } => Some(group),
            Transport::Unicast { .. } => None,
        }
    }
}
