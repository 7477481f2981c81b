//! Debian's package tools, without questions and against flaky mirrors.

use super::{Attempt, Progress, persevere};
use crate::{LabError, Program, Result, error::Context as _};
use std::{fs, path::Path, time::Duration};

/// An installation on a slow line takes minutes.
const LIMIT: Duration = Duration::from_secs(900);

fn apt_get() -> Program<'static> {
    // Downloads go to directories of root's, where apt's own user may not write; only the lock of the package database
    // is waited for.
    Program::new("apt-get")
        .args([
            "-q",
            "-y",
            "-o",
            "Acquire::Retries=3",
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "DPkg::Lock::Timeout=300",
        ])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .limit(LIMIT)
}

/// Fetches the package lists. One broken source among many does not matter if the packages are found in the others, so
/// a failure here is left to what needs the lists.
fn update() {
    let _ = apt_get().arg("update").run();
}

/// Runs `attempt` with the lists as they are, then, if that fails (it does on a new machine), with fresh ones.
fn with_lists(say: Progress<'_>, attempt: impl Fn() -> Result<()>) -> Result<()> {
    persevere(say, |which| {
        if which == Attempt::Further {
            update();
        }
        attempt()
    })
}

/// Installs packages on this machine.
pub(super) fn install(packages: &[&str], say: Progress<'_>) -> Result<()> {
    with_lists(say, || {
        apt_get().args(["install", "--no-install-recommends"]).args(packages).check().map(drop)
    })
}

/// Unpacks a package below `root` without installing it: none of its scripts run, and no daemon starts.
pub(super) fn unpack(package: &str, root: &Path, say: Progress<'_>) -> Result<()> {
    let downloads =
        tempfile::tempdir_in(root).context(|| format!("make a directory in {}", root.display()))?;
    with_lists(say, || apt_get().args(["download", package]).directory(downloads.path()).check().map(drop))?;
    let files = fs::read_dir(downloads.path()).context(|| "list the downloads".to_owned())?;
    let file = files.flatten().next().ok_or_else(|| LabError::Missing {
        path: downloads.path().join(package),
        advice: "apt-get download succeeded, yet left no file",
    })?;
    Program::new("dpkg").arg("-x").arg(file.path()).arg(root).limit(LIMIT).check().map(drop)
}

/// The mirror that this machine itself is installed from, if it is a plain Debian one.
pub(super) fn mirror() -> Option<String> {
    let list =
        Program::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
    let uris = list.check().ok()?;
    uris.lines().find(|uri| uri.trim_end_matches('/').ends_with("/debian")).map(str::to_owned)
}
