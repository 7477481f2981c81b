//! Asking a host's kernel whether a socket there takes VRRP.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use lvsd_model::Family;
use nix::errno::Errno;
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use crate::first_to_close::first_to_close;
use crate::vrrp_socket::{Device, IpProtocol};

const HOPS: u32 = 255;
/// TC_PRIO_CONTROL, for the interface's queue.
const QUEUE_PRIORITY: u32 = 7;
/// The classic BPF's return instruction, of 0: nothing is received.
const NOTHING: (u16, u32) = (0x06, 0);

/// A raw socket of protocol 112 that is connected to one host, non-blocking. It receives nothing but that host's denial, which the
/// kernel keeps as the socket's error.
#[derive(Debug)]
pub struct InquirySocket {
    socket: Socket,
    family: Family,
}

impl InquirySocket {
    /// Opens it; with a device, what it sends leaves there.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, when the device is gone, or without a route to the host.
    pub fn open(host: IpAddr, device: Option<&Device>) -> io::Result<Self> {
        let (domain, family) = match host {
            IpAddr::V4(_) => (Domain::IPV4, Family::V4),
            IpAddr::V6(_) => (Domain::IPV6, Family::V6),
        };
        let socket = deaf(domain)?;
        if let Some(device) = device {
            socket.bind_device(Some(device.name.as_bytes()))?;
        }
        let target = match host {
            IpAddr::V4(host) => {
                socket.set_ttl_v4(HOPS)?;
                SockAddr::from(SocketAddr::from((host, 0)))
            }
            IpAddr::V6(host) => {
                socket.set_unicast_hops_v6(HOPS)?;
                let scope = device.map_or(0, |device| device.index);
                SockAddr::from(SocketAddrV6::new(host, 0, 0, scope))
            }
        };
        let _ = socket.set_priority(QUEUE_PRIORITY);
        socket.connect(&target)?;
        Ok(Self { socket, family })
    }

    /// Sends a question: anything that is no advert, of 8 bytes at least, since a shorter one does not come back in the denial.
    ///
    /// # Errors
    /// The kernel's.
    pub fn ask(&self, question: &[u8]) -> io::Result<()> {
        self.socket.send(question).map(drop)
    }

    /// Whether the host has denied that it takes the protocol, since this was last asked for. Other errors are forgotten.
    #[must_use]
    pub fn take_denial(&self) -> bool {
        let denial = match self.family {
            // ICMP protocol unreachable.
            Family::V4 => Errno::ENOPROTOOPT,
            // ICMPv6 parameter problem.
            Family::V6 => Errno::EPROTO,
        };
        let error = self.socket.take_error().ok().flatten();
        error.and_then(|error| error.raw_os_error()) == Some(denial as i32)
    }
}

impl AsFd for InquirySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Makes this host's kernel take VRRP of a family for as long as the descriptor is open, without receiving anything: it does not
/// deny that somebody here speaks it.
///
/// # Errors
/// Without CAP_NET_RAW.
pub fn hold_protocol(family: Family) -> io::Result<std::os::fd::OwnedFd> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    Ok(deaf(domain)?.into())
}

fn deaf(domain: Domain) -> io::Result<Socket> {
    let protocol = Protocol::from(i32::from(IpProtocol::Vrrp.number()));
    let socket = first_to_close(Socket::new(domain, Type::RAW, Some(protocol))?);
    socket.set_nonblocking(true)?;
    let (code, operand) = NOTHING;
    socket.attach_filter(&[SockFilter::new(code, 0, 0, operand)])?;
    Ok(socket)
}
