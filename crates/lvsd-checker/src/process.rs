//! The process: takes plans and questions from the supervisor, one after the other.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;

use lvsd_health::InitNotifies;
use lvsd_ipc::{
    Applied, CheckerPlan, CheckerSnapshot, ChildEvent, FrameError, FrameReader, FrameWriter, FromChild,
    Generation, StopManner, ToChild,
};
use lvsd_model::{CheckKind, ProcessSettings, ScriptPolicy, VirtualServer};
use lvsd_net::{Tuning, Urgency};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Duration, Instant, timeout};

use crate::RunError;
use crate::addresses::Addresses;
use crate::keeper::{self, Connect, FlushAtStart, Handle, Journal, Keeper, Release, Supervisor};
use crate::marker::{self, Marker};
use crate::namespace;
use crate::notify::Notifier;
use crate::probe::Probes;
use crate::reporter::Reporter;
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::snapshot::snapshot;
use crate::urgency;

/// The file in the runtime directory that names the FIFOs to remove.
const FIFO_NOTES: &str = "checker-fifos";
/// How long the end waits for readers of FIFOs and for the mail server.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the end waits for the notify scripts of `omega`; the supervisor's patience is longer by default (5 s).
const FAREWELL: Duration = Duration::from_secs(3);

type Order = ToChild<CheckerPlan>;
type Answer = FromChild<CheckerSnapshot>;

/// Serves the supervisor at the other end of `socket` until it says stop, or is gone: then the table is left standing for
/// the next start to adopt.
pub(crate) async fn serve<C: Connect + 'static>(
    socket: UnixStream,
    connect: C,
    supervisor: Supervisor,
) -> Result<(), RunError> {
    let (reader, writer) = socket.into_split();
    let (orders, mut inbox) = mpsc::channel(16);
    let reading = spawn_local(read(FrameReader::new(reader), orders));
    let (mut process, keeping, checking) = Process::start(FrameWriter::new(writer), connect, supervisor);
    let served = tokio::select! {
        biased;
        served = process.work(&mut inbox) => served,
        // Neither ends by itself. Without one of them the process is of no use; its successor adopts what stands.
        _ = keeping => Err(RunError::Broken("the keeper of the table")),
        _ = checking => Err(RunError::Broken("the schedule of checks")),
    };
    reading.abort();
    served
}

/// Reads orders in a task of its own: a frame must not be given up half-way.
async fn read(mut reader: FrameReader<OwnedReadHalf>, orders: mpsc::Sender<Result<Order, FrameError>>) {
    loop {
        let order = match reader.next().await {
            Ok(Some(order)) => Ok(order),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let last = order.is_err();
        if orders.send(order).await.is_err() || last {
            return;
        }
    }
}

/// The way back to the supervisor; one frame at a time.
#[derive(Clone)]
struct Answers(Rc<Mutex<FrameWriter<OwnedWriteHalf>>>);

impl Answers {
    async fn send(&self, answer: &Answer) -> Result<(), FrameError> {
        self.0.lock().await.send(answer).await
    }
}

/// Carries events to the supervisor, one after the other.
async fn carry(mut told: mpsc::Receiver<ChildEvent>, answers: Answers) {
    while let Some(event) = told.recv().await {
        // That the supervisor is gone is noticed elsewhere.
        let _ = answers.send(&Answer::Event(event)).await;
    }
}

/// Tells the supervisor which tracked services have their quorum, whenever that changes. However fast it does, only the last
/// state is told.
async fn follow_quorums(shared: Rc<Shared>, answers: Answers) {
    let mut told = Vec::new();
    loop {
        let changed = shared.quorum_changed.notified();
        let quorums = shared.quorums();
        if quorums != told {
            // That the supervisor is gone is noticed elsewhere.
            let _ = answers.send(&Answer::Quorums(quorums.clone())).await;
            told = quorums;
        }
        changed.await;
    }
}

/// Whether the process goes on.
enum Next {
    Continue,
    End,
}

struct Process {
    answers: Answers,
    shared: Rc<Shared>,
    probes: Rc<Probes>,
    notifier: Rc<Notifier>,
    schedule: Rc<Schedule>,
    keeper: Rc<Handle>,
    /// While some service wants to know them.
    addresses: Option<Addresses>,
    marker: Rc<RefCell<Marker>>,
    /// While there is something to mark.
    guarding: Option<JoinHandle<()>>,
    settings: Settings,
    /// Of the plan that is in force.
    generation: Option<Generation>,
    /// `None` before the first plan.
    scheduled: Option<ProcessSettings>,
    tuning: Tuning,
    release: Release,
}

impl Process {
    fn start<C: Connect + 'static>(
        answers: FrameWriter<OwnedWriteHalf>,
        connect: C,
        supervisor: Supervisor,
    ) -> (Self, JoinHandle<()>, JoinHandle<()>) {
        // Different in every process, so that directors started together do not check together.
        let seed = RandomState::new().build_hasher().finish();
        let shared = Rc::new(Shared::new(seed));
        let (reporter, told) = Reporter::new();
        let probes = Rc::new(Probes::new(ScriptPolicy::default()));
        let notifier = Rc::new(Notifier::new(ScriptPolicy::default(), reporter));
        let schedule = Rc::new(Schedule::new(Rc::clone(&shared), Rc::clone(&probes), Rc::clone(&notifier)));
        let checking = spawn_local(Rc::clone(&schedule).run());
        let (keeper, keeping) =
            keeper::spawn(Keeper::new(connect, Journal::new(supervisor)), Rc::clone(&shared));
        let (answers, keeper) = (Answers(Rc::new(Mutex::new(answers))), Rc::new(keeper));
        spawn_local(carry(told, answers.clone()));
        spawn_local(follow_quorums(Rc::clone(&shared), answers.clone()));
        let (settings, generation) = (Settings::default(), None);
        let (scheduled, tuning, release) = (None, Tuning::new("checker"), Release::Ours);
        let process = Self {
            answers,
            shared,
            probes,
            notifier,
            schedule,
            keeper,
            addresses: None,
            marker: Rc::default(),
            guarding: None,
            settings,
            generation,
            scheduled,
            tuning,
            release,
        };
        (process, keeping, checking)
    }

    async fn work(&mut self, inbox: &mut mpsc::Receiver<Result<Order, FrameError>>) -> Result<(), RunError> {
        self.answers.send(&Answer::Ready).await?;
        while let Some(order) = inbox.recv().await {
            let handled = match order {
                Ok(order) => self.handle(order).await,
                Err(error) => Err(error),
            };
            match handled {
                Ok(Next::Continue) => {}
                Ok(Next::End) => return Ok(()),
                // It died with something half said.
                Err(FrameError::Io(_)) => break,
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!("the supervisor is gone; the IPVS table stays as it is");
        Ok(())
    }

    async fn handle(&mut self, order: Order) -> Result<Next, FrameError> {
        match order {
            ToChild::Apply { generation, mut plan } => {
                let services = self.services(&mut plan)?;
                let outcome = self.apply(*plan, services).await;
                self.generation = Some(generation);
                self.answers.send(&Answer::Applied { generation, outcome }).await?;
                tracing::debug!(generation = generation.0, "plan is in force");
            }
            // It records nothing.
            ToChild::Record => {}
            ToChild::Snapshot { request } => self.report(request),
            ToChild::Ping { number } => self.answers.send(&Answer::Pong { number }).await?,
            // Virtual routers follow quorums, nobody here.
            ToChild::Quorums(_) => {}
            ToChild::Sessions(states) => self.probes.sessions.tell(states),
            ToChild::ClearCounters => {
                self.shared.health.borrow_mut().clear_counters();
                self.keeper.clear_counters();
            }
            ToChild::Stop(manner) => {
                match manner {
                    StopManner::Release => self.leave().await,
                    StopManner::Keep => tracing::info!("the IPVS table stays as it is"),
                }
                self.notifier.close(Instant::now() + LAST_WORDS).await;
                self.answers.send(&Answer::Stopped).await?;
                return Ok(Next::End);
            }
        }
        Ok(Next::Continue)
    }

    /// Answers with a snapshot. Reading the counters of thousands of services takes its time, which must not hold up a plan or
    /// the end.
    fn report(&self, request: u64) {
        let (keeper, shared, answers) =
            (Rc::clone(&self.keeper), Rc::clone(&self.shared), self.answers.clone());
        let notices = self.notifier.snapshot();
        spawn_local(async move {
            let (ipvs, counted) = keeper.count().await;
            let snapshot = Box::new(snapshot(&shared.health.borrow(), ipvs, notices, &counted));
            // That the supervisor is gone is noticed elsewhere.
            let _ = answers.send(&Answer::Snapshot { request, snapshot }).await;
        });
    }

    /// All services of a plan, those of the plan before that it keeps among them.
    fn services(&self, plan: &mut CheckerPlan) -> Result<Vec<Arc<VirtualServer>>, FrameError> {
        let brought = std::mem::take(&mut plan.config.services).into_iter().map(Arc::new).collect();
        let Some(amendment) = &plan.amends else { return Ok(brought) };
        let old: Vec<_> = self.shared.health.borrow().configs().map(Arc::clone).collect();
        let all = amendment.put_together(&old, brought);
        all.filter(|_| self.generation == Some(amendment.base)).ok_or(FrameError::Amendment)
    }

    /// Moves to a plan; returns when the kernel's table has followed, or cannot.
    async fn apply(&mut self, plan: CheckerPlan, services: Vec<Arc<VirtualServer>>) -> Applied {
        let CheckerPlan { config, amends: _, scripts, notices, seed, process, umask, runtime_dir } = plan;
        let first = self.scheduled.is_none();
        if let (true, Some(seed)) = (first, seed) {
            self.shared.health.borrow_mut().reseed(seed.into());
        }
        let mut complaints = self.tuning.apply(&process, umask);
        if self.scheduled.as_ref() != Some(&process) {
            complaints.extend(urgency::enter(&process));
            self.schedule.hurry(Urgency::new(&process));
            self.scheduled = Some(process);
        }
        self.probes.renew(scripts.clone(), config.tls.clone());
        complaints.extend(self.probes.refused_certificates());
        complaints.extend(self.notifier.renew(scripts, &notices, runtime_dir.join(FIFO_NOTES)));
        self.schedule.renew();
        complaints.extend(self.refused_programs(&services));
        namespace::choose(config.namespace.as_ref());
        let marks = self.marker.borrow_mut().assign(&runtime_dir, config.marking.as_ref(), &services);
        self.release = if config.flush_on_stop { Release::Everything } else { Release::Ours };
        let standing = if first {
            let flush = if config.flush_at_start { FlushAtStart::Yes } else { FlushAtStart::No };
            self.keeper
                .adopt(
                    runtime_dir.clone(),
                    services.iter().flat_map(|service| marks.keys(service)).collect(),
                    flush,
                )
                .await
        } else {
            ipvs::Table::new()
        };
        // The keeper has loaded the kernel's module by now, if there is anything to keep.
        let settings = self.settings.apply(&config, &runtime_dir);
        complaints.extend(settings.await);
        self.follow_addresses(&services);
        complaints.extend(self.begin_marking(config.marking.is_some()));
        self.shared.health.borrow_mut().mark(marks);
        let init = if config.init_notifies { InitNotifies::Servers } else { InitNotifies::Nothing };
        self.shared.health.borrow_mut().tell_new(init);
        self.shared.health.borrow_mut().apply_services(self.shared.now(), services, &standing);
        self.schedule.pass_on();
        self.shared.quorum_changed.notify_one();
        self.shared.schedule_changed.notify_one();
        complaints.extend(self.keeper.sync().await);
        self.marker.borrow_mut().tidy();
        if complaints.is_empty() { Applied::Done } else { Applied::Degraded(complaints) }
    }

    /// Has packets for groups marked, if that is configured, and looks after it. Gives what does not work.
    fn begin_marking(&mut self, is_wanted: bool) -> Option<String> {
        if !is_wanted {
            if let Some(guarding) = self.guarding.take() {
                guarding.abort();
            }
            return None;
        }
        if self.guarding.is_none() {
            // Without it nobody notices a table that is removed; that is no reason to have none.
            let guarding = marker::guard(&self.marker);
            self.guarding =
                guarding.inspect_err(|error| tracing::debug!(%error, "nftables is not watched")).ok();
        }
        self.marker.borrow_mut().install()
    }

    /// Follows the addresses of this host, if a service wants to know them.
    fn follow_addresses(&mut self, services: &[Arc<VirtualServer>]) {
        if !services.iter().any(|service| service.suspend) {
            self.addresses = None;
        } else if self.addresses.is_none() {
            self.addresses = Some(Addresses::follow(&self.shared, &self.schedule));
        }
    }

    /// The programs of checks that cannot run on this host, each once.
    fn refused_programs(&self, services: &[Arc<VirtualServer>]) -> Vec<String> {
        let servers = services.iter().flat_map(|service| &service.real_servers);
        let programs = servers.flat_map(|server| &server.checks).filter_map(|check| match &check.kind {
            CheckKind::Misc(misc) => Some((&misc.script, &check.kind)),
            _ => None,
        });
        let mut seen = HashSet::new();
        let distinct = programs.filter(|(script, _)| seen.insert(*script));
        distinct
            .filter_map(|(script, kind)| {
                Some(format!("MISC_CHECK {}: {}", script.source, self.probes.refusal(kind)?))
            })
            .collect()
    }

    /// Takes everything of ours out of the kernel, then says good-bye.
    async fn leave(&mut self) {
        self.keeper.release(self.release).await;
        self.marker.borrow_mut().release();
        self.settings.release().await;
        for event in self.shared.health.borrow().farewell() {
            self.notifier.tell(&event);
        }
        if timeout(FAREWELL, self.notifier.drained()).await.is_err() {
            tracing::warn!("notify scripts are still running at the end; they are ended");
        }
    }
}
