//! The operator's client: what people ask about a configuration before they load it, and of a daemon that runs.
//!
//! Every answer comes from the code that the daemon itself uses: the front end of `lvsd-config`, the check of `lvsd`. This
//! crate must never judge a configuration by rules of its own. Start reading at [`main`]; `cli` is the command line, and
//! each command is a module.

mod check;
mod cli;
mod compare;
mod daemon;
mod events;
mod fmt;
mod keywords;
mod manual;
mod radar;
mod reading;
mod record;
mod reload;
mod show;
mod simulate;
mod status;
mod when;
mod why;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use show::schema;

use crate::cli::{Cli, Command, Show};

/// The whole program, for its `main`.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let status = if error.use_stderr() { Status::FAILED } else { Status::GOOD };
            // Who does not listen does not change it.
            let _ = error.print();
            return status.into();
        }
    };
    let done = obey(cli.command, &mut io::stdout().lock());
    let status = done.unwrap_or_else(|failure| {
        let _ = writeln!(io::stderr(), "lvsctl: {failure}");
        failure.status()
    });
    status.into()
}

/// The command line as clap knows it; for completions and for the manual.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// The commands section of lvsctl(8), as mdoc.
#[must_use]
pub fn manual_section() -> String {
    manual::section(&command())
}

fn obey(command: Command, out: &mut impl Write) -> Result<Status, Failure> {
    match command {
        Command::Check(wanted) => Ok(check::check(&wanted)),
        Command::Compare(wanted) => compare::print(&wanted, out),
        Command::Fmt(wanted) => fmt::run(&wanted, out),
        Command::Keywords(wanted) => keywords::print(&wanted, out),
        Command::Status(wanted) => status::print(&wanted, out),
        Command::Events(wanted) => events::print(&wanted, out),
        Command::Why(wanted) => why::print(&wanted, out),
        Command::Radar(wanted) => radar::print(&wanted, out),
        Command::Record(wanted) => record::record(&wanted, out),
        Command::Replay(wanted) => record::play(&wanted, out),
        Command::Reload(wanted) => reload::run(&wanted, out),
        Command::Simulate(wanted) => simulate::run(&wanted, out),
        Command::Genhash(wanted) => Ok(Status(lvsd::genhash::run(&wanted, out))),
        Command::Show { what: Show::Config(wanted) } => show::print(&wanted, out),
    }
}

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status(u8);

impl Status {
    /// Done; nothing to remark.
    const GOOD: Self = Self(0);
    /// The question has the other answer: they differ, it would change, there is none.
    const OTHERWISE: Self = Self(1);
    /// It could not be done.
    const FAILED: Self = Self(2);
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.0)
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{path}: {source}")]
    Layout { path: String, source: lvsd_config::Unformattable },
    #[error("no daemon is reached at {path}: {source}")]
    Socket { path: String, source: io::Error },
    #[error("the daemon: {0}")]
    Daemon(String),
    #[error("{0}")]
    Absent(String),
    #[error("{what}: {source}")]
    Recording { what: String, source: lvsd_vrrp::tape::NoRecording },
    #[error("{0}")]
    Usage(String),
    #[error("{0} is not usable; see lvsctl check {0}")]
    Unusable(String),
}

impl Failure {
    const fn status(&self) -> Status {
        match self {
            Self::Absent(_) => Status::OTHERWISE,
            Self::Output(_)
            | Self::Json(_)
            | Self::File { .. }
            | Self::Layout { .. }
            | Self::Socket { .. }
            | Self::Daemon(_)
            | Self::Recording { .. }
            | Self::Usage(_)
            | Self::Unusable(_) => Status::FAILED,
        }
    }
}
