//! Destinations that somebody else has added to services of ours: an administrator at night, with ipvsadm.
//!
//! They are left alone while this process lives. The next one cannot tell them from what an earlier self has made, takes the
//! service over with everything in it, and so removes them.

use std::collections::{BTreeMap, BTreeSet};

use ipvs::{Dest, DestKey, Entry, ServiceKey};

#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeMap<ServiceKey, BTreeSet<DestKey>>);

impl Strangers {
    /// Takes the strangers out of what was read from the kernel.
    pub(super) fn leave_out(&self, key: &ServiceKey, dests: impl IntoIterator<Item = Dest>) -> Vec<Dest> {
        let strangers = self.0.get(key);
        let is_stranger = |dest: &Dest| strangers.is_some_and(|strangers| strangers.contains(&dest.key));
        dests.into_iter().filter(|dest| !is_stranger(dest)).collect()
    }

    /// What was read is neither known to be ours nor desired: from now on it is a stranger.
    pub(super) fn meet(&mut self, key: &ServiceKey, dests: &[Dest], ours: impl Fn(&DestKey) -> bool) {
        for dest in dests.iter().filter(|dest| !ours(&dest.key)) {
            if self.0.entry(*key).or_default().insert(dest.key) {
                tracing::warn!(service = %key, server = %dest.key, "somebody else has added a server to this service; it is left alone");
            }
        }
    }

    /// What is desired is ours, whoever put it there.
    pub(super) fn claim(&mut self, desired: &Entry) {
        if let Some(strangers) = self.0.get_mut(desired.key()) {
            strangers.retain(|key| !desired.dests().contains_key(key));
        }
    }

    /// The service is gone, with everything in it.
    pub(super) fn forget(&mut self, key: &ServiceKey) {
        self.0.remove(key);
    }
}
