//! Programs that the administrator wants run.

use serde::{Deserialize, Serialize};

/// Who a script runs as, by name, as configured; resolved on the host that runs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunAs {
    /// User name.
    pub user: String,
    /// Group name; the user's primary group when absent.
    pub group: Option<String>,
}

/// How a script is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Invocation {
    /// The program itself, with its arguments.
    Exec,
    /// `/bin/sh -c`, because the command has shell operators (`&&`, `|`, `>`) as words of their own, which no program
    /// would take as arguments.
    Shell,
}

/// A command from the configuration, split into words by the quoted-keyword rules of the language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Script {
    /// The command as written between the outer quotes; for messages.
    pub source: String,
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Directly, or by a shell.
    pub invocation: Invocation,
    /// User named with the script itself; else `script_user` of [`ScriptPolicy`].
    pub run_as: Option<RunAs>,
}

/// `script "</path"`: no program, success means that the file can be opened for reading.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadableFile(pub String);

/// Rules for all scripts of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScriptPolicy {
    /// `script_user`.
    pub default_user: Option<RunAs>,
    /// `enable_script_security`: a script that root would run and others can change is not run.
    pub enforce_security: bool,
    /// `use_symlink_paths`: execute by the configured path instead of the resolved one.
    pub keep_symlink_paths: bool,
    /// `set_supplementary_groups`: scripts have all groups of their user, not only the one that they run as.
    pub all_groups: bool,
}
