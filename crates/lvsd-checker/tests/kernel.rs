//! The process against a real kernel: as a process of its own, so that it can be killed.
//!
//! Every test needs root and a kernel with ip_vs, and empties its table: `cargo xtask test` runs them in a guest, with
//! `--ignored --test-threads=1`.
#![expect(clippy::print_stdout, reason = "times, for whoever looks at them")]

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use ipvs::{Client, Entry, Forward, Op, Scheduler, Service, ServiceKey, Table, Weight};
use lvsd_ipc::{
    Applied, CheckerPlan, CheckerSnapshot, FrameReader, FrameWriter, FromChild, Generation, StopManner,
    ToChild,
};
use lvsd_model::{
    Check, CheckKind, CheckTiming, Endpoint, LvsConfig, Protocol, RealServer, SchedulerFlags, Target,
    Turnover, VirtualServer,
};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Tells a copy of this program that it is to be the checker: in [`PLACE`], for it has no other entrance than its tests.
const ROLE: &str = "LVSD_TEST_CHECKER";
const PLACE: &str = "a_killed_checker_is_followed_without_a_change";

/// How long a test waits for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(60);

const FOREIGN: &str = "10.9.9.9:99";

/// Is the checker process to its end, when that is what this process was started for.
fn was_the_checker() -> bool {
    let wanted = std::env::var_os(ROLE).is_some();
    if wanted {
        let socket = lvsd_net::adopt_stream().expect("the socket that was handed over");
        lvsd_checker::run(socket).expect("a clean end");
    }
    wanted
}

/// A checker process, with the test as its supervisor.
struct Checker {
    child: Child,
    orders: FrameWriter<OwnedWriteHalf>,
    answers: FrameReader<OwnedReadHalf>,
    generation: u64,
}

impl Checker {
    async fn start() -> Self {
        let (near, far) = StdStream::pair().expect("a pair");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--ignored", "--exact", PLACE, "--nocapture"]).env(ROLE, "yes");
        // The harness of the copy tells of a test, which nobody shall count.
        command.stdout(std::process::Stdio::null());
        lvsd_net::child::hand_over(&mut command, far.into());
        let child = command.spawn().expect("it starts");
        near.set_nonblocking(true).expect("a socket option");
        let (reader, writer) = UnixStream::from_std(near).expect("a socket").into_split();
        let (orders, answers) = (FrameWriter::new(writer), FrameReader::new(reader));
        let mut checker = Self { child, orders, answers, generation: 0 };
        assert_eq!(checker.answer().await, FromChild::Ready);
        checker
    }

    /// The next message that is no news.
    async fn answer(&mut self) -> FromChild<CheckerSnapshot> {
        loop {
            let answer = timeout(PATIENCE, self.answers.next()).await.expect("an answer in time");
            match answer.expect("a whole answer").expect("the process is there") {
                FromChild::Event(_) => {}
                answer => return answer,
            }
        }
    }

    async fn send(&mut self, order: ToChild<CheckerPlan>) {
        self.orders.send(&order).await.expect("the process is there");
    }

    async fn apply(&mut self, directory: &Path, services: Vec<VirtualServer>) {
        let config = LvsConfig { services, ..LvsConfig::default() };
        let plan = CheckerPlan { config, runtime_dir: directory.to_owned(), ..CheckerPlan::default() };
        self.generation += 1;
        let generation = Generation(self.generation);
        self.send(ToChild::Apply { generation, plan: Box::new(plan) }).await;
        assert_eq!(self.answer().await, FromChild::Applied { generation, outcome: Applied::Done });
    }

    async fn snapshot(&mut self) -> CheckerSnapshot {
        self.send(ToChild::Snapshot { request: 1 }).await;
        match self.answer().await {
            FromChild::Snapshot { snapshot, .. } => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    async fn stop(mut self) {
        self.send(ToChild::Stop(StopManner::Release)).await;
        assert_eq!(self.answer().await, FromChild::Stopped);
        assert!(self.child.wait().expect("waited for").success());
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("waited for");
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A client, and a table with one service of somebody else in it.
async fn fresh() -> Client {
    let mut client = Client::open().await.expect("a kernel with ip_vs");
    client.flush().await.expect("root");
    let foreign = Op::AddService(Service::new(key(FOREIGN), Scheduler::RR));
    client.apply(&[foreign]).await.into_iter().for_each(|result| result.expect("a new service"));
    client
}

fn directory() -> tempfile::TempDir {
    // Not below /tmp, which may be the host's: a journal belongs into memory.
    tempfile::Builder::new().tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address in a test")
}

fn key(at: &str) -> ServiceKey {
    let address = address(at);
    ServiceKey::Tuple { protocol: ipvs::Protocol::Tcp, addr: address.ip(), port: address.port() }
}

fn server(at: &str, weight: u32) -> RealServer {
    RealServer {
        address: address(at),
        forward: lvsd_model::Forward::Nat,
        weight: lvsd_model::Weight::new(weight).expect("small"),
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit_on_failure: false,
        alpha: false,
        mail: false,
        notify_up: None,
        notify_down: None,
        checks: Vec::new(),
    }
}

/// The same with a TCP check every 50 ms.
fn checked(server: RealServer) -> RealServer {
    let target = Target {
        address: server.address,
        bind: None,
        interface: None,
        fwmark: 0,
        timeout: Duration::from_secs(5),
    };
    let timing = CheckTiming {
        interval: Duration::from_millis(50),
        retry: 0,
        retry_delay: Duration::from_millis(50),
        warmup: Duration::ZERO,
    };
    let tcp = Check { kind: CheckKind::Tcp(target), timing, alpha: false, log_all_failures: false };
    RealServer { checks: vec![tcp], ..server }
}

fn service(at: &str, real_servers: Vec<RealServer>) -> VirtualServer {
    VirtualServer {
        name: at.to_owned(),
        endpoints: vec![Endpoint::Address(address(at))],
        protocol: Protocol::Tcp,
        scheduler: lvsd_model::Scheduler::Wlc,
        flags: SchedulerFlags::default(),
        persistence: None,
        quorum: 1,
        hysteresis: 0,
        sorry: None,
        suspend: false,
        tracked_as: None,
        turnover: Turnover::default(),
        omega: false,
        mail: false,
        quorum_up: None,
        quorum_down: None,
        real_servers,
    }
}

/// Two services with two servers each.
fn two(weight: u32) -> Vec<VirtualServer> {
    vec![
        service("10.0.0.1:80", vec![server("192.0.2.1:80", weight), server("192.0.2.2:80", 1)]),
        service("10.0.0.2:80", vec![server("192.0.2.1:80", 1), server("192.0.2.2:80", 1)]),
    ]
}

/// What the kernel should hold for these services, beside the foreign one.
fn table(services: &[VirtualServer]) -> Table {
    let entry = |service: &VirtualServer| {
        let dests = service.real_servers.iter().map(|server| {
            let key = ipvs::DestKey::new(server.address.ip(), server.address.port());
            ipvs::Dest::new(key, Forward::Masq).with_weight(Weight::new(server.weight.get()).expect("small"))
        });
        Entry::with_dests(Service::new(key(&service.name), Scheduler::WLC), dests)
    };
    let foreign = Entry::new(Service::new(key(FOREIGN), Scheduler::RR));
    services.iter().map(entry).chain([foreign]).collect()
}

async fn until(client: &mut Client, expected: &Table) -> Duration {
    let begun = Instant::now();
    loop {
        let found = client.dump().await.expect("the table");
        if found == *expected {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "expected {expected:#?}\nfound {found:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn ipvsadm(args: &[&str]) {
    let status = Command::new("ipvsadm").args(args).status().expect("ipvsadm is installed");
    assert!(status.success(), "ipvsadm {args:?}");
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn services_are_loaded_changed_in_place_and_removed() {
    block_on(async {
        let (mut client, directory) = (fresh().await, directory());
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), two(1)).await;
        assert_eq!(client.dump().await.expect("the table"), table(&two(1)));
        let before = checker.snapshot().await.ipvs;
        assert!(before.available && before.operations == 6, "{before:?}");
        checker.apply(directory.path(), two(7)).await;
        assert_eq!(client.dump().await.expect("the table"), table(&two(7)));
        let after = checker.snapshot().await.ipvs;
        assert_eq!(after.operations - before.operations, 1, "one weight is one request");
        checker.apply(directory.path(), two(7)).await;
        assert_eq!(
            checker.snapshot().await.ipvs.operations,
            after.operations,
            "nothing changed, nothing asked"
        );
        checker.stop().await;
        assert_eq!(client.dump().await.expect("the table"), table(&[]), "only ours are gone");
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn what_ipvsadm_removes_comes_back() {
    block_on(async {
        let (mut client, directory) = (fresh().await, directory());
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), two(1)).await;
        let expected: Table =
            table(&two(1)).iter().filter(|entry| *entry.key() != key(FOREIGN)).cloned().collect();
        ipvsadm(&["-C"]);
        println!("healed after -C in {:?}", until(&mut client, &expected).await);
        ipvsadm(&["-d", "-t", "10.0.0.1:80", "-r", "192.0.2.1:80"]);
        println!("healed after -d in {:?}", until(&mut client, &expected).await);
        ipvsadm(&["-e", "-t", "10.0.0.1:80", "-r", "192.0.2.1:80", "-m", "-w", "0"]);
        println!("healed after -e in {:?}", until(&mut client, &expected).await);
        ipvsadm(&["-E", "-t", "10.0.0.2:80", "-s", "rr"]);
        println!("healed after -E in {:?}", until(&mut client, &expected).await);
        assert_eq!(checker.snapshot().await.ipvs.healed, 9);
        checker.stop().await;
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn a_server_that_dies_leaves_the_table_and_returns() {
    block_on(async {
        let (mut client, directory) = (fresh().await, directory());
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let at = listener.local_addr().expect("bound").to_string();
        let with = |dead: &[&str]| {
            let all = [&at[..], "192.0.2.2:80"];
            let left = all.into_iter().filter(|at| !dead.contains(at));
            vec![service("10.0.0.1:80", left.map(|at| server(at, 1)).collect())]
        };
        let services = vec![service("10.0.0.1:80", vec![checked(server(&at, 1)), server("192.0.2.2:80", 1)])];
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), services.clone()).await;
        until(&mut client, &table(&with(&[]))).await;
        drop(listener);
        until(&mut client, &table(&with(&[&at]))).await;
        // A successor keeps it out: it is not put in on the mere hope that it is up.
        checker.kill();
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), services).await;
        assert_eq!(client.dump().await.expect("the table"), table(&with(&[&at])));
        let _again = TcpListener::bind(&at).expect("the same port");
        until(&mut client, &table(&with(&[]))).await;
        assert_eq!(checker.snapshot().await.ipvs.operations, 1);
        checker.stop().await;
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn a_killed_checker_is_followed_without_a_change() {
    if was_the_checker() {
        return;
    }
    block_on(async {
        let (mut client, directory) = (fresh().await, directory());
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), two(1)).await;
        checker.kill();
        assert_eq!(client.dump().await.expect("the table"), table(&two(1)), "the table stands");
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), two(1)).await;
        assert_eq!(checker.snapshot().await.ipvs.operations, 0);
        checker.kill();
        // Killed again, and with another configuration: what is not wanted any more goes, the foreign one stays.
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), two(1).split_off(1)).await;
        assert_eq!(client.dump().await.expect("the table"), table(&two(1)[1..]));
        checker.stop().await;
        assert_eq!(client.dump().await.expect("the table"), table(&[]));
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn a_supervisor_that_dies_leaves_the_table_standing() {
    block_on(async {
        let (mut client, directory) = (fresh().await, directory());
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), two(1)).await;
        let Checker { mut child, orders, answers, .. } = checker;
        drop((orders, answers));
        assert!(child.wait().expect("waited for").success());
        assert_eq!(client.dump().await.expect("the table"), table(&two(1)));
    });
}

/// Every scheduler, flag, forwarding method and family that the model knows reads back as it was written: a difference
/// would be healed for ever.
#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn what_is_written_reads_back_the_same() {
    use lvsd_model::{Family, Persistence, TunnelChecksum, TunnelKind};
    block_on(async {
        let (_client, directory) = (fresh().await, directory());
        let tunnel = |kind, checksum| lvsd_model::Forward::Tunnel { kind, checksum };
        let mut services = Vec::new();
        // Power of two choices is younger than the guest's kernel.
        let schedulers = lvsd_model::Scheduler::ALL
            .into_iter()
            .filter(|&scheduler| scheduler != lvsd_model::Scheduler::Twos);
        for (number, scheduler) in (1..).zip(schedulers) {
            let forward = match number % 5 {
                0 => lvsd_model::Forward::DirectRouting,
                1 => tunnel(TunnelKind::Ipip, TunnelChecksum::None),
                2 => tunnel(TunnelKind::Gue { port: 5555 }, TunnelChecksum::Full),
                3 => tunnel(TunnelKind::Gre, TunnelChecksum::None),
                _ => lvsd_model::Forward::Nat,
            };
            let real = RealServer {
                forward,
                upper_threshold: 100,
                lower_threshold: 10,
                ..server("192.0.2.1:8080", 3)
            };
            let flags = SchedulerFlags { flag1: true, flag2: number % 2 == 0, ..SchedulerFlags::default() };
            let persistence = Persistence { timeout: Duration::from_secs(50), prefix_len: 24, engine: None };
            let persistence = (number % 3 == 0).then_some(persistence);
            services.push(VirtualServer {
                scheduler,
                flags,
                persistence,
                ..service(&format!("10.0.0.{number}:80"), vec![real])
            });
        }
        let prefix = Persistence { timeout: Duration::from_secs(300), prefix_len: 64, engine: None };
        services.push(VirtualServer {
            persistence: Some(prefix),
            ..service("[2001:db8::1]:0", vec![server("[2001:db8::11]:0", 1)])
        });
        let mark = std::num::NonZeroU32::new(7).expect("not zero");
        services.push(VirtualServer {
            name: "fwmark 7".into(),
            endpoints: [Family::V4, Family::V6].map(|family| Endpoint::Fwmark { mark, family }).to_vec(),
            ..service("10.0.1.1:80", vec![])
        });
        let one_packet = SchedulerFlags { one_packet: true, ..SchedulerFlags::default() };
        services.push(VirtualServer {
            protocol: Protocol::Udp,
            flags: one_packet,
            ..service("10.0.0.1:53", vec![server("192.0.2.1:53", 0)])
        });
        let mut checker = Checker::start().await;
        checker.apply(directory.path(), services).await;
        let loaded = checker.snapshot().await.ipvs;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let later = checker.snapshot().await.ipvs;
        assert_eq!((later.operations, later.healed), (loaded.operations, 0));
        checker.stop().await;
    });
}

#[test]
#[ignore = "needs a kernel with ip_vs: cargo xtask test runs it in the guest"]
fn two_thousand_services_are_loaded_and_removed() {
    block_on(async {
        let (mut client, directory) = (fresh().await, directory());
        let many = |weight| {
            let real =
                |number: u32| server(&format!("192.0.2.{number}:80"), if number == 1 { weight } else { 1 });
            let all = (0..2000).map(|number| format!("10.1.{}.{}:80", number / 200, number % 200));
            let heavy = |at: &str| if at == "10.1.0.0:80" { weight } else { 1 };
            all.map(|at| {
                let mut reals: Vec<_> = (1..=4).map(real).collect();
                reals[0].weight = lvsd_model::Weight::new(heavy(&at)).expect("small");
                service(&at, reals)
            })
            .collect::<Vec<_>>()
        };
        let mut checker = Checker::start().await;
        let begun = Instant::now();
        checker.apply(directory.path(), many(1)).await;
        println!("loaded in {:?}", begun.elapsed());
        assert_eq!(client.dump().await.expect("the table").dest_count(), 8000);
        let loaded = checker.snapshot().await.ipvs.operations;
        let begun = Instant::now();
        checker.apply(directory.path(), many(2)).await;
        println!("one weight changed in {:?}", begun.elapsed());
        let begun = Instant::now();
        let snapshot = checker.snapshot().await;
        println!("snapshot in {:?}", begun.elapsed());
        assert_eq!((loaded, snapshot.ipvs.operations), (10_000, 10_001));
        checker.kill();
        let mut checker = Checker::start().await;
        let begun = Instant::now();
        checker.apply(directory.path(), many(2)).await;
        println!("adopted in {:?}", begun.elapsed());
        assert_eq!(checker.snapshot().await.ipvs.operations, 0);
        let begun = Instant::now();
        checker.stop().await;
        println!("stopped in {:?}", begun.elapsed());
        let left: BTreeSet<_> = client.dump().await.expect("the table").keys().copied().collect();
        assert_eq!(left, BTreeSet::from([key(FOREIGN)]));
    });
}
