//! What every holder of an IPVS table must do: the kernel, and the model of it. Each case begins with an empty table.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::{
    Checksum, Daemon, DaemonRole, Dest, DestKey, Engine, Entry, Errno, Family, Forward, Granularity, IfName,
    Ipvs, Limits, Op, Persistence, PrefixLen, Protocol, Scheduler, Seconds, Service, ServiceFlags,
    ServiceKey, Table, Timeouts, Tunnel, TunnelKind, Weight, plan,
};

/// The interface the daemon cases use; the caller provides it.
pub(crate) const INTERFACE: &str = "ipvstest0";

/// Calls `$each!(name)` for every case.
macro_rules! for_each_case {
    ($each:ident) => {
        $each! {
            every_scheduler_with_every_flag
            ipv6_services_and_servers
            a_server_is_one_host
            a_firewall_mark_is_one_service_per_family
            persistence_of_ipv4
            persistence_of_ipv6
            every_way_of_forwarding
            mixed_families_only_in_tunnels
            thresholds_and_weights
            protocols_are_told_apart
            editing_keeps_servers
            duplicates_are_refused
            what_is_missing_cannot_be_changed
            unknown_plugins_are_refused
            a_batch_goes_on_after_errors
            deleting_a_service_deletes_its_servers
            timeouts_are_set_one_by_one
            sync_daemons_start_and_stop
            no_sync_with_mixed_families
            a_plan_for_a_varied_table_is_carried_out
        }
    };
}
pub(crate) use for_each_case;

pub(crate) fn tuple(protocol: Protocol, addr: &str, port: u16) -> ServiceKey {
    ServiceKey::Tuple { protocol, addr: addr.parse().unwrap(), port }
}

pub(crate) fn web() -> ServiceKey {
    tuple(Protocol::Tcp, "192.0.2.1", 80)
}

fn web6() -> ServiceKey {
    tuple(Protocol::Tcp, "2001:db8::1", 80)
}

fn fwmark(mark: u32, family: Family) -> ServiceKey {
    ServiceKey::Fwmark { mark: NonZeroU32::new(mark).unwrap(), family }
}

pub(crate) fn server(addr: &str, port: u16, forward: Forward) -> Dest {
    Dest::new(DestKey::new(addr.parse::<IpAddr>().unwrap(), port), forward)
}

fn weight(weight: u32) -> Weight {
    Weight::new(weight).unwrap()
}

fn limits(upper: u32, lower: u32) -> Limits {
    Limits::new(upper, lower).unwrap()
}

/// Every persistence of the table's kinds that a kernel of the family can hold.
fn persistence(timeout: u16, granularity: Granularity) -> Persistence {
    Persistence { timeout: timeout.into(), granularity, engine: None }
}

async fn outcomes(backend: &mut impl Ipvs, ops: &[Op]) -> Vec<Option<Errno>> {
    let results = backend.apply(ops).await;
    assert_eq!(results.len(), ops.len());
    let errno = |result: Result<(), ipvs::IpvsError>| {
        result.err().map(|e| e.errno().unwrap_or_else(|| panic!("{e}")))
    };
    results.into_iter().map(errno).collect()
}

async fn succeed(backend: &mut impl Ipvs, ops: &[Op]) {
    for (result, op) in backend.apply(ops).await.into_iter().zip(ops) {
        result.unwrap_or_else(|e| panic!("{op}: {e}"));
    }
}

/// Loads the table into an empty backend and reads it back.
pub(crate) async fn holds(backend: &mut impl Ipvs, table: &Table) {
    succeed(backend, &plan(table, &Table::new())).await;
    assert_eq!(&backend.dump().await.unwrap(), table);
}

async fn holds_services(backend: &mut impl Ipvs, services: Vec<Service>) {
    holds(backend, &services.into_iter().map(Entry::new).collect()).await;
}

pub(crate) async fn every_scheduler_with_every_flag(backend: &mut impl Ipvs) {
    // "twos" came with Linux 6.3; the model has it, the guest's kernel may not.
    let schedulers = Scheduler::KNOWN.iter().filter(|scheduler| **scheduler != Scheduler::TWOS);
    let services = schedulers.zip(1000u16..).flat_map(|(scheduler, base)| {
        (0u32..8).map(move |bits| {
            let flags = ServiceFlags::from_kernel(bits << 3);
            let key = tuple(Protocol::Tcp, "192.0.2.1", base + 100 * u16::try_from(bits).unwrap());
            Service::new(key, scheduler.clone()).with_flags(flags)
        })
    });
    let one_packet = Service::new(tuple(Protocol::Udp, "192.0.2.1", 53), Scheduler::RR)
        .with_flags(ServiceFlags::ONE_PACKET | ServiceFlags::SCHED_3);
    holds_services(backend, services.chain([one_packet]).collect()).await;
}

pub(crate) async fn ipv6_services_and_servers(backend: &mut impl Ipvs) {
    let dests = [
        server("2001:db8:1::1", 80, Forward::Masq),
        server("2001:db8:1::2", 80, Forward::Route),
        server("fd00::1", 80, Forward::IPIP),
    ];
    let udp = Service::new(tuple(Protocol::Udp, "2001:db8::1", 53), Scheduler::WLC);
    let table = [Entry::with_dests(Service::new(web6(), Scheduler::SH), dests), Entry::new(udp)];
    holds(backend, &Table::from_iter(table)).await;
}

pub(crate) async fn a_server_is_one_host(backend: &mut impl Ipvs) {
    let services = [
        Op::AddService(Service::new(web(), Scheduler::RR)),
        Op::AddService(Service::new(web6(), Scheduler::RR)),
    ];
    succeed(backend, &services).await;
    let v4 = ["0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255"].map(|addr| (web(), addr));
    let v6 = ["::", "ff02::1", "ff0e::1", "fe80::1"].map(|addr| (web6(), addr));
    let adds = v4.into_iter().chain(v6);
    let ops: Vec<_> = adds.map(|(key, addr)| Op::AddDest(key, server(addr, 80, Forward::Masq))).collect();
    assert_eq!(outcomes(backend, &ops).await, [Some(Errno::EINVAL); 8]);
    let loopback = [
        Op::AddDest(web(), server("127.0.0.1", 80, Forward::Masq)),
        Op::AddDest(web6(), server("::1", 80, Forward::Masq)),
        Op::AddDest(web(), server("169.254.1.1", 80, Forward::Masq)),
    ];
    succeed(backend, &loopback).await;
}

pub(crate) async fn a_firewall_mark_is_one_service_per_family(backend: &mut impl Ipvs) {
    let v4 = Entry::with_dests(
        Service::new(fwmark(7, Family::V4), Scheduler::RR),
        [server("198.51.100.1", 0, Forward::Route)],
    );
    let v6 = Entry::with_dests(
        Service::new(fwmark(7, Family::V6), Scheduler::WRR),
        [server("2001:db8:1::1", 0, Forward::Route)],
    );
    let big = Entry::new(Service::new(fwmark(u32::MAX, Family::V4), Scheduler::LC));
    holds(backend, &Table::from_iter([v4, v6, big])).await;
    succeed(backend, &[Op::DelService(fwmark(7, Family::V4))]).await;
    assert!(backend.dump().await.unwrap().contains(&fwmark(7, Family::V6)));
}

pub(crate) async fn persistence_of_ipv4(backend: &mut impl Ipvs) {
    let masks = [0xffff_ffffu32, 0xffff_ff00, 0x8000_0000, 0xff00_00ff, 0];
    let mut services: Vec<_> = masks
        .into_iter()
        .zip(80..)
        .map(|(mask, port)| {
            let service = Service::new(tuple(Protocol::Tcp, "192.0.2.1", port), Scheduler::RR);
            service.with_persistence(persistence(60, Granularity::Mask(mask.into()))).unwrap()
        })
        .collect();
    services.push(Service::new(tuple(Protocol::Tcp, "192.0.2.2", 0), Scheduler::RR).persistent(Seconds::MAX));
    let sip = Persistence { engine: Some(Engine::SIP), ..persistence(300, Granularity::host(Family::V4)) };
    let sip_service = Service::new(tuple(Protocol::Udp, "192.0.2.2", 5060), Scheduler::RR);
    services.push(sip_service.clone().with_persistence(sip).unwrap());
    holds_services(backend, services).await;
    // What an edit leaves out is gone.
    succeed(backend, &[Op::EditService(sip_service.clone().persistent(9u16.into()))]).await;
    let plain = backend.dump().await.unwrap();
    let edited = plain.get(sip_service.key()).unwrap().service();
    assert_eq!(edited.persistence().unwrap().engine, None);
    succeed(backend, &[Op::EditService(sip_service.clone())]).await;
    assert_eq!(backend.dump().await.unwrap().get(sip_service.key()).unwrap().service(), &sip_service);
}

pub(crate) async fn persistence_of_ipv6(backend: &mut impl Ipvs) {
    let services = [1u8, 48, 64, 128].into_iter().zip(80..).map(|(len, port)| {
        let service = Service::new(tuple(Protocol::Tcp, "2001:db8::1", port), Scheduler::RR);
        let prefix = Granularity::Prefix(PrefixLen::new(len).unwrap());
        service.with_persistence(persistence(60, prefix)).unwrap()
    });
    let marked = Service::new(fwmark(3, Family::V6), Scheduler::RR).persistent(60u16.into());
    holds_services(backend, services.chain([marked]).collect()).await;
}

pub(crate) async fn every_way_of_forwarding(backend: &mut impl Ipvs) {
    let gue = TunnelKind::Gue { port: NonZeroU16::new(6080).unwrap() };
    let tunnels = [TunnelKind::Ipip, gue, TunnelKind::Gre].into_iter().flat_map(|kind| {
        [Checksum::None, Checksum::Csum, Checksum::Remcsum]
            .map(|checksum| Forward::Tunnel(Tunnel { kind, checksum }))
    });
    let others = [Forward::Masq, Forward::Route, Forward::Local, Forward::Bypass];
    let forwards: Vec<_> = others.into_iter().chain(tunnels).collect();
    let dests = forwards.iter().zip(1u16..).map(|(forward, port)| server("198.51.100.1", port, *forward));
    let mut entry = Entry::with_dests(Service::new(web(), Scheduler::RR), dests);
    holds(backend, &Table::from_iter([entry.clone()])).await;
    // From each to the next, by an edit.
    for (forward, port) in forwards.iter().cycle().skip(1).zip(1u16..).take(forwards.len()) {
        let dest = server("198.51.100.1", port, *forward);
        entry.insert(dest);
        succeed(backend, &[Op::EditDest(web(), dest)]).await;
    }
    assert_eq!(backend.dump().await.unwrap(), Table::from_iter([entry]));
}

pub(crate) async fn mixed_families_only_in_tunnels(backend: &mut impl Ipvs) {
    succeed(backend, &[Op::AddService(Service::new(web(), Scheduler::RR))]).await;
    let mixed = |forward| Op::AddDest(web(), server("2001:db8:1::1", 80, forward));
    let refused = [mixed(Forward::Masq), mixed(Forward::Route)];
    assert_eq!(outcomes(backend, &refused).await, [Some(Errno::EINVAL); 2]);
    succeed(backend, &[mixed(Forward::IPIP)]).await;
    let dump = backend.dump().await.unwrap();
    let dest = server("2001:db8:1::1", 80, Forward::IPIP);
    assert_eq!(dump.get(&web()).unwrap().dests().get(&dest.key), Some(&dest));
    succeed(backend, &[Op::DelDest(web(), dest.key)]).await;
}

pub(crate) async fn thresholds_and_weights(backend: &mut impl Ipvs) {
    let numbers = [(0, 0, 0), (1, 1, 0), (100, 1000, 1000), (i32::MAX as u32, u32::MAX, 7)];
    let dests = numbers.into_iter().zip(1..).map(|((w, upper, lower), port)| {
        server("198.51.100.1", port, Forward::Masq).with_weight(weight(w)).with_limits(limits(upper, lower))
    });
    let mut entry = Entry::with_dests(Service::new(web(), Scheduler::WLC), dests);
    holds(backend, &Table::from_iter([entry.clone()])).await;
    let lifted = server("198.51.100.1", 4, Forward::Masq).with_weight(Weight::ZERO);
    succeed(backend, &[Op::EditDest(web(), lifted)]).await;
    entry.insert(lifted);
    assert_eq!(backend.dump().await.unwrap(), Table::from_iter([entry]));
}

pub(crate) async fn protocols_are_told_apart(backend: &mut impl Ipvs) {
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    let entries = protocols.map(|protocol| {
        let service = Service::new(tuple(protocol, "192.0.2.1", 5000), Scheduler::RR);
        Entry::with_dests(service, [server("198.51.100.1", 5000, Forward::Masq)])
    });
    holds(backend, &Table::from_iter(entries)).await;
    succeed(backend, &[Op::DelService(tuple(Protocol::Udp, "192.0.2.1", 5000))]).await;
    assert_eq!(backend.dump().await.unwrap().len(), 2);
}

pub(crate) async fn editing_keeps_servers(backend: &mut impl Ipvs) {
    let dest = server("198.51.100.1", 80, Forward::Masq);
    holds(backend, &Table::from_iter([Entry::with_dests(Service::new(web(), Scheduler::RR), [dest])])).await;
    let edited = Service::new(web(), Scheduler::MH)
        .with_flags(ServiceFlags::MH_FALLBACK | ServiceFlags::MH_PORT)
        .persistent(30u16.into());
    succeed(backend, &[Op::EditService(edited.clone())]).await;
    assert_eq!(backend.dump().await.unwrap(), Table::from_iter([Entry::with_dests(edited, [dest])]));
}

pub(crate) async fn duplicates_are_refused(backend: &mut impl Ipvs) {
    let add = Op::AddService(Service::new(web(), Scheduler::RR));
    let other = Op::AddService(Service::new(web(), Scheduler::WRR));
    let dest = server("198.51.100.1", 80, Forward::Masq);
    let (add_dest, again) = (Op::AddDest(web(), dest), Op::AddDest(web(), dest.with_weight(Weight::ZERO)));
    let ops = [add.clone(), add, other, add_dest.clone(), add_dest, again];
    let exists = Some(Errno::EEXIST);
    assert_eq!(outcomes(backend, &ops).await, [None, exists, exists, None, exists, exists]);
    let entry = Entry::with_dests(Service::new(web(), Scheduler::RR), [dest]);
    assert_eq!(backend.dump().await.unwrap(), Table::from_iter([entry]));
}

pub(crate) async fn what_is_missing_cannot_be_changed(backend: &mut impl Ipvs) {
    let dest = server("198.51.100.1", 80, Forward::Masq);
    let without_service = [
        Op::EditService(Service::new(web(), Scheduler::RR)),
        Op::DelService(web()),
        Op::AddDest(web(), dest),
        Op::EditDest(web(), dest),
        Op::DelDest(web(), dest.key),
    ];
    assert_eq!(outcomes(backend, &without_service).await, [Some(Errno::ESRCH); 5]);
    succeed(backend, &[Op::AddService(Service::new(web(), Scheduler::RR))]).await;
    let without_dest = [Op::EditDest(web(), dest), Op::DelDest(web(), dest.key)];
    assert_eq!(outcomes(backend, &without_dest).await, [Some(Errno::ENOENT); 2]);
}

pub(crate) async fn unknown_plugins_are_refused(backend: &mut impl Ipvs) {
    let unknown = Scheduler::new("nosuch").unwrap();
    let engine = Persistence {
        engine: Some(Engine::new("nosuch").unwrap()),
        ..persistence(60, Granularity::host(Family::V4))
    };
    let service = Service::new(web(), Scheduler::RR);
    let persistent = service.clone().with_persistence(engine).unwrap();
    let ops = [
        Op::AddService(Service::new(web(), unknown.clone())),
        Op::AddService(persistent.clone()),
        Op::AddService(service.clone()),
        Op::EditService(Service::new(web(), unknown)),
        Op::EditService(persistent),
    ];
    let missing = Some(Errno::ENOENT);
    assert_eq!(outcomes(backend, &ops).await, [missing, missing, None, missing, missing]);
    assert_eq!(backend.dump().await.unwrap(), Table::from_iter([Entry::new(service)]));
}

/// 300 changes, which is more than two batches; every third refused.
pub(crate) async fn a_batch_goes_on_after_errors(backend: &mut impl Ipvs) {
    succeed(backend, &[Op::AddService(Service::new(web(), Scheduler::RR))]).await;
    let dest = |n: u16| server("198.51.100.1", n, Forward::Masq);
    let ops: Vec<_> = (0..300u16)
        .map(|n| match n % 3 {
            0 => Op::AddService(Service::new(web(), Scheduler::RR)),
            1 => Op::AddDest(web(), dest(n)),
            _ => Op::EditDest(web(), dest(n - 1).with_weight(Weight::from(n))),
        })
        .collect();
    let expected = (0..300).map(|n| (n % 3 == 0).then_some(Errno::EEXIST));
    assert!(outcomes(backend, &ops).await.into_iter().eq(expected));
    let dump = backend.dump().await.unwrap();
    let dests = dump.get(&web()).unwrap().dests();
    assert!(
        dests
            .values()
            .map(|dest| (dest.key.port, dest.weight.get()))
            .eq((0..100).map(|n| (3 * n + 1, 3 * u32::from(n) + 2)))
    );
}

pub(crate) async fn deleting_a_service_deletes_its_servers(backend: &mut impl Ipvs) {
    let dest = server("198.51.100.1", 80, Forward::Masq);
    let entry = Entry::with_dests(Service::new(web(), Scheduler::RR), [dest]);
    holds(backend, &Table::from_iter([entry])).await;
    let again = [Op::DelService(web()), Op::AddService(Service::new(web(), Scheduler::RR))];
    succeed(backend, &again).await;
    assert_eq!(backend.dump().await.unwrap().dest_count(), 0);
}

pub(crate) async fn timeouts_are_set_one_by_one(backend: &mut impl Ipvs) {
    let before = backend.timeouts().await.unwrap();
    assert!(before.tcp > 0 && before.tcp_fin > 0 && before.udp > 0, "{before:?}");
    let tcp = Timeouts { tcp: 1234, ..Timeouts::default() };
    backend.set_timeouts(&tcp).await.unwrap();
    assert_eq!(backend.timeouts().await.unwrap(), Timeouts { tcp: 1234, ..before });
    let rest = Timeouts { tcp: 0, tcp_fin: 56, udp: 78 };
    backend.set_timeouts(&rest).await.unwrap();
    assert_eq!(backend.timeouts().await.unwrap(), Timeouts { tcp: 1234, tcp_fin: 56, udp: 78 });
    backend.set_timeouts(&before).await.unwrap();
    assert_eq!(backend.timeouts().await.unwrap(), before);
}

pub(crate) async fn sync_daemons_start_and_stop(backend: &mut impl Ipvs) {
    let interface = IfName::new(INTERFACE).unwrap();
    let master = Daemon {
        max_len: NonZeroU16::new(1400),
        group: Some("224.0.0.90".parse().unwrap()),
        port: NonZeroU16::new(8900),
        ttl: NonZeroU8::new(3),
        ..Daemon::new(DaemonRole::Master, interface.clone(), 5)
    };
    let backup = Daemon { role: DaemonRole::Backup, ..master.clone() };
    let nowhere = Daemon::new(DaemonRole::Master, IfName::new("nosuchif").unwrap(), 5);
    let errno = |result: Result<(), ipvs::IpvsError>| result.unwrap_err().errno();
    assert_eq!(errno(backend.start_daemon(&nowhere).await), Some(Errno::ENODEV));
    backend.start_daemon(&master).await.unwrap();
    assert_eq!(errno(backend.start_daemon(&master).await), Some(Errno::EEXIST));
    assert_eq!(backend.daemons().await.unwrap(), [master]);
    backend.start_daemon(&backup).await.unwrap();
    assert_eq!(backend.daemons().await.unwrap().len(), 2);
    backend.stop_daemon(DaemonRole::Master).await.unwrap();
    assert_eq!(backend.daemons().await.unwrap(), [backup]);
    backend.stop_daemon(DaemonRole::Backup).await.unwrap();
    assert_eq!(errno(backend.stop_daemon(DaemonRole::Backup).await), Some(Errno::ESRCH));
    assert_eq!(backend.daemons().await.unwrap(), []);
}

pub(crate) async fn no_sync_with_mixed_families(backend: &mut impl Ipvs) {
    let mixed = server("2001:db8:1::1", 80, Forward::IPIP);
    let ops = [Op::AddService(Service::new(web(), Scheduler::RR)), Op::AddDest(web(), mixed)];
    succeed(backend, &ops).await;
    let daemon = Daemon::new(DaemonRole::Backup, IfName::new(INTERFACE).unwrap(), 1);
    let refused = backend.start_daemon(&daemon).await.unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::EINVAL));
    succeed(backend, &[Op::DelDest(web(), mixed.key)]).await;
    backend.start_daemon(&daemon).await.unwrap();
    let results = outcomes(backend, &[Op::AddDest(web(), mixed)]).await;
    backend.stop_daemon(DaemonRole::Backup).await.unwrap();
    assert_eq!(results, [Some(Errno::EINVAL)]);
}

/// Services of all kinds, with servers of all kinds.
pub(crate) fn varied_table() -> Table {
    let gue = TunnelKind::Gue { port: NonZeroU16::new(6080).unwrap() };
    let sh = ServiceFlags::SH_FALLBACK | ServiceFlags::SH_PORT;
    let subnet = persistence(120, Granularity::Mask([255, 255, 255, 0].into()));
    let prefix = persistence(300, Granularity::Prefix(PrefixLen::new(64).unwrap()));
    let sip = Persistence { engine: Some(Engine::SIP), ..persistence(60, Granularity::host(Family::V4)) };
    let tunnel = |kind, checksum| Forward::Tunnel(Tunnel { kind, checksum });
    let v4 = [
        server("198.51.100.1", 8080, Forward::Masq).with_weight(weight(3)).with_limits(limits(100, 50)),
        server("198.51.100.2", 80, Forward::Route),
        server("198.51.100.3", 80, tunnel(TunnelKind::Ipip, Checksum::None)),
        server("198.51.100.4", 80, tunnel(gue, Checksum::Csum)),
        server("198.51.100.5", 80, tunnel(gue, Checksum::Remcsum)).with_limits(limits(9, 0)),
        server("198.51.100.6", 80, tunnel(TunnelKind::Gre, Checksum::None)).with_weight(Weight::ZERO),
        server("2001:db8:1::7", 80, tunnel(gue, Checksum::None)),
    ];
    let v6 = [server("2001:db8:1::1", 53, Forward::Masq), server("2001:db8:1::2", 53, Forward::Route)];
    let service = Service::new;
    Table::from_iter([
        Entry::with_dests(service(web(), Scheduler::WRR).with_persistence(subnet).unwrap(), v4),
        Entry::with_dests(
            service(tuple(Protocol::Udp, "2001:db8::1", 53), Scheduler::RR)
                .with_persistence(prefix)
                .unwrap()
                .with_flags(ServiceFlags::ONE_PACKET),
            v6,
        ),
        Entry::with_dests(
            service(fwmark(7, Family::V4), Scheduler::SH).with_flags(sh).persistent(60u16.into()),
            [server("198.51.100.1", 0, Forward::Route)],
        ),
        Entry::new(service(fwmark(8, Family::V6), Scheduler::MH).with_flags(ServiceFlags::MH_FALLBACK)),
        Entry::new(
            service(tuple(Protocol::Sctp, "192.0.2.4", 9), Scheduler::LBLCR)
                .with_flags(ServiceFlags::SCHED_2),
        ),
        Entry::new(
            service(tuple(Protocol::Udp, "192.0.2.5", 5060), Scheduler::RR)
                .with_persistence(sip)
                .unwrap()
                .with_flags(ServiceFlags::ONE_PACKET | ServiceFlags::SCHED_1),
        ),
    ])
}

pub(crate) async fn a_plan_for_a_varied_table_is_carried_out(backend: &mut impl Ipvs) {
    let first = Table::from_iter([Entry::with_dests(
        Service::new(web(), Scheduler::RR),
        [server("198.51.100.1", 8080, Forward::Route), server("198.51.100.99", 80, Forward::Masq)],
    )]);
    holds(backend, &first).await;
    let desired = varied_table();
    let ops = plan(&desired, &backend.dump().await.unwrap());
    succeed(backend, &ops).await;
    assert_eq!(backend.dump().await.unwrap(), desired);
    succeed(backend, &plan(&Table::new(), &desired)).await;
    assert!(backend.dump().await.unwrap().is_empty());
}
