//! nf_tables over netlink: transactions of the few messages that lvsd needs, and the news that somebody removed a table.
//!
//! A [`Transaction`] is built message by message and [committed](Nft::commit) as one: the kernel does all of it or nothing, and no
//! packet sees half of it. Nothing here knows what rules are good for.

mod encode;
mod message;

pub use encode::{Expression, Field, Meta, Verdict};
pub use message::{Chain, Element, Hook, Set, Table, TableFamily, Transaction};

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};
use nix::sys::time::TimeVal;

use crate::rtnl::decode::{Message, Messages, error_number, error_text, nested, text};

/// How long the kernel may take for a transaction, in seconds.
const TIME_LIMIT: i64 = 5;
const BUFFER: usize = 4 << 20;
const DATAGRAM: usize = 1 << 16;
/// NFNLGRP_NFTABLES.
const GROUP: u32 = 7;

/// Why a transaction was not done.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// The kernel has no nf_tables.
    #[error("this kernel has no nf_tables")]
    Absent,
    /// It refused one of the messages.
    #[error("{what}: {source}{}", text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Refused {
        /// What was asked for.
        what: String,
        /// The error number.
        source: io::Error,
        /// The kernel's own explanation, if it gave one.
        text: Option<String>,
    },
    /// No answer in time, or no way to ask.
    #[error("netlink: {0}")]
    Broken(#[source] io::Error),
}

/// A connection to nf_tables in the network namespace that it was opened in.
#[derive(Debug)]
pub struct Nft {
    socket: Socket,
    sequence: u32,
    incoming: Vec<u8>,
}

impl Nft {
    /// Opens it.
    ///
    /// # Errors
    /// [`NftError::Absent`] without netfilter, or the kernel's.
    pub fn open() -> Result<Self, NftError> {
        Self::connect().map_err(|error| match error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT) => NftError::Absent,
            _ => NftError::Broken(error),
        })
    }

    fn connect() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        let limit = TimeVal::new(TIME_LIMIT, 0);
        let fd = socket.as_fd();
        setsockopt(&fd, sockopt::ReceiveTimeout, &limit)?;
        setsockopt(&fd, sockopt::SendTimeout, &limit)?;
        // Larger buffers only help; without CAP_NET_ADMIN the defaults have to do.
        let _ = setsockopt(&fd, sockopt::RcvBufForce, &BUFFER);
        let _ = setsockopt(&fd, sockopt::SndBufForce, &BUFFER);
        Ok(Self { socket, sequence: 0, incoming: vec![0; DATAGRAM] })
    }

    /// Does all of it, or nothing.
    ///
    /// # Errors
    /// [`NftError`], of the first message that was refused.
    pub fn commit(&mut self, transaction: &Transaction) -> Result<(), NftError> {
        if transaction.is_empty() {
            return Ok(());
        }
        let first = self.sequence.wrapping_add(1);
        let (datagram, last) = transaction.datagram(first);
        self.sequence = last;
        self.socket.send(&datagram, 0).map_err(NftError::Broken)?;
        let mut refused: Option<NftError> = None;
        let mut answered = false;
        while !answered {
            let length = self.receive().map_err(NftError::Broken)?;
            for message in Messages(self.incoming.get(..length).unwrap_or_default()) {
                let place = message.sequence.wrapping_sub(first);
                let ours = place <= last.wrapping_sub(first);
                if !ours || i32::from(message.kind) != libc::NLMSG_ERROR {
                    continue;
                }
                if refused.is_none() {
                    refused = refusal(&message, place, transaction);
                }
                // The kernel answers to the frame when it cannot begin, or cannot commit.
                answered |=
                    message.sequence == transaction.last_sequence(first) || (place == 0 && refused.is_some());
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn receive(&mut self) -> io::Result<usize> {
        loop {
            match recv(self.socket.as_raw_fd(), &mut self.incoming, MsgFlags::empty()) {
                Ok(length) => return Ok(length),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The number by which the kernel names this connection as the cause of what happens.
    ///
    /// # Errors
    /// The kernel's.
    pub fn port(&self) -> io::Result<u32> {
        let mut address = SocketAddr::new(0, 0);
        self.socket.get_address(&mut address)?;
        Ok(address.port_number())
    }
}

fn refusal(message: &Message<'_>, place: u32, transaction: &Transaction) -> Option<NftError> {
    let number = error_number(message.payload).filter(|number| *number != 0)?;
    if place == 0 && matches!(number, libc::EOPNOTSUPP | libc::EINVAL) {
        return Some(NftError::Absent);
    }
    let what = transaction.describe(place);
    Some(NftError::Refused { what, source: io::Error::from_raw_os_error(number), text: error_text(message) })
}

/// The news of tables that are removed.
#[derive(Debug)]
pub struct NftMonitor {
    socket: Socket,
    buffer: Vec<u8>,
}

impl NftMonitor {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        socket.add_membership(GROUP)?;
        socket.set_non_blocking(true)?;
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &BUFFER);
        Ok(Self { socket, buffer: vec![0; DATAGRAM] })
    }

    /// Whether somebody else than `own` has removed a table of that name since the last call; also true when news were lost.
    pub fn removed(&mut self, table: &str, own: u32) -> bool {
        let mut removed = false;
        loop {
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => {
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    removed |= message::removals(datagram, own).any(|name| text(name) == table);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => removed = true,
                Err(_) => return removed,
            }
        }
    }
}

impl AsRawFd for NftMonitor {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for NftMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The first attribute of a kind behind the header of an nf_tables message.
fn attribute(payload: &[u8], kind: u16) -> Option<&[u8]> {
    nested(payload.get(4..)?, kind)
}
