//! Whoever asked for a reload and waits to be told how it went.

use lvsd_config::{Format, Loaded, render};
use lvsd_ipc::Generation;
use tokio::sync::oneshot;

use crate::control::view::Reload;

type Reply = oneshot::Sender<Reload>;

/// How far a configuration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Everywhere,
    NotEverywhere,
}

/// Those who wait: for a reading that has not begun, or for the end of the one that is under way. A file that is read
/// already may not have in it what somebody wants to see in force.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    asked: Vec<Reply>,
    under_way: Vec<Reply>,
    diagnostics: serde_json::Value,
}

impl Reloads {
    pub(super) fn ask(&mut self, reply: Reply) {
        self.asked.push(reply);
    }

    /// A reading begins.
    pub(super) fn begin(&mut self) {
        self.under_way.append(&mut self.asked);
        self.diagnostics = serde_json::Value::Array(Vec::new());
    }

    /// It was read; nothing is rendered for nobody.
    pub(super) fn read(&mut self, loaded: &Loaded) {
        if !self.under_way.is_empty() {
            let text = render(&loaded.diagnostics, &loaded.sources, Format::Json);
            self.diagnostics = serde_json::from_str(&text).unwrap_or_default();
        }
    }

    pub(super) fn refused(&mut self, reason: &str, generation: Generation) {
        let diagnostics = std::mem::take(&mut self.diagnostics);
        let (reason, generation) = (Some(reason.to_owned()), generation.0);
        self.answer(&Reload { accepted: false, reason, generation, applied: false, diagnostics });
    }

    pub(super) fn applied(&mut self, generation: Generation, progress: Progress) {
        let diagnostics = std::mem::take(&mut self.diagnostics);
        let (applied, generation) = (progress == Progress::Everywhere, generation.0);
        self.answer(&Reload { accepted: true, reason: None, generation, applied, diagnostics });
    }

    fn answer(&mut self, outcome: &Reload) {
        for reply in self.under_way.drain(..) {
            // Who has gone away needs no answer.
            let _ = reply.send(outcome.clone());
        }
    }
}
