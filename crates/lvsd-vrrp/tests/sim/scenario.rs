//! One seed: a LAN is made up, suffers, is healed, and must come to rest.
//!
//! Everything that happens is drawn before anything does, so that a schedule can be tried with a part of its troubles.

use std::time::Duration;

use lvsd_model::{AdvertInterval, InitialState, Instance, Preempt, Version, VrrpConfig};
use lvsd_vrrp::wire::Membership;
use lvsd_vrrp::{down_interval, leave_interval, skew_time};

use crate::lan::{self, Lan};
use crate::random::Random;
use crate::support::{effect, group, instance, millis, priority, script, track_script, unicast};
use crate::trouble::Trouble;

/// Whether a run tells what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Quiet,
    Loud,
}

/// How many things go wrong.
pub(crate) const TROUBLES: usize = 40;

/// What all routers of a LAN have in common.
struct Style {
    /// Of each host: routers of one version do not hear those of the other.
    versions: Vec<Version>,
    /// Of each host, as with software that does not know of it.
    leave_detection: Vec<bool>,
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
        let hosts = 2 + random.index(4);
        let version = random.pick(&[Version::V2, Version::V3, Version::V3]);
        let mixed = random.percent(15);
        let interval = match version {
            // One that both can have.
            _ if mixed => AdvertInterval::v2(random.pick(&[1, 2])),
            Version::V2 => AdvertInterval::v2(random.pick(&[1, 1, 2])),
            Version::V3 => AdvertInterval::v3(random.pick(&[1, 10, 50, 100, 100, 200])),
        };
        let all_detect = random.percent(80);
        Self {
            versions: (0..hosts)
                .map(|_| if mixed { random.pick(&[Version::V2, Version::V3]) } else { version })
                .collect(),
            leave_detection: (0..hosts).map(|_| all_detect || random.percent(50)).collect(),
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
            hosts,
        }
    }

    /// The longest time in which some router notices that there is no master.
    fn slowest_down(&self) -> Duration {
        let down = |version: &Version| down_interval(*version, self.interval, priority(1), 3);
        self.versions.iter().map(down).max().unwrap_or_default()
    }

    /// The longest time in which some router takes over from one that resigned.
    fn slowest_skew(&self) -> Duration {
        let skew = |version: &Version| skew_time(*version, self.interval, priority(1));
        self.versions.iter().map(skew).max().unwrap_or_default()
    }

    /// The longest time in which some router takes over from one whose host has left the group.
    fn slowest_leave(&self) -> Duration {
        let leave = |version: &Version| leave_interval(*version, self.interval, priority(1));
        self.versions.iter().map(leave).max().unwrap_or_default()
    }

    /// The hosts that hear each other.
    fn camps(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        [Version::V2, Version::V3].into_iter().map(|version| {
            let of_version = |host: &usize| self.versions[*host] == version;
            (0..self.hosts).filter(of_version).collect()
        })
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
            self.dress(&mut config, number, initial);
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

    fn dress(&self, config: &mut Instance, number: usize, initial: InitialState) {
        config.version = self.versions[number];
        config.leave_detection = self.leave_detection[number];
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

/// A whole schedule.
struct Schedule {
    style: Style,
    configs: Vec<VrrpConfig>,
    boots: Vec<Duration>,
    troubles: Vec<(Trouble, Duration)>,
    /// For what the LAN does to each packet.
    random: Random,
}

impl Schedule {
    fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let style = Style::any(&mut random);
        let configs = (0..style.hosts).map(|number| style.config(&mut random, number)).collect();
        let boots = (0..style.hosts).map(|_| random.micros(3_000_000)).collect();
        let longest = 2 * u64::try_from(style.slowest_down().as_micros()).expect("short");
        let mut trouble = || (Trouble::any(&mut random, style.hosts), random.micros(longest));
        let troubles = (0..TROUBLES).map(|_| trouble()).collect();
        Self { style, configs, boots, troubles, random }
    }
}

/// Runs the schedule of a seed, with those of its troubles.
pub(crate) fn run(seed: u64, chosen: &[usize], voice: Voice) {
    let Schedule { style, configs, boots, troubles, random } = Schedule::of(seed);
    let mut lan = Lan::new(random, voice == Voice::Loud);
    for config in configs {
        lan.add(config);
    }
    for number in 0..style.hosts {
        lan.hosts[number].liar = lan.random.percent(15);
    }
    for (number, pause) in boots.into_iter().enumerate() {
        lan.boot(number);
        lan.run(pause);
    }
    for (number, (trouble, pause)) in troubles.into_iter().enumerate() {
        if chosen.contains(&number) {
            lan.say(|| format!("trouble {number}: {trouble:?}"));
            trouble.happen(&mut lan);
        }
        lan.run(pause);
    }
    heal(&mut lan);
    lan.run(style.settling());
    at_rest(&lan, &style);
    stays_at_rest(&mut lan, &style);
    lan.replays();
    is_replaced_unnoticed(&mut lan, &style);
    survives_its_masters(&mut lan, &style);
}

/// The LAN works, hosts are no longer disturbed. The dead stay dead, the ill stay ill.
fn heal(lan: &mut Lan) {
    lan.say(|| "the LAN is healed".to_owned());
    lan.weather.loss = 0;
    lan.weather.duplicates = 0;
    lan.weather.delay = 500;
    lan.reconnect();
    let back = |host: &lan::Host| host.succeeded_at.max(host.paused_until.unwrap_or_default());
    let all_back = lan.hosts.iter().map(back).max().unwrap_or_default();
    lan.run_until(all_back.max(lan.now));
    // Packets that were delayed for long are gone, too.
    lan.run(millis(400));
}

/// Exactly one master for every virtual router, if any router can be, among those that hear each other.
fn at_rest(lan: &Lan, style: &Style) {
    for index in 0..style.instances {
        let name = format!("vi{index}");
        for camp in style.camps() {
            let (masters, able) = (among(&camp, lan.masters(&name)), among(&camp, lan.able(&name)));
            assert!(masters.len() <= 1, "{name}: hosts {masters:?} are all MASTER");
            assert_eq!(
                masters.is_empty(),
                able.is_empty(),
                "{name}: hosts {able:?} could be MASTER and none is"
            );
        }
    }
}

fn among(camp: &[usize], mut hosts: Vec<usize>) -> Vec<usize> {
    hosts.retain(|host| camp.contains(host));
    hosts
}

/// The process of a master dies and is replaced before anybody misses it: nobody moves.
fn is_replaced_unnoticed(lan: &mut Lan, style: &Style) {
    let Some(master) = lan.masters("vi0").first().copied() else { return };
    let before = lan.now;
    let masters =
        |lan: &Lan| (0..style.instances).map(|index| lan.masters(&format!("vi{index}"))).collect::<Vec<_>>();
    let were = masters(lan);
    lan.replace(master, style.interval.duration() / 2);
    lan.run(style.slowest_down() * 2);
    assert_eq!(masters(lan), were, "host {master} has a new process");
    for (number, host) in lan.hosts.iter().enumerate().filter(|(number, _)| *number != master) {
        assert!(host.changed_at <= before, "host {number} changed when {master} had a new process");
    }
    lan.run(style.settling());
    at_rest(lan, style);
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
            lan.run(style.slowest_skew() + millis(5));
        } else if lan.random.percent(50)
            && !style.unicast
            && !style.grouped
            && style.leave_detection.iter().all(|on| *on)
        {
            lan.kill_processes(master);
            // One missed advert, and the kernel's word for why.
            lan.run(style.slowest_leave().max(lan::REPORT_DELAY) + millis(5));
        } else {
            lan.kill(master);
            // Members of a group wait for each other: two down intervals at the most.
            lan.run(style.slowest_down() * if style.grouped { 2 } else { 1 } + millis(5));
        }
        for camp in style.camps() {
            let (masters, able) = (among(&camp, lan.masters("vi0")), among(&camp, lan.able("vi0")));
            assert_eq!(masters.is_empty(), able.is_empty(), "hosts {able:?} could be MASTER and none is");
        }
        // Equal priorities may have produced two for an instant.
        lan.run(style.slowest_down());
        at_rest(lan, style);
    }
}
