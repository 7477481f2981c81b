//! Whatever happens in whatever order: no panic, no broken invariant, no output that contradicts another.

#[path = "support/observer.rs"]
mod observer;
mod support;

use std::time::Duration;

use lvsd_model::{AdvertInterval, Family, Preempt, VrrpConfig};
use lvsd_vrrp::wire::{Membership, RxMeta};
use lvsd_vrrp::{LinkState, Outcome, Router, ShutdownMode, State};
use observer::Observer;
use proptest::prelude::*;
use support::{
    at, effect, group, instance, ip, link, membership_report, millis, packet, priority, script, track_link,
    track_script, vip,
};

/// One thing that can happen.
#[derive(Clone, Debug)]
enum Op {
    Pass(u32),
    Timeout,
    Advert { instance: usize, source: u8, priority: u8, centis: u16 },
    Garbage(Vec<u8>),
    Membership(u8, bool),
    Link(u8, bool),
    Source(bool),
    Script(u8, u8),
    Deleted(usize),
    Reload(usize),
    Reannounce,
    Shutdown(bool),
}

fn any_op() -> impl Strategy<Value = Op> {
    let priority = prop_oneof![Just(0_u8), Just(255), Just(100), any::<u8>()];
    prop_oneof![
        6 => (0_u32..3_000).prop_map(Op::Pass),
        2 => Just(Op::Timeout),
        8 => (0_usize..4, 1_u8..10, priority, prop_oneof![Just(100_u16), 1_u16..=4095])
            .prop_map(|(instance, source, priority, centis)| Op::Advert { instance, source, priority, centis }),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Op::Garbage),
        3 => (1_u8..10, any::<bool>()).prop_map(|(source, left)| Op::Membership(source, left)),
        2 => (0_u8..3, any::<bool>()).prop_map(|(name, up)| Op::Link(name, up)),
        1 => any::<bool>().prop_map(Op::Source),
        3 => (0_u8..2, 0_u8..4).prop_map(|(name, outcome)| Op::Script(name, outcome)),
        1 => (0_usize..4).prop_map(Op::Deleted),
        2 => (0_usize..CONFIGS).prop_map(Op::Reload),
        1 => Just(Op::Reannounce),
        1 => (0_u8..20, any::<bool>()).prop_map(|(rare, keep)| if rare == 0 { Op::Shutdown(keep) } else { Op::Timeout }),
    ]
}

const CONFIGS: usize = 6;

/// Configurations that a reload may go between.
fn config(number: usize) -> VrrpConfig {
    let mut config = VrrpConfig {
        instances: vec![instance("a", 1, 100), instance("b", 2, 100), instance("c", 3, 255)],
        groups: vec![group("g", &["a", "b"])],
        scripts: vec![script("s0"), script("s1")],
        ..VrrpConfig::default()
    };
    config.instances[0].trackers.scripts = vec![track_script("s0", effect(0))];
    config.instances[1].trackers.scripts = vec![track_script("s1", effect(-60))];
    config.instances[2].trackers.interfaces = vec![track_link("eth1", effect(0))];
    match number {
        1 => config.groups[0].tracking_weight = true,
        2 => {
            config.groups[0].members.push("c".to_owned());
            config.instances[0].priority = priority(255);
            config.instances[1].priority = priority(255);
        }
        3 => {
            config.groups.clear();
            config.instances[0].preempt = Preempt::Never;
            config.instances[1].preempt = Preempt::After(Duration::from_secs(2));
            config.instances[1].garp.refresh = Duration::from_secs(1);
        }
        4 => {
            config.instances.remove(1);
            config.groups[0].members = vec!["a".to_owned(), "c".to_owned()];
            config.instances[0].excluded.push(vip("10.0.9.9"));
            config.instances[0].advert_interval = AdvertInterval::v3(1).expect("in range");
        }
        5 => {
            config.instances[0].interface = Some(link("eth1"));
            config.instances[0].source = Some(ip("10.0.0.50"));
            config.instances.push(instance("d", 4, 1));
            config.groups.push(group("h", &["d", "c"]));
        }
        _ => {}
    }
    config
}

struct World {
    router: Router,
    observer: Observer,
    now: Duration,
    config: VrrpConfig,
    joined_by_reload: bool,
    stopped: bool,
}

impl World {
    fn new(startup_delay: Duration) -> Self {
        let mut world = Self {
            router: Router::new(at(startup_delay)),
            observer: Observer::default(),
            now: Duration::ZERO,
            config: config(0),
            joined_by_reload: false,
            stopped: false,
        };
        world.act(&Op::Link(0, true));
        world.act(&Op::Source(true));
        world.act(&Op::Reload(0));
        world
    }

    fn act(&mut self, op: &Op) {
        let now = at(self.now);
        match op {
            Op::Pass(span) => self.now += millis(u64::from(*span)),
            Op::Timeout => self.router.handle_timeout(now),
            Op::Advert { instance, source, priority, centis } => {
                let Some(mut config) = self.config.instances.get(*instance).cloned() else { return };
                config.advert_interval = AdvertInterval::v3(*centis).expect("in range");
                let (meta, octets) = packet(&config, ip(&format!("10.0.0.{source}")), *priority);
                self.router.receive(now, config.interface.as_ref(), meta, &octets);
            }
            Op::Garbage(octets) => {
                let meta = RxMeta::new(ip("10.0.0.1"), ip("224.0.0.18"), 255);
                self.router.receive(now, Some(&link("eth0")), meta, octets);
                let _ = self.router.receive_membership(now, &link("eth0"), Family::V4, octets);
            }
            Op::Membership(source, left) => {
                let said = if *left { Membership::Left } else { Membership::Member };
                let packet = membership_report(ip(&format!("10.0.0.{source}")), ip("224.0.0.18"), said);
                let taken = self.router.receive_membership(now, &link("eth0"), Family::V4, &packet);
                assert_eq!(taken, Ok(()));
            }
            Op::Link(name, up) => {
                let state = if *up { LinkState::Up } else { LinkState::Down };
                self.router.link(now, &link(&format!("eth{name}")), state);
            }
            Op::Source(known) => {
                let address = known.then(|| ip("10.0.0.5"));
                self.router.interface_address(now, &link("eth0"), Family::V4, address);
            }
            Op::Script(name, outcome) => {
                let outcomes = [Outcome::Success, Outcome::Failure, Outcome::TimedOut, Outcome::Disabled];
                self.router.script_result(now, &format!("s{name}"), outcomes[usize::from(*outcome)]);
            }
            Op::Deleted(instance) => {
                let found = self.router.instances().nth(*instance);
                let found = found.map(|view| (view.id, view.config.addresses[0].address));
                if let Some((id, address)) = found {
                    self.router.address_deleted(now, id, address);
                }
            }
            Op::Reload(number) => {
                if !self.stopped {
                    self.config = config(*number);
                    self.joined_by_reload = true;
                }
                self.router.apply(now, &self.config);
            }
            Op::Reannounce => self.router.reannounce(now),
            Op::Shutdown(keep) => {
                let mode = if *keep { ShutdownMode::KeepAddresses } else { ShutdownMode::Resign };
                self.router.shutdown(now, mode);
                if *keep {
                    self.observer.holding.clear();
                }
                self.stopped = true;
            }
        }
        self.observer.take(&mut self.router);
        self.check_groups();
    }

    /// All masters or none, except while a reload's new member joins.
    fn check_groups(&mut self) {
        let mixed = self.router.groups().any(|group| {
            let masters = group
                .members
                .iter()
                .filter(|id| self.router.instance(**id).is_some_and(|view| view.state == State::Master));
            let masters = masters.count();
            masters > 0 && masters < group.members.len()
        });
        assert!(!mixed || self.joined_by_reload, "a group moves as one");
        // Later changes must not make one.
        self.joined_by_reload &= mixed;
    }

    /// Serves every deadline in time.
    fn serve(&mut self) {
        for _ in 0..10_000 {
            match self.router.poll_timeout() {
                Some(due) if due <= at(self.now) => {
                    self.router.handle_timeout(at(self.now));
                    self.observer.take(&mut self.router);
                    let next = self.router.poll_timeout();
                    assert!(next.is_none_or(|next| next > at(self.now)), "everything due was done at once");
                }
                _ => return,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_is_survived(
        startup in prop_oneof![Just(0_u64), 0_u64..5_000],
        ops in prop::collection::vec((any_op(), any::<bool>()), 1..120),
    ) {
        let mut world = World::new(millis(startup));
        for (op, serve) in &ops {
            world.act(op);
            if *serve {
                world.serve();
            }
        }
    }

    /// A call before the deadline changes nothing at all.
    #[test]
    fn early_timeouts_do_nothing(ops in prop::collection::vec(any_op(), 1..60)) {
        let mut world = World::new(Duration::ZERO);
        for op in &ops {
            world.act(op);
            world.serve();
            let seen = |world: &World| {
                let instances: Vec<_> = world.router.instances().collect();
                let groups: Vec<_> = world.router.groups().collect();
                format!("{instances:?} {groups:?}")
            };
            let before = seen(&world);
            if let Some(due) = world.router.poll_timeout() {
                prop_assert!(due > at(world.now));
                let early = at((due.since_start() - Duration::from_nanos(1)).max(world.now));
                world.router.handle_timeout(early);
                world.now = early.since_start();
                prop_assert_eq!(world.router.poll_output(), None);
                prop_assert_eq!(world.router.poll_timeout(), Some(due));
            }
            prop_assert!(before == seen(&world), "an early timeout changed something");
        }
    }
}
