//! The keeper: a thread that makes the kernel have the addresses that should be there, announces them, and tells the election
//! what happens to links and addresses.
//!
//! It works off commands in the order in which the election gave them; nothing that it waits for (netlink, a full interface
//! queue) is waited for by the election. A command is a few system calls away from the wire: netlink on a blocking socket, then
//! the packet socket, in one thread.

mod debounce;
mod firewall;
mod holdings;
mod journal;
mod links;
mod pacer;
mod routing;
mod secondaries;
mod sysctls;
mod table;
mod undo;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use lvsd_model::{Family, Instance, InterfaceName, VrrpConfig};
use lvsd_net::{
    AddressEntry, AddressKey, AnnounceSocket, Link, Mac, Monitor, MonitorEvent, NaRole, Rtnl, Wakeup, uptime,
};
use lvsd_vrrp::{Action, AddressChange, Announce, InstanceId, State};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use tokio::sync::oneshot;
use tracing::{debug, error, warn};

use debounce::Debounce;
use firewall::Firewall;
pub(crate) use holdings::Foreign;
use holdings::Holdings;
use journal::Journal;
use links::{Links, Tools};
use pacer::{Due, Pacer};
use routing::Routing;
use secondaries::Secondaries;
pub(crate) use table::Fact;
use table::Table;
use undo::Undo;

use crate::election;

/// When links and addresses that could not be read are read again.
const REREAD: Duration = Duration::from_secs(1);
/// Announcements sent before commands are looked at again.
const BURST: usize = 64;

/// Counters of one instance, for the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Gratuitous ARPs and unsolicited neighbour advertisements sent.
    pub(crate) announced: u64,
    /// Addresses that are there.
    pub(crate) present: u32,
    /// Routes and rules that are there.
    pub(crate) routing_present: u32,
}

/// Counters of one instance, and of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// By instance.
    pub(crate) instances: BTreeMap<InstanceId, Kept>,
    /// Routes and rules put back.
    pub(crate) routing_healed: u64,
}

/// What the keeper is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Removes what earlier processes left and tells the election about all links and addresses; once, before the first plan.
    Begin {
        /// The first plan's.
        config: Arc<VrrpConfig>,
        /// Those of its instances that were MASTER in a process that died: what they held stays until [`Settle`](Self::Settle).
        inherited: Vec<Arc<Instance>>,
        /// Answered when the election has been told, with the names of those of which every address is there.
        done: oneshot::Sender<Vec<String>>,
    },
    /// Makes the interfaces that a configuration wants, before its instances are; those that it does not want any more stay.
    Prepare {
        /// The configuration.
        config: Arc<VrrpConfig>,
        /// Answered with what cannot be, when the election has been told about the others.
        done: oneshot::Sender<Vec<String>>,
    },
    /// Removes interfaces that the configuration prepared last does not want: its predecessor's instances are gone. Removes, too,
    /// what was inherited and nobody holds.
    Settle,
    /// Removes all interfaces and rules of ours, and puts all settings back.
    Undo,
    /// What becomes of foreign addresses from now on.
    Foreign(Foreign),
    /// What is to be there whoever is master, and which settings of interfaces.
    Standing(Arc<VrrpConfig>),
    /// Something that the election decided: addresses, announcements, becoming backup.
    Do {
        /// Whose.
        id: InstanceId,
        /// Its configuration.
        config: Arc<Instance>,
        /// What.
        action: Action,
    },
    /// The counters of all instances that have some.
    Count(oneshot::Sender<Counts>),
    /// Removes every address that is held: the election has died.
    ReleaseAll,
    /// Forget the counters.
    ClearCounters,
    /// Answered when everything told before is done.
    Barrier(oneshot::Sender<()>),
}

/// The way to the keeper. Sending never blocks.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    sender: mpsc::Sender<Command>,
    wakeup: Arc<Wakeup>,
}

impl Handle {
    /// Tells the keeper something. A keeper that has ended is noticed by the main thread; until then commands go nowhere.
    pub(crate) fn send(&self, command: Command) {
        if self.sender.send(command).is_ok() {
            self.wakeup.raise();
        }
    }
}

/// What has to be opened in the right network namespace before the thread starts.
#[derive(Debug)]
pub(crate) struct Ingredients {
    receiver: mpsc::Receiver<Command>,
    wakeup: Arc<Wakeup>,
    kernel: Rtnl,
    routing_kernel: Rtnl,
    monitor: Monitor,
    announcer: AnnounceSocket,
}

/// Opens everything the keeper needs.
///
/// # Errors
/// The kernel's: a missing privilege, above all.
pub(crate) fn prepare() -> io::Result<(Handle, Ingredients)> {
    let (sender, receiver) = mpsc::channel();
    let wakeup = Arc::new(Wakeup::new()?);
    let ingredients = Ingredients {
        receiver,
        wakeup: Arc::clone(&wakeup),
        // Before the first dump, so that nothing falls between the two.
        monitor: Monitor::open()?,
        kernel: Rtnl::open()?,
        routing_kernel: Rtnl::open()?,
        announcer: AnnounceSocket::open()?,
    };
    Ok((Handle { sender, wakeup }, ingredients))
}

/// Starts the thread; it ends when all its handles are gone. It begins with `begin`, whose result is dropped when it ends.
///
/// # Errors
/// No room for a thread.
pub(crate) fn start<G>(
    ingredients: Ingredients,
    runtime_dir: PathBuf,
    election: election::Handle,
    begin: impl FnOnce() -> G + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("lvsd: keeper".to_owned()).spawn(move || {
        let _guard = begin();
        let Ingredients { receiver, wakeup, kernel, routing_kernel, monitor, announcer } = ingredients;
        let keeper = Keeper {
            holdings: Holdings::new(kernel, Journal::new(&runtime_dir, lvsd_ipc::Role::Vrrp.journal())),
            routing: Routing::new(routing_kernel, &runtime_dir),
            secondaries: Secondaries::default(),
            missing: BTreeMap::new(),
            monitor,
            announcer,
            table: Table::default(),
            debounce: Debounce::default(),
            links: Links::default(),
            firewall: Firewall::default(),
            undo: Undo::new(&runtime_dir),
            pacer: Pacer::default(),
            announced: HashMap::new(),
            foreign: Foreign::Leave,
            election,
            reread_at: None,
        };
        keeper.run(&receiver, &wakeup);
    })
}

struct Keeper {
    holdings: Holdings,
    routing: Routing,
    secondaries: Secondaries,
    /// What the election knows to be missing, by track group.
    missing: BTreeMap<String, String>,
    monitor: Monitor,
    announcer: AnnounceSocket,
    table: Table,
    debounce: Debounce,
    links: Links,
    firewall: Firewall,
    undo: Undo,
    pacer: Pacer,
    announced: HashMap<InstanceId, u64>,
    foreign: Foreign,
    election: election::Handle,
    reread_at: Option<Duration>,
}

impl Keeper {
    fn run(mut self, receiver: &mpsc::Receiver<Command>, wakeup: &Wakeup) {
        loop {
            self.wait(wakeup);
            wakeup.clear();
            loop {
                match receiver.try_recv() {
                    Ok(command) => self.handle(command),
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return,
                }
                // So that the first instance of many is announced before the last one has its addresses.
                self.announce();
            }
            if self.reread_at.is_some_and(|at| at <= uptime()) {
                self.reread();
            }
            if self.links.retry_at().is_some_and(|at| at <= uptime()) {
                self.keep_links();
            }
            self.watch();
            self.announce();
            if self.holdings.retry_at().is_some_and(|at| at <= uptime()) {
                self.holdings.reconcile(uptime(), &self.table);
            }
            self.routing.watch(uptime());
            self.routing.work(uptime(), &self.table);
            self.tell_missing();
        }
    }

    /// Tells the election what its track groups cannot have, when that has changed.
    fn tell_missing(&mut self) {
        let mut now = self.routing.missing();
        for (group, what) in self.holdings.missing_statics(&self.table) {
            now.entry(group).or_insert(what);
        }
        if now == self.missing {
            return;
        }
        let before = std::mem::replace(&mut self.missing, now);
        let gone = before.keys().filter(|group| !self.missing.contains_key(*group));
        let changed = self.missing.iter().filter(|(group, what)| before.get(*group) != Some(*what));
        let changed = changed.map(|(group, what)| (group, Some(what.clone())));
        for (group, what) in gone.map(|group| (group, None)).chain(changed) {
            self.election.send(election::Input::StaticMissing { group: group.clone(), what });
        }
    }

    /// Waits for a command, an event, or the next thing that is due.
    fn wait(&self, wakeup: &Wakeup) {
        use std::os::fd::AsFd;
        let due = [
            self.pacer.deadline(),
            self.holdings.retry_at(),
            self.routing.deadline(),
            self.links.retry_at(),
            self.reread_at,
            self.debounce.deadline(),
        ];
        let due = due.into_iter().flatten().min();
        let timeout = due.map(|at| TimeSpec::from_duration(at.saturating_sub(uptime())));
        let wakers =
            [Some(wakeup.as_fd()), Some(self.monitor.as_fd()), self.routing.events(), self.firewall.as_fd()];
        let mut fds: Vec<PollFd<'_>> =
            wakers.into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // An interrupted wait is over early, which does no harm.
        let _ = ppoll(&mut fds, timeout, None);
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Begin { config, inherited, done } => {
                self.reread();
                let Self { holdings, links, undo, table, .. } = self;
                links.adopt(&config, &mut Tools { kernel: holdings.kernel(), undo, table });
                let there = self.inherit(inherited);
                // What cannot be seen cannot be removed; the journal keeps it for the next start.
                if self.reread_at.is_none() {
                    // What an address is the source of goes before it.
                    self.routing.remove_leftovers(uptime(), &config, &self.table);
                    self.holdings.remove_leftovers(uptime(), &config, &self.table);
                }
                self.stand(&config);
                self.watch();
                self.tell_missing();
                let _ = done.send(there);
            }
            Command::Prepare { config, done } => {
                let _ = done.send(self.prepare(&config));
            }
            Command::Settle => {
                self.disinherit();
                let Self { holdings, links, undo, table, .. } = self;
                links.settle(uptime(), &mut Tools { kernel: holdings.kernel(), undo, table });
                self.finish_links();
            }
            Command::Undo => {
                let Self { holdings, links, firewall, undo, table, .. } = self;
                links.remove_all(&mut Tools { kernel: holdings.kernel(), undo, table });
                // Last, so that no membership report of a VMAC that goes is seen.
                firewall.remove_all(undo);
            }
            Command::Foreign(foreign) => self.foreign = foreign,
            Command::Standing(config) => {
                self.stand(&config);
                self.tell_missing();
            }
            Command::Do { id, config, action } => self.act(id, &config, action),
            Command::Count(reply) => {
                let _ = reply.send(self.count());
            }
            Command::ReleaseAll => {
                self.disinherit();
                self.routing.release_all(uptime(), &self.table);
                self.holdings.release_all(uptime(), &self.table);
            }
            Command::ClearCounters => self.announced.clear(),
            Command::Barrier(done) => {
                let _ = done.send(());
            }
        }
    }

    /// Keeps what instances hold that may go on as MASTER. Gives the names of those that have lost nothing.
    fn inherit(&mut self, inherited: Vec<Arc<Instance>>) -> Vec<String> {
        let whole: Vec<Arc<Instance>> =
            inherited.into_iter().filter(|config| self.holdings.are_there(config, &self.table)).collect();
        self.holdings.promise(&whole);
        self.routing.promise(&whole);
        whole.iter().map(|config| config.name.clone()).collect()
    }

    /// Whoever goes on holds its own by now.
    fn disinherit(&mut self) {
        self.routing.end_promises(uptime(), &self.table);
        self.holdings.end_promises(uptime(), &self.table);
    }

    /// Makes the kernel have what is there whoever is master.
    fn stand(&mut self, config: &VrrpConfig) {
        self.secondaries.apply(config);
        // Addresses, then what is built on them.
        self.holdings.set_statics(uptime(), &config.statics, &self.table);
        self.routing.set_statics(uptime(), config.statics.clone(), &self.table);
    }

    fn act(&mut self, id: InstanceId, config: &Arc<Instance>, action: Action) {
        let now = uptime();
        match action {
            Action::Addresses(AddressChange::Hold) => {
                self.refuse(id, config);
                self.holdings.hold(now, id, config, &self.table);
                self.routing.hold(now, id, config, &self.table);
            }
            Action::Addresses(AddressChange::Update { .. }) => {
                self.routing.shrink(now, id, config, &self.table);
                self.refuse(id, config);
                self.holdings.update(now, id, config, &self.table);
                self.routing.add_missing(now, &self.table);
            }
            Action::Addresses(AddressChange::Restore { .. }) => {
                self.holdings.reconcile(now, &self.table);
                // The kernel has removed the routes with that source.
                self.routing.robbed(now);
            }
            Action::Addresses(AddressChange::Release) => {
                self.pacer.forget(id);
                self.routing.release(now, id, &self.table);
                self.holdings.release(now, id, config, self.foreign, &self.table);
                self.firewall.release(id);
                self.guard();
            }
            Action::Announce(announce) => self.queue(id, config, &announce),
            Action::Transition(transition) => {
                if transition.to == State::Backup && self.foreign == Foreign::Remove {
                    self.holdings.release(now, id, config, self.foreign, &self.table);
                }
            }
            Action::Send(_)
            | Action::Inquire { .. }
            | Action::LowerPriorityHeard { .. }
            | Action::PriorityChanged { .. } => {
                debug_assert!(false, "not the keeper's");
            }
        }
    }

    fn prepare(&mut self, config: &VrrpConfig) -> Vec<String> {
        self.debounce.configure(config);
        self.pacer.configure(config);
        self.table.track(tracked_sources(config));
        self.firewall.configure(config);
        let Self { holdings, links, undo, table, .. } = self;
        let tools = &mut Tools { kernel: holdings.kernel(), undo, table };
        let mut problems = links.prepare(uptime(), config, tools);
        self.finish_links();
        // An interface that was set up is up at once; so an instance need not start with a fault.
        self.reread_links();
        self.watch();
        problems.extend(self.firewall.trouble().cloned());
        problems
    }

    /// Makes interfaces that are missing.
    fn keep_links(&mut self) {
        let Self { holdings, links, undo, table, .. } = self;
        if links.reconcile(uptime(), &mut Tools { kernel: holdings.kernel(), undo, table }) {
            self.finish_links();
        }
    }

    /// Interfaces may be new: first the rules, then they are set up.
    fn finish_links(&mut self) {
        self.guard();
        let Self { holdings, links, undo, table, .. } = self;
        links.raise(uptime(), &mut Tools { kernel: holdings.kernel(), undo, table });
    }

    /// Makes the firewall what it should be.
    fn guard(&mut self) {
        self.firewall.reconcile(&self.links, &self.table, &mut self.undo);
    }

    /// Before its addresses are there, the firewall knows what they refuse.
    fn refuse(&mut self, id: InstanceId, config: &Arc<Instance>) {
        self.firewall.hold(id, config);
        self.guard();
    }

    fn copy_addresses(&mut self) {
        let Self { holdings, links, undo, table, .. } = self;
        if links.copy_addresses(uptime(), &mut Tools { kernel: holdings.kernel(), undo, table }) {
            self.guard();
        }
    }

    fn queue(&mut self, id: InstanceId, config: &Instance, announce: &Announce) {
        debug!(instance = config.name, reason = ?announce.reason, rounds = announce.rounds, "announcing addresses");
        self.pacer.push(id, config, announce);
    }

    fn count(&self) -> Counts {
        let announced =
            self.announced.iter().map(|(id, count)| (*id, Kept { announced: *count, ..Kept::default() }));
        let mut kept: BTreeMap<InstanceId, Kept> = announced.collect();
        for (id, present) in self.holdings.present(&self.table) {
            kept.entry(id).or_default().present = present;
        }
        for (id, present) in self.routing.present() {
            kept.entry(id).or_default().routing_present = present;
        }
        Counts { instances: kept, routing_healed: self.routing.healed() }
    }

    /// Sends announcements that are due, a burst at most.
    fn announce(&mut self) {
        for _ in 0..BURST {
            let Some(due) = self.pacer.pop(uptime()) else { return };
            let Some(link) = self.table.link(due.interface.as_str()).filter(|link| !link.no_arp) else {
                continue;
            };
            match send(&self.announcer, link, &due) {
                Ok(()) => *self.announced.entry(due.id).or_default() += 1,
                // The repeats make up for it.
                Err(error) => {
                    debug!(address = %due.address, interface = link.name, %error, "an announcement was not sent")
                }
            }
        }
    }

    /// Takes in what the monitor has, and passes on what matters.
    fn watch(&mut self) {
        let mut missed: Vec<(InstanceId, AddressKey)> = Vec::new();
        let mut links_changed = false;
        loop {
            match self.monitor.receive() {
                Ok(Some(event)) => {
                    links_changed |=
                        !matches!(event, MonitorEvent::Address(_) | MonitorEvent::AddressGone(_));
                    self.observe(event, &mut missed);
                }
                Ok(None) => break,
                Err(error) => {
                    warn!(%error, "the kernel's notifications cannot be read");
                    break;
                }
            }
        }
        if !missed.is_empty() {
            // An interface that goes down takes IPv6 addresses with it before it says so.
            self.reread_links();
        }
        if self.firewall.watch() {
            self.guard();
        }
        if links_changed {
            self.keep_links();
        }
        self.copy_addresses();
        let (holdings, links) = (&self.holdings, &self.links);
        let ours = |entry: &AddressEntry| holdings.is_virtual(entry) && !links.is_own(entry);
        let news = self.table.news(ours, |link| links.is_unfit(&link.name, link.index));
        let now = uptime();
        let told = news.into_iter().filter_map(|fact| self.debounce.take(now, fact)).collect::<Vec<_>>();
        for fact in told.into_iter().chain(self.debounce.due(now)) {
            self.election.send(election::Input::Fact(fact));
        }
        for (id, key) in missed {
            let up = self.table.link_at(key.interface).is_some_and(|link| link.up && link.running);
            if up {
                self.election.send(election::Input::AddressDeleted { id, address: key.address });
            }
        }
    }

    fn observe(&mut self, event: MonitorEvent, missed: &mut Vec<(InstanceId, AddressKey)>) {
        // The kernel takes routes with links and addresses, and does not always say so.
        self.routing.disturbed(uptime());
        match event {
            MonitorEvent::Link(link) => {
                let was_up = self.table.link_at(link.index).is_some_and(|before| before.up && before.running);
                let (index, came_up) = (link.index, link.up && link.running && !was_up);
                self.table.set_link(link);
                if came_up {
                    self.holdings.look_at_statics(uptime());
                    missed.extend(self.holdings.missing_on(index, &self.table));
                }
            }
            MonitorEvent::LinkGone(link) => {
                self.table.remove_link(link.index);
                self.holdings.forget_interface(link.index);
            }
            MonitorEvent::Address(entry) => self.table.set_address(entry),
            MonitorEvent::AddressGone(entry) => {
                self.table.remove_address(&entry.key);
                let by = self.holdings.on_gone(uptime(), &entry.key);
                missed.extend(by.into_iter().map(|id| (id, entry.key)));
            }
            MonitorEvent::Overrun => {
                warn!("notifications of the kernel were lost; reading everything anew");
                self.reread();
                missed.extend(self.holdings.on_reread(uptime(), &self.table));
            }
        }
    }

    fn reread(&mut self) {
        self.reread_at = None;
        match self.holdings.read() {
            Ok((links, addresses)) => self.table.replace(links, addresses),
            Err(error) => {
                error!(%error, "links and addresses cannot be read; trying again");
                self.reread_at = Some(uptime() + REREAD);
            }
        }
    }

    fn reread_links(&mut self) {
        if let Ok((links, _)) = self.holdings.read() {
            links.into_iter().for_each(|link| self.table.set_link(link));
        }
    }
}

fn send(announcer: &AnnounceSocket, link: &Link, due: &Due) -> io::Result<()> {
    let mac = link.mac.unwrap_or(Mac([0; 6]));
    match due.address {
        IpAddr::V4(address) => announcer.send(link.index, &lvsd_net::gratuitous_arp(mac, address)),
        IpAddr::V6(address) => {
            announcer.send(link.index, &lvsd_net::unsolicited_na(mac, address, role(&link.name)))
        }
    }
}

/// The source addresses that have to be there, each with its interface.
fn tracked_sources(config: &VrrpConfig) -> BTreeSet<(IpAddr, Option<InterfaceName>)> {
    let tracked = config.instances.iter().filter(|instance| instance.track_source);
    tracked.filter_map(|instance| Some((instance.source?, instance.perch().source().cloned()))).collect()
}

/// Whether the interface forwards IPv6, which its advertisements have to say.
fn role(interface: &str) -> NaRole {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/forwarding");
    match std::fs::read(path) {
        Ok(text) if text.first() == Some(&b'1') => NaRole::Router,
        _ => NaRole::Host,
    }
}

/// The address that packets to `peer` leave from, for a unicast instance that names neither interface nor source; in a VRF, if it is
/// in one.
pub(crate) fn routed_source(peer: IpAddr, vrf: Option<&InterfaceName>) -> Option<IpAddr> {
    let any: IpAddr = match Family::of(peer) {
        Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    if let Some(vrf) = vrf {
        setsockopt(&socket, sockopt::BindToDevice, &vrf.as_str().into()).ok()?;
    }
    // No packet is sent: this only looks up the route.
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
