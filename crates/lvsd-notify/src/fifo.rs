//! One FIFO: opened for reading and writing so that it is there whether anybody reads or not, never waited for.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use lvsd_model::Fifo as Config;
use lvsd_script::resolve_user;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};

/// Room for the lines of a start with ten thousand services.
const CAPACITY: i32 = 1 << 20;
/// Longer lines would not be written as a whole (pipe(7), PIPE_BUF).
const LONGEST: usize = 4096;

/// Why a path cannot be written to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FifoError {
    #[error("{0} and is no FIFO")]
    NoFifo(&'static str),
    #[error("belongs to user {found}, neither to lvsd's user nor to the one configured")]
    Foreign { found: u32 },
    #[error(transparent)]
    User(#[from] lvsd_script::NoUser),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Who has made the FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Us,
    Somebody,
}

/// An open FIFO.
#[derive(Debug)]
pub(crate) struct Fifo {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    maker: Maker,
}

impl Fifo {
    /// Opens the FIFO, or makes it with mode 0600.
    ///
    /// One that is there already must belong to us or to the configured user, and must not be a symbolic link: whoever could
    /// put another file in its place would read, or redirect, what is written.
    pub(crate) fn open(config: &Config) -> Result<Self, FifoError> {
        let owner = config.owner.as_ref().map(resolve_user).transpose()?;
        let made = match mkfifo(&config.path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) => Maker::Us,
            Err(Errno::EEXIST) => Maker::Somebody,
            Err(errno) => return Err(io::Error::from(errno).into()),
        };
        // Not opened before it is known to be a FIFO: opening a device may have effects.
        let allowed = owner.map(|(uid, _)| uid);
        examine(&std::fs::symlink_metadata(&config.path)?, allowed)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW)
            .open(&config.path)?;
        let found = file.metadata()?;
        examine(&found, allowed)?;
        if made == Maker::Us {
            // Whatever the umask was.
            file.set_permissions(PermissionsExt::from_mode(0o600))?;
            if let Some((uid, gid)) = owner {
                chown(&config.path, Some(uid.as_raw()), Some(gid.as_raw()))?;
            }
        }
        // Best effort: the default of 64 KiB works, too.
        let _ = fcntl(&file, FcntlArg::F_SETPIPE_SZ(CAPACITY));
        Ok(Self { file, identity: identity(&found), maker: made })
    }

    /// Takes over the part of a FIFO that an earlier process made and could not remove.
    pub(crate) const fn adopt(&mut self) {
        self.maker = Maker::Us;
    }

    /// Whether we have made it, and remove it.
    pub(crate) fn is_ours(&self) -> bool {
        self.maker == Maker::Us
    }

    /// Writes a line, if there is room for it.
    ///
    /// # Errors
    /// `WouldBlock`: nobody has read for a long time. `InvalidInput`: the line is too long.
    pub(crate) fn write(&self, line: &[u8]) -> io::Result<()> {
        if line.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the line is too long for a FIFO"));
        }
        // Up to PIPE_BUF bytes are written as a whole or not at all.
        (&self.file).write(line).map(drop)
    }

    /// Whether everything written has been read.
    pub(crate) fn is_drained(&self) -> bool {
        let mut look = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut look, PollTimeout::ZERO), Ok(0))
    }

    /// Whether `path` still is this FIFO.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|found| identity(&found) == self.identity)
    }

    /// Removes it, if we made it and it is still there. Who reads sees its end when the last process has closed it.
    pub(crate) fn remove(self, path: &Path) {
        if self.is_ours() && self.is_at(path) {
            // Somebody else was faster.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn examine(found: &Metadata, owner: Option<Uid>) -> Result<(), FifoError> {
    let kind = found.file_type();
    if !kind.is_fifo() {
        return Err(FifoError::NoFifo(if kind.is_symlink() {
            "is a symbolic link"
        } else {
            "exists already"
        }));
    }
    let uid = Uid::from_raw(found.uid());
    if uid != Uid::effective() && Some(uid) != owner {
        return Err(FifoError::Foreign { found: uid.as_raw() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    fn config(path: PathBuf) -> Config {
        Config { path, owner: None, reader: None }
    }

    fn opened(path: &Path) -> Result<Fifo, FifoError> {
        Fifo::open(&config(path.to_owned()))
    }

    #[test]
    fn an_absent_one_is_made_for_us_alone_and_removed_again() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("fifo");
        let fifo = opened(&path).expect("made");
        let found = std::fs::symlink_metadata(&path).expect("there");
        assert!(found.file_type().is_fifo());
        assert_eq!(found.permissions().mode() & 0o7777, 0o600);
        fifo.remove(&path);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_was_there_stays() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("fifo");
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR | Mode::S_IRGRP).expect("made");
        let fifo = opened(&path).expect("opened");
        fifo.remove(&path);
        let mode = std::fs::symlink_metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "its mode is its maker's affair");
    }

    #[test]
    fn what_is_no_fifo_is_not_touched() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("file");
        std::fs::write(&file, "precious").expect("written");
        let link = home.path().join("link");
        mkfifo(&home.path().join("target"), Mode::S_IRUSR | Mode::S_IWUSR).expect("made");
        symlink(home.path().join("target"), &link).expect("linked");
        for path in [&file, &link, &home.path().to_owned(), &home.path().join("no/such/directory")] {
            let error = opened(path).expect_err("refused");
            assert!(!error.to_string().is_empty(), "{error}");
        }
        assert_eq!(std::fs::read_to_string(file).expect("there"), "precious");
    }

    #[test]
    fn lines_wait_for_a_reader_and_then_are_lost_not_waited_for() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("fifo");
        let fifo = opened(&path).expect("made");
        let line = b"INSTANCE \"VI_1\" MASTER 100\n";
        let mut written = 0;
        let error = loop {
            match fifo.write(line) {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!fifo.is_drained());
        let flags = nix::libc::O_NONBLOCK;
        let mut reader = OpenOptions::new().read(true).custom_flags(flags).open(&path).expect("opened");
        let mut text = Vec::new();
        let end = reader.read_to_end(&mut text).expect_err("there is a writer");
        assert_eq!(end.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(text.len(), written * line.len(), "whole lines only");
        assert!(fifo.is_drained());
        assert!(fifo.write(line).is_ok());
        let long = fifo.write(&[b'a'; LONGEST + 1]).expect_err("too long");
        assert_eq!(long.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn another_one_in_its_place_is_noticed_and_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("fifo");
        let fifo = opened(&path).expect("made");
        assert!(fifo.is_at(&path));
        std::fs::rename(&path, home.path().join("aside")).expect("moved");
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("made");
        assert!(!fifo.is_at(&path));
        fifo.remove(&path);
        assert!(path.exists());
    }
}
