//! Tells the supervisor what has happened, for whoever follows the events of the daemon.
//!
//! Nothing waits for the supervisor here: thousands of servers may go down at once, and when it does not keep up, some of
//! that is left out. It is all in the log.

use std::cell::Cell;

use lvsd_health::{Event, ServiceNews, Standing};
use lvsd_ipc::{ChildEvent, ServiceChange};
use tokio::sync::mpsc;

/// Events that may wait for the supervisor; about as many as it remembers.
const BACKLOG: usize = 1024;

#[derive(Debug)]
pub(crate) struct Reporter {
    queue: mpsc::Sender<ChildEvent>,
    /// Left out since the last one that was not.
    omitted: Cell<u64>,
}

impl Reporter {
    /// With the end of the queue that somebody is to carry to the supervisor.
    pub(crate) fn new() -> (Self, mpsc::Receiver<ChildEvent>) {
        let (queue, carried) = mpsc::channel(BACKLOG);
        (Self { queue, omitted: Cell::default() }, carried)
    }

    pub(crate) fn tell(&self, event: &Event) {
        let Some(event) = child_event(event) else { return };
        match self.queue.try_send(event) {
            Ok(()) => match self.omitted.take() {
                0 => {}
                omitted => tracing::warn!(omitted, "the supervisor was not told of all events"),
            },
            // When it is gone the process ends.
            Err(_) => self.omitted.set(self.omitted.get().saturating_add(1)),
        }
    }
}

/// That a new service has its quorum is no news.
fn child_event(event: &Event) -> Option<ChildEvent> {
    Some(match event {
        Event::Server { service, server, standing, failure, .. } => ChildEvent::Server {
            service: service.clone(),
            server: server.to_string(),
            up: *standing == Standing::Up,
            cause: failure.as_ref().map(ToString::to_string),
        },
        Event::Quorum { standing: Standing::Up, notice, .. } if notice.is_new => return None,
        Event::Quorum { service, standing, alive, quorum, .. } => ChildEvent::Quorum {
            service: service.clone(),
            met: *standing == Standing::Up,
            alive: *alive,
            quorum: *quorum,
        },
        Event::Service { service, news, .. } => {
            ChildEvent::Service { service: service.clone(), change: change(*news) }
        }
    })
}

const fn change(news: ServiceNews) -> ServiceChange {
    match news {
        ServiceNews::Suspended => ServiceChange::Suspended,
        ServiceNews::Resumed => ServiceChange::Resumed,
        ServiceNews::FailsOpen { up, needed } => ServiceChange::FailsOpen { up, needed },
        ServiceNews::Believes => ServiceChange::Believes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(standing: Standing, is_new: bool) -> Event {
        let notice = lvsd_health::QuorumNotice { service: "web".into(), mail: false, hysteresis: 0, is_new };
        Event::Quorum {
            service: "web".into(),
            standing,
            alive: 3,
            quorum: 2,
            sorry: None,
            script: None,
            notice: Box::new(notice),
        }
    }

    #[test]
    fn a_new_service_is_news_only_without_a_quorum() {
        assert_eq!(child_event(&event(Standing::Up, true)), None);
        for (standing, met) in [(Standing::Up, true), (Standing::Down, false)] {
            let expected = ChildEvent::Quorum { service: "web".into(), met, alive: 3, quorum: 2 };
            assert_eq!(child_event(&event(standing, !met)), Some(expected));
        }
    }

    #[test]
    fn a_flood_waits_in_a_bounded_queue_and_what_does_not_is_counted() {
        let (reporter, mut carried) = Reporter::new();
        (0..BACKLOG + 5).for_each(|_| reporter.tell(&event(Standing::Down, false)));
        assert_eq!((carried.len(), reporter.omitted.get()), (BACKLOG, 5));
        carried.try_recv().expect("an event");
        reporter.tell(&event(Standing::Up, false));
        assert_eq!((carried.len(), reporter.omitted.get()), (BACKLOG, 0));
    }
}
