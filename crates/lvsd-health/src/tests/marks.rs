//! Groups as marks.

use std::num::NonZeroU32;
use std::sync::Arc;

use lvsd_model::{Family, Marking};

use super::*;
use crate::{Marked, Marks};

const A: &str = "192.0.2.1:80";

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).expect("not zero")
}

fn marking(first: u32) -> Marking {
    Marking { table: "t".into(), priority: -1, first: number(first), counters: false }
}

fn group(name: &str, addresses: &[&str]) -> Arc<VirtualServer> {
    let endpoints = addresses.iter().map(|at| Endpoint::Address(address(at))).collect();
    let servers = vec![RealServer { forward: Forward::DirectRouting, ..server(A) }];
    Arc::new(VirtualServer { name: name.into(), endpoints, ..service("10.0.0.1:80", servers) })
}

fn marked(mark: u32, family: Family) -> Arc<VirtualServer> {
    let endpoints = vec![Endpoint::Fwmark { mark: number(mark), family }];
    let name = format!("fwmark {mark}");
    Arc::new(VirtualServer { name, endpoints, ..service("10.0.0.1:80", vec![server(A)]) })
}

fn fwmark(mark: u32, family: ipvs::Family) -> ServiceKey {
    ServiceKey::Fwmark { mark: number(mark), family }
}

#[test]
fn a_group_is_one_service_per_family_and_a_single_address_stays_one() {
    let services = [
        group("web", &["10.0.0.1:80", "[2001:db8::1]:80", "10.0.0.2:80"]),
        Arc::new(VirtualServer { name: "10.0.0.3 80".into(), ..service("10.0.0.3:80", vec![server(A)]) }),
    ];
    let mut marks = Marks::default();
    marks.assign(Some(&marking(1000)), &services);
    let both = [fwmark(1000, ipvs::Family::V4), fwmark(1001, ipvs::Family::V6)];
    assert_eq!(marks.keys(&services[0]), both);
    assert_eq!(marks.keys(&services[1]), [key("10.0.0.3:80")]);
    let packets =
        |at: &str, mark| Marked { address: address(at), protocol: Protocol::Tcp, mark: number(mark) };
    let expected =
        [packets("10.0.0.1:80", 1000), packets("10.0.0.2:80", 1000), packets("[2001:db8::1]:80", 1001)];
    assert_eq!(marks.marked(&services).into_iter().collect::<Vec<_>>(), expected);
    marks.assign(None, &services);
    assert_eq!((marks.keys(&services[0]).len(), marks.marked(&services).len()), (3, 0));
}

#[test]
fn marks_stay_with_their_groups_and_are_nobody_elses() {
    let mut marks = Marks::default();
    marks.assign(Some(&marking(5)), &[group("b", &["10.0.0.1:80"]), marked(5, Family::V4)]);
    assert_eq!(marks.keys(&group("b", &["10.0.0.1:80"])), [fwmark(6, ipvs::Family::V4)]);
    // A group before it, and a successor that reads what was noted.
    let both = [group("a", &["10.0.0.2:80"]), group("b", &["10.0.0.1:80"]), marked(5, Family::V4)];
    let mut successor = Marks::from_text(&marks.to_text());
    assert_eq!(successor, marks);
    successor.assign(Some(&marking(5)), &both);
    assert_eq!(successor.keys(&both[0]), [fwmark(7, ipvs::Family::V4)]);
    assert_eq!(successor.keys(&both[1]), [fwmark(6, ipvs::Family::V4)]);
    // Somebody else has its mark now, or it is below the first one.
    let taken = [group("b", &["10.0.0.1:80"]), marked(6, Family::V6)];
    successor.assign(Some(&marking(5)), &taken);
    assert_eq!(successor.keys(&taken[0]), [fwmark(5, ipvs::Family::V4)]);
    successor.assign(Some(&marking(50)), &taken);
    assert_eq!(successor.keys(&taken[0]), [fwmark(50, ipvs::Family::V4)]);
}

#[test]
fn without_a_mark_left_a_group_keeps_its_addresses() {
    let services = [group("a", &["10.0.0.1:80"]), group("b", &["10.0.0.2:80"])];
    let mut marks = Marks::default();
    marks.assign(Some(&marking(u32::MAX)), &services);
    assert_eq!(marks.keys(&services[0]), [fwmark(u32::MAX, ipvs::Family::V4)]);
    assert_eq!(marks.keys(&services[1]), [key("10.0.0.2:80")]);
}

#[test]
fn rubbish_among_the_notes_is_left_out() {
    let text = "0 IPv4 tcp a\n7 IPv4 tcp\n7 IPv5 tcp a\n7 IPv4 icmp a\nx IPv4 tcp a\n8 IPv6 udp web one\n\n";
    assert_eq!(Marks::from_text(text).to_text(), "8 IPv6 udp web one\n");
}

#[test]
fn the_table_has_the_mark_and_its_servers() {
    let services = vec![group("web", &["10.0.0.1:80", "10.0.0.2:80"])];
    let mut marks = Marks::default();
    marks.assign(Some(&marking(1000)), &services);
    let mut health = Health::new(1);
    health.mark(marks);
    health.apply_services(Time::START, services.clone(), &Table::new());
    let mark = fwmark(1000, ipvs::Family::V4);
    assert_eq!(health.take_changed().into_iter().collect::<Vec<_>>(), [mark]);
    let entry = health.desired(&mark).expect("it is the service");
    assert_eq!(dests(&entry), ["192.0.2.1:0 1"]);
    // Without marks it is its addresses again, and the mark is gone.
    health.mark(Marks::default());
    health.apply_services(Time::START, services, &Table::new());
    assert_eq!(health.take_changed().len(), 3);
    assert!(health.desired(&mark).is_none());
}
