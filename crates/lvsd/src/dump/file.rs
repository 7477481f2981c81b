//! Writing a file in a directory that others may write to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How many leftovers of killed predecessors are tolerated.
const ATTEMPTS: u32 = 16;

/// Puts a file in place whole: written under another name, which nobody else can have prepared, then renamed.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let name = name.to_string_lossy();
    let process = std::process::id();
    let mut attempt = 0;
    let (temporary, mut file) = loop {
        let path = directory.join(format!(".{name}.{process}.{attempt}"));
        // create_new is O_CREAT|O_EXCL: a link or file that is there already is refused, not followed.
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&path);
        match opened {
            Ok(file) => break (path, file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    })
}
