//! Loading the kernel module, for those who want it loaded.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// Where the kernel itself would look for the program.
const KERNEL_SETTING: &str = "/proc/sys/kernel/modprobe";
/// Where it is if the kernel does not say.
const FALLBACK: &str = "/sbin/modprobe";
/// Longest wait; loading takes milliseconds, but a slow disk may be under it.
const LIMIT: Duration = Duration::from_secs(20);

/// Why the module could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The program could not be run.
    #[error("cannot run {program}: {source}")]
    Run {
        /// Its path.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program did not end.
    #[error("{program} ip_vs did not end within {LIMIT:?}")]
    Timeout {
        /// Its path.
        program: String,
    },
    /// The program reported failure.
    #[error("{program} ip_vs: {status}: {message}")]
    Failed {
        /// Its path.
        program: String,
        /// Its exit status.
        status: ExitStatus,
        /// What it wrote to its standard error.
        message: String,
    },
}

/// Runs `modprobe ip_vs` as root and waits for it. The schedulers' modules the kernel then loads itself when a service asks
/// for one.
///
/// [`Client::open`](super::Client::open) does not do this: whether a program may load kernel modules is for the program to
/// decide.
///
/// # Errors
/// When the program cannot be run, fails, or takes more than 20 seconds.
pub async fn load_module() -> Result<(), LoadError> {
    let setting = std::fs::read_to_string(KERNEL_SETTING).unwrap_or_default();
    let program = match setting.trim() {
        "" => FALLBACK,
        path => path,
    };
    run(program, LIMIT).await
}

async fn run(program: &str, limit: Duration) -> Result<(), LoadError> {
    let program = program.to_owned();
    let output = Command::new(&program).arg("ip_vs").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match tokio::time::timeout(limit, output).await {
        Err(_) => return Err(LoadError::Timeout { program }),
        Ok(Err(source)) => return Err(LoadError::Run { program, source }),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LoadError::Failed { program, status: output.status, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn a_program_that_fails_is_reported_with_its_status() {
        let error = block_on(run("/bin/false", LIMIT)).unwrap_err();
        assert!(matches!(error, LoadError::Failed { status, .. } if status.code() == Some(1)), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = block_on(run("/nonexistent/modprobe", LIMIT)).unwrap_err();
        assert!(error.to_string().starts_with("cannot run /nonexistent/modprobe"), "{error}");
    }

    #[test]
    fn success_is_silent() {
        block_on(run("/bin/true", LIMIT)).unwrap();
    }
}
