//! Sync groups.

use std::time::Duration;

use lvsd_model::{InitialState, VrrpConfig};
use lvsd_vrrp::{Fault, LinkState, Outcome, ShutdownMode, State};

use crate::support::{
    HIGH, Host, LOW, OWN, SECOND, at, effect, group, instance, ip, link, micros, packet, priority, script,
    track_link, track_script,
};

fn pair(base: u8) -> VrrpConfig {
    let mut other = instance("b", 2, base);
    other.interface = Some(link("eth1"));
    other.source = Some(ip("10.0.2.5"));
    VrrpConfig {
        instances: vec![instance("a", 1, base), other],
        groups: vec![group("g", &["a", "b"])],
        scripts: Vec::new(),
        ..VrrpConfig::default()
    }
}

/// Both links are up before the members begin, at the same moment.
fn start(config: VrrpConfig) -> Host {
    let router = lvsd_vrrp::Router::new(at(Duration::ZERO));
    let mut host = Host { router, now: Duration::ZERO, config: config.clone() };
    host.link("eth0", LinkState::Up);
    host.link("eth1", LinkState::Up);
    host.address(Some(OWN));
    host.reload(config);
    host
}

fn hear_b(host: &mut Host, priority: u8) {
    let config = host.config.instances[1].clone();
    let (meta, octets) = packet(&config, ip("10.0.2.9"), priority);
    host.router.receive(at(host.now), Some(&link("eth1")), meta, &octets);
}

fn masters(base: u8) -> Host {
    let mut host = start(pair(base));
    host.run(SECOND * 4);
    assert_eq!(host.states(), [State::Master; 2]);
    host.outputs();
    host
}

#[test]
fn members_become_master_together_and_the_group_after_them() {
    let mut host = start(pair(100));
    assert_eq!(host.told(), ["a: INIT>BACKUP Started", "b: INIT>BACKUP Started", "g: INIT>BACKUP Started"]);
    host.run_until(micros(3_609_375));
    assert_eq!(
        host.told(),
        [
            "a: send 100",
            "a: hold",
            "a: announce 5 BecameMaster",
            "a: BACKUP>MASTER Group",
            "b: send 100",
            "b: hold",
            "b: announce 5 BecameMaster",
            "b: BACKUP>MASTER MasterSilent",
            "g: BACKUP>MASTER MasterSilent",
        ]
    );
}

#[test]
fn member_that_wants_waits_for_the_others() {
    let mut host = start(pair(100));
    // b hears a master for 10 s, a never does.
    for second in 1..=10 {
        host.run_until(SECOND * second);
        hear_b(&mut host, 200);
        assert_eq!(host.states(), [State::Backup; 2]);
    }
    assert!(host.named("a").waits_for_group && !host.named("b").waits_for_group);
    host.run_until(SECOND * 10 + micros(3_609_374));
    assert_eq!(host.states(), [State::Backup; 2]);
    host.run_until(SECOND * 10 + micros(3_609_375));
    assert_eq!(host.states(), [State::Master; 2], "a still wants it");
}

#[test]
fn accepted_advert_takes_the_wish_away() {
    let mut host = start(pair(100));
    for second in 1..=4 {
        host.run_until(SECOND * second);
        hear_b(&mut host, 200);
    }
    assert!(host.named("a").waits_for_group);
    host.hear(HIGH, 200);
    assert!(!host.named("a").waits_for_group);
}

#[test]
fn one_that_yields_takes_all_along_without_farewell() {
    let mut host = masters(100);
    host.hear(HIGH, 200);
    assert_eq!(
        host.told(),
        [
            "a: release",
            "a: MASTER>BACKUP HigherPriority",
            "b: release",
            "b: MASTER>BACKUP Group",
            "g: MASTER>BACKUP HigherPriority"
        ]
    );
}

#[test]
fn fault_of_one_is_the_fault_of_all() {
    let mut host = masters(100);
    host.link("eth1", LinkState::Down);
    assert_eq!(
        host.told(),
        [
            "a: send 0",
            "a: release",
            "a: MASTER>FAULT Group",
            "b: send 0",
            "b: release",
            "b: MASTER>FAULT Faulty",
            "g: MASTER>FAULT Faulty"
        ]
    );
    assert_eq!(host.named("a").faults, [Fault::Group("b".to_owned())]);
    host.link("eth1", LinkState::Up);
    assert_eq!(
        host.told(),
        ["a: FAULT>BACKUP Recovered", "b: FAULT>BACKUP Recovered", "g: FAULT>BACKUP Recovered"]
    );
}

#[test]
fn owners_start_as_master_only_together() {
    assert_eq!(start(pair(255)).states(), [State::Master; 2]);
    let mut config = pair(255);
    config.instances[1].priority = priority(200);
    let mut host = start(config);
    assert_eq!(host.states(), [State::Backup; 2]);
    assert_eq!(host.deadline(), Duration::from_nanos(1_003_906_250), "shorter for who expects to be master");
    host.run(SECOND * 10);
    assert_eq!(host.states(), [State::Master; 2]);
}

#[test]
fn state_master_held_back_by_its_group_waits_one_interval() {
    let mut config = pair(100);
    for member in &mut config.instances {
        member.initial = InitialState::Master;
    }
    assert_eq!(start(config).deadline(), Duration::from_nanos(1_003_906_250));
}

#[test]
fn lower_priority_for_one_is_announced_by_all() {
    let mut host = masters(100);
    host.hear(LOW, 50);
    assert_eq!(
        host.told(),
        [
            "a: send 100",
            "a: lower 50 from 10.0.0.1",
            "a: announce 5 LowerPriority",
            "b: announce 5 LowerPriority"
        ]
    );
}

#[test]
fn weighted_trackers_of_members_count_only_jointly() {
    let mut config = pair(100);
    config.scripts = vec![script("chk")];
    config.instances[0].trackers.scripts = vec![track_script("chk", effect(-30))];
    let mut host = start(config.clone());
    host.script("chk", Outcome::Failure);
    assert_eq!(
        (host.named("a").effective_priority.get(), host.named("b").effective_priority.get()),
        (100, 100)
    );

    config.groups[0].tracking_weight = true;
    let mut host = start(config);
    host.script("chk", Outcome::Failure);
    assert_eq!(
        (host.named("a").effective_priority.get(), host.named("b").effective_priority.get()),
        (70, 70)
    );
}

#[test]
fn trackers_of_the_group_count_for_all() {
    let mut config = pair(100);
    config.groups[0].trackers.interfaces =
        vec![track_link("eth2", effect(-10)), track_link("eth3", effect(0))];
    let mut host = start(config);
    assert_eq!(host.states(), [State::Fault; 2]);
    host.link("eth3", LinkState::Up);
    assert_eq!(host.states(), [State::Backup; 2]);
    assert_eq!(
        (host.named("a").effective_priority.get(), host.named("b").effective_priority.get()),
        (90, 90)
    );
}

#[test]
fn added_member_joins_without_moving_the_others() {
    let mut host = masters(100);
    let mut config = host.config.clone();
    config.instances.push(instance("c", 3, 100));
    config.groups[0].members.push("c".to_owned());
    host.reload(config);
    assert_eq!(host.told(), ["c: INIT>BACKUP Started", "a: send 100", "b: send 100"]);
    assert_eq!(host.states(), [State::Master, State::Master, State::Backup]);
    host.run(SECOND * 4);
    assert_eq!(host.states(), [State::Master; 3]);
}

#[test]
fn added_member_that_hears_a_better_master_takes_the_group_along() {
    let mut host = masters(100);
    let mut config = host.config.clone();
    config.instances.push(instance("c", 3, 100));
    config.groups[0].members.push("c".to_owned());
    host.reload(config.clone());
    host.hear_from(&config.instances[2], HIGH, 200);
    assert_eq!(host.states(), [State::Backup; 3]);
}

#[test]
fn instances_brought_together_by_a_reload_come_to_agree() {
    let mut config = pair(100);
    config.groups.clear();
    let mut host = start(config);
    for second in 1..=5 {
        host.run_until(SECOND * second);
        hear_b(&mut host, 200);
    }
    assert_eq!(host.states(), [State::Master, State::Backup]);
    host.outputs();
    host.reload(pair(100));
    assert_eq!(host.told(), ["g: INIT>MASTER Group", "a: send 100"]);
    hear_b(&mut host, 200);
    assert_eq!(host.states(), [State::Backup; 2]);
    assert_eq!(host.router.groups().map(|group| group.state).collect::<Vec<_>>(), [State::Backup]);
}

#[test]
fn group_of_a_removed_member_goes_on() {
    let mut host = masters(100);
    let mut config = host.config.clone();
    config.instances.pop();
    config.groups[0].members.pop();
    host.reload(config);
    assert_eq!(host.states(), [State::Master]);
}

#[test]
fn shutdown_ends_groups_after_their_members() {
    let mut host = masters(100);
    host.router.shutdown(at(host.now), ShutdownMode::Resign);
    assert_eq!(
        host.told(),
        [
            "a: send 0",
            "a: release",
            "a: MASTER>INIT Shutdown",
            "b: send 0",
            "b: release",
            "b: MASTER>INIT Shutdown",
            "g: MASTER>INIT Shutdown"
        ]
    );
}
