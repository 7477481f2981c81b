//! From the command line to a running daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lvsd_ipc::StopManner;
use lvsd_model::Config;
use lvsd_net::child::HeldSignals;

use crate::cli::Cli;
use crate::driver::{self, Setup, since_epoch};
use crate::loader::{self, Loader, Refusal};
use crate::logging::{self, LogSettings};
use crate::observation::{Health, ReloadHealth};
use crate::pidfile::{PidFile, PidFileError};
use crate::plan::{PlanContext, Selection};
use crate::policy::{First, Respawn, Settings};
use crate::roles::PerRole;
use crate::runtime_dir;
use crate::signals::{self, Interrupt};

/// How long files that are being written at the end may take.
const BLOCKING_LIMIT: Duration = Duration::from_secs(2);

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
enum NoStart {
    #[error("the configuration is refused: {0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error("runtime directory {path}: {source}")]
    RuntimeDirectory { path: PathBuf, source: std::io::Error },
    #[error("network namespace {name}: {source}")]
    Namespace { name: String, source: std::io::Error },
    #[error("{0}")]
    System(#[from] std::io::Error),
}

impl NoStart {
    /// The peer's exit statuses.
    fn status(&self) -> u8 {
        let missing_right = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
        match self {
            // Whoever starts it twice has what they want.
            Self::PidFile(PidFileError::Held(_)) => 0,
            Self::Refused(Refusal::Unreadable(_)) => 6,
            Self::Refused(_) => 2,
            Self::PidFile(PidFileError::Io { source, .. })
            | Self::RuntimeDirectory { source, .. }
            | Self::Namespace { source, .. }
            | Self::System(source) => {
                if missing_right(source) {
                    4
                } else {
                    1
                }
            }
        }
    }
}

/// Starts the daemon, and returns when it has ended.
pub(crate) fn start(cli: &Cli) -> ExitCode {
    // First of all: a reload that is asked for too early must not end the process.
    let held = signals::hold();
    lvsd_net::keep_heap();
    let log = LogSettings::new(cli, logging::stderr_is_journal());
    let guard = logging::start(&log, None);
    let status = run(cli, log, held).unwrap_or_else(|reason| {
        tracing::error!("lvsd does not start: {reason}");
        reason.status()
    });
    tracing::info!("lvsd ends");
    drop(guard);
    ExitCode::from(status)
}

fn run(cli: &Cli, log: LogSettings, held: HeldSignals) -> Result<u8, NoStart> {
    cli.notes().iter().for_each(|note| tracing::warn!("{note}"));
    let (loader, notice) = Loader::new(cli);
    if let Some(notice) = notice {
        tracing::warn!("{notice}");
    }
    let (config, health) = first_configuration(&loader)?;
    if cli.dump_conf {
        format!("{config:#?}").lines().for_each(|line| tracing::info!("{line}"));
    }
    let runtime_dir = runtime_dir::path(&config.globals);
    runtime_dir::ensure(&runtime_dir)
        .map_err(|source| NoStart::RuntimeDirectory { path: runtime_dir.clone(), source })?;
    lvsd_net::set_umask(cli.umask.unwrap_or(config.globals.umask));
    let in_runtime_dir =
        |given: &Option<PathBuf>, name: &str| given.clone().unwrap_or_else(|| runtime_dir.join(name));
    // Released, should the start fail, after the pid file is gone.
    let stop_held = signals::hold_stop();
    let mut pid_file = PidFile::create(&in_runtime_dir(&cli.pid, "lvsd.pid"))?;
    pid_file.write(std::process::id())?;
    // Before there is a second thread that could stay behind.
    if let Some(name) = &config.globals.net_namespace {
        lvsd_net::enter_namespace(name)
            .map_err(|source| NoStart::Namespace { name: name.clone(), source })?;
    }
    let setup = Setup {
        settings: settings(cli, &config),
        selection: Selection::new(cli),
        interrupt: if cli.ignore_sigint { Interrupt::Ignored } else { Interrupt::Stops },
        pid_paths: PerRole {
            vrrp: in_runtime_dir(&cli.vrrp_pid, "vrrp.pid"),
            checker: in_runtime_dir(&cli.checkers_pid, "checkers.pid"),
            bfd: in_runtime_dir(&cli.bfd_pid, "bfd.pid"),
        },
        plans: PlanContext { runtime_dir, release_foreign_vips: cli.release_vips, umask: cli.umask },
        loader,
        config,
        health,
        log,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(driver::run(setup, [stop_held, held]));
    runtime.shutdown_timeout(BLOCKING_LIMIT);
    Ok(status?)
}

fn first_configuration(loader: &Loader) -> Result<(Config, Health), NoStart> {
    let started = since_epoch();
    let loaded = loader.read();
    loader::log(&loaded);
    let diagnostics = loader::counts(&loaded);
    let config = loader.accept(loaded)?;
    let reload = ReloadHealth { last_attempt: started, ..ReloadHealth::default() };
    Ok((config, Health { started, diagnostics, reload, ..Health::default() }))
}

const fn settings(cli: &Cli, config: &Config) -> Settings {
    const fn manner(keep: bool) -> StopManner {
        if keep { StopManner::Keep } else { StopManner::Release }
    }
    Settings {
        first: if config.globals.startup_script.is_some() { First::Script } else { First::Children },
        respawn: if cli.dont_respawn { Respawn::Never } else { Respawn::WithBackoff },
        stop: PerRole {
            vrrp: manner(cli.dont_release_vrrp),
            checker: manner(cli.dont_release_ipvs),
            // It has nothing to release but its sessions, and those it always ends.
            bfd: StopManner::Keep,
        },
    }
}
