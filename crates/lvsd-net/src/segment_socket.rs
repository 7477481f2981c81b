//! Hearing what is on the wire of an interface, before any firewall: adverts, and who answers for which address.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{LinkAddr, recvfrom, setsockopt, sockopt::RcvBufForce};
use socket2::{Domain, SockFilter, Socket, Type};

use crate::Mac;
use crate::sys;
use crate::vrrp_socket::Device;

/// Every Ethernet protocol: such a socket is asked first, before traffic control and the firewall's ingress hook.
const ALL_PROTOCOLS: u16 = 0x0003;
/// Room for what comes in between two looks; what does not fit is not heard, which does no harm.
const RECEIVE_BUFFER: usize = 1 << 20;
const OUTGOING: u8 = 4;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// To this host.
    In,
    /// From this host.
    Out,
}

/// A packet on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Which way it goes.
    pub heading: Heading,
    /// Its Ethernet protocol.
    pub ethertype: u16,
    /// The sender of the frame, where the link has such addresses.
    pub mac: Option<Mac>,
    /// What it is, from its network header on.
    pub packet: &'a [u8],
}

/// A packet socket on one interface, non-blocking. The kernel's own filter lets pass adverts (VRRP, also behind an authentication
/// header), ARP replies and announcements, and neighbour advertisements; nothing else reaches the process, however much traffic
/// there is. It joins nothing and makes the card hear no more than it does anyway.
#[derive(Debug)]
pub struct SegmentSocket {
    socket: Socket,
    device: Device,
    departures: bool,
}

impl SegmentSocket {
    /// Opens it, for what comes in only.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when the device is gone.
    pub fn open(device: Device) -> io::Result<Self> {
        // Without a protocol until the filter is in place: no other packet is ever queued.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        // This only helps, and needs CAP_NET_ADMIN.
        let _ = setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER);
        let filter: Vec<SockFilter> =
            FILTER.iter().map(|(code, jt, jf, k)| SockFilter::new(*code, *jt, *jf, *k)).collect();
        socket.attach_filter(&filter)?;
        // Since Linux 4.20; without it what leaves is sorted out here.
        let _ = sys::ignore_outgoing(socket.as_fd(), true);
        socket.bind(&sys::protocol_address(device.index, ALL_PROTOCOLS))?;
        Ok(Self { socket, device, departures: false })
    }

    /// The device it listens on.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Has it see what leaves, too, or not any more. It costs a little for every packet that leaves by the interface.
    pub fn see_departures(&mut self, wanted: bool) {
        if self.departures != wanted {
            self.departures = wanted;
            // A kernel without the option shows them always.
            let _ = sys::ignore_outgoing(self.socket.as_fd(), !wanted);
        }
    }

    /// The next packet that waits; `None` when none does. What does not fit into `buffer` is cut.
    ///
    /// # Errors
    /// The kernel's; ENETDOWN is reported once when the device goes down.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<Seen<'b>>> {
        let (length, sender) = loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer) {
                Ok((length, Some(sender))) => break (length, sender),
                Ok((_, None)) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        let heading = if sender.pkttype() == OUTGOING { Heading::Out } else { Heading::In };
        let mac = sender.addr().filter(|_| sender.halen() == 6).map(Mac);
        let packet = buffer.get(..length).unwrap_or_default();
        Ok(Some(Seen { heading, ethertype: u16::from_be(sender.protocol()), mac, packet }))
    }
}

impl AsFd for SegmentSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// One instruction of the classic BPF: code, jumps if true and if false, operand.
type Instruction = (u16, u8, u8, u32);

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
/// The length of an IPv4 header, into the index register.
const LOAD_HEADER_LENGTH: u16 = 0xb1;
const LOAD_BYTE_INDEXED: u16 = 0x50;
const COPY_TO_INDEX: u16 = 0x07;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_EQUAL_INDEX: u16 = 0x1d;
const RETURN: u16 = 0x06;
/// SKF_AD_OFF: what the kernel knows beside the packet.
const BESIDE: u32 = 0xffff_f000;
const PROTOCOL: u32 = BESIDE;
const PACKET_TYPE: u32 = BESIDE + 4;
const VLAN_TAG_PRESENT: u32 = BESIDE + 48;
const OTHER_HOST: u32 = 3;
/// More than any packet has.
const WHOLE: u32 = 0x0004_0000;

/// Jumps count from the next instruction.
const FILTER: [Instruction; 29] = [
    // 0: frames to other hosts, which a bridge may have flooded, and those of VLANs on the interface are not ours.
    (LOAD_WORD, 0, 0, PACKET_TYPE),
    (JUMP_IF_EQUAL, 26, 0, OTHER_HOST),
    (LOAD_WORD, 0, 0, VLAN_TAG_PRESENT),
    (JUMP_IF_EQUAL, 0, 24, 0),
    (LOAD_WORD, 0, 0, PROTOCOL),
    (JUMP_IF_EQUAL, 3, 0, 0x0800),
    (JUMP_IF_EQUAL, 8, 0, 0x86dd),
    (JUMP_IF_EQUAL, 12, 0, 0x0806),
    (RETURN, 0, 0, 0),
    // 9: IPv4 of protocol 112, or of protocol 51 with 112 inside.
    (LOAD_BYTE, 0, 0, 9),
    (JUMP_IF_EQUAL, 16, 0, 112),
    (JUMP_IF_EQUAL, 0, 16, 51),
    (LOAD_HEADER_LENGTH, 0, 0, 0),
    (LOAD_BYTE_INDEXED, 0, 0, 0),
    (JUMP_IF_EQUAL, 12, 13, 112),
    // 15: IPv6 of protocol 112, or an ICMPv6 neighbour advertisement.
    (LOAD_BYTE, 0, 0, 6),
    (JUMP_IF_EQUAL, 10, 0, 112),
    (JUMP_IF_EQUAL, 0, 10, 58),
    (LOAD_BYTE, 0, 0, 40),
    (JUMP_IF_EQUAL, 7, 8, 136),
    // 20: an ARP reply, or a request of a host for its own address.
    (LOAD_HALF, 0, 0, 6),
    (JUMP_IF_EQUAL, 5, 0, 2),
    (JUMP_IF_EQUAL, 0, 5, 1),
    (LOAD_WORD, 0, 0, 14),
    (COPY_TO_INDEX, 0, 0, 0),
    (LOAD_WORD, 0, 0, 24),
    (JUMP_IF_EQUAL_INDEX, 0, 1, 0),
    // 27 and 28: taken, and not.
    (RETURN, 0, 0, WHOLE),
    (RETURN, 0, 0, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The machine of the kernel, as far as the filter uses it.
    fn passes(packet_type: u32, tagged: u32, protocol: u32, packet: &[u8]) -> bool {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        let byte = |offset: u32| packet.get(offset as usize).copied().map(u32::from);
        let load = |offset: u32, width: u32| {
            (0..width).try_fold(0, |sum, step| Some(sum << 8 | byte(offset + step)?))
        };
        loop {
            let (code, jt, jf, k) = FILTER[at];
            at += 1;
            let value = match (code, k) {
                (LOAD_WORD, PACKET_TYPE) => Some(packet_type),
                (LOAD_WORD, VLAN_TAG_PRESENT) => Some(tagged),
                (LOAD_WORD, PROTOCOL) => Some(protocol),
                (LOAD_WORD, k) => load(k, 4),
                (LOAD_HALF, k) => load(k, 2),
                (LOAD_BYTE, k) => load(k, 1),
                (LOAD_BYTE_INDEXED, k) => load(x + k, 1),
                (LOAD_HEADER_LENGTH, k) => byte(k).map(|byte| {
                    x = (byte & 0xf) * 4;
                    a
                }),
                (COPY_TO_INDEX, _) => {
                    x = a;
                    Some(a)
                }
                (JUMP_IF_EQUAL | JUMP_IF_EQUAL_INDEX, _) => {
                    let operand = if code == JUMP_IF_EQUAL { k } else { x };
                    at += usize::from(if a == operand { jt } else { jf });
                    Some(a)
                }
                (RETURN, k) => return k > 0,
                other => panic!("{other:?} is no instruction of the filter"),
            };
            // A load beyond the end drops the packet.
            let Some(value) = value else { return false };
            a = value;
        }
    }

    fn ipv4(protocol: u8, options: usize, inside: u8) -> Vec<u8> {
        let mut packet = vec![0; 20 + options];
        packet[0] = 0x45 + u8::try_from(options / 4).expect("short");
        packet[9] = protocol;
        packet.push(inside);
        packet
    }

    fn arp(operation: u8, sender: u8, target: u8) -> Vec<u8> {
        let mut packet = vec![0; 28];
        packet[7] = operation;
        packet[17] = sender;
        packet[27] = target;
        packet
    }

    #[test]
    fn the_filter_takes_what_is_of_interest_and_nothing_else() {
        let is = |protocol, packet: &[u8]| passes(2, 0, protocol, packet);
        assert!(is(0x0800, &ipv4(112, 0, 0)));
        assert!(is(0x0800, &ipv4(51, 0, 112)));
        assert!(is(0x0800, &ipv4(51, 8, 112)));
        for other in [ipv4(51, 0, 6), ipv4(6, 0, 0), ipv4(17, 0, 112), vec![0x45; 5]] {
            assert!(!is(0x0800, &other), "{other:?}");
        }
        let ipv6 = |next, kind| {
            let mut packet = vec![0; 40];
            packet[6] = next;
            packet.push(kind);
            packet
        };
        assert!(is(0x86dd, &ipv6(112, 0)) && is(0x86dd, &ipv6(58, 136)));
        assert!(!is(0x86dd, &ipv6(58, 135)) && !is(0x86dd, &ipv6(6, 136)));
        assert!(is(0x0806, &arp(2, 1, 9)) && is(0x0806, &arp(1, 7, 7)));
        assert!(!is(0x0806, &arp(1, 7, 8)) && !is(0x0806, &arp(3, 7, 7)));
        assert!(!is(0x8100, &ipv4(112, 0, 0)));
        assert!(!passes(3, 0, 0x0800, &ipv4(112, 0, 0)), "to another host");
        assert!(!passes(2, 1, 0x0800, &ipv4(112, 0, 0)), "of a VLAN");
    }
}
