//! Where log lines go: standard error, the journal, or syslog; the same for the whole family.
//!
//! All lines go through a bounded queue to a thread of their own: a terminal or logger that does not read costs lines
//! (counted, and said when there is room again), never time.

mod journal;
mod queue;
mod settings;
mod syslog;

pub(crate) use settings::{Facility, LogSettings, stderr_is_journal};

use std::io;

use lvsd_ipc::Role;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use self::journal::JournalLayer;
use self::queue::{Queue, Target};
use self::syslog::SyslogLayer;

/// Writes out what is queued when it is dropped.
#[derive(Debug)]
pub(crate) struct LogGuard(#[expect(dead_code, reason = "held for its Drop")] Vec<Queue>);

/// The name under which a process logs.
pub(crate) fn identifier(role: Option<Role>) -> &'static str {
    match role {
        None => "lvsd",
        Some(Role::Vrrp) => "lvsd_vrrp",
        Some(Role::Checker) => "lvsd_checker",
        Some(Role::Bfd) => "lvsd_bfd",
    }
}

/// Sets up logging for this process, once.
///
/// A journal or syslog that cannot be reached is replaced by standard error, with a line that says so.
pub(crate) fn start(settings: &LogSettings, role: Option<Role>) -> LogGuard {
    let mut queues = Vec::new();
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
    let mut trouble: Option<(&str, io::Error)> = None;
    let name = identifier(role);
    let mut sinks = settings.sinks;
    if sinks.journal {
        match queue::journal_listens() {
            Ok(()) => {
                let queue = Queue::start(Target::Journal);
                layers.push(JournalLayer::new(queue.handle(), name).boxed());
                queues.push(queue);
            }
            Err(error) => {
                trouble = Some(("journal", error));
                sinks.stderr = true;
            }
        }
    }
    if let Some(facility) = sinks.syslog {
        let queue = Queue::start(Target::Syslog);
        layers.push(SyslogLayer::new(queue.handle(), facility, name).boxed());
        queues.push(queue);
    }
    if sinks.stderr {
        let queue = Queue::start(Target::Stderr);
        let handle = queue.handle();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(queue::Named::new(name))
            .with_writer(move || handle.line());
        layers.push(layer.boxed());
        queues.push(queue);
    }
    let subscriber = Registry::default().with(layers.with_filter(settings.level));
    // Both fail only when logging is set up already, which a test may have done.
    let _ = tracing::subscriber::set_global_default(subscriber);
    let _ = tracing_log::LogTracer::init_with_filter(tracing_log::log::LevelFilter::Warn);
    if let Some((sink, error)) = trouble {
        tracing::warn!(%error, "the {sink} cannot be reached; logging to standard error");
    }
    LogGuard(queues)
}
