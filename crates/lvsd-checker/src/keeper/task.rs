//! The keeper's own task: it follows the desired table, looks after the kernel's, and answers questions in between, so
//! that neither the checks nor the supervisor wait for the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use ipvs::{ServiceKey, Table};
use lvsd_ipc::IpvsHealth;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep_until};

use super::{Connect, Counted, Counting, FlushAtStart, Keeper, Release};
use crate::shared::Shared;

/// Time between rounds of comparing with the kernel, when a round is short.
const ROUND: Duration = Duration::from_millis(500);

/// A round takes at most this part of the time.
const SHARE: u32 = 10;

/// Time between attempts to reach a kernel that has no IPVS.
const RECONNECT: Duration = Duration::from_secs(2);

type CountReply = oneshot::Sender<(IpvsHealth, BTreeMap<ServiceKey, Counted>)>;

/// What the supervisor's side asks of the keeper.
enum Order {
    Adopt(PathBuf, BTreeSet<ServiceKey>, FlushAtStart, oneshot::Sender<Table>),
    Sync(oneshot::Sender<Vec<String>>),
    Count(CountReply),
    ClearCounters,
    Release(Release, oneshot::Sender<()>),
}

/// The way to the keeper. When it is dropped, the keeper ends and leaves the table standing.
pub(crate) struct Handle {
    orders: mpsc::UnboundedSender<Order>,
}

/// Starts a keeper on the local task set.
pub(crate) fn spawn<C: Connect + 'static>(keeper: Keeper<C>, shared: Rc<Shared>) -> (Handle, JoinHandle<()>) {
    let (orders, inbox) = mpsc::unbounded_channel();
    (Handle { orders }, tokio::task::spawn_local(keep(keeper, shared, inbox)))
}

impl Handle {
    /// See [`Keeper::adopt`].
    pub(crate) async fn adopt(
        &self,
        directory: PathBuf,
        configured: BTreeSet<ServiceKey>,
        flush: FlushAtStart,
    ) -> Table {
        self.ask(|reply| Order::Adopt(directory, configured, flush, reply)).await
    }

    /// Waits until all that has changed so far is in the kernel, or is known not to be possible: then says why.
    pub(crate) async fn sync(&self) -> Vec<String> {
        self.ask(Order::Sync).await
    }

    /// The state of the table, and the kernel's counters.
    pub(crate) async fn count(&self) -> (IpvsHealth, BTreeMap<ServiceKey, Counted>) {
        self.ask(Order::Count).await
    }

    pub(crate) fn clear_counters(&self) {
        // Nobody left to clear them is fine too.
        let _ = self.orders.send(Order::ClearCounters);
    }

    /// See [`Keeper::release`].
    pub(crate) async fn release(&self, manner: Release) {
        self.ask(|reply| Order::Release(manner, reply)).await;
    }

    /// The keeper answers as long as there is a handle; should it have died, nothing is known.
    async fn ask<T: Default>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> T {
        let (reply, answer) = oneshot::channel();
        match self.orders.send(order(reply)) {
            Ok(()) => answer.await.unwrap_or_default(),
            Err(_) => T::default(),
        }
    }
}

/// Who wants the kernel's counters.
#[derive(Default)]
struct Counts {
    under_way: Option<(Counting, Vec<CountReply>)>,
    /// Those who came during a reading get the next one.
    next: Vec<CountReply>,
}

impl Counts {
    const fn is_wanted(&self) -> bool {
        self.under_way.is_some() || !self.next.is_empty()
    }

    /// Does one step, so that whatever is more urgent has its turn.
    async fn step<C: Connect>(&mut self, keeper: &mut Keeper<C>, shared: &Shared) {
        let Some((counting, _)) = &mut self.under_way else {
            self.under_way = Some((keeper.begin_counting(shared).await, std::mem::take(&mut self.next)));
            return;
        };
        if keeper.go_on_counting(counting).await.is_break()
            && let Some((Counting { counted, .. }, replies)) = self.under_way.take()
        {
            for reply in replies {
                let _ = reply.send((keeper.numbers().clone(), counted.clone()));
            }
        }
    }
}

async fn keep<C: Connect>(
    mut keeper: Keeper<C>,
    shared: Rc<Shared>,
    mut inbox: mpsc::UnboundedReceiver<Order>,
) {
    // Before the first plan is in force everything that stands would seem to be too much, and after the release there is
    // nothing to look after any more.
    let mut active = false;
    let mut next_round = Instant::now();
    let mut counts = Counts::default();
    loop {
        tokio::select! {
            biased;
            order = inbox.recv() => match order {
                None => return,
                Some(Order::Adopt(directory, configured, flush, reply)) => {
                    let _ = reply.send(keeper.adopt(&directory, &configured, flush).await);
                }
                Some(Order::Sync(reply)) => {
                    active = true;
                    keeper.sync(&shared).await;
                    let _ = reply.send(keeper.complaints());
                }
                Some(Order::Count(reply)) => counts.next.push(reply),
                Some(Order::ClearCounters) => keeper.clear_counters(),
                Some(Order::Release(manner, reply)) => {
                    active = false;
                    keeper.release(manner).await;
                    let _ = reply.send(());
                }
            },
            // What changes while there is no connection is made good when there is one again.
            () = shared.table_changed.notified(), if active && keeper.is_connected() => keeper.sync(&shared).await,
            () = sleep_until(next_round), if active => {
                let begun = Instant::now();
                keeper.verify(&shared).await;
                let pause = if keeper.is_connected() { ROUND.max(begun.elapsed() * SHARE) } else { RECONNECT };
                next_round = Instant::now() + pause;
            }
            () = std::future::ready(()), if counts.is_wanted() => counts.step(&mut keeper, &shared).await,
        }
    }
}
