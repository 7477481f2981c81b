//! What others do to links and addresses.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};

use lvsd_model::Rule;

use super::decode::{Message, Messages, address, link};
use super::routing::RouteEntry;
use super::{AddressEntry, Link, decode_routing};

const GROUPS: [u32; 3] = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR];
const ROUTING_GROUPS: [u32; 4] =
    [libc::RTNLGRP_IPV4_ROUTE, libc::RTNLGRP_IPV6_ROUTE, libc::RTNLGRP_IPV4_RULE, libc::RTNLGRP_IPV6_RULE];
/// Room for bursts, such as a bridge of hundreds of ports going down.
const RECEIVE_BUFFER: usize = 4 << 20;
const DATAGRAM: usize = 1 << 16;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorEvent {
    /// A link is new or has changed.
    Link(Link),
    /// A link is gone.
    LinkGone(Link),
    /// An address is new or has changed.
    Address(AddressEntry),
    /// An address is gone.
    AddressGone(AddressEntry),
    /// Events were lost: everything has to be read anew. No event from before that comes after this one.
    Overrun,
}

/// Something that happened to routes or rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutingEvent {
    /// A route is gone.
    RouteGone {
        /// It.
        entry: RouteEntry,
        /// [`Rtnl::port`](super::Rtnl::port) of who did it; 0 for the kernel.
        by: u32,
    },
    /// A route is new, perhaps in the place of another one.
    RouteSet {
        /// It.
        entry: RouteEntry,
        /// Who did it.
        by: u32,
    },
    /// A rule is gone.
    RuleGone {
        /// It.
        rule: Rule,
        /// Who did it.
        by: u32,
    },
    /// Events were lost.
    Overrun,
}

/// A stream of events about links and addresses of the network namespace it was opened in.
#[derive(Debug)]
pub struct Monitor(Stream<MonitorEvent>);

/// A stream of events about routes and rules. Apart from the other one: a host that learns the routes of the whole net must not
/// be the reason why the loss of a link is overlooked.
#[derive(Debug)]
pub struct RoutingMonitor(Stream<RoutingEvent>);

/// A socket that hears notifications, and what has been read of them.
#[derive(Debug)]
struct Stream<E> {
    socket: Socket,
    buffer: Vec<u8>,
    waiting: VecDeque<E>,
    decode: fn(&Message<'_>) -> Option<E>,
    overrun: fn() -> E,
}

impl Monitor {
    /// Opens it. To miss nothing, open it before the first dump.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        Ok(Self(Stream::open(&GROUPS, event, || MonitorEvent::Overrun)?))
    }

    /// The next event; `None` when none waits. Messages that do not decode are skipped.
    ///
    /// # Errors
    /// The kernel's; lost events are no error but [`MonitorEvent::Overrun`].
    pub fn receive(&mut self) -> io::Result<Option<MonitorEvent>> {
        self.0.receive()
    }
}

impl RoutingMonitor {
    /// Opens it, as [`Monitor::open`] does.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        Ok(Self(Stream::open(&ROUTING_GROUPS, routing_event, || RoutingEvent::Overrun)?))
    }

    /// The next event, as [`Monitor::receive`] gives it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn receive(&mut self) -> io::Result<Option<RoutingEvent>> {
        self.0.receive()
    }
}

impl<E> Stream<E> {
    fn open(groups: &[u32], decode: fn(&Message<'_>) -> Option<E>, overrun: fn() -> E) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in groups {
            socket.add_membership(*group)?;
        }
        socket.set_non_blocking(true)?;
        // A larger buffer only helps; without CAP_NET_ADMIN the default has to do.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        Ok(Self { socket, buffer: vec![0; DATAGRAM], waiting: VecDeque::new(), decode, overrun })
    }

    fn receive(&mut self) -> io::Result<Option<E>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => {
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    self.waiting.extend(Messages(datagram).filter_map(|message| (self.decode)(&message)));
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::ENOBUFS) => {
                    self.discard();
                    return Ok(Some((self.overrun)()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Drops what waits. The kernel reports an overrun before the events that it still has: after a fresh dump they would be the
    /// past, and what put it right is what was lost.
    fn discard(&mut self) {
        let fd = self.socket.as_raw_fd();
        while matches!(
            recv(fd, &mut self.buffer, MsgFlags::empty()),
            Ok(_) | Err(Errno::EINTR | Errno::ENOBUFS)
        ) {}
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }
}

impl AsRawFd for Monitor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.socket.as_raw_fd()
    }
}

impl AsFd for RoutingMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }
}

fn routing_event(message: &Message<'_>) -> Option<RoutingEvent> {
    let (by, payload) = (message.port, message.payload);
    match message.kind {
        libc::RTM_NEWROUTE => Some(RoutingEvent::RouteSet { entry: decode_routing::route(payload)?, by }),
        libc::RTM_DELROUTE => Some(RoutingEvent::RouteGone { entry: decode_routing::route(payload)?, by }),
        libc::RTM_DELRULE => Some(RoutingEvent::RuleGone { rule: decode_routing::rule(payload)?, by }),
        _ => None,
    }
}

fn event(message: &Message<'_>) -> Option<MonitorEvent> {
    let payload = message.payload;
    match message.kind {
        libc::RTM_NEWLINK => link(payload).map(MonitorEvent::Link),
        libc::RTM_DELLINK => link(payload).map(MonitorEvent::LinkGone),
        libc::RTM_NEWADDR => address(payload).map(MonitorEvent::Address),
        libc::RTM_DELADDR => address(payload).map(MonitorEvent::AddressGone),
        _ => None,
    }
}
