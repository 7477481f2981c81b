//! Which routes and policy rules should be there, which ones this process has put there, and the way from one to the other.
//!
//! What the kernel has is not mirrored: it may have a million routes. When something happens that may concern ours (a notification
//! about one of them, a link or address that changes), those of our protocol are listed and compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{Instance, InterfaceName, Route, Rule, Statics, VrrpConfig};
use lvsd_net::{
    NoInterface, RouteEntry, RouteSpec, RoutingChange, RoutingEvent, RoutingMonitor, Rtnl, RtnlError,
    same_rule,
};
use lvsd_vrrp::InstanceId;
use serde::{Deserialize, Serialize};
use tracing::{debug, error, info, warn};

use super::journal::{Entry, Journal};
use super::table::Table;

/// When a change that the kernel refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The kernel's lists are read no more often than this, however often somebody deletes what is ours.
const SPACING: Duration = Duration::from_millis(100);

/// A route or rule as configured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Object {
    Route(Route),
    Rule(Rule),
}

impl Object {
    const fn no_track(&self) -> bool {
        match self {
            Self::Route(route) => route.no_track,
            Self::Rule(rule) => rule.no_track,
        }
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Route(route) => write!(f, "route {route}"),
            Self::Rule(rule) => write!(f, "rule {rule}"),
        }
    }
}

impl Entry for Object {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn text(&self) -> String {
        // Maps with names as keys, and nothing else that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The same with its names looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Spec {
    Route(RouteSpec),
    Rule(Rule),
}

impl Spec {
    fn add(&self) -> RoutingChange {
        match self {
            Self::Route(spec) => RoutingChange::AddRoute(spec.clone()),
            Self::Rule(rule) => RoutingChange::AddRule(rule.clone()),
        }
    }

    fn remove(&self) -> RoutingChange {
        match self {
            Self::Route(spec) => RoutingChange::RemoveRoute(spec.clone()),
            Self::Rule(rule) => RoutingChange::RemoveRule(rule.clone()),
        }
    }

    fn replaces(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Route(one), Self::Route(other)) if one.replaces(other))
    }
}

/// What the kernel has of our protocol.
#[derive(Debug, Default)]
struct There {
    routes: Vec<RouteEntry>,
    rules: Vec<Rule>,
}

impl There {
    fn has(&self, spec: &Spec) -> bool {
        match spec {
            Spec::Route(spec) => self.routes.iter().any(|entry| spec.is(entry)),
            Spec::Rule(rule) => self.rules.iter().any(|other| same_rule(rule, other)),
        }
    }
}

/// The routes and rules of this process.
#[derive(Debug)]
pub(super) struct Routing {
    kernel: Rtnl,
    /// Once there is something to watch over.
    monitor: Option<RoutingMonitor>,
    journal: Journal<Object>,
    /// Instances whose routes and rules should be there.
    held: BTreeMap<InstanceId, Arc<Instance>>,
    /// Instances of a process that died that keep what they have until it is known who goes on.
    promised: Vec<Arc<Instance>>,
    statics: Statics,
    /// In the order in which they were added.
    ours: Vec<(Spec, Object)>,
    /// What could not be added or removed, so that it is told once.
    refused: BTreeSet<Object>,
    checked: Duration,
    check_at: Option<Duration>,
    retry_at: Option<Duration>,
    healed: u64,
}

impl Routing {
    pub(super) fn new(kernel: Rtnl, runtime_dir: &Path) -> Self {
        Self {
            kernel,
            monitor: None,
            journal: Journal::new(runtime_dir, lvsd_ipc::Role::ROUTING_JOURNAL),
            held: BTreeMap::new(),
            promised: Vec::new(),
            statics: Statics::default(),
            ours: Vec::new(),
            refused: BTreeSet::new(),
            checked: Duration::ZERO,
            check_at: None,
            retry_at: None,
            healed: 0,
        }
    }

    /// What to wait for, if there is something.
    pub(super) fn events(&self) -> Option<BorrowedFd<'_>> {
        self.monitor.as_ref().map(AsFd::as_fd)
    }

    /// When [`work`](Self::work) has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.check_at.into_iter().chain(self.retry_at).min()
    }

    /// What was put back after somebody else had deleted it.
    pub(super) const fn healed(&self) -> u64 {
        self.healed
    }

    /// These keep what they have for now. Before [`remove_leftovers`](Self::remove_leftovers).
    pub(super) fn promise(&mut self, instances: &[Arc<Instance>]) {
        self.promised = instances.to_vec();
    }

    /// Removes what was promised and is not held.
    pub(super) fn end_promises(&mut self, now: Duration, table: &Table) {
        if !std::mem::take(&mut self.promised).is_empty() {
            self.remove_surplus(now, table);
        }
    }

    /// Adds the routes and rules of an instance.
    pub(super) fn hold(&mut self, now: Duration, id: InstanceId, config: &Arc<Instance>, table: &Table) {
        self.held.insert(id, Arc::clone(config));
        self.add_missing(now, table);
    }

    /// Removes those of an instance.
    pub(super) fn release(&mut self, now: Duration, id: InstanceId, table: &Table) {
        if self.held.remove(&id).is_some() {
            self.remove_surplus(now, table);
        }
    }

    /// The first half of an update: what the new configuration does not have goes. The other half is
    /// [`add_missing`](Self::add_missing), when the addresses are there.
    pub(super) fn shrink(&mut self, now: Duration, id: InstanceId, config: &Arc<Instance>, table: &Table) {
        self.held.insert(id, Arc::clone(config));
        self.remove_surplus(now, table);
    }

    /// What is to be there whoever is master.
    pub(super) fn set_statics(&mut self, now: Duration, statics: Statics, table: &Table) {
        self.statics = statics;
        self.remove_surplus(now, table);
        self.add_missing(now, table);
    }

    /// Removes everything of instances.
    pub(super) fn release_all(&mut self, now: Duration, table: &Table) {
        self.held.clear();
        self.remove_surplus(now, table);
    }

    /// The kernel may have removed something, as it does with links and addresses. What those are about to become again is
    /// waited for.
    pub(super) fn disturbed(&mut self, now: Duration) {
        self.check_from(now + SPACING);
    }

    /// Something of ours is gone.
    pub(super) fn robbed(&mut self, now: Duration) {
        self.check_from(now.max(self.checked + SPACING));
    }

    fn check_from(&mut self, at: Duration) {
        if !self.ours.is_empty() || self.retry_at.is_some() {
            self.check_at = Some(self.check_at.map_or(at, |before| before.min(at)));
        }
    }

    /// Takes in what the monitor has.
    pub(super) fn watch(&mut self, now: Duration) {
        while let Some(monitor) = &mut self.monitor {
            match monitor.receive() {
                Ok(Some(event)) => {
                    if self.concerns(&event) {
                        self.robbed(now);
                    }
                }
                Ok(None) => return,
                Err(error) => return warn!(%error, "the kernel's notifications about routes cannot be read"),
            }
        }
    }

    fn concerns(&self, event: &RoutingEvent) -> bool {
        let port = self.kernel.port();
        let mut routes = self.ours.iter().filter_map(|(spec, _)| match spec {
            Spec::Route(spec) => Some(spec),
            Spec::Rule(_) => None,
        });
        match event {
            RoutingEvent::RouteGone { entry, by } | RoutingEvent::RouteSet { entry, by } => {
                *by != port && routes.any(|spec| spec.in_place(entry))
            }
            RoutingEvent::RuleGone { rule, by } => {
                let gone = Spec::Rule(rule.clone());
                let is = |spec: &Spec| matches!((spec, &gone), (Spec::Rule(one), Spec::Rule(other)) if same_rule(one, other));
                *by != port && self.ours.iter().any(|(spec, _)| is(spec))
            }
            RoutingEvent::Overrun => true,
        }
    }

    /// Does what is due: looks whether everything is there, tries again what failed.
    pub(super) fn work(&mut self, now: Duration, table: &Table) {
        if self.check_at.is_some_and(|at| at <= now) {
            self.check(now, table);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.remove_surplus(now, table);
            self.add_missing(now, table);
        }
    }

    /// Puts back what is tracked and not there.
    fn check(&mut self, now: Duration, table: &Table) {
        (self.checked, self.check_at) = (now, None);
        let there = match self.list() {
            Ok(there) => there,
            Err(error) => {
                warn!(%error, "routes and rules cannot be listed");
                self.check_at = Some(now + RETRY);
                return;
            }
        };
        let (present, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ours)
            .into_iter()
            .partition(|(spec, object)| object.no_track() || there.has(spec));
        self.ours = present;
        for (_, object) in &gone {
            info!(%object, "deleted by somebody else; putting it back");
        }
        self.healed += u64::try_from(gone.len()).unwrap_or(u64::MAX);
        // Also without something gone: what could not be added may be possible now.
        self.add_missing(now, table);
    }

    fn list(&mut self) -> Result<There, RtnlError> {
        let routes = self.kernel.routes(Route::PROTOCOL)?;
        let rules = self.kernel.rules()?;
        Ok(There { routes, rules })
    }

    /// How many objects of each instance that holds some are there.
    pub(super) fn present(&self) -> HashMap<InstanceId, u32> {
        let there: BTreeSet<&Object> = self.ours.iter().map(|(_, object)| object).collect();
        let count = |config: &Instance| objects_of(config).filter(|object| there.contains(object)).count();
        self.held.iter().map(|(id, config)| (*id, u32::try_from(count(config)).unwrap_or(u32::MAX))).collect()
    }

    /// What of the static objects is not there, by track group: the first one of each.
    pub(super) fn missing(&self) -> BTreeMap<String, String> {
        let routes =
            self.statics.routes.iter().map(|one| (Object::Route(one.object.clone()), &one.track_group));
        let rules = self.statics.rules.iter().map(|one| (Object::Rule(one.object.clone()), &one.track_group));
        let mut missing = BTreeMap::new();
        for (object, group) in routes.chain(rules) {
            let Some(group) = group else { continue };
            if !missing.contains_key(group) && !self.ours.iter().any(|(_, ours)| *ours == object) {
                missing.insert(group.clone(), format!("static {object}"));
            }
        }
        missing
    }

    /// Removes what earlier processes left: what is in the journal, and what is configured, unless it is to be there now.
    pub(super) fn remove_leftovers(&mut self, now: Duration, config: &VrrpConfig, table: &Table) {
        let journal = self.journal.load().unwrap_or_else(|error| {
            warn!(%error, "the journal of routes cannot be read");
            BTreeSet::new()
        });
        let configured = config.instances.iter().flat_map(objects_of);
        let candidates: BTreeSet<Object> = journal.into_iter().chain(configured).collect();
        if candidates.is_empty() {
            return;
        }
        let there = self.list().unwrap_or_else(|error| {
            warn!(%error, "routes and rules cannot be listed");
            There::default()
        });
        let keep: BTreeSet<Object> = statics_of(&config.statics).collect();
        let left = candidates.into_iter().filter(|object| !keep.contains(object)).filter_map(|object| {
            let spec = resolve(&object, table).ok()?;
            // The list has no others than those of our protocol; the kernel removes only what is the same in everything.
            let other = matches!(&object, Object::Route(route) if route.protocol != Route::PROTOCOL);
            (other || there.has(&spec)).then_some((spec, object))
        });
        let left: Vec<_> = left.collect();
        let promised: BTreeSet<Object> = self.promised.iter().flat_map(|config| objects_of(config)).collect();
        for (_, object) in left.iter().filter(|(_, object)| !promised.contains(object)) {
            info!(%object, "removing what was left from before");
        }
        // Taken over first: what the kernel does not give up is tried again, and stays in the journal.
        self.ours.extend(left);
        self.remove_surplus(now, table);
        self.rewrite_journal();
    }

    /// Everything that should be there now, in order, each once.
    fn wanted(&self, table: &Table) -> Vec<(Object, Result<Spec, NoInterface>)> {
        let all = statics_of(&self.statics).chain(self.held_or_promised().flat_map(objects_of));
        let mut seen = BTreeSet::new();
        let once = all.filter(|object| seen.insert(object.clone()));
        once.map(|object| {
            let spec = resolve(&object, table);
            (object, spec)
        })
        .collect()
    }

    fn held_or_promised(&self) -> impl Iterator<Item = &Instance> {
        self.held.values().chain(&self.promised).map(|config| &**config)
    }

    /// Removes what is ours and not wanted, the last one first. What something wanted takes the place of stays until then.
    fn remove_surplus(&mut self, now: Duration, table: &Table) {
        if self.ours.is_empty() {
            return;
        }
        let wanted: BTreeSet<Spec> =
            self.wanted(table).into_iter().filter_map(|(_, spec)| spec.ok()).collect();
        let stays = |spec: &Spec| {
            wanted.contains(spec) || wanted.iter().any(|new| new.replaces(spec) && !self.is_ours(new))
        };
        let gone: Vec<(Spec, Object)> =
            self.ours.iter().rev().filter(|(spec, _)| !stays(spec)).cloned().collect();
        if gone.is_empty() {
            return;
        }
        let changes: Vec<RoutingChange> = gone.iter().map(|(spec, _)| spec.remove()).collect();
        for (result, (spec, object)) in self.kernel.apply_routing(&changes).into_iter().zip(gone) {
            match result {
                Err(error) if !error.already_gone() => {
                    if self.refused.insert(object.clone()) {
                        error!(%object, %error, "cannot be removed; trying again");
                    }
                    self.retry_at = Some(now + RETRY);
                }
                Ok(()) | Err(_) => {
                    self.refused.remove(&object);
                    self.ours.retain(|(ours, _)| *ours != spec);
                }
            }
        }
        self.rewrite_journal();
    }

    fn is_ours(&self, spec: &Spec) -> bool {
        self.ours.iter().any(|(ours, _)| ours == spec)
    }

    /// Adds what is wanted and not there.
    pub(super) fn add_missing(&mut self, now: Duration, table: &Table) {
        let mut missing: Vec<(Spec, Object)> = Vec::new();
        let have: BTreeSet<Spec> = self.ours.iter().map(|(spec, _)| spec.clone()).collect();
        let wanted = self.wanted(table);
        if wanted.is_empty() {
            return;
        }
        self.open_monitor();
        for (object, spec) in wanted {
            match spec {
                Ok(spec) if have.contains(&spec) => {}
                Ok(spec) => missing.push((spec, object)),
                // The interface's own events bring us back.
                Err(error) => self.refuse(now, object, &error),
            }
        }
        if missing.is_empty() {
            return;
        }
        let objects: Vec<Object> = missing.iter().map(|(_, object)| object.clone()).collect();
        if let Err(error) = self.journal.append(&objects) {
            warn!(%error, "the journal of routes cannot be written");
        }
        let changes: Vec<RoutingChange> = missing.iter().map(|(spec, _)| spec.add()).collect();
        let results = self.kernel.apply_routing(&changes);
        let doubtful = results.iter().any(|result| matches!(result, Err(error) if error.already_there()));
        let there = if doubtful { self.list().unwrap_or_default() } else { There::default() };
        for (result, (spec, object)) in results.into_iter().zip(missing) {
            match result {
                Ok(()) => self.added(spec, object),
                // Ours from before, or put there by somebody of our kind: it is as it should be.
                Err(error) if error.already_there() && there.has(&spec) => self.added(spec, object),
                Err(error) => self.refuse(now, object, &error),
            }
        }
    }

    fn added(&mut self, spec: Spec, object: Object) {
        debug!(%object, "added");
        self.refused.remove(&object);
        self.ours.retain(|(ours, _)| !spec.replaces(ours));
        self.ours.push((spec, object));
    }

    fn refuse(&mut self, now: Duration, object: Object, error: &dyn std::fmt::Display) {
        if !self.refused.contains(&object) {
            error!(%object, %error, "cannot be added; trying again");
            self.refused.insert(object);
        }
        self.retry_at = Some(now + RETRY);
    }

    /// From now on somebody may delete what is ours.
    fn open_monitor(&mut self) {
        if self.monitor.is_some() {
            return;
        }
        match RoutingMonitor::open() {
            Ok(monitor) => self.monitor = Some(monitor),
            Err(error) => warn!(%error, "routes and rules cannot be watched"),
        }
    }

    fn rewrite_journal(&mut self) {
        if let Err(error) = self.journal.rewrite(self.ours.iter().map(|(_, object)| object)) {
            warn!(%error, "the journal of routes cannot be written");
        }
    }
}

fn resolve(object: &Object, table: &Table) -> Result<Spec, NoInterface> {
    let link = |name: &InterfaceName| table.link(name.as_str());
    match object {
        Object::Route(route) => {
            let index_of = |name: &InterfaceName| link(name).map(|link| link.index);
            let table_of = |name: &InterfaceName| link(name).and_then(|link| link.vrf_table);
            RouteSpec::new(route, index_of, table_of).map(Spec::Route)
        }
        // A rule is about names; the kernel takes those of interfaces that do not exist yet.
        Object::Rule(rule) => Ok(Spec::Rule(rule.clone())),
    }
}

fn statics_of(statics: &Statics) -> impl Iterator<Item = Object> {
    let routes = statics.routes.iter().map(|one| Object::Route(one.object.clone()));
    routes.chain(statics.rules.iter().map(|one| Object::Rule(one.object.clone())))
}

fn objects_of(config: &Instance) -> impl Iterator<Item = Object> {
    let routes = config.routes.iter().cloned().map(Object::Route);
    routes.chain(config.rules.iter().cloned().map(Object::Rule))
}
