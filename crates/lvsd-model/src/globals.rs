//! Settings of the whole daemon.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Dumps, MomentScript, Notices, Processes, ReloadMark, ReloadTimes, ScriptPolicy};

/// `metrics_listen`: where Prometheus text is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MetricsListen {
    /// Nowhere.
    Off,
    /// HTTP on this address.
    Address(SocketAddr),
}

impl Default for MetricsListen {
    fn default() -> Self {
        Self::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, 9165)))
    }
}

/// `control_socket`: where operators talk to the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ControlSocket {
    /// Nowhere.
    Off,
    /// In the runtime directory, as `control.sock`.
    #[default]
    RuntimeDirectory,
    /// There; an absolute path.
    Path(PathBuf),
}

/// `global_defs` and the root-level globals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Globals {
    /// `router_id`; the host name when `None`.
    pub router_id: Option<String>,
    /// `net_namespace`: the named network namespace that the whole family runs in.
    pub net_namespace: Option<String>,
    /// `instance`: lets several daemons live on one host.
    pub instance: Option<String>,
    /// `metrics_listen`.
    pub metrics_listen: MetricsListen,
    /// `control_socket`.
    pub control_socket: ControlSocket,
    /// `strict_config`: start and reload refuse tolerated mistakes too.
    pub strict_config: bool,
    /// Rules for scripts.
    pub scripts: ScriptPolicy,
    /// FIFOs and mail.
    pub notices: Notices,
    /// `child_wait_time`: how long a stop waits for the children before SIGKILL.
    pub child_wait: Duration,
    /// `vrrp_startup_delay`: no instance takes part before this time after the start.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: nor before this time after the boot of the machine.
    pub delay_after_boot: Duration,
    /// `startup_script`: runs, and is waited for, before any child is started.
    pub startup_script: Option<MomentScript>,
    /// `shutdown_script`: runs, and is waited for, after all children have ended.
    pub shutdown_script: Option<MomentScript>,
    /// `reload_file`.
    pub reload_mark: Option<ReloadMark>,
    /// `reload_time_file`.
    pub reload_times: Option<ReloadTimes>,
    /// Dumps on signals.
    pub dumps: Dumps,
    /// `random_seed`: where the random numbers of the configuration and of the schedule of checks begin; `None`: differently in
    /// every process.
    pub random_seed: Option<u32>,
    /// How the kernel treats each process.
    pub processes: Processes,
    /// `umask`: what files that the daemon and its scripts make do not allow, 0 to 0o777. Its own say themselves what they allow.
    pub umask: u16,
}

impl Default for Globals {
    fn default() -> Self {
        Self {
            router_id: None,
            net_namespace: None,
            instance: None,
            metrics_listen: MetricsListen::default(),
            control_socket: ControlSocket::default(),
            strict_config: false,
            scripts: ScriptPolicy::default(),
            notices: Notices::default(),
            child_wait: Duration::from_secs(5),
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            startup_script: None,
            shutdown_script: None,
            reload_mark: None,
            reload_times: None,
            dumps: Dumps::default(),
            random_seed: None,
            processes: Processes::default(),
            umask: 0o177,
        }
    }
}
