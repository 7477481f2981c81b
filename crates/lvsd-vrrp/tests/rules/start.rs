//! INIT, FAULT, the start and the end.

use std::time::Duration;

use lvsd_model::{AdvertInterval, Family, InitialState, Trackers, Transport, Version};
use lvsd_vrrp::{
    Action, Fault, LinkState, Outcome, Output, Presence, Router, ShutdownMode, State, Time, Timer, Tracker,
};

use crate::support::{
    HIGH, Host, SECOND, at, effect, instance, ip, link, micros, millis, only, script, track_script, unicast,
    vip,
};

#[test]
fn priority_100_waits_the_full_down_interval_even_with_state_master() {
    for initial in [InitialState::Backup, InitialState::Master] {
        let mut config = instance("vi", 1, 100);
        config.initial = initial;
        let mut host = Host::start(only(config));
        assert_eq!(host.told(), ["INIT>BACKUP Started"]);
        assert_eq!(host.deadline(), micros(3_609_375));
        host.run_until(micros(3_609_374));
        assert_eq!(host.state(), State::Backup);
        host.run_until(micros(3_609_375));
        assert_eq!(
            host.told(),
            ["send 100", "hold", "announce 5 BecameMaster", "BACKUP>MASTER MasterSilent"]
        );
    }
}

#[test]
fn owner_is_master_at_once() {
    let mut host = Host::start(only(instance("vi", 1, 255)));
    assert_eq!(host.now, Duration::ZERO);
    assert_eq!(host.told(), ["send 255", "hold", "announce 5 BecameMaster", "INIT>MASTER Owner"]);
}

#[test]
fn version_2_skews_by_the_second_whatever_its_interval() {
    let mut config = instance("vi", 1, 200);
    config.version = Version::V2;
    config.advert_interval = AdvertInterval::v2(4).expect("in range");
    let mut host = Host::start(only(config));
    assert_eq!(host.deadline(), micros(12_218_750));
}

#[test]
fn down_timer_adverts_replaces_three() {
    let mut config = instance("vi", 1, 100);
    config.down_timer_adverts = 10;
    assert_eq!(Host::start(only(config)).deadline(), micros(10_609_375));
}

#[test]
fn nobody_takes_part_before_the_startup_delay_ends() {
    for (base, state_then) in [(100, State::Backup), (255, State::Master)] {
        let mut host = Host::start_delayed(only(instance("vi", 1, base)), SECOND * 10);
        assert_eq!(host.state(), State::Init);
        host.run_until(SECOND * 4);
        host.hear(HIGH, 200);
        host.run_until(micros(9_999_999));
        assert_eq!((host.state(), host.told().len()), (State::Init, 0));
        host.run_until(SECOND * 10);
        assert_eq!(host.state(), state_then);
    }
    let mut host = Host::start_delayed(only(instance("vi", 1, 100)), SECOND * 10);
    host.run_until(SECOND * 10);
    assert_eq!(host.deadline(), micros(13_609_375));
}

#[test]
fn faulty_from_the_start_is_told_as_fault() {
    let mut host = Host { config: only(instance("vi", 1, 100)), ..Host::start(only(instance("x", 9, 1))) };
    host.link("eth0", LinkState::Down);
    host.outputs();
    host.reload(only(instance("vi", 1, 100)));
    assert!(host.told().contains(&"INIT>FAULT Faulty".to_owned()));
    assert_eq!(host.view().timer, Timer::None);
}

#[test]
fn master_with_a_fault_resigns_once_and_comes_back_as_backup() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.link("eth0", LinkState::Down);
    assert_eq!(host.told(), ["send 0", "release", "MASTER>FAULT Faulty"]);
    assert_eq!(host.view().adverts.priority_zero_sent, 1);
    assert_eq!(host.view().faults, [Fault::LinkDown(link("eth0"))]);
    host.run(SECOND * 20);
    host.hear(HIGH, 0);
    assert_eq!((host.state(), host.told().len()), (State::Fault, 0));
    let back = host.now;
    host.link("eth0", LinkState::Up);
    assert_eq!(host.told(), ["FAULT>BACKUP Recovered"]);
    assert_eq!(host.deadline(), back + micros(3_609_375));
}

#[test]
fn owner_comes_back_after_one_interval_and_its_skew() {
    let mut host = Host::start(only(instance("vi", 1, 255)));
    host.link("eth0", LinkState::Down);
    host.link("eth0", LinkState::Up);
    assert_eq!(host.state(), State::Backup);
    assert_eq!(host.deadline(), Duration::from_nanos(1_003_906_250));
}

#[test]
fn without_a_source_address_nothing_can_be_sent() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.address(None);
    assert_eq!(
        host.told(),
        ["send 0", "release", "MASTER>FAULT Faulty"],
        "the farewell leaves from where it was"
    );
    assert_eq!(host.view().faults, [Fault::NoSource]);
    host.address(Some("10.0.0.6"));
    assert_eq!((host.state(), host.view().source), (State::Backup, Some(ip("10.0.0.6"))));

    // The kernel writes IPv6 headers, and only with addresses that it has.
    let mut six = instance("vi", 1, 100);
    (six.family, six.addresses) = (Family::V6, vec![vip("fe80::7")]);
    six.transport = Transport::Multicast { group: Transport::default_group(Family::V6) };
    let mut router = Router::new(Time::ZERO);
    router.link(Time::ZERO, &link("eth0"), LinkState::Up);
    router.interface_address(Time::ZERO, &link("eth0"), Family::V6, Some(ip("fe80::5")));
    router.apply(Time::ZERO, &only(six));
    let now = router.poll_timeout().expect("a deadline");
    router.handle_timeout(now);
    while router.poll_output().is_some() {}
    router.interface_address(now, &link("eth0"), Family::V6, None);
    let sends = |output| matches!(output, Output::Instance { action: Action::Send(_), .. });
    assert!(!std::iter::from_fn(|| router.poll_output()).any(sends));
}

#[test]
fn configured_source_needs_no_address_on_the_interface() {
    let mut config = instance("vi", 1, 100);
    config.source = Some(ip("10.0.0.77"));
    let mut host = Host::start(only(config));
    host.address(None);
    assert_eq!((host.state(), host.view().source), (State::Backup, Some(ip("10.0.0.77"))));
}

#[test]
fn instance_without_interface_takes_the_source_it_is_told() {
    let mut config = unicast(instance("vi", 1, 100), &["192.0.2.9"]);
    config.interface = None;
    let mut host = Host::start(only(config));
    assert_eq!(host.view().faults, [Fault::NoSource]);
    let id = host.id("vi");
    host.router.instance_source(at(host.now), id, Some(ip("192.0.2.1")));
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn unicast_instance_tells_where_it_is_after_a_fault() {
    let mut host = Host::start(only(unicast(instance("vi", 1, 100), &[HIGH])));
    assert_eq!(host.told(), ["INIT>BACKUP Started"]);
    host.link("eth0", LinkState::Down);
    host.link("eth0", LinkState::Up);
    assert_eq!(host.told(), ["BACKUP>FAULT Faulty", "FAULT>BACKUP Recovered", "announce 1 Recovered"]);
}

#[test]
fn faults_are_a_set() {
    let mut config = instance("vi", 1, 100);
    config.addresses[0].interface = Some(link("eth1"));
    let mut untracked = vip("10.0.2.1");
    untracked.interface = Some(link("eth2"));
    untracked.no_track = true;
    config.excluded = vec![untracked];
    let mut host = Host::start(only(config));
    host.address(None);
    assert_eq!(host.view().faults, [Fault::LinkDown(link("eth1")), Fault::NoSource]);
    host.link("eth1", LinkState::Up);
    assert_eq!((host.state(), host.view().faults), (State::Fault, [Fault::NoSource].as_slice()));
    host.address(Some(HIGH));
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn own_interface_can_be_ignored() {
    let mut config = instance("vi", 1, 100);
    config.ignore_own_interface = true;
    let mut host = Host::start(only(config));
    host.link("eth0", LinkState::Down);
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn script_of_weight_0_is_waited_for() {
    let mut config = only(instance("vi", 1, 100));
    config.scripts = vec![script("chk")];
    config.instances[0].trackers =
        Trackers { scripts: vec![track_script("chk", effect(0))], ..Trackers::default() };
    for (outcome, state) in [
        (Outcome::Success, State::Backup),
        (Outcome::Failure, State::Fault),
        (Outcome::TimedOut, State::Fault),
        (Outcome::Disabled, State::Backup),
    ] {
        let mut host = Host::start(config.clone());
        host.run(SECOND * 3600);
        assert_eq!((host.state(), host.told().len()), (State::Init, 0), "not notified");
        assert_eq!(host.view().awaited, [Tracker::Script("chk".to_owned())]);
        host.script("chk", outcome);
        assert_eq!(host.state(), state, "{outcome:?}");
    }
}

#[test]
fn weighted_scripts_are_waited_for_but_not_for_long() {
    let mut config = only(instance("vi", 1, 100));
    config.scripts = vec![script("a"), script("b")];
    config.instances[0].trackers.scripts = vec![track_script("a", effect(3)), track_script("b", effect(3))];
    let mut host = Host::start(config.clone());
    host.run(millis(20));
    host.script("a", Outcome::Success);
    assert_eq!((host.state(), host.priority()), (State::Init, 103));
    host.script("b", Outcome::Success);
    assert_eq!((host.state(), host.priority()), (State::Backup, 106));
    assert_eq!(host.deadline(), millis(20) + micros(3_585_937) + Duration::from_nanos(500));

    let mut host = Host::start(config.clone());
    host.run_until(micros(1_099_999));
    assert_eq!(host.state(), State::Init);
    host.run_until(millis(1_100));
    assert_eq!(host.state(), State::Backup, "timeout of the slowest script and a little");

    config.scripts[1].timeout = SECOND * 60;
    let mut host = Host::start(config);
    host.run_until(micros(3_609_374));
    assert_eq!(host.state(), State::Init);
    host.run_until(micros(3_609_375));
    assert_eq!(host.state(), State::Backup, "no longer than the down interval");
}

#[test]
fn script_that_fails_until_proven_is_not_waited_for() {
    let mut config = only(instance("vi", 1, 100));
    config.scripts = vec![script("chk")];
    config.scripts[0].init_fail = true;
    config.instances[0].trackers.scripts = vec![track_script("chk", effect(-10))];
    let host = Host::start(config);
    assert_eq!((host.state(), host.priority()), (State::Backup, 90));
}

#[test]
fn shutdown_resigns_and_tells_everybody() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.router.shutdown(at(host.now), ShutdownMode::Resign);
    assert_eq!(host.told(), ["send 0", "release", "MASTER>INIT Shutdown"]);
    host.hear(HIGH, 0);
    host.link("eth0", LinkState::Down);
    host.run(SECOND * 100);
    host.router.shutdown(at(host.now), ShutdownMode::Resign);
    assert_eq!((host.router.poll_timeout(), host.told().len()), (None, 0), "nothing happens after the end");

    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.link("eth0", LinkState::Down);
    host.outputs();
    host.router.shutdown(at(host.now), ShutdownMode::Resign);
    assert_eq!(host.told(), ["FAULT>INIT Shutdown"]);
}

#[test]
fn shutdown_can_leave_everything_as_it_is() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.router.shutdown(at(host.now), ShutdownMode::KeepAddresses);
    assert_eq!(host.told(), ["MASTER>INIT Shutdown"]);
}

#[test]
fn a_source_that_is_tracked_has_to_be_there() {
    let mut config = instance("vi", 1, 100);
    config.source = Some(ip("10.0.0.77"));
    let host = Host::start(only(config.clone()));
    assert_eq!(host.state(), State::Backup, "it need not exist");
    config.track_source = true;
    let mut host = Host { config: only(config), ..host };
    let config = host.config.clone();
    host.reload(config);
    assert_eq!(host.view().faults, [Fault::SourceGone(ip("10.0.0.77"))]);
    host.router.source_present(at(host.now), ip("10.0.0.78"), Presence::There);
    assert_eq!(host.state(), State::Fault, "another address");
    host.router.source_present(at(host.now), ip("10.0.0.77"), Presence::There);
    assert_eq!(host.state(), State::Backup);
    host.router.source_present(at(host.now), ip("10.0.0.77"), Presence::Gone);
    assert_eq!(host.state(), State::Fault);
}

#[test]
fn a_unicast_instance_in_a_vrf_hears_by_it_and_needs_it() {
    let mut config = unicast(instance("vi", 1, 100), &[HIGH]);
    config.interface = None;
    config.vrf = Some(link("blue"));
    config.source = Some(ip(crate::support::OWN));
    let mut host = Host::start(only(config.clone()));
    assert_eq!(host.view().faults, [Fault::LinkDown(link("blue"))]);
    host.link("blue", LinkState::Up);
    assert_eq!(host.state(), State::Backup);
    assert_eq!(host.hear_unbound(&config, HIGH, 200), lvsd_vrrp::Reception::Unknown);
    assert!(matches!(host.hear_on("blue", &config, HIGH, 200), lvsd_vrrp::Reception::Accepted { .. }));
}
