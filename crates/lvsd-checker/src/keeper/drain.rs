//! Which servers that a reload has removed have no connections any more.

use std::collections::BTreeSet;

use ipvs::{Dest, DestKey, DestStatus, ServiceKey, Weight};
use lvsd_health::Health;

/// One look at those that are waited for.
pub(super) struct Drain {
    awaited: BTreeSet<(ServiceKey, DestKey)>,
    ended: Vec<(ServiceKey, DestKey)>,
}

impl Drain {
    pub(super) fn new(health: &Health) -> Self {
        Self { awaited: health.draining().collect(), ended: Vec::new() }
    }

    /// Takes what the kernel has of a service. A destination that can still get connections is not at its end.
    pub(super) fn look(&mut self, service: &ServiceKey, dests: &[(Dest, DestStatus)]) {
        if self.awaited.is_empty() {
            return;
        }
        let idle = dests.iter().filter(|(dest, status)| {
            dest.weight == Weight::ZERO && status.active == 0 && status.inactive == 0
        });
        let ended = idle.map(|(dest, _)| (*service, dest.key)).filter(|one| self.awaited.contains(one));
        self.ended.extend(ended);
    }

    /// Passes on what was found.
    pub(super) fn tell(self, health: &mut Health) {
        for (service, dest) in &self.ended {
            tracing::info!(%service, server = %dest, "a removed server has no connections any more");
            health.drained(service, dest);
        }
    }
}
