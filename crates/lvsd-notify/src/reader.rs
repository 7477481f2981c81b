//! The program that reads a FIFO (`*notify_fifo_script`).

use std::path::Path;
use std::time::Duration;

use lvsd_script::Prepared;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// The pause before a program that has ended is started again, which doubles while it goes on ending.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause; a program that ran for longer than this counts as healthy.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A program that runs, or will run again after a pause. Dropped, it gets SIGTERM, and SIGKILL if it does not heed that.
#[derive(Debug)]
pub(crate) struct Reader(JoinHandle<()>);

impl Reader {
    /// Starts the program with the path of the FIFO as last argument.
    pub(crate) fn start(program: Prepared, path: &Path) -> Self {
        Self(tokio::spawn(keep_running(program, path.to_string_lossy().into_owned())))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // With its task goes the run, and with the run the program.
        self.0.abort();
    }
}

async fn keep_running(program: Prepared, path: String) {
    let mut pause = FIRST_PAUSE;
    let arguments = [path];
    loop {
        let started = Instant::now();
        info!(script = program.source(), fifo = arguments[0], "the script that reads a FIFO is started");
        let ended = program.run(&arguments, None).await;
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        warn!(script = program.source(), fifo = arguments[0], %ended, again_in = ?pause, "the script that reads a FIFO has ended");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
