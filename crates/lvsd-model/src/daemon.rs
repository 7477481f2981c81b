//! What the supervisor does beside its children: dumps, scripts of the start and the end, reloads that somebody schedules.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Script;

/// `json_version`: the form of the JSON dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum JsonVersion {
    /// 1: a list of instances.
    #[default]
    One,
    /// 2: an object with the list, `vrrp`, and the tracked processes, `track_process`.
    Two,
}

/// Dumps on signals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dumps {
    /// `state_dump_file`: an absolute path, for the file of the VRRP process and, with the name extended, for the others; with a
    /// slash at its end, their directory. `keepalived.data` in the directory for temporary files when `None`.
    pub data: Option<PathBuf>,
    /// `data_use_instance`: the names of these files have `net_namespace` and `instance` in them.
    pub named_by_instance: bool,
    /// `json_version`.
    pub json: JsonVersion,
}

/// A script that the supervisor waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MomentScript {
    /// The command.
    pub script: Script,
    /// How long it may take, 1 to 1000 seconds.
    pub limit: Duration,
}

/// `reload_file`: a file that is there while the configuration is read anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ReloadMark {
    /// In the runtime directory, as `lvsd.reload`.
    RuntimeDirectory,
    /// There; an absolute path.
    Path(PathBuf),
}

/// `reload_time_file`: a file that says when the configuration is to be read anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReloadTimes {
    /// The file; an absolute path.
    pub file: PathBuf,
    /// `reload_repeat`: a file that gives a time without a date stays, for every day. All others are removed.
    pub daily: bool,
}
