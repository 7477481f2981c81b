//! Where the programs are that the workspace builds.

use crate::{LabError, Result};
use std::{env, path::PathBuf};

/// The path of a program of this workspace (`lvsd`, `lvsctl`, `lvsd-lab`): what `LVSD_BIN` and the like (the name in
/// capitals, `-` as `_`, and `_BIN`) says, else what was built beside the running test, in either profile.
///
/// # Errors
/// It has not been built.
pub fn built(name: &str) -> Result<PathBuf> {
    let variable = format!("{}_BIN", name.to_uppercase().replace('-', "_"));
    if let Some(path) = env::var_os(variable) {
        return existing(path.into());
    }
    let here = env::current_exe().unwrap_or_default();
    // target/debug/deps/a-test, or target/debug/a-program
    let profiles = here.ancestors().skip(1).take(2);
    let candidates = profiles.flat_map(|directory| {
        let other = |profile| directory.with_file_name(profile).join(name);
        [directory.join(name), other("debug"), other("release")]
    });
    candidates.into_iter().find(|path| path.is_file()).map_or_else(|| existing(name.into()), Ok)
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path);
    }
    Err(LabError::Missing {
        path,
        advice: "build it with `cargo build --bins`, or run through `cargo xtask`",
    })
}
