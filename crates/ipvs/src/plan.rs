//! From the table there is to the table there should be, in as few and as gentle steps as the kernel allows.

use std::collections::BTreeSet;

use crate::types::{Dest, Entry, Op, ServiceKey, Table, Weight};

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
