//! What has happened lately, and what happens while somebody listens.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::view::Event;

/// Events that are remembered, and that a slow follower may lag behind.
const REMEMBERED: usize = 1024;

/// The last events; each has a number, one more than that before.
#[derive(Debug)]
pub(crate) struct EventLog {
    last: u64,
    remembered: VecDeque<Arc<Event>>,
    followers: broadcast::Sender<Arc<Event>>,
}

/// The events that somebody asked for: those of the past, and a source of those to come.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(super) past: Vec<Arc<Event>>,
    pub(super) future: broadcast::Receiver<Arc<Event>>,
}

impl Default for EventLog {
    fn default() -> Self {
        let (followers, _) = broadcast::channel(REMEMBERED);
        Self { last: 0, remembered: VecDeque::new(), followers }
    }
}

impl EventLog {
    /// Remembers an event and tells whoever follows.
    pub(crate) fn add(&mut self, mut event: Event) {
        self.last += 1;
        event.number = self.last;
        let event = Arc::new(event);
        if self.remembered.len() >= REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(Arc::clone(&event));
        // Most of the time nobody follows.
        let _ = self.followers.send(event);
    }

    /// All that is remembered after a number, and all that comes.
    pub(crate) fn follow(&self, after: Option<u64>) -> Follower {
        let after = after.unwrap_or_default();
        let past = self.remembered.iter().filter(|event| event.number > after).cloned().collect();
        Follower { past, future: self.followers.subscribe() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_remembered_and_nothing_is_missed_between_past_and_future() {
        let mut log = EventLog::default();
        for _ in 0..REMEMBERED + 10 {
            log.add(Event::default());
        }
        let mut follower = log.follow(None);
        assert_eq!(follower.past.len(), REMEMBERED);
        assert_eq!(follower.past.first().map(|event| event.number), Some(11));
        let newest = follower.past.last().map(|event| event.number).expect("events");
        log.add(Event::default());
        assert_eq!(follower.future.try_recv().expect("told").number, newest + 1);
        assert_eq!(log.follow(Some(newest)).past.len(), 1);
        assert_eq!(log.follow(Some(newest + 1)).past.len(), 0);
    }
}
