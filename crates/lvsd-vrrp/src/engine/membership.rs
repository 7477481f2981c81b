//! Hosts that leave the multicast group of the adverts.

use lvsd_model::{Family, InterfaceName, Transport};

use super::Router;
use super::instance::{Event, Instance};
use crate::time::Time;
use crate::wire::{MembershipReject, parse_membership};

impl Router {
    /// Takes an IGMP or MLD packet, from its IP header on, that came in on an interface.
    ///
    /// Who was master and has left the group is believed to be gone after one missed advert instead of three. Nothing happens
    /// without a missed advert, so a false report moves nobody.
    ///
    /// # Errors
    /// A report that breaks its own format; it is counted.
    pub fn receive_membership(
        &mut self,
        now: Time,
        interface: &InterfaceName,
        family: Family,
        packet: &[u8],
    ) -> Result<(), MembershipReject> {
        let now = self.advance(now);
        if self.stopped {
            return Ok(());
        }
        let report = match parse_membership(family, packet) {
            Ok(Some(report)) => report,
            Ok(None) => return Ok(()),
            Err(reject) => {
                self.counters.membership_malformed += 1;
                return Err(reject);
            }
        };
        self.counters.membership_reports += 1;
        for (group, membership) in report.changes() {
            let concerns = |instance: &Instance| {
                let config = &instance.config;
                config.leave_detection
                    && config.perch().reports() == Some(interface)
                    && config.transport == Transport::Multicast { group }
            };
            for instance in self.instances.values_mut().filter(|instance| concerns(instance)) {
                instance.handle(now, Event::Membership(report.source, membership), &mut self.outputs);
                self.deadlines.set(instance.id, instance.deadline());
            }
        }
        self.check_invariants(now);
        Ok(())
    }
}
