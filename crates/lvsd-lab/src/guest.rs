//! A kernel with IPVS: this machine's own if it has it, else a User-Mode Linux guest, which is an ordinary process that
//! boots in seconds on this machine's own file tree, so that programs built here run there under the same paths.

use crate::{
    LabError, Namespace, Process, Program, Result,
    error::Context as _,
    process::{MARK, search_path},
    setup,
};
use std::{
    env,
    fmt::Write as _,
    fs::{self, File, Permissions},
    io::{BufRead as _, BufReader, PipeReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Modules loaded in the guest: every scheduler of IPVS, and what a director pair may use around it.
const MODULES: &str = "ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_mh ip_vs_dh ip_vs_sed ip_vs_nq \
    ip_vs_fo ip_vs_ovf ip_vs_lblc ip_vs_lblcr ip_vs_twos veth bridge macvlan ipvlan dummy vrf 8021q ipip ip_gre fou sit \
    ip6_tunnel ipv6 nf_tables nft_compat nf_conntrack nft_chain_nat nft_masq ip_set ip_set_hash_ip xt_set sch_netem tun \
    ip_vs_pe_sip";
/// Environment variables that a program in the guest inherits: these, and those that start with a prefix below.
const INHERITED: [&str; 4] = ["CI", "NO_COLOR", "TERM", "UPDATE_EXPECT"];
const INHERITED_PREFIXES: [&str; 5] = ["CARGO_", "INSTA_", "LVSD_", "PROPTEST_", "RUST_"];
/// How long output may come after the end: what is in the pipe, not more.
const AFTERGLOW: Duration = Duration::from_secs(2);
/// Beyond the command's own limit: booting, loading modules, powering off, on a busy machine.
const BOOT_ALLOWANCE: Duration = Duration::from_secs(60);
/// Where the guest writes the exit status of its command, in its directory.
const STATUS: &str = "status";
const CONSOLE: &str = "console";
/// Every guest's directory is called `lvsd-guest-<pid>-...`, with the process that made it.
const HOME_PREFIX: &str = "lvsd-guest-";

/// A way to run a script as root in a kernel with IPVS.
#[derive(Clone, Debug)]
pub struct Guest {
    memory_mib: u32,
    limit: Duration,
    environment: Vec<(String, String)>,
}

impl Default for Guest {
    fn default() -> Self {
        Self::new()
    }
}

impl Guest {
    /// A guest with memory for a dozen directors, and a minute of time.
    pub fn new() -> Self {
        Self { memory_mib: 768, limit: Duration::from_secs(60), environment: Vec::new() }
    }

    /// Sets its memory, which is taken from this machine only as it is used.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Sets the time the script may take, booting not included.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets an environment variable for the script.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs a bash script in the current directory, in an empty network with `lo` up, and returns its exit status. Every
    /// line it writes, to either stream, goes to `line` as it comes.
    ///
    /// # Errors
    /// The guest is not installed or does not boot; the script takes longer than its limit ([`LabError::Deadline`]); the
    /// guest kernel dies ([`LabError::Guest`]).
    pub fn run(&self, script: &str, line: &mut dyn FnMut(&str)) -> Result<i32> {
        if has_ipvs() { self.run_here(script, line) } else { self.run_in_guest(script, line) }
    }

    /// Runs a bash script like [`run`](Self::run), but with our terminal for its own and without a limit: a person deals
    /// with it.
    ///
    /// # Errors
    /// The guest is not installed, does not boot, or dies.
    pub fn interact(&self, script: &str) -> Result<i32> {
        if has_ipvs() {
            let namespace = Namespace::new("ipvs")?;
            let status = self.here(script, &namespace).interact()?;
            return Ok(status.code().unwrap_or(128));
        }
        let files = Files::new(self, script, Line::Terminal)?;
        let console = files.console()?;
        // The serial line is our terminal; the kernel's own console takes our standard error's place.
        files.kernel(self.memory_mib, "con0=null,fd:2 ssl0=fd:0,fd:1").interact_with_stderr(console)?;
        files.status()
    }

    fn here<'a>(&self, script: &str, namespace: &'a Namespace) -> Program<'a> {
        let program = Program::new("bash").args(["-c", script]).within(namespace);
        self.environment.iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    fn run_here(&self, script: &str, line: &mut dyn FnMut(&str)) -> Result<i32> {
        let namespace = Namespace::new("ipvs")?;
        let (reader, writer) = pipe()?;
        let both = writer.try_clone().context(|| "duplicate a pipe".to_owned())?;
        let mut process = self.here(script, &namespace).start(writer, both, None)?;
        follow(&mut process, reader, self.limit, line)?;
        let status = process.wait(AFTERGLOW)?;
        Ok(status.code().unwrap_or(128))
    }

    fn run_in_guest(&self, script: &str, line: &mut dyn FnMut(&str)) -> Result<i32> {
        let files = Files::new(self, script, Line::Output)?;
        let (reader, writer) = pipe()?;
        // The kernel's own console is standard output; standard error is the serial line.
        let kernel = files.kernel(self.memory_mib, "con0=null,fd:1 ssl0=null,fd:2");
        let mut process = kernel.start(files.console()?, writer, None)?;
        let followed = follow(&mut process, reader, self.limit + BOOT_ALLOWANCE, line);
        process.kill_family();
        followed?;
        files.status()
    }

    /// Shell commands that set the directory and the environment.
    fn exports(&self) -> String {
        let is_inherited = |name: &str| {
            // The mark is of a process out here, which in there would pass for a dead one.
            name != MARK
                && (INHERITED.contains(&name)
                    || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        };
        let inherited = env::vars().filter(|(name, _)| is_inherited(name));
        let mut text = String::new();
        let path = ("PATH".to_owned(), search_path().to_string_lossy().into_owned());
        for (name, value) in inherited.chain([path]).chain(self.environment.iter().cloned()) {
            let _ = writeln!(text, "export {name}={}", quote(&value));
        }
        let directory = env::current_dir().unwrap_or_else(|_| "/".into());
        let _ = writeln!(text, "cd {}", quote(&directory.display().to_string()));
        text
    }
}

/// What the script's standard streams are, all on one serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Output only, as it is.
    Output,
    /// A terminal of a person's.
    Terminal,
}

/// What a guest shares with us: a directory on this machine's file system.
#[derive(Debug)]
struct Files {
    home: TempDir,
    kernel: PathBuf,
}

impl Files {
    /// The directory with `init`, which prepares the guest and runs `script` in `environment`.
    fn new(guest: &Guest, script: &str, line: Line) -> Result<Self> {
        let kernel = setup::guest_kernel()?;
        let prefix = format!("{HOME_PREFIX}{}-", std::process::id());
        let home = tempfile::Builder::new().prefix(&prefix).tempdir();
        let home = home.context(|| "make a temporary directory".to_owned())?;
        let path = |name: &str| home.path().join(name);
        let run = match line {
            Line::Output => format!("timeout -k 5 {} setsid -w", guest.limit.as_secs().max(1)),
            Line::Terminal => "setsid -c -w".to_owned(),
        };
        let texts = [
            ("init", init(home.path(), &kernel, line, &run)),
            ("environment", guest.exports()),
            ("script", script.to_owned()),
        ];
        for (name, text) in texts {
            fs::write(path(name), text).context(|| format!("write the guest's {name}"))?;
        }
        fs::set_permissions(path("init"), Permissions::from_mode(0o755))
            .and_then(|()| fs::create_dir(path("uml")))
            .context(|| "prepare the guest's directory".to_owned())?;
        Ok(Self { home, kernel })
    }

    /// The guest's kernel as a program, with its lines connected like this.
    fn kernel(&self, memory_mib: u32, lines: &str) -> Program<'static> {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        let program = Program::new(self.kernel.join("usr/bin/linux.uml"));
        let words =
            "rootfstype=hostfs rootflags=/ rw quiet panic=-1 con=null".split(' ').chain(lines.split(' '));
        let own = [
            format!("mem={memory_mib}M"),
            format!("init={}", path("init")),
            format!("uml_dir={}", path("uml")),
        ];
        program.args(words).args(own)
    }

    fn console(&self) -> Result<File> {
        File::create(self.home.path().join(CONSOLE)).context(|| "create the console file".to_owned())
    }

    /// The exit status of the script, once the guest is down.
    fn status(&self) -> Result<i32> {
        let status = fs::read_to_string(self.home.path().join(STATUS)).ok();
        let status = status.and_then(|text| text.trim().parse().ok());
        status.ok_or_else(|| LabError::Guest { console: tail_of(&self.home.path().join(CONSOLE)) })
    }
}

/// Removes the directories of guests whose makers are chosen.
pub(crate) fn remove_homes(is_chosen: impl Fn(i32) -> bool) {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| {
            let (pid, _) = name.strip_prefix(HOME_PREFIX)?.split_once('-')?;
            pid.parse().ok()
        });
        if maker.is_some_and(&is_chosen) {
            // Somebody else may be removing it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Has the running kernel IPVS (perhaps because it is the guest)? Loads the module if there is one.
pub fn has_ipvs() -> bool {
    let there = || Path::new("/proc/net/ip_vs").exists();
    // A machine without kmod has no modules to load either.
    there() || (Program::new("modprobe").args(["-q", "ip_vs"]).run().is_ok() && there())
}

/// A word as the shell must see it to take it as it is.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The first program of the guest. Sockets, FIFOs and inotify do not work on the host's file system, so `TMPDIR` is on a
/// tmpfs; `/tmp` stays the host's.
fn init(home: &Path, kernel: &Path, line: Line, run: &str) -> String {
    let [home, kernel] = [home, kernel].map(|path| quote(&path.display().to_string()));
    let (settings, input) = match line {
        Line::Output => ("raw -echo", "/dev/null"),
        Line::Terminal => ("sane", "/dev/ttyS0"),
    };
    format!(
        "#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/run/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /run/netns /run/tmp /dev/shm /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t devpts devpts /dev/pts
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
stty {settings} -F /dev/ttyS0
modprobe -a -q -d {kernel} {MODULES}
ip link set lo up
. {home}/environment
{run} bash {home}/script <{input} >/dev/ttyS0 2>&1
echo $? >{home}/{STATUS}; sync
echo o >/proc/sysrq-trigger; sleep 60
"
    )
}

fn pipe() -> Result<(PipeReader, std::io::PipeWriter)> {
    std::io::pipe().context(|| "make a pipe".to_owned())
}

/// Hands over lines until the process has ended.
fn follow(
    process: &mut Process,
    reader: PipeReader,
    limit: Duration,
    line: &mut dyn FnMut(&str),
) -> Result<()> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for bytes in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned()).is_err() {
                break;
            }
        }
    });
    let mut deadline = Instant::now() + limit;
    let mut has_ended = false;
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Disconnected) if has_ended => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(50)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if !has_ended && process.has_ended() {
            has_ended = true;
            deadline = Instant::now() + AFTERGLOW;
        }
        if Instant::now() >= deadline {
            return if has_ended { Ok(()) } else { Err(past_limit(process, limit)) };
        }
    }
}

fn past_limit(process: &mut Process, within: Duration) -> LabError {
    process.kill_family();
    LabError::Deadline { what: "the end of a command in the guest".to_owned(), within }
}

fn tail_of(console: &Path) -> String {
    let bytes = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(12)).fold(String::new(), |text, line| text + "\n" + line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_reaches_the_shell_unchanged() {
        for word in ["plain", "two words", "it's", "$HOME `x` \"y\" \\", ""] {
            let script = format!("printf %s {}", quote(word));
            assert_eq!(Program::new("sh").args(["-c", &script]).check().unwrap(), word);
        }
    }

    #[test]
    fn the_environment_given_wins_and_the_family_mark_stays_out() {
        let exports = Guest::new().env("LVSD_X", "a b").exports();
        assert!(exports.contains("export LVSD_X='a b'\n"), "{exports}");
        assert!(!exports.contains(MARK), "{exports}");
    }
}
