//! The probes: the only part of health checking that does I/O. One call, one run of one check, within a bounded time.

pub(crate) mod bfd;
mod connect;
mod datagram;
mod dns;
mod file;
mod http;
mod identity;
mod misc;
mod ping;
mod regex;
mod smtp;
mod stream;
mod tls;
mod udp;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;

use lvsd_health::{CheckId, Due, Failure, Outcome};
use lvsd_model::{CheckKind, DigestMd5, HttpCheck, ScriptPolicy, TlsClient};

use misc::Programs;
use regex::Regexes;
use tls::Clients;

use crate::fetch::Piece;

/// Why a run did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
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

/// The result of a run as its outcome.
trait IntoOutcome {
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Result<(), Problem> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(Outcome::from, |()| Outcome::SUCCESS)
    }
}

/// The longest text of a server that is passed on.
const MAX_QUOTE: usize = 80;

/// What a server said, fit for a log: one line, not long, nothing but printable ASCII.
fn quote(bytes: &[u8]) -> String {
    let printable = |&byte: &u8| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '?' };
    let text: String = bytes.trim_ascii().iter().take(MAX_QUOTE).map(printable).collect();
    if bytes.trim_ascii().len() > MAX_QUOTE { text + "..." } else { text }
}

/// The digest of a check's first url; see [`crate::fetch::digest`].
pub(crate) async fn digest(check: &HttpCheck, see: &mut impl FnMut(Piece<'_>)) -> Result<DigestMd5, Problem> {
    http::digest(check, &Clients::default(), see).await
}

/// Runs checks, and keeps what is worth keeping between the runs of one check.
#[derive(Debug)]
pub(crate) struct Probes {
    programs: RefCell<Programs>,
    tls: Clients,
    regexes: Regexes,
    /// How BFD sessions are.
    pub(crate) sessions: bfd::Sessions,
    /// Of checks with several urls, the one to begin with: that which failed last.
    first_url: RefCell<HashMap<CheckId, usize>>,
}

impl Probes {
    pub(crate) fn new(policy: ScriptPolicy) -> Self {
        Self {
            programs: RefCell::new(Programs::new(policy)),
            tls: Clients::default(),
            regexes: Regexes::default(),
            sessions: bfd::Sessions::default(),
            first_url: RefCell::default(),
        }
    }

    /// Forgets what was resolved for an earlier configuration: scripts and their users are looked up again.
    pub(crate) fn renew(&self, policy: ScriptPolicy, tls: TlsClient) {
        self.tls.renew(tls);
        *self.programs.borrow_mut() = Programs::new(policy);
        self.first_url.borrow_mut().clear();
        self.regexes.clear();
        self.sessions.renew();
    }

    /// Why `SSL` cannot be done as written, if that is so. Reads files.
    pub(crate) fn refused_certificates(&self) -> Option<String> {
        self.tls.refusal()
    }

    /// Why the program of a check cannot be run on this host, if that is so. May read files.
    pub(crate) fn refusal(&self, kind: &CheckKind) -> Option<String> {
        match kind {
            CheckKind::Misc(check) => self.programs.borrow_mut().prepare(&check.script).err(),
            _ => None,
        }
    }

    /// Runs a check once. Dropping the future abandons the run, a program's included.
    pub(crate) async fn run(&self, due: &Due) -> Outcome {
        match &due.check.kind {
            CheckKind::Tcp(target) => connect::connect(target).await.map(drop).into_outcome(),
            CheckKind::Ping(target) => ping::run(target).await.into_outcome(),
            CheckKind::Udp(check) => udp::run(check).await.into_outcome(),
            CheckKind::Smtp(check) => smtp::run(check).await.into_outcome(),
            CheckKind::Dns(check) => dns::run(check).await.into_outcome(),
            CheckKind::File(check) => file::run(check).await,
            CheckKind::Bfd(check) => self.sessions.run(due.id, &check.session).await,
            CheckKind::Misc(check) => {
                let program = self.programs.borrow_mut().prepare(&check.script);
                match program {
                    Ok(program) => misc::run(check, &program).await,
                    Err(reason) => Outcome::Skipped { reason },
                }
            }
            CheckKind::Http(check) => {
                let first = self.first_url.borrow().get(&due.id).copied().unwrap_or_default();
                match http::run(check, first, &self.tls, &self.regexes).await {
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
