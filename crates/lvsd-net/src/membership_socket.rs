//! Hearing other hosts join and leave multicast groups, and being a member without listening.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use lvsd_model::Family;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, InterfaceIndexOrAddress, SockFilter, Socket, Type};

use crate::sys;
use crate::vrrp_socket::Device;

/// Reports go to 224.0.0.22 (IGMPv3), 224.0.0.2 (IGMPv2, leaving) or the group (IGMPv2, joining).
const IGMP_FRAMES: [[u8; 6]; 2] = [[0x01, 0, 0x5e, 0, 0, 22], [0x01, 0, 0x5e, 0, 0, 2]];
/// Reports go to ff02::16 (MLDv2), ff02::2 (MLDv1, leaving) or the group (MLDv1, joining).
const MLD_FRAMES: [[u8; 6]; 2] = [[0x33, 0x33, 0, 0, 0, 0x16], [0x33, 0x33, 0, 0, 0, 2]];

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Reports are short and rare; whoever sends more is not listened to.
const RECEIVE_BUFFER: usize = 64 << 10;

/// A packet socket that hears the membership reports of one interface and family: IGMP, or MLD.
///
/// The kernel's own filter sees to it that nothing else wakes the process, however much traffic there is. A packet socket is before
/// the firewall, and joins no group itself: this host sends no reports because of it.
#[derive(Debug)]
pub struct MembershipSocket {
    socket: Socket,
    device: Device,
}

impl MembershipSocket {
    /// Opens it, non-blocking.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when the device is gone.
    pub fn open(family: Family, device: Device) -> io::Result<Self> {
        // Without a protocol until the filter is in place: no other packet is ever queued.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let (filter, ethertype, frames) = match family {
            Family::V4 => (&IGMP_FILTER[..], ETHERTYPE_IPV4, IGMP_FRAMES),
            Family::V6 => (&MLD_FILTER[..], ETHERTYPE_IPV6, MLD_FRAMES),
        };
        let filter: Vec<SockFilter> =
            filter.iter().map(|(code, jt, jf, k)| SockFilter::new(*code, *jt, *jf, *k)).collect();
        socket.attach_filter(&filter)?;
        socket.bind(&sys::protocol_address(device.index, ethertype))?;
        for address in frames {
            sys::accept_multicast(socket.as_fd(), device.index, address)?;
        }
        Ok(Self { socket, device })
    }

    /// The device it listens on.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The next packet that waits, from its IP header on; `None` when none does. What does not fit into `buffer` is cut.
    ///
    /// # Errors
    /// The kernel's; ENETDOWN is reported once when the device goes down.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        let length = loop {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty()) {
                Ok(length) => break length,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        Ok(buffer.get(..length))
    }
}

impl AsFd for MembershipSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Makes this host a member of `group` on a device for as long as the descriptor is open, without receiving anything.
///
/// The kernel tells others that the host has left only when the last such socket is closed.
///
/// # Errors
/// The kernel's: ENODEV, ENOBUFS.
pub fn hold_membership(group: IpAddr, device: u32) -> io::Result<OwnedFd> {
    let socket = match group {
        IpAddr::V4(group) => {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(device))?;
            socket
        }
        IpAddr::V6(group) => {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
            socket.join_multicast_v6(&group, device)?;
            socket
        }
    };
    Ok(socket.into())
}

/// One instruction of the classic BPF: code, jumps if true and if false, operand.
type Instruction = (u16, u8, u8, u32);

const LOAD_BYTE: u16 = 0x30;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// More than any packet has.
const WHOLE: u32 = 0x0004_0000;

/// Protocol 2.
const IGMP_FILTER: [Instruction; 4] =
    [(LOAD_BYTE, 0, 0, 9), (JUMP_IF_EQUAL, 0, 1, 2), (RETURN, 0, 0, WHOLE), (RETURN, 0, 0, 0)];

/// A hop-by-hop header, then ICMPv6. The parser looks at the type, which may be anywhere.
const MLD_FILTER: [Instruction; 6] = [
    (LOAD_BYTE, 0, 0, 6),
    (JUMP_IF_EQUAL, 0, 3, 0),
    (LOAD_BYTE, 0, 0, 40),
    (JUMP_IF_EQUAL, 0, 1, 58),
    (RETURN, 0, 0, WHOLE),
    (RETURN, 0, 0, 0),
];
