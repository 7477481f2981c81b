//! A new configuration under running instances.

use lvsd_model::{AdvertInterval, Version, Vrid, VrrpConfig};
use lvsd_vrrp::{Action, AddressChange, Outcome, Output, State};

use crate::support::{
    HIGH, Host, SECOND, effect, instance, link, micros, millis, only, priority, script, track_script, vip,
};

#[test]
fn unchanged_master_says_so_and_stays() {
    let mut host = Host::master(instance("vi", 1, 100));
    let (id, since) = (host.id("vi"), host.view().since);
    host.run(millis(300));
    let applied = host.reload(host.config.clone());
    assert_eq!(applied, lvsd_vrrp::Applied::default());
    assert_eq!(host.told(), ["send 100"], "no address, announcement or notification");
    assert_eq!((host.id("vi"), host.view().since, host.view().adverts.become_master), (id, since, 1));
    assert_eq!(host.deadline(), host.now + SECOND);
}

#[test]
fn unchanged_backup_keeps_its_timer_and_what_it_heard() {
    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.hear(HIGH, 200);
    host.outputs();
    host.run(SECOND);
    host.reload(host.config.clone());
    assert_eq!((host.told().len(), host.deadline()), (0, micros(3_609_375)));
    assert!(host.view().heard.is_some());
}

#[test]
fn edited_priority_and_interval_take_effect_in_place() {
    let mut host = Host::master(instance("vi", 1, 100));
    let mut config = instance("vi", 1, 150);
    config.advert_interval = AdvertInterval::v3(20).expect("in range");
    let applied = host.reload(only(config));
    assert_eq!(applied.changed, [host.id("vi")]);
    assert_eq!((host.told(), host.deadline()), (vec!["send 150".to_owned()], host.now + millis(200)));

    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.run(SECOND);
    host.reload(only(instance("vi", 1, 200)));
    assert_eq!(host.deadline(), micros(3_218_750));
}

#[test]
fn edited_version_is_no_other_router() {
    let mut host = Host::master(instance("vi", 1, 100));
    let mut config = instance("vi", 1, 100);
    config.version = Version::V2;
    host.reload(only(config));
    assert_eq!((host.state(), host.told()), (State::Master, vec!["send 100".to_owned()]));
}

#[test]
fn added_address_is_announced_in_both_blocks() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.run(SECOND * 20);
    host.outputs();
    let mut config = instance("vi", 1, 100);
    config.excluded = vec![vip("10.0.1.200")];
    host.reload(only(config));
    let outputs = host.outputs();
    let Some(Output::Instance {
        config, action: Action::Addresses(AddressChange::Update { previous }), ..
    }) = outputs.first()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((previous.excluded.len(), config.excluded.len()), (0, 1));
    host.run(SECOND * 5);
    assert!(host.told().contains(&"announce 5 Delayed".to_owned()));
}

#[test]
fn removed_address_is_not_announced() {
    let mut config = instance("vi", 1, 100);
    config.excluded = vec![vip("10.0.1.200")];
    let mut host = Host::master(config);
    host.reload(only(instance("vi", 1, 100)));
    assert_eq!(host.told(), ["update", "send 100"]);
}

#[test]
fn backup_changes_no_addresses() {
    let mut host = Host::start(only(instance("vi", 1, 100)));
    host.outputs();
    let mut config = instance("vi", 1, 100);
    config.addresses.push(vip("10.0.1.200"));
    host.reload(only(config));
    assert_eq!(host.told().len(), 0);
}

#[test]
fn another_virtual_router_restarts() {
    let mut moved = instance("vi", 1, 100);
    moved.interface = Some(link("eth0.7"));
    let mut renumbered = instance("vi", 1, 100);
    renumbered.vrid = Vrid::new(9).expect("not 0");
    for (config, begin) in [(moved, "INIT>FAULT Faulty"), (renumbered, "INIT>BACKUP Started")] {
        let mut host = Host::master(instance("vi", 1, 100));
        let old = host.id("vi");
        let applied = host.reload(only(config));
        assert_eq!(host.told(), ["send 0", "release", "MASTER>INIT Restarted", begin]);
        assert_eq!((applied.removed, applied.added), (vec![old], vec![host.id("vi")]));
        assert_ne!(host.id("vi"), old);
    }
}

#[test]
fn removed_instance_resigns() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.reload(VrrpConfig::default());
    assert_eq!(host.told(), ["send 0", "release", "MASTER>FAULT Removed"]);
    assert_eq!((host.router.instances().count(), host.router.poll_timeout()), (0, None));
}

#[test]
fn renumbered_instance_is_found_by_its_new_number_only() {
    let mut host = Host::start(only(instance("vi", 1, 100)));
    let old = host.config.instances[0].clone();
    let mut new = old.clone();
    new.vrid = Vrid::new(9).expect("not 0");
    host.reload(only(new.clone()));
    assert_eq!(host.hear_from(&old, HIGH, 200), lvsd_vrrp::Reception::Unknown);
    host.hear_from(&new, HIGH, 200);
    assert_eq!(host.view().adverts.received, 1);
}

#[test]
fn scripts_keep_their_verdict_while_their_command_stays() {
    let mut config = only(instance("vi", 1, 100));
    config.scripts = vec![script("chk")];
    config.instances[0].trackers.scripts = vec![track_script("chk", effect(-40))];
    let mut host = Host::start(config.clone());
    host.script("chk", Outcome::Failure);
    assert_eq!(host.priority(), 60);
    config.scripts[0].interval = SECOND * 9;
    host.reload(config.clone());
    assert_eq!(host.priority(), 60);
    assert_eq!(host.router.scripts().next().expect("a script").judge.failures(), 1);
    config.scripts[0].command = Err(lvsd_model::ReadableFile("/tmp/up".to_owned()));
    host.reload(config);
    assert_eq!(host.priority(), 100, "nothing is known about the new one");
}

#[test]
fn new_script_of_weight_0_does_not_unmake_a_master() {
    let mut host = Host::master(instance("vi", 1, 100));
    let mut config = host.config.clone();
    config.scripts = vec![script("chk")];
    config.instances[0].trackers.scripts = vec![track_script("chk", effect(0))];
    host.reload(config);
    assert_eq!(host.state(), State::Master);
    host.script("chk", Outcome::Failure);
    assert_eq!(host.state(), State::Fault);
}

#[test]
fn order_follows_the_configuration() {
    let mut host = Host::start(only(instance("x", 1, 100)));
    host.reload(VrrpConfig {
        instances: vec![instance("y", 2, 90), instance("x", 1, 100)],
        ..Default::default()
    });
    assert_eq!(host.router.instances().map(|view| view.config.name.as_str()).collect::<Vec<_>>(), ["y", "x"]);
    assert_eq!(host.named("y").base_priority, priority(90));
}
