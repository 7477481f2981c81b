//! The connection sync daemon as the kernel knows it.

use ipvs::{Daemon, DaemonRole, IfName};
use lvsd_model::SyncDaemon;

/// One half of a configured sync daemon; `None` for an interface that no kernel has.
#[must_use]
pub fn sync_daemon(config: &SyncDaemon, role: DaemonRole) -> Option<Daemon> {
    let SyncDaemon { interface, id, max_len, group, port, ttl } = config;
    let interface = IfName::new(interface.as_str()).ok()?;
    Some(Daemon { role, interface, sync_id: *id, max_len: *max_len, group: *group, port: *port, ttl: *ttl })
}
