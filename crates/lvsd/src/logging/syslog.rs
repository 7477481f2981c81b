//! Events as syslog datagrams (RFC 3164, without the optional time: the logger has the same clock).

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Facility;
use super::queue::QueueHandle;

/// What every logger takes (RFC 5424 §6.1 asks for 2048).
const MAX_LINE: usize = 2048;

/// Puts each event into the queue as one datagram.
pub(super) struct SyslogLayer {
    queue: QueueHandle,
    facility: Facility,
    identifier: &'static str,
}

impl SyslogLayer {
    pub(super) fn new(queue: QueueHandle, facility: Facility, identifier: &'static str) -> Self {
        Self { queue, facility, identifier }
    }
}

impl<S: Subscriber> Layer<S> for SyslogLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.queue.push(datagram(self.facility, self.identifier, event));
    }
}

fn datagram(facility: Facility, identifier: &str, event: &Event<'_>) -> Vec<u8> {
    let priority = facility.number() * 8 + severity(*event.metadata().level());
    let line = format!("<{priority}>{identifier}[{}]: {}", std::process::id(), text(event));
    // One datagram is one line.
    let mut line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = (0..=line.len().min(MAX_LINE)).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    line.truncate(end);
    line.into_bytes()
}

/// The message, and its fields after it.
pub(super) fn text(event: &Event<'_>) -> String {
    let mut text = Text { message: String::new(), fields: String::new() };
    event.record(&mut text);
    text.message + &text.fields
}

/// RFC 5424 §6.2.1.
pub(super) const fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else if field.name().starts_with("log.") {
            // What the bridge from `log` adds.
            Ok(())
        } else {
            write!(self.fields, " {field}={value:?}")
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps the datagrams.
    struct Recorder(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Recorder {
        fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
            let bytes = datagram(Facility::Local(1), "lvsd_vrrp", event);
            self.0.lock().expect("one thread").push(String::from_utf8(bytes).expect("whole characters"));
        }
    }

    #[test]
    fn an_event_is_one_line_with_priority_and_fields() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Recorder(Arc::clone(&lines)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(count = 3, name = "a\nb", "two\nlines");
            tracing::info!("{}", "é".repeat(MAX_LINE));
        });
        let lines = lines.lock().expect("one thread");
        let process = std::process::id();
        assert_eq!(lines[0], format!("<140>lvsd_vrrp[{process}]: two lines count=3 name=\"a\\nb\""));
        assert!(lines[1].starts_with("<142>") && (MAX_LINE - 1..=MAX_LINE).contains(&lines[1].len()));
    }
}
