//! Asks a web server for one page, as a check would, for whoever wants to see it: `lvsctl genhash`.

use std::fmt::Write;

use hyper::http::response::Parts;
use lvsd_model::{DigestMd5, HttpCheck};

use crate::probe::{self, Problem};

/// What comes of an answer, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The status line and the header fields, a line each.
    Head(&'a str),
    /// A part of the content, as the digest is made of it.
    Content(&'a [u8]),
}

/// Why there is no digest.
#[derive(Debug, thiserror::Error)]
pub enum Unfetched {
    /// The server or the way to it.
    #[error("{0}")]
    Server(lvsd_health::Failure),
    /// This host.
    #[error("{0}")]
    Local(String),
}

impl From<Problem> for Unfetched {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Server(failure) => Self::Server(failure),
            Problem::Local(reason) => Self::Local(reason),
        }
    }
}

/// Asks for the first url of a check, whatever status it has, and makes the digest that a check with these settings makes.
/// `see` gets the answer as it comes; nothing of it is kept. Blocks, at most twice the timeout of the check's target, and must be
/// called outside a tokio runtime.
///
/// # Errors
/// [`Unfetched`].
pub fn digest(check: &HttpCheck, mut see: impl FnMut(Piece<'_>)) -> Result<DigestMd5, Unfetched> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Unfetched::Local(error.to_string()))?;
    Ok(runtime.block_on(probe::digest(check, &mut see))?)
}

/// A head as text.
pub(crate) fn head(parts: &Parts) -> String {
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut text = format!("{:?} {} {reason}\n", parts.version, parts.status.as_str());
    for (name, value) in &parts.headers {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text
}
