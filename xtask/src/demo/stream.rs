//! A steady stream of requests: one begins at every beat, whatever has become of those before it, as from many clients
//! at once. So an outage is as long as it is, and no longer because a client waits.

use super::judge::together;
use crate::Failure;
use lvsd_lab::{
    Host,
    web::{Client, Report},
};
use std::{
    io,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

/// A stream, until it is [stopped](Self::stop).
#[derive(Debug)]
pub(super) struct Stream {
    stop: Sender<()>,
    worker: JoinHandle<Watched>,
}

/// What became of a stream's requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    pub(super) report: Report,
    /// When those began that failed.
    pub(super) failed: Vec<SystemTime>,
}

impl Stream {
    /// Starts on a host: a request of one of these clients, in turn, per beat.
    pub(super) fn start(host: &Host, clients: Vec<Client>, beat: Duration) -> Result<Self, Failure> {
        let (stop, stopped) = mpsc::channel();
        let worker = host.namespace().spawn("stream", move || run(&clients, beat, &stopped))?;
        Ok(Self { stop, worker })
    }

    /// Begins no more requests, waits for those under way, and gives what became of all.
    pub(super) fn stop(self) -> Watched {
        drop(self.stop);
        self.worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The outcome of a request.
#[derive(Debug)]
struct Outcome {
    begun: SystemTime,
    at: Instant,
    answer: io::Result<String>,
}

fn run(clients: &[Client], beat: Duration, stopped: &Receiver<()>) -> Watched {
    let start = Instant::now();
    let (outcomes, arrivals) = mpsc::channel();
    for client in clients.iter().cycle() {
        let (client, outcomes) = (client.clone(), outcomes.clone());
        // In this thread's namespace, as all its children are.
        thread::spawn(move || {
            let begun = SystemTime::now();
            let answer = client.fetch();
            // The stream waits for all of them.
            let _ = outcomes.send(Outcome { begun, at: Instant::now(), answer });
        });
        if stopped.recv_timeout(beat) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    let end = Instant::now();
    drop(outcomes);
    let outcomes: Vec<_> = arrivals.into_iter().collect();
    let failed = outcomes.iter().filter(|outcome| outcome.answer.is_err()).map(|outcome| outcome.begun);
    Watched { failed: failed.collect(), report: reported(start, end, outcomes) }
}

/// The outcomes as a report; the longest time without an answer is looked for between start and end.
fn reported(start: Instant, end: Instant, mut outcomes: Vec<Outcome>) -> Report {
    outcomes.sort_by_key(|outcome| outcome.at);
    let mut last_answer = start;
    let mut longest = Duration::ZERO;
    let each = outcomes.into_iter().map(|Outcome { at, answer, .. }| {
        let mut report = Report { sent: 1, ..Report::default() };
        match answer {
            Ok(body) => {
                longest = longest.max(at.saturating_duration_since(last_answer));
                last_answer = at;
                report.answers.insert(body, 1);
            }
            Err(error) => {
                report.failed = 1;
                report.failures.insert(error.to_string(), 1);
            }
        }
        report
    });
    let mut report = together(each.collect::<Vec<_>>());
    longest = longest.max(end.saturating_duration_since(last_answer));
    report.longest_gap_us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_is_between_answers_in_the_order_they_came() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let outcome = |ms, answer| Outcome { begun: SystemTime::UNIX_EPOCH, at: at(ms), answer };
        let answer = |ms| outcome(ms, Ok("real-1".to_owned()));
        let failure = outcome(300, Err(io::ErrorKind::TimedOut.into()));
        let report = reported(start, at(520), vec![answer(500), answer(10), failure, answer(40)]);
        assert_eq!((report.sent, report.failed), (4, 1));
        assert_eq!(report.answers.get("real-1"), Some(&3));
        assert_eq!(report.longest_gap(), Duration::from_millis(460));
    }

    #[test]
    fn silence_until_the_end_is_a_gap_too() {
        let start = Instant::now();
        let report = reported(start, start + Duration::from_millis(700), Vec::new());
        assert_eq!((report.sent, report.longest_gap()), (0, Duration::from_millis(700)));
    }
}
