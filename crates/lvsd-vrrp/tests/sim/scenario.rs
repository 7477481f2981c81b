//! One seed: a LAN is made up, suffers, is healed, and must come to rest.

use std::time::Duration;

use lvsd_model::{AdvertInterval, InitialState, Instance, Preempt, Version, VrrpConfig};
use lvsd_vrrp::wire::Membership;
use lvsd_vrrp::{down_interval, leave_interval, skew_time};

use crate::lan::{self, Lan};
use crate::random::Random;
use crate::support::{effect, group, instance, millis, priority, script, track_script, unicast, vip};

/// Whether a run tells what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Quiet,
    Loud,
}

/// What all routers of a LAN have in common.
struct Style {
    version: Version,
    interval: AdvertInterval,
    instances: usize,
    grouped: bool,
    unicast: bool,
    nopreempt: bool,
    resign: bool,
    inquiry: bool,
    preempt_delay: Duration,
    weighted_script: i16,
    decisive_script: bool,
    hosts: usize,
}

impl Style {
    fn any(random: &mut Random) -> Self {
        let version = random.pick(&[Version::V2, Version::V3, Version::V3]);
        let interval = match version {
            Version::V2 => AdvertInterval::v2(random.pick(&[1, 1, 2])),
            Version::V3 => AdvertInterval::v3(random.pick(&[1, 10, 50, 100, 100, 200])),
        };
        Self {
            version,
            interval: interval.expect("in range"),
            instances: 1 + random.index(3),
            grouped: random.percent(50),
            unicast: random.percent(20),
            nopreempt: random.percent(30),
            resign: random.percent(50),
            inquiry: random.percent(70),
            preempt_delay: Duration::from_secs(random.pick(&[0, 0, 0, 3])),
            weighted_script: random.pick(&[0, 0, 30, -30, -120]),
            decisive_script: random.percent(30),
            hosts: 2 + random.index(4),
        }
    }

    /// The longest time in which some router notices that there is no master.
    fn slowest_down(&self) -> Duration {
        down_interval(self.version, self.interval, priority(1), 3)
    }

    /// Time in which a healed LAN comes to rest: a start waits for scripts and then for the down interval; a preemption may be
    /// delayed, and wait for a down interval of its own; members of a group may do so one after the other.
    fn settling(&self) -> Duration {
        millis(1_200) + self.preempt_delay + self.slowest_down() * 6
    }

    fn config(&self, random: &mut Random, number: usize) -> VrrpConfig {
        let base: u8 = random.pick(&[1, 50, 100, 100, 150, 200, 254]);
        let initial = random.pick(&[InitialState::Backup, InitialState::Backup, InitialState::Master]);
        let owner = number == 0 && random.percent(10);
        let one = |index: usize| {
            let vrid = u8::try_from(index + 1).expect("few instances");
            // Without a group each router may prefer to be master of another instance.
            let turn = if self.grouped { 0 } else { u8::try_from(index * 7 + number * 3).expect("small") };
            let mut config = instance(&format!("vi{index}"), vrid, base.saturating_add(turn).min(254));
            if owner {
                config.priority = priority(255);
            }
            self.dress(&mut config, initial);
            config
        };
        let mut config =
            VrrpConfig { instances: (0..self.instances).map(one).collect(), ..VrrpConfig::default() };
        config.scripts = vec![script("weighted"), script("decisive")];
        let names: Vec<String> = config.instances.iter().map(|instance| instance.name.clone()).collect();
        let mut tracked = Vec::new();
        if self.weighted_script != 0 {
            tracked.push(track_script("weighted", effect(self.weighted_script)));
        }
        if self.decisive_script {
            tracked.push(track_script("decisive", effect(0)));
        }
        if self.grouped {
            let mut all = group("all", &names.iter().map(String::as_str).collect::<Vec<_>>());
            all.trackers.scripts = tracked;
            config.groups = vec![all];
        } else {
            config.instances[0].trackers.scripts = tracked;
        }
        config
    }

    fn dress(&self, config: &mut Instance, initial: InitialState) {
        config.version = self.version;
        config.advert_interval = self.interval;
        config.initial = initial;
        config.resign_on_priority_drop = self.resign;
        config.master_inquiry = self.inquiry;
        config.preempt = if self.nopreempt { Preempt::Never } else { Preempt::After(self.preempt_delay) };
        if self.unicast {
            let peers: Vec<String> = (1..=self.hosts).map(|peer| format!("10.0.0.{peer}")).collect();
            *config = unicast(config.clone(), &peers.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

pub(crate) fn run(seed: u64, voice: Voice) {
    let mut random = Random::new(seed);
    let style = Style::any(&mut random);
    let configs: Vec<VrrpConfig> = (0..style.hosts).map(|number| style.config(&mut random, number)).collect();
    let mut lan = Lan::new(random, voice == Voice::Loud);
    for config in configs {
        lan.add(config);
    }
    for number in 0..style.hosts {
        lan.hosts[number].liar = lan.random.percent(15);
    }
    for number in 0..style.hosts {
        lan.boot(number);
        let pause = lan.random.micros(3_000_000);
        lan.run(pause);
    }
    for _ in 0..40 {
        trouble(&mut lan, &style);
        let pause = lan.random.micros(2 * u64::try_from(style.slowest_down().as_micros()).expect("short"));
        lan.run(pause);
    }
    heal(&mut lan);
    lan.run(style.settling());
    at_rest(&lan, &style);
    stays_at_rest(&mut lan, &style);
    lan.replays();
    survives_its_masters(&mut lan, &style);
}

/// One thing goes wrong, or right again.
fn trouble(lan: &mut Lan, style: &Style) {
    let number = lan.random.index(style.hosts);
    let alive = lan.hosts[number].router.is_some();
    match lan.random.below(16) {
        0 => lan.weather.loss = lan.random.pick(&[0, 5, 20, 60, 100]),
        1 => lan.weather.duplicates = lan.random.pick(&[0, 10, 50]),
        2 => lan.weather.delay = lan.random.pick(&[0, 500, 20_000, 400_000]),
        3 => {
            for host in 0..style.hosts {
                lan.weather.sides[host] = u8::try_from(lan.random.below(2)).expect("0 or 1");
            }
        }
        4 => lan.weather.sides.fill(0),
        5 if alive && lan.random.percent(50) => lan.kill(number),
        5 if alive => lan.kill_processes(number),
        6 if alive => lan.stop(number),
        5..=7 if !alive => lan.boot(number),
        7 => {
            let span = lan.random.micros(8_000_000);
            lan.pause(number, span);
        }
        8 => {
            let up = lan.random.percent(50);
            lan.set_link(number, up);
        }
        9 | 10 => {
            let script = lan.random.index(2);
            lan.hosts[number].healthy[script] = lan.random.percent(60);
        }
        11 => {
            let config = edited(lan, number);
            lan.reload(number, config);
        }
        // A lie, or the truth of long ago.
        12 => lan.report(number, Membership::Left, Duration::from_secs(2)),
        13 => lan.deny(number),
        14 => lan.report(number, Membership::Member, millis(10)),
        _ => lan.delete_address(number),
    }
}

/// A configuration that is a little different, or not.
fn edited(lan: &mut Lan, number: usize) -> VrrpConfig {
    let mut config = lan.hosts[number].config.clone();
    match lan.random.below(4) {
        0 => {}
        1 => {
            let base = lan.random.pick(&[10, 90, 120, 240]);
            for instance in config.instances.iter_mut().filter(|instance| !instance.priority.is_owner()) {
                instance.priority = priority(base);
            }
        }
        2 => {
            let octet = lan.random.below(200);
            config.instances[0].excluded = vec![vip(&format!("10.0.7.{octet}"))];
        }
        _ => config.instances[0].garp.refresh = Duration::from_secs(lan.random.below(5)),
    }
    config
}

/// The LAN works, hosts are no longer disturbed. The dead stay dead, the ill stay ill.
fn heal(lan: &mut Lan) {
    lan.say(|| "the LAN is healed".to_owned());
    lan.weather.loss = 0;
    lan.weather.duplicates = 0;
    lan.weather.delay = 500;
    lan.weather.sides.fill(0);
    let resumed = lan.hosts.iter().filter_map(|host| host.paused_until).max();
    lan.run_until(resumed.unwrap_or(lan.now).max(lan.now));
    // Packets that were delayed for long are gone, too.
    lan.run(millis(400));
}

/// Exactly one master for every virtual router, if any router can be.
fn at_rest(lan: &Lan, style: &Style) {
    for index in 0..style.instances {
        let name = format!("vi{index}");
        let (masters, able) = (lan.masters(&name), lan.able(&name));
        assert!(masters.len() <= 1, "{name}: hosts {masters:?} are all MASTER");
        assert_eq!(masters.is_empty(), able.is_empty(), "{name}: hosts {able:?} could be MASTER and none is");
    }
}

fn stays_at_rest(lan: &mut Lan, style: &Style) {
    let before = lan.now;
    // Whoever claims that the others have left the group, or do not speak VRRP: without a missed advert nobody moves.
    for _ in 0..10 {
        let number = lan.random.index(style.hosts);
        lan.report(number, Membership::Left, Duration::ZERO);
        lan.deny(number);
        lan.run(style.slowest_down() / 2);
    }
    for (number, host) in lan.hosts.iter().enumerate() {
        assert!(
            host.changed_at <= before,
            "host {number} changed at {:?}, after {before:?}",
            host.changed_at
        );
    }
    at_rest(lan, style);
}

/// The masters leave one after the other, some with a farewell; each time another takes over in the time of the protocol.
fn survives_its_masters(lan: &mut Lan, style: &Style) {
    // Nothing overtakes a farewell: an advert that arrives after it counts as a living master.
    lan.weather.delay = 0;
    lan.run(millis(1));
    for _ in 0..style.hosts {
        let Some(master) = lan.masters("vi0").first().copied() else { return };
        if lan.random.percent(50) {
            lan.stop(master);
            lan.run(skew_time(style.version, style.interval, priority(1)) + millis(5));
        } else if lan.random.percent(50) && !style.grouped && !style.unicast {
            lan.kill_processes(master);
            // One missed advert, and the kernel's word for why.
            let noticed = leave_interval(style.version, style.interval, priority(1));
            lan.run(noticed.max(lan::REPORT_DELAY) + millis(5));
        } else {
            lan.kill(master);
            // Members of a group wait for each other: two down intervals at the most.
            lan.run(style.slowest_down() * if style.grouped { 2 } else { 1 } + millis(5));
        }
        let (masters, able) = (lan.masters("vi0"), lan.able("vi0"));
        assert_eq!(masters.is_empty(), able.is_empty(), "hosts {able:?} could be MASTER and none is");
        // Equal priorities may have produced two for an instant.
        lan.run(style.slowest_down());
        at_rest(lan, style);
    }
}
