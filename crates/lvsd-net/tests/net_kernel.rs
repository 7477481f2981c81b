//! Sockets and netlink against the real kernel, between hosts on a fake LAN.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use lvsd_lab::{Host, Lan, Need, require};
use lvsd_model::{AddressScope, Family, PreferredLifetime};
use lvsd_net::{
    AddressChange, AddressKey, AddressSpec, AnnounceSocket, Device, IpProtocol, Link, MAX_DATAGRAM, Mac,
    Monitor, MonitorEvent, NaRole, Outgoing, Rtnl, VrrpSocket, gratuitous_arp, unsolicited_na,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Gid, Uid};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const PATIENCE: Duration = Duration::from_secs(5);
const PAYLOAD: [u8; 12] = [0x31, 7, 100, 1, 0, 100, 0x12, 0x34, 10, 0, 0, 100];

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn two_hosts() -> lvsd_lab::Result<(Lan, [Host; 2], [lvsd_lab::Link; 2])> {
    let lan = Lan::new("lan")?;
    let hosts = [Host::new("a")?, Host::new("b")?];
    let links = [
        lan.plug(&hosts[0], "eth0", &["10.0.0.1/24", "fd00::1/64"])?,
        lan.plug(&hosts[1], "eth0", &["10.0.0.2/24", "fd00::2/64"])?,
    ];
    Ok((lan, hosts, links))
}

fn eth0(host: &Host) -> Result<Link, Box<dyn std::error::Error>> {
    let links = host.enter(|| Rtnl::open().map(|mut kernel| kernel.links()))???;
    Ok(links.into_iter().find(|link| link.name == "eth0").ok_or("no eth0")?)
}

fn socket(host: &Host, family: Family) -> Result<VrrpSocket, Box<dyn std::error::Error>> {
    let link = eth0(host)?;
    let device = Device { index: link.index, name: link.name };
    Ok(host.enter(|| VrrpSocket::open(family, IpProtocol::Vrrp, Some(device)))??)
}

fn wait_readable(fd: &impl AsFd) {
    let limit = PollTimeout::try_from(PATIENCE).expect("short");
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, limit), Ok(1), "nothing arrived in time");
}

fn link_local(host: &Host) -> Result<IpAddr, Box<dyn std::error::Error>> {
    let all = host.enter(|| Rtnl::open().map(|mut kernel| kernel.addresses()))???;
    let entry = all.into_iter().find(|entry| entry.link_local() && entry.usable());
    Ok(entry.ok_or("no link-local address")?.key.address)
}

#[test]
#[ignore = "needs root and namespaces"]
fn adverts_travel_by_group_and_to_a_peer_in_both_families() -> Outcome {
    require!(Need::Root);
    let (_lan, [a, b], _links) = two_hosts()?;
    let wire = b.capture("eth0")?;
    let cases = [
        (Family::V4, ip("10.0.0.1"), ip("224.0.0.18")),
        (Family::V4, ip("10.0.0.99"), ip("10.0.0.2")),
        (Family::V6, link_local(&a)?, ip("ff02::12")),
        (Family::V6, ip("fd00::1"), ip("fd00::2")),
    ];
    for (family, source, destination) in cases {
        let (mut sender, mut receiver) = (socket(&a, family)?, socket(&b, family)?);
        if destination.is_multicast() {
            sender.join(destination)?;
            receiver.join(destination)?;
            receiver.join(destination)?;
        }
        sender.send(&Outgoing { source, destination, hops: 255, payload: &PAYLOAD })?;
        wait_readable(&receiver);
        let mut buffer = [0; MAX_DATAGRAM];
        let received = receiver.receive(&mut buffer)?.ok_or("readable, but empty")?;
        assert_eq!((received.source, received.destination, received.hops), (source, destination, 255));
        assert_eq!(received.payload, PAYLOAD);
        assert_eq!(receiver.receive(&mut buffer)?, None);
        assert_eq!(sender.receive(&mut buffer)?, None, "what we send must not come back");
    }
    let frame = wire.wait(PATIENCE, "an advert by multicast", |frame| {
        frame.advert().is_some_and(|advert| advert.destination == ip("224.0.0.18"))
    })?;
    assert_eq!(frame.bytes[..6], [0x01, 0x00, 0x5e, 0, 0, 0x12]);
    let header = &frame.bytes[14..34];
    assert_eq!(header[..2], [0x45, 0xc0], "no options, internetwork control");
    assert_ne!(header[4..6], [0, 0], "an identification");
    assert_eq!(header[6..10], [0, 0, 255, 112], "may be fragmented, TTL 255, VRRP");
    Ok(())
}

fn vip(link: &Link, address: &str, prefix_len: u8) -> AddressSpec {
    AddressSpec {
        key: AddressKey { interface: link.index, address: ip(address), prefix_len },
        peer: None,
        broadcast: None,
        label: None,
        scope: AddressScope::GLOBAL,
        no_prefix_route: false,
        preferred: PreferredLifetime::Forever,
        no_dad: true,
        flags: lvsd_model::AddressFlags::default(),
    }
}

#[test]
#[ignore = "needs root and namespaces"]
fn addresses_are_set_as_asked_listed_watched_and_removed() -> Outcome {
    require!(Need::Root);
    let (_lan, [host, _b], _links) = two_hosts()?;
    let link = eth0(&host)?;
    let (mut kernel, mut monitor) = host.enter(|| (Rtnl::open(), Monitor::open()))?;
    let (kernel, monitor) = (kernel.as_mut().expect("netlink"), monitor.as_mut().expect("netlink"));
    let plain = vip(&link, "10.0.0.100", 32);
    let rich = AddressSpec {
        broadcast: Some([10, 0, 5, 255].into()),
        label: Some("eth0:vip".to_owned()),
        scope: AddressScope::LINK,
        no_prefix_route: true,
        ..vip(&link, "10.0.5.100", 24)
    };
    let deprecated = AddressSpec { preferred: PreferredLifetime::Seconds(0), ..vip(&link, "fd00::100", 128) };
    let specs = [plain.clone(), rich.clone(), deprecated.clone()];
    let add: Vec<_> = specs.iter().cloned().map(AddressChange::Add).collect();
    for round in 0..2 {
        for (result, spec) in kernel.apply(&add).into_iter().zip(&specs) {
            result.unwrap_or_else(|error| panic!("round {round}, {:?}: {error}", spec.key));
        }
    }
    let shown = host.ip("-d addr show dev eth0")?;
    // Older tools do not show who set an address, newer ones by name or number.
    let shown = ["keepalived", "0x12", "18"]
        .iter()
        .fold(shown, |shown, name| shown.replace(&format!(" proto {name}"), ""));
    for text in [
        "inet 10.0.0.100/32 scope global eth0",
        "inet 10.0.5.100/24 brd 10.0.5.255 scope link noprefixroute eth0:vip",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    let line = shown.lines().find(|line| line.contains("inet6 fd00::100/128 scope global"));
    let line = line.ok_or("no IPv6 address")?;
    assert!(line.contains("deprecated") && line.contains("nodad"), "{line}");
    let listed = kernel.addresses()?;
    for spec in &specs {
        let entry = listed.iter().find(|entry| entry.key == spec.key).ok_or("not listed")?;
        assert_eq!(entry.protocol, Some(lvsd_net::IFA_PROTO_VRRP));
        assert!(entry.usable());
    }
    let remove: Vec<_> =
        specs.iter().map(|spec| AddressChange::Remove { key: spec.key, peer: spec.peer }).collect();
    assert!(kernel.apply(&remove).into_iter().all(|result| result.is_ok()));
    for result in kernel.apply(&remove) {
        assert!(result.expect_err("it is gone").already_gone());
    }
    let mut gone = Vec::new();
    while gone.len() < specs.len() {
        wait_readable(monitor);
        while let Some(event) = monitor.receive()? {
            if let MonitorEvent::AddressGone(entry) = event {
                gone.push(entry.key);
            }
        }
    }
    assert!(specs.iter().all(|spec| gone.contains(&spec.key)), "{gone:?}");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_refusal_in_a_large_batch_stays_with_its_own_request() -> Outcome {
    require!(Need::Root);
    let (_lan, [host, _b], _links) = two_hosts()?;
    let link = eth0(&host)?;
    let mut kernel = host.enter(Rtnl::open)??;
    let mut changes: Vec<_> =
        (0..200u8).map(|last| AddressChange::Add(vip(&link, &format!("10.7.0.{last}"), 32))).collect();
    let nowhere = Link { index: 9999, ..link.clone() };
    changes.insert(100, AddressChange::Add(vip(&nowhere, "10.7.1.1", 32)));
    let failed: Vec<_> = kernel.apply(&changes).into_iter().map(|result| result.err()).collect();
    let wrong: Vec<_> = failed.iter().enumerate().filter(|(_, error)| error.is_some()).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].0, 100);
    assert_eq!(wrong[0].1.as_ref().and_then(|error| error.errno()), Some(libc::ENODEV));
    assert_eq!(
        kernel.addresses()?.iter().filter(|entry| entry.protocol.is_some_and(|p| p == 18)).count(),
        200
    );
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn announcements_teach_a_neighbour_where_an_address_is() -> Outcome {
    require!(Need::Root);
    let (_lan, [a, b], _links) = two_hosts()?;
    let link = eth0(&a)?;
    let mac = link.mac.ok_or("no MAC")?;
    assert_eq!(mac, Mac(a.mac("eth0")?));
    let wire = b.capture("eth0")?;
    let sender = a.enter(AnnounceSocket::open)??;
    sender.send(link.index, &gratuitous_arp(mac, [10, 0, 0, 100].into()))?;
    sender.send(link.index, &unsolicited_na(mac, "fd00::100".parse()?, NaRole::Host))?;
    for vip in ["10.0.0.100", "fd00::100"] {
        wire.wait(PATIENCE, vip, |frame| frame.announces(ip(vip)))?;
    }
    // The neighbour's kernel believes it: an entry it had for another MAC is replaced, so the checksum is right too.
    for (vip, frame) in [
        ("10.0.0.100", gratuitous_arp(mac, [10, 0, 0, 100].into()).to_vec()),
        ("fd00::100", unsolicited_na(mac, "fd00::100".parse()?, NaRole::Host).to_vec()),
    ] {
        b.ip(&format!("neigh replace {vip} lladdr 02:00:00:00:00:77 dev eth0 nud stale"))?;
        sender.send(link.index, &frame)?;
        lvsd_lab::until(PATIENCE, "the neighbour to learn", || {
            b.ip(&format!("neigh show {vip}")).is_ok_and(|line| line.contains(&mac.to_string()))
        })?;
    }
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn links_are_watched() -> Outcome {
    require!(Need::Root);
    let (_lan, [host, _b], [wire, _]) = two_hosts()?;
    let mut monitor = host.enter(Monitor::open)??;
    let mut wait_for = |wanted: &dyn Fn(&MonitorEvent) -> bool| -> Outcome {
        loop {
            wait_readable(&monitor);
            while let Some(event) = monitor.receive()? {
                if wanted(&event) {
                    return Ok(());
                }
            }
        }
    };
    wire.down()?;
    wait_for(&|event| matches!(event, MonitorEvent::Link(link) if link.up && !link.running))?;
    wire.up()?;
    wait_for(&|event| matches!(event, MonitorEvent::Link(link) if link.up && link.running))?;
    host.ip("link del eth0")?;
    wait_for(&|event| matches!(event, MonitorEvent::LinkGone(link) if link.name == "eth0"))
}

#[test]
#[ignore = "needs root and namespaces"]
fn nothing_from_before_an_overrun_comes_after_it() -> Outcome {
    require!(Need::Root);
    let (_lan, [host, _b], _links) = two_hosts()?;
    let link = eth0(&host)?;
    let (mut kernel, mut monitor) = host.enter(|| (Rtnl::open(), Monitor::open()))?;
    let (kernel, monitor) = (kernel.as_mut().expect("netlink"), monitor.as_mut().expect("netlink"));
    let all: Vec<_> = (0..250).map(|last| vip(&link, &format!("10.0.9.{last}"), 32)).collect();
    let add: Vec<_> = all.iter().cloned().map(AddressChange::Add).collect();
    let remove: Vec<_> = all.iter().map(|spec| AddressChange::Remove { key: spec.key, peer: None }).collect();
    // More than any buffer of the monitor holds; the last word is that they are there.
    for _ in 0..60 {
        assert!(kernel.apply(&add).iter().chain(&kernel.apply(&remove)).all(Result::is_ok));
    }
    assert!(kernel.apply(&add).iter().all(Result::is_ok));
    assert_eq!(monitor.receive()?, Some(MonitorEvent::Overrun));
    assert_eq!(monitor.receive()?, None, "older than the dump that follows an overrun");
    assert!(kernel.apply(&remove).iter().all(Result::is_ok));
    assert!(matches!(monitor.receive()?, Some(MonitorEvent::AddressGone(_))), "it goes on");
    Ok(())
}

#[test]
#[ignore = "needs root and namespaces"]
fn a_dead_peer_does_not_silence_the_socket_for_others() -> Outcome {
    require!(Need::Root);
    let (_lan, [a, _b], _links) = two_hosts()?;
    for (family, source, dead, alive) in [
        (Family::V4, ip("10.0.0.1"), ip("10.0.0.77"), ip("224.0.0.18")),
        (Family::V6, ip("fd00::1"), ip("fd00::77"), ip("fd00::2")),
    ] {
        let mut sender = socket(&a, family)?;
        for count in 0..2000 {
            let sent = sender.send(&Outgoing { source, destination: dead, hops: 255, payload: &PAYLOAD });
            sent.map_err(|error| format!("{family} {count}: {error}"))?;
        }
        sender.send(&Outgoing { source, destination: alive, hops: 255, payload: &PAYLOAD })?;
    }
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn a_script_has_the_groups_that_it_is_given_and_no_others() -> Outcome {
    require!(Need::Root);
    let groups = |supplementary: &[u32]| {
        let supplementary: Vec<Gid> = supplementary.iter().copied().map(Gid::from_raw).collect();
        let mut command = std::process::Command::new("/usr/bin/id");
        lvsd_net::child::become_user(&mut command, Uid::from_raw(65534), Gid::from_raw(5), &supplementary);
        lvsd_net::child::isolate(&mut command);
        command.arg("-G").output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(groups(&[])?, "5\n");
    assert_eq!(groups(&[7, 9])?, "5 7 9\n");
    Ok(())
}

#[test]
#[ignore = "needs root"]
fn a_script_does_not_inherit_the_urgency_of_its_thread() -> Outcome {
    require!(Need::Root);
    let nice = std::thread::spawn(|| {
        lvsd_net::set_nice(-5)?;
        let mut command = std::process::Command::new("/usr/bin/nice");
        lvsd_net::child::isolate(&mut command);
        command.output()
    });
    let output = nice.join().map_err(|_| "the thread panicked")??;
    assert_eq!(output.stdout, b"0\n");
    Ok(())
}
