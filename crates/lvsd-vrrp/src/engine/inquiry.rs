//! Asking the host of a late master whether anybody there still speaks VRRP.
//!
//! A kernel answers for its dead: to a packet of a protocol that no socket takes it replies that the protocol cannot be reached
//! (RFC 1122 §3.2.2.1, RFC 4443 §3.4). So a backup that misses an advert asks, and need not wait for two more.
//!
//! Not every denial is true. A router whose sockets are bound to a virtual device does not take what comes in by the one below, and
//! lives. Therefore a host is asked first while it surely lives, a few times: who denies that is never asked again.

use std::net::IpAddr;
use std::time::Duration;

use lvsd_model::{AdvertInterval, InterfaceName};

use super::Router;
use super::instance::{Consequence, Event, Heard, Instance};
use super::output::{Action, Outputs};
use super::phase::{Backup, Departure, Phase, Sign};
use super::why::Stay;
use crate::time::Time;

/// Questions to a master that has just been heard, one per advert, before its host is trusted.
const CONTROLS: u8 = 3;

/// How far the host of the present master is trusted to answer truly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Inquiry {
    host: Option<IpAddr>,
    trust: Trust,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Trust {
    /// So many questions were asked while it lived, and none denied.
    Tried(u8),
    /// It has denied a master that lived.
    Refuted,
}

impl Default for Trust {
    fn default() -> Self {
        Self::Tried(0)
    }
}

impl Inquiry {
    /// The host has been heard, after a denial: a router that was restarted, or one that cannot be asked. It is tried anew.
    pub(super) fn contradicted(&mut self, host: IpAddr) {
        if self.host == Some(host) {
            self.trust = Trust::default();
        }
    }
}

/// From an advert to the first question, if no other advert comes: a quarter of an interval is late enough.
pub(super) const fn first_question(interval: AdvertInterval) -> Duration {
    Duration::from_micros(interval.centis() as u64 * 12_500)
}

/// From one question to the next: who dies late in an interval is dead at the next.
pub(super) const fn next_question(interval: AdvertInterval) -> Duration {
    Duration::from_micros(interval.centis() as u64 * 2_500)
}

impl Instance {
    /// After an advert of the master: asks, as long as its host is on trial; else gives when it is asked if no other advert comes.
    pub(super) fn ask_after(&mut self, heard: Heard, out: &mut Outputs) -> Option<Time> {
        if !self.config.master_inquiry {
            return None;
        }
        if self.inquiry.host != Some(heard.source) {
            self.inquiry = Inquiry { host: Some(heard.source), trust: Trust::default() };
        }
        match self.inquiry.trust {
            Trust::Tried(CONTROLS..) => Some(heard.at + first_question(heard.interval)),
            Trust::Tried(asked) => {
                self.inquiry.trust = Trust::Tried(asked + 1);
                self.ask(heard.source, out);
                None
            }
            Trust::Refuted => None,
        }
    }

    /// The master is late.
    pub(super) fn ask_again(&mut self, now: Time, mut backup: Backup, out: &mut Outputs) {
        let Some(heard) = self.heard.filter(|_| backup.ask_at.is_some_and(|at| at <= now)) else { return };
        if backup.gone.is_some() {
            backup.ask_at = None;
        } else {
            self.ask(heard.source, out);
            backup.ask_at = Some(now + next_question(heard.interval));
        }
        self.phase = Phase::Backup(backup);
    }

    fn ask(&mut self, host: IpAddr, out: &mut Outputs) {
        self.adverts.inquiries += 1;
        out.push(self.id, &self.config, Action::Inquire { host });
    }

    /// The kernel of the master's host denies that anybody there speaks VRRP. As with a host that leaves the group, that is no reason
    /// to take over, but one to believe a missed advert sooner.
    pub(super) fn denied_in_backup(&mut self, now: Time, mut backup: Backup, host: IpAddr) -> Consequence {
        let ours = self.heard.filter(|heard| heard.source == host && self.is_our_master(*heard));
        let Some(heard) = ours.filter(|_| self.inquiry.host == Some(host)) else { return Consequence::None };
        match self.inquiry.trust {
            // The answer to a question that was asked while it was heard.
            Trust::Tried(_) if backup.ask_at.is_none() && backup.gone.is_none() => {
                self.inquiry.trust = Trust::Refuted;
                self.journal.stayed(now, Stay::CannotBeAsked { source: host });
            }
            Trust::Tried(_) if backup.gone.is_none() => {
                self.adverts.denials += 1;
                self.journal.stayed(now, Stay::MasterDenied { source: host });
                backup.gone = Some(Departure::told(Sign::Denied, now, heard));
                backup.ask_at = None;
            }
            Trust::Tried(_) | Trust::Refuted => {}
        }
        self.phase = Phase::Backup(backup);
        Consequence::None
    }
}

impl Router {
    /// The kernel of a host has answered a question of [`Action::Inquire`]: nobody there speaks VRRP. The question came out of an
    /// interface; `None` when that is not known. What one instance has asked, all learn whose master is there.
    pub fn receive_denial(&mut self, now: Time, interface: Option<&InterfaceName>, host: IpAddr) {
        let now = self.advance(now);
        if self.stopped {
            return;
        }
        let concerns = |instance: &Instance| {
            instance.config.master_inquiry && instance.config.interface.as_ref() == interface
        };
        for instance in self.instances.values_mut().filter(|instance| concerns(instance)) {
            instance.handle(now, Event::Denial(host), &mut self.outputs);
            self.deadlines.set(instance.id, instance.deadline());
        }
        self.check_invariants(now);
    }
}
