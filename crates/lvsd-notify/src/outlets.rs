//! Everything that a plan asks to be told, together.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lvsd_ipc::{FifoSnapshot, NoticeSnapshot};
use lvsd_model::{Fifo as FifoConfig, NoticePlan, ScriptPolicy};
use lvsd_script::Runner;
use nix::unistd::{Uid, User, gethostname};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::fifo::Fifo;
use crate::letter::{Letter, Sender};
use crate::line::{Line, Subject, Word};
use crate::mailer::{Account, Mailer};
use crate::reader::Reader;

/// How often it is looked whether a FIFO has been read, at the end.
const LOOK: Duration = Duration::from_millis(5);
/// What a script that has just taken the last line is left to do its work.
const LINGER: Duration = Duration::from_millis(100);

/// A FIFO of the plan, whether it could be opened or not.
#[derive(Debug)]
struct Outlet {
    config: FifoConfig,
    fifo: Option<Fifo>,
    reader: Option<(Reader, ScriptPolicy)>,
    written: u64,
    lost: u64,
    /// Lines lost since one was written.
    missing: u64,
}

impl Outlet {
    fn new(config: FifoConfig) -> Self {
        Self { config, fifo: None, reader: None, written: 0, lost: 0, missing: 0 }
    }

    fn write(&mut self, line: &[u8]) {
        let path = &self.config.path;
        let result = match &self.fifo {
            Some(fifo) => fifo.write(line),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        match result {
            Ok(()) => {
                self.written += 1;
                if self.missing > 0 {
                    info!(fifo = %path.display(), lost = self.missing, "the FIFO is read again; lines were lost");
                }
                self.missing = 0;
            }
            Err(error) => {
                self.lost += 1;
                self.missing += 1;
                if self.missing == 1 && self.fifo.is_some() {
                    warn!(fifo = %path.display(), %error, "a line for a FIFO is lost because it is not read; more are only counted");
                }
            }
        }
    }
}

/// The FIFOs and the mail of a process. Needs a tokio runtime; writing never waits.
#[derive(Debug, Default)]
pub struct Outlets {
    outlets: Vec<Outlet>,
    account: Option<Arc<Account>>,
    mailer: Option<Mailer>,
    /// Where the paths of the FIFOs that we made are noted, for the case that we are killed.
    notes: Option<PathBuf>,
}

impl Outlets {
    /// Nothing to be told yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves to a plan; gives what of it does not work. FIFOs that stay in the plan stay open, so that their readers notice
    /// nothing, unless somebody has removed or replaced them. `notes` is a file of our own on a tmpfs: FIFOs that a killed
    /// predecessor made are found in it.
    pub fn apply(&mut self, plan: &NoticePlan, scripts: &ScriptPolicy, notes: PathBuf) -> Vec<String> {
        let mut problems = Vec::new();
        let known = read_notes(&notes);
        self.notes = Some(notes);
        let mut before = std::mem::take(&mut self.outlets);
        for config in &plan.fifos {
            let same = |outlet: &Outlet| outlet.config.path == config.path;
            let kept = before.iter().position(same).map(|index| before.swap_remove(index));
            let mut outlet = kept.unwrap_or_else(|| Outlet::new(config.clone()));
            problems.extend(open(&mut outlet, config, &known));
            problems.extend(attend(&mut outlet, config, scripts));
            outlet.config = config.clone();
            self.outlets.push(outlet);
        }
        before.into_iter().for_each(Outlet::end);
        self.write_notes();
        self.account = plan.mail.as_ref().map(|policy| {
            let host = gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let user = User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name);
            let sender = Sender::new(policy, &host, user.as_deref().unwrap_or("root"));
            Arc::new(Account { policy: policy.clone(), sender })
        });
        if self.account.is_some() && self.mailer.is_none() {
            self.mailer = Some(Mailer::start());
        }
        problems
    }

    /// Writes a line to every FIFO.
    pub fn line(&mut self, line: Line<'_>) {
        if self.outlets.is_empty() {
            return;
        }
        let bytes = line.bytes();
        self.outlets.iter_mut().for_each(|outlet| outlet.write(&bytes));
    }

    /// Tells the FIFOs about an instance or group, then sends mail if `mail` says so and there is something to say.
    pub fn state(&mut self, subject: Subject<'_>, word: Word, priority: u8, mail: bool) {
        self.line(Line::State { subject, word, priority });
        let silent =
            word == Word::Fault && self.account.as_ref().is_some_and(|account| !account.policy.faults);
        if mail && !silent {
            Letter::state(subject, word).into_iter().for_each(|letter| self.letter(letter));
        }
    }

    /// Sends a mail, if mail is configured.
    pub fn letter(&self, letter: Letter) {
        if let (Some(mailer), Some(account)) = (&self.mailer, &self.account) {
            mailer.post(Arc::clone(account), letter);
        }
    }

    /// Whether anything is told here at all.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.outlets.is_empty() && self.account.is_none()
    }

    /// The end: gives the scripts that read FIFOs and the mail server until `deadline`, then ends the scripts and removes
    /// the FIFOs that we made.
    pub async fn close(&mut self, deadline: Instant) {
        let scripts = self.outlets.iter().any(|outlet| outlet.reader.is_some());
        let read = async {
            while self.outlets.iter().any(Outlet::is_being_read) {
                sleep(LOOK).await;
            }
            if let Some(mailer) = &self.mailer {
                mailer.drained().await;
            }
            if scripts {
                sleep(LINGER).await;
            }
        };
        if timeout_at(deadline, read).await.is_err() {
            let waiting = self.mailer.as_ref().map_or(0, |mailer| mailer.snapshot().waiting);
            warn!(mails = waiting, "not everything was told at the end");
        }
        self.mailer = None;
        std::mem::take(&mut self.outlets).into_iter().for_each(Outlet::end);
        self.write_notes();
    }

    /// What was told so far.
    #[must_use]
    pub fn snapshot(&self) -> NoticeSnapshot {
        let fifo = |outlet: &Outlet| FifoSnapshot {
            path: outlet.config.path.display().to_string(),
            written: outlet.written,
            lost: outlet.lost,
        };
        let mail = self.account.as_ref().and(self.mailer.as_ref()).map(Mailer::snapshot);
        NoticeSnapshot { fifos: self.outlets.iter().map(fifo).collect(), mail }
    }

    /// Notes which FIFOs are ours. One that is not noted stays behind if we are killed, which does no harm.
    fn write_notes(&self) {
        let Some(notes) = &self.notes else { return };
        let mut text = String::new();
        for outlet in &self.outlets {
            if outlet.fifo.as_ref().is_some_and(Fifo::is_ours) {
                let _ = writeln!(text, "{}", outlet.config.path.display());
            }
        }
        let result = if text.is_empty() { std::fs::remove_file(notes) } else { std::fs::write(notes, text) };
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(file = %notes.display(), %error, "cannot note which FIFOs to remove");
            }
            _ => {}
        }
    }
}

impl Outlet {
    fn is_being_read(&self) -> bool {
        self.reader.is_some() && self.fifo.as_ref().is_some_and(|fifo| !fifo.is_drained())
    }

    fn end(self) {
        drop(self.reader);
        if let Some(fifo) = self.fifo {
            fifo.remove(&self.config.path);
        }
    }
}

/// Opens the FIFO of an outlet, if it is not open, or not the one at its path any more.
fn open(outlet: &mut Outlet, config: &FifoConfig, known: &[PathBuf]) -> Option<String> {
    let stands = outlet.config.owner == config.owner
        && outlet.fifo.as_ref().is_some_and(|fifo| fifo.is_at(&config.path));
    if stands {
        return None;
    }
    if let Some(fifo) = outlet.fifo.take() {
        // Another owner: ours is made anew.
        fifo.remove(&config.path);
    }
    match Fifo::open(config) {
        Ok(mut fifo) => {
            if known.contains(&config.path) {
                fifo.adopt();
            }
            outlet.fifo = Some(fifo);
            None
        }
        Err(error) => Some(format!("FIFO {}: {error}; its lines are lost", config.path.display())),
    }
}

/// Starts the script that reads the FIFO of an outlet, unless it runs already.
fn attend(outlet: &mut Outlet, config: &FifoConfig, policy: &ScriptPolicy) -> Option<String> {
    let same = outlet.config.reader == config.reader;
    if same && outlet.reader.as_ref().is_some_and(|(_, under)| under == policy) {
        return None;
    }
    outlet.reader = None;
    let script = config.reader.as_ref().filter(|_| outlet.fifo.is_some())?;
    match Runner::new(policy.clone()).prepare(script) {
        Ok(program) => {
            outlet.reader = Some((Reader::start(program, &config.path), policy.clone()));
            None
        }
        Err(why) => Some(format!("FIFO script {}: {why}", script.source)),
    }
}

fn read_notes(path: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests;
