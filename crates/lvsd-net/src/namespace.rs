//! Named network namespaces.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

/// Where `ip netns` keeps its names.
const DIRECTORY: &str = "/run/netns";

/// Moves the calling thread, and every thread it starts later, into a named network namespace.
///
/// # Errors
/// A name with a slash, one that does not exist, or a missing privilege.
pub fn enter_namespace(name: &str) -> io::Result<()> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a network namespace"));
    }
    let file = File::open(Path::new(DIRECTORY).join(name))?;
    setns(file, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_directory() {
        for bad in ["", "..", ".", "a/b", "/proc/1/ns/net"] {
            let error = enter_namespace(bad).expect_err(bad);
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{bad}");
        }
    }
}
