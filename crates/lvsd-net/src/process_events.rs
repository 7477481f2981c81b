//! What processes do, as the kernel's process connector tells it (`linux/cn_proc.h`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};

/// NETLINK_CONNECTOR.
const PROTOCOL: isize = 11;
/// CN_IDX_PROC, which is also the multicast group, and CN_VAL_PROC.
const CONNECTOR: u32 = 1;
/// PROC_CN_MCAST_LISTEN.
const LISTEN: u32 = 1;
/// NLMSG_DONE.
const DONE: u16 = 3;
/// `nlmsghdr` and `cn_msg`.
const HEADERS: usize = 16 + 20;
/// `what`, processor and time stamp of an event.
const EVENT_HEADER: usize = 16;
/// Room for a burst of a machine that starts thousands of processes in a second.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Something that happened to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// A process came from another one, with its program.
    Forked {
        /// The other one.
        parent: u32,
        /// The new one.
        process: u32,
    },
    /// A process runs another program or has another name now.
    Changed {
        /// The process.
        process: u32,
    },
    /// A process has ended.
    Ended {
        /// The process.
        process: u32,
    },
    /// Events were lost: everything has to be looked at anew.
    Overrun,
}

/// A stream of events about all processes of the machine.
#[derive(Debug)]
pub struct ProcessEvents {
    socket: Socket,
    buffer: [u8; 256],
}

impl ProcessEvents {
    /// Opens it. To miss nothing, open it before the first look at `/proc`.
    ///
    /// # Errors
    /// The kernel's: without CAP_NET_ADMIN, in a network namespace that is not the first one (ECONNREFUSED), or in a kernel without
    /// process connector.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(PROTOCOL)?;
        socket.bind(&SocketAddr::new(0, CONNECTOR))?;
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        socket.send(&listen_request(), 0)?;
        socket.set_non_blocking(true)?;
        Ok(Self { socket, buffer: [0; 256] })
    }

    /// The next event; `None` when none waits. Threads and messages that do not decode are skipped.
    ///
    /// # Errors
    /// The kernel's.
    pub fn next_event(&mut self) -> io::Result<Option<ProcessEvent>> {
        loop {
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => {
                    if let Some(event) = self.buffer.get(..length).and_then(decode) {
                        return Ok(Some(event));
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => return Ok(Some(ProcessEvent::Overrun)),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for ProcessEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn listen_request() -> Vec<u8> {
    let length = u32::try_from(HEADERS + 4).unwrap_or_default();
    let mut request = Vec::with_capacity(HEADERS + 4);
    request.extend(length.to_ne_bytes());
    request.extend(DONE.to_ne_bytes());
    // Flags, sequence, port.
    request.extend([0; 10]);
    request.extend(CONNECTOR.to_ne_bytes());
    request.extend(CONNECTOR.to_ne_bytes());
    // Sequence and acknowledgement.
    request.extend([0; 8]);
    request.extend(4_u16.to_ne_bytes());
    request.extend([0; 2]);
    request.extend(LISTEN.to_ne_bytes());
    request
}

fn decode(message: &[u8]) -> Option<ProcessEvent> {
    let connector = message.get(16..24)?;
    if connector != [CONNECTOR.to_ne_bytes(), CONNECTOR.to_ne_bytes()].as_flattened() {
        return None;
    }
    let event = message.get(HEADERS..)?;
    let what = u32::from_ne_bytes(*event.first_chunk()?);
    let mut numbers = event
        .get(EVENT_HEADER..)?
        .chunks_exact(4)
        .filter_map(|chunk| <[u8; 4]>::try_from(chunk).ok().map(u32::from_ne_bytes));
    match what {
        // Fork: parent thread, parent process, child thread, child process.
        0x1 => {
            let (_, parent) = (numbers.next()?, numbers.next()?);
            let (thread, process) = (numbers.next()?, numbers.next()?);
            (thread == process).then_some(ProcessEvent::Forked { parent, process })
        }
        // Exec, and a change of the name: thread, process.
        0x2 | 0x200 => {
            let (thread, process) = (numbers.next()?, numbers.next()?);
            // Any thread can exec; the name that counts is the first one's.
            (what == 0x2 || thread == process).then_some(ProcessEvent::Changed { process })
        }
        // Exit: thread, process.
        0x8000_0000 => {
            let (thread, process) = (numbers.next()?, numbers.next()?);
            (thread == process).then_some(ProcessEvent::Ended { process })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, numbers: &[u32]) -> Vec<u8> {
        let mut message = vec![0; 16];
        for number in [1, 1, 0, 0, 40, what, 0, 0, 0] {
            message.extend(u32::to_ne_bytes(number));
        }
        message.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
        message
    }

    #[test]
    fn events_of_processes_are_told_and_those_of_threads_are_not() {
        let cases = [
            (1, vec![10, 10, 20, 20], Some(ProcessEvent::Forked { parent: 10, process: 20 })),
            (1, vec![10, 10, 21, 20], None),
            (2, vec![20, 20], Some(ProcessEvent::Changed { process: 20 })),
            (0x200, vec![20, 20, 0, 0, 0, 0], Some(ProcessEvent::Changed { process: 20 })),
            (0x200, vec![21, 20, 0, 0, 0, 0], None),
            (0x8000_0000, vec![20, 20, 0, 0], Some(ProcessEvent::Ended { process: 20 })),
            (0x8000_0000, vec![21, 20, 0, 0], None),
            (0, vec![0], None),
            (4, vec![20, 20, 0, 0], None),
        ];
        for (what, numbers, expected) in cases {
            assert_eq!(decode(&message(what, &numbers)), expected, "{what:#x} {numbers:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_not_of_the_connector_is_skipped() {
        let whole = message(1, &[10, 10, 20, 20]);
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length]), None, "{length}");
        }
        let mut other = whole;
        other[16] = 9;
        assert_eq!(decode(&other), None);
    }
}
