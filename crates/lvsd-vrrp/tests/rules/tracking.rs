//! Trackers: weights, reversal, clamping, faults.

use lvsd_model::{
    Family, Hop, Hops, Metrics, Placement, Prefix, Route, RouteKind, RouteTable, TrackGroup, TrackWeight,
    VrrpConfig,
};
use lvsd_vrrp::{Adjustment, Fault, LinkState, Outcome, State, Tracker};

use crate::support::{
    Host, SECOND, effect, instance, link, micros, only, reversed, script, track_link, track_script,
};

fn with_script(base: u8, effect: TrackWeight) -> VrrpConfig {
    let mut config = only(instance("vi", 1, base));
    config.scripts = vec![script("chk")];
    config.instances[0].trackers.scripts = vec![track_script("chk", effect)];
    config
}

/// Base 100: what script and interface trackers of each kind make of OK and of failed.
#[test]
fn weights_add_and_subtract() {
    for (weight, when_ok, when_failed) in
        [(effect(20), 120, 100), (effect(-20), 100, 80), (reversed(20), 80, 100), (reversed(-20), 100, 120)]
    {
        let mut host = Host::start(with_script(100, weight));
        host.script("chk", Outcome::Success);
        assert_eq!((host.state(), host.priority()), (State::Backup, when_ok), "{weight:?}");
        host.script("chk", Outcome::Failure);
        assert_eq!((host.state(), host.priority()), (State::Backup, when_failed), "{weight:?}");

        let mut config = instance("vi", 1, 100);
        config.trackers.interfaces = vec![track_link("eth1", weight)];
        let mut host = Host::start(only(config));
        assert_eq!(host.priority(), when_failed, "{weight:?}");
        host.link("eth1", LinkState::Up);
        assert_eq!(host.priority(), when_ok, "{weight:?}");
    }
}

#[test]
fn changes_of_the_priority_are_told_to_those_who_ask() {
    let priorities = |host: &mut Host| {
        let told = host.told();
        told.into_iter().filter(|line| line.contains(" now ")).collect::<Vec<_>>()
    };
    let mut config = with_script(100, effect(-20));
    let mut quiet = Host::start(config.clone());
    quiet.script("chk", Outcome::Failure);
    assert!(priorities(&mut quiet).is_empty());

    config.instances[0].notify.priority_changes = true;
    let mut host = Host::start(config);
    host.script("chk", Outcome::Success);
    assert!(priorities(&mut host).is_empty());
    host.script("chk", Outcome::Failure);
    let told = priorities(&mut host);
    assert!(matches!(told.as_slice(), [line] if line.ends_with("Backup now 80")), "{told:?}");
}

#[test]
fn weight_0_is_a_fault() {
    for (weight, when_up, when_down) in
        [(effect(0), State::Backup, State::Fault), (reversed(0), State::Fault, State::Backup)]
    {
        let mut config = instance("vi", 1, 100);
        config.trackers.interfaces = vec![track_link("eth1", weight)];
        let mut host = Host::start(only(config));
        assert_eq!(host.state(), when_down);
        host.link("eth1", LinkState::Up);
        assert_eq!(host.state(), when_up);
    }
    let mut host = Host::start(with_script(100, effect(0)));
    host.script("chk", Outcome::Success);
    host.script("chk", Outcome::Failure);
    assert_eq!(host.view().faults, [Fault::Tracker(Tracker::Script("chk".to_owned()))]);
    host.script("chk", Outcome::Success);
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn priority_stays_between_1_and_254_and_adjustments_stay_whole() {
    for (base, weight, outcome, priority, amount) in [
        (250, 20, Outcome::Success, 254, 20),
        (10, -253, Outcome::Failure, 1, -253),
        (1, 253, Outcome::Success, 254, 253),
    ] {
        let mut host = Host::start(with_script(base, effect(weight)));
        host.script("chk", outcome);
        assert_eq!(host.priority(), priority);
        let tracker = Tracker::Script("chk".to_owned());
        assert_eq!(host.view().adjustments, [Adjustment { tracker, amount }]);
    }
}

#[test]
fn owner_is_never_adjusted_nor_kept_waiting_for_weights() {
    let mut host = Host::start(with_script(255, effect(-20)));
    assert_eq!(host.state(), State::Master);
    host.script("chk", Outcome::Failure);
    assert_eq!((host.priority(), host.view().adjustments.len()), (255, 0));
}

#[test]
fn running_down_timer_follows_the_priority() {
    let mut host = Host::start(with_script(100, effect(-50)));
    host.script("chk", Outcome::Success);
    assert_eq!(host.deadline(), micros(3_609_375));
    host.run(SECOND);
    host.script("chk", Outcome::Failure);
    assert_eq!(host.deadline(), std::time::Duration::from_nanos(3_804_687_500));
}

#[test]
fn rise_and_fall_delay_the_effect() {
    let mut config = with_script(100, effect(-50));
    config.scripts[0].rise = 2;
    config.scripts[0].fall = 3;
    let mut host = Host::start(config);
    let mut priorities = Vec::new();
    use Outcome::{Failure, Success, TimedOut};
    for outcome in [Success, Failure, TimedOut, Failure, Success, Success] {
        host.script("chk", outcome);
        priorities.push(host.priority());
    }
    assert_eq!(priorities, [100, 100, 100, 50, 50, 100]);
}

#[test]
fn master_announces_its_new_priority_with_the_next_advert() {
    let mut host = Host::start(with_script(100, effect(-50)));
    host.script("chk", Outcome::Success);
    host.run(SECOND * 4);
    host.outputs();
    host.script("chk", Outcome::Failure);
    assert_eq!((host.state(), host.told().len()), (State::Master, 0));
    host.run(SECOND);
    assert_eq!(host.told(), ["send 50"]);
}

#[test]
fn unknown_script_is_ignored() {
    let mut host = Host::start(with_script(100, effect(-50)));
    host.script("other", Outcome::Failure);
    host.script("chk", Outcome::Success);
    assert_eq!(host.priority(), 100);
}

#[test]
fn interface_names_are_told_apart() {
    let mut host = Host::master(instance("vi", 1, 100));
    host.link("eth9", LinkState::Down);
    host.link("eth9", LinkState::Up);
    assert_eq!((host.state(), host.told().len()), (State::Master, 0));
    assert_eq!(Fault::LinkDown(link("eth9")).to_string(), "interface eth9 is down");
}

fn route(device: &str, no_track: bool) -> Route {
    let hop = Hop { interface: Some(link(device)), ..Hop::default() };
    Route {
        kind: RouteKind::Unicast,
        destination: Prefix::default_of(Family::V4),
        source: None,
        tos: 0,
        table: RouteTable::MAIN,
        metric: None,
        protocol: Route::PROTOCOL,
        scope: 0,
        preferred_source: None,
        hops: Hops::One(hop),
        metrics: Metrics::default(),
        expires: None,
        preference: None,
        ttl_propagate: None,
        placement: Placement::Replace,
        no_track,
    }
}

#[test]
fn the_interface_of_a_virtual_route_is_needed_unless_it_is_not_tracked() {
    let mut config = instance("vi", 1, 100);
    config.routes = vec![route("eth1", false), route("eth2", true)];
    let mut host = Host::start(only(config));
    assert_eq!(host.view().faults, [Fault::LinkDown(link("eth1"))]);
    host.link("eth1", LinkState::Up);
    assert_eq!(host.state(), State::Backup);
}

#[test]
fn a_missing_static_object_is_a_fault_of_its_track_group() {
    let mut config = only(instance("vi", 1, 100));
    config.track_groups = vec![TrackGroup { name: "needs".to_owned(), members: vec!["vi".to_owned()] }];
    let mut host = Host::start(config.clone());
    host.static_missing("other", Some("route 10.0.0.0/8"));
    assert_eq!(host.state(), State::Backup);
    host.static_missing("needs", Some("route 10.0.0.0/8"));
    assert_eq!(host.view().faults, [Fault::Static("route 10.0.0.0/8".to_owned())]);
    host.reload(config);
    assert_eq!(host.state(), State::Fault, "a reload does not bring it back");
    host.static_missing("needs", None);
    assert_eq!(host.state(), State::Backup);
    host.static_missing("needs", Some("route 10.0.0.0/8"));
    host.reload(only(instance("vi", 1, 100)));
    assert_eq!(host.state(), State::Backup, "nothing needs it any more");
}

#[test]
fn a_reload_that_changes_a_route_of_a_master_changes_what_it_holds() {
    let config = instance("vi", 1, 100);
    let mut host = Host::master(config.clone());
    let mut with_route = config.clone();
    with_route.routes = vec![route("eth0", false)];
    host.outputs();
    host.reload(only(with_route));
    assert_eq!(host.told(), ["update", "send 100"]);
}
