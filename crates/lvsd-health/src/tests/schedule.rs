//! When checks run, and for whom.

use super::*;

const A: &str = "192.0.2.1:80";

fn with_warmup(check: Check, seconds: u64) -> Check {
    let timing = CheckTiming { warmup: Duration::from_secs(seconds), ..check.timing };
    Check { timing, ..check }
}

/// When each of a hundred servers is checked first.
fn first_runs(seed: u64) -> Vec<Time> {
    let reals = (1..=100).map(|host| {
        let at = format!("192.0.2.{host}:80");
        RealServer { checks: vec![with_warmup(tcp(&at), 60)], ..server(&at) }
    });
    let mut health = Health::new(seed);
    health.apply(at(1000), config(vec![service("10.0.0.1:80", reals.collect())]), &Table::new());
    let mut times = Vec::new();
    while let Some(time) = health.poll_timeout() {
        times.push(time);
        health.poll_due(time).expect("due at its time");
    }
    times
}

#[test]
fn first_runs_are_spread_over_the_warmup() {
    let times = first_runs(1);
    assert_eq!(times.len(), 100);
    assert!(times.iter().all(|&time| time >= at(1000) && time < at(1060)));
    let early = times.iter().filter(|&&time| time < at(1030)).count();
    assert!((30..=70).contains(&early), "{early} of 100 in the first half");
}

#[test]
fn the_spread_depends_on_the_seed_alone() {
    assert_eq!(first_runs(1), first_runs(1));
    assert_ne!(first_runs(1), first_runs(2));
}

#[test]
fn identical_checks_run_once_and_fan_out() {
    let services = (1..=50).map(|host| service(&format!("10.0.0.{host}:80"), vec![server(A)])).collect();
    let mut bench = Bench::new(config(services));
    bench.health.take_changed();
    assert_eq!(bench.health.check_count(), 1);
    bench.start();
    assert_eq!(bench.running[A].len(), 1);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.health.take_changed().len(), 50);
    assert_eq!(bench.events().len(), 100);
}

#[test]
fn checks_that_differ_in_anything_are_different_checks() {
    let slower = CheckTiming { interval: Duration::from_secs(11), ..timing() };
    let other = Check { timing: slower, ..tcp(A) };
    let reals = vec![RealServer { checks: vec![tcp(A), other, alpha(tcp(A))], ..server(A) }];
    assert_eq!(Bench::new(config(vec![service("10.0.0.1:80", reals)])).health.check_count(), 3);
}

#[test]
fn a_program_is_run_for_each_server_that_has_it() {
    let with_program = |at: &str| RealServer { checks: vec![misc("load")], ..server(at) };
    let services = vec![
        service("10.0.0.1:80", vec![with_program(A), with_program("192.0.2.2:80")]),
        service("10.0.0.2:80", vec![with_program(A)]),
    ];
    assert_eq!(Bench::new(config(services)).health.check_count(), 2);
}

#[test]
fn a_running_check_is_not_started_again() {
    let mut bench = Bench::new(config(vec![service("10.0.0.1:80", vec![server(A)])]));
    bench.start();
    bench.now = at(100);
    bench.start();
    assert_eq!(bench.running[A].len(), 1);
    assert_eq!(bench.health.poll_timeout(), None);
    bench.health.finish(bench.now, bench.running[A][0], &refused());
    assert_eq!(bench.health.poll_timeout(), Some(at(100)), "overdue, so at once");
}

#[test]
fn one_check_twice_on_one_server_is_harmless() {
    let reals = vec![RealServer { checks: vec![tcp(A), tcp(A)], ..server(A) }];
    let mut bench = Bench::new(config(vec![service("10.0.0.1:80", reals)]));
    assert_eq!(bench.health.check_count(), 1);
    bench.round(&[(A, refused())]);
    assert_eq!(bench.events().len(), 2);
}

#[test]
fn outcomes_of_checks_that_are_gone_are_ignored() {
    let mut bench = Bench::new(config(vec![service("10.0.0.1:80", vec![server(A)])]));
    bench.start();
    let id = bench.running[A][0];
    bench.reload(config(vec![service("10.0.0.1:80", vec![server("192.0.2.2:80")])]));
    bench.health.take_changed();
    bench.health.finish(at(1), id, &refused());
    assert_eq!(bench.events(), Vec::<String>::new());
    assert!(bench.health.take_changed().is_empty());
}
