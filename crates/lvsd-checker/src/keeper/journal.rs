//! Which services in the kernel are ours: a small file in the runtime directory, so that also the successor of a process
//! that was killed knows.
//!
//! A service is written down before it is made and struck out after it is gone, so a crash in between leaves one too many in
//! the file, never one too few.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipvs::{Family, Protocol, ServiceKey};

/// The file's name in the runtime directory.
const NAME: &str = lvsd_ipc::Role::Checker.journal();

/// Who wrote the journal: the process id of the supervisor, which outlives its checkers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Supervisor(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Journal {
    path: Option<PathBuf>,
    supervisor: Supervisor,
    owned: BTreeSet<ServiceKey>,
    broken: bool,
}

impl Journal {
    /// A journal without a file yet.
    pub(crate) const fn new(supervisor: Supervisor) -> Self {
        Self { path: None, supervisor, owned: BTreeSet::new(), broken: false }
    }

    /// Takes over what an earlier process has written into that directory; returns under whose supervision.
    pub(crate) fn open(&mut self, directory: &Path) -> Option<Supervisor> {
        let path = directory.join(NAME);
        let text = std::fs::read(&path);
        self.path = Some(path);
        match text {
            Ok(text) => {
                let (supervisor, owned) = parse(&String::from_utf8_lossy(&text));
                self.owned.extend(owned);
                supervisor
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "the journal of IPVS services cannot be read; leftovers stay");
                None
            }
        }
    }

    /// Who writes now.
    pub(crate) const fn supervisor(&self) -> Supervisor {
        self.supervisor
    }

    pub(crate) const fn owned(&self) -> &BTreeSet<ServiceKey> {
        &self.owned
    }

    /// Notes services that are about to be made.
    pub(crate) fn own(&mut self, keys: impl IntoIterator<Item = ServiceKey>) {
        let before = self.owned.len();
        self.owned.extend(keys);
        if self.owned.len() != before {
            self.save();
        }
    }

    /// Strikes out services that are gone.
    pub(crate) fn disown(&mut self, keys: &BTreeSet<ServiceKey>) {
        let before = self.owned.len();
        self.owned.retain(|key| !keys.contains(key));
        if self.owned.len() != before {
            self.save();
        }
    }

    fn save(&mut self) {
        let Some(path) = &self.path else { return };
        match write(path, self.supervisor, &self.owned) {
            Ok(()) => self.broken = false,
            Err(error) if !self.broken => {
                self.broken = true;
                tracing::warn!(%error, "the journal of IPVS services cannot be written");
            }
            Err(_) => {}
        }
    }
}

/// Replaces the file as a whole; without services there is none.
fn write(path: &Path, supervisor: Supervisor, owned: &BTreeSet<ServiceKey>) -> io::Result<()> {
    if owned.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let mut text = Vec::with_capacity(owned.len() * 32);
    writeln!(text, "supervisor {}", supervisor.0)?;
    for key in owned {
        writeln!(text, "{key}")?;
    }
    let draft = path.with_extension("new");
    std::fs::write(&draft, text)?;
    std::fs::rename(&draft, path)
}

/// What can be read of it; lines that make no sense are left out.
fn parse(text: &str) -> (Option<Supervisor>, BTreeSet<ServiceKey>) {
    let supervisor =
        text.lines().find_map(|line| line.strip_prefix("supervisor ")?.parse().ok().map(Supervisor));
    (supervisor, text.lines().filter_map(parse_key).collect())
}

/// The reverse of the key's `Display`.
fn parse_key(line: &str) -> Option<ServiceKey> {
    let (kind, rest) = line.split_once(' ')?;
    let protocol = match kind {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        "fwmark" => {
            let (mark, family) = match rest.strip_suffix(" IPv6") {
                Some(mark) => (mark, Family::V6),
                None => (rest, Family::V4),
            };
            return Some(ServiceKey::Fwmark { mark: mark.parse().ok()?, family });
        }
        _ => return None,
    };
    let address: SocketAddr = rest.parse().ok()?;
    Some(ServiceKey::Tuple { protocol, addr: address.ip(), port: address.port() })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const ME: Supervisor = Supervisor(42);

    fn keys() -> BTreeSet<ServiceKey> {
        let tuple = |protocol, addr: &str, port| ServiceKey::Tuple {
            protocol,
            addr: addr.parse().expect("an address"),
            port,
        };
        let mark = NonZeroU32::new(7).expect("not zero");
        BTreeSet::from([
            tuple(Protocol::Tcp, "10.0.0.1", 80),
            tuple(Protocol::Udp, "2001:db8::1", 53),
            tuple(Protocol::Sctp, "10.0.0.1", 0),
            ServiceKey::Fwmark { mark, family: Family::V4 },
            ServiceKey::Fwmark { mark, family: Family::V6 },
        ])
    }

    #[test]
    fn a_successor_reads_what_was_owned() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::new(ME);
        assert_eq!(journal.open(directory.path()), None);
        journal.own(keys());
        let mut successor = Journal::new(Supervisor(43));
        assert_eq!(successor.open(directory.path()), Some(ME));
        assert_eq!(successor.owned(), &keys());
    }

    #[test]
    fn without_services_there_is_no_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::new(ME);
        journal.open(directory.path());
        journal.own(keys());
        assert!(directory.path().join(NAME).exists());
        journal.disown(&keys());
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 0);
    }

    #[test]
    fn rubbish_is_left_out() {
        let text = "supervisor x\ntcp 10.0.0.1:80\ntcp\nudp nowhere\nfwmark 0\n\u{fffd}\nicmp 10.0.0.1:1\ntcp 10.0.0.1:800000";
        let (supervisor, owned) = parse(text);
        assert_eq!((supervisor, owned.len()), (None, 1));
    }

    #[test]
    fn a_directory_that_is_not_there_is_no_reason_to_stop() {
        let mut journal = Journal::new(ME);
        journal.open(Path::new("/nonexistent/lvsd"));
        journal.own(keys());
        assert_eq!(journal.owned(), &keys());
    }
}
