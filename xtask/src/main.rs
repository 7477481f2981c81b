//! Development tasks: `cargo xtask <task>`. Each task is a module with a `run` function; start reading there.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the developer")]

mod bench;
mod cargo;
mod ci;
mod demo;
mod fuzz;
mod generate;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What a task ends with when it cannot go on; it is only ever shown.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Development tasks of lvsd.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Shows the main job, step by step, on a LAN of namespaces.
    Demo(demo::Options),
    /// Measures lvsd beside keepalived, in one run.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
    /// Runs every test there is, and counts them.
    Test(test::Options),
    /// Runs what CI runs: formatting, lints, documentation, generated files, every test.
    Ci,
    /// Writes the checked-in files that are generated from the code.
    Gen {
        /// Only says which are not as they would be generated, and fails if there are any.
        #[arg(long)]
        check: bool,
    },
    /// Fuzzes the configuration language, step by step; needs cargo-fuzz.
    Fuzz(fuzz::Options),
    /// Installs what tests and demo need: Debian packages, guest kernel, the peer.
    Setup,
}

fn main() -> ExitCode {
    run(Cli::parse().task).unwrap_or_else(|failure| {
        eprintln!("xtask: {failure}");
        ExitCode::FAILURE
    })
}

fn run(task: Task) -> Result<ExitCode, Failure> {
    lvsd_lab::clean_up_when_interrupted()?;
    match task {
        Task::Demo(options) => demo::run(&options),
        Task::Bench { what } => bench::run(&what),
        Task::Test(options) => test::run(&options),
        Task::Ci => ci::run(),
        Task::Gen { check } => {
            let mode = if check { generate::Mode::Check } else { generate::Mode::Write };
            generate::run(mode)
        }
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Setup => setup(&lvsd_lab::setup::Part::ALL).map(|()| ExitCode::SUCCESS),
    }
}

/// Installs parts of the laboratory, telling what is going on.
fn setup(parts: &[lvsd_lab::setup::Part]) -> Result<(), Failure> {
    lvsd_lab::setup::ensure(parts, &|what| println!("setup: {what}")).map_err(Failure::from)
}
