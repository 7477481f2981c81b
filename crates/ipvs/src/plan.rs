//! From the table there is to the table there should be, in as few and as gentle steps as the kernel allows.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use crate::types::{Daemon, DaemonRole, Dest, Entry, Op, ServiceKey, Table, Weight};

/// The changes that make `actual` into `desired`, in order. Empty if they are equal.
///
/// Everything but the keys can be edited in place, and is, since an edit keeps the connections and a removal drops
/// them. Within a service, destinations that take connections (of weight above 0) come before others cease to, so that on the
/// way there is always one that does; services that go, go last.
pub fn plan(desired: &Table, actual: &Table) -> Vec<Op> {
    plan_where(desired, actual, |_| true)
}

/// As [`plan`], but of the services that are not desired only those in `owned` are removed: what somebody else has put
/// into the kernel is none of our business. A desired service is ours, with everything in it.
pub fn plan_owned(desired: &Table, actual: &Table, owned: &BTreeSet<ServiceKey>) -> Vec<Op> {
    plan_where(desired, actual, |key| owned.contains(key))
}

fn plan_where(desired: &Table, actual: &Table, removable: impl Fn(&ServiceKey) -> bool) -> Vec<Op> {
    let mut ops = Vec::new();
    for entry in desired.iter() {
        plan_into(&mut ops, entry, actual.get(entry.key()));
    }
    let surplus = actual.keys().filter(|key| !desired.contains(key) && removable(key));
    ops.extend(surplus.map(|key| Op::DelService(*key)));
    ops
}

/// The changes for one service: `None` is a service that is not there, or should not be. Both entries are meant to be
/// of one key; the desired one's counts.
pub fn plan_entry(desired: Option<&Entry>, actual: Option<&Entry>) -> Vec<Op> {
    let mut ops = Vec::new();
    match (desired, actual) {
        (Some(desired), actual) => {
            plan_into(&mut ops, desired, actual.filter(|actual| actual.key() == desired.key()));
        }
        (None, Some(actual)) => ops.push(Op::DelService(*actual.key())),
        (None, None) => {}
    }
    ops
}

fn plan_into(ops: &mut Vec<Op>, desired: &Entry, actual: Option<&Entry>) {
    let key = *desired.key();
    match actual {
        None => ops.push(Op::AddService(desired.service().clone())),
        Some(actual) if actual.service() != desired.service() => {
            ops.push(Op::EditService(desired.service().clone()));
        }
        Some(_) => {}
    }
    let (idle, working): (Vec<&Dest>, Vec<&Dest>) =
        desired.dests().values().partition(|dest| dest.weight == Weight::ZERO);
    for dest in working.into_iter().chain(idle) {
        match actual.and_then(|actual| actual.dests().get(&dest.key)) {
            None => ops.push(Op::AddDest(key, *dest)),
            Some(there) if there != dest => ops.push(Op::EditDest(key, *dest)),
            Some(_) => {}
        }
    }
    let there = actual.into_iter().flat_map(|actual| actual.dests().keys());
    let surplus = there.filter(|dest_key| !desired.dests().contains_key(dest_key));
    ops.extend(surplus.map(|dest_key| Op::DelDest(key, *dest_key)));
}

/// A step towards the sync daemons that should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonOp {
    /// Stops that half.
    Stop(DaemonRole),
    /// Starts one.
    Start(Daemon),
}

impl fmt::Display for DaemonOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop(role) => write!(f, "stop {role}"),
            Self::Start(Daemon { role, interface, sync_id, .. }) => {
                write!(f, "start {role} on {interface} with id {sync_id}")
            }
        }
    }
}

/// The steps from the sync daemons that run to those that should. A daemon cannot be edited: one that runs with other
/// settings is stopped first. What a wanted one leaves to the kernel is right as it is.
pub fn plan_daemons(wanted: &[Daemon], actual: &[Daemon]) -> Vec<DaemonOp> {
    let serves = |running: &Daemon| wanted.iter().any(|daemon| is_as_wanted(daemon, running));
    let stop = actual.iter().filter(|running| !serves(running)).map(|running| DaemonOp::Stop(running.role));
    let runs = |daemon: &Daemon| actual.iter().any(|running| is_as_wanted(daemon, running));
    let start = wanted.iter().filter(|daemon| !runs(daemon)).cloned().map(DaemonOp::Start);
    stop.chain(start).collect()
}

fn is_as_wanted(wanted: &Daemon, running: &Daemon) -> bool {
    fn fits<T: PartialEq>(wanted: Option<T>, running: Option<T>) -> bool {
        // Kernels before 4.3 do not say.
        wanted.is_none() || running.is_none() || wanted == running
    }
    wanted.role == running.role
        && wanted.interface == running.interface
        && wanted.sync_id == running.sync_id
        && fits(
            wanted.max_len.map(|len| as_kernel_takes(len.get(), running)),
            running.max_len.map(NonZeroU16::get),
        )
        && fits(wanted.group, running.group)
        && fits(wanted.port, running.port)
        && fits(wanted.ttl, running.ttl)
}

/// The kernel moves a length into its range (`start_sync_thread`): a receiver's is at least 1024, and nobody's is longer than
/// what fits a datagram.
fn as_kernel_takes(max_len: u16, running: &Daemon) -> u16 {
    const UDP_HEADER: u16 = 8;
    let headers = UDP_HEADER + if matches!(running.group, Some(IpAddr::V6(_))) { 40 } else { 20 };
    let least = if running.role == DaemonRole::Backup { 1024 } else { 1 };
    max_len.clamp(least, u16::MAX - headers)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;
    use crate::types::IfName;

    fn daemon(role: DaemonRole) -> Daemon {
        Daemon::new(role, IfName::new("eth0").unwrap(), 5)
    }

    /// As the kernel reports one that it was left to choose for.
    fn running(role: DaemonRole) -> Daemon {
        let group = Some("224.0.0.81".parse().unwrap());
        Daemon {
            max_len: NonZeroU16::new(1472),
            group,
            port: NonZeroU16::new(8848),
            ttl: NonZeroU8::new(1),
            ..daemon(role)
        }
    }

    #[test]
    fn what_runs_as_wanted_is_left_alone() {
        let wanted = [daemon(DaemonRole::Master), daemon(DaemonRole::Backup)];
        let actual = [running(DaemonRole::Backup), running(DaemonRole::Master)];
        assert_eq!(plan_daemons(&wanted, &actual), []);
        assert_eq!(plan_daemons(&[], &[]), []);
    }

    #[test]
    fn a_change_of_role_stops_one_half_before_it_starts_the_other() {
        let ops = plan_daemons(&[daemon(DaemonRole::Master)], &[running(DaemonRole::Backup)]);
        assert_eq!(ops, [DaemonOp::Stop(DaemonRole::Backup), DaemonOp::Start(daemon(DaemonRole::Master))]);
    }

    #[test]
    fn another_setting_means_another_daemon() {
        let wanted = Daemon { port: NonZeroU16::new(9000), ..daemon(DaemonRole::Master) };
        let ops = plan_daemons(std::slice::from_ref(&wanted), &[running(DaemonRole::Master)]);
        assert_eq!(ops, [DaemonOp::Stop(DaemonRole::Master), DaemonOp::Start(wanted)]);
    }

    #[test]
    fn a_length_that_the_kernel_moved_into_its_range_is_as_wanted() {
        let wanted = Daemon { max_len: NonZeroU16::new(100), ..daemon(DaemonRole::Backup) };
        let moved = Daemon { max_len: NonZeroU16::new(1024), ..running(DaemonRole::Backup) };
        assert_eq!(plan_daemons(std::slice::from_ref(&wanted), &[moved]), []);
        assert_eq!(plan_daemons(&[wanted], &[running(DaemonRole::Backup)]).len(), 2);
    }
}
