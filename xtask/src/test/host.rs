//! Test binaries run on this machine.

use super::{
    Skips,
    binaries::{Binaries, Binary, selection},
    environment,
    outcome::Outcome,
};
use lvsd_lab::{LabError, Program, sweep};
use std::time::{Duration, Instant};

/// Which tests of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tests {
    /// Those that anybody can run.
    Plain,
    /// Those that are ignored otherwise.
    Privileged,
}

impl Tests {
    /// Beyond this a binary hangs.
    fn limit(self) -> Duration {
        match self {
            Self::Plain => Duration::from_secs(300),
            Self::Privileged => Duration::from_secs(900),
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            // They mostly wait for elections, so more of them than there are cores.
            Self::Privileged => &["--ignored", "--test-threads=4"],
        }
    }
}

/// Runs tests of one binary whose names contain `filter`.
pub(super) fn run(
    binary: &Binary,
    binaries: &Binaries,
    tests: Tests,
    filter: &str,
    skips: &Skips<'_>,
) -> Outcome {
    let name = binary.name();
    let mut program = Program::new(&binary.path).args(tests.words()).directory(&binary.directory);
    if !filter.is_empty() {
        program = program.arg(filter);
    }
    for (variable, value) in environment(binary, binaries, &skips.log(&format!("{name}-{tests:?}"))) {
        program = program.env(variable, value);
    }
    let label = if tests == Tests::Privileged { format!("{name} (as root)") } else { name };
    judge(&label, &program, tests.limit())
}

/// Runs the examples in the documentation.
pub(super) fn run_doc_tests(packages: &[String], filter: &str) -> Outcome {
    let mut program = Program::new(env!("CARGO")).args(["test", "--doc"]).args(selection(packages));
    if !filter.is_empty() {
        program = program.arg(filter);
    }
    judge("documentation", &program, Tests::Privileged.limit())
}

/// Runs the program, reads its results, and prints one line, or all there is when something is wrong.
fn judge(name: &str, program: &Program<'_>, limit: Duration) -> Outcome {
    let start = Instant::now();
    let (output, is_success) = match run_logged(program, limit) {
        Ok(run) => run,
        Err(error) => {
            println!("{name}: {error}");
            // What a killed binary had set up is still there.
            sweep();
            return Outcome::failed(format!("{name}: not run to its end"));
        }
    };
    let mut outcome = Outcome::read(&output, name)
        .unwrap_or_else(|| Outcome::failed(format!("{name}: ended without a result")));
    if !is_success && outcome.failed == 0 {
        outcome.add(Outcome::failed(format!("{name}: ended badly")));
    }
    if outcome.failed > 0 {
        println!("{output}");
    }
    if outcome.passed + outcome.failed > 0 {
        println!("{name}: {} ({:.1} s)", outcome.closing_line(), start.elapsed().as_secs_f64());
    }
    outcome
}

fn run_logged(program: &Program<'_>, limit: Duration) -> Result<(String, bool), LabError> {
    let log = tempfile::NamedTempFile::new()
        .map_err(|source| LabError::Io { what: "make a temporary file".to_owned(), source })?;
    let mut process = program.spawn(log.path())?;
    let status = process.wait(limit)?;
    Ok((process.log(), status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program<'static> {
        Program::new("sh").args(["-c", script])
    }

    #[test]
    fn results_and_exit_status_must_agree() {
        let good = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";
        let limit = Duration::from_secs(60);
        assert_eq!(judge("s", &shell(good), limit).closing_line(), "2 passed, 0 failed");
        assert_eq!(
            judge("s", &shell(&format!("{good}; exit 1")), limit).closing_line(),
            "2 passed, 1 failed"
        );
        assert_eq!(judge("s", &shell("kill -9 $$"), limit).closing_line(), "0 passed, 1 failed");
    }

    #[test]
    fn a_hanging_binary_is_killed_and_counted() {
        let outcome = judge("s", &shell("sleep 600"), Duration::from_millis(50));
        assert_eq!(outcome.failures, ["s: not run to its end"]);
    }
}
