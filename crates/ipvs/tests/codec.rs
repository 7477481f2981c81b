//! The codec on bytes captured from Linux 6.1, with ipvsadm 1.31 as the other program: what it sent, and what the kernel
//! answered. Each capture begins with the generic netlink header: command, version, two reserved bytes.

#[allow(dead_code, reason = "each test binary uses a part")]
mod strategies;

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::codec::attrs::{DestAttr, RequestAttr};
use ipvs::codec::{
    self, Be, Command, DecodeError, Message, Nested, Reply, Request, decode_daemon, decode_dest, decode_info,
    decode_service, decode_timeouts,
};
use ipvs::{
    Checksum, Daemon, DaemonRole, Dest, DestKey, DestStatus, Engine, Family, Forward, Granularity, IfName,
    Info, Limits, Op, Persistence, PrefixLen, Protocol, Rates, Scheduler, Service, ServiceFlags, ServiceKey,
    Stats, Timeouts, Tunnel, TunnelKind, Version, Weight,
};
use netlink_packet_core::{Emitable, NetlinkBuffer, NetlinkMessage};
use netlink_packet_generic::GenlMessage;
use proptest::collection::vec;
use proptest::prelude::*;
use strategies::{dest, service_key, service_of};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|c| char::from(c).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn emitted(message: Message) -> Vec<u8> {
    let message = GenlMessage::from_payload(message);
    let mut out = vec![0; message.buffer_len()];
    message.emit(&mut out);
    out
}

const COMMANDS: [Command; 17] = [
    Command::NewService,
    Command::SetService,
    Command::DelService,
    Command::GetService,
    Command::NewDest,
    Command::SetDest,
    Command::DelDest,
    Command::GetDest,
    Command::NewDaemon,
    Command::DelDaemon,
    Command::GetDaemon,
    Command::SetConfig,
    Command::GetConfig,
    Command::SetInfo,
    Command::GetInfo,
    Command::Zero,
    Command::Flush,
];

/// A captured request, which must come out of the attribute layer as it went in.
fn request(hex: &str) -> Request {
    let bytes = bytes(hex);
    let command = COMMANDS.into_iter().find(|command| *command as u8 == bytes[0]).unwrap();
    let request = Request::parse(command, &bytes[4..]).unwrap();
    assert_eq!(emitted(Message::Request(request.clone())), bytes);
    request
}

/// A captured reply, which must come out of the attribute layer as it went in.
fn reply(hex: &str) -> Reply {
    let bytes = bytes(hex);
    let reply = Reply::parse(bytes[0], &bytes[4..]);
    assert_eq!(emitted(Message::Reply(reply.clone())), bytes);
    reply
}

fn tuple(protocol: Protocol, addr: &str, port: u16) -> ServiceKey {
    ServiceKey::Tuple { protocol, addr: addr.parse().unwrap(), port }
}

fn web() -> ServiceKey {
    tuple(Protocol::Tcp, "192.0.2.1", 80)
}

fn dns() -> ServiceKey {
    tuple(Protocol::Udp, "2001:db8::1", 53)
}

fn counted() -> ServiceKey {
    tuple(Protocol::Udp, "10.9.9.1", 5353)
}

fn fwmark(mark: u32, family: Family) -> ServiceKey {
    ServiceKey::Fwmark { mark: NonZeroU32::new(mark).unwrap(), family }
}

fn server(addr: &str, port: u16, forward: Forward) -> Dest {
    Dest::new(DestKey::new(addr.parse::<IpAddr>().unwrap(), port), forward)
}

fn gue(checksum: Checksum) -> Forward {
    let port = NonZeroU16::new(6080).unwrap();
    Forward::Tunnel(Tunnel { kind: TunnelKind::Gue { port }, checksum })
}

const GRE: Forward = Forward::Tunnel(Tunnel { kind: TunnelKind::Gre, checksum: Checksum::None });

fn persistence(timeout: u16, granularity: Granularity, engine: Option<Engine>) -> Persistence {
    Persistence { timeout: timeout.into(), granularity, engine }
}

/// The attributes of a request: of its service and of its destination.
fn parts(request: &Request) -> (Vec<codec::attrs::ServiceAttr>, Vec<DestAttr>) {
    let (mut service, mut dest) = (vec![], vec![]);
    for attr in &request.attrs {
        match attr {
            RequestAttr::Service(Nested(attrs)) => service.extend(attrs.iter().cloned()),
            RequestAttr::Dest(Nested(attrs)) => dest.extend(attrs.iter().cloned()),
            other => panic!("{other:?}"),
        }
    }
    (service, dest)
}

/// Ours asks for the same: the same attributes in any order, but for what ipvsadm sends that is without effect: a whole
/// service or destination where its key is enough, and an empty tunnel for what is none.
fn asks_the_same(ours: &Request, theirs: &Request) {
    assert_eq!(ours.command, theirs.command);
    let ((our_service, our_dest), (their_service, their_dest)) = (parts(ours), parts(theirs));
    for attr in &our_service {
        assert!(their_service.contains(attr), "{attr:?} is not in {their_service:?}");
    }
    for attr in &our_dest {
        assert!(their_dest.contains(attr), "{attr:?} is not in {their_dest:?}");
    }
    if matches!(ours.command, Command::NewService | Command::SetService) {
        assert_eq!(our_service.len(), their_service.len());
    }
    if matches!(ours.command, Command::NewDest | Command::SetDest) {
        let empty = [DestAttr::TunnelType(0), DestAttr::TunnelPort(Be(0)), DestAttr::TunnelFlags(0)];
        assert!(
            their_dest.iter().all(|attr| our_dest.contains(attr) || empty.contains(attr)),
            "{their_dest:?}"
        );
    }
}

#[test]
fn changes_are_asked_for_as_ipvsadm_does() {
    let captured = [
        // ipvsadm -A -t 192.0.2.1:80 -s wlc
        (
            Op::AddService(Service::new(web(), Scheduler::WLC)),
            "01010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000008000600776c63000c00070000000000ffffffff080008000000000008000900ffffffff",
        ),
        // ipvsadm -E -t 192.0.2.1:80 -s wrr -p 120
        (
            Op::EditService(Service::new(web(), Scheduler::WRR).persistent(120u16.into())),
            "02010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000008000600777272000c00070001000000ffffffff080008007800000008000900ffffffff",
        ),
        // ipvsadm -A -u [2001:db8::1]:53 -s rr -p 300 -M 64 -o
        (
            Op::AddService(
                Service::new(dns(), Scheduler::RR)
                    .with_persistence(persistence(
                        300,
                        Granularity::Prefix(PrefixLen::new(64).unwrap()),
                        None,
                    ))
                    .unwrap()
                    .with_flags(ServiceFlags::ONE_PACKET),
            ),
            "0101000054000180060001000a00000006000200110000001400030020010db800000000000000000000000106000400\
             0035000007000600727200000c00070005000000ffffffff080008002c0100000800090040000000",
        ),
        // ipvsadm -A -f 7 -s sh -b sh-fallback,sh-port -p 60 -M 255.255.255.0
        (
            Op::AddService(
                Service::new(fwmark(7, Family::V4), Scheduler::SH)
                    .with_persistence(persistence(60, Granularity::Mask([255, 255, 255, 0].into()), None))
                    .unwrap()
                    .with_flags(ServiceFlags::SH_FALLBACK | ServiceFlags::SH_PORT),
            ),
            "01010000380001800600010002000000080005000700000007000600736800000c00070019000000ffffffff08000800\
             3c00000008000900ffffff00",
        ),
        // ipvsadm -A -f 8 -6 -s mh -b mh-fallback
        (
            Op::AddService(
                Service::new(fwmark(8, Family::V6), Scheduler::MH).with_flags(ServiceFlags::MH_FALLBACK),
            ),
            "0101000038000180060001000a0000000800050008000000070006006d6800000c00070008000000ffffffff08000800\
             000000000800090080000000",
        ),
        // ipvsadm -A -u 192.0.2.5:5060 -s rr -p 60 --pe sip -o
        (
            Op::AddService(
                Service::new(tuple(Protocol::Udp, "192.0.2.5", 5060), Scheduler::RR)
                    .with_persistence(persistence(60, Granularity::host(Family::V4), Some(Engine::SIP)))
                    .unwrap()
                    .with_flags(ServiceFlags::ONE_PACKET),
            ),
            "010100005c0001800600010002000000060002001100000014000300c000020500000000000000000000000006000400\
             13c40000070006007272000008000b00736970000c00070005000000ffffffff080008003c00000008000900ffffffff",
        ),
        // ipvsadm -A --sctp-service 192.0.2.4:9 -s lblcr
        (
            Op::AddService(Service::new(tuple(Protocol::Sctp, "192.0.2.4", 9), Scheduler::LBLCR)),
            "01010000580001800600010002000000060002008400000014000300c000020400000000000000000000000006000400\
             000900000a0006006c626c63720000000c00070000000000ffffffff080008000000000008000900ffffffff",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.7:8080 -m -w 3 -x 100 -y 50
        (
            Op::AddDest(
                web(),
                server("198.51.100.7", 8080, Forward::Masq)
                    .with_weight(Weight::from(3))
                    .with_limits(Limits::new(100, 50).unwrap()),
            ),
            "05010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0200000014000100c6336407000000000000000000000000060002001f90000008000300000000000800040003000000\
             05000d000000000006000e000000000006000f000000000008000500640000000800060032000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.8:80 -g -w 1
        (
            Op::AddDest(web(), server("198.51.100.8", 80, Forward::Route)),
            "05010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0200000014000100c6336408000000000000000000000000060002000050000008000300030000000800040001000000\
             05000d000000000006000e000000000006000f000000000008000500000000000800060000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.9:80 -i --tun-type gue --tun-port 6080 --tun-csum
        (
            Op::AddDest(web(), server("198.51.100.9", 80, gue(Checksum::Csum))),
            "05010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0200000014000100c6336409000000000000000000000000060002000050000008000300020000000800040001000000\
             05000d000100000006000e0017c0000006000f000100000008000500000000000800060000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.10:80 -i --tun-type gre --tun-nocsum
        (
            Op::AddDest(web(), server("198.51.100.10", 80, GRE)),
            "05010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0200000014000100c633640a000000000000000000000000060002000050000008000300020000000800040001000000\
             05000d000200000006000e000000000006000f000000000008000500000000000800060000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.11:80 -i
        (
            Op::AddDest(web(), server("198.51.100.11", 80, Forward::IPIP)),
            "05010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0200000014000100c633640b000000000000000000000000060002000050000008000300020000000800040001000000\
             05000d000000000006000e000000000006000f000000000008000500000000000800060000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r [2001:db8::7]:80 -i --tun-type gue --tun-port 6080 --tun-remcsum
        (
            Op::AddDest(web(), server("2001:db8::7", 80, gue(Checksum::Remcsum))),
            "05010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0a0000001400010020010db8000000000000000000000007060002000050000008000300020000000800040001000000\
             05000d000100000006000e0017c0000006000f000200000008000500000000000800060000000000",
        ),
        // ipvsadm -e -t 192.0.2.1:80 -r 198.51.100.7:8080 -m -w 9
        (
            Op::EditDest(web(), server("198.51.100.7", 8080, Forward::Masq).with_weight(Weight::from(9))),
            "06010000540001800600010002000000060002000600000014000300c000020100000000000000000000000006000400\
             0050000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             0200000014000100c6336407000000000000000000000000060002001f90000008000300000000000800040009000000\
             05000d000000000006000e000000000006000f000000000008000500000000000800060000000000",
        ),
        // ipvsadm -a -u [2001:db8::1]:53 -r [2001:db8::53]:53 -m
        (
            Op::AddDest(dns(), server("2001:db8::53", 53, Forward::Masq)),
            "0501000054000180060001000a00000006000200110000001400030020010db800000000000000000000000106000400\
             0035000005000600000000000c00070000000000ffffffff080008000000000008000900800000006000028006000b00\
             0a0000001400010020010db8000000000000000000000053060002000035000008000300000000000800040001000000\
             05000d000000000006000e000000000006000f000000000008000500000000000800060000000000",
        ),
        // ipvsadm -a -f 7 -r 198.51.100.7 -g
        (
            Op::AddDest(fwmark(7, Family::V4), server("198.51.100.7", 0, Forward::Route)),
            "05010000380001800600010002000000080005000700000005000600000000000c00070000000000ffffffff08000800\
             0000000008000900ffffffff6000028006000b000200000014000100c633640700000000000000000000000006000200\
             000000000800030003000000080004000100000005000d000000000006000e000000000006000f000000000008000500\
             000000000800060000000000",
        ),
        // ipvsadm -d -u 10.9.9.1:5353 -r 10.9.9.2:7000
        (
            Op::DelDest(counted(), DestKey::new("10.9.9.2".parse().unwrap(), 7000)),
            "070100005400018006000100020000000600020011000000140003000a09090100000000000000000000000006000400\
             14e9000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff6000028006000b00\
             02000000140001000a090902000000000000000000000000060002001b58000008000300030000000800040001000000\
             05000d000000000006000e000000000006000f000000000008000500000000000800060000000000",
        ),
        // ipvsadm -D -u 10.9.9.1:5353
        (
            Op::DelService(counted()),
            "030100005400018006000100020000000600020011000000140003000a09090100000000000000000000000006000400\
             14e9000005000600000000000c00070000000000ffffffff080008000000000008000900ffffffff",
        ),
    ];
    for (op, hex) in captured {
        asks_the_same(&codec::op(&op), &request(hex));
    }
}

#[test]
fn questions_are_asked_as_ipvsadm_does() {
    let captured = [
        // ipvsadm -Ln: the services, and the destinations of one
        (codec::dump_services(), "04010000"),
        (
            codec::dump_dests(&counted()),
            "080100003000018006000100020000000600020011000000140003000a09090100000000000000000000\
             00000600040014e90000",
        ),
        // ipvsadm -Ln
        (codec::info(), "0f010000"),
        // ipvsadm -Ln --daemon
        (codec::dump_daemons(), "0b010000"),
        // ipvsadm -Ln --timeout
        (codec::timeouts(), "0d010000"),
        // ipvsadm --set 100 20 30
        (
            codec::set_timeouts(&Timeouts { tcp: 100, tcp_fin: 20, udp: 30 }),
            "0c01000008000400640000000800050014000000080006001e000000",
        ),
        // ipvsadm -Z
        (codec::zero(), "10010000"),
        // ipvsadm -C
        (codec::flush(), "11010000"),
    ];
    for (ours, hex) in captured {
        assert_eq!(ours, request(hex));
    }
    assert_eq!(codec::set_timeouts(&Timeouts::default()).attrs, []);
}

fn master() -> Daemon {
    Daemon {
        max_len: NonZeroU16::new(1400),
        group: Some("224.0.0.90".parse().unwrap()),
        port: NonZeroU16::new(8900),
        ttl: NonZeroU8::new(3),
        ..Daemon::new(DaemonRole::Master, IfName::new("dummy9").unwrap(), 5)
    }
}

fn backup() -> Daemon {
    let group = Some("ff02::81".parse().unwrap());
    Daemon { group, ..Daemon::new(DaemonRole::Backup, IfName::new("dummy9").unwrap(), 6) }
}

/// The attributes of a daemon in a request, in the order of their numbers.
fn daemon_attrs(request: &Request) -> Vec<codec::attrs::DaemonAttr> {
    let [RequestAttr::Daemon(Nested(attrs))] = &request.attrs[..] else { panic!("{request:?}") };
    let mut attrs = attrs.clone();
    attrs.sort_by_key(netlink_packet_core::Nla::kind);
    attrs
}

#[test]
fn daemons_are_started_as_by_ipvsadm() {
    let captured = [
        // ipvsadm --start-daemon master --mcast-interface dummy9 --syncid 5 --sync-maxlen 1400 --mcast-group 224.0.0.90
        //   --mcast-port 8900 --mcast-ttl 3
        (
            master(),
            "090100004000038008000100010000000b00020064756d6d793900000800030005000000060004007805\
             000006000700c4220000050008000300000008000500e000005a",
        ),
        // ipvsadm --start-daemon backup --mcast-interface dummy9 --syncid 6 --mcast-group ff02::81
        (
            backup(),
            "090100003400038008000100020000000b00020064756d6d793900000800030006000000140006\
             00ff020000000000000000000000000081",
        ),
    ];
    for (daemon, hex) in captured {
        let (ours, theirs) = (codec::new_daemon(&daemon), request(hex));
        assert_eq!(ours.command, theirs.command);
        assert_eq!(daemon_attrs(&ours), daemon_attrs(&theirs));
    }
    // ipvsadm --stop-daemon backup; it sends an empty interface and SyncID 0 too.
    let theirs = request("0a0100001c000380080001000200000005000200000000000800030000000000");
    let ours = codec::stop_daemon(DaemonRole::Backup);
    assert_eq!(ours.command, theirs.command);
    assert_eq!(daemon_attrs(&ours), daemon_attrs(&theirs)[..1]);
}

#[test]
fn daemons_are_read() {
    let captured = [
        (
            master(),
            "090100004000030008000100010000000b00020064756d6d793900000800030005000000060004007805\
             000006000700c4220000050008000300000008000500e000005a",
        ),
        (
            Daemon {
                max_len: NonZeroU16::new(1452),
                port: NonZeroU16::new(8848),
                ttl: NonZeroU8::new(1),
                ..backup()
            },
            "090100004c00030008000100020000000b00020064756d6d79390000080003000600000006000400ac05\
             00000600070090220000050008000100000014000600ff020000000000000000000000000081",
        ),
    ];
    for (daemon, hex) in captured {
        assert_eq!(decode_daemon(&reply(hex)), Ok(daemon));
    }
}

#[test]
fn services_are_read() {
    let captured = [
        // ipvsadm -A -u 192.0.2.5:5060 -s rr -p 60 --pe sip -o
        (
            Service::new(tuple(Protocol::Udp, "192.0.2.5", 5060), Scheduler::RR)
                .with_persistence(persistence(60, Granularity::host(Family::V4), Some(Engine::SIP)))
                .unwrap()
                .with_flags(ServiceFlags::ONE_PACKET),
            "010100005c0101000600010002000000060002001100000014000300c0000205000000000000000000000000\
             0600040013c40000070006007272000008000b00736970000c00070007000000ffffffff080008003c000000\
             08000900ffffffff60000a000800010000000000080002000000000008000300000000000c00040000000000\
             0000000004000b000c0005000000000000000000080006000000000008000700000000000800080000000000\
             080009000000000008000a0000000000a0000c000c000100000000000000000004000b000c00020000000000\
             0000000004000b000c000300000000000000000004000b000c000400000000000000000004000b000c000500\
             000000000000000004000b000c000600000000000000000004000b000c000700000000000000000004000b00\
             0c000800000000000000000004000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -A --sctp-service 192.0.2.4:9 -s lblcr
        (
            Service::new(tuple(Protocol::Sctp, "192.0.2.4", 9), Scheduler::LBLCR),
            "010100005c0101000600010002000000060002008400000014000300c0000204000000000000000000000000\
             06000400000900000a0006006c626c63720000000c00070002000000ffffffff080008000000000008000900\
             ffffffff64000a0008000100000000000800020000000000080003000000000004000b000c00040000000000\
             0000000004000b000c0005000000000000000000080006000000000008000700000000000800080000000000\
             080009000000000008000a0000000000a0000c000c000100000000000000000004000b000c00020000000000\
             0000000004000b000c000300000000000000000004000b000c000400000000000000000004000b000c000500\
             000000000000000004000b000c000600000000000000000004000b000c000700000000000000000004000b00\
             0c000800000000000000000004000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -A -u [2001:db8::1]:53 -s rr -p 300 -M 64 -o
        (
            Service::new(dns(), Scheduler::RR)
                .with_persistence(persistence(300, Granularity::Prefix(PrefixLen::new(64).unwrap()), None))
                .unwrap()
                .with_flags(ServiceFlags::ONE_PACKET),
            "0101000054010100060001000a00000006000200110000001400030020010db8000000000000000000000001\
             060004000035000007000600727200000c00070007000000ffffffff080008002c0100000800090040000000\
             60000a000800010000000000080002000000000008000300000000000c000400000000000000000004000b00\
             0c00050000000000000000000800060000000000080007000000000008000800000000000800090000000000\
             08000a0000000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b00\
             0c000300000000000000000004000b000c000400000000000000000004000b000c0005000000000000000000\
             04000b000c000600000000000000000004000b000c000700000000000000000004000b000c00080000000000\
             0000000004000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -A -t 192.0.2.1:80 -s wrr -p 120
        (
            Service::new(web(), Scheduler::WRR).persistent(120u16.into()),
            "01010000540101000600010002000000060002000600000014000300c0000201000000000000000000000000\
             060004000050000008000600777272000c00070003000000ffffffff080008007800000008000900ffffffff\
             60000a000800010000000000080002000000000008000300000000000c000400000000000000000004000b00\
             0c00050000000000000000000800060000000000080007000000000008000800000000000800090000000000\
             08000a0000000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b00\
             0c000300000000000000000004000b000c000400000000000000000004000b000c0005000000000000000000\
             04000b000c000600000000000000000004000b000c000700000000000000000004000b000c00080000000000\
             0000000004000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -A -f 7 -s sh -b sh-fallback,sh-port -p 60 -M 255.255.255.0
        (
            Service::new(fwmark(7, Family::V4), Scheduler::SH)
                .with_persistence(persistence(60, Granularity::Mask([255, 255, 255, 0].into()), None))
                .unwrap()
                .with_flags(ServiceFlags::SH_FALLBACK | ServiceFlags::SH_PORT),
            "010100003c0101000600010002000000080005000700000007000600736800000c0007001b000000ffffffff\
             080008003c00000008000900ffffff0064000a00080001000000000008000200000000000800030000000000\
             04000b000c000400000000000000000004000b000c0005000000000000000000080006000000000008000700\
             000000000800080000000000080009000000000008000a0000000000a0000c000c0001000000000000000000\
             04000b000c000200000000000000000004000b000c000300000000000000000004000b000c00040000000000\
             0000000004000b000c000500000000000000000004000b000c000600000000000000000004000b000c000700\
             000000000000000004000b000c000800000000000000000004000b000c000900000000000000000004000b00\
             0c000a000000000000000000",
        ),
        // ipvsadm -A -f 8 -6 -s mh -b mh-fallback
        (
            Service::new(fwmark(8, Family::V6), Scheduler::MH).with_flags(ServiceFlags::MH_FALLBACK),
            "010100003c010100060001000a0000000800050008000000070006006d6800000c0007000a000000ffffffff\
             0800080000000000080009008000000064000a00080001000000000008000200000000000800030000000000\
             04000b000c000400000000000000000004000b000c0005000000000000000000080006000000000008000700\
             000000000800080000000000080009000000000008000a0000000000a0000c000c0001000000000000000000\
             04000b000c000200000000000000000004000b000c000300000000000000000004000b000c00040000000000\
             0000000004000b000c000500000000000000000004000b000c000600000000000000000004000b000c000700\
             000000000000000004000b000c000800000000000000000004000b000c000900000000000000000004000b00\
             0c000a000000000000000000",
        ),
    ];
    for (service, hex) in captured {
        assert_eq!(decode_service(&reply(hex)), Ok((service, Stats::default())));
    }
}

#[test]
fn destinations_are_read() {
    let captured = [
        // ipvsadm -a -t 192.0.2.1:80 -r [2001:db8::7]:80 -i --tun-type gue --tun-port 6080 --tun-remcsum
        (
            Family::V4,
            server("2001:db8::7", 80, gue(Checksum::Remcsum)),
            "050100007c0102001400010020010db800000000000000000000000706000200005000000800030002000000\
             080004000100000005000d000100000006000e0017c0000006000f0002000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000a00000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.11:80 -i
        (
            Family::V4,
            server("198.51.100.11", 80, Forward::IPIP),
            "050100007c01020014000100c633640b00000000000000000000000006000200005000000800030002000000\
             080004000100000005000d000000000006000e000000000006000f0000000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000200000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.10:80 -i --tun-type gre --tun-nocsum
        (
            Family::V4,
            server("198.51.100.10", 80, GRE),
            "050100007c01020014000100c633640a00000000000000000000000006000200005000000800030002000000\
             080004000100000005000d000200000006000e000000000006000f0000000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000200000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.9:80 -i --tun-type gue --tun-port 6080 --tun-csum
        (
            Family::V4,
            server("198.51.100.9", 80, gue(Checksum::Csum)),
            "050100007c01020014000100c633640900000000000000000000000006000200005000000800030002000000\
             080004000100000005000d000100000006000e0017c0000006000f0001000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000200000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -a -t 192.0.2.1:80 -r 198.51.100.8:80 -g -w 1
        (
            Family::V4,
            server("198.51.100.8", 80, Forward::Route),
            "050100007c01020014000100c633640800000000000000000000000006000200005000000800030003000000\
             080004000100000005000d000000000006000e000000000006000f0000000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000200000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -e -t 192.0.2.1:80 -r 198.51.100.7:8080 -m -w 9
        (
            Family::V4,
            server("198.51.100.7", 8080, Forward::Masq).with_weight(Weight::from(9)),
            "050100007c01020014000100c6336407000000000000000000000000060002001f9000000800030000000000\
             080004000900000005000d000000000006000e000000000006000f0000000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000200000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -a -u [2001:db8::1]:53 -r [2001:db8::53]:53 -m
        (
            Family::V6,
            server("2001:db8::53", 53, Forward::Masq),
            "050100007c0102001400010020010db800000000000000000000005306000200003500000800030000000000\
             080004000100000005000d000000000006000e000000000006000f0000000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000a00000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
        // ipvsadm -a -f 7 -r 198.51.100.7 -g
        (
            Family::V4,
            server("198.51.100.7", 0, Forward::Route),
            "050100007c01020014000100c633640700000000000000000000000006000200000000000800030003000000\
             080004000100000005000d000000000006000e000000000006000f0000000000080005000000000008000600\
             0000000008000700000000000800080000000000080009000000000006000b000200000064000a0008000100\
             000000000800020000000000080003000000000004000b000c000400000000000000000004000b000c000500\
             0000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
             00000000a0000c000c000100000000000000000004000b000c000200000000000000000004000b000c000300\
             000000000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b00\
             0c000600000000000000000004000b000c000700000000000000000004000b000c0008000000000000000000\
             04000b000c000900000000000000000004000b000c000a000000000000000000",
        ),
    ];
    for (family, dest, hex) in captured {
        assert_eq!(decode_dest(family, &reply(hex)), Ok((dest, DestStatus::default())));
    }
}

/// After 40 datagrams of 1,000 bytes there and back, five a second by now:
/// ipvsadm -A -u 10.9.9.1:5353 -s rr -p 60
/// ipvsadm -a -u 10.9.9.1:5353 -r 10.9.9.2:7000 -m -w 5 -x 1000 -y 500
const COUNTED_SERVICE: &str = "010100005401010006000100020000000600020011000000140003000a090901000000000000000000000000\
     0600040014e9000007000600727200000c00070003000000ffffffff080008003c00000008000900ffffffff\
     60000a000800010001000000080002002800000008000300280000000c000400a0a000000000000004000b00\
     0c000500a0a00000000000000800060000000000080007000500000008000800050000000800090014140000\
     08000a0014140000a0000c000c000100010000000000000004000b000c000200280000000000000004000b00\
     0c000300280000000000000004000b000c000400a0a000000000000004000b000c000500a0a0000000000000\
     04000b000c000600000000000000000004000b000c000700050000000000000004000b000c00080005000000\
     0000000004000b000c000900141400000000000004000b000c000a001414000000000000";

/// Its destination, an estimate later.
const COUNTED_DEST: &str = "050100007c010200140001000a090902000000000000000000000000060002001b5800000800030000000000\
     080004000500000005000d000000000006000e000000000006000f000000000008000500e803000008000600\
     f401000008000700000000000800080001000000080009000100000006000b000200000064000a0008000100\
     010000000800020028000000080003002800000004000b000c000400a0a000000000000004000b000c000500\
     a0a0000000000000080006000000000008000700040000000800080004000000080009000f0f000008000a00\
     0f0f0000a0000c000c000100010000000000000004000b000c000200280000000000000004000b000c000300\
     280000000000000004000b000c000400a0a000000000000004000b000c000500a0a000000000000004000b00\
     0c000600000000000000000004000b000c000700040000000000000004000b000c0008000400000000000000\
     04000b000c0009000f0f00000000000004000b000c000a000f0f000000000000";

fn counters(rates: Rates) -> Stats {
    Stats { conns: 1, packets_in: 40, packets_out: 40, bytes_in: 41_120, bytes_out: 41_120, rates }
}

#[test]
fn counters_are_read() {
    let (service, stats) = decode_service(&reply(COUNTED_SERVICE)).unwrap();
    assert_eq!(service, Service::new(counted(), Scheduler::RR).persistent(60u16.into()));
    let rates = Rates { conns: 0, packets_in: 5, packets_out: 5, bytes_in: 0x1414, bytes_out: 0x1414 };
    assert_eq!(stats, counters(rates));
    let (dest, status) = decode_dest(Family::V4, &reply(COUNTED_DEST)).unwrap();
    let expected = server("10.9.9.2", 7000, Forward::Masq)
        .with_weight(Weight::from(5))
        .with_limits(Limits::new(1000, 500).unwrap());
    assert_eq!(dest, expected);
    let rates = Rates { conns: 0, packets_in: 4, packets_out: 4, bytes_in: 0x0f0f, bytes_out: 0x0f0f };
    let expected = DestStatus { active: 0, inactive: 1, persistent: 1, stats: counters(rates) };
    assert_eq!(status, expected);
}

/// The reply without the last attribute of its one nested attribute.
fn without_last_nested(hex: &str, length: usize) -> Reply {
    let mut bytes = bytes(hex);
    bytes.truncate(bytes.len() - length);
    let nested = u16::try_from(bytes.len() - 4).unwrap();
    bytes[4..6].copy_from_slice(&nested.to_ne_bytes());
    Reply::parse(bytes[0], &bytes[4..])
}

#[test]
fn kernels_before_4_1_have_only_the_short_counters() {
    // The 64-bit counters are last, 0xa0 bytes in all.
    let full = decode_service(&reply(COUNTED_SERVICE)).unwrap();
    assert_eq!(decode_service(&without_last_nested(COUNTED_SERVICE, 0xa0)).unwrap(), full);
    let full = decode_dest(Family::V4, &reply(COUNTED_DEST)).unwrap();
    assert_eq!(decode_dest(Family::V4, &without_last_nested(COUNTED_DEST, 0xa0)).unwrap(), full);
}

#[test]
fn timeouts_and_info_are_read() {
    // ipvsadm -Ln --timeout
    let timeouts = reply("0c01000008000400840300000800050078000000080006002c010000");
    assert_eq!(decode_timeouts(&timeouts), Ok(Timeouts { tcp: 900, tcp_fin: 120, udp: 300 }));
    // ipvsadm -Ln
    let info = reply("0e01000008000100010201000800020000100000");
    let version = Version { major: 1, minor: 2, patch: 1 };
    assert_eq!(decode_info(&info), Ok(Info { version, conn_table_size: 4096 }));
    assert_eq!(decode_timeouts(&info), Err(DecodeError::Unexpected { command: 14 }));
    assert_eq!(decode_info(&timeouts), Err(DecodeError::Unexpected { command: 12 }));
}

/// A destination reply of these attributes.
fn dest_reply(attrs: &str) -> Reply {
    let nested = bytes(attrs);
    let length = u16::try_from(nested.len() + 4).unwrap();
    let all = [&length.to_ne_bytes()[..], &[2, 0], &nested].concat();
    Reply::parse(Command::NewDest as u8, &all)
}

/// Address 10.9.9.2, port 7000, and weight 5.
const DEST_BASE: &str = "140001000a090902000000000000000000000000060002001b5800000800040005000000";

#[test]
fn unknown_attributes_are_kept_and_ignored() {
    let unknown = dest_reply(&format!("{DEST_BASE}08000300000000000a00c80001020304050600000500c90007000000"));
    let (dest, _) = decode_dest(Family::V4, &unknown).unwrap();
    assert_eq!(dest.key.port, 7000);
    let out = emitted(Message::Reply(unknown));
    assert!(out.ends_with(&bytes("0a00c80001020304050600000500c90007000000")));
}

#[test]
fn what_makes_no_sense_is_named() {
    let error =
        |attrs: &str| decode_dest(Family::V4, &dest_reply(&format!("{DEST_BASE}{attrs}"))).unwrap_err();
    let missing = DecodeError::Missing { attr: "IPVS_DEST_ATTR_FWD_METHOD" };
    assert_eq!(error(""), missing);
    let length = DecodeError::Length { attr: "IPVS_DEST_ATTR_FWD_METHOD", needed: 4, got: 2 };
    assert_eq!(error("0600030003000000"), length);
    let value = |attr, value: &str| DecodeError::Value { attr, value: value.to_owned() };
    assert_eq!(error("0800030007000000"), value("IPVS_DEST_ATTR_FWD_METHOD", "7"));
    assert_eq!(error("080003000200000005000d0009000000"), value("IPVS_DEST_ATTR_TUN_TYPE", "9"));
    assert_eq!(error("080003000200000005000d0001000000"), value("IPVS_DEST_ATTR_TUN_PORT", "0"));
    assert_eq!(error("080003000200000006000f0003000000"), value("IPVS_DEST_ATTR_TUN_FLAGS", "3"));
    assert_eq!(error("080003000000000006000b0063000000"), value("IPVS_DEST_ATTR_ADDR_FAMILY", "99"));
    assert_eq!(error("08000300000000000800040000000080"), value("IPVS_DEST_ATTR_WEIGHT", "2147483648"));
    assert!(matches!(error("ff00030000000000"), DecodeError::Framing { attr: "IPVS_CMD_ATTR_DEST", .. }));
    let empty = Reply::parse(Command::NewDest as u8, &[]);
    assert_eq!(decode_dest(Family::V4, &empty), Err(DecodeError::Missing { attr: "IPVS_CMD_ATTR_DEST" }));
}

/// What we ask to have is what a kernel that keeps it all would report: the two directions number alike what both have.
fn reported(op: &Op, command: Command) -> Reply {
    Reply::parse(command as u8, &emitted(Message::Request(codec::op(op)))[4..])
}

/// Everything that reads bytes.
fn read_all(reply: &Reply) {
    let _ = decode_service(reply);
    let _ = decode_dest(Family::V4, reply);
    let _ = decode_dest(Family::V6, reply);
    let _ = decode_daemon(reply);
    let _ = decode_info(reply);
    let _ = decode_timeouts(reply);
    let _ = emitted(Message::Reply(reply.clone()));
}

proptest! {
    #[test]
    fn a_service_comes_back(service in service_key().prop_flat_map(service_of)) {
        let reply = reported(&Op::AddService(service.clone()), Command::NewService);
        prop_assert_eq!(decode_service(&reply), Ok((service, Stats::default())));
    }

    #[test]
    fn a_destination_comes_back(key in service_key(), dest in dest()) {
        let reply = reported(&Op::AddDest(key, dest), Command::NewDest);
        prop_assert_eq!(decode_dest(key.family(), &reply), Ok((dest, DestStatus::default())));
    }

    #[test]
    fn any_bytes_are_read_without_panic(command in 0u8..20, bytes in vec(any::<u8>(), 0..200)) {
        read_all(&Reply::parse(command, &bytes));
    }

    #[test]
    fn damaged_replies_are_read_without_panic(
        which in 0usize..3, damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(), cut in any::<bool>(),
    ) {
        let daemon = "090100004000030008000100010000000b00020064756d6d79390000080003000500000006000400780500\
                      0006000700c4220000050008000300000008000500e000005a";
        let mut bytes = bytes([COUNTED_SERVICE, COUNTED_DEST, daemon][which]);
        for (index, value) in damage {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(length.index(bytes.len()));
        }
        if let [command, _, _, _, attrs @ ..] = &bytes[..] {
            read_all(&Reply::parse(*command, attrs));
        }
    }

    #[test]
    fn any_datagram_is_read_without_panic(head in vec(any::<u8>(), 16), body in vec(any::<u8>(), 0..100)) {
        let mut datagram = head;
        datagram.extend(body);
        let length = u32::try_from(datagram.len()).unwrap();
        datagram[..4].copy_from_slice(&length.to_ne_bytes());
        if NetlinkBuffer::new_checked(&datagram).is_ok() {
            let _ = NetlinkMessage::<GenlMessage<Message>>::deserialize(&datagram);
        }
    }
}
