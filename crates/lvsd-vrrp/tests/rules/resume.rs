//! Going on in the place of a process that died.

use std::time::Duration;

use lvsd_model::{Instance, Preempt, VrrpConfig};
use lvsd_vrrp::{Because, LinkState, Mastership, Outcome, Reason, Router, State, Stay, Unresumed};

use crate::support::{
    HIGH, Host, LOW, SECOND, at, effect, group, instance, link, micros, millis, only, priority, script,
    track_script,
};

/// When the new process starts; the old one was alive some time before.
const START: Duration = Duration::from_secs(1_000);

/// A new process that has inherited, and has applied its configuration.
fn heir(config: VrrpConfig, silent: Duration, inherited: &[Mastership]) -> Host {
    heir_delayed(config, silent, inherited, Duration::ZERO)
}

fn heir_delayed(config: VrrpConfig, silent: Duration, inherited: &[Mastership], delay: Duration) -> Host {
    let router = Router::new(at(START + delay));
    let mut host = Host { router, now: START, config };
    host.link("eth0", LinkState::Up);
    host.address(Some(crate::support::OWN));
    host.router.inherit(at(START.checked_sub(silent).expect("later")), inherited.iter().cloned());
    host.router.apply(at(START), &host.config);
    host
}

fn mastership(config: &Instance, rank: u8) -> Mastership {
    let mut donor = Host::master(Instance { priority: priority(rank), ..config.clone() });
    let found = donor.router.masterships().next().expect("it is MASTER");
    donor.outputs();
    found
}

fn resume(host: &mut Host) -> Vec<String> {
    host.router.resume(at(host.now));
    host.told()
}

const RESUMED: [&str; 4] = ["send 150", "hold", "announce 5 BecameMaster", "INIT>MASTER Resumed"];
const BEGUN: [&str; 1] = ["INIT>BACKUP Started"];

fn reasons(host: &Host) -> Vec<Reason> {
    host.view().journal().into_iter().map(|entry| entry.reason.clone()).collect()
}

fn why_not(host: &Host) -> Option<Unresumed> {
    reasons(host).into_iter().find_map(|reason| match reason {
        Reason::Stayed(Stay::NotResumed { why }) => Some(why),
        _ => None,
    })
}

#[test]
fn a_master_goes_on_when_nobody_can_have_missed_it() {
    let config = instance("vi", 1, 150);
    let mut host = heir(only(config.clone()), millis(1_500), &[mastership(&config, 150)]);
    assert_eq!(host.state(), State::Init, "first the sockets");
    assert_eq!(host.told(), [""; 0]);
    assert_eq!(resume(&mut host), RESUMED);
    let because = reasons(&host).into_iter().find_map(|reason| match reason {
        Reason::Changed(change) => Some(change.because),
        Reason::Stayed(_) => None,
    });
    assert_eq!(because, Some(Because::Resumed { silent: millis(1_500) }));
    host.run(SECOND);
    assert_eq!(host.told(), ["send 150"], "the next advert is one interval later");
}

#[test]
fn it_begins_anew_when_a_backup_may_have_missed_it() {
    let config = instance("vi", 1, 150);
    // Two intervals and the skew of the best backup there can be.
    let tolerated = micros(2_003_906);
    for (silent, expected) in [(tolerated, &RESUMED[..]), (tolerated + micros(1), &BEGUN[..])] {
        let mut host = heir(only(config.clone()), silent, &[mastership(&config, 150)]);
        assert_eq!(resume(&mut host), expected, "silent for {silent:?}");
        assert_eq!(matches!(why_not(&host), Some(Unresumed::TooLate { .. })), expected == BEGUN);
    }
}

#[test]
fn it_begins_anew_when_somebody_has_taken_over() {
    let never = Preempt::Never;
    let at_once = Preempt::After(Duration::ZERO);
    for (source, heard, preempt, resumes) in [
        (LOW, 151, at_once, false),
        (LOW, 150, at_once, false),
        (HIGH, 100, at_once, true),
        (HIGH, 100, never, false),
        (HIGH, 100, Preempt::After(SECOND), false),
        // Who resigns is no master.
        (HIGH, 0, never, true),
    ] {
        let config = Instance { preempt, ..instance("vi", 1, 150) };
        let mut host = heir(only(config.clone()), millis(100), &[mastership(&config, 150)]);
        host.hear(source, heard);
        let told = resume(&mut host);
        assert_eq!(told == RESUMED, resumes, "{heard} from {source} with {preempt:?}: {told:?}");
        assert_eq!(matches!(why_not(&host), Some(Unresumed::Heard { .. })), !resumes);
    }
}

#[test]
fn it_gives_way_to_a_better_one_as_any_master_does() {
    let config = instance("vi", 1, 150);
    let mut host = heir(only(config.clone()), millis(100), &[mastership(&config, 150)]);
    resume(&mut host);
    host.hear(LOW, 200);
    assert_eq!(host.told(), ["release", "MASTER>BACKUP HigherPriority"]);
}

#[test]
fn with_a_fault_it_begins_anew_when_that_has_passed() {
    let config = instance("vi", 1, 150);
    let mut host = heir(only(config.clone()), millis(100), &[mastership(&config, 150)]);
    host.link("eth0", LinkState::Down);
    assert_eq!(resume(&mut host), ["INIT>FAULT Faulty"]);
    host.link("eth0", LinkState::Up);
    assert_eq!(host.told(), ["FAULT>BACKUP Recovered"]);
}

#[test]
fn what_is_another_virtual_router_by_now_begins_anew() {
    let config = instance("vi", 1, 150);
    for other in [
        instance("vi", 2, 150),
        instance("other", 1, 150),
        Instance { interface: Some(link("eth1")), ..config.clone() },
    ] {
        let mut host = heir(only(other), millis(100), &[mastership(&config, 150)]);
        host.link("eth1", LinkState::Up);
        resume(&mut host);
        assert_ne!(host.state(), State::Master);
    }
    // Everything else may have been edited while nobody was there.
    let edited = Instance { priority: priority(120), ..config.clone() };
    let mut host = heir(only(edited), millis(100), &[mastership(&config, 150)]);
    assert_eq!(resume(&mut host)[0], "send 120");
}

#[test]
fn the_priority_is_the_one_before_until_the_trackers_have_spoken() {
    let mut config = instance("vi", 1, 150);
    config.trackers.scripts =
        vec![track_script("weighted", effect(-60)), track_script("decisive", effect(0))];
    let mut config = only(config);
    config.scripts = vec![script("weighted"), script("decisive")];
    let inherited = mastership(&instance("vi", 1, 90), 90);
    let mut host = heir(config, millis(100), &[inherited]);
    assert_eq!(resume(&mut host)[0], "send 90");
    host.script("decisive", Outcome::Success);
    assert_eq!(host.priority(), 90);
    host.script("weighted", Outcome::Success);
    assert_eq!(host.priority(), 150);
    assert_eq!(host.state(), State::Master);
}

#[test]
fn the_start_up_delay_is_for_those_that_start() {
    let config = instance("vi", 1, 150);
    let inherited = [mastership(&config, 150)];
    let mut both = only(config);
    both.instances.push(instance("other", 2, 150));
    let mut host = heir_delayed(both, millis(100), &inherited, SECOND * 30);
    resume(&mut host);
    assert_eq!(host.states(), [State::Master, State::Init]);
}

#[test]
fn a_group_goes_on_as_a_whole_or_begins_anew() {
    let (one, two) = (instance("one", 1, 150), instance("two", 2, 150));
    let mut config = VrrpConfig { instances: vec![one.clone(), two.clone()], ..VrrpConfig::default() };
    config.groups = vec![group("both", &["one", "two"])];
    let all = [mastership(&one, 150), mastership(&two, 150)];

    let mut host = heir(config.clone(), millis(100), &all);
    resume(&mut host);
    assert_eq!(host.states(), [State::Master, State::Master]);

    let mut host = heir(config.clone(), millis(100), &all[..1]);
    assert_eq!(host.states(), [State::Init, State::Init], "nobody starts before the other can");
    resume(&mut host);
    assert_eq!(host.states(), [State::Backup, State::Backup]);

    let mut host = heir(config, millis(100), &all);
    host.hear_from(&two, HIGH, 200);
    resume(&mut host);
    assert_eq!(host.states(), [State::Backup, State::Backup]);
}

#[test]
fn an_owner_goes_on_and_is_still_one() {
    let config = instance("vi", 1, 255);
    let inherited = {
        let mut donor = Host::start(only(config.clone()));
        donor.outputs();
        donor.router.masterships().next().expect("it is MASTER")
    };
    let mut host = heir(only(config), millis(100), &[inherited]);
    assert_eq!(resume(&mut host)[0], "send 255");
}

#[test]
fn the_masterships_are_those_of_now_and_their_number_grows_with_each_change() {
    let mut config = instance("vi", 1, 150);
    config.trackers.scripts = vec![track_script("check", effect(-60))];
    let mut config = only(config);
    config.scripts = vec![script("check")];
    let mut host = Host::start(config);
    host.script("check", Outcome::Success);
    assert_eq!(host.router.masterships().count(), 0);
    let revision = host.router.revision();
    host.run(SECOND * 4);
    assert_eq!(host.router.masterships().next().map(|one| one.priority.get()), Some(150));
    assert!(host.router.revision() > revision, "MASTER");
    let revision = host.router.revision();
    host.script("check", Outcome::Failure);
    assert_eq!(host.router.masterships().next().map(|one| one.priority.get()), Some(90));
    assert!(host.router.revision() > revision, "another priority");
    let revision = host.router.revision();
    host.run(SECOND * 3);
    assert_eq!(host.router.revision(), revision, "adverts change nothing");
    host.hear(HIGH, 200);
    assert_eq!(host.router.masterships().count(), 0);
    assert!(host.router.revision() > revision, "BACKUP");
}

/// Found by simulation: the priority before any tracker had spoken was taken for one that had dropped.
#[test]
fn the_priority_that_it_goes_on_with_is_no_drop() {
    let mut config = instance("vi", 1, 150);
    config.preempt = Preempt::Never;
    config.resign_on_priority_drop = true;
    config.trackers.scripts = vec![track_script("weighted", effect(-60))];
    let mut config = only(config);
    config.scripts = vec![script("weighted")];
    let inherited = mastership(&instance("vi", 1, 90), 90);
    let mut host = heir(config, millis(100), &[inherited]);
    resume(&mut host);
    assert_eq!(host.state(), State::Master);
    host.script("weighted", Outcome::Failure);
    assert_eq!((host.state(), host.priority()), (State::Master, 90));
}
