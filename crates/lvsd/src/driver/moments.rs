//! `startup_script` and `shutdown_script`: run beside the loop, which waits for their end and for nothing of theirs.

use std::time::Duration;

use lvsd_model::{MomentScript, ScriptPolicy};
use lvsd_script::{KILL_AFTER, Runner};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::systemd;

/// When a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Startup,
    Shutdown,
}

impl Moment {
    const fn keyword(self) -> &'static str {
        match self {
            Self::Startup => "startup_script",
            Self::Shutdown => "shutdown_script",
        }
    }
}

/// Runs a script, and reports its end, however it ends, by then. Dropping the handle leaves it running; aborting ends it.
pub(super) fn run<E: From<Moment> + Send + 'static>(
    moment: Moment,
    script: MomentScript,
    policy: ScriptPolicy,
    happenings: mpsc::Sender<E>,
) -> AbortHandle {
    let most = longest(&script);
    // The service manager would give up a start or a stop that it takes for hung.
    systemd::extend(most + Duration::from_secs(10));
    tracing::info!("{} runs: {}", moment.keyword(), script.script.source);
    let task = tokio::spawn(async move {
        if timeout(most, execute(moment, script, policy)).await.is_err() {
            tracing::error!("{}: this host has not started it in time", moment.keyword());
        }
        let _ = happenings.send(moment.into()).await;
    });
    task.abort_handle()
}

/// Until it has ended, or is given up.
fn longest(script: &MomentScript) -> Duration {
    script.limit + 3 * KILL_AFTER
}

async fn execute(moment: Moment, script: MomentScript, policy: ScriptPolicy) {
    let MomentScript { script, limit } = script;
    // It asks the file system and the user database, which may be slow.
    let prepared = tokio::task::spawn_blocking(move || Runner::new(policy).prepare(&script)).await;
    let keyword = moment.keyword();
    match prepared {
        Ok(Ok(prepared)) => {
            let outcome = prepared.run(&[], Some(limit)).await;
            if outcome.success() {
                tracing::info!("{keyword} has ended");
            } else {
                tracing::error!("{keyword} {outcome}");
            }
        }
        Ok(Err(refused)) => tracing::error!("{keyword} cannot run: {refused}"),
        Err(error) => tracing::error!("{keyword} cannot run: {error}"),
    }
}
