//! The peer: Debian's keepalived packages, each in the root file system of its own release.

use crate::{Program, Result, setup};
use std::path::{Path, PathBuf};

/// A version of keepalived to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// Debian 12's.
    V2_2_7,
    /// Debian 13's.
    V2_3_3,
}

impl Rival {
    /// Both, older first.
    pub const ALL: [Self; 2] = [Self::V2_2_7, Self::V2_3_3];

    /// Its version number.
    pub fn version(self) -> &'static str {
        match self {
            Self::V2_2_7 => "2.2.7",
            Self::V2_3_3 => "2.3.3",
        }
    }

    /// The Debian release that has it.
    pub(crate) fn release(self) -> &'static str {
        match self {
            Self::V2_2_7 => "bookworm",
            Self::V2_3_3 => "trixie",
        }
    }

    /// The root of the file system it lives in.
    ///
    /// # Errors
    /// It is not installed.
    pub fn root(self) -> Result<PathBuf> {
        setup::installed(&format!("keepalived-{}", self.version()))
    }

    /// One of its own programs (`keepalived`, `ipvsadm`), inside its root, with `/run` of its own. The directory `home`
    /// has the same path inside as outside.
    ///
    /// # Errors
    /// It is not installed.
    pub fn program(self, name: &str, home: &Path) -> Result<Program<'static>> {
        Ok(program_in(&self.root()?, name, home))
    }
}

/// A program of the system below `root`; see [`Rival::program`].
pub(crate) fn program_in(root: &Path, name: &str, home: &Path) -> Program<'static> {
    let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let mut program = Program::new("chroot");
    for directory in ["/proc", "/sys", "/dev"].map(Path::new) {
        program = program.bind(directory, inside(directory));
    }
    program.tmpfs(root.join("run")).tmpfs(root.join("tmp")).bind(home, inside(home)).arg(root).arg(name)
}
