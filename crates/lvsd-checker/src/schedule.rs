//! Runs the checks when they are due, and passes on what they find.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use lvsd_health::{CheckId, Due, Event, Outcome};
use lvsd_model::CheckKind;
use lvsd_net::Urgency;
use tokio::time::{Instant, sleep_until};

use crate::notify::Notifier;
use crate::probe::Probes;
use crate::shared::Shared;

#[derive(Debug)]
pub(crate) struct Schedule {
    shared: Rc<Shared>,
    probes: Rc<Probes>,
    notifier: Rc<Notifier>,
    /// Checks that this host keeps from running, and of which that has been said.
    skipped: RefCell<HashSet<CheckId>>,
    urgency: Cell<Urgency>,
}

impl Schedule {
    pub(crate) fn new(shared: Rc<Shared>, probes: Rc<Probes>, notifier: Rc<Notifier>) -> Self {
        Self { shared, probes, notifier, skipped: RefCell::default(), urgency: Cell::default() }
    }

    /// Starts every check when its time has come; for ever.
    pub(crate) async fn run(self: Rc<Self>) {
        loop {
            self.tick();
            let next = self.start_due();
            let until_due = async {
                match next {
                    Some(at) => {
                        sleep_until(Instant::from_std(at)).await;
                        self.note_lateness(at);
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = until_due => {}
                () = self.shared.schedule_changed.notified() => {}
            }
        }
    }

    /// What a late timer makes of the process from now on.
    pub(crate) fn hurry(&self, urgency: Urgency) {
        self.urgency.set(urgency);
    }

    fn note_lateness(&self, due: std::time::Instant) {
        let mut urgency = self.urgency.get();
        let step = urgency.late(due.elapsed());
        self.urgency.set(urgency);
        match step.map(|priority| (priority, lvsd_net::set_realtime(priority))) {
            None => {}
            Some((priority, Ok(()))) => {
                tracing::warn!(
                    priority,
                    "checks began late; the process has this real-time priority from now on"
                );
            }
            Some((priority, Err(error))) => {
                tracing::warn!(priority, %error, "max_auto_priority: the process cannot be made more urgent");
            }
        }
    }

    /// Has time do its part.
    fn tick(&self) {
        self.shared.health.borrow_mut().tick(self.shared.now());
        self.pass_on();
    }

    /// Starts what is due; returns when to come back.
    fn start_due(self: &Rc<Self>) -> Option<std::time::Instant> {
        let now = self.shared.now();
        let mut health = self.shared.health.borrow_mut();
        while let Some(due) = health.poll_due(now) {
            tokio::task::spawn_local(Rc::clone(self).check(due));
        }
        health.poll_timeout().map(|at| self.shared.instant(at))
    }

    async fn check(self: Rc<Self>, due: Due) {
        let run = Run { schedule: &self, due: &due, outcome: None };
        let outcome = self.probes.run(&due).await;
        run.end(outcome);
    }

    /// Hands an outcome to the health, and rings the bells for what has changed.
    fn finish(&self, due: &Due, outcome: &Outcome) {
        self.log(due, outcome);
        let mut health = self.shared.health.borrow_mut();
        let before = health.poll_timeout();
        health.finish(self.shared.now(), due.id, outcome);
        let after = health.poll_timeout();
        drop(health);
        self.pass_on();
        // Whoever sleeps, sleeps until `before`.
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.shared.schedule_changed.notify_one();
        }
    }

    /// Tells the events and has the table follow.
    pub(crate) fn pass_on(&self) {
        loop {
            let event = self.shared.health.borrow_mut().poll_event();
            let Some(event) = event else { break };
            self.notifier.tell(&event);
            if matches!(event, Event::Quorum { .. }) {
                self.shared.quorum_changed.notify_one();
            }
        }
        if self.shared.health.borrow().has_changes() {
            self.shared.table_changed.notify_one();
        }
    }

    fn log(&self, due: &Due, outcome: &Outcome) {
        let kind = &due.check.kind;
        if let Outcome::Skipped { reason } = outcome {
            if self.skipped.borrow_mut().insert(due.id) {
                let check = describe(kind);
                tracing::warn!(%check, %reason, "check cannot run here; it says nothing about the server");
            }
            return;
        }
        self.skipped.borrow_mut().remove(&due.id);
        match outcome {
            Outcome::Failure(failure) if due.check.log_all_failures => {
                tracing::info!(check = describe(kind), cause = %failure, "check failed");
            }
            Outcome::Failure(failure) => {
                tracing::debug!(check = describe(kind), cause = %failure, "check failed");
            }
            Outcome::Success { .. } | Outcome::Skipped { .. } => {}
        }
    }

    /// Forgets what was said about checks of an earlier configuration.
    pub(crate) fn renew(&self) {
        self.skipped.borrow_mut().clear();
    }
}

/// A check and what it is aimed at.
fn describe(kind: &CheckKind) -> String {
    let name = kind.keyword();
    match (kind, kind.target()) {
        (CheckKind::Misc(check), _) => format!("{name} {}", check.script.source),
        (CheckKind::File(check), _) => format!("{name} {}", check.name),
        (CheckKind::Bfd(check), _) => format!("{name} {}", check.session),
        (CheckKind::Ping(target), _) => format!("{name} {}", target.address.ip()),
        (_, Some(target)) => format!("{name} {}", target.address),
        (_, None) => name.to_owned(),
    }
}

/// A run that is under way. Even if a bug unwinds it, the check gets an outcome and goes on: one that seemed to run for ever
/// would never find anything again.
struct Run<'a> {
    schedule: &'a Schedule,
    due: &'a Due,
    outcome: Option<Outcome>,
}

impl Run<'_> {
    fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None if std::thread::panicking() => Outcome::Skipped { reason: "the check has a bug".to_owned() },
            // The process ends.
            None => return,
        };
        self.schedule.finish(self.due, &outcome);
    }
}
