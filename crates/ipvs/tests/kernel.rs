//! The client against a real kernel: the contract, and what only a kernel can show.
//!
//! Every test needs root and a kernel with ip_vs, and empties its table: `cargo xtask test` runs them in a guest, with
//! `--ignored --test-threads=1`.

#[allow(dead_code, reason = "each test binary uses a part")]
mod contract;
mod save;
#[allow(dead_code, reason = "each test binary uses a part")]
mod strategies;

use std::collections::BTreeSet;
use std::future::Future;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use contract::{INTERFACE, server, tuple, varied_table, web};
use ipvs::client::{AsyncSocket, NETLINK_GENERIC, TokioSocket};
use ipvs::model::Model;
use ipvs::{
    Client, Daemon, DaemonRole, Entry, Errno, Forward, IfName, Op, Protocol, Scheduler, Service, ServiceKey,
    Table, Version, Weight, plan, plan_owned,
};
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use save::Thresholds;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A client with nothing in the kernel's table and no daemon running.
async fn fresh() -> Client {
    let mut client = Client::open().await.unwrap();
    clean(&mut client).await;
    client
}

async fn clean(client: &mut Client) {
    client.flush().await.unwrap();
    for daemon in client.daemons().await.unwrap() {
        client.stop_daemon(daemon.role).await.unwrap();
    }
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An interface that goes when the test ends, however it ends.
struct Dummy(&'static str);

impl Dummy {
    fn new(name: &'static str, address: &str) -> Self {
        let _ = Command::new("ip").args(["link", "del", name]).output();
        run("ip", &["link", "add", name, "type", "dummy"]);
        let dummy = Self(name);
        run("ip", &["addr", "add", address, "dev", name]);
        run("ip", &["link", "set", name, "up"]);
        dummy
    }
}

impl Drop for Dummy {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", self.0]).output();
    }
}

macro_rules! cases {
    ($($case:ident)*) => {$(
        #[test]
        #[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
        fn $case() {
            let _interface = Dummy::new(INTERFACE, "10.99.99.1/24");
            block_on(async {
                let mut client = fresh().await;
                contract::$case(&mut client).await;
                assert_eq!(client.undecodable().count, 0);
                clean(&mut client).await;
            });
        }
    )*};
}

contract::for_each_case!(cases);

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn the_model_refuses_what_the_kernel_refuses() {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let changes = vec(strategies::op(), 1..60);
    runner
        .run(&changes, |ops| {
            block_on(async {
                let mut client = fresh().await;
                let mut model = Model::new();
                for (op, result) in ops.iter().zip(client.apply(&ops).await) {
                    let kernel = result.map_err(|e| e.errno().unwrap_or_else(|| panic!("{e}")));
                    assert_eq!(kernel, model.apply_one(op), "{op:?}");
                }
                assert_eq!(&client.dump().await.unwrap(), model.table());
            });
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn plans_lead_the_kernel_from_any_table_to_any_other() {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&(strategies::table(), strategies::table()), |(from, to)| {
            block_on(async {
                let mut client = fresh().await;
                contract::holds(&mut client, &from).await;
                for result in client.apply(&plan(&to, &from)).await {
                    result.unwrap();
                }
                let actual = client.dump().await.unwrap();
                assert_eq!(actual, to);
                assert_eq!(plan(&to, &actual), []);
            });
            Ok(())
        })
        .unwrap();
}

fn sorted(lines: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    lines.into_iter().collect()
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn ipvsadm_sees_what_we_see() {
    block_on(async {
        let mut client = fresh().await;
        contract::holds(&mut client, &varied_table()).await;
        let theirs = run("ipvsadm", &["-Sn"]);
        let ours = save::lines(&client.dump().await.unwrap(), Thresholds::LeftOut);
        assert_eq!(sorted(theirs.lines().map(|line| line.trim().to_owned())), sorted(ours));
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn we_see_what_ipvsadm_makes() {
    block_on(async {
        let mut client = fresh().await;
        for line in save::lines(&varied_table(), Thresholds::Written) {
            run("ipvsadm", &line.split(' ').collect::<Vec<_>>());
        }
        assert_eq!(client.dump().await.unwrap(), varied_table());
        run("ipvsadm", &["-C"]);
        assert!(client.dump().await.unwrap().is_empty());
    });
}

/// 2,000 services of 4 servers each.
fn large_table() -> Table {
    (0..2000u16)
        .map(|n| {
            let key = tuple(Protocol::Tcp, &format!("10.{}.{}.1", n / 200, n % 200), 80);
            let dests = (1..=4u16).map(|d| {
                server(&format!("172.16.{}.{d}", n % 250), 80, Forward::Route)
                    .with_weight(Weight::from(n % 7))
            });
            Entry::with_dests(Service::new(key, Scheduler::WLC), dests)
        })
        .collect()
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn ten_thousand_objects_are_loaded_edited_and_removed() {
    block_on(async {
        let mut client = fresh().await;
        let table = large_table();
        assert_eq!((table.len(), table.dest_count()), (2000, 8000));
        let ops = plan(&table, &Table::new());
        assert_eq!(ops.len(), 10_000);
        let results = client.apply(&ops).await;
        assert_eq!(results.len(), 10_000);
        assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|r| r.is_err()));
        assert_eq!(client.dump().await.unwrap(), table);

        // One weight of each service, and one service in ten goes.
        let mut desired = table.clone();
        for (n, entry) in table.iter().enumerate() {
            let dest = *entry.dests().values().next().unwrap();
            desired.get_mut(entry.key()).unwrap().insert(dest.with_weight(Weight::new(100).unwrap()));
            if n % 10 == 0 {
                desired.remove(entry.key());
            }
        }
        let ops = plan(&desired, &table);
        assert_eq!(ops.len(), 1800 + 200);
        assert!(client.apply(&ops).await.iter().all(Result::is_ok));
        assert_eq!(client.dump().await.unwrap(), desired);

        let ops = plan(&Table::new(), &desired);
        assert_eq!(ops.len(), 1800);
        assert!(client.apply(&ops).await.iter().all(Result::is_ok));
        assert!(client.dump().await.unwrap().is_empty());
        // All of it again: every single one is refused, and counted.
        let refused = client.apply(&ops).await;
        assert_eq!(refused.len(), 1800);
        assert!(refused.iter().all(|r| r.as_ref().unwrap_err().errno() == Some(Errno::ESRCH)));
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn strangers_stay_in_the_kernel() {
    block_on(async {
        let mut client = fresh().await;
        run("ipvsadm", &["-A", "-t", "203.0.113.1:25", "-s", "lc"]);
        run("ipvsadm", &["-a", "-t", "203.0.113.1:25", "-r", "203.0.113.2:25", "-m"]);
        let stranger = client.dump().await.unwrap();
        let desired = varied_table();
        let owned: BTreeSet<ServiceKey> = desired.keys().copied().collect();
        for desired in [&desired, &Table::new()] {
            let ops = plan_owned(desired, &client.dump().await.unwrap(), &owned);
            assert!(client.apply(&ops).await.iter().all(Result::is_ok));
            let expected = desired.iter().chain(stranger.iter()).cloned().collect();
            assert_eq!(client.dump().await.unwrap(), expected);
        }
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn version_and_table_size() {
    block_on(async {
        let info = fresh().await.info().await.unwrap();
        assert_eq!(info.version, Version { major: 1, minor: 2, patch: 1 });
        let size = info.conn_table_size;
        assert!(size.is_power_of_two() && size >= 256, "{size}");
    });
}

/// Waits for something the kernel does in its own time.
async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn traffic_is_counted() {
    let _interface = Dummy::new("ipvstest1", "10.99.98.1/24");
    run("ip", &["addr", "add", "10.99.98.2/24", "dev", "ipvstest1"]);
    let real = UdpSocket::bind("10.99.98.2:0").unwrap();
    real.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = real.local_addr().unwrap().port();
    let virtual_service = tuple(Protocol::Udp, "10.99.98.1", 5353);
    block_on(async {
        let mut client = fresh().await;
        let dest = server("10.99.98.2", port, Forward::Masq);
        let entry = Entry::with_dests(Service::new(virtual_service, Scheduler::RR), [dest]);
        contract::holds(&mut client, &Table::from_iter([entry])).await;
        let user = UdpSocket::bind("10.99.98.1:0").unwrap();
        for _ in 0..3 {
            user.send_to(&[0; 100], "10.99.98.1:5353").unwrap();
            let (length, _) = real.recv_from(&mut [0; 200]).unwrap();
            assert_eq!(length, 100);
        }
        // Kernels up to 6.1 add up their counters every two seconds.
        let counted = async || client.dump_services().await.unwrap()[0].1.packets_in >= 3;
        eventually("three packets counted", counted).await;
        let entries = client.dump_status().await.unwrap();
        let entry = &entries[&virtual_service];
        let (_, status) = entry.dests[&dest.key];
        assert_eq!((entry.stats.conns, entry.stats.packets_in), (1, 3), "{entry:?}");
        // 100 bytes, 8 of UDP header, 20 of IP header.
        assert_eq!((entry.stats.bytes_in, entry.stats.packets_out), (3 * 128, 0));
        assert_eq!((status.active, status.inactive, status.persistent), (0, 1, 0));
        assert_eq!(status.stats.bytes_in, 3 * 128);
        client.zero().await.unwrap();
        let zeroed = client.dump_services().await.unwrap();
        assert_eq!((zeroed[0].1.conns, zeroed[0].1.bytes_in), (0, 0));
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn an_edit_keeps_the_connections_of_the_server() {
    let _interface = Dummy::new("ipvstest1", "10.99.98.1/24");
    run("ip", &["addr", "add", "10.99.98.2/24", "dev", "ipvstest1"]);
    let real = UdpSocket::bind("10.99.98.2:0").unwrap();
    let key = tuple(Protocol::Udp, "10.99.98.1", 5353);
    let old = server("10.99.98.2", real.local_addr().unwrap().port(), Forward::Masq);
    let table = |service, dest| Table::from_iter([Entry::with_dests(service, [dest])]);
    block_on(async {
        let mut client = fresh().await;
        let from = table(Service::new(key, Scheduler::RR), old);
        contract::holds(&mut client, &from).await;
        let user = UdpSocket::bind("10.99.98.1:0").unwrap();
        user.send_to(b"x", "10.99.98.1:5353").unwrap();
        let to =
            table(Service::new(key, Scheduler::WLC).persistent(60u16.into()), old.with_weight(Weight::ZERO));
        assert!(client.apply(&plan(&to, &from)).await.iter().all(Result::is_ok));
        let dests = client.dump_dests(&key).await.unwrap();
        assert_eq!(
            dests.iter().map(|(dest, status)| (dest.weight, status.inactive)).collect::<Vec<_>>(),
            [(Weight::ZERO, 1)]
        );
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn a_daemon_reports_what_the_kernel_chose() {
    let _interface = Dummy::new(INTERFACE, "10.99.99.1/24");
    block_on(async {
        let mut client = fresh().await;
        let interface = IfName::new(INTERFACE).unwrap();
        client.start_daemon(&Daemon::new(DaemonRole::Backup, interface.clone(), 255)).await.unwrap();
        let daemons = client.daemons().await.unwrap();
        client.stop_daemon(DaemonRole::Backup).await.unwrap();
        let [daemon] = &daemons[..] else { panic!("{daemons:?}") };
        assert_eq!((daemon.role, &daemon.interface, daemon.sync_id), (DaemonRole::Backup, &interface, 255));
        assert_eq!(daemon.group, Some("224.0.0.81".parse().unwrap()));
        assert_eq!((daemon.port.unwrap().get(), daemon.ttl.unwrap().get()), (8848, 1));
        assert!(daemon.max_len.is_some());
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn ipv6_sync_groups() {
    let _interface = Dummy::new(INTERFACE, "2001:db8:99::1/64");
    block_on(async {
        let mut client = fresh().await;
        let group = Some("ff02::81".parse().unwrap());
        let daemon = Daemon { group, ..Daemon::new(DaemonRole::Backup, IfName::new(INTERFACE).unwrap(), 6) };
        client.start_daemon(&daemon).await.unwrap();
        let daemons = client.daemons().await.unwrap();
        client.stop_daemon(DaemonRole::Backup).await.unwrap();
        assert_eq!(daemons.iter().map(|d| d.group).collect::<Vec<_>>(), [group]);
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn an_exchange_given_up_half_way_does_not_disturb_the_next() {
    block_on(async {
        let mut client = fresh().await;
        contract::holds(&mut client, &varied_table()).await;
        for _ in 0..20 {
            tokio::select! {
                biased;
                _ = client.dump() => panic!("a dump cannot be done at once"),
                () = tokio::task::yield_now() => {}
            }
            assert_eq!(client.dump_services().await.unwrap().len(), varied_table().len());
        }
        assert_eq!(client.dump().await.unwrap(), varied_table());
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn no_destinations_of_a_service_that_is_not_there() {
    block_on(async {
        assert_eq!(fresh().await.dump_dests(&web()).await.unwrap(), []);
    });
}

/// A network namespace that goes when the test ends.
struct Namespace(&'static str);

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", self.0]).output();
    }
}

fn socket_in(namespace: &str) -> std::io::Result<TokioSocket> {
    let path = format!("/run/netns/{namespace}");
    let runtime = tokio::runtime::Handle::current();
    let in_namespace = move || {
        nix::sched::setns(std::fs::File::open(path)?, nix::sched::CloneFlags::CLONE_NEWNET)?;
        let _guard = runtime.enter();
        TokioSocket::new(NETLINK_GENERIC)
    };
    std::thread::spawn(in_namespace).join().unwrap()
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn another_namespace_has_another_table() {
    let _ = Command::new("ip").args(["netns", "del", "ipvstest"]).output();
    run("ip", &["netns", "add", "ipvstest"]);
    let namespace = Namespace("ipvstest");
    block_on(async {
        let mut here = fresh().await;
        let mut there = Client::open_with(|| socket_in("ipvstest")).await.unwrap();
        let add = [Op::AddService(Service::new(web(), Scheduler::RR))];
        assert!(there.apply(&add).await.iter().all(Result::is_ok));
        assert!(here.dump().await.unwrap().is_empty());
        assert_eq!(there.dump().await.unwrap().len(), 1);
        let theirs = run("ip", &["netns", "exec", namespace.0, "ipvsadm", "-Sn"]);
        assert_eq!(theirs.trim(), "-A -t 192.0.2.1:80 -s rr");
    });
}
