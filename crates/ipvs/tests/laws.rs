//! The laws of `plan`, on the model of the kernel.

#[allow(dead_code, reason = "each test binary uses a part")]
mod strategies;

use std::collections::BTreeSet;

use ipvs::model::Model;
use ipvs::{Dest, Entry, Op, Service, ServiceKey, Table, Weight, plan, plan_entry, plan_owned};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use strategies::{dest, entry, op, service_key, table};

/// Applies a plan; every step of it must be one the kernel takes.
fn applied(actual: Table, ops: &[Op]) -> Table {
    let mut model = Model::with_table(actual);
    for op in ops {
        model.apply_one(op).unwrap_or_else(|errno| panic!("{op}: {errno}"));
    }
    model.table().clone()
}

proptest! {
    #[test]
    fn nothing_to_do_is_an_empty_plan(table in table()) {
        prop_assert_eq!(plan(&table, &table), []);
    }

    #[test]
    fn a_plan_leads_to_what_is_desired(desired in table(), actual in table()) {
        prop_assert_eq!(applied(actual.clone(), &plan(&desired, &actual)), desired);
    }

    #[test]
    fn what_has_the_key_it_should_have_is_edited_and_never_replaced(desired in table(), actual in table()) {
        for op in plan(&desired, &actual) {
            let key = *op.service_key();
            let (old, new) = (actual.get(&key), desired.get(&key));
            let dest_there = |dest| old.is_some_and(|entry: &Entry| entry.dests().contains_key(dest));
            match &op {
                Op::AddService(_) => prop_assert!(old.is_none(), "{op}"),
                Op::DelService(_) => prop_assert!(new.is_none(), "{op}"),
                Op::AddDest(_, dest) => prop_assert!(!dest_there(&dest.key), "{op}"),
                Op::EditDest(_, dest) => prop_assert!(dest_there(&dest.key), "{op}"),
                Op::DelDest(_, dest) => prop_assert!(!new.unwrap().dests().contains_key(dest), "{op}"),
                Op::EditService(service) => prop_assert!(old.unwrap().service() != service, "{op}"),
            }
        }
    }

    #[test]
    fn a_plan_has_one_step_per_difference(desired in table(), actual in table()) {
        let steps = plan(&desired, &actual);
        let subjects: BTreeSet<_> = steps.iter().map(|op| match op {
            Op::AddService(s) | Op::EditService(s) => (*s.key(), None),
            Op::DelService(key) => (*key, None),
            Op::AddDest(key, dest) | Op::EditDest(key, dest) => (*key, Some(dest.key)),
            Op::DelDest(key, dest) => (*key, Some(*dest)),
        }).collect();
        prop_assert_eq!(subjects.len(), steps.len());
    }

    #[test]
    fn strangers_are_left_alone(
        desired in table(), actual in table(), owned in btree_set(service_key(), 0..6),
    ) {
        let after = applied(actual.clone(), &plan_owned(&desired, &actual, &owned));
        for key in desired.keys() {
            prop_assert_eq!(after.get(key), desired.get(key));
        }
        for entry in actual.iter().filter(|entry| !desired.contains(entry.key())) {
            let expected = (!owned.contains(entry.key())).then_some(entry);
            prop_assert_eq!(after.get(entry.key()), expected);
        }
        prop_assert!(after.keys().all(|key| desired.contains(key) || actual.contains(key)));
    }

    #[test]
    fn owning_all_is_the_plain_plan(desired in table(), actual in table()) {
        let owned: BTreeSet<ServiceKey> = actual.keys().copied().collect();
        prop_assert_eq!(plan_owned(&desired, &actual, &owned), plan(&desired, &actual));
    }

    #[test]
    fn one_entry_is_planned_as_in_a_table(desired in table(), actual in table()) {
        let keys: BTreeSet<_> = desired.keys().chain(actual.keys()).copied().collect();
        for key in keys {
            let ops = plan_entry(desired.get(&key), actual.get(&key));
            let whole = plan(&desired, &actual);
            let part: Vec<_> = whole.into_iter().filter(|op| *op.service_key() == key).collect();
            prop_assert_eq!(ops, part);
        }
    }

    #[test]
    fn a_service_that_takes_connections_before_and_after_does_so_between(
        old in entry(), new in vec(dest(), 1..4), idle in vec(any::<bool>(), 8),
    ) {
        // One of each takes connections, of the others every second one.
        let weigh = |dests: Vec<Dest>| dests.into_iter().zip(&idle).enumerate().map(|(index, (dest, idle))| {
            dest.with_weight(Weight::from(u16::from(index == 0 || !idle)))
        }).collect::<Vec<_>>();
        prop_assume!(!old.dests().is_empty());
        let old = Entry::with_dests(old.service().clone(), weigh(old.dests().values().copied().collect()));
        let desired = Entry::with_dests(old.service().clone(), weigh(new).into_iter().rev());
        let takes = |entry: &Entry| entry.dests().values().any(|dest| dest.weight > Weight::ZERO);
        let mut here = old.clone();
        for op in plan_entry(Some(&desired), Some(&old)) {
            match op {
                Op::AddDest(_, dest) | Op::EditDest(_, dest) => { here.insert(dest); }
                Op::DelDest(_, dest) => { here.remove(&dest); }
                _ => {}
            }
            prop_assert!(takes(&here));
        }
    }

    #[test]
    fn a_refused_change_changes_nothing(start in table(), ops in vec(op(), 1..30)) {
        let mut model = Model::with_table(start);
        for op in ops {
            let before = model.table().clone();
            if model.apply_one(&op).is_err() {
                prop_assert_eq!(model.table(), &before);
            }
        }
    }

    #[test]
    fn a_table_survives_serialisation(table in table()) {
        let text = serde_json::to_string(&table).unwrap();
        prop_assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
    }
}

#[test]
fn serialised_nonsense_is_refused() {
    let service =
        r#"{"key":{"Fwmark":{"mark":1,"family":"V4"}},"scheduler":"rr","flags":0,"persistence":PERSISTENCE}"#;
    let with =
        |persistence: &str| serde_json::from_str::<Service>(&service.replace("PERSISTENCE", persistence));
    let mask = r#"{"timeout":1,"granularity":{"Mask":"255.255.255.0"},"engine":null}"#;
    assert!(with("null").is_ok());
    assert!(with(mask).is_ok());
    let error = with(r#"{"timeout":1,"granularity":{"Prefix":64},"engine":null}"#).unwrap_err();
    assert!(error.to_string().contains("must be of the service's address family"), "{error}");
    assert!(serde_json::from_str::<ipvs::Weight>("2147483648").is_err());
    assert!(serde_json::from_str::<ipvs::Limits>("[5,6]").is_err());
    assert!(serde_json::from_str::<ipvs::PrefixLen>("129").is_err());
    assert!(serde_json::from_str::<ipvs::Scheduler>("\"sixteen-bytes-xx\"").is_err());
    assert!(serde_json::from_str::<ipvs::IfName>("\"a/b\"").is_err());
}
