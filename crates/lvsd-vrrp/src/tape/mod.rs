//! The flight recorder: what an election was told and what it ordered, in a ring of fixed size, to be replayed elsewhere.
//!
//! A [`Router`] is a function of what it is told, so a recording is the router as it was at the beginning, and everything that it was
//! told since. [`Taped`] is a router that writes that down as it goes; [`replay`](replay()) tells the same to a copy and compares what both
//! ordered.
//!
//! Memory: two sides of at most [`SIDE`] bytes, and a copy of the router for each. When a side is full, the other one is wiped and
//! begins with a copy of the router of that moment. So there is always one full side, if there was that much to record.

mod mark;
mod op;
mod replay;

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use lvsd_model::{Family, InterfaceName, VrrpConfig};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::engine::{
    Applied, InstanceId, LinkState, Mastership, Output, Presence, Reception, Router, ShutdownMode,
};
use crate::judge::Outcome;
use crate::time::Time;
use crate::wire::{MembershipReject, RxMeta};
pub use mark::{Deed, Mark};
pub use op::Op;
pub use replay::{Divergence, Line, Replayed, Told, replay};

/// The greatest length of one side, in bytes.
pub const SIDE: usize = 4 << 20;
/// Of SHA-256.
const DIGEST: usize = 32;
/// Taken from the system at a time.
const PIECE: usize = 64 << 10;

/// What stands on the tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one at a time")]
enum Entry<'a> {
    Told(#[serde(borrow)] Op<'a>),
    Ordered(Mark),
}

/// One side of the tape.
#[derive(Clone, Debug)]
struct Side {
    /// The router at its beginning.
    start: Arc<Router>,
    full: Vec<Arc<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Side {
    fn new(start: &Router) -> Self {
        Self { start: Arc::new(start.clone()), full: Vec::new(), piece: Vec::new() }
    }

    fn len(&self) -> usize {
        self.full.len() * PIECE + self.piece.len()
    }

    /// An entry is never cut in two.
    fn append(&mut self, entry: &[u8]) {
        if self.piece.len() + entry.len() > PIECE && !self.piece.is_empty() {
            self.full.push(Arc::new(std::mem::take(&mut self.piece)));
        }
        if self.piece.capacity() == 0 {
            self.piece.reserve_exact(PIECE.max(entry.len()));
        }
        self.piece.extend_from_slice(entry);
    }

    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.full.iter().map(|piece| piece.as_slice()).chain([self.piece.as_slice()])
    }
}

/// What a recorder holds at one moment; cheap to make, so that the election is not held up.
#[derive(Clone, Debug)]
pub struct Recording {
    older: Option<Side>,
    newer: Side,
}

/// A recording that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum NoRecording {
    /// It does not begin like one.
    #[error("this is no recording of lvsd")]
    Other,
    /// It is not as it was written.
    #[error("the recording is damaged or incomplete")]
    Damaged,
    /// It was written by a version that records otherwise.
    #[error("the recording is of lvsd {version}, which records otherwise: {source}")]
    Layout {
        /// That version.
        version: String,
        /// Where it does not fit.
        source: postcard::Error,
    },
    /// It cannot be written.
    #[error("nothing can be recorded: {0}")]
    Unwritable(#[from] postcard::Error),
}

/// What a recording begins with: what it is. Then the version, the SHA-256 of the rest, a router, and entries.
const MAGIC: &[u8] = b"lvsd recording ";

impl Recording {
    /// The recording as bytes. It has the configuration in it, with passwords and keys.
    ///
    /// # Errors
    /// None that is known of; memory aside, everything in it can be written.
    pub fn to_bytes(&self, version: &str) -> Result<Vec<u8>, NoRecording> {
        let sides = || self.older.iter().chain([&self.newer]);
        let start = sides().next().map_or(&self.newer.start, |side| &side.start);
        let mut body = postcard::to_allocvec(&**start)?;
        sides().flat_map(Side::entries).for_each(|piece| body.extend_from_slice(piece));
        let digest = Sha256::digest(&body);
        Ok([MAGIC, version.as_bytes(), b"\n", digest.as_slice(), &body].concat())
    }
}

/// A router that is recorded. It can be looked at like any other; it is told things by the methods here, which are those of
/// [`Router`] and do the same.
#[derive(Debug)]
pub struct Taped {
    router: Router,
    older: Option<Side>,
    newer: Side,
    buffer: Vec<u8>,
    limit: usize,
}

impl Deref for Taped {
    type Target = Router;

    fn deref(&self) -> &Router {
        &self.router
    }
}

impl Taped {
    /// Records a router from now on.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self::with_limit(router, SIDE)
    }

    /// The same with sides of another length.
    #[must_use]
    pub fn with_limit(router: Router, limit: usize) -> Self {
        let newer = Side::new(&router);
        Self { router, older: None, newer, buffer: Vec::new(), limit }
    }

    /// What there is. To be asked for when all outputs have been taken.
    #[must_use]
    pub fn recording(&self) -> Recording {
        Recording { older: self.older.clone(), newer: self.newer.clone() }
    }

    fn write(&mut self, entry: &Entry<'_>) {
        self.buffer.clear();
        let buffer = std::mem::take(&mut self.buffer);
        // Everything in an entry can be written; what could not would only be missing.
        if let Ok(buffer) = postcard::to_extend(entry, buffer) {
            self.newer.append(&buffer);
            self.buffer = buffer;
        }
    }

    /// Writes down what is about to be told. Sides are turned before, when nothing waits in the router.
    fn tell(&mut self, op: Op<'_>) {
        if self.newer.len() >= self.limit && self.router.is_drained() {
            self.older = Some(std::mem::replace(&mut self.newer, Side::new(&self.router)));
        }
        self.write(&Entry::Told(op));
    }

    /// [`Router::receive`].
    pub fn receive(
        &mut self,
        now: Time,
        interface: Option<&InterfaceName>,
        meta: RxMeta,
        payload: &[u8],
    ) -> Reception {
        let interface_told = interface.map(Cow::Borrowed);
        self.tell(Op::Receive { now, interface: interface_told, meta, payload: Cow::Borrowed(payload) });
        self.router.receive(now, interface, meta, payload)
    }

    /// [`Router::receive_membership`].
    ///
    /// # Errors
    /// As there.
    pub fn receive_membership(
        &mut self,
        now: Time,
        interface: &InterfaceName,
        family: Family,
        packet: &[u8],
    ) -> Result<(), MembershipReject> {
        let (told, octets) = (Cow::Borrowed(interface), Cow::Borrowed(packet));
        self.tell(Op::Membership { now, interface: told, family, packet: octets });
        self.router.receive_membership(now, interface, family, packet)
    }

    /// [`Router::receive_denial`].
    pub fn receive_denial(&mut self, now: Time, interface: Option<&InterfaceName>, host: IpAddr) {
        self.tell(Op::Denial { now, interface: interface.map(Cow::Borrowed), host });
        self.router.receive_denial(now, interface, host);
    }

    /// [`Router::handle_timeout`]; one with nothing to do is not written down.
    pub fn handle_timeout(&mut self, until: Time) {
        if self.router.poll_timeout().is_some_and(|deadline| deadline <= until) {
            self.tell(Op::Timeout { until });
        }
        self.router.handle_timeout(until);
    }

    /// [`Router::link`].
    pub fn link(&mut self, now: Time, interface: &InterfaceName, state: LinkState) {
        self.tell(Op::Link { now, interface: Cow::Borrowed(interface), state });
        self.router.link(now, interface, state);
    }

    /// [`Router::interface_address`].
    pub fn interface_address(
        &mut self,
        now: Time,
        interface: &InterfaceName,
        family: Family,
        address: Option<IpAddr>,
    ) {
        self.tell(Op::Address { now, interface: Cow::Borrowed(interface), family, address });
        self.router.interface_address(now, interface, family, address);
    }

    /// [`Router::instance_source`].
    pub fn instance_source(&mut self, now: Time, id: InstanceId, source: Option<IpAddr>) {
        self.tell(Op::Source { now, id, source });
        self.router.instance_source(now, id, source);
    }

    /// [`Router::script_result`].
    pub fn script_result(&mut self, now: Time, script: &str, outcome: Outcome) {
        self.tell(Op::Script { now, name: Cow::Borrowed(script), outcome });
        self.router.script_result(now, script, outcome);
    }

    /// [`Router::static_missing`].
    pub fn static_missing(&mut self, now: Time, group: &str, what: Option<String>) {
        let told = what.as_deref().map(Cow::Borrowed);
        self.tell(Op::Static { now, group: Cow::Borrowed(group), what: told });
        self.router.static_missing(now, group, what);
    }

    /// [`Router::file_value`].
    pub fn file_value(&mut self, now: Time, file: &str, value: i64) {
        self.tell(Op::File { now, name: Cow::Borrowed(file), value });
        self.router.file_value(now, file, value);
    }

    /// [`Router::process_quorum`].
    pub fn process_quorum(&mut self, now: Time, process: &str, ok: bool) {
        self.tell(Op::Process { now, name: Cow::Borrowed(process), ok });
        self.router.process_quorum(now, process, ok);
    }

    /// [`Router::bfd_session`].
    pub fn bfd_session(&mut self, now: Time, session: &str, up: bool) {
        self.tell(Op::Bfd { now, name: Cow::Borrowed(session), up });
        self.router.bfd_session(now, session, up);
    }

    /// [`Router::service_quorum`].
    pub fn service_quorum(&mut self, now: Time, service: &str, met: bool) {
        self.tell(Op::Service { now, name: Cow::Borrowed(service), met });
        self.router.service_quorum(now, service, met);
    }

    /// [`Router::source_present`].
    pub fn source_present(&mut self, now: Time, address: IpAddr, presence: Presence) {
        self.tell(Op::Presence { now, address, presence });
        self.router.source_present(now, address, presence);
    }

    /// [`Router::address_deleted`].
    pub fn address_deleted(&mut self, now: Time, id: InstanceId, address: IpAddr) {
        self.tell(Op::AddressDeleted { now, id, address });
        self.router.address_deleted(now, id, address);
    }

    /// [`Router::apply`].
    pub fn apply(&mut self, now: Time, config: &VrrpConfig) -> Applied {
        self.tell(Op::Apply { now, config: Cow::Borrowed(config) });
        self.router.apply(now, config)
    }

    /// [`Router::inherit`].
    pub fn inherit(&mut self, alive_at: Time, masterships: Vec<Mastership>) {
        self.tell(Op::Inherit { alive_at, masterships: Cow::Borrowed(&masterships) });
        self.router.inherit(alive_at, masterships);
    }

    /// [`Router::resume`].
    pub fn resume(&mut self, now: Time) {
        self.tell(Op::Resume { now });
        self.router.resume(now);
    }

    /// [`Router::clear_counters`].
    pub fn clear_counters(&mut self) {
        self.tell(Op::ClearCounters);
        self.router.clear_counters();
    }

    /// [`Router::shutdown`].
    pub fn shutdown(&mut self, now: Time, mode: ShutdownMode) {
        self.tell(Op::Shutdown { now, mode });
        self.router.shutdown(now, mode);
    }

    /// [`Router::poll_output`].
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.router.poll_output()?;
        self.write(&Entry::Ordered(Mark::of(&output)));
        Some(output)
    }

    /// [`Router::poll_timeout`].
    pub fn poll_timeout(&mut self) -> Option<Time> {
        self.router.poll_timeout()
    }
}
