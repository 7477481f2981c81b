//! Events as datagrams of the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
//!
//! The whole line is in `MESSAGE`, as everywhere else, and each field also by itself, as `F_SERVICE` and the like. Not with
//! tracing-journald: it sends from the thread that logs, which then stands still for as long as the journal does.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::queue::QueueHandle;
use super::syslog::{severity, text};

/// The longest value: far below what a datagram can carry.
const MAX_VALUE: usize = 16 * 1024;

/// Puts each event into the queue as one datagram.
pub(super) struct JournalLayer {
    queue: QueueHandle,
    identifier: &'static str,
}

impl JournalLayer {
    pub(super) fn new(queue: QueueHandle, identifier: &'static str) -> Self {
        Self { queue, identifier }
    }
}

impl<S: Subscriber> Layer<S> for JournalLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.queue.push(datagram(self.identifier, event));
    }
}

fn datagram(identifier: &str, event: &Event<'_>) -> Vec<u8> {
    let mut fields = Fields(Vec::with_capacity(512));
    fields.add("PRIORITY", &severity(*event.metadata().level()).to_string());
    fields.add("SYSLOG_IDENTIFIER", identifier);
    fields.add("MESSAGE", &text(event));
    event.record(&mut fields);
    fields.0
}

/// Fields as the protocol writes them, one after the other.
struct Fields(Vec<u8>);

impl Fields {
    /// With its length, so that it may contain anything.
    fn add(&mut self, name: &str, value: &str) {
        let value = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or(value);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" || field.name().starts_with("log.") {
            return;
        }
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name: String = "F_".chars().chain(field.name().chars().map(upper)).take(64).collect();
        self.add(&name, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    struct Recorder(Arc<Mutex<Vec<u8>>>);

    impl<S: Subscriber> Layer<S> for Recorder {
        fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
            self.0.lock().expect("one thread").extend(datagram("lvsd_vrrp", event));
        }
    }

    /// Reads it as the journal does.
    fn parsed(mut bytes: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (name, rest) = (&bytes[..end], &bytes[end + 1..]);
            let (length, rest) = rest.split_at(8);
            let length = u64::from_le_bytes(length.try_into().expect("eight")) as usize;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("whole characters");
            fields.push((text(name), text(&rest[..length])));
            assert_eq!(rest[length], b'\n');
            bytes = &rest[length + 1..];
        }
        fields
    }

    #[test]
    fn an_event_is_a_line_and_its_fields() {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Recorder(Arc::clone(&bytes)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(server = %"192.0.2.1:80", name = "a\nb=c", "real server is down");
        });
        let fields = parsed(&bytes.lock().expect("one thread"));
        let expected = [
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "lvsd_vrrp"),
            ("MESSAGE", "real server is down server=192.0.2.1:80 name=\"a\\nb=c\""),
            ("F_SERVER", "192.0.2.1:80"),
            ("F_NAME", "a\nb=c"),
        ];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        let mut fields = Fields(Vec::new());
        fields.add("MESSAGE", &"é".repeat(MAX_VALUE));
        fields.add("X", "");
        let parsed = parsed(&fields.0);
        assert_eq!((parsed[0].1.len(), parsed[1].1.len()), (MAX_VALUE, 0));
    }
}
