//! What can go wrong in the laboratory.

use std::{io, path::PathBuf, time::Duration};

/// Result of a laboratory operation.
pub type Result<T, E = LabError> = std::result::Result<T, E>;

/// A failure of the laboratory itself, or of something it waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A system call or file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A command ended with another status than 0.
    #[error("`{command}` ended with {status}:\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// Both of its output streams.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what}: not within {within:?}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        within: Duration,
    },
    /// The guest kernel ended without telling the status of its command.
    #[error("the guest kernel stopped before its command ended; its console: {console}")]
    Guest {
        /// The last lines of the guest's console.
        console: String,
    },
    /// A program or file that [`crate::setup`] or a build provides is not there.
    #[error("{path} is not there: {advice}", path = path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// How to get it.
        advice: &'static str,
    },
    /// Output of a tool was not in the form it is known to have.
    #[error("cannot understand {what}: {text:?}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// The text itself.
        text: String,
    },
}

/// Adds what was being done to an error of the operating system.
pub(crate) trait Context<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| LabError::Io { what: what(), source: source.into() })
    }
}
