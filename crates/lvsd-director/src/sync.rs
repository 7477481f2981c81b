//! `lvs_sync_daemon`: sends connections while the instance it follows is MASTER, receives them while it is not.

use ipvs::DaemonRole;
use ipvs::client::{AsyncSocket, Connector, DaemonKeeper, NETLINK_GENERIC, Outcome, TokioSocket};
use lvsd_health::sync_daemon;
use lvsd_model::{FollowingSyncDaemon, IpvsNamespace};
use lvsd_vrrp::State;
use tracing::{info, warn};

/// The daemon and the instance that it follows.
#[derive(Debug, Default)]
pub(crate) struct SyncFollower {
    config: Option<FollowingSyncDaemon>,
    /// Whether the instance is MASTER.
    master: bool,
    keeper: Option<DaemonKeeper>,
}

impl SyncFollower {
    /// Moves to a configuration. The state of an instance that is followed as before is still known; another one's comes
    /// with `is_master`.
    pub(crate) fn apply(
        &mut self,
        config: Option<FollowingSyncDaemon>,
        is_master: impl FnOnce(&str) -> bool,
    ) {
        self.master = config.as_ref().is_some_and(|config| is_master(&config.instance));
        self.config = config;
        self.follow();
    }

    /// An instance changed its state.
    pub(crate) fn instance(&mut self, name: &str, state: State) {
        if self.config.as_ref().is_some_and(|config| config.instance == name) {
            self.master = state == State::Master;
            self.follow();
        }
    }

    /// Stops what runs.
    pub(crate) async fn stop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.want(Vec::new());
            keeper.end().await;
        }
    }

    fn follow(&mut self) {
        let Some(config) = &self.config else {
            // Without one before, nothing is touched.
            if let Some(keeper) = &self.keeper {
                keeper.want(Vec::new());
            }
            return;
        };
        let role = if self.master { DaemonRole::Master } else { DaemonRole::Backup };
        let keeper =
            self.keeper.get_or_insert_with(|| DaemonKeeper::start(connector(config.namespace.clone()), tell));
        keeper.want(sync_daemon(&config.daemon, role).into_iter().collect());
    }
}

/// For the IPVS of a namespace; `None`: that of the process.
fn connector(namespace: Option<IpvsNamespace>) -> Connector {
    let Some(namespace) = namespace else { return Connector::default() };
    let runtime = tokio::runtime::Handle::current();
    Connector::opened_by(move || {
        lvsd_net::in_namespace(&namespace, || {
            let _guard = runtime.enter();
            TokioSocket::new(NETLINK_GENERIC)
        })?
    })
}

fn tell(outcome: Outcome) {
    match outcome {
        Ok(steps) => steps.iter().for_each(|step| info!(%step, "connection sync daemon")),
        Err(error) => warn!(%error, "the connection sync daemon does not run as configured; trying again"),
    }
}
