//! UDP sockets for BFD: one that hears per family and port, one that speaks per session (RFC 5881 §4).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use lvsd_model::Family;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{Ipv4PacketInfo, Ipv4RecvTtl, Ipv6RecvPacketInfo},
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// A control packet with the longest authentication is shorter.
pub const MAX_BFD_DATAGRAM: usize = 512;

/// Internetwork control, as routing protocols are marked.
const TRAFFIC_CLASS: u8 = 0xc0;
/// TC_PRIO_CONTROL, for the interface's queue.
const QUEUE_PRIORITY: u32 = 7;
/// The first source port that a session may have, and how many there are (RFC 5881 §4).
const SOURCE_PORTS: (u16, u16) = (49_152, 16_384);
/// Ports that are tried; those in use are few.
const TRIES: u16 = 64;

/// A datagram received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdReceived<'a> {
    /// Its sender.
    pub source: IpAddr,
    /// Which of our addresses it came to, when the kernel says so.
    pub destination: Option<IpAddr>,
    /// TTL or hop limit; 0 when the kernel does not say.
    pub hops: u8,
    /// The control packet.
    pub payload: &'a [u8],
}

/// Hears what comes to a port, on every address of a family; non-blocking.
#[derive(Debug)]
pub struct BfdListener {
    socket: Socket,
    control: Vec<u8>,
}

impl BfdListener {
    /// Opens it.
    ///
    /// # Errors
    /// When another program has the port (EADDRINUSE), or the host lacks the family.
    pub fn open(family: Family, port: u16) -> io::Result<Self> {
        let socket = datagram_socket(family)?;
        match family {
            Family::V4 => {
                setsockopt(&socket, Ipv4RecvTtl, &true)?;
                setsockopt(&socket, Ipv4PacketInfo, &true)?;
            }
            Family::V6 => {
                socket.set_only_v6(true)?;
                socket.set_recv_hoplimit_v6(true)?;
                setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
            }
        }
        socket.bind(&SockAddr::from(SocketAddr::new(unspecified(family), port)))?;
        let control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
        Ok(Self { socket, control })
    }

    /// The next datagram that waits, in `buffer` (of [`MAX_BFD_DATAGRAM`] bytes); `None` when none does.
    ///
    /// # Errors
    /// The kernel's.
    pub fn receive<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<BfdReceived<'b>>> {
        let fd = self.socket.as_raw_fd();
        let (length, source, destination, hops) = loop {
            let mut parts = [IoSliceMut::new(buffer)];
            let message = match recvmsg::<SockaddrStorage>(
                fd,
                &mut parts,
                Some(&mut self.control),
                MsgFlags::empty(),
            ) {
                Ok(message) => message,
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let (mut destination, mut hops) = (None, 0);
            for control in message.cmsgs()? {
                match control {
                    ControlMessageOwned::Ipv4PacketInfo(info) => {
                        destination = Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into());
                    }
                    ControlMessageOwned::Ipv6PacketInfo(info) => {
                        destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                    }
                    ControlMessageOwned::Ipv4Ttl(ttl) => hops = u8::try_from(ttl).unwrap_or_default(),
                    ControlMessageOwned::Ipv6HopLimit(limit) => {
                        hops = u8::try_from(limit).unwrap_or_default()
                    }
                    _ => {}
                }
            }
            if let Some(source) = message.address.as_ref().and_then(ip_of) {
                break (message.bytes, source, destination, hops);
            }
        };
        let payload = buffer.get(..length).unwrap_or_default();
        Ok(Some(BfdReceived { source, destination, hops, payload }))
    }
}

impl AsFd for BfdListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Speaks for one session, always from the same port (RFC 5881 §4); non-blocking.
#[derive(Debug)]
pub struct BfdSender {
    socket: Socket,
    neighbor: SockAddr,
}

impl BfdSender {
    /// Opens it: to `neighbor`, address and port, from `source`, or whatever address the route gives. `wish` says where among the
    /// allowed ports the search for a free one begins.
    ///
    /// # Errors
    /// When this host does not have the source address, or has no port left.
    pub fn open(neighbor: SocketAddr, source: Option<IpAddr>, ttl: u8, wish: u16) -> io::Result<Self> {
        let family = Family::of(neighbor.ip());
        let socket = datagram_socket(family)?;
        match family {
            Family::V4 => {
                socket.set_ttl_v4(u32::from(ttl))?;
                socket.set_tos_v4(u32::from(TRAFFIC_CLASS))?;
            }
            Family::V6 => {
                socket.set_only_v6(true)?;
                socket.set_unicast_hops_v6(u32::from(ttl))?;
                socket.set_tclass_v6(u32::from(TRAFFIC_CLASS))?;
            }
        }
        // This only helps, and needs CAP_NET_ADMIN.
        let _ = socket.set_priority(QUEUE_PRIORITY);
        bind_in_range(&socket, source.unwrap_or_else(|| unspecified(family)), wish)?;
        Ok(Self { socket, neighbor: neighbor.into() })
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// The kernel's: no route, a full queue.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send_to(packet, &self.neighbor).map(drop)
    }
}

fn datagram_socket(family: Family) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn bind_in_range(socket: &Socket, address: IpAddr, wish: u16) -> io::Result<()> {
    let (first, count) = SOURCE_PORTS;
    let mut result = Err(io::ErrorKind::AddrInUse.into());
    for offset in 0..TRIES {
        let port = first + wish.wrapping_add(offset) % count;
        result = socket.bind(&SockAddr::from(SocketAddr::new(address, port)));
        if !result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            break;
        }
    }
    result
}

const fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

fn ip_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    /// A packet over the loopback interface, as the other side sees it.
    fn over_loopback(address: IpAddr, ttl: u8) {
        let family = Family::of(address);
        let mut listener = BfdListener::open(family, 0).expect("a listener");
        let bound = listener.socket.local_addr().expect("an address").as_socket().expect("of the internet");
        let neighbor = SocketAddr::new(address, bound.port());
        let sender = BfdSender::open(neighbor, Some(address), ttl, 77).expect("a sender");
        let port =
            sender.socket.local_addr().expect("an address").as_socket().expect("of the internet").port();
        assert!((49_152..=65_535).contains(&port), "{port}");
        sender.send(b"hello").expect("sent");
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut ready, PollTimeout::from(5000_u16)), Ok(1));
        let mut buffer = [0; MAX_BFD_DATAGRAM];
        let received = listener.receive(&mut buffer).expect("receives").expect("a datagram");
        let expected =
            BfdReceived { source: address, destination: Some(address), hops: ttl, payload: b"hello" };
        assert_eq!(received, expected);
        assert_eq!(listener.receive(&mut buffer).expect("receives"), None);
    }

    #[test]
    fn a_packet_comes_with_its_ttl_and_its_addresses() {
        over_loopback(IpAddr::V4(Ipv4Addr::LOCALHOST), 255);
        over_loopback(IpAddr::V4(Ipv4Addr::LOCALHOST), 7);
        // Where there is no IPv6 there is nothing to be shown.
        if std::net::UdpSocket::bind("[::1]:0").is_ok() {
            over_loopback(IpAddr::V6(Ipv6Addr::LOCALHOST), 254);
        }
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let neighbor = SocketAddr::from((Ipv4Addr::LOCALHOST, 3784));
        let open =
            || BfdSender::open(neighbor, Some(Ipv4Addr::LOCALHOST.into()), 255, 16_383).expect("a sender");
        let ports = [open(), open()].map(|sender| {
            sender.socket.local_addr().expect("an address").as_socket().expect("of the internet").port()
        });
        assert_ne!(ports[0], ports[1]);
        assert!(ports.iter().all(|port| *port >= 49_152));
    }
}
