//! The kernel's rules about its table, in memory: what it takes, what it refuses, and with which number.
//!
//! It earns its trust by passing the same tests as the kernel (`tests/kernel.rs`).

use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::net::IpAddr;

use crate::backend::Ipvs;
use crate::error::{Errno, IpvsError};
use crate::types::{
    Daemon, DaemonRole, Dest, DestKey, Engine, Entry, Family, Forward, Op, Scheduler, Service, ServiceKey,
    Table, Timeouts,
};

/// A kernel with IPVS, all its schedulers, and no traffic.
#[derive(Clone, Debug)]
pub struct Model {
    table: Table,
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
    interfaces: BTreeSet<String>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            table: Table::new(),
            timeouts: Timeouts { tcp: 900, tcp_fin: 120, udp: 300 },
            daemons: Vec::new(),
            interfaces: BTreeSet::new(),
        }
    }
}

impl Model {
    /// A kernel with an empty table and the default timeouts.
    pub fn new() -> Self {
        Self::default()
    }

    /// A kernel that has this table already.
    pub fn with_table(table: Table) -> Self {
        Self { table, ..Self::default() }
    }

    /// The same with an interface of that name, for the sync daemons.
    #[must_use]
    pub fn with_interface(mut self, name: impl Into<String>) -> Self {
        self.interfaces.insert(name.into());
        self
    }

    /// The table as it is.
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Makes one change.
    ///
    /// # Errors
    /// The kernel's number for why not; then nothing has changed.
    pub fn apply_one(&mut self, op: &Op) -> Result<(), Errno> {
        match op {
            Op::AddService(service) => self.add_service(service),
            Op::EditService(service) => self.edit_service(service),
            Op::DelService(key) => self.table.remove(key).map(drop).ok_or(Errno::ESRCH),
            Op::AddDest(key, dest) => self.add_dest(key, dest),
            Op::EditDest(key, dest) => self.edit_dest(key, dest),
            Op::DelDest(key, dest) => self.del_dest(key, dest),
        }
    }

    fn add_service(&mut self, service: &Service) -> Result<(), Errno> {
        if self.table.contains(service.key()) {
            return Err(Errno::EEXIST);
        }
        check_plugins(service)?;
        self.table.insert(Entry::new(service.clone()));
        Ok(())
    }

    fn edit_service(&mut self, service: &Service) -> Result<(), Errno> {
        let entry = self.table.get_mut(service.key()).ok_or(Errno::ESRCH)?;
        check_plugins(service)?;
        entry.replace_service(service.clone()).map_err(|_| Errno::ESRCH)
    }

    fn add_dest(&mut self, key: &ServiceKey, dest: &Dest) -> Result<(), Errno> {
        let entry = self.table.get_mut(key).ok_or(Errno::ESRCH)?;
        check_family(key, dest, self.daemons.is_empty())?;
        if entry.dests().contains_key(&dest.key) {
            return Err(Errno::EEXIST);
        }
        if !can_be_server(dest.key.addr) {
            return Err(Errno::EINVAL);
        }
        entry.insert(*dest);
        Ok(())
    }

    fn edit_dest(&mut self, key: &ServiceKey, dest: &Dest) -> Result<(), Errno> {
        let entry = self.table.get_mut(key).ok_or(Errno::ESRCH)?;
        check_family(key, dest, self.daemons.is_empty())?;
        if !entry.dests().contains_key(&dest.key) {
            return Err(Errno::ENOENT);
        }
        entry.insert(*dest);
        Ok(())
    }

    fn del_dest(&mut self, key: &ServiceKey, dest: &DestKey) -> Result<(), Errno> {
        let entry = self.table.get_mut(key).ok_or(Errno::ESRCH)?;
        entry.remove(dest).map(drop).ok_or(Errno::ENOENT)
    }

    fn start(&mut self, daemon: &Daemon) -> Result<(), Errno> {
        let mixed =
            |entry: &Entry| entry.dests().keys().any(|dest| Family::of(dest.addr) != entry.key().family());
        if self.table.iter().any(mixed) {
            return Err(Errno::EINVAL);
        }
        if self.daemons.iter().any(|running| running.role == daemon.role) {
            return Err(Errno::EEXIST);
        }
        if !self.interfaces.contains(daemon.interface.as_str()) {
            return Err(Errno::ENODEV);
        }
        self.daemons.push(daemon.clone());
        Ok(())
    }

    fn stop(&mut self, role: DaemonRole) -> Result<(), Errno> {
        let index = self.daemons.iter().position(|daemon| daemon.role == role).ok_or(Errno::ESRCH)?;
        self.daemons.remove(index);
        Ok(())
    }
}

/// A plug-in that does not exist is `ENOENT`. `none` is a service that schedules nothing.
fn check_plugins(service: &Service) -> Result<(), Errno> {
    let scheduler = service.scheduler();
    let engine = service.persistence().and_then(|persistence| persistence.engine.as_ref());
    let known = scheduler.as_str() == "none" || Scheduler::KNOWN.contains(scheduler);
    if known && engine.is_none_or(|engine| *engine == Engine::SIP) { Ok(()) } else { Err(Errno::ENOENT) }
}

/// Families mix only in tunnels, and not while connections are synchronised.
fn check_family(key: &ServiceKey, dest: &Dest, unsynced: bool) -> Result<(), Errno> {
    let same = Family::of(dest.key.addr) == key.family();
    let tunnel = matches!(dest.forward, Forward::Tunnel(_));
    if same || (tunnel && unsynced) { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A server's address is one host's. The kernel also knows the broadcast addresses of its own networks, and takes a
/// link-local address that is its own.
fn can_be_server(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast()),
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local()),
    }
}

fn refused(op: impl ToString) -> impl FnOnce(Errno) -> IpvsError {
    let op = op.to_string();
    |errno| IpvsError::Kernel { op, errno }
}

impl Ipvs for Model {
    fn dump(&mut self) -> impl Future<Output = Result<Table, IpvsError>> + Send {
        ready(Ok(self.table.clone()))
    }

    fn apply(&mut self, ops: &[Op]) -> impl Future<Output = Vec<Result<(), IpvsError>>> + Send {
        ready(ops.iter().map(|op| self.apply_one(op).map_err(refused(op))).collect())
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), IpvsError>> + Send {
        self.table = Table::new();
        ready(Ok(()))
    }

    fn timeouts(&mut self) -> impl Future<Output = Result<Timeouts, IpvsError>> + Send {
        ready(Ok(self.timeouts))
    }

    fn set_timeouts(&mut self, timeouts: &Timeouts) -> impl Future<Output = Result<(), IpvsError>> + Send {
        let keep = |new: u32, old: u32| if new == 0 { old } else { new };
        self.timeouts = Timeouts {
            tcp: keep(timeouts.tcp, self.timeouts.tcp),
            tcp_fin: keep(timeouts.tcp_fin, self.timeouts.tcp_fin),
            udp: keep(timeouts.udp, self.timeouts.udp),
        };
        ready(Ok(()))
    }

    fn daemons(&mut self) -> impl Future<Output = Result<Vec<Daemon>, IpvsError>> + Send {
        ready(Ok(self.daemons.clone()))
    }

    fn start_daemon(&mut self, daemon: &Daemon) -> impl Future<Output = Result<(), IpvsError>> + Send {
        ready(self.start(daemon).map_err(refused("start sync daemon")))
    }

    fn stop_daemon(&mut self, role: DaemonRole) -> impl Future<Output = Result<(), IpvsError>> + Send {
        ready(self.stop(role).map_err(refused("stop sync daemon")))
    }
}
