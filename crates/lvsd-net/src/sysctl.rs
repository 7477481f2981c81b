//! Kernel settings under `/proc/sys/net`, of the caller's network namespace.

use std::io;
use std::path::PathBuf;

/// Reads a setting such as `ipv4/conf/eth0/arp_ignore`; `None` when the kernel does not have it.
///
/// # Errors
/// The file system's.
pub fn read_sysctl(name: &str) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path(name)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a setting.
///
/// # Errors
/// The kernel does not have it, does not like the value, or `/proc/sys` is read-only.
pub fn write_sysctl(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(path(name), value)
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys/net").join(name)
}
