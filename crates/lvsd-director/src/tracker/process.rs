//! Tracked processes: a thread that listens to the kernel's process events, or looks at `/proc` once in a while where there are none.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lvsd_model::TrackProcess;
use lvsd_net::{ProcessEvent, ProcessEvents, uptime};
use tracing::{info, warn};

use super::census::{Census, Count, Process};
use super::worker::{Inbox, Worker};
use crate::election;

/// How often `/proc` is read where no events are to be had.
const WITHOUT_EVENTS: Duration = Duration::from_secs(1);
/// How often it is read all the same, should an event have been missed.
const WITH_EVENTS: Duration = Duration::from_secs(60);
/// Events taken before verdicts are told.
const BURST: usize = 1024;

/// The way to the thread.
pub(super) type Watch = Worker<Vec<TrackProcess>>;

/// Starts the thread.
///
/// # Errors
/// No room for a thread or a descriptor.
pub(super) fn watch(election: election::Handle, counts: Counts) -> io::Result<Watch> {
    Worker::start("lvsd: processes", move |inbox| {
        let (events, census) = (None, Census::default());
        Watcher { inbox, election, counts, events, census, rescan_at: Duration::ZERO }.run();
    })
}

/// What the thread has counted last, for whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Arc<Mutex<Vec<Count>>>);

impl Counts {
    pub(super) fn take(&self) -> Vec<Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, counts: Vec<Count>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

struct Watcher {
    inbox: Inbox<Vec<TrackProcess>>,
    election: election::Handle,
    counts: Counts,
    events: Option<ProcessEvents>,
    census: Census,
    rescan_at: Duration,
}

impl Watcher {
    fn run(mut self) {
        while let Ok(plan) = self.inbox.next() {
            if let Some(plan) = plan {
                self.adopt(plan);
            }
            self.take_events();
            let now = uptime();
            if now >= self.rescan_at && !self.census.is_idle() {
                self.census.recount(now, processes());
                self.schedule_rescan();
            }
            for (name, ok) in self.census.due(uptime()) {
                info!(process = name, ok, "tracked process");
                self.election.send(election::Input::Process { name, ok });
            }
            self.counts.put(self.census.counts());
            self.wait();
        }
    }

    fn adopt(&mut self, plan: Vec<TrackProcess>) {
        if plan.is_empty() {
            self.events = None;
        } else if self.events.is_none() {
            // Before the first look, so that nothing falls between the two.
            match ProcessEvents::open() {
                Ok(events) => self.events = Some(events),
                Err(error) => warn!(
                    %error,
                    "no process events here (they need CAP_NET_ADMIN and the first network namespace); looking once a second"
                ),
            }
        }
        self.census = Census::new(plan, processes());
        self.schedule_rescan();
    }

    fn schedule_rescan(&mut self) {
        self.rescan_at = uptime() + if self.events.is_some() { WITH_EVENTS } else { WITHOUT_EVENTS };
    }

    fn take_events(&mut self) {
        let Some(events) = &mut self.events else { return };
        for _ in 0..BURST {
            let now = uptime();
            match events.next_event() {
                Ok(Some(ProcessEvent::Forked { parent, process })) => {
                    self.census.forked(now, parent, process)
                }
                Ok(Some(ProcessEvent::Changed { process })) => {
                    self.census.changed(now, process, look(process).as_ref());
                }
                Ok(Some(ProcessEvent::Ended { process })) => self.census.changed(now, process, None),
                Ok(Some(ProcessEvent::Overrun)) => self.rescan_at = Duration::ZERO,
                Ok(None) => return,
                Err(error) => {
                    warn!(%error, "process events have ended; looking once a second");
                    self.events = None;
                    self.rescan_at = Duration::ZERO;
                    return;
                }
            }
        }
        // There is more; it is taken in the next turn.
        self.inbox.again();
    }

    fn wait(&self) {
        let rescan = (!self.census.is_idle()).then_some(self.rescan_at);
        let until = [rescan, self.census.deadline()].into_iter().flatten().min();
        self.inbox.wait(self.events.as_ref().map(AsFd::as_fd), until);
    }
}

/// All processes that there are.
fn processes() -> impl Iterator<Item = (u32, Process)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        Some((id, look(id)?))
    })
}

/// A process as it is now; `None` when it is gone, or dead and only not buried yet.
fn look(id: u32) -> Option<Process> {
    let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
    // The name may contain everything, parentheses too.
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    if matches!(stat.get(close + 2), None | Some(b'Z' | b'X')) {
        return None;
    }
    let name = stat.get(open + 1..close)?.to_vec();
    let command = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let command = command.strip_suffix(b"\0").unwrap_or(&command);
    let words = if command.is_empty() {
        Vec::new()
    } else {
        command.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
    };
    Some(Process { name, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_among_the_processes() {
        let id = std::process::id();
        let (_, ours) = processes().find(|(other, _)| *other == id).expect("this process");
        let words: Vec<Vec<u8>> =
            std::env::args_os().map(std::os::unix::ffi::OsStringExt::into_vec).collect();
        assert_eq!(ours.words, words);
        assert_eq!(look(u32::MAX), None);
    }
}
