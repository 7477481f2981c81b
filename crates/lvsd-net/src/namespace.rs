//! Named network namespaces.

use std::fs::File;
use std::io;
use std::path::Path;

use lvsd_model::IpvsNamespace;
use nix::sched::{CloneFlags, setns};

/// Where `ip netns` keeps its names.
const DIRECTORY: &str = "/run/netns";
/// That of the first process.
const OF_THE_HOST: &str = "/proc/1/ns/net";

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

/// Does something in another network namespace, in a thread of its own, and waits for it. What is opened there stays there.
///
/// # Errors
/// As [`enter_namespace`].
pub fn in_namespace<T: Send>(namespace: &IpvsNamespace, deed: impl FnOnce() -> T + Send) -> io::Result<T> {
    let inside = || {
        match namespace {
            IpvsNamespace::Named(name) => enter_namespace(name)?,
            IpvsNamespace::Host => setns(File::open(OF_THE_HOST)?, CloneFlags::CLONE_NEWNET)?,
        }
        Ok(deed())
    };
    let done = std::thread::scope(|scope| scope.spawn(inside).join());
    done.unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace has panicked")))
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
