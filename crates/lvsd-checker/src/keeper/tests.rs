//! The keeper against the kernel's rules in memory; `tests/kernel.rs` does the same with the kernel itself.

use ipvs::model::Model;
use ipvs::{Dest, Scheduler};
use lvsd_model::LvsConfig;

use super::*;
use crate::testing::{Fake, config, key, server, service, weighing};

/// A checker process as far as the kernel is concerned.
struct Process {
    shared: Shared,
    keeper: Keeper<Fake>,
}

impl Process {
    fn new(kernel: &Fake, supervisor: u32) -> Self {
        let journal = Journal::new(Supervisor(supervisor));
        Self { shared: Shared::new(1), keeper: Keeper::new(kernel.clone(), journal) }
    }

    /// Takes up its first plan.
    async fn start(kernel: &Fake, directory: &tempfile::TempDir, config: LvsConfig) -> Self {
        Self::start_under(1, kernel, directory, config).await
    }

    async fn start_under(
        supervisor: u32,
        kernel: &Fake,
        directory: &tempfile::TempDir,
        config: LvsConfig,
    ) -> Self {
        let mut process = Self::new(kernel, supervisor);
        let keys = config.services.iter().map(|service| key(&service.name)).collect();
        let flush = if config.flush_at_start { FlushAtStart::Yes } else { FlushAtStart::No };
        let standing = process.keeper.adopt(directory.path(), &keys, flush).await;
        process.apply(config, &standing).await;
        process
    }

    async fn apply(&mut self, config: LvsConfig, standing: &Table) {
        self.shared.health.borrow_mut().apply(self.shared.now(), config, standing);
        self.keeper.sync(&self.shared).await;
    }

    async fn reload(&mut self, config: LvsConfig) {
        self.apply(config, &Table::new()).await;
    }

    async fn round(&mut self) {
        self.keeper.verify(&self.shared).await;
    }

    fn desired(&self) -> Table {
        self.shared.health.borrow().desired_table()
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";
const FOREIGN: &str = "10.9.9.9:99";

fn two() -> LvsConfig {
    config(vec![
        service(A, vec![server("192.0.2.1:80"), server("192.0.2.2:80")]),
        service(B, vec![server("192.0.2.1:80")]),
    ])
}

fn foreign(kernel: &Fake) {
    kernel.meddle(Op::AddService(Service::new(key(FOREIGN), Scheduler::RR)));
}

#[test]
fn an_empty_kernel_is_filled_without_reading_destinations() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let process = Process::start(&kernel, &directory, two()).await;
        assert_eq!(kernel.table(), process.desired());
        assert_eq!(kernel.0.borrow().dest_reads, 0);
        assert_eq!(process.keeper.numbers().operations, 5);
        assert_eq!(process.keeper.complaints(), Vec::<String>::new());
    });
}

#[test]
fn one_weight_is_one_request() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut process = Process::start(&kernel, &directory, two()).await;
        kernel.take_ops();
        let heavier = config(vec![
            service(A, vec![weighing("192.0.2.1:80", 3), server("192.0.2.2:80")]),
            service(B, vec![server("192.0.2.1:80")]),
        ]);
        process.reload(heavier).await;
        assert_eq!(kernel.take_ops(), ["edit 192.0.2.1:80 Masq weight 3 of tcp 10.0.0.1:80"]);
        process.round().await;
        assert_eq!(kernel.take_ops(), Vec::<String>::new());
    });
}

#[test]
fn what_others_change_is_put_back() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut process = Process::start(&kernel, &directory, two()).await;
        process.round().await;
        assert_eq!(process.keeper.numbers().healed, 0);
        let dest = ipvs::DestKey::new("192.0.2.1".parse().expect("an address"), 80);
        let deeds = [
            vec![Op::DelService(key(A)), Op::DelService(key(B))],
            vec![Op::DelDest(key(A), dest)],
            vec![Op::EditDest(key(A), Dest::new(dest, ipvs::Forward::Masq).with_weight(ipvs::Weight::ZERO))],
            vec![Op::EditService(Service::new(key(A), Scheduler::LC))],
        ];
        for deed in deeds {
            let before = process.keeper.numbers().healed;
            deed.into_iter().for_each(|op| kernel.meddle(op));
            assert_ne!(kernel.table(), process.desired());
            process.round().await;
            assert_eq!(kernel.table(), process.desired());
            assert!(process.keeper.numbers().healed > before);
        }
    });
}

#[test]
fn a_server_that_somebody_adds_is_left_alone_until_it_is_configured() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut process = Process::start(&kernel, &directory, two()).await;
        let extra = ipvs::DestKey::new("192.0.2.9".parse().expect("an address"), 80);
        let heavy = Dest::new(extra, ipvs::Forward::Masq).with_weight(ipvs::Weight::from(7));
        kernel.meddle(Op::AddDest(key(B), heavy));
        let is_there =
            |kernel: &Fake| kernel.table().get(&key(B)).map(|entry| entry.dests().contains_key(&extra));
        process.round().await;
        assert_eq!((is_there(&kernel), process.keeper.numbers().healed), (Some(true), 0));
        // Nor by a change of the service, a contradiction that makes it look anew, or a new connection.
        kernel.meddle(Op::EditService(Service::new(key(B), Scheduler::LC)));
        process.round().await;
        kernel.meddle(Op::DelDest(key(B), ipvs::DestKey::new("192.0.2.1".parse().expect("an address"), 80)));
        process.round().await;
        process.keeper.noted::<()>(Err(IpvsError::NoIpvs));
        process.round().await;
        assert_eq!(is_there(&kernel), Some(true));
        // What is configured is ours, whoever put it there.
        let with = |weight| {
            let servers = vec![server("192.0.2.1:80"), weighing("192.0.2.9:80", weight)];
            config(vec![service(A, vec![server("192.0.2.1:80")]), service(B, servers)])
        };
        process.reload(with(3)).await;
        assert_eq!(kernel.table(), process.desired());
        process.reload(two()).await;
        assert_eq!(kernel.table(), process.desired());
    });
}

#[test]
fn destinations_of_many_services_are_read_in_turns() {
    block_on(async {
        let services = (0..SLICE + 50).map(|number| {
            service(&format!("10.0.{}.{}:80", number / 250, number % 250), vec![server("192.0.2.1:80")])
        });
        let (kernel, directory) = (Fake::default(), directory());
        let mut process = Process::start(&kernel, &directory, config(services.collect())).await;
        let victims: Vec<_> = kernel.table().keys().copied().collect();
        for victim in victims.iter().step_by(7) {
            let dest = ipvs::DestKey::new("192.0.2.1".parse().expect("an address"), 80);
            kernel.meddle(Op::DelDest(*victim, dest));
        }
        process.round().await;
        assert_eq!(kernel.0.borrow().dest_reads, SLICE);
        process.round().await;
        assert_eq!(kernel.table(), process.desired());
    });
}

#[test]
fn services_of_others_are_left_alone() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        foreign(&kernel);
        let mut process = Process::start(&kernel, &directory, two()).await;
        process.round().await;
        process.reload(config(vec![service(A, vec![server("192.0.2.1:80")])])).await;
        process.keeper.release(Release::Ours).await;
        assert_eq!(kernel.table().keys().copied().collect::<Vec<_>>(), [key(FOREIGN)]);
    });
}

#[test]
fn a_service_that_is_there_already_is_taken_over_in_place() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        kernel.meddle(Op::AddService(Service::new(key(A), Scheduler::LC)));
        let process = Process::start(&kernel, &directory, two()).await;
        assert_eq!(kernel.table(), process.desired());
        assert!(!kernel.take_ops().iter().any(|op| op.starts_with("delete")));
    });
}

#[test]
fn a_successor_finds_everything_as_it_should_be() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        drop(Process::start(&kernel, &directory, two()).await);
        kernel.take_ops();
        let successor = Process::start(&kernel, &directory, two()).await;
        assert_eq!(kernel.take_ops(), Vec::<String>::new());
        assert_eq!(kernel.table(), successor.desired());
    });
}

#[test]
fn a_successor_does_not_put_in_what_its_predecessor_took_out() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        drop(Process::start(&kernel, &directory, two()).await);
        let dest = ipvs::DestKey::new("192.0.2.2".parse().expect("an address"), 80);
        kernel.meddle(Op::DelDest(key(A), dest));
        kernel.take_ops();
        let mut configured = two();
        let target = crate::testing::target(crate::testing::address("192.0.2.2:80"), Duration::from_secs(1));
        configured.services[0].real_servers[1].checks =
            vec![crate::testing::check(lvsd_model::CheckKind::Tcp(target))];
        let _successor = Process::start(&kernel, &directory, configured).await;
        assert_eq!(kernel.take_ops(), Vec::<String>::new());
    });
}

#[test]
fn what_an_earlier_self_left_is_removed_and_nothing_else() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        foreign(&kernel);
        drop(Process::start(&kernel, &directory, two()).await);
        let one = || config(vec![service(B, vec![server("192.0.2.1:80")])]);
        let _successor = Process::start(&kernel, &directory, one()).await;
        assert_eq!(kernel.table().keys().copied().collect::<Vec<_>>(), [key(B), key(FOREIGN)]);
        let _none = Process::start(&kernel, &directory, config(vec![])).await;
        assert_eq!(kernel.table().keys().copied().collect::<Vec<_>>(), [key(FOREIGN)]);
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 0, "nothing left to know");
    });
}

#[test]
fn lvs_flush_acts_at_the_start_of_the_daemon_only() {
    block_on(async {
        let flushing = || LvsConfig { flush_at_start: true, ..two() };
        let (kernel, directory) = (Fake::default(), directory());
        foreign(&kernel);
        let mut process = Process::start_under(1, &kernel, &directory, flushing()).await;
        assert_eq!(kernel.table(), process.desired());
        foreign(&kernel);
        process.reload(flushing()).await;
        drop(process);
        let respawned = Process::start_under(1, &kernel, &directory, flushing()).await;
        assert!(kernel.table().contains(&key(FOREIGN)), "neither at reload nor when a checker is replaced");
        drop(respawned);
        let restarted = Process::start_under(2, &kernel, &directory, flushing()).await;
        assert_eq!(kernel.table(), restarted.desired());
    });
}

#[test]
fn a_flush_at_the_end_is_of_everything() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        foreign(&kernel);
        let mut process = Process::start(&kernel, &directory, two()).await;
        process.keeper.release(Release::Everything).await;
        assert!(kernel.table().is_empty());
    });
}

#[test]
fn without_ipvs_nothing_breaks_and_later_everything_is_there() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        kernel.0.borrow_mut().absent = true;
        let mut process = Process::start(&kernel, &directory, two()).await;
        let numbers = process.keeper.numbers();
        assert!(!numbers.available && numbers.error.as_ref().is_some_and(|error| error.contains("modprobe")));
        assert_eq!(process.keeper.complaints().len(), 1);
        process.round().await;
        kernel.0.borrow_mut().absent = false;
        process.round().await;
        assert_eq!(kernel.table(), process.desired());
        assert!(process.keeper.numbers().available);
        kernel.0.borrow_mut().absent = true;
        process.round().await;
        assert!(!process.keeper.numbers().available, "the module is gone");
        kernel.0.borrow_mut().model = Model::new();
        kernel.0.borrow_mut().absent = false;
        process.round().await;
        assert_eq!(kernel.table(), process.desired());
    });
}

#[test]
fn without_services_the_kernel_is_not_even_asked() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        kernel.0.borrow_mut().absent = true;
        let mut process = Process::start(&kernel, &directory, config(vec![])).await;
        process.round().await;
        assert_eq!(process.keeper.complaints(), Vec::<String>::new());
        process.keeper.release(Release::Ours).await;
    });
}

#[test]
fn one_service_that_the_kernel_refuses_does_not_stop_the_others() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut bad = service("10.0.0.3:80", vec![server("192.0.2.1:80"), server("[2001:db8::1]:80")]);
        bad.quorum = 1;
        let mut configured = two();
        configured.services.push(bad);
        let mut process = Process::start(&kernel, &directory, configured).await;
        assert_eq!(kernel.table().len(), 3);
        let entry = kernel.table().get(&key("10.0.0.3:80")).cloned().expect("the service itself is fine");
        assert_eq!(entry.dests().len(), 1);
        let complaints = process.keeper.complaints();
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].starts_with("tcp 10.0.0.3:80: add [2001:db8::1]:80"), "{complaints:?}");
        kernel.take_ops();
        process.round().await;
        assert_eq!(kernel.take_ops(), Vec::<String>::new(), "not every half second");
        kernel.meddle(Op::DelService(key("10.0.0.3:80")));
        process.round().await;
        assert!(kernel.table().contains(&key("10.0.0.3:80")), "what works of it is looked after");
        kernel.take_ops();
        tokio::time::advance(RETRY + Duration::from_secs(1)).await;
        process.round().await;
        assert_eq!(kernel.take_ops().len(), 2, "tried again, twice as ever");
        assert_eq!(process.keeper.numbers().healed, 2, "service and the good destination");
    });
}

#[test]
fn a_contradiction_makes_it_look() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut process = Process::start(&kernel, &directory, two()).await;
        // Before the next round has noticed, a reload wants to edit what is not there.
        kernel.meddle(Op::DelService(key(A)));
        let heavier = config(vec![
            service(A, vec![weighing("192.0.2.1:80", 3), server("192.0.2.2:80")]),
            service(B, vec![server("192.0.2.1:80")]),
        ]);
        process.reload(heavier).await;
        assert_eq!(kernel.table(), process.desired());
        assert_eq!(process.keeper.complaints(), Vec::<String>::new());
    });
}

#[test]
fn what_could_not_be_removed_at_the_end_is_removed_by_the_next_start() {
    block_on(async {
        let (kernel, directory) = (Fake::default(), directory());
        let mut process = Process::start(&kernel, &directory, two()).await;
        kernel.0.borrow_mut().refuses.push(Op::DelService(key(A)));
        process.keeper.release(Release::Ours).await;
        assert_eq!(kernel.table().keys().collect::<Vec<_>>(), [&key(A)]);
        kernel.0.borrow_mut().refuses.clear();
        Process::start(&kernel, &directory, config(Vec::new())).await;
        assert!(kernel.table().is_empty());
    });
}
