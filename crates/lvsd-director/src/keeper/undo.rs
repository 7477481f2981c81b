//! What of the host was changed beside addresses, written down before it is done: interfaces, settings, tables of the firewall. So a
//! stop puts everything back, and the start after a kill does, too.
//!
//! One line per change: `link NAME`, `table NAME`, `sysctl NAME BEFORE SET`. It lies on a tmpfs, as the journal of addresses does.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tracing::warn;

/// Name of the file within the runtime directory.
const NAME: &str = lvsd_ipc::Role::CHANGES_JOURNAL;
/// More than any of ours.
const LIMIT: u64 = 1 << 20;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// An interface of that name was made.
    Link(String),
    /// Tables of that name were made.
    Table(String),
    /// A setting was changed.
    Sysctl {
        /// Its name.
        name: String,
        /// What it was.
        before: String,
        /// What it was set to.
        set: String,
    },
}

impl Trace {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let safe = |name: &&str| !name.is_empty() && !name.split('/').any(|part| part == "..");
        match words.as_slice() {
            ["link", name] if safe(name) => Some(Self::Link((*name).to_owned())),
            ["table", name] if safe(name) => Some(Self::Table((*name).to_owned())),
            ["sysctl", name, before, set] if safe(name) && !name.starts_with('/') => Some(Self::Sysctl {
                name: (*name).to_owned(),
                before: (*before).to_owned(),
                set: (*set).to_owned(),
            }),
            _ => None,
        }
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Link(name) => write!(f, "link {name}"),
            Self::Table(name) => write!(f, "table {name}"),
            Self::Sysctl { name, before, set } => write!(f, "sysctl {name} {before} {set}"),
        }
    }
}

/// The changes that are in force, and the file that says so.
#[derive(Debug)]
pub(super) struct Undo {
    path: PathBuf,
    traces: Vec<Trace>,
}

impl Undo {
    /// Those of a runtime directory; nothing is read or written yet.
    pub(super) fn new(directory: &Path) -> Self {
        Self { path: directory.join(NAME), traces: Vec::new() }
    }

    /// Takes over what an earlier process left. Lines that make no sense are skipped, whatever octets are in them.
    pub(super) fn load(&mut self) {
        match read(&self.path) {
            Ok(octets) => {
                let text = String::from_utf8_lossy(&octets);
                self.traces = text.lines().filter_map(Trace::parse).collect();
            }
            Err(error) => warn!(%error, "the list of what was changed on this host cannot be read"),
        }
    }

    /// All changes in force.
    pub(super) fn traces(&self) -> &[Trace] {
        &self.traces
    }

    /// Notes a change that is about to be made.
    pub(super) fn note(&mut self, trace: Trace) {
        if !self.traces.contains(&trace) {
            self.traces.push(trace);
            self.write();
        }
    }

    /// Forgets changes that are undone.
    pub(super) fn forget(&mut self, undone: impl Fn(&Trace) -> bool) {
        let before = self.traces.len();
        self.traces.retain(|trace| !undone(trace));
        if self.traces.len() != before {
            self.write();
        }
    }

    /// Whether an interface of that name is ours.
    pub(super) fn has_link(&self, name: &str) -> bool {
        self.traces.iter().any(|trace| matches!(trace, Trace::Link(ours) if ours == name))
    }

    /// What a setting was before we changed it, and what we changed it to.
    pub(super) fn sysctl(&self, wanted: &str) -> Option<(&str, &str)> {
        self.traces.iter().find_map(|trace| match trace {
            Trace::Sysctl { name, before, set } if name == wanted => Some((before.as_str(), set.as_str())),
            _ => None,
        })
    }

    fn write(&self) {
        if let Err(error) = write(&self.path, &self.traces) {
            warn!(%error, "what is changed on this host cannot be written down; after a kill it would stay");
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    match fs::File::open(path) {
        Ok(file) => file.take(LIMIT).read_to_end(&mut octets).map(|_| octets),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(octets),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, traces: &[Trace]) -> io::Result<()> {
    if traces.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let text: String = traces.iter().map(|trace| format!("{trace}\n")).collect();
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_found_by_the_next_process_and_rubbish_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut undo = Undo::new(directory.path());
        undo.load();
        assert_eq!(undo.traces(), []);
        let name = "ipv4/conf/eth0/arp_ignore";
        let setting = Trace::Sysctl { name: name.to_owned(), before: "0".to_owned(), set: "1".to_owned() };
        undo.note(Trace::Link("vrrp.51".to_owned()));
        undo.note(setting.clone());
        undo.note(setting.clone());
        let mut next = Undo::new(directory.path());
        next.load();
        assert_eq!(next.traces(), undo.traces());
        assert!(next.has_link("vrrp.51") && !next.has_link("eth0"));
        assert_eq!(next.sysctl(name), Some(("0", "1")));
        fs::write(
            directory.path().join(NAME),
            b"\xff\nlink\nlink a b\nsysctl ../../x 1 2\nsysctl /x 1 2\ntable lvsd",
        )
        .expect("written");
        next.load();
        assert_eq!(next.traces(), [Trace::Table("lvsd".to_owned())]);
        next.forget(|_| true);
        assert!(!directory.path().join(NAME).exists());
    }
}
