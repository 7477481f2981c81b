//! `resign_on_priority_drop`: a master that does not preempt gives up when trackers lower its priority.

use std::time::Duration;

use lvsd_model::{Instance, Preempt, VrrpConfig};
use lvsd_vrrp::{Outcome, State};

use crate::support::{
    HIGH, Host, SECOND, effect, group, instance, micros, priority, script, track_link, track_script,
};

/// Three intervals and the skew of priority 99.
const DOWN: Duration = Duration::from_nanos(3_613_281_250);

fn config(edit: impl FnOnce(&mut Instance)) -> VrrpConfig {
    let mut config = instance("vi", 1, 101);
    config.preempt = Preempt::Never;
    config.resign_on_priority_drop = true;
    config.trackers.scripts = vec![track_script("web", effect(-2)), track_script("db", effect(-5))];
    edit(&mut config);
    let scripts = vec![script("web"), script("db")];
    VrrpConfig { instances: vec![config], scripts, ..VrrpConfig::default() }
}

/// A healthy master; its outputs are taken.
fn master(config: VrrpConfig) -> Host {
    let mut host = Host::start(config);
    for name in ["web", "db"] {
        host.script(name, Outcome::Success);
    }
    host.run(SECOND * 5);
    assert!(host.states().iter().all(|state| *state == State::Master));
    host.outputs();
    host
}

#[test]
fn a_drop_is_a_proper_resignation() {
    let mut host = master(config(|_| {}));
    host.script("web", Outcome::Failure);
    assert_eq!(host.told(), ["send 0", "release", "MASTER>BACKUP PriorityDropped"]);
    assert_eq!(host.priority(), 99);
    assert_eq!(host.deadline(), host.now + DOWN, "everybody else goes first");
    host.run(micros(500_000));
    host.hear(HIGH, 100);
    host.script("web", Outcome::Success);
    host.run_until(host.now + SECOND);
    host.hear(HIGH, 100);
    assert_eq!((host.state(), host.told()), (State::Backup, Vec::new()), "recovered, it does not take back");
}

#[test]
fn if_nobody_takes_over_it_does_and_stays() {
    let mut host = master(config(|_| {}));
    host.script("web", Outcome::Failure);
    host.outputs();
    host.run(DOWN);
    assert_eq!(host.told().last().expect("a transition"), "BACKUP>MASTER MasterSilent");
    host.script("db", Outcome::Failure);
    assert_eq!((host.state(), host.priority()), (State::Master, 94));
    host.script("db", Outcome::Success);
    host.script("db", Outcome::Failure);
    assert_eq!(host.state(), State::Master, "once, until it has been as well as before");
    host.script("db", Outcome::Success);
    host.script("web", Outcome::Success);
    assert_eq!((host.state(), host.priority()), (State::Master, 101));
    host.script("db", Outcome::Failure);
    assert_eq!(host.state(), State::Backup, "well again, and then ill: that is another time");
}

#[test]
fn it_has_to_be_asked_for_and_needs_nopreempt() {
    for edit in
        [(|config: &mut Instance| config.resign_on_priority_drop = false) as fn(&mut Instance), |config| {
            config.preempt = Preempt::After(Duration::ZERO)
        }]
    {
        let mut host = master(config(edit));
        host.script("web", Outcome::Failure);
        assert_eq!((host.state(), host.priority(), host.told()), (State::Master, 99, Vec::new()));
    }
}

#[test]
fn what_a_reload_makes_of_the_priority_is_no_drop() {
    let mut host = master(config(|_| {}));
    host.reload(config(|config| config.priority = priority(50)));
    assert_eq!((host.state(), host.priority()), (State::Master, 50));
    host.reload(config(|config| config.trackers.interfaces = vec![track_link("eth9", effect(-20))]));
    assert_eq!((host.state(), host.priority()), (State::Master, 81));
    host.script("web", Outcome::Failure);
    assert_eq!((host.state(), host.priority()), (State::Backup, 79));
}

#[test]
fn a_group_gives_up_together_and_each_says_so() {
    let mut both = config(|_| {});
    let mut second = both.instances[0].clone();
    second.name = "vj".to_owned();
    second.vrid = lvsd_model::Vrid::new(2).expect("not 0");
    both.instances.push(second);
    let mut all = group("g", &["vi", "vj"]);
    all.tracking_weight = true;
    both.groups = vec![all];
    let mut host = master(both);
    host.script("web", Outcome::Failure);
    assert_eq!(
        host.told(),
        [
            "vi: send 0",
            "vi: release",
            "vi: MASTER>BACKUP PriorityDropped",
            "vj: send 0",
            "vj: release",
            "vj: MASTER>BACKUP Group",
            "g: MASTER>BACKUP PriorityDropped",
        ]
    );
    host.run(DOWN * 2);
    assert_eq!(host.states(), [State::Master; 2]);
    host.script("db", Outcome::Failure);
    assert_eq!(host.states(), [State::Master; 2], "both have given up once");
}
