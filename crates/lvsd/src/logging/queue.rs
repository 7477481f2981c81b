//! A bounded queue of lines, and the thread that writes them.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Compact, Format, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::signals;

/// Lines that may wait.
const CAPACITY: usize = 4096;
/// How long the end of the process waits for a reader that does not read.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);
/// Where syslog listens, and what comes before a warning there: facility daemon, severity warning.
const SYSLOG: (&str, &str) = ("/dev/log", "<28>");
/// The same of the journal.
const JOURNAL: (&str, &str) = ("/run/systemd/journal/socket", "PRIORITY=4\nSYSLOG_IDENTIFIER=lvsd\nMESSAGE=");

/// What the lines are written to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Stderr,
    Syslog,
    Journal,
}

/// The queue; dropping it writes out what waits, for a while at most.
#[derive(Debug)]
pub(super) struct Queue {
    handle: QueueHandle,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// For putting lines in.
#[derive(Clone, Debug)]
pub(super) struct QueueHandle {
    sender: SyncSender<Option<Vec<u8>>>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    pub(super) fn start(target: Target) -> Self {
        let (sender, receiver) = sync_channel(CAPACITY);
        let (finished, done) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let losses = Arc::clone(&dropped);
        // A signal held back by the main thread would otherwise end the process through this one.
        let _held = signals::hold_stop();
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            let (logger, loss_prefix) = match target {
                Target::Stderr => {
                    drain(&receiver, &losses, "", |line| io::stderr().write_all(line));
                    let _ = finished.send(());
                    return;
                }
                Target::Syslog => SYSLOG,
                Target::Journal => JOURNAL,
            };
            let mut socket = None;
            drain(&receiver, &losses, loss_prefix, |line| send(&mut socket, Path::new(logger), line));
            let _ = finished.send(());
        });
        Self { handle: QueueHandle { sender, dropped }, done, thread: thread.ok() }
    }

    pub(super) fn handle(&self) -> QueueHandle {
        self.handle.clone()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // The handles live on in the subscriber, so the end is a message. A full queue has a reader that does not read.
        if self.thread.is_some() && self.handle.sender.try_send(None).is_ok() {
            match self.done.recv_timeout(FLUSH_LIMIT) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.thread.take().map(JoinHandle::join);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Writes lines until the end is asked for. Errors cost the line: there is nowhere left to say so.
fn drain(
    lines: &Receiver<Option<Vec<u8>>>,
    losses: &AtomicU64,
    loss_prefix: &str,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) {
    while let Ok(Some(line)) = lines.recv() {
        let _ = write(&line);
        let lost = losses.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = write(format!("{loss_prefix}lvsd: {lost} log lines were lost\n").as_bytes());
        }
    }
}

/// Whether there is a journal to be logged to.
pub(super) fn journal_listens() -> io::Result<()> {
    UnixDatagram::unbound()?.connect(JOURNAL.0)
}

/// Sends one line, connecting first when needed, once again when the logger was restarted.
fn send(socket: &mut Option<UnixDatagram>, logger: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(connected) = socket
        && connected.send(line).is_ok()
    {
        return Ok(());
    }
    let fresh = UnixDatagram::unbound()?;
    fresh.connect(logger)?;
    fresh.set_write_timeout(Some(FLUSH_LIMIT))?;
    fresh.send(line)?;
    *socket = Some(fresh);
    Ok(())
}

impl QueueHandle {
    /// Puts one line in, or counts it as lost.
    pub(super) fn push(&self, line: Vec<u8>) {
        if self.sender.try_send(Some(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Collects one line; it is put in when it is dropped.
    pub(super) fn line(&self) -> Line {
        Line { queue: self.clone(), bytes: Vec::with_capacity(160) }
    }
}

impl MakeWriter<'_> for QueueHandle {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        self.line()
    }
}

/// A line under construction.
pub(super) struct Line {
    queue: QueueHandle,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.queue.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// The compact format with UTC time, after the name of the process.
pub(super) struct Named {
    name: &'static str,
    format: Format<Compact>,
}

impl Named {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, format: Format::default().compact().with_target(false).with_ansi(false) }
    }
}

impl<S, N> FormatEvent<S, N> for Named
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "{}[{}]: ", self.name, std::process::id())?;
        self.format.format_event(context, writer, event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_reader_costs_lines_and_not_time() {
        let (sender, receiver) = sync_channel(CAPACITY);
        let handle = QueueHandle { sender, dropped: Arc::default() };
        for _ in 0..CAPACITY + 5 {
            handle.push(b"x\n".to_vec());
        }
        assert_eq!(handle.dropped.load(Ordering::Relaxed), 5);
        // When it reads again, it is told.
        let losses = Arc::clone(&handle.dropped);
        drop(handle);
        let mut written = Vec::new();
        drain(&receiver, &losses, "", |line| {
            written.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        });
        assert_eq!(written.len(), CAPACITY + 1);
        assert_eq!(written[1], "lvsd: 5 log lines were lost\n");
    }
    #[test]
    fn a_logger_that_is_restarted_gets_the_next_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let mut socket = None;
        assert!(send(&mut socket, &path, b"nobody").is_err());
        for line in [&b"one"[..], b"two"] {
            let logger = UnixDatagram::bind(&path).expect("free");
            send(&mut socket, &path, line).expect("somebody listens");
            let mut bytes = [0; 16];
            let length = logger.recv(&mut bytes).expect("a line");
            assert_eq!(&bytes[..length], line);
            drop(logger);
            std::fs::remove_file(&path).expect("there");
        }
    }
}
