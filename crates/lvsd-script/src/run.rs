//! One run of a prepared script.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lvsd_model::ReadableFile;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Pid, Uid};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::identity::Identity;
use crate::secure::Insecure;

/// How long after SIGTERM a script that overran its time gets SIGKILL; and how long after that it is given up.
pub const KILL_AFTER: Duration = Duration::from_secs(2);

/// What is never passed on: they change how programs find their code, or how a shell splits words.
const DROPPED_VARIABLES: [&str; 3] = ["IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// It ended by itself with this status, 0 to 255.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It overran its time, or its run was dropped, and it was killed.
    TimedOut,
    /// It could not be started, or not be waited for.
    SpawnFailed(io::Error),
}

impl Outcome {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub const fn success(&self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signalled(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "was ended by {signal}"),
                Err(_) => write!(f, "was ended by signal {number}"),
            },
            Self::TimedOut => f.write_str("took too long and was killed"),
            Self::SpawnFailed(error) => write!(f, "could not be started: {error}"),
        }
    }
}

/// How the arguments of a run are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As words of their own.
    Words,
    /// Quoted, at the end of the command line that the shell reads.
    ShellLine,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) style: Style,
    pub(crate) program: PathBuf,
    pub(crate) arg0: String,
    pub(crate) args: Vec<String>,
    pub(crate) identity: Identity,
    /// Supplementary ones.
    pub(crate) groups: Vec<Gid>,
    pub(crate) source: String,
    pub(crate) insecure: Option<Insecure>,
    /// Runs that not even SIGKILL has ended yet.
    pub(crate) stuck: AtomicUsize,
}

/// A script that is ready to run, any number of times. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) plan: Arc<Plan>,
}

impl Prepared {
    /// The command as configured, for messages.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.plan.source
    }

    /// The security rule that it breaks, when breaking it is allowed.
    #[must_use]
    pub fn insecure(&self) -> Option<&Insecure> {
        self.plan.insecure.as_ref()
    }

    /// Runs it with further arguments and waits for its end.
    ///
    /// When `limit` has passed, its whole process group gets SIGTERM, and [`KILL_AFTER`] later SIGKILL; the same happens
    /// when the returned future is dropped before its end. As long as a run that was killed hangs in the kernel, one with a
    /// limit is not started and counts as [`Outcome::TimedOut`]: they would pile up. Needs a tokio runtime with I/O and time. Its thread must outlive
    /// the script: the kernel ends a script whose parent thread ends.
    pub async fn run(&self, extra_args: &[String], limit: Option<Duration>) -> Outcome {
        if limit.is_some() && self.plan.stuck.load(Ordering::Relaxed) > 0 {
            return Outcome::TimedOut;
        }
        let child = match self.command(extra_args).spawn() {
            Ok(child) => child,
            Err(error) => return Outcome::SpawnFailed(error),
        };
        let (alive, abandoned) = oneshot::channel::<()>();
        let outcome = tokio::spawn(watch(Arc::clone(&self.plan), child, limit, abandoned)).await;
        drop(alive);
        outcome.unwrap_or_else(|error| Outcome::SpawnFailed(io::Error::other(error)))
    }

    fn command(&self, extra_args: &[String]) -> Command {
        let plan = &*self.plan;
        let mut command = Command::new(&plan.program);
        command.arg0(&plan.arg0).args(&plan.args);
        match plan.style {
            Style::Words => command.args(extra_args),
            Style::ShellLine => command.arg(shell_line(&plan.source, extra_args)),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        DROPPED_VARIABLES.iter().for_each(|name| {
            command.env_remove(OsStr::new(name));
        });
        if Uid::effective().is_root() {
            let Identity { uid, gid } = plan.identity;
            lvsd_net::child::become_user(command.as_std_mut(), uid, gid, &plan.groups);
        }
        lvsd_net::child::isolate(command.as_std_mut());
        command
    }
}

/// Waits for the end of a script, or brings it about.
async fn watch(
    plan: Arc<Plan>,
    mut child: Child,
    limit: Option<Duration>,
    abandoned: oneshot::Receiver<()>,
) -> Outcome {
    let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) else {
        return Outcome::SpawnFailed(io::Error::other("no process id"));
    };
    let overrun = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        ended = child.wait() => return ended.map_or_else(Outcome::SpawnFailed, outcome_of),
        () = overrun => {}
        _ = abandoned => {}
    }
    // Errors mean that nobody is left to get the signal.
    let _ = killpg(group, Signal::SIGTERM);
    let obeyed = timeout(KILL_AFTER, child.wait()).await.is_ok();
    // Also when the leader has obeyed: what it has started may not have.
    let _ = killpg(group, Signal::SIGKILL);
    if !obeyed && timeout(KILL_AFTER, child.wait()).await.is_err() {
        // Not even SIGKILL ends a process that hangs in the kernel.
        plan.stuck.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let _ = child.wait().await;
            plan.stuck.fetch_sub(1, Ordering::Relaxed);
        });
    }
    Outcome::TimedOut
}

fn outcome_of(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited(code),
        (None, signal) => Outcome::Signalled(signal.unwrap_or_default()),
    }
}

/// A command line with more words at its end, quoted so that the shell takes each as it is.
fn shell_line(source: &str, extra_args: &[String]) -> String {
    let mut line = source.to_owned();
    for word in extra_args {
        line.push_str(" '");
        line.push_str(&word.replace('\'', r"'\''"));
        line.push('\'');
    }
    line
}

/// Looks whether a file can be opened for reading, by the daemon's own rights. A FIFO or device is not waited for.
#[derive(Debug)]
pub struct FileProbe {
    path: PathBuf,
    /// A look that a file system has not answered yet. There is never a second one beside it.
    pub(crate) pending: Option<JoinHandle<bool>>,
}

impl FileProbe {
    /// A probe of that file.
    #[must_use]
    pub fn new(file: &ReadableFile) -> Self {
        Self { path: PathBuf::from(&file.0), pending: None }
    }

    /// Whether it can be opened. A file system that does not answer within `limit` means no, until it does answer.
    pub async fn is_readable(&mut self, limit: Duration) -> bool {
        let path = &self.path;
        let opening = self.pending.get_or_insert_with(|| {
            let path = path.clone();
            tokio::task::spawn_blocking(move || {
                std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).is_ok()
            })
        });
        let answer = timeout(limit, opening).await;
        if answer.is_ok() {
            self.pending = None;
        }
        matches!(answer, Ok(Ok(true)))
    }
}
