//! One child process and the connection to it.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::process::ExitStatus;
use std::sync::Arc;

use lvsd_ipc::{
    Applied, BfdSnapshot, CheckerSnapshot, ChildEvent, Frame, FrameError, FrameReader, FromChild, Generation,
    QuorumState, Role, SessionState, VrrpSnapshot,
};
use lvsd_net::Testament;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Command;
use tokio::sync::{Notify, mpsc};

use crate::logging::LogSettings;
use crate::systemd;

/// Messages that a child has not read yet; more means that it has stopped reading.
const OUTBOX: usize = 64;

/// One process: the same role in a later process has another serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChildId {
    pub(super) role: Role,
    pub(super) serial: u64,
}

/// What a child says, whichever it is.
#[derive(Clone, Debug)]
pub(super) enum Report {
    Ready,
    Applied { generation: Generation, outcome: Applied },
    Vrrp { request: u64, snapshot: Box<VrrpSnapshot> },
    Checker { request: u64, snapshot: Box<CheckerSnapshot> },
    Recording(Vec<u8>),
    Event(ChildEvent),
    Quorums(Vec<QuorumState>),
    Bfd { request: u64, snapshot: Box<BfdSnapshot> },
    Sessions(Vec<SessionState>),
    Pong { number: u64 },
    Stopped,
}

/// What happens to a child.
#[derive(Debug)]
pub(super) enum Happening {
    Said(ChildId, Report),
    /// The connection ended.
    Silent(ChildId, Silence),
    Exited(ChildId, io::Result<ExitStatus>),
}

/// Why nothing more is heard of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The connection ended; the process most likely ends, too.
    Closed,
    /// The connection ended some time ago, and the process has not.
    LivesOn,
    /// What it says is no message.
    Rubbish(String),
}

/// A child that runs.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) id: ChildId,
    pub(super) pid: u32,
    outbox: mpsc::Sender<Frame>,
    kill: Arc<Notify>,
}

impl Child {
    /// Starts this executable again in a role, with what its predecessor has left.
    pub(super) fn spawn<E: From<Happening> + Send + 'static>(
        id: ChildId,
        log: &LogSettings,
        testament: Option<&Testament>,
        happenings: &mpsc::Sender<E>,
    ) -> io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(ours)?.into_split();
        // The name may belong to a newer version by now; this is the one that runs.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0(id.role.title())
            // What a terminal sends to its group is for the supervisor.
            .process_group(0)
            .env(LogSettings::VARIABLE, log.to_variable());
        systemd::VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        lvsd_net::child::hand_over(command.as_std_mut(), theirs.into());
        if let Some(testament) = testament {
            testament.hand_over(command.as_std_mut())?;
        }
        let mut process = command.spawn()?;
        let pid = process.id().unwrap_or_default();
        let kill = Arc::new(Notify::new());
        let killed = Arc::clone(&kill);
        let events = happenings.clone();
        tokio::spawn(async move {
            let status = loop {
                tokio::select! {
                    status = process.wait() => break status,
                    // An error means that it has ended already, which wait() tells.
                    () = killed.notified() => drop(process.start_kill()),
                }
            };
            let _ = events.send(Happening::Exited(id, status).into()).await;
        });
        let (outbox, frames) = mpsc::channel(OUTBOX);
        tokio::spawn(deliver(write, frames));
        match id.role {
            Role::Vrrp => tokio::spawn(listen(id, read, vrrp_report, happenings.clone())),
            Role::Checker => tokio::spawn(listen(id, read, checker_report, happenings.clone())),
            Role::Bfd => tokio::spawn(listen(id, read, bfd_report, happenings.clone())),
        };
        Ok(Self { id, pid, outbox, kill })
    }

    /// Whether a message can be queued and there is still room for one that must be.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.capacity() > OUTBOX / 2
    }

    /// Queues a message; false when the child has stopped reading.
    pub(super) fn send(&self, frame: Frame) -> bool {
        self.outbox.try_send(frame).is_ok()
    }

    /// SIGKILL.
    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }
}

/// Writes frames until the child or this side is gone.
async fn deliver(mut write: OwnedWriteHalf, mut frames: mpsc::Receiver<Frame>) {
    while let Some(frame) = frames.recv().await {
        if write.write_all(&frame).await.is_err() {
            // The reader notices, too, and knows better what has happened.
            return;
        }
    }
}

/// Reads messages until the connection ends.
async fn listen<S, E>(
    id: ChildId,
    read: OwnedReadHalf,
    report: fn(FromChild<S>) -> Report,
    happenings: mpsc::Sender<E>,
) where
    S: DeserializeOwned,
    E: From<Happening> + Send,
{
    let mut reader = FrameReader::new(read);
    let silence = loop {
        match reader.next::<FromChild<S>>().await {
            Ok(Some(message)) => {
                if happenings.send(Happening::Said(id, report(message)).into()).await.is_err() {
                    return;
                }
            }
            // A process that is killed resets the connection.
            Ok(None) | Err(FrameError::Io(_)) => break Silence::Closed,
            Err(error @ (FrameError::TooLarge(_) | FrameError::Body(_) | FrameError::Amendment)) => {
                break Silence::Rubbish(error.to_string());
            }
        }
    };
    let _ = happenings.send(Happening::Silent(id, silence).into()).await;
}

fn vrrp_report(message: FromChild<VrrpSnapshot>) -> Report {
    match message {
        FromChild::Ready => Report::Ready,
        FromChild::Applied { generation, outcome } => Report::Applied { generation, outcome },
        FromChild::Snapshot { request, snapshot } => Report::Vrrp { request, snapshot },
        FromChild::Recording(recording) => Report::Recording(recording),
        FromChild::Event(event) => Report::Event(event),
        FromChild::Quorums(states) => Report::Quorums(states),
        FromChild::Sessions(states) => Report::Sessions(states),
        FromChild::Pong { number } => Report::Pong { number },
        FromChild::Stopped => Report::Stopped,
    }
}

fn checker_report(message: FromChild<CheckerSnapshot>) -> Report {
    match message {
        FromChild::Ready => Report::Ready,
        FromChild::Applied { generation, outcome } => Report::Applied { generation, outcome },
        FromChild::Snapshot { request, snapshot } => Report::Checker { request, snapshot },
        FromChild::Recording(recording) => Report::Recording(recording),
        FromChild::Event(event) => Report::Event(event),
        FromChild::Quorums(states) => Report::Quorums(states),
        FromChild::Sessions(states) => Report::Sessions(states),
        FromChild::Pong { number } => Report::Pong { number },
        FromChild::Stopped => Report::Stopped,
    }
}

fn bfd_report(message: FromChild<BfdSnapshot>) -> Report {
    match message {
        FromChild::Ready => Report::Ready,
        FromChild::Applied { generation, outcome } => Report::Applied { generation, outcome },
        FromChild::Snapshot { request, snapshot } => Report::Bfd { request, snapshot },
        FromChild::Recording(recording) => Report::Recording(recording),
        FromChild::Event(event) => Report::Event(event),
        FromChild::Quorums(states) => Report::Quorums(states),
        FromChild::Sessions(states) => Report::Sessions(states),
        FromChild::Pong { number } => Report::Pong { number },
        FromChild::Stopped => Report::Stopped,
    }
}
