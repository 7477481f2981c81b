//! The probes: the only part of health checking that does I/O. One call, one run of one check, within a bounded time.

mod connect;
mod http;
mod misc;
mod stream;
mod tls;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;

use lvsd_health::{CheckId, Due, Failure, Outcome};
use lvsd_model::{CheckKind, ScriptPolicy};

use misc::Programs;
use tls::Clients;

/// Why a run did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    /// The server's doing.
    Server(Failure),
    /// This host's: it says nothing about the server.
    Local(String),
}

impl Problem {
    fn server(cause: lvsd_health::Cause, detail: impl Into<String>) -> Self {
        Self::Server(Failure::new(cause, detail))
    }
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Server(failure) => Self::Failure(failure),
            Problem::Local(reason) => Self::Skipped { reason },
        }
    }
}

/// Runs checks, and keeps what is worth keeping between the runs of one check.
#[derive(Debug)]
pub(crate) struct Probes {
    programs: RefCell<Programs>,
    tls: Clients,
    /// Of checks with several urls, the one to begin with: that which failed last.
    first_url: RefCell<HashMap<CheckId, usize>>,
}

impl Probes {
    pub(crate) fn new(policy: ScriptPolicy) -> Self {
        Self {
            programs: RefCell::new(Programs::new(policy)),
            tls: Clients::default(),
            first_url: RefCell::default(),
        }
    }

    /// Forgets what was resolved for an earlier configuration: scripts and their users are looked up again.
    pub(crate) fn renew(&self, policy: ScriptPolicy) {
        *self.programs.borrow_mut() = Programs::new(policy);
        self.first_url.borrow_mut().clear();
    }

    /// Why the program of a check cannot be run on this host, if that is so. May read files.
    pub(crate) fn refusal(&self, kind: &CheckKind) -> Option<String> {
        match kind {
            CheckKind::Tcp(_) | CheckKind::Http(_) => None,
            CheckKind::Misc(check) => self.programs.borrow_mut().prepare(&check.script).err(),
        }
    }

    /// Runs a check once. Dropping the future abandons the run, a program's included.
    pub(crate) async fn run(&self, due: &Due) -> Outcome {
        match &due.check.kind {
            CheckKind::Tcp(target) => match connect::connect(target).await {
                Ok(_) => Outcome::SUCCESS,
                Err(problem) => problem.into(),
            },
            CheckKind::Misc(check) => {
                let program = self.programs.borrow_mut().prepare(&check.script);
                match program {
                    Ok(program) => misc::run(check, &program).await,
                    Err(reason) => Outcome::Skipped { reason },
                }
            }
            CheckKind::Http(check) => {
                let first = self.first_url.borrow().get(&due.id).copied().unwrap_or_default();
                match http::run(check, first, &self.tls).await {
                    Ok(()) => {
                        self.first_url.borrow_mut().remove(&due.id);
                        Outcome::SUCCESS
                    }
                    Err((url, problem)) => {
                        self.first_url.borrow_mut().insert(due.id, url);
                        problem.into()
                    }
                }
            }
        }
    }
}
