//! The queue of mails, and the task that works it off.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use lvsd_ipc::MailSnapshot;
use lvsd_model::MailPolicy;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::letter::{Letter, Sender};
use crate::smtp::{self, MailError};

/// Mails that wait; with more, the oldest are given up: what they had to say is no longer news.
const BACKLOG: usize = 256;
/// Attempts for one mail. While the server is known to be away, each further mail gets one.
const ATTEMPTS: u32 = 3;
/// The pause between two of them.
const PAUSE: Duration = Duration::from_secs(2);

/// A policy with everything filled in.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) policy: MailPolicy,
    pub(crate) sender: Sender,
}

/// A mail that waits, to be sent as the plan said when it was written.
#[derive(Debug)]
struct Mail {
    account: Arc<Account>,
    letter: Letter,
    date: SystemTime,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<VecDeque<Mail>>,
    /// Mails that are queued or under way.
    open: AtomicU64,
    added: Notify,
    done: Notify,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        // A deque is sound whatever happened to its last user.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.done.notify_waiters();
    }
}

/// Sends mails, one after the other. Whoever hands one over never waits.
#[derive(Debug)]
pub(crate) struct Mailer {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Mailer {
    /// Starts the task; needs a runtime.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(work(Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Hands over a mail.
    pub(crate) fn post(&self, account: Arc<Account>, letter: Letter) {
        let mail = Mail { account, letter, date: SystemTime::now() };
        let oldest = {
            let mut queue = self.shared.queue();
            queue.push_back(mail);
            self.shared.open.fetch_add(1, Ordering::Relaxed);
            if queue.len() > BACKLOG { queue.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            debug!(subject = oldest.letter.subject, "too many mails wait; the oldest is given up");
            self.shared.close(&self.shared.dropped);
        }
        self.shared.added.notify_one();
    }

    /// Waits until no mail is waiting or under way.
    pub(crate) async fn drained(&self) {
        loop {
            let done = self.shared.done.notified();
            if self.shared.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            done.await;
        }
    }

    pub(crate) fn snapshot(&self) -> MailSnapshot {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared { sent, failed, dropped, open, .. } = &*self.shared;
        MailSnapshot {
            sent: count(sent),
            failed: count(failed),
            dropped: count(dropped),
            waiting: count(open),
        }
    }
}

impl Drop for Mailer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the last mail got through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    There,
    Away,
}

async fn work(shared: Arc<Shared>) {
    let mut server = Server::There;
    loop {
        let Some(mail) = shared.queue().pop_front() else {
            shared.added.notified().await;
            continue;
        };
        let attempts = match server {
            Server::There => ATTEMPTS,
            Server::Away => 1,
        };
        match send(&mail, attempts).await {
            Ok(receipt) => {
                if server == Server::Away {
                    info!(server = mail.account.policy.server, "the mail server takes mails again");
                }
                server = Server::There;
                for (address, answer) in receipt.refused {
                    warn!(%address, answer, "the mail server refuses a recipient");
                }
                debug!(subject = mail.letter.subject, "mail sent");
                shared.close(&shared.sent);
            }
            Err(error) => {
                if server == Server::There {
                    let (policy, subject) = (&mail.account.policy, &mail.letter.subject);
                    warn!(
                        server = policy.server, port = policy.port, %error, subject,
                        "a mail cannot be sent; more are only counted until one can"
                    );
                }
                server = Server::Away;
                shared.close(&shared.failed);
            }
        }
    }
}

async fn send(mail: &Mail, attempts: u32) -> Result<smtp::Receipt, MailError> {
    let Mail { account, letter, date } = mail;
    let message = letter.compose(&account.sender, *date);
    let mut attempt = 1;
    loop {
        match smtp::deliver(&account.policy, &account.sender, &message).await {
            Err(error) if attempt < attempts && !error.is_permanent() => {
                debug!(%error, attempt, "a mail could not be sent; trying again");
            }
            end => return end,
        }
        attempt += 1;
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
