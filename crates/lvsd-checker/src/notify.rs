//! Tells what has happened: a log line for every event, the supervisor, the administrator's script, the FIFOs, a mail; in this order.
//!
//! Scripts about the same server or quorum run one after the other, in the order of the events; those about different ones
//! run side by side, [`PARALLEL`] at most. A script that takes longer than [`LIMIT`] is ended. Where a script is so slow
//! that more than [`BACKLOG`] wait behind it, the oldest of them is dropped: what it had to say is no longer true.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use lvsd_health::{Event, ServiceNews, Standing};
use lvsd_ipc::NoticeSnapshot;
use lvsd_model::{NoticePlan, Script, ScriptPolicy};
use lvsd_notify::{Bearing, Letter, Line, Outlets};
use lvsd_script::Runner;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Duration, Instant};

use crate::reporter::Reporter;

/// Scripts that run at the same time.
const PARALLEL: usize = 32;
/// Scripts that wait for another one of the same subject.
const BACKLOG: usize = 8;
/// The longest that a script may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A server in a service, or a service's quorum.
type Subject = String;

#[derive(Debug)]
pub(crate) struct Notifier {
    supervisor: Reporter,
    runner: RefCell<Runner>,
    /// FIFOs and mail.
    outlets: RefCell<Outlets>,
    /// What waits, by subject; a subject is in here as long as somebody works for it.
    waiting: RefCell<HashMap<Subject, VecDeque<Script>>>,
    slots: Semaphore,
    subject_done: Notify,
}

impl Notifier {
    pub(crate) fn new(policy: ScriptPolicy, supervisor: Reporter) -> Self {
        Self {
            supervisor,
            runner: RefCell::new(Runner::new(policy)),
            outlets: RefCell::default(),
            waiting: RefCell::default(),
            slots: Semaphore::new(PARALLEL),
            subject_done: Notify::new(),
        }
    }

    /// Follows another plan from now on; gives what of it does not work.
    pub(crate) fn renew(&self, policy: ScriptPolicy, notices: &NoticePlan, notes: PathBuf) -> Vec<String> {
        let problems = self.outlets.borrow_mut().apply(notices, &policy, notes);
        *self.runner.borrow_mut() = Runner::new(policy);
        problems
    }

    /// What FIFOs and mail have come to.
    pub(crate) fn snapshot(&self) -> NoticeSnapshot {
        self.outlets.borrow().snapshot()
    }

    /// Logs an event and has its script run.
    pub(crate) fn tell(self: &Rc<Self>, event: &Event) {
        let subject = log(event);
        self.supervisor.tell(event);
        if let Some(script) = event.script() {
            self.enqueue(subject, script.clone());
        }
        let mut outlets = self.outlets.borrow_mut();
        if !outlets.is_silent() {
            proclaim(event, &mut outlets);
        }
    }

    /// The end of FIFOs and mail, at `deadline` at the latest.
    pub(crate) async fn close(&self, deadline: Instant) {
        let mut outlets = self.outlets.take();
        outlets.close(deadline).await;
    }

    /// Waits until every script has run.
    pub(crate) async fn drained(&self) {
        loop {
            let done = self.subject_done.notified();
            if self.waiting.borrow().is_empty() {
                return;
            }
            done.await;
        }
    }

    fn enqueue(self: &Rc<Self>, subject: Subject, script: Script) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(queue) = waiting.get_mut(&subject) {
            if queue.len() >= BACKLOG {
                queue.pop_front();
                tracing::warn!(%subject, "a notify script is too slow; one of those behind it is dropped");
            }
            queue.push_back(script);
            return;
        }
        waiting.insert(subject.clone(), VecDeque::from([script]));
        tokio::task::spawn_local(Rc::clone(self).work(subject));
    }

    /// Runs what waits for a subject, until nothing does.
    async fn work(self: Rc<Self>, subject: Subject) {
        while let Some(script) = self.next(&subject) {
            // The semaphore is never closed.
            let _slot = self.slots.acquire().await;
            self.run(&subject, &script).await;
        }
        self.subject_done.notify_waiters();
    }

    fn next(&self, subject: &Subject) -> Option<Script> {
        let mut waiting = self.waiting.borrow_mut();
        let script = waiting.get_mut(subject).and_then(VecDeque::pop_front);
        if script.is_none() {
            waiting.remove(subject);
        }
        script
    }

    async fn run(&self, subject: &Subject, script: &Script) {
        let prepared = self.runner.borrow().prepare(script);
        match prepared {
            Err(error) => {
                tracing::error!(%subject, script = %script.source, %error, "the notify script cannot run")
            }
            Ok(prepared) => {
                let outcome = prepared.run(&[], Some(LIMIT)).await;
                if outcome.success() {
                    tracing::debug!(%subject, script = %script.source, "the notify script has run");
                } else {
                    tracing::warn!(%subject, script = %script.source, %outcome, "the notify script failed");
                }
            }
        }
    }
}

/// Lines for the FIFOs, then mail. That a service is new and has its quorum is worth a line, as the peer has it, but no mail.
fn proclaim(event: &Event, outlets: &mut Outlets) {
    match event {
        Event::Server { standing, failure, notice, .. } => {
            let bearing = bearing(*standing);
            let (server, service) = (notice.server.as_str(), notice.service.as_str());
            outlets.line(Line::Server { server, service, bearing });
            if notice.mail {
                let cause = failure.as_ref().map(ToString::to_string);
                outlets.letter(Letter::server(server, service, bearing, notice.check, cause.as_deref()));
            }
        }
        Event::Quorum { standing, alive, quorum, notice, .. } => {
            let bearing = bearing(*standing);
            let service = notice.service.as_str();
            outlets.line(Line::Service { service, bearing });
            let is_news = !notice.is_new || bearing == Bearing::Down;
            if notice.mail && is_news {
                outlets.letter(Letter::quorum(service, bearing, *quorum, notice.hysteresis, *alive));
            }
        }
        // The format of the FIFOs is the peer's, which has no word for it.
        Event::Service { news, label, mail, .. } => match news {
            ServiceNews::FailsOpen { up, needed } if *mail => {
                outlets.letter(Letter::trust(label, Some((*up, *needed))));
            }
            ServiceNews::Believes if *mail => outlets.letter(Letter::trust(label, None)),
            _ => {}
        },
    }
}

const fn bearing(standing: Standing) -> Bearing {
    match standing {
        Standing::Up => Bearing::Up,
        Standing::Down => Bearing::Down,
    }
}

/// One line per event; returns what it is about.
fn log(event: &Event) -> Subject {
    match event {
        Event::Server { service, server, standing: Standing::Up, .. } => {
            tracing::info!(%service, %server, "real server is up");
            format!("{service} {server}")
        }
        Event::Server { service, server, standing: Standing::Down, failure, .. } => {
            match failure {
                Some(failure) => tracing::warn!(%service, %server, cause = %failure, "real server is down"),
                None => tracing::warn!(%service, %server, "real server is down"),
            }
            format!("{service} {server}")
        }
        Event::Quorum { service, standing: Standing::Up, script: None, notice, .. } if notice.is_new => {
            tracing::debug!(%service, "a new service has its quorum");
            service.clone()
        }
        Event::Quorum { service, standing: Standing::Up, alive, quorum, sorry, .. } => {
            tracing::info!(%service, alive, quorum, sorry = sorry.map(tracing::field::display), "quorum is gained");
            service.clone()
        }
        Event::Quorum { service, standing: Standing::Down, alive, quorum, sorry, .. } => {
            tracing::warn!(%service, alive, quorum, sorry = sorry.map(tracing::field::display), "quorum is lost");
            service.clone()
        }
        Event::Service { service, news, .. } => {
            log_news(service, *news);
            service.clone()
        }
    }
}

fn log_news(service: &str, news: ServiceNews) {
    match news {
        ServiceNews::Suspended => {
            tracing::info!(%service, "no address of the service is on this host: its checks rest");
        }
        ServiceNews::Resumed => tracing::info!(%service, "the checks of the service run again"),
        ServiceNews::FailsOpen { up, needed } => tracing::error!(
            %service, up, needed,
            "too few servers are up for that to be believed: those that had the traffic keep it"
        ),
        ServiceNews::Believes => {
            tracing::warn!(%service, "enough servers are up: those that are down are out of the traffic");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lvsd_model::Invocation;

    use super::*;

    fn shell(line: &str) -> Script {
        let argv = ["/bin/sh", "-c", line].map(str::to_owned).to_vec();
        Script { source: line.into(), argv, invocation: Invocation::Exec, run_as: None }
    }

    fn event(server: &str, line: &str) -> Event {
        Event::Server {
            service: "web".into(),
            server: server.parse().expect("an address"),
            standing: Standing::Down,
            failure: None,
            script: Some(shell(line)),
            notice: Box::new(lvsd_health::ServerNotice {
                server: format!("[{server}]"),
                service: "[web]:0".into(),
                mail: false,
                check: None,
            }),
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, future)
    }

    fn lines(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn scripts_of_one_server_run_in_order_and_others_beside_them() {
        block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let log = directory.path().join("log");
            let notifier = Rc::new(Notifier::new(ScriptPolicy::default(), Reporter::new().0));
            let say = |word: &str| format!("echo {word} >> {}", log.display());
            // The first script of the first server ends only when the second server's has run: side by side. Its own
            // second one has to wait: in order.
            let until_second =
                format!("until grep -q second {}; do :; done; {}", log.display(), say("first"));
            notifier.tell(&event("192.0.2.1:80", &until_second));
            notifier.tell(&event("192.0.2.1:80", &say("third")));
            notifier.tell(&event("192.0.2.2:80", &say("second")));
            notifier.drained().await;
            assert_eq!(lines(&log), ["second", "first", "third"]);
        });
    }

    #[test]
    fn a_backlog_is_bounded_and_the_newest_stays() {
        block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let log = directory.path().join("log");
            let notifier = Rc::new(Notifier::new(ScriptPolicy::default(), Reporter::new().0));
            for number in 0..100 {
                notifier.tell(&event("192.0.2.1:80", &format!("echo {number} >> {}", log.display())));
            }
            notifier.drained().await;
            let lines = lines(&log);
            assert!(lines.len() <= BACKLOG + 1, "{lines:?}");
            assert_eq!(lines.last().map(String::as_str), Some("99"));
        });
    }

    #[test]
    fn scripts_that_fail_or_cannot_run_do_not_hold_up_the_next() {
        block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let log = directory.path().join("log");
            let notifier = Rc::new(Notifier::new(ScriptPolicy::default(), Reporter::new().0));
            let missing = Script { argv: vec!["/no/such/program".into()], ..shell("") };
            let mut unable = event("192.0.2.1:80", "");
            let Event::Server { script, .. } = &mut unable else { unreachable!() };
            *script = Some(missing);
            notifier.tell(&unable);
            notifier.tell(&event("192.0.2.1:80", "exit 3"));
            notifier.tell(&event("192.0.2.1:80", &format!("echo last >> {}", log.display())));
            notifier.drained().await;
            assert_eq!(lines(&log), ["last"]);
        });
    }
}
