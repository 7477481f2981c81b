//! Servers that come and go otherwise than at once: `min_up`, `slow_start`, `drain_timeout`; and checks that rest.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use ipvs::DestKey;
use lvsd_model::{Family, MinUp, Turnover};

use super::*;

const VS: &str = "10.0.0.1:80";
const A: &str = "192.0.2.1:80";
const B: &str = "192.0.2.2:80";
const C: &str = "192.0.2.3:80";
const D: &str = "192.0.2.4:80";

fn half_up() -> Turnover {
    Turnover { min_up: Some(MinUp::Percent(50)), ..Turnover::default() }
}

fn four(turnover: Turnover) -> LvsConfig {
    config(vec![VirtualServer { turnover, ..service(VS, [A, B, C, D].map(server).to_vec()) }])
}

fn heavy(at: &str) -> RealServer {
    RealServer { weight: weight(100), ..server(at) }
}

fn slowly(servers: Vec<RealServer>) -> LvsConfig {
    let turnover = Turnover { slow_start: Some(Duration::from_secs(100)), ..Turnover::default() };
    config(vec![VirtualServer { turnover, ..service(VS, servers) }])
}

fn draining(servers: &[&str]) -> LvsConfig {
    let turnover = Turnover { drain_timeout: Some(Duration::from_secs(60)), ..Turnover::default() };
    let servers = servers.iter().map(|at| server(at)).collect();
    config(vec![VirtualServer { turnover, ..service(VS, servers) }])
}

fn dest_key(at: &str) -> DestKey {
    DestKey::new(address(at).ip(), address(at).port())
}

/// Lets time pass without a check.
fn tick(bench: &mut Bench, seconds: u64) {
    bench.now = bench.now + Duration::from_secs(seconds);
    bench.health.tick(bench.now);
}

#[test]
fn as_many_as_may_fail_are_taken_out_and_no_more() {
    let mut bench = Bench::new(four(half_up()));
    bench.round(&[]);
    bench.round(&[(A, refused()), (B, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.3:80 1", "192.0.2.4:80 1"], "half of them are up");
    bench.events();
    for _ in 0..3 {
        bench.round(&[(A, refused()), (B, refused())]);
    }
    bench.round(&[(A, refused()), (B, refused()), (C, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.3:80 1", "192.0.2.4:80 1"], "the last good set");
    assert_eq!(bench.events(), ["10.0.0.1:80 fails open: 1 up of 2", "192.0.2.3:80 down"]);
    let view = bench.health.services().next().expect("one");
    assert!(view.fails_open() && view.quorum_met());
    assert_eq!(
        view.servers().map(|server| (server.up, server.kept)).collect::<Vec<_>>(),
        [(false, false), (false, false), (false, true), (true, false)]
    );
    bench.round(&[(B, refused()), (C, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.4:80 1"], "believed again");
    assert_eq!(bench.events(), ["10.0.0.1:80 believes", "192.0.2.1:80 up"]);
}

#[test]
fn when_all_fail_at_once_all_stay_and_the_sorry_server_waits() {
    let sorry =
        lvsd_model::SorryServer { address: address("192.0.2.9:80"), forward: Forward::Nat, inhibit: false };
    let mut configured = four(half_up());
    configured.services[0].sorry = Some(sorry);
    let mut bench = Bench::new(configured.clone());
    bench.round(&[]);
    let all = [A, B, C, D].map(|at| (at, refused()));
    bench.round(&all);
    assert_eq!(bench.dests(VS).len(), 4);
    assert!(!bench.dests(VS).contains(&"192.0.2.9:80 1".to_owned()));
    assert!(!bench.events().iter().any(|event| event.starts_with("quorum")));
    // A reload does not lose the good set.
    bench.health.take_changed();
    bench.reload(configured.clone());
    assert!(bench.health.take_changed().is_empty());
    assert_eq!(bench.events(), Vec::<String>::new());
    // Without min_up the checks are believed at once.
    configured.services[0].turnover = Turnover::default();
    bench.reload(configured);
    assert_eq!(bench.dests(VS), ["192.0.2.9:80 1"]);
    assert_eq!(bench.events(), ["10.0.0.1:80 believes", "quorum 10.0.0.1:80 down"]);
}

#[test]
fn servers_that_never_were_good_are_not_kept() {
    let min_up = Some(MinUp::Servers(NonZeroU32::new(2).expect("not zero")));
    let servers = [A, B].map(|at| RealServer { checks: vec![alpha(tcp(at))], ..server(at) });
    let turnover = Turnover { min_up, ..Turnover::default() };
    let mut bench = Bench::new(config(vec![VirtualServer { turnover, ..service(VS, servers.to_vec()) }]));
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
    bench.round(&[(A, refused()), (B, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"], "the one that was good");
}

#[test]
fn a_server_that_returns_gets_its_weight_in_steps() {
    let mut bench = Bench::new(slowly(vec![heavy(A), heavy(B)]));
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 100", "192.0.2.2:80 100"], "who was up is not back");
    bench.round(&[(A, refused())]);
    bench.health.take_changed();
    bench.round(&[]);
    let weight_of_a = |bench: &Bench| bench.dests(VS).first().cloned().expect("it is back");
    assert_eq!(weight_of_a(&bench), "192.0.2.1:80 10");
    assert_eq!(bench.health.services().next().expect("one").weight_alive(), 200, "the quorum does not wait");
    let mut seen = vec![];
    for _ in 0..9 {
        bench.health.take_changed();
        tick(&mut bench, 0);
        bench.round(&[]);
        seen.push(weight_of_a(&bench));
    }
    assert_eq!(seen.first().map(String::as_str), Some("192.0.2.1:80 20"));
    assert_eq!(seen.last().map(String::as_str), Some("192.0.2.1:80 100"));
    assert!(!bench.health.alarm_is_set(), "nothing is left to wait for");
}

#[test]
fn a_slow_start_survives_a_reload_and_not_another_failure() {
    let mut bench = Bench::new(slowly(vec![heavy(A), heavy(B)]));
    bench.round(&[]);
    bench.round(&[(A, refused())]);
    bench.round(&[]);
    tick(&mut bench, 20);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 40", "192.0.2.2:80 100"]);
    bench.health.take_changed();
    bench.reload(slowly(vec![heavy(A), heavy(B)]));
    assert!(bench.health.take_changed().is_empty());
    tick(&mut bench, 10);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 50", "192.0.2.2:80 100"]);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 100"]);
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 10", "192.0.2.2:80 100"], "from the beginning");
}

#[test]
fn a_new_server_is_not_one_that_returns() {
    let waiting = RealServer { checks: vec![alpha(tcp(A))], ..heavy(A) };
    let mut bench = Bench::new(slowly(vec![waiting, heavy(B)]));
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 100", "192.0.2.2:80 100"]);
}

#[test]
fn a_removed_server_drains_until_its_time_is_over() {
    let mut bench = Bench::new(draining(&[A, B]));
    bench.health.take_changed();
    bench.reload(draining(&[B]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 0", "192.0.2.2:80 1"]);
    assert_eq!(bench.health.take_changed().len(), 1);
    tick(&mut bench, 59);
    // Another reload is no new beginning.
    bench.reload(draining(&[B]));
    assert_eq!(bench.dests(VS).len(), 2);
    assert!(bench.health.take_changed().is_empty());
    tick(&mut bench, 1);
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
    assert_eq!(bench.health.take_changed().len(), 1);
    assert!(!bench.health.alarm_is_set());
}

#[test]
fn a_removed_server_is_gone_with_its_last_connection() {
    let mut bench = Bench::new(draining(&[A, B]));
    bench.reload(draining(&[B]));
    bench.health.take_changed();
    assert_eq!(bench.health.draining().collect::<Vec<_>>(), [(key(VS), dest_key(A))]);
    bench.health.drained(&key(VS), &dest_key(B));
    assert!(bench.health.take_changed().is_empty(), "that one stays");
    bench.health.drained(&key(VS), &dest_key(A));
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
    assert_eq!(bench.health.take_changed().len(), 1);
}

#[test]
fn a_removed_server_that_is_wanted_again_is_a_server_like_any_other() {
    let mut bench = Bench::new(draining(&[A, B]));
    bench.reload(draining(&[B]));
    bench.reload(draining(&[A, B]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1"]);
    tick(&mut bench, 60);
    assert_eq!(bench.dests(VS).len(), 2);
}

#[test]
fn nobody_drains_who_was_out_or_whose_service_does_not_say_so() {
    let mut bench = Bench::new(draining(&[A, B]));
    bench.round(&[]);
    bench.round(&[(A, refused())]);
    bench.reload(draining(&[B]));
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A), server(B)])]));
    bench.reload(config(vec![service(VS, vec![server(B)])]));
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
}

#[test]
fn a_successor_lets_drain_what_its_predecessor_did() {
    let mut bench = Bench::new(draining(&[A, B]));
    bench.reload(draining(&[B]));
    let standing = bench.health.desired_table();
    let mut successor = Bench::adopting(draining(&[B]), &standing);
    assert_eq!(successor.health.desired_table(), standing);
    tick(&mut successor, 60);
    assert_eq!(successor.dests(VS), ["192.0.2.2:80 1"]);
}

fn held(addresses: &[&str]) -> Option<BTreeSet<std::net::IpAddr>> {
    Some(addresses.iter().map(|text| text.parse().expect("an address")).collect())
}

fn suspending(service: VirtualServer) -> VirtualServer {
    VirtualServer { suspend: true, ..service }
}

#[test]
fn checks_rest_while_the_address_is_elsewhere() {
    let mut bench = Bench::new(config(vec![suspending(service(VS, vec![server(A)]))]));
    bench.round(&[]);
    bench.health.hold(bench.now, held(&["192.0.2.100"]));
    assert_eq!(bench.events(), ["10.0.0.1:80 suspended"]);
    assert_eq!(bench.health.poll_timeout(), None);
    tick(&mut bench, 1000);
    assert!(bench.health.poll_due(bench.now).is_none());
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1"], "what is known stays in force");
    bench.health.hold(bench.now, held(&["10.0.0.1", "192.0.2.100"]));
    assert_eq!(bench.events(), ["10.0.0.1:80 resumed"]);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), Vec::<String>::new(), "and it is checked at once");
}

#[test]
fn a_check_that_runs_when_its_service_is_suspended_ends_and_is_heard() {
    let mut bench = Bench::new(config(vec![suspending(service(VS, vec![server(A)]))]));
    bench.start();
    bench.health.hold(bench.now, held(&[]));
    let id = bench.running[A][0];
    bench.health.finish(bench.now, id, &refused());
    assert_eq!(bench.dests(VS), Vec::<String>::new());
    assert_eq!(bench.health.poll_timeout(), None);
}

#[test]
fn a_check_that_others_use_goes_on() {
    let services = vec![suspending(service(VS, vec![server(A)])), service("10.0.0.2:80", vec![server(A)])];
    let mut bench = Bench::new(config(services));
    bench.health.hold(bench.now, held(&[]));
    bench.start();
    assert_eq!(bench.running[A].len(), 1);
}

#[test]
fn a_group_is_held_with_one_of_its_addresses_and_a_mark_by_everybody() {
    let mark = Endpoint::Fwmark { mark: NonZeroU32::new(7).expect("not zero"), family: Family::V4 };
    let group = VirtualServer {
        name: "web".into(),
        endpoints: vec![Endpoint::Address(address(VS)), Endpoint::Address(address("10.0.0.2:80")), mark],
        ..service(VS, vec![server(A)])
    };
    let marked =
        VirtualServer { name: "fwmark 7".into(), endpoints: vec![mark], ..service(VS, vec![server(B)]) };
    let mut bench = Bench::new(config(vec![suspending(group), suspending(marked)]));
    let suspended = |bench: &Bench| bench.health.services().map(|view| view.suspended()).collect::<Vec<_>>();
    bench.health.hold(bench.now, held(&[]));
    assert_eq!(suspended(&bench), [true, false]);
    bench.health.hold(bench.now, held(&["10.0.0.2"]));
    assert_eq!(suspended(&bench), [false, false]);
}

#[test]
fn a_check_that_slept_for_a_service_that_is_gone_wakes_for_another() {
    let mut bench = Bench::new(config(vec![suspending(service(VS, vec![server(A)]))]));
    bench.health.hold(bench.now, held(&[]));
    bench.reload(config(vec![service("10.0.0.2:80", vec![server(A)])]));
    bench.now = bench.now + Duration::from_secs(1);
    bench.start();
    assert_eq!(bench.running[A].len(), 1);
}

#[test]
fn a_reload_keeps_asleep_what_sleeps() {
    let with = |servers: Vec<RealServer>| config(vec![suspending(service(VS, servers))]);
    let mut bench = Bench::new(with(vec![server(A)]));
    bench.health.hold(bench.now, held(&[]));
    bench.events();
    bench.reload(with(vec![server(A), server(B)]));
    assert_eq!(bench.events(), Vec::<String>::new());
    assert_eq!(bench.health.poll_timeout(), None);
    // Without the keyword both wake.
    bench.reload(config(vec![service(VS, vec![server(A), server(B)])]));
    bench.now = bench.now + Duration::from_secs(1);
    bench.start();
    assert_eq!(bench.running.len(), 2);
}
