//! The whole: configuration and outcomes in, events and desired entries out.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipvs::{DestKey, Entry, ServiceKey, Table};
use lvsd_model::{Check, LvsConfig, Protocol, RealServer, VirtualServer, Weight};

use crate::checks::{CheckId, Checks, Due, Urgency, User};
use crate::event::{Event, ServiceNews};
use crate::judge::Judge;
use crate::leaving;
use crate::marks::Marks;
use crate::outcome::Outcome;
use crate::pool::{InitNotifies, Past, Pool, Presumption, Server, ServerState, Standing, position};
use crate::quorum::Quorum;
use crate::suspension::suspends;
use crate::time::Time;

/// Checks, judgement and desired table of a whole configuration.
///
/// The contract: after [`Health::apply`] or [`Health::finish`], take events until [`Health::poll_event`] has none and the
/// keys of [`Health::take_changed`]; run what [`Health::poll_due`] says; come back at [`Health::poll_timeout`], with
/// [`Health::tick`] first. Time must
/// not go backwards. An outcome for a check that is gone, or a call that comes too early, does nothing.
#[derive(Debug)]
pub struct Health {
    checks: Checks,
    pools: Vec<Pool>,
    /// Pool of each service; a key that is configured twice belongs to the first.
    services: HashMap<ServiceKey, usize>,
    events: VecDeque<Event>,
    changed: BTreeSet<ServiceKey>,
    init: InitNotifies,
    /// When pools may change by themselves, the earliest first; what is out of date does no harm.
    alarms: BTreeSet<(Time, usize)>,
    /// The addresses of this host, if they are known.
    held: Option<BTreeSet<IpAddr>>,
    /// What groups are to the kernel.
    marks: Marks,
}

impl Health {
    /// Nothing configured yet. The seed decides where in its warm-up each check begins.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            checks: Checks::new(seed),
            pools: Vec::new(),
            services: HashMap::new(),
            events: VecDeque::new(),
            changed: BTreeSet::new(),
            init: InitNotifies::default(),
            alarms: BTreeSet::new(),
            held: None,
            marks: Marks::default(),
        }
    }

    /// Has checks that begin from now on begin as another seed says.
    pub fn reseed(&mut self, seed: u64) {
        self.checks.reseed(seed);
    }

    /// Moves to a configuration.
    ///
    /// Identical checks keep their histories, servers that exist in both keep their standing until their new checks have
    /// spoken, quorums keep theirs. `standing` is what an earlier process of ours left in the kernel: servers of services
    /// that are new here are presumed to be what they are there. Of a service that is new here its quorum is told.
    /// Services whose desired entry differs from before are marked as changed.
    pub fn apply(&mut self, now: Time, config: LvsConfig, standing: &Table) {
        self.init = if config.init_notifies { InitNotifies::Servers } else { InitNotifies::Nothing };
        self.apply_services(now, config.services.into_iter().map(Arc::new).collect(), standing);
    }

    /// Which servers of services that are new are told from now on (`rs_init_notifies`).
    pub const fn tell_new(&mut self, init: InitNotifies) {
        self.init = init;
    }

    /// What the groups of the next configuration are to the kernel.
    pub fn mark(&mut self, marks: Marks) {
        self.marks = marks;
    }

    /// The same with services that may be those of before, as [`Health::configs`] has them.
    pub fn apply_services(&mut self, now: Time, services: Vec<Arc<VirtualServer>>, standing: &Table) {
        let old: HashMap<(&str, Protocol), &Pool> =
            self.pools.iter().map(|pool| ((pool.config.name.as_str(), pool.config.protocol), pool)).collect();
        self.checks.unassign_all();
        let mut pools = Vec::with_capacity(services.len());
        for service in services {
            let before = old.get(&(service.name.as_str(), service.protocol)).copied();
            let keys = self.marks.keys(&service);
            pools.push(build(now, service, keys, pools.len(), before, standing, &mut self.checks));
        }
        self.checks.drop_unused();
        for (pool, before) in &pools {
            match before {
                Some((standings, quorum)) => {
                    pool.events_since(standings, Some(*quorum), &self.checks, &mut self.events);
                }
                None => self.events.extend(pool.first_events(self.init)),
            }
        }
        self.replace(pools.into_iter().map(|(pool, _)| pool).collect());
        let due = self.pools.iter().enumerate().filter_map(|(at, pool)| Some((pool.next_change(now)?, at)));
        self.alarms = due.collect();
        self.suspend(now);
    }

    /// Takes note of all the addresses of this host: services with `ha_suspend` are checked while one of theirs is among them,
    /// and while they are not known (`None`), as in the beginning.
    pub fn hold(&mut self, now: Time, addresses: Option<BTreeSet<IpAddr>>) {
        if self.held != addresses {
            self.held = addresses;
            self.suspend(now);
        }
    }

    /// Lets the right checks rest.
    fn suspend(&mut self, now: Time) {
        let mut changed = false;
        for pool in &mut self.pools {
            let suspended = suspends(&pool.config, self.held.as_ref());
            if suspended != pool.suspended {
                changed = true;
                pool.suspended = suspended;
                let news = if suspended { ServiceNews::Suspended } else { ServiceNews::Resumed };
                self.events.push_back(pool.news(news));
            }
        }
        // New checks of a service that rests do not know it yet, nor those of one that was removed and are used elsewhere now.
        if changed || self.pools.iter().any(|pool| pool.suspended) || self.checks.some_rest() {
            let pools = &self.pools;
            self.checks.rest(now, |index| pools.get(index).is_some_and(|pool| pool.suspended));
        }
    }

    /// Does what time alone brings about: the next step of a slow start, the end of a drain.
    pub fn tick(&mut self, now: Time) {
        while let Some(&(at, index)) = self.alarms.first().filter(|(at, _)| *at <= now) {
            self.alarms.remove(&(at, index));
            self.refresh(now, index);
        }
    }

    /// Whether something will change by itself.
    #[cfg(test)]
    pub(crate) fn alarm_is_set(&self) -> bool {
        !self.alarms.is_empty()
    }

    /// The destinations that wait for the end of their connections, by service.
    pub fn draining(&self) -> impl Iterator<Item = (ServiceKey, DestKey)> + '_ {
        let leaving = self.pools.iter().flat_map(|pool| &pool.state.leaving);
        leaving.flat_map(|leaving| leaving.dests.iter().map(|(key, dest)| (*key, dest.key)))
    }

    /// Takes note that a draining destination has no connections any more.
    pub fn drained(&mut self, service: &ServiceKey, dest: &DestKey) {
        let pool = self.services.get(service).and_then(|&index| self.pools.get_mut(index));
        let Some(pool) = pool else { return };
        let leaving = &mut pool.state.leaving;
        // Each of them is asked, since a server may stand there twice.
        let ended = leaving.iter_mut().filter_map(|one| one.ended(service, dest).then_some(())).count();
        leaving.retain(|one| !one.dests.is_empty());
        if ended > 0 {
            self.changed.insert(*service);
        }
    }

    /// Puts new pools in the place of the old ones and notes what differs.
    fn replace(&mut self, pools: Vec<Pool>) {
        let mut services = HashMap::new();
        for (index, pool) in pools.iter().enumerate() {
            for key in &pool.keys {
                services.entry(*key).or_insert(index);
            }
        }
        let old_pools = std::mem::replace(&mut self.pools, pools);
        let old_services = std::mem::replace(&mut self.services, services);
        for (key, index) in &self.services {
            let old = old_services.get(key).and_then(|&index| old_pools.get(index));
            let new = self.pools.get(*index);
            let same = old.zip(new).is_some_and(|(old, new)| {
                (old.state == new.state && old.config == new.config) || old.desired(key) == new.desired(key)
            });
            if !same {
                self.changed.insert(*key);
            }
        }
        let gone = old_services.keys().filter(|key| !self.services.contains_key(key));
        self.changed.extend(gone);
    }

    /// A check that is due, to be run now; call until there is none. Its outcome is owed to [`Health::finish`].
    pub fn poll_due(&mut self, now: Time) -> Option<Due> {
        self.checks.poll_due(now)
    }

    /// When the next check is due, or something changes by itself; `None` while all checks run, or there are none.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        let alarm = self.alarms.first().map(|&(at, _)| at);
        self.checks.poll_timeout().into_iter().chain(alarm).min()
    }

    /// Takes the outcome of a check.
    pub fn finish(&mut self, now: Time, id: CheckId, outcome: &Outcome) {
        let mut users = self.checks.finish(now, id, outcome).to_vec();
        users.dedup_by_key(|user| user.pool);
        for User { pool, .. } in users {
            self.refresh(now, pool);
        }
    }

    fn refresh(&mut self, now: Time, index: usize) {
        let Some(pool) = self.pools.get_mut(index) else { return };
        let before = pool.refresh(now, &self.checks);
        self.alarms.extend(pool.next_change(now).map(|at| (at, index)));
        let Some(before) = before else { return };
        let standings: Vec<_> = before.servers.iter().copied().map(Some).collect();
        pool.events_since(&standings, Some(before.quorum), &self.checks, &mut self.events);
        self.changed.extend(pool.keys.iter().filter(|key| self.services.get(key) == Some(&index)));
    }

    /// The next thing to tell, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The services whose desired entry may differ from when this was called last, those that are gone among them.
    pub fn take_changed(&mut self) -> BTreeSet<ServiceKey> {
        std::mem::take(&mut self.changed)
    }

    /// Whether [`Health::take_changed`] has something.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What the kernel should hold for a service; `None` when it is none of ours (any more).
    #[must_use]
    pub fn desired(&self, key: &ServiceKey) -> Option<Entry> {
        let pool = self.services.get(key).and_then(|&index| self.pools.get(index))?;
        Some(pool.desired(key))
    }

    /// The whole of what the kernel should hold.
    #[must_use]
    pub fn desired_table(&self) -> Table {
        self.services.keys().filter_map(|key| self.desired(key)).collect()
    }

    /// Whether a service is configured.
    #[must_use]
    pub fn has_service(&self, key: &ServiceKey) -> bool {
        self.services.contains_key(key)
    }

    /// The virtual servers as configured, in their order.
    pub fn configs(&self) -> impl Iterator<Item = &Arc<VirtualServer>> {
        self.pools.iter().map(|pool| &pool.config)
    }

    /// The configured services' keys, in no particular order.
    pub fn service_keys(&self) -> impl Iterator<Item = &ServiceKey> {
        self.services.keys()
    }

    /// How many distinct checks there are.
    #[must_use]
    pub fn check_count(&self) -> usize {
        self.checks.len()
    }

    /// The names under which services are tracked, each with whether all of them have their quorum.
    #[must_use]
    pub fn tracked_quorums(&self) -> BTreeMap<&str, bool> {
        let mut quorums = BTreeMap::new();
        for pool in &self.pools {
            if let Some(name) = &pool.config.tracked_as {
                *quorums.entry(name.as_str()).or_insert(true) &= pool.state.quorum == Quorum::Met;
            }
        }
        quorums
    }

    /// What is to be told at the end: servers and quorums of services with `omega` go down.
    #[must_use]
    pub fn farewell(&self) -> Vec<Event> {
        self.pools.iter().flat_map(Pool::farewell).collect()
    }

    /// Sets the counters of all checks to zero.
    pub fn clear_counters(&mut self) {
        self.checks.clear_counters();
    }

    /// The virtual servers in configuration order, with their state.
    pub fn services(&self) -> impl Iterator<Item = ServiceView<'_>> {
        self.pools.iter().map(|pool| ServiceView { pool, checks: &self.checks })
    }
}

/// Where a pool's servers and quorum come from, for the events of a reload.
type Before = (Vec<Option<ServerState>>, Quorum);

/// Makes the pool of a virtual server, giving it its checks.
fn build(
    now: Time,
    config: Arc<VirtualServer>,
    keys: Vec<ServiceKey>,
    index: usize,
    before: Option<&Pool>,
    standing: &Table,
    checks: &mut Checks,
) -> (Pool, Option<Before>) {
    let adopted = adopted_entry(&keys, standing).filter(|_| before.is_none());
    let mut servers = Vec::with_capacity(config.real_servers.len());
    let mut standings = Vec::with_capacity(config.real_servers.len());
    for (place, server) in config.real_servers.iter().enumerate() {
        let old = before.and_then(|pool| Some((pool, position(&pool.config, server.address)?)));
        let presumed = match (old, adopted) {
            (Some((pool, place)), _) => pool.presume_next(place, server),
            (None, Some(entry)) => Pool::presume_from(entry, server),
            (None, None) => Presumption::default(),
        };
        standings.push(old.and_then(|(pool, place)| pool.state.servers.get(place).copied()));
        let urgency = match presumed.standing {
            Some(Standing::Down) => Urgency::Awaited,
            Some(Standing::Up) if old.is_none_or(|(pool, place)| pool.is_proven(place, checks)) => {
                Urgency::Proven
            }
            Some(Standing::Up) | None => Urgency::Normal,
        };
        let user = User { pool: index, server: place };
        let assign = |check: &Check| checks.assign(now, check, server.address, user, urgency);
        let checks = server.checks.iter().map(assign).collect();
        let was = old.and_then(|(pool, place)| pool.servers.get(place));
        let (back_since, lost_at) = was.map_or((None, None), |was| (was.back_since, was.lost_at));
        servers.push(Server { checks, presumed, heard: false, back_since, lost_at });
    }
    let carried = before.map(|pool| pool.state.quorum);
    let quorum = carried.or_else(|| adopted.map(|entry| Pool::quorum_from(entry, &config)));
    let leaving = match before {
        Some(pool) => leaving::from_reload(&config, &keys, pool, now),
        None => leaving::from_table(&config, &keys, standing, now),
    };
    let past = Past { servers: standings.clone(), quorum, leaving };
    let mut pool = Pool::new(now, config, keys, servers, past, checks);
    pool.suspended = before.is_some_and(|before| before.suspended);
    (pool, carried.map(|quorum| (standings, quorum)))
}

/// What an earlier process left in the kernel for a virtual server: the first endpoint found speaks for all.
fn adopted_entry<'a>(keys: &[ServiceKey], standing: &'a Table) -> Option<&'a Entry> {
    keys.iter().find_map(|key| standing.get(key))
}

/// A virtual server as it is now.
#[derive(Clone, Copy, Debug)]
pub struct ServiceView<'a> {
    pool: &'a Pool,
    checks: &'a Checks,
}

impl<'a> ServiceView<'a> {
    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &'a VirtualServer {
        &self.pool.config
    }

    /// Its services in the kernel, one per endpoint.
    #[must_use]
    pub fn keys(&self) -> &'a [ServiceKey] {
        &self.pool.keys
    }

    /// Whether the quorum is met.
    #[must_use]
    pub fn quorum_met(&self) -> bool {
        self.pool.state.quorum == Quorum::Met
    }

    /// Total weight of the servers that are up.
    #[must_use]
    pub const fn weight_alive(&self) -> u64 {
        self.pool.state.alive
    }

    /// Whether the sorry server has the traffic.
    #[must_use]
    pub fn sorry_active(&self) -> bool {
        self.pool.sorry_active()
    }

    /// Whether its checks rest (`ha_suspend`).
    #[must_use]
    pub const fn suspended(&self) -> bool {
        self.pool.suspended
    }

    /// Whether servers that are down have the traffic, because too few are up (`min_up`).
    #[must_use]
    pub const fn fails_open(&self) -> bool {
        self.pool.state.fails_open
    }

    /// Servers that a reload has removed and that still have connections (`drain_timeout`), each with what is left of it in the
    /// table, by service.
    pub fn leaving(&self) -> impl Iterator<Item = (SocketAddr, Vec<(ServiceKey, DestKey)>)> + use<'a> {
        self.pool.state.leaving.iter().map(|leaving| {
            (leaving.address, leaving.dests.iter().map(|(key, dest)| (*key, dest.key)).collect())
        })
    }

    /// Its real servers in configuration order.
    pub fn servers(&self) -> impl Iterator<Item = ServerView<'a>> + use<'a> {
        let Self { pool, checks } = *self;
        pool.members().map(move |(config, server, state)| ServerView {
            config,
            up: state.standing == Standing::Up,
            pending: state.pending,
            kept: state.kept,
            table_weight: pool.table_weight(config, state),
            ids: &server.checks,
            checks,
        })
    }
}

/// A real server as it is now.
#[derive(Clone, Copy, Debug)]
pub struct ServerView<'a> {
    /// Its configuration.
    pub config: &'a RealServer,
    /// Whether it is judged up.
    pub up: bool,
    /// Whether it is down only because nothing is known of it yet (`alpha`).
    pub pending: bool,
    /// Whether it has the traffic although it is down (`min_up`).
    pub kept: bool,
    /// Its weight in the table; `None` when it should not be there.
    pub table_weight: Option<Weight>,
    ids: &'a [CheckId],
    checks: &'a Checks,
}

impl<'a> ServerView<'a> {
    /// Its checks in configuration order, each with its judge.
    pub fn checks(&self) -> impl Iterator<Item = (&'a Check, &'a Judge)> + use<'a> {
        let checks = self.checks;
        self.ids.iter().filter_map(move |&id| checks.check(id))
    }

    /// The key of its destination in a service.
    #[must_use]
    pub const fn dest_key(&self, service: &ServiceKey) -> ipvs::DestKey {
        crate::table::dest_key(service, self.config.address, self.config.forward)
    }
}
