//! What of the kernel's IPVS is not in its table: `lvs_timeouts`, and `lvs_sync_daemon` without an instance to follow.

use std::path::{Path, PathBuf};

use ipvs::client::{DaemonKeeper, Outcome};
use ipvs::{DaemonRole, IpvsError, Timeouts};
use lvsd_health::sync_daemon;
use lvsd_model::{ConnectionTimeouts, LvsConfig};
use tracing::{info, warn};

use crate::keeper::{Connect, Host};

/// Where the kernel's own timeouts are kept while ours are in force, so that also a successor can restore them.
const ORIGINAL: &str = "ipvs-timeouts";

#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// What was in force before ours, with the file that remembers it.
    original: Option<(Timeouts, PathBuf)>,
    timeouts: ConnectionTimeouts,
    daemons: Option<DaemonKeeper>,
}

impl Settings {
    /// Moves to a configuration; gives what does not work.
    pub(crate) async fn apply(&mut self, config: &LvsConfig, runtime_dir: &Path) -> Vec<String> {
        self.sync(config);
        let wanted = config.timeouts.unwrap_or_default();
        if wanted == self.timeouts {
            return Vec::new();
        }
        match self.set_timeouts(wanted, runtime_dir).await {
            Ok(()) => {
                self.timeouts = wanted;
                Vec::new()
            }
            Err(error) => vec![format!("lvs_timeouts: {error}")],
        }
    }

    /// Puts back what was there before.
    pub(crate) async fn release(&mut self) {
        if let Some(daemons) = self.daemons.take() {
            daemons.want(Vec::new());
            daemons.end().await;
        }
        if self.original.is_some()
            && let Err(error) = self.set_timeouts(ConnectionTimeouts::default(), Path::new("")).await
        {
            warn!(%error, "the kernel's own connection timeouts are not restored");
        }
    }

    fn sync(&mut self, config: &LvsConfig) {
        let Some(daemon) = &config.sync_daemon else {
            // Without one before, nothing is touched.
            if let Some(daemons) = &self.daemons {
                daemons.want(Vec::new());
            }
            return;
        };
        let halves = [DaemonRole::Master, DaemonRole::Backup];
        let daemons =
            self.daemons.get_or_insert_with(|| DaemonKeeper::start(crate::namespace::connector(), tell));
        daemons.want(halves.into_iter().filter_map(|role| sync_daemon(daemon, role)).collect());
    }

    async fn set_timeouts(
        &mut self,
        wanted: ConnectionTimeouts,
        runtime_dir: &Path,
    ) -> Result<(), IpvsError> {
        let mut kernel = Host::default().connect().await?;
        let (original, file) = match self.original.take() {
            Some(known) => known,
            None => {
                let file = runtime_dir.join(ORIGINAL);
                let original = match read(&file) {
                    Some(original) => original,
                    None => kernel.timeouts().await?,
                };
                (original, file)
            }
        };
        if let Err(error) = write(&file, original) {
            warn!(%error, "the kernel's own connection timeouts cannot be noted; a successor will not restore them");
        }
        let seconds = |wanted: Option<std::num::NonZeroU32>, original| wanted.map_or(original, Into::into);
        let timeouts = Timeouts {
            tcp: seconds(wanted.tcp, original.tcp),
            tcp_fin: seconds(wanted.tcp_fin, original.tcp_fin),
            udp: seconds(wanted.udp, original.udp),
        };
        kernel.set_timeouts(&timeouts).await?;
        info!(
            tcp = timeouts.tcp,
            tcpfin = timeouts.tcp_fin,
            udp = timeouts.udp,
            "connection timeouts, in seconds"
        );
        if wanted == ConnectionTimeouts::default() {
            // That it is not there is as good.
            let _ = std::fs::remove_file(&file);
        } else {
            self.original = Some((original, file));
        }
        Ok(())
    }
}

fn read(file: &Path) -> Option<Timeouts> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
    let mut next = || numbers.next().flatten();
    Some(Timeouts { tcp: next()?, tcp_fin: next()?, udp: next()? })
}

fn write(file: &Path, timeouts: Timeouts) -> std::io::Result<()> {
    let Timeouts { tcp, tcp_fin, udp } = timeouts;
    std::fs::write(file, format!("{tcp} {tcp_fin} {udp}\n"))
}

fn tell(outcome: Outcome) {
    match outcome {
        Ok(steps) => steps.iter().for_each(|step| info!(%step, "connection sync daemon")),
        Err(error) => warn!(%error, "the connection sync daemon does not run as configured; trying again"),
    }
}
