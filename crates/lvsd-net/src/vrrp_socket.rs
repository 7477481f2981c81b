//! Raw sockets for VRRP: one per interface and family, shared by its instances.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use lvsd_model::Family;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrIn6, recv, recvmsg, setsockopt,
    sockopt::{Ipv6RecvPacketInfo, RcvBufForce, SndBufForce},
};
use socket2::{Domain, InterfaceIndexOrAddress, MsgHdr, Protocol, SockAddr, Socket, Type};

use crate::first_to_close::first_to_close;

/// What a socket carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpProtocol {
    /// 112: VRRP (RFC 9568 §5.1.1.4).
    Vrrp,
    /// 51: VRRP behind an authentication header, over IPv4 only.
    Ah,
}

impl IpProtocol {
    /// The number in the IP header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Vrrp => 112,
            Self::Ah => 51,
        }
    }
}

/// The largest datagram that [`VrrpSocket::receive`] needs room for: an advert of 255 IPv6 addresses, headers included.
pub const MAX_DATAGRAM: usize = 8192;

/// Internetwork control: what routing protocols are marked with.
const TRAFFIC_CLASS: u8 = 0xc0;
/// TC_PRIO_CONTROL, for the interface's queue.
const QUEUE_PRIORITY: u32 = 7;
const RECEIVE_BUFFER: usize = 1 << 20;
/// Adverts to a unicast peer that is down wait in its neighbour entry, 200 KiB of them. With the default buffer of that size, one
/// dead peer would silence every instance of the socket.
const SEND_BUFFER: usize = 8 << 20;
const IPV4_HEADER: usize = 20;

/// The interface that a socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Source address; over IPv6 an address that this host has.
    pub source: IpAddr,
    /// A group or a peer, of the same family.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hops: u8,
    /// The VRRP packet, checksum included.
    pub payload: &'a [u8],
}

/// A datagram received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Its sender.
    pub source: IpAddr,
    /// A group or an address of ours.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hops: u8,
    /// The IPv4 header, when it has no options.
    pub header: Option<[u8; IPV4_HEADER]>,
    /// What follows the IP header.
    pub payload: &'a [u8],
}

/// A raw socket of protocol 112 or 51, non-blocking.
///
/// IPv4 headers are ours (so that a configured source address need not exist), IPv6 headers the kernel's.
#[derive(Debug)]
pub struct VrrpSocket {
    socket: Socket,
    family: Family,
    protocol: IpProtocol,
    device: Option<Device>,
    /// IPv4 identification of the next datagram; never 0, for which the kernel would choose.
    identification: u16,
    control: Vec<u8>,
}

impl VrrpSocket {
    /// Opens a socket bound to `device`; `None` receives from every interface, for unicast instances without one.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when the device is gone.
    pub fn open(family: Family, protocol: IpProtocol, device: Option<Device>) -> io::Result<Self> {
        let domain = match family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(i32::from(protocol.number()))))?;
        let socket = first_to_close(socket);
        socket.set_nonblocking(true)?;
        if let Some(device) = &device {
            socket.bind_device(Some(device.name.as_bytes()))?;
        }
        match family {
            Family::V4 => prepare_v4(&socket)?,
            Family::V6 => prepare_v6(&socket, device.as_ref())?,
        }
        // These only help, and need CAP_NET_ADMIN.
        let _ = socket.set_priority(QUEUE_PRIORITY);
        let _ = setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER);
        let _ = setsockopt(&socket, SndBufForce, &SEND_BUFFER);
        let control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
        Ok(Self { socket, family, protocol, device, identification: 1, control })
    }

    /// The device it is bound to.
    #[must_use]
    pub const fn device(&self) -> Option<&Device> {
        self.device.as_ref()
    }

    /// Identification of the next IPv4 datagram that is sent.
    #[must_use]
    pub const fn identification(&self) -> u16 {
        self.identification
    }

    /// Joins a group on the socket's device; a group joined before is no error.
    ///
    /// # Errors
    /// A group of the other family, no device, or the kernel's (ENODEV, ENOBUFS above `igmp_max_memberships`).
    pub fn join(&self, group: IpAddr) -> io::Result<()> {
        let device = self.device.as_ref().ok_or(io::ErrorKind::InvalidInput)?;
        let joined = match (self.family, group) {
            (Family::V4, IpAddr::V4(group)) => {
                self.socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(device.index))
            }
            (Family::V6, IpAddr::V6(group)) => self.socket.join_multicast_v6(&group, device.index),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        };
        match joined {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
            other => other,
        }
    }

    /// Sends one datagram; allocates nothing.
    ///
    /// # Errors
    /// The kernel's; addresses of two families or of the other one are `InvalidInput`.
    pub fn send(&mut self, datagram: &Outgoing<'_>) -> io::Result<()> {
        let sent = match (self.family, datagram.source, datagram.destination) {
            (Family::V4, IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.send_v4(source, destination, datagram)?
            }
            (Family::V6, IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.send_v6(source, destination, datagram)?
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        if sent >= datagram.payload.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    fn send_v4(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        datagram: &Outgoing<'_>,
    ) -> io::Result<usize> {
        let header = ipv4_header(source, destination, datagram, self.protocol, self.identification);
        self.identification = self.identification.checked_add(1).unwrap_or(1);
        let target = SockAddr::from(SocketAddr::from((destination, 0)));
        let parts = [IoSlice::new(&header), IoSlice::new(datagram.payload)];
        self.socket.sendmsg(&MsgHdr::new().with_addr(&target).with_buffers(&parts), 0)
    }

    fn send_v6(&self, source: Ipv6Addr, destination: Ipv6Addr, datagram: &Outgoing<'_>) -> io::Result<usize> {
        let index = self.device.as_ref().map_or(0, |device| device.index);
        let target = SockAddr::from(std::net::SocketAddrV6::new(destination, 0, 0, index));
        let control = ipv6_control(source, index, datagram.hops);
        let parts = [IoSlice::new(datagram.payload)];
        let message = MsgHdr::new().with_addr(&target).with_buffers(&parts).with_control(&control);
        self.socket.sendmsg(&message, 0)
    }

    /// The next datagram that waits, in `buffer` (of [`MAX_DATAGRAM`] bytes); `None` when none does. A datagram that makes
    /// no sense as IP is skipped.
    ///
    /// # Errors
    /// The kernel's; ENETDOWN is reported once when the device goes down.
    pub fn receive<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<Received<'b>>> {
        match self.family {
            Family::V4 => self.receive_v4(buffer),
            Family::V6 => self.receive_v6(buffer),
        }
    }

    fn receive_v4<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<Received<'b>>> {
        let length = loop {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty()) {
                // The kernel delivers a well-formed header; the loop is for a kernel that does not.
                Ok(length) if parse_ipv4(buffer.get(..length).unwrap_or_default()).is_some() => break length,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        Ok(parse_ipv4(buffer.get(..length).unwrap_or_default()))
    }

    fn receive_v6<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<Received<'b>>> {
        let fd = self.socket.as_raw_fd();
        let (length, source, destination, hops) = loop {
            let mut parts = [IoSliceMut::new(buffer)];
            let message = recvmsg::<SockaddrIn6>(fd, &mut parts, Some(&mut self.control), MsgFlags::empty());
            let message = match message {
                Ok(message) => message,
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let (mut destination, mut hops) = (None, None);
            for control in message.cmsgs()? {
                match control {
                    ControlMessageOwned::Ipv6PacketInfo(info) => {
                        destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
                    }
                    ControlMessageOwned::Ipv6HopLimit(limit) => hops = u8::try_from(limit).ok(),
                    _ => {}
                }
            }
            if let (Some(source), Some(destination), Some(hops)) = (message.address, destination, hops) {
                break (message.bytes, source.ip(), destination, hops);
            }
        };
        Ok(Some(Received {
            source: source.into(),
            destination: destination.into(),
            hops,
            header: None,
            payload: buffer.get(..length).unwrap_or_default(),
        }))
    }
}

impl AsFd for VrrpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn prepare_v4(socket: &Socket) -> io::Result<()> {
    socket.set_header_included_v4(true)?;
    socket.set_multicast_loop_v4(false)?;
    // Only groups that this socket joined, not those of other programs.
    socket.set_multicast_all_v4(false)
}

fn prepare_v6(socket: &Socket, device: Option<&Device>) -> io::Result<()> {
    socket.set_multicast_loop_v6(false)?;
    // Since Linux 4.20; without it adverts of foreign groups come in, too, and are not believed.
    let _ = socket.set_multicast_all_v6(false);
    socket.set_tclass_v6(u32::from(TRAFFIC_CLASS))?;
    socket.set_recv_hoplimit_v6(true)?;
    setsockopt(socket, Ipv6RecvPacketInfo, &true)?;
    if let Some(device) = device {
        socket.set_multicast_if_v6(device.index)?;
    }
    Ok(())
}

/// The IPv4 header of an advert, as routers of the field send it: no options, may be fragmented. The kernel fills in the
/// checksum.
fn ipv4_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    datagram: &Outgoing<'_>,
    protocol: IpProtocol,
    identification: u16,
) -> [u8; IPV4_HEADER] {
    let length = u16::try_from(IPV4_HEADER + datagram.payload.len()).unwrap_or(u16::MAX);
    let [l0, l1] = length.to_be_bytes();
    let [i0, i1] = identification.to_be_bytes();
    let [s0, s1, s2, s3] = source.octets();
    let [d0, d1, d2, d3] = destination.octets();
    let (hops, protocol) = (datagram.hops, protocol.number());
    [0x45, TRAFFIC_CLASS, l0, l1, i0, i1, 0, 0, hops, protocol, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3]
}

/// Length of one control message: a header of two words, then the value, padded to a word.
const fn control_space(value: usize) -> usize {
    size_of::<libc::cmsghdr>() + value.next_multiple_of(size_of::<usize>())
}

const PKTINFO: usize = control_space(size_of::<libc::in6_pktinfo>());
const HOPLIMIT: usize = control_space(size_of::<libc::c_int>());

/// Control messages for source address and hop limit (RFC 3542 §6.1).
fn ipv6_control(source: Ipv6Addr, index: u32, hops: u8) -> [u8; PKTINFO + HOPLIMIT] {
    let mut control = [0; PKTINFO + HOPLIMIT];
    let (info, limit) = control.split_at_mut(PKTINFO);
    put_control(info, libc::IPV6_PKTINFO, &[&source.octets(), &index.to_ne_bytes()]);
    put_control(limit, libc::IPV6_HOPLIMIT, &[&i32::from(hops).to_ne_bytes()]);
    control
}

fn put_control(space: &mut [u8], kind: i32, value: &[&[u8]]) {
    let length = size_of::<libc::cmsghdr>() + value.iter().map(|part| part.len()).sum::<usize>();
    let length = length.to_ne_bytes();
    let (level, kind) = (libc::IPPROTO_IPV6.to_ne_bytes(), kind.to_ne_bytes());
    let header: [&[u8]; 3] = [&length, &level, &kind];
    let bytes = header.iter().chain(value).flat_map(|part| part.iter());
    for (place, byte) in space.iter_mut().zip(bytes) {
        *place = *byte;
    }
}

/// Splits an IPv4 datagram (RFC 791 §3.1); `None` when its lengths contradict each other.
fn parse_ipv4(datagram: &[u8]) -> Option<Received<'_>> {
    let (header, _) = datagram.split_first_chunk::<IPV4_HEADER>()?;
    let [version, _, l0, l1, _, _, _, _, hops, _, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let start = usize::from(version & 0x0f) * 4;
    let end = usize::from(u16::from_be_bytes([l0, l1]));
    if version >> 4 != 4 || start < IPV4_HEADER {
        return None;
    }
    Some(Received {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        hops,
        header: (start == IPV4_HEADER).then_some(*header),
        payload: datagram.get(start..end)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

    #[test]
    fn an_ipv4_header_byte_for_byte() {
        let payload = [0; 20];
        let datagram =
            Outgoing { source: SOURCE.into(), destination: GROUP.into(), hops: 255, payload: &payload };
        let header = ipv4_header(SOURCE, GROUP, &datagram, IpProtocol::Vrrp, 0x0102);
        let expected = [0x45, 0xc0, 0, 40, 1, 2, 0, 0, 255, 112, 0, 0, 10, 9, 0, 1, 224, 0, 0, 18];
        assert_eq!(header, expected);
    }

    #[test]
    fn ipv4_datagrams_are_split_at_their_own_lengths() {
        let payload = [7; 4];
        let datagram =
            Outgoing { source: SOURCE.into(), destination: GROUP.into(), hops: 64, payload: &payload };
        let mut bytes = ipv4_header(SOURCE, GROUP, &datagram, IpProtocol::Vrrp, 1).to_vec();
        bytes.extend_from_slice(&payload);
        bytes.extend_from_slice(&[0; 22]);
        let received = parse_ipv4(&bytes).expect("well formed");
        assert_eq!(received.payload, payload, "padding is not payload");
        assert_eq!((received.source, received.hops), (SOURCE.into(), 64));
        for cut in 0..24 {
            assert_eq!(parse_ipv4(&bytes[..cut]), None, "cut at {cut}");
        }
        for (at, wrong) in [(0, 0x65), (0, 0x44), (0, 0x4f), (3, 1)] {
            let mut broken = bytes.clone();
            broken[at] = wrong;
            if at == 0 && wrong == 0x4f {
                broken.truncate(30);
            }
            assert_eq!(parse_ipv4(&broken), None, "byte {at} = {wrong:#x}");
        }
    }

    #[test]
    fn control_messages_have_the_kernels_layout() {
        let source: Ipv6Addr = "fe80::1".parse().expect("an address");
        let control = ipv6_control(source, 5, 255);
        let word = |at: usize| usize::from_ne_bytes(*control[at..].first_chunk().expect("inside"));
        assert_eq!(word(0), size_of::<libc::cmsghdr>() + 20);
        assert_eq!(word(PKTINFO), size_of::<libc::cmsghdr>() + 4);
        let value = size_of::<libc::cmsghdr>();
        assert_eq!(control[value..value + 16], source.octets());
        assert_eq!(control[value + 16..value + 20], 5u32.to_ne_bytes());
        assert_eq!(control[PKTINFO + value..PKTINFO + value + 4], 255i32.to_ne_bytes());
    }
}
