//! Pid files: `pid\n`, held by a lock for as long as the process lives, so that a second daemon notices the first.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Why a pid file cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PidFileError {
    /// Another process holds it: the daemon runs already.
    #[error("{0} is held by another process: lvsd runs already")]
    Held(PathBuf),
    /// The file system refuses.
    #[error("pid file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A pid file of ours; removed when dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Creates and locks it, without a pid as yet.
    pub(crate) fn create(path: &Path) -> Result<Self, PidFileError> {
        let fault = |source| PidFileError::Io { path: path.to_owned(), source };
        // A predecessor that ends removes the file; what we have locked must be what others find.
        for _ in 0..16 {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
                .map_err(fault)?;
            match lock(&file) {
                Ok(()) => {}
                Err(Errno::EACCES | Errno::EAGAIN) => return Err(PidFileError::Held(path.to_owned())),
                Err(errno) => return Err(fault(errno.into())),
            }
            let locked = file.metadata().map_err(fault)?;
            let found = std::fs::symlink_metadata(path);
            if found.is_ok_and(|found| (found.dev(), found.ino()) == (locked.dev(), locked.ino())) {
                // Whatever the umask is.
                file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(fault)?;
                return Ok(Self { path: path.to_owned(), file });
            }
        }
        Err(fault(io::Error::from_raw_os_error(libc::EAGAIN)))
    }

    /// Writes the pid of whom the file is about.
    pub(crate) fn write(&mut self, pid: u32) -> Result<(), PidFileError> {
        let file = &mut self.file;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(format!("{pid}\n").as_bytes()))
            .map_err(|source| PidFileError::Io { path: self.path.clone(), source })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Gone already, or a directory that went read-only: nothing to be done about it at the end.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A write lock of the open file, so that it survives whatever other files the process closes.
fn lock(file: &File) -> nix::Result<()> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_nothing_is_left() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lvsd.pid");
        std::fs::write(&path, "a stale text that is longer than a pid\n").expect("written");
        let mut first = PidFile::create(&path).expect("nobody holds it");
        first.write(1234).expect("writable");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "1234\n");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o644);
        assert!(matches!(PidFile::create(&path), Err(PidFileError::Held(held)) if held == path));
        // Who was refused has not harmed it.
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "1234\n");
        first.write(5).expect("writable");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "5\n");
        drop(first);
        assert!(!path.exists());
        drop(PidFile::create(&path).expect("free again"));
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (victim, path) = (directory.path().join("victim"), directory.path().join("lvsd.pid"));
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, &path).expect("a link");
        assert!(matches!(PidFile::create(&path), Err(PidFileError::Io { .. })));
        assert_eq!(std::fs::read_to_string(&victim).expect("there"), "precious");
    }
}
