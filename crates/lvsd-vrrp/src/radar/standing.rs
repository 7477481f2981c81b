//! How instances of ours are, and whether their adverts leave.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::time::Time;

/// How long an instance that is master is left alone after its adverts were seen to leave.
const AGAIN: Duration = Duration::from_secs(60);
/// Adverts that are sent and not seen to leave, until it is said that they do not.
const ENOUGH: u64 = 3;

/// How an instance of ours is, as the election knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub instance: String,
    /// Since when it has been MASTER, if it is.
    pub master_since: Option<Time>,
    /// Where its adverts leave from.
    pub source: Option<IpAddr>,
    /// Adverts sent.
    pub sent: u64,
    /// Why they cannot be sent.
    pub unsent: Option<Unsent>,
}

/// Why adverts cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// In the kernel's words.
    pub error: String,
    /// Whether it was EPERM, which is a firewall's word.
    pub refused: bool,
}

/// Looks now and then whether adverts leave: for as long as it takes, then not for a while.
#[derive(Clone, Debug)]
struct Departure {
    /// The look that is under way: how many adverts were sent when it began.
    open: Option<u64>,
    seen: u64,
    missing: bool,
    last: Time,
}

/// Of each instance that is master.
#[derive(Debug, Default)]
pub(super) struct Departures {
    masters: BTreeMap<String, Departure>,
}

impl Departures {
    pub(super) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.masters.retain(|name, _| wanted(name));
    }

    /// An advert of the instance has left.
    pub(super) fn seen(&mut self, instance: &str) {
        if let Some(departure) = self.masters.get_mut(instance) {
            departure.seen += 1;
        }
    }

    pub(super) fn is_open(&self, instance: &str) -> bool {
        self.masters.get(instance).is_some_and(|departure| departure.open.is_some())
    }

    pub(super) fn is_missing(&self, instance: &str) -> bool {
        self.masters.get(instance).is_some_and(|departure| departure.missing)
    }

    pub(super) fn look(&mut self, now: Time, standings: &[Standing]) {
        for standing in standings {
            if standing.master_since.is_none() {
                self.masters.remove(&standing.instance);
                continue;
            }
            let begin = || Departure { open: Some(standing.sent), seen: 0, missing: false, last: now };
            let departure = self.masters.entry(standing.instance.clone()).or_insert_with(begin);
            departure.look(now, standing.sent);
        }
    }
}

impl Departure {
    fn look(&mut self, now: Time, sent: u64) {
        match self.open {
            Some(_) if self.seen > 0 => {
                (self.open, self.missing, self.last, self.seen) = (None, false, now, 0);
            }
            // Counters that were cleared begin anew.
            Some(before) if sent < before => self.open = Some(sent),
            Some(before) => self.missing |= sent - before >= ENOUGH,
            None if now.since(self.last) >= AGAIN => (self.open, self.seen) = (Some(sent), 0),
            None => {}
        }
    }
}
