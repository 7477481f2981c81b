//! The files that a configuration is read from: the real ones, or some in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::source::SourceMap;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A regular file that somebody may execute; includes skip it.
    Executable,
    /// A directory, device, pipe or socket.
    Other,
}

/// Where configuration text comes from.
pub trait Files {
    /// The whole content of a file.
    ///
    /// # Errors
    /// That of the file system; `FileTooLarge` above [`SourceMap::MAX_TEXT`]; never waits for a writer.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The paths that a pattern with `*`, `?` and `[...]` matches, in alphabetic order.
    ///
    /// # Errors
    /// That of the file system; `InvalidInput` for a malformed pattern.
    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>>;

    /// What a path names, links followed.
    ///
    /// # Errors
    /// That of the file system; `NotFound` when there is nothing.
    fn kind(&self, path: &Path) -> io::Result<FileKind>;

    /// Whether nobody but its owner can read or write a file, links followed.
    ///
    /// # Errors
    /// That of the file system.
    fn is_private(&self, path: &Path) -> io::Result<bool>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.kind(path)? == FileKind::Other {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let limit = SourceMap::MAX_TEXT as u64 + 1;
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        if bytes.len() > SourceMap::MAX_TEXT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 MiB"));
        }
        Ok(bytes)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let invalid = |error: glob::PatternError| io::Error::new(io::ErrorKind::InvalidInput, error.msg);
        let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
        let paths = glob::glob_with(pattern, options).map_err(invalid)?;
        // Directories that cannot be read match nothing, as in a shell.
        let mut found: Vec<_> = paths.filter_map(Result::ok).collect();
        found.sort();
        Ok(found)
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Ok(FileKind::Other);
        }
        let executable = metadata.permissions().mode() & 0o111 != 0;
        Ok(if executable { FileKind::Executable } else { FileKind::Regular })
    }

    fn is_private(&self, path: &Path) -> io::Result<bool> {
        use std::os::unix::fs::PermissionsExt;
        Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 == 0)
    }
}

/// Files in memory, for tests and tools. All can read them, unless it is said that they are private.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(BTreeMap<PathBuf, (FileKind, Option<Vec<u8>>)>, BTreeSet<PathBuf>);

impl MemoryFiles {
    /// Adds a file and returns the whole set.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), (FileKind::Regular, Some(content.into())));
        self
    }

    /// Adds a file that nobody but its owner can read.
    #[must_use]
    pub fn with_private(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        let path = path.into();
        self.1.insert(path.clone());
        self.with(path, content)
    }

    /// Adds a file of another kind.
    #[must_use]
    pub fn with_kind(mut self, path: impl Into<PathBuf>, kind: FileKind) -> Self {
        self.0.insert(path.into(), (kind, Some(Vec::new())));
        self
    }

    /// Adds a file that nobody may read.
    #[must_use]
    pub fn with_unreadable(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.insert(path.into(), (FileKind::Regular, None));
        self
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let (_, content) = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        let content = content.as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
        if content.len() > SourceMap::MAX_TEXT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content.clone())
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let pattern = glob::Pattern::new(pattern)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.msg))?;
        let options = glob::MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..Default::default()
        };
        Ok(self.0.keys().filter(|path| pattern.matches_path_with(path, options)).cloned().collect())
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        self.0.get(path).map(|&(kind, _)| kind).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn is_private(&self, path: &Path) -> io::Result<bool> {
        self.kind(path).map(|_| self.1.contains(path))
    }
}
