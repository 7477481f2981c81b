//! `lvsctl fmt`: the canonical layout, printed, checked or written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use lvsd_config::SourceMap;

use crate::cli::Fmt;
use crate::{Failure, Status};

pub(crate) fn run(wanted: &Fmt, out: &mut impl Write) -> Result<Status, Failure> {
    let mut status = Status::GOOD;
    for path in &wanted.files {
        let text = read(path).map_err(|source| Failure::File { path: path.display().to_string(), source })?;
        let made = lvsd_config::format(&text)
            .map_err(|source| Failure::Layout { path: path.display().to_string(), source })?;
        if wanted.check {
            if made != text {
                writeln!(out, "{}", path.display())?;
                status = Status::OTHERWISE;
            }
        } else if !wanted.write {
            out.write_all(made.as_bytes())?;
        } else if made != text {
            replace(path, &made)
                .map_err(|source| Failure::File { path: path.display().to_string(), source })?;
        }
    }
    Ok(status)
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > SourceMap::MAX_TEXT as u64 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

/// Puts a new file in the place of the old one, with its mode and owner: whoever reads it meanwhile sees all of the one
/// or all of the other. Through a link, the file that it names is replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &fs::canonicalize(path)?;
    let before = fs::metadata(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = write_new(&beside, text, &before).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Nobody has it yet.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, text: &str, like: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(like.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
