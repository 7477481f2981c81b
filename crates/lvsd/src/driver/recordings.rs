//! Who waits for the recording of the VRRP process.

use tokio::sync::oneshot;

/// All of them get the next one that comes; nothing, when the process ends before.
#[derive(Debug, Default)]
pub(super) struct Recordings {
    waiting: Vec<oneshot::Sender<Vec<u8>>>,
}

impl Recordings {
    /// Whether the process is to be asked: somebody else may have done so already.
    pub(super) fn want(&mut self, reply: oneshot::Sender<Vec<u8>>) -> bool {
        self.waiting.retain(|one| !one.is_closed());
        self.waiting.push(reply);
        self.waiting.len() == 1
    }

    pub(super) fn came(&mut self, recording: &[u8]) {
        for reply in self.waiting.drain(..) {
            // Who has gone away needs no answer.
            let _ = reply.send(recording.to_vec());
        }
    }

    /// The process has ended.
    pub(super) fn lost(&mut self) {
        self.waiting.clear();
    }
}
