//! Which entries follow from which verdicts.

use std::num::NonZeroU32;

use lvsd_model::{Family, SorryServer, TunnelChecksum, TunnelKind};

use super::*;

const VS: &str = "10.0.0.1:80";
const A: &str = "192.0.2.1:80";
const B: &str = "192.0.2.2:80";
const SORRY: &str = "192.0.2.9:80";

fn sorry(inhibit: bool) -> Option<SorryServer> {
    Some(SorryServer { address: address(SORRY), forward: Forward::Nat, inhibit })
}

#[test]
fn servers_are_in_the_table_from_the_start() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A), server(B)])]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1"]);
    assert_eq!(bench.health.take_changed().into_iter().collect::<Vec<_>>(), [key(VS)]);
    bench.round(&[]);
    assert_eq!(bench.events(), Vec::<String>::new(), "confirming what was assumed is no news");
    assert!(bench.health.take_changed().is_empty());
}

#[test]
fn a_failed_server_leaves_and_returns() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A), server(B)])]));
    bench.health.take_changed();
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
    assert_eq!(bench.events(), ["192.0.2.1:80 down"]);
    assert_eq!(bench.health.take_changed().len(), 1);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.events(), Vec::<String>::new(), "once per cause");
    bench.round(&[]);
    assert_eq!(bench.dests(VS).len(), 2);
    assert_eq!(bench.events(), ["192.0.2.1:80 up"]);
}

#[test]
fn events_carry_cause_and_script() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A)])]));
    bench.round(&[(A, Outcome::failure(Cause::Status, "/: status 503"))]);
    let Some(Event::Server { failure, script: notify, .. }) = bench.health.poll_event() else { panic!() };
    assert_eq!(failure.expect("a check failed").to_string(), "status: /: status 503");
    assert_eq!(notify, Some(script("down")));
    let quorum = bench.health.poll_event().expect("the only server is gone");
    assert_eq!(quorum.script(), Some(&script("quorum_down")));
}

#[test]
fn the_quorum_of_a_new_service_is_told_once() {
    let silent = VirtualServer { quorum_up: None, ..service("10.0.0.2:80", vec![server(B)]) };
    let absent = RealServer { checks: vec![alpha(tcp(A))], ..server(A) };
    let mut bench = Bench { health: Health::new(7), now: Time::START, running: BTreeMap::new() };
    bench.reload(config(vec![service(VS, vec![server(A)]), silent.clone()]));
    assert_eq!(
        bench.events(),
        ["quorum 10.0.0.1:80 up", "quorum 10.0.0.2:80 up"],
        "scripts and FIFOs are told"
    );
    let added = service("10.0.0.3:80", vec![absent]);
    bench.reload(config(vec![service(VS, vec![server(A)]), silent, added]));
    let lost = bench.health.poll_event().expect("told");
    assert!(matches!(lost, Event::Quorum { standing: Standing::Down, .. }) && lost.script().is_none());
}

#[test]
fn a_name_that_is_tracked_has_its_quorum_while_all_that_bear_it_have() {
    let tracked = |at: &str, server: RealServer| {
        let tracked_as = Some("web".to_owned());
        VirtualServer { tracked_as, ..service(at, vec![server]) }
    };
    let services = vec![
        tracked(VS, server(A)),
        tracked("10.0.0.2:80", server(B)),
        service("10.0.0.3:80", vec![server(A)]),
    ];
    let mut bench = Bench::new(config(services));
    assert_eq!(bench.health.tracked_quorums().into_iter().collect::<Vec<_>>(), [("web", true)]);
    bench.round(&[(B, refused())]);
    assert_eq!(bench.health.tracked_quorums().into_iter().collect::<Vec<_>>(), [("web", false)]);
    bench.round(&[]);
    assert_eq!(bench.health.tracked_quorums().into_iter().collect::<Vec<_>>(), [("web", true)]);
}

#[test]
fn servers_of_a_new_service_are_told_with_rs_init_notifies() {
    let absent = RealServer { checks: vec![alpha(tcp(B))], ..server(B) };
    let mut bench = Bench { health: Health::new(7), now: Time::START, running: BTreeMap::new() };
    let both = config(vec![service(VS, vec![server(A), absent])]);
    bench.reload(LvsConfig { init_notifies: true, ..both.clone() });
    let first = bench.health.poll_event().expect("told");
    let Event::Server { standing, notice, script: told, .. } = first else { panic!("{first:?}") };
    assert_eq!((standing, told), (Standing::Up, Some(script("up"))));
    assert_eq!(notice.server, format!("[{}]:tcp:80", A.rsplit_once(':').expect("a port").0));
    assert_eq!(bench.events(), [format!("quorum {VS} up")]);
    bench.reload(LvsConfig { init_notifies: true, ..both });
    assert!(bench.events().is_empty(), "not at a reload");
}

#[test]
fn a_server_is_up_only_while_none_of_its_checks_is_failed() {
    let mut real = server(A);
    real.checks.push(tcp("192.0.2.1:443"));
    let mut bench = Bench::new(config(vec![service(VS, vec![real])]));
    bench.round(&[(A, refused()), ("192.0.2.1:443", refused())]);
    bench.round(&[("192.0.2.1:443", refused())]);
    assert_eq!(bench.dests(VS), Vec::<String>::new());
    bench.round(&[]);
    assert_eq!(bench.dests(VS).len(), 1);
    assert_eq!(
        bench.events(),
        ["192.0.2.1:80 down", "quorum 10.0.0.1:80 down", "192.0.2.1:80 up", "quorum 10.0.0.1:80 up"]
    );
}

#[test]
fn without_checks_a_server_is_always_up() {
    let real = RealServer { checks: Vec::new(), alpha: true, ..server(A) };
    let bench = Bench::new(config(vec![service(VS, vec![real])]));
    assert_eq!(bench.dests(VS).len(), 1);
}

#[test]
fn alpha_waits_for_the_first_success() {
    let real = RealServer { checks: vec![alpha(tcp(A))], ..server(A) };
    let mut bench = Bench::new(config(vec![service(VS, vec![real])]));
    assert_eq!((bench.dests(VS), bench.events()), (vec![], vec![]), "down, and no news that it is");
    bench.round(&[(A, refused())]);
    assert_eq!(bench.events(), ["192.0.2.1:80 down"], "now it is known");
    bench.round(&[(A, refused())]);
    assert_eq!(bench.events(), Vec::<String>::new());
    bench.round(&[]);
    assert_eq!(bench.dests(VS).len(), 1);
    assert_eq!(bench.events(), ["192.0.2.1:80 up", "quorum 10.0.0.1:80 up"]);
}

#[test]
fn inhibited_servers_stay_with_weight_zero() {
    let checks = vec![alpha(tcp(A))];
    let real = RealServer { checks, inhibit_on_failure: true, weight: weight(5), ..server(A) };
    let mut bench = Bench::new(config(vec![service(VS, vec![real, server(B)])]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 0", "192.0.2.2:80 1"], "alpha with inhibit, at start");
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 5", "192.0.2.2:80 1"]);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 0", "192.0.2.2:80 1"]);
}

#[test]
fn weight_zero_by_configuration_stays_in_the_table_but_is_no_quorum() {
    let real = RealServer { weight: Weight::ZERO, ..server(A) };
    let bench =
        Bench::new(config(vec![VirtualServer { sorry: sorry(false), ..service(VS, vec![real.clone()]) }]));
    assert_eq!(bench.dests(VS), ["192.0.2.9:80 1"]);
    let bench = Bench::new(config(vec![service(VS, vec![real])]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 0"]);
}

#[test]
fn the_sorry_server_takes_over_and_hands_back() {
    let services =
        vec![VirtualServer { sorry: sorry(false), quorum: 2, ..service(VS, vec![server(A), server(B)]) }];
    let mut bench = Bench::new(config(services));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1"]);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.9:80 1"], "the server that is alive goes too");
    assert_eq!(bench.events(), ["192.0.2.1:80 down", "quorum 10.0.0.1:80 down"]);
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1"]);
    assert_eq!(bench.events(), ["192.0.2.1:80 up", "quorum 10.0.0.1:80 up"]);
}

#[test]
fn an_inhibited_sorry_server_stays_with_weight_zero() {
    let services = vec![VirtualServer { sorry: sorry(true), ..service(VS, vec![server(A)]) }];
    let mut bench = Bench::new(config(services));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.9:80 0"]);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.9:80 1"]);
}

#[test]
fn without_a_sorry_server_a_lost_quorum_removes_nobody() {
    let services = vec![VirtualServer { quorum: 2, ..service(VS, vec![server(A), server(B)]) }];
    let mut bench = Bench::new(config(services));
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"]);
    assert_eq!(bench.events(), ["192.0.2.1:80 down", "quorum 10.0.0.1:80 down"]);
}

#[test]
fn a_sorry_server_that_is_a_real_server_too_is_one_destination() {
    let same = Some(SorryServer { address: address(A), forward: Forward::Nat, inhibit: true });
    let services = vec![VirtualServer { sorry: same, ..service(VS, vec![server(A), server(B)]) }];
    let mut bench = Bench::new(config(services));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1"]);
    bench.round(&[(A, refused()), (B, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1"]);
}

#[test]
fn dynamic_weights_replace_and_never_drift() {
    let real = RealServer { checks: vec![misc("load")], weight: weight(100), ..server(A) };
    let mut bench = Bench::new(config(vec![service(VS, vec![real])]));
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 100"]);
    for _ in 0..50 {
        bench.round(&[("load", weighs(7))]);
        assert_eq!(bench.dests(VS), ["192.0.2.1:80 7"]);
        bench.round(&[("load", refused())]);
        assert_eq!(bench.dests(VS), Vec::<String>::new());
    }
    bench.round(&[("load", weighs(253))]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 253"]);
    bench.round(&[]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 100"], "exit status 0: the configured weight");
}

#[test]
fn several_dynamic_checks_add_up_to_offsets() {
    let real = RealServer { checks: vec![misc("one"), misc("two")], weight: weight(100), ..server(A) };
    let mut bench = Bench::new(config(vec![service(VS, vec![real])]));
    bench.round(&[("one", weighs(90)), ("two", weighs(95))]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 85"]);
    bench.round(&[("one", weighs(0)), ("two", weighs(0))]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 0"], "not below zero");
}

#[test]
fn dynamic_weights_count_for_the_quorum() {
    let real = RealServer { checks: vec![misc("load")], weight: weight(10), ..server(A) };
    let services = vec![VirtualServer { sorry: sorry(false), quorum: 5, ..service(VS, vec![real]) }];
    let mut bench = Bench::new(config(services));
    bench.round(&[("load", weighs(4))]);
    assert_eq!(bench.dests(VS), ["192.0.2.9:80 1"]);
    bench.round(&[("load", weighs(5))]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 5"]);
}

#[test]
fn ports_follow_the_forwarding_method() {
    let tunnel = Forward::Tunnel { kind: TunnelKind::Ipip, checksum: TunnelChecksum::None };
    let reals = vec![
        RealServer { forward: Forward::DirectRouting, ..server("192.0.2.1:8080") },
        RealServer { forward: tunnel, ..server("192.0.2.2:8080") },
        server("192.0.2.3:8080"),
        server("192.0.2.4:0"),
    ];
    let bench = Bench::new(config(vec![service(VS, reals)]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1", "192.0.2.3:8080 1", "192.0.2.4:80 1"]);
}

#[test]
fn two_ports_that_direct_routing_makes_one_are_up_while_either_is() {
    let direct = |at| RealServer { forward: Forward::DirectRouting, ..server(at) };
    let mut bench =
        Bench::new(config(vec![service(VS, vec![direct("192.0.2.1:81"), direct("192.0.2.1:82")])]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1"]);
    bench.round(&[("192.0.2.1:81", refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1"]);
    bench.round(&[("192.0.2.1:81", refused()), ("192.0.2.1:82", refused())]);
    assert_eq!(bench.dests(VS), Vec::<String>::new());
}

#[test]
fn a_group_is_one_service_per_endpoint_and_one_check() {
    let mark = NonZeroU32::new(5).expect("not zero");
    let endpoints = vec![
        Endpoint::Address(address("10.0.0.1:80")),
        Endpoint::Address(address("10.0.0.2:81")),
        Endpoint::Fwmark { mark, family: Family::V4 },
    ];
    let real = RealServer { forward: Forward::DirectRouting, ..server(A) };
    let group = VirtualServer { name: "group web".into(), endpoints, ..service(VS, vec![real]) };
    let mut bench = Bench::new(config(vec![group]));
    let table = bench.health.desired_table();
    let all: Vec<_> =
        table.iter().map(|entry| format!("{} {}", entry.key(), dests(entry).join(","))).collect();
    assert_eq!(
        all,
        ["tcp 10.0.0.1:80 192.0.2.1:80 1", "tcp 10.0.0.2:81 192.0.2.1:81 1", "fwmark 5 192.0.2.1:0 1"]
    );
    assert_eq!(bench.health.check_count(), 1);
    bench.health.take_changed();
    bench.round(&[(A, refused())]);
    assert_eq!(bench.health.take_changed().len(), 3);
    assert_eq!(bench.events().len(), 2, "once for the group, not once per endpoint");
}

#[test]
fn thresholds_and_service_options_reach_the_table() {
    let real = RealServer { upper_threshold: 100, lower_threshold: 50, ..server(A) };
    let persistence = lvsd_model::Persistence {
        timeout: Duration::from_secs(50),
        prefix_len: 24,
        engine: Some("sip".into()),
    };
    let flags = SchedulerFlags { one_packet: true, flag2: true, ..SchedulerFlags::default() };
    let services = vec![VirtualServer {
        persistence: Some(persistence),
        flags,
        scheduler: Scheduler::Sh,
        ..service(VS, vec![real])
    }];
    let bench = Bench::new(config(services));
    let entry = bench.entry(VS);
    let limits = entry.dests().values().next().expect("one").limits;
    assert_eq!((limits.upper(), limits.lower()), (100, 50));
    let persistence = entry.service().persistence().expect("configured");
    assert_eq!(persistence.timeout.get(), 50);
    assert_eq!(persistence.granularity, ipvs::Granularity::Mask([255, 255, 255, 0].into()));
    assert_eq!(entry.service().flags(), ipvs::ServiceFlags::ONE_PACKET | ipvs::ServiceFlags::SH_PORT);
    assert_eq!(entry.service().scheduler().as_str(), "sh");
}

#[test]
fn omega_says_good_bye_for_what_is_up() {
    let services = vec![
        VirtualServer { omega: true, ..service(VS, vec![server(A), server(B)]) },
        service("10.0.0.2:80", vec![server(A)]),
    ];
    let mut bench = Bench::new(config(services));
    bench.round(&[(A, refused())]);
    let scripts: Vec<_> = bench
        .health
        .farewell()
        .iter()
        .map(|event| event.script().expect("all have one").source.clone())
        .collect();
    assert_eq!(scripts, ["down", "quorum_down"]);
}

#[test]
fn views_show_what_is() {
    let services = vec![VirtualServer { sorry: sorry(false), ..service(VS, vec![server(A)]) }];
    let mut bench = Bench::new(config(services));
    bench.round(&[(A, refused())]);
    let view = bench.health.services().next().expect("one");
    assert!(!view.quorum_met() && view.sorry_active());
    assert_eq!((view.weight_alive(), view.keys()), (0, &[key(VS)][..]));
    let real = view.servers().next().expect("one");
    assert!(!real.up && real.table_weight.is_none());
    let (_, judge) = real.checks().next().expect("one");
    assert_eq!(judge.history().failures().collect::<Vec<_>>(), [(Cause::Refused, 1)]);
    bench.health.clear_counters();
    let view = bench.health.services().next().expect("one");
    let (_, judge) = view.servers().next().and_then(|real| real.checks().next()).expect("one");
    assert_eq!(judge.history().failures().count(), 0);
    assert!(judge.history().last_failure.is_some(), "what was seen last is not a counter");
}
