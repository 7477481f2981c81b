//! The packet socket that announcements leave by.

use std::io;

use socket2::{Domain, Socket, Type};

use crate::sys;

/// Sends whole Ethernet frames out of any interface; receives nothing.
#[derive(Debug)]
pub struct AnnounceSocket {
    socket: Socket,
}

impl AnnounceSocket {
    /// Opens it in the caller's network namespace.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        // Protocol 0: the kernel queues no frame for us.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Sends `frame` out of the interface with that index.
    ///
    /// # Errors
    /// The kernel's, such as ENETDOWN or ENXIO; `WouldBlock` when the interface's queue is full.
    pub fn send(&self, interface: u32, frame: &[u8]) -> io::Result<()> {
        let sent = self.socket.send_to(frame, &sys::link_address(interface))?;
        if sent == frame.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}
