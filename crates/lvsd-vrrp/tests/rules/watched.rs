//! Tracked files, processes and BFD sessions, and what else is a fault or makes a router deaf.

use std::time::Duration;

use lvsd_model::{
    OldUnicastChecksum, ParamMatch, Preempt, TrackFile, TrackProcess, TrackWeight, TrackedBfd, TrackedFile,
    TrackedProcess, TrackedService, Transport, VrrpConfig,
};
use lvsd_vrrp::wire::Reject;
use lvsd_vrrp::{Cause, Fault, Reception, State, Tracker};

use crate::support::{HIGH, Host, at, effect, instance, only, priority, reversed};

fn with_file(base: u8, effect: TrackWeight) -> VrrpConfig {
    let mut config = only(instance("vi", 1, base));
    let own = TrackWeight { weight: 1, reverse: false };
    config.files = vec![TrackFile { name: "f".to_owned(), path: "/f".to_owned(), effect: own, init: None }];
    config.instances[0].trackers.files = vec![TrackedFile { file: "f".to_owned(), effect }];
    config
}

fn process() -> TrackProcess {
    TrackProcess {
        name: "p".to_owned(),
        program: "nginx".to_owned(),
        arguments: Vec::new(),
        matching: ParamMatch::Any,
        full_command: false,
        quorum: 1,
        quorum_max: None,
        terminate_delay: Duration::ZERO,
        fork_delay: Duration::ZERO,
        effect: TrackWeight::default(),
    }
}

fn with_process(base: u8, effect: TrackWeight) -> VrrpConfig {
    let mut config = only(instance("vi", 1, base));
    config.processes = vec![process()];
    config.instances[0].trackers.processes = vec![TrackedProcess { process: "p".to_owned(), effect }];
    config
}

fn file_says(host: &mut Host, value: i64) -> (State, u8) {
    host.router.file_value(at(host.now), "f", value);
    (host.state(), host.priority())
}

#[test]
fn the_number_in_a_file_counts_times_the_weight() {
    use State::{Backup, Fault};
    for (weight, value, expected) in [
        (effect(1), 20, (Backup, 120)),
        (effect(1), -20, (Backup, 80)),
        (effect(3), 20, (Backup, 160)),
        (effect(-2), 20, (Backup, 60)),
        (reversed(2), 20, (Backup, 60)),
        (effect(1), 9999, (Backup, 254)),
        (effect(1), -253, (Backup, 1)),
        (effect(1), -254, (Fault, 100)),
        (effect(-254), 1, (Fault, 100)),
        (effect(254), i64::MAX, (Backup, 254)),
        (effect(0), 0, (Backup, 100)),
        (effect(0), 7, (Fault, 100)),
        (effect(0), -7, (Fault, 100)),
        (reversed(0), 0, (Fault, 100)),
        (reversed(0), 7, (Backup, 100)),
    ] {
        let mut host = Host::start(with_file(100, weight));
        assert_eq!(file_says(&mut host, value), expected, "{weight:?} {value}");
    }
}

#[test]
fn a_fault_by_a_file_passes_with_its_number() {
    let mut host = Host::start(with_file(100, effect(0)));
    file_says(&mut host, 1);
    assert_eq!(host.view().faults, [Fault::Tracker(Tracker::File("f".to_owned()))]);
    assert_eq!(file_says(&mut host, 0), (State::Backup, 100));
}

#[test]
fn a_start_waits_for_the_first_look() {
    let mut host = Host::start(with_file(100, effect(0)));
    assert_eq!(host.state(), State::Init);
    assert_eq!(file_says(&mut host, 0).0, State::Backup);
    let mut host = Host::start(with_process(100, effect(0)));
    assert_eq!((host.state(), host.view().awaited.len()), (State::Init, 1));
    host.router.process_quorum(at(host.now), "p", true);
    assert_eq!(host.state(), State::Backup);
    // A weight does not decide about FAULT, so it is not waited for without end.
    let mut host = Host::start(with_process(100, effect(20)));
    assert_eq!(host.state(), State::Init);
    host.run(Duration::from_secs(2));
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn processes_weigh_like_scripts() {
    for (weight, when_ok, when_failed) in
        [(effect(20), 120, 100), (effect(-20), 100, 80), (reversed(20), 80, 100), (reversed(-20), 100, 120)]
    {
        let mut host = Host::start(with_process(100, weight));
        host.router.process_quorum(at(host.now), "p", true);
        assert_eq!(host.priority(), when_ok, "{weight:?}");
        host.router.process_quorum(at(host.now), "p", false);
        assert_eq!(host.priority(), when_failed, "{weight:?}");
    }
    let mut host = Host::start(with_process(100, effect(0)));
    host.router.process_quorum(at(host.now), "p", false);
    assert_eq!(host.view().faults, [Fault::Tracker(Tracker::Process("p".to_owned()))]);
}

fn with_service(base: u8, effect: TrackWeight) -> VrrpConfig {
    let mut config = only(instance("vi", 1, base));
    config.instances[0].trackers.services = vec![TrackedService { service: "web".to_owned(), effect }];
    config
}

fn with_session(base: u8, effect: TrackWeight) -> VrrpConfig {
    let mut config = only(instance("vi", 1, base));
    config.instances[0].trackers.sessions = vec![TrackedBfd { session: "s".to_owned(), effect }];
    config
}

#[test]
fn quorums_weigh_like_scripts() {
    for (weight, when_met, when_lost) in
        [(effect(20), 120, 100), (effect(-20), 100, 80), (reversed(20), 80, 100), (reversed(-20), 100, 120)]
    {
        let mut host = Host::start(with_service(100, weight));
        host.router.service_quorum(at(host.now), "web", true);
        assert_eq!(host.priority(), when_met, "{weight:?}");
        host.router.service_quorum(at(host.now), "web", false);
        assert_eq!(host.priority(), when_lost, "{weight:?}");
    }
}

#[test]
fn bfd_sessions_weigh_like_scripts() {
    for (weight, when_up, when_down) in
        [(effect(20), 120, 100), (effect(-20), 100, 80), (reversed(20), 80, 100), (reversed(-20), 100, 120)]
    {
        let mut host = Host::start(with_session(100, weight));
        host.router.bfd_session(at(host.now), "s", true);
        assert_eq!(host.priority(), when_up, "{weight:?}");
        host.router.bfd_session(at(host.now), "s", false);
        assert_eq!(host.priority(), when_down, "{weight:?}");
    }
}

#[test]
fn a_quorum_without_weight_decides_about_fault_and_about_the_start() {
    let mut host = Host::start(with_service(100, effect(0)));
    host.run(Duration::from_secs(60));
    assert_eq!(host.state(), State::Init);
    host.router.service_quorum(at(host.now), "web", true);
    assert_eq!(host.state(), State::Backup);
    host.router.service_quorum(at(host.now), "web", false);
    assert_eq!(host.state(), State::Fault);
    assert_eq!(host.view().faults, [Fault::Tracker(Tracker::Service("web".to_owned()))]);
    // What is known stays known over a reload, as long as somebody wants to know it.
    host.reload(with_service(90, effect(20)));
    assert_eq!((host.state(), host.priority()), (State::Backup, 90));
    host.router.service_quorum(at(host.now), "web", true);
    assert_eq!(host.priority(), 110);
    host.reload(only(instance("vi", 1, 90)));
    host.reload(with_service(90, effect(20)));
    assert_eq!(host.priority(), 90);
}

#[test]
fn a_bfd_session_without_weight_decides_about_fault_and_about_the_start() {
    let mut host = Host::start(with_session(100, effect(0)));
    host.run(Duration::from_secs(60));
    assert_eq!(host.state(), State::Init);
    host.router.bfd_session(at(host.now), "s", true);
    assert_eq!(host.state(), State::Backup);
    host.router.bfd_session(at(host.now), "s", false);
    assert_eq!(host.state(), State::Fault);
    assert_eq!(host.view().faults, [Fault::Tracker(Tracker::Bfd("s".to_owned()))]);
    // What is known stays known over a reload, whatever else changes.
    host.reload(with_session(90, effect(20)));
    assert_eq!((host.state(), host.priority()), (State::Backup, 90));
    host.router.bfd_session(at(host.now), "s", true);
    assert_eq!(host.priority(), 110);
    // Nobody who tracks it any more: what was known is forgotten.
    host.reload(only(instance("vi", 1, 90)));
    host.reload(with_session(90, effect(20)));
    assert_eq!(host.priority(), 90);
}

#[test]
fn what_is_known_is_carried_over_a_reload() {
    let mut host = Host::start(with_file(100, effect(1)));
    file_says(&mut host, 20);
    let mut heavier = with_file(100, effect(2));
    host.reload(heavier.clone());
    assert_eq!(host.priority(), 140, "the same file");
    heavier.files[0].path = "/g".to_owned();
    host.reload(heavier);
    assert_eq!(host.priority(), 100, "another file, not looked at yet");

    let mut host = Host::start(with_process(100, effect(20)));
    host.router.process_quorum(at(host.now), "p", true);
    host.reload(with_process(90, effect(30)));
    assert_eq!(host.priority(), 120, "the same processes");
    let mut more = with_process(90, effect(30));
    more.processes[0].quorum = 2;
    host.reload(more);
    assert_eq!(host.priority(), 90, "another quorum, not counted yet");
}

#[test]
fn names_that_nobody_tracks_are_ignored() {
    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.router.file_value(at(host.now), "f", -254);
    host.router.process_quorum(at(host.now), "p", false);
    host.router.service_quorum(at(host.now), "web", false);
    host.router.bfd_session(at(host.now), "s", false);
    assert_eq!((host.state(), host.priority()), (State::Backup, 100));
}

#[test]
fn unicast_without_a_peer_is_a_fault() {
    let mut config = instance("vi", 1, 100);
    let old_checksum = OldUnicastChecksum::Detect;
    config.transport = Transport::Unicast { peers: Vec::new(), ttl: 255, check_source: false, old_checksum };
    let host = Host::start(only(config));
    assert_eq!((host.state(), host.view().faults), (State::Fault, [Fault::NoPeer].as_slice()));
}

#[test]
fn an_owner_may_be_deaf() {
    let mut config = instance("vi", 1, 255);
    config.owner_ignores_adverts = true;
    let mut host = Host::start(only(config.clone()));
    assert_eq!(host.state(), State::Master);
    let heard = host.hear(HIGH, 255);
    assert!(matches!(heard, Reception::Rejected { reject: Reject::OwnerIgnores, .. }), "{heard:?}");
    assert_eq!((host.state(), host.view().rejected.owner_ignored), (State::Master, 1));
    // Who is no owner listens, whatever the keyword says.
    config.priority = priority(100);
    let mut host = Host::start(only(config));
    assert!(matches!(host.hear(HIGH, 150), Reception::Accepted { .. }));
}

/// `timer_expired_backup 200`: the master's advert is due after 1 s; a backup of priority 200 takes over 3.21875 s after the last.
#[test]
fn a_master_that_is_too_late_gives_way() {
    let mut config = instance("vi", 1, 100);
    config.preempt = Preempt::Never;
    for (late_backup, late, state) in [
        (Some(200), 2_218, State::Master),
        (Some(200), 2_219, State::Backup),
        (None, 2_219, State::Master),
        (None, 60_000, State::Master),
    ] {
        config.late_backup = late_backup.map(priority);
        let mut host = Host::master(config.clone());
        host.now = host.deadline() + Duration::from_millis(late);
        host.router.handle_timeout(at(host.now));
        assert_eq!(host.state(), state, "{late_backup:?} {late}");
        let told = host.told();
        if state == State::Backup {
            assert_eq!(
                told,
                ["release".to_owned(), format!("MASTER>BACKUP {:?}", Cause::Late)],
                "no advert, no resignation"
            );
        }
    }
}
