//! A master whose host has left the multicast group.

use std::time::Duration;

use lvsd_model::{AdvertInterval, Family, Instance, Preempt, TrackInterface, Version, VrrpConfig};
use lvsd_vrrp::wire::Membership::{Left, Member};
use lvsd_vrrp::wire::MembershipReject;
use lvsd_vrrp::{LinkState, State};

use crate::support::{
    HIGH, Host, LOW, SECOND, at, effect, group, instance, link, micros, millis, only, track_link, unicast,
};

/// One and a half intervals, and the skew of priority 100.
const LEFT: Duration = micros(1_500_000 + 609_375);
const DOWN: Duration = micros(3_609_375);

fn backup(edit: impl FnOnce(&mut Instance)) -> Host {
    let mut config = instance("vi", 1, 100);
    edit(&mut config);
    let mut host = Host::start(only(config));
    host.outputs();
    host
}

/// A backup that has heard its master after one second.
fn led(edit: impl FnOnce(&mut Instance)) -> Host {
    let mut host = backup(edit);
    host.run_until(SECOND);
    host.hear(HIGH, 200);
    host
}

#[test]
fn one_missed_advert_is_enough_after_the_master_has_left() {
    let mut host = led(|_| {});
    host.run(millis(10));
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND + LEFT);
    assert_eq!(host.told(), Vec::<String>::new());
    host.run_until(SECOND + LEFT);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterLeft");
    assert_eq!(host.view().adverts.departures, 1);
}

#[test]
fn the_interval_is_the_masters() {
    let mut host = backup(|_| {});
    let mut master = instance("vi", 1, 200);
    master.advert_interval = AdvertInterval::v3(20).expect("in range");
    host.hear_from(&master, HIGH, 200);
    host.hear_membership(HIGH, Left);
    // Skew_Time goes by the master's interval, too, in version 3.
    assert_eq!(host.deadline(), millis(300) + micros(121_875));
}

#[test]
fn version_2_has_the_skew_of_a_second() {
    let mut host = led(|config| {
        config.version = Version::V2;
        config.advert_interval = AdvertInterval::v2(4).expect("in range");
    });
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND + SECOND * 6 + micros(609_375));
}

#[test]
fn a_report_that_comes_late_makes_nothing_earlier_than_now() {
    let mut host = led(|_| {});
    host.run_until(SECOND * 4);
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND * 4);
    host.run(Duration::ZERO);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterLeft");
}

#[test]
fn it_never_takes_longer_than_silence_alone() {
    let mut host = led(|config| config.down_timer_adverts = 1);
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND + micros(1_609_375));
    host.run(SECOND * 2);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterSilent");
}

#[test]
fn without_a_missed_advert_nobody_moves() {
    let mut host = led(|_| {});
    for second in 2..20 {
        host.hear_membership(HIGH, Left);
        host.run_until(SECOND * second);
        host.hear(HIGH, 200);
        assert_eq!(host.deadline(), SECOND * second + DOWN);
    }
    assert_eq!(host.told(), Vec::<String>::new());
}

#[test]
fn a_host_that_joins_again_is_given_the_whole_interval() {
    let mut host = led(|_| {});
    host.hear_membership(HIGH, Left);
    host.hear_membership(HIGH, Member);
    assert_eq!(host.deadline(), SECOND + DOWN);
}

#[test]
fn only_the_master_counts_and_only_its_group() {
    let mut host = led(|_| {});
    host.hear_membership(LOW, Left);
    host.hear_membership_of("224.0.0.19", HIGH, Left);
    assert_eq!(host.deadline(), SECOND + DOWN);
    host.hear_membership(HIGH, Left);
    host.hear_membership(LOW, Member);
    assert_eq!(host.deadline(), SECOND + LEFT);
    // Another master has spoken since.
    host.hear(LOW, 201);
    assert_eq!(host.deadline(), SECOND + DOWN);
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND + DOWN);
}

#[test]
fn it_can_be_turned_off_and_means_nothing_over_unicast() {
    let mut host = led(|config| config.leave_detection = false);
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND + DOWN);
    let mut host = led(|config| *config = unicast(config.clone(), &[HIGH]));
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND + DOWN);
}

#[test]
fn after_a_resignation_there_is_no_master_to_leave() {
    let mut host = led(|_| {});
    host.hear(HIGH, 0);
    let deadline = host.deadline();
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), deadline);
    assert_eq!(host.view().adverts.departures, 0);
}

#[test]
fn what_was_heard_before_a_fault_is_no_missed_advert() {
    let mut host = led(|_| {});
    host.link("eth0", LinkState::Down);
    host.hear_membership(HIGH, Left);
    host.run_until(SECOND * 60);
    host.link("eth0", LinkState::Up);
    assert_eq!(host.state(), State::Backup);
    host.hear_membership(HIGH, Left);
    assert_eq!(host.deadline(), SECOND * 60 + DOWN);
}

#[test]
fn a_master_and_one_that_has_not_started_do_not_care() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.hear(HIGH, 50);
    host.outputs();
    let deadline = host.deadline();
    host.hear_membership(HIGH, Left);
    assert_eq!((host.state(), host.deadline()), (State::Master, deadline));

    let mut host = Host::start_delayed(only(instance("vi", 1, 100)), SECOND * 5);
    host.hear(HIGH, 200);
    host.hear_membership(HIGH, Left);
    assert_eq!((host.state(), host.deadline()), (State::Init, SECOND * 5));
}

#[test]
fn a_lower_master_that_leaves_is_replaced_with_nopreempt_too() {
    let mut host = backup(|config| config.preempt = Preempt::Never);
    host.hear(LOW, 1);
    host.hear_membership(LOW, Left);
    host.run(LEFT);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterLeft");
}

#[test]
fn a_machine_that_slept_through_it_listens_first() {
    let mut host = led(|_| {});
    host.hear_membership(HIGH, Left);
    host.now = SECOND * 60;
    host.router.handle_timeout(at(host.now));
    assert_eq!(host.state(), State::Backup);
    assert!(host.deadline() > SECOND * 60);
}

#[test]
fn a_group_goes_together() {
    let mut config = VrrpConfig {
        instances: vec![instance("a", 1, 100), instance("b", 2, 100)],
        groups: vec![group("g", &["a", "b"])],
        ..VrrpConfig::default()
    };
    let tracked: Vec<TrackInterface> = vec![track_link("eth1", effect(-10))];
    config.instances[1].trackers.interfaces = tracked;
    let mut host = Host::start(config);
    host.link("eth1", LinkState::Up);
    let [a, b] = [0, 1].map(|index: usize| host.config.instances[index].clone());
    host.run_until(SECOND);
    host.hear_from(&a, HIGH, 200);
    host.run(millis(100));
    host.hear_from(&b, HIGH, 200);
    host.hear_membership(HIGH, Left);
    host.run_until(SECOND + LEFT);
    assert_eq!(host.states(), [State::Backup; 2], "the second has not missed an advert yet");
    host.run(millis(100));
    assert_eq!(host.states(), [State::Master; 2]);
}

#[test]
fn what_is_no_report_is_counted_and_changes_nothing() {
    let mut host = led(|_| {});
    for (octets, refused) in [(vec![0x45; 3], true), (vec![0x45; 20], false)] {
        let taken = host.router.receive_membership(at(host.now), &link("eth0"), Family::V4, &octets);
        assert_eq!(taken, if refused { Err(MembershipReject::Length) } else { Ok(()) });
    }
    host.hear_membership(LOW, Left);
    let counters = host.router.counters();
    assert_eq!((counters.membership_reports, counters.membership_malformed), (1, 1));
    assert_eq!(host.deadline(), SECOND + DOWN);
}
