//! `reload_file`: a file that is there while a reload reads the configuration.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lvsd_model::{Globals, ReloadMark};

/// Where it is, if it is wanted.
pub(super) fn path(globals: &Globals, runtime_dir: &Path) -> Option<PathBuf> {
    globals.reload_mark.as_ref().map(|mark| match mark {
        ReloadMark::RuntimeDirectory => runtime_dir.join("lvsd.reload"),
        ReloadMark::Path(path) => path.clone(),
    })
}

/// The file, as long as this exists.
#[derive(Debug)]
pub(super) struct Mark(PathBuf);

impl Mark {
    /// Makes it. That it cannot be made keeps nothing from being read.
    pub(super) fn set(path: PathBuf) -> Self {
        let mut options = OpenOptions::new();
        // A link that somebody has put there is not followed.
        let opened = options.write(true).create(true).custom_flags(nix::libc::O_NOFOLLOW).open(&path);
        if let Err(error) = opened {
            tracing::warn!(%error, "reload_file {}", path.display());
        }
        Self(path)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "reload_file {} stays", self.0.display());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_as_long_as_the_mark_and_no_link_is_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let globals = Globals { reload_mark: Some(ReloadMark::RuntimeDirectory), ..Globals::default() };
        assert_eq!(path(&Globals::default(), directory.path()), None);
        let place = path(&globals, directory.path()).expect("wanted");
        let mark = Mark::set(place.clone());
        assert!(place.exists());
        drop(mark);
        assert!(!place.exists());
        let victim = directory.path().join("victim");
        std::os::unix::fs::symlink(&victim, &place).expect("a link");
        let mark = Mark::set(place);
        assert!(!victim.exists());
        drop(mark);
    }
}
