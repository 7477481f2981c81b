//! `MISC_CHECK`: a program's exit status.

use std::collections::HashMap;
use std::io::ErrorKind;

use lvsd_health::{Cause, Outcome};
use lvsd_model::{MiscCheck, Script, ScriptPolicy, Weight};
use lvsd_script::{Outcome as End, Prepared, Runner};

/// The programs of a configuration, as far as they have been looked up.
#[derive(Debug)]
pub(super) struct Programs {
    runner: Runner,
    prepared: HashMap<Script, Prepared>,
}

impl Programs {
    pub(super) fn new(policy: ScriptPolicy) -> Self {
        Self { runner: Runner::new(policy), prepared: HashMap::new() }
    }

    /// The program, looked up once; one that was refused is looked up again the next time, for it may have come since.
    pub(super) fn prepare(&mut self, script: &Script) -> Result<Prepared, String> {
        if let Some(prepared) = self.prepared.get(script) {
            return Ok(prepared.clone());
        }
        let prepared = self.runner.prepare(script).map_err(|refused| refused.to_string())?;
        self.prepared.insert(script.clone(), prepared.clone());
        Ok(prepared)
    }
}

pub(super) async fn run(check: &MiscCheck, program: &Prepared) -> Outcome {
    outcome(check, program.run(&[], Some(check.timeout)).await)
}

fn outcome(check: &MiscCheck, end: End) -> Outcome {
    match end {
        End::Exited(0) => Outcome::SUCCESS,
        End::Exited(status @ 2..=255) if check.dynamic => Outcome::Success {
            weight: u32::try_from(status - 2).ok().and_then(|value| Weight::new(value).ok()),
        },
        End::Exited(status) => Outcome::failure(Cause::Exit, format!("status {status}")),
        End::Signalled(signal) => Outcome::failure(Cause::Signal, format!("signal {signal}")),
        End::TimedOut => {
            Outcome::failure(Cause::ScriptTimeout, format!("not done after {:?}", check.timeout))
        }
        // Out of processes or descriptors, or the file is just being replaced: nothing of that is the server's fault.
        End::SpawnFailed(error) if error.kind() == ErrorKind::NotFound => {
            Outcome::Skipped { reason: format!("{}: not found", check.script.source) }
        }
        End::SpawnFailed(error) => Outcome::Skipped { reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lvsd_model::Invocation;

    use super::*;

    fn check(dynamic: bool) -> MiscCheck {
        let script = Script {
            source: "check".into(),
            argv: vec!["check".into()],
            invocation: Invocation::Exec,
            run_as: None,
        };
        MiscCheck { script, timeout: Duration::from_secs(1), dynamic }
    }

    fn cause(outcome: &Outcome) -> Option<Cause> {
        match outcome {
            Outcome::Failure(failure) => Some(failure.cause),
            Outcome::Success { .. } | Outcome::Skipped { .. } => None,
        }
    }

    #[test]
    fn without_dynamic_only_status_0_is_success() {
        assert_eq!(outcome(&check(false), End::Exited(0)), Outcome::SUCCESS);
        for status in [1, 2, 255] {
            assert_eq!(cause(&outcome(&check(false), End::Exited(status))), Some(Cause::Exit), "{status}");
        }
    }

    #[test]
    fn with_dynamic_the_status_is_the_weight_and_two() {
        assert_eq!(outcome(&check(true), End::Exited(0)), Outcome::Success { weight: None });
        assert_eq!(cause(&outcome(&check(true), End::Exited(1))), Some(Cause::Exit));
        for (status, weight) in [(2, 0), (3, 1), (255, 253)] {
            let expected = Outcome::Success { weight: Weight::new(weight).ok() };
            assert_eq!(outcome(&check(true), End::Exited(status)), expected);
        }
    }

    #[test]
    fn a_program_that_cannot_be_run_says_nothing_about_the_server() {
        let end = End::SpawnFailed(std::io::Error::from_raw_os_error(nix::libc::EAGAIN));
        assert!(matches!(outcome(&check(true), end), Outcome::Skipped { .. }));
        assert_eq!(cause(&outcome(&check(true), End::Signalled(9))), Some(Cause::Signal));
        assert_eq!(cause(&outcome(&check(true), End::TimedOut)), Some(Cause::ScriptTimeout));
    }
}
