//! The journals of what this process has put into the kernel, for the next start after a kill.
//!
//! One line per object, an address being `INTERFACE ADDRESS/PREFIX`; appended to before one is added, written anew when some are
//! gone.
//! It lies on a tmpfs: after a power loss there are neither addresses nor journal.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// More than any journal of ours: 100,000 addresses.
const LIMIT: u64 = 8 << 20;

/// One address of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Line {
    /// Name of the interface.
    pub(crate) interface: String,
    /// The address.
    pub(crate) address: IpAddr,
    /// Its prefix length.
    pub(crate) prefix_len: u8,
}

/// What a journal has lines of.
pub(crate) trait Entry: Ord {
    /// The object that a line stands for; `None` for a line that makes no sense.
    fn parse(text: &str) -> Option<Self>
    where
        Self: Sized;

    /// Its line, without the end.
    fn text(&self) -> String;
}

impl Entry for Line {
    fn parse(text: &str) -> Option<Self> {
        let (interface, rest) = text.split_once(' ')?;
        let (address, prefix_len) = rest.split_once('/')?;
        Some(Self {
            interface: interface.to_owned(),
            address: address.parse().ok()?,
            prefix_len: prefix_len.parse().ok()?,
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.interface, self.address, self.prefix_len)
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct Journal<L> {
    path: PathBuf,
    file: Option<File>,
    lines: PhantomData<L>,
}

impl<L: Entry> Journal<L> {
    /// The journal of that name in a runtime directory; nothing is read or written yet.
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        Self { path: directory.join(name), file: None, lines: PhantomData }
    }

    /// What an earlier process left; lines that make no sense are skipped, whatever octets are in them.
    ///
    /// # Errors
    /// The file exists, but cannot be read.
    pub(crate) fn load(&self) -> io::Result<BTreeSet<L>> {
        let mut octets = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(LIMIT).read_to_end(&mut octets)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(String::from_utf8_lossy(&octets).lines().filter_map(L::parse).collect())
    }

    /// Notes objects that are about to be added.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn append(&mut self, lines: &[L]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                self.file.insert(file)
            }
        };
        // On a line of its own, even if the last one was cut off by a full file system.
        file.write_all(format!("\n{}", text(lines.iter())).as_bytes())
    }

    /// Makes these the whole content.
    ///
    /// # Errors
    /// The file system's; the old content is then still there.
    pub(crate) fn rewrite<'a>(&mut self, lines: impl Iterator<Item = &'a L>) -> io::Result<()>
    where
        L: 'a,
    {
        let text = text(lines);
        self.file = None;
        if text.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(&new, &self.path)
    }
}

fn text<'a, L: Entry + 'a>(lines: impl Iterator<Item = &'a L>) -> String {
    lines.map(|line| line.text() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "addresses";

    fn line(text: &str) -> Line {
        Line::parse(text).expect("a line")
    }

    #[test]
    fn what_is_written_is_read_and_rubbish_is_skipped() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::<Line>::new(directory.path(), NAME);
        assert!(journal.load().expect("no file yet").is_empty());
        let (first, second) = (line("eth0 10.0.0.100/32"), line("eth1 fd00::1/128"));
        journal.append(std::slice::from_ref(&first)).expect("written");
        let rubbish = b"\xff\xfe\neth0 10.0.0.100/32\nrubbish\neth0 x/9\neth0 ::/999\neth0 10.0.0.";
        fs::write(directory.path().join(NAME), rubbish).expect("written");
        assert_eq!(journal.load().expect("read"), BTreeSet::from([first.clone()]));
        journal.append(std::slice::from_ref(&second)).expect("written");
        assert_eq!(journal.load().expect("read"), BTreeSet::from([first, second.clone()]));
        journal.rewrite([&second].into_iter()).expect("written");
        journal.append(std::slice::from_ref(&second)).expect("written");
        assert_eq!(journal.load().expect("read"), BTreeSet::from([second]));
        journal.rewrite(std::iter::empty()).expect("written");
        assert!(!directory.path().join(NAME).exists());
        journal.rewrite(std::iter::empty()).expect("gone already");
    }
}
