//! Asks the kernel, over tokio.
//!
//! Two connections per [`Client`], one for changes and one for dumps, each used for one exchange at a time; changes are
//! pipelined in batches. Every exchange has a time limit. A connection on which an answer was lost, or whose exchange
//! was given up (also by dropping the future), is closed and replaced by the next exchange.

mod connector;
mod link;
mod module;
mod request;
mod upkeep;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

pub use netlink_sys::AsyncSocket;
pub use netlink_sys::TokioSocket;
pub use netlink_sys::protocols::NETLINK_GENERIC;

use crate::backend::Ipvs;
use crate::codec::ctrl::Ctrl;
use crate::codec::{self, DecodeError, Message, Request};
use crate::error::{Errno, IpvsError};
use crate::types::{
    Daemon, DaemonRole, Dest, DestStatus, Entry, EntryStatus, Info, Op, Service, ServiceKey, Stats, Table,
    Timeouts,
};
pub use connector::Connector;
use link::Link;
pub use module::{LoadError, load_module};
pub use upkeep::{DaemonKeeper, Outcome};

/// How long an exchange may take unless [`Client::with_limit`] says otherwise. The kernel answers in microseconds, but
/// may be busy with somebody else's flush.
const LIMIT: Duration = Duration::from_secs(5);

/// Most changes in one datagram. Larger batches gain nothing, and their answers may not fit the receive buffer.
const BATCH: usize = 128;

/// Makes sockets: each connection, also one that replaces another, has its own.
type Opener = Box<dyn FnMut() -> io::Result<TokioSocket> + Send>;

/// The kernel's IPVS, in one network namespace.
pub struct Client {
    opener: Opener,
    limit: Duration,
    family: u16,
    changes: Option<Link<Message>>,
    dumps: Option<Link<Message>>,
    undecodable: Undecodable,
}

/// Answers that could not be read, and were left out of what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undecodable {
    /// How many so far.
    pub count: u64,
    /// What was wrong with the last.
    pub last: Option<DecodeError>,
}

impl Client {
    /// Opens the IPVS of the caller's network namespace. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`IpvsError::NoIpvs`] when the kernel has none (see [`load_module`]), others when netlink does not work.
    pub async fn open() -> Result<Self, IpvsError> {
        Self::open_with(|| TokioSocket::new(NETLINK_GENERIC)).await
    }

    /// Opens the IPVS of the network namespace in which `opener` makes its sockets: a socket belongs to the namespace of
    /// the thread that made it, for ever. The function is called again whenever a connection has to be replaced.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), ipvs::IpvsError> {
    /// use ipvs::client::{Client, TokioSocket, NETLINK_GENERIC, AsyncSocket};
    ///
    /// let runtime = tokio::runtime::Handle::current();
    /// let client = Client::open_with(move || {
    ///     let runtime = runtime.clone();
    ///     let in_namespace = move || {
    ///         // here: setns(2) of this thread into the other namespace
    ///         let _guard = runtime.enter();
    ///         TokioSocket::new(NETLINK_GENERIC)
    ///     };
    ///     std::thread::spawn(in_namespace).join().map_err(|_| std::io::Error::other("thread panicked"))?
    /// });
    /// # client.await?; Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        opener: impl FnMut() -> io::Result<TokioSocket> + Send + 'static,
    ) -> Result<Self, IpvsError> {
        let mut client = Self {
            opener: Box::new(opener),
            limit: LIMIT,
            family: 0,
            changes: None,
            dumps: None,
            undecodable: Undecodable::default(),
        };
        client.family = client.resolve_family().await?;
        Ok(client)
    }

    /// The same with another limit for each exchange.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Answers that could not be read so far. An object in such an answer is not in the dump: it cannot be one of ours, for
    /// we make none we cannot read.
    pub const fn undecodable(&self) -> &Undecodable {
        &self.undecodable
    }

    /// Reads all services, in the kernel's order. Costs a few microseconds each.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn dump_services(&mut self) -> Result<Vec<(Service, Stats)>, IpvsError> {
        self.dump_of("list services", codec::dump_services(), codec::decode_service).await
    }

    /// Reads the destinations of a service in the kernel's order; none if there is no such service. Costs an exchange.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn dump_dests(&mut self, key: &ServiceKey) -> Result<Vec<(Dest, DestStatus)>, IpvsError> {
        let family = key.family();
        let decode = move |reply: &_| codec::decode_dest(family, reply);
        self.dump_of("list destinations", codec::dump_dests(key), decode).await
    }

    /// Reads the whole table: an exchange for the services, and one for each of them. Somebody else's changes meanwhile
    /// may be in it by half.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn dump(&mut self) -> Result<Table, IpvsError> {
        let mut table = Table::new();
        for (service, _) in self.dump_services().await? {
            let dests = self.dump_dests(service.key()).await?;
            table.insert(Entry::with_dests(service, dests.into_iter().map(|(dest, _)| dest)));
        }
        Ok(table)
    }

    /// Reads the whole table with its counters. Costs as much as [`dump`](Self::dump).
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn dump_status(&mut self) -> Result<BTreeMap<ServiceKey, EntryStatus>, IpvsError> {
        let mut entries = BTreeMap::new();
        for (service, stats) in self.dump_services().await? {
            let key = *service.key();
            let dests = self.dump_dests(&key).await?;
            let dests = dests.into_iter().map(|(dest, status)| (dest.key, (dest, status))).collect();
            entries.insert(key, EntryStatus { service, stats, dests });
        }
        Ok(entries)
    }

    /// Makes the changes in order, pipelined in batches, and says for each what came of it: as many results as changes. A
    /// refused change does not stop those after it; what a refusal means (`EEXIST` on adding, `ENOENT` on removing) is
    /// for the caller to say. After a lost answer or a time-out the rest is not sent and is reported as lost: read the
    /// table again.
    pub async fn apply(&mut self, ops: &[Op]) -> Vec<Result<(), IpvsError>> {
        let mut results = Vec::with_capacity(ops.len());
        for batch in ops.chunks(BATCH) {
            let requests = batch.iter().map(codec::op).collect();
            match self.change(requests).await {
                Ok(outcomes) => results.extend(outcomes.into_iter().zip(batch).map(|(outcome, op)| {
                    outcome.map_err(|errno| IpvsError::Kernel { op: op.to_string(), errno })
                })),
                Err(stop) => {
                    let rest = ops.get(results.len()..).unwrap_or_default();
                    results.extend(rest.iter().map(|op| Err(stop.of(op.to_string()))));
                    break;
                }
            }
        }
        results
    }

    /// Removes every service and destination, whoever made them.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn flush(&mut self) -> Result<(), IpvsError> {
        self.change_one("flush", codec::flush()).await
    }

    /// Sets all counters to 0.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn zero(&mut self) -> Result<(), IpvsError> {
        self.change_one("zero the counters", codec::zero()).await
    }

    /// Reads the connection timeouts.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        self.ask("read the timeouts", codec::timeouts(), codec::decode_timeouts).await
    }

    /// Sets the connection timeouts that are not 0.
    ///
    /// # Errors
    /// When the kernel refuses (a number beyond what its ticks can count) or does not answer.
    pub async fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), IpvsError> {
        self.change_one("set the timeouts", codec::set_timeouts(timeouts)).await
    }

    /// Reads version and table size.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn info(&mut self) -> Result<Info, IpvsError> {
        self.ask("read the version", codec::info(), codec::decode_info).await
    }

    /// The sync daemons that run: none, one, or one of each role.
    ///
    /// # Errors
    /// When the kernel refuses or does not answer.
    pub async fn daemons(&mut self) -> Result<Vec<Daemon>, IpvsError> {
        self.dump_of("list sync daemons", codec::dump_daemons(), codec::decode_daemon).await
    }

    /// Starts a sync daemon.
    ///
    /// # Errors
    /// `EEXIST` if that half runs, `ENODEV` without the interface, `EINVAL` while a destination is of another family
    /// than its service.
    pub async fn start_daemon(&mut self, daemon: &Daemon) -> Result<(), IpvsError> {
        let op = format!("start {} sync daemon on {}", daemon.role, daemon.interface);
        self.change_one(&op, codec::new_daemon(daemon)).await
    }

    /// Stops a sync daemon.
    ///
    /// # Errors
    /// `ESRCH` if that half does not run.
    pub async fn stop_daemon(&mut self, role: DaemonRole) -> Result<(), IpvsError> {
        let op = format!("stop {role} sync daemon");
        // A daemon stopped before its thread first ran is stopped without an answer (the thread ends with EINTR, which
        // netlink does not report). The answer to a request that changes nothing shows that none will come.
        let nothing = codec::set_timeouts(&Timeouts::default());
        match self.change(vec![codec::stop_daemon(role), nothing]).await {
            Ok(outcomes) => first(op, outcomes),
            Err(stop) if stop.is_lost() => match self.daemons().await?.iter().any(|d| d.role == role) {
                true => Err(stop.of(op)),
                false => Ok(()),
            },
            Err(stop) => Err(stop.of(op)),
        }
    }

    async fn change_one(&mut self, op: &str, request: Request) -> Result<(), IpvsError> {
        let outcomes = self.change(vec![request]).await.map_err(|stop| stop.of(op.to_owned()))?;
        first(op.to_owned(), outcomes)
    }
}

/// What came of the first of some requests.
fn first(op: String, outcomes: Vec<Result<(), Errno>>) -> Result<(), IpvsError> {
    match outcomes.into_iter().next() {
        Some(Ok(())) => Ok(()),
        Some(Err(errno)) => Err(IpvsError::Kernel { op, errno }),
        None => Err(IpvsError::Lost { op }),
    }
}

impl Ipvs for Client {
    async fn dump(&mut self) -> Result<Table, IpvsError> {
        Self::dump(self).await
    }

    async fn apply(&mut self, ops: &[Op]) -> Vec<Result<(), IpvsError>> {
        Self::apply(self, ops).await
    }

    async fn flush(&mut self) -> Result<(), IpvsError> {
        Self::flush(self).await
    }

    async fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        Self::timeouts(self).await
    }

    async fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), IpvsError> {
        Self::set_timeouts(self, timeouts).await
    }

    async fn daemons(&mut self) -> Result<Vec<Daemon>, IpvsError> {
        Self::daemons(self).await
    }

    async fn start_daemon(&mut self, daemon: &Daemon) -> Result<(), IpvsError> {
        Self::start_daemon(self, daemon).await
    }

    async fn stop_daemon(&mut self, role: DaemonRole) -> Result<(), IpvsError> {
        Self::stop_daemon(self, role).await
    }
}
