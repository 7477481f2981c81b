//! Runs administrators' scripts: user, security rules, process group, timeout.
//!
//! [`Runner::prepare`] does what depends on the host (users, paths, the security rules) once per script and plan; it reads
//! the file system and the user database, so it may block for a moment. [`Prepared::run`] then only starts the process
//! and waits for it, and is cheap enough for hundreds of runs per second.
//!
//! This crate must never decide what a result means; that is for whoever asked. Start reading at [`Runner`].

mod identity;
mod run;
mod secure;

#[cfg(test)]
mod tests;

pub use identity::NoUser;
pub use run::{FileProbe, KILL_AFTER, Outcome, Prepared};
pub use secure::{Flaw, Insecure};

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use nix::unistd::{Gid, Uid};

use lvsd_model::{Invocation, RunAs, Script, ScriptPolicy};

use crate::identity::Identity;
use crate::run::{Plan, Style};

/// The shell that runs commands with shell operators and text files without `#!`.
const SHELL: &str = "/bin/sh";

/// Where bare names are looked up when the daemon has no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a script cannot be run on this host.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No such program.
    #[error("{program}: {source}")]
    NotFound {
        /// The first word of the command.
        program: String,
        /// Why it cannot be reached.
        source: io::Error,
    },
    /// A bare name that is in no directory of PATH.
    #[error("{program}: not found in {path}")]
    NotInPath {
        /// The first word of the command.
        program: String,
        /// What was searched.
        path: String,
    },
    /// It is there, but not a regular file with an execute permission.
    #[error("{} is not an executable file", .0.display())]
    NotExecutable(PathBuf),
    /// The user or group cannot be had.
    #[error(transparent)]
    User(#[from] NoUser),
    /// `enable_script_security`: others could change what root would run.
    #[error("SECURITY VIOLATION: {0}")]
    Insecure(Insecure),
}

/// Who a user and group of a configuration are on this host, whether this process could become them or not.
///
/// # Errors
/// [`NoUser`]: unknown here, or the user database gives no answer.
pub fn resolve_user(run_as: &RunAs) -> Result<(Uid, Gid), NoUser> {
    Identity::lookup(run_as).map(|found| (found.uid, found.gid))
}

/// Prepares and runs the scripts of one plan.
#[derive(Clone, Debug)]
pub struct Runner {
    policy: ScriptPolicy,
}

impl Runner {
    /// A runner that follows `policy`.
    #[must_use]
    pub const fn new(policy: ScriptPolicy) -> Self {
        Self { policy }
    }

    /// Resolves user and program of a script, and checks it by the security rules.
    ///
    /// A violation that is not enforced is logged, and the script can be run all the same.
    ///
    /// # Errors
    /// [`Refused`]: the script can never run as things are.
    pub fn prepare(&self, script: &Script) -> Result<Prepared, Refused> {
        let identity = self.identity(script.run_as.as_ref())?;
        let plan = match script.invocation {
            Invocation::Shell => self.shell_command(script, identity)?,
            Invocation::Exec => self.program(script, identity)?,
        };
        if let Some(insecure) = &plan.insecure {
            tracing::warn!(
                "SECURITY VIOLATION: {insecure}; it runs because enable_script_security is not set"
            );
        }
        Ok(Prepared { plan: Arc::new(plan) })
    }

    /// script > `script_user` > `keepalived_script` > (without enforcement) whoever the daemon is.
    fn identity(&self, own: Option<&RunAs>) -> Result<Identity, NoUser> {
        if let Some(named) = own.or(self.policy.default_user.as_ref()) {
            return Identity::named(named);
        }
        match Identity::well_known()? {
            Some(identity) => Ok(identity),
            None if self.policy.enforce_security => Err(NoUser::NoDefault),
            None => Ok(Identity::daemon()),
        }
    }

    /// The supplementary groups of a script.
    fn groups(&self, identity: &Identity) -> Result<Vec<Gid>, NoUser> {
        if self.policy.all_groups { identity.groups() } else { Ok(Vec::new()) }
    }

    fn program(&self, script: &Script, identity: Identity) -> Result<Plan, Refused> {
        let name = script.argv.first().map(String::as_str).unwrap_or_default();
        let configured = locate(name)?;
        let (resolved, insecure) = self.checked(&configured, name, &identity)?;
        let text = is_text_without_interpreter(&resolved);
        let path = if self.policy.keep_symlink_paths { configured } else { resolved };
        let rest = script.argv.iter().skip(1).cloned();
        let (style, program, args) = if text {
            let file = path.to_string_lossy().into_owned();
            (Style::Words, PathBuf::from(SHELL), std::iter::once(file).chain(rest).collect())
        } else {
            (Style::Words, path, rest.collect())
        };
        let arg0 = if text { SHELL.to_owned() } else { name.to_owned() };
        Ok(Plan {
            style,
            program,
            arg0,
            args,
            identity,
            groups: self.groups(&identity)?,
            source: script.source.clone(),
            insecure,
            stuck: AtomicUsize::new(0),
        })
    }

    /// A shell command is checked by its words: each that names a program is one the shell would run.
    fn shell_command(&self, script: &Script, identity: Identity) -> Result<Plan, Refused> {
        let mut insecure = None;
        for (index, word) in script.argv.iter().enumerate() {
            let program = if word.starts_with('/') {
                Some(PathBuf::from(word))
            } else if index == 0 {
                // What is in no directory of PATH may be built into the shell.
                locate(word).ok()
            } else {
                None
            };
            if let Some(path) = program.filter(|path| is_executable(path)) {
                insecure = insecure.or(self.checked(&path, word, &identity)?.1);
            }
        }
        Ok(Plan {
            style: Style::ShellLine,
            program: PathBuf::from(SHELL),
            arg0: SHELL.to_owned(),
            args: vec!["-c".to_owned()],
            identity,
            groups: self.groups(&identity)?,
            source: script.source.clone(),
            insecure,
            stuck: AtomicUsize::new(0),
        })
    }

    /// The path with all symbolic links resolved, if the program behind it may be run; and what is wrong with it all the
    /// same.
    fn checked(
        &self,
        path: &Path,
        name: &str,
        identity: &Identity,
    ) -> Result<(PathBuf, Option<Insecure>), Refused> {
        let walk =
            secure::walk(path).map_err(|source| Refused::NotFound { program: name.to_owned(), source })?;
        if !walk.executable {
            return Err(Refused::NotExecutable(walk.resolved));
        }
        let flaw = walk.flaw.filter(|_| identity.is_root() || walk.setuid_root);
        let insecure = flaw.map(|flaw| Insecure { script: path.to_owned(), flaw });
        match insecure {
            Some(insecure) if self.policy.enforce_security => Err(Refused::Insecure(insecure)),
            insecure => Ok((walk.resolved, insecure)),
        }
    }
}

/// The absolute path of a program as configured: bare names through PATH, relative ones from here.
fn locate(name: &str) -> Result<PathBuf, Refused> {
    if name.contains('/') {
        return std::path::absolute(name)
            .map_err(|source| Refused::NotFound { program: name.to_owned(), source });
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned());
    std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute() && !name.is_empty())
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
        .ok_or_else(|| Refused::NotInPath { program: name.to_owned(), path })
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Whether execve would refuse the file although a shell could run it. An unreadable file is left to execve.
fn is_text_without_interpreter(path: &Path) -> bool {
    use std::io::Read;
    let mut start = Vec::with_capacity(128);
    let read = std::fs::File::open(path).and_then(|file| file.take(128).read_to_end(&mut start));
    read.is_ok() && !start.starts_with(b"#!") && !start.contains(&0)
}
