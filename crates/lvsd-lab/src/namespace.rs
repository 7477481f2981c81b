//! A named network namespace, and running code inside it.

use crate::{
    Result,
    error::Context as _,
    process::{self, Program},
    sweep,
};
use nix::sched::{CloneFlags, setns};
use std::{
    collections::HashSet,
    fs::{self, File},
    os::{linux::fs::MetadataExt as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Every namespace of the laboratory is called `lvsd-<pid>-<n>-<host>`.
const PREFIX: &str = "lvsd-";
const DIRECTORY: &str = "/run/netns";

static NEXT: AtomicU32 = AtomicU32::new(0);
/// `ip netns add` prepares its directory with mounts, which two of them at once do wrongly.
static ADDING: Mutex<()> = Mutex::new(());

/// A network namespace with a name, so that a person can look into it with `ip netns exec`. Dropping it kills the
/// processes that live in it and removes it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace for a host of that name, with `lo` up, no duplicate address detection and no router
    /// discovery. The first one a process makes also removes those that dead processes left.
    ///
    /// # Errors
    /// Not root, or a kernel without network namespaces.
    pub fn new(host: &str) -> Result<Self> {
        sweep::once();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}-{host}", std::process::id());
        {
            let _alone = ADDING.lock().unwrap_or_else(PoisonError::into_inner);
            Program::new("ip").args(["netns", "add", &name]).check()?;
        }
        let namespace = Self { name };
        namespace.ip("link set lo up")?;
        for (key, value) in [
            ("net.ipv4.conf.all.rp_filter", "0"),
            ("net.ipv4.conf.default.rp_filter", "0"),
            ("net.ipv6.conf.all.accept_dad", "0"),
            ("net.ipv6.conf.default.accept_dad", "0"),
            ("net.ipv6.conf.all.accept_ra", "0"),
            ("net.ipv6.conf.default.accept_ra", "0"),
        ] {
            namespace.sysctl(key, value)?;
        }
        Ok(namespace)
    }

    /// The name known to `ip netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `inside` on a thread that is in this namespace; sockets it makes stay there wherever they are used.
    ///
    /// # Errors
    /// The namespace cannot be entered.
    pub fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T> {
        let path = self.path();
        thread::scope(|scope| {
            let entered = scope.spawn(|| {
                let file = File::open(&path).context(|| format!("open {}", path.display()))?;
                setns(&file, CloneFlags::CLONE_NEWNET).context(|| format!("enter {}", path.display()))?;
                Ok(inside())
            });
            entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Starts a thread that is in this namespace for as long as it lives.
    ///
    /// # Errors
    /// The namespace cannot be entered, or there is no room for a thread.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        inside: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>> {
        self.enter(|| thread::Builder::new().name(name.to_owned()).spawn(inside))?
            .context(|| format!("start the thread {name}"))
    }

    /// Runs `ip` in this namespace with these space-separated words.
    ///
    /// # Errors
    /// `ip` fails; the error has its words.
    pub fn ip(&self, words: &str) -> Result<String> {
        Program::new("ip").args(["-n", &self.name]).args(words.split_whitespace()).check()
    }

    /// Sets a kernel parameter in this namespace, by its dotted name.
    ///
    /// # Errors
    /// No such parameter, or a value the kernel does not take.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys").join(key.replace('.', "/"));
        self.enter(|| fs::write(&path, value))?.context(|| format!("write {value} to {}", path.display()))
    }

    fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Kills what lives in the namespace and removes it. Nobody is left to tell of a failure.
fn remove(name: &str) {
    process::kill_until_none(|| residents(name));
    let _ = Program::new("ip").args(["netns", "del", name]).run();
}

/// The processes in a namespace.
fn residents(name: &str) -> HashSet<i32> {
    let Ok(here) = fs::metadata(Path::new(DIRECTORY).join(name)) else { return HashSet::new() };
    let lives_here = |pid: &i32| {
        fs::metadata(format!("/proc/{pid}/ns/net"))
            .is_ok_and(|there| there.st_ino() == here.st_ino() && there.dev() == here.dev())
    };
    process::all().into_iter().filter(lives_here).collect()
}

/// Removes the namespaces that dead processes made.
pub(crate) fn remove_stale() {
    remove_those(|pid| !process::alive(pid));
}

/// Removes the namespaces that this process made.
pub(crate) fn remove_own() {
    remove_those(|pid| u32::try_from(pid) == Ok(std::process::id()));
}

fn remove_those(is_chosen: impl Fn(i32) -> bool) {
    let Ok(entries) = fs::read_dir(DIRECTORY) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some(name) = name.to_str()
            && owner(name).is_some_and(&is_chosen)
        {
            remove(name);
        }
    }
}

/// The process that made a namespace of this name, if it has the form of ours.
fn owner(name: &str) -> Option<i32> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '-');
    let pid = parts.next()?.parse().ok()?;
    parts.next()?.parse::<u32>().ok()?;
    parts.next().map(|_host| pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_form_have_an_owner() {
        assert_eq!(owner("lvsd-123-0-client"), Some(123));
        assert_eq!(owner("lvsd-123-4-real-1"), Some(123));
        for foreign in ["lvsd-123", "lvsd-x-0-a", "lvsd-1-b-a", "other-1-0-a", "lvsd-"] {
            assert_eq!(owner(foreign), None, "{foreign}");
        }
    }
}
