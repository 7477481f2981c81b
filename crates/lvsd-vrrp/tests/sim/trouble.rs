//! What happens to a LAN before it is healed: drawn from the seed at once, so that a part of it can be tried alone.

use std::time::Duration;

use lvsd_model::VrrpConfig;
use lvsd_vrrp::wire::Membership;

use crate::lan::Lan;
use crate::random::Random;
use crate::support::{millis, priority, vip};

/// One thing that goes wrong, or right again. What cannot happen to a host that is dead boots it.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Percent of packets lost.
    Loss(u64),
    /// Percent of packets delivered twice.
    Duplicates(u64),
    /// The longest delay, in microseconds.
    Delay(u64),
    /// The side of each host: packets do not cross.
    Partition(Vec<u8>),
    /// One does not hear the other any more; the other hears it.
    Deafen { deaf: usize, to: usize },
    /// Every host hears every other one.
    Reconnect,
    /// Power failure.
    Crash(usize),
    /// All processes die, and the kernel tells.
    KillProcesses(usize),
    /// The VRRP process dies and is replaced after a while.
    Replace(usize, Duration),
    /// An orderly stop.
    Stop(usize),
    /// It is not scheduled for a while.
    Pause(usize, Duration),
    /// Its clock jumps ahead.
    Jump(usize, Duration),
    /// Its link goes down or comes up.
    Link(usize, bool),
    /// A script of it begins to fail or to succeed.
    Script { host: usize, script: usize, healthy: bool },
    /// It gets another configuration, or the same.
    Reload(usize, Edit),
    /// Somebody says that it left the group, or joined: a lie, or the truth of long ago.
    Report(usize, Membership, Duration),
    /// Somebody denies in its name that it speaks VRRP.
    Deny(usize),
    /// Somebody deletes an address of it.
    DeleteAddress(usize),
}

/// What is different in a new configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Nothing,
    Base(u8),
    Excluded(u64),
    Refresh(u64),
}

impl Edit {
    fn any(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self::Nothing,
            1 => Self::Base(random.pick(&[10, 90, 120, 240])),
            2 => Self::Excluded(random.below(200)),
            _ => Self::Refresh(random.below(5)),
        }
    }

    fn of(self, config: &VrrpConfig) -> VrrpConfig {
        let mut config = config.clone();
        match self {
            Self::Nothing => {}
            Self::Base(base) => {
                for instance in config.instances.iter_mut().filter(|instance| !instance.priority.is_owner()) {
                    instance.priority = priority(base);
                }
            }
            Self::Excluded(octet) => config.instances[0].excluded = vec![vip(&format!("10.0.7.{octet}"))],
            Self::Refresh(seconds) => config.instances[0].garp.refresh = Duration::from_secs(seconds),
        }
        config
    }
}

impl Trouble {
    pub(crate) fn any(random: &mut Random, hosts: usize) -> Self {
        let host = random.index(hosts);
        match random.below(21) {
            0 => Self::Loss(random.pick(&[0, 5, 20, 50, 100])),
            1 => Self::Duplicates(random.pick(&[0, 10, 50])),
            2 => Self::Delay(random.pick(&[0, 500, 20_000, 400_000])),
            3 => {
                let side = |_| u8::try_from(random.below(2)).expect("0 or 1");
                Self::Partition((0..hosts).map(side).collect())
            }
            4 => Self::Deafen { deaf: host, to: random.index(hosts) },
            5 => Self::Reconnect,
            6 => Self::Crash(host),
            7 => Self::KillProcesses(host),
            8 | 9 => {
                let longest = random.pick(&[5_000, 100_000, 4_000_000]);
                Self::Replace(host, random.micros(longest))
            }
            10 => Self::Stop(host),
            11 => Self::Pause(host, random.micros(8_000_000)),
            12 => Self::Jump(host, random.micros(8_000_000)),
            13 => Self::Link(host, random.percent(50)),
            14 | 15 => Self::Script { host, script: random.index(2), healthy: random.percent(60) },
            16 => Self::Reload(host, Edit::any(random)),
            17 => Self::Report(host, Membership::Left, Duration::from_secs(2)),
            18 => Self::Report(host, Membership::Member, millis(10)),
            19 => Self::Deny(host),
            _ => Self::DeleteAddress(host),
        }
    }

    pub(crate) fn happen(&self, lan: &mut Lan) {
        let alive = |lan: &Lan, host: &usize| lan.hosts[*host].router.is_some();
        match self {
            Self::Loss(percent) => lan.weather.loss = *percent,
            Self::Duplicates(percent) => lan.weather.duplicates = *percent,
            Self::Delay(micros) => lan.weather.delay = *micros,
            Self::Partition(sides) => lan.weather.sides.clone_from(sides),
            Self::Deafen { deaf, to } => {
                lan.weather.deaf.insert((*deaf, *to));
            }
            Self::Reconnect => lan.reconnect(),
            Self::Crash(host)
            | Self::KillProcesses(host)
            | Self::Replace(host, _)
            | Self::Stop(host)
            | Self::Pause(host, _)
                if !alive(lan, host) =>
            {
                lan.boot(*host);
            }
            Self::Crash(host) => lan.kill(*host),
            Self::KillProcesses(host) => lan.kill_processes(*host),
            Self::Replace(host, after) => lan.replace(*host, *after),
            Self::Stop(host) => lan.stop(*host),
            Self::Pause(host, span) => lan.pause(*host, *span),
            Self::Jump(host, span) => lan.jump(*host, *span),
            Self::Link(host, up) => lan.set_link(*host, *up),
            Self::Script { host, script, healthy } => lan.hosts[*host].healthy[*script] = *healthy,
            Self::Reload(host, edit) => {
                let config = edit.of(&lan.hosts[*host].config);
                lan.reload(*host, config);
            }
            Self::Report(host, membership, latest) => lan.report(*host, *membership, *latest),
            Self::Deny(host) => lan.deny(*host),
            Self::DeleteAddress(host) => lan.delete_address(*host),
        }
    }
}
