//! What both the kernel and its model in memory can do.

use std::future::Future;

use crate::error::IpvsError;
use crate::types::{Daemon, DaemonRole, Op, Table, Timeouts};

/// Something that holds an IPVS table: the kernel through [`Client`](crate::client::Client), or a
/// [`Model`](crate::model::Model) of it. One contract test-suite runs against both.
pub trait Ipvs {
    /// Reads the whole table.
    fn dump(&mut self) -> impl Future<Output = Result<Table, IpvsError>> + Send;

    /// Makes the changes in order and says for each what came of it; one that fails does not stop those after it.
    fn apply(&mut self, ops: &[Op]) -> impl Future<Output = Vec<Result<(), IpvsError>>> + Send;

    /// Removes every service and destination, whoever made them.
    fn flush(&mut self) -> impl Future<Output = Result<(), IpvsError>> + Send;

    /// Reads the timeouts.
    fn timeouts(&mut self) -> impl Future<Output = Result<Timeouts, IpvsError>> + Send;

    /// Sets the timeouts that are not 0.
    fn set_timeouts(&mut self, timeouts: &Timeouts) -> impl Future<Output = Result<(), IpvsError>> + Send;

    /// The sync daemons that run.
    fn daemons(&mut self) -> impl Future<Output = Result<Vec<Daemon>, IpvsError>> + Send;

    /// Starts a sync daemon; `EEXIST` if that half runs, `ENODEV` without the interface, `EINVAL` while a destination
    /// is of another family than its service.
    fn start_daemon(&mut self, daemon: &Daemon) -> impl Future<Output = Result<(), IpvsError>> + Send;

    /// Stops a sync daemon; `ESRCH` if that half does not run.
    fn stop_daemon(&mut self, role: DaemonRole) -> impl Future<Output = Result<(), IpvsError>> + Send;
}
