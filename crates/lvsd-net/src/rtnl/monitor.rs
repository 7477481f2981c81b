//! What others do to links and addresses.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};

use super::decode::{Messages, address, link};
use super::{AddressEntry, Link};

const GROUPS: [u32; 3] = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR];
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

/// A stream of events about links and addresses of the network namespace it was opened in.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    buffer: Vec<u8>,
    waiting: VecDeque<MonitorEvent>,
}

impl Monitor {
    /// Opens it. To miss nothing, open it before the first dump.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        socket.set_non_blocking(true)?;
        // A larger buffer only helps; without CAP_NET_ADMIN the default has to do.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        Ok(Self { socket, buffer: vec![0; DATAGRAM], waiting: VecDeque::new() })
    }

    /// The next event; `None` when none waits. Messages that do not decode are skipped.
    ///
    /// # Errors
    /// The kernel's; lost events are no error but [`MonitorEvent::Overrun`].
    pub fn receive(&mut self) -> io::Result<Option<MonitorEvent>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => {
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    self.waiting.extend(
                        Messages(datagram).filter_map(|message| event(message.kind, message.payload)),
                    );
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::ENOBUFS) => {
                    self.discard();
                    return Ok(Some(MonitorEvent::Overrun));
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
        self.socket.as_fd()
    }
}

fn event(kind: u16, payload: &[u8]) -> Option<MonitorEvent> {
    match kind {
        libc::RTM_NEWLINK => link(payload).map(MonitorEvent::Link),
        libc::RTM_DELLINK => link(payload).map(MonitorEvent::LinkGone),
        libc::RTM_NEWADDR => address(payload).map(MonitorEvent::Address),
        libc::RTM_DELADDR => address(payload).map(MonitorEvent::AddressGone),
        _ => None,
    }
}
