//! From one configuration, or one process, to the next.

use super::*;

const VS: &str = "10.0.0.1:80";
const A: &str = "192.0.2.1:80";
const B: &str = "192.0.2.2:80";

fn changed(bench: &mut Bench) -> Vec<ServiceKey> {
    bench.health.take_changed().into_iter().collect()
}

fn slower(check: Check) -> Check {
    let timing = CheckTiming { interval: Duration::from_secs(30), ..check.timing };
    Check { timing, ..check }
}

#[test]
fn the_same_configuration_changes_nothing() {
    let same =
        || config(vec![service(VS, vec![server(A), server(B)]), service("10.0.0.2:80", vec![server(A)])]);
    let mut bench = Bench::new(same());
    bench.round(&[(A, refused())]);
    bench.events();
    changed(&mut bench);
    let due = bench.health.poll_timeout();
    bench.reload(same());
    assert_eq!((bench.events(), changed(&mut bench)), (vec![], vec![]));
    assert_eq!(bench.health.poll_timeout(), due, "the schedule goes on");
    assert_eq!(bench.dests(VS), ["192.0.2.2:80 1"], "failed stays failed");
}

#[test]
fn one_weight_changes_one_service() {
    let with = |value| {
        let real = RealServer { weight: weight(value), ..server(A) };
        config(vec![service(VS, vec![real, server(B)]), service("10.0.0.2:80", vec![server(B)])])
    };
    let mut bench = Bench::new(with(1));
    changed(&mut bench);
    bench.reload(with(3));
    assert_eq!(changed(&mut bench), [key(VS)]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 3", "192.0.2.2:80 1"]);
    assert_eq!(bench.events(), Vec::<String>::new());
}

#[test]
fn what_the_kernel_does_not_see_changes_no_entry() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A)])]));
    changed(&mut bench);
    let quiet = RealServer { notify_up: None, checks: vec![slower(tcp(A))], ..server(A) };
    bench.reload(config(vec![service(VS, vec![quiet])]));
    assert_eq!(changed(&mut bench), []);
}

#[test]
fn services_come_and_go() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A)])]));
    changed(&mut bench);
    bench.reload(config(vec![service("10.0.0.2:80", vec![server(A)])]));
    assert_eq!(changed(&mut bench), [key(VS), key("10.0.0.2:80")]);
    assert_eq!(bench.health.desired(&key(VS)), None);
    assert_eq!(bench.events(), ["quorum 10.0.0.2:80 up"], "and no server went up or down");
    assert_eq!(bench.health.check_count(), 1, "the check is the same one");
}

#[test]
fn a_failed_server_stays_failed_when_its_check_is_another() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A), server(B)])]));
    bench.round(&[(A, refused())]);
    bench.events();
    changed(&mut bench);
    let real = RealServer { checks: vec![slower(tcp(A))], ..server(A) };
    bench.reload(config(vec![service(VS, vec![real, server(B)])]));
    assert_eq!((bench.dests(VS), changed(&mut bench)), (vec!["192.0.2.2:80 1".to_owned()], vec![]));
    bench.round(&[]);
    assert_eq!(bench.events(), ["192.0.2.1:80 up"]);
}

#[test]
fn a_server_that_is_up_stays_up_when_its_check_is_another() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A)])]));
    bench.round(&[]);
    let real = RealServer { checks: vec![alpha(slower(tcp(A)))], ..server(A) };
    bench.reload(config(vec![service(VS, vec![real])]));
    assert_eq!(bench.dests(VS).len(), 1, "alpha is for servers that nothing is known of");
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS).len(), 0);
}

#[test]
fn a_new_alpha_server_starts_down_and_a_plain_one_up() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A)])]));
    let new = RealServer { checks: vec![alpha(tcp(B))], ..server(B) };
    bench.reload(config(vec![service(VS, vec![server(A), new, server("192.0.2.3:80")])]));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.3:80 1"]);
    assert_eq!(bench.events(), Vec::<String>::new());
}

#[test]
fn a_server_freed_from_its_failed_check_is_up() {
    let mut bench = Bench::new(config(vec![service(VS, vec![server(A)])]));
    bench.round(&[(A, refused())]);
    bench.events();
    bench.reload(config(vec![service(VS, vec![RealServer { checks: vec![], ..server(A) }])]));
    assert_eq!(bench.events(), ["192.0.2.1:80 up", "quorum 10.0.0.1:80 up"]);
}

#[test]
fn a_reload_can_cost_the_quorum() {
    let with = |quorum| config(vec![VirtualServer { quorum, ..service(VS, vec![server(A), server(B)]) }]);
    let mut bench = Bench::new(with(1));
    bench.round(&[(A, refused())]);
    bench.events();
    bench.reload(with(2));
    assert_eq!(bench.events(), ["quorum 10.0.0.1:80 down"]);
}

#[test]
fn a_dynamic_weight_survives_a_change_of_the_configured_one() {
    let with = |value, check| {
        config(vec![service(
            VS,
            vec![RealServer { weight: weight(value), checks: vec![check], ..server(A) }],
        )])
    };
    let mut bench = Bench::new(with(10, misc("load")));
    bench.round(&[("load", weighs(3))]);
    bench.reload(with(20, misc("load")));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 3"]);
    bench.reload(with(20, slower(misc("load"))));
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 3"], "another check: presumed until it reports");
    bench.round(&[("load", weighs(4))]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 4"]);
}

mod adoption {
    use lvsd_model::SorryServer;

    use super::*;

    /// What an earlier process leaves behind, after the outcomes given.
    fn left_behind(config: LvsConfig, answers: &[(&str, Outcome)]) -> Table {
        let mut bench = Bench::new(config);
        bench.round(&[]);
        bench.round(answers);
        bench.health.desired_table()
    }

    /// A successor finds the table as it wants it, and stays with it while the checks say the same as before.
    fn assert_seamless(configured: fn() -> LvsConfig, answers: &[(&str, Outcome)]) {
        let standing = left_behind(configured(), answers);
        let mut bench = Bench::adopting(configured(), &standing);
        assert_eq!(bench.health.desired_table(), standing);
        bench.now = at(1);
        bench.round(answers);
        assert_eq!(bench.health.desired_table(), standing);
        assert_eq!(bench.events(), Vec::<String>::new());
    }

    #[test]
    fn servers_keep_what_they_were() {
        let configured = || config(vec![service(VS, vec![server(A), server(B)])]);
        assert_seamless(configured, &[]);
        assert_seamless(configured, &[(A, refused())]);
        assert_seamless(configured, &[(A, refused()), (B, refused())]);
    }

    #[test]
    fn inhibited_alpha_and_weightless_servers_keep_what_they_were() {
        let configured = || {
            let kind = |at, inhibit_on_failure, weight| {
                let checks = vec![alpha(tcp(at))];
                RealServer { inhibit_on_failure, weight, checks, ..server(at) }
            };
            let reals = vec![
                kind(A, true, weight(4)),
                kind(B, false, weight(4)),
                kind("192.0.2.3:80", true, Weight::ZERO),
            ];
            config(vec![service(VS, reals)])
        };
        assert_seamless(configured, &[]);
        assert_seamless(configured, &[(A, refused())]);
        assert_seamless(configured, &[(B, refused())]);
    }

    #[test]
    fn dynamic_weights_are_kept() {
        let configured = || {
            let real = RealServer { checks: vec![misc("load")], weight: weight(100), ..server(A) };
            config(vec![service(VS, vec![real])])
        };
        assert_seamless(configured, &[("load", weighs(7))]);
        let standing = left_behind(configured(), &[("load", weighs(7))]);
        let mut bench = Bench::adopting(configured(), &standing);
        bench.now = at(1);
        bench.round(&[]);
        assert_eq!(bench.dests(VS), ["192.0.2.1:80 100"], "exit status 0: the configured weight");
    }

    #[test]
    fn a_sorry_server_stays_until_the_checks_have_spoken() {
        let configured = || {
            let sorry =
                SorryServer { address: address("192.0.2.9:80"), forward: Forward::Nat, inhibit: false };
            config(vec![VirtualServer {
                sorry: Some(sorry),
                quorum: 2,
                ..service(VS, vec![server(A), server(B)])
            }])
        };
        let standing = left_behind(configured(), &[(A, refused())]);
        let mut bench = Bench::adopting(configured(), &standing);
        assert_eq!(bench.dests(VS), ["192.0.2.9:80 1"]);
        bench.now = at(1);
        bench.round(&[]);
        assert_eq!(bench.dests(VS), ["192.0.2.1:80 1", "192.0.2.2:80 1"]);
    }

    #[test]
    fn a_server_kept_out_is_checked_soon() {
        let lazy = |check: Check| {
            let timing = CheckTiming { warmup: Duration::from_secs(600), ..check.timing };
            Check { timing, ..check }
        };
        let real = || RealServer { checks: vec![lazy(tcp(A))], ..server(A) };
        let standing: Table =
            [Entry::new(ipvs::Service::new(key(VS), ipvs::Scheduler::WLC))].into_iter().collect();
        let mut bench = Bench::adopting(config(vec![service(VS, vec![real()])]), &standing);
        assert_eq!(bench.dests(VS), Vec::<String>::new());
        assert!(bench.health.poll_timeout() <= Some(at(1)));
    }

    #[test]
    fn services_that_were_not_ours_are_begun_afresh() {
        let standing: Table =
            [Entry::new(ipvs::Service::new(key("10.0.0.9:80"), ipvs::Scheduler::WLC))].into_iter().collect();
        let bench = Bench::adopting(config(vec![service(VS, vec![server(A)])]), &standing);
        assert_eq!(bench.dests(VS).len(), 1);
    }
}

/// The same, and it may fail twice before that counts.
fn patient(check: Check) -> Check {
    let timing = CheckTiming { retry: 2, ..check.timing };
    Check { timing, ..check }
}

#[test]
fn a_server_found_good_has_its_retries_also_with_another_check() {
    let with =
        |check: Check| config(vec![service(VS, vec![RealServer { checks: vec![check], ..server(A) }])]);
    let mut bench = Bench::new(with(tcp(A)));
    bench.round(&[]);
    bench.events();
    bench.reload(with(patient(tcp(A))));
    bench.round(&[(A, refused())]);
    assert_eq!((bench.events(), bench.dests(VS)), (vec![], vec!["192.0.2.1:80 1".to_owned()]));
    bench.round(&[(A, refused())]);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), Vec::<String>::new());
}

#[test]
fn a_server_never_found_good_has_none() {
    let with = |checks| config(vec![service(VS, vec![RealServer { checks, ..server(A) }])]);
    for before in [vec![], vec![slower(tcp(A))]] {
        let mut bench = Bench::new(with(before));
        bench.reload(with(vec![patient(tcp(A))]));
        bench.round(&[(A, refused())]);
        assert_eq!(bench.dests(VS), Vec::<String>::new());
    }
}

#[test]
fn a_server_that_an_earlier_process_had_in_the_table_has_its_retries() {
    let with = config(vec![service(VS, vec![RealServer { checks: vec![patient(tcp(A))], ..server(A) }])]);
    let standing = Bench::new(with.clone()).health.desired_table();
    let mut bench = Bench::adopting(with, &standing);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.dests(VS), ["192.0.2.1:80 1"]);
}
