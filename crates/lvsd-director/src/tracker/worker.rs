//! A thread that looks at something of the host: what it waits for, nobody else waits for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use lvsd_net::{Wakeup, uptime};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The way to the thread, which ends with this. `P` is what it is to look at.
#[derive(Debug)]
pub(super) struct Worker<P> {
    sender: Option<mpsc::Sender<P>>,
    wakeup: Arc<Wakeup>,
}

impl<P: Send + 'static> Worker<P> {
    /// Starts the thread.
    ///
    /// # Errors
    /// No room for a thread or a descriptor.
    pub(super) fn start(name: &str, body: impl FnOnce(Inbox<P>) + Send + 'static) -> io::Result<Self> {
        let (sender, plans) = mpsc::channel();
        let wakeup = Arc::new(Wakeup::new()?);
        let inbox = Inbox { plans, wakeup: Arc::clone(&wakeup) };
        std::thread::Builder::new().name(name.to_owned()).spawn(move || body(inbox))?;
        Ok(Self { sender: Some(sender), wakeup })
    }

    /// Moves to something else.
    pub(super) fn tell(&self, plan: P) {
        if let Some(sender) = &self.sender {
            // A thread that is gone tells nothing any more; there is nothing to be done about that here.
            let _ = sender.send(plan);
            self.wakeup.raise();
        }
    }
}

impl<P> Drop for Worker<P> {
    fn drop(&mut self) {
        self.sender = None;
        self.wakeup.raise();
    }
}

/// What the thread is told.
#[derive(Debug)]
pub(super) struct Inbox<P> {
    plans: mpsc::Receiver<P>,
    wakeup: Arc<Wakeup>,
}

/// There is nobody left to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over;

impl<P> Inbox<P> {
    /// What it was told, if there is something.
    pub(super) fn next(&self) -> Result<Option<P>, Over> {
        self.wakeup.clear();
        match self.plans.try_recv() {
            Ok(plan) => {
                // There may be another one.
                self.wakeup.raise();
                Ok(Some(plan))
            }
            Err(mpsc::TryRecvError::Empty) => Ok(None),
            Err(mpsc::TryRecvError::Disconnected) => Err(Over),
        }
    }

    /// Makes the next wait none.
    pub(super) fn again(&self) {
        self.wakeup.raise();
    }

    /// Waits until there is something to be read, by [`next`](Self::next) or from the descriptor, or until that time.
    pub(super) fn wait(&self, descriptor: Option<BorrowedFd<'_>>, until: Option<Duration>) {
        let timeout = until.map_or(PollTimeout::NONE, |until| {
            // Rounded up, so that it is due then.
            let millis = until.saturating_sub(uptime()).as_millis() + 1;
            let millis = i32::try_from(millis).unwrap_or(i32::MAX);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        let mut ready = vec![PollFd::new(self.wakeup.as_fd(), PollFlags::POLLIN)];
        ready.extend(descriptor.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)));
        // An interrupted wait is an early turn, which does no harm.
        let _ = poll(&mut ready, timeout);
    }
}
