//! BIRD, another BFD speaker: Debian's package, unpacked and not installed.

use crate::{Host, Process, Program, Result, error::Context as _, setup, until};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;

/// It is up in a fraction of a second; the machine may be busy.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// Debian's packages: the program, and the library that minimal systems lack.
pub(crate) const PACKAGES: [&str; 2] = ["bird2", "libssh-gcrypt-4"];

/// A BIRD that runs until it is dropped.
#[derive(Debug)]
pub struct Bird {
    process: Option<Process>,
    home: TempDir,
}

/// What BIRD says of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdSession {
    /// `Up`, `Down`, `Init`, `AdminDown`.
    pub state: String,
    /// The interval at which it sends, and the detection time, in seconds as it writes them.
    pub interval: String,
    /// The detection time likewise.
    pub timeout: String,
}

impl Bird {
    /// Starts it on a host with this configuration.
    ///
    /// # Errors
    /// It is not installed, or does not get ready.
    pub fn start(host: &Host, config: &str) -> Result<Self> {
        let home = tempfile::tempdir().context(|| "make a temporary directory".to_owned())?;
        let file = home.path().join("bird.conf");
        fs::write(&file, format!("log stderr all;\n{config}"))
            .context(|| format!("write {}", file.display()))?;
        let mut bird = Self { process: None, home };
        bird.again(host)?;
        Ok(bird)
    }

    /// Starts it once more, after it was killed.
    ///
    /// # Errors
    /// It does not get ready.
    pub fn again(&mut self, host: &Host) -> Result<()> {
        let home = self.home.path();
        let program = program("bird")?.within(host.namespace()).arg("-f");
        let program = program.arg("-c").arg(home.join("bird.conf")).arg("-s").arg(home.join("control"));
        let log = home.join("log");
        self.process = Some(program.spawn(&log)?);
        until(READY_LIMIT, "BIRD to answer", || self.ask("show status").is_ok())
    }

    /// Ends it by SIGKILL: it says nothing to its neighbours.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The session with a neighbour, as far as BIRD has one.
    #[must_use]
    pub fn session(&self, neighbor: &str) -> Option<BirdSession> {
        let table = self.ask("show bfd sessions").ok()?;
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(neighbor))?;
        // Address, interface, state, since (a time), interval, timeout.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [.., interval, timeout] = words[..] else { return None };
        let state = (*words.get(2)?).to_owned();
        Some(BirdSession { state, interval: interval.to_owned(), timeout: timeout.to_owned() })
    }

    /// Asks it by `birdc`.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(&self, command: &str) -> Result<String> {
        let control = self.home.path().join("control");
        program("birdcl")?.arg("-s").arg(control).args(command.split(' ')).check()
    }
}

/// One of its programs.
fn program(name: &str) -> Result<Program<'static>> {
    let root = setup::installed("bird")?;
    let libraries = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    Ok(Program::new(root.join("usr/sbin").join(name)).env("LD_LIBRARY_PATH", libraries))
}

/// Whether it is installed, and runs here.
pub(crate) fn installed() -> Result<()> {
    program("bird").map(drop)
}

/// Makes sure that what was unpacked at `root` is the program.
pub(crate) fn check(root: &Path) -> Result<()> {
    let libraries = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let program = Program::new(root.join("usr/sbin/bird")).env("LD_LIBRARY_PATH", libraries);
    program.arg("--version").check().map(drop)
}
