//! The walk along a script's path that shows whether anybody but root could change what is run.
//!
//! Symbolic links are followed one by one, and every directory on the way counts, also those that hold only a link: who
//! can replace a link decides what runs. Links themselves have no mode; their directory's counts.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The kernel's own limit (path_resolution(7)).
const MAX_LINKS: usize = 40;

const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;
const SETUID: u32 = 0o4000;

/// What is wrong with one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The component, as an absolute path.
    pub component: PathBuf,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permissions, as chmod takes them.
    pub mode: u32,
}

/// A script that root would run, and that others can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insecure {
    /// The script as configured.
    pub script: PathBuf,
    /// The first component that breaks the rule.
    pub flaw: Flaw,
}

impl fmt::Display for Insecure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { script, flaw } = self;
        let (script, component) = (script.display(), flaw.component.display());
        write!(f, "script {script} would run as root, but {component} (owner uid {}, ", flaw.uid)?;
        write!(f, "group gid {}, mode {:04o}) can be changed by others than root", flaw.gid, flaw.mode)
    }
}

/// What the walk found.
pub(crate) struct Walk {
    pub(crate) resolved: PathBuf,
    pub(crate) executable: bool,
    pub(crate) setuid_root: bool,
    pub(crate) flaw: Option<Flaw>,
}

/// Walks an absolute path from the root directory.
pub(crate) fn walk(path: &Path) -> io::Result<Walk> {
    let root = Path::new("/");
    let mut here = root.to_owned();
    let mut last = std::fs::symlink_metadata(root)?;
    let mut flaw = flaw_of(root, &last);
    let mut ahead = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            last = std::fs::symlink_metadata(&here)?;
            continue;
        }
        let next = here.join(&name);
        let found = std::fs::symlink_metadata(&next)?;
        flaw = flaw.or_else(|| flaw_of(&next, &found));
        if found.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::from_raw_os_error(nix::libc::ELOOP));
            }
            let target = std::fs::read_link(&next)?;
            if target.is_absolute() {
                here = root.to_owned();
            }
            for name in names(&target).into_iter().rev() {
                ahead.push_front(name);
            }
        } else {
            here = next;
        }
        last = found;
    }
    let executable = last.is_file() && last.mode() & 0o111 != 0;
    let setuid_root = last.mode() & SETUID != 0 && last.uid() == 0;
    Ok(Walk { resolved: here, executable, setuid_root, flaw })
}

/// The names in a path, `..` among them.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}

fn flaw_of(path: &Path, found: &std::fs::Metadata) -> Option<Flaw> {
    let mode = found.mode();
    let others = mode & OTHERS_WRITE != 0 || (mode & GROUP_WRITE != 0 && found.gid() != 0);
    let protected = found.is_dir() && mode & STICKY != 0;
    let writable = others && !protected && !found.is_symlink();
    (found.uid() != 0 || writable).then(|| Flaw {
        component: path.to_owned(),
        uid: found.uid(),
        gid: found.gid(),
        mode: mode & 0o7777,
    })
}
