//! One virtual server: which of its servers are up, whether it has its quorum, and what the kernel should hold for it.

use std::net::SocketAddr;
use std::sync::Arc;

use ipvs::{Dest, DestKey, Entry, ServiceKey};
use lvsd_model::{Check, CheckKind, RealServer, SorryServer, VirtualServer, Weight};

use crate::checks::{CheckId, Checks};
use crate::event::{Event, QuorumNotice, ServerNotice, ServiceNews};
use crate::fail_open;
use crate::judge::Verdict;
use crate::leaving::Leaving;
use crate::outcome::Failure;
use crate::quorum::{Quorum, Thresholds};
use crate::slow_start::Share;
use crate::table;
use crate::time::Time;

/// Whether a server (or a quorum) is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is.
    Up,
    /// It is not.
    Down,
}

/// Which servers of a new service are told (`rs_init_notifies`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitNotifies {
    /// None: nothing changed.
    #[default]
    Nothing,
    /// Those that are up.
    Servers,
}

/// Whether a quorum changed, or its service is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Changed,
    First,
}

/// What is taken for granted about a server until its checks have spoken: what it was under an earlier configuration, or
/// an earlier process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presumption {
    /// Holds until every check has a verdict.
    pub(crate) standing: Option<Standing>,
    /// Holds until every check that decides the weight has a verdict.
    pub(crate) weight: Option<Weight>,
}

/// A real server's side of the bookkeeping.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) checks: Vec<CheckId>,
    pub(crate) presumed: Presumption,
    /// Whether a check has ever failed, or all have spoken: from then on it is not pending any more.
    pub(crate) heard: bool,
    /// Since when it is back, while it has not yet its whole weight again (`slow_start`).
    pub(crate) back_since: Option<Time>,
    /// When it lost the traffic that it has not now.
    pub(crate) lost_at: Option<Time>,
}

/// What follows for a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerState {
    pub(crate) standing: Standing,
    /// Down only because nothing is known of it yet (`alpha`).
    pub(crate) pending: bool,
    /// The weight that it has when it is up.
    pub(crate) weight: Weight,
    /// Down, and has the traffic all the same (`min_up`).
    pub(crate) kept: bool,
    /// How much of its weight it has (`slow_start`).
    pub(crate) share: Share,
}

impl ServerState {
    /// Whether it is to have traffic, unless the sorry server has it.
    pub(crate) fn has_traffic(&self) -> bool {
        self.standing == Standing::Up || self.kept
    }
}

/// What a virtual server was before, as far as that decides what it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    /// Its servers, by their present position; `None`: it is new.
    pub(crate) servers: Vec<Option<ServerState>>,
    pub(crate) quorum: Option<Quorum>,
    pub(crate) leaving: Vec<Leaving>,
}

/// What follows for a virtual server; a function of configuration, presumptions, verdicts and the quorum's own past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) servers: Vec<ServerState>,
    pub(crate) quorum: Quorum,
    pub(crate) alive: u64,
    /// Too few servers are up for that to be believed (`min_up`), and some keep the traffic for that reason.
    pub(crate) fails_open: bool,
    /// Servers that a reload has removed (`drain_timeout`).
    pub(crate) leaving: Vec<Leaving>,
}

impl State {
    fn as_past(&self) -> Past {
        Past {
            servers: self.servers.iter().copied().map(Some).collect(),
            quorum: Some(self.quorum),
            leaving: self.leaving.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) config: Arc<VirtualServer>,
    pub(crate) keys: Vec<ServiceKey>,
    /// As many as `config.real_servers`, in their order.
    pub(crate) servers: Vec<Server>,
    pub(crate) state: State,
    /// Its checks rest (`ha_suspend`).
    pub(crate) suspended: bool,
}

impl Pool {
    /// A pool with its first state, which follows from its past.
    pub(crate) fn new(
        now: Time,
        config: Arc<VirtualServer>,
        keys: Vec<ServiceKey>,
        mut servers: Vec<Server>,
        past: Past,
        checks: &Checks,
    ) -> Self {
        forget_presumptions(&config, &mut servers, checks);
        let state = derive(now, &config, &mut servers, past, checks);
        Self { config, keys, servers, state, suspended: false }
    }

    /// Works out the state anew, all of it. Returns the state before if it was another.
    pub(crate) fn refresh(&mut self, now: Time, checks: &Checks) -> Option<State> {
        forget_presumptions(&self.config, &mut self.servers, checks);
        let state = derive(now, &self.config, &mut self.servers, self.state.as_past(), checks);
        (state != self.state).then(|| std::mem::replace(&mut self.state, state))
    }

    /// When its state is another one although no check says so.
    pub(crate) fn next_change(&self, now: Time) -> Option<Time> {
        let span = self.config.turnover.slow_start;
        let steps =
            self.servers.iter().filter_map(|server| Some(Share::at(server.back_since?, span?, now)?.1));
        steps.chain(self.state.leaving.iter().map(|leaving| leaving.until)).min()
    }

    /// Each real server with its configuration and state.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&RealServer, &Server, &ServerState)> {
        let states = self.servers.iter().zip(&self.state.servers);
        self.config.real_servers.iter().zip(states).map(|(config, (server, state))| (config, server, state))
    }

    /// Whether the sorry server has the traffic.
    pub(crate) fn sorry_active(&self) -> bool {
        self.config.sorry.is_some() && self.state.quorum == Quorum::Lost
    }

    /// The weight that a server has in the table; `None` when it is not there.
    pub(crate) fn table_weight(&self, config: &RealServer, state: &ServerState) -> Option<Weight> {
        if state.has_traffic() && !self.sorry_active() {
            Some(state.share.of(state.weight))
        } else {
            config.inhibit_on_failure.then_some(Weight::ZERO)
        }
    }

    /// What the kernel should hold for one of the endpoints.
    pub(crate) fn desired(&self, key: &ServiceKey) -> Entry {
        let mut entry = Entry::new(table::service(&self.config, *key));
        for (config, _, state) in self.members() {
            let Some(weight) = self.table_weight(config, state) else { continue };
            let limits = table::limits(config.upper_threshold, config.lower_threshold);
            let dest = table::dest(key, config.address, config.forward, weight).with_limits(limits);
            insert_heavier(&mut entry, dest);
        }
        for dest in self.state.leaving.iter().filter_map(|leaving| leaving.dests.get(key)) {
            insert_heavier(&mut entry, *dest);
        }
        if let Some(sorry) = &self.config.sorry {
            match (self.state.quorum, sorry.inhibit) {
                (Quorum::Met, false) => {}
                (Quorum::Met, true) => {
                    insert_heavier(&mut entry, table::dest(key, sorry.address, sorry.forward, Weight::ZERO));
                }
                (Quorum::Lost, _) => {
                    entry.insert(table::dest(key, sorry.address, sorry.forward, Weight::ONE));
                }
            }
        }
        entry
    }

    /// The events between a state and the present one, for servers and quorum that existed `before`. `None` in the place
    /// of a server means that it is new. That a pending server is down indeed is an event too.
    pub(crate) fn events_since(
        &self,
        before: &[Option<ServerState>],
        quorum: Option<Quorum>,
        checks: &Checks,
        events: &mut impl Extend<Event>,
    ) {
        self.trust_event(before, events);
        for ((config, server, state), was) in self.members().zip(before) {
            let news = |was: &ServerState| was.standing != state.standing || (was.pending && !state.pending);
            if was.as_ref().is_some_and(news) {
                let failure = failure(config, server, checks);
                events.extend([self.server_event(config, state.standing, failure)]);
            }
        }
        if quorum.is_some_and(|was| was != self.state.quorum) {
            events.extend([self.quorum_event(self.state.quorum, News::Changed)]);
        }
    }

    /// Whether what the checks find is believed, when that has changed.
    fn trust_event(&self, before: &[Option<ServerState>], events: &mut impl Extend<Event>) {
        let did = before.iter().flatten().any(|state| state.kept);
        if did == self.state.fails_open {
            return;
        }
        events.extend([self.news(match self.config.turnover.min_up {
            Some(min_up) if self.state.fails_open => ServiceNews::FailsOpen {
                up: self.state.servers.iter().filter(|state| state.standing == Standing::Up).count(),
                needed: min_up.of(self.servers.len()),
            },
            _ => ServiceNews::Believes,
        })]);
    }

    /// Something to tell that is neither about a server nor about the quorum.
    pub(crate) fn news(&self, news: ServiceNews) -> Event {
        let (service, label) = (self.config.name.clone(), self.config.label());
        Event::Service { service, news, label, mail: self.config.mail }
    }

    /// What is to be told of a service that is new: whether it has its quorum (a script may announce the address); that it
    /// has not, to no script (the peer runs none: nothing was announced yet). With `rs_init_notifies` that servers are up.
    pub(crate) fn first_events(&self, init: InitNotifies) -> Vec<Event> {
        let up = self.members().filter(|(_, _, state)| state.standing == Standing::Up);
        let up = up.filter(|_| init == InitNotifies::Servers);
        let mut events: Vec<Event> =
            up.map(|(config, ..)| self.server_event(config, Standing::Up, None)).collect();
        let mut event = self.quorum_event(self.state.quorum, News::First);
        if let (Quorum::Lost, Event::Quorum { script, .. }) = (self.state.quorum, &mut event) {
            *script = None;
        }
        events.push(event);
        events
    }

    /// What is to be told when everything ends: with `omega` only, and only of what is up.
    pub(crate) fn farewell(&self) -> Vec<Event> {
        if !self.config.omega {
            return Vec::new();
        }
        let up = self.members().filter(|(_, _, state)| state.standing == Standing::Up);
        let mut events: Vec<Event> =
            up.map(|(config, ..)| self.server_event(config, Standing::Down, None)).collect();
        if self.state.quorum == Quorum::Met {
            events.push(self.quorum_event(Quorum::Lost, News::Changed));
        }
        events
    }

    fn server_event(
        &self,
        config: &RealServer,
        standing: Standing,
        failure: Option<(&Check, Failure)>,
    ) -> Event {
        let only = match config.checks.as_slice() {
            [check] => Some(check),
            _ => None,
        };
        let (failed, failure) = failure.unzip();
        let (failure, script, check) = match standing {
            Standing::Up => (None, &config.notify_up, only),
            Standing::Down => (failure, &config.notify_down, failed.or(only)),
        };
        let notice = ServerNotice {
            server: self.config.server_label(config.address),
            service: self.config.label(),
            mail: config.mail,
            check: check.map(|check| check.kind.keyword()),
        };
        Event::Server {
            service: self.config.name.clone(),
            server: config.address,
            standing,
            failure,
            script: script.as_deref().cloned(),
            notice: Box::new(notice),
        }
    }

    fn quorum_event(&self, quorum: Quorum, news: News) -> Event {
        let (standing, script) = match quorum {
            Quorum::Met => (Standing::Up, &self.config.quorum_up),
            Quorum::Lost => (Standing::Down, &self.config.quorum_down),
        };
        Event::Quorum {
            service: self.config.name.clone(),
            standing,
            alive: self.state.alive,
            quorum: self.config.quorum,
            sorry: self.config.sorry.map(|sorry| sorry.address),
            script: script.clone(),
            notice: Box::new(QuorumNotice {
                service: self.config.label(),
                mail: self.config.mail,
                hysteresis: self.config.hysteresis,
                is_new: news == News::First,
            }),
        }
    }

    /// What an earlier process left in the kernel says about a server: absent, or at weight 0 where failed servers are
    /// inhibited, it was down; else it was up, with that weight.
    pub(crate) fn presume_from(standing: &Entry, config: &RealServer) -> Presumption {
        let key = table::dest_key(standing.key(), config.address, config.forward);
        let found = standing.dests().get(&key);
        let inhibited = |dest: &&Dest| {
            dest.weight == ipvs::Weight::ZERO && config.inhibit_on_failure && config.weight != Weight::ZERO
        };
        match found.filter(|dest| !inhibited(dest)) {
            None => Presumption { standing: Some(Standing::Down), weight: None },
            Some(dest) => Presumption {
                standing: Some(Standing::Up),
                weight: Weight::new(dest.weight.get()).ok().filter(|_| is_dynamic(config)),
            },
        }
    }

    /// What it says about the quorum: with traffic at the sorry server it was lost.
    pub(crate) fn quorum_from(standing: &Entry, config: &VirtualServer) -> Quorum {
        let has_traffic = |sorry: &SorryServer| {
            let key = table::dest_key(standing.key(), sorry.address, sorry.forward);
            let weight = standing.dests().get(&key).map(|dest| dest.weight);
            let is_server = position(config, sorry.address).is_some();
            !is_server && weight.is_some_and(|weight| weight > ipvs::Weight::ZERO)
        };
        if config.sorry.as_ref().is_some_and(has_traffic) { Quorum::Lost } else { Quorum::Met }
    }

    /// Whether checks have found a server good, and not just nothing is known against it.
    pub(crate) fn is_proven(&self, index: usize, checks: &Checks) -> bool {
        let passed =
            |&id: &CheckId| checks.judge(id).and_then(crate::Judge::verdict) == Some(Verdict::Passed);
        self.servers
            .get(index)
            .is_some_and(|server| !server.checks.is_empty() && server.checks.iter().all(passed))
    }

    /// What this pool, of an earlier configuration, says about a server of the next one.
    pub(crate) fn presume_next(&self, index: usize, next: &RealServer) -> Presumption {
        let Some(state) = self.state.servers.get(index) else { return Presumption::default() };
        let was_dynamic = self.config.real_servers.get(index).is_some_and(is_dynamic);
        Presumption {
            // Of a pending server nothing is known that could be presumed.
            standing: (!state.pending).then_some(state.standing),
            weight: Some(state.weight).filter(|_| was_dynamic && is_dynamic(next)),
        }
    }
}

/// Two servers of one pool can be the same destination (two ports that direct routing makes one, a sorry server that is
/// a real server too): the heavier one is what is wanted.
fn insert_heavier(entry: &mut Entry, dest: Dest) {
    let heavier = |key: &DestKey| entry.dests().get(key).is_none_or(|there| there.weight < dest.weight);
    if heavier(&dest.key) {
        entry.insert(dest);
    }
}

/// Whether a check of this server decides its weight.
pub(crate) fn is_dynamic(config: &RealServer) -> bool {
    config.checks.iter().any(decides_weight)
}

const fn decides_weight(check: &Check) -> bool {
    match &check.kind {
        CheckKind::Misc(misc) => misc.dynamic,
        CheckKind::File(file) => file.factor != 0,
        _ => false,
    }
}

/// Presumptions end for good once the checks have spoken.
fn forget_presumptions(config: &VirtualServer, servers: &mut [Server], checks: &Checks) {
    let verdict = |id: CheckId| checks.judge(id).and_then(crate::Judge::verdict);
    for (config, server) in config.real_servers.iter().zip(servers) {
        let all_spoke = server.checks.iter().all(|&id| verdict(id).is_some());
        if all_spoke {
            server.presumed.standing = None;
        }
        server.heard |= all_spoke || server.checks.iter().any(|&id| verdict(id) == Some(Verdict::Failed));
        if deciding(config, server).all(|id| verdict(id).is_some()) {
            server.presumed.weight = None;
        }
    }
}

/// The checks that decide the weight.
fn deciding(config: &RealServer, server: &Server) -> impl Iterator<Item = CheckId> {
    let dynamic = config.checks.iter().zip(&server.checks).filter(|(check, _)| decides_weight(check));
    dynamic.map(|(_, &id)| id)
}

/// The first check that has failed, and how.
fn failure<'a>(config: &'a RealServer, server: &Server, checks: &Checks) -> Option<(&'a Check, Failure)> {
    let mut judged = config.checks.iter().zip(&server.checks);
    judged.find_map(|(check, &id)| Some((check, failure_of(checks, id)?)))
}

fn failure_of(checks: &Checks, id: CheckId) -> Option<Failure> {
    let judge = checks.judge(id).filter(|judge| judge.verdict() == Some(Verdict::Failed))?;
    judge.history().last_failure.clone()
}

fn derive(now: Time, config: &VirtualServer, servers: &mut [Server], past: Past, checks: &Checks) -> State {
    let judged = config.real_servers.iter().zip(servers.iter());
    let mut states: Vec<ServerState> = judged.map(|(config, server)| judge(config, server, checks)).collect();
    let fails_open = fail_open::keep(now, config, servers, &mut states, &past.servers);
    let before = past.servers.iter().chain(std::iter::repeat(&None));
    for ((server, state), before) in servers.iter_mut().zip(&mut states).zip(before) {
        state.share = share(now, config, server, *state, before.as_ref());
        server.lost_at = match before.as_ref().is_some_and(ServerState::has_traffic) {
            _ if state.has_traffic() => None,
            true => Some(now),
            false => server.lost_at,
        };
    }
    let serving = states.iter().filter(|state| state.has_traffic());
    let alive = serving.map(|state| u64::from(state.weight.get())).sum();
    let total = config.real_servers.iter().map(|server| u64::from(server.weight.get())).sum();
    let quorum = Thresholds::new(config.quorum, config.hysteresis, total).next(past.quorum, alive);
    let leaving = past.leaving.into_iter().filter(|leaving| leaving.goes_on(config, now)).collect();
    State { servers: states, quorum, alive, fails_open, leaving }
}

/// How much of its weight a server has. One that was down, and not only unknown, begins small.
fn share(
    now: Time,
    config: &VirtualServer,
    server: &mut Server,
    state: ServerState,
    before: Option<&ServerState>,
) -> Share {
    let returns = before.is_some_and(|before| !before.has_traffic() && !before.pending);
    server.back_since = match server.back_since {
        _ if !state.has_traffic() => None,
        None if returns => Some(now),
        since => since,
    };
    let since = server.back_since.zip(config.turnover.slow_start);
    let Some((share, _)) = since.and_then(|(since, span)| Share::at(since, span, now)) else {
        server.back_since = None;
        return Share::WHOLE;
    };
    share
}

/// Up while no check has failed. Where a check has not spoken yet, what is presumed counts, and without a presumption an
/// alpha check is as good as failed.
fn judge(config: &RealServer, server: &Server, checks: &Checks) -> ServerState {
    let (mut failed, mut open, mut awaited) = (false, false, false);
    for (check, &id) in config.checks.iter().zip(&server.checks) {
        match checks.judge(id).and_then(crate::Judge::verdict) {
            Some(Verdict::Passed) => {}
            Some(Verdict::Failed) => failed = true,
            None => {
                open = true;
                awaited |= check.alpha;
            }
        }
    }
    let pending = awaited && !server.heard && server.presumed.standing.is_none();
    let standing = match server.presumed.standing.filter(|_| open) {
        _ if failed => Standing::Down,
        Some(presumed) => presumed,
        None if awaited => Standing::Down,
        None => Standing::Up,
    };
    let weight = weight(config, server, checks);
    ServerState { standing, pending, weight, kept: false, share: Share::WHOLE }
}

/// The configured weight and what the dynamic checks add to it, each from its last report: nothing is ever added to an
/// earlier result. Before they have spoken, what is presumed.
fn weight(config: &RealServer, server: &Server, checks: &Checks) -> Weight {
    if let Some(presumed) = server.presumed.weight {
        return presumed;
    }
    let base = i64::from(config.weight.get());
    let reports = deciding(config, server).filter_map(|id| checks.judge(id)?.weight());
    let offsets = reports.map(|weight| i64::from(weight.get()) - base);
    let sum = offsets.fold(base, i64::saturating_add).clamp(0, Weight::MAX.into());
    u32::try_from(sum).ok().and_then(|sum| Weight::new(sum).ok()).unwrap_or(config.weight)
}

/// Finds servers by address.
pub(crate) fn position(config: &VirtualServer, address: SocketAddr) -> Option<usize> {
    config.real_servers.iter().position(|server| server.address == address)
}
