//! The control socket: what an operator asks a daemon that runs, as HTTP/1.1 and JSON on a Unix socket.
//!
//! It must never hold the supervisor up, nor answer anybody but root: clients are few and bounded in time and size, and the
//! kernel says who they are. Every answer comes from what the supervisor knows anyway: its own state, and the children's
//! snapshots. docs/control.md is the description for users; start reading at `serve`.

mod answer;
mod events;
mod listen;
mod radar;
mod session;
pub mod view;
mod why;

pub use self::radar::{Finding, Neighbour, Radar, Segment};
pub use self::session::{Remote, Session};
pub use self::view::{Event, Instance, Problem, Process, Reload, Server, Service, Status};
pub use self::why::{Decision, Why};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lvsd_model::ControlSocket;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub(crate) use self::events::EventLog;
pub(crate) use self::events::Follower;
use self::listen::Listener;
use crate::http;
use crate::observation::Observation;

/// Clients at a time.
const MAX_CLIENTS: usize = 16;

/// A connection is closed after this long. Long enough for a reload of a great configuration.
const CONNECTION_LIMIT: Duration = Duration::from_secs(150);

/// Whoever follows the events may stay this long; then the connection ends, and the client comes again.
const FOLLOW_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// The longest pause between two attempts to listen.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The name of the socket in the runtime directory.
pub const SOCKET_NAME: &str = "control.sock";

/// What the supervisor is asked.
#[derive(Debug)]
pub(crate) enum Query {
    /// How everything is.
    Status(oneshot::Sender<Arc<Observation>>),
    /// What has happened after the event of a number, and what will.
    Events(Option<u64>, oneshot::Sender<Follower>),
    /// What the flight recorder of the VRRP process has.
    Record(oneshot::Sender<Vec<u8>>),
    /// Read the configuration again.
    Reload(oneshot::Sender<Reload>),
}

/// Where a configuration wants the socket.
pub(crate) fn place(wanted: &ControlSocket, runtime_dir: &Path) -> Option<PathBuf> {
    match wanted {
        ControlSocket::RuntimeDirectory => Some(runtime_dir.join(SOCKET_NAME)),
        ControlSocket::Path(path) => Some(path.clone()),
        ControlSocket::Off => None,
    }
}

/// Serves wherever `place` says, for ever; ends when its sender is gone.
pub(crate) async fn serve(mut place: watch::Receiver<Option<PathBuf>>, ask: mpsc::Sender<Query>) {
    loop {
        let wanted = place.borrow_and_update().clone();
        let serving = async {
            match &wanted {
                None => std::future::pending().await,
                Some(path) => accept(bind(path).await, &ask).await,
            }
        };
        tokio::select! {
            () = serving => {}
            changed = place.wait_for(|now| *now != wanted) => if changed.is_err() { return },
        }
    }
}

/// Listens, however long that takes.
async fn bind(path: &Path) -> Listener {
    let mut pause = Duration::from_secs(1);
    loop {
        match Listener::bind(path).await {
            Ok(listener) => {
                tracing::info!(path = %path.display(), "control socket is open");
                return listener;
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no control socket; next attempt in {pause:?}");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn accept(listener: Listener, ask: &mpsc::Sender<Query>) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        // Who finds no place waits in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok(stream) => {
                let ask = ask.clone();
                tokio::spawn(async move {
                    converse(stream, ask).await;
                    drop(place);
                });
            }
            // Out of descriptors, most likely: a pause lets others finish.
            Err(error) => {
                tracing::warn!(%error, "a connection to the control socket was not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, ask: mpsc::Sender<Query>) {
    if let Err(uid) = listen::may_ask(&stream) {
        tracing::warn!(uid, "somebody who is not root was refused at the control socket");
        return;
    }
    let following = tokio::sync::Notify::new();
    let talk =
        http::converse(stream, FOLLOW_LIMIT, |request| answer::answer(request, ask.clone(), &following));
    let limit = async {
        tokio::time::sleep(CONNECTION_LIMIT).await;
    };
    tokio::pin!(talk, limit);
    tokio::select! {
        () = &mut talk => {}
        () = &mut limit => {}
        () = following.notified() => talk.await,
    }
}
