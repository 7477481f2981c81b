//! What a process leaves to the one that takes its place.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::process::Command;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::dup2_stdout;

const NAME: &str = "lvsd-testament";
/// What [`Testament::read`] gives at most.
const LIMIT: usize = 8 << 20;

/// Memory that a parent keeps and its children write to, one after the other: what a child wrote last is there for its
/// successor, however it ended. It is in no file system, so writing waits for nothing, and it ends with the parent.
///
/// The child gets it as its standard output, which a process of the family has no other use for.
#[derive(Debug)]
pub struct Testament {
    file: File,
}

impl Testament {
    /// An empty one.
    ///
    /// # Errors
    /// The kernel's: too many open files, no memory.
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: File::from(memfd_create(NAME, MFdFlags::MFD_CLOEXEC)?) })
    }

    /// Has a process that is about to be started find it by [`Testament::adopt`].
    ///
    /// # Errors
    /// Too many open files.
    pub fn hand_over(&self, command: &mut Command) -> io::Result<()> {
        command.stdout(OwnedFd::from(self.file.try_clone()?));
        Ok(())
    }

    /// Takes the one that the parent left as standard output, which goes nowhere from then on.
    ///
    /// # Errors
    /// `NotFound` when standard output is something else.
    pub fn adopt() -> io::Result<Self> {
        let output = io::stdout();
        let name = std::fs::read_link(format!("/proc/self/fd/{}", output.as_raw_fd()))?;
        if !name.to_string_lossy().starts_with(&format!("/memfd:{NAME}")) {
            return Err(io::ErrorKind::NotFound.into());
        }
        // A copy has close-on-exec set.
        let file = File::from(std::os::fd::AsFd::as_fd(&output).try_clone_to_owned()?);
        dup2_stdout(File::options().write(true).open("/dev/null")?)?;
        Ok(Self { file })
    }

    /// Writes octets at a place.
    ///
    /// # Errors
    /// No memory.
    pub fn write(&self, place: u64, octets: &[u8]) -> io::Result<()> {
        self.file.write_all_at(octets, place)
    }

    /// Everything that was written, up to a limit far beyond what is sensible.
    ///
    /// # Errors
    /// None is known.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.file.metadata()?.len()).unwrap_or(LIMIT).min(LIMIT);
        let mut octets = vec![0; length];
        self.file.read_exact_at(&mut octets, 0)?;
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_wrote_outlives_it() {
        let kept = Testament::new().expect("a memfd");
        assert_eq!(kept.read().expect("read"), b"");
        kept.write(4, b"old").expect("written");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "printf new >&1; kill -9 $$"]);
        kept.hand_over(&mut command).expect("handed over");
        assert!(!command.status().expect("sh runs").success(), "it was killed");
        assert_eq!(kept.read().expect("read"), b"new\0old");
    }

    #[test]
    fn other_standard_outputs_are_none() {
        // Whatever the test runs with.
        assert!(Testament::adopt().is_err());
    }
}
