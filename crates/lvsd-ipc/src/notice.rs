//! What a process has told beside scripts, as both children report it.

use serde::{Deserialize, Serialize};

/// One FIFO.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FifoSnapshot {
    /// Its path.
    pub path: String,
    /// Lines written.
    pub written: u64,
    /// Lines lost, because nobody had read the earlier ones or the FIFO could not be opened.
    pub lost: u64,
}

/// The way to the mail server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSnapshot {
    /// Mails that the server took.
    pub sent: u64,
    /// Mails given up after all attempts.
    pub failed: u64,
    /// Mails that found the queue full, or the process ending.
    pub dropped: u64,
    /// Mails that wait.
    pub waiting: u64,
}

/// Everything of the kind. Counters are those of the process since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSnapshot {
    /// FIFOs of the plan in force.
    pub fifos: Vec<FifoSnapshot>,
    /// Mail; `None` when none is configured.
    pub mail: Option<MailSnapshot>,
}
