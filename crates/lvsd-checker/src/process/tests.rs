//! The process as its supervisor sees it, with a kernel in memory and real servers on loopback.

use std::path::Path;
use std::time::Instant;

use lvsd_ipc::{Amendment, Run, ServiceChange, ServiceSnapshot};
use lvsd_model::{
    CheckTiming, Invocation, LvsConfig, MinUp, RealServer, Script, Turnover, VirtualServer, Weight,
};
use tokio::net::TcpListener;

use super::*;
use crate::testing::{Fake, check, config, key, server, service, target, timing};

const VS: &str = "10.0.0.1:80";

/// How long a test waits for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process under test, and the supervisor's end.
struct Bench {
    orders: FrameWriter<OwnedWriteHalf>,
    answers: FrameReader<OwnedReadHalf>,
    process: JoinHandle<Result<(), RunError>>,
    requests: u64,
    /// What it has told without being asked.
    events: Vec<ChildEvent>,
}

impl Bench {
    async fn new(kernel: &Fake) -> Self {
        let (near, far) = UnixStream::pair().expect("a pair");
        let process = spawn_local(serve(far, kernel.clone(), Supervisor(1)));
        let (reader, writer) = near.into_split();
        let (orders, answers) = (FrameWriter::new(writer), FrameReader::new(reader));
        let mut bench = Self { orders, answers, process, requests: 0, events: Vec::new() };
        assert_eq!(bench.answer().await, Answer::Ready);
        bench
    }

    async fn answer(&mut self) -> Answer {
        loop {
            match self.hear().await {
                Answer::Event(event) => self.events.push(event),
                answer => return answer,
            }
        }
    }

    async fn hear(&mut self) -> Answer {
        let answer = timeout(PATIENCE, self.answers.next()).await.expect("an answer in time");
        answer.expect("a whole answer").expect("the process is there")
    }

    /// The next that it tells without being asked.
    async fn event(&mut self) -> ChildEvent {
        while self.events.is_empty() {
            match self.hear().await {
                Answer::Event(event) => self.events.push(event),
                answer => panic!("nobody asked: {answer:?}"),
            }
        }
        self.events.remove(0)
    }

    async fn apply(&mut self, directory: &Path, config: LvsConfig) -> Applied {
        self.apply_plan(CheckerPlan { config, runtime_dir: directory.to_owned(), ..CheckerPlan::default() })
            .await
    }

    async fn apply_plan(&mut self, plan: CheckerPlan) -> Applied {
        let generation = Generation(7);
        self.orders.send(&Order::Apply { generation, plan: Box::new(plan) }).await.expect("sent");
        match self.answer().await {
            Answer::Applied { generation: Generation(7), outcome } => outcome,
            other => panic!("{other:?}"),
        }
    }

    async fn snapshot(&mut self) -> CheckerSnapshot {
        self.requests += 1;
        self.orders.send(&Order::Snapshot { request: self.requests }).await.expect("sent");
        match self.answer().await {
            Answer::Snapshot { request, snapshot } if request == self.requests => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for snapshots until one is as wished.
    async fn until(&mut self, wish: impl Fn(&ServiceSnapshot) -> bool) -> CheckerSnapshot {
        let begun = Instant::now();
        loop {
            let snapshot = self.snapshot().await;
            if snapshot.services.first().is_some_and(&wish) {
                return snapshot;
            }
            assert!(begun.elapsed() < PATIENCE, "{snapshot:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(mut self, manner: StopManner) {
        self.orders.send(&Order::Stop(manner)).await.expect("sent");
        assert_eq!(self.answer().await, Answer::Stopped);
        self.process.await.expect("no panic").expect("a clean end");
    }

    /// The supervisor dies.
    async fn abandon(self) {
        drop((self.orders, self.answers));
        self.process.await.expect("no panic").expect("a clean end");
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// A server on loopback that accepts connections as long as the listener is there.
async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let at = listener.local_addr().expect("bound").to_string();
    (listener, at)
}

/// A server with a TCP check every 20 ms.
fn checked(at: &str) -> RealServer {
    let every = CheckTiming { interval: Duration::from_millis(20), ..timing() };
    let kind = CheckKind::Tcp(target(crate::testing::address(at), Duration::from_secs(5)));
    let mut tcp = check(kind);
    tcp.timing = every;
    RealServer { checks: vec![tcp], ..server(at) }
}

fn one(real_servers: Vec<RealServer>) -> LvsConfig {
    config(vec![service(VS, real_servers)])
}

fn dests(kernel: &Fake) -> usize {
    kernel.table().get(&key(VS)).map_or(0, |entry| entry.dests().len())
}

fn shell(line: &str) -> Option<Script> {
    let argv = ["/bin/sh", "-c", line].map(str::to_owned).to_vec();
    Some(Script { source: line.into(), argv, invocation: Invocation::Exec, run_as: None })
}

#[test]
fn the_supervisor_is_told_of_servers_and_quorums() {
    block_on(async {
        let (kernel, directory, (alive, at)) = (Fake::default(), directory(), listener().await);
        let mut bench = Bench::new(&kernel).await;
        assert_eq!(bench.apply(directory.path(), one(vec![checked(&at)])).await, Applied::Done);
        drop(alive);
        let ChildEvent::Server { service, server, up: false, cause: Some(cause) } = bench.event().await
        else {
            panic!("the server is down")
        };
        assert_eq!((service.as_str(), &server), (VS, &at));
        // A connection that waits in the listener's queue is reset.
        assert!(["refused", "reset"].contains(&cause.as_str()), "{cause}");
        let quorum = |met, alive| ChildEvent::Quorum { service: VS.into(), met, alive, quorum: 1 };
        assert_eq!(bench.event().await, quorum(false, 0));
        let _alive = TcpListener::bind(&at).await.expect("the port is free");
        assert_eq!(bench.event().await, ChildEvent::Server { service, server, up: true, cause: None });
        assert_eq!(bench.event().await, quorum(true, 1));
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_server_that_dies_leaves_and_one_that_returns_rejoins() {
    block_on(async {
        let (kernel, directory, (alive, at)) = (Fake::default(), directory(), listener().await);
        let mut bench = Bench::new(&kernel).await;
        assert_eq!(bench.apply(directory.path(), one(vec![checked(&at)])).await, Applied::Done);
        assert_eq!(dests(&kernel), 1, "filled before it is reported");
        bench.until(|service| service.real_servers[0].checks[0].ok == Some(true)).await;
        drop(alive);
        let down = bench.until(|service| !service.real_servers[0].in_table).await;
        let real = &down.services[0].real_servers[0];
        assert!(!real.up && real.effective_weight == 0 && real.configured_weight == 1);
        assert_eq!(real.checks[0].kind, "TCP_CHECK");
        assert_eq!(real.checks[0].last_failure.as_deref(), Some("refused"));
        assert!(real.checks[0].failures[0].0 == "refused" && real.checks[0].last_duration.is_some());
        assert!(!down.services[0].quorum_met && down.services[0].weight_alive == 0);
        assert_eq!(dests(&kernel), 0);
        let _again = TcpListener::bind(&at).await.expect("the same port");
        bench.until(|service| service.real_servers[0].in_table).await;
        assert_eq!(dests(&kernel), 1);
        bench.stop(StopManner::Release).await;
        assert!(kernel.table().is_empty());
    });
}

#[test]
fn when_all_fail_at_once_they_keep_the_traffic_and_it_is_told() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let (alive, places): (Vec<_>, Vec<_>) = [listener().await, listener().await].into_iter().unzip();
        let turnover = Turnover { min_up: Some(MinUp::Percent(50)), ..Turnover::default() };
        let servers = places.iter().map(|at| checked(at)).collect();
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), config(vec![VirtualServer { turnover, ..service(VS, servers) }])).await;
        let found = |service: &ServiceSnapshot| {
            service.real_servers.iter().all(|real| real.checks[0].ok == Some(true))
        };
        bench.until(found).await;
        drop(alive);
        let open = bench.until(|service| service.real_servers.iter().all(|real| !real.up)).await;
        let service = &open.services[0];
        assert!(
            service.fails_open && service.quorum_met && service.real_servers.iter().all(|real| real.kept)
        );
        assert_eq!(dests(&kernel), 2);
        let told = bench.events.iter().any(|event| {
            matches!(event, ChildEvent::Service { change: ServiceChange::FailsOpen { up: 0, needed: 1 }, .. })
        });
        assert!(told, "{:?}", bench.events);
        let _again = TcpListener::bind(&places[0]).await.expect("the same port");
        bench.until(|service| !service.fails_open).await;
        assert_eq!(dests(&kernel), 1, "the other one is believed to be down now");
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_server_that_returns_grows() {
    block_on(async {
        let (kernel, directory, (alive, at)) = (Fake::default(), directory(), listener().await);
        let turnover = Turnover { slow_start: Some(Duration::from_millis(500)), ..Turnover::default() };
        let heavy = RealServer { weight: Weight::new(100).expect("small"), ..checked(&at) };
        let mut bench = Bench::new(&kernel).await;
        bench
            .apply(directory.path(), config(vec![VirtualServer { turnover, ..service(VS, vec![heavy]) }]))
            .await;
        bench.until(|service| service.real_servers[0].checks[0].ok == Some(true)).await;
        drop(alive);
        bench.until(|service| !service.real_servers[0].in_table).await;
        kernel.take_ops();
        let _again = TcpListener::bind(&at).await.expect("the same port");
        bench.until(|service| service.real_servers[0].effective_weight == 100).await;
        let ops = kernel.take_ops();
        assert!(ops.first().is_some_and(|op| op.starts_with("add")), "{ops:?}");
        // A machine that is busy leaves steps out.
        assert!(ops.len() > 2 && ops.len() <= 10, "{ops:?}");
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_removed_server_without_connections_is_gone_soon() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let turnover = Turnover { drain_timeout: Some(Duration::from_secs(600)), ..Turnover::default() };
        let with =
            |servers: Vec<RealServer>| config(vec![VirtualServer { turnover, ..service(VS, servers) }]);
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), with(vec![server("192.0.2.1:80"), server("192.0.2.2:80")])).await;
        kernel.take_ops();
        bench.apply(directory.path(), with(vec![server("192.0.2.2:80")])).await;
        assert_eq!(kernel.take_ops(), ["edit 192.0.2.1:80 Masq weight 0 of tcp 10.0.0.1:80"]);
        bench.until(|service| service.real_servers.len() == 1).await;
        assert_eq!(dests(&kernel), 1);
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn the_table_stays_when_it_should() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), one(vec![server("192.0.2.1:80")])).await;
        bench.stop(StopManner::Keep).await;
        assert_eq!(dests(&kernel), 1);
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), one(vec![server("192.0.2.1:80")])).await;
        bench.abandon().await;
        assert_eq!(dests(&kernel), 1);
        Bench::new(&kernel).await.stop(StopManner::Release).await;
        assert_eq!(dests(&kernel), 1, "without a plan nothing is known, and nothing is touched");
    });
}

#[test]
fn a_successor_goes_on_without_a_change() {
    block_on(async {
        let (kernel, directory, (_alive, at)) = (Fake::default(), directory(), listener().await);
        let dead = listener().await.1;
        let both = || one(vec![checked(&at), checked(&dead)]);
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), both()).await;
        bench.until(|service| !service.real_servers[1].in_table).await;
        bench.abandon().await;
        kernel.take_ops();
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), both()).await;
        let checks_have_run =
            |service: &ServiceSnapshot| service.real_servers.iter().all(|real| real.checks[0].ok.is_some());
        bench.until(checks_have_run).await;
        assert_eq!(kernel.take_ops(), Vec::<String>::new());
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_reload_keeps_what_the_checks_have_found() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let dead = listener().await.1;
        let with = |weight| {
            let alive = RealServer {
                weight: lvsd_model::Weight::new(weight).expect("small"),
                ..server("192.0.2.1:80")
            };
            one(vec![alive, checked(&dead)])
        };
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), with(1)).await;
        bench.until(|service| !service.real_servers[1].in_table).await;
        kernel.take_ops();
        assert_eq!(bench.apply(directory.path(), with(5)).await, Applied::Done);
        assert_eq!(kernel.take_ops(), ["edit 192.0.2.1:80 Masq weight 5 of tcp 10.0.0.1:80"]);
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_plan_that_amends_the_one_before_brings_only_what_is_new() {
    block_on(async {
        let directory = directory();
        let kernel = Fake::default();
        let other = |at: &str| service(at, vec![server("192.0.2.9:80")]);
        let old = vec![service(VS, vec![server("192.0.2.1:80")]), other("10.0.0.2:80"), other("10.0.0.3:80")];
        let mut new = old.clone();
        new.remove(2);
        new[0].real_servers = vec![server("192.0.2.1:80"), server("192.0.2.2:80")];
        let amends = Amendment::between(Generation(7), &old, &new);
        assert_eq!(amends.runs, [Run::New { count: 1 }, Run::Kept { first: 1, count: 1 }]);
        let brought = config(amends.brought(&new).cloned().collect());

        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), config(old)).await;
        kernel.take_ops();
        let plan = CheckerPlan { config: brought, amends: Some(amends), ..CheckerPlan::default() };
        assert_eq!(bench.apply_plan(plan).await, Applied::Done);
        let ops = kernel.take_ops();
        assert_eq!(ops.len(), 2, "{ops:?}");
        let names: Vec<_> = bench.snapshot().await.services.into_iter().map(|service| service.name).collect();
        assert_eq!(names, new.into_iter().map(|service| service.name).collect::<Vec<_>>());
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_plan_that_amends_another_ends_the_process_and_leaves_the_table() {
    block_on(async {
        let directory = directory();
        let kernel = Fake::default();
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), one(vec![server("192.0.2.1:80")])).await;
        kernel.take_ops();
        let amends = Amendment { base: Generation(6), runs: vec![Run::Kept { first: 0, count: 1 }] };
        let plan = Box::new(CheckerPlan { amends: Some(amends), ..CheckerPlan::default() });
        bench.orders.send(&Order::Apply { generation: Generation(8), plan }).await.expect("sent");
        let ended = timeout(PATIENCE, bench.process).await.expect("it ends").expect("no panic");
        assert!(ended.is_err());
        assert!(kernel.take_ops().is_empty());
    });
}

#[test]
fn without_ipvs_checks_go_on_and_the_supervisor_is_told() {
    block_on(async {
        let (kernel, directory, (_alive, at)) = (Fake::default(), directory(), listener().await);
        kernel.0.borrow_mut().absent = true;
        let mut bench = Bench::new(&kernel).await;
        match bench.apply(directory.path(), one(vec![checked(&at)])).await {
            Applied::Degraded(complaints) => assert!(complaints[0].contains("no IPVS"), "{complaints:?}"),
            Applied::Done => panic!("there is no IPVS"),
        }
        let snapshot = bench.until(|service| service.real_servers[0].checks[0].ok == Some(true)).await;
        assert!(!snapshot.ipvs.available && snapshot.ipvs.error.is_some());
        assert!(!snapshot.services[0].real_servers[0].in_table);
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_check_whose_program_is_missing_is_named() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let argv = vec!["/no/such/check".to_owned()];
        let script =
            Script { source: "/no/such/check".into(), argv, invocation: Invocation::Exec, run_as: None };
        let misc = lvsd_model::MiscCheck { script, timeout: Duration::from_secs(1), dynamic: false };
        let real = |at| RealServer { checks: vec![check(CheckKind::Misc(misc.clone()))], ..server(at) };
        let mut bench = Bench::new(&kernel).await;
        match bench.apply(directory.path(), one(vec![real("192.0.2.1:80"), real("192.0.2.2:80")])).await {
            Applied::Degraded(complaints) => assert_eq!(complaints.len(), 1, "{complaints:?}"),
            Applied::Done => panic!("there is no such program"),
        }
        let ran = |service: &ServiceSnapshot| service.real_servers[0].checks[0].last_failure.is_some();
        let snapshot = bench.until(ran).await;
        let found = &snapshot.services[0].real_servers[0];
        assert!(found.up, "it says nothing about the server");
        assert!(found.checks[0].last_failure.as_deref().is_some_and(|text| text.starts_with("not_run: ")));
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn scripts_run_on_changes_and_with_omega_at_the_end() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let (alive, at) = listener().await;
        let log = directory.path().join("log");
        let say = |word: &str| shell(&format!("echo {word} >> {}", log.display()));
        let real = RealServer {
            notify_down: say("down").map(Box::new),
            notify_up: say("up").map(Box::new),
            ..checked(&at)
        };
        let omega = VirtualServer {
            omega: true,
            quorum_up: say("quorum_up"),
            quorum_down: say("quorum_down"),
            ..service(VS, vec![real])
        };
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), config(vec![omega])).await;
        bench.until(|service| service.real_servers[0].checks[0].ok == Some(true)).await;
        drop(alive);
        bench.until(|service| !service.real_servers[0].up).await;
        let _again = TcpListener::bind(&at).await.expect("the same port");
        bench.until(|service| service.real_servers[0].up).await;
        bench.stop(StopManner::Release).await;
        let text = std::fs::read_to_string(&log).expect("written");
        let quorum: Vec<_> = text.lines().filter(|line| line.starts_with("quorum")).collect();
        assert_eq!(quorum, ["quorum_up", "quorum_down", "quorum_up", "quorum_down"]);
        let server: Vec<_> = text.lines().filter(|line| !line.starts_with("quorum")).collect();
        assert_eq!(server, ["down", "up", "down"]);
    });
}

#[test]
fn rubbish_from_the_supervisor_ends_the_process_and_not_the_table() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), one(vec![server("192.0.2.1:80")])).await;
        bench.orders.send(&"what is this?").await.expect("sent");
        let error = bench.process.await.expect("no panic").expect_err("not an order");
        assert!(matches!(error, RunError::Supervisor(_)), "{error}");
        assert_eq!(dests(&kernel), 1);
    });
}

#[test]
fn counters_can_be_cleared() {
    block_on(async {
        let (kernel, directory, (_alive, at)) = (Fake::default(), directory(), listener().await);
        let mut slow = checked(&at);
        slow.checks[0].timing.interval = Duration::from_secs(600);
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), one(vec![slow])).await;
        let before = bench.until(|service| service.real_servers[0].checks[0].successes == 1).await;
        assert_eq!(before.ipvs.operations, 2);
        bench.orders.send(&Order::ClearCounters).await.expect("sent");
        let after = bench.snapshot().await;
        assert_eq!((after.ipvs.operations, after.services[0].real_servers[0].checks[0].successes), (0, 0));
        assert_eq!(after.services[0].real_servers[0].checks[0].ok, Some(true));
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn a_snapshot_of_many_services_holds_up_nothing() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut bench = Bench::new(&kernel).await;
        let many = (1..=200).map(|port| service(&format!("10.0.0.1:{port}"), vec![server("192.0.2.1:80")]));
        assert_eq!(bench.apply(directory.path(), config(many.collect())).await, Applied::Done);
        bench.orders.send(&Order::Snapshot { request: 1 }).await.expect("sent");
        bench.apply(directory.path(), one(vec![server("192.0.2.1:80")])).await;
        assert_eq!(kernel.table().len(), 1);
        assert!(matches!(bench.answer().await, Answer::Snapshot { request: 1, .. }));
        bench.stop(StopManner::Release).await;
    });
}

#[test]
fn whoever_asks_during_a_snapshot_gets_one_too() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut bench = Bench::new(&kernel).await;
        bench.apply(directory.path(), one(vec![server("192.0.2.1:80")])).await;
        for request in 1..=3 {
            bench.orders.send(&Order::Snapshot { request }).await.expect("sent");
        }
        for wanted in 1..=3 {
            let answer = bench.answer().await;
            assert!(matches!(answer, Answer::Snapshot { request, .. } if request == wanted), "{answer:?}");
        }
        bench.stop(StopManner::Release).await;
    });
}
