//! MASTER.

use std::time::Duration;

use lvsd_model::AdvertInterval;
use lvsd_vrrp::wire::Reject;
use lvsd_vrrp::{Action, Output, Reception, State};

use crate::support::{HIGH, Host, LOW, OWN, SECOND, at, instance, ip, micros, millis, only, unicast};

#[test]
fn adverts_keep_their_beat() {
    let mut host = Host::master(instance("vi", 1, 100));
    let became = host.now;
    for beat in 1..=10 {
        assert_eq!(host.deadline(), became + SECOND * beat);
        // Served a little late each time.
        host.run_until(became + SECOND * beat - micros(1));
        host.now = became + SECOND * beat + millis(3);
        host.router.handle_timeout(at(host.now));
        assert!(host.told().contains(&"send 100".to_owned()));
    }
}

#[test]
fn stall_is_followed_by_one_advert_and_an_announcement() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.run(SECOND * 60);
    host.outputs();
    host.now += SECOND * 60;
    host.router.handle_timeout(at(host.now));
    assert_eq!(host.told(), ["send 100", "announce 5 Stalled"]);
    assert_eq!(host.deadline(), host.now + SECOND);
}

#[test]
fn lateness_that_no_backup_can_notice_is_not_announced() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.run(SECOND * 60);
    host.outputs();
    host.now = host.deadline() + SECOND * 2;
    host.router.handle_timeout(at(host.now));
    assert_eq!(host.told(), ["send 100"]);
}

#[test]
fn resignation_of_somebody_is_answered_at_once() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.run(millis(300));
    host.hear(LOW, 0);
    assert_eq!(host.told(), ["send 100"]);
    assert_eq!(host.deadline(), host.now + SECOND);
}

#[test]
fn higher_priority_wins_without_a_farewell() {
    for (source, priority, cause) in
        [(LOW, 101, "HigherPriority"), (HIGH, 254, "HigherPriority"), (HIGH, 100, "HigherAddress")]
    {
        let mut host = Host::master(instance("vi", 1, 100));
        host.hear(source, priority);
        assert_eq!(host.told(), ["release".to_owned(), format!("MASTER>BACKUP {cause}")]);
        assert_eq!(host.deadline(), host.now + micros(3_609_375));
        let adverts = host.view().adverts;
        assert_eq!((adverts.priority_zero_sent, adverts.become_master, adverts.release_master), (0, 1, 1));
    }
}

#[test]
fn yielding_learns_the_new_interval() {
    let mut host = Host::master(instance("vi", 1, 100));
    let mut other = host.config.instances[0].clone();
    other.advert_interval = AdvertInterval::v3(20).expect("in range");
    host.hear_from(&other, HIGH, 101);
    assert_eq!(host.view().interval.centis(), 20);
}

#[test]
fn higher_prio_send_advert_says_one_more_word() {
    let mut config = instance("vi", 1, 100);
    config.higher_prio_send_advert = true;
    let mut host = Host::master(config);
    host.hear(HIGH, 200);
    assert_eq!(host.told(), ["send 100", "release", "MASTER>BACKUP HigherPriority"]);
}

#[test]
fn lower_priority_is_answered_and_announced_against() {
    for (source, priority) in [(HIGH, 99), (LOW, 100), (LOW, 1)] {
        let mut host = Host::master(instance("vi", 1, 100));
        host.run(millis(500));
        host.hear(source, priority);
        assert_eq!(
            host.told(),
            [
                "send 100".to_owned(),
                format!("lower {priority} from {source}"),
                "announce 5 LowerPriority".to_owned()
            ]
        );
        assert_eq!(host.state(), State::Master);
    }
}

#[test]
fn lower_prio_no_advert_keeps_quiet() {
    let mut config = instance("vi", 1, 100);
    config.lower_prio_no_advert = true;
    let mut host = Host::master(config);
    let next = host.deadline();
    host.hear(HIGH, 99);
    assert_eq!(host.told(), ["lower 99 from 10.0.0.9", "announce 5 LowerPriority"]);
    assert_eq!(host.deadline(), next);
}

#[test]
fn own_packet_is_recognised() {
    let mut host = Host::master(instance("vi", 1, 100));
    let id = host.id("vi");
    assert_eq!(host.hear(OWN, 100), Reception::Rejected { id, reject: Reject::OwnPacket });
    assert_eq!((host.told().len(), host.view().rejected.own_packet), (0, 1));
    // Somebody else with our address is dealt with by priority.
    host.hear(OWN, 101);
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn owner_with_the_lower_address_gives_way() {
    let mut host = Host::start(only(instance("vi", 1, 255)));
    host.outputs();
    host.hear(HIGH, 255);
    assert_eq!(host.told(), ["release", "MASTER>BACKUP HigherAddress"]);
}

#[test]
fn owner_with_the_higher_address_gives_way_only_to_one_that_does_not() {
    let mut host = Host::start(only(instance("vi", 1, 255)));
    // Two own adverts and 1.2 intervals: 3.2 s of conflict, heard every second.
    for _ in 0..4 {
        host.hear(LOW, 255);
        assert_eq!(host.state(), State::Master);
        host.run(SECOND);
    }
    host.outputs();
    host.hear(LOW, 255);
    assert_eq!(host.told(), ["release", "MASTER>BACKUP OwnerConflict"]);
    assert_eq!((host.priority(), host.view().conceded), (254, true));
    host.hear(LOW, 255);
    assert_eq!(host.priority(), 254);
    // The conflict ends.
    host.hear(LOW, 0);
    assert_eq!((host.priority(), host.view().conceded), (255, false));
}

#[test]
fn owner_conflict_that_pauses_starts_anew() {
    let mut host = Host::start(only(instance("vi", 1, 255)));
    for _ in 0..10 {
        host.hear(LOW, 255);
        host.run(millis(1_300));
    }
    assert_eq!(host.state(), State::Master);
}

#[test]
fn owner_that_gave_way_is_owner_again_as_master() {
    let mut host = Host::start(only(instance("vi", 1, 255)));
    for _ in 0..5 {
        host.hear(LOW, 255);
        host.run(SECOND);
    }
    assert_eq!(host.priority(), 254);
    host.run(SECOND * 4);
    assert_eq!((host.state(), host.priority()), (State::Master, 255));
}

#[test]
fn address_deleted_by_others_is_put_back_without_leaving() {
    let mut host = Host::master(instance("vi", 1, 100));
    let id = host.id("vi");
    host.router.address_deleted(at(host.now), id, ip("10.0.1.1"));
    assert_eq!(host.told(), ["restore 10.0.1.1", "announce 5 Healed"]);
    host.router.address_deleted(at(host.now), id, ip("10.0.1.99"));
    assert_eq!(host.told().len(), 0, "not one of ours");
    assert_eq!((host.state(), host.view().adverts.addresses_healed), (State::Master, 1));
    host.hear(HIGH, 200);
    host.outputs();
    host.router.address_deleted(at(host.now), id, ip("10.0.1.1"));
    assert_eq!(host.told().len(), 0, "we released it ourselves");
}

#[test]
fn every_destination_counts_as_sent() {
    let mut host = Host::master(unicast(instance("vi", 1, 100), &[HIGH, LOW]));
    assert_eq!(host.view().adverts.sent, 2);
    host.run(SECOND);
    assert_eq!(host.view().adverts.sent, 4);
    let sends = |output: &Output| matches!(output, Output::Instance { action: Action::Send(_), .. });
    assert_eq!(host.outputs().iter().filter(|output| sends(output)).count(), 1);
}

#[test]
fn transitions_are_counted_by_pair_and_cause() {
    let mut host = Host::master(instance("vi", 1, 100));
    for _ in 0..3 {
        host.hear(HIGH, 200);
        host.run(SECOND * 4);
    }
    let edges: Vec<_> = host.view().transitions.iter().map(|edge| (edge.from, edge.to, edge.count)).collect();
    assert_eq!(
        edges,
        [
            (State::Init, State::Backup, 1),
            (State::Backup, State::Master, 4),
            (State::Master, State::Backup, 3)
        ]
    );
}

#[test]
fn ten_millisecond_adverts_fail_over_in_their_time() {
    let mut config = instance("vi", 1, 100);
    config.advert_interval = AdvertInterval::v3(1).expect("in range");
    let mut host = Host::start(only(config));
    host.hear(HIGH, 200);
    assert_eq!(host.deadline(), Duration::from_nanos(36_093_750));
}
