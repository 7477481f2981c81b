//! Installs what the laboratory needs: Debian packages on this machine, and in a cache directory what must not be
//! installed on it: the guest kernel, both versions of the peer with a root file system each, `promtool`, BIRD.
//!
//! Every part is made beside its place and moved there when complete, so an interrupted set-up is simply done again;
//! a part that is there is not touched. A failing mirror is tried several times.

mod apt;

use crate::{
    LabError, Program, Result, Rival, bird, error::Context as _, guest, keepalived::program_in,
    process::search_path,
};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// A bootstrap of a Debian release takes a minute, on a slow line several.
const BOOTSTRAP_LIMIT: Duration = Duration::from_secs(1200);
/// Pauses before another attempt at a download.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];

/// Commands that must be on `PATH`, and the packages that have them.
const COMMANDS: [(&str, &str); 10] = [
    ("curl", "curl"),
    ("debootstrap", "debootstrap"),
    ("depmod", "kmod"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("ipvsadm", "ipvsadm"),
    ("mandoc", "mandoc"),
    ("nft", "nftables"),
    ("ping", "iputils-ping"),
    ("tcpdump", "tcpdump"),
];

/// Something that [`ensure`] installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Tools from Debian packages. The other parts need them.
    Tools,
    /// A guest kernel with IPVS; nothing to do where this kernel has it.
    Guest,
    /// A version of the peer.
    Rival(Rival),
    /// Prometheus' checker of metrics.
    Promtool,
    /// Another BFD speaker.
    Bird,
}

impl Part {
    /// Everything there is.
    pub const ALL: [Self; 6] = [
        Self::Tools,
        Self::Guest,
        Self::Rival(Rival::V2_2_7),
        Self::Rival(Rival::V2_3_3),
        Self::Promtool,
        Self::Bird,
    ];

    fn is_ready(self) -> bool {
        match self {
            Self::Tools => absent_packages().is_empty(),
            Self::Guest => guest::has_ipvs() || guest_kernel().is_ok(),
            Self::Rival(rival) => rival.root().is_ok(),
            Self::Promtool => promtool().is_ok(),
            Self::Bird => bird::installed().is_ok(),
        }
    }

    fn install(self, say: Progress<'_>) -> Result<()> {
        match self {
            Self::Tools => install_tools(say),
            Self::Guest => place("uml", say, |root| unpack_guest(root, say)),
            Self::Rival(rival) => {
                place(&format!("keepalived-{}", rival.version()), say, |root| bootstrap(rival, root))
            }
            Self::Promtool => place("prometheus", say, |root| apt::unpack("prometheus", root, say)),
            Self::Bird => place("bird", say, |root| {
                bird::PACKAGES.iter().try_for_each(|package| apt::unpack(package, root, say))?;
                bird::check(root)
            }),
        }
    }
}

/// Is told what is being installed.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Installs those of `parts` that are not there yet.
///
/// # Errors
/// Not root, or a download that fails again and again.
pub fn ensure(parts: &[Part], say: Progress<'_>) -> Result<()> {
    let needed = || parts.iter().copied().filter(|part| !part.is_ready()).collect::<Vec<_>>();
    if needed().is_empty() {
        return Ok(());
    }
    if !geteuid().is_root() {
        let path = cache().join("lock");
        return Err(LabError::Missing { path, advice: "run `cargo xtask setup` as root" });
    }
    let _alone = lock()?;
    // The tools first; then what is left at the same time, for each waits mostly for the network.
    if needed().contains(&Part::Tools) {
        Part::Tools.install(say)?;
    }
    thread::scope(|scope| {
        let installs: Vec<_> =
            needed().into_iter().map(|part| scope.spawn(move || part.install(say))).collect();
        let results = installs
            .into_iter()
            .map(|install| install.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results.collect::<Vec<_>>().into_iter().collect()
    })
}

/// The program `promtool`.
///
/// # Errors
/// It is not installed.
pub fn promtool() -> Result<PathBuf> {
    installed("prometheus").map(|root| root.join("usr/bin/promtool"))
}

/// The unpacked guest kernel: `linux.uml` and its modules are in there.
pub(crate) fn guest_kernel() -> Result<PathBuf> {
    installed("uml")
}

/// The place of an installed part of the cache.
pub(crate) fn installed(name: &str) -> Result<PathBuf> {
    let path = cache().join(name);
    if path.is_dir() {
        return Ok(path);
    }
    Err(LabError::Missing { path, advice: "run `cargo xtask setup`" })
}

fn cache() -> PathBuf {
    env::var_os("LVSD_LAB_CACHE").map_or_else(|| PathBuf::from("/var/cache/lvsd-lab"), PathBuf::from)
}

/// Keeps two set-ups from running at once.
fn lock() -> Result<Flock<File>> {
    let path = cache().join("lock");
    fs::create_dir_all(cache()).context(|| format!("create {}", cache().display()))?;
    let file = File::create(&path).context(|| format!("create {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .context(|| format!("lock {}", path.display()))
}

/// Makes a part of the cache with `make`, which gets an empty directory, and puts it in its place.
fn place(name: &str, say: Progress<'_>, make: impl Fn(&Path) -> Result<()>) -> Result<()> {
    say(&format!("installing {name} in {}", cache().display()));
    place_in(&cache(), name, say, make)?;
    say(&format!("installed {name}"));
    Ok(())
}

fn place_in(cache: &Path, name: &str, say: Progress<'_>, make: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let made = cache.join(format!("{name}.partial"));
    persevere(say, |_| {
        clear(&made)?;
        fs::create_dir_all(&made).context(|| format!("create {}", made.display()))?;
        make(&made)
    })?;
    fs::rename(&made, cache.join(name)).context(|| format!("rename {}", made.display()))
}

/// Tries several times, with growing pauses, and tells of each failure but the last, which is returned.
fn persevere<T>(say: Progress<'_>, attempt: impl Fn(Attempt) -> Result<T>) -> Result<T> {
    let mut which = Attempt::First;
    for pause in PAUSES {
        match attempt(which) {
            Err(error) => say(&format!("{error}\ntrying again in {pause:?}")),
            done => return done,
        }
        thread::sleep(pause);
        which = Attempt::Further;
    }
    attempt(which)
}

/// Which of several attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    First,
    Further,
}

/// Removes a directory tree, having unmounted what an interrupted bootstrap left mounted in it.
fn clear(tree: &Path) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context(|| "read the mounts".to_owned())?;
    let inside = |line: &str| line.split(' ').nth(1).map(PathBuf::from).filter(|path| path.starts_with(tree));
    let mut points: Vec<PathBuf> = mounts.lines().filter_map(inside).collect();
    points.reverse();
    for point in points {
        Program::new("umount").arg("-l").arg(point).check()?;
    }
    Program::new("rm").args(["-rf", "--one-file-system"]).arg(tree).limit(BOOTSTRAP_LIMIT).check().map(drop)
}

fn absent_packages() -> Vec<&'static str> {
    let path = search_path();
    let present = |command: &str| env::split_paths(&path).any(|directory| directory.join(command).is_file());
    COMMANDS.iter().filter(|(command, _)| !present(command)).map(|(_, package)| *package).collect()
}

fn install_tools(say: Progress<'_>) -> Result<()> {
    let packages = absent_packages();
    say(&format!("installing Debian packages: {}", packages.join(" ")));
    apt::install(&packages, say)?;
    match absent_packages().first() {
        None => Ok(()),
        Some(package) => Err(LabError::Missing {
            path: package.into(),
            advice: "its package is installed, yet not its command",
        }),
    }
}

/// The guest kernel, with an index over its modules.
fn unpack_guest(root: &Path, say: Progress<'_>) -> Result<()> {
    apt::unpack("user-mode-linux", root, say)?;
    let lib = root.join("lib");
    fs::create_dir_all(&lib).context(|| format!("create {}", lib.display()))?;
    let [unpacked, modules] = [root.join("usr/lib/uml/modules"), lib.join("modules")];
    fs::rename(&unpacked, &modules).context(|| format!("rename {}", unpacked.display()))?;
    let versions = fs::read_dir(&modules).context(|| format!("list {}", modules.display()))?;
    for version in versions.flatten() {
        Program::new("depmod").arg("-b").arg(root).arg(version.file_name()).check()?;
    }
    Ok(())
}

/// The root file system of the Debian release that has this version of the peer. Nothing in it is started: it has no
/// init, and package scripts do not start daemons during a bootstrap.
fn bootstrap(rival: Rival, root: &Path) -> Result<()> {
    let mut program = Program::new("debootstrap")
        .args(["--variant=minbase", "--include=keepalived,ipvsadm,iproute2", rival.release()])
        .arg(root)
        .limit(BOOTSTRAP_LIMIT);
    if let Some(mirror) = apt::mirror() {
        program = program.arg(mirror);
    }
    program.check()?;
    let home = tempfile::tempdir().context(|| "make a temporary directory".to_owned())?;
    let version = program_in(root, "keepalived", home.path()).arg("--version").run()?;
    if version.stderr.contains(rival.version()) {
        return Ok(());
    }
    Err(LabError::Unreadable { what: "the version of the peer", text: version.stderr })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_an_interrupted_set_up_left_is_not_taken_for_the_whole() {
        let cache = tempfile::tempdir().unwrap();
        let left = cache.path().join("part.partial");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half"), "").unwrap();
        let attempts = Cell::new(0);
        let say = |_: &str| {};
        place_in(cache.path(), "part", &say, |root| {
            attempts.set(attempts.get() + 1);
            assert_eq!(fs::read_dir(root).unwrap().count(), 0, "each attempt starts from nothing");
            fs::write(root.join("whole"), "").unwrap();
            // A mirror that fails once.
            let failure = LabError::Missing { path: root.to_owned(), advice: "try again" };
            if attempts.get() == 1 { Err(failure) } else { Ok(()) }
        })
        .unwrap();
        assert_eq!(attempts.get(), 2);
        assert!(cache.path().join("part/whole").exists() && !cache.path().join("part/half").exists());
        assert!(!left.exists());
    }
}
