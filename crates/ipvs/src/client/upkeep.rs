//! Keeps the connection sync daemons what they should be, whatever happens to them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Client, Connector};
use crate::error::IpvsError;
use crate::plan::{DaemonOp, plan_daemons};
use crate::types::Daemon;

/// How often it is looked whether they still are what they should be.
const ROUND: Duration = Duration::from_secs(2);
/// How long the end may take: the kernel stops a thread in milliseconds, but may be without answer.
const FAREWELL: Duration = Duration::from_secs(2);

/// What came of a round.
pub type Outcome = Result<Vec<DaemonOp>, IpvsError>;

/// A task that looks after both halves of the sync daemon. It begins when something is wanted for the first time, and from
/// then on both halves are its own: one that is not wanted is stopped, whoever started it.
#[derive(Debug)]
pub struct DaemonKeeper {
    wanted: watch::Sender<Option<Vec<Daemon>>>,
    task: JoinHandle<()>,
}

impl DaemonKeeper {
    /// Starts the task on the current tokio runtime, for the IPVS that `connector` opens. Every change made and every failure is
    /// `told`, the same failure once.
    pub fn start(connector: Connector, told: impl FnMut(Outcome) + Send + 'static) -> Self {
        let (wanted, orders) = watch::channel(None);
        Self { wanted, task: tokio::spawn(keep(connector, orders, told)) }
    }

    /// From now on these are to run, one of each role at most, and no others.
    pub fn want(&self, daemons: Vec<Daemon>) {
        self.wanted.send_if_modified(|wanted| {
            // Nothing wanted, and nothing before either: others' daemons stay.
            let untouched = wanted.is_none() && daemons.is_empty();
            let same = wanted.as_ref() == Some(&daemons);
            if !untouched && !same {
                *wanted = Some(daemons);
            }
            !untouched && !same
        });
    }

    /// Ends the task; what runs goes on running. Stop it before by wanting nothing.
    pub async fn end(self) {
        drop(self.wanted);
        // Given up, it ends with the process.
        let _ = timeout(FAREWELL, self.task).await;
    }
}

async fn keep(
    mut connector: Connector,
    mut orders: watch::Receiver<Option<Vec<Daemon>>>,
    mut told: impl FnMut(Outcome),
) {
    let (mut client, mut failure) = (None, None);
    loop {
        let wanted = orders.borrow_and_update().clone();
        if let Some(wanted) = &wanted {
            let outcome = round(&mut connector, &mut client, wanted).await;
            let (before, done) = (failure.take(), outcome.as_ref().map(Vec::len));
            failure = outcome.as_ref().err().map(ToString::to_string);
            if done.is_ok_and(|done| done > 0) || failure.is_some() && failure != before {
                told(outcome);
            }
        }
        let changed = orders.changed();
        let ended = match &wanted {
            // Nothing to look after.
            None => changed.await.is_err(),
            Some(_) => matches!(timeout(ROUND, changed).await, Ok(Err(_))),
        };
        if ended {
            return;
        }
    }
}

/// Looks once, and changes what is not as wanted.
async fn round(connector: &mut Connector, client: &mut Option<Client>, wanted: &[Daemon]) -> Outcome {
    let kernel = match client {
        Some(kernel) => kernel,
        None => client.insert(connector.connect(|_| {}).await?),
    };
    let actual = match kernel.daemons().await {
        Ok(actual) => actual,
        Err(error) => {
            *client = None;
            return Err(error);
        }
    };
    let ops = plan_daemons(wanted, &actual);
    for op in &ops {
        match op {
            DaemonOp::Stop(role) => kernel.stop_daemon(*role).await?,
            DaemonOp::Start(daemon) => kernel.start_daemon(daemon).await?,
        }
    }
    Ok(ops)
}
