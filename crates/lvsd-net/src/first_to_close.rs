//! The order in which the kernel closes the sockets of a process that is killed.

use std::os::fd::AsFd;

use socket2::Socket;

use crate::sys;

/// Above what anything else of a process gets, below the usual limit of 1024.
const LEAST: i32 = 768;

/// Gives a socket a high descriptor, so that it is among the first to be closed when the process is killed.
///
/// A kernel closes what a dead process had from the highest descriptor down (`task_work` is a stack), and a packet socket takes it 10 ms and
/// more, since others may be reading its hook. What tells the LAN that nobody here speaks VRRP any more is not to wait for those.
pub(crate) fn first_to_close(socket: Socket) -> Socket {
    match sys::duplicate_above(socket.as_fd(), LEAST) {
        Ok(duplicate) => Socket::from(duplicate),
        // No such descriptor is allowed here: it only takes longer.
        Err(_) => socket,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};
    use std::os::fd::AsRawFd;

    #[test]
    fn the_descriptor_is_high_and_closed_on_exec() {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None).expect("a socket");
        let moved = first_to_close(socket);
        assert!(moved.as_raw_fd() >= LEAST);
        let flags = nix::fcntl::fcntl(&moved, nix::fcntl::FcntlArg::F_GETFD).expect("flags");
        assert_eq!(flags & nix::libc::FD_CLOEXEC, nix::libc::FD_CLOEXEC);
    }
}
