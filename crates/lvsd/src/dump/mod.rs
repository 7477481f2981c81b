//! Dumps on signals, in the peer's files and formats, so that exporters and scripts made for it work unchanged.
//!
//! Each is made from one observation and the configuration in force, and appears whole or not at all. Where they go and what
//! they are called is for [`place`] to say.

mod check_data;
mod file;
mod json;
mod place;
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

/// The files of a dump, as path and content. A child that did not answer has none. `temporary` is the directory of those for
/// which the configuration names no other.
pub(crate) fn files(
    dump: Dump,
    now: Duration,
    temporary: &Path,
    config: &Config,
    observation: &Observation,
) -> Vec<(PathBuf, String)> {
    let vrrp = observation.vrrp.as_deref();
    let data = |part: &str| place::data(temporary, &config.globals, part);
    match dump {
        Dump::Data => {
            let vrrp = vrrp.map(|snapshot| (data(""), vrrp_data::text(now, config, snapshot)));
            let checker = observation.checker.as_deref();
            let checker = checker.map(|snapshot| (data("_check"), check_data::text(config, snapshot)));
            vrrp.into_iter().chain(checker).collect()
        }
        Dump::Stats | Dump::StatsThenClear => {
            let path = temporary.join("keepalived.stats");
            vrrp.map(|snapshot| (path, stats::text(snapshot))).into_iter().collect()
        }
        Dump::Json => {
            let path = temporary.join("keepalived.json");
            vrrp.map(|snapshot| (path, json::text(now, config, snapshot))).into_iter().collect()
        }
    }
}

/// Writes files, each at once.
///
/// # Errors
/// The first that could not be written, with its path.
pub(crate) fn write(files: &[(PathBuf, String)]) -> Result<(), (PathBuf, io::Error)> {
    for (path, text) in files {
        file::replace(path, text).map_err(|error| (path.clone(), error))?;
    }
    Ok(())
}
