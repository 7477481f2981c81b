//! Dumps on signals, in the peer's files and formats, so that exporters and scripts made for it work unchanged.
//!
//! Each is made from one observation and the configuration in force, and appears whole or not at all.

mod check_data;
mod file;
mod json;
mod stats;
mod vrrp_data;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lvsd_model::Config;

use crate::observation::Observation;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dump {
    /// SIGUSR1: `keepalived.data` and `keepalived_check.data`.
    Data,
    /// SIGUSR2: `keepalived.stats`.
    Stats,
    /// SIGRTMAX-1: the same; the counters are then set to zero.
    StatsThenClear,
    /// SIGRTMIN+2: `keepalived.json`.
    Json,
}

/// Where dumps go: TMPDIR when it is an absolute path of a directory, else `/tmp`.
pub(crate) fn directory() -> PathBuf {
    std::env::var_os("TMPDIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.is_dir())
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// The files of a dump, as name and content. A child that did not answer has none.
pub(crate) fn files(
    dump: Dump,
    now: Duration,
    config: &Config,
    observation: &Observation,
) -> Vec<(&'static str, String)> {
    let vrrp = observation.vrrp.as_deref();
    match dump {
        Dump::Data => {
            let vrrp = vrrp.map(|snapshot| ("keepalived.data", vrrp_data::text(now, config, snapshot)));
            let checker = observation.checker.as_deref();
            let checker =
                checker.map(|snapshot| ("keepalived_check.data", check_data::text(config, snapshot)));
            vrrp.into_iter().chain(checker).collect()
        }
        Dump::Stats | Dump::StatsThenClear => {
            vrrp.map(|snapshot| ("keepalived.stats", stats::text(snapshot))).into_iter().collect()
        }
        Dump::Json => {
            vrrp.map(|snapshot| ("keepalived.json", json::text(now, config, snapshot))).into_iter().collect()
        }
    }
}

/// Writes files into a directory, each at once.
///
/// # Errors
/// The first that could not be written, with its path.
pub(crate) fn write(directory: &Path, files: &[(&'static str, String)]) -> Result<(), (PathBuf, io::Error)> {
    for (name, text) in files {
        file::replace(directory, name, text).map_err(|error| (directory.join(name), error))?;
    }
    Ok(())
}
