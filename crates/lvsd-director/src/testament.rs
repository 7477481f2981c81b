//! What this process leaves to the one that takes its place, should it be killed; and what its predecessor has left to it.
//!
//! In the supervisor's memory stand the instances that are MASTER, and when this process was last known to do its work. The
//! election writes it: the list before it acts on a change of it, the time after every turn.

use std::io;
use std::time::Duration;

use lvsd_net::{Testament, uptime};
use lvsd_vrrp::{Mastership, Router, Time};
use tracing::warn;

/// The time, in nanoseconds; the length of the list; the list.
const TIME: u64 = 0;
const LENGTH: u64 = 8;
const LIST: u64 = 12;

/// What a process has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Legacy {
    /// Up to then it has sent every advert in time.
    pub(crate) alive_at: Time,
    /// What was MASTER.
    pub(crate) masterships: Vec<Mastership>,
}

/// The way to leave it.
#[derive(Debug)]
pub(crate) struct Will {
    kept: Testament,
    /// The router's revision that the list is of; `None` while it is the predecessor's.
    revision: Option<u64>,
    /// Whether there is a MASTER.
    is_master: bool,
}

impl Will {
    pub(crate) const fn new(kept: Testament) -> Self {
        Self { kept, revision: None, is_master: false }
    }

    /// What the predecessor has left, if it was MASTER of something and had not just been writing.
    pub(crate) fn read(&self) -> Option<Legacy> {
        let octets = self.kept.read().ok()?;
        let (time, rest) = octets.split_first_chunk::<8>()?;
        let (length, list) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let masterships: Vec<Mastership> = lvsd_ipc::decode(list.get(..length)?).ok()?;
        let alive_at = Time::after_start(Duration::from_nanos(u64::from_le_bytes(*time)));
        (!masterships.is_empty()).then_some(Legacy { alive_at, masterships })
    }

    /// From now on the list is that of this router.
    pub(crate) fn begin(&mut self, router: &Router) {
        self.revision = Some(router.revision());
        self.put(router);
    }

    /// To be called before anything is done that the router has ordered: who resigns must not be found in the list.
    pub(crate) fn follow(&mut self, router: &Router) {
        let revision = router.revision();
        if self.revision.is_some_and(|noted| noted != revision) {
            self.revision = Some(revision);
            self.put(router);
        }
    }

    /// Everything that was due until now is done.
    pub(crate) fn beat(&self, now: Duration) {
        if self.is_master {
            // There was room for it before.
            let _ = self.put_time(now);
        }
    }

    fn put(&mut self, router: &Router) {
        let masterships: Vec<Mastership> = router.masterships().collect();
        let was_master = std::mem::replace(&mut self.is_master, !masterships.is_empty());
        let result = self.replace(&masterships).and_then(|()| match (was_master, self.is_master) {
            (false, true) => self.put_time(uptime()),
            _ => Ok(()),
        });
        if let Err(error) = result {
            warn!(%error, "should this process be killed, its addresses will move");
        }
    }

    fn put_time(&self, now: Duration) -> io::Result<()> {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.kept.write(TIME, &nanos.to_le_bytes())
    }

    /// Without a length there is no list, whenever this process is killed.
    fn replace(&self, masterships: &Vec<Mastership>) -> io::Result<()> {
        self.kept.write(LENGTH, &[0; 4])?;
        let frame = lvsd_ipc::encode(masterships).map_err(io::Error::other)?;
        let (length, list) = frame.split_first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
        self.kept.write(LIST, list)?;
        self.kept.write(LENGTH, length)
    }
}

#[cfg(test)]
mod tests {
    use lvsd_model::{Family, InterfaceName, Priority, Vrid};

    use super::*;

    fn mastership(name: &str) -> Mastership {
        Mastership {
            name: name.to_owned(),
            interface: InterfaceName::new("eth0"),
            link: None,
            vrid: Vrid::new(51).expect("in range"),
            family: Family::V4,
            priority: Priority::DEFAULT,
        }
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let will = Will::new(Testament::new().expect("a memfd"));
        assert_eq!(will.read(), None, "nothing yet");
        let list = vec![mastership("one"), mastership("two")];
        will.replace(&list).expect("written");
        will.put_time(Duration::from_nanos(1_234_567_891)).expect("written");
        let alive_at = Time::after_start(Duration::from_nanos(1_234_567_891));
        assert_eq!(will.read(), Some(Legacy { alive_at, masterships: list }));
        will.replace(&vec![mastership("one")]).expect("written");
        assert_eq!(will.read().map(|legacy| legacy.masterships.len()), Some(1));
        will.replace(&Vec::new()).expect("written");
        assert_eq!(will.read(), None);
    }

    #[test]
    fn rubbish_is_nothing() {
        for octets in [&b"\0"[..], &[0xff; 12], &[0xff; 400]] {
            let kept = Testament::new().expect("a memfd");
            kept.write(0, octets).expect("written");
            assert_eq!(Will::new(kept).read(), None);
        }
    }
}
