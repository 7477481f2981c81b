//! What the tasks of the process share. One thread, so plain cells will do; nobody holds a borrow across an await.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Instant;

use ipvs::{Entry, ServiceKey};
use lvsd_health::{Health, Time};
use lvsd_ipc::QuorumState;
use tokio::sync::Notify;

/// The health of everything, and bells for those who follow it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) health: RefCell<Health>,
    /// Desired entries have changed.
    pub(crate) table_changed: Notify,
    /// A quorum may have changed.
    pub(crate) quorum_changed: Notify,
    /// A check may be due earlier than before.
    pub(crate) schedule_changed: Notify,
    started: Instant,
}

impl Shared {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            health: RefCell::new(Health::new(seed)),
            table_changed: Notify::new(),
            quorum_changed: Notify::new(),
            schedule_changed: Notify::new(),
            started: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time::after_start(self.started.elapsed())
    }

    /// The moment on the system's clock.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.started + time.since_start()
    }

    /// Which tracked services have their quorum.
    pub(crate) fn quorums(&self) -> Vec<QuorumState> {
        let health = self.health.borrow();
        let state = |(service, met): (&str, bool)| QuorumState { service: service.to_owned(), met };
        health.tracked_quorums().into_iter().map(state).collect()
    }

    pub(crate) fn desired(&self, key: &ServiceKey) -> Option<Entry> {
        self.health.borrow().desired(key)
    }

    pub(crate) fn configured(&self) -> BTreeSet<ServiceKey> {
        self.health.borrow().service_keys().copied().collect()
    }

    pub(crate) fn take_changed(&self) -> BTreeSet<ServiceKey> {
        self.health.borrow_mut().take_changed()
    }
}
