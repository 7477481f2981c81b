//! Small configurations, and a kernel in memory, for the tests of this crate.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ipvs::model::Model;
use ipvs::{Dest, DestStatus, Errno, Ipvs, IpvsError, Op, Service, ServiceKey, Stats, Table};
use lvsd_model::{
    Check, CheckKind, CheckTiming, Endpoint, Forward, LvsConfig, Protocol, RealServer, Scheduler,
    SchedulerFlags, Target, Turnover, VirtualServer, Weight,
};

use crate::keeper::{Connect, Kernel};

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address in a test")
}

pub(crate) fn timing() -> CheckTiming {
    CheckTiming {
        interval: Duration::from_secs(1),
        retry: 0,
        retry_delay: Duration::from_secs(1),
        warmup: Duration::ZERO,
    }
}

pub(crate) fn check(kind: CheckKind) -> Check {
    Check { kind, timing: timing(), alpha: false, log_all_failures: false }
}

pub(crate) fn target(address: SocketAddr, timeout: Duration) -> Target {
    Target { address, bind: None, interface: None, fwmark: 0, timeout }
}

/// A server with NAT, weight 1 and no checks.
pub(crate) fn server(at: &str) -> RealServer {
    RealServer {
        address: address(at),
        forward: Forward::Nat,
        weight: Weight::ONE,
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

pub(crate) fn weighing(at: &str, weight: u32) -> RealServer {
    RealServer { weight: Weight::new(weight).expect("small"), ..server(at) }
}

pub(crate) fn service(at: &str, real_servers: Vec<RealServer>) -> VirtualServer {
    VirtualServer {
        name: at.to_owned(),
        endpoints: vec![Endpoint::Address(address(at))],
        protocol: Protocol::Tcp,
        scheduler: Scheduler::Rr,
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

pub(crate) fn config(services: Vec<VirtualServer>) -> LvsConfig {
    LvsConfig { services, ..LvsConfig::default() }
}

pub(crate) fn key(at: &str) -> ServiceKey {
    let address = address(at);
    ServiceKey::Tuple { protocol: ipvs::Protocol::Tcp, addr: address.ip(), port: address.port() }
}

/// A kernel that several keepers, one after the other, and somebody else can use.
#[derive(Clone, Default)]
pub(crate) struct Fake(pub(crate) Rc<RefCell<Inside>>);

#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) model: Model,
    /// No IPVS in it.
    pub(crate) absent: bool,
    /// Changes asked for since the test last looked.
    pub(crate) ops: Vec<Op>,
    /// Changes that it does not make, for a reason of its own.
    pub(crate) refuses: Vec<Op>,
    /// Reads of destinations since then.
    pub(crate) dest_reads: usize,
}

impl Fake {
    pub(crate) fn take_ops(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().ops).iter().map(ToString::to_string).collect()
    }

    pub(crate) fn table(&self) -> Table {
        self.0.borrow().model.table().clone()
    }

    /// Somebody else's change.
    pub(crate) fn meddle(&self, op: Op) {
        self.0.borrow_mut().model.apply_one(&op).expect("a change the kernel takes");
    }

    fn check(&self) -> Result<(), IpvsError> {
        if self.0.borrow().absent { Err(IpvsError::NoIpvs) } else { Ok(()) }
    }
}

impl Connect for Fake {
    type Kernel = Self;

    async fn connect(&mut self) -> Result<Self, IpvsError> {
        self.check().map(|()| self.clone())
    }
}

impl Kernel for Fake {
    async fn services(&mut self) -> Result<Vec<(Service, Stats)>, IpvsError> {
        self.check()?;
        Ok(self.table().iter().map(|entry| (entry.service().clone(), Stats::default())).collect())
    }

    async fn dests(&mut self, key: &ServiceKey) -> Result<Vec<(Dest, DestStatus)>, IpvsError> {
        // As an answer that has to be waited for does.
        tokio::task::yield_now().await;
        self.check()?;
        self.0.borrow_mut().dest_reads += 1;
        let table = self.table();
        let dests = table.get(key).into_iter().flat_map(|entry| entry.dests().values());
        Ok(dests.map(|dest| (*dest, DestStatus::default())).collect())
    }

    async fn apply(&mut self, ops: &[Op]) -> Vec<Result<(), IpvsError>> {
        if self.check().is_err() {
            return ops.iter().map(|_| Err(IpvsError::NoIpvs)).collect();
        }
        let mut inside = self.0.borrow_mut();
        inside.ops.extend(ops.iter().cloned());
        let Inside { model, refuses, .. } = &mut *inside;
        let kernel = |op: &Op, errno| IpvsError::Kernel { op: op.to_string(), errno };
        let mut done = |op: &Op| if refuses.contains(op) { Err(Errno::EPERM) } else { model.apply_one(op) };
        ops.iter().map(|op| done(op).map_err(|errno| kernel(op, errno))).collect()
    }

    async fn flush(&mut self) -> Result<(), IpvsError> {
        let mut model = self.0.borrow().model.clone();
        Ipvs::flush(&mut model).await?;
        self.0.borrow_mut().model = model;
        Ok(())
    }
}
