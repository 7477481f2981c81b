//! The connection to the supervisor.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;

use lvsd_ipc::{BfdPlan, BfdSnapshot, FrameReader, FrameWriter, FromChild, ToChild};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::warn;

pub(crate) type Order = ToChild<BfdPlan>;
pub(crate) type Answer = FromChild<BfdSnapshot>;

/// How long the last message may take to be on its way.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Both directions, each read and written in a task of its own, since a frame must not be given up half-way.
#[derive(Debug)]
pub(crate) struct Supervisor {
    inbox: mpsc::Receiver<Order>,
    outbox: mpsc::UnboundedSender<Answer>,
    writer: JoinHandle<()>,
}

impl Supervisor {
    pub(crate) fn connect(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (reading, writing) = UnixStream::from_std(stream)?.into_split();
        let (to_inbox, inbox) = mpsc::channel(16);
        // Bounded by what the supervisor asks for, and by how fast sessions can change.
        let (outbox, mut to_write) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut reader = FrameReader::new(reading);
            loop {
                match reader.next().await {
                    Ok(Some(order)) => {
                        if to_inbox.send(order).await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => return,
                    Err(error) => return warn!(%error, "the connection to the supervisor broke"),
                }
            }
        });
        let writer = tokio::spawn(async move {
            let mut writer = FrameWriter::new(writing);
            while let Some(answer) = to_write.recv().await {
                // The end of the supervisor is noticed by the reader.
                if writer.send(&answer).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { inbox, outbox, writer })
    }

    /// The next order; `None` when the supervisor is gone.
    pub(crate) async fn next(&mut self) -> Option<Order> {
        self.inbox.recv().await
    }

    pub(crate) fn say(&self, answer: Answer) {
        // The end of the supervisor is noticed by the reader.
        let _ = self.outbox.send(answer);
    }

    /// Ends, once everything said is on its way.
    pub(crate) async fn close(self) {
        drop(self.outbox);
        let _ = timeout(LAST_WORDS, self.writer).await;
    }
}
