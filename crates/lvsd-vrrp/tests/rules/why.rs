//! Every decision is remembered with its reason.

use lvsd_model::{Preempt, VrrpConfig};
use lvsd_vrrp::wire::Membership;
use lvsd_vrrp::{LinkState, Outcome};

use crate::support::{HIGH, Host, LOW, SECOND, effect, instance, only, script, track_script};

/// The journal of the first instance as sentences, with counts where something was decided more than once.
fn why(host: &Host) -> Vec<String> {
    let view = host.view();
    let line = |entry: &&lvsd_vrrp::JournalEntry| match entry.count {
        1 => entry.reason.to_string(),
        count => format!("{} (x{count})", entry.reason),
    };
    view.journal().iter().map(line).collect()
}

#[test]
fn a_master_that_is_left_alone_is_explained() {
    let mut config = instance("vi", 1, 101);
    config.preempt = Preempt::Never;
    let mut host = Host::start(only(config));
    for second in 1..4 {
        host.run_until(SECOND * second);
        host.hear("10.0.0.2", 99);
    }
    assert_eq!(
        why(&host),
        [
            "INIT to BACKUP: started; priority 101",
            "heard 10.0.0.2 priority 99 < mine 101, but nopreempt (x3)",
        ]
    );
}

#[test]
fn a_takeover_names_who_was_silent_and_for_how_long() {
    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.run_until(SECOND);
    host.hear(HIGH, 150);
    host.run(SECOND * 4);
    host.hear(HIGH, 150);
    host.hear(LOW, 0);
    assert_eq!(
        why(&host),
        [
            "INIT to BACKUP: started; priority 100",
            "heard 10.0.0.9 priority 150 > mine 100 (x2)",
            "BACKUP to MASTER: no advert for 3.61 s; the last was of 10.0.0.9 with priority 150, 3.61 s ago; priority 100",
            "MASTER to BACKUP: heard 10.0.0.9 with priority 150, which is higher; priority 100",
            "10.0.0.1 resigned",
        ]
        .map(str::to_owned)
        .into_iter()
        .map(|line| line.replace(" (x2)", ""))
        .collect::<Vec<_>>()
    );
}

#[test]
fn a_departure_and_its_end_are_told() {
    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.hear(HIGH, 150);
    host.hear_membership(HIGH, Membership::Left);
    host.hear_membership(HIGH, Membership::Member);
    host.hear_membership(HIGH, Membership::Left);
    host.run(SECOND * 3);
    assert_eq!(
        why(&host)[2..],
        [
            "10.0.0.9 left the multicast group; it is replaced if it misses an advert (x2)",
            "10.0.0.9 joined the multicast group again",
            "BACKUP to MASTER: 10.0.0.9 left 224.0.0.18 and missed an advert; its last was 2.11 s ago; priority 100",
        ]
    );
}

#[test]
fn a_priority_is_told_with_what_makes_it() {
    let mut config = instance("vi", 1, 101);
    config.preempt = Preempt::Never;
    config.trackers.scripts = vec![track_script("web", effect(-2)), track_script("db", effect(10))];
    let scripts = vec![script("web"), script("db")];
    let mut host = Host::start(VrrpConfig { instances: vec![config], scripts, ..VrrpConfig::default() });
    assert_eq!(why(&host), ["waits for the first result of web, db"]);
    host.script("web", Outcome::Failure);
    host.script("db", Outcome::Success);
    host.run(SECOND * 5);
    host.script("db", Outcome::Failure);
    let lines = why(&host);
    assert_eq!(lines[2], "INIT to BACKUP: started; priority 109 = 101 - 2 (script web) + 10 (script db)");
    assert_eq!(
        lines.last().expect("not empty"),
        "trackers lowered its priority from 109 to 99, but it resigns for that only with resign_on_priority_drop"
    );
}

#[test]
fn faults_are_listed() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.address(None);
    host.link("eth0", LinkState::Down);
    assert_eq!(
        why(&host).last().expect("not empty"),
        "MASTER to FAULT: no source address for adverts; priority 100"
    );
}
