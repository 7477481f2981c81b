//! The daemon: command line, supervision, metrics, logging, systemd, dumps.
//!
//! The supervisor reads the configuration, starts the children with their plans, watches them, reloads, and tells the world
//! how things are. It must never touch an address, a real server or the IPVS table itself, and nothing that a scraper, a
//! logger or a service manager does may hold it up. Only this process opens configuration files.
//!
//! Start reading at [`main`]; `policy` decides, `driver` does.

mod board;
mod check;
mod cli;
pub mod control;
mod driver;
mod dump;
pub mod genhash;
mod host;
mod http;
mod loader;
mod logging;
mod metrics;
mod observation;
mod pidfile;
mod plan;
mod policy;
mod role;
mod roles;
mod runtime_dir;
mod signals;
mod start;
mod systemd;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

pub use loader::reading_options;
pub use metrics::manual_section;

use crate::cli::{Cli, Misuse};

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The command line as clap knows it; for completions.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Every option of the command line, as `-x` and `--long`; for the manual and for completions.
#[must_use]
pub fn options() -> Vec<String> {
    cli::options()
}

/// The whole program, for its `main`.
#[must_use]
pub fn main() -> ExitCode {
    // What started us may have blocked signals, which lasts across exec: then nothing could stop or reload us.
    lvsd_net::child::disinherit();
    if let Some(role) = std::env::args_os().next().and_then(|name| role::of_name(&name)) {
        return role::enter(role);
    }
    if let Some(words) = genhash::words(std::env::args_os()) {
        return ExitCode::from(genhash::main(words));
    }
    match Cli::read(std::env::args_os()) {
        Ok(cli) => obey(&cli),
        Err(Misuse::Help(text)) => say(std::io::stdout(), &text, 0),
        Err(Misuse::Wrong(text)) => say(std::io::stderr(), &text, 1),
    }
}

/// Checks a configuration as `lvsd --config-test` does, and gives its exit status. `words` are options of the daemon's.
#[must_use]
pub fn check(words: Vec<OsString>) -> u8 {
    match Cli::read(std::iter::once("lvsd".into()).chain(words)) {
        Ok(cli) => check::check(&cli, cli.config_test.as_ref().and_then(|output| output.as_deref())),
        Err(Misuse::Help(text) | Misuse::Wrong(text)) => {
            // Who does not listen does not change it.
            let _ = std::io::stderr().write_all(text.as_bytes());
            1
        }
    }
}

fn obey(cli: &Cli) -> ExitCode {
    if cli.version {
        return say(std::io::stderr(), &format!("lvsd {VERSION}\n"), 0);
    }
    if cli.genhash {
        return say(std::io::stderr(), "--genhash must be the first argument\n", 1);
    }
    if let Some(name) = &cli.signum {
        return match signals::number(name) {
            Some(number) => say(std::io::stdout(), &format!("{number}\n"), 0),
            None => say(std::io::stderr(), &format!("unknown signal name {name}\n"), 1),
        };
    }
    match &cli.config_test {
        Some(output) => ExitCode::from(check::check(cli, output.as_deref())),
        None => start::start(cli),
    }
}

/// Writes a text and gives the exit status; who does not listen does not change it.
fn say(mut to: impl Write, text: &str, status: u8) -> ExitCode {
    let _ = to.write_all(text.as_bytes());
    ExitCode::from(status)
}
