//! Keeps the kernel's table equal to what the health of the servers asks for.
//!
//! Changes are made against what the keeper knows of the kernel's table, so that a flap costs one request. What it knows is
//! checked against the kernel all the time: all services every round, and the destinations of as many as can be read in
//! [`BUDGET`] ([`SLICE`] at most), the others in the next rounds. So a service that somebody else removes is back within
//! half a second (a round, see [`task`]), and so is a destination unless there are hundreds of services. A refusal that
//! contradicts what is known makes it read the service anew.
//!
//! A service belongs to us when it is configured or when the [`Journal`] says that an earlier self has made it. Everything
//! else in the table is somebody else's and is never touched, except by `lvs_flush`; so are destinations that somebody adds
//! to our services while we run (see [`strangers`]).

mod drain;
mod journal;
mod kernel;
mod strangers;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use ipvs::{DestKey, DestStatus, Entry, Errno, IpvsError, Op, Service, ServiceKey, Stats, Table, plan_entry};
use lvsd_ipc::IpvsHealth;
use tokio::time::{Duration, Instant};

use drain::Drain;
pub(crate) use journal::{Journal, Supervisor};
pub(crate) use kernel::{Connect, Host, Kernel};
use strangers::Strangers;
pub(crate) use task::{Handle, spawn};

use crate::shared::Shared;

/// Most services whose destinations are read in a round.
const SLICE: usize = 256;

/// How long a round goes on reading destinations.
const BUDGET: Duration = Duration::from_millis(20);

/// How soon something that the kernel refused is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// What the kernel counts for a service and its destinations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) stats: Stats,
    pub(crate) dests: BTreeMap<DestKey, DestStatus>,
}

/// A reading of the kernel's counters that is under way. Of thousands of services it takes long enough for changes to be made
/// in between.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    left: std::vec::IntoIter<(ServiceKey, Stats)>,
    pub(crate) counted: BTreeMap<ServiceKey, Counted>,
}

/// A service that the kernel does not take.
#[derive(Debug)]
struct Refused {
    why: String,
    retry_at: Instant,
}

/// What was asked of the kernel and not done, by service: the first error of each.
type Failures = BTreeMap<ServiceKey, IpvsError>;

pub(crate) struct Keeper<C: Connect> {
    connect: C,
    kernel: Option<C::Kernel>,
    journal: Journal,
    /// Our services as the kernel holds them, as far as is known.
    known: BTreeMap<ServiceKey, Entry>,
    refused: BTreeMap<ServiceKey, Refused>,
    strangers: Strangers,
    /// Services that an earlier self has made and that are not configured any more, still to be removed.
    leftovers: BTreeSet<ServiceKey>,
    /// The last service whose destinations were read.
    cursor: Option<ServiceKey>,
    /// Whether the last round had something to heal: it is said once, not every half second.
    healing: bool,
    numbers: IpvsHealth,
}

impl<C: Connect> Keeper<C> {
    pub(crate) fn new(connect: C, journal: Journal) -> Self {
        Self {
            connect,
            kernel: None,
            journal,
            known: BTreeMap::new(),
            refused: BTreeMap::new(),
            strangers: Strangers::default(),
            leftovers: BTreeSet::new(),
            cursor: None,
            healing: false,
            numbers: IpvsHealth::default(),
        }
    }

    /// Whether the kernel's IPVS can be worked with at the moment.
    pub(crate) const fn is_connected(&self) -> bool {
        self.kernel.is_some()
    }

    pub(crate) const fn numbers(&self) -> &IpvsHealth {
        &self.numbers
    }

    pub(crate) const fn clear_counters(&mut self) {
        self.numbers.operations = 0;
        self.numbers.failed_operations = 0;
        self.numbers.healed = 0;
    }

    /// What does not work as it should, in words.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let refused = self.refused.iter().map(|(key, refused)| format!("{key}: {}", refused.why));
        self.numbers.error.iter().cloned().chain(refused).collect()
    }

    /// Begins: takes over the journal in `directory`, and reads what the kernel holds of the services that are configured
    /// or were ours. Returns the standing entries that were ours and are configured, whose servers' state they tell.
    pub(crate) async fn adopt(
        &mut self,
        directory: &std::path::Path,
        configured: &BTreeSet<ServiceKey>,
        flush: FlushAtStart,
    ) -> Table {
        let predecessor = self.journal.open(directory);
        let flush = flush.is_due(predecessor, self.journal.supervisor());
        if configured.is_empty() && self.journal.owned().is_empty() && !flush {
            return Table::new();
        }
        let read = self.connect_and_read(configured).await;
        let strangers = self.noted(read).unwrap_or_default();
        if flush && !strangers.is_empty() {
            tracing::info!(services = strangers.len(), "lvs_flush: services of others are removed");
            let ops: Vec<_> = strangers.into_iter().map(Op::DelService).collect();
            self.carry_out(&ops).await;
        }
        let ours = self.known.iter().filter(|(key, _)| self.journal.owned().contains(key));
        ours.filter(|(key, _)| configured.contains(key)).map(|(_, entry)| entry.clone()).collect()
    }

    /// Makes the kernel's table follow what has changed. Connects if need be.
    pub(crate) async fn sync(&mut self, shared: &Shared) {
        let mut keys = shared.take_changed();
        if self.kernel.is_none() {
            let configured = shared.configured();
            if configured.is_empty() && self.journal.owned().is_empty() {
                return;
            }
            let read = self.connect_and_read(&configured).await;
            if self.noted(read).is_none() {
                return;
            }
            keys.extend(configured);
        }
        keys.append(&mut self.leftovers);
        if !keys.is_empty() {
            self.bring_about(shared, keys).await;
        }
    }

    /// One round of comparing the kernel's table with what is known of it. Reconnects if need be.
    pub(crate) async fn verify(&mut self, shared: &Shared) {
        self.sync(shared).await;
        let compared = self.compare(shared).await;
        let Some(differing) = self.noted_if_connected(compared) else { return };
        self.heal(shared, differing).await;
        self.sync(shared).await;
        self.retry(shared).await;
    }

    /// Begins to read what the kernel counts for our services.
    pub(crate) async fn begin_counting(&mut self, shared: &Shared) -> Counting {
        let read = match &mut self.kernel {
            Some(kernel) => kernel.services().await,
            None => return Counting::default(),
        };
        let services = self.noted(read).unwrap_or_default();
        let health = shared.health.borrow();
        let ours = services.into_iter().map(|(service, stats)| (*service.key(), stats));
        let ours: Vec<_> = ours.filter(|(key, _)| health.has_service(key)).collect();
        Counting { left: ours.into_iter(), counted: BTreeMap::new() }
    }

    /// Reads the destinations of one more service; done when there is none left.
    pub(crate) async fn go_on_counting(&mut self, counting: &mut Counting) -> ControlFlow<()> {
        let Some((key, stats)) = counting.left.next() else { return ControlFlow::Break(()) };
        let read = match &mut self.kernel {
            Some(kernel) => kernel.dests(&key).await,
            None => return ControlFlow::Break(()),
        };
        let Some(dests) = self.noted(read) else { return ControlFlow::Break(()) };
        let dests = dests.into_iter().map(|(dest, status)| (dest.key, status)).collect();
        counting.counted.insert(key, Counted { stats, dests });
        ControlFlow::Continue(())
    }

    /// Ends: removes what is ours, or everything. A service takes its destinations with it.
    pub(crate) async fn release(&mut self, manner: Release) {
        if self.kernel.is_none() && (!self.journal.owned().is_empty() || manner == Release::Everything) {
            let connected = self.connect.connect().await;
            self.kernel = self.noted(connected);
        }
        let Some(kernel) = &mut self.kernel else { return };
        let mut left = Failures::new();
        match manner {
            Release::Everything => {
                let flushed = kernel.flush().await;
                if self.noted(flushed).is_none() {
                    return;
                }
            }
            Release::Ours => {
                let ops: Vec<_> = self.journal.owned().iter().copied().map(Op::DelService).collect();
                left = self.carry_out(&ops).await;
                if let Some((key, error)) = left.first_key_value() {
                    tracing::error!(%key, %error, failed = left.len(), "services could not be removed");
                }
            }
        }
        self.known.clear();
        // What is still there, the next start has to know of.
        let owned = self.journal.owned().iter();
        let gone = owned.filter(|key| !left.contains_key(key)).copied().collect();
        self.journal.disown(&gone);
    }

    /// Makes the services what is desired of them now. What fails is read anew and tried once more; what is refused even
    /// so is put aside for a while.
    async fn bring_about(&mut self, shared: &Shared, keys: BTreeSet<ServiceKey>) {
        let made = keys.iter().filter(|key| shared.health.borrow().has_service(key)).copied();
        self.journal.own(made.collect::<Vec<_>>());
        let mut failures = self.attempt(shared, &keys).await;
        if !failures.is_empty() {
            let failed: BTreeSet<_> = failures.keys().copied().collect();
            if !self.reread(&failed).await {
                return;
            }
            failures = self.attempt(shared, &failed).await;
        }
        let failed: BTreeSet<_> = failures.keys().copied().collect();
        if !failed.is_empty() && !self.reread(&failed).await {
            return;
        }
        let gone = |key: &&ServiceKey| !failed.contains(key) && !shared.health.borrow().has_service(key);
        let gone: BTreeSet<_> = keys.iter().filter(gone).copied().collect();
        self.journal.disown(&gone);
        self.put_aside(&keys, failures);
    }

    /// Reads some services anew; whether that worked.
    async fn reread(&mut self, keys: &BTreeSet<ServiceKey>) -> bool {
        let read = self.read(keys).await;
        self.noted_if_connected(read).is_some()
    }

    /// One try for each of the services, from what is known.
    async fn attempt(&mut self, shared: &Shared, keys: &BTreeSet<ServiceKey>) -> Failures {
        let wanted: Vec<_> = keys.iter().map(|key| (*key, shared.desired(key))).collect();
        wanted.iter().filter_map(|(_, entry)| entry.as_ref()).for_each(|entry| self.strangers.claim(entry));
        let mut ops = Vec::new();
        for (key, desired) in &wanted {
            match (desired, self.known.get(key)) {
                // Not known to be there, but an earlier self may have made it.
                (None, None) if self.journal.owned().contains(key) => ops.push(Op::DelService(*key)),
                (desired, known) => ops.extend(plan_entry(desired.as_ref(), known)),
            }
        }
        let failures = self.carry_out(&ops).await;
        for (key, desired) in wanted {
            match desired {
                Some(entry) if !failures.contains_key(&key) => self.known.insert(key, entry),
                _ => self.known.remove(&key),
            };
        }
        failures
    }

    /// Has the kernel make changes, and counts. That something to be removed is not there is no failure.
    async fn carry_out(&mut self, ops: &[Op]) -> Failures {
        let mut failures = Failures::new();
        let Some(kernel) = self.kernel.as_mut().filter(|_| !ops.is_empty()) else { return failures };
        let results = kernel.apply(ops).await;
        let mut gone = None;
        for (op, result) in ops.iter().zip(results) {
            match result {
                Ok(()) => self.numbers.operations += 1,
                Err(error) if is_gone_already(op, &error) => {}
                Err(error) => {
                    self.numbers.failed_operations += 1;
                    if matches!(error, IpvsError::NoIpvs) {
                        gone = Some(IpvsError::NoIpvs);
                    }
                    failures.entry(*op.service_key()).or_insert(error);
                }
            }
        }
        if let Some(error) = gone {
            self.noted::<()>(Err(error));
        }
        failures
    }

    /// Remembers what was refused, and forgets what was accepted.
    fn put_aside(&mut self, tried: &BTreeSet<ServiceKey>, failures: Failures) {
        let retry_at = Instant::now() + RETRY;
        for key in tried.iter().filter(|key| !failures.contains_key(key)) {
            if self.refused.remove(key).is_some() {
                tracing::info!(service = %key, "the kernel takes the service now");
            }
        }
        for (key, error) in failures {
            let why = error.to_string();
            if self.refused.get(&key).is_none_or(|before| before.why != why) {
                tracing::error!(service = %key, error = %why, "the kernel does not take the service");
            }
            self.refused.insert(key, Refused { why, retry_at });
        }
    }

    /// Opens the kernel's IPVS and reads anew all that is ours. Returns the keys of the services that are not.
    async fn connect_and_read(
        &mut self,
        configured: &BTreeSet<ServiceKey>,
    ) -> Result<Vec<ServiceKey>, IpvsError> {
        if self.kernel.is_none() {
            self.kernel = Some(self.connect.connect().await?);
        }
        self.known.clear();
        self.leftovers = self.journal.owned().difference(configured).copied().collect();
        let Some(kernel) = &mut self.kernel else { return Ok(Vec::new()) };
        let mut strangers = Vec::new();
        for (service, _) in kernel.services().await? {
            let key = *service.key();
            let entry = match (configured.contains(&key), self.journal.owned().contains(&key)) {
                (true, _) => read_entry(kernel, &self.strangers, service).await?,
                // It will be removed as a whole.
                (false, true) => Entry::new(service),
                (false, false) => {
                    strangers.push(key);
                    continue;
                }
            };
            self.known.insert(key, entry);
        }
        Ok(strangers)
    }

    /// Reads some services anew.
    async fn read(&mut self, keys: &BTreeSet<ServiceKey>) -> Result<(), IpvsError> {
        let Some(kernel) = &mut self.kernel else { return Ok(()) };
        keys.iter().for_each(|key| {
            self.known.remove(key);
        });
        for (service, _) in kernel.services().await? {
            if keys.contains(service.key()) {
                let entry = read_entry(kernel, &self.strangers, service).await?;
                self.known.insert(*entry.key(), entry);
            }
        }
        Ok(())
    }

    /// The known services that the kernel holds differently; afterwards what it holds is what is known.
    async fn compare(&mut self, shared: &Shared) -> Result<BTreeSet<ServiceKey>, IpvsError> {
        let slice = self.next_slice();
        let Some(kernel) = &mut self.kernel else { return Ok(BTreeSet::new()) };
        let services = kernel.services().await?;
        let services: BTreeMap<ServiceKey, Service> =
            services.into_iter().map(|(service, _)| (*service.key(), service)).collect();
        let mut differing = BTreeSet::new();
        self.known.retain(|key, entry| match services.get(key) {
            Some(service) if service == entry.service() => true,
            Some(service) => {
                differing.insert(*key);
                // Of the same key, so it is taken.
                entry.replace_service(service.clone()).is_ok()
            }
            None => {
                differing.insert(*key);
                self.strangers.forget(key);
                false
            }
        });
        let mut drain = Drain::new(&shared.health.borrow());
        let begun = Instant::now();
        for key in slice {
            if begun.elapsed() > BUDGET {
                break;
            }
            self.cursor = Some(key);
            let Some(known) = self.known.get_mut(&key) else { continue };
            let read = kernel.dests(&key).await?;
            drain.look(&key, &read);
            let dests = self.strangers.leave_out(&key, read.into_iter().map(|(dest, _)| dest));
            if dests.iter().any(|dest| !known.dests().contains_key(&dest.key)) {
                let desired = shared.desired(&key);
                let desired = |dest: &DestKey| desired.iter().any(|entry| entry.dests().contains_key(dest));
                self.strangers.meet(&key, &dests, |dest| known.dests().contains_key(dest) || desired(dest));
            }
            let dests = self.strangers.leave_out(&key, dests);
            let actual = Entry::with_dests(known.service().clone(), dests);
            if actual != *known {
                differing.insert(key);
                *known = actual;
            }
        }
        drain.tell(&mut shared.health.borrow_mut());
        Ok(differing)
    }

    /// The services whose destinations are read in this round: those after the last one read, and on from the beginning.
    fn next_slice(&self) -> Vec<ServiceKey> {
        let after = self.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.known.range((after, Bound::Unbounded));
        let mut slice: Vec<_> = rest.map(|(key, _)| *key).take(SLICE).collect();
        if let Some(cursor) = self.cursor {
            let start = self.known.range(..=cursor).map(|(key, _)| *key);
            slice.extend(start.take(SLICE - slice.len()));
        }
        slice
    }

    /// Puts back what somebody else has changed.
    async fn heal(&mut self, shared: &Shared, differing: BTreeSet<ServiceKey>) {
        if differing.is_empty() {
            self.healing = false;
            return;
        }
        let services = differing.len();
        let example = differing.first().copied();
        let before = self.numbers.operations;
        self.bring_about(shared, differing).await;
        let operations = self.numbers.operations.saturating_sub(before);
        self.numbers.healed += operations;
        if operations > 0
            && !self.healing
            && let Some(example) = example
        {
            tracing::warn!(
                services,
                operations,
                %example,
                "the IPVS table was changed by somebody else; put back"
            );
        }
        self.healing = true;
    }

    /// Tries again what was refused a while ago.
    async fn retry(&mut self, shared: &Shared) {
        let now = Instant::now();
        let due: BTreeSet<_> =
            self.refused.iter().filter(|(_, refused)| refused.retry_at <= now).map(|(key, _)| *key).collect();
        if due.is_empty() {
            return;
        }
        if self.reread(&due).await {
            self.bring_about(shared, due).await;
        }
    }

    /// As [`Keeper::noted`], of something that did nothing if there was no connection (any more).
    fn noted_if_connected<T>(&mut self, result: Result<T, IpvsError>) -> Option<T> {
        if self.kernel.is_some() { self.noted(result) } else { None }
    }

    /// Notes whether the kernel can be worked with. After an error the connection is given up, and everything is read
    /// anew once there is another.
    fn noted<T>(&mut self, result: Result<T, IpvsError>) -> Option<T> {
        match result {
            Ok(value) => {
                if self.numbers.error.take().is_some() {
                    tracing::info!("IPVS is available now");
                }
                self.numbers.available = true;
                Some(value)
            }
            Err(error) => {
                let error = error.to_string();
                if self.numbers.error.as_ref() != Some(&error) {
                    tracing::error!(%error, "IPVS is not available; checks go on, and it is tried again");
                }
                self.numbers.available = false;
                self.numbers.error = Some(error);
                self.kernel = None;
                self.known.clear();
                None
            }
        }
    }
}

/// Whether `lvs_flush` is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushAtStart {
    No,
    Yes,
}

impl FlushAtStart {
    /// It acts at the start of the daemon, not when a checker takes over from one that died under the same supervisor.
    fn is_due(self, predecessor: Option<Supervisor>, own: Supervisor) -> bool {
        self == Self::Yes && predecessor != Some(own)
    }
}

/// What is removed at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Our services.
    Ours,
    /// The whole table (`lvs_flush_on_stop`).
    Everything,
}

async fn read_entry(
    kernel: &mut impl Kernel,
    strangers: &Strangers,
    service: Service,
) -> Result<Entry, IpvsError> {
    let dests = kernel.dests(service.key()).await?.into_iter().map(|(dest, _)| dest);
    let dests = strangers.leave_out(service.key(), dests);
    Ok(Entry::with_dests(service, dests))
}

fn is_gone_already(op: &Op, error: &IpvsError) -> bool {
    let absent = matches!(error.errno(), Some(Errno::ESRCH | Errno::ENOENT));
    absent && matches!(op, Op::DelService(_))
}
