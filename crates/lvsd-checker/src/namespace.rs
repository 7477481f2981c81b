//! The network namespace whose IPVS is ours: that of the process, or another one (`net_namespace_ipvs`). It is decided by the
//! first plan, and nothing changes it.

use std::io;
use std::sync::OnceLock;

use ipvs::client::{AsyncSocket, Connector, NETLINK_GENERIC, TokioSocket};
use lvsd_model::IpvsNamespace;
use lvsd_net::in_namespace;
use tokio::runtime::Handle;

static CHOSEN: OnceLock<Option<IpvsNamespace>> = OnceLock::new();

/// Decides, unless that is done.
pub(crate) fn choose(namespace: Option<&IpvsNamespace>) {
    let _ = CHOSEN.set(namespace.cloned());
}

fn chosen() -> Option<IpvsNamespace> {
    CHOSEN.get().cloned().flatten()
}

/// Does something there.
///
/// # Errors
/// That the namespace cannot be entered, and what the deed gives.
pub(crate) fn inside<T: Send>(deed: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    match chosen() {
        None => deed(),
        Some(namespace) => in_namespace(&namespace, deed)?,
    }
}

/// Opens the IPVS of it. Needs a runtime.
pub(crate) fn connector() -> Connector {
    let runtime = Handle::current();
    Connector::opened_by(move || {
        let runtime = runtime.clone();
        inside(move || {
            let _guard = runtime.enter();
            TokioSocket::new(NETLINK_GENERIC)
        })
    })
}
