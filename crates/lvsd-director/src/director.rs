//! The main thread: does what the supervisor says, runs scripts, tells what happened.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lvsd_ipc::{
    Applied, ChildEvent, FrameReader, FrameWriter, FromChild, Generation, StopManner, ToChild, VrrpPlan,
    VrrpSnapshot,
};
use lvsd_model::{Instance, InterfaceName, ProcessSettings, Statics, VirtualAddress, VrrpConfig};
use lvsd_net::{Rtnl, Tuning, Urgency, uptime};
use lvsd_notify::Subject;
use lvsd_vrrp::{Mastership, ShutdownMode, State};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

use crate::election::{self, Event, Report};
use crate::fit::fit;
use crate::keeper::{self, Counts, Foreign};
use crate::notify::Notifier;
use crate::radar;
use crate::schedule::{self, Duty};
use crate::sync::SyncFollower;
use crate::testament::{Legacy, Will};
use crate::tracker::Trackers;

type FromSupervisor = ToChild<VrrpPlan>;
type ToSupervisor = FromChild<VrrpSnapshot>;

/// The file in the runtime directory that names the FIFOs to remove.
const FIFO_NOTES: &str = "vrrp-fifos";
/// How long the scripts of a stop may take.
const LAST_SCRIPTS: Duration = Duration::from_secs(1);
/// How long a stop waits for the kernel to have removed the addresses.
const LAST_CHANGES: Duration = Duration::from_secs(4);
/// How long the threads may take to answer a question.
const ANSWER: Duration = Duration::from_secs(2);
/// A signal to the whole family reaches us, too; the supervisor then says how to stop, within this time.
const SUPERVISOR_FIRST: Duration = Duration::from_millis(500);
/// A machine that is always too slow says so this often; the worst lateness is in every snapshot.
const STALLS_TOLD: Duration = Duration::from_secs(10);
/// Exit status for a missing privilege.
const NO_PERMISSION: u8 = 4;

/// The life of the process.
pub(crate) async fn direct(stream: StdStream, will: Option<Will>) -> ExitCode {
    let connected = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
    let signals = Signals::new();
    let (stream, signals) = match (connected, signals) {
        (Ok(stream), Ok(signals)) => (stream, signals),
        (Err(error), _) | (_, Err(error)) => {
            error!(%error, "the VRRP process cannot start");
            return ExitCode::FAILURE;
        }
    };
    let (reading, writing) = stream.into_split();
    let (inbox, outbox, writer) = connect(reading, writing);
    let mut director = Director {
        outbox,
        engine: None,
        will,
        radar: None,
        trackers: Trackers::default(),
        notifier: Notifier::new(),
        sync: SyncFollower::default(),
        masters: HashSet::new(),
        config: Arc::default(),
        settings: ProcessSettings::default(),
        tuning: Tuning::new("vrrp"),
        defied: HashSet::new(),
        stall_told: None,
        started: uptime(),
    };
    director.say(FromChild::Ready);
    let code = director.run(inbox, signals).await;
    drop(director);
    // So that the last message is on its way before the process ends.
    let _ = timeout(ANSWER, writer).await;
    code
}

type Inbox = mpsc::Receiver<FromSupervisor>;
pub(crate) type Outbox = mpsc::UnboundedSender<ToSupervisor>;

/// Reads and writes in tasks of their own. What waits to be written is bounded by what the supervisor asked for.
fn connect(reading: OwnedReadHalf, writing: OwnedWriteHalf) -> (Inbox, Outbox, tokio::task::JoinHandle<()>) {
    let (to_inbox, inbox) = mpsc::channel(16);
    let (outbox, mut to_write) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut reader = FrameReader::new(reading);
        loop {
            match reader.next().await {
                Ok(Some(message)) => {
                    if to_inbox.send(message).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => return warn!(%error, "the connection to the supervisor broke"),
            }
        }
    });
    let writer = tokio::spawn(async move {
        let mut writer = FrameWriter::new(writing);
        while let Some(message) = to_write.recv().await {
            // The end of the supervisor is noticed by the reader.
            if writer.send(&message).await.is_err() {
                return;
            }
        }
    });
    (inbox, outbox, writer)
}

struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// The two threads, once there is a plan.
struct Engine {
    election: election::Handle,
    keeper: keeper::Handle,
    events: mpsc::UnboundedReceiver<Event>,
    /// Names of threads that have ended.
    ended: mpsc::UnboundedReceiver<&'static str>,
}

impl Engine {
    /// Starts both threads. Gives what of the scheduling the host does not allow, too.
    fn start(plan: &VrrpPlan, started: Duration, will: Option<Will>) -> io::Result<(Self, Vec<String>)> {
        let mut problems = schedule::enter(&plan.process, Duty::Ordinary);
        if plan.process.lock_memory {
            let locked = lvsd_net::lock_memory();
            problems.extend(locked.err().map(|error| format!("vrrp_no_swap cannot be set: {error}")));
        }
        let (keeper, for_keeper) = keeper::prepare()?;
        let (election, for_election) = election::prepare()?;
        let (to_events, events) = mpsc::unbounded_channel();
        let (to_ended, ended) = mpsc::unbounded_channel();
        let (to_problems, from_threads) = std::sync::mpsc::channel();
        let begin = |name: &'static str| {
            let (settings, problems) = (plan.process.clone(), to_problems.clone());
            let guard = Guard { name, ended: to_ended.clone() };
            move || {
                // One that nobody receives any more has been waited for long enough.
                let _ = problems.send(schedule::enter(&settings, Duty::Urgent));
                guard
            }
        };
        election::start(
            for_election,
            will,
            (started + plan.startup_delay).max(plan.delay_after_boot),
            keeper.clone(),
            to_events,
            Urgency::new(&plan.process),
            begin("election"),
        )?;
        keeper::start(for_keeper, plan.runtime_dir.clone(), election.clone(), begin("keeper"))?;
        for _ in 0..2 {
            problems.extend(from_threads.recv_timeout(ANSWER).unwrap_or_default());
        }
        problems.sort();
        problems.dedup();
        Ok((Self { election, keeper, events, ended }, problems))
    }

    /// Takes over, or removes, what earlier processes left.
    async fn begin(&self, config: &Arc<VrrpConfig>, legacy: Option<Legacy>) -> Option<()> {
        let instance = |mastership: &Mastership| {
            config.instances.iter().find(|instance| mastership.is_of(instance)).cloned().map(Arc::new)
        };
        let inherited = legacy.iter().flat_map(|legacy| &legacy.masterships).filter_map(instance).collect();
        let (done, begun) = oneshot::channel();
        self.keeper.send(keeper::Command::Begin { config: Arc::clone(config), inherited, done });
        let there = begun.await.ok()?;
        if let Some(Legacy { alive_at, mut masterships }) = legacy {
            masterships.retain(|mastership| there.contains(&mastership.name));
            self.election.send(election::Input::Inherit { alive_at, masterships });
        }
        Some(())
    }

    /// Gives what of the interfaces and rules that the configuration wants cannot be.
    async fn prepare(&self, config: &Arc<VrrpConfig>) -> Option<Vec<String>> {
        let (done, prepared) = oneshot::channel();
        self.keeper.send(keeper::Command::Prepare { config: Arc::clone(config), done });
        prepared.await.ok()
    }

    async fn apply(&self, config: Arc<VrrpConfig>) -> Option<()> {
        let (done, applied) = oneshot::channel();
        self.election.send(election::Input::Apply { config, done });
        let applied = applied.await.ok()?;
        info!(
            added = applied.added.len(),
            removed = applied.removed.len(),
            changed = applied.changed.len(),
            "configuration applied"
        );
        Some(())
    }

    /// Everything known about everything.
    async fn snapshot(
        election: election::Handle,
        keeper: keeper::Handle,
        config: Arc<VrrpConfig>,
    ) -> Option<VrrpSnapshot> {
        let (reply, report) = oneshot::channel();
        election.send(election::Input::Report(reply));
        let (reply, kept) = oneshot::channel();
        keeper.send(keeper::Command::Count(reply));
        let report = timeout(ANSWER, report).await.ok()?.ok()?;
        // A keeper that waits for the kernel must not hide the state of the election.
        let kept = timeout(ANSWER, kept).await.ok().and_then(Result::ok).unwrap_or_default();
        Some(combine(report, &kept, &config))
    }
}

/// Says that its thread has ended, however it did.
struct Guard {
    name: &'static str,
    ended: mpsc::UnboundedSender<&'static str>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.ended.send(self.name);
    }
}

/// Adds to a report what the keeper knows and what the configuration says.
fn combine(report: Report, counts: &Counts, config: &VrrpConfig) -> VrrpSnapshot {
    let Report { mut snapshot, ids } = report;
    let configs: HashMap<&str, &Instance> =
        config.instances.iter().map(|instance| (instance.name.as_str(), instance)).collect();
    for (instance, id) in snapshot.instances.iter_mut().zip(ids) {
        let kept = counts.instances.get(&id).copied().unwrap_or_default();
        instance.addresses_present = kept.present;
        instance.routing_present = kept.routing_present;
        instance.adverts.announcements_sent = kept.announced;
        let lines =
            configs.get(instance.name.as_str()).map(|config| config.addresses.iter().chain(&config.excluded));
        let text = |line: &VirtualAddress| format!("{}/{}", line.address, line.prefix_len);
        instance.addresses = lines.into_iter().flatten().map(text).collect();
    }
    snapshot.routing_healed = counts.routing_healed;
    snapshot
}

/// Why the main loop ends.
enum End {
    Stop(StopManner),
    SupervisorGone,
    Signal,
    ThreadEnded(&'static str),
    CannotStart(io::Error),
}

struct Director {
    outbox: Outbox,
    engine: Option<Engine>,
    /// Until the election has it.
    will: Option<Will>,
    radar: Option<radar::Handle>,
    trackers: Trackers,
    notifier: Notifier,
    sync: SyncFollower,
    /// Names of instances that are MASTER.
    masters: HashSet<String>,
    /// The configuration in force.
    config: Arc<VrrpConfig>,
    /// Of the first plan.
    settings: ProcessSettings,
    tuning: Tuning,
    /// Masters of which it was said that they hear adverts of lower priority.
    defied: HashSet<String>,
    /// When it was last said that the election stalled.
    stall_told: Option<Instant>,
    /// When the process started, on the clock of the election.
    started: Duration,
}

impl Director {
    fn say(&self, message: ToSupervisor) {
        // The end of the supervisor is noticed by the reader.
        let _ = self.outbox.send(message);
    }

    async fn run(&mut self, inbox: Inbox, signals: Signals) -> ExitCode {
        match self.serve(inbox, signals).await {
            End::Stop(manner) => {
                self.stop(manner).await;
                self.say(FromChild::Stopped);
                ExitCode::SUCCESS
            }
            End::SupervisorGone => {
                warn!("the supervisor is gone; resigning");
                self.stop(StopManner::Release).await;
                ExitCode::SUCCESS
            }
            End::Signal => {
                info!("asked to stop by a signal");
                self.stop(StopManner::Release).await;
                ExitCode::SUCCESS
            }
            End::ThreadEnded(thread) => {
                error!(thread, "a thread of the VRRP process ended; resigning");
                if let Some(engine) = &self.engine {
                    engine.keeper.send(keeper::Command::ReleaseAll);
                }
                self.stop(StopManner::Release).await;
                ExitCode::FAILURE
            }
            End::CannotStart(error) => {
                error!(%error, "VRRP cannot start");
                match error.kind() {
                    io::ErrorKind::PermissionDenied => ExitCode::from(NO_PERMISSION),
                    _ => ExitCode::FAILURE,
                }
            }
        }
    }

    async fn serve(&mut self, mut inbox: Inbox, mut signals: Signals) -> End {
        let mut signalled: Option<Instant> = None;
        loop {
            tokio::select! {
                message = inbox.recv() => {
                    let Some(message) = message else { return End::SupervisorGone };
                    match self.obey(message).await {
                        Ok(()) => {}
                        Err(end) => return end,
                    }
                }
                happening = happening(&mut self.engine) => match happening {
                    Happening::Event(event) => self.on_event(event),
                    Happening::Ended(thread) => return End::ThreadEnded(thread),
                },
                () = self.notifier.advance() => {}
                () = signals.stop() => {
                    signalled.get_or_insert_with(|| Instant::now() + SUPERVISOR_FIRST);
                }
                () = at(signalled) => return End::Signal,
            }
        }
    }

    async fn obey(&mut self, message: FromSupervisor) -> Result<(), End> {
        match message {
            ToChild::Apply { generation, plan } => self.apply(generation, *plan).await,
            ToChild::Snapshot { request } => {
                self.snapshot(request);
                Ok(())
            }
            ToChild::Record => {
                self.record();
                Ok(())
            }
            ToChild::Ping { number } => {
                self.pong(number);
                Ok(())
            }
            ToChild::Quorums(states) => {
                // Before there is a plan nobody tracks anything; behind it everything is told.
                if let Some(engine) = &self.engine {
                    engine.election.send(election::Input::Quorums(states));
                }
                Ok(())
            }
            ToChild::Sessions(states) => {
                // Before there is a plan nobody tracks anything; behind it everything is told.
                if let Some(engine) = &self.engine {
                    engine.election.send(election::Input::Sessions(states));
                }
                Ok(())
            }
            ToChild::ClearCounters => {
                if let Some(engine) = &self.engine {
                    engine.election.send(election::Input::ClearCounters);
                    engine.keeper.send(keeper::Command::ClearCounters);
                }
                self.radar.iter().for_each(radar::Handle::clear_counters);
                Ok(())
            }
            ToChild::Stop(manner) => Err(End::Stop(manner)),
        }
    }

    async fn apply(&mut self, generation: Generation, plan: VrrpPlan) -> Result<(), End> {
        let mut config = plan.config.clone();
        let mut problems = fit(&mut config, mtus());
        let config = Arc::new(config);
        // Before anything can happen that they are told of.
        let notifies = config.instances.iter().map(|instance| &instance.notify);
        let notifies = notifies.chain(config.groups.iter().map(|group| &group.notify));
        problems.extend(self.notifier.apply(&plan.scripts, notifies));
        let notes = plan.runtime_dir.join(FIFO_NOTES);
        problems.extend(self.notifier.outlets.apply(&plan.notices, &plan.scripts, notes));
        // Before there are threads, which inherit it.
        problems.extend(self.tuning.apply(&plan.process, plan.umask));
        let first = self.engine.is_none();
        let mut legacy = None;
        if first {
            let will = self.will.take();
            legacy = will.as_ref().and_then(Will::read);
            let (engine, refused) = Engine::start(&plan, self.started, will).map_err(End::CannotStart)?;
            problems.extend(refused);
            self.engine = Some(engine);
            self.settings.clone_from(&plan.process);
        } else if schedule::needs_restart(&self.settings, &plan.process) {
            problems.push(
                "vrrp_priority, vrrp_rt_priority, max_auto_priority and vrrp_no_swap change with the next start"
                    .to_owned(),
            );
        }
        let Some(engine) = &self.engine else { return Ok(()) };
        engine.keeper.send(keeper::Command::Foreign(if plan.release_foreign_vips {
            Foreign::Remove
        } else {
            Foreign::Leave
        }));
        if first {
            engine.begin(&config, legacy).await.ok_or(End::ThreadEnded("keeper"))?;
        } else {
            engine.keeper.send(keeper::Command::Standing(Arc::clone(&config)));
        }
        problems.extend(engine.prepare(&config).await.ok_or(End::ThreadEnded("keeper"))?);
        self.trackers.retire(&config, &plan.scripts);
        engine.apply(Arc::clone(&config)).await.ok_or(End::ThreadEnded("election"))?;
        engine.keeper.send(keeper::Command::Settle);
        self.config = Arc::clone(&config);
        let radar =
            self.radar.get_or_insert_with(|| radar::start(engine.election.clone(), self.outbox.clone()));
        radar.watch(Arc::clone(&config)).await;
        if !first && plan.notices.states_on_reload {
            self.repeat_states().await;
        }
        let Some(engine) = &self.engine else { return Ok(()) };
        problems.extend(self.trackers.apply(&config, &plan.scripts, &engine.election));
        self.masters.retain(|name| config.instances.iter().any(|instance| instance.name == *name));
        self.sync.apply(config.sync_daemon.clone(), |name| self.masters.contains(name));
        problems.extend(
            self.trackers
                .refused()
                .into_iter()
                .map(|(name, why)| format!("vrrp_script {name} cannot run and is left out: {why}")),
        );
        problems.extend(missing_interfaces(&config));
        problems.sort();
        for problem in &problems {
            warn!(problem, "not everything of the configuration works on this host");
        }
        let outcome = if problems.is_empty() { Applied::Done } else { Applied::Degraded(problems) };
        self.say(FromChild::Applied { generation, outcome });
        Ok(())
    }

    /// Answers when the election has: without it the process lives in vain. The keeper is not asked, since a slow kernel is
    /// no reason to end anything.
    fn pong(&self, number: u64) {
        let outbox = self.outbox.clone();
        let election = self.engine.as_ref().map(|engine| engine.election.clone());
        tokio::spawn(async move {
            if let Some(election) = election {
                let (reply, alive) = oneshot::channel();
                election.send(election::Input::Alive(reply));
                if alive.await.is_err() {
                    return;
                }
            }
            let _ = outbox.send(FromChild::Pong { number });
        });
    }

    /// Writes all states to the FIFOs, behind what the reload itself changed.
    async fn repeat_states(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        let (reply, report) = oneshot::channel();
        engine.election.send(election::Input::Report(reply));
        let Ok(Ok(report)) = timeout(ANSWER, report).await else { return };
        let mut happened = Vec::new();
        while let Ok(event) = engine.events.try_recv() {
            happened.push(event);
        }
        happened.into_iter().for_each(|event| self.on_event(event));
        let VrrpSnapshot { instances, groups, .. } = report.snapshot;
        let of_instances = instances
            .iter()
            .map(|instance| (Subject::Instance(&instance.name), instance.state, instance.effective_priority));
        let of_groups = groups.iter().map(|group| (Subject::Group(&group.name), group.state, 0));
        self.notifier.repeat(of_instances.chain(of_groups));
    }

    /// Sends what was recorded, when the election has given it.
    fn record(&self) {
        let Some(election) = self.engine.as_ref().map(|engine| engine.election.clone()) else { return };
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            let (reply, recording) = oneshot::channel();
            election.send(election::Input::Record(reply));
            let Ok(Ok(recording)) = timeout(ANSWER, recording).await else { return };
            match recording.to_bytes(env!("CARGO_PKG_VERSION")) {
                Ok(bytes) => drop(outbox.send(FromChild::Recording(bytes))),
                Err(error) => warn!(%error, "the recording cannot be given"),
            }
        });
    }

    fn snapshot(&self, request: u64) {
        let outbox = self.outbox.clone();
        let (refused, counts) = (self.trackers.refused(), self.trackers.counts());
        let handles = self.engine.as_ref().map(|engine| (engine.election.clone(), engine.keeper.clone()));
        let config = Arc::clone(&self.config);
        let notices = self.notifier.outlets.snapshot();
        let radar = self.radar.clone();
        tokio::spawn(async move {
            let snapshot = match handles {
                Some((election, keeper)) => Engine::snapshot(election, keeper, config).await,
                None => Some(VrrpSnapshot::default()),
            };
            let Some(mut snapshot) = snapshot else { return };
            for script in &mut snapshot.scripts {
                script.disabled = refused.get(&script.name).cloned();
            }
            for process in &mut snapshot.processes {
                if let Some(count) = counts.iter().find(|count| count.name == process.name) {
                    (process.running, process.pending) = (count.running, count.pending);
                }
            }
            snapshot.notices = notices;
            if let Some(radar) = radar {
                snapshot.radar = radar.report().await;
            }
            let _ = outbox.send(FromChild::Snapshot { request, snapshot: Box::new(snapshot) });
        });
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Instance { config, transition, faults, why } => {
                let (from, to) =
                    (election::state(transition.from).word(), election::state(transition.to).word());
                let (cause, priority) = (transition.cause.to_string(), transition.priority);
                self.defied.remove(&config.name);
                if transition.to == State::Fault {
                    warn!(
                        instance = config.name,
                        from,
                        to,
                        cause,
                        priority,
                        ?faults,
                        why,
                        "instance changed its state"
                    );
                } else {
                    info!(
                        instance = config.name,
                        from, to, cause, priority, why, "instance changed its state"
                    );
                }
                self.say(FromChild::Event(ChildEvent::Instance {
                    name: config.name.clone(),
                    from: election::state(transition.from),
                    to: election::state(transition.to),
                    cause: transition.cause.to_string(),
                    priority,
                }));
                self.notifier.instance(&config, &transition);
                if transition.to == State::Master {
                    self.masters.insert(config.name.clone());
                } else {
                    self.masters.remove(&config.name);
                }
                self.sync.instance(&config.name, transition.to);
            }
            Event::Group(config, transition) => {
                let (from, to) =
                    (election::state(transition.from).word(), election::state(transition.to).word());
                info!(group = config.name, from, to, cause = %transition.cause, "group changed its state");
                self.say(FromChild::Event(ChildEvent::Group {
                    name: config.name.clone(),
                    from: election::state(transition.from),
                    to: election::state(transition.to),
                    cause: transition.cause.to_string(),
                }));
                self.notifier.group(&config, &transition);
            }
            Event::LowerPriority { config, source, priority, own } => {
                if self.defied.insert(config.name.clone()) {
                    info!(instance = config.name, %source, priority, "adverts of lower priority while MASTER");
                }
                self.notifier.lower_priority(&config, own);
            }
            Event::Priority(config, state, priority) => {
                info!(instance = config.name, priority, "the priority of an instance changed");
                self.notifier.priority(&config, state, priority);
            }
            Event::Rejected { instance, source, reject } => {
                warn!(instance, %source, %reject, "advert is not as it should be; more of the kind are only counted");
            }
            Event::UnknownVrid { interface, source, vrid } => {
                let interface = interface.as_ref().map(|name| name.as_str());
                info!(interface, %source, vrid, "adverts for a virtual router that is not ours");
            }
            Event::Unsent { instance, error } => warn!(instance, error, "adverts cannot be sent"),
            Event::Unopened(unopened) => {
                let interface = unopened.interface.as_ref().map(|name| name.as_str());
                let (family, error) = (unopened.family, unopened.error);
                warn!(interface, %family, error, "a VRRP socket cannot be opened; trying again");
            }
            Event::Stalled(late) => {
                if self.stall_told.is_none_or(|told| told.elapsed() > STALLS_TOLD) {
                    self.stall_told = Some(Instant::now());
                    warn!(?late, "the election did not run in time; packets that waited were taken in first");
                }
            }
            Event::Raised { priority, problem: None } => {
                warn!(priority, "the election was late; it has this real-time priority from now on");
            }
            Event::Raised { priority, problem: Some(error) } => {
                warn!(priority, %error, "max_auto_priority: the election was late and cannot be made more urgent");
            }
        }
    }

    /// Leaves, as fast as the kernel can: the last adverts first, then the addresses, the scripts beside that.
    async fn stop(&mut self, manner: StopManner) {
        self.trackers.stop();
        self.radar = None;
        let Some(mut engine) = self.engine.take() else { return };
        let mode = match manner {
            StopManner::Release => ShutdownMode::Resign,
            StopManner::Keep => ShutdownMode::KeepAddresses,
        };
        let (done, resigned) = oneshot::channel();
        engine.election.send(election::Input::Shutdown { mode, done });
        // Fails when the thread has ended, and then there is nobody to resign.
        let _ = timeout(ANSWER, resigned).await;
        if manner == StopManner::Release {
            engine.keeper.send(keeper::Command::Standing(Arc::default()));
            engine.keeper.send(keeper::Command::Undo);
        }
        let (done, released) = oneshot::channel();
        engine.keeper.send(keeper::Command::Barrier(done));
        while let Ok(event) = engine.events.try_recv() {
            self.on_event(event);
        }
        let deadline = Instant::now() + LAST_SCRIPTS;
        self.sync.stop().await;
        if !matches!(timeout(LAST_CHANGES, released).await, Ok(Ok(()))) {
            error!("the kernel has not removed all addresses in time");
        }
        while !self.notifier.is_idle() {
            if tokio::time::timeout_at(deadline, self.notifier.advance()).await.is_err() {
                warn!("notification scripts were still running at the end");
                break;
            }
        }
        self.notifier.outlets.close(deadline).await;
    }
}

enum Happening {
    Event(Event),
    Ended(&'static str),
}

/// What the threads have to tell; never, while there are none.
async fn happening(engine: &mut Option<Engine>) -> Happening {
    let Some(engine) = engine else { return std::future::pending().await };
    tokio::select! {
        Some(event) = engine.events.recv() => Happening::Event(event),
        Some(thread) = engine.ended.recv() => Happening::Ended(thread),
        else => Happening::Ended("election"),
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What the interfaces of this host can carry; nothing is known of any when the kernel does not say.
fn mtus() -> impl Fn(&InterfaceName) -> Option<u32> {
    let links = Rtnl::open().ok().and_then(|mut kernel| kernel.links().ok()).unwrap_or_default();
    let mtus: HashMap<String, u32> = links.into_iter().map(|link| (link.name, link.mtu)).collect();
    move |name| mtus.get(name.as_str()).copied()
}

/// Interfaces that the configuration names and this host does not have.
fn missing_interfaces(config: &VrrpConfig) -> Vec<String> {
    let mut missing = Vec::new();
    for instance in &config.instances {
        let addresses = instance.addresses.iter().chain(&instance.excluded);
        let of_addresses = addresses.filter_map(|line| line.interface.as_ref());
        let tracked = instance.trackers.interfaces.iter().map(|line| &line.interface);
        let of_routes = instance.routes.iter().flat_map(|route| route.hops.iter());
        let of_routes = of_routes.filter_map(|hop| hop.interface.as_ref());
        for interface in instance.interface.iter().chain(of_addresses).chain(of_routes).chain(tracked) {
            let message = format!("vrrp_instance {}: there is no interface {interface} (yet)", instance.name);
            if nix::net::if_::if_nametoindex(interface.as_str()).is_err() && !missing.contains(&message) {
                missing.push(message);
            }
        }
    }
    let Statics { addresses, routes, rules: _ } = &config.statics;
    let of_addresses = addresses.iter().filter_map(|one| one.object.interface.as_ref());
    let of_routes =
        routes.iter().flat_map(|one| one.object.hops.iter()).filter_map(|hop| hop.interface.as_ref());
    for interface in of_addresses.chain(of_routes) {
        let message = format!("static addresses and routes: there is no interface {interface} (yet)");
        if nix::net::if_::if_nametoindex(interface.as_str()).is_err() && !missing.contains(&message) {
            missing.push(message);
        }
    }
    missing
}
