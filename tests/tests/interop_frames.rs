//! Frame for frame: what a director puts on the wire from its first advert to its resignation is what the peer puts
//! there for the same configuration on the same host.

use lvsd_e2e::{Cast, Make, Node, SOON, Site, Wire, good, in_parallel};
use lvsd_lab::{Frame, Need, Rival, Seen, require, until};
use std::{fmt, time::SystemTime};

/// Two blocks of five rounds over two addresses.
const ANNOUNCEMENTS: usize = 20;
const ETHERNET: usize = 14;
/// Protocol of the authentication header.
const AH: u8 = 51;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// All that one master said, as bytes that must not differ.
#[derive(Debug, PartialEq, Eq)]
struct Speech {
    /// Adverts, equal ones once.
    adverts: Vec<Vec<u8>>,
    /// What stands in IPv4 for the order of packets: the steps between their identifications.
    steps: Vec<u16>,
    /// Gratuitous ARPs and neighbour advertisements, in their order.
    announcements: Vec<Vec<u8>>,
    /// How many of these came between the first two adverts.
    in_first_block: usize,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    wire: Wire,
    rival: Rival,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} like keepalived {}", self.wire, self.rival.version())
    }
}

/// Lets a director be master for a while, alone, and listens.
fn speech(make: Make, wire: Wire) -> Speech {
    let site = Site::new();
    let [node, peer] = [site.node("node", 1), site.node("peer", 2)];
    if wire.cast == Cast::Unicast {
        // Directors often route, and then say so in neighbour advertisements.
        good(node.host.forward());
    }
    let router = wire.router(&node, &peer, 150).line("garp_master_delay 2");
    let mut director = node.start(make, &router.config());
    let heard = || frames_of(&site, &node);
    let announcements = |frames: &[Frame]| frames.iter().filter(|frame| frame.advert().is_none()).count();
    let spoke = until(SOON, "", || announcements(&heard()) >= ANNOUNCEMENTS);
    assert!(spoke.is_ok(), "{make} sent {} announcements", announcements(&heard()));
    let stop = SystemTime::now();
    director.finish();
    site.wait_advert(stop, &node, "the resignation", |advert| advert.priority == 0);
    Speech::of(&heard())
}

/// The frames of interest that a node sent, which leads alone.
fn frames_of(site: &Site, node: &Node) -> Vec<Frame> {
    let frames = site.seen.frames().into_iter();
    frames.filter(|frame| node.spoke(frame) && frame.seen() != Seen::Other).collect()
}

impl Speech {
    fn of(frames: &[Frame]) -> Self {
        let (adverts, announcements): (Vec<_>, Vec<_>) =
            frames.iter().partition(|frame| frame.advert().is_some());
        let second = adverts.get(1).map_or(SystemTime::UNIX_EPOCH, |advert| advert.at);
        let ids: Vec<_> = adverts.iter().filter_map(|frame| identification(&frame.bytes)).collect();
        let mut steps: Vec<_> = ids.iter().zip(ids.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a)).collect();
        steps.dedup();
        assert!(!ids.contains(&0));
        let mut distinct: Vec<_> = adverts.iter().map(|frame| comparable(&frame.bytes)).collect();
        distinct.dedup();
        Self {
            adverts: distinct,
            steps,
            in_first_block: announcements.iter().filter(|frame| frame.at < second).count(),
            announcements: announcements.iter().map(|frame| comparable(&frame.bytes)).collect(),
        }
    }
}

fn identification(frame: &[u8]) -> Option<u16> {
    let is_ipv4 = frame.get(12..ETHERNET) == Some(&IPV4);
    let bytes = frame.get(ETHERNET + 4..ETHERNET + 6)?;
    is_ipv4.then(|| u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// The frame without what differs from packet to packet: in IPv4 the identification and the checksum over it, in an
/// authentication header the number and the code over it, in IPv6 the flow label that the kernel makes up.
fn comparable(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if frame[12..ETHERNET] == IPV4 {
        frame[ETHERNET + 4..ETHERNET + 6].fill(0);
        frame[ETHERNET + 10..ETHERNET + 12].fill(0);
        if frame[ETHERNET + 9] == AH {
            frame[ETHERNET + 28..ETHERNET + 44].fill(0);
        }
    }
    if frame[12..ETHERNET] == IPV6 {
        frame[ETHERNET + 1] &= 0xf0;
        frame[ETHERNET + 2..ETHERNET + 4].fill(0);
    }
    frame
}

fn hex(frames: &[Vec<u8>]) -> Vec<String> {
    frames.iter().map(|frame| frame.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

fn speaks_like_the_peer(row: &Row) {
    let ours = speech(Make::subject(), row.wire);
    let theirs = speech(Make::Keepalived(row.rival), row.wire);
    assert_eq!(hex(&ours.adverts), hex(&theirs.adverts), "adverts");
    assert_eq!(ours.steps, theirs.steps, "identifications");
    assert_eq!(hex(&ours.announcements), hex(&theirs.announcements), "announcements");
    assert_eq!(ours.in_first_block, theirs.in_first_block, "announcements of the first block");
}

#[test]
#[ignore = "needs root and namespaces"]
fn frames_are_those_of_keepalived() {
    require!(Need::Root, Need::Rival(Rival::V2_2_7), Need::Rival(Rival::V2_3_3), Make::subject().need());
    let rows = Rival::ALL.into_iter().flat_map(|rival| Wire::every().map(move |wire| Row { wire, rival }));
    in_parallel(rows.collect(), 6, speaks_like_the_peer);
}
