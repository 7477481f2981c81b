//! Does what the policy decides: processes, messages, signals, metrics, dumps, and words to the service manager.
//!
//! One loop takes one event at a time from one queue; everything that waits does so in a task of its own and reports into
//! that queue.

mod child;
mod collector;
mod mark;
mod memberships;
mod moments;
mod pulse;
mod quorums;
mod recordings;
mod reloads;
mod sessions;
mod timetable;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lvsd_config::Loaded;
use lvsd_ipc::{Amendment, Applied, Frame, FrameError, Generation, Role, StopManner, ToChild};
use lvsd_model::{Config, MetricsListen, ReloadTimes, VrrpConfig};
use lvsd_net::Testament;
use lvsd_net::child::HeldSignals;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use self::child::{Child, ChildId, Happening, Report, Silence};
use self::collector::{Collector, Purpose};
use self::mark::Mark;
use self::memberships::Memberships;
use self::moments::Moment;
use self::pulse::{Beat, Pulse};
use self::quorums::Quorums;
use self::recordings::Recordings;
use self::reloads::{Progress, Reloads};
use crate::board::Board;
use crate::control::{self, EventLog, Query};
use crate::dump::{self, Dump};
use crate::loader::{self, Loader, Refusal};
use crate::logging::LogSettings;
use crate::metrics;
use crate::observation::{Health, Observation};
use crate::pidfile::PidFile;
use crate::plan::{self, Given, PlanContext, Selection};
use crate::policy::{Action, Announcement, Event, Policy, Settings, Wanted};
use crate::roles::PerRole;
use crate::signals::{self, Interrupt, Request};
use crate::systemd;

/// Events that may wait; whoever reports more waits, too.
const QUEUE: usize = 256;

/// How long after closing its connection a process may take to end.
const EXIT_LIMIT: Duration = Duration::from_secs(1);

/// What a daemon is started with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) loader: Loader,
    pub(crate) config: Config,
    pub(crate) health: Health,
    pub(crate) settings: Settings,
    pub(crate) selection: Selection,
    pub(crate) plans: PlanContext,
    pub(crate) log: LogSettings,
    pub(crate) interrupt: Interrupt,
    /// Where the pid files of the children are.
    pub(crate) pid_paths: PerRole<PathBuf>,
}

/// Whatever the loop waits for.
#[derive(Debug)]
enum Input {
    Request(Request),
    Child(Happening),
    Read(Option<Box<Loaded>>),
    Scrape(oneshot::Sender<Arc<Observation>>),
    /// A script of the start or the end has ended.
    Moment(Moment),
    Control(Query),
}

impl From<Request> for Input {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Moment> for Input {
    fn from(moment: Moment) -> Self {
        Self::Moment(moment)
    }
}

impl From<Happening> for Input {
    fn from(happening: Happening) -> Self {
        Self::Child(happening)
    }
}

/// Runs until the end, and returns the exit status.
///
/// # Errors
/// When signals cannot be watched.
pub(crate) async fn run(setup: Setup, held: [HeldSignals; 2]) -> std::io::Result<u8> {
    let (inputs, mut queue) = mpsc::channel(QUEUE);
    signals::watch(&inputs, setup.interrupt)?;
    // Whatever was asked for since the start is answered now.
    drop(held);
    let (listen, listening) = watch::channel(setup.config.globals.metrics_listen);
    let (ask, asked) = mpsc::channel(4);
    tokio::spawn(metrics::server::serve(listening, ask));
    tokio::spawn(forward(asked, inputs.clone(), Input::Scrape));
    let wanted = control::place(&setup.config.globals.control_socket, &setup.plans.runtime_dir);
    let (socket, place) = watch::channel(wanted);
    let (ask, asked) = mpsc::channel(4);
    tokio::spawn(control::serve(place, ask));
    tokio::spawn(forward(asked, inputs.clone(), Input::Control));
    let (times, scheduled) = watch::channel(setup.config.globals.reload_times.clone());
    tokio::spawn(timetable::follow(scheduled, inputs.clone()));
    let mut driver = Driver::new(setup, inputs, listen, socket, times);
    let mut interfaces = tokio::time::interval(memberships::PERIOD);
    let mut watchdog = systemd::watchdog_period().map(tokio::time::interval);
    loop {
        if let Some(status) = driver.act() {
            return Ok(status);
        }
        let deadline = driver.deadline();
        tokio::select! {
            input = queue.recv() => match input {
                Some(input) => driver.take(input),
                // The driver itself holds a sender.
                None => return Ok(1),
            },
            () = until(deadline) => driver.time_passed(),
            _ = interfaces.tick() => driver.memberships.follow(),
            () = tick(&mut watchdog) => systemd::watchdog(),
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn tick(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

async fn forward<T>(mut asked: mpsc::Receiver<T>, inputs: mpsc::Sender<Input>, input: fn(T) -> Input) {
    while let Some(question) = asked.recv().await {
        if inputs.send(input(question)).await.is_err() {
            return;
        }
    }
}

struct Driver {
    policy: Policy,
    loader: Loader,
    selection: Selection,
    context: PlanContext,
    log: LogSettings,
    config: Config,
    given: Given,
    health: Health,
    children: PerRole<Option<Child>>,
    /// Whether the end of the process was asked for.
    stop_asked: PerRole<bool>,
    /// Whether the next process replaces one that died.
    died: PerRole<bool>,
    /// Whether nobody does its work since.
    down: PerRole<bool>,
    pid_paths: PerRole<PathBuf>,
    pid_files: PerRole<Option<PidFile>>,
    collector: Collector,
    memberships: Memberships,
    /// What a VRRP process leaves to the next one.
    testament: Option<Testament>,
    /// Which tracked virtual servers have their quorum.
    quorums: Quorums,
    /// How BFD sessions are.
    board: Board,
    /// Of each process that has a plan to work on.
    pulses: PerRole<Option<Pulse>>,
    serial: u64,
    inputs: mpsc::Sender<Input>,
    listen: watch::Sender<MetricsListen>,
    socket: watch::Sender<Option<PathBuf>>,
    refusal: String,
    events: EventLog,
    recordings: Recordings,
    reloads: Reloads,
    /// The script of the start, while it runs.
    startup: Option<AbortHandle>,
    /// What the daemon ends with when the script of the end has ended.
    exit_after_script: u8,
    /// What it ends with now.
    exit: Option<u8>,
    times: watch::Sender<Option<ReloadTimes>>,
}

impl Driver {
    fn new(
        setup: Setup,
        inputs: mpsc::Sender<Input>,
        listen: watch::Sender<MetricsListen>,
        socket: watch::Sender<Option<PathBuf>>,
        times: watch::Sender<Option<ReloadTimes>>,
    ) -> Self {
        let wanted = setup.selection.wanted_at_start(&setup.config, &setup.plans.runtime_dir);
        let mut driver = Self {
            policy: Policy::new(Instant::now(), setup.settings, wanted),
            loader: setup.loader,
            selection: setup.selection,
            context: setup.plans,
            log: setup.log,
            config: setup.config,
            given: Given::default(),
            health: setup.health,
            children: PerRole::default(),
            stop_asked: PerRole::default(),
            died: PerRole::default(),
            down: PerRole::default(),
            pid_paths: setup.pid_paths,
            pid_files: PerRole::default(),
            collector: Collector::default(),
            memberships: Memberships::default(),
            testament: testament(),
            quorums: Quorums::default(),
            board: Board::default(),
            pulses: PerRole::default(),
            serial: 0,
            inputs,
            listen,
            socket,
            refusal: String::new(),
            events: EventLog::default(),
            recordings: Recordings::default(),
            reloads: Reloads::default(),
            startup: None,
            exit_after_script: 0,
            exit: None,
            times,
        };
        driver.note_wanted(wanted);
        driver
    }

    fn note_wanted(&mut self, wanted: Wanted) {
        for role in Role::ALL {
            self.health.children.of_mut(role).wanted = *wanted.roles.of(role);
        }
        self.health.generation = self.policy.generation().0;
        if wanted.roles.vrrp {
            self.memberships.want(&self.config.vrrp);
        } else {
            self.memberships.want(&VrrpConfig::default());
        }
        self.board.want(Instant::now(), &self.config.bfd);
    }

    /// Does everything that is to be done now; the exit status at the end.
    fn act(&mut self) -> Option<u8> {
        self.collect();
        self.tell_quorums();
        self.tell_sessions();
        while let Some(action) = self.policy.poll_action() {
            match action {
                Action::Load => self.load(),
                Action::Spawn(role) => self.spawn(role),
                Action::Postponed(role, delay) => {
                    tracing::warn!("{} process: next start in {delay:?}", role.name());
                }
                Action::Apply(role, generation) => self.apply(role, generation),
                Action::Clear(role) => self.clear(role),
                Action::Stop(role, manner) => self.stop(role, manner),
                Action::Kill(role) => self.kill(role),
                Action::Announce(announcement) => self.announce(announcement),
                Action::Prepare => self.startup = self.begin_moment(Moment::Startup),
                Action::Exit(status) => self.part(status),
            }
        }
        self.exit
    }

    /// Ends with a status, after the script of the end if there is one.
    fn part(&mut self, status: u8) {
        if let Some(startup) = self.startup.take() {
            startup.abort();
        }
        self.exit_after_script = status;
        if self.begin_moment(Moment::Shutdown).is_none() {
            self.exit = Some(status);
        }
    }

    /// Starts the script of a moment; `None` when there is none.
    fn begin_moment(&self, moment: Moment) -> Option<AbortHandle> {
        let globals = &self.config.globals;
        let script = match moment {
            Moment::Startup => &globals.startup_script,
            Moment::Shutdown => &globals.shutdown_script,
        };
        let script = script.clone()?;
        Some(moments::run(moment, script, globals.scripts.clone(), self.inputs.clone()))
    }

    fn moment_over(&mut self, moment: Moment) {
        match moment {
            Moment::Startup => {
                self.startup = None;
                self.tell(Event::Prepared);
            }
            Moment::Shutdown => self.exit = Some(self.exit_after_script),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let pulses = Role::ALL.map(|role| self.pulses.of(role).as_ref().map(Pulse::due));
        let told = self.quorums_due().into_iter().chain(self.sessions_due()).min();
        let others = [self.policy.poll_timeout(), self.collector.deadline(), told];
        others.into_iter().chain(pulses).flatten().min()
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        self.policy.handle_timeout(now);
        self.board.handle_timeout(now);
        Role::ALL.into_iter().for_each(|role| self.feel_pulse(role, now));
    }

    /// Asks a process whether it lives, and draws the conclusion when it has not answered for long.
    fn feel_pulse(&mut self, role: Role, now: Instant) {
        match self.pulses.of_mut(role).as_mut().and_then(|pulse| pulse.beat(now)) {
            None => {}
            Some(Beat::Ask(number)) => self.send_short(role, &ToChild::Ping { number }),
            Some(Beat::Late) => {
                tracing::warn!("the {} process does not answer for {} s", role.name(), Pulse::LATE);
                self.health.children.of_mut(role).silences += 1;
                let text = format!("does not answer for {} s", Pulse::LATE);
                self.events.add(control::view::Event::process(role, text));
            }
            Some(Beat::Gone) => {
                tracing::error!("the {} process does not answer for {} s", role.name(), Pulse::GONE);
                *self.pulses.of_mut(role) = None;
                self.tell(Event::Broken(role));
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Request(Request::Stop) => self.tell(Event::StopRequested),
            Input::Request(Request::Reload) => self.tell(Event::ReloadRequested),
            Input::Request(Request::Dump(dump)) => self.collector.want(Purpose::Dump(dump)),
            Input::Control(query) => self.query(query),
            Input::Scrape(reply) => self.collector.want(Purpose::Scrape(reply)),
            Input::Moment(moment) => self.moment_over(moment),
            Input::Read(loaded) => self.judge(loaded),
            Input::Child(happening) => self.child(happening),
        }
    }

    fn tell(&mut self, event: Event) {
        self.policy.handle(Instant::now(), event);
    }

    // Configuration.

    fn query(&mut self, query: Query) {
        match query {
            Query::Status(reply) => self.collector.want(Purpose::Scrape(reply)),
            // Who has gone away needs no answer.
            Query::Events(after, reply) => drop(reply.send(self.events.follow(after))),
            Query::Record(reply) => {
                if self.recordings.want(reply) {
                    self.send_short(Role::Vrrp, &ToChild::Record);
                }
                if self.children.of(Role::Vrrp).is_none() {
                    self.recordings.lost();
                }
            }
            Query::Reload(reply) => {
                self.reloads.ask(reply);
                self.tell(Event::ReloadRequested);
            }
        }
    }

    fn load(&mut self) {
        self.reloads.begin();
        let (loader, inputs) = (self.loader.clone(), self.inputs.clone());
        let mark = mark::path(&self.config.globals, &self.context.runtime_dir);
        tokio::spawn(async move {
            // An error is a panic in the reading, which must not take the daemon down.
            let loaded = tokio::task::spawn_blocking(move || {
                let _mark = mark.map(Mark::set);
                Box::new(loader.read())
            });
            let loaded = loaded.await.ok();
            let _ = inputs.send(Input::Read(loaded)).await;
        });
    }

    fn judge(&mut self, loaded: Option<Box<Loaded>>) {
        self.health.reload.last_attempt = since_epoch();
        match loaded.ok_or(Refusal::Panic).and_then(|loaded| self.accept(*loaded)) {
            Ok(config) => self.adopt(config),
            Err(refusal) => {
                self.refusal = refusal.to_string();
                self.health.reload.last_refused = true;
                self.health.reload.refused += 1;
                self.reloads.refused(&self.refusal, self.policy.generation());
                self.tell(Event::LoadRefused);
            }
        }
    }

    /// Refuses also what a running daemon cannot change.
    fn accept(&mut self, loaded: Loaded) -> Result<Config, Refusal> {
        loader::log(&loaded);
        self.reloads.read(&loaded);
        self.health.diagnostics = loader::counts(&loaded);
        let config = self.loader.accept(loaded)?;
        let (old, new) = (&self.config.globals, &config.globals);
        if old.net_namespace != new.net_namespace {
            Err(Refusal::NeedsRestart("net_namespace"))
        } else if self.config.lvs.namespace != config.lvs.namespace {
            Err(Refusal::NeedsRestart("net_namespace_ipvs"))
        } else if old.instance != new.instance {
            Err(Refusal::NeedsRestart("instance"))
        } else {
            Ok(config)
        }
    }

    fn adopt(&mut self, config: Config) {
        if configures_nothing(&config) && !configures_nothing(&self.config) {
            // The language allows it; a file that was cut or emptied by accident looks the same.
            tracing::warn!("the new configuration has nothing to do: all addresses and services are removed");
        }
        self.listen.send_replace(config.globals.metrics_listen);
        let wanted = control::place(&config.globals.control_socket, &self.context.runtime_dir);
        self.socket.send_if_modified(|place| std::mem::replace(place, wanted.clone()) != wanted);
        self.times.send_if_modified(|times| {
            std::mem::replace(times, config.globals.reload_times.clone()) != config.globals.reload_times
        });
        let wanted = self.selection.wanted(&config);
        lvsd_net::set_umask(self.context.umask.unwrap_or(config.globals.umask));
        self.given.replaced(self.policy.generation(), &self.config.lvs, &config.lvs);
        self.config = config;
        self.health.reload.last_refused = false;
        self.health.reload.succeeded += 1;
        self.tell(Event::Loaded(wanted));
        self.note_wanted(wanted);
    }

    // Children.

    fn spawn(&mut self, role: Role) {
        self.serial += 1;
        let id = ChildId { role, serial: self.serial };
        let health = self.health.children.of_mut(role);
        health.generation = 0;
        health.restarts += u64::from(std::mem::take(self.died.of_mut(role)));
        *self.stop_asked.of_mut(role) = false;
        let testament = self.testament.as_ref().filter(|_| role == Role::Vrrp);
        match Child::spawn(id, &self.log, testament, &self.inputs) {
            Ok(child) => {
                tracing::info!(pid = child.pid, "{} process started", role.name());
                self.events
                    .add(control::view::Event::process(role, format!("started, process {}", child.pid)));
                self.note_pid(role, child.pid);
                *self.children.of_mut(role) = Some(child);
            }
            Err(error) => {
                tracing::error!(%error, "{} process cannot be started", role.name());
                *self.died.of_mut(role) = true;
                self.tell(Event::SpawnFailed(role));
            }
        }
    }

    fn note_pid(&mut self, role: Role, pid: u32) {
        let written = PidFile::create(self.pid_paths.of(role)).and_then(|mut file| {
            file.write(pid)?;
            Ok(file)
        });
        match written {
            Ok(file) => *self.pid_files.of_mut(role) = Some(file),
            Err(error) => tracing::warn!(%error, "no pid file for the {} process", role.name()),
        }
    }

    fn apply(&mut self, role: Role, generation: Generation) {
        let amends = match (role, self.children.of(role)) {
            (Role::Checker, Some(child)) => self.given.give(child.id.serial, generation),
            _ => None,
        };
        let frame = self.plan(role, generation, &self.config, amends);
        self.send_plan(role, frame);
        if role == Role::Vrrp {
            self.quorums.forget_told();
        }
        // Behind the plan, which says whom it concerns.
        self.board.forget_told(role);
        self.tell_sessions();
    }

    fn clear(&mut self, role: Role) {
        self.given.forget();
        let frame = self.plan(role, Generation(0), &plan::nothing(&self.config), None);
        self.send_plan(role, frame);
    }

    fn plan(
        &self,
        role: Role,
        generation: Generation,
        config: &Config,
        amends: Option<Amendment>,
    ) -> Result<Frame, FrameError> {
        let reader = plan::common_reader(&self.selection.wanted(config));
        match role {
            Role::Vrrp => {
                let mut plan = Box::new(plan::vrrp(config, &self.context, reader));
                if !self.selection.wanted(config).roles.checker {
                    plan::untrack_services(&mut plan.config);
                }
                lvsd_ipc::encode(&ToChild::Apply { generation, plan })
            }
            Role::Checker => {
                let plan = Box::new(plan::checker(config, amends, &self.context, reader));
                lvsd_ipc::encode(&ToChild::Apply { generation, plan })
            }
            Role::Bfd => {
                let plan = Box::new(plan::bfd(config));
                lvsd_ipc::encode(&ToChild::Apply { generation, plan })
            }
        }
    }

    fn send_plan(&mut self, role: Role, frame: Result<Frame, FrameError>) {
        match frame {
            Ok(frame) => self.send(role, frame),
            Err(error) => {
                self.given.forget();
                tracing::error!(%error, "the plan of the {} process cannot be sent", role.name());
            }
        }
    }

    fn stop(&mut self, role: Role, manner: StopManner) {
        *self.stop_asked.of_mut(role) = true;
        // From here on its end has a limit of its own.
        *self.pulses.of_mut(role) = None;
        self.send_short(role, &ToChild::Stop(manner));
    }

    /// Sends a message that carries no plan, and so is the same for every role.
    fn send_short(&mut self, role: Role, message: &ToChild<()>) {
        match lvsd_ipc::encode(message) {
            Ok(frame) => self.send(role, frame),
            Err(error) => tracing::error!(%error, "a message cannot be encoded"),
        }
    }

    fn send(&mut self, role: Role, frame: Frame) {
        if let Some(child) = self.children.of(role)
            && !child.send(frame)
        {
            tracing::error!("the {} process does not read its messages", role.name());
            self.tell(Event::Broken(role));
        }
    }

    fn kill(&self, role: Role) {
        if let Some(child) = self.children.of(role) {
            tracing::error!(pid = child.pid, "{} process is killed", role.name());
            child.kill();
        }
    }

    fn child(&mut self, happening: Happening) {
        let (Happening::Said(id, _) | Happening::Silent(id, _) | Happening::Exited(id, _)) = happening;
        // What a predecessor said last is of no interest.
        if self.children.of(id.role).as_ref().is_none_or(|child| child.id != id) {
            return;
        }
        match happening {
            Happening::Said(_, report) => self.report(id.role, report),
            Happening::Silent(_, ended) => self.silent(id, ended),
            Happening::Exited(_, status) => self.exited(id.role, status),
        }
    }

    /// A process that dies closes its connection first; only one that lives on has to be killed.
    fn silent(&mut self, id: ChildId, ended: Silence) {
        self.collector.lost(id.role);
        match ended {
            Silence::Closed => {
                let inputs = self.inputs.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(EXIT_LIMIT).await;
                    let _ = inputs.send(Happening::Silent(id, Silence::LivesOn).into()).await;
                });
            }
            Silence::LivesOn => {
                tracing::error!("the {} process has closed its connection", id.role.name());
                self.tell(Event::Broken(id.role));
            }
            Silence::Rubbish(error) => {
                tracing::error!(%error, "the {} process cannot be understood", id.role.name());
                self.tell(Event::Broken(id.role));
            }
        }
    }

    fn report(&mut self, role: Role, report: Report) {
        match report {
            Report::Ready => {
                *self.pulses.of_mut(role) = Some(Pulse::new(Instant::now()));
                self.tell(Event::Ready(role));
            }
            Report::Pong { number } => {
                if self.pulses.of_mut(role).as_mut().is_some_and(|pulse| pulse.answered(number)) {
                    tracing::warn!("the {} process answers again", role.name());
                }
            }
            Report::Applied { generation, outcome } => self.applied(role, generation, outcome),
            Report::Vrrp { request, snapshot } => self.collector.vrrp(request, snapshot),
            Report::Checker { request, snapshot } => self.collector.checker(request, snapshot),
            Report::Quorums(states) => self.quorums.reported(states),
            Report::Recording(recording) => self.recordings.came(&recording),
            Report::Bfd { request, snapshot } => self.collector.bfd(request, snapshot),
            Report::Sessions(states) => {
                self.board.reported(&states);
                self.tell_sessions();
            }
            Report::Event(event) => self.events.add(control::view::Event::child(event)),
            Report::Stopped => self.tell(Event::Stopped(role)),
        }
    }

    fn applied(&mut self, role: Role, generation: Generation, outcome: Applied) {
        let reasons = match outcome {
            Applied::Done => Vec::new(),
            Applied::Degraded(reasons) => reasons,
        };
        for reason in &reasons {
            tracing::warn!("{} process: {reason}", role.name());
        }
        let health = self.health.children.of_mut(role);
        health.generation = generation.0;
        health.degraded = reasons.len() as u64;
        if role == Role::Vrrp {
            // It has made its interfaces.
            self.memberships.follow();
        }
        if std::mem::take(self.down.of_mut(role)) {
            systemd::status(&self.status());
        }
        self.tell(Event::Applied(role, generation));
    }

    fn exited(&mut self, role: Role, status: std::io::Result<ExitStatus>) {
        let name = role.name();
        let released = *self.stop_asked.of(role) && status.as_ref().is_ok_and(ExitStatus::success);
        let text = match &status {
            Ok(status) if status.success() => "ended".to_owned(),
            Ok(status) => format!("died: {status}"),
            Err(error) => format!("died: {error}"),
        };
        self.events.add(control::view::Event::process(role, text));
        match status {
            Ok(status) if status.success() => tracing::info!("{name} process ended"),
            // Names the signal, or gives the exit status.
            Ok(status) => tracing::error!("{name} process died: {status}"),
            Err(error) => tracing::error!(%error, "{name} process died"),
        }
        *self.children.of_mut(role) = None;
        *self.pulses.of_mut(role) = None;
        *self.pid_files.of_mut(role) = None;
        if role == Role::Bfd {
            self.board.lost(Instant::now());
        }
        *self.died.of_mut(role) = !*self.stop_asked.of(role);
        if *self.died.of(role) {
            *self.down.of_mut(role) = true;
            systemd::status(&self.status());
        }
        self.collector.lost(role);
        if released {
            // Its last words may come after the news of its end.
            self.tell(Event::Stopped(role));
        }
        if role == Role::Vrrp {
            self.recordings.lost();
        }
        self.tell(Event::Exited(role));
    }

    // Observations.

    fn collect(&mut self) {
        loop {
            let now = Instant::now();
            let children = &self.children;
            let awaited = PerRole {
                vrrp: children.vrrp.is_some(),
                checker: children.checker.is_some(),
                bfd: children.bfd.is_some(),
            };
            self.collector.begin(now, awaited);
            while let Some((role, request)) = self.collector.question(now) {
                self.send_short(role, &ToChild::Snapshot { request });
            }
            let Some((mut observation, purposes)) = self.collector.finish(now) else { return };
            observation.health = self.health;
            let observation = Arc::new(observation);
            purposes.into_iter().for_each(|purpose| self.serve(&observation, purpose));
        }
    }

    fn serve(&mut self, observation: &Arc<Observation>, purpose: Purpose) {
        match purpose {
            // A scraper that has gone away needs no answer.
            Purpose::Scrape(reply) => drop(reply.send(Arc::clone(observation))),
            Purpose::Dump(dump) => {
                self.dump(dump, observation);
                if dump == Dump::StatsThenClear {
                    self.send_short(Role::Vrrp, &ToChild::ClearCounters);
                    self.send_short(Role::Bfd, &ToChild::ClearCounters);
                }
            }
        }
    }

    fn dump(&self, dump: Dump, observation: &Observation) {
        let directory = dump::directory();
        let files = dump::files(dump, since_epoch(), &directory, &self.config, observation);
        if files.is_empty() {
            tracing::warn!("nothing to dump: no process has answered");
            return;
        }
        tokio::task::spawn_blocking(move || match dump::write(&files) {
            Ok(()) => files.iter().for_each(|(path, _)| tracing::info!("dumped to {}", path.display())),
            Err((path, error)) => tracing::error!(%error, "dump to {}", path.display()),
        });
    }

    // Words.

    fn announce(&mut self, announcement: Announcement) {
        self.remember(&announcement);
        match announcement {
            Announcement::Started => {
                tracing::info!("lvsd {} is ready: {}", crate::VERSION, self.status());
                systemd::ready(&self.status());
            }
            Announcement::Reloading => {
                tracing::info!("reload of {}", self.loader.path.display());
                systemd::reloading();
            }
            Announcement::Reloaded(_) => {
                tracing::info!("reload done: {}", self.status());
                systemd::ready(&self.status());
            }
            Announcement::ReloadRefused => {
                tracing::error!("reload refused, nothing has changed: {}", self.refusal);
                systemd::ready(&format!("reload refused: {}; {}", self.refusal, self.status()));
            }
            Announcement::Unacknowledged(generation) => {
                tracing::error!("configuration {} is not in force everywhere yet", generation.0);
            }
            Announcement::Stopping => {
                tracing::info!("stopping");
                systemd::stopping();
            }
        }
    }

    /// Tells whoever follows the events, and whoever waits for a reload.
    fn remember(&mut self, announcement: &Announcement) {
        use control::view::Event as Told;
        self.events.add(match announcement {
            Announcement::Started => Told::daemon(format!("ready: {}", self.status())),
            Announcement::Reloading => Told::reload("begins".to_owned()),
            Announcement::Reloaded(generation) => {
                self.reloads.applied(*generation, Progress::Everywhere);
                Told::reload(format!("done: {}", self.status()))
            }
            Announcement::ReloadRefused => {
                Told::reload(format!("refused, nothing has changed: {}", self.refusal))
            }
            Announcement::Unacknowledged(generation) => {
                self.reloads.applied(*generation, Progress::NotEverywhere);
                Told::reload(format!("configuration {} is not in force everywhere yet", generation.0))
            }
            Announcement::Stopping => Told::daemon("stops".to_owned()),
        });
    }

    /// What runs, in one line.
    fn status(&self) -> String {
        let servers: usize = self.config.lvs.services.iter().map(|service| service.real_servers.len()).sum();
        let mut text = format!(
            "configuration {}: {} virtual routers, {} virtual servers, {servers} real servers",
            self.policy.generation().0,
            self.config.vrrp.instances.len(),
            self.config.lvs.services.len(),
        );
        let tolerated = self.health.diagnostics.tolerated;
        if tolerated > 0 && !self.health.reload.last_refused {
            text.push_str(&format!("; {tolerated} tolerated mistakes"));
        }
        for role in Role::ALL {
            if *self.down.of(role) && self.health.children.of(role).wanted {
                text.push_str(&format!("; the {} process is down", role.name()));
            }
        }
        text
    }
}

/// The time of day, for people and for exporters.
pub(crate) fn since_epoch() -> Duration {
    // A clock before 1970 is shown as 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Without one a VRRP process that takes the place of another begins anew.
fn testament() -> Option<Testament> {
    let made = Testament::new();
    made.inspect_err(|error| tracing::warn!(%error, "a VRRP process that dies will lose its addresses")).ok()
}

fn configures_nothing(config: &Config) -> bool {
    config.vrrp.instances.is_empty() && config.lvs.is_idle()
}
