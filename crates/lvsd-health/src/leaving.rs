//! `drain_timeout`: a server that a reload removes gets no new connections, and is gone once its last one has ended or the time
//! is over.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipvs::{Dest, DestKey, ServiceKey, Table};
use lvsd_model::{RealServer, VirtualServer, Weight};

use crate::pool::{Pool, position};
use crate::table;
use crate::time::Time;

/// A server on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) address: SocketAddr,
    /// What is left of it in the table, by service: all of weight 0.
    pub(crate) dests: BTreeMap<ServiceKey, Dest>,
    /// When it is removed whatever it has.
    pub(crate) until: Time,
}

impl Leaving {
    fn new(server: &RealServer, keys: &[ServiceKey], until: Time) -> Self {
        let limits = table::limits(server.upper_threshold, server.lower_threshold);
        let dest = |key| table::dest(key, server.address, server.forward, Weight::ZERO).with_limits(limits);
        Self { address: server.address, dests: keys.iter().map(|key| (*key, dest(key))).collect(), until }
    }

    /// Forgets what has no connections any more; whether that was something.
    pub(crate) fn ended(&mut self, service: &ServiceKey, dest: &DestKey) -> bool {
        let is_it = self.dests.get(service).is_some_and(|one| one.key == *dest);
        is_it && self.dests.remove(service).is_some()
    }

    /// Whether it is still to be waited for.
    pub(crate) fn goes_on(&self, config: &VirtualServer, now: Time) -> bool {
        self.until > now && !self.dests.is_empty() && position(config, self.address).is_none()
    }
}

/// Those that leave `before` because they are not in the configuration any more, which keeps some of the services.
pub(crate) fn from_reload(
    config: &VirtualServer,
    keys: &[ServiceKey],
    before: &Pool,
    now: Time,
) -> Vec<Leaving> {
    let Some(timeout) = config.turnover.drain_timeout else { return Vec::new() };
    let kept: Vec<_> = keys.iter().filter(|key| before.keys.contains(key)).copied().collect();
    let removed = before.members().filter(|(server, ..)| position(config, server.address).is_none());
    let served = removed.filter(|(server, _, state)| before.table_weight(server, state).is_some());
    let new = served.map(|(server, ..)| Leaving::new(server, &kept, now + timeout));
    let old = before.state.leaving.iter().cloned().map(|mut leaving| {
        leaving.dests.retain(|key, _| kept.contains(key));
        leaving
    });
    old.chain(new).collect()
}

/// Those that were leaving when an earlier process ended: of weight 0, and not configured. Their time begins anew.
pub(crate) fn from_table(
    config: &VirtualServer,
    keys: &[ServiceKey],
    standing: &Table,
    now: Time,
) -> Vec<Leaving> {
    let Some(timeout) = config.turnover.drain_timeout else { return Vec::new() };
    let mut found: BTreeMap<DestKey, Leaving> = BTreeMap::new();
    for entry in keys.iter().filter_map(|key| standing.get(key)) {
        let servers = config.real_servers.iter().map(|server| (server.address, server.forward));
        let servers = servers.chain(config.sorry.iter().map(|sorry| (sorry.address, sorry.forward)));
        let ours: Vec<_> =
            servers.map(|(address, forward)| table::dest_key(entry.key(), address, forward)).collect();
        let idle = entry.dests().values().filter(|dest| dest.weight == ipvs::Weight::ZERO);
        for dest in idle.filter(|dest| !ours.contains(&dest.key)) {
            let leaving = found.entry(dest.key).or_insert_with(|| Leaving {
                address: SocketAddr::new(dest.key.addr, dest.key.port),
                dests: BTreeMap::new(),
                until: now + timeout,
            });
            leaving.dests.insert(*entry.key(), *dest);
        }
    }
    found.into_values().collect()
}
