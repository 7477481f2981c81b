//! Changes and dumps, on a blocking socket with a time limit.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use lvsd_model::{Family, Rule};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::decode::{Message, Messages, address, error_number, error_text, link};
use super::decode_routing;
use super::encode::{Request, add_address, append, dump_addresses, dump_links, remove_address};
use super::encode_routing::{self, dump_routes, dump_rules};
use super::routing::{RouteEntry, RoutingChange};
use super::{AddressEntry, AddressKey, AddressSpec, Link};

/// Requests per send: their acknowledgements fit the smallest receive buffer.
const BATCH: usize = 64;
/// How long the kernel may take for one answer, in seconds; it answers within the send itself unless something is broken.
const TIME_LIMIT: i64 = 2;
const RECEIVE_BUFFER: usize = 1 << 20;
/// The kernel makes no larger datagram for a dump.
const DATAGRAM: usize = 1 << 16;
/// How often a dump that was disturbed by a change is begun anew.
const DUMP_ATTEMPTS: usize = 8;

/// A change to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressChange {
    /// Sets an address, whether it is there or not.
    Add(AddressSpec),
    /// Removes one.
    Remove {
        /// Which.
        key: AddressKey,
        /// The other end it was set with.
        peer: Option<IpAddr>,
    },
}

/// Why the kernel did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum RtnlError {
    /// It refused.
    #[error("{source}{}", text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Refused {
        /// The error number.
        source: io::Error,
        /// The kernel's own explanation, if it gave one.
        text: Option<String>,
    },
    /// No answer in time, or answers were lost.
    #[error("netlink: {0}")]
    Broken(#[source] io::Error),
}

impl RtnlError {
    /// The error number of a refusal.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { source, .. } => source.raw_os_error(),
            Self::Broken(_) => None,
        }
    }

    /// Whether a removal was refused because there is nothing to remove: the object, or its interface, is gone.
    #[must_use]
    pub fn already_gone(&self) -> bool {
        matches!(
            self.errno(),
            Some(libc::EADDRNOTAVAIL | libc::ENODEV | libc::ENXIO | libc::ESRCH | libc::ENOENT)
        )
    }

    /// Whether an addition was refused because there is one already.
    #[must_use]
    pub fn already_there(&self) -> bool {
        self.errno() == Some(libc::EEXIST)
    }
}

/// A connection to the kernel for changes and dumps.
#[derive(Debug)]
pub struct Rtnl {
    socket: Socket,
    port: u32,
    sequence: u32,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Rtnl {
    /// Opens it in the caller's network namespace.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        let port = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        let limit = TimeVal::new(TIME_LIMIT, 0);
        let fd = socket.as_fd();
        setsockopt(&fd, sockopt::ReceiveTimeout, &limit)?;
        setsockopt(&fd, sockopt::SendTimeout, &limit)?;
        // A larger buffer only helps; without CAP_NET_ADMIN the default has to do.
        let _ = setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        // Kernels before 4.20 do not filter; then dumps are longer.
        let _ = socket.set_netlink_get_strict_chk(true);
        Ok(Self {
            socket,
            port,
            sequence: 0,
            outgoing: Vec::with_capacity(8192),
            incoming: vec![0; DATAGRAM],
        })
    }

    /// What the kernel calls this connection: events that it causes bear this number.
    #[must_use]
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// Makes changes in order and gives their results in the same order.
    pub fn apply(&mut self, changes: &[AddressChange]) -> Vec<Result<(), RtnlError>> {
        self.apply_each(changes, |change| match change {
            AddressChange::Add(spec) => (add_address(spec), Request::Set),
            AddressChange::Remove { key, peer } => (remove_address(key, *peer), Request::Change),
        })
    }

    /// Makes changes to routes and rules, as [`apply`](Self::apply) does to addresses.
    pub fn apply_routing(&mut self, changes: &[RoutingChange]) -> Vec<Result<(), RtnlError>> {
        self.apply_each(changes, encode_routing::change)
    }

    fn apply_each<C>(
        &mut self,
        changes: &[C],
        encode: impl Fn(&C) -> (RouteNetlinkMessage, Request),
    ) -> Vec<Result<(), RtnlError>> {
        let mut results = Vec::with_capacity(changes.len());
        for batch in changes.chunks(BATCH) {
            self.apply_batch(batch.iter().map(&encode), &mut results);
        }
        results
    }

    fn apply_batch(
        &mut self,
        batch: impl ExactSizeIterator<Item = (RouteNetlinkMessage, Request)>,
        results: &mut Vec<Result<(), RtnlError>>,
    ) {
        let first = self.sequence.wrapping_add(1);
        let count = batch.len();
        self.outgoing.clear();
        for (message, request) in batch {
            self.push(message, request);
        }
        if let Err(error) = self.socket.send(&self.outgoing, 0) {
            let broken = || Err(RtnlError::Broken(io::Error::from(error.kind())));
            results.extend((0..count).map(|_| broken()));
            return;
        }
        let mut answers: Vec<Option<Result<(), RtnlError>>> = (0..count).map(|_| None).collect();
        let mut missing = answers.len();
        let broken = loop {
            if missing == 0 {
                break io::ErrorKind::TimedOut.into();
            }
            let answered = self.receive(|message| {
                let place = usize::try_from(message.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                if i32::from(message.kind) != libc::NLMSG_ERROR {
                    return;
                }
                if let Some(answer @ None) = answers.get_mut(place) {
                    *answer = Some(acknowledgement(message));
                    missing -= 1;
                }
            });
            if let Err(error) = answered {
                break error;
            }
        };
        let lost = |answer: Option<_>| {
            answer.unwrap_or_else(|| Err(RtnlError::Broken(io::Error::from(broken.kind()))))
        };
        results.extend(answers.into_iter().map(lost));
    }

    /// Every interface.
    ///
    /// # Errors
    /// [`RtnlError`].
    pub fn links(&mut self) -> Result<Vec<Link>, RtnlError> {
        self.dump(dump_links, libc::RTM_NEWLINK, link)
    }

    /// Every address of both families, in the order in which the kernel uses them.
    ///
    /// # Errors
    /// [`RtnlError`].
    pub fn addresses(&mut self) -> Result<Vec<AddressEntry>, RtnlError> {
        self.dump(dump_addresses, libc::RTM_NEWADDR, address)
    }

    /// Every route of both families that belongs to a protocol.
    ///
    /// # Errors
    /// [`RtnlError`].
    pub fn routes(&mut self, protocol: u8) -> Result<Vec<RouteEntry>, RtnlError> {
        let mut all = Vec::new();
        for family in [Family::V4, Family::V6] {
            let request = || dump_routes(family, protocol);
            all.extend(self.dump(request, libc::RTM_NEWROUTE, decode_routing::route)?);
        }
        all.retain(|entry| entry.protocol == protocol);
        Ok(all)
    }

    /// Every rule of both families.
    ///
    /// # Errors
    /// [`RtnlError`].
    pub fn rules(&mut self) -> Result<Vec<Rule>, RtnlError> {
        let mut all = Vec::new();
        for family in [Family::V4, Family::V6] {
            all.extend(self.dump(|| dump_rules(family), libc::RTM_NEWRULE, decode_routing::rule)?);
        }
        Ok(all)
    }

    fn dump<T>(
        &mut self,
        request: impl Fn() -> RouteNetlinkMessage,
        kind: u16,
        decode: fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, RtnlError> {
        const NLM_F_DUMP_INTR: u16 = 0x10;
        let mut items = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            items.clear();
            self.outgoing.clear();
            self.push(request(), Request::Dump);
            self.socket.send(&self.outgoing, 0).map_err(RtnlError::Broken)?;
            let sequence = self.sequence;
            let (mut end, mut disturbed) = (None, false);
            while end.is_none() {
                self.receive(|message| {
                    if message.sequence != sequence {
                        return;
                    }
                    disturbed |= message.flags & NLM_F_DUMP_INTR != 0;
                    match i32::from(message.kind) {
                        libc::NLMSG_ERROR => end = Some(acknowledgement(message)),
                        libc::NLMSG_DONE => end = Some(Ok(())),
                        _ if message.kind == kind => items.extend(decode(message.payload)),
                        _ => {}
                    }
                })
                .map_err(RtnlError::Broken)?;
            }
            end.unwrap_or(Ok(()))?;
            if !disturbed {
                return Ok(items);
            }
        }
        // Changes without pause: the list is as good as any; the monitor brings what it lacks.
        Ok(items)
    }

    /// Begins a datagram of requests.
    pub(super) fn begin(&mut self) {
        self.outgoing.clear();
    }

    /// Sends it; gives the sequence number of its last request.
    pub(super) fn send(&mut self) -> Result<u32, RtnlError> {
        self.socket.send(&self.outgoing, 0).map_err(RtnlError::Broken)?;
        Ok(self.sequence)
    }

    pub(super) fn push(&mut self, message: RouteNetlinkMessage, request: Request) {
        self.sequence = self.sequence.wrapping_add(1);
        append(&mut self.outgoing, message, request, self.sequence);
    }

    /// One datagram; late answers to earlier requests are among what `each` sees, with their own sequence numbers.
    pub(super) fn receive(&mut self, mut each: impl FnMut(&Message<'_>)) -> io::Result<()> {
        let length = loop {
            match recv(self.socket.as_raw_fd(), &mut self.incoming, MsgFlags::empty()) {
                Ok(length) => break length,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            }
        };
        for message in Messages(self.incoming.get(..length).unwrap_or_default()) {
            each(&message);
        }
        Ok(())
    }
}

pub(super) fn acknowledgement(message: &Message<'_>) -> Result<(), RtnlError> {
    match error_number(message.payload) {
        Some(0) => Ok(()),
        Some(number) => {
            let source = io::Error::from_raw_os_error(number);
            Err(RtnlError::Refused { source, text: error_text(message) })
        }
        None => Err(RtnlError::Broken(io::ErrorKind::InvalidData.into())),
    }
}
