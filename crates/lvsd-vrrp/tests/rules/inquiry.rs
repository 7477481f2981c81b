//! A master whose host is asked whether anybody there speaks VRRP.

use std::time::Duration;

use lvsd_model::{AdvertInterval, Instance};
use lvsd_vrrp::State;

use crate::support::{HIGH, Host, LOW, SECOND, instance, ip, micros, millis, only, unicast};

/// One and a half intervals, and the skew of priority 100.
const GONE: Duration = micros(1_500_000 + 609_375);
const DOWN: Duration = micros(3_609_375);
const QUARTER: Duration = millis(250);

/// A backup that has heard its master once a second, the last time now.
fn led(adverts: u32, edit: impl FnOnce(&mut Instance)) -> Host {
    let mut config = instance("vi", 1, 100);
    config.master_inquiry = true;
    edit(&mut config);
    let mut host = Host::start(only(config));
    host.outputs();
    for second in 1..=adverts {
        host.run_until(SECOND * second);
        host.hear(HIGH, 200);
    }
    host
}

fn last(host: &mut Host) -> String {
    host.told().last().expect("a transition").clone()
}

#[test]
fn a_host_is_tried_while_it_lives_and_asked_when_its_master_is_late() {
    let mut host = led(3, |_| {});
    assert_eq!(host.asked(), 3, "one question with each advert");
    assert_eq!(host.deadline(), SECOND * 3 + DOWN, "not trusted yet");
    host.run_until(SECOND * 4);
    host.hear(HIGH, 200);
    assert_eq!(host.asked(), 0);
    assert_eq!(host.deadline(), SECOND * 5 + QUARTER);
    host.run_until(SECOND * 5 + QUARTER);
    assert_eq!(host.asked(), 1);
    assert_eq!(host.deadline(), SECOND * 5 + 2 * QUARTER, "asked again");
    host.hear(HIGH, 200);
    assert_eq!(host.deadline(), SECOND * 6 + 2 * QUARTER, "it was only late");
}

#[test]
fn a_denial_after_a_missed_advert_is_enough() {
    let mut host = led(4, |_| {});
    host.run(SECOND + QUARTER);
    host.hear_denial(HIGH);
    assert_eq!(host.deadline(), SECOND * 4 + GONE);
    host.run_until(SECOND * 4 + GONE);
    assert_eq!(last(&mut host), "BACKUP>MASTER MasterDenied");
    assert_eq!(host.view().adverts.denials, 1);
}

#[test]
fn a_denial_that_comes_late_makes_nothing_earlier_than_now() {
    let mut host = led(4, |_| {});
    host.run_until(SECOND * 7);
    host.hear_denial(HIGH);
    assert_eq!(host.deadline(), SECOND * 7);
    host.run(Duration::ZERO);
    assert_eq!(last(&mut host), "BACKUP>MASTER MasterDenied");
}

#[test]
fn no_answer_means_the_whole_interval() {
    let mut host = led(4, |_| {});
    host.run_until(SECOND * 4 + DOWN - millis(1));
    assert_eq!(host.state(), State::Backup);
    host.run(millis(1));
    assert_eq!(last(&mut host), "BACKUP>MASTER MasterSilent");
}

#[test]
fn who_denies_a_master_that_is_heard_is_never_asked_again() {
    for adverts in 1..=3 {
        let mut host = led(adverts, |_| {});
        host.hear_denial(HIGH);
        host.outputs();
        for second in adverts + 1..10 {
            assert_eq!(host.deadline(), SECOND * (second - 1) + DOWN);
            host.run_until(SECOND * second);
            host.hear(HIGH, 200);
        }
        host.hear_denial(HIGH);
        assert_eq!((host.asked(), host.deadline()), (0, SECOND * 9 + DOWN));
        // Another master is another host.
        host.hear(LOW, 201);
        assert_eq!(host.asked(), 1);
    }
}

#[test]
fn a_host_that_is_heard_after_its_denial_is_tried_anew() {
    let mut host = led(4, |_| {});
    host.run(SECOND + QUARTER);
    host.hear_denial(HIGH);
    host.outputs();
    host.hear(HIGH, 200);
    assert_eq!(host.asked(), 1);
    assert_eq!(host.deadline(), SECOND * 5 + QUARTER + DOWN);
    host.hear_denial(HIGH);
    host.run(SECOND);
    host.hear(HIGH, 200);
    assert_eq!(host.asked(), 0, "it lied");
}

#[test]
fn only_the_host_of_the_master_counts() {
    let mut host = led(4, |_| {});
    host.run(SECOND + QUARTER);
    host.hear_denial(LOW);
    assert_eq!(host.deadline(), SECOND * 5 + 2 * QUARTER);
    host.hear(LOW, 201);
    host.hear_denial(HIGH);
    assert_eq!(host.deadline(), SECOND * 5 + QUARTER + DOWN);
    host.hear(LOW, 0);
    host.hear_denial(LOW);
    assert_eq!(host.deadline(), SECOND * 5 + QUARTER + micros(609_375), "it has resigned already");
}

#[test]
fn it_goes_by_the_masters_interval_and_works_over_unicast() {
    let mut host = led(0, |config| *config = unicast(config.clone(), &[HIGH]));
    let mut master = unicast(instance("vi", 1, 200), &["10.0.0.9"]);
    master.advert_interval = AdvertInterval::v3(1).expect("in range");
    for _ in 0..4 {
        host.hear_from(&master, HIGH, 200);
    }
    assert_eq!(host.deadline(), micros(12_500));
    host.run(micros(12_500));
    assert_eq!(host.deadline(), micros(15_000));
    host.hear_denial(HIGH);
    assert_eq!(host.deadline(), micros(15_000 + 6093) + Duration::from_nanos(750));
}

#[test]
fn it_can_be_turned_off() {
    let mut host = led(6, |config| config.master_inquiry = false);
    host.hear_denial(HIGH);
    assert_eq!((host.asked(), host.deadline()), (0, SECOND * 6 + DOWN));
}

#[test]
fn a_question_is_counted_and_changes_nothing() {
    let mut host = led(4, |_| {});
    let deadline = host.deadline();
    host.hear_octets(HIGH, &lvsd_vrrp::wire::QUESTION);
    assert_eq!(host.deadline(), deadline);
    let counters = host.router.counters();
    assert_eq!((counters.questions, counters.malformed), (1, 0));
    assert!(host.view().heard.is_some_and(|heard| heard.source == ip(HIGH)));
}
