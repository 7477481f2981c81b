//! What CI runs. The tests come last, so that their closing count is the last line.

use crate::{Failure, generate, test};
use std::process::{Command, ExitCode};

/// Runs the checks in order and stops at the first that fails.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    if generate::run(generate::Mode::Check)? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    test::run(&test::Options::default())
}

fn cargo(words: &[&str], environment: &[(&str, &str)]) -> Result<(), Failure> {
    let line = format!("cargo {}", words.join(" "));
    println!("ci: {line}");
    let status = Command::new(env!("CARGO")).args(words).envs(environment.iter().copied()).status()?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}").into()) }
}
