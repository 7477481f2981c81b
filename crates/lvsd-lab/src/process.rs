//! Programs run in a namespace, and the family of processes they become.

use crate::{
    LabError, Namespace, Result,
    error::Context as _,
    wait::{until, until_some},
};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use std::{
    collections::{HashMap, HashSet},
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{Read as _, Seek as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// Environment variable that marks a process and its descendants as ours: `<our pid>-<n>`.
pub(crate) const MARK: &str = "LVSD_LAB_FAMILY";
/// How long a program that is [run](Program::run) may take, unless it says otherwise.
const RUN_LIMIT: Duration = Duration::from_secs(60);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A file system mounted for one program only, see [`Program::mount`].
#[derive(Clone, Debug)]
enum Mount {
    Bind { from: PathBuf, onto: PathBuf },
    Tmpfs { onto: PathBuf },
}

/// What a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// An empty file.
    Nothing,
    /// What its user types; it stays in our process group, to which the terminal listens.
    Terminal,
}

/// A program about to be run: what, with which words and environment, in which namespace.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    namespace: Option<&'a Namespace>,
    mounts: Vec<Mount>,
    input: Input,
    limit: Duration,
}

/// What a program that has ended leaves.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, what is not UTF-8 replaced.
    pub stdout: String,
    /// Its standard error likewise.
    pub stderr: String,
}

impl<'a> Program<'a> {
    /// A program by its path, or by its name on `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            words: vec![program.as_ref().to_owned()],
            environment: Vec::new(),
            directory: None,
            namespace: None,
            mounts: Vec::new(),
            input: Input::Nothing,
            limit: RUN_LIMIT,
        }
    }

    /// Adds one word to the command line.
    #[must_use]
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// Adds words to the command line.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable, on top of those inherited.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Runs it in a network namespace.
    #[must_use]
    pub fn within(mut self, namespace: &'a Namespace) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Lets this program alone see the directory `from` at `onto`.
    #[must_use]
    pub fn bind(mut self, from: impl Into<PathBuf>, onto: impl Into<PathBuf>) -> Self {
        self.mounts.push(Mount::Bind { from: from.into(), onto: onto.into() });
        self
    }

    /// Lets this program alone see an empty directory at `onto`.
    #[must_use]
    pub fn tmpfs(mut self, onto: impl Into<PathBuf>) -> Self {
        self.mounts.push(Mount::Tmpfs { onto: onto.into() });
        self
    }

    /// Runs the program to its end with our own standard streams: a person at our terminal deals with it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn interact(self) -> Result<ExitStatus> {
        self.interact_with_stderr(Stdio::inherit())
    }

    /// Like [`interact`](Self::interact), with standard error going elsewhere.
    pub(crate) fn interact_with_stderr(mut self, stderr: impl Into<Stdio>) -> Result<ExitStatus> {
        self.input = Input::Terminal;
        let line = self.line();
        let mut process = self.start(Stdio::inherit(), stderr, None)?;
        process.child.wait().context(|| format!("wait for `{line}`"))
    }

    /// How long [`run`](Self::run) waits for its end; a minute if not said.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The command line for messages.
    pub fn line(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// It cannot be started, or runs past the limit: then its whole family is killed.
    pub fn run(&self) -> Result<Output> {
        let [mut stdout, mut stderr] = [scratch()?, scratch()?];
        let mut process = self.start(clone(&stdout)?, clone(&stderr)?, None)?;
        let status = process.wait(self.limit)?;
        Ok(Output { status, stdout: text_of(&mut stdout), stderr: text_of(&mut stderr) })
    }

    /// Runs the program to its end, which must be a success, and gives its standard output.
    ///
    /// # Errors
    /// Like [`run`](Self::run), and [`LabError::Command`] when its exit status is not 0.
    pub fn check(&self) -> Result<String> {
        let Output { status, stdout, stderr } = self.run()?;
        if status.success() {
            return Ok(stdout);
        }
        let output = format!("{stdout}{stderr}");
        Err(LabError::Command { command: self.line(), status: status.to_string(), output })
    }

    /// Starts the program with both output streams going to the file `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, log: &Path) -> Result<Process> {
        let file = File::create(log).context(|| format!("create {}", log.display()))?;
        self.start(clone(&file)?, file, Some(log.to_owned()))
    }

    /// Starts the program with the standard streams given.
    pub(crate) fn start(
        &self,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
        log: Option<PathBuf>,
    ) -> Result<Process> {
        use std::os::unix::process::CommandExt as _;
        let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let [program, words @ ..] = self.words.as_slice() else { unreachable!("a program has a first word") };
        let mut command = Command::new(program);
        command.args(words).env("PATH", search_path()).env(MARK, &mark);
        match self.input {
            Input::Nothing => command.process_group(0).stdin(Stdio::null()),
            Input::Terminal => command.stdin(Stdio::inherit()),
        };
        command.stdout(stdout).stderr(stderr);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let line = self.line();
        let spawn = || {
            let started = Instant::now();
            command.spawn().map(|child| (child, started)).context(|| format!("start `{line}`"))
        };
        let (child, started) = self.placed(spawn)?;
        Ok(Process { child, started, line, mark, log })
    }

    /// Runs `spawn` on a thread that has this program's namespaces and mounts; a child inherits them from it.
    fn placed<T: Send>(&self, spawn: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let spawn = || {
            if !self.mounts.is_empty() {
                make_mounts(&self.mounts)?;
            }
            spawn()
        };
        match self.namespace {
            Some(namespace) => namespace.enter(spawn)?,
            None if self.mounts.is_empty() => spawn(),
            None => thread::scope(|scope| {
                scope.spawn(spawn).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        }
    }
}

/// Gives the calling thread a mount namespace of its own, and makes these mounts in it.
fn make_mounts(mounts: &[Mount]) -> Result<()> {
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS).context(|| "unshare the mount namespace".to_owned())?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SLAVE, NONE)
        .context(|| "stop mounts from spreading".to_owned())?;
    for entry in mounts {
        let (Mount::Bind { onto, .. } | Mount::Tmpfs { onto }) = entry;
        fs::create_dir_all(onto).context(|| format!("create {}", onto.display()))?;
        match entry {
            Mount::Bind { from, onto } => {
                mount(Some(from), onto, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
                    .context(|| format!("bind {} onto {}", from.display(), onto.display()))?;
            }
            Mount::Tmpfs { onto } => {
                mount(Some("tmpfs"), onto, Some("tmpfs"), MsFlags::empty(), NONE)
                    .context(|| format!("mount a tmpfs onto {}", onto.display()))?;
            }
        }
    }
    Ok(())
}

/// A started program and all it starts in turn. Dropping it kills them all.
#[derive(Debug)]
pub struct Process {
    child: Child,
    started: Instant,
    line: String,
    mark: String,
    log: Option<PathBuf>,
}

impl Process {
    /// The process id of the program itself.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(i32::MAX)
    }

    /// The moment just before it was started, in the namespaces made for it.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What it has written so far, both streams.
    pub fn log(&self) -> String {
        let Some(path) = &self.log else { return String::new() };
        fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits until the log has `text`.
    ///
    /// # Errors
    /// [`LabError::Deadline`], with the log; also at once when the program ends without having written it.
    pub fn wait_log(&mut self, text: &str, within: Duration) -> Result<()> {
        let waited = until(within, "", || self.log().contains(text) || self.has_ended());
        if waited.is_ok() && self.log().contains(text) {
            return Ok(());
        }
        let state = if self.has_ended() { "which has ended" } else { "still running" };
        let what = format!("{text:?} in the log of `{}`, {state}; its log:\n{}", self.line, self.log());
        Err(LabError::Deadline { what, within })
    }

    /// Has the program itself ended?
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end of the program itself; its family is killed when it does not come.
    ///
    /// # Errors
    /// [`LabError::Deadline`], with the log.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        match until_some(within, "", || self.child.try_wait().transpose()) {
            Ok(ended) => ended.context(|| format!("wait for `{}`", self.line)),
            Err(_) => {
                let what = format!("the end of `{}`; its log:\n{}", self.line, self.log());
                self.kill_family();
                Err(LabError::Deadline { what, within })
            }
        }
    }

    /// Sends a signal to the program itself.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.pid()), signal).context(|| format!("signal `{}`", self.line))
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// It does not end `within` that time; then its family is killed.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait(within)
    }

    /// Kills the program and everything it started, without warning. Returns the moment just before.
    pub fn kill_family(&mut self) -> SystemTime {
        let family = self.family();
        let before = SystemTime::now();
        // Stopped first: one that is killed a moment later than another would notice, and act on it.
        for &pid in &family {
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
        }
        let _ = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
        kill_all(&family);
        kill_until_none(|| self.family());
        let _ = self.child.wait();
        before
    }

    /// The processes of the family that run now: descendants, and those that carry its mark.
    pub fn family(&self) -> HashSet<i32> {
        let mut family = marked(|mark| mark == self.mark);
        if running_parent(self.pid()).is_some() {
            family.insert(self.pid());
        }
        with_descendants(family)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_family();
    }
}

/// Where programs are looked for: `PATH`, and where Debian keeps the administrator's tools if those are not in it.
pub(crate) fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = env::split_paths(&path).collect();
    for needed in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from) {
        if !directories.contains(&needed) {
            directories.push(needed);
        }
    }
    env::join_paths(directories).unwrap_or(path)
}

/// Every process id there is.
pub(crate) fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Is there a process of that id that is not a zombie?
pub(crate) fn alive(pid: i32) -> bool {
    running_parent(pid).is_some()
}

/// The processes that this one started, and all that they started.
pub(crate) fn own_descendants() -> HashSet<i32> {
    let own = std::process::id();
    let mut family = marked(|mark| mark.split('-').next().and_then(|pid| pid.parse().ok()) == Some(own));
    let this = Pid::this().as_raw();
    family.insert(this);
    let mut family = with_descendants(family);
    family.remove(&this);
    family
}

/// These processes and all that descend from them, zombies left out.
fn with_descendants(mut family: HashSet<i32>) -> HashSet<i32> {
    let parents: HashMap<i32, i32> =
        all().into_iter().filter_map(|pid| running_parent(pid).map(|parent| (pid, parent))).collect();
    loop {
        let children = parents.iter().filter(|(_, parent)| family.contains(parent)).map(|(child, _)| *child);
        let before = family.len();
        let children: Vec<i32> = children.collect();
        family.extend(children);
        if family.len() == before {
            return family;
        }
    }
}

/// Kills what `find` finds until it finds nothing more, for a while: a process may start others meanwhile.
pub(crate) fn kill_until_none(find: impl Fn() -> HashSet<i32>) {
    let none_left = until(Duration::from_secs(5), "", || {
        let found = find();
        kill_all(&found);
        found.is_empty()
    });
    // What survives SIGKILL that long hangs in the kernel; there is no more to be done about it.
    drop(none_left);
}

/// Processes that a dead process of the laboratory left behind.
pub(crate) fn orphans() -> HashSet<i32> {
    marked(|mark| mark.split('-').next().and_then(|pid| pid.parse().ok()).is_some_and(|pid| !alive(pid)))
}

fn kill_all(pids: &HashSet<i32>) {
    for &pid in pids {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Processes whose environment has a family mark that `chosen` accepts.
fn marked(chosen: impl Fn(&str) -> bool) -> HashSet<i32> {
    let prefix = format!("{MARK}=");
    let is_marked = |pid: &i32| {
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
        environment
            .split(|&byte| byte == 0)
            .filter_map(|entry| std::str::from_utf8(entry).ok()?.strip_prefix(&prefix))
            .any(&chosen)
    };
    all().into_iter().filter(is_marked).collect()
}

/// The parent of a process that is not a zombie.
fn running_parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may itself hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

fn scratch() -> Result<File> {
    tempfile::tempfile().context(|| "make a temporary file".to_owned())
}

fn clone(file: &File) -> Result<File> {
    let descriptor = file.as_fd().try_clone_to_owned();
    descriptor.map(File::from).context(|| "duplicate a file descriptor".to_owned())
}

fn text_of(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // A file of our own that is open and small: what cannot be read shows as missing output.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_gives_status_and_both_streams_apart() {
        let output = Program::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).run().unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_checked_run_that_fails_tells_command_status_and_output() {
        let error = Program::new("sh").args(["-c", "echo why; exit 4"]).check().unwrap_err().to_string();
        for part in ["sh -c echo why; exit 4", "exit status: 4", "why"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_run_past_its_limit_is_killed_and_says_so() {
        let slow = Program::new("sleep").arg("600").limit(Duration::from_millis(50));
        assert!(slow.run().unwrap_err().to_string().contains("the end of `sleep 600`"));
    }

    #[test]
    fn the_family_includes_those_that_left_the_process_group_and_lost_their_parent() {
        let directory = tempfile::tempdir().unwrap();
        let script = "(setsid sleep 600 & ) ; sleep 600 & echo started; wait";
        let mut process =
            Program::new("bash").args(["-c", script]).spawn(&directory.path().join("log")).unwrap();
        process.wait_log("started", Duration::from_secs(10)).unwrap();
        until(Duration::from_secs(10), "a family of three", || process.family().len() == 3).unwrap();
        process.kill_family();
        assert_eq!(process.family(), HashSet::new());
    }

    #[test]
    fn waiting_for_a_log_line_ends_when_the_program_does() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Program::new("echo").arg("goodbye").spawn(&directory.path().join("log")).unwrap();
        let error = process.wait_log("hello", Duration::from_secs(60)).unwrap_err().to_string();
        assert!(error.contains("which has ended") && error.contains("goodbye"), "{error}");
    }
}
