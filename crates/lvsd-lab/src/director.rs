//! A director program under test, ours or the peer's: started on a host with a configuration of its own.

use crate::{
    Host, LabError, Process, Program, Result, Rival, daemon::built, error::Context as _, process, sweep,
};
use nix::sys::signal::Signal;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// Homes are here, not in the temporary directory: only root can write to any part of the path (which the rules for
/// secure scripts ask for), and in the guest sockets and FIFOs work here only.
const HOMES: &str = "/run/lvsd-lab";

/// A director about to be started.
#[derive(Debug)]
pub struct Launch<'a> {
    host: &'a Host,
    home: Arc<TempDir>,
    program: Program<'a>,
}

impl<'a> Launch<'a> {
    /// The daemon as built, on that host. It alone sees its `/run/lvsd`, which is `run` in its home; its
    /// temporary directory is the home.
    ///
    /// # Errors
    /// It is not built, or there is no room for its home.
    pub fn lvsd(host: &'a Host) -> Result<Self> {
        Self::lvsd_at(host, &built("lvsd")?)
    }

    /// The daemon as [`lvsd`](Self::lvsd) starts it, but from this file.
    ///
    /// # Errors
    /// There is no room for its home.
    pub fn lvsd_at(host: &'a Host, program: &Path) -> Result<Self> {
        Self::lvsd_in(Arc::new(new_home()?), host, program)
    }

    /// The daemon once more, after one that has ended, in whose home it finds all that was left there. What still runs
    /// of that one is killed.
    ///
    /// # Errors
    /// It is not built.
    pub fn lvsd_after(earlier: &mut Director, host: &'a Host) -> Result<Self> {
        earlier.kill();
        Self::lvsd_in(Arc::clone(&earlier.home), host, &built("lvsd")?)
    }

    fn lvsd_in(home: Arc<TempDir>, host: &'a Host, program: &Path) -> Result<Self> {
        let run = home.path().join("run");
        fs::create_dir_all(&run).context(|| format!("create {}", run.display()))?;
        let program = Program::new(program).bind(run, "/run/lvsd").env("TMPDIR", home.path());
        Ok(Self::new(host, home, program))
    }

    /// The peer, on that host.
    ///
    /// # Errors
    /// It is not installed, or there is no room for its home.
    pub fn keepalived(host: &'a Host, rival: Rival) -> Result<Self> {
        let home = Arc::new(new_home()?);
        let program = rival.program("keepalived", home.path())?;
        Ok(Self::new(host, home, program))
    }

    fn new(host: &'a Host, home: Arc<TempDir>, program: Program<'a>) -> Self {
        let program = program.within(host.namespace()).args(options(home.path()));
        Self { host, home, program }
    }

    /// Its directory, of its own: a configuration may name files in it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Adds command-line words, after the usual ones.
    #[must_use]
    pub fn args<S: AsRef<str>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        for word in words {
            self.program = self.program.arg(word.as_ref());
        }
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.program = self.program.env(name, value);
        self
    }

    /// Writes an executable script into its home and gives its path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn script(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.home().join(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o755)))
            .context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Starts it on this configuration. It may take its time to get ready, or find the configuration wrong and end.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(self, config: &str) -> Result<Director> {
        let Self { host, home, program } = self;
        write_config(home.path(), config)?;
        let process = program.spawn(&home.path().join("log"))?;
        Ok(Director { name: host.name().to_owned(), process, home })
    }
}

/// A director that was started. Dropping it kills the whole family.
#[derive(Debug)]
pub struct Director {
    name: String,
    // Before the home: a program must not outlive its files.
    process: Process,
    home: Arc<TempDir>,
}

impl Director {
    /// The host it runs on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its directory, with `director.conf`, the pid files `main.pid`, `vrrp.pid` and `checkers.pid`, and `log`.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The process that was started, for what is not here.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The process id in one of its pid files.
    ///
    /// # Errors
    /// There is no such file yet, or no number in it.
    pub fn pid(&self, file: &str) -> Result<i32> {
        let path = self.home().join(file);
        let text = fs::read_to_string(&path).context(|| format!("read {}", path.display()))?;
        text.trim().parse().map_err(|_| LabError::Unreadable { what: "a pid file", text })
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until it has logged `text`.
    ///
    /// # Errors
    /// It does not, or it ends first; the error has the log.
    pub fn wait_log(&mut self, text: &str, within: Duration) -> Result<()> {
        self.process.wait_log(text, within)
    }

    /// Gives it another configuration and the signal to read it (SIGHUP).
    ///
    /// # Errors
    /// It has ended.
    pub fn reload(&self, config: &str) -> Result<()> {
        write_config(self.home(), config)?;
        self.process.signal(Signal::SIGHUP)
    }

    /// Tells it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// It does not.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus> {
        self.process.stop(within)
    }

    /// Kills it and all its processes at once, as a power failure would. Returns the moment just before.
    pub fn kill(&mut self) -> SystemTime {
        self.process.kill_family()
    }
}

/// Options that both makes understand: in the foreground, logging to the console and in detail, pid files of its own.
fn options(home: &Path) -> Vec<PathBuf> {
    let mut options: Vec<PathBuf> = ["-n", "-l", "-D"].map(PathBuf::from).into();
    for (option, file) in
        [("-f", "director.conf"), ("-p", "main.pid"), ("-r", "vrrp.pid"), ("-c", "checkers.pid")]
    {
        options.extend([PathBuf::from(option), home.join(file)]);
    }
    options
}

fn write_config(home: &Path, text: &str) -> Result<()> {
    // At once: a director may be reading the one before.
    let [path, new] = ["director.conf", "director.conf.new"].map(|name| home.join(name));
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, &path))
        .context(|| format!("write {}", path.display()))
}

/// A directory called `<our pid>-...`.
fn new_home() -> Result<TempDir> {
    sweep::once();
    fs::create_dir_all(HOMES).context(|| format!("create {HOMES}"))?;
    tempfile::Builder::new()
        .prefix(&format!("{}-", std::process::id()))
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(HOMES)
        .context(|| format!("make a directory in {HOMES}"))
}

/// Removes the homes that dead processes made.
pub(crate) fn remove_stale_homes() {
    let Ok(entries) = fs::read_dir(HOMES) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        if owner.is_some_and(|pid| !process::alive(pid)) {
            // Somebody else may be removing it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
