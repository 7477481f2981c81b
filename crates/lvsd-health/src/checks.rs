//! Every distinct check once: who uses it, when it is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::{Check, CheckKind};

use crate::judge::{Change, Judge};
use crate::outcome::Outcome;
use crate::time::Time;

/// Names a check for as long as it exists; never used again afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(u64);

/// A check to be run now.
#[derive(Clone, Debug)]
pub struct Due {
    /// Whose outcome it will be.
    pub id: CheckId,
    /// What to run.
    pub check: Arc<Check>,
}

/// What makes two checks one. A network check says itself where it connects to; a program may behave differently for each
/// server that it is configured for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    check: Arc<Check>,
    server: Option<SocketAddr>,
}

impl Identity {
    fn new(check: &Check, server: SocketAddr) -> Self {
        let server = matches!(check.kind, CheckKind::Misc(_)).then_some(server);
        Self { check: Arc::new(check.clone()), server }
    }

    /// A fraction, from 0 to just below 1, that depends on nothing but the check and the seed.
    fn fraction(&self, seed: u64) -> f64 {
        let mut hasher = DefaultHasher::new();
        (seed, self).hash(&mut hasher);
        // 53 bits are what a double holds exactly.
        (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How soon a new check's first result is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Within the configured warm-up.
    Normal,
    /// A server is kept out until there is a result.
    Awaited,
    /// A server that was found good before goes on until there is a result that says otherwise: one that failed once only,
    /// with retries left, does not.
    Proven,
}

/// The warm-up of a check whose server is kept out until its first result.
const AWAITED_WARMUP: Duration = Duration::from_secs(1);

/// A real server of a pool, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) pool: usize,
    pub(crate) server: usize,
}

#[derive(Debug)]
struct Record {
    identity: Identity,
    judge: Judge,
    users: Vec<User>,
    /// Nobody wants to know at present.
    rests: bool,
}

/// All checks of the configuration.
#[derive(Debug)]
pub(crate) struct Checks {
    seed: u64,
    next_id: u64,
    records: HashMap<CheckId, Record>,
    ids: HashMap<Identity, CheckId>,
    /// Earliest first. An entry that does not agree with its check's judge is out of date and skipped.
    due: BinaryHeap<Reverse<(Time, CheckId)>>,
}

impl Checks {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next_id: 0, records: HashMap::new(), ids: HashMap::new(), due: BinaryHeap::new() }
    }

    /// Has checks that begin from now on begin as this seed says.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Forgets who uses which check; [`Checks::assign`] says it anew, then [`Checks::drop_unused`] ends the rest.
    pub(crate) fn unassign_all(&mut self) {
        for record in self.records.values_mut() {
            record.users.clear();
        }
    }

    /// Gives a check to a server: the one that exists, history and all, or a new one.
    pub(crate) fn assign(
        &mut self,
        now: Time,
        check: &Check,
        server: SocketAddr,
        user: User,
        urgency: Urgency,
    ) -> CheckId {
        let identity = Identity::new(check, server);
        let id = match self.ids.get(&identity) {
            Some(&id) => id,
            None => self.add(now, identity, urgency),
        };
        if let Some(record) = self.records.get_mut(&id) {
            record.users.push(user);
        }
        id
    }

    fn add(&mut self, now: Time, identity: Identity, urgency: Urgency) -> CheckId {
        let id = CheckId(self.next_id);
        self.next_id += 1;
        let timing = identity.check.timing;
        let warmup = match urgency {
            Urgency::Normal | Urgency::Proven => timing.warmup,
            Urgency::Awaited => timing.warmup.min(AWAITED_WARMUP),
        };
        let first_run = now + warmup.mul_f64(identity.fraction(self.seed));
        self.due.push(Reverse((first_run, id)));
        self.ids.insert(identity.clone(), id);
        let judge = Judge::new(timing, first_run);
        let judge = if urgency == Urgency::Proven { judge.with_retries() } else { judge };
        self.records.insert(id, Record { identity, judge, users: Vec::new(), rests: false });
        id
    }

    /// Ends the checks that no server uses. What is still running for them will find nobody.
    pub(crate) fn drop_unused(&mut self) {
        self.records.retain(|_, record| !record.users.is_empty());
        self.ids.retain(|_, id| self.records.contains_key(id));
        self.due.retain(|Reverse((_, id))| self.records.contains_key(id));
    }

    /// Whether there are checks that rest.
    pub(crate) fn some_rest(&self) -> bool {
        self.records.values().any(|record| record.rests)
    }

    /// Lets those checks rest that only such pools use, and has the others run. One that has rested runs within a second, or its
    /// warm-up if that is shorter: whoever takes over has traffic at once.
    pub(crate) fn rest(&mut self, now: Time, is_suspended: impl Fn(usize) -> bool) {
        for (&id, record) in &mut self.records {
            let rests = record.users.iter().all(|user| is_suspended(user.pool));
            let wakes = record.rests && !rests;
            record.rests = rests;
            if !wakes {
                continue;
            }
            let warmup = record.identity.check.timing.warmup.min(AWAITED_WARMUP);
            record.judge.reschedule(now + warmup.mul_f64(record.identity.fraction(self.seed)));
            if let Some(at) = record.judge.next_run() {
                self.due.push(Reverse((at, id)));
            }
        }
    }

    /// The next check that is due, begun; to be called until there is none.
    pub(crate) fn poll_due(&mut self, now: Time) -> Option<Due> {
        let at = self.poll_timeout().filter(|&at| at <= now)?;
        let Reverse((_, id)) = self.due.pop()?;
        let record = self.records.get_mut(&id)?;
        debug_assert_eq!(record.judge.next_run(), Some(at), "poll_timeout leaves a true entry on top");
        record.judge.start(now);
        Some(Due { id, check: Arc::clone(&record.identity.check) })
    }

    /// When the next check is due.
    pub(crate) fn poll_timeout(&mut self) -> Option<Time> {
        while let Some(&Reverse((at, id))) = self.due.peek() {
            let record = self.records.get(&id).filter(|record| !record.rests);
            if record.and_then(|record| record.judge.next_run()) == Some(at) {
                return Some(at);
            }
            self.due.pop();
        }
        None
    }

    /// Takes an outcome; returns the servers that have to be judged anew.
    pub(crate) fn finish(&mut self, now: Time, id: CheckId, outcome: &Outcome) -> &[User] {
        let Some(record) = self.records.get_mut(&id) else { return &[] };
        let was_running = record.judge.next_run().is_none();
        let change = record.judge.finish(now, outcome);
        if let Some(at) = record.judge.next_run().filter(|_| was_running && !record.rests) {
            self.due.push(Reverse((at, id)));
        }
        match change {
            Change::Judgement => &record.users,
            Change::Nothing => &[],
        }
    }

    pub(crate) fn clear_counters(&mut self) {
        for record in self.records.values_mut() {
            record.judge.clear_counters();
        }
    }

    /// The judge of a check; only of checks that are assigned.
    pub(crate) fn judge(&self, id: CheckId) -> Option<&Judge> {
        self.records.get(&id).map(|record| &record.judge)
    }

    /// A check and its judge.
    pub(crate) fn check(&self, id: CheckId) -> Option<(&Check, &Judge)> {
        self.records.get(&id).map(|record| (&*record.identity.check, &record.judge))
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}
